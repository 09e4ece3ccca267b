//! `doctor --notify-interrupted`, for the boot unit: a crash or a reboot cannot tell anybody by itself that it interrupted
//! a release.

use crate::model::event::{EventDraft, EventKind};
use crate::model::phase::Phase;
use crate::model::release::ReleaseState;
use crate::ops::aftermath;
use crate::ops::error::OpsError;
use crate::ops::face::Face;
use crate::ops::host::Host;
use crate::ops::session::Session;

/// Records every release whose runner is gone as `interrupted`, and tells whoever is notified. Those that were recorded
/// so before are not told again. Returns them.
///
/// # Errors
/// `Locked` when a runner lives; a damaged log.
pub fn notify_interrupted(host: &Host, face: Face<'_>) -> Result<Vec<ReleaseState>, OpsError> {
    let is_left = |state: &ReleaseState| state.status.without_runner() != state.status;
    if !host.store.states()?.iter().any(is_left) {
        return Ok(Vec::new());
    }
    // The lock proves that no runner lives: whatever still says `running` was left behind.
    let session = Session::open(host, face, None, Phase::Prepare)?;
    let mut told = Vec::new();
    for left in session.store.states()?.into_iter().filter(is_left) {
        let draft = EventDraft::new(EventKind::Interrupted).phase(left.phase).reason("runner-gone");
        let state = session.note(&left.ticket, draft)?;
        aftermath::notify_interrupted(&session, &state);
        told.push(state);
    }
    Ok(told)
}
