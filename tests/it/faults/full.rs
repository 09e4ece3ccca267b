//! A disk that is full, from the smallest there is and at every point of a release: a clean stop that is on record, nothing
//! damaged, and once there is room the release goes on to its end.

use std::path::Path;
use std::process::Command;

use super::onward::{Verb, goes_on};
use super::tally::{Tally, full, side_by_side};
use crate::support::{Host, Output, Scene, Service, Small, skip};

/// What somebody's program does at one point of a release: it takes all the room but a little, once.
const FILL: &str = "[ \"$1\" = POINT ] && [ ! -e ROOT/ready ] || exit 0
left=$(df --output=avail -B1 DISK | tail -n 1)
size=$((left - KEEP))
[ $size -le 0 ] || head -c $size /dev/zero >DISK/filling || true
";

/// The same with files that hold nothing, until no more but a few can be made.
const FILL_INODES: &str = "[ \"$1\" = Ticket ] && [ ! -e ROOT/ready ] || exit 0
mkdir -p DISK/many
left=$(df --output=iavail DISK | tail -n 1)
for n in $(seq $((left - KEEP / 4096))); do : >DISK/many/$n || break; done
";

/// Where it happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Point {
    /// In the backup.
    Prepare,
    /// In the backup, where the whole checkout is on that disk: git finds no room for the merge.
    Merge,
    Migrate,
    Ticket,
    /// By what the ticket's script prints.
    Output,
    /// At the end of the last script: what follows is records alone.
    Verify,
    Revert,
    /// In the ticket's script: no more files can be made.
    Inodes,
}

impl Point {
    const ALL: [Self; 8] = [
        Self::Prepare,
        Self::Merge,
        Self::Migrate,
        Self::Ticket,
        Self::Output,
        Self::Verify,
        Self::Revert,
        Self::Inodes,
    ];

    const fn verb(self) -> Verb {
        if matches!(self, Self::Revert) { Verb::Revert } else { Verb::Run }
    }
}

const BACKUP: &str = "[{ kind = \"command\", take = [\"bash\", \"-c\", \"bash ../fill.sh Prepare; bash ../fill.sh Merge; \
                      cp -a ../data/wikijs $HOLDPOINT_BACKUP_DIR/\"], check = [\"true\"], restore = [\"bash\", \"-c\", \
                      \"bash ../fill.sh Revert; cp -a $HOLDPOINT_BACKUP_DIR/wikijs ../data/\"] }]";

const CONFIG: &str =
    "[workspace]\nbackups = \"HOST/backups\"\n\n[disk]\nfloor = { percent = 0, bytes = \"64KiB\" }";

/// A host whose disk fills up at that point, down to so many bytes.
fn host(point: Point, keep: u64) -> Option<(Host, Small)> {
    let hook = "hooks = { ensure_config = [{ run = [\"bin/hook.sh\"], idempotent = true }] }";
    let host = Scene::new()
        .service(Service::new("wikijs").backup(BACKUP).extra(hook))
        .file("bin/hook.sh", "bash ../fill.sh Migrate\n")
        .config(CONFIG)
        .build();
    let disk = if point == Point::Merge { host.prod() } else { host.workspace("") };
    let kept = host.root().join("kept");
    let moves = |from: &Path, to: &Path| {
        assert!(Command::new("cp").args(["-aT"]).arg(from).arg(to).status().unwrap().success());
    };
    std::fs::create_dir_all(&disk).unwrap();
    moves(&disk, &kept);
    let small = Small::at(&disk, "24m,nr_inodes=4k")?;
    moves(&kept, &disk);
    // What is printed takes the rest.
    let room = if point == Point::Output { keep + (1 << 20) } else { keep };
    let text = if point == Point::Inodes { FILL_INODES } else { FILL };
    let text = text.replace("POINT", &format!("{point:?}")).replace("KEEP", &room.to_string());
    let text = text.replace("DISK", &host.prod().join(".asd/workspace").display().to_string());
    let text = text.replace("ROOT", &host.root().display().to_string());
    std::fs::write(host.root().join("fill.sh"), text).unwrap();
    let prints = "bash ../fill.sh Output; [ -e ../ready ] || yes 'a line, again and again' | head -c 4M";
    let prints = if point == Point::Output { prints } else { "true" };
    host.script("1234", "a", &format!("bash ../fill.sh Ticket\n{prints}"));
    host.script("1234", "b", "touch ../ran-b; bash ../fill.sh Verify");
    // Larger than what is left, in the tree and among git's own.
    let large = (0..12_000_u64).fold(String::new(), |all, n| all + &(n * 2_654_435_761).to_string() + "\n");
    host.commit("1234", &[("packages/wikijs/large", &large)]);
    host.ships("1234", "wikijs", "2");
    Some((host, small))
}

/// No defect, no damage, and no end that nobody knows: a failure or a refusal.
#[track_caller]
fn stops_cleanly(output: &Output) {
    assert!(matches!(output.code, Some(0 | 1 | 4 | 7)), "{output}");
    assert!(!output.stderr.contains("panicked"), "{output}");
}

fn case(point: Point, keep: u64) {
    let Some((host, small)) = host(point, keep) else { return };
    let stopped = match point.verb() {
        Verb::Run => host.run(["run", "1234"]),
        Verb::Revert => {
            host.run(["run", "1234"]).exits(0);
            host.run(["revert", "1234", "--yes"])
        }
    };
    stops_cleanly(&stopped);
    // Looking still works, and what is on record is no damage and no success that was not.
    let state = host.run(["state", "1234", "--json"]);
    assert!(state.code == Some(0), "{state}");
    let over = matches!(state.json()["state"]["status"].as_str(), Some("reverted"))
        || point.verb() == Verb::Run && state.json()["state"]["status"] == "succeeded";
    assert_eq!(over, stopped.code == Some(0), "{stopped}\n{state}");
    host.run(["log", "1234", "--verify"]).exits(0);
    stops_cleanly(&host.run(["run", "1234", "--from=ticket"]));
    small.remount("size=80m,nr_inodes=64k");
    std::fs::write(host.root().join("ready"), "").unwrap();
    if let Err(why) = goes_on(point.verb(), |words| host.run(words.iter().copied())) {
        panic!("{why}\n--- it had stopped with\n{stopped}\n{}", host.log("1234"));
    }
    let (status, image) =
        if point.verb() == Verb::Run { ("succeeded", "wikijs:2") } else { ("reverted", "wikijs:1") };
    let ended = host.run(["state", "1234", "--json"]).exits(0);
    assert_eq!(ended.json()["state"]["status"], status, "{ended}");
    assert_eq!(host.image("wikijs"), image, "{}", host.log("1234"));
    assert!(host.root().join("ran-b").exists());
    host.run(["log", "1234", "--verify"]).exits(0);
    assert_eq!(host.git(["status", "--porcelain"]).exits(0).stdout, "");
}

/// What is left of the disk, in pages: around what the records of one moment need.
fn left() -> Vec<u64> {
    let pages: Vec<u64> = if full() { (0..=20).chain([24, 32, 48]).collect() } else { vec![0, 1, 8] };
    pages.into_iter().map(|pages| pages * 4096).collect()
}

#[test]
fn a_disk_that_fills_up_at_any_point_stops_the_release_cleanly_and_it_goes_on_once_there_is_room() {
    if !rustix::process::geteuid().is_root() {
        skip("mounting a small filesystem needs root");
        return;
    }
    let cases = || Point::ALL.into_iter().flat_map(|point| left().into_iter().map(move |keep| (point, keep)));
    let tries = |(shard, shards)| {
        let what = "the disk, or the number of files, is full at a point of a release or of a revert";
        let mut tally = Tally::new("P5", what);
        for (_, (point, keep)) in cases().enumerate().filter(|(at, _)| at % shards == shard) {
            tally.case(&format!("{point:?}, {keep} bytes left"), || case(point, keep));
        }
        vec![tally]
    };
    Tally::end_all(side_by_side((0, 1), tries));
}

/// A disk that grows from nothing, a release tried at each size; with enough of it the release is carried to its end.
fn grows(tally: &mut Tally, first: &str, sizes: impl Iterator<Item = String>) {
    let host = Scene::new().service(Service::new("wikijs")).config(CONFIG).build();
    let Some(small) = Small::at(&host.workspace(""), first) else { return };
    host.ships("1234", "wikijs", "2");
    let head = host.head();
    for how in sizes {
        tally.case(&how, || {
            small.remount(&how);
            let output = host.run(["run", "1234"]).fails();
            stops_cleanly(&output);
            assert_eq!((host.head(), host.calls()), (head.clone(), vec![]), "{output}");
            stops_cleanly(&host.run(["run", "1234", "--dry-run"]));
            stops_cleanly(&host.run(["state", "1234"]));
            stops_cleanly(&host.run(["list"]));
        });
    }
    small.remount("size=64m,nr_inodes=8k");
    tally.case("room at last", || {
        host.run(["run", "1234"]).exits(0);
        host.run(["log", "1234", "--verify"]).exits(0);
    });
}

#[test]
fn a_disk_of_any_size_refuses_or_releases() {
    let mut tally = Tally::new(
        "P5",
        "a disk from 4 KiB up, or with few files, refuses a release or carries it to its end",
    );
    grows(&mut tally, "4k", (0..13).map(|power| format!("size={}k", 4 << power)));
    grows(&mut tally, "64m,nr_inodes=2", (0..8).map(|power| format!("nr_inodes={}", 3 << power)));
    tally.end();
}
