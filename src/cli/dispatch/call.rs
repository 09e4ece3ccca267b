//! What every verb needs: the host, somebody to show things to, and one way to print an answer.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::cli::args::{Act, Format, Global};
use crate::cli::console::{Asking, Console};
use crate::cli::error::CliError;
use crate::cli::terminal::{Terminal, To};
use crate::cli::watch::watched;
use crate::model::event::{Progress, RunEvent, Watcher};
use crate::model::outcome::Ending;
use crate::model::plan::Plan;
use crate::model::view::{ChangeView, Decision, RunView};
use crate::ops::{Face, Given, Host, OpsError};
use crate::report::human::plan::{Detail, dry_run_footer, render as render_plan};
use crate::report::human::{blockers, failure, setup};
use crate::report::json;
use crate::report::text::clean;
use crate::sys::clock::{Clock, SystemClock};
use crate::sys::process;
use crate::sys::signal::{Signal, Stop};

/// A verb on its way: how it was called, and where its answer goes.
pub(super) struct Call<'a> {
    pub(super) global: Global,
    pub(super) terminal: &'a Terminal,
}

impl Call<'_> {
    pub(super) fn format(&self) -> Format {
        self.global.format()
    }

    /// The host of the folder that was named, or of the current one.
    pub(super) fn host(&self) -> Result<Host, CliError> {
        Ok(Host::open(&self.folder()?)?)
    }

    pub(super) fn folder(&self) -> Result<std::path::PathBuf, CliError> {
        match &self.global.dir {
            Some(dir) => Ok(dir.clone()),
            None => process::current_folder().map_err(|error| CliError::new(Ending::Failed, error)),
        }
    }

    /// Prints an answer: as text for people, as one document for programs.
    pub(super) fn answer(
        &self,
        value: &impl Serialize,
        text: impl FnOnce() -> String,
    ) -> Result<(), CliError> {
        let text = match self.format() {
            Format::Human => text(),
            Format::Json => json::document(value).map_err(|error| CliError::new(Ending::Internal, error))?,
        };
        self.terminal.write(To::Out, &text);
        Ok(())
    }

    /// Prints text as it is, whoever reads it.
    pub(super) fn print(&self, text: &str) {
        self.terminal.write(To::Out, text);
    }

    /// Prints what was decided, and ends as it would end. `typed` makes the command that does exactly that plan.
    pub(super) fn decision(
        &self,
        decision: &Decision,
        typed: impl FnOnce(&Plan) -> Option<String>,
    ) -> Result<Ending, CliError> {
        self.answer(decision, || match decision {
            Decision::Plan { plan } => {
                render_plan(plan, Detail::Full, now()) + &dry_run_footer(typed(plan).as_deref())
            }
            Decision::Refused(refused) => blockers::refused(refused),
            Decision::Nothing { fact } => format!("{}\n", clean(fact)),
        })?;
        Ok(decision.ending())
    }

    /// How much of a plan the person wants to see.
    pub(super) fn detail(&self) -> Option<Detail> {
        match (self.format(), self.global.verbose) {
            (Format::Json, _) => None,
            (Format::Human, 0) => Some(Detail::Brief),
            (Format::Human, _) => Some(Detail::Full),
        }
    }

    /// Does something under the person's eyes.
    pub(super) fn act<T>(
        &self,
        act: &Act,
        work: impl FnOnce(Face<'_>) -> Result<T, OpsError>,
    ) -> Result<Result<T, OpsError>, CliError> {
        let (mut work, mut done) = (Some(work), None);
        let signal = self.attended(act, &mut |face| done = work.take().map(|work| work(face)))?;
        match (done.unwrap_or_else(|| unreachable!("it is done once")), signal) {
            // A signal is no answer to a question, and ends as a signal does (design/01).
            (Err(OpsError::Declined), Some(signal)) => Err(nothing_done(signal)),
            (done, _) => Ok(done),
        }
    }

    /// The part of that which is the same for all verbs, and in the program once. Says by which signal it was stopped.
    fn attended(&self, act: &Act, work: &mut dyn FnMut(Face<'_>)) -> Result<Option<Signal>, CliError> {
        let stop = Stop::install().map_err(|error| CliError::new(Ending::Failed, error))?;
        let stopped = || stop.level() > 0 || stop.hung_up();
        let (asking, consent) = if act.yes { (Asking::Yes, Given::Yes) } else { (Asking::Ask, Given::No) };
        let person = Console { terminal: self.terminal, asking, detail: self.detail(), stopped: &stopped };
        watched(self.terminal, self.format(), |watcher| {
            let lock_wait = act.lock_wait.map_or(Duration::ZERO, |span| span.0);
            let reason = act.reason.as_deref();
            work(Face { watcher, person: &person, stop: &stop, consent, reason, lock_wait });
        });
        Ok(stop.signal())
    }

    /// Looks, and notes that it looked: the answer is all that is shown.
    pub(super) fn quietly<T>(
        &self,
        work: impl FnOnce(Face<'_>) -> Result<T, OpsError>,
    ) -> Result<Result<T, OpsError>, CliError> {
        let stop = Stop::install().map_err(|error| CliError::new(Ending::Failed, error))?;
        let person =
            Console { terminal: self.terminal, asking: Asking::Yes, detail: None, stopped: &|| false };
        Ok(work(Face {
            watcher: &Unwatched,
            person: &person,
            stop: &stop,
            consent: Given::No,
            reason: None,
            lock_wait: Duration::ZERO,
        }))
    }

    /// Does something and prints its last words.
    pub(super) fn run(
        &self,
        act: &Act,
        work: impl FnOnce(Face<'_>) -> Result<RunView, OpsError>,
    ) -> Result<Ending, CliError> {
        match self.act(act, work)? {
            Ok(view) => self.last_words(&view),
            Err(error) => self.refused(error),
        }
    }

    /// A verb that answers with a decision, and with its last words where it went ahead.
    pub(super) fn side_run(
        &self,
        act: &Act,
        work: impl FnOnce(Face<'_>) -> Result<(Decision, Option<RunView>), OpsError>,
    ) -> Result<Ending, CliError> {
        match self.act(act, work)? {
            Ok((_, Some(view))) => self.last_words(&view),
            Ok((decision, None)) => self.decision(&decision, |_| None),
            Err(error) => self.refused(error),
        }
    }

    /// A verb that answers with what it wrote, recorded or removed.
    pub(super) fn change(
        &self,
        act: &Act,
        work: impl FnOnce(Face<'_>) -> Result<ChangeView, OpsError>,
    ) -> Result<Ending, CliError> {
        match self.act(act, work)? {
            Ok(view) => self.changed(&view),
            Err(error) => self.refused(error),
        }
    }

    fn changed(&self, view: &ChangeView) -> Result<Ending, CliError> {
        let text = match self.format() {
            Format::Human => setup::changes(view),
            // Below the records, each of which is a line of its own.
            Format::Json => json::line(view).map_err(|error| CliError::new(Ending::Internal, error))?,
        };
        self.print(&text);
        Ok(Ending::Ok)
    }

    pub(super) fn last_words(&self, view: &RunView) -> Result<Ending, CliError> {
        let text = match self.format() {
            Format::Human => failure::last_words(view),
            Format::Json => json::line(view).map_err(|error| CliError::new(Ending::Internal, error))?,
        };
        self.terminal.write(To::Out, &text);
        Ok(view.ending)
    }

    /// Gates that said no are shown whole; every other error goes its usual way.
    pub(super) fn refused(&self, error: OpsError) -> Result<Ending, CliError> {
        let OpsError::Refused(refused) = error else { return Err(error.into()) };
        let ending = refused.ending;
        if self.format() == Format::Human {
            self.terminal.write(To::Err, &blockers::refused(&refused));
        } else {
            let line = json::line(&Decision::Refused(refused));
            self.terminal.write(To::Out, &line.map_err(|error| CliError::new(Ending::Internal, error))?);
        }
        Ok(ending)
    }
}

fn nothing_done(signal: Signal) -> CliError {
    let ending = if signal == Signal::Int { Ending::Interrupted } else { Ending::Terminated };
    CliError::new(ending, format!("nothing was done: stopped by {}", signal.name()))
}

/// Nobody watches.
struct Unwatched;

impl Watcher for Unwatched {
    fn event(&self, _: &RunEvent) {}
    fn progress(&self, _: &Progress) {}
}

/// The moment that ages are counted from.
pub(super) fn now() -> DateTime<Utc> {
    SystemClock::new().now()
}

impl From<OpsError> for CliError {
    fn from(error: OpsError) -> Self {
        let mut shown = CliError::new(error.ending(), String::new());
        shown.hints = error.hints();
        shown.code = error.code();
        shown.source = Box::new(error);
        shown
    }
}
