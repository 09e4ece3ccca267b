//! One step of the coordinator.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::gates::Asked;
use super::index::{Hosts, In, Kind};
use super::work::Work;
use super::{gates, hosts};
use crate::model::quantity::Span;
use crate::model::rollout::{
    Desired, Heard, HostName, HostRow, HostState, OnHarm, OnHostFailure, PlanPhase, RolloutPlan,
    RolloutState, StagePhase, Wait, Wish,
};

/// What is seen at one moment, beside the plan's own records.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// What hosts said since the last step.
    pub heard: &'a BTreeMap<HostName, Heard>,
    /// What the current stage's gates said when they were asked, by their place in the plan.
    pub asked: &'a BTreeMap<usize, Asked>,
    /// Hosts that a person took out.
    pub excluded: &'a BTreeSet<HostName>,
    /// The freeze that holds, and until when.
    pub frozen: Option<&'a str>,
    /// Why the line is stopped.
    pub line: Option<&'a str>,
}

/// Something for the audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// What: `offered`, `promoted`.
    pub what: &'static str,
    /// What it is about: a host, a stage.
    pub about: String,
    /// Why.
    pub reason: Option<String>,
}

/// What is to be written, in one commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// The rollout afterwards.
    pub state: RolloutState,
    /// Hosts that changed.
    pub rows: BTreeMap<HostName, HostRow>,
    /// What hosts are told.
    pub desired: BTreeMap<HostName, Desired>,
    /// For the audit.
    pub notes: Vec<Note>,
}

/// What a step comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Something is to be written; then the next step follows.
    Commit(Box<Commit>),
    /// Nothing can be done before something else happens.
    Wait(Wait),
}

/// How much a clock may go on between two looks: whatever jumped or slept longer counts no further.
const LONGEST_TICK_MS: i64 = 5 * 60_000;

/// How often the clock alone is written.
const CLOCK_EVERY_MS: u64 = 15_000;

/// How long hosts that do not answer, say no or were taken out are waited for in a rollback.
const ROLLBACK_PATIENCE_MS: u64 = 30 * 60_000;

/// The next commit of a rollout, or what it waits for.
pub fn step(
    plan: &RolloutPlan,
    state: &RolloutState,
    known: &Hosts,
    seen: &Seen<'_>,
    now: DateTime<Utc>,
) -> Decision {
    if state.phase.is_terminal() {
        return Decision::Wait(Wait::Terminal);
    }
    let mut work = Work::new(plan, state, known, now);
    tick(&mut work);
    for (host, heard) in seen.heard {
        hosts::hear(&mut work, host, heard);
    }
    let wait = match work.state.phase {
        PlanPhase::Draft => Wait::NotStarted,
        PlanPhase::Active | PlanPhase::Frozen => under_way(&mut work, seen),
        PlanPhase::Paused => paused(&mut work),
        PlanPhase::RollingBack => going_back(&mut work, seen),
        _ => Wait::Terminal,
    };
    work.decide(wait, CLOCK_EVERY_MS)
}

/// The plan's clock goes on only while it is under way, and never back.
fn tick(work: &mut Work<'_>) {
    if matches!(work.state.phase, PlanPhase::Active | PlanPhase::RollingBack) {
        let passed = (work.now - work.state.clock_at).num_milliseconds().clamp(0, LONGEST_TICK_MS);
        work.state.clock_ms += u64::try_from(passed).unwrap_or(0);
    }
    work.state.clock_at = work.now;
}

fn paused(work: &mut Work<'_>) -> Wait {
    // What was begun goes on; a host that takes itself back is not left halfway.
    own_failures(work);
    work.pause()
}

fn under_way(work: &mut Work<'_>, seen: &Seen<'_>) -> Wait {
    if let Some(why) = seen.line.filter(|_| !work.plan.hotfix) {
        work.phase(PlanPhase::Paused, Some(format!("the line was stopped: {why}")));
        return paused(work);
    }
    match (seen.frozen, work.state.phase) {
        (Some(why), PlanPhase::Frozen) => return Wait::Frozen { why: why.to_owned() },
        (Some(why), _) => {
            work.phase(PlanPhase::Frozen, Some(why.to_owned()));
            return Wait::Frozen { why: why.to_owned() };
        }
        (None, PlanPhase::Frozen) => work.phase(PlanPhase::Active, None),
        (None, _) => {}
    }
    hosts::exclude(work, seen.excluded);
    own_failures(work);
    let failures = work.count(In::Plan, |kind| kind.failed);
    let allowed = work.plan.max_failures.allowed(work.plan.hosts.len());
    if failures > allowed && work.state.harm.is_none() {
        let hosts = work.among(In::Plan, |kind| kind.failed).map(|(host, _)| host.as_str());
        let named: Vec<&str> = hosts.take(5).collect();
        let harm = format!("{failures} failed, {allowed} may: {}", named.join(", "));
        return did_harm(work, seen, &harm);
    }
    onward(work, seen)
}

/// On with the stage that it is in, unless it was to go no further than the one before.
fn onward(work: &mut Work<'_>, seen: &Seen<'_>) -> Wait {
    if let Some(stage) = work.state.reached().cloned() {
        let why = format!("stage {stage} is past, and it was to go on until there");
        work.phase(PlanPhase::Paused, Some(why));
        return paused(work);
    }
    match work.state.current() {
        Some(stage) => in_stage(work, seen, stage),
        None => finish(work, seen),
    }
}

/// The rollout does harm: it stops here or turns back, as the plan says.
fn did_harm(work: &mut Work<'_>, seen: &Seen<'_>, harm: &str) -> Wait {
    if let Some(at) = work.state.current() {
        work.stage_phase(at, StagePhase::Failed, Some(harm.to_owned()));
    }
    work.state.harm = Some(harm.to_owned());
    match work.plan.on_harm {
        OnHarm::Pause => {
            work.phase(PlanPhase::Paused, Some(format!("harm: {harm}")));
            paused(work)
        }
        OnHarm::Rollback => {
            work.phase(PlanPhase::RollingBack, Some(format!("harm: {harm}")));
            going_back(work, seen)
        }
    }
}

/// Hosts that failed are taken back at once, where the plan says so.
fn own_failures(work: &mut Work<'_>) {
    if work.plan.on_host_failure != OnHostFailure::Revert {
        return;
    }
    let failed = |kind: Kind| kind.state == HostState::Failed && kind.wish == Some(Wish::Release);
    let failed = work.among(In::Plan, failed).map(|(host, _)| host.clone());
    let failed: Vec<HostName> = failed.take(work.room()).collect();
    for host in failed {
        work.offer(&host, Wish::Revert);
    }
}

fn in_stage(work: &mut Work<'_>, seen: &Seen<'_>, at: usize) -> Wait {
    if work.state.stages[at].phase == StagePhase::Pending {
        work.stage_phase(at, StagePhase::Activating, None);
    }
    let settled = work.settled(at);
    if settled > work.state.stages[at].settled {
        work.state.stages[at].settled = settled;
        work.state.stages[at].progress_ms = work.state.clock_ms;
    }
    if work.state.stages[at].phase == StagePhase::Activating {
        if let Some(wait) = hosts::activate(work, seen, at) {
            return wait;
        }
        work.stage_phase(at, StagePhase::Baking, None);
    }
    if work.state.stages[at].phase == StagePhase::Baking {
        let bake = millis(work.plan.stages[at].bake);
        let passed = work.state.clock_ms - work.state.stages[at].since_ms;
        if passed < bake {
            return Wait::Baking { left: seconds_up(bake - passed) };
        }
        work.stage_phase(at, StagePhase::Gated, None);
    }
    match gates::pass(work, seen, at) {
        gates::Gates::Pass => {
            work.stage_phase(at, StagePhase::Promoted, None);
            onward(work, seen)
        }
        gates::Gates::Harm(harm) => did_harm(work, seen, &harm),
        gates::Gates::Wait(wait) => wait,
    }
}

/// Past the last stage: done, unless hosts are still at work, or some that were gone on without are waited for.
fn finish(work: &mut Work<'_>, seen: &Seen<'_>) -> Wait {
    if let Some(wait) = latecomers(work, seen) {
        return wait;
    }
    let at_work = |kind: Kind| kind.state.in_flight();
    if let Some((host, _)) = work.among(In::Plan, at_work).next() {
        return Wait::HostsAtWork { count: work.count(In::Plan, at_work), host: host.clone() };
    }
    let left = work.count(In::Plan, |kind| kind.state != HostState::Active);
    if left == 0 {
        work.phase(PlanPhase::Completed, None);
    } else {
        work.phase(PlanPhase::CompletedWithExceptions, Some(format!("{left} not active")));
    }
    Wait::Terminal
}

/// Hosts that may still come back, while the plan has patience: what is done lets go of its hosts meanwhile.
fn latecomers(work: &mut Work<'_>, seen: &Seen<'_>) -> Option<Wait> {
    let patience = millis(work.plan.unreachable.wait?);
    let past_ms = work.state.stages.iter().map(|stage| stage.since_ms).max().unwrap_or(0);
    let passed = work.state.clock_ms.saturating_sub(past_ms);
    let out = taken_out(work, seen, hosts::is_late);
    let count = work.count(In::Plan, hosts::is_late) - out;
    if passed >= patience || count == 0 {
        return None;
    }
    hosts::again(work, seen);
    hosts::release_active(work);
    let mut late = work.among(In::Plan, hosts::is_late).filter(|(host, _)| !seen.excluded.contains(*host));
    let host = late.next().map(|(host, _)| host.clone())?;
    Some(Wait::Latecomers { count, host, left: seconds_up(patience - passed) })
}

/// How many of the hosts that a person took out are like this.
fn taken_out(work: &Work<'_>, seen: &Seen<'_>, like: impl Fn(Kind) -> bool) -> usize {
    seen.excluded.iter().filter_map(|host| work.kind(host)).filter(|kind| like(*kind)).count()
}

/// Every touched host is asked back, as many at once as its stage allows.
fn going_back(work: &mut Work<'_>, seen: &Seen<'_>) -> Wait {
    hosts::take_back(work, seen);
    if let Some(wait) = not_back_yet(work, seen) {
        return wait;
    }
    let named = |host: &HostName| match work.taken(host) {
        Some(by) => format!("{host} (it is {by}'s by now)"),
        None if seen.excluded.contains(host) => format!("{host} (it is excluded)"),
        None => host.to_string(),
    };
    let left = work.among(In::Plan, |kind| kind.touched && !is_back(kind));
    let left: Vec<String> = left.map(|(host, _)| named(host)).collect();
    if left.is_empty() {
        work.phase(PlanPhase::RolledBack, None);
    } else {
        work.phase(PlanPhase::RollbackIncomplete, Some(format!("not known to be back: {}", left.join(", "))));
    }
    Wait::Terminal
}

/// What a rollback waits for: hosts that go back; and, with patience, those that do not answer, say no, or were taken out.
fn not_back_yet(work: &Work<'_>, seen: &Seen<'_>) -> Option<Wait> {
    let open = |kind: Kind| kind.touched && !is_back(kind) && !is_lost(kind) && !kind.is_taken();
    let says_no = |kind: Kind| open(kind) && hosts::is_refused_back(kind);
    let away = |kind: Kind| open(kind) && kind.state == HostState::Unreachable;
    let goes = |kind: Kind| open(kind) && !says_no(kind) && !away(kind);
    let out = taken_out(work, seen, |kind| goes(kind) && !kind.state.in_flight());
    let is_in = |(host, row): &(&HostName, &HostRow)| row.state.in_flight() || !seen.excluded.contains(*host);
    if let Some((host, _)) = work.among(In::Plan, goes).find(is_in) {
        return Some(Wait::HostsReverting { count: work.count(In::Plan, goes) - out, host: host.clone() });
    }
    if work.state.clock_ms - work.state.phase_ms >= ROLLBACK_PATIENCE_MS {
        return None;
    }
    if let Some((host, _)) = work.among(In::Plan, away).next() {
        return Some(Wait::Unreachable { count: work.count(In::Plan, away), budget: 0, host: host.clone() });
    }
    if let Some((host, row)) = work.among(In::Plan, says_no).next() {
        let why = row.reason.clone().unwrap_or_default();
        return Some(Wait::Refused { count: work.count(In::Plan, says_no), host: host.clone(), why });
    }
    let (host, _) = work.among(In::Plan, goes).next()?;
    Some(Wait::HostsExcluded { count: out, host: host.clone() })
}

fn is_back(kind: Kind) -> bool {
    kind.state == HostState::Reverted && kind.wish == Some(Wish::Revert)
}

fn is_lost(kind: Kind) -> bool {
    kind.state == HostState::RevertFailed && kind.wish == Some(Wish::Revert)
}

/// A span in milliseconds.
pub(super) fn millis(span: Span) -> u64 {
    u64::try_from(span.0.as_millis()).unwrap_or(u64::MAX)
}

/// Milliseconds as a span of whole seconds, at least one.
pub(super) fn seconds_up(ms: u64) -> Span {
    Span::secs(ms.div_ceil(1_000).max(1))
}
