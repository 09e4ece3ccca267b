//! `readiness`: what is read is what is admitted.

use crate::support::{Host, Trouble};

use super::{codes, readiness};

#[test]
fn it_names_every_way_on_and_back_and_changes_nothing() {
    let host = Host::new();
    host.ships("1201", "wikijs", "2");
    host.run(["run", "1201"]).exits(0);
    host.ships("1202", "wikijs", "3");
    host.trouble("wikijs", Trouble::StartFails, None);
    host.run(["run", "1202"]).exits(1);
    let log = host.log("1202");

    let answer = readiness(&host, "1202@1");

    for (key, value) in [
        ("schemaVersion", "holdpoint.readiness/v1"),
        ("deploymentId", "1202@1"),
        ("ticket", "1202"),
        ("status", "failed"),
    ] {
        assert_eq!(answer[key], value, "{key}");
    }
    for key in ["recoverable", "retryable", "redeployable", "rollbackReady"] {
        assert_eq!(answer[key], true, "{key}: {answer:#}");
    }
    assert_eq!(answer["resume"]["from"], "migrate");
    assert_eq!(answer["rollback"]["recommendedCandidateId"], "1201@1");
    assert!(answer["revert"]["writeWindowSeconds"].is_u64(), "{answer:#}");
    assert_eq!(codes(&answer["cancel"]), ["attempt-status-not-recoverable"]);
    let operations: Vec<&str> = answer["nextActions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|action| action["operation"].as_str().unwrap())
        .collect();
    assert_eq!(
        operations,
        ["detail", "log", "diagnose", "evidence", "resume", "retry", "redeploy", "rollback", "revert"]
    );
    assert_eq!(host.log("1202"), log, "looking leaves no trace");
    assert_eq!(readiness(&host, "1202")["stateVersion"], answer["stateVersion"], "and nothing moved");
    host.run(["readiness", "1202"]).exits(0).shows("✓ resume").shows("✓ rollback").shows("to 1201@1");
    host.run(["deployments", "recovery-readiness", "1202@1"]).exits(0).shows("1202@1 is failed");
}

#[test]
fn what_stands_in_the_way_has_its_code_and_what_clears_it() {
    let host = Host::new();
    host.ships("1201", "wikijs", "2");
    host.run(["run", "1201"]).exits(0);
    let answer = readiness(&host, "1201");
    assert_eq!(codes(&answer["retry"]), ["attempt-status-not-recoverable"]);
    assert_eq!(codes(&answer["resume"]), ["attempt-status-not-recoverable"]);
    assert_eq!(codes(&answer["rollback"]), ["rollback-candidate-not-successful"]);
    assert_eq!(codes(&answer["archive"]), ["referenced"]);
    assert_eq!(answer["redeployable"], true);
    host.write("untracked.txt", "x");
    let answer = readiness(&host, "1201");
    assert_eq!(codes(&answer["redeploy"]), ["tree-dirty"]);
    let reason = &answer["redeploy"]["reasons"][0];
    assert!(!reason["clears"].as_array().unwrap().is_empty(), "{reason:#}");
    host.run(["readiness", "404"]).fails().shows("404");
    host.run(["readiness", "1201@7"]).exits(4).shows("state-missing").shows("the newest is `1201@1`");
}
