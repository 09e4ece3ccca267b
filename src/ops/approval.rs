//! `[recovery] owner_approval`: who asked for what, who agreed, and the hold until somebody did.

use crate::decide;
use crate::model::approval::{Approvals, Approving, Wanted, Word};
use crate::model::event::{EventDraft, EventKind};
use crate::model::id::TicketId;
use crate::model::phase::Phase;
use crate::model::projection::field;
use crate::model::reason::Blocker;
use crate::model::release::ReleaseState;

use super::error::OpsError;
use super::host::Host;
use super::playbooks;
use super::session::Session;

/// What stands against something that wants a second operator; nothing where the configuration does not ask for one.
///
/// # Errors
/// When the log cannot be read or is damaged.
pub(super) fn blocker(
    host: &Host,
    state: &ReleaseState,
    wanted: &Wanted,
) -> Result<Option<Blocker>, OpsError> {
    if !host.settings.recovery.owner_approval {
        return Ok(None);
    }
    Ok(decide::against_unapproved(state, wanted, &known(host, &state.ticket)?))
}

fn known(host: &Host, ticket: &TicketId) -> Result<Approvals, OpsError> {
    Ok(Approvals::of(&host.store.log(ticket)?))
}

/// Whoever agreed to it, for the record.
///
/// # Errors
/// As [`blocker`].
pub(super) fn given_by(host: &Host, ticket: &TicketId, wanted: &Wanted) -> Result<Option<String>, OpsError> {
    Ok(known(host, ticket)?.standing(wanted).map(|word| word.by.clone()))
}

/// Under the lock, before anything is done: goes on where somebody agreed, else asks for it and holds.
///
/// # Errors
/// [`OpsError::Refused`] with `approval-wanted`; what could not be read or recorded.
pub(super) fn or_hold(
    session: &Session<'_>,
    ticket: &TicketId,
    wanted: Option<&Wanted>,
    reason: Option<&str>,
    phase: Phase,
) -> Result<(), OpsError> {
    let host = session.host;
    let (Some(wanted), Some(state)) = (wanted, session.store.state(ticket)?) else { return Ok(()) };
    if blocker(host, &state, wanted)?.is_none() {
        return Ok(());
    }
    let asks_again =
        known(host, ticket)?.open().any(|word| word.wanted == *wanted && word.by == host.operator);
    if !asks_again {
        let draft = said_of(EventKind::ApprovalAsked, wanted);
        session.note(ticket, reason.map_or(draft.clone(), |reason| draft.msg(reason)))?;
    }
    let waits = blocker(host, &state, wanted)?.into_iter().collect();
    Err(OpsError::Refused(playbooks::refused(host, phase, waits, Vec::new())))
}

fn said_of(kind: EventKind, wanted: &Wanted) -> EventDraft {
    let draft = EventDraft::new(kind).detail(field::WANTED, &wanted.typed);
    match &wanted.commit {
        Some(commit) => draft.detail(field::COMMIT, commit.as_str()),
        None => draft,
    }
}

/// What an operator agrees to by `approve`; none: a hold point.
///
/// # Errors
/// [`OpsError::Refused`] where nobody else asked for it, or it is not said which is meant.
pub(super) fn to_agree(
    host: &Host,
    state: &ReleaseState,
    verb: Option<&str>,
) -> Result<Option<Word>, OpsError> {
    let by = Approving {
        ticket: &state.ticket,
        verb,
        operator: &host.operator,
        is_held: decide::against_approving(state).is_none(),
    };
    let known = known(host, &state.ticket)?;
    Ok(decide::to_agree(&known, &by).map_err(OpsError::refused)?.cloned())
}

/// Records that somebody agreed.
///
/// # Errors
/// What could not be recorded.
pub(super) fn agree(
    session: &Session<'_>,
    ticket: &TicketId,
    asked: &Word,
    reason: &str,
) -> Result<(), OpsError> {
    let draft =
        said_of(EventKind::ApprovalGiven, &asked.wanted).detail(field::ASKED_BY, &asked.by).msg(reason);
    session.note(ticket, draft).map(drop)
}
