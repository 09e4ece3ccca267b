//! `retry` and `redeploy`: what is recorded, once more.

use crate::support::{Host, Trouble, begun, let_go, manifest, waiting};

use super::{codes, having_read, readiness, version};

/// A host whose release 1234 stopped in migrate, because its service does not start.
fn stopped() -> Host {
    let host = Host::new();
    host.script("1234", "theme", "echo ran >>../ran");
    host.ships("1234", "wikijs", "2");
    host.trouble("wikijs", Trouble::StartFails, None);
    host.run(["run", "1234"]).exits(1).shows("failed in phase migrate");
    host.repair("wikijs");
    host
}

fn tree(host: &Host, commit: &str) -> String {
    host.git(["rev-parse", &format!("{commit}^{{tree}}")]).exits(0).stdout
}

#[test]
fn a_retry_brings_the_same_commit_and_nothing_newer() {
    let host = stopped();
    let (base, merge, backups) =
        (host.state("1234", "BASE_SHA"), host.state("1234", "MERGE_SHA"), host.state("1234", "BACKUPS"));
    host.bump("1235", "wikijs", "3");
    host.push();

    having_read(&host, &["retry", "1234"]).exits(0).shows("1234@2 succeeded");

    assert_eq!((host.image("wikijs"), host.head()), ("wikijs:2".to_owned(), merge.clone()));
    for (key, value) in [
        ("ATTEMPT", "2"),
        ("CYCLE", "1"),
        ("TRIGGER", "retry"),
        ("BASE_SHA", base.as_str()),
        ("MERGE_SHA", merge.as_str()),
        ("BACKUPS", backups.as_str()),
    ] {
        assert_eq!(host.state("1234", key), value, "{key}");
    }
    assert!(host.log("1234").contains("event=superseded"), "{}", host.log("1234"));
    assert_eq!(std::fs::read_to_string(host.root().join("ran")).unwrap(), "ran\n", "its script ran once");
    host.run(["run", "1235"]).exits(0);
    assert_eq!(host.image("wikijs"), "wikijs:3");
}

#[test]
fn a_retry_of_what_never_moved_the_tree_begins_from_the_start() {
    let host = Host::new();
    let (data, aside) = (host.data("wikijs"), host.root().join("aside"));
    std::fs::rename(&data, &aside).unwrap();
    let target = host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(1).shows("prepare failed");
    std::fs::rename(&aside, &data).unwrap();
    host.bump("1235", "wikijs", "3");
    host.push();
    having_read(&host, &["retry", "1234"]).exits(0).shows("1234@2 succeeded");
    assert_eq!((host.head(), host.image("wikijs")), (target, "wikijs:2".to_owned()));
}

#[test]
fn a_script_must_have_read_how_it_stands() {
    let host = stopped();
    host.run(["retry", "1234", "--yes"])
        .exits(4)
        .shows("readiness-unread")
        .shows("holdpoint readiness 1234 --json");
    let old = version(&host, "1234");
    host.run(["retry", "1234", "--yes", "--if-version", "0123456789abcdef"])
        .exits(4)
        .shows("readiness-stale");
    // What runs is part of what was read.
    host.service("wikijs", "start");
    host.service("wikijs", "stop");
    host.trouble("wikijs", Trouble::StartFails, None);
    host.run(["run", "1234", "--from=migrate"]).exits(1);
    host.repair("wikijs");
    host.service("wikijs", "start");
    host.run(["retry", "1234", "--yes", "--if-version", &old]).exits(4).shows("readiness-stale");
    assert_eq!(host.state("1234", "ATTEMPT"), "1", "nothing was begun");
    having_read(&host, &["retry", "1234"]).exits(0);
}

#[test]
fn what_cannot_be_repeated_says_why() {
    let host = stopped();
    having_read(&host, &["retry", "1234"]).exits(0);
    let refused = |words: &[&str], code: &str| {
        host.run(words.iter().copied().chain(["--yes", "--if-version", "0123456789abcdef"]))
            .exits(4)
            .shows(code);
    };
    refused(&["retry", "1234"], "attempt-status-not-recoverable: `1234@2` is succeeded");
    refused(&["retry", "1234@1"], "`1234@1` is not the newest attempt: that is `1234@2`");
    host.run(["retry", "999", "--yes"]).fails().shows("999");
    host.run(["retry", "../x"]).exits(2);
    host.run(["redeploy", "--service", "nowhere", "--yes"]).exits(2).shows("no service of this host");
    host.run(["redeploy"]).exits(2);
}

#[test]
fn a_verify_failure_wants_its_cause_looked_into() {
    let host = Host::new();
    // Well when it was started, and no more when it is verified.
    host.script("1234", "theme", "mv ../run/wikijs/www/healthz ../aside");
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(1).shows("verify failed");
    let answer = readiness(&host, "1234");
    assert_eq!(answer["diagnoseFirst"], true);
    assert_eq!(codes(&answer["retry"]), ["diagnose-first"]);
    having_read(&host, &["retry", "1234"]).exits(4).shows("holdpoint diagnose 1234");

    host.run(["diagnose", "1234"]).exits(0);

    std::fs::rename(host.root().join("aside"), host.root().join("run/wikijs/www/healthz")).unwrap();
    let answer = readiness(&host, "1234");
    assert_eq!((&answer["diagnoseFirst"], &answer["retryable"]), (&false.into(), &true.into()));
    having_read(&host, &["retry", "1234"]).exits(0);
}

#[test]
fn what_is_at_work_is_awaited_first() {
    let host = waiting();
    let run = begun(&host);
    let answer = readiness(&host, "1234");
    assert!(codes(&answer["redeploy"]).contains(&"attempt-not-terminal"), "{answer:#}");
    assert!(codes(&answer["redeploy"]).contains(&"resource-runtime-busy"), "{answer:#}");
    assert_eq!(
        (&answer["cancel"]["allowed"], &answer["cancel"]["activeAttemptId"]),
        (&true.into(), &"1234@1".into())
    );
    let_go(&host, 0);
    run.wait().exits(0);
}

#[test]
fn a_redeploy_puts_everything_there_again_and_the_release_can_still_be_taken_back() {
    let host = Host::new();
    let (base, data) = (host.head(), manifest(&host.data("wikijs")));
    host.script("1234", "theme", "echo ran >>../ran");
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(0);
    let backups = host.state("1234", "BACKUPS");

    having_read(&host, &["redeploy", "1234", "--reason", "its container was edited by hand"])
        .exits(0)
        .shows("1234 is deployed again");

    let recreated = host.calls().iter().filter(|call| *call == "wikijs recreate wikijs:2").count();
    assert_eq!(recreated, 2);
    assert_eq!(std::fs::read_to_string(host.root().join("ran")).unwrap(), "ran\n", "its script ran once");
    for (key, value) in [
        ("ATTEMPT", "2"),
        ("TRIGGER", "redeploy"),
        ("BASE_SHA", base.as_str()),
        ("BACKUPS", backups.as_str()),
    ] {
        assert_eq!(host.state("1234", key), value, "{key}");
    }
    host.run(["revert", "1234", "--yes"]).exits(0);
    assert_eq!((tree(&host, "HEAD"), manifest(&host.data("wikijs"))), (tree(&host, &base), data));
    assert_eq!(host.image("wikijs"), "wikijs:1");
}

#[test]
fn services_are_deployed_again_as_what_was_adopted() {
    let host = Host::new();
    host.run(["redeploy", "--all", "--yes"]).exits(2).shows("holdpoint adopt");
    host.run(["adopt"]).exits(0);
    let version = version(&host, "baseline");
    host.run(["redeploy", "--service", "wikijs", "--yes", "--if-version", &version])
        .exits(0)
        .shows("baseline@2 succeeded");
    assert!(host.calls().contains(&"wikijs recreate wikijs:1".to_owned()), "{:?}", host.calls());
    // The seed's own form is the consent.
    let version = super::version(&host, "baseline");
    host.run(["deployments", "redeploy", "wikijs", "--if-version", &version]).exits(0).shows("baseline@3");
}

#[test]
fn a_profile_that_is_not_the_tracked_one_is_not_deployed() {
    let host = Host::new();
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(0);
    let config = host.read(".asd/release.toml");
    host.write(".asd/release.toml", &format!("{config}\n# edited by hand\n"));
    let answer = readiness(&host, "1234");
    assert_eq!(answer["redeployable"], false);
    let codes = codes(&answer["redeploy"]);
    assert!(codes.contains(&"resource-profile-drifted") && codes.contains(&"tree-dirty"), "{codes:?}");
}

#[test]
fn what_never_ran_or_was_taken_back_is_not_replaced_under_its_name() {
    let host = Host::new();
    host.ships("1201", "wikijs", "2");
    host.run(["run", "1201"]).exits(0);
    host.ships("1202", "wikijs", "3");
    host.write("README.md", "somebody's work\n");
    host.run(["run", "1202"]).exits(4);
    host.git(["restore", "--", "."]).exits(0);
    let refused = |words: &[&str], says: &str| {
        let flags = ["--yes", "--if-version", &version(&host, "1202")];
        host.run(words.iter().chain(&flags)).exits(4).shows("attempt-status-not-recoverable").shows(says);
    };
    refused(&["redeploy", "1202"], "never got past its backups");
    refused(&["rollback", "1202", "--candidate", "1201@1"], "never got past its backups");
    host.run(["run", "1202"]).exits(0);
    host.run(["revert", "1202", "--yes", "--discard-writes"]).exits(0);
    refused(&["redeploy", "1202"], "is reverted");
    refused(&["rollback", "1202", "--candidate", "1201@1"], "is reverted");
    // What was taken back still returns only when somebody says so.
    host.ships("1203", "wikijs", "4");
    host.run(["run", "1203"]).exits(4).shows("reverted-ticket-returns");
}
