//! Waiting for the host to be free, as long as the person allows (`--lock-wait`).

use std::time::Duration;

use crate::model::event::Progress;
use crate::model::quantity::Span;
use crate::store::{HolderText, LockedStore, StoreError};

use super::error::OpsError;
use super::face::Face;
use super::host::Host;

/// How often it is tried again.
const TRY_EVERY: Duration = Duration::from_millis(200);

/// How often a line says for whom we wait.
const SAY_EVERY: Duration = Duration::from_secs(10);

/// Takes the host, now or within the time that the person gave.
pub(super) fn lock(host: &Host, face: Face<'_>, text: &HolderText) -> Result<LockedStore, OpsError> {
    let began = host.clock.monotonic();
    let mut said = None;
    loop {
        let (error, holder) = match host.store.lock(text) {
            Ok(store) => return Ok(store),
            Err(StoreError::Locked { holder }) => (holder.to_string(), holder),
            Err(error) => return Err(error.into()),
        };
        let waited = host.clock.monotonic().saturating_sub(began);
        if waited >= face.lock_wait || face.stop.level() > 0 {
            return Err(StoreError::Locked { holder }.into());
        }
        if said.is_none_or(|at| waited.saturating_sub(at) >= SAY_EVERY) {
            said = Some(waited);
            let left = Span::secs(face.lock_wait.saturating_sub(waited).as_secs());
            let note = format!("waiting for the host, up to {left} more: it is held by {error}");
            face.watcher.progress(&Progress::Note(note));
        }
        host.clock.sleep(TRY_EVERY.min(face.lock_wait.saturating_sub(waited)));
    }
}
