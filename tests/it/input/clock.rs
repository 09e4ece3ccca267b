//! A clock that goes backwards, or stands wrong.

use crate::support::{Host, manifest};

const DAY: i64 = 86_400;

#[test]
fn a_release_after_the_clock_went_back_is_still_the_last_one() {
    let host = Host::new();
    host.ships("1234", "wikijs", "2");
    host.run_at(DAY, ["run", "1234"]).exits(0);
    let second = host.ships("1235", "wikijs", "3");
    host.run(["run", "1235"]).exits(0);
    // The newest record is older than the one before it.
    host.ships("1236", "wikijs", "4");
    host.run(["run", "1236"]).exits(0);
    assert_eq!((host.state("1236", "BASE_SHA"), host.image("wikijs")), (second, "wikijs:4".into()));
    for ticket in ["1234", "1235", "1236"] {
        host.run(["log", ticket, "--verify"]).exits(0);
    }
    host.run(["revert", "1236", "--yes"]).exits(0);
    assert_eq!(host.image("wikijs"), "wikijs:3");
}

#[test]
fn a_release_is_resumed_and_reverted_before_it_began() {
    let host = Host::new();
    let data = manifest(&host.data("wikijs"));
    host.script("1234", "x", "false");
    host.ships("1234", "wikijs", "2");
    host.run_at(DAY, ["run", "1234"]).exits(1);
    host.run(["run", "1234", "--from=ticket"]).exits(1);
    host.run(["state", "1234"]).exits(0);
    host.run(["list"]).exits(0);
    host.run(["report", "1234", "-o", "-"]).exits(0);
    host.run(["backup", "list"]).exits(0);
    // How much was written since the backup cannot be known: that is said, or little is thrown away.
    let reverted = host.run(["revert", "1234", "--yes", "--discard-writes"]).exits(0);
    drop(reverted);
    assert_eq!((manifest(&host.data("wikijs")), host.image("wikijs")), (data, "wikijs:1".into()));
    host.run(["log", "1234", "--verify"]).exits(0);
}

#[test]
fn sets_of_the_same_second_and_of_tomorrow_are_told_apart() {
    let host = Host::new();
    host.run_at(DAY, ["backup", "take", "wikijs"]).exits(0);
    host.run(["backup", "take", "wikijs"]).exits(0);
    host.run(["backup", "take", "wikijs"]).exits(0);
    let sets = std::fs::read_dir(host.workspace("backups/wikijs")).unwrap().count();
    assert_eq!(sets, 3);
    host.run(["backup", "verify"]).exits(0);
}
