//! Recovering a deployment: readiness first, then retry, redeploy, rollback, cancel, archive, prune, in the runbook's own
//! words and in ours. Not walked: the lines that post to a server; relinking a source and previews, which have tests of their
//! own.

use crate::support::{Host, Trouble, begun, let_go, wait_until, waiting};

use super::{readiness, recommended, version};

/// 1201 and 1202 succeeded; 1203 does not start.
fn failed() -> Host {
    let host = Host::new();
    for (ticket, tag) in [("1201", "2"), ("1202", "3")] {
        host.ships(ticket, "wikijs", tag);
        host.run(["run", ticket]).exits(0);
    }
    host.trouble("wikijs", Trouble::StartFails, Some("wikijs:4"));
    host.ships("1203", "wikijs", "4");
    host.run(["run", "1203"]).exits(1);
    host
}

#[test]
fn a_failed_deployment_is_read_retried_redeployed_and_rolled_back() {
    let host = failed();
    // Read first: it changes nothing, and a script may not go on without it.
    let before = host.log("1203");
    let seen = host.run(["deployments", "recovery-readiness", "1203@1", "--json"]).exits(0).json();
    for key in ["recoverable", "retryable", "redeployable", "rollbackReady"] {
        assert_eq!(seen[key], true, "{key}: {seen:#}");
    }
    assert_eq!(seen["rollback"]["recommendedCandidateId"], "1202@1");
    assert_eq!(seen["rollback"]["candidates"].as_array().unwrap().len(), 2, "{}", seen["rollback"]);
    assert!(seen["nextActions"].as_array().unwrap().iter().any(|next| next["operation"] == "diagnose"));
    assert_eq!(host.log("1203"), before);
    host.run(["deployments", "retry", "1203@1"])
        .exits(4)
        .shows("readiness-unread")
        .shows("holdpoint readiness 1203");
    host.run(["deployments", "retry", "1203@1", "--if-version", "0123456789abcdef"])
        .exits(4)
        .shows("readiness-stale");

    // Retry: a new attempt of the same commit.
    host.repair("wikijs");
    let v = version(&host, "1203");
    host.run(["deployments", "retry", "1203@1", "--if-version", &v]).exits(0).shows("1203@2 succeeded");
    assert_eq!((host.image("wikijs"), host.state("1203", "TRIGGER")), ("wikijs:4".into(), "retry".into()));

    // Redeploy: the resource as it is configured today.
    let v = version(&host, "1203");
    host.run(["deployments", "redeploy", "wikijs", "--if-version", &v]).exits(0).shows("1203@3");
    host.write(".asd/release.toml", &format!("{}\n# by hand\n", host.read(".asd/release.toml")));
    let v = version(&host, "1203");
    host.run(["deployments", "redeploy", "wikijs", "--if-version", &v])
        .exits(4)
        .shows("resource-profile-drifted")
        .shows("git diff -- .asd/release.toml");
    host.git(["restore", "--", "."]).exits(0);

    // Rollback: a candidate that is whole, data left as it is.
    let v = version(&host, "1203");
    host.run(["deployments", "rollback", "1203", "--candidate", "1200@1", "--if-version", &v])
        .exits(4)
        .shows("rollback-candidate-not-successful");
    host.run(["deployments", "rollback", "1203", "--candidate", "1202@1", "--if-version", &v])
        .exits(0)
        .shows("1203 is rolled back");
    assert_eq!(host.image("wikijs"), "wikijs:3");
    // Nothing goes on unasked: no release, and no redeploy of it.
    let v = version(&host, "1203");
    host.run(["redeploy", "1203", "--yes", "--if-version", &v])
        .exits(10)
        .shows("held")
        .shows("holdpoint approve 1203");
    host.ships("1204", "wikijs", "5");
    host.run(["run", "1204"]).exits(10).shows("held");
    host.run(["approve", "1203", "--reason", "mended in 1204"]).exits(0);
    host.run(["run", "1204"]).exits(0);

    // Cancel: only what runs, and only with its exact id.
    host.run(["deployments", "cancel", "1204@1", "--confirm", "1203@4"]).exits(2);
    host.run(["deployments", "cancel", "1204@1", "--confirm", "1204@1"])
        .exits(4)
        .shows("attempt-status-not-recoverable");

    // Archive, and prune: a dry run first.
    host.run(["deployments", "archive", "1201@1", "--confirm", "1201@1"]).exits(0);
    host.run(["list"]).exits(0).hides("1201@1");
    host.run(["deployments", "prune", "--before", "2999-01-01T00:00:00Z"]).exits(0).shows("1201@1");
    assert!(host.workspace("releases/1201.log").is_file());
}

#[test]
fn a_running_deployment_is_canceled_and_then_retried_not_resumed() {
    let host = waiting();
    let run = begun(&host);
    // It stops in order: what runs comes to its end first.
    let cancel = host.start(["deployments", "cancel", "1234@1", "--confirm", "1234@1"]);
    wait_until("it is asked", || host.log("1234").contains("event=cancel-requested"));
    let_go(&host, 0);
    run.wait().exits(1).shows("canceled");
    cancel.wait().exits(0);
    assert_eq!(host.state("1234", "STATUS"), "canceled");
    host.run(["run", "1234", "--from=ticket"]).exits(4).shows("attempt-status-not-recoverable");
    // Nothing failed, so nothing was captured by itself: that is named first.
    let (option, command) = recommended(&host, "1234");
    assert_eq!((option.as_str(), command.as_str()), ("retry", "holdpoint evidence capture 1234@1"));
    host.types(&command).exits(0);
    let (option, command) = recommended(&host, "1234");
    assert_eq!((option.as_str(), command.as_str()), ("retry", "holdpoint retry 1234@1"));
    let v = version(&host, "1234");
    host.types(&format!("{command} --yes --if-version {v}")).exits(0);
}

#[test]
fn each_symptom_has_its_first_action() {
    // The source cannot be read.
    let host = Host::new();
    host.ships("1201", "wikijs", "2");
    std::fs::rename(host.root().join("origin.git"), host.root().join("away.git")).unwrap();
    host.run(["run", "1201"]).exits(4).shows("source-unavailable").shows("git fetch origin main");
    std::fs::rename(host.root().join("away.git"), host.root().join("origin.git")).unwrap();
    host.run(["run", "1201"]).exits(0);

    // What runs is not what is configured: redeploy.
    std::fs::write(host.root().join("images/wikijs:9"), "").unwrap();
    host.write("packages/wikijs/image", "wikijs:9\n");
    host.service("wikijs", "recreate").exits(0);
    host.git(["restore", "--", "."]).exits(0);
    let (option, command) = recommended(&host, "1201");
    assert_eq!((option.as_str(), command.as_str()), ("redeploy", "holdpoint redeploy 1201@1"));
    host.run(["drift"]).exits(0).shows("image-differs").shows("holdpoint redeploy --service wikijs");
    let v = version(&host, "1201");
    host.types(&format!("holdpoint redeploy --service wikijs --yes --if-version {v}")).exits(0);
    host.run(["drift", "--check"]).exits(0);

    // It starts and its health fails: logs, and more time for a slow start.
    let host = super::guarded();
    host.trouble("wikijs", Trouble::Unhealthy, Some("wikijs:2"));
    host.ships("1202", "wikijs", "2");
    host.run(["run", "1202"]).exits(1);
    host.run(["diagnose", "1202"])
        .exits(0)
        .shows("holdpoint logs wikijs")
        .shows("--health-deadline wikijs=5m");
    assert_eq!(readiness(&host, "1202")["rollbackReady"], false, "there is no older attempt");
}
