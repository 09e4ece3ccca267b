//! What somebody asks of a live run from another terminal: a file beside it, which the runner records and removes.

use serde::{Deserialize, Serialize};

use crate::model::id::{AttemptId, TicketId};
use crate::sys::process;

use super::error::StoreError;
use super::locked::LockedStore;
use super::toml_text;
use super::workspace::Store;

/// Asks a run to stop in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelRequest {
    /// The attempt that is meant; a run of another one drops the request.
    pub attempt: AttemptId,
    /// Who asks.
    pub operator: String,
    /// Why.
    #[serde(default)]
    pub reason: Option<String>,
}

/// A request has this many bytes at most.
const LIMIT: u64 = 16 << 10;

impl Store {
    /// Lays a request beside a live run. It is no record: the runner makes it one.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn ask_to_cancel(&self, request: &CancelRequest) -> Result<(), StoreError> {
        let folder = self.layout().requests(&request.attempt.ticket);
        self.ground.workspace.make_folders(&folder)?;
        let text = toml::to_string(request)
            .map_err(|error| StoreError::Encode { what: "request", why: error.to_string() })?;
        let name = format!("cancel-{}", process::own_pid());
        Ok(self.ground.workspace.save_atomic(&folder.join(name), text.as_bytes())?)
    }
}

impl LockedStore {
    /// Takes the requests that lie beside a ticket's run; each is handed out once. One that cannot be read is dropped.
    ///
    /// # Errors
    /// When the folder cannot be read, or a request not removed.
    pub fn take_requests(&self, ticket: &TicketId) -> Result<Vec<CancelRequest>, StoreError> {
        let folder = self.layout().requests(ticket);
        let workspace = &self.ground.workspace;
        let mut requests = Vec::new();
        for name in workspace.list(&folder)? {
            // One that is being written is left for the next look.
            if !name.to_string_lossy().starts_with("cancel-") {
                continue;
            }
            let path = folder.join(name);
            // A file that nobody could mean as a request is no reason to stop a release.
            let text = workspace.read(&path, LIMIT).ok().flatten();
            let text = text.and_then(|bytes| String::from_utf8(bytes).ok());
            match text.and_then(|text| toml_text::read(&text).ok()) {
                Some(request) => {
                    workspace.remove_file(&path)?;
                    requests.push(request);
                }
                None => {
                    let _ = workspace.remove_file(&path);
                }
            }
        }
        Ok(requests)
    }
}
