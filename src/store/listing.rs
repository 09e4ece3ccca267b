//! Keeps the listing index true: it may be lost, fall behind or break at any time, and is made again from the records.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::model::id::TicketId;
use crate::model::release::ReleaseState;
use crate::model::view::ListRow;
use crate::sys::{Beside, beside};

use super::error::StoreError;
use super::index::{self, Mark, Piece, Slice};
use super::workspace::Store;

impl Store {
    /// The newest attempts of all tickets, newest first, from the index; all of them without a limit. Their status is as
    /// written: read it together with the lock.
    ///
    /// # Errors
    /// [`StoreError::Index`].
    pub fn newest(&self, limit: Option<u32>) -> Result<Vec<ListRow>, StoreError> {
        if !self.ground.workspace.exists(&self.layout().index()) {
            return Ok(Vec::new());
        }
        index::newest(&self.layout().index(), limit)
    }

    /// A piece of the listing, from the index. None: the row that it is to begin after is not there.
    ///
    /// # Errors
    /// [`StoreError::Index`].
    pub fn slice(&self, slice: &Slice<'_>) -> Result<Option<Piece>, StoreError> {
        if !self.ground.workspace.exists(&self.layout().index()) {
            return Ok(slice.after.is_none().then(|| Piece { rows: Vec::new(), is_last: true }));
        }
        index::slice(&self.layout().index(), slice)
    }

    /// Rebuilds the index from the logs: every attempt of every ticket. Returns how many rows it has.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] for a damaged log; [`StoreError::Index`].
    pub fn reindex(&self) -> Result<usize, StoreError> {
        let mark = self.now_seen();
        let mut attempts = Vec::new();
        for found in self.attempts_of_all(&self.tickets()?) {
            attempts.extend(found?);
        }
        self.replace_index(None, &attempts, mark)?;
        Ok(attempts.len())
    }

    /// Makes the index again where it is lost or broken, and brings it up to date where it fell behind. Says what was
    /// done; none when nothing was. What is damaged itself is left out: whoever looks at it is told.
    ///
    /// # Errors
    /// [`StoreError::Index`] when it cannot be written: then it is not to be read either.
    pub fn renew_index(&self) -> Result<Option<String>, StoreError> {
        let path = self.layout().index();
        // Looked at first: what is saved from here on is seen by the next one.
        let Some(now) = self.now_seen() else { return Ok(None) };
        if !self.ground.workspace.exists(&path) {
            let lost = !self.tickets()?.is_empty();
            return if lost { self.rebuild_index(now, "was missing") } else { Ok(None) };
        }
        match index::mark(&path) {
            Ok(Some(seen)) if seen == now => Ok(None),
            Ok(Some(seen)) => self.catch_up(seen, now),
            Ok(None) => self.rebuild_index(now, "did not say what it had seen"),
            Err(StoreError::Index { broken: true, .. }) => self.rebuild_index(now, "could not be read"),
            Err(error) => Err(error),
        }
    }

    fn rebuild_index(&self, now: Mark, what: &str) -> Result<Option<String>, StoreError> {
        let (attempts, damaged) = self.readable(&self.tickets()?);
        self.replace_index(None, &attempts, Some(now))?;
        let damaged = names(damaged.iter().map(ToString::to_string), damaged.len());
        let without = damaged.map(|names| format!(" without {names}, which is damaged")).unwrap_or_default();
        Ok(Some(format!("the listing index {what}; it was rebuilt from the audit logs{without}")))
    }

    /// Reads again what changed since, and forgets what is gone.
    fn catch_up(&self, seen: Mark, now: Mark) -> Result<Option<String>, StoreError> {
        let mut behind = index::tickets(&self.layout().index())?;
        let mut changed = Vec::new();
        for ticket in self.tickets()? {
            let known = behind.remove(ticket.as_str());
            if !known || self.changed_since(&ticket, seen) {
                changed.push(ticket);
            }
        }
        let (attempts, damaged) = self.readable(&changed);
        // What cannot be read keeps the rows it had.
        let read = changed.iter().filter(|ticket| !damaged.contains(ticket));
        behind.extend(read.map(ToString::to_string));
        self.replace_index(Some(&behind), &attempts, Some(now))?;
        let names = names(behind.iter().cloned(), behind.len());
        Ok(names.map(|names| {
            format!("the listing index had fallen behind for {names}; it was brought up to date")
        }))
    }

    /// When a record last came, went or was saved.
    fn now_seen(&self) -> Option<Mark> {
        self.ground.workspace.changed_at(&self.layout().releases())
    }

    fn changed_since(&self, ticket: &TicketId, seen: Mark) -> bool {
        let at = self.ground.workspace.changed_at(&self.layout().state(ticket));
        at.is_none_or(|at| at >= seen)
    }

    /// The attempts of these tickets, and those whose log is damaged.
    fn readable(&self, tickets: &[TicketId]) -> (Vec<ReleaseState>, Vec<TicketId>) {
        let (mut attempts, mut damaged) = (Vec::new(), Vec::new());
        for (ticket, found) in tickets.iter().zip(self.attempts_of_all(tickets)) {
            match found {
                Ok(found) => attempts.extend(found),
                Err(_) => damaged.push(ticket.clone()),
            }
        }
        (attempts, damaged)
    }

    /// The attempts of each ticket, in their order.
    fn attempts_of_all(&self, tickets: &[TicketId]) -> Vec<Result<Vec<ReleaseState>, StoreError>> {
        each_side_by_side(tickets, |ticket| self.attempts(ticket))
    }

    /// Writes rows; a file that is no index any more is replaced.
    fn replace_index(
        &self,
        tickets: Option<&BTreeSet<String>>,
        attempts: &[ReleaseState],
        mark: Option<Mark>,
    ) -> Result<(), StoreError> {
        let path = self.layout().index();
        self.make_index()?;
        match index::replace(&path, tickets, attempts, mark) {
            Err(StoreError::Index { broken: true, .. }) => {
                self.ground.workspace.remove_file(&path)?;
                self.make_index()?;
                index::replace(&path, tickets, attempts, mark)
            }
            other => other,
        }
    }

    /// `SQLite` would make the file with a mode of its own.
    fn make_index(&self) -> Result<(), StoreError> {
        self.ground.workspace.open_or_create(&self.layout().index())?;
        Ok(())
    }
}

/// What is read of each ticket, in their order. Of very many, side by side: it is all checking of chains.
pub(super) fn each_side_by_side<T: Send>(
    tickets: &[TicketId],
    read: impl Fn(&TicketId) -> T + Sync,
) -> Vec<T> {
    /// So few are read sooner than a thread is started.
    const FEW: usize = 64;
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let share = tickets.len().div_ceil(workers).max(FEW);
    let read = |part: &[TicketId]| part.iter().map(&read).collect::<Vec<_>>();
    if tickets.len() <= share {
        return read(tickets);
    }
    thread::scope(|scope| {
        let read = &read;
        let parts: Vec<_> = tickets.chunks(share).map(|part| beside(scope, move || read(part))).collect();
        parts.into_iter().flat_map(Beside::join).collect()
    })
}

/// The first of some names; none where there are none.
fn names(all: impl Iterator<Item = String>, count: usize) -> Option<String> {
    const SHOWN: usize = 5;
    let shown: Vec<String> = all.take(SHOWN).map(|name| format!("`{name}`")).collect();
    let more = if count > shown.len() { " and others" } else { "" };
    (count > 0).then(|| format!("{}{more}", shown.join(", ")))
}

/// What the holder of the host knows of the index: only a holder saves states, so an index that had seen everything when
/// the host was taken has seen everything again once each saved state has its row.
#[derive(Debug)]
pub(super) struct Indexing {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    seen: Option<Mark>,
    without_row: BTreeSet<TicketId>,
}

impl Indexing {
    /// Just after the host was taken.
    pub(super) fn new(store: &Store) -> Self {
        let inner = Inner { seen: store.now_seen(), without_row: BTreeSet::new() };
        Self { inner: Mutex::new(inner) }
    }

    /// A state was saved.
    pub(super) fn saved(&self, ticket: &TicketId) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.without_row.insert(ticket.clone());
    }

    /// Writes the row of a ticket.
    pub(super) fn write(&self, store: &Store, state: &ReleaseState) -> Result<(), StoreError> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let path = store.layout().index();
        let fresh = !store.ground.workspace.exists(&path);
        store.make_index()?;
        let had_seen = index::mark(&path)?;
        index::upsert(&path, state)?;
        inner.without_row.remove(&state.ticket);
        let was_true = had_seen == inner.seen || (fresh && store.tickets()?.len() == 1 && state.attempt == 1);
        let now = store.now_seen();
        if let (true, true, Some(mark)) = (was_true, inner.without_row.is_empty(), now) {
            index::set_mark(&path, mark)?;
            inner.seen = now;
        }
        Ok(())
    }
}
