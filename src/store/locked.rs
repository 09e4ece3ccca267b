//! The workspace, held by us: the only way to write.

use std::fs::File;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::model::backup::BackupSet;
use crate::model::event::{EventDraft, EventKind, RunEvent};
use crate::model::facts::Snapshot;
use crate::model::id::{AttemptId, BackupStamp, ServiceName, StepName, TicketId};
use crate::model::plan::Plan;
use crate::model::projection;
use crate::model::redact::Redactor;
use crate::model::release::ReleaseState;
use crate::sys::clock::Clock;
use crate::sys::files::{self, AppendFile};

use super::audit_log;
use super::backups::{self, OpenSet};
use super::error::StoreError;
use super::journal::{Durability, Journal, Opened};
use super::listing::Indexing;
use super::lock::HostLock;
use super::reserve::Reserve;
use super::workspace::{Saved, Store};
use super::{snapshot, state_file, transcript};

/// The workspace, held by us: the only way to write.
#[derive(Debug)]
pub struct LockedStore {
    store: Store,
    reserve: Reserve,
    indexing: Indexing,
    lock: HostLock,
}

impl Deref for LockedStore {
    type Target = Store;
    fn deref(&self) -> &Store {
        &self.store
    }
}

impl LockedStore {
    /// Puts in order what a killed holder may have left, and keeps room for a full disk.
    pub(super) fn new(store: Store, lock: HostLock) -> Result<Self, StoreError> {
        let indexing = Indexing::new(&store);
        let reserve = Reserve::new(Arc::clone(&store.ground));
        reserve.make();
        let this = Self { store, reserve, indexing, lock };
        this.remove_unfinished(&this.layout().releases())?;
        if let Some(ticket) = this.last_holder() {
            let attempts = this.layout().ticket(ticket);
            let is_ours = |name: &str| name == "torn" || name.parse::<u32>().is_ok();
            for name in this.ground.workspace.list(&attempts)? {
                if name.to_str().is_some_and(is_ours) {
                    this.remove_unfinished(&attempts.join(name))?;
                }
            }
        }
        Ok(this)
    }

    /// Removes what saves left in a folder that were killed: nobody else saves there while we hold the host.
    fn remove_unfinished(&self, folder: &Path) -> Result<(), StoreError> {
        for name in self.ground.workspace.list(folder)? {
            if name.to_str().is_some_and(files::is_temporary) {
                self.ground.workspace.remove_file(&folder.join(name))?;
            }
        }
        Ok(())
    }

    /// The fence, for the shims of our steps to hold beyond our own end.
    pub const fn fence(&self) -> &File {
        self.lock.fence()
    }

    /// Ticket that whoever held the host before us was on.
    pub const fn last_holder(&self) -> Option<&TicketId> {
        self.lock.before.ticket.as_ref()
    }

    /// Opens a ticket's log for writing. A tail that a crash tore off is moved aside first, a state file that is missing
    /// or damaged is written again from the log, and both are recorded.
    ///
    /// # Errors
    /// [`StoreError::Damaged`]: nothing is written to a damaged log. [`StoreError::Newer`] beside a state of a newer version.
    pub fn journal(
        &self,
        ticket: &TicketId,
        attempt: u32,
        operator: &str,
        clock: Arc<dyn Clock>,
    ) -> Result<Journal, StoreError> {
        let saved = self.saved_state(ticket)?;
        self.must_be_ours(ticket, &saved)?;
        let workspace = &self.ground.workspace;
        let path = self.layout().log(ticket);
        let audit_log::Log { events, head, whole, torn } =
            audit_log::read(workspace, &path, ticket, saved.head().as_ref())?;
        let mut events = Arc::unwrap_or_clone(events);
        if !torn.is_empty() {
            let aside = self.layout().torn(ticket, head.seq);
            if let Some(folder) = aside.parent() {
                self.ground.make_durable(folder)?;
            }
            workspace.save_atomic(&aside, &torn)?;
        }
        let mut file = AppendFile::open(workspace, &path)?;
        if !torn.is_empty() {
            file.cut(whole as u64)?;
        }
        // A state beside it was saved after it: the folder was synced then.
        let named = match saved {
            Saved::Good(..) => true,
            _ => ticket.is_audit() && head.seq > 0,
        };
        let opened = Opened { path, file, head, named };
        let ground = Arc::clone(&self.ground);
        let mut journal =
            Journal::new(ground, self.reserve.clone(), opened, ticket.clone(), attempt, operator, clock);
        if !torn.is_empty() {
            let msg = format!("{} bytes of an unfinished write were moved aside", torn.len());
            let draft = EventDraft::new(EventKind::Recovered).reason("torn-tail").msg(&msg);
            events.push(journal.record(draft, Durability::Sync)?);
            journal.put_right.push(msg);
        }
        self.restore_state(&saved, events, &mut journal)?;
        Ok(journal)
    }

    /// A state file that is missing or damaged is written again, once that is recorded.
    fn restore_state(
        &self,
        saved: &Saved,
        mut events: Vec<RunEvent>,
        journal: &mut Journal,
    ) -> Result<(), StoreError> {
        let (Some(said), true) = (saved.said(), projection::project(&events).is_some()) else {
            return Ok(());
        };
        let reason = if matches!(saved, Saved::Missing) { "state-missing" } else { "state-damaged" };
        let draft = EventDraft::new(EventKind::Recovered).reason(reason).msg(&said);
        events.push(journal.record(draft, Durability::Sync)?);
        if let Some(mut state) = projection::project(&events) {
            (state.log_seq, state.log_chain) = journal.head();
            self.save_state(&state)?;
        }
        journal.put_right.push(said);
        Ok(())
    }

    /// Whether the disk was full since we took the host. What is recorded now uses the room that was kept for it: nothing
    /// more should be begun.
    pub fn is_full(&self) -> bool {
        self.reserve.is_spent()
    }

    /// Replaces the state file: one whole version, old or new (2 fsyncs, 1 rename).
    ///
    /// # Errors
    /// [`StoreError::Newer`] when a newer version wrote it; when it cannot be written.
    pub fn save_state(&self, state: &ReleaseState) -> Result<(), StoreError> {
        self.must_be_ours(&state.ticket, &self.saved_state(&state.ticket)?)?;
        let path = self.layout().state(&state.ticket);
        let text = state_file::render(state);
        self.indexing.saved(&state.ticket);
        Ok(self.reserve.with_room(|| self.ground.workspace.save_atomic(&path, text.as_bytes()))?)
    }

    /// A state that a newer version wrote is read and never overwritten.
    fn must_be_ours(&self, ticket: &TicketId, saved: &Saved) -> Result<(), StoreError> {
        match saved {
            Saved::Good(_, format) if !state_file::is_writable(*format) => {
                Err(StoreError::Newer { path: self.layout().state(ticket), format: *format })
            }
            _ => Ok(()),
        }
    }

    /// Stores an attempt's snapshot; returns its digest.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save_snapshot(&self, attempt: &AttemptId, snapshot: &Snapshot) -> Result<String, StoreError> {
        self.ground.make_durable(&self.layout().attempt(attempt))?;
        snapshot::save(&self.ground.workspace, &self.layout().snapshot(attempt), snapshot)
    }

    /// Stores a plan under a name: `plan`, or `revert`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save_plan(&self, attempt: &AttemptId, name: &str, plan: &Plan) -> Result<(), StoreError> {
        self.ground.workspace.make_folders(&self.layout().attempt(attempt))?;
        snapshot::save_plan(&self.ground.workspace, &self.layout().plan(attempt, name), plan)
    }

    /// Stores phase 2 in its readable form.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save_migrate_script(&self, attempt: &AttemptId, text: &str) -> Result<(), StoreError> {
        self.ground.workspace.make_folders(&self.layout().attempt(attempt))?;
        Ok(self.ground.workspace.write(&self.layout().migrate_script(attempt), text.as_bytes())?)
    }

    /// Makes the folder of one run of a step.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn make_step_folder(
        &self,
        attempt: &AttemptId,
        seq: u64,
        step: &StepName,
    ) -> Result<PathBuf, StoreError> {
        let folder = self.layout().step(attempt, seq, step);
        self.ground.workspace.make_folders(&folder)?;
        Ok(folder)
    }

    /// Keeps a draft for a person to take elsewhere; returns its file. One of the same name is written over.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save_draft(&self, name: &str, text: &str) -> Result<PathBuf, StoreError> {
        let path = self.layout().draft(name);
        self.ground.workspace.make_folders(&self.layout().drafts())?;
        self.ground.workspace.save_atomic(&path, text.as_bytes())?;
        Ok(path)
    }

    /// Adds what a step's raw spool holds to its transcript, redacted, and removes the spool. Returns what was added.
    ///
    /// # Errors
    /// When either cannot be worked on.
    pub fn write_transcript(&self, step_folder: &Path, redactor: &Redactor) -> Result<String, StoreError> {
        transcript::write(&self.ground.workspace, step_folder, redactor)
    }

    /// Does the same for every raw spool that the holder before us left when it was killed: nothing of it runs any more,
    /// because we hold the fence.
    ///
    /// # Errors
    /// As [`LockedStore::write_transcript`].
    pub fn redact_leftovers(&self, redactor: &Redactor) -> Result<(), StoreError> {
        let workspace = &self.ground.workspace;
        let ticket = self.lock.before.ticket.clone().unwrap_or_else(TicketId::audit);
        let attempts = self.layout().ticket(&ticket);
        for attempt in workspace.list(&attempts)? {
            let Some(number) = attempt.to_str().and_then(|name| name.parse().ok()) else { continue };
            let steps = self.layout().steps(&AttemptId { ticket: ticket.clone(), number });
            for step in workspace.list(&steps)? {
                let folder = steps.join(step);
                if transcript::is_left(workspace, &folder) {
                    self.write_transcript(&folder, redactor)?;
                }
            }
        }
        Ok(())
    }

    /// Begins a backup set in a temporary folder.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn begin_set(
        &self,
        service: &ServiceName,
        taken_for: &str,
        now: DateTime<Utc>,
    ) -> Result<OpenSet, StoreError> {
        backups::begin(&self.ground, service, taken_for, now)
    }

    /// Gives a finished set its name: from then on it counts.
    ///
    /// # Errors
    /// When it cannot be made durable.
    pub fn finish_set(&self, set: OpenSet, now: DateTime<Utc>) -> Result<BackupSet, StoreError> {
        backups::finish(set, now)
    }

    /// Removes a backup set.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn remove_set(&self, service: &ServiceName, stamp: &BackupStamp) -> Result<(), StoreError> {
        backups::remove(&self.ground, service, stamp)
    }

    /// Throws a ticket's records away. State and log go first: what is left of the folder then belongs to nobody, and goes
    /// when the ticket is named again.
    ///
    /// # Errors
    /// When they cannot be removed.
    pub fn remove_ticket(&self, ticket: &TicketId) -> Result<(), StoreError> {
        let workspace = &self.ground.workspace;
        for file in [self.layout().state(ticket), self.layout().log(ticket)] {
            if workspace.exists(&file) {
                workspace.remove_file(&file)?;
            }
        }
        let folder = self.layout().ticket(ticket);
        if workspace.exists(&folder) {
            workspace.remove_tree(&folder)?;
        }
        Ok(())
    }

    /// Updates the listing index with a ticket's newest attempt.
    ///
    /// # Errors
    /// [`StoreError::Index`]; the index may be lost at any time.
    pub fn index(&self, state: &ReleaseState) -> Result<(), StoreError> {
        self.indexing.write(&self.store, state)
    }
}
