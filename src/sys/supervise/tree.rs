//! All that a step started, however it was started: found by descent from the shim, to which orphans come back, because it
//! is a sub-reaper. Ended as a whole.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions, WaitStatus};

use super::program::GRACE;
use crate::sys::clock::{Clock, SystemClock};
use crate::sys::files;
use crate::sys::process::{Start, family, is_alive};

/// How long we insist after KILL. What is left then hangs in the kernel and cannot be ended by anybody.
const INSIST: Duration = Duration::from_secs(5);

/// Every process there is.
pub(super) fn processes() -> Vec<u32> {
    let names = files::list(Path::new("/proc")).unwrap_or_default();
    names.iter().filter_map(|name| name.to_str()?.parse().ok()).collect()
}

/// The descendants of a process that have not ended, each with the moment it began.
fn descendants(root: u32) -> BTreeMap<u32, Start> {
    let mut children: BTreeMap<u32, Vec<(u32, Start)>> = BTreeMap::new();
    for pid in processes() {
        if let Some((parent, start)) = family(pid) {
            children.entry(parent).or_default().push((pid, start));
        }
    }
    let mut found = BTreeMap::new();
    let mut next = vec![root];
    while let Some(pid) = next.pop() {
        for (child, start) in children.get(&pid).into_iter().flatten() {
            if found.insert(*child, *start).is_none() {
                next.push(*child);
            }
        }
    }
    found
}

/// Takes in every child that has ended; returns the end of the one that is waited for.
pub(super) fn reap(wanted: Pid) -> Option<WaitStatus> {
    let mut end = None;
    while let Ok(Some((pid, status))) = rustix::process::wait(WaitOptions::NOHANG) {
        if pid == wanted {
            end = Some(status);
        }
    }
    end
}

/// Ends all descendants of a process of ours: TERM, and CONT for what is stopped; KILL for what still lives after the
/// grace, until nothing is left. `hurry` cuts the grace short. Returns the end of the one that is waited for.
pub(super) fn end(root: u32, wanted: Pid, hurry: &dyn Fn() -> bool) -> Option<WaitStatus> {
    let clock = SystemClock::new();
    let mut status = None;
    let mut told = BTreeSet::new();
    loop {
        status = reap(wanted).or(status);
        let living = descendants(root);
        if living.is_empty() || clock.monotonic() >= GRACE + INSIST {
            return status;
        }
        let kill = clock.monotonic() >= GRACE || hurry();
        for process in living {
            if kill {
                send(process, &[Signal::KILL]);
            } else if told.insert(process) {
                send(process, &[Signal::TERM, Signal::CONT]);
            }
        }
        clock.sleep(Duration::from_millis(if kill { 2 } else { 20 }));
    }
}

/// Sends to the very process that was seen, or to nobody.
fn send((pid, start): (u32, Start), signals: &[Signal]) {
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
