//! A hotfix branch in the night, and the way back to the main branch in the morning.

use crate::support::Host;

use super::tree;

/// A host with a record, and a hotfix branch on the remote.
fn with_hotfix() -> (Host, String) {
    let host = Host::new();
    host.ships("1239", "wikijs", "2");
    host.run(["run", "1239"]).exits(0);
    host.git_at(&host.dev(), ["switch", "-q", "-c", "hotfix/1240"]).exits(0);
    let fix = host.ships("1240", "wikijs", "2.1");
    (host, fix)
}

/// The developer merges the hotfix into main.
fn merged(host: &Host) {
    host.git_at(&host.dev(), ["switch", "-q", "main"]).exits(0);
    host.git_at(&host.dev(), ["merge", "-q", "--no-ff", "-m", "Merge hotfix 1240", "hotfix/1240"]).exits(0);
    host.push();
}

fn branch(host: &Host) -> String {
    host.git(["branch", "--show-current"]).exits(0).stdout.trim().to_owned()
}

#[test]
fn a_hotfix_branch_is_released_and_the_host_returns_to_main() {
    let (host, fix) = with_hotfix();
    host.run(["run", "1240"]).exits(5).shows("nothing to release");
    host.run(["run", "1240", "--branch", "hotfix/1240"]).exits(0);
    assert_eq!((host.head(), branch(&host)), (fix, "hotfix/1240".into()));
    assert_eq!(host.image("wikijs"), "wikijs:2.1");
    assert_eq!(host.state("1240", "BRANCH"), "hotfix/1240");

    // Until it is on main, nothing brings the host back, and a plain run says where it stands.
    host.run(["return-to-main"]).exits(4).shows("hotfix-not-on-main");
    host.run(["run", "1241"]).exits(4).shows("✗ branch:").shows("--branch hotfix/1240");
    merged(&host);
    let calls = host.calls();
    host.run(["return-to-main", "--dry-run"]).exits(0);
    assert_eq!(branch(&host), "hotfix/1240");
    host.run(["return-to-main"]).exits(0).shows("back on main");
    assert_eq!(branch(&host), "main");
    assert_eq!(host.head(), host.git_at(&host.dev(), ["rev-parse", "main"]).exits(0).stdout.trim());
    assert_eq!(host.calls(), calls, "no service is touched");
    host.git(["status", "--porcelain"]).exits(0).hides("packages");

    // The next release begins from there.
    host.ships("1242", "wikijs", "3");
    host.run(["run", "1242"]).exits(0);
    assert_eq!(host.image("wikijs"), "wikijs:3");
}

#[test]
fn a_return_never_brings_in_unreleased_content() {
    let (host, fix) = with_hotfix();
    host.run(["run", "1240", "--branch", "hotfix/1240"]).exits(0);
    host.git_at(&host.dev(), ["switch", "-q", "main"]).exits(0);
    host.git_at(&host.dev(), ["merge", "-q", "--no-ff", "-m", "Merge hotfix 1240", "hotfix/1240"]).exits(0);
    host.ships("1241", "wikijs", "3");
    host.run(["return-to-main"]).exits(4).shows("main-has-unreleased").shows("run ");
    assert_eq!((branch(&host), host.head()), ("hotfix/1240".into(), fix));
}

#[test]
fn a_hotfix_is_reverted_onto_the_branch_it_began_on() {
    let (host, _) = with_hotfix();
    let base = host.head();
    host.run(["run", "1240", "--branch", "hotfix/1240"]).exits(0);
    host.run(["revert", "1240", "--yes"]).exits(0);
    assert_eq!((branch(&host), tree(&host, "HEAD")), ("main".into(), tree(&host, &base)));
    assert_eq!(host.image("wikijs"), "wikijs:2");
}

#[test]
fn a_branch_that_somebody_switched_to_by_hand_is_released_from_the_last_release() {
    let (host, fix) = with_hotfix();
    let base = host.head();
    host.git(["fetch", "-q"]).exits(0);
    host.git(["switch", "-q", "hotfix/1240"]).exits(0);
    host.run(["run", "1240"]).exits(4).shows("✗ branch:");
    host.run(["run", "1240", "--force-allow-non-main"]).exits(0);
    assert_eq!((host.state("1240", "BASE_SHA"), host.state("1240", "MERGE_SHA")), (base, fix));
    assert_eq!(host.image("wikijs"), "wikijs:2.1");
}
