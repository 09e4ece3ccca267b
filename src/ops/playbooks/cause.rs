//! Causes that a playbook's remedy left open: recorded with a ticket until a later release touches the file that needs the
//! repair, or a person says how it was closed.

use crate::model::event::{EventDraft, EventKind, RunEvent};
use crate::model::id::{Oid, TicketId};
use crate::model::phase::Phase;
use crate::model::playbook::Playbook;
use crate::model::projection::field;
use crate::model::release::ReleaseState;
use crate::ops::error::OpsError;
use crate::ops::face::Face;
use crate::ops::host::Host;
use crate::ops::session::Session;

/// The file that a playbook's repair is made in: what stands before the colon of `file:function`.
pub(super) fn file_of(playbook: &Playbook) -> String {
    let text = playbook.fix.bootstrap_script.trim();
    let end = text.find([':', ' ']).unwrap_or(text.len());
    text[..end].to_owned()
}

/// The causes that are open in a ticket's log, one line each: `release-x: .asd/release.toml`.
pub(in crate::ops) fn open_causes(host: &Host, events: &[RunEvent]) -> Vec<String> {
    let mut open: Vec<&RunEvent> = Vec::new();
    for event in events.iter().filter(|event| event.event == EventKind::Cause) {
        match event.details.get(field::CAUSE).map(String::as_str) {
            Some(field::OPEN) => {
                open.retain(|known| known.details.get(field::PLAYBOOK) != event.details.get(field::PLAYBOOK));
                open.push(event);
            }
            _ => open.clear(),
        }
    }
    open.retain(|event| !is_touched(host, event));
    let text = |event: &RunEvent, name| event.details.get(name).cloned().unwrap_or_default();
    open.into_iter()
        .map(|event| format!("{}: {}", text(event, field::PLAYBOOK), text(event, field::FILES)))
        .collect()
}

/// Whether the file reads otherwise now than when the remedy was applied: only a release changes it here.
fn is_touched(host: &Host, event: &RunEvent) -> bool {
    let then = event.details.get(field::BASE).and_then(|oid| oid.parse::<Oid>().ok());
    let (Some(then), Some(file), Ok(now)) = (then, event.details.get(field::FILES), host.git.head()) else {
        return false;
    };
    if then == now {
        return false;
    }
    let at = |commit: &Oid| host.git.read(commit, &[file.as_str()]).ok();
    at(&then) != at(&now)
}

/// `close TICKET --cause TEXT`: a person says how the cause was closed. A dry run answers with the state as it is.
///
/// # Errors
/// [`OpsError::NoRelease`]; a usage error where no cause is open.
pub fn close_cause(
    host: &Host,
    ticket: &TicketId,
    text: &str,
    dry_run: bool,
    face: Face<'_>,
) -> Result<ReleaseState, OpsError> {
    let state = host.store.state(ticket)?.ok_or_else(|| OpsError::NoRelease { ticket: ticket.clone() })?;
    if open_causes(host, &host.store.log(ticket)?).is_empty() {
        return Err(OpsError::Usage {
            what: format!("`{ticket}` has no open cause: no playbook's remedy was applied to it"),
            hint: format!("look at its record: `holdpoint log {ticket}`"),
        });
    }
    if dry_run {
        return Ok(state);
    }
    let session = Session::open(host, face, Some(ticket), Phase::Prepare)?;
    session.note(ticket, EventDraft::new(EventKind::Cause).detail(field::CAUSE, "closed").msg(text))
}
