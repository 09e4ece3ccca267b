//! `list`: every attempt on this host, newest first.

use crate::model::arrange::Arrange;
use crate::model::id::{AttemptId, TicketId};
use crate::model::release::{ReleaseState, Status};
use crate::model::view::ListRow;
use crate::ops::error::OpsError;
use crate::ops::host::Host;
use crate::store::{Piece, Slice};
use crate::sys::files;

use super::rows::Present;

/// Rows of a plain `list`.
const RECENT: usize = 20;

/// Rows that are read for them: archived ones are left out.
const READ: u32 = 200;

/// Rows that are read at a time for those that stand in a certain way.
const LOOKED_AT: u32 = 2_000;

/// Which attempts are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// The last twenty that are not archived.
    Recent,
    /// All, archived ones too.
    All,
}

/// Whether the index is rebuilt from the logs first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Index {
    /// It is read as it is; one that is lost is rebuilt.
    AsIs,
    /// It is rebuilt.
    Rebuild,
}

/// Attempts, and what had to be put right before they could be listed.
pub struct Listing {
    /// Newest first.
    pub rows: Vec<ListRow>,
    /// What the index needed, and which records are left out because they are damaged; one sentence each.
    pub notes: Vec<String>,
}

/// Lists attempts, newest first. The index never stands in the way: without one, the records themselves are read.
///
/// # Errors
/// With [`Index::Rebuild`], a damaged log or an index that cannot be written; when not even the records can be listed.
pub fn list(host: &Host, which: Which, index: Index) -> Result<Listing, OpsError> {
    let present = Present::look(host)?;
    let mut notes = Vec::new();
    if index == Index::Rebuild && files::is_folder(host.store.layout().workspace()) {
        host.store.reindex()?;
    }
    let limit = (which == Which::Recent).then_some(READ);
    let renewed = host.store.renew_index();
    let mut rows = match renewed.and_then(|said| Ok((said, host.store.newest(limit)?))) {
        // A run that goes on is ahead of its row all the time.
        Ok((said, rows)) => {
            notes.extend(said.filter(|_| present.holder().is_none()));
            rows
        }
        Err(_) => newest_states(host, &mut notes)?.iter().map(|state| present.row(state)).collect(),
    };
    for row in &mut rows {
        row.status = present.status_of(&row.attempt.ticket, row.status);
    }
    if which == Which::Recent {
        rows.retain(|row| !row.archived);
        rows.truncate(RECENT);
    }
    Ok(Listing { rows, notes })
}

/// Which attempts a page has.
#[derive(Debug, Clone)]
pub struct Paging {
    /// Those that stand so.
    pub status: Option<Status>,
    /// Those of a ticket.
    pub ticket: Option<TicketId>,
    /// Archived ones, too.
    pub archived: bool,
    /// Those after this one.
    pub after: Option<AttemptId>,
    /// At most so many.
    pub limit: usize,
}

/// A page of the list, newest first, and whether more come after it. None: `after` is not listed.
///
/// # Errors
/// As [`list`].
pub fn page(host: &Host, paging: &Paging) -> Result<Option<(Listing, bool)>, OpsError> {
    let present = Present::look(host)?;
    let notes = match host.store.renew_index() {
        Ok(said) => said.filter(|_| present.holder().is_none()).into_iter().collect(),
        Err(_) => return Ok(of_all(paging, list(host, Which::All, Index::AsIs)?)),
    };
    let wanted = paging.limit + 1;
    let mut after = paging.after.clone();
    let mut rows: Vec<ListRow> = Vec::new();
    loop {
        let slice = Slice {
            after: after.as_ref(),
            ticket: paging.ticket.as_ref(),
            archived: paging.archived,
            // How an attempt stands depends on the lock, too: of those that stand so, more have to be looked at.
            limit: if paging.status.is_some() {
                LOOKED_AT
            } else {
                u32::try_from(wanted).unwrap_or(LOOKED_AT)
            },
        };
        let Some(Piece { rows: mut found, is_last }) = host.store.slice(&slice)? else { return Ok(None) };
        after = found.last().map(|row| row.attempt.clone());
        for row in &mut found {
            row.status = present.status_of(&row.attempt.ticket, row.status);
        }
        found.retain(|row| paging.status.is_none_or(|status| row.status == status));
        rows.append(&mut found);
        if is_last || rows.len() >= wanted {
            break;
        }
    }
    let more = rows.len() > paging.limit;
    rows.truncate(paging.limit);
    Ok(Some((Listing { rows, notes }, more)))
}

/// The same page of a list that was read whole, where there is no index.
fn of_all(paging: &Paging, listing: Listing) -> Option<(Listing, bool)> {
    let mut rows = listing.rows;
    if let Some(after) = &paging.after {
        let at = rows.iter().position(|row| row.attempt == *after)?;
        rows.drain(..=at);
    }
    rows.retain(|row| {
        (paging.archived || !row.archived)
            && paging.status.is_none_or(|status| row.status == status)
            && paging.ticket.as_ref().is_none_or(|ticket| row.attempt.ticket == *ticket)
    });
    let more = rows.len() > paging.limit;
    rows.truncate(paging.limit);
    Some((Listing { rows, ..listing }, more))
}

/// Without an index: the newest attempt of each ticket, from its own files.
fn newest_states(host: &Host, notes: &mut Vec<String>) -> Result<Vec<ReleaseState>, OpsError> {
    let mut states = Vec::new();
    for ticket in host.store.tickets()? {
        match host.store.state(&ticket) {
            Ok(state) => states.extend(state),
            Err(error) => notes.push(format!("`{ticket}` is left out: {error}")),
        }
    }
    states.arrange_by_key(|state| std::cmp::Reverse(state.started_at));
    Ok(states)
}
