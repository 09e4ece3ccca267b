//! Work that outlives its runner: steps whose shim still holds the fence, and what became of those that nobody recorded.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::model::id::{AttemptId, StepName};
use crate::sys::supervise::{self, StepAtWork};

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

/// The steps that hold the fence while no runner lives.
pub(super) fn left(layout: &Layout) -> Vec<Work> {
    let found = supervise::at_work(&layout.host_fence());
    found.into_iter().filter_map(|step| of_folder(layout, step)).collect()
}

/// Whose folder it is: `<ticket>/<attempt>/steps/<seq>-<step>`.
fn of_folder(layout: &Layout, found: StepAtWork) -> Option<Work> {
    let StepAtWork { folder, pids } = found;
    let mut names = folder.strip_prefix(layout.workspace()).ok()?.iter().rev().map(|name| name.to_str());
    let (_, step) = names.next()??.split_once('-')?;
    let number = names.nth(1)??.parse().ok()?;
    let ticket = names.next()??;
    let ticket = if ticket == "audit" { crate::model::id::TicketId::audit() } else { ticket.parse().ok()? };
    let step = StepName::new([step]);
    Some(Work { attempt: AttemptId { ticket, number }, step, folder: Path::new(&folder).to_path_buf(), pids })
}
