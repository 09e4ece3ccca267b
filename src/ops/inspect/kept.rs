//! What is kept of an attempt beside its log: plan, snapshot, transcripts; and which freezes hold now.

use crate::decide;
use crate::model::event::{EventKind, RunEvent};
use crate::model::facts::Snapshot;
use crate::model::id::{AttemptId, TicketId};
use crate::model::plan::Plan;
use crate::model::reason::Blocker;
use crate::model::release::ReleaseState;
use crate::model::view::TranscriptView;
use crate::ops::error::OpsError;
use crate::ops::host::Host;

use super::rows::relative;

/// What is kept of an attempt beside its log.
#[derive(Debug, Clone, Default)]
pub struct Kept {
    /// Its plan, where it can still be read.
    pub plan: Option<Plan>,
    /// Its snapshot, where there is one.
    pub snapshot: Option<Snapshot>,
    /// Every attempt of its ticket, oldest first.
    pub lineage: Vec<ReleaseState>,
}

/// What is kept of an attempt. A file that cannot be read is as one that is not there: `doctor` tells of it.
///
/// # Errors
/// A damaged log.
pub fn kept(host: &Host, attempt: &AttemptId) -> Result<Kept, OpsError> {
    Ok(Kept {
        plan: host.store.plan(attempt, "plan").ok().flatten(),
        snapshot: host.store.snapshot_of(attempt, None).ok().flatten(),
        lineage: host.store.attempts(&attempt.ticket)?,
    })
}

/// The last lines of what a step printed, secrets made unreadable; `seq` is the record of its intent. None: there is no
/// such step, or it printed nothing.
///
/// # Errors
/// A damaged log; a transcript that cannot be read.
pub fn transcript(
    host: &Host,
    ticket: &TicketId,
    seq: u64,
    lines: usize,
) -> Result<Option<TranscriptView>, OpsError> {
    let events = host.store.log(ticket)?;
    let is_it = |event: &&RunEvent| event.seq == seq && event.event == EventKind::StepStart;
    let Some(event) = events.iter().find(is_it) else { return Ok(None) };
    let Some(step) = event.step.clone() else { return Ok(None) };
    let attempt = AttemptId { ticket: ticket.clone(), number: event.attempt };
    let folder = host.store.layout().step(&attempt, seq, &step);
    let lines = host.store.transcript_tail(&folder, lines)?;
    let path = relative(host, &folder.join("transcript"));
    Ok((!lines.is_empty()).then_some(TranscriptView { step, seq, path, lines }))
}

/// Freezes that hold at this moment, with the time until which they do.
pub fn freezes(host: &Host) -> Vec<Blocker> {
    decide::active_freezes(&host.settings.freezes, host.clock.now())
}
