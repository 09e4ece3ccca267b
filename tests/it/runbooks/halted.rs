//! A run failed mid-phase, what now: the log, the phase, the playbook, the cause, and then on or back. Every command as it is
//! typed on a host without recipes.

use crate::support::{Host, Scene, Service, Trouble};

use super::guarded;

#[test]
fn where_it_stopped_stands_in_the_last_lines_of_its_log_and_it_goes_on_from_there() {
    let host = guarded();
    let page = host.root().join("run/wikijs/www/healthz");
    host.script("1234", "theme", &format!("rm {}", page.display()));
    host.ships("1234", "wikijs", "2");

    // Release: its failure names what failed, how to go back, and how to go on.
    host.run(["run", "1234"]).exits(1).shows("✗ http-health: HTTP 404 (wikijs)").shows_in_order(&[
        "release-run failed in phase verify. To roll back:",
        "holdpoint revert 1234",
        "holdpoint run 1234 --from=verify",
    ]);

    // Step 1: the tail of its log, and its state.
    let log = host.log("1234");
    let tail: Vec<&str> = log.lines().rev().take(10).collect();
    assert!(tail.iter().any(|line| line.contains("phase=verify event=failed rc=")), "{tail:#?}");
    for key in ["BASE_SHA", "MERGE_SHA", "SERVICES", "BACKUPS"] {
        assert!(!host.state("1234", key).is_empty(), "{key}");
    }
    host.run(["log", "1234"]).exits(0).shows("failed");
    host.run(["state", "1234"]).exits(0).shows("1234@1").shows("failed");

    // Step 2 and 3: what the phase means, and the playbook.
    host.run(["status", "wikijs"]).exits(0).shows("wikijs");
    host.run(["logs", "wikijs"]).exits(0);
    host.run(["playbook", "match", "1234"]);
    host.run(["diagnose", "1234"])
        .exits(0)
        .shows("verify")
        .shows("holdpoint logs wikijs")
        .shows("recommended");

    // Step 4: still unwell is no race. The cause is mended; then it is one.
    host.repair("wikijs");
    host.run(["diagnose", "1234"]).exits(0).shows("a race").shows("recommended rerun");
    // Step 5.
    host.run(["run", "1234", "--from=verify"]).exits(0);
    assert_eq!(host.state("1234", "STATUS"), "succeeded");
}

#[test]
fn what_stops_prepare_says_so_in_the_words_that_are_grepped_for() {
    let host = Host::new();
    host.ships("1200", "wikijs", "2");
    host.run(["run", "1200"]).exits(0);
    host.ships("1234", "wikijs", "3");
    host.write("notes.txt", "work in progress\n");
    host.run(["run", "1234"])
        .exits(4)
        .shows("[ERROR] Working tree is dirty. Commit, stash or discard before release.")
        .shows("git status")
        .shows("notes.txt");
    assert!(host.record("1234", "event=failed").contains("reason=tree-dirty"));
    std::fs::remove_file(host.prod().join("notes.txt")).unwrap();

    // Somebody pulled beforehand.
    let before = host.head();
    host.git(["pull", "-q"]).exits(0);
    host.run(["run", "1234"])
        .exits(4)
        .shows("[ERROR] already up-to-date with origin/main — nothing to release")
        .shows(&format!("git reset --hard {before}"));
    host.git(["reset", "-q", "--hard", &before]).exits(0);
    host.run(["run", "1234"]).exits(0);
    host.run(["run", "1235"]).exits(5).shows("nothing to release");
}

#[test]
fn what_stops_migrate_and_ticket_has_its_playbook_and_is_taken_back() {
    let host = Scene::new().service(Service::new("wikijs").deadline("600ms")).build();
    host.trouble("wikijs", Trouble::PullDenied, Some("wikijs:2"));
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"])
        .exits(1)
        .shows("pull access denied")
        .shows("release-run failed in phase migrate");
    host.run(["playbook", "match", "1234"]).exits(0).shows("release-image-pull-denied");
    host.run(["playbook", "show", "release-image-pull-denied"]).exits(0);
    host.run(["diagnose", "1234"]).exits(0).shows("recommended revert").shows("holdpoint revert 1234");
    host.run(["revert", "1234", "--yes"]).exits(0);
    host.run(["revert", "1234", "--yes"]).exits(0).shows("already reverted");
    assert_eq!(host.image("wikijs"), "wikijs:1");

    // A stale key, in a ticket script: its playbook; mended, it starts again from its first line.
    let host = Host::new();
    let key = host.root().join("key");
    let body = format!(
        "if [ ! -e {} ]; then echo '[WIKIJS] ERROR: could not read theming config: Forbidden' >&2; exit 1; fi",
        key.display()
    );
    host.script("1235", "theme", &body);
    host.ships("1235", "wikijs", "2");
    host.run(["run", "1235"]).exits(1).shows("release-run failed in phase ticket").shows("Forbidden");
    host.run(["playbook", "match", "1235"]).exits(0).shows("release-api-key-forbidden");
    std::fs::write(&key, "").unwrap();
    host.run(["run", "1235", "--from=verify"]).exits(4).shows("phase-not-done").shows("--from=ticket");
    host.run(["run", "1235", "--from=ticket"]).exits(0);
}

#[test]
fn a_failure_that_no_playbook_knows_becomes_one() {
    let host = Host::new();
    host.script("1234", "theme", "echo 'column theme does not exist in table pages' >&2\nexit 3");
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(1);
    host.run(["diagnose", "1234"]).exits(0).shows("holdpoint playbook new --from 1234");
    host.run(["playbook", "new", "--from", "1234"])
        .exits(0)
        .shows("symptom:")
        .shows("column theme does not exist")
        .shows("recovery/playbooks/release-");
    host.run(["playbook", "lint"]).exits(0);
    host.run(["close", "1234", "--reason", "mended by hand"]).exits(0);
}
