//! A file that only grows: one write a record, all of it or nothing.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Beneath, FileError, failed};
use crate::sys::sync;

/// A file open for adding to its end.
#[derive(Debug)]
pub struct AppendFile {
    path: PathBuf,
    file: Arc<File>,
    len: u64,
}

/// The same file, to be synced while others go on adding.
#[derive(Debug)]
pub struct SyncHandle {
    path: PathBuf,
    file: Arc<File>,
}

impl AppendFile {
    /// Opens a file for adding, made when missing. Its name is durable once its folder was synced.
    ///
    /// # Errors
    /// [`FileError`], also for what [`Beneath`] refuses.
    pub fn open(folder: &Beneath, path: &Path) -> Result<Self, FileError> {
        let (file, _) = folder.append(path)?;
        let len = file.metadata().map_err(failed("read", path))?.len();
        Ok(Self { path: path.to_path_buf(), file: Arc::new(file), len })
    }

    /// Adds bytes in one write. What a full disk cut off is taken back, so that no half record stays.
    ///
    /// # Errors
    /// [`FileError`]; the file is then as it was.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        let mut file: &File = &self.file;
        let written = loop {
            match file.write(bytes) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                result => break result,
            }
        };
        match written {
            Ok(count) if count == bytes.len() => {
                self.len += count as u64;
                Ok(())
            }
            Ok(_) => {
                self.cut(self.len)?;
                Err(failed("written", &self.path)(std::io::Error::from(std::io::ErrorKind::StorageFull)))
            }
            Err(error) => Err(failed("written", &self.path)(error)),
        }
    }

    /// Shortens the file.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn cut(&mut self, len: u64) -> Result<(), FileError> {
        self.file.set_len(len).map_err(failed("shortened", &self.path))?;
        self.len = len;
        Ok(())
    }

    /// A handle that can be synced without holding this one.
    pub fn sync_handle(&self) -> SyncHandle {
        SyncHandle { path: self.path.clone(), file: Arc::clone(&self.file) }
    }
}

impl SyncHandle {
    /// Puts everything written so far on disk (fdatasync).
    ///
    /// # Errors
    /// [`FileError`]: what is on disk is then not known, and the file must not be used any more.
    pub fn sync(&self) -> Result<(), FileError> {
        sync::content(&self.file).map_err(std::io::Error::from).map_err(failed("synced", &self.path))
    }
}
