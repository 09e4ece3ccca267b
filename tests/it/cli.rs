//! The command line itself: what holds for every verb, whatever host it is called on.

mod audit;
mod backup;
mod check;
mod demo;
mod init;
mod logs;
mod look;
mod once;
mod refused;
mod revert;
mod run;
mod status;

use std::fs::File;
use std::io::Read;
use std::process::{Command, Stdio};

use super::support::{Output, binary};

fn holdpoint(words: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.args(words).stdin(Stdio::null());
    command
}

fn ran(words: &[&str]) -> Output {
    Output::of(holdpoint(words))
}

#[test]
fn help_and_version_are_answers() {
    ran(&["--version"]).exits(0).shows(env!("CARGO_PKG_VERSION"));
    ran(&["--help"]).exits(0).shows("return-to-main").shows("130  interrupted").hides("\u{1b}");
    ran(&["run", "--help"]).exits(0).shows("--take-new-commits").shows("holdpoint run 1234 --from=verify");
    for verb in [&["run"][..], &["backup", "take"], &[]] {
        let asked = [&["help"], verb].concat();
        let answered = [verb, &["--help"]].concat();
        assert_eq!(ran(&asked).exits(0).stdout, ran(&answered).exits(0).stdout, "{verb:?}");
    }
    ran(&["help", "frob"]).exits(2).shows("frob");
}

#[test]
fn the_help_of_every_verb_has_an_example_and_its_exit_statuses() {
    let above = ran(&["--help"]).exits(0).stdout;
    let named = |line: &str| line.strip_prefix("  ")?.split_once(' ').map(|(verb, _)| verb.to_owned());
    let end = above.find("Everywhere:").unwrap();
    let mut verbs: Vec<String> =
        above[..end].lines().filter_map(named).filter(|verb| !verb.is_empty()).collect();
    for (above, below) in [
        ("backup", ["take", "list", "verify", "restore", "prune"].as_slice()),
        ("evidence", &["capture", "list", "show", "compare"]),
        (
            "deployments",
            &[
                "recovery-readiness",
                "retry",
                "redeploy",
                "rollback",
                "cancel",
                "archive",
                "prune",
                "relink",
                "cleanup-preview",
            ],
        ),
        ("incident", &["open", "capture", "verify", "resolve", "show", "list"]),
        ("preview", &["up", "list", "cleanup"]),
        ("source", &["show", "relink"]),
        ("rollout plan", &["create", "preview", "list", "describe", "cancel"]),
        (
            "rollout",
            &["start", "resume", "pause", "halt", "approve", "recover", "stuck", "audit", "stop-the-line"],
        ),
        ("fleet host", &["list", "exclude"]),
        ("fleet", &["etcd-setup"]),
        ("token", &["create", "list", "revoke"]),
        ("playbook", &["list", "show", "match", "run", "lint", "test", "new"]),
    ] {
        verbs.retain(|verb| verb != above);
        verbs.extend(below.iter().map(|verb| format!("{above} {verb}")));
    }
    assert!(verbs.len() > 20, "{verbs:?}");
    for verb in verbs {
        let words: Vec<&str> = verb.split(' ').chain(["--help"]).collect();
        let help = ran(&words).exits(0);
        let example = help.stdout.lines().any(|line| line.starts_with("Example") || line == "In a shell:");
        assert!(example && help.stdout.contains("holdpoint "), "{verb} has no example\n{help}");
        assert!(help.stdout.contains("Exit status:\n    0  ok"), "{verb} says no exit status\n{help}");
    }
    ran(&["logs", "--help"]).exits(0).shows("130  interrupted").hides("stuck");
    ran(&["revert", "--help"]).exits(0).shows("  7  stuck");
    ran(&["run", "--help"]).exits(0).shows("  7  stuck");
    ran(&["log", "--help"]).exits(0).shows("  2  usage");
    ran(&["man", "run"]).exits(0).shows("stuck: ").shows("internal: ").hides("differs: ").hides("\nExample");
    for plain in [&["--help", "--color", "never"][..], &["frob", "--color=never"]] {
        ran(plain).hides("\u{1b}");
    }
    assert!(ran(&["frob", "--color=always"]).exits(2).stderr.contains('\u{1b}'));
}

#[test]
fn a_wrong_command_line_is_exit_2_and_says_what_to_type() {
    ran(&[]).exits(2).shows("Usage: holdpoint");
    ran(&["frobnicate"]).exits(2).shows("frobnicate").shows("--help");
    ran(&["run", "1234", "--from=revert"]).exits(2).shows("holdpoint revert TICKET");
    ran(&["run", "../../etc/passwd"]).exits(2).shows("is not a ticket id");
    ran(&["run", "1234", "--skip-verify"]).exits(2).shows("--reason");
}

#[test]
fn a_program_gets_its_error_as_json() {
    let error = ran(&["run", "a/b", "--json"]).exits(2).json();
    assert_eq!(error["error"]["ending"], "usage");
    assert_eq!(error["error"]["exit"], 2);
    assert!(error["error"]["message"].as_str().unwrap().contains("is not a ticket id"), "{error}");
}

#[test]
fn typed_escapes_do_not_reach_the_terminal_raw() {
    let output = ran(&["run", "\u{1b}]0;owned\u{7}", "--color=always"]).exits(2);
    assert!(!output.stderr.contains("\u{1b}]0;") && !output.stderr.contains('\u{7}'), "{output}");
}

#[test]
fn colour_is_for_those_who_want_it() {
    ran(&["--color=always", "man", "nothing"]).exits(2).shows("\u{1b}[31m");
    ran(&["--color=never", "man", "nothing"]).exits(2).hides("\u{1b}");
    ran(&["man", "nothing"]).exits(2).hides("\u{1b}");
}

#[test]
fn every_shell_gets_completions_and_every_verb_a_page() {
    for shell in ["bash", "zsh", "fish"] {
        ran(&["completions", shell]).exits(0).shows("return-to-main");
    }
    ran(&["man"]).exits(0).shows("EXIT STATUS");
    ran(&["man", "backup", "restore"]).exits(0).shows("holdpoint\\-backup\\-restore").shows("EXAMPLES");
}

#[test]
fn an_answer_that_does_not_arrive_is_no_success() {
    let mut command = holdpoint(&["man"]);
    command.stdout(File::options().write(true).open("/dev/full").unwrap());
    Output::of(command).exits(1).shows("standard output does not take the answer");
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let mut child = holdpoint(&["completions", "bash"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut some = [0; 16];
    child.stdout.take().unwrap().read_exact(&mut some).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
