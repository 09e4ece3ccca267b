//! Users wrote after the release began: taking the data back would throw that away, so it is never done silently.

use crate::support::{Host, manifest};

use super::{damages, tree};

/// Ten minutes ago.
const EARLIER: i64 = -600;

/// A release ten minutes ago whose script damaged data, and a page that somebody wrote since.
fn written_since() -> (Host, String, Vec<String>) {
    let host = Host::new();
    let (base, data) = (host.head(), manifest(&host.data("wikijs")));
    host.script("1234", "theme", &damages(&host, "wikijs"));
    host.ships("1234", "wikijs", "2");
    host.run_at(EARLIER, ["run", "1234"]).exits(1);
    std::fs::write(host.data("wikijs").join("pages/written.md"), "# Written since\n").unwrap();
    (host, base, data)
}

#[test]
fn a_revert_asks_before_it_throws_writes_away() {
    let (host, _, _) = written_since();
    let (before, calls) = (manifest(&host.data("wikijs")), host.calls());
    let refused = host
        .run(["revert", "1234", "--yes"])
        .exits(4)
        .shows("write-window")
        .shows("--discard-writes")
        .shows("--skip-data");
    insta::assert_snapshot!(host.screen(&refused), @"
    Take back 1234@1  plan ID
      commit-1 back to commit-2 on main

    2 commits taken back
      commit-1  DAY  Dev Eloper  1234: change 2 files
      commit-3  DAY  Dev Eloper  1234: change 1 files

    1 service
      wikijs  changed  wikijs:2 → wikijs:1  touched by 1234

    data put back
      wikijs  files HOST/data/wikijs  from STAMP  10m old
      everything written in the last SPAN is thrown away

    phases
      revert  8 steps

    ! data of wikijs goes back to STAMP: 10m old, 4KiB, sha256 SHA…
    ✗ write-window: restoring throws away what was written in the last 10m: wikijs from STAMP
      → holdpoint revert 1234 --discard-writes
      → holdpoint revert 1234 --skip-data
    ! data of wikijs goes back to STAMP: 10m old, 4KiB, sha256 SHA…

    refused for 1 reason, nothing was changed
    ");
    assert_eq!((manifest(&host.data("wikijs")), host.calls()), (before, calls), "nothing was touched");
    assert!(host.record("1234", "event=refused").contains("reason=write-window"));
    assert_eq!(host.state("1234", "STATUS"), "failed", "a refusal changes no state");
}

#[test]
fn writes_are_kept_when_the_data_is_left_alone() {
    let (host, base, _) = written_since();
    let data = manifest(&host.data("wikijs"));
    host.run(["revert", "1234", "--yes", "--skip-data"]).exits(0);
    assert_eq!(manifest(&host.data("wikijs")), data);
    assert_eq!((tree(&host, "HEAD"), host.image("wikijs")), (tree(&host, &base), "wikijs:1".into()));
}

#[test]
fn writes_that_are_thrown_away_lie_in_the_safety_copy_and_the_next_day_begins_with_unrevert() {
    let (host, base, data) = written_since();
    let reverted = host.run(["revert", "1234", "--yes", "--discard-writes"]).exits(0);
    assert_eq!(manifest(&host.data("wikijs")), data);
    let said = reverted.stdout.clone() + &reverted.stderr;
    let line = said.lines().find(|line| line.starts_with("safety copy of wikijs")).unwrap();
    let set = line.rsplit_once(": ").unwrap().1;
    let stamp = set.rsplit('/').next().unwrap();
    host.run(["backup", "list", "wikijs"]).exits(0).shows(stamp);
    host.run(["backup", "verify", "wikijs", stamp]).exits(0);
    let ours = host.head();

    // The next day: the fix comes on top of what was taken back. Nothing was pushed from here.
    host.script("1234", "theme", "true");
    let target = host.ships("1235", "wikijs", "3");
    host.run(["run", "1235"]).exits(4).shows("reverted-ticket-returns").shows("--reintroduce 1234");
    let meant = ["run", "1235", "--reintroduce", "1234", "--reason", "mended", "--without-scripts"];
    host.run(meant.iter().chain(&["--dry-run"])).exits(0).shows("git.unrevert");
    host.run(meant).exits(0);
    assert_eq!((host.head(), host.image("wikijs")), (target, "wikijs:3".into()));
    // The commit with the same content as what we reverted to: history goes on from there.
    assert_eq!(host.state("1235", "BASE_SHA"), base);
    assert_eq!(host.git(["rev-parse", "refs/holdpoint/reverted/1234"]).exits(0).stdout.trim(), ours);
    let steps = host.events("1235");
    let at = |step: &str| {
        steps.iter().position(|event| event == step).unwrap_or_else(|| panic!("{step}: {steps:?}"))
    };
    assert!(at("prepare step-done git.unrevert") < at("prepare step-start git.merge"), "{steps:?}");

    // And taking that back gives the host of before all of it.
    host.run(["revert", "1235", "--yes"]).exits(0);
    assert_eq!((tree(&host, "HEAD"), host.image("wikijs")), (tree(&host, &base), "wikijs:1".into()));
}

#[test]
fn a_ticket_that_was_taken_back_is_released_again_as_a_new_cycle() {
    let (host, base, _) = written_since();
    host.run(["revert", "1234", "--yes", "--discard-writes"]).exits(0);
    host.script("1234", "theme", "true");
    host.push();
    host.run(["run", "1234"]).exits(0);
    for (key, value) in [("STATUS", "succeeded"), ("ATTEMPT", "2"), ("CYCLE", "2"), ("DIRECTION", "forward")]
    {
        assert_eq!(host.state("1234", key), value, "{key}");
    }
    assert_eq!(host.image("wikijs"), "wikijs:2");
    // A revert takes the newest cycle back: its base has the first state's content.
    host.run(["revert", "1234", "--yes"]).exits(0);
    assert_eq!((tree(&host, "HEAD"), host.image("wikijs")), (tree(&host, &base), "wikijs:1".into()));
}

#[test]
fn a_revert_leaves_the_tree_or_the_data_when_asked_to() {
    let (host, _, data) = written_since();
    let head = host.head();
    host.run(["revert", "1234", "--yes", "--skip-git", "--discard-writes"]).exits(0);
    assert_eq!((host.head(), manifest(&host.data("wikijs"))), (head, data));
}

#[test]
fn a_backup_that_was_tampered_with_is_never_restored() {
    let (host, _, _) = written_since();
    let (before, calls) = (manifest(&host.data("wikijs")), host.calls());
    let stamp = host.state("1234", "BACKUPS").strip_prefix("wikijs=").unwrap().to_owned();
    let set = host.workspace(&format!("backups/wikijs/{stamp}"));
    let entry =
        std::fs::read_dir(&set).unwrap().map(|e| e.unwrap().path()).find(|path| path.is_dir()).unwrap();
    let file = std::fs::read_dir(entry).unwrap().next().unwrap().unwrap().path();
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    host.run(["revert", "1234", "--yes", "--discard-writes"])
        .exits(4)
        .shows("backup-unverified")
        .shows("--skip-data");
    assert_eq!((manifest(&host.data("wikijs")), host.calls()), (before.clone(), calls));
    std::fs::remove_dir_all(&set).unwrap();
    host.run(["revert", "1234", "--yes", "--discard-writes"])
        .exits(4)
        .shows("backup-missing")
        .shows("--skip-data");
    assert_eq!(manifest(&host.data("wikijs")), before);
    host.run(["revert", "1234", "--yes", "--skip-data"]).exits(0);
}

#[test]
fn a_restore_that_fails_is_stuck_and_goes_on_later() {
    let (host, base, _) = written_since();
    // The old image does not start any more: the way back itself fails.
    host.trouble("wikijs", crate::support::Trouble::StartFails, Some("wikijs:1"));
    host.run(["revert", "1234", "--yes", "--discard-writes"])
        .exits(7)
        .shows("safety copy of wikijs")
        .hides("succeeded");
    assert_eq!(host.state("1234", "STATUS"), "stuck");
    host.run(["state", "1234"]).exits(0).shows("stuck").shows("holdpoint revert 1234");
    host.run(["run", "1234"]).exits(4);
    host.repair("wikijs");
    host.run(["revert", "1234", "--yes", "--discard-writes"]).exits(0);
    assert_eq!((host.state("1234", "STATUS"), host.image("wikijs")), ("reverted".into(), "wikijs:1".into()));
    assert_eq!(tree(&host, "HEAD"), tree(&host, &base));
}
