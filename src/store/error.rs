//! Why the workspace could not be read or written.

use std::path::PathBuf;

use thiserror::Error;

use crate::model::id::IdError;
use crate::sys::FileError;

use super::lock::Holder;

/// Why the workspace could not be read or written.
#[derive(Debug, Error)]
pub enum StoreError {
    /// Another run holds this host.
    #[error("this host is held by {holder}")]
    Locked {
        /// Who.
        holder: Box<Holder>,
    },
    /// A file fails its own checks.
    #[error("`{path}` is damaged: {what}", path = path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A newer version wrote it: it may be read, not overwritten.
    #[error("`{path}` was written by a newer version (format {format}): it can be read, not changed", path = path.display())]
    Newer {
        /// Which file.
        path: PathBuf,
        /// Its format.
        format: u32,
    },
    /// Everybody may write there.
    #[error("`{path}` may be written by everybody: whoever does could forge what happened", path = path.display())]
    Open {
        /// The folder.
        path: PathBuf,
    },
    /// The workspace belongs to somebody else.
    #[error("`{path}` belongs to somebody who is neither you, nor root, nor the owner of the folder above", path = path.display())]
    Stranger {
        /// The folder.
        path: PathBuf,
    },
    /// `[workspace] group` names no group of this machine.
    #[error("`[workspace] group` is `{group}`, and there is no such group")]
    NoGroup {
        /// Its name.
        group: String,
    },
    /// A file could not be worked on.
    #[error(transparent)]
    File(#[from] FileError),
    /// An earlier sync of the log failed: what is on disk is not known any more.
    #[error("`{path}` could not be made durable before: nothing more is recorded by this run", path = path.display())]
    Poisoned {
        /// The log.
        path: PathBuf,
    },
    /// A record is longer than a log line may be.
    #[error("the record `{event}` has {bytes} bytes and a line may have 4096")]
    TooLong {
        /// The event's word.
        event: String,
        /// Its length.
        bytes: usize,
    },
    /// A backup set or entry that is wanted is not there, or is not what its record says.
    #[error("backup `{path}` {what}", path = path.display())]
    Backup {
        /// Its folder.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// A name in a file is not a name.
    #[error(transparent)]
    Id(#[from] IdError),
    /// A value of ours could not be written as text.
    #[error("`{what}` could not be written as text: {why}")]
    Encode {
        /// Which.
        what: &'static str,
        /// Why.
        why: String,
    },
    /// The listing index.
    #[error("the listing index `{path}` could not be {verb}: {why}", path = path.display())]
    Index {
        /// The file.
        path: PathBuf,
        /// What was tried, as a past participle.
        verb: &'static str,
        /// Whether the file is no index any more: it is as good as none.
        broken: bool,
        /// Why.
        why: String,
    },
}
