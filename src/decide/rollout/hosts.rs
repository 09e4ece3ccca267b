//! What hosts say, and which are told something next.

use std::collections::BTreeSet;

use super::index::{In, Kind, Word};
use super::step::Seen;
use super::work::Work;
use crate::model::rollout::{
    GateKind, Heard, HostAnswer, HostName, HostRow, HostState, PlanId, PlanPhase, Wait, Wish,
};

/// How long a host that was locked is left alone before it is asked again.
const LOCKED_PAUSE_SECS: i64 = 10;

/// The same of one that said no to going back.
const REFUSED_PAUSE_SECS: i64 = 15;

/// What a host says of itself on which another run is at work.
const LOCKED: &str = "locked";

/// What a person's exclusion says of itself.
const EXCLUDED: &str = "excluded: ";

/// Takes in what came of talking to a host.
pub(super) fn hear(work: &mut Work<'_>, host: &HostName, heard: &Heard) {
    let Some(row) = work.row(host) else { return };
    let open = row.state.in_flight() || row.state == HostState::Unreachable;
    if !open {
        return;
    }
    match heard {
        Heard::Nothing { why } => {
            let why = format!("unreachable: {why}");
            work.change(host, |row| {
                // A reason that only differs in wording is no news.
                if row.state != HostState::Unreachable {
                    row.state = HostState::Unreachable;
                    row.reason = Some(why);
                }
            });
        }
        Heard::Answer(answer) => {
            let before = row.state;
            answered(work, host, answer);
            let after = work.row(host).map(|row| (row.state, row.reason.clone()));
            if let Some((state, reason)) = after.filter(|(state, _)| *state != before && state.is_settled()) {
                work.note(state.word(), host.as_str(), reason);
            }
        }
    }
}

fn answered(work: &mut Work<'_>, host: &HostName, answer: &HostAnswer) {
    let Some(row) = work.row(host) else { return };
    let (told, wish) = (row.generation, row.wish.unwrap_or(Wish::Release));
    if answer.generation > told {
        let reason =
            format!("it was told something newer, generation {}, by somebody else", answer.generation);
        work.change(host, |row| {
            row.state = if wish == Wish::Release { HostState::Refused } else { HostState::RevertFailed };
            row.reason = Some(reason);
        });
        return;
    }
    if answer.generation < told {
        return;
    }
    let at_work = if wish == Wish::Release { HostState::Activating } else { HostState::Reverting };
    let (now, goes_back) = (work.now, work.state.phase == PlanPhase::RollingBack);
    work.change(host, |row| {
        if answer.attempt.is_some() {
            row.attempt.clone_from(&answer.attempt);
        }
        match answer.exit.filter(|_| !answer.at_work) {
            None => {
                row.state = at_work;
                row.reason = None;
            }
            Some(exit) => settle(row, (wish, goes_back), exit, answer.said.as_deref(), now),
        }
    });
}

/// What an exit status of the host's own release or revert says of it (design/07).
fn settle(
    row: &mut HostRow,
    (wish, goes_back): (Wish, bool),
    exit: i32,
    said: Option<&str>,
    now: chrono::DateTime<chrono::Utc>,
) {
    let put = |word: &str| Some(said.map_or_else(|| word.to_owned(), |said| format!("{word}: {said}")));
    let interrupted = matches!(exit, 129..=159);
    row.reason = match exit {
        0 | 5 => None,
        10 => put("awaiting-approval"),
        3 => put(LOCKED),
        _ if interrupted => put("interrupted"),
        9 => put("damaged"),
        8 => put("undecided"),
        2 | 4 => put("refused"),
        7 => put("stuck"),
        _ => put("failed"),
    };
    // Nothing was changed there by what it did not begin.
    if wish == Wish::Release && matches!(exit, 2..=4) {
        row.touched = row.touched_before;
    }
    if exit == 3 {
        // Offered again, under a new generation, a little later.
        row.state = HostState::Pending;
        row.since = now;
        return;
    }
    if wish == Wish::Revert {
        row.state = match exit {
            0 | 5 => HostState::Reverted,
            // It is as it was, and is asked again.
            2 | 4 if goes_back => HostState::Refused,
            _ => HostState::RevertFailed,
        };
        if row.state == HostState::Reverted {
            // Such as that the plan had released nothing there.
            row.reason = said.map(str::to_owned);
        }
        return;
    }
    row.state = match exit {
        0 | 5 => HostState::Active,
        10 => HostState::Activating,
        2 | 4 => HostState::Refused,
        7 => HostState::RevertFailed,
        9 => HostState::Excluded,
        _ => HostState::Failed,
    };
    row.failed = !matches!(exit, 0 | 5 | 10 | 2 | 4);
}

/// Takes out the hosts that a person excluded and that were not told anything, and brings back those that no longer are.
pub(super) fn exclude(work: &mut Work<'_>, excluded: &BTreeSet<HostName>) {
    let pending = |host: &&HostName| work.kind(host).is_some_and(|kind| kind.state == HostState::Pending);
    let out: Vec<HostName> = excluded.iter().filter(pending).take(work.room()).cloned().collect();
    // Those of a stage that is past stay out.
    let current = work.state.current();
    let is_ahead = |host: &HostName| current.is_some_and(|at| work.stage_of(host).is_some_and(|of| of >= at));
    let back = work.among(In::Plan, |kind| kind.state == HostState::Excluded && !kind.failed);
    let back = back.map(|(host, _)| host).filter(|host| !excluded.contains(*host) && is_ahead(host));
    let back: Vec<HostName> = back.cloned().collect();
    for host in out {
        work.change(&host, |row| {
            row.state = HostState::Excluded;
            row.reason = Some(format!("{EXCLUDED}a person took it out"));
        });
        work.note("excluded", host.as_str(), None);
    }
    for host in back {
        work.change(&host, |row| {
            row.state = HostState::Pending;
            row.reason = None;
        });
    }
}

/// Offers the release to as many hosts of a stage as may be worked on. None: all of them are settled or deferred.
pub(super) fn activate(work: &mut Work<'_>, seen: &Seen<'_>, at: usize) -> Option<Wait> {
    if let Some(wait) = before_ticket_host(work, at) {
        return Some(wait);
    }
    let stage = &work.plan.stages[at];
    let deferred = deferred(work) && !is_of_ticket(work, at);
    let in_flight = work.count(In::Plan, |kind| occupies(kind.state, deferred));
    let limit = stage.parallel.of(stage.hosts.len()).max(1);
    let free = limit.saturating_sub(in_flight).min(work.room());
    let mut locked = None;
    if free > 0 {
        let zone = stage.per_zone.then(|| zone_at_work(work, at)).flatten();
        let may = |(host, row): &(&HostName, &HostRow)| {
            let in_zone = zone.is_none() || zone_of(work, host) == zone;
            in_zone && !rests(work, row) && !seen.excluded.contains(*host)
        };
        let is_pending = |kind: Kind| kind.state == HostState::Pending;
        let next = work.among(In::Stage(at), |kind| is_pending(kind) && !kind.is_locked()).filter(may);
        let next: Vec<HostName> = next.map(|(host, _)| host.clone()).take(free).collect();
        let mut theirs = work.among(In::Stage(at), |kind| is_pending(kind) && kind.is_locked()).filter(may);
        locked = theirs.next().and_then(|(host, _)| Some((host.clone(), work.told(host)?.plan_id.clone())));
        drop(theirs);
        for host in next {
            work.offer(&host, Wish::Release);
        }
    }
    waiting(work, at, deferred, locked)
}

/// Nobody is released before the one host on which the ticket's scripts run, whatever became of its stage.
fn before_ticket_host(work: &Work<'_>, at: usize) -> Option<Wait> {
    let host = work.plan.ticket_host.as_ref().filter(|host| work.stage_of(host) != Some(at))?;
    let is = work.row(host).map_or(HostState::Pending, |row| row.state);
    (is != HostState::Active).then(|| Wait::TicketHost { host: host.clone(), state: is })
}

/// Whether a stage is that of the one host on which the ticket's scripts run: nobody goes on without it.
pub(super) fn is_of_ticket(work: &Work<'_>, at: usize) -> bool {
    work.plan.ticket_host.as_ref().is_some_and(|host| work.stage_of(host) == Some(at))
}

/// Whether a host may still come to the release although every stage is past: it does not answer, or it was told and could
/// not begin.
pub(super) fn is_late(kind: Kind) -> bool {
    kind.state == HostState::Unreachable || (kind.state == HostState::Pending && kind.told)
}

/// Offers the release again to hosts that came back and could not begin, as many at once as their stage allows.
pub(super) fn again(work: &mut Work<'_>, seen: &Seen<'_>) {
    let open =
        |kind: Kind| kind.state == HostState::Pending && kind.told && !kind.is_locked() && !kind.is_taken();
    for (at, stage) in work.plan.stages.iter().enumerate() {
        if before_ticket_host(work, at).is_some() {
            continue;
        }
        let at_work = work.count(In::Stage(at), |kind| kind.state.in_flight());
        let limit = stage.parallel.of(stage.hosts.len()).max(1);
        let free = limit.saturating_sub(at_work).min(work.room());
        let may = |(host, row): &(&HostName, &HostRow)| !rests(work, row) && !seen.excluded.contains(*host);
        let next = work.among(In::Stage(at), open).filter(may).map(|(host, _)| host.clone());
        for host in next.take(free).collect::<Vec<_>>() {
            work.offer(&host, Wish::Release);
        }
    }
}

/// Lets go of hosts that are done, so that another plan may take them while this one waits for others.
pub(super) fn release_active(work: &mut Work<'_>) {
    let done = work.among(In::Plan, |kind| kind.state == HostState::Active && kind.word == Word::Ours);
    let done: Vec<HostName> = done.map(|(host, _)| host.clone()).take(work.room()).collect();
    for host in done {
        work.release(&host);
    }
}

/// Whether a host said no to going back.
pub(super) fn is_refused_back(kind: Kind) -> bool {
    kind.state == HostState::Refused && kind.wish == Some(Wish::Revert)
}

/// Whether a host that was locked, or said no to going back, is left alone a little longer.
fn rests(work: &Work<'_>, row: &HostRow) -> bool {
    let was_locked = row.reason.as_deref().is_some_and(|why| why.starts_with(LOCKED));
    let pause = match row.state {
        HostState::Refused => REFUSED_PAUSE_SECS,
        _ if was_locked => LOCKED_PAUSE_SECS,
        _ => return false,
    };
    // A clock that was set back makes no long rest of it.
    (0..pause).contains(&(work.now - row.since).num_seconds())
}

/// Whether a host takes one of the places that are worked on at once.
fn occupies(state: HostState, deferred: bool) -> bool {
    state.in_flight() || (state == HostState::Unreachable && !deferred)
}

/// Whether hosts that do not answer are gone on without.
fn deferred(work: &Work<'_>) -> bool {
    let away = work.count(In::Plan, |kind| kind.state == HostState::Unreachable);
    let rule = work.plan.unreachable;
    rule.defer && away <= rule.budget.of(work.plan.hosts.len())
}

fn zone_of<'a>(work: &Work<'a>, host: &HostName) -> Option<&'a str> {
    Some(work.plan.hosts.get(host)?.zone.as_deref().unwrap_or_default())
}

/// The first zone, in the stage's order, with a host that is not settled.
fn zone_at_work<'a>(work: &Work<'a>, at: usize) -> Option<&'a str> {
    // One that is at work decides: its zone ends before the next begins.
    let at_work = work.among(In::Stage(at), |kind| kind.state.in_flight()).next();
    let pending = || work.among(In::Stage(at), |kind| kind.state == HostState::Pending).next();
    let (host, _) = at_work.or_else(pending)?;
    zone_of(work, host)
}

/// What a stage waits for before it is watched. None: nothing.
fn waiting(work: &Work<'_>, at: usize, deferred: bool, locked: Option<(HostName, PlanId)>) -> Option<Wait> {
    let of = In::Stage(at);
    let first = |state| work.among(of, move |kind| kind.state == state).next();
    let count = |state| work.count(of, |kind| kind.state == state);
    let at_work = work.count(of, |kind| kind.state.in_flight());
    let is_held = |row: &HostRow| row.reason.as_deref().is_some_and(|why| why.starts_with("awaiting"));
    let mut activating = work.among(of, |kind| kind.state == HostState::Activating);
    if let (1, Some((host, _))) = (at_work, activating.find(|(_, row)| is_held(row))) {
        return Some(Wait::AwaitingApproval { host: host.clone() });
    }
    let one_at_work =
        [HostState::Offered, HostState::Activating, HostState::Reverting].into_iter().find_map(first);
    if let Some((host, _)) = one_at_work {
        return Some(Wait::HostsAtWork { count: at_work, host: host.clone() });
    }
    if let Some((host, _)) = first(HostState::Unreachable).filter(|_| !deferred) {
        let budget = if work.plan.unreachable.defer {
            work.plan.unreachable.budget.of(work.plan.hosts.len())
        } else {
            0
        };
        return Some(Wait::Unreachable { count: count(HostState::Unreachable), budget, host: host.clone() });
    }
    if let Some((host, by)) = locked {
        return Some(Wait::HostLocked { host, by });
    }
    if let Some((host, _)) = first(HostState::Pending) {
        return Some(Wait::HostsAtWork { count: count(HostState::Pending), host: host.clone() });
    }
    let has_gate =
        work.plan.stages[at].gates.iter().any(|gate| matches!(gate.kind, GateKind::HostsVerified { .. }));
    let (host, row) = first(HostState::Refused).filter(|_| !has_gate)?;
    let why = row.reason.clone().unwrap_or_default();
    Some(Wait::Refused { count: count(HostState::Refused), host: host.clone(), why })
}

/// Asks touched hosts back, as many of each stage at once as the stage allows.
pub(super) fn take_back(work: &mut Work<'_>, seen: &Seen<'_>) {
    debug_assert_eq!(work.state.phase, PlanPhase::RollingBack);
    let open = |kind: Kind| {
        let asked = kind.wish == Some(Wish::Revert) && kind.state != HostState::Pending;
        let asked = asked && !is_refused_back(kind);
        kind.touched && !asked && !kind.is_taken()
    };
    for (at, stage) in work.plan.stages.iter().enumerate() {
        let limit = stage.parallel.of(stage.hosts.len()).max(1);
        let busy = work.count(In::Stage(at), |kind| kind.state == HostState::Reverting);
        let free = limit.saturating_sub(busy).min(work.room());
        let may = |(host, row): &(&HostName, &HostRow)| {
            let rests = row.wish == Some(Wish::Revert) && rests(work, row);
            !rests && !seen.excluded.contains(*host)
        };
        let next = work.among(In::Stage(at), open).filter(may).map(|(host, _)| host.clone());
        for host in next.take(free).collect::<Vec<_>>() {
            work.offer(&host, Wish::Revert);
        }
    }
}
