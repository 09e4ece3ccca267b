//! `demo`

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use crate::support::{Host, Output, Scene, binary};

/// A place with nothing but a home and a temporary folder.
fn nowhere() -> Host {
    let host = Scene::new().build();
    std::fs::create_dir(host.root().join("tmp")).unwrap();
    host
}

fn demo(host: &Host, words: &[&str]) -> Output {
    let mut command = host.command(binary(), host.root());
    command.arg("demo").args(words).env("TMPDIR", host.root().join("tmp")).stdin(std::process::Stdio::null());
    Output::of(command)
}

fn left(host: &Host) -> Vec<std::path::PathBuf> {
    std::fs::read_dir(host.root().join("tmp")).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn the_main_job_is_shown_and_nothing_stays() {
    let host = nowhere();
    let began = Instant::now();
    demo(&host, &[]).exits(0).shows_in_order(&[
        "holdpoint run 1001",
        "holdpoint run 1002",
        "release-run failed in phase ticket. To roll back:",
        "holdpoint run 1002 --from=ticket",
        "holdpoint run 1003",
        "holdpoint revert 1003",
        "git.unrevert",
    ]);
    assert!(began.elapsed() < Duration::from_mins(1), "{:?}", began.elapsed());
    assert_eq!(left(&host), [""; 0].map(std::path::PathBuf::from));
}

#[test]
fn the_seeds_five_steps_can_be_walked_in_the_folder_that_is_kept() {
    let host = nowhere();
    demo(&host, &["--keep"]).exits(0);
    let folder = left(&host).pop().unwrap();
    let at = folder.join("host");
    let typed = |line: &str| host.types_at(&at, line);
    typed("tail .asd/workspace/releases/1002.log").exits(0).shows("event=succeeded");
    typed("grep event=failed .asd/workspace/releases/1002.log").exits(0).shows("phase=ticket event=failed");
    typed("grep event=failed .asd/workspace/releases/1001.log").exits(1);
    typed("holdpoint state 1003").exits(0).shows("reverted");
    typed("holdpoint log 1003 --verify").exits(0);
    typed("holdpoint list").exits(0).shows("1004@1");
    typed("holdpoint revert 1004 --yes --dry-run").exits(0);
    assert_eq!(
        folder.metadata().unwrap().permissions().mode() & 0o7777,
        0o700,
        "the folder is its maker's own"
    );
}

#[test]
fn nothing_but_git_and_a_shell_is_needed() {
    let host = nowhere();
    let bin = host.root().join("only");
    std::fs::create_dir(&bin).unwrap();
    let path = std::env::var_os("PATH").unwrap();
    for program in [
        "git", "bash", "sh", "sed", "cat", "cp", "grep", "tail", "env", "rm", "mv", "mkdir", "touch",
        "sleep", "kill", "dirname", "readlink", "tr", "wc", "head", "echo", "printf", "test", "chmod", "ln",
        "ls", "date", "cut", "setsid", "nohup", "true", "false", "seq",
    ] {
        let found =
            std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file());
        if let Some(found) = found {
            std::os::unix::fs::symlink(found, bin.join(program)).unwrap();
        }
    }
    let mut command = host.command(binary(), host.root());
    command
        .arg("demo")
        .env("TMPDIR", host.root().join("tmp"))
        .env("PATH", bin)
        .stdin(std::process::Stdio::null());
    Output::of(command).exits(0);
}

#[test]
fn a_release_goes_over_five_hosts_and_a_bad_canary_goes_back() {
    let host = nowhere();
    let began = Instant::now();
    demo(&host, &["--fleet"]).exits(0).shows_in_order(&[
        "holdpoint rollout start",
        "completed",
        "2002: a canary that turns bad",
        "rolling_back",
        "rolled_back",
    ]);
    assert!(began.elapsed() < Duration::from_secs(90), "{:?}", began.elapsed());
    assert_eq!(left(&host), [""; 0].map(std::path::PathBuf::from));
}

#[test]
fn the_desk_that_the_fleet_leaves_behind_can_be_served() {
    let host = nowhere();
    demo(&host, &["--fleet", "--keep"]).exits(0).shows("holdpoint serve").shows("holdpoint token create me");
    let kept = left(&host);
    let [top] = kept.as_slice() else { panic!("{kept:?}") };
    let mut command = host.command(binary(), &top.join("desk"));
    command.args(["token", "create", "me", "--role", "admin"]);
    Output::of(command).exits(0).shows("`me` is admin");
}
