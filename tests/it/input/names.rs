//! Names that come from outside never become a path, a flag or a command.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use crate::support::{Host, manifest};

use super::all_of;

#[test]
fn hostile_ticket_ids_are_refused_by_every_verb_that_takes_one() {
    let host = Host::new();
    host.ships("1234", "wikijs", "2");
    let before = (all_of(&host), manifest(host.root()).len());
    for id in [
        "",
        ".",
        "..",
        "../1234",
        "../../etc/passwd",
        "/etc/passwd",
        "12/34",
        "1234.env",
        "1234.log",
        "1234.lock.x",
        "1234.tmp",
        "a b",
        "a\nb",
        "a\tb",
        "$(id)",
        "`id`",
        "1234;id",
        "1234|id",
        "1234&",
        "*",
        "~",
        "é",
        "1234\u{202e}",
        "1234\u{1b}[2J",
        "%s%n",
        "1@2",
        &"a".repeat(65),
    ] {
        for verb in [
            ["run"].as_slice(),
            &["revert", "--yes"],
            &["close", "--reason", "x"],
            &["approve", "--reason", "x"],
            &["state"],
            &["log"],
            &["report", "-o", "out.html"],
            &["check"],
        ] {
            let output = host.run(verb.iter().copied().chain(["--", id])).exits(2);
            assert!(!output.stderr.contains('\u{1b}') && !output.stderr.contains('\u{202e}'), "{output}");
            assert!(output.stderr.contains("is not a ticket id"), "{output}");
        }
    }
    for id in ["--help=x", "-1234", "--", "-"] {
        host.run(["run", "--", id]).exits(2);
    }
    assert_eq!((all_of(&host), manifest(host.root()).len()), before, "nothing was written anywhere");
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    let host = Host::new();
    let odd = OsStr::from_bytes(b"12\xff34");
    host.run([OsStr::new("run"), odd]).exits(2);
    host.run([OsStr::new("-C"), odd, OsStr::new("state"), OsStr::new("1234")]).exits(2);
}

#[test]
fn hostile_refs_and_services_are_refused_before_git_or_a_shell_sees_them() {
    let host = Host::new();
    host.ships("1234", "wikijs", "2");
    let before = all_of(&host);
    for flags in [
        ["--branch=-f"].as_slice(),
        &["--branch=--upload-pack=touch x"],
        &["--branch=a b"],
        &["--branch=a..b"],
        &["--branch=refs/heads/*"],
        &["--branch=a:b"],
        &["--branch=main\n"],
        &["--at=HEAD"],
        &["--at=-x"],
        &["--at=main"],
        &["--base=HEAD~1", "--reason", "x"],
        &["--services=../x"],
        &["--services=a;b"],
        &["--services=git"],
        &["--services="],
        &["--supersedes=../1", "--reason", "x"],
        &["--with-tickets=1,../2"],
        &["--plan=../../x"],
        &["--mark-done=$(id)"],
        &["--health-deadline=wikijs=-1s"],
        &["--from=everything"],
    ] {
        host.run(["run", "1234"].iter().chain(flags)).exits(2);
    }
    for line in [
        ["status", "../wikijs"].as_slice(),
        &["logs", "a/b"],
        &["configure", "--", "-x"],
        &["backup", "take", "a b"],
        &["backup", "restore", "wikijs", "../../etc", "--yes"],
        &["backup", "verify", "wikijs", "latest"],
    ] {
        host.run(line).exits(2);
    }
    assert_eq!(all_of(&host), before);
}

#[test]
fn names_that_could_be_and_are_not_are_answered() {
    let host = Host::new();
    host.ships("1234", "wikijs", "2");
    let nowhere = "0123456789012345678901234567890123456789";
    host.run(["run", "1234", "--services", "redmine"]).exits(4).shows("redmine").shows("wikijs");
    host.run(["run", "1234", "--branch", "nowhere"]).exits(4).shows("source-unavailable").shows("nowhere");
    host.run(["run", "1234", "--at", nowhere]).exits(4).shows("0123456789");
    host.run(["run", "1234", "--base", nowhere, "--reason", "x"]).exits(4).shows("0123456789");
    host.run(["run", "1234", "--supersedes", "9999", "--reason", "x"]).exits(4).shows("9999");
    host.run(["run", "1234", "--reintroduce", "9999", "--reason", "x", "--dry-run"]).hides("panicked");
    host.run(["status", "redmine"]).fails().shows("redmine").shows("wikijs");
    host.run(["logs", "redmine"]).fails().shows("redmine").shows("wikijs");
    host.run(["backup", "take", "redmine"]).fails().shows("redmine");
    host.run(["backup", "restore", "wikijs", "20200101_000000", "--yes"]).fails().shows("20200101_000000");
    host.run(["check", "--diff", "nowhere"]).fails().shows("nowhere");
    assert_eq!(host.calls(), [""; 0]);
}

#[test]
fn at_a_commit_stops_there() {
    let host = Host::new();
    let first = host.bump("1234", "wikijs", "2");
    host.ships("1235", "wikijs", "3");
    host.run(["run", "1234", "--at", &first]).exits(0);
    assert_eq!((host.head(), host.image("wikijs")), (first.clone(), "wikijs:2".into()));
    host.run(["run", "1235"]).exits(0);
    // Back in time is no release.
    host.run(["run", "1236", "--at", &first]).fails();
    assert_eq!(host.image("wikijs"), "wikijs:3");
}
