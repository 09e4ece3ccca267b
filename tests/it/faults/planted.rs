//! Every checker is first seen to find something: bugs planted in another build of the program (`sys::plant`), each caught
//! by at least one of the checks that the true program passes.

use std::path::PathBuf;

use super::errors::errors;
use super::nth::{Call, Who};
use super::stage::Verb;
use super::sweeps::{Sweep, kills};
use super::tally::Tally;
use super::{held, order, power, racing};
use crate::support::{Host, skip};

/// The build in which bugs can be planted; none where nobody made one.
fn build() -> Option<PathBuf> {
    let path = std::env::var_os("HOLDPOINT_TEST_PLANTED").map(PathBuf::from);
    if path.is_none() {
        skip("no build to plant bugs in: ./test.sh makes one");
    }
    path
}

/// Counts a bug as caught when one of the tallies has broken cases; those are shown.
fn caught(bug: &'static str, find: impl FnOnce(held::Prepare<'_>) -> Vec<Tally>) {
    let Some(program) = build() else { return };
    let found = find(&|host: &mut Host| host.plant(&program, bug));
    let broken: Vec<&String> = found.iter().flat_map(Tally::broken).collect();
    println!("{bug}: {broken:#?}");
    let mut tally = Tally::new("planted", bug);
    tally.case(bug, || assert!(!broken.is_empty(), "nothing was found of it"));
    tally.end();
}

/// The order of one release on a host in which a bug was planted.
fn in_order(prepare: held::Prepare<'_>) -> Vec<Tally> {
    let mut host = Host::new();
    prepare(&mut host);
    order::judge(&host).map(Vec::from).unwrap_or_default()
}

#[test]
fn files_that_are_not_synced() {
    caught("no-sync", in_order);
}

#[test]
fn folders_that_are_not_synced() {
    caught("no-folder-sync", in_order);
}

#[test]
fn results_that_are_shown_too_early() {
    caught("early-acknowledgement", in_order);
}

#[test]
fn files_that_are_written_over() {
    caught("in-place-write", in_order);
}

#[test]
fn a_fence_that_is_unlocked() {
    caught("fence-unlocked", |prepare| vec![held::fence(prepare)]);
}

#[test]
fn a_shim_that_leads_a_process_group() {
    caught("process-group", |prepare| vec![held::session(prepare)]);
}

#[test]
fn descriptors_that_are_not_swept() {
    caught("no-descriptor-sweep", |prepare| vec![held::descriptors(prepare)]);
}

#[test]
fn half_an_end_that_counts() {
    caught("exit-without-end", |prepare| vec![held::half_an_end(prepare)]);
}

/// A release whose power is cut.
/// Folders that are not synced are not among these: a filesystem with a journal makes their names durable with the next
/// file, nearly always. The order of the calls shows them.
fn cut(bug: &'static str) {
    if power::can() {
        caught(bug, power::until_found);
    } else {
        skip("cutting the power needs root and loop devices");
    }
}

#[test]
fn files_that_are_not_synced_and_the_power_is_cut() {
    cut("no-sync");
}

#[test]
fn results_that_are_shown_too_early_and_the_power_is_cut() {
    cut("early-acknowledgement");
}

#[test]
fn files_that_are_written_over_and_the_power_is_cut() {
    cut("in-place-write");
}

#[test]
fn a_fence_that_is_unlocked_and_many_starts() {
    caught("fence-unlocked", |prepare| vec![racing::races(1, prepare)]);
}

#[test]
fn a_failed_sync_that_is_ignored() {
    let only = |call: &Call| call.name == "fdatasync";
    caught("sync-error-ignored", |prepare| {
        let sweep = Sweep { only: &only, prepare, ..Sweep::over(Verb::Resume, Who::Runner, 3) };
        errors(&sweep).unwrap_or_default()
    });
}

#[test]
fn what_an_earlier_runner_left_is_not_looked_at() {
    // While a script is at work, or has just ended.
    let only = |call: &Call| call.name == "unlinkat" && call.file.contains("fix.sh");
    caught("no-reconcile", |prepare| {
        let sweep = Sweep { only: &only, prepare, ..Sweep::over(Verb::Resume, Who::Runner, 1) };
        kills(&sweep).unwrap_or_default()
    });
}
