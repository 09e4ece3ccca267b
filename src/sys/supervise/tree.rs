//! All that a step started, however it was started: found by descent from the shim, to which orphans come back, because it
//! is a sub-reaper. Ended as a whole.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions, WaitStatus};

use super::program::GRACE;
use crate::sys::clock::{Clock, SystemClock};
use crate::sys::files;
use crate::sys::process::{self, Kin, Start, is_alive, kin};

/// How long we insist after KILL. What is left then hangs in the kernel and cannot be ended by anybody.
const INSIST: Duration = Duration::from_secs(5);

/// Every process there is.
pub(super) fn processes() -> Vec<u32> {
    let names = files::list(Path::new("/proc")).unwrap_or_default();
    names.iter().filter_map(|name| name.to_str()?.parse().ok()).collect()
}

/// The descendants of a process that have not ended.
fn descendants(root: u32) -> BTreeMap<u32, Kin> {
    let mut children: BTreeMap<u32, Vec<(u32, Kin)>> = BTreeMap::new();
    for pid in processes() {
        if let Some(kin) = kin(pid) {
            children.entry(kin.parent).or_default().push((pid, kin));
        }
    }
    let mut found = BTreeMap::new();
    let mut next = vec![root];
    while let Some(pid) = next.pop() {
        for (child, kin) in children.get(&pid).into_iter().flatten() {
            if found.insert(*child, *kin).is_none() {
                next.push(*child);
            }
        }
    }
    found
}

/// Takes in every child that has ended; returns the end of the one that is waited for.
pub(super) fn reap(wanted: Pid) -> Option<WaitStatus> {
    take_in(wanted).0
}

/// The end of the one that is waited for, and whether any child still lives. No look at the list of processes can tell
/// that: one that starts another and ends at once is never on it.
fn take_in(wanted: Pid) -> (Option<WaitStatus>, bool) {
    let mut end = None;
    loop {
        match rustix::process::wait(WaitOptions::NOHANG) {
            Ok(Some((pid, status))) if pid == wanted => end = Some(status),
            Ok(Some(_)) | Err(Errno::INTR) => {}
            Ok(None) => return (end, true),
            Err(_) => return (end, false),
        }
    }
}

/// Ends all descendants of ours, which all come back to us: TERM, and CONT for what is stopped; KILL for what still lives
/// after the grace, until nothing is left. `hurry` cuts the grace short. Returns the end of the one that is waited for.
pub(super) fn end(wanted: Pid, hurry: &dyn Fn() -> bool) -> Option<WaitStatus> {
    let clock = SystemClock::new();
    let root = process::own_pid();
    let own_group = kin(root).map_or(0, |own| own.group);
    // The program leads a group of its own. What is another process at every look is seldom seen, so groups are remembered.
    let mut groups = BTreeSet::from([wanted.as_raw_nonzero().get().unsigned_abs()]);
    let mut status = None;
    let mut told = BTreeSet::new();
    loop {
        let (ended, any_left) = take_in(wanted);
        status = ended.or(status);
        if !any_left || clock.monotonic() >= GRACE + INSIST {
            return status;
        }
        let living = descendants(root);
        let kill = clock.monotonic() >= GRACE || hurry();
        groups.extend(living.values().map(|kin| kin.group).filter(|group| *group != own_group && *group > 1));
        if kill {
            // A number is free for others once its group is empty: one that leads somebody else's is left alone.
            let is_ours = |group: &&u32| living.contains_key(group) || kin(**group).is_none();
            groups.iter().filter(is_ours).for_each(|group| kill_group(*group));
        }
        for (pid, kin) in living {
            if kill {
                send(pid, kin.start, &[Signal::KILL]);
            } else if told.insert((pid, kin.start)) {
                send(pid, kin.start, &[Signal::TERM, Signal::CONT]);
            }
        }
        clock.sleep(Duration::from_millis(if kill { 2 } else { 20 }));
    }
}

/// A group is killed in one moment, with the process that a member is just starting: one after another they would escape.
fn kill_group(group: u32) {
    if let Some(group) = i32::try_from(group).ok().and_then(Pid::from_raw) {
        let _ = rustix::process::kill_process_group(group, Signal::KILL);
    }
}

/// Sends to the very process that was seen, or to nobody.
fn send(pid: u32, start: Start, signals: &[Signal]) {
    let held = i32::try_from(pid)
        .ok()
        .and_then(Pid::from_raw)
        .and_then(|pid| rustix::process::pidfd_open(pid, PidfdFlags::empty()).ok())
        .filter(|_| is_alive(pid, start));
    for signal in signals {
        if let Some(held) = &held {
            let _ = rustix::process::pidfd_send_signal(held, *signal);
        }
    }
}
