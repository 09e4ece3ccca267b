//! Work that outlives its runner: steps whose shim still holds the fence, and what became of those that nobody recorded.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::model::id::{AttemptId, StepName, TicketId};
use crate::sys::files;
use crate::sys::supervise::{self, StepAtWork, Trace};

use super::layout::Layout;

/// A step that works while no runner lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    /// Attempt it belongs to.
    pub attempt: AttemptId,
    /// Which step.
    pub step: StepName,
    /// Its folder.
    pub folder: PathBuf,
    /// Its processes.
    pub pids: Vec<u32>,
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pids: Vec<String> = self.pids.iter().map(ToString::to_string).collect();
        let noun = if pids.len() == 1 { "process" } else { "processes" };
        write!(
            f,
            "step `{}` of `{}`, which still works while its runner is gone ({noun} {})",
            self.step,
            self.attempt,
            pids.join(", ")
        )
    }
}

/// The steps that hold the fence while no runner lives; `ticket` is the one that the last runner was on.
pub(super) fn left(layout: &Layout, ticket: Option<&TicketId>) -> Vec<Work> {
    let mut found = supervise::at_work(&layout.host_fence());
    if found.is_empty() {
        // Another operator's processes cannot be looked into: what their shims wrote down tells.
        found = ticket.map(|ticket| said_to_work(layout, ticket)).unwrap_or_default();
    }
    found.into_iter().filter_map(|step| of_folder(layout, step)).collect()
}

/// The steps of a ticket's newest attempt whose processes live, by their own word.
fn said_to_work(layout: &Layout, ticket: &TicketId) -> Vec<StepAtWork> {
    let attempts = files::list(&layout.ticket(ticket)).unwrap_or_default();
    let numbers = attempts.iter().filter_map(|name| name.to_str()?.parse().ok());
    let Some(number) = numbers.max() else { return Vec::new() };
    let steps = layout.steps(&AttemptId { ticket: ticket.clone(), number });
    let folders = files::list(&steps).unwrap_or_default().into_iter().map(|name| steps.join(name));
    let at_work = |folder: PathBuf| match supervise::look(&folder, None) {
        Trace::AtWork(pids) => Some(StepAtWork { folder, pids }),
        _ => None,
    };
    folders.filter_map(at_work).collect()
}

/// Whose folder it is: `<ticket>/<attempt>/steps/<seq>-<step>`.
fn of_folder(layout: &Layout, found: StepAtWork) -> Option<Work> {
    let StepAtWork { folder, pids } = found;
    let mut names = folder.strip_prefix(layout.workspace()).ok()?.iter().rev().map(|name| name.to_str());
    let (_, step) = names.next()??.split_once('-')?;
    let number = names.nth(1)??.parse().ok()?;
    let ticket = names.next()??;
    let ticket = if ticket == "audit" { TicketId::audit() } else { ticket.parse().ok()? };
    let step = StepName::new([step]);
    Some(Work { attempt: AttemptId { ticket, number }, step, folder: Path::new(&folder).to_path_buf(), pids })
}
