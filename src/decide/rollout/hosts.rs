//! What hosts say, and which are told something next.

use std::collections::{BTreeMap, BTreeSet};

use super::step::Seen;
use super::work::Work;
use crate::model::rollout::{
    GateKind, Heard, HostAnswer, HostName, HostRow, HostState, PlanPhase, StagePlan, Wait, Wish,
};

/// How long a host that was locked is left alone before it is asked again.
const LOCKED_PAUSE_SECS: i64 = 10;

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
    let now = work.now;
    work.change(host, |row| {
        if answer.attempt.is_some() {
            row.attempt.clone_from(&answer.attempt);
        }
        match answer.exit.filter(|_| !answer.at_work) {
            None => {
                row.state = at_work;
                row.reason = None;
            }
            Some(exit) => settle(row, wish, exit, answer.said.as_deref(), now),
        }
    });
}

/// What an exit status of the host's own release or revert says of it (design/07).
fn settle(row: &mut HostRow, wish: Wish, exit: i32, said: Option<&str>, now: chrono::DateTime<chrono::Utc>) {
    let put = |word: &str| Some(said.map_or_else(|| word.to_owned(), |said| format!("{word}: {said}")));
    let interrupted = matches!(exit, 129..=159);
    row.reason = match exit {
        0 | 5 => None,
        10 => put("awaiting-approval"),
        3 => put("locked"),
        _ if interrupted => put("interrupted"),
        9 => put("damaged"),
        8 => put("undecided"),
        2 | 4 => put("refused"),
        7 => put("stuck"),
        _ => put("failed"),
    };
    if exit == 3 {
        // Offered again, under a new generation, a little later.
        row.state = HostState::Pending;
        row.since = now;
        return;
    }
    if wish == Wish::Revert {
        row.state = if matches!(exit, 0 | 5) { HostState::Reverted } else { HostState::RevertFailed };
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
    let out: Vec<HostName> = work
        .rows()
        .filter(|(host, row)| row.state == HostState::Pending && excluded.contains(*host))
        .map(|(host, _)| host.clone())
        .take(work.room())
        .collect();
    let back: Vec<HostName> = work
        .rows()
        .filter(|(host, row)| row.state == HostState::Excluded && !row.failed && !excluded.contains(*host))
        .map(|(host, _)| host.clone())
        .collect();
    for host in out {
        work.change(&host, |row| {
            row.state = HostState::Excluded;
            row.reason = Some(format!("{EXCLUDED}a person took it out"));
        });
        work.note("excluded", host.as_str(), None);
    }
    let open: BTreeSet<HostName> = match work.state.current() {
        Some(at) => work.plan.stages[at..].iter().flat_map(|stage| stage.hosts.iter().cloned()).collect(),
        None => BTreeSet::new(),
    };
    for host in back.into_iter().filter(|host| open.contains(host)) {
        work.change(&host, |row| {
            row.state = HostState::Pending;
            row.reason = None;
        });
    }
}

/// Offers the release to as many hosts of a stage as may be worked on. None: all of them are settled or deferred.
pub(super) fn activate(work: &mut Work<'_>, seen: &Seen<'_>, at: usize) -> Option<Wait> {
    let stage = &work.plan.stages[at];
    if let Some(wait) = before_ticket_host(work, stage) {
        return Some(wait);
    }
    let deferred = deferred(work) && !is_of_ticket(work, at);
    let in_flight = work.rows().filter(|(_, row)| occupies(row, deferred)).count();
    let limit = stage.parallel.of(stage.hosts.len()).max(1);
    let mut free = limit.saturating_sub(in_flight).min(work.room());
    let zone = stage.per_zone.then(|| zone_at_work(work, at)).flatten();
    let mut locked = None;
    for host in &stage.hosts {
        if free == 0 {
            break;
        }
        let Some(row) = work.row(host) else { continue };
        if row.state != HostState::Pending || rests(work, row) || seen.excluded.contains(host) {
            continue;
        }
        if zone.is_some() && zone_of(work, host) != zone {
            continue;
        }
        if let Some(desired) = other_owner(work, seen, host) {
            locked.get_or_insert_with(|| (host.clone(), desired));
            continue;
        }
        let before = seen.desired.get(host);
        work.offer(host, Wish::Release, before);
        free -= 1;
    }
    waiting(work, at, deferred, locked)
}

/// Nobody is released before the one host on which the ticket's scripts run, whatever became of its stage.
fn before_ticket_host(work: &Work<'_>, stage: &StagePlan) -> Option<Wait> {
    let host = work.plan.ticket_host.as_ref().filter(|host| !stage.hosts.contains(host))?;
    let is = work.row(host).map_or(HostState::Pending, |row| row.state);
    (is != HostState::Active).then(|| Wait::TicketHost { host: host.clone(), state: is })
}

/// Whether a stage is that of the one host on which the ticket's scripts run: nobody goes on without it.
pub(super) fn is_of_ticket(work: &Work<'_>, at: usize) -> bool {
    work.plan.ticket_host.as_ref().is_some_and(|host| work.plan.stages[at].hosts.contains(host))
}

/// Whether a host may still come to the release although every stage is past: it does not answer, or it was told and could
/// not begin.
pub(super) fn is_late(row: &HostRow) -> bool {
    row.state == HostState::Unreachable || (row.state == HostState::Pending && row.touched)
}

/// Offers the release again to hosts that came back and could not begin, as many at once as their stage allows.
pub(super) fn again(work: &mut Work<'_>, seen: &Seen<'_>) {
    for (at, stage) in work.plan.stages.iter().enumerate() {
        if before_ticket_host(work, stage).is_some() {
            continue;
        }
        let at_work = work.stage_rows(at).filter(|(_, row)| row.state.in_flight()).count();
        let limit = stage.parallel.of(stage.hosts.len()).max(1);
        let mut free = limit.saturating_sub(at_work).min(work.room());
        for host in &stage.hosts {
            let Some(row) = work.row(host).filter(|row| row.state == HostState::Pending && row.touched)
            else {
                continue;
            };
            let is_free = other_owner(work, seen, host).is_none() && work.taken(host).is_none();
            if free == 0 || rests(work, row) || seen.excluded.contains(host) || !is_free {
                continue;
            }
            work.offer(host, Wish::Release, seen.desired.get(host));
            free -= 1;
        }
    }
}

/// Lets go of hosts that are done, so that another plan may take them while this one waits for others.
pub(super) fn release_active(work: &mut Work<'_>) {
    let done = |(host, row): &(&HostName, &HostRow)| {
        row.state == HostState::Active && work.ours(host).is_some_and(|desired| !desired.released)
    };
    let done: Vec<HostName> =
        work.rows().filter(done).map(|(host, _)| host.clone()).take(work.room()).collect();
    for host in done {
        work.release(&host);
    }
}

/// The plan that has not let go of a host.
fn other_owner(work: &Work<'_>, seen: &Seen<'_>, host: &HostName) -> Option<crate::model::rollout::PlanId> {
    let desired = seen.desired.get(host)?;
    (desired.plan_id != work.plan.plan_id && !desired.released).then(|| desired.plan_id.clone())
}

/// Whether a host that was locked is left alone a little longer.
fn rests(work: &Work<'_>, row: &HostRow) -> bool {
    row.touched && (work.now - row.since).num_seconds().clamp(0, LOCKED_PAUSE_SECS) < LOCKED_PAUSE_SECS
}

/// Whether a host takes one of the places that are worked on at once.
fn occupies(row: &HostRow, deferred: bool) -> bool {
    row.state.in_flight() || (row.state == HostState::Unreachable && !deferred)
}

/// Whether hosts that do not answer are gone on without.
fn deferred(work: &Work<'_>) -> bool {
    let away = work.rows().filter(|(_, row)| row.state == HostState::Unreachable).count();
    let rule = work.plan.unreachable;
    rule.defer && away <= rule.budget.of(work.plan.hosts.len())
}

fn zone_of(work: &Work<'_>, host: &HostName) -> Option<String> {
    Some(work.plan.hosts.get(host)?.zone.clone().unwrap_or_default())
}

/// The first zone, in the stage's order, with a host that is not settled.
fn zone_at_work(work: &Work<'_>, at: usize) -> Option<String> {
    let mut open = work.stage_rows(at).filter(|(_, row)| !row.state.is_settled());
    // One that is at work decides: its zone ends before the next begins.
    let at_work = work.stage_rows(at).find(|(_, row)| row.state.in_flight());
    let (host, _) = at_work.or_else(|| open.find(|(_, row)| row.state == HostState::Pending))?;
    zone_of(work, host)
}

/// What a stage waits for before it is watched. None: nothing.
fn waiting(
    work: &Work<'_>,
    at: usize,
    deferred: bool,
    locked: Option<(HostName, crate::model::rollout::PlanId)>,
) -> Option<Wait> {
    let mut by_state: BTreeMap<HostState, Vec<&HostName>> = BTreeMap::new();
    for (host, row) in work.stage_rows(at) {
        by_state.entry(row.state).or_default().push(host);
    }
    let of = |state| by_state.get(&state).map_or(&[][..], |hosts: &Vec<&HostName>| &hosts[..]);
    let held = work.stage_rows(at).find(|(_, row)| {
        row.state == HostState::Activating
            && row.reason.as_deref().is_some_and(|why| why.starts_with("awaiting"))
    });
    let at_work: Vec<&HostName> = [HostState::Offered, HostState::Activating, HostState::Reverting]
        .iter()
        .flat_map(|state| of(*state).iter().copied())
        .collect();
    let away = of(HostState::Unreachable);
    if let (Some((host, _)), true) = (held, at_work.len() == 1) {
        return Some(Wait::AwaitingApproval { host: host.clone() });
    }
    if let Some(host) = at_work.first() {
        return Some(Wait::HostsAtWork { count: at_work.len(), host: (*host).clone() });
    }
    if let Some(host) = away.first().filter(|_| !deferred) {
        let budget = if work.plan.unreachable.defer {
            work.plan.unreachable.budget.of(work.plan.hosts.len())
        } else {
            0
        };
        return Some(Wait::Unreachable { count: away.len(), budget, host: (*host).clone() });
    }
    if let Some((host, by)) = locked {
        return Some(Wait::HostLocked { host, by });
    }
    if let Some(host) = of(HostState::Pending).first() {
        return Some(Wait::HostsAtWork { count: of(HostState::Pending).len(), host: (*host).clone() });
    }
    let has_gate =
        work.plan.stages[at].gates.iter().any(|gate| matches!(gate.kind, GateKind::HostsVerified { .. }));
    let refused = of(HostState::Refused);
    let host = refused.first().filter(|_| !has_gate)?;
    let why = work.row(host).and_then(|row| row.reason.clone()).unwrap_or_default();
    Some(Wait::Refused { count: refused.len(), host: (*host).clone(), why })
}

/// Asks touched hosts back, as many of each stage at once as the stage allows.
pub(super) fn take_back(work: &mut Work<'_>, seen: &Seen<'_>) {
    debug_assert_eq!(work.state.phase, PlanPhase::RollingBack);
    for at in 0..work.plan.stages.len() {
        let stage = &work.plan.stages[at];
        let limit = stage.parallel.of(stage.hosts.len()).max(1);
        let busy = work.stage_rows(at).filter(|(_, row)| row.state == HostState::Reverting).count();
        let mut free = limit.saturating_sub(busy).min(work.room());
        for host in &stage.hosts {
            if free == 0 {
                break;
            }
            let Some(row) = work.row(host) else { continue };
            let asked = row.wish == Some(Wish::Revert) && row.state != HostState::Pending;
            if !row.touched || asked || (row.wish == Some(Wish::Revert) && rests(work, row)) {
                continue;
            }
            if seen.excluded.contains(host) || work.taken(host).is_some() {
                continue;
            }
            let before = seen.desired.get(host);
            work.offer(host, Wish::Revert, before);
            free -= 1;
        }
    }
}
