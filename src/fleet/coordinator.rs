//! The loop around the pure coordinator: leads under a lease, talks to hosts, asks gates, and writes what was decided. All
//! that it knows stands in the ledger: killed at any moment, another one goes on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::ledger::{Committed, Ledger, LedgerError, Watched};
use super::records::FleetError::FenceLost;
use super::records::{self, FleetError, Rollout};
use super::transport::Transport;
use crate::decide::rollout::{Asked, Commit, Decision, Seen, asks, step};
use crate::model::gather::Gather;
use crate::model::quantity::Span;
use crate::model::rollout::{
    GateKind, Heard, HostName, HostRow, HostSpec, HostState, Offer, PlanId, PlanPhase, RolloutPlan, Wait,
};
use crate::sys::clock::{self, Clock};
use crate::sys::signal::Stop;
use crate::sys::{Beside, beside};

/// How long a coordinator that is gone still counts as leading.
const LEASE: Duration = Duration::from_secs(20);

/// How often the lease is kept alive.
const KEEP_EVERY: Duration = Duration::from_secs(4);

/// How long is waited when nothing is to be written.
const TICK: Duration = Duration::from_millis(150);

/// How often it is looked whether a gate has answered.
const GATE_LOOK: Duration = Duration::from_millis(10);

/// How often hosts that do not answer, and gates, are asked.
const ASK_EVERY: Duration = Duration::from_secs(2);

/// Hosts that are talked to at once, and whose words one step takes in; and of those at work, how many are asked in one round:
/// each gets its turn.
const AT_ONCE: usize = 16;

/// For how long a round goes on to further hosts: none outlasts the lease.
const ROUND: Duration = Duration::from_secs(2);

/// How long a host may wait for another run on it.
const LOCK_WAIT: Span = Span::secs(300);

/// What a coordinator has around it.
pub struct Around<'a> {
    /// Where it is remembered.
    pub ledger: &'a dyn Ledger,
    /// The way to hosts.
    pub transport: &'a dyn Transport,
    /// Asks a gate.
    pub gate: &'a (dyn Fn(&GateKind) -> Asked + Sync),
    /// The freeze that holds at this moment.
    pub frozen: &'a dyn Fn(DateTime<Utc>) -> Option<String>,
    /// Time.
    pub clock: &'a dyn Clock,
    /// Whether to stop driving.
    pub stop: &'a Stop,
    /// Who drives.
    pub by: &'a str,
    /// Where.
    pub from: &'a str,
    /// Sees every commit, after it was made.
    pub shows: &'a dyn Fn(&RolloutPlan, &Commit),
}

/// How driving ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// The plan is over.
    Over(PlanPhase),
    /// It is paused, and no host is at work.
    Paused(String),
    /// We were asked to stop: hosts go on with what they were told.
    Stopped,
}

/// Drives a plan until it is over or paused.
///
/// # Errors
/// [`FleetError::Driven`], [`FleetError::FenceLost`], or what the ledger says.
pub fn drive(around: &Around<'_>, plan_id: &PlanId) -> Result<Ended, FleetError> {
    let lease = around.ledger.lease(LEASE)?;
    let driven = led(around, plan_id, lease);
    // No member answers: the lease ends by itself, and to ask all of them once more takes as long again.
    if matches!(driven, Err(FleetError::Ledger(LedgerError::Unavailable { .. }))) {
        return driven;
    }
    // Whoever comes next need not wait until it ends by itself.
    let ended = around.ledger.end_lease(lease);
    let driven = driven?;
    ended?;
    Ok(driven)
}

fn led(around: &Around<'_>, plan_id: &PlanId, lease: u64) -> Result<Ended, FleetError> {
    let leader = format!("{}@{}", around.by, around.from);
    let fence = records::lead(around.ledger, plan_id, &leader, lease)?;
    let mut watch = Watch {
        lease,
        kept: around.clock.monotonic(),
        asked: None,
        turn: 0,
        told: BTreeMap::new(),
        heard: BTreeMap::new(),
        gates: None,
    };
    let mut rollout = records::load(around.ledger, plan_id)?;
    loop {
        watch.keep(around, plan_id)?;
        if around.stop.level() > 0 {
            return Ok(Ended::Stopped);
        }
        let now = around.clock.now();
        let asked = ask_gates(around, &rollout, &mut watch)?;
        let outside = Outside::look(around, now)?;
        // Whatever is to be told is written before anybody is listened to, so that all of it is told side by side: hosts that
        // are quick do not wait for the slowest of those that were told first.
        let mut decision = outside.next(&rollout, &BTreeMap::new(), &asked, now);
        if matches!(decision, Decision::Wait(_)) {
            if watch.heard.is_empty() {
                watch.heard = listen(around, &rollout, &mut watch);
            }
            decision = outside.next(&rollout, &watch.portion(), &asked, now);
        }
        match decision {
            Decision::Commit(commit) => {
                let written =
                    records::commit(around.ledger, &rollout, &commit, Some(fence), (around.by, now))?;
                match written {
                    Committed::At(rev) => {
                        (around.shows)(&rollout.plan, &commit);
                        take_in(&mut rollout, *commit, rev);
                    }
                    Committed::Conflict(key) if key.starts_with("leader/") => {
                        return Err(FenceLost { plan_id: plan_id.clone() });
                    }
                    Committed::Conflict(_) => {
                        rollout = records::load(around.ledger, plan_id)?;
                        watch.heard.clear();
                    }
                }
            }
            Decision::Wait(_) if !watch.heard.is_empty() => {}
            Decision::Wait(wait) => {
                if let Some(ended) = over(&rollout, &wait) {
                    return Ok(ended);
                }
                // An act of a person, here or elsewhere, ends the wait.
                let seen = around.ledger.watch(&format!("state/{plan_id}"), rollout.rev, TICK)?;
                match seen {
                    Watched::Changes(changes, rev) if changes.is_empty() => rollout.rev = rev,
                    _ => rollout = records::load(around.ledger, plan_id)?,
                }
                // Another plan lets go of a host without a change of ours.
                if matches!(wait, Wait::HostLocked { .. }) {
                    records::free_left(around.ledger, &rollout)?;
                    records::look_whose(around.ledger, &mut rollout)?;
                }
            }
        }
    }
}

/// When we last did what is not done on every round.
struct Watch {
    lease: u64,
    kept: Duration,
    asked: Option<Duration>,
    turn: usize,
    /// Which generation of a word each host was told by us.
    told: BTreeMap<HostName, u64>,
    /// What hosts said and is not taken in yet.
    heard: BTreeMap<HostName, Heard>,
    gates: Option<Duration>,
}

impl Watch {
    /// Keeps the lease alive, when it is time to.
    fn keep(&mut self, around: &Around<'_>, plan_id: &PlanId) -> Result<(), FleetError> {
        if around.clock.monotonic() < self.kept + KEEP_EVERY {
            return Ok(());
        }
        around.ledger.keep_alive(self.lease).map_err(|error| match error {
            LedgerError::LeaseGone { .. } => FenceLost { plan_id: plan_id.clone() },
            other => other.into(),
        })?;
        self.kept = around.clock.monotonic();
        Ok(())
    }

    /// What a step takes in of what hosts said: what it comes to has to fit into one commit of every ledger.
    fn portion(&mut self) -> BTreeMap<HostName, Heard> {
        let rest = self.heard.keys().nth(AT_ONCE).cloned();
        let rest = rest.map(|first| self.heard.split_off(&first)).unwrap_or_default();
        std::mem::replace(&mut self.heard, rest)
    }
}

/// What counts beside the plan's own records.
struct Outside {
    excluded: BTreeSet<HostName>,
    line: Option<String>,
    frozen: Option<String>,
}

impl Outside {
    fn look(around: &Around<'_>, now: DateTime<Utc>) -> Result<Self, FleetError> {
        Ok(Self {
            excluded: records::exclusions(around.ledger, now)?.into_keys().gather(),
            line: records::line(around.ledger)?.map(|line| line.reason),
            frozen: (around.frozen)(now),
        })
    }

    fn next(
        &self,
        rollout: &Rollout,
        heard: &BTreeMap<HostName, Heard>,
        asked: &BTreeMap<usize, Asked>,
        now: DateTime<Utc>,
    ) -> Decision {
        let (frozen, line) = (self.frozen.as_deref(), self.line.as_deref());
        let seen = Seen { heard, asked, excluded: &self.excluded, frozen, line };
        step(&rollout.plan, &rollout.state, &rollout.hosts, &seen, now)
    }
}

fn take_in(rollout: &mut Rollout, commit: Commit, rev: u64) {
    let id = rollout.plan.plan_id.clone();
    let mut words = commit.desired;
    words.retain(|host, desired| {
        let known = rollout.hosts.desired().get(host);
        known.is_none_or(|known| known.plan_id == id || (known.released && !desired.released))
    });
    rollout.told_at.extend(words.keys().map(|host| (host.clone(), rev)));
    rollout.hosts.take(commit.rows, words);
    rollout.state = commit.state;
    // It was put in its place before that commit.
    rollout.rest = None;
    (rollout.state_rev, rollout.rev) = (rev, rev);
}

fn over(rollout: &Rollout, wait: &Wait) -> Option<Ended> {
    let phase = rollout.state.phase;
    if phase.is_terminal() {
        return Some(Ended::Over(phase));
    }
    let at_work = || rollout.hosts.asked().any(|(_, row)| row.state.in_flight() && !is_held(row));
    match wait {
        Wait::Paused { why } if !at_work() => Some(Ended::Paused(why.clone())),
        Wait::NotStarted => Some(Ended::Paused(wait.to_string())),
        _ => None,
    }
}

fn is_held(row: &HostRow) -> bool {
    row.reason.as_deref().is_some_and(|why| why.starts_with("awaiting-approval"))
}

/// Tells every host that is at work once more, and hears what it says: the same word, any number of times. Whoever was not told
/// yet comes first.
fn listen(around: &Around<'_>, rollout: &Rollout, watch: &mut Watch) -> BTreeMap<HostName, Heard> {
    let began = around.clock.monotonic();
    let all = watch.asked.is_none_or(|asked| began >= asked + ASK_EVERY);
    if all {
        watch.asked = Some(began);
    }
    let wanted = |row: &HostRow| {
        let rarely = row.state == HostState::Unreachable || is_held(row);
        all || !rarely
    };
    let hosts = rollout.hosts.asked().filter(|(_, row)| wanted(row));
    let (fresh, known): (Vec<_>, Vec<_>) =
        hosts.partition(|(host, row)| watch.told.get(*host) != Some(&row.generation));
    let first = watch.turn % known.len().max(1);
    watch.turn = first + AT_ONCE;
    let again = known.iter().cycle().skip(first).take(known.len().min(AT_ONCE));
    let told = fresh.iter().chain(again).filter_map(|(host, row)| {
        let spec = rollout.plan.hosts.get(*host)?;
        Some(Telling { host, spec, offer: offer(around, &rollout.plan, host, row)? })
    });
    let told: Vec<Telling<'_>> = told.collect();
    let heard = side_by_side(around.transport, around.clock, &told, began + ROUND);
    let generations = told.iter().filter(|one| heard.contains_key(one.host));
    watch.told.extend(generations.map(|one| (one.host.clone(), one.offer.generation)));
    heard
}

/// What one host is told.
struct Telling<'a> {
    host: &'a HostName,
    spec: &'a HostSpec,
    offer: Offer,
}

/// Tells some at once, and the next as soon as one has answered; none is begun after `until`.
fn side_by_side(
    transport: &dyn Transport,
    clock: &dyn Clock,
    told: &[Telling<'_>],
    until: Duration,
) -> BTreeMap<HostName, Heard> {
    let next = AtomicUsize::new(0);
    let hand = || {
        let mut heard = Vec::new();
        while clock.monotonic() < until
            && let Some(one) = told.get(next.fetch_add(1, Ordering::Relaxed))
        {
            heard.push((one.host.clone(), transport.tell(one.host, one.spec, &one.offer)));
        }
        heard
    };
    std::thread::scope(|scope| {
        let hands: Vec<_> = (0..told.len().min(AT_ONCE)).map(|_| beside(scope, hand)).collect();
        hands.into_iter().flat_map(Beside::join).gather()
    })
}

fn offer(around: &Around<'_>, plan: &RolloutPlan, host: &HostName, row: &HostRow) -> Option<Offer> {
    Some(Offer {
        plan_id: plan.plan_id.clone(),
        generation: row.generation,
        wish: row.wish?,
        ticket: plan.ticket.clone(),
        commit: plan.commit.clone(),
        data: plan.rollback_data,
        operator: around.by.to_owned(),
        lock_wait: LOCK_WAIT,
        ticket_ran_on: plan.ticket_host.clone().filter(|one| one != host),
        reintroduce: plan.reintroduce.clone(),
    })
}

/// Asks the gates of the current stage side by side. One may take longer than the lease lasts: it is kept meanwhile.
fn ask_gates(
    around: &Around<'_>,
    rollout: &Rollout,
    watch: &mut Watch,
) -> Result<BTreeMap<usize, Asked>, FleetError> {
    let gates = asks(&rollout.plan, &rollout.state);
    let now = around.clock.monotonic();
    if gates.is_empty() {
        watch.gates = None;
        return Ok(BTreeMap::new());
    }
    if rollout.state.phase != PlanPhase::Active || watch.gates.is_some_and(|asked| now < asked + ASK_EVERY) {
        return Ok(BTreeMap::new());
    }
    let ask = around.gate;
    let said = std::thread::scope(|scope| {
        let asked = gates.into_iter().map(|(place, gate)| (place, beside(scope, move || ask(gate))));
        let asked: Vec<_> = asked.collect();
        while asked.iter().any(|(_, one)| !one.is_done()) {
            clock::pause(GATE_LOOK);
            watch.keep(around, &rollout.plan.plan_id)?;
        }
        Ok(asked.into_iter().map(|(place, one)| (place, one.join())).gather())
    });
    watch.gates = Some(around.clock.monotonic());
    said
}
