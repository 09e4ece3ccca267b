//! `source relink`: what is read from then on, by whom, and the way back.

use super::{host_with_a_tool, mirror, source};
use crate::support::Host;

#[test]
fn the_next_release_comes_from_the_new_remote_and_the_tree_stays_clean() {
    let host = Host::new();
    let moved = mirror(&host, "moved.git");
    host.ships("1234", "wikijs", "2");
    host.git_at(&host.dev(), ["push", "-q", &moved, "HEAD:main"]).exits(0);
    std::fs::remove_dir_all(host.root().join("origin.git")).unwrap();
    host.run(["run", "1234"])
        .exits(4)
        .shows("source-unavailable")
        .shows("holdpoint source relink git.remote");
    let (head, calls) = (host.head(), host.calls());

    let relink = ["source", "relink", "git.remote", "--to", &moved, "--expect-current", "origin"];
    host.run(relink.iter().chain(&["--dry-run"]))
        .exits(0)
        .shows_in_order(&[
            "git.remote would be relinked",
            "current",
            "origin",
            "new",
            &moved,
            "environment",
            "found",
        ])
        .shows("Nothing was changed");
    host.run(relink).exits(2).shows("there is no terminal to ask").shows("--yes");
    assert_eq!(source(&host, "git.remote")["current"], "origin");
    host.run(relink.iter().chain(&["--yes", "--reason", "the forge moved"]))
        .exits(0)
        .shows("git.remote is relinked")
        .shows("Nothing was released");

    assert_eq!((host.head(), host.calls()), (head, calls), "no release was begun");
    assert_eq!(host.git(["status", "--porcelain"]).exits(0).stdout, "", "the tree is clean");
    let row = source(&host, "git.remote");
    assert_eq!((&row["current"], &row["provenance"]), (&moved.clone().into(), &"relinked".into()), "{row:#}");
    assert_eq!(row["relink"]["reason"], "the forge moved");
    assert!(row["relink"]["by"].as_str().is_some_and(|by| !by.is_empty()), "{row:#}");
    assert_eq!((&row["valid"], &row["readable"]), (&true.into(), &true.into()));
    host.run(["log", "audit"]).exits(0).shows("relinked").shows("the forge moved");

    host.run(["doctor"]).shows("relinked");
    host.run(["check", "1234"]).exits(0);
    host.run(["run", "1234"]).exits(0);
    assert_eq!(host.image("wikijs"), "wikijs:2");
}

#[test]
fn a_renamed_branch_is_followed_and_the_way_back_is_open() {
    let host = Host::new();
    host.git_at(&host.dev(), ["checkout", "-q", "-b", "trunk"]).exits(0);
    host.ships("1234", "wikijs", "2");
    host.git_at(&host.root().join("origin.git"), ["symbolic-ref", "HEAD", "refs/heads/trunk"]).exits(0);
    host.git_at(&host.root().join("origin.git"), ["branch", "-D", "main"]).exits(0);
    host.run(["run", "1234"]).exits(4).shows("source-unavailable");

    host.run(["source", "relink", "git.branch", "--to", "trunk", "--expect-current", "main", "--yes"])
        .exits(0)
        .shows("git branch -m main trunk");
    host.git(["branch", "-m", "main", "trunk"]).exits(0);
    host.run(["run", "1234"]).exits(0);
    assert_eq!(host.state("1234", "BRANCH"), "trunk");

    host.run(["source", "relink", "git.branch", "--reset", "--expect-current", "trunk", "--yes"])
        .exits(0)
        .shows("main (as configured)")
        .shows("it cannot be read now");
    let row = source(&host, "git.branch");
    assert_eq!((&row["current"], &row["provenance"]), (&"main".into(), &".asd/release.toml".into()));
    host.run(["source", "show"]).exits(0).shows("earlier relinks").shows("trunk → main (as configured)");
}

#[test]
fn a_service_whose_folder_moved_is_released_from_the_new_one() {
    let host = host_with_a_tool();
    let dev = host.dev();
    std::fs::create_dir_all(dev.join("services")).unwrap();
    host.git_at(&dev, ["mv", "packages/tool", "services/tool"]).exits(0);
    host.commit("1234", &[]);
    host.push();
    let relink =
        ["source", "relink", "tool.folder", "--to", "services/tool", "--expect-current", "packages/tool"];
    host.run(relink.iter().chain(&["--yes", "--reason", "it moved"]))
        .exits(0)
        .shows("services/tool/run.sh")
        .shows("holdpoint redeploy --service tool");
    // What runs was deployed from the old folder, and is still looked at there.
    host.run(["status", "tool"]).exits(0).hides("unknown");

    host.run(["run", "1234", "--dry-run"]).exits(0).shows("services/tool/run.sh");
    host.run(["run", "1234"]).exits(0);
    let runs_in = std::fs::read_to_string(host.root().join("tool")).unwrap();
    assert_eq!(runs_in.trim(), host.prod().join("services/tool").display().to_string());
    host.run(["drift", "--check"]).exits(0);

    // Taken back, it is what it was, and what it was is read from where it was.
    host.run(["revert", "1234", "--yes"]).exits(0);
    let runs_in = std::fs::read_to_string(host.root().join("tool")).unwrap();
    assert_eq!(runs_in.trim(), host.prod().join("packages/tool").display().to_string());
    host.run(["drift", "--check"]).exits(0);
}

#[test]
fn a_relink_is_refused_once_the_configuration_or_the_address_behind_it_changed() {
    let host = Host::new();
    let moved = mirror(&host, "moved.git");
    host.git(["remote", "add", "moved", &moved]).exits(0);
    host.run(["source", "relink", "git.remote", "--to", "moved", "--expect-current", "origin", "--yes"])
        .exits(0);
    host.git_at(&host.dev(), ["remote", "set-url", "origin", &moved]).exits(0);
    host.ships("1234", "wikijs", "2");
    host.run(["check", "1234"]).exits(0);

    // Somebody lets the name stand for another repository.
    let other = mirror(&host, "other.git");
    host.git(["remote", "set-url", "moved", &other]).exits(0);
    let row = source(&host, "git.remote");
    assert_eq!(row["valid"], false, "{row:#}");
    host.run(["run", "1234"]).exits(4).shows("source-stale").shows("other.git").shows("--fingerprint");
    let recorded = row["relink"]["fingerprint"].as_str().unwrap();
    let accept = ["source", "relink", "git.remote", "--fingerprint", "--expect-current"];
    host.run(accept.iter().chain(&["0123456789abcdef", "--yes"])).exits(4).shows("source-stale");
    host.run(accept.iter().chain(&[recorded, "--yes", "--reason", "it is the same repository"])).exits(0);
    assert_eq!(source(&host, "git.remote")["valid"], true);
    host.git_at(&host.dev(), ["push", "-q", &other, "HEAD:main"]).exits(0);
    host.run(["check", "1234"]).exits(0);
    assert_eq!(
        host.run(["source", "show", "--json"]).exits(0).json()["history"].as_array().unwrap().len(),
        2
    );
}

#[test]
fn the_other_runbooks_form_does_the_same_without_asking() {
    let host = Host::new();
    let moved = mirror(&host, "moved.git");
    host.run(["deployments", "relink", "git.remote", "--to", &moved, "--expect-current", "origin"]).exits(0);
    assert_eq!(source(&host, "git.remote")["current"], moved);
}
