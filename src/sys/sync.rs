//! Waiting for the disk: everything that is synced is synced here.

use std::os::fd::AsFd;

use rustix::io::{Errno, retry_on_intr};

use super::plant::{Bug, planted};

/// Puts a file's content and attributes on disk (fsync).
pub(crate) fn file(file: impl AsFd) -> Result<(), Errno> {
    wait(Bug::NoSync, || rustix::fs::fsync(&file))
}

/// Puts a file's content and length on disk (fdatasync).
pub(crate) fn content(file: impl AsFd) -> Result<(), Errno> {
    wait(Bug::NoSync, || rustix::fs::fdatasync(&file))
}

/// Puts a folder's names on disk (fsync).
pub(crate) fn folder(folder: impl AsFd) -> Result<(), Errno> {
    wait(Bug::NoFolderSync, || rustix::fs::fsync(&folder))
}

/// Puts everything on the filesystem of a folder on disk (syncfs).
pub(crate) fn filesystem(folder: impl AsFd) -> Result<(), Errno> {
    wait(Bug::NoSync, || rustix::fs::syncfs(&folder))
}

fn wait(left_out: Bug, sync: impl FnMut() -> Result<(), Errno>) -> Result<(), Errno> {
    if planted(left_out) {
        return Ok(());
    }
    let synced = retry_on_intr(sync);
    if planted(Bug::SyncErrorIgnored) { Ok(()) } else { synced }
}
