//! Markers of `holdpoint once`: written beside a live run by its own ticket script, so without the host's lock, which the
//! runner holds meanwhile.

use std::fs::File;

use crate::model::id::TicketId;
use crate::sys::files;

use super::error::StoreError;
use super::workspace::Store;

/// A key, held by us alone while its command runs.
#[derive(Debug)]
pub struct OnceKey {
    _lock: File,
}

impl Store {
    /// Whether a key is done in this cycle of a ticket.
    pub fn is_once_done(&self, ticket: &TicketId, cycle: u32, key: &str) -> bool {
        self.ground.workspace.exists(&self.layout().once(ticket, cycle).join(key))
    }

    /// Holds a key until the value is dropped, after whoever else holds it. Look then whether it is done.
    ///
    /// # Errors
    /// When it cannot be locked.
    pub fn hold_once(&self, ticket: &TicketId, cycle: u32, key: &str) -> Result<OnceKey, StoreError> {
        let folder = self.layout().once(ticket, cycle);
        self.ground.make_durable(&folder)?;
        // No key begins with a dot.
        let path = folder.join(format!(".{key}"));
        let lock = self.ground.workspace.open_or_create(&path)?;
        files::take(&lock, &path)?;
        Ok(OnceKey { _lock: lock })
    }

    /// Marks a key as done, durably. The key was checked to be a plain file name.
    ///
    /// # Errors
    /// When the marker cannot be written.
    pub fn mark_once(&self, ticket: &TicketId, cycle: u32, key: &str) -> Result<(), StoreError> {
        let marker = self.layout().once(ticket, cycle).join(key);
        Ok(self.ground.workspace.save_atomic(&marker, b"done\n")?)
    }
}
