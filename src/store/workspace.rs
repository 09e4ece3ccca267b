//! The workspace: read by anyone, written only by whoever holds the host.

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::model::backup::BackupSet;
use crate::model::event::{EventDraft, EventKind, RunEvent};
use crate::model::facts::Snapshot;
use crate::model::id::{AttemptId, BackupStamp, ServiceName, StepName, TicketId};
use crate::model::phase::Phase;
use crate::model::plan::Plan;
use crate::model::projection;
use crate::model::redact::Redactor;
use crate::model::release::ReleaseState;
use crate::sys::clock::Clock;
use crate::sys::files::{self, AppendFile};

use super::audit_log::{self, Head, Verification};
use super::backups::{self, OpenSet, Shelf};
use super::error::StoreError;
use super::history::{self, History};
use super::journal::{Durability, Journal};
use super::layout::Layout;
use super::lock::{self, Holder, HolderText, HostLock};
use super::{index, snapshot, state_file, transcript};

/// Modes of what we make (design/03).
pub(super) const FOLDER: u32 = 0o750;
pub(super) const FILE: u32 = 0o640;

/// Permission of everybody to write: whoever may write here could forge what happened (design/03).
const EVERYBODY: u32 = 0o002;

/// A state file may have this many bytes.
const STATE_LIMIT: u64 = 1 << 20;

/// The workspace, for reading.
#[derive(Debug, Clone)]
pub struct Store {
    layout: Layout,
}

/// The workspace, held by us: the only way to write.
#[derive(Debug)]
pub struct LockedStore {
    store: Store,
    _lock: HostLock,
}

impl Deref for LockedStore {
    type Target = Store;
    fn deref(&self) -> &Store {
        &self.store
    }
}

impl Store {
    /// The workspace of a layout; nothing is touched.
    pub fn open(layout: Layout) -> Self {
        Self { layout }
    }

    /// Where everything lies.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Backup sets, for reading.
    pub fn shelf(&self) -> Shelf<'_> {
        Shelf::new(&self.layout)
    }

    /// Whether a runner lives.
    pub fn runner_alive(&self) -> bool {
        lock::is_held(&self.layout)
    }

    /// Who holds the host, when somebody does.
    pub fn holder(&self) -> Option<Holder> {
        self.runner_alive().then(|| lock::holder(&self.layout))
    }

    /// A ticket's state as written, brought up to date with records that came after its last save. A missing or damaged
    /// state file is rebuilt from the log.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when the log is damaged, or neither file can be read.
    pub fn state(&self, ticket: &TicketId) -> Result<Option<ReleaseState>, StoreError> {
        Ok(self.state_or_why(ticket)?.map(|(state, _)| state))
    }

    /// As [`Store::state`], with the reason when it had to be rebuilt.
    ///
    /// # Errors
    /// As [`Store::state`].
    pub fn state_or_why(
        &self,
        ticket: &TicketId,
    ) -> Result<Option<(ReleaseState, Option<String>)>, StoreError> {
        let log = self.layout.log(ticket);
        match self.saved_state(ticket)? {
            Saved::Good(state) => {
                if audit_log::last_seq(&log) == Some(state.log_seq) {
                    return Ok(Some((*state, None)));
                }
                let mut state = *state;
                let read = audit_log::read(&log, ticket, Some(&head_of(&state)))?;
                let saved = state.log_seq;
                for event in read.events.iter().filter(|event| event.seq > saved) {
                    projection::apply(&mut state, event);
                }
                state.log_chain = read.head.chain;
                Ok(Some((state, None)))
            }
            Saved::Missing if !files::exists(&log) => Ok(None),
            Saved::Missing => self.rebuilt(ticket, "the state file was missing"),
            Saved::Damaged(what) => self.rebuilt(ticket, &format!("the state file was damaged ({what})")),
        }
    }

    /// A state as the text of its file, checksum and all: safe to `eval` in any POSIX shell.
    pub fn state_text(&self, state: &ReleaseState) -> String {
        state_file::render(state)
    }

    fn rebuilt(
        &self,
        ticket: &TicketId,
        why: &str,
    ) -> Result<Option<(ReleaseState, Option<String>)>, StoreError> {
        let read = audit_log::read(&self.layout.log(ticket), ticket, None)?;
        let state = projection::project(&read.events).map(|mut state| {
            state.log_chain.clone_from(&read.head.chain);
            (state, Some(format!("{why}; it was rebuilt from the audit log")))
        });
        Ok(state)
    }

    fn saved_state(&self, ticket: &TicketId) -> Result<Saved, StoreError> {
        let path = self.layout.state(ticket);
        if !files::exists(&path) {
            return Ok(Saved::Missing);
        }
        let bytes = files::read_limited(&path, STATE_LIMIT)?;
        let Ok(text) = String::from_utf8(bytes) else {
            return Ok(Saved::Damaged("it is not UTF-8".to_owned()));
        };
        Ok(match state_file::parse(&text) {
            Ok((state, _)) if state.ticket == *ticket => Saved::Good(Box::new(state)),
            Ok((state, _)) => Saved::Damaged(format!("it belongs to `{}`", state.ticket)),
            Err(state_file::StateError::Damaged(what)) => Saved::Damaged(what),
        })
    }

    /// The state of every ticket, in no order.
    ///
    /// # Errors
    /// As [`Store::state`].
    pub fn states(&self) -> Result<Vec<ReleaseState>, StoreError> {
        let mut states = Vec::new();
        for ticket in self.tickets()? {
            states.extend(self.state(&ticket)?);
        }
        Ok(states)
    }

    /// Every ticket that has a state or a log here.
    ///
    /// # Errors
    /// When the folder cannot be listed.
    pub fn tickets(&self) -> Result<Vec<TicketId>, StoreError> {
        let folder = self.layout.releases();
        if !files::exists(&folder) {
            return Ok(Vec::new());
        }
        let mut tickets: Vec<TicketId> = Vec::new();
        for name in files::list(&folder)? {
            let name = name.to_string_lossy();
            let stem = name.strip_suffix(".env").or_else(|| name.strip_suffix(".log"));
            tickets.extend(stem.and_then(|stem| stem.parse().ok()));
        }
        tickets.sort();
        tickets.dedup();
        Ok(tickets)
    }

    /// Every record of a ticket. A torn tail is left out; it is put right by the next writer.
    ///
    /// # Errors
    /// [`StoreError::Damaged`].
    pub fn log(&self, ticket: &TicketId) -> Result<Vec<RunEvent>, StoreError> {
        Ok(self.read_log(ticket)?.events)
    }

    fn read_log(&self, ticket: &TicketId) -> Result<audit_log::Log, StoreError> {
        let head = match self.saved_state(ticket)? {
            Saved::Good(state) => Some(head_of(&state)),
            _ => None,
        };
        audit_log::read(&self.layout.log(ticket), ticket, head.as_ref())
    }

    /// Checks a ticket's log, every byte of it.
    ///
    /// # Errors
    /// When it cannot be read at all.
    pub fn verify_log(&self, ticket: &TicketId) -> Result<Verification, StoreError> {
        let head = match self.saved_state(ticket)? {
            Saved::Good(state) => Some(head_of(&state)),
            _ => None,
        };
        audit_log::verify(&self.layout.log(ticket), ticket, head.as_ref())
    }

    /// The head of a ticket's log: number and chain value of its last record.
    ///
    /// # Errors
    /// [`StoreError::Damaged`].
    pub fn log_head(&self, ticket: &TicketId) -> Result<Option<(u64, String)>, StoreError> {
        let head = self.read_log(ticket)?.head;
        Ok((head.seq > 0).then_some((head.seq, head.chain)))
    }

    /// What the log says beyond the state; none for a ticket that was never here.
    ///
    /// # Errors
    /// [`StoreError::Damaged`].
    pub fn history(&self, ticket: &TicketId) -> Result<Option<History>, StoreError> {
        let events = self.log(ticket)?;
        if events.is_empty() {
            return Ok(None);
        }
        let mut history = history::of(&events);
        if let Some(state) = projection::project(&events) {
            let folder = self.layout.once(ticket, state.cycle);
            if files::exists(&folder) {
                let names = files::list(&folder)?;
                history.once_done =
                    names.into_iter().map(|name| name.to_string_lossy().into_owned()).collect();
            }
        }
        Ok(Some(history))
    }

    /// Phase before which a ticket was held last.
    ///
    /// # Errors
    /// [`StoreError::Damaged`].
    pub fn held_before(&self, ticket: &TicketId) -> Result<Option<Phase>, StoreError> {
        Ok(self.history(ticket)?.and_then(|history| history.held_before))
    }

    /// An attempt's snapshot, proven against its own digest.
    ///
    /// # Errors
    /// [`StoreError::Damaged`].
    pub fn snapshot(&self, attempt: &AttemptId) -> Result<Option<Snapshot>, StoreError> {
        snapshot::load(&self.layout.snapshot(attempt))
    }

    /// A stored plan: `plan`, or `revert`.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn plan(&self, attempt: &AttemptId, name: &str) -> Result<Option<Plan>, StoreError> {
        snapshot::load_plan(&self.layout.plan(attempt, name))
    }

    /// Last lines of a step's transcript.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn transcript_tail(&self, step_folder: &Path, lines: usize) -> Result<Vec<String>, StoreError> {
        transcript::tail(step_folder, lines)
    }

    /// The newest attempts of all tickets, newest first, from the index; all of them without a limit. Their status is as
    /// written: read it together with the lock.
    ///
    /// # Errors
    /// [`StoreError::Index`].
    pub fn newest(&self, limit: Option<u32>) -> Result<Vec<ReleaseState>, StoreError> {
        index::newest(&self.layout.index(), limit)
    }

    /// Rebuilds the index from the logs: every attempt of every ticket. Returns how many rows it has.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] for a damaged log; [`StoreError::Index`].
    pub fn reindex(&self) -> Result<usize, StoreError> {
        let mut attempts = Vec::new();
        for ticket in self.tickets()? {
            let mut state: Option<ReleaseState> = None;
            for event in self.log(&ticket)? {
                if let Some(fresh) = projection::created(&event) {
                    attempts.extend(state.replace(fresh));
                } else if let Some(state) = &mut state {
                    projection::apply(state, &event);
                }
            }
            attempts.extend(state);
        }
        index::rebuild(&self.layout.index(), &attempts)?;
        Ok(attempts.len())
    }

    /// Takes the host.
    ///
    /// # Errors
    /// [`StoreError::Locked`] with the holder.
    pub fn lock(&self, text: &HolderText) -> Result<LockedStore, StoreError> {
        files::make_folders(&self.layout.releases(), FOLDER)?;
        for folder in [self.layout.workspace(), &self.layout.releases()] {
            if files::mode(folder)? & EVERYBODY != 0 {
                return Err(StoreError::Open { path: folder.to_path_buf() });
            }
        }
        let lock = lock::take(&self.layout, text, FILE)?;
        Ok(LockedStore { store: self.clone(), _lock: lock })
    }
}

enum Saved {
    Good(Box<ReleaseState>),
    Missing,
    Damaged(String),
}

fn head_of(state: &ReleaseState) -> Head {
    Head { seq: state.log_seq, chain: state.log_chain.clone() }
}

impl LockedStore {
    /// Opens a ticket's log for writing. A tail that a crash tore off is moved aside first, and that is recorded.
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
        self.must_be_ours(ticket)?;
        let path = self.layout.log(ticket);
        let read = self.read_log(ticket)?;
        if !read.torn.is_empty() {
            let aside = self.layout.torn(ticket, read.head.seq);
            if let Some(folder) = aside.parent() {
                files::make_folders(folder, FOLDER)?;
            }
            files::save_atomic(&aside, &read.torn, FILE)?;
        }
        let mut file = AppendFile::open(&path, FILE)?;
        if !read.torn.is_empty() {
            file.cut(read.whole)?;
        }
        let journal = Journal::new(path, ticket.clone(), attempt, operator, clock, file, read.head);
        if !read.torn.is_empty() {
            let draft = EventDraft::new(EventKind::Recovered).reason("torn-tail");
            let msg = format!("{} bytes of an unfinished write were moved aside", read.torn.len());
            journal.record(draft.msg(msg), Durability::Sync)?;
        }
        Ok(journal)
    }

    /// Replaces the state file: one whole version, old or new (2 fsyncs, 1 rename).
    ///
    /// # Errors
    /// [`StoreError::Newer`] when a newer version wrote it; when it cannot be written.
    pub fn save_state(&self, state: &ReleaseState) -> Result<(), StoreError> {
        self.must_be_ours(&state.ticket)?;
        let path = self.layout.state(&state.ticket);
        files::save_atomic(&path, state_file::render(state).as_bytes(), FILE)?;
        Ok(())
    }

    /// A state that a newer version wrote is read and never overwritten.
    fn must_be_ours(&self, ticket: &TicketId) -> Result<(), StoreError> {
        let path = self.layout.state(ticket);
        if let Ok(bytes) = files::read_limited(&path, STATE_LIMIT)
            && let Ok(text) = String::from_utf8(bytes)
            && let Ok((_, format)) = state_file::parse(&text)
            && !state_file::is_writable(format)
        {
            return Err(StoreError::Newer { path, format });
        }
        Ok(())
    }

    /// Stores an attempt's snapshot; returns its digest.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save_snapshot(&self, attempt: &AttemptId, snapshot: &Snapshot) -> Result<String, StoreError> {
        files::make_folders(&self.layout.attempt(attempt), FOLDER)?;
        snapshot::save(&self.layout.snapshot(attempt), snapshot, FILE)
    }

    /// Stores a plan under a name: `plan`, or `revert`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save_plan(&self, attempt: &AttemptId, name: &str, plan: &Plan) -> Result<(), StoreError> {
        files::make_folders(&self.layout.attempt(attempt), FOLDER)?;
        snapshot::save_plan(&self.layout.plan(attempt, name), plan, FILE)
    }

    /// Stores phase 2 in its readable form.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save_migrate_script(&self, attempt: &AttemptId, text: &str) -> Result<(), StoreError> {
        files::make_folders(&self.layout.attempt(attempt), FOLDER)?;
        files::write(&self.layout.migrate_script(attempt), text.as_bytes(), FILE)?;
        Ok(())
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
        let folder = self.layout.step(attempt, seq, step);
        files::make_folders(&folder, FOLDER)?;
        Ok(folder)
    }

    /// Makes the folder of an evidence bundle.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn make_evidence_folder(&self, attempt: &AttemptId, id: &str) -> Result<PathBuf, StoreError> {
        let folder = self.layout.evidence(attempt, id);
        files::make_folders(&folder, FOLDER)?;
        Ok(folder)
    }

    /// Turns a step's raw spool into its redacted transcript, and returns the transcript.
    ///
    /// # Errors
    /// When either cannot be worked on.
    pub fn write_transcript(&self, step_folder: &Path, redactor: &Redactor) -> Result<String, StoreError> {
        transcript::write(step_folder, redactor, FILE)
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
        backups::begin(&self.layout, service, taken_for, now)
    }

    /// Gives a finished set its name: from then on it counts.
    ///
    /// # Errors
    /// When it cannot be made durable.
    pub fn finish_set(&self, set: OpenSet, now: DateTime<Utc>) -> Result<BackupSet, StoreError> {
        backups::finish(&self.layout, set, now)
    }

    /// Removes a backup set.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn remove_set(&self, service: &ServiceName, stamp: &BackupStamp) -> Result<(), StoreError> {
        backups::remove(&self.layout, service, stamp)
    }

    /// Updates the listing index with a ticket's newest attempt.
    ///
    /// # Errors
    /// [`StoreError::Index`]; the index may be lost at any time.
    pub fn index(&self, state: &ReleaseState) -> Result<(), StoreError> {
        index::upsert(&self.layout.index(), state)
    }
}
