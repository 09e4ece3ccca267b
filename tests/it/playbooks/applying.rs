//! `playbook run --apply`: what a playbook does now, through the engine, and what stays open.

use super::{asks, playbook};
use crate::support::{Host, Scene, Service};

fn host(adhoc: &str) -> Host {
    let missing = playbook("release-theme-missing", "no themes", &asks("test -e themes", "rc=1"), adhoc);
    let script = "packages/wikijs/theme.sh";
    Scene::new()
        .service(Service::new("wikijs"))
        .file(&missing.0, &missing.1)
        .file(script, "main() { true; }\n")
        .build()
}

fn failed(host: &Host) {
    host.script("1234", "theme", "test -e themes || { echo no themes; exit 1; }");
    host.push();
    host.run(["run", "1234"]).exits(1).shows("release-theme-missing (strong match)");
}

const APPLY: [&str; 6] = ["playbook", "run", "release-theme-missing", "--ticket", "1234", "--apply"];

#[test]
fn nothing_is_done_without_a_yes() {
    let host = host("['touch themes']");
    failed(&host);
    host.run(APPLY).exits(2).shows("add `--yes`");
    host.run(APPLY.into_iter().chain(["--dry-run"])).exits(0).shows("touch themes");
    assert!(!host.prod().join("themes").exists());
    let mut asked = host.at_terminal(APPLY);
    asked.sees("Go ahead? [y/N]");
    asked.presses("n\n");
    asked.ends().exits(4);
    assert!(!host.prod().join("themes").exists());
}

#[test]
fn each_command_is_recorded_the_proof_runs_and_the_cause_stays_open_until_the_file_is_repaired() {
    let host = host("['touch themes', 'echo two']");
    failed(&host);
    host.run(APPLY.into_iter().chain(["--yes"]))
        .exits(0)
        .shows("$ touch themes")
        .shows("$ echo two")
        .shows("the cause is still open")
        .shows("packages/wikijs/theme.sh:main")
        .shows("Make the folder before it is used.")
        .shows("holdpoint close 1234 --cause");
    let audit = host.read(".asd/workspace/audit.log");
    for step in ["playbook.1", "playbook.2", "playbook.verify.1"] {
        assert!(
            audit.contains("event=step-done") && audit.contains(&format!("step={step}")),
            "{step}\n{audit}"
        );
    }
    assert!(audit.contains("verb=playbook"), "{audit}");
    let log = host.log("1234");
    assert!(
        log.contains("event=cause")
            && log.contains("cause=open")
            && log.contains("playbook=release-theme-missing"),
        "{log}"
    );
    assert_eq!(host.state("1234", "STATUS"), "failed", "a remedy never closes a failure");
    host.run(["state", "1234"])
        .exits(0)
        .shows("its cause is open: release-theme-missing: packages/wikijs/theme.sh");
    host.write(".git/info/exclude", "/.asd/workspace/\n/themes\n");
    host.run(["run", "1234", "--from=ticket"]).exits(0);
    host.run(["state", "1234"]).exits(0).shows("its cause is open");
    // A later release touches the file.
    host.commit("1235", &[("packages/wikijs/theme.sh", "main() { mkdir -p themes; }\n")]);
    host.push();
    host.run(["run", "1235"]).exits(0);
    host.run(["state", "1234"]).exits(0).hides("its cause is open");
    host.run(["log", "1234", "--verify"]).exits(0);
}

#[test]
fn a_person_says_how_the_cause_was_closed() {
    let host = host("['touch themes']");
    failed(&host);
    host.run(["close", "1234", "--cause", "none is open"]).exits(2).shows("has no open cause");
    host.run(APPLY.into_iter().chain(["--yes"])).exits(0);
    host.run(["close", "1234", "--cause", "the folder is in the image now", "--dry-run"]).exits(0);
    host.run(["state", "1234"]).exits(0).shows("its cause is open");
    host.run(["close", "1234", "--cause", "the folder is in the image now"])
        .exits(0)
        .shows("its cause is closed");
    host.run(["state", "1234"]).exits(0).hides("its cause is open");
    assert_eq!(host.state("1234", "STATUS"), "failed");
    assert!(host.log("1234").contains("the folder is in the image now"));
}

#[test]
fn nothing_goes_on_after_a_command_that_failed() {
    let host = host("['sh -c \"echo broken; exit 9\"', 'touch themes']");
    failed(&host);
    host.run(APPLY.into_iter().chain(["--yes"]))
        .exits(1)
        .shows("exited 9")
        .shows("holdpoint playbook run release-theme-missing --ticket 1234")
        .shows("the cause is still open");
    assert!(!host.prod().join("themes").exists());
    assert!(!host.read(".asd/workspace/audit.log").contains("step=playbook.2"));
}

#[test]
fn a_block_is_run_whole_and_ends_at_its_first_failure() {
    let host = host(
        "|\n      # make it\n      for one in a b; do\n        touch \"made-$one\"\n      done\n      false\n      touch late",
    );
    failed(&host);
    host.run(APPLY.into_iter().chain(["--yes"])).exits(1);
    assert!(host.prod().join("made-b").exists() && !host.prod().join("late").exists());
}

#[test]
fn verbs_of_ours_are_left_to_be_typed() {
    let host = host(
        "|\n      # make it, then go on\n      touch themes\n      holdpoint run {{ticket}} --from=ticket",
    );
    failed(&host);
    host.run(APPLY.into_iter().chain(["--yes"]))
        .exits(0)
        .shows("then:\n    holdpoint run 1234 --from=ticket");
    assert_eq!(host.state("1234", "STATUS"), "failed");
    host.run(["run", "1234", "--from=ticket"]).exits(4).shows("tree-dirty");
}

#[test]
fn what_is_not_confirmed_needs_a_reason() {
    let host = host("['echo done >out/done']");
    failed(&host);
    host.write("themes", "");
    host.run(APPLY.into_iter().chain(["--yes"])).exits(4).shows("✗ reason-required:").shows("--reason");
    host.run(APPLY.into_iter().chain(["--yes", "--reason", "it was moved", "--dry-run"])).exits(0);
}
