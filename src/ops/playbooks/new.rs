//! `playbook new --from TICKET`: a playbook for what no playbook knows, drafted from the record. The host's tree stays clean:
//! the draft lies in the workspace and comes out as a patch, to be committed where people develop.

use crate::decide::playbooks::{draft, patch};
use crate::model::event::{EventDraft, EventKind};
use crate::model::id::TicketId;
use crate::model::lint::DraftView;
use crate::model::phase::Phase;
use crate::model::projection::field;
use crate::ops::error::OpsError;
use crate::ops::face::Face;
use crate::ops::host::Host;
use crate::ops::inspect::relative;
use crate::ops::release::following;
use crate::ops::session::Session;

use super::detect::placeholders;
use super::symptoms;

/// Drafts a playbook and its first sample from a ticket's last failure. A dry run writes nothing.
///
/// # Errors
/// [`OpsError::NoRelease`]; a usage error where the ticket has not failed; `Locked`; what cannot be written.
pub fn new(host: &Host, ticket: &TicketId, dry_run: bool, face: Face<'_>) -> Result<DraftView, OpsError> {
    let values = placeholders(host, Some(ticket), None)?;
    let symptom = symptoms::of_ticket(host, ticket)?.into_iter().next().ok_or_else(|| OpsError::Usage {
        what: format!("`{ticket}` has not failed: there is nothing to draft from"),
        hint: format!("look at its log: `holdpoint log {ticket}`"),
    })?;
    let draft = draft(ticket, values.service.as_ref(), &symptom);
    let playbooks = host.settings.paths.playbooks.display().to_string();
    let samples = host.settings.paths.playbooks.with_file_name("samples").display().to_string();
    let (file, sample) = (format!("{}.yaml", draft.id), format!("{samples}/{}/{ticket}.txt", draft.id));
    let text = patch(&[(format!("{playbooks}/{file}"), &draft.playbook), (sample, &draft.sample)]);
    let text = host.redactor.redact(&text);
    let wrote = if dry_run { None } else { Some(write(host, &draft.id, &text, face)?) };
    let typed = format!("holdpoint playbook new --from {ticket} | git -C DIR apply");
    Ok(DraftView {
        id: draft.id,
        wrote,
        patch: text,
        next: vec![
            following("to have it where you develop", typed),
            following(
                "once every TODO in it is said",
                "holdpoint playbook lint && holdpoint playbook test".to_owned(),
            ),
        ],
    })
}

fn write(host: &Host, id: &str, text: &str, face: Face<'_>) -> Result<String, OpsError> {
    let session = Session::open(host, face, None, Phase::Prepare)?;
    let path = session.store.save_draft(&format!("{id}.patch"), text)?;
    let shown = relative(host, &path);
    session.audit(EventDraft::new(EventKind::Wrote).detail(field::FILES, &shown))?;
    Ok(shown)
}
