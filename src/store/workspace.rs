//! The workspace as anyone may read it.

use std::path::Path;
use std::sync::Arc;

use crate::model::arrange::Arrange;
use crate::model::event::RunEvent;
use crate::model::facts::Snapshot;
use crate::model::gather::Gather;
use crate::model::id::{AttemptId, TicketId};
use crate::model::phase::Phase;
use crate::model::plan::Plan;
use crate::model::projection;
use crate::model::release::ReleaseState;

use super::audit_log::{self, Head, Verification};
use super::backups::Shelf;
use super::error::StoreError;
use super::ground::{Ground, Sharing};
use super::history::{self, Artifacts, History, KeptAttempt};
use super::layout::Layout;
use super::lock::{self, Holder, HolderText};
use super::locked::LockedStore;
use super::{snapshot, state_file, transcript};

/// A state file may have this many bytes.
const STATE_LIMIT: u64 = 1 << 20;

/// The workspace, for reading.
#[derive(Debug, Clone)]
pub struct Store {
    pub(super) ground: Arc<Ground>,
}

impl Store {
    /// The workspace of a layout; nothing is touched.
    pub fn open(layout: Layout, sharing: Sharing) -> Self {
        Self { ground: Arc::new(Ground::new(layout, sharing)) }
    }

    /// Where everything lies.
    pub fn layout(&self) -> &Layout {
        &self.ground.layout
    }

    /// Backup sets, for reading.
    pub fn shelf(&self) -> Shelf<'_> {
        Shelf::new(&self.ground)
    }

    /// Whether a runner lives, or a step that outlived its own.
    ///
    /// # Errors
    /// When the lock cannot be asked.
    pub fn runner_alive(&self) -> Result<bool, StoreError> {
        Ok(lock::is_held(&self.ground)? || lock::is_worked_on(&self.ground)?)
    }

    /// Who holds the host, when somebody does.
    ///
    /// # Errors
    /// As [`Store::runner_alive`].
    pub fn holder(&self) -> Result<Option<Holder>, StoreError> {
        if lock::is_held(&self.ground)? {
            return Ok(Some(lock::who(&self.ground)));
        }
        Ok(lock::is_worked_on(&self.ground)?.then(|| lock::outlived(&self.ground)))
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
        let log = self.layout().log(ticket);
        let saved = self.saved_state(ticket)?;
        if let Saved::Good(state, _) = &saved
            && audit_log::last(&self.ground.workspace, &log).as_ref() == Some(&head_of(state))
        {
            return Ok(Some((*state.clone(), None)));
        }
        Ok(self.brought_up(ticket, saved)?.map(|record| (record.state, record.rebuilt)))
    }

    /// A ticket's state with every record that led to it, both of one look.
    ///
    /// # Errors
    /// As [`Store::state`].
    pub fn record(&self, ticket: &TicketId) -> Result<Option<Record>, StoreError> {
        self.brought_up(ticket, self.saved_state(ticket)?)
    }

    /// The state that a file held, with the records that came after it; of a file that is not whole, the log's.
    fn brought_up(&self, ticket: &TicketId, saved: Saved) -> Result<Option<Record>, StoreError> {
        let (workspace, log) = (&self.ground.workspace, self.layout().log(ticket));
        if matches!(saved, Saved::Missing) && !workspace.exists(&log) {
            return Ok(None);
        }
        let read = audit_log::read(workspace, &log, ticket, saved.head().as_ref())?;
        let rebuilt = saved.said();
        let state = match saved {
            Saved::Good(mut state, _) => {
                let seen = state.log_seq;
                for event in read.events.iter().filter(|event| event.seq > seen) {
                    projection::apply(&mut state, event);
                }
                Some(*state)
            }
            Saved::Missing | Saved::Damaged(_) => projection::project(read.events.iter()),
        };
        Ok(state.map(|mut state| {
            state.log_chain = read.head.chain;
            Record { state, rebuilt, events: read.events }
        }))
    }

    /// A state as the text of its file, checksum and all: safe to `eval` in any POSIX shell.
    pub fn state_text(&self, state: &ReleaseState) -> String {
        state_file::render(state)
    }

    pub(super) fn saved_state(&self, ticket: &TicketId) -> Result<Saved, StoreError> {
        let path = self.layout().state(ticket);
        let Some(bytes) = self.ground.workspace.read(&path, STATE_LIMIT)? else { return Ok(Saved::Missing) };
        let Ok(text) = String::from_utf8(bytes) else {
            return Ok(Saved::Damaged("it is not UTF-8".to_owned()));
        };
        Ok(match state_file::parse(&text) {
            Ok((state, format)) if state.ticket == *ticket => Saved::Good(Box::new(state), format),
            Ok((state, _)) => Saved::Damaged(format!("it belongs to `{}`", state.ticket)),
            Err(state_file::StateError::Damaged(what)) => Saved::Damaged(what),
        })
    }

    /// Every ticket that has a state or a log here.
    ///
    /// # Errors
    /// When the folder cannot be listed.
    pub fn tickets(&self) -> Result<Vec<TicketId>, StoreError> {
        let mut tickets: Vec<TicketId> = Vec::new();
        for name in self.ground.workspace.list(&self.layout().releases())? {
            let name = name.to_string_lossy();
            let stem = name.strip_suffix(".env").or_else(|| name.strip_suffix(".log"));
            tickets.extend(stem.and_then(|stem| stem.parse().ok()));
        }
        tickets.arrange();
        tickets.dedup();
        Ok(tickets)
    }

    /// Every record of a ticket, shared by all who look at it. A torn tail is left out; it is put right by the next writer.
    ///
    /// # Errors
    /// [`StoreError::Damaged`].
    pub fn log(&self, ticket: &TicketId) -> Result<Arc<Vec<RunEvent>>, StoreError> {
        Ok(self.read_log(ticket)?.events)
    }

    fn read_log(&self, ticket: &TicketId) -> Result<audit_log::Log, StoreError> {
        let head = self.saved_state(ticket)?.head();
        audit_log::read(&self.ground.workspace, &self.layout().log(ticket), ticket, head.as_ref())
    }

    /// Checks a ticket's log, every byte of it.
    ///
    /// # Errors
    /// When it cannot be read at all.
    pub fn verify_log(&self, ticket: &TicketId) -> Result<Verification, StoreError> {
        let head = self.saved_state(ticket)?.head();
        audit_log::verify(&self.ground.workspace, &self.layout().log(ticket), ticket, head.as_ref())
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
        if let Some(state) = projection::project(events.iter()) {
            let names = self.ground.workspace.list(&self.layout().once(ticket, state.cycle))?;
            let names = names.into_iter().map(|name| name.to_string_lossy().into_owned());
            // Beside a key lies the lock that is held while its command runs.
            history.once_done = names.filter(|name| !name.starts_with('.')).gather();
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

    /// An attempt's snapshot, proven against its own digest, and of the newest attempt against the one in its state.
    ///
    /// # Errors
    /// [`StoreError::Damaged`].
    pub fn snapshot(&self, attempt: &AttemptId) -> Result<Option<Snapshot>, StoreError> {
        let state = self.state(&attempt.ticket)?.filter(|state| state.attempt == attempt.number);
        let recorded = state.and_then(|state| state.snapshot);
        snapshot::load(&self.ground.workspace, &self.layout().snapshot(attempt), recorded.as_deref())
    }

    /// An attempt's snapshot, proven against its own digest and the one that is recorded of it.
    ///
    /// # Errors
    /// [`StoreError::Damaged`].
    pub fn snapshot_of(
        &self,
        attempt: &AttemptId,
        recorded: Option<&str>,
    ) -> Result<Option<Snapshot>, StoreError> {
        snapshot::load(&self.ground.workspace, &self.layout().snapshot(attempt), recorded)
    }

    /// How an attempt stands, and what ran of each service when it was proven; none for one that is not on record.
    ///
    /// # Errors
    /// [`StoreError::Damaged`].
    pub fn attempt(&self, attempt: &AttemptId) -> Result<Option<(ReleaseState, Artifacts)>, StoreError> {
        let kept = self.kept_attempt(attempt)?;
        Ok(kept.map(|kept| (kept.state, kept.artifacts)))
    }

    /// The same, with the environment that it was resumed with.
    ///
    /// # Errors
    /// [`StoreError::Damaged`].
    pub fn kept_attempt(&self, attempt: &AttemptId) -> Result<Option<KeptAttempt>, StoreError> {
        let events = self.log(&attempt.ticket)?;
        let state = projection::attempts(&events).into_iter().find(|state| state.attempt == attempt.number);
        Ok(state.map(|state| KeptAttempt {
            state,
            artifacts: history::artifacts(&events, attempt.number),
            resumed_with: history::resumed_with(&events, attempt.number),
        }))
    }

    /// Every attempt of a ticket, in their order.
    ///
    /// # Errors
    /// [`StoreError::Damaged`].
    pub fn attempts(&self, ticket: &TicketId) -> Result<Vec<ReleaseState>, StoreError> {
        Ok(projection::attempts(&self.log(ticket)?))
    }

    /// A stored plan: `plan`, or `revert`.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn plan(&self, attempt: &AttemptId, name: &str) -> Result<Option<Plan>, StoreError> {
        snapshot::load_plan(&self.ground.workspace, &self.layout().plan(attempt, name))
    }

    /// Last lines of a step's transcript.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn transcript_tail(&self, step_folder: &Path, lines: usize) -> Result<Vec<String>, StoreError> {
        transcript::tail(&self.ground.workspace, step_folder, lines)
    }

    /// Takes the host.
    ///
    /// # Errors
    /// [`StoreError::Locked`] with the holder; a workspace that others may write or that is not ours.
    pub fn lock(&self, text: &HolderText) -> Result<LockedStore, StoreError> {
        self.ground.prepare()?;
        let lock = lock::take(&self.ground, text)?;
        LockedStore::new(self.clone(), lock)
    }
}

/// A release as its ticket's files tell it.
#[derive(Debug, Clone)]
pub struct Record {
    /// Where it stands.
    pub state: ReleaseState,
    /// Why the state had to be rebuilt from the log, where it had to.
    pub rebuilt: Option<String>,
    /// Every record of the ticket; a torn tail is left out.
    pub events: Arc<Vec<RunEvent>>,
}

/// A state file as it was found.
pub(super) enum Saved {
    /// Whole, with its format.
    Good(Box<ReleaseState>, u32),
    Missing,
    Damaged(String),
}

impl Saved {
    /// The log's head that the state file saw.
    pub(super) fn head(&self) -> Option<Head> {
        match self {
            Saved::Good(state, _) => Some(head_of(state)),
            Saved::Missing | Saved::Damaged(_) => None,
        }
    }

    /// What is said of a state that is not the file's but the log's.
    pub(super) fn said(&self) -> Option<String> {
        let why = match self {
            Saved::Good(..) => return None,
            Saved::Missing => "the state file was missing".to_owned(),
            Saved::Damaged(what) => format!("the state file was damaged ({what})"),
        };
        Some(format!("{why}; it was rebuilt from the audit log"))
    }
}

fn head_of(state: &ReleaseState) -> Head {
    Head { seq: state.log_seq, chain: state.log_chain.clone() }
}
