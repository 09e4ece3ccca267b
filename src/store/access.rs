//! What concerns the HTTP server: tokens, the log of requests, and what was answered to requests that may be repeated. It is
//! written beside a live run, so not under the host's lock but under one of its own, held for an instant.

use std::fs::File;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::model::access::Token;
use crate::model::event::{EVENT_VERSION, EventDraft, RunEvent};
use crate::model::id::TicketId;
use crate::sys::files::{self, AppendFile};

use super::audit_log::{self, Verification};
use super::error::StoreError;
use super::line;
use super::workspace::Store;

/// The file of tokens may have this many bytes: some thousands of them.
const TOKENS_LIMIT: u64 = 4 << 20;

/// An answer that is kept may have this many bytes: a plan of thousands of hosts has some.
const REPLAY_LIMIT: u64 = 64 << 20;

/// Form of the file of tokens.
const TOKENS_FORMAT: u32 = 1;

#[derive(Serialize, Deserialize)]
struct TokensFile {
    format: u32,
    tokens: Vec<Token>,
}

/// What is kept of a request that names an `Idempotency-Key`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Replay {
    /// When it was asked first.
    pub at: DateTime<Utc>,
    /// sha256 of what was asked: the same key for something else is a mistake.
    pub asked: String,
    /// HTTP status of the answer; none: it is not known how it ended.
    pub status: Option<u16>,
    /// The answer.
    pub answer: serde_json::Value,
}

impl Store {
    /// Every token that was ever made here.
    ///
    /// # Errors
    /// [`StoreError::Damaged`], [`StoreError::Newer`]: nobody is let in then.
    pub fn tokens(&self) -> Result<Vec<Token>, StoreError> {
        let path = self.layout().tokens();
        let Some(bytes) = self.ground.workspace.read(&path, TOKENS_LIMIT)? else { return Ok(Vec::new()) };
        let file: TokensFile = serde_json::from_slice(&bytes)
            .map_err(|error| StoreError::Damaged { path: path.clone(), what: error.to_string() })?;
        if file.format > TOKENS_FORMAT {
            return Err(StoreError::Newer { path, format: file.format });
        }
        Ok(file.tokens)
    }

    /// Changes the tokens: `change` sees them as they are now, and what it leaves is kept, whole or not at all.
    ///
    /// # Errors
    /// As [`Store::tokens`]; what `change` says; when it cannot be written.
    pub fn change_tokens<E: From<StoreError>>(
        &self,
        change: impl FnOnce(&mut Vec<Token>) -> Result<(), E>,
    ) -> Result<(), E> {
        let _lock = self.hold_access()?;
        let mut tokens = self.tokens()?;
        change(&mut tokens)?;
        Ok(self.save_tokens(tokens)?)
    }

    fn save_tokens(&self, tokens: Vec<Token>) -> Result<(), StoreError> {
        let path = self.layout().tokens();
        let file = TokensFile { format: TOKENS_FORMAT, tokens };
        let text = serde_json::to_vec_pretty(&file)
            .map_err(|error| StoreError::Damaged { path: path.clone(), what: error.to_string() })?;
        Ok(self.ground.workspace.save_atomic(&path, &text)?)
    }

    /// When the tokens were changed last: whoever keeps them in memory reads them again when it is another moment.
    pub fn tokens_changed_at(&self) -> Option<i128> {
        self.ground.workspace.changed_at(&self.layout().tokens())
    }

    /// Adds a record to the log of requests; it is on disk when this returns. What a crash cut off there is taken away.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] where the log's end cannot be continued; when it cannot be written.
    pub fn record_request(
        &self,
        draft: EventDraft,
        operator: &str,
        at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let _lock = self.hold_access()?;
        let path = self.layout().requests_log();
        let ticket = TicketId::audit();
        let workspace = &self.ground.workspace;
        let fresh = !workspace.exists(&path);
        let mut file = AppendFile::open(workspace, &path)?;
        let head = match audit_log::last(workspace, &path) {
            Some(head) if ends_whole(workspace.read_tail(&path, 1)?) => head,
            _ => {
                let log = audit_log::read(workspace, &path, &ticket, None)?;
                if !log.torn.is_empty() {
                    file.cut(log.whole as u64)?;
                }
                log.head
            }
        };
        let at = DateTime::from_timestamp_millis(at.timestamp_millis()).unwrap_or(at);
        let event = RunEvent {
            v: EVENT_VERSION,
            seq: head.seq + 1,
            at,
            ticket,
            attempt: 1,
            phase: draft.phase,
            event: draft.kind,
            rc: draft.rc,
            step: draft.step,
            operator: operator.to_owned(),
            ms: draft.ms,
            reason: draft.reason,
            details: draft.details.into(),
            msg: draft.msg,
        };
        let (text, _) = line::render(&event, &head.chain)?;
        file.append(text.as_bytes())?;
        file.sync_handle().sync()?;
        if fresh {
            workspace.fsync_folder(&self.layout().access())?;
        }
        Ok(())
    }

    /// The log of requests, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Damaged`].
    pub fn requests_log(&self) -> Result<Vec<RunEvent>, StoreError> {
        let path = self.layout().requests_log();
        let log = audit_log::read(&self.ground.workspace, &path, &TicketId::audit(), None)?;
        Ok(Arc::unwrap_or_clone(log.events))
    }

    /// Checks the log of requests.
    ///
    /// # Errors
    /// When it cannot be read at all.
    pub fn verify_requests_log(&self) -> Result<Verification, StoreError> {
        let path = self.layout().requests_log();
        audit_log::verify(&self.ground.workspace, &path, &TicketId::audit(), None)
    }

    /// What is known of a key; none: it is asked for the first time, and `first` is kept of it from now on, so that of
    /// several who ask at the same moment one alone is the first. `digest` is the sha256 of operator and key. What was
    /// answered `before` that moment is forgotten.
    ///
    /// # Errors
    /// [`StoreError::Damaged`]; when it cannot be written.
    pub fn claim_replay(
        &self,
        digest: &str,
        first: &Replay,
        before: DateTime<Utc>,
    ) -> Result<Option<Replay>, StoreError> {
        let _lock = self.hold_access()?;
        self.forget_replays(before)?;
        let known = self.replay(digest)?;
        if known.is_none() {
            self.keep_replay(digest, first)?;
        }
        Ok(known)
    }

    fn replay(&self, digest: &str) -> Result<Option<Replay>, StoreError> {
        let path = self.layout().replay(digest);
        let Some(bytes) = self.ground.workspace.read(&path, REPLAY_LIMIT)? else { return Ok(None) };
        let replay = serde_json::from_slice(&bytes);
        replay.map(Some).map_err(|error| StoreError::Damaged { path, what: error.to_string() })
    }

    /// Keeps what is known of a key: the old or the new, whole.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep_replay(&self, digest: &str, replay: &Replay) -> Result<(), StoreError> {
        let path = self.layout().replay(digest);
        if let Some(folder) = path.parent() {
            self.ground.make_durable(folder)?;
        }
        let text = serde_json::to_vec(replay)
            .map_err(|error| StoreError::Damaged { path: path.clone(), what: error.to_string() })?;
        Ok(self.ground.workspace.save_atomic(&path, &text)?)
    }

    fn forget_replays(&self, before: DateTime<Utc>) -> Result<(), StoreError> {
        let Some(folder) = self.layout().replay("x").parent().map(std::path::Path::to_path_buf) else {
            return Ok(());
        };
        for name in self.ground.workspace.list(&folder)? {
            let path = folder.join(name);
            if files::modified(&path).is_some_and(|at| at < before) {
                self.ground.workspace.remove_file(&path)?;
            }
        }
        Ok(())
    }

    fn hold_access(&self) -> Result<File, StoreError> {
        self.ground.prepare()?;
        self.ground.make_durable(&self.layout().access())?;
        let path = self.layout().access_lock();
        let lock = self.ground.workspace.open_or_create(&path)?;
        files::take(&lock, &path)?;
        Ok(lock)
    }
}

fn ends_whole(tail: Option<Vec<u8>>) -> bool {
    tail.is_some_and(|tail| tail.ends_with(b"\n"))
}
