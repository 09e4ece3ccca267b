//! A release, a resume and a revert of which one system call fails: each kind of call, with each error that it may give, at
//! each position. It is never reported as a success, nothing is shown that is not on disk, and it can be gone on with.
//!
//! What need not end the release, and why: a call that a signal interrupted (it is made again); the listing index, which can
//! be rebuilt; the transcript's and the screen's own files; the text of the lock, which only explains; the room that is kept
//! for a full disk. Such a case holds when the release ended exactly as an undisturbed one does.

use std::collections::BTreeMap;

use rustix::io::Errno;

use super::after;
use super::nth::{self, Call, Point, Strike, Struck, Who};
use super::order;
use super::stage::{Stage, Verb};
use super::sweeps::Sweep;
use super::tally::{Tally, full, seed, side_by_side};

/// One in so many positions of each call and error is tried by the gate; of a release's also the first one of each.
const SHORT: usize = 24;

/// The errors that a call may give, and what the count of it is called.
fn errors_of(call: &Call) -> (&'static str, &'static [Errno]) {
    match call.name.as_str() {
        "write" | "writev" | "pwrite64" => ("a write fails", &[Errno::IO, Errno::NOSPC, Errno::INTR]),
        "fsync" | "fdatasync" | "syncfs" => ("a sync fails", &[Errno::IO, Errno::NOSPC, Errno::INTR]),
        "rename" | "renameat" | "renameat2" => ("a rename fails", &[Errno::IO, Errno::NOSPC, Errno::ROFS]),
        "open" | "openat" | "openat2" if call.flags.contains("creat") => {
            ("an open fails", &[Errno::IO, Errno::MFILE, Errno::NOSPC, Errno::ROFS, Errno::INTR])
        }
        "open" | "openat" | "openat2" => ("an open fails", &[Errno::IO, Errno::MFILE, Errno::INTR]),
        "unlink" | "unlinkat" | "rmdir" => ("a removal fails", &[Errno::IO, Errno::ROFS]),
        "mkdir" | "mkdirat" => ("a folder cannot be made", &[Errno::IO, Errno::NOSPC, Errno::ROFS]),
        "ftruncate" | "fallocate" => ("room fails", &[Errno::IO, Errno::NOSPC, Errno::INTR]),
        "fchmod" | "chmod" | "fchmodat" | "fchown" | "utimensat" => {
            ("a mode fails", &[Errno::IO, Errno::ROFS])
        }
        "flock" => ("a lock fails", &[Errno::INTR, Errno::NOLCK]),
        "read" | "pread64" => ("a read fails", &[Errno::IO, Errno::INTR]),
        "clone" | "clone3" | "fork" | "vfork" => ("nothing can be started", &[Errno::AGAIN, Errno::NOMEM]),
        _ => ("", &[]),
    }
}

/// The cases of an undisturbed run: the call, its error, and what the count is called.
fn cases(sweep: &Sweep<'_>, stage: &Stage, calls: &[Call]) -> Vec<(Point, Errno, &'static str)> {
    // Before that the system's own loader is at work.
    let root = stage.host.root().to_str().unwrap();
    let begun = calls.iter().position(|call| call.file.starts_with(root)).unwrap();
    let mut met: BTreeMap<(String, &str), usize> = BTreeMap::new();
    let first = usize::try_from(seed()).unwrap();
    let mut cases = Vec::new();
    for (call, point) in calls.iter().zip(nth::points(calls)).skip(begun) {
        let (what, errors) = errors_of(call);
        let errors = if (sweep.only)(call) { errors } else { &[] };
        for (at, error) in errors.iter().enumerate() {
            let met = met.entry((format!("{} {error:?}", call.name), what)).or_default();
            *met += 1;
            if full()
                || (*met + first + at * 5).is_multiple_of(sweep.every)
                || (*met == 1 && sweep.verb == Verb::Run)
            {
                cases.push((point.clone(), *error, what));
            }
        }
    }
    cases
}

/// Makes calls fail; none where processes may not be traced.
pub(super) fn errors(sweep: &Sweep<'_>) -> Option<Vec<Tally>> {
    let (stage, calls) = sweep.begin()?;
    let mut tallies: BTreeMap<&str, Tally> = BTreeMap::new();
    let (shard, shards) = sweep.shard;
    let cases = cases(sweep, &stage, &calls).into_iter().enumerate().filter(|(at, _)| at % shards == shard);
    for (_, (point, error, what)) in cases {
        stage.reset();
        let strike = Strike::Error(point, error.raw_os_error());
        let struck = nth::run(&stage.host, sweep.who, &strike, sweep.verb.arguments())?;
        let Some(at) = struck.at() else { continue };
        let (verb, who, said) = (sweep.verb.word(), sweep.who, std::io::Error::from(error));
        let name = format!("{verb} {who:?} call {} fails: {} {}: {said}", at.number, at.name, at.file);
        println!("{name}");
        let tally = tallies.entry(what).or_insert_with(|| Tally::new("P4", what));
        tally.case(&name, || judge(&stage, &struck));
    }
    Some(tallies.into_values().collect())
}

fn judge(stage: &Stage, struck: &Struck) {
    let output = &struck.output;
    let code = output.code.unwrap();
    assert_ne!(code, 97, "it hangs\n{output}");
    // What the command line promises; above it are signals and defects of ours.
    assert!(code <= 10 && !output.stderr.contains("panicked"), "a defect of ours\n{output}");
    order::nothing_is_shown_too_early(&struck.calls);
    after::what_works_comes_to_its_end(&stage.host);
    after::records_are_whole(stage);
    after::what_was_shown_is_recorded(stage, struck);
    after::what_was_done_was_named(stage);
    if code == 0 {
        assert_eq!(stage.reached(), stage.end, "reported as a success\n{output}");
    }
    after::nobody_is_stuck_in_running(stage);
    after::it_reaches_the_same_end(stage);
    after::nothing_is_left(stage);
}

/// Over one shard of the runner's calls, or over those of one step's shim.
fn sweep(verb: Verb, who: Who, shard: usize, shards: usize) {
    let tries =
        |(shard, shards)| errors(&Sweep::over(verb, who, SHORT).shard(shard, shards)).unwrap_or_default();
    Tally::end_all(side_by_side((shard, shards), tries));
}

#[test]
fn a_release_with_an_error_1() {
    sweep(Verb::Run, Who::Runner, 0, 2);
}

#[test]
fn a_release_with_an_error_2() {
    sweep(Verb::Run, Who::Runner, 1, 2);
}

#[test]
fn a_resume_with_an_error() {
    sweep(Verb::Resume, Who::Runner, 0, 1);
}

#[test]
fn a_revert_with_an_error_1() {
    sweep(Verb::Revert, Who::Runner, 0, 2);
}

#[test]
fn a_revert_with_an_error_2() {
    sweep(Verb::Revert, Who::Runner, 1, 2);
}

#[test]
fn a_script_whose_shim_has_an_error() {
    sweep(Verb::Run, Who::Shim("1234-b-fix.sh"), 0, 1);
}

#[test]
fn a_step_is_waited_for_when_waiting_itself_fails() {
    let only = |call: &Call| call.name == "read" && call.file.starts_with("pipe:");
    let sweep = Sweep { only: &only, ..Sweep::over(Verb::Run, Who::Runner, 2) };
    Tally::end_all(errors(&sweep).unwrap_or_default());
}

#[test]
fn a_tree_that_cannot_be_made_durable() {
    let only = |call: &Call| call.name == "syncfs";
    let sweep = Sweep { only: &only, ..Sweep::over(Verb::Run, Who::Runner, 1) };
    Tally::end_all(errors(&sweep).unwrap_or_default());
}
