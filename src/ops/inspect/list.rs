//! `list`: every attempt on this host, newest first.

use crate::model::release::ReleaseState;
use crate::model::view::ListRow;
use crate::ops::error::OpsError;
use crate::ops::host::Host;
use crate::sys::files;

use super::rows::Present;

/// Rows of a plain `list`.
const RECENT: usize = 20;

/// Rows that are read for them: archived ones are left out.
const READ: u32 = 200;

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

/// Without an index: the newest attempt of each ticket, from its own files.
fn newest_states(host: &Host, notes: &mut Vec<String>) -> Result<Vec<ReleaseState>, OpsError> {
    let mut states = Vec::new();
    for ticket in host.store.tickets()? {
        match host.store.state(&ticket) {
            Ok(state) => states.extend(state),
            Err(error) => notes.push(format!("`{ticket}` is left out: {error}")),
        }
    }
    states.sort_by_key(|state| std::cmp::Reverse(state.started_at));
    Ok(states)
}
