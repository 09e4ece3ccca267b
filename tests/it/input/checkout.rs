//! Checkouts that cannot be released on, and remotes that are gone.

use crate::support::{Host, Output, Scene, Service, binary};

use super::all_of;

#[test]
fn a_remote_that_is_gone_is_said_and_nothing_else_happens() {
    let host = Host::new();
    host.ships("1234", "wikijs", "2");
    host.git(["fetch", "-q"]).exits(0);
    std::fs::rename(host.root().join("origin.git"), host.root().join("gone.git")).unwrap();
    let before = all_of(&host);
    let refused =
        host.run(["run", "1234"]).exits(4).shows("source-unavailable").shows("git fetch origin main");
    insta::assert_snapshot!(host.screen(&refused), @"
    ✗ source-unavailable: git could not fetch `main` from `origin`: fatal: 'HOST/origin.git' does not appear to be a git repository; fatal: Could not read from remote repository.; Please make sure you have the correct access rights; and the repository exists.
      → git fetch origin main
      → repair the access, then run the same command again
      → it moved: `holdpoint source relink git.remote --to … --expect-current origin --reason '…'`; the branch has another name: `holdpoint source relink git.branch --to … --expect-current main --reason '…'`
    ! this host has no record of a release yet, so whether HEAD moved since the last one is not known (`holdpoint adopt` records what runs)
      playbook  release-source-unavailable (strong match): see what the remote really has, put the remote or branch right, and run the same command again

    refused for 1 reason, nothing was changed
    ");
    assert_eq!(all_of(&host), before);
    host.run(["check", "1234"]).exits(4).shows("source-unavailable");
    // Looking at what is recorded needs no remote.
    host.run(["status"]).exits(0);
    host.run(["list"]).exits(0);
    std::fs::rename(host.root().join("gone.git"), host.root().join("origin.git")).unwrap();
    host.run(["run", "1234"]).exits(0);
    // A revert needs none either.
    std::fs::rename(host.root().join("origin.git"), host.root().join("gone.git")).unwrap();
    host.run(["revert", "1234", "--yes"]).exits(0);
    assert_eq!(host.image("wikijs"), "wikijs:1");
}

#[test]
fn a_remote_that_was_never_there_is_said() {
    let host = Scene::new().service(Service::new("wikijs")).build();
    host.git(["remote", "rename", "origin", "upstream"]).exits(0);
    host.run(["run", "1234"]).exits(4).shows("source-unavailable").shows("origin");
}

#[test]
fn a_release_without_asking_the_remote_takes_what_was_fetched_last() {
    let host = Host::new();
    host.ships("1234", "wikijs", "2");
    host.run(["check", "1234"]).exits(0);
    std::fs::rename(host.root().join("origin.git"), host.root().join("gone.git")).unwrap();
    host.run(["run", "1234", "--no-fetch"]).exits(0);
    assert_eq!(host.image("wikijs"), "wikijs:2");
}

#[test]
fn a_detached_head_is_refused() {
    let host = Host::new();
    host.ships("1234", "wikijs", "2");
    host.git(["checkout", "-q", "--detach"]).exits(0);
    let before = all_of(&host);
    let refused =
        host.run(["run", "1234"]).exits(4).shows("checkout-unfit").shows("detached").shows("git switch main");
    insta::assert_snapshot!(host.screen(&refused), @"
    ✗ checkout-unfit: `HOST/prod` has no branch checked out: HEAD is detached at commit-1
      → git switch main
    ! this host has no record of a release yet, so whether HEAD moved since the last one is not known (`holdpoint adopt` records what runs)

    refused for 1 reason, nothing was changed
    ");
    assert_eq!(all_of(&host), before);
}

#[test]
fn a_shallow_clone_is_refused_where_it_lacks_what_is_needed() {
    let host = Host::new();
    let first = host.head();
    host.ships("1233", "wikijs", "2");
    let origin = format!("file://{}", host.root().join("origin.git").display());
    host.git_at(host.root(), ["clone", "-q", "--depth=1", &origin, "shallow"]).exits(0);
    at(&host, "shallow", &["run", "1234", "--base", &first, "--reason", "x"])
        .exits(4)
        .shows("checkout-unfit")
        .shows("shallow")
        .shows("git fetch --unshallow");
    // What comes in is whole: that will do.
    host.ships("1234", "wikijs", "3");
    at(&host, "shallow", &["run", "1234", "--dry-run"]).exits(0);
    assert_eq!(host.calls(), [""; 0]);
}

#[test]
fn a_checkout_with_submodules_is_refused() {
    let host = Host::new();
    let origin = host.root().join("origin.git").display().to_string();
    host.git_at(
        &host.dev(),
        ["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", &origin, "vendor/other"],
    )
    .exits(0);
    host.ships("1234", "wikijs", "2");
    let before = all_of(&host);
    host.run(["run", "1234"]).exits(4).shows("checkout-unfit").shows("submodule");
    assert_eq!(all_of(&host), before);
}

#[test]
fn a_bare_repository_is_refused() {
    let host = Host::new();
    let bare = host.root().join("origin.git");
    std::fs::create_dir(bare.join(".asd")).unwrap();
    std::fs::copy(host.prod().join(".asd/release.toml"), bare.join(".asd/release.toml")).unwrap();
    at(&host, "origin.git", &["run", "1234"]).fails().shows("bare");
}

#[test]
fn a_folder_that_is_no_checkout_is_refused() {
    let host = Host::new();
    let plain = host.root().join("plain");
    std::fs::create_dir_all(plain.join(".asd")).unwrap();
    std::fs::copy(host.prod().join(".asd/release.toml"), plain.join(".asd/release.toml")).unwrap();
    at(&host, "plain", &["run", "1234"]).fails().shows("git");
    at(&host, ".", &["run", "1234"]).exits(2).shows(".asd/release.toml").shows("holdpoint init");
    at(&host, ".", &["-C", "nowhere", "run", "1234"]).exits(2).shows("nowhere");
    let mut elsewhere = host.command(binary(), std::path::Path::new("/"));
    elsewhere.args(["-C", host.prod().to_str().unwrap(), "state", "1234"]);
    Output::of(elsewhere).exits(4).shows("1234");
}

#[test]
fn a_folder_below_the_top_will_do() {
    let host = Host::new();
    host.ships("1234", "wikijs", "2");
    at(&host, "prod/packages/wikijs", &["run", "1234"]).exits(0);
    assert_eq!(host.image("wikijs"), "wikijs:2");
    assert!(host.workspace("releases/1234.env").exists());
}

#[test]
fn a_checkout_below_another_repositorys_top_is_refused() {
    let host = Host::new();
    host.ships("1234", "wikijs", "2");
    let inner = host.dev().join("inner");
    std::fs::create_dir_all(inner.join(".asd")).unwrap();
    std::fs::copy(host.prod().join(".asd/release.toml"), inner.join(".asd/release.toml")).unwrap();
    at(&host, "dev/inner", &["run", "1234"]).fails().hides("panicked");
    assert_eq!(host.calls(), [""; 0]);
}

#[test]
fn local_commits_are_not_released_over() {
    let host = Host::new();
    host.ships("1234", "wikijs", "2");
    host.write("README.md", "Changed here.\n");
    host.git(["commit", "-q", "-a", "-m", "made on the host"]).exits(0);
    let before = all_of(&host);
    host.run(["run", "1234"]).exits(4).shows("diverged").shows("made on the host").hides("push --force");
    assert_eq!(all_of(&host), before);
}

#[test]
fn hooks_and_configuration_of_the_checkout_run_nothing() {
    let host = Host::new();
    host.ships("1234", "wikijs", "2");
    let sprung = host.root().join("sprung");
    for hook in
        ["post-merge", "post-checkout", "pre-commit", "reference-transaction", "post-commit", "pre-auto-gc"]
    {
        let path = host.prod().join(".git/hooks").join(hook);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, format!("#!/bin/sh\necho {hook} >>{}\n", sprung.display())).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    for (key, value) in [
        ("core.fsmonitor", format!("echo fsmonitor >>{}", sprung.display())),
        ("core.pager", format!("echo pager >>{}; cat", sprung.display())),
        ("diff.external", format!("echo diff >>{}", sprung.display())),
        ("core.editor", format!("echo editor >>{}", sprung.display())),
        ("gpg.program", format!("echo gpg >>{}", sprung.display())),
        ("commit.gpgsign", "true".to_owned()),
        ("merge.ff", "no".to_owned()),
        ("pull.rebase", "true".to_owned()),
        ("alias.merge", format!("!echo alias >>{}", sprung.display())),
    ] {
        host.git(["config", key, &value]).exits(0);
    }
    let target = host.git_at(&host.dev(), ["rev-parse", "HEAD"]).stdout.trim().to_owned();
    host.run(["run", "1234"]).exits(0);
    assert_eq!(host.git(["rev-parse", "HEAD"]).stdout.trim(), target);
    host.run(["revert", "1234", "--yes"]).exits(0);
    assert!(!sprung.exists(), "{}", std::fs::read_to_string(sprung).unwrap_or_default());
}

#[test]
fn a_lock_that_git_left_behind_fails_the_merge_and_is_resumable() {
    let host = Host::new();
    let target = host.ships("1234", "wikijs", "2");
    let lock = host.prod().join(".git/index.lock");
    std::fs::write(&lock, "").unwrap();
    host.run(["run", "1234"]).exits(1).shows("index.lock").shows("No service was touched");
    assert_eq!(
        (host.image("wikijs"), host.state("1234", "FAILED_STEP")),
        ("wikijs:1".into(), "git.merge".into())
    );
    std::fs::remove_file(lock).unwrap();
    host.run(["run", "1234"]).exits(0);
    assert_eq!(host.head(), target);
}

#[test]
fn without_git_nothing_is_attempted() {
    let host = Host::new();
    let mut command = host.command(binary(), &host.prod());
    command.args(["run", "1234"]).env("PATH", host.root().join("home"));
    // The path is fixed for what we start: an operator's odd PATH changes nothing.
    let output = Output::of(command);
    assert!(matches!(output.code, Some(4 | 5)), "{output}");
}

/// The program in a folder below the host's.
fn at(host: &Host, folder: &str, words: &[&str]) -> Output {
    let mut command = host.command(binary(), &host.root().join(folder));
    command.args(words).stdin(std::process::Stdio::null());
    Output::of(command)
}
