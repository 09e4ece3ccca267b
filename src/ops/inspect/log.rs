//! `log TICKET`: the audit log, since a record, followed, or checked.

use std::sync::Arc;
use std::time::Duration;

use crate::model::event::{EventKind, RunEvent, Watcher};
use crate::model::id::TicketId;
use crate::model::outcome::Ending;
use crate::model::release::Status;
use crate::model::view::{LogView, VerificationView};
use crate::ops::error::OpsError;
use crate::ops::host::Host;
use crate::sys::files;
use crate::sys::signal::{Signal, Stop};

use super::rows::{Present, relative};

/// How often a followed log is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The records of a ticket after a cursor (0: all of them).
///
/// # Errors
/// [`OpsError::NoRelease`]; a damaged log.
pub fn log(host: &Host, ticket: &TicketId, since: u64) -> Result<LogView, OpsError> {
    let log = known(host, ticket)?;
    let read = log.partition_point(|event| event.seq <= since);
    Ok(view(host, ticket, log[read..].to_vec(), None))
}

/// Records of an attempt after a cursor, at most so many; and whether more come after them.
///
/// # Errors
/// As [`log`].
pub fn records(
    host: &Host,
    ticket: &TicketId,
    attempt: u32,
    since: u64,
    limit: usize,
) -> Result<(Vec<RunEvent>, bool), OpsError> {
    let log = known(host, ticket)?;
    let mut after = log.iter().filter(|event| event.seq > since && event.attempt == attempt);
    let page = after.by_ref().take(limit).cloned().collect();
    Ok((page, after.next().is_some()))
}

/// The records of a ticket, and what its chain says. Damage is a finding here, not an error; the records are then those
/// that can be read.
///
/// # Errors
/// [`OpsError::NoRelease`]; a file that cannot be read at all.
pub fn verify(host: &Host, ticket: &TicketId) -> Result<LogView, OpsError> {
    if !files::exists(&host.store.layout().log(ticket)) {
        return Err(OpsError::NoRelease { ticket: ticket.clone() });
    }
    let verification = verification(host, ticket)?;
    let log = host.store.log(ticket).unwrap_or_default();
    Ok(view(host, ticket, log.to_vec(), Some(verification)))
}

/// What a ticket's chain says.
pub(super) fn verification(host: &Host, ticket: &TicketId) -> Result<VerificationView, OpsError> {
    let found = host.store.verify_log(ticket)?;
    let line = |finding: &crate::store::Finding| format!("line {}: {}", finding.line, finding.what);
    Ok(VerificationView {
        records: found.records,
        head_seq: found.head_seq,
        head_chain: found.head_chain,
        findings: found.findings.iter().map(line).collect(),
    })
}

fn known(host: &Host, ticket: &TicketId) -> Result<Arc<Vec<RunEvent>>, OpsError> {
    let events = host.store.log(ticket)?;
    if events.is_empty() && !files::exists(&host.store.layout().log(ticket)) {
        return Err(OpsError::NoRelease { ticket: ticket.clone() });
    }
    Ok(events)
}

fn view(
    host: &Host,
    ticket: &TicketId,
    events: Vec<RunEvent>,
    verification: Option<VerificationView>,
) -> LogView {
    let log_file = relative(host, &host.store.layout().log(ticket));
    LogView { ticket: ticket.clone(), log_file, events, verification }
}

/// Shows the records after a cursor and then each new one, until the run that works on the ticket is over; ends as that
/// run ends. Without a live run it ends at once, as the last one did.
///
/// # Errors
/// As [`log`].
pub fn follow(
    host: &Host,
    ticket: &TicketId,
    since: u64,
    watcher: &dyn Watcher,
    stop: &Stop,
) -> Result<Ending, OpsError> {
    let path = host.store.layout().log(ticket);
    let mut cursor = since;
    let mut seen_bytes = None;
    loop {
        // The lock is looked at before the log: what a run wrote before it let go is then surely read.
        let lives = Present::look(host)?.works_on(ticket);
        let bytes = files::size(&path).ok();
        if bytes != seen_bytes || !lives {
            let log = known(host, ticket)?;
            for event in log.iter().filter(|event| event.seq > cursor) {
                watcher.event(event);
            }
            cursor = log.last().map_or(cursor, |event| event.seq.max(cursor));
            seen_bytes = bytes;
        }
        if !lives {
            return ending(host, ticket);
        }
        match stop.signal() {
            Some(Signal::Term) => return Ok(Ending::Terminated),
            Some(Signal::Int) => return Ok(Ending::Interrupted),
            None => host.clock.sleep(LOOK_EVERY),
        }
    }
}

/// How the last run of a ticket ended.
fn ending(host: &Host, ticket: &TicketId) -> Result<Ending, OpsError> {
    let Some(state) = host.store.state(ticket)? else {
        return Err(OpsError::NoRelease { ticket: ticket.clone() });
    };
    let interrupted = || -> Result<Ending, OpsError> {
        let events = host.store.log(ticket)?;
        let last = events.iter().rfind(|event| event.event == EventKind::Interrupted);
        let by_term = last.and_then(|event| event.rc) == Some(i32::from(Ending::Terminated.status()));
        Ok(if by_term { Ending::Terminated } else { Ending::Interrupted })
    };
    Ok(match state.status.without_runner() {
        Status::Succeeded | Status::Reverted => Ending::Ok,
        Status::Held => Ending::Held,
        Status::Undecided | Status::RevertUndecided => Ending::Undecided,
        Status::Stuck => Ending::Stuck,
        Status::Interrupted | Status::RevertInterrupted => interrupted()?,
        // A refused start is recorded as a failed prepare with its own exit status.
        Status::Failed => Ending::ALL
            .into_iter()
            .find(|ending| {
                matches!(ending, Ending::Refused | Ending::Nothing) && i32::from(ending.status()) == state.rc
            })
            .filter(|_| state.failed_step.is_none())
            .unwrap_or(Ending::Failed),
        _ => Ending::Failed,
    })
}
