//! Markers of `holdpoint once`: written beside a live run by its own ticket script, so without the host's lock, which the
//! runner holds meanwhile.

use crate::model::id::TicketId;
use crate::sys::files;

use super::error::StoreError;
use super::workspace::{FILE, FOLDER, Store};

impl Store {
    /// Whether a key is done in this cycle of a ticket.
    pub fn is_once_done(&self, ticket: &TicketId, cycle: u32, key: &str) -> bool {
        files::is_file(&self.layout().once(ticket, cycle).join(key))
    }

    /// Marks a key as done, durably. The key was checked to be a plain file name.
    ///
    /// # Errors
    /// When the marker cannot be written.
    pub fn mark_once(&self, ticket: &TicketId, cycle: u32, key: &str) -> Result<(), StoreError> {
        let folder = self.layout().once(ticket, cycle);
        files::make_folders(&folder, FOLDER)?;
        Ok(files::save_atomic(&folder.join(key), b"done\n", FILE)?)
    }
}
