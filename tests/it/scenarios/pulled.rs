//! Images that cannot be pulled; and trees that somebody pulled before the release.

use crate::support::{Host, Trouble};

use super::three;

#[test]
fn a_denied_pull_touches_none_of_three_services() {
    let host = three();
    host.trouble("redmine", Trouble::PullDenied, Some("redmine:2"));
    host.bump("1234", "postgres", "2");
    host.bump("1234", "wikijs", "2");
    let target = host.ships("1234", "redmine", "2");

    let failed = host
        .run(["run", "1234"])
        .exits(1)
        .shows("Error response from daemon: pull access denied for redmine")
        .shows("release-run failed in phase migrate. To roll back:\n    holdpoint revert 1234\n")
        .shows("    holdpoint run 1234 --from=migrate");
    insta::assert_snapshot!(host.last_words(&failed), @"
    ✗ migrate failed: `bash HOST/service.sh redmine pull` exited 1
      │ Error response from daemon: pull access denied for redmine, repository does not exist or may require 'docker login'
      services  postgres untouched · redmine untouched · wikijs untouched
      look  holdpoint status redmine · holdpoint logs redmine
      evidence  .asd/workspace/releases/1234/1/evidence/STAMP
      playbook  release-image-pull-denied (strong match): show the configuration line and ask the registry for that tag: no such tag, no access, or registry away
    release-run failed in phase migrate. To roll back:
        holdpoint revert 1234
    To go on once the cause is fixed:
        holdpoint run 1234 --from=migrate
    ");
    for service in ["postgres", "wikijs", "redmine"] {
        assert_eq!(host.image(service), format!("{service}:1"));
        host.service(service, "status").exits(0);
    }
    assert!(host.calls().iter().all(|call| call.contains(" pull ")), "{:?}", host.calls());
    for (key, value) in [
        ("PHASE", "migrate"),
        ("STATUS", "failed"),
        ("FAILED_STEP", "redmine.pull"),
        ("MERGE_SHA", target.as_str()),
    ] {
        assert_eq!(host.state("1234", key), value, "{key}");
    }
    host.types("tail .asd/workspace/releases/1234.log").shows("phase=migrate event=failed rc=1");

    host.repair("redmine");
    host.run(["run", "1234", "--from=migrate"]).exits(0);
    let recreated = host.calls().into_iter().filter(|call| call.contains("recreate")).count();
    assert_eq!((recreated, host.image("redmine")), (3, "redmine:2".into()));
}

#[test]
fn a_denied_pull_is_reverted_without_a_scratch() {
    let host = three();
    let base = host.head();
    host.trouble("wikijs", Trouble::PullDenied, None);
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(1);
    host.run(["revert", "1234", "--yes"]).exits(0);
    host.git(["diff", "--stat", &base, "HEAD"]).exits(0).hides("packages");
    assert_eq!((host.image("wikijs"), host.state("1234", "STATUS")), ("wikijs:1".into(), "reverted".into()));
}

#[test]
fn a_service_that_does_not_start_leaves_the_others_as_they_were() {
    let host = three();
    host.trouble("postgres", Trouble::StartFails, Some("postgres:2"));
    host.bump("1234", "wikijs", "2");
    host.ships("1234", "postgres", "2");
    host.run(["run", "1234"])
        .exits(1)
        .shows("exec format error")
        .shows("postgres stopped · wikijs untouched");
    assert_eq!(host.state("1234", "FAILED_STEP"), "postgres.recreate");
    host.run(["revert", "1234", "--yes"]).exits(0);
    assert_eq!((host.image("postgres"), host.image("wikijs")), ("postgres:1".into(), "wikijs:1".into()));
    host.service("postgres", "status").exits(0);
}

#[test]
fn a_pre_pulled_tree_is_found_by_the_record_and_taken_back() {
    let host = Host::new();
    let base = host.ships("1233", "wikijs", "2");
    host.run(["run", "1233"]).exits(0);
    host.ships("1234", "wikijs", "3");
    host.git(["pull", "-q"]).exits(0);

    let refused = host
        .run(["run", "1234"])
        .exits(4)
        .shows("[ERROR] already up-to-date with origin/main — nothing to release")
        .shows("head-moved")
        .shows(&format!("git reset --hard {base}"))
        .shows("--base");
    insta::assert_snapshot!(host.screen(&refused), @"
    [ERROR] already up-to-date with origin/main — nothing to release
        nothing-to-release
      → somebody pulled before the release: see `head-moved`

    ✗ head-moved: HEAD is commit-1, but the last release here left commit-2
        commit-1 1234: change 2 files (Dev Eloper, TIME)
        HEAD moved commit-2 → commit-1: pull -q: Fast-forward, by Dev Eloper <dev@example.org>, TIME
      → git reset --hard commit-2 && holdpoint run 1234
      → holdpoint run 1234 --base commit-2 --reason '…'
      playbook  release-pre-pulled (strong match): find the commit that HEAD stood on before the pull, go back to it on a clean tree, and release again

    refused for 2 reasons, nothing was changed
    ");
    assert_eq!(host.image("wikijs"), "wikijs:2", "nothing was touched");
    assert_eq!(is_pre_pulled(&host, "1234"), "confirmed");
    let failure = host.types("grep event=failed .asd/workspace/releases/1234.log").exits(0);
    failure.shows("phase=prepare event=failed rc=4").shows("reason=");

    host.types(&format!("git reset --hard {base}")).exits(0);
    host.run(["run", "1234"]).exits(0);
    assert_eq!((host.state("1234", "BASE_SHA"), host.image("wikijs")), (base, "wikijs:3".into()));
}

/// What the detection of the playbook comes to.
fn is_pre_pulled(host: &Host, ticket: &str) -> String {
    let view = host.run(["playbook", "run", "release-pre-pulled", "--ticket", ticket, "--json"]).json();
    view["verdict"].as_str().unwrap().to_owned()
}

#[test]
fn where_everything_is_released_nobody_is_sent_back_behind_the_good_release() {
    let host = Host::new();
    host.ships("1233", "wikijs", "2");
    host.run(["run", "1233"]).exits(0);
    let left = host.head();
    let refused = host.run(["run", "9998"]).exits(5).hides("playbook").hides("reset --hard");
    refused.shows(&format!("HEAD is what the last release here left, {}", &left[..12]));
    host.run(["check"]).exits(5).hides("playbook");
    host.run(["playbook", "match", "9998"]).exits(5).hides("release-pre-pulled");
    assert_eq!(is_pre_pulled(&host, "9998"), "not-confirmed");
    host.run(["diagnose", "9998"]).exits(0).hides("release-pre-pulled");

    // A commit that was made here and nowhere else is no pull, and is not to be thrown away.
    host.write("mended.txt", "here\n");
    host.git(["add", "mended.txt"]).exits(0);
    host.git(["commit", "-qm", "mended here"]).exits(0);
    host.run(["run", "1234"])
        .exits(4)
        .shows("1 commit is not in origin/main")
        .hides("&& holdpoint run")
        .hides("release-pre-pulled");
    assert_eq!(is_pre_pulled(&host, "1234"), "not-confirmed");
}

#[test]
fn a_pre_pulled_tree_without_a_record_is_found_by_the_reflog() {
    let host = Host::new();
    let base = host.head();
    host.ships("1234", "wikijs", "2");
    host.git(["pull", "-q"]).exits(0);

    let refused = host
        .run(["run", "1234"])
        .exits(5)
        .shows("[ERROR] already up-to-date with origin/main — nothing to release")
        .shows(&format!("git reset --hard {base}"))
        .shows("if this was a pull before the release");
    insta::assert_snapshot!(host.screen(&refused), @"
    [ERROR] already up-to-date with origin/main — nothing to release
        nothing-to-release
        HEAD moved commit-1 → commit-2: pull -q: Fast-forward, by Dev Eloper <dev@example.org>, TIME
      → git reflog
      → git reset --hard commit-1 && holdpoint run 1234  (if this was a pull before the release)
    ! this host has no record of a release yet, so whether HEAD moved since the last one is not known (`holdpoint adopt` records what runs)
      playbook  release-pre-pulled (strong match): find the commit that HEAD stood on before the pull, go back to it on a clean tree, and release again

    refused for 1 reason, nothing was changed
    ");
    host.types("grep event=failed .asd/workspace/releases/1234.log").shows("phase=prepare event=failed rc=5");
    assert_eq!(is_pre_pulled(&host, "1234"), "confirmed");
    // The line as it is printed can be typed.
    host.types(&format!("git reset --hard {base} && holdpoint run 1234")).exits(0);
    assert_eq!((host.state("1234", "BASE_SHA"), host.image("wikijs")), (base, "wikijs:2".into()));
}

#[test]
fn what_was_pulled_before_a_newer_commit_arrived_is_not_lost() {
    let host = three();
    let base = host.ships("1233", "redmine", "2");
    host.run(["run", "1233"]).exits(0);
    host.bump("1234", "wikijs", "2");
    host.push();
    host.git(["pull", "-q"]).exits(0);
    let target = host.ships("1234", "redmine", "3");

    // A plain fast-forward would now release the second commit alone, and nobody would ever recreate wikijs.
    host.run(["run", "1234"])
        .exits(4)
        .shows("head-moved")
        .shows(&format!("git reset --hard {base}"))
        .shows(&format!("--base {base}"))
        .hides("nothing to release");
    host.run(["run", "1234", "--base", &base]).exits(2).shows("--reason");
    host.run(["run", "1234", "--base", &base, "--reason", "pulled by hand"]).exits(0);
    assert_eq!((host.image("wikijs"), host.image("redmine")), ("wikijs:2".into(), "redmine:3".into()));
    assert_eq!((host.state("1234", "BASE_SHA"), host.state("1234", "MERGE_SHA")), (base.clone(), target));
    host.run(["revert", "1234", "--yes"]).exits(0);
    assert_eq!(super::tree(&host, "HEAD"), super::tree(&host, &base));
    assert_eq!((host.image("wikijs"), host.image("redmine")), ("wikijs:1".into(), "redmine:2".into()));
}

#[test]
fn a_dirty_tree_is_refused_with_the_seeds_line_and_left_alone() {
    let host = Host::new();
    host.ships("1234", "wikijs", "2");
    host.write("README.md", "Work of somebody.\n");
    host.write("notes.txt", "not tracked\n");
    let refused = host
        .run(["run", "1234"])
        .exits(4)
        .shows("[ERROR] Working tree is dirty. Commit, stash or discard before release.")
        .shows("README.md")
        .shows("notes.txt")
        .shows("git status");
    insta::assert_snapshot!(host.screen(&refused), @"
    [ERROR] Working tree is dirty. Commit, stash or discard before release.
        tree-dirty
         M README.md, of deploy, changed TIME
        ?? notes.txt, of deploy, changed TIME
      → git status
      → often it is somebody's legitimate work that needs committing: look at it first
      → ask its owner before stashing or discarding it
    ! this host has no record of a release yet, so whether HEAD moved since the last one is not known (`holdpoint adopt` records what runs)
      playbook  release-tree-dirty (strong match): see what was changed, by whom and when, and put a copy aside before anything else

    refused for 1 reason, nothing was changed
    ");
    assert_eq!(host.read("README.md"), "Work of somebody.\n");
    host.git(["stash", "list"]).exits(0).hides("stash@");
    host.types("tail .asd/workspace/releases/1234.log")
        .shows("phase=prepare event=failed rc=4")
        .shows("reason=tree-dirty");
    host.run(["revert", "1234", "--yes"]).exits(0).shows("nothing was changed");
    host.types("git checkout -q README.md && rm notes.txt && holdpoint run 1234").exits(0);
}
