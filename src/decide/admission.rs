//! What stands against acting on an attempt, beside what a plan itself meets (design/05): whether somebody has looked at it
//! first, and whether its status lets the verb happen. What is read and what is admitted come from here.

use chrono::{DateTime, Utc};

use super::evidence::evidence_blocker;
use crate::model::id::{AttemptId, TicketId};
use crate::model::phase::Phase;
use crate::model::readiness::LookedInto;
use crate::model::reason::{Blocker, ReasonCode};
use crate::model::release::{ReleaseState, Status, Transition, Trigger, next};
use crate::model::request::{Anew, RunRequest};
use crate::model::settings::Settings;

fn own(state: &ReleaseState) -> AttemptId {
    AttemptId { ticket: state.ticket.clone(), number: state.attempt }
}

fn unfit(fact: String) -> Blocker {
    Blocker::new(ReasonCode::AttemptStatusNotRecoverable, fact)
}

/// A release that failed in verify has a cause that nobody knows yet, until somebody looks.
pub fn wants_diagnosis(state: &ReleaseState, looked: &LookedInto) -> bool {
    let halted = looked.halted.filter(|_| state.status == Status::Failed && state.phase == Phase::Verify);
    halted.is_some_and(|at| looked.diagnosed.is_none_or(|diagnosed| diagnosed < at))
}

/// What stands against putting something in an attempt's place, whoever asks: its cause not looked into, no evidence of
/// this failure.
pub fn against_acting(
    settings: &Settings,
    now: DateTime<Utc>,
    state: &ReleaseState,
    looked: &LookedInto,
    anew: &Anew,
) -> Vec<Blocker> {
    let attempt = own(state);
    let mut blockers = Vec::new();
    if *anew != Anew::Redeploy && wants_diagnosis(state, looked) {
        let fact = format!("`{attempt}` failed in verify, and nobody has looked into the cause yet");
        let way = format!("holdpoint diagnose {}", state.ticket);
        blockers.push(Blocker::new(ReasonCode::DiagnoseFirst, fact).way_out(way));
    }
    if let Some(at) = looked.halted.filter(|_| state.status != Status::Succeeded) {
        let max_age = settings.recovery.evidence_max_age;
        blockers.extend(evidence_blocker(&attempt, now, at, looked.evidence, max_age));
    }
    blockers
}

/// Somebody is at work here: what is said holds for afterwards.
pub fn busy(on: Option<&TicketId>) -> Blocker {
    let what = on.map_or("something".to_owned(), |ticket| format!("`{ticket}`"));
    let fact = format!("{what} is at work on this host");
    Blocker::new(ReasonCode::ResourceRuntimeBusy, fact).way_out("holdpoint status")
}

/// The run that goes on with an attempt, and the phase that it goes on from.
///
/// # Errors
/// Why there is nothing to go on with.
pub fn to_resume(state: &ReleaseState) -> Result<(Phase, RunRequest), Blocker> {
    let halted =
        matches!(state.status, Status::Failed | Status::Interrupted | Status::Undecided | Status::Held);
    if !halted || state.phase == Phase::Revert || state.ticket.is_reserved() {
        let fact = format!("`{}` is {}: there is nothing to go on with", own(state), state.status);
        return Err(unfit(fact));
    }
    // What was never prepared begins again, without `--from`.
    let from = Some(state.phase).filter(|phase| *phase != Phase::Prepare);
    Ok((state.phase, RunRequest { from, no_fetch: true, ..RunRequest::new(state.ticket.clone()) }))
}

/// What stands against stopping an attempt.
pub fn against_canceling(state: &ReleaseState) -> Option<Blocker> {
    let fits = next(state.status, Transition::CancelRequested).is_ok() && !state.closed;
    let word = if state.closed { "closed" } else { state.status.word() };
    (!fits).then(|| unfit(format!("`{}` is {word}: there is nothing to cancel", own(state))))
}

/// What stands against something that a person has happen to an attempt without a plan. `verb` names it.
pub fn against_verb(state: &ReleaseState, event: Transition, verb: &str) -> Option<Blocker> {
    let fits = !state.closed && next(state.status, event).is_ok();
    let word = if state.closed { "closed" } else { state.status.word() };
    (!fits).then(|| unfit(format!("`{}` is {word}: `{verb}` does not fit", own(state))))
}

/// What stands against passing a hold point, or against letting releases go on after a rollback.
pub fn against_approving(state: &ReleaseState) -> Option<Blocker> {
    let rolled_back = state.trigger == Trigger::Rollback
        && state.status == Status::Succeeded
        && state.approved.is_none()
        && !state.closed;
    if rolled_back { None } else { against_verb(state, Transition::Approved, "approve") }
}
