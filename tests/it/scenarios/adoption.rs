//! A host that runs already, long before it is released with this program.

use crate::support::{Host, Scene, Service, wait_until};

use super::three;

#[test]
fn a_running_host_is_adopted_without_touching_it() {
    let host = three();
    let head = host.head();
    let pids = || {
        ["postgres", "wikijs", "redmine"]
            .map(|name| std::fs::read_to_string(host.root().join(format!("run/{name}/pid"))).unwrap())
    };
    let before = pids();
    host.run(["adopt", "--dry-run"]).exits(0);
    assert!(!host.workspace("releases/baseline.env").exists());
    let adopted = host.run(["adopt"]).exits(0);
    insta::assert_snapshot!(host.screen(&adopted), @"
    recorded  baseline@1  main at commit-1, succeeded
    recorded  service postgres  postgres:1
    recorded  service redmine  redmine:1
    recorded  service wikijs  wikijs:1
    to release:
        holdpoint run TICKET --dry-run
    ");
    assert_eq!((host.head(), host.calls(), pids()), (head.clone(), vec![], before));
    assert_eq!(
        (host.state("baseline", "STATUS"), host.state("baseline", "MERGE_SHA")),
        ("succeeded".into(), head.clone())
    );
    host.run(["list"]).exits(0).shows("baseline@1");
    host.run(["log", "baseline", "--verify"]).exits(0);
    host.run(["status"]).exits(0).shows("wikijs:1").shows("redmine:1");

    // From now on a tree that somebody pulled is found.
    host.ships("1234", "wikijs", "2");
    host.git(["pull", "-q"]).exits(0);
    host.run(["run", "1234"]).exits(4).shows("head-moved").shows(&format!("git reset --hard {head}"));
    host.git(["reset", "-q", "--hard", &head]).exits(0);
    host.run(["run", "1234"]).exits(0);
    assert_eq!(host.state("1234", "BASE_SHA"), head);
}

#[test]
fn baseline_is_no_ticket() {
    let host = Host::new();
    host.run(["adopt"]).exits(0);
    host.run(["run", "baseline"]).exits(2);
    host.run(["revert", "baseline", "--yes"]).fails();
    assert_eq!(host.calls(), [""; 0]);
}

#[test]
fn init_drafts_what_a_host_needs_and_never_overwrites() {
    let host = Host::new();
    // A checkout that knows nothing of us yet.
    for path in [".asd", "packages"] {
        std::fs::remove_dir_all(host.dev().join(path)).unwrap();
    }
    host.commit("1200", &[("Makefile", "all:\n")]);
    host.push();
    host.git(["pull", "-q"]).exits(0);
    std::fs::write(host.prod().join(".git/info/exclude"), "*.bak\n").unwrap();
    host.run(["run", "1234"]).exits(2).shows("holdpoint init");
    host.run(["init", "--dry-run"]).exits(0).shows(".asd/release.toml");
    assert!(!host.prod().join(".asd/release.toml").exists() && !host.prod().join("release.just").exists());
    host.run(["init"]).exits(0).shows(".asd/release.toml").shows("release.just");
    assert!(host.read("release.just").contains("release-run"));
    let exclude = host.read(".git/info/exclude");
    assert!(exclude.contains("*.bak") && exclude.contains(".asd/workspace"), "{exclude}");
    // What it drafted is a configuration.
    host.run(["doctor"]).hides("error:");
    let drafted = host.read(".asd/release.toml");
    host.write(".asd/release.toml", &(drafted + "# ours\n"));
    host.run(["init"]).hides("panicked");
    assert!(host.read(".asd/release.toml").ends_with("# ours\n"), "init never overwrites");
}

#[test]
fn doctor_says_whether_the_host_is_fit() {
    let host = Host::new();
    host.run(["doctor"]).exits(0);
    host.run(["doctor", "--json"]).exits(0).json();
    host.service("wikijs", "stop").exits(0);
    wait_until("it is down", || host.service("wikijs", "status").code == Some(3));
    host.run(["status"]).shows("stopped");
}

#[test]
fn a_service_that_is_not_well_before_the_release_is_seen() {
    let host = Scene::new().service(Service::new("wikijs")).service(Service::new("redmine")).build();
    host.service("redmine", "stop").exits(0);
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(0);
    host.service("redmine", "status").exits(3);
    assert!(!host.calls().iter().any(|call| call.starts_with("redmine start")), "{:?}", host.calls());
}
