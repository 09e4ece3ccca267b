//! `playbook run`: detection commands look, within limits.

use std::time::{Duration, Instant};

use super::{asks, playbook};
use crate::support::{Host, Scene, Service};

fn host(detection: &[String]) -> Host {
    let (path, text) = playbook("release-theme-missing", "x{3}", &detection.join("\n"), "['mkdir themes']");
    Scene::new().service(Service::new("wikijs")).file(&path, &text).build()
}

const RUN: [&str; 3] = ["playbook", "run", "release-theme-missing"];

#[test]
fn answers_are_judged_one_by_one_and_together() {
    let host = host(&[
        asks("test -e themes", "rc=1"),
        asks("echo HTTP 502", "/HTTP 50[0-9]/"),
        asks("ls .asd", "release.toml"),
    ]);
    host.run(RUN)
        .exits(0)
        .shows("✓ test -e themes")
        .shows("✓ confirmed: release-theme-missing; this is it")
        .shows("mkdir themes")
        .shows("--apply");
    host.write("themes", "");
    host.run(RUN).exits(6).shows("✗ not confirmed: release-theme-missing");
    let answer = host.run(RUN.into_iter().chain(["--json"])).exits(6).json();
    assert_eq!(answer["verdict"], "not-confirmed");
    assert_eq!(answer["commands"][0]["rc"], 0, "{answer}");
    assert_eq!(answer["commands"][1]["output"][0], "HTTP 502");
}

#[test]
fn prose_is_left_to_an_eye_and_secrets_are_not_shown() {
    let host = host(&[asks("cat .env", "the token that you would expect to see there")]);
    host.write(".env", "API_TOKEN=Tr0ub4dor&3\n");
    host.run(RUN).exits(0).shows("? needs an eye").hides("Tr0ub4dor&3").shows("API_TOKEN=***");
}

#[test]
fn placeholders_are_filled_in_from_the_ticket_or_the_command_is_not_run() {
    let host = host(&[asks("echo T={{ticket}} S={{service}}", "T=1234 S=wikijs")]);
    host.run(RUN).exits(0).shows("not run: `{{ticket}}` is not known; add `--ticket`").shows("needs an eye");
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(0);
    host.run(RUN.into_iter().chain(["--ticket", "1234"]))
        .exits(0)
        .shows("echo T=1234 S=wikijs")
        .shows("✓ confirmed");
    host.run(RUN.into_iter().chain(["--ticket", "1234", "--service", "redmine"])).exits(6).shows("S=redmine");
    host.run(RUN.into_iter().chain(["--ticket", "$(id)"])).exits(2);
    host.run(RUN.into_iter().chain(["--service", "a;id"])).exits(2);
    host.run(RUN.into_iter().chain(["--ticket", "999"])).exits(4);
    host.run(["playbook", "run", "release-nothing"]).exits(2).shows("there is no playbook");
}

#[test]
fn a_command_that_hangs_is_ended_with_what_it_started() {
    let host =
        host(&[asks("echo begun; (trap '' TERM; sleep 61.7) | cat", "rc=0"), asks("echo second", "second")]);
    let began = Instant::now();
    host.run(RUN)
        .exits(0)
        .shows("did not answer within 10s and was ended")
        .shows("✓ echo second")
        .shows("needs an eye");
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    let left = host.types("grep -lz '^61.7$' /proc/[0-9]*/cmdline 2>/dev/null || true").stdout;
    assert_eq!(left, "", "what it started lives on");
}

#[test]
fn a_playbook_that_nobody_committed_and_a_command_that_changes_something_are_not_run() {
    let host = host(&[asks("touch changed", "rc=0"), asks("echo ok", "ok")]);
    host.run(RUN).exits(0).shows("not run: `touch` changes something").shows("✓ echo ok");
    assert!(!host.prod().join("changed").exists());
    let (path, text) =
        playbook("release-theme-missing", "x{3}", &asks("echo other", "other"), "['touch changed']");
    host.write(&path, &text);
    host.run(RUN).exits(0).shows("not run: this playbook is not committed").hides("│ other");
    host.run(RUN.into_iter().chain(["--apply", "--yes"])).exits(2).shows("is not committed here");
    assert!(!host.prod().join("changed").exists());
}
