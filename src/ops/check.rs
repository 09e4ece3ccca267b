//! `check`: what a release would do, decided as `run` decides. Nothing is written.

use crate::model::id::{BranchName, TicketId};
use crate::model::request::RunRequest;
use crate::model::view::Decision;

use super::error::OpsError;
use super::host::Host;
use super::release;

/// What `run` would do: of a ticket, or of any ticket without a script; from the release branch or from another.
///
/// # Errors
/// What makes looking itself impossible.
pub fn check(
    host: &Host,
    ticket: Option<&TicketId>,
    incoming: Option<&BranchName>,
) -> Result<Decision, OpsError> {
    let named = ticket.cloned().map_or_else(unnamed, Ok)?;
    let mut request = RunRequest { branch: incoming.cloned(), ..RunRequest::new(named) };
    if ticket.is_some() {
        return release::check_run(host, &request);
    }
    request.without_scripts = true;
    let mut decision = release::check_run(host, &request)?;
    let note =
        "no ticket was named: ticket scripts are left out (`holdpoint check TICKET` shows them)".to_owned();
    match &mut decision {
        Decision::Plan { plan } => plan.notes.push(note),
        Decision::Refused(refused) => refused.notes.push(note),
        Decision::Nothing { .. } => {}
    }
    Ok(decision)
}

/// The ticket of a release that has no name yet.
fn unnamed() -> Result<TicketId, OpsError> {
    Ok("TICKET".parse()?)
}
