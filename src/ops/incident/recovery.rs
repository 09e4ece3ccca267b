//! When recovery changed something on this host, by its logs.

use chrono::{DateTime, Utc};

use crate::decide::Recovery;
use crate::model::event::{EventKind, RunEvent};
use crate::model::id::TicketId;
use crate::ops::error::OpsError;
use crate::ops::host::Host;

/// What began and ended here since then: releases, reverts, and what belongs to no ticket.
pub(super) fn since(host: &Host, opened: DateTime<Utc>) -> Result<Recovery, OpsError> {
    let mut recovery = Recovery::default();
    for ticket in host.store.tickets()?.into_iter().chain([TicketId::audit()]) {
        for event in host.store.log(&ticket)?.iter().filter(|event| event.at > opened && acts(event)) {
            recovery.first = Some(recovery.first.map_or(event.at, |first| first.min(event.at)));
            recovery.last = Some(recovery.last.map_or(event.at, |last| last.max(event.at)));
        }
    }
    Ok(recovery)
}

/// Whether a record is of something that changes the host, from its beginning to its end.
fn acts(event: &RunEvent) -> bool {
    matches!(
        event.event,
        EventKind::Started
            | EventKind::Resumed
            | EventKind::Reverting
            | EventKind::StepStart
            | EventKind::StepDone
            | EventKind::StepFailed
            | EventKind::Succeeded
            | EventKind::Reverted
            | EventKind::Failed
            | EventKind::Stuck
    )
}
