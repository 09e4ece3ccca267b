//! The one writer of an audit log: record, do, record — durable where it must be, once for all who wait.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::model::event::{EVENT_VERSION, EventDraft, RunEvent};
use crate::model::id::TicketId;
use crate::model::projection::field;
use crate::sys::clock::Clock;
use crate::sys::files::AppendFile;
use crate::sys::process::{self, Starter};

use super::audit_log::Head;
use super::error::StoreError;
use super::ground::Ground;
use super::line;
use super::reserve::Reserve;

/// Whether a record must be on disk before its writer goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// It rides on the next sync.
    Ride,
    /// It and everything before it is on disk when `record` returns.
    Sync,
}

/// A ticket's log, open for writing.
pub struct Journal {
    path: PathBuf,
    ticket: TicketId,
    attempt: u32,
    operator: String,
    clock: Arc<dyn Clock>,
    ground: Arc<Ground>,
    reserve: Reserve,
    written: Mutex<Written>,
    /// Held while syncing, so that callers who wait share one sync.
    synced: Mutex<Synced>,
    /// [`Ground::names_kept`] when the log's name was made.
    names_kept: u64,
    /// What was put right when it was opened, for the person watching.
    pub(super) put_right: Vec<String>,
}

/// A log as it was opened.
pub(super) struct Opened {
    pub(super) path: PathBuf,
    pub(super) file: AppendFile,
    pub(super) head: Head,
    /// Whether the log's name is known to be on disk.
    pub(super) named: bool,
}

/// What is known to be on disk.
struct Synced {
    /// Number of the last record.
    seq: u64,
    /// Whether the log's name is: a record in a file without a name is no record.
    named: bool,
}

struct Written {
    file: AppendFile,
    head: Head,
    poisoned: bool,
    introduced: bool,
}

impl Written {
    /// The first record that somebody writes for another names them, too.
    fn introduce(&mut self, mut draft: EventDraft) -> EventDraft {
        if !std::mem::replace(&mut self.introduced, true)
            && let Some((login, starter)) = process::spoken_by()
        {
            draft = draft.detail(field::VIA, via(starter)).detail(field::LOGIN, login);
        }
        draft
    }
}

/// By which way it was asked for, as far as that was seen.
fn via(starter: &Starter) -> &str {
    match starter {
        Starter::Ours => "holdpoint",
        Starter::Another(program) => program,
        Starter::Unseen => "unseen",
    }
}

impl Journal {
    pub(super) fn new(
        ground: Arc<Ground>,
        reserve: Reserve,
        opened: Opened,
        ticket: TicketId,
        attempt: u32,
        operator: &str,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let Opened { path, file, head, named } = opened;
        Self {
            path,
            ticket,
            attempt,
            operator: operator.to_owned(),
            clock,
            reserve,
            names_kept: ground.names_kept(),
            ground,
            synced: Mutex::new(Synced { seq: head.seq, named }),
            written: Mutex::new(Written { file, head, poisoned: false, introduced: false }),
            put_right: Vec::new(),
        }
    }

    /// What was put right when the log was opened, one sentence each.
    pub fn put_right(&self) -> &[String] {
        &self.put_right
    }

    /// Appends a record in one write: one line, or several that belong together when its details are too long for one. With [`Durability::Sync`] it is on disk when this returns.
    ///
    /// # Errors
    /// When it could not be written (a short write is taken back), or made durable: then nothing more is recorded.
    pub fn record(&self, draft: EventDraft, durability: Durability) -> Result<RunEvent, StoreError> {
        let event = {
            let mut written = self.written();
            self.refuse_if(written.poisoned)?;
            let event = self.complete(written.introduce(draft), written.head.seq + 1);
            let (text, head) = line::render(&event, &written.head.chain)?;
            self.reserve.with_room(|| written.file.append(text.as_bytes()))?;
            written.head = head;
            event
        };
        if durability == Durability::Sync {
            self.sync()?;
        }
        Ok(event)
    }

    /// Makes everything recorded so far durable; answers with the number of the last record that is. What others record
    /// meanwhile is later than that.
    ///
    /// # Errors
    /// As [`Journal::record`].
    pub fn sync(&self) -> Result<u64, StoreError> {
        let seq = self.written().head.seq;
        self.sync_to(seq)
    }

    /// Number and chain value of the last record.
    pub fn head(&self) -> (u64, String) {
        let written = self.written();
        (written.head.seq, written.head.chain.clone())
    }

    /// One fdatasync serves every caller whose record was written before it began.
    fn sync_to(&self, seq: u64) -> Result<u64, StoreError> {
        let mut synced = self.synced.lock().unwrap_or_else(PoisonError::into_inner);
        if synced.seq >= seq {
            return Ok(synced.seq);
        }
        let (file, upto) = {
            let written = self.written();
            self.refuse_if(written.poisoned)?;
            (written.file.sync_handle(), written.head.seq)
        };
        let is_record = self.path.starts_with(self.ground.layout.releases());
        let named = synced.named || is_record && self.ground.names_kept() > self.names_kept;
        let name = || match self.path.parent().filter(|_| !named) {
            Some(folder) => self.ground.workspace.fsync_folder(folder),
            None => Ok(()),
        };
        if let Err(error) = file.sync().and_then(|()| name()) {
            // What the kernel dropped after a failed fsync is not known: this descriptor is never used again.
            self.written().poisoned = true;
            return Err(error.into());
        }
        *synced = Synced { seq: upto, named: true };
        Ok(upto)
    }

    fn refuse_if(&self, poisoned: bool) -> Result<(), StoreError> {
        if poisoned { Err(StoreError::Poisoned { path: self.path.clone() }) } else { Ok(()) }
    }

    fn complete(&self, draft: EventDraft, seq: u64) -> RunEvent {
        let now = self.clock.now();
        let at = chrono::DateTime::from_timestamp_millis(now.timestamp_millis()).unwrap_or(now);
        RunEvent {
            v: EVENT_VERSION,
            seq,
            at,
            ticket: self.ticket.clone(),
            attempt: self.attempt,
            phase: draft.phase,
            event: draft.kind,
            rc: draft.rc,
            step: draft.step,
            operator: self.operator.clone(),
            ms: draft.ms,
            reason: draft.reason,
            details: draft.details.into(),
            msg: draft.msg,
        }
    }

    fn written(&self) -> MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
