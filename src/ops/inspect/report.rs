//! `report TICKET`: everything a reader who was not there needs, in one value.

use crate::model::event::{EventKind, RunEvent};
use crate::model::id::{AttemptId, TicketId};
use crate::model::view::{BackupRow, ReportView, TranscriptView};
use crate::ops::error::OpsError;
use crate::ops::facts::{Lock, releases};
use crate::ops::host::Host;

use super::log::verification;
use super::rows::{backup_rows, relative};
use super::state;

/// Lines of each transcript that are shown.
const LINES: usize = 200;

/// Gathers the report of a ticket.
///
/// # Errors
/// [`OpsError::NoRelease`]; a damaged log.
pub fn report(host: &Host, ticket: &TicketId) -> Result<ReportView, OpsError> {
    let state = state(host, ticket)?;
    let events = host.store.log(ticket)?;
    let attempt = AttemptId { ticket: ticket.clone(), number: state.state.attempt };
    Ok(ReportView {
        made_at: host.clock.now(),
        plan: host.store.plan(&attempt, "plan").ok().flatten().map(Box::new),
        verification: verification(host, ticket)?,
        transcripts: transcripts(host, ticket, &events),
        backups: named_backups(host, &state.state)?,
        events: events.to_vec(),
        state,
    })
}

/// What each failed step printed.
fn transcripts(host: &Host, ticket: &TicketId, events: &[RunEvent]) -> Vec<TranscriptView> {
    let of = |failed: &RunEvent| {
        let step = failed.step.clone()?;
        let began = |event: &&RunEvent| {
            event.event == EventKind::StepStart
                && event.step.as_ref() == Some(&step)
                && event.seq < failed.seq
        };
        let seq = events.iter().rfind(began)?.seq;
        let attempt = AttemptId { ticket: ticket.clone(), number: failed.attempt };
        let folder = host.store.layout().step(&attempt, seq, &step);
        let lines = host.store.transcript_tail(&folder, LINES).ok().filter(|lines| !lines.is_empty())?;
        let path = relative(host, &folder.join("transcript"));
        Some(TranscriptView { step, seq, path, lines })
    };
    events.iter().filter(|event| event.event == EventKind::StepFailed).filter_map(of).collect()
}

/// The sets that the release goes back to.
fn named_backups(
    host: &Host,
    state: &crate::model::release::ReleaseState,
) -> Result<Vec<BackupRow>, OpsError> {
    let releases = releases(host, Lock::Unknown)?;
    let mut rows = Vec::new();
    for (service, stamp) in &state.backups {
        let sets = host.store.shelf().sets(service)?;
        let of_service = backup_rows(host, service, &sets, &releases);
        rows.extend(of_service.into_iter().filter(|row| row.stamp == *stamp));
    }
    Ok(rows)
}
