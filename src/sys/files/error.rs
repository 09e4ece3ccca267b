//! What a failed file operation says.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// A file operation failed: what was tried, on what, and what the system said.
#[derive(Debug, Error)]
#[error("`{}` could not be {verb}", path.display())]
pub struct FileError {
    /// What was tried, as a participle: `read`, `written`, `renamed`.
    pub verb: &'static str,
    /// On what.
    pub path: PathBuf,
    /// What the system said.
    #[source]
    pub source: io::Error,
}

impl FileError {
    /// Whether there is no such file.
    pub fn is_missing(&self) -> bool {
        self.source.kind() == io::ErrorKind::NotFound
    }

    /// Whether we may not do that.
    pub fn is_denied(&self) -> bool {
        self.source.kind() == io::ErrorKind::PermissionDenied
    }

    /// Whether the disk or the quota is full.
    pub fn is_full(&self) -> bool {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        matches!(self.source.kind(), StorageFull | QuotaExceeded | FileTooLarge)
    }
}

/// Turns what the system said into a [`FileError`].
pub(crate) fn failed<E: Into<io::Error>>(verb: &'static str, path: &Path) -> impl FnOnce(E) -> FileError {
    let path = path.to_path_buf();
    move |source| FileError { verb, path, source: source.into() }
}
