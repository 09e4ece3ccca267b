//! `cancel`: stops a running attempt in order, from another terminal.

use std::time::Duration;

use crate::decide;
use crate::model::event::{EventDraft, EventKind, Progress};
use crate::model::id::AttemptId;
use crate::model::phase::Phase;
use crate::model::reason::{Blocker, ReasonCode};
use crate::model::release::{ReleaseState, Transition};
use crate::model::view::{Change, ChangeView};
use crate::store::{CancelRequest, Holder};
use crate::sys::supervise;

use super::error::OpsError;
use super::face::Face;
use super::host::Host;
use super::release::fitting;
use super::session::Session;

/// How often we look whether it has stopped.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How long a step that outlived its runner may take to end after it was asked to: its grace, and some.
const PATIENCE: Duration = Duration::from_secs(20);

/// Asks a running attempt to stop, and waits until it has. A step that outlived its runner is ended; its attempt is
/// interrupted then, and can be resumed. An attempt at a hold point is canceled at once.
///
/// # Errors
/// [`OpsError::Refused`] with `attempt-status-not-recoverable` when the attempt is not running, or is not the newest.
pub fn cancel(
    host: &Host,
    attempt: &AttemptId,
    dry_run: bool,
    face: Face<'_>,
) -> Result<ReleaseState, OpsError> {
    let holder = host.store.holder()?;
    let state = standing(host, attempt, holder.as_ref())?;
    if dry_run {
        return Ok(state);
    }
    let asked = Change {
        verb: "cancel".to_owned(),
        what: attempt.to_string(),
        detail: format!("it is {} in phase {}", state.status.word(), state.phase),
        content: None,
    };
    let asked = ChangeView { changes: vec![asked], notes: Vec::new(), next: Vec::new(), dry_run: true };
    face.confirm(&asked, "canceling a release", &format!("--confirm {attempt}"))?;
    match holder {
        Some(holder) if !holder.left.is_empty() => end_what_is_left(host, attempt, &holder, face),
        Some(_) => ask(host, attempt, face),
        None => at_once(host, attempt, face),
    }
}

/// The attempt's state, where it can be canceled.
fn standing(host: &Host, attempt: &AttemptId, holder: Option<&Holder>) -> Result<ReleaseState, OpsError> {
    let ticket = &attempt.ticket;
    let mut state =
        host.store.state(ticket)?.ok_or_else(|| OpsError::NoRelease { ticket: ticket.clone() })?;
    let is_its = |holder: &Holder| {
        holder.ticket.as_ref() == Some(ticket) || holder.left.iter().any(|work| work.attempt == *attempt)
    };
    if !holder.is_some_and(is_its) {
        state.status = state.status.without_runner();
    }
    let against = if state.attempt == attempt.number {
        decide::against_canceling(&state)
    } else {
        let fact = format!("`{attempt}` is not the newest attempt: that is `{ticket}@{}`", state.attempt);
        Some(Blocker::new(ReasonCode::AttemptStatusNotRecoverable, fact))
    };
    match against {
        None => Ok(state),
        Some(blocker) => Err(OpsError::refused(blocker.way_out(host.typed("state", ticket.as_str())))),
    }
}

/// Lays the request beside the run and waits until the runner has stopped.
fn ask(host: &Host, attempt: &AttemptId, face: Face<'_>) -> Result<ReleaseState, OpsError> {
    let reason = face.reason.map(str::to_owned);
    host.store.ask_to_cancel(&CancelRequest {
        attempt: attempt.clone(),
        operator: host.operator.clone(),
        reason,
    })?;
    let note = format!("asked `{attempt}` to stop; the same command again ends what runs now");
    face.watcher.progress(&Progress::Note(note));
    while face.stop.level() == 0 && host.store.runner_alive()? {
        host.clock.sleep(LOOK_EVERY);
    }
    now(host, attempt)
}

/// Ends the steps of an attempt whose runner is gone; then its records are closed.
fn end_what_is_left(
    host: &Host,
    attempt: &AttemptId,
    holder: &Holder,
    face: Face<'_>,
) -> Result<ReleaseState, OpsError> {
    for work in &holder.left {
        face.watcher.progress(&Progress::Note(format!("ending {work}")));
        if !supervise::ask_to_end(&work.folder) && host.store.runner_alive()? {
            return Err(OpsError::Failed {
                what: format!("{work} cannot be ended by you: another operator started it"),
                hint: format!("as that operator or as root: `sudo holdpoint cancel {attempt}`"),
            });
        }
    }
    let patient = Face { lock_wait: face.lock_wait.max(PATIENCE), ..face };
    Session::open(host, patient, Some(&attempt.ticket), Phase::Prepare)?;
    now(host, attempt)
}

/// No runner: an attempt that waits at a hold point.
fn at_once(host: &Host, attempt: &AttemptId, face: Face<'_>) -> Result<ReleaseState, OpsError> {
    let ticket = &attempt.ticket;
    let session = Session::open(host, face, Some(ticket), Phase::Prepare)?;
    let state = fitting(host, ticket, Transition::CancelRequested, "cancel")?;
    let draft = EventDraft::new(EventKind::CancelRequested).phase(state.phase);
    session.note(ticket, face.reason.iter().fold(draft, |draft, why| draft.msg(*why)))
}

fn now(host: &Host, attempt: &AttemptId) -> Result<ReleaseState, OpsError> {
    let ticket = &attempt.ticket;
    host.store.state(ticket)?.ok_or_else(|| OpsError::NoRelease { ticket: ticket.clone() })
}
