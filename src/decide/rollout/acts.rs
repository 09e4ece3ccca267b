//! What a person may do with a plan, and what stands in the way: the precondition table of seed 004.

use chrono::{DateTime, Utc};

use super::hosts;
use super::index::{Hosts, In, Kind};
use super::step::Commit;
use super::stuck::last_was_halted;
use super::work::Work;
use crate::model::reason::ReasonCode;
use crate::model::rollout::{
    Act, Approval, GateKind, HostName, HostState, PlanPhase, Precondition, RolloutPlan, RolloutState,
    StageId, StagePhase, Strategy, Verdict, VerdictWord, Wait,
};

/// What an act comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// What is to be written.
    pub commit: Commit,
    /// The stage that was skipped.
    pub skipped: Option<StageId>,
    /// Hosts that go back.
    pub to_revert: Vec<HostName>,
}

/// Does an act, or says why not.
///
/// # Errors
/// [`Precondition`] with its code, cause and resolution.
pub fn act(
    plan: &RolloutPlan,
    state: &RolloutState,
    known: &Hosts,
    act: &Act,
    (by, reason): (&str, Option<&str>),
    now: DateTime<Utc>,
) -> Result<Changed, Precondition> {
    if state.phase.is_terminal() {
        return Err(refuse(
            ReasonCode::PlanTerminal,
            format!("{} is {} already", plan.plan_id, state.phase),
            after_its_end(plan, state.phase),
        ));
    }
    let mut work = Work::new(plan, state, known, now);
    work.state.clock_at = now;
    let said = reason.map(str::to_owned);
    let mut skipped = None;
    let mut to_revert = Vec::new();
    match act {
        Act::Start { until } => start(&mut work, until.as_ref())?,
        Act::Pause => pause(&mut work, said)?,
        Act::Resume { until } => resume(&mut work, until.as_ref())?,
        Act::Approve => approve(&mut work, by, reason.unwrap_or_default())?,
        Act::Halt => halt(&mut work, said)?,
        Act::Cancel { confirmed } => cancel(&mut work, *confirmed, said)?,
        Act::Recover { strategy: Strategy::Rollback, confirm } => {
            to_revert = rollback(&mut work, confirm.as_deref(), said)?;
        }
        Act::Recover { strategy: Strategy::Retry, .. } => retry(&mut work)?,
        Act::Recover { strategy: Strategy::SkipFailed, confirm } => {
            skipped = Some(skip(&mut work, confirm.as_deref())?);
        }
    }
    waits_anew(&mut work);
    let until = act.until().map(|stage| format!("until stage {stage} is past"));
    work.note(act.word(), plan.plan_id.as_str(), reason.map(str::to_owned).or(until));
    Ok(Changed { commit: work.into_commit(), skipped, to_revert })
}

/// What it waits for once a person has acted: what it waited for before may be past, and nobody may drive it.
fn waits_anew(work: &mut Work<'_>) {
    let wait = match work.state.phase {
        PlanPhase::Paused => work.pause(),
        PlanPhase::Active | PlanPhase::Frozen | PlanPhase::RollingBack => Wait::Coordinator,
        _ => return,
    };
    if work.state.wait.as_ref() != Some(&wait) {
        work.state.wait = Some(wait);
        work.state.wait_since = work.now;
    }
}

/// What can be done about a plan that is over.
fn after_its_end(plan: &RolloutPlan, phase: PlanPhase) -> String {
    let released = matches!(phase, PlanPhase::Completed | PlanPhase::CompletedWithExceptions);
    let released = released || phase == PlanPhase::Cancelled;
    let ticket = &plan.ticket;
    let back = format!(
        "; what its hosts released is taken back on each by `holdpoint revert {ticket}`, or everywhere by a new plan to a commit \
         that reverts it"
    );
    if phase == PlanPhase::RollbackIncomplete {
        let look = format!("holdpoint rollout plan describe --plan-id {}", plan.plan_id);
        return format!(
            "it is over: on each host that is not back `holdpoint revert {ticket}`; `{look}` names them"
        );
    }
    format!("no action needed; it is already stopped{}", if released { &back } else { "" })
}

fn refuse(code: ReasonCode, cause: impl Into<String>, resolution: impl Into<String>) -> Precondition {
    Precondition { code, cause: cause.into(), resolution: resolution.into() }
}

fn typed(verb: &str, work: &Work<'_>) -> String {
    format!("holdpoint rollout {verb} --plan-id {}", work.plan.plan_id)
}

fn not_going_back(work: &Work<'_>) -> Result<(), Precondition> {
    if work.state.phase == PlanPhase::RollingBack {
        let (look, drive) = (typed("plan describe", work), typed("resume", work));
        let resolution = format!("wait for its hosts: `{look}`; where nobody drives it: `{drive}`");
        return Err(refuse(ReasonCode::AlreadyRollingBack, "its hosts are on their way back", resolution));
    }
    Ok(())
}

fn started(work: &Work<'_>) -> Result<(), Precondition> {
    if work.state.phase == PlanPhase::Draft {
        return Err(refuse(
            ReasonCode::NoCurrentStage,
            "the plan was not started",
            format!("`{}`", typed("start", work)),
        ));
    }
    Ok(())
}

fn start(work: &mut Work<'_>, until: Option<&StageId>) -> Result<(), Precondition> {
    if work.state.phase != PlanPhase::Draft {
        let resolution = format!("to drive it from here: `{}`", typed("resume", work));
        return Err(refuse(ReasonCode::PlanStarted, format!("the plan is {}", work.state.phase), resolution));
    }
    go_until(work, until, "start")?;
    work.phase(PlanPhase::Active, None);
    Ok(())
}

/// Goes on until a stage is past, and no further.
fn go_until(work: &mut Work<'_>, until: Option<&StageId>, verb: &str) -> Result<(), Precondition> {
    let Some(stage) = until else { return Ok(()) };
    let to_come = |at: usize| !work.state.stages[at].phase.is_past();
    let next: Vec<&StageId> =
        (0..work.plan.stages.len()).filter(|at| to_come(*at)).map(|at| &work.plan.stages[at].id).collect();
    let resolution = match next.first() {
        Some(first) => format!("name one that is to come: `{} --until {first}`", typed(verb, work)),
        None => format!("see how it stands: `{}`", typed("plan describe", work)),
    };
    let Some(at) = work.plan.stages.iter().position(|planned| planned.id == *stage) else {
        let all: Vec<&str> = work.plan.stages.iter().map(|planned| planned.id.as_str()).collect();
        let cause = format!("{} has no stage `{stage}`; its stages: {}", work.plan.plan_id, all.join(", "));
        return Err(refuse(ReasonCode::StageUnknown, cause, resolution));
    };
    if !to_come(at) {
        let next: Vec<&str> = next.into_iter().map(StageId::as_str).collect();
        let next = if next.is_empty() { "none".to_owned() } else { next.join(", ") };
        let cause = format!("stage {stage} is past; to come: {next}");
        return Err(refuse(ReasonCode::StageNotCurrent, cause, resolution));
    }
    work.state.until = Some(stage.clone());
    Ok(())
}

fn pause(work: &mut Work<'_>, reason: Option<String>) -> Result<(), Precondition> {
    started(work)?;
    not_going_back(work)?;
    if work.state.phase != PlanPhase::Paused {
        work.phase(PlanPhase::Paused, reason);
    }
    Ok(())
}

fn resume(work: &mut Work<'_>, until: Option<&StageId>) -> Result<(), Precondition> {
    started(work)?;
    if until.is_some() {
        not_going_back(work)?;
    }
    if work.state.phase != PlanPhase::Paused {
        return go_until(work, until, "resume");
    }
    if last_was_halted(&work.state) {
        let resolution = format!("go on with the next stage: `{}`", recover(work, "retry"));
        return Err(refuse(ReasonCode::StageHalted, "a halted stage cannot be opened again", resolution));
    }
    let failed = work.state.current().is_some_and(|at| work.state.stages[at].phase == StagePhase::Failed);
    if failed || work.state.harm.is_some() {
        let cause = work.state.harm.clone().unwrap_or_else(|| "its stage failed".to_owned());
        let resolution =
            format!("take it back: `{}`; or try again with `--strategy retry`", recover(work, "rollback"));
        return Err(refuse(ReasonCode::StageFailed, cause, resolution));
    }
    // One that was not reached still holds: who only paused has not agreed to more.
    if work.state.reached().is_some() {
        work.state.until = None;
    }
    go_until(work, until, "resume")?;
    go_on(work);
    Ok(())
}

fn recover(work: &Work<'_>, strategy: &str) -> String {
    format!("{} --strategy {strategy} --reason TEXT", typed("recover", work))
}

/// Active again; time that it stood still is no time without progress.
fn go_on(work: &mut Work<'_>) {
    work.phase(PlanPhase::Active, None);
    let clock = work.state.clock_ms;
    if let Some(at) = work.state.current() {
        work.state.stages[at].progress_ms = clock;
    }
}

fn approve(work: &mut Work<'_>, by: &str, reason: &str) -> Result<(), Precondition> {
    started(work)?;
    not_going_back(work)?;
    let current = work.state.current().filter(|at| {
        let phase = work.state.stages[*at].phase;
        matches!(phase, StagePhase::Activating | StagePhase::Baking | StagePhase::Gated)
    });
    let manual = |at: &usize| work.plan.stages[*at].gates.iter().any(|gate| gate.kind == GateKind::Manual);
    let Some(at) = current.filter(manual) else {
        let resolution = format!("see what it waits for: `{}`", typed("plan describe", work));
        return Err(refuse(ReasonCode::StageNotCurrent, "no stage waits for an approval", resolution));
    };
    let stage = &mut work.state.stages[at];
    let gates = work.plan.stages[at].gates.iter();
    for (said, _) in stage.verdicts.iter_mut().zip(gates).filter(|(_, gate)| gate.kind == GateKind::Manual) {
        (said.verdict, said.detail, said.inconclusive) = (VerdictWord::Pass, format!("{by}: {reason}"), 0);
    }
    stage.approval = Some(Approval { by: by.to_owned(), reason: reason.to_owned() });
    Ok(())
}

fn current_stage(work: &Work<'_>) -> Result<usize, Precondition> {
    started(work)?;
    work.state.current().ok_or_else(|| {
        let resolution =
            format!("check the status, it may be at completion: `{}`", typed("plan describe", work));
        let last = work.state.stages.last().map_or(StagePhase::Promoted, |stage| stage.phase);
        refuse(ReasonCode::NoCurrentStage, format!("its last stage is {last} by now"), resolution)
    })
}

fn halt(work: &mut Work<'_>, reason: Option<String>) -> Result<(), Precondition> {
    not_going_back(work)?;
    if last_was_halted(&work.state) && work.state.phase == PlanPhase::Paused {
        let resolution = format!("go on with the next stage: `{}`", recover(work, "retry"));
        return Err(refuse(ReasonCode::StageHalted, "the stage is halted already", resolution));
    }
    let at = current_stage(work)?;
    work.stage_phase(at, StagePhase::Halted, reason.clone());
    // It will not be promoted: whoever retries goes past it.
    if work.state.reached().is_some() {
        work.state.until = None;
    }
    let reason = reason.or_else(|| Some("a person halted its stage".to_owned()));
    if work.state.phase == PlanPhase::Paused {
        work.state.reason = reason;
    } else {
        work.phase(PlanPhase::Paused, reason);
    }
    Ok(())
}

fn cancel(work: &mut Work<'_>, confirmed: bool, reason: Option<String>) -> Result<(), Precondition> {
    let touched = work.count(In::Plan, |kind| kind.touched);
    if touched > 0 && !confirmed {
        let goes_back = work.state.phase == PlanPhase::RollingBack;
        let back = format!("; to take hosts back: `{}`", recover(work, "rollback"));
        let resolution = format!(
            "give the plan's id once more: `{} --confirm {}`{}",
            typed("plan cancel", work),
            work.plan.plan_id,
            if goes_back { "" } else { &back }
        );
        return Err(refuse(
            ReasonCode::ConfirmationRequired,
            format!("{touched} of its hosts stay as they are"),
            resolution,
        ));
    }
    work.phase(PlanPhase::Cancelled, reason);
    Ok(())
}

fn rollback(
    work: &mut Work<'_>,
    confirm: Option<&str>,
    reason: Option<String>,
) -> Result<Vec<HostName>, Precondition> {
    not_going_back(work)?;
    let id = &work.plan.plan_id;
    if let Some(named) = confirm.filter(|named| *named != id.as_str()) {
        let resolution = format!("name the plan: `{} --confirm {id}`", recover(work, "rollback"));
        let cause = format!("`{named}` is named, and this is {id}");
        return Err(refuse(ReasonCode::ConfirmationRequired, cause, resolution));
    }
    let touched = work.among(In::Plan, |kind| kind.touched);
    let touched: Vec<HostName> = touched.map(|(host, _)| host.clone()).collect();
    let is_ours = |host: &&HostName| work.taken(host).is_none();
    let hosts: Vec<HostName> = touched.iter().filter(is_ours).cloned().collect();
    let phase = if touched.is_empty() { PlanPhase::RolledBack } else { PlanPhase::RollingBack };
    work.phase(phase, reason);
    Ok(hosts)
}

fn retry(work: &mut Work<'_>) -> Result<(), Precondition> {
    not_going_back(work)?;
    started(work)?;
    let halted = last_was_halted(&work.state) && work.state.phase == PlanPhase::Paused;
    let open = |state| {
        use HostState::{Failed, Refused, RevertFailed, Unreachable};
        matches!(state, Failed | Refused | RevertFailed | Unreachable)
    };
    let again = |kind: Kind| open(kind.state) || (kind.state == HostState::Reverted && kind.failed);
    let again: Vec<HostName> = work.among(In::Plan, again).map(|(host, _)| host.clone()).collect();
    let at = work.state.current();
    let verdicts = at.map(|at| &work.state.stages[at].verdicts[..]).unwrap_or_default();
    let gate = verdicts.iter().any(|said| said.verdict != VerdictWord::Pass);
    if again.is_empty() && !gate && !halted && work.state.harm.is_none() {
        let resolution = nothing_against(work);
        return Err(refuse(
            ReasonCode::NothingToRetry,
            "no failing gate, no failed, refused or unreachable host",
            resolution,
        ));
    }
    for host in again {
        work.change(&host, |row| {
            row.failed = false;
            // One that does not answer may be at work: it is asked, not told anew.
            if row.state != HostState::Unreachable {
                row.state = HostState::Pending;
                row.reason = None;
            }
        });
    }
    work.state.harm = None;
    if let Some(at) = at {
        let stage = &mut work.state.stages[at];
        stage.verdicts.clear();
        stage.settled = 0;
        if stage.phase != StagePhase::Pending {
            work.stage_phase(at, StagePhase::Activating, None);
        }
    }
    go_on(work);
    Ok(())
}

/// What leads on where nothing stands against it.
fn nothing_against(work: &Work<'_>) -> String {
    match work.state.phase {
        PlanPhase::Paused if last_was_halted(&work.state) => {
            format!("go on with the next stage: `{}`", recover(work, "retry"))
        }
        PlanPhase::Paused => format!("it is paused; to go on: `{}`", typed("resume", work)),
        _ => format!("wait; `{}` shows what it waits for", typed("plan describe", work)),
    }
}

fn skip(work: &mut Work<'_>, confirm: Option<&str>) -> Result<StageId, Precondition> {
    not_going_back(work)?;
    let at = current_stage(work)?;
    let ticket_host = work.plan.ticket_host.as_ref().filter(|_| hosts::is_of_ticket(work, at));
    if let Some(host) =
        ticket_host.filter(|host| work.row(host).is_some_and(|row| row.state != HostState::Active))
    {
        let cause = format!("the ticket's scripts run on {host} alone, and have not run there");
        let resolution = format!(
            "repair it, then `{}`; or take it back: `{}`",
            recover(work, "retry"),
            recover(work, "rollback")
        );
        return Err(refuse(ReasonCode::StageFailed, cause, resolution));
    }
    let stage = &work.state.stages[at];
    let id = stage.id.clone();
    let says_no = stage.verdicts.iter().find(|said| said.verdict == VerdictWord::Fail);
    let cannot_tell = stage.verdicts.iter().any(|said| said.verdict == VerdictWord::Inconclusive);
    let bad = |kind: Kind| {
        use HostState::{Failed, Refused, RevertFailed, Unreachable};
        kind.failed || matches!(kind.state, Failed | Refused | RevertFailed | Unreachable)
    };
    let hosts = work.count(In::Stage(at), bad) > 0;
    if says_no.is_none() && !cannot_tell && !hosts && stage.phase != StagePhase::Failed {
        let resolution = nothing_against(work);
        return Err(refuse(
            ReasonCode::StageNotFailed,
            format!("nothing stands against stage {id}"),
            resolution,
        ));
    }
    let not_well = |said: &Verdict| said.verdict != VerdictWord::Pass && said.critical;
    let critical = stage.phase == StagePhase::Failed || stage.verdicts.iter().any(not_well);
    if critical && confirm != Some(id.as_str()) {
        let cause = work
            .state
            .harm
            .clone()
            .unwrap_or_else(|| format!("a critical gate of stage {id} does not say yes"));
        let resolution =
            format!("name the stage once more: `{} --confirm {id}`", recover(work, "skip_failed"));
        return Err(refuse(ReasonCode::ConfirmationRequired, cause, resolution));
    }
    let hosts: Vec<HostName> = work.plan.stages[at].hosts.clone();
    for host in hosts {
        // A person vouches for the stage: its failures no longer count, and its hosts are listed as they are.
        work.change(&host, |row| row.failed = false);
    }
    work.state.harm = None;
    work.stage_phase(at, StagePhase::Skipped, None);
    if work.state.current().is_some() {
        go_on(work);
    } else {
        let left = work.count(In::Plan, |kind| kind.state != HostState::Active);
        let phase = if left == 0 { PlanPhase::Completed } else { PlanPhase::CompletedWithExceptions };
        let without = if left == 0 { String::new() } else { format!("; {left} not active") };
        work.phase(phase, Some(format!("stage {id} was skipped{without}")));
        work.state.wait = Some(Wait::Terminal);
    }
    Ok(id)
}
