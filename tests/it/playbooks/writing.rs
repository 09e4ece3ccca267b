//! `playbook new`, `lint` and `test`: how a playbook comes into being.

use super::{asks, playbook};
use crate::support::{Host, Scene, Service};

#[test]
fn a_draft_becomes_a_playbook_that_knows_the_failure() {
    let host = Host::new();
    host.script("1234", "theme", "echo 'Error: zwiebelfisch 17 in the lead' >&2; exit 3");
    host.push();
    host.run(["run", "1234"]).exits(1);
    host.run(["playbook", "match", "1234"]).exits(5);
    let drafted = host.run(["playbook", "new", "--from", "1234"]).exits(0);
    drafted
        .shows("+++ b/recovery/playbooks/release-1234-")
        .shows("Error: zwiebelfisch 17 in the lead")
        .shows("is kept in .asd/workspace/drafts/");
    assert_eq!(host.git(["status", "--porcelain"]).exits(0).stdout, "", "the host's tree stays clean");
    assert!(host.read(".asd/workspace/audit.log").contains("event=wrote"));
    host.run(["playbook", "new", "--from", "1234", "--dry-run"]).exits(0).hides("is kept in");

    let dev = host.dev().display().to_string();
    host.types(&format!("holdpoint playbook new --from 1234 | git -C {dev} apply")).exits(0);
    let file = host.types(&format!("ls {dev}/recovery/playbooks")).exits(0).stdout;
    assert_eq!(file.trim(), "release-1234-theme.yaml");
    host.types(&format!("cp -r {dev}/recovery .")).exits(0);
    host.run(["playbook", "match", "1234"]).exits(0).shows("strong match release-1234-theme");
    host.run(["playbook", "lint"]).exits(6).shows("still says `TODO`").shows("release-1234-theme.yaml:");
    host.run(["playbook", "test", "release-1234-theme"])
        .exits(6)
        .shows("1 of 2 samples")
        .hides("matches weakly");
}

#[test]
fn a_draft_needs_a_failure() {
    let host = Host::new();
    host.run(["playbook", "new", "--from", "1234"]).exits(4);
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(0);
    host.run(["playbook", "new", "--from", "1234"]).exits(2).shows("has not failed");
}

fn tested(output: &str, samples: &[(&str, &str)]) -> Host {
    let (path, text) = playbook("release-theme-missing", output, &asks("true", "rc=0"), "['true']");
    let scene = Scene::new().service(Service::new("wikijs")).file(&path, &text);
    samples
        .iter()
        .fold(scene, |scene, (path, text)| scene.file(&format!("recovery/samples/{path}"), text))
        .build()
}

const GOOD: [(&str, &str); 3] = [
    (
        "release-theme-missing/one.txt",
        "playbook: release-theme-missing\nphase: ticket\nrc: 1\n\nno themes here\n",
    ),
    ("release-theme-missing/two.txt", "playbook: release-theme-missing\n\nError: no themes\n"),
    ("none/calm.txt", "playbook: none\n\nall is well\n"),
];

#[test]
fn recorded_failures_are_held_against_the_playbooks() {
    let host = tested("no themes", &GOOD);
    host.run(["playbook", "test"]).exits(0).shows("3 samples, nothing is wrong");
    host.run(["playbook", "lint"]).exits(0);
    let answer = host.run(["playbook", "test", "--json"]).exits(0).json();
    assert_eq!((answer["samples"].as_u64(), answer["findings"].as_array().map(Vec::len)), (Some(3), Some(0)));
    host.run(["playbook", "test", "release-nothing"]).exits(2);
    Host::new().run(["playbook", "test"]).exits(5).shows("nothing to test");
}

#[test]
fn a_planted_fault_in_a_sample_or_a_playbook_is_found() {
    let host = tested("no themes", &GOOD);
    let sample = "recovery/samples/release-theme-missing/one.txt";
    for (path, from, to, wanted) in [
        (sample, "no themes", "no schemes", "`release-theme-missing` does not match"),
        (sample, "playbook: release-theme-missing", "playbook: none", "nothing may match this strongly"),
        (
            sample,
            "playbook: release-theme-missing",
            "playbook: release-verify-race",
            "`release-verify-race` does not match",
        ),
        (sample, "phase: ticket", "phase: dinner", "one.txt:2:1: `dinner` is not a phase"),
        ("recovery/samples/none/calm.txt", "all is well", "no themes", "nothing may match this strongly"),
    ] {
        let before = host.read(path);
        assert!(before.contains(from));
        host.write(path, &before.replace(from, to));
        host.run(["playbook", "test"]).exits(6).shows(wanted);
        host.write(path, &before);
    }
    let path = "recovery/playbooks/release-theme-missing.yaml";
    let before = host.read(path);
    for (from, to, wanted) in [
        ("'no themes'", "'no (themes'", "release-theme-missing.yaml:5:13: the expression cannot be read"),
        ("id: release-theme-missing", "id: release-other", "no entry is called `release-theme-missing`"),
        ("\"true\"", "\"rm -rf x\"", "`rm` changes something"),
        ("adhoc: ['true']", "adhoc: |\n      if true; then", "bash cannot parse `fix.adhoc`"),
        ("tags:", "labels:", "release-theme-missing.yaml:"),
    ] {
        assert!(before.contains(from), "{from}");
        host.write(path, &before.replace(from, to));
        host.run(["playbook", "lint"]).exits(6).shows(wanted);
        host.run(["playbook", "lint", path]).exits(6).shows(wanted);
    }
    host.run(["playbook", "lint", "no/such/file.yaml"]).exits(2);
}
