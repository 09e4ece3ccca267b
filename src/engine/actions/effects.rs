//! Hands a step to the module of its action, and carries back what it did.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::engine::context::Context;
use crate::engine::failure::{Failure, INTERRUPTED};
use crate::engine::recorder::Recorder;
use crate::model::event::RunEvent;
use crate::model::plan::{Action, Step};

use super::{backup, commands, health, restore, snapshot, verify};

/// What a step did, for its outcome record.
#[derive(Debug, Default)]
pub(in crate::engine) struct Effects {
    /// Further fields of the record (`model::projection::field`).
    pub(in crate::engine) details: BTreeMap<String, String>,
    /// A sentence.
    pub(in crate::engine) msg: Option<String>,
    /// Its effect was already there: nothing was done.
    pub(in crate::engine) looked: bool,
}

impl Effects {
    /// With a field.
    pub(super) fn detail(mut self, name: &str, value: impl Into<String>) -> Self {
        self.details.insert(name.to_owned(), value.into());
        self
    }

    /// With a sentence.
    pub(super) fn msg(mut self, msg: impl Into<String>) -> Self {
        self.msg = Some(msg.into());
        self
    }

    /// The effect was already there.
    pub(super) fn looked() -> Self {
        Self { looked: true, ..Self::default() }
    }
}

/// A step at work: what every action needs beside its own job.
#[derive(Clone, Copy)]
pub(super) struct Work<'a> {
    /// The step.
    pub(super) step: &'a Step,
    /// Its intent, as recorded: names its folder.
    pub(super) intent: &'a RunEvent,
    /// The host.
    pub(super) context: &'a Context<'a>,
    /// Progress goes here.
    pub(super) recorder: &'a Recorder<'a>,
}

impl Work<'_> {
    /// The folder of this run of the step, made on first use.
    pub(super) fn folder(&self) -> Result<PathBuf, Failure> {
        let Context { store, attempt, .. } = self.context;
        Ok(store.make_step_folder(attempt, self.intent.seq, &self.step.name)?)
    }

    /// Waits, in slices short enough to notice a stop.
    pub(super) fn wait(&self, wanted: std::time::Duration) -> Result<(), Failure> {
        const SLICE: std::time::Duration = std::time::Duration::from_millis(100);
        let clock = &self.context.clock;
        let until = clock.monotonic() + wanted;
        loop {
            self.go_on()?;
            let left = until.saturating_sub(clock.monotonic());
            if left.is_zero() {
                return Ok(());
            }
            clock.sleep(left.min(SLICE));
        }
    }

    /// Fails when a person asked us to stop: for steps with nothing to lose.
    pub(super) fn go_on(&self) -> Result<(), Failure> {
        match self.context.stop.signal() {
            Some(signal) => {
                let summary = format!("stopped by {}", signal.name());
                Err(Failure::new(INTERRUPTED, summary).rc(signal.exit_status()))
            }
            None => Ok(()),
        }
    }
}

/// Does what the step says.
pub(in crate::engine) fn perform(
    step: &Step,
    intent: &RunEvent,
    context: &Context<'_>,
    recorder: &Recorder<'_>,
) -> Result<Effects, Failure> {
    let work = Work { step, intent, context, recorder };
    match &step.action {
        Action::Snapshot => snapshot::store(work),
        Action::Backup(job) => backup::take(work, job),
        Action::Restore(job) => restore::put(work, job),
        Action::Commands { commands, done_when } => commands::run_all(work, commands, done_when.as_ref()),
        Action::Health(job) => health::wait(work, job),
        Action::VerifyHead { head } => verify::head(work, head),
        Action::VerifyService(job) => verify::service(work, job),
        Action::Surface(surface) => verify::surface(work, surface),
    }
}
