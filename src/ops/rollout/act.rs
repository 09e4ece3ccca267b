//! A person acts on a plan: decided on what the ledger says at that moment, and written only if it still says so.

use crate::decide::rollout::{self, Changed};
use crate::fleet::ledger::Committed;
use crate::fleet::records::{self, FleetError, Rollout};
use crate::model::reason::{Blocker, ReasonCode};
use crate::model::rollout::{Act, HostName, Line, PlanId, PlanPhase, Precondition, RecoverView, StageId};
use crate::ops::error::OpsError;
use crate::sys::files;

use super::desk::{Desk, said};

/// How often somebody else may be quicker.
const TRIES: u32 = 20;

/// How the refusal of a rollback begins that nobody has confirmed; the hosts follow.
pub const TAKEN_BACK: &str = "these hosts would be taken back:";

/// What lets the line go.
pub(super) const LIFT: &str = "holdpoint rollout stop-the-line --lift --reason TEXT";

/// On which terms a person acts.
#[derive(Debug, Clone, Copy, Default)]
pub struct Terms<'a> {
    /// Why, for the audit.
    pub reason: Option<&'a str>,
    /// The revision that they saw; none: as it is now.
    pub revision: Option<&'a str>,
    /// The stage that they mean; none: the current one.
    pub stage: Option<&'a StageId>,
    /// A rollback of touched hosts is refused: whoever asks has not named the plan once more.
    pub unconfirmed: bool,
}

/// What an act would come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Would {
    /// The plan's phase then.
    pub new_phase: PlanPhase,
    /// Hosts that it would change by itself, and no coordinator afterwards.
    pub hosts: Vec<HostName>,
}

/// What each of these acts would come to now, or what stands against it; nothing is done.
///
/// # Errors
/// A refusal when there is no such plan, or what the ledger says.
pub fn would(desk: &Desk, plan_id: &PlanId, acts: &[Act]) -> Result<Vec<Result<Would, Blocker>>, OpsError> {
    let found = desk.load(plan_id)?;
    let line = stopped_line(desk, &found)?;
    let of = |act: &Act| {
        let who = (desk.operator.as_str(), None);
        let changed = rollout::act(&found.plan, &found.state, &found.hosts, act, who, desk.now());
        let changed = changed.map_err(|no| Blocker::new(no.code, no.cause).way_out(no.resolution))?;
        against_line(&found, &changed, line.as_ref())?;
        let own = changed.commit.rows.into_keys().collect();
        let hosts = if changed.to_revert.is_empty() { own } else { changed.to_revert };
        Ok(Would { new_phase: changed.commit.state.phase, hosts })
    };
    Ok(acts.iter().map(of).collect())
}

/// Refuses to drive a plan that is under way and has a coordinator: before anything is written, so that no other hold point or
/// record comes of what is refused. A paused one may be let go of while its last hosts are at work.
///
/// # Errors
/// [`FleetError::Driven`], or what the ledger says.
pub(super) fn refuse_driven(desk: &Desk, plan_id: &PlanId) -> Result<(), OpsError> {
    let found = desk.load(plan_id)?;
    match found.leader {
        Some(by) if found.state.phase != PlanPhase::Paused => {
            Err(FleetError::Driven { plan_id: plan_id.clone(), by }.into())
        }
        _ => Ok(()),
    }
}

/// Does it.
///
/// # Errors
/// A refusal with the code, cause and resolution of the precondition table, or what the ledger says.
pub fn act(desk: &Desk, plan_id: &PlanId, act: &Act, terms: Terms<'_>) -> Result<RecoverView, OpsError> {
    let reason = terms.reason;
    reason.map_or(Ok(()), said)?;
    for _ in 0..TRIES {
        let found = desk.load(plan_id)?;
        let now = desk.now();
        let who = (desk.operator.as_str(), reason);
        let changed = rollout::act(&found.plan, &found.state, &found.hosts, act, who, now);
        let changed = changed.map_err(refused)?;
        let line = stopped_line(desk, &found)?;
        against_line(&found, &changed, line.as_ref()).map_err(OpsError::refused)?;
        let current = found.state.current().map(|at| &found.state.stages[at].id);
        against(&found, &terms, current, &changed)?;
        let written = records::commit(&*desk.ledger, &found, &changed.commit, None, (&desk.operator, now))?;
        if let Committed::Conflict(_) = written {
            continue;
        }
        let state = &changed.commit.state;
        let rolling = state.phase == PlanPhase::RollingBack;
        let next = changed.skipped.as_ref().and_then(|_| state.current());
        return Ok(RecoverView {
            plan_id: plan_id.clone(),
            strategy: act.word().to_owned(),
            previous_phase: found.state.phase,
            new_phase: state.phase,
            final_phase: rolling.then_some(PlanPhase::RolledBack),
            next_stage_id: next.map(|at| state.stages[at].id.clone()),
            skipped_stage_id: changed.skipped,
            hosts_to_revert: rolling.then_some(changed.to_revert),
            reason: reason.map(str::to_owned),
            recovered_at: now,
        });
    }
    Err(FleetError::Conflict { plan_id: plan_id.clone() }.into())
}

/// The line, where it is stopped for this plan.
///
/// # Errors
/// What the ledger says.
pub(super) fn stopped_line(desk: &Desk, found: &Rollout) -> Result<Option<Line>, OpsError> {
    Ok(records::line(&*desk.ledger)?.filter(|_| !found.plan.hotfix))
}

/// Nothing gets under way while the line is stopped: it would be paused at once.
fn against_line(found: &Rollout, changed: &Changed, line: Option<&Line>) -> Result<(), Blocker> {
    let begins = |phase| matches!(phase, PlanPhase::Active | PlanPhase::Frozen);
    let Some(line) = line.filter(|_| begins(changed.commit.state.phase) && !begins(found.state.phase)) else {
        return Ok(());
    };
    let fact = format!("the line is stopped by {}: {}", line.by, line.reason);
    Err(Blocker::new(ReasonCode::FreezeActive, fact).way_out(format!("let it go: `{LIFT}`")))
}

/// What stands against it on these terms.
fn against(
    found: &Rollout,
    terms: &Terms<'_>,
    current: Option<&StageId>,
    changed: &Changed,
) -> Result<(), OpsError> {
    let id = &found.plan.plan_id;
    let look = format!("see how it stands: `holdpoint rollout plan describe --plan-id {id}`");
    let now = revision(found);
    if terms.revision.is_some_and(|seen| seen != now) {
        let fact = format!("{id} has moved on since it was looked at: it is at revision {now}");
        return Err(OpsError::refused(Blocker::new(ReasonCode::RevisionConflict, fact).way_out(look)));
    }
    if terms.stage.is_some_and(|meant| Some(meant) != current) {
        let current = current.map_or("past its last stage".to_owned(), |stage| format!("in stage {stage}"));
        let fact = format!("the plan is {current}");
        return Err(OpsError::refused(Blocker::new(ReasonCode::StageNotCurrent, fact).way_out(look)));
    }
    if terms.unconfirmed && !changed.to_revert.is_empty() {
        let hosts: Vec<&str> = changed.to_revert.iter().map(HostName::as_str).collect();
        let fact = format!("{TAKEN_BACK} {}", hosts.join(" "));
        let way = format!("name the plan once more: `\"confirm\": \"{id}\"`");
        return Err(OpsError::refused(Blocker::new(ReasonCode::ConfirmationRequired, fact).way_out(way)));
    }
    Ok(())
}

/// What a person saw of a plan, in short: its phase, its stages' and its hosts' states. The clock, and what a gate says once
/// more, are no news.
pub(super) fn revision(found: &Rollout) -> String {
    let stages: Vec<_> = found.state.stages.iter().map(|stage| (&stage.id, stage.phase)).collect();
    let hosts: Vec<_> =
        found.hosts.rows().iter().map(|(host, row)| (host, row.state, row.generation)).collect();
    let seen = (found.state.phase, stages, hosts, &found.state.harm);
    let text = serde_json::to_string(&seen).unwrap_or_default();
    files::sha256_of(text.as_bytes())[..12].to_owned()
}

fn refused(precondition: Precondition) -> OpsError {
    OpsError::refused(Blocker::new(precondition.code, precondition.cause).way_out(precondition.resolution))
}
