//! What the runner before us left: steps whose outcome nobody recorded, and what their shims say of them (design/03).

use std::path::PathBuf;

use crate::model::event::{EventDraft, EventKind};
use crate::model::facts::{Left, StepEnd};
use crate::model::id::{AttemptId, StepName, TicketId};
use crate::model::phase::Phase;
use crate::model::projection::FOUND;
use crate::store::History;
use crate::sys::supervise::{self, Exit, Trace};

use super::host::Host;

/// An outcome that a shim wrote down and no runner recorded.
pub(super) struct Found {
    pub(super) step: StepName,
    pub(super) phase: Phase,
    /// Folder of this run of the step.
    pub(super) folder: PathBuf,
    /// Its exit status, or what stands for it.
    pub(super) rc: i32,
    how: String,
}

impl Found {
    /// The step's outcome, as it is recorded now.
    pub(super) fn outcome(&self) -> EventDraft {
        let kind = if self.rc == 0 { EventKind::StepDone } else { EventKind::StepFailed };
        let draft = EventDraft::new(kind).phase(self.phase).step(self.step.clone()).rc(self.rc);
        draft.reason(FOUND).msg(format!("{} after its runner was gone", self.how))
    }
}

/// Looks after every step without an outcome, writes into the history what is found, and returns the outcomes.
pub(super) fn look(host: &Host, ticket: &TicketId, history: &mut History) -> Vec<Found> {
    let mut found = Vec::new();
    for (name, record) in &mut history.steps {
        if !matches!(record.end, StepEnd::Open | StepEnd::Undecided) {
            continue;
        }
        let (number, seq) = record.intent;
        let folder = host.store.layout().step(&AttemptId { ticket: ticket.clone(), number }, seq, name);
        match supervise::look(&folder, record.boot.as_deref()) {
            Trace::NeverStarted => record.left = Left::NeverStarted,
            Trace::AtWork(pids) => record.left = Left::AtWork(pids),
            Trace::LeftRunning(pids) => record.left = Left::LeftRunning(pids),
            Trace::Unknown => {}
            Trace::Ended(exit) => {
                let (rc, how) = said(exit);
                record.end = if rc == 0 { StepEnd::Done } else { StepEnd::Failed(rc) };
                found.push(Found { step: name.clone(), phase: record.phase, folder, rc, how });
            }
        }
    }
    found
}

fn said(exit: Exit) -> (i32, String) {
    match exit {
        Exit::Code(code) => (code, format!("it exited {code}")),
        Exit::Signal(signal) => (128 + signal, format!("it was killed by signal {signal}")),
        Exit::TimedOut => (124, "it ran out of time and was ended".to_owned()),
        Exit::TooMuchOutput => (1, "it printed more than 100 MiB and was ended".to_owned()),
        Exit::Stopped | Exit::EndedByTick => (143, "it was ended because somebody asked for it".to_owned()),
    }
}
