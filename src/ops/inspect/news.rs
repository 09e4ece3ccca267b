//! What is new of a ticket, for whoever watches over HTTP: cheap to ask often.

use crate::model::event::RunEvent;
use crate::model::id::TicketId;
use crate::model::release::Status;
use crate::ops::error::OpsError;
use crate::ops::host::Host;
use crate::sys::files;

use super::rows::Present;

/// What is new of a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// Records after the one that was named.
    pub events: Vec<RunEvent>,
    /// Whether somebody works on it.
    pub lives: bool,
    /// Its newest attempt.
    pub attempt: u32,
    /// How that stands.
    pub status: Status,
}

/// Bytes of a ticket's log: nothing is new while they stay the same. None: it has none.
pub fn log_size(host: &Host, ticket: &TicketId) -> Option<u64> {
    files::size(&host.store.layout().log(ticket)).ok()
}

/// Records after a cursor, and whether more may come.
///
/// # Errors
/// [`OpsError::NoRelease`]; a damaged log.
pub fn news(host: &Host, ticket: &TicketId, since: u64) -> Result<News, OpsError> {
    // The lock is looked at before the log: what a run wrote before it let go is then surely read.
    let present = Present::look(host)?;
    let state = host.store.state(ticket)?.ok_or_else(|| OpsError::NoRelease { ticket: ticket.clone() })?;
    let log = host.store.log(ticket)?;
    let read = log.partition_point(|event| event.seq <= since);
    Ok(News {
        events: log[read..].to_vec(),
        lives: present.works_on(ticket),
        attempt: state.attempt,
        status: present.status(&state),
    })
}
