//! Operators of one group: what one of them began, another one reads, resumes, ends and takes back.

use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use super::{kill, lives, pid_in};
use crate::support::{Host, Output, Running, Scene, binary, skip, wait_until};

/// Two people of one group, and one of another; no user database knows them, as on a host with a directory service.
const ANN: &str = "64101";
const BEN: &str = "64102";

/// A host whose checkout and workspace belong to a group that both are in; none where we may not be somebody else.
fn shared() -> Option<(Host, String)> {
    if !rustix::process::geteuid().is_root() {
        skip("being another user needs root");
        return None;
    }
    let groups = std::fs::read_to_string("/etc/group").unwrap();
    let line = groups.lines().find(|line| line.split(':').nth(2).is_some_and(|id| id != "0")).unwrap();
    let name = line.split(':').next().unwrap().to_owned();
    let host = Scene::new().config(&format!("[workspace]\ngroup = \"{name}\"")).build();
    std::fs::write(host.root().join("home/.gitconfig"), "[safe]\n\tdirectory = *\n").unwrap();
    host.git(["config", "core.sharedRepository", "group"]).exits(0);
    std::fs::copy(binary(), host.root().join("holdpoint")).unwrap();
    Some((host, name))
}

/// What an administrator does once: the group may write, and what it makes is the group's.
fn opened(host: &Host, group: &str) {
    std::fs::set_permissions(host.root(), PermissionsExt::from_mode(0o755)).unwrap();
    let open = format!("chgrp -R {group} . && chmod -R g+rwX . && find . -type d -exec chmod g+s {{}} +");
    let mut shell = host.command("sh", host.root());
    shell.args(["-c", &open]);
    Output::of(shell).exits(0);
}

/// The program as one of them runs it: a copy, because they may not look into the folder that it was built in.
fn as_one(host: &Host, who: &str, group: &str, words: &[&str]) -> Command {
    let mut command = host.command("setpriv", &host.prod());
    command.args(["--reuid", who, "--regid", who, "--groups", &id_of(group), "--"]);
    command.arg(host.root().join("holdpoint")).args(words).stdin(Stdio::null());
    command
}

fn id_of(group: &str) -> String {
    let groups = std::fs::read_to_string("/etc/group").unwrap();
    let line = groups.lines().find(|line| line.starts_with(&format!("{group}:"))).unwrap();
    line.split(':').nth(2).unwrap().to_owned()
}

fn types(host: &Host, who: &str, group: &str, words: &[&str]) -> Output {
    Output::of(as_one(host, who, group, words))
}

fn starts(host: &Host, who: &str, group: &str, words: &[&str]) -> Running {
    host.starts(as_one(host, who, group, words))
}

/// A script that says something and waits until it is let go.
fn waiting(host: &Host, group: &str) {
    let body = "umask 002; echo 'said by the first'; echo once >>../runs; touch ../began\n\
                until [ -e ../go ]; do sleep 0.02; done; exit $(cat ../go)";
    host.script("1234", "a-waits", body);
    host.script("1234", "b-after", "touch ../after");
    host.push();
    opened(host, group);
}

#[test]
fn what_one_began_another_resumes_reads_and_takes_back() {
    let Some((host, group)) = shared() else { return };
    host.script("1234", "a", "echo 'said by the first'; exit $([ -e ../ready ] && echo 0 || echo 3)");
    host.push();
    opened(&host, &group);
    let base = host.head();
    types(&host, ANN, &group, &["run", "1234"]).exits(1).shows("said by the first");
    types(&host, BEN, &group, &["state", "1234"]).exits(0).shows("failed in ticket").shows(ANN);
    types(&host, BEN, &group, &["log", "1234"]).exits(0).shows("1234-a.sh");
    types(&host, BEN, &group, &["list"]).exits(0).shows("1234");
    std::fs::write(host.root().join("ready"), "").unwrap();
    types(&host, BEN, &group, &["run", "1234", "--from=ticket"]).exits(0);
    types(&host, ANN, &group, &["revert", "1234", "--yes"]).exits(0);
    assert_eq!(host.git(["diff", "--stat", &base, "HEAD"]).exits(0).stdout, "");
    types(&host, BEN, &group, &["log", "1234", "--verify"]).exits(0);
    let operators = |name: &str| host.log("1234").contains(&format!("operator={name}"));
    assert!(operators(ANN) && operators(BEN), "{}", host.log("1234"));
}

#[test]
fn the_step_of_one_that_outlived_its_runner_is_put_on_record_by_another() {
    let Some((host, group)) = shared() else { return };
    waiting(&host, &group);
    let running = starts(&host, ANN, &group, &["run", "1234"]);
    wait_until("the script began", || host.root().join("began").exists());
    running.signal(rustix::process::Signal::KILL);
    drop(running);
    types(&host, BEN, &group, &["run", "1234", "--from=ticket"]).exits(3).shows("1234-a-waits.sh");
    types(&host, BEN, &group, &["state", "1234"]).exits(0).hides("interrupted");
    // Another's processes are not his to end; that is said.
    types(&host, BEN, &group, &["cancel", "1234@1", "--yes"]).exits(1).shows("another operator");
    assert!(lives(pid_in(&host, "child")));
    std::fs::write(host.root().join("new"), "0\n").unwrap();
    std::fs::rename(host.root().join("new"), host.root().join("go")).unwrap();
    wait_until("it ended", || !lives(pid_in(&host, "pid")));
    let ended = types(&host, BEN, &group, &["run", "1234", "--from=ticket"]).exits(0);
    assert_eq!(std::fs::read_to_string(host.root().join("runs")).unwrap(), "once\n", "{ended}");
    assert!(host.root().join("after").exists());
    assert!(host.record("1234", "reason=found").contains("event=step-done rc=0"), "{}", host.log("1234"));
    types(&host, BEN, &group, &["log", "1234", "--verify"]).exits(0);
    // What it printed may hold secrets: the raw output stays its owner's, and becomes a transcript when she comes by.
    let step = host.workspace("releases/1234/1/steps");
    let step = std::fs::read_dir(step).unwrap().map(|entry| entry.unwrap().path());
    let step = step.into_iter().find(|path| path.to_string_lossy().ends_with("1234-a-waits.sh")).unwrap();
    if step.join("spool").exists() {
        assert_eq!(step.join("spool").metadata().unwrap().permissions().mode() & 0o7777, 0o600);
        types(&host, ANN, &group, &["close", "1234", "--reason", "x"]);
        types(&host, ANN, &group, &["revert", "1234", "--yes"]).exits(0);
    }
    let said = std::fs::read_to_string(step.join("transcript")).unwrap();
    assert!(said.contains("said by the first"), "{said}");
    assert!(!step.join("spool").exists());
}

#[test]
fn the_step_of_one_that_lost_its_shim_is_asked_about_by_another() {
    let Some((host, group)) = shared() else { return };
    waiting(&host, &group);
    let running = starts(&host, ANN, &group, &["run", "1234"]);
    wait_until("the script began", || host.root().join("began").exists());
    let (shim, child) = (pid_in(&host, "pid"), pid_in(&host, "child"));
    running.signal(rustix::process::Signal::KILL);
    drop(running);
    kill(shim);
    wait_until("the shim is gone", || !lives(shim));
    // It still works, and he may not look into another's process: its own word counts.
    let again = ["run", "1234", "--from=ticket", "--run-again=1234-a-waits.sh"];
    types(&host, BEN, &group, &again).exits(3).shows(&child.to_string());
    kill(child);
    wait_until("it is gone", || !lives(child));
    std::fs::write(host.root().join("go"), "0\n").unwrap();
    types(&host, BEN, &group, &["run", "1234", "--from=ticket"]).exits(8).shows("--run-again");
    types(&host, BEN, &group, &again).exits(0);
    assert_eq!(std::fs::read_to_string(host.root().join("runs")).unwrap(), "once\nonce\n");
}
