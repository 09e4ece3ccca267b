//! Why a step failed, and why the engine itself could not go on.

use thiserror::Error;

use crate::drivers::git::GitError;
use crate::model::redact::Redactor;
use crate::store::StoreError;
use crate::sys::FileError;

/// Why a step failed: everything the failure screen and the log need, nothing that was decided from it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Failure {
    /// One word: `exit`, `timeout`, `interrupted`, `unhealthy`, `backup`, `disk`, `verify`….
    pub reason: &'static str,
    /// Exit status of what failed; 1 where there is none.
    pub rc: i32,
    /// One sentence.
    pub summary: String,
    /// `✗` lines: each thing that is not as it should be, in the seed's form where the seed has one.
    pub causes: Vec<String>,
    /// Last lines of what the failing program or container said, redacted.
    pub tail: Vec<String>,
    /// What a person may do.
    pub hint: Option<String>,
    /// How many checks ran, where the step is made of checks.
    pub checks: usize,
}

impl Failure {
    /// A failure with a word and a sentence, exit status 1.
    pub fn new(reason: &'static str, summary: impl Into<String>) -> Self {
        Self { reason, rc: 1, summary: summary.into(), ..Self::default() }
    }

    /// With an exit status.
    #[must_use]
    pub fn rc(mut self, rc: i32) -> Self {
        self.rc = rc;
        self
    }

    /// With a way out.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// There is no room left for the workspace's own files.
    pub(super) fn disk_full() -> Self {
        let hint = "free space there, then go on: `df -h .asd/workspace`";
        Self::new("disk", "the disk under the workspace is full").hint(hint)
    }

    /// Without any secret in it.
    pub(super) fn redacted(mut self, redactor: &Redactor) -> Self {
        self.summary = redactor.redact(&self.summary);
        for line in self.causes.iter_mut().chain(&mut self.tail).chain(&mut self.hint) {
            *line = redactor.redact(line);
        }
        self
    }

    /// Whether our own stop ended it: the attempt is interrupted, not failed.
    pub fn is_interruption(&self) -> bool {
        self.reason == INTERRUPTED
    }

    /// Whether how it ended is not known: it may even still work.
    pub fn is_lost(&self) -> bool {
        self.reason == LOST
    }
}

/// Reason word of a step whose end nobody saw.
pub(super) const LOST: &str = "lost";

/// Reason word of a step that ended because we were asked to stop.
pub(super) const INTERRUPTED: &str = "interrupted";

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        of_files(&error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        of_files(&error)
    }
}

/// What could not be done to a file, and why not.
fn of_files(error: &dyn std::error::Error) -> Failure {
    let causes = std::iter::successors(error.source(), |cause| cause.source()).map(ToString::to_string);
    Failure { causes: causes.collect(), ..Failure::new("files", error.to_string()) }
}

impl From<GitError> for Failure {
    fn from(error: GitError) -> Self {
        Failure::new("git", error.to_string())
    }
}

/// Why the engine could not go on: what happened could not be recorded.
#[derive(Debug, Error)]
pub enum EngineError {
    /// A record or a state could not be written; nothing after it was acknowledged.
    #[error("what happened could not be recorded")]
    Record {
        /// Why.
        #[source]
        source: StoreError,
    },
    /// The table of transitions does not allow what the runner did: a defect of ours.
    #[error(transparent)]
    Illegal(#[from] crate::model::release::IllegalEvent),
}

impl From<StoreError> for EngineError {
    fn from(source: StoreError) -> Self {
        EngineError::Record { source }
    }
}
