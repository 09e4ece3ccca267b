//! What a backup's take tells while it works, what it made, and why it could not.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::sys::files::FileError;

/// Told how many bytes are done so far; may end the work.
pub type OnBytes<'a> = &'a mut dyn FnMut(u64) -> ControlFlow<()>;

/// What a take made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Taken {
    /// Bytes in the backup's file.
    pub bytes: u64,
    /// What was left out and why, for a person (sockets, extended attributes…).
    pub notes: Vec<String>,
}

/// Why a backup could not be taken, checked or put back.
#[derive(Debug, Error)]
pub enum BackupError {
    /// A file could not be worked on.
    #[error("`{path}` could not be {verb}", path = path.display())]
    File {
        /// What was tried, as a past participle.
        verb: &'static str,
        /// On which path.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The source is not as the configuration says.
    #[error("`{path}` {why}", path = path.display())]
    Source {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The backup is not what it should be.
    #[error("backup `{path}` is damaged: {why}", path = path.display())]
    Damaged {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// A database could not be worked on.
    #[error("database `{path}` could not be {verb}: {why}", path = path.display())]
    Database {
        /// What was tried, as a past participle.
        verb: &'static str,
        /// Which.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The caller ended it.
    #[error("the backup was stopped")]
    Stopped,
}

impl From<FileError> for BackupError {
    fn from(error: FileError) -> Self {
        BackupError::File { verb: error.verb, path: error.path, source: error.source }
    }
}

impl BackupError {
    pub(super) fn damaged(path: &Path, why: impl Into<String>) -> Self {
        BackupError::Damaged { path: path.to_path_buf(), why: why.into() }
    }

    pub(super) fn source(path: &Path, why: impl Into<String>) -> Self {
        BackupError::Source { path: path.to_path_buf(), why: why.into() }
    }
}
