//! `[recovery] owner_approval`: what puts something back waits until a second operator agreed to exactly that.

use std::process::Stdio;

use crate::support::{Host, Output, Scene, Service, Trouble};

use super::{codes, readiness, version};

/// A release that failed, on a host where a second operator has to agree.
fn failed() -> Host {
    let host =
        Scene::new().service(Service::new("wikijs")).config("[recovery]\nowner_approval = true").build();
    host.ships("1201", "wikijs", "2");
    host.run(["run", "1201"]).exits(0);
    host.trouble("wikijs", Trouble::StartFails, Some("wikijs:3"));
    host.ships("1202", "wikijs", "3");
    host.run(["run", "1202"]).exits(1);
    host.repair("wikijs");
    host
}

/// What one of several operators types.
fn by(host: &Host, operator: &str, words: &[&str]) -> Output {
    let mut command = host.command(crate::support::binary(), &host.prod());
    command.args(["__for", operator]).args(words).stdin(Stdio::null());
    Output::of(command)
}

fn approves(host: &Host, operator: &str, more: &[&str]) -> Output {
    let words = ["approve", "1202", "--reason", "looked at it"];
    by(host, operator, &words.iter().chain(more).copied().collect::<Vec<_>>())
}

#[test]
fn a_revert_waits_until_somebody_else_agreed_to_exactly_that() {
    let host = failed();
    let revert = ["revert", "1202", "--yes"];
    let reasons = |host: &Host| readiness(host, "1202")["revert"].clone();
    assert_eq!(codes(&reasons(&host)), ["approval-wanted"]);
    host.run(["revert", "1202", "--dry-run"]).exits(10).shows("approval-wanted");
    assert!(!host.log("1202").contains("approval-asked"), "a dry run asks for nothing");
    approves(&host, "bob", &[]).exits(4).shows("attempt-status-not-recoverable");

    by(&host, "alice", &revert)
        .exits(10)
        .shows("approval-wanted")
        .shows("alice asked for it")
        .shows("holdpoint approve 1202 --for revert");
    assert_eq!(host.state("1202", "STATUS"), "failed");
    by(&host, "alice", &revert).exits(10);
    assert_eq!(host.log("1202").matches("event=approval-asked").count(), 1, "asked once");
    let told = reasons(&host);
    assert!(told["reasons"][0]["detail"].as_str().unwrap().contains("alice asked"), "{told:#}");
    assert_eq!(told["reasons"][0]["retriable"], true);

    host.run(["state", "1202"])
        .exits(0)
        .shows("`revert 1202` waits for another operator than alice")
        .shows("holdpoint approve 1202 --for revert --reason '…'");
    approves(&host, "alice", &[]).exits(10).shows("somebody else has to agree");
    approves(&host, "bob", &["--dry-run"]).exits(0).shows("`revert 1202` would be approved");
    by(&host, "alice", &revert).exits(10);
    approves(&host, "bob", &[]).exits(0).shows("holdpoint revert 1202");
    host.run(["state", "1202"]).exits(0).shows("another operator agreed to it").hides("waits for another");
    assert_eq!(reasons(&host)["allowed"], true);
    by(&host, "alice", &["revert", "1202", "--skip-data", "--yes"]).exits(10).shows("--skip-data");
    by(&host, "alice", &[&revert[..], &["--approved-by", "the owner, on the phone"]].concat()).exits(0);
    assert_eq!((host.state("1202", "STATUS"), host.image("wikijs")), ("reverted".into(), "wikijs:2".into()));
    let record = host.record("1202", "event=reverting");
    assert!(record.contains("operator=alice") && record.contains(" approved_by=bob"), "{record}");
    assert!(
        record.contains("said_approved_by=\"the owner, on the phone\""),
        "beside it, and not in its place: {record}"
    );
    let given = host.record("1202", "event=approval-given");
    assert!(given.contains("operator=bob") && given.contains("asked_by=alice"), "{given}");
    host.run(["log", "1202", "--verify"]).exits(0);
}

#[test]
fn consent_ends_when_anything_happens_to_the_release() {
    let host = failed();
    by(&host, "alice", &["revert", "1202", "--yes"]).exits(10);
    approves(&host, "bob", &["--for", "revert"]).exits(0);
    host.trouble("wikijs", Trouble::StartFails, Some("wikijs:3"));
    host.run(["run", "1202", "--from=migrate"]).exits(1);
    host.repair("wikijs");
    by(&host, "alice", &["revert", "1202", "--yes"]).exits(10).shows("approval-wanted");
}

#[test]
fn a_rollback_and_a_redeploy_wait_and_what_is_approved_must_be_plain() {
    let host = failed();
    let answer = readiness(&host, "1202");
    for verb in ["redeploy", "rollback"] {
        assert_eq!(codes(&answer[verb]), ["approval-wanted"], "{verb}");
    }
    assert_eq!(answer["retryable"], true, "a retry repeats what was meant anyway");
    let v = version(&host, "1202");
    let back = ["rollback", "1202", "--candidate", "1201@1", "--yes", "--if-version", &v];
    by(&host, "alice", &back).exits(10).shows("alice asked for it");
    by(&host, "alice", &["redeploy", "1202", "--yes", "--if-version", &v]).exits(10);
    approves(&host, "bob", &[]).exits(10).shows("--for rollback").shows("--for redeploy");
    approves(&host, "bob", &["--for", "revert"]).exits(4);
    approves(&host, "bob", &["--for", "rollback"]).exits(0).shows("rollback 1202 --candidate 1201@1");
    by(&host, "carol", &["redeploy", "1202", "--yes", "--if-version", &v]).exits(10);
    by(&host, "alice", &back).exits(0);
    assert_eq!(host.image("wikijs"), "wikijs:2");
    let created = host.log("1202").lines().rfind(|line| line.contains("event=created")).unwrap().to_owned();
    assert!(created.contains("approved_by=bob"), "{created}");
    // What waits after a rollback is another approval, and needs no second person.
    host.ships("1203", "wikijs", "4");
    host.run(["run", "1203"]).exits(10).shows("held");
    by(&host, "alice", &["approve", "1202", "--reason", "mended"]).exits(0).shows("releases may go on");
}

#[test]
fn a_release_that_would_take_itself_back_waits_as_well() {
    let host = Scene::new()
        .service(Service::new("wikijs"))
        .config("[recovery]\nowner_approval = true\n[run]\non_failure = \"revert\"")
        .build();
    host.ships("1201", "wikijs", "2");
    host.run(["run", "1201"]).exits(0);
    host.trouble("wikijs", Trouble::StartFails, Some("wikijs:3"));
    host.ships("1202", "wikijs", "3");
    host.run(["run", "1202"]).exits(1).shows("could not take itself back: approval-wanted");
    assert_eq!(host.state("1202", "STATUS"), "failed");
}

#[test]
fn diagnose_names_what_is_typed_next_while_a_second_operator_is_awaited() {
    let host = failed();
    let best = |host: &Host| {
        let view = host.run(["diagnose", "1202", "--json"]).exits(0).json();
        let others = view["judgement"]["others"].as_array().cloned().unwrap_or_default();
        others.into_iter().find(|other| other["option"] == "revert").unwrap()
    };
    let unasked = best(&host);
    assert_eq!(unasked["command"], "holdpoint revert 1202", "{unasked:#}");
    by(&host, "alice", &["revert", "1202", "--yes"]).exits(10);
    let waiting = best(&host);
    assert!(waiting["why"].as_str().unwrap().contains("alice asked for it"), "{waiting:#}");
}
