//! `list`: every attempt on this host, newest first.

use crate::model::release::ReleaseState;
use crate::model::view::ListRow;
use crate::ops::error::OpsError;
use crate::ops::host::Host;
use crate::store::StoreError;
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

/// Lists attempts, newest first.
///
/// # Errors
/// A damaged log, when the index must be rebuilt from it; what could not be read.
pub fn list(host: &Host, which: Which, index: Index) -> Result<Vec<ListRow>, OpsError> {
    let lost = !files::exists(&host.store.layout().index());
    if index == Index::Rebuild {
        rebuild(host)?;
    } else if lost && !host.store.tickets()?.is_empty() {
        // Somebody who may only read still sees the newest attempts below.
        let _ = rebuild(host);
    }
    let present = Present::look(host);
    let mut rows: Vec<ListRow> = read(host, which)?.iter().map(|state| present.row(state)).collect();
    if which == Which::Recent {
        rows.retain(|row| !row.archived);
        rows.truncate(RECENT);
    }
    Ok(rows)
}

fn rebuild(host: &Host) -> Result<(), OpsError> {
    let layout = host.store.layout();
    if !files::is_folder(layout.workspace()) {
        return Ok(());
    }
    match host.store.reindex() {
        // A file that is no index any more is as good as none.
        Err(StoreError::Index { .. }) => {
            files::remove_file(&layout.index())?;
            host.store.reindex()?;
        }
        other => {
            other?;
        }
    }
    Ok(())
}

fn read(host: &Host, which: Which) -> Result<Vec<ReleaseState>, OpsError> {
    if !files::exists(&host.store.layout().index()) {
        return newest_states(host);
    }
    let limit = (which == Which::Recent).then_some(READ);
    match host.store.newest(limit) {
        Err(StoreError::Index { .. }) => newest_states(host),
        states => Ok(states?),
    }
}

/// Without an index: the newest attempt of each ticket, from its own files.
fn newest_states(host: &Host) -> Result<Vec<ReleaseState>, OpsError> {
    let mut states = host.store.states()?;
    states.sort_by_key(|state| std::cmp::Reverse(state.started_at));
    Ok(states)
}
