//! `rollback`: an older attempt's tree and images, never data.

use crate::support::{Host, Scene, Service, Trouble, manifest};

use super::{codes, having_read, readiness};

/// Two releases that succeeded: `wikijs:2` in 1201 and `wikijs:3` in 1202.
fn released_twice(host: &Host) {
    for (ticket, tag) in [("1201", "2"), ("1202", "3")] {
        host.ships(ticket, "wikijs", tag);
        host.run(["run", ticket]).exits(0);
    }
}

fn tree(host: &Host, commit: &str) -> String {
    host.git(["rev-parse", &format!("{commit}^{{tree}}")]).exits(0).stdout
}

#[test]
fn an_older_attempt_is_put_back_and_everything_waits_until_somebody_approves() {
    let host = Host::new();
    released_twice(&host);
    let (candidate, head) = (host.state("1201", "MERGE_SHA"), host.head());
    let data = manifest(&host.data("wikijs"));
    let before = host.calls().len();
    assert_eq!(readiness(&host, "1202")["rollback"]["recommendedCandidateId"], "1201@1");

    having_read(&host, &["rollback", "1202", "--candidate", "1201@1", "--reason", "pages are blank"])
        .exits(0)
        .shows("1202 is rolled back");

    assert_eq!(host.calls()[before..], ["wikijs recreate wikijs:2"], "nothing is pulled");
    assert_eq!((host.image("wikijs"), tree(&host, "HEAD")), ("wikijs:2".to_owned(), tree(&host, &candidate)));
    assert_eq!(host.git(["rev-parse", "HEAD~1"]).stdout.trim(), head, "history is not rewritten");
    assert_eq!(manifest(&host.data("wikijs")), data, "data stays");
    for (key, value) in [("STATUS", "succeeded"), ("TRIGGER", "rollback"), ("MERGE_SHA", &host.head())] {
        assert_eq!(host.state("1202", key), value, "{key}");
    }

    host.ships("1203", "wikijs", "4");
    host.run(["run", "1203"]).exits(10).shows("held").shows("holdpoint approve 1202");
    host.run(["approve", "1202"]).exits(2);
    host.run(["approve", "1202", "--reason", "mended in 1203"]).exits(0).shows("releases may go on");
    host.run(["approve", "1202", "--reason", "twice"]).exits(4);
    // The next release takes our commit back first.
    host.run(["run", "1203", "--dry-run"]).exits(0).shows("git.unrevert");
    host.run(["run", "1203"]).exits(0);
    assert_eq!(host.image("wikijs"), "wikijs:4");
}

#[test]
fn a_release_that_failed_is_rolled_back_and_can_still_be_taken_back_with_its_data() {
    let host = Host::new();
    host.ships("1201", "wikijs", "2");
    host.run(["run", "1201"]).exits(0);
    let (base, data) = (host.head(), manifest(&host.data("wikijs")));
    host.script("1202", "theme", &format!("echo half >{}/half; exit 3", host.data("wikijs").display()));
    host.ships("1202", "wikijs", "3");
    host.run(["run", "1202"]).exits(1);
    let backups = host.state("1202", "BACKUPS");

    having_read(&host, &["rollback", "1202", "--candidate", "1201@1"]).exits(0);

    assert_eq!((host.image("wikijs"), tree(&host, "HEAD")), ("wikijs:2".to_owned(), tree(&host, &base)));
    assert!(host.data("wikijs").join("half").exists(), "a rollback leaves data as it is");
    assert_eq!((host.state("1202", "BASE_SHA"), host.state("1202", "BACKUPS")), (base.clone(), backups));
    host.run(["revert", "1202", "--yes"]).exits(0);
    assert_eq!((manifest(&host.data("wikijs")), tree(&host, "HEAD")), (data, tree(&host, &base)));
}

#[test]
fn a_rollback_that_stops_goes_on_as_a_rollback() {
    let host = Host::new();
    released_twice(&host);
    host.trouble("wikijs", Trouble::StartFails, None);
    having_read(&host, &["rollback", "1202", "--candidate", "1201@1"]).exits(1);
    assert_eq!(host.state("1202", "TRIGGER"), "rollback");
    host.repair("wikijs");
    host.run(["run", "1202", "--from=migrate"]).exits(0);
    assert_eq!(host.image("wikijs"), "wikijs:2");
    host.run(["run", "1203"]).exits(10).shows("held");
}

#[test]
fn a_candidate_must_have_succeeded_here_with_this_environment_and_schema() {
    let host = Scene::new()
        .service(Service::new("wikijs").extra("schema = { command = [\"cat\", \"../version\"] }"))
        .file(".gitignore", ".env\n")
        .config("[secrets]\nenv_files = [\".env\"]")
        .build();
    let schema = |version: &str| std::fs::write(host.root().join("version"), version).unwrap();
    schema("1\n");
    host.write(".env", "WIKI_KEY=one\n");
    host.ships("1201", "wikijs", "2");
    host.run(["run", "1201"]).exits(0);
    host.ships("1202", "wikijs", "3");
    host.run(["run", "1202"]).exits(0);
    let back = ["rollback", "1202", "--candidate", "1201@1", "--dry-run"];
    host.run(back).exits(0);

    host.write(".env", "WIKI_KEY=two\n");
    host.run(back).exits(4).shows("environment-snapshot-missing").shows("WIKI_KEY").hides("two");
    host.run(back.into_iter().chain(["--accept-environment"])).exits(2).shows("--reason");
    let accepted = ["--accept-environment", "--reason", "the key was replaced"];
    host.run(back.into_iter().chain(accepted)).exits(0);
    host.write(".env", "WIKI_KEY=one\n");

    schema("2\n");
    host.run(back).exits(4).shows("stateful-data-rollback-unsupported").shows("holdpoint revert 1202");
    host.run(back.into_iter().chain(["--accept-schema", "--reason", "it reads both"])).exits(0);
    schema("1\n");

    let to = |candidate: &str, code: &str| {
        host.run(["rollback", "1202", "--candidate", candidate, "--dry-run"]).exits(4).shows(code);
    };
    to("1202@1", "rollback-candidate-target-mismatch");
    to("7@1", "rollback-candidate-not-successful");
    host.run(["revert", "1202", "--yes", "--discard-writes"]).exits(0);
    host.ships("1203", "wikijs", "4");
    host.run(["run", "1203", "--reintroduce", "1202", "--reason", "mended"]).exits(0);
    host.run(["rollback", "1203", "--candidate", "1202@1", "--dry-run"])
        .exits(4)
        .shows("rollback-candidate-not-successful");
}

#[test]
fn what_an_attempt_was_resumed_with_is_its_environment() {
    let host = Scene::new()
        .service(Service::new("wikijs"))
        .file(".gitignore", ".env\n")
        .config("[secrets]\nenv_files = [\".env\"]")
        .build();
    host.write(".env", "WIKI_KEY=stale\n");
    host.script("1201", "key", "grep -q good .env");
    host.ships("1201", "wikijs", "2");
    host.run(["run", "1201"]).exits(1);
    host.write(".env", "WIKI_KEY=good\n");
    host.run(["run", "1201", "--from=ticket"]).exits(0);
    host.ships("1202", "wikijs", "3");
    host.run(["run", "1202"]).exits(0);
    let back = ["rollback", "1202", "--candidate", "1201@1", "--dry-run"];
    host.run(back).exits(0);
    assert_eq!(readiness(&host, "1202")["rollback"]["recommendedCandidateId"], "1201@1");
    for other in ["WIKI_KEY=stale\n", "WIKI_KEY=third\n"] {
        host.write(".env", other);
        host.run(back).exits(4).shows("environment-snapshot-missing").shows("WIKI_KEY").hides("third");
    }
}

#[test]
fn only_what_is_older_is_put_back_in_the_place_of_a_release() {
    let host = Host::new();
    released_twice(&host);
    host.run(["revert", "1202", "--yes", "--discard-writes"]).exits(0);
    host.ships("1203", "wikijs", "4");
    host.run(["run", "1203", "--reintroduce", "1202", "--reason", "mended"]).exits(0);
    let view = readiness(&host, "1202");
    let named: Vec<&str> = view["rollback"]["candidates"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["deploymentId"].as_str().unwrap())
        .collect();
    assert_eq!(named, ["1201@1"], "1203 came later");
    // What it names can be typed.
    host.run(["rollback", "1202", "--candidate", "1203@1", "--dry-run"])
        .exits(4)
        .shows("`1203@1` stands on top of `1202@1`")
        .shows("holdpoint readiness 1203")
        .hides("holdpoint rollback 1203");
}

#[test]
fn data_of_which_nothing_was_recorded_is_warned_of_and_refuses_nothing() {
    let host = Host::new();
    released_twice(&host);
    std::fs::write(host.root().join("version"), "1\n").unwrap();
    host.edit("1203", ".asd/release.toml", |settings| {
        let own = "[services.wikijs]\n";
        settings.replace(own, &format!("{own}schema = {{ command = [\"cat\", \"../version\"] }}\n"))
    });
    host.ships("1203", "wikijs", "4");
    host.run(["run", "1203"]).exits(0);
    host.ships("1204", "wikijs", "5");
    host.run(["run", "1204"]).exits(0);

    let answer = readiness(&host, "1204");

    let warned = |candidate: &str| {
        let rows = answer["rollback"]["candidates"].as_array().unwrap();
        let row = rows.iter().find(|row| row["deploymentId"] == candidate).unwrap();
        assert_eq!(row["rollbackReady"], true, "{row:#}");
        let warnings = row["warnings"].as_array().unwrap();
        warnings.iter().map(|warning| warning["detail"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(warned("1203@1"), [""; 0], "{answer:#}");
    // What 1202 did to the data nobody can say any more: what was found after it is not what 1201 left.
    let said = warned("1201@1").join("\n");
    assert!(said.contains("no version of it was recorded"), "{said}");
    host.run(["rollback", "1204", "--candidate", "1201@1", "--dry-run"])
        .exits(0)
        .shows("warning: whether `1201@1` understands today's data of `wikijs` is not known");
    assert_eq!(answer["rollback"]["recommendedCandidateId"], "1203@1");
}

#[test]
fn a_snapshot_that_is_gone_or_changed_is_no_candidate() {
    let host = Host::new();
    released_twice(&host);
    let snapshot = host.workspace("releases/1201/1/snapshot.toml");
    let text = std::fs::read_to_string(&snapshot).unwrap();
    std::fs::write(&snapshot, text.replace("wikijs:2", "wikijs:9")).unwrap();
    let row = |answer: &serde_json::Value| answer["rollback"]["candidates"][0].clone();
    assert_eq!(codes(&row(&readiness(&host, "1202"))), ["snapshot-damaged"]);
    std::fs::remove_file(&snapshot).unwrap();
    let answer = readiness(&host, "1202");
    assert_eq!(codes(&row(&answer)), ["snapshot-missing"]);
    assert_eq!(answer["rollbackReady"], false);
    host.run(["rollback", "1202", "--candidate", "1201@1", "--dry-run"]).exits(4).shows("snapshot-missing");
}

#[test]
fn a_rollback_takes_away_nothing_that_nobody_spoke_of() {
    let host = Host::new();
    released_twice(&host);
    let back = ["rollback", "1201", "--candidate", "1201@1", "--dry-run"];
    host.run(back).exits(4).shows("later-release-on-top").shows("holdpoint rollback 1202 --candidate 1201@1");
    host.write("README.md", "by hand\n");
    host.git(["commit", "-qam", "By hand"]).exits(0);
    host.run(["rollback", "1202", "--candidate", "1201@1", "--dry-run"]).exits(4).shows("head-moved");
    host.git(["reset", "-q", "--hard", "HEAD~1"]).exits(0);
    // Nobody records which version the data has: that is said.
    let warned = "whether `1201@1` understands today's data of `wikijs` is not known";
    host.run(["rollback", "1202", "--candidate", "1201@1", "--dry-run"]).exits(0).shows(warned);
    let row = readiness(&host, "1202")["rollback"]["candidates"][0].clone();
    assert_eq!(row["warnings"][0]["code"], "stateful-data-rollback-unsupported", "{row}");
    assert_eq!((&row["rollbackReady"], &row["warnings"][0]["category"]), (&true.into(), &"warning".into()));
}
