//! Who is on the other side of a verb: somebody to show things to, somebody to ask, and a way to say stop.

use std::time::Duration;

use crate::model::event::Watcher;
use crate::model::plan::Plan;
use crate::model::reason::{Blocker, ReasonCode};
use crate::model::view::{ChangeView, Consent, Person, Question};
use crate::sys::signal::Stop;

use super::error::OpsError;

/// The face a verb was called from.
#[derive(Clone, Copy)]
pub struct Face<'a> {
    /// Sees what happens.
    pub watcher: &'a dyn Watcher,
    /// Is shown plans and asked.
    pub person: &'a dyn Person,
    /// Whether to stop.
    pub stop: &'a Stop,
    /// Whether the command line already holds the consent.
    pub consent: Given,
    /// How long to wait while another run holds the host.
    pub lock_wait: Duration,
    /// Why, as the command line says it: it stands in the audit log.
    pub reason: Option<&'a str>,
}

/// Whether consent was given on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Given {
    /// `--yes`, or the exact `--confirm ID`.
    Yes,
    /// It must be asked for, where the verb asks.
    No,
}

/// What a person said to a plan.
pub(super) enum Said {
    /// Go ahead.
    Go,
    /// Go ahead and leave the data as it is.
    KeepData,
}

impl Face<'_> {
    /// Shows what would be taken away and asks, unless the command line already said yes. `what` names it in the sentence
    /// for those who have no terminal, `yes` the option that says it for them.
    pub(super) fn confirm(&self, view: &ChangeView, what: &str, yes: &str) -> Result<(), OpsError> {
        if self.consent == Given::Yes {
            return Ok(());
        }
        match self.person.confirm(view) {
            Consent::Go => Ok(()),
            Consent::KeepData | Consent::Quit => Err(OpsError::Declined),
            Consent::NobodyThere => Err(OpsError::Usage {
                what: format!("{what} needs a yes, and there is no terminal to ask"),
                hint: format!("add `{yes}` to the same command; `--dry-run` only shows what it would do"),
            }),
        }
    }

    /// Asks, unless the command line already said yes.
    pub(super) fn ask(&self, plan: &Plan, question: Question) -> Result<Said, OpsError> {
        if self.consent == Given::Yes && question == Question::GoAhead {
            self.person.show(plan);
            return Ok(Said::Go);
        }
        match self.person.decide(plan, question) {
            Consent::Go => Ok(Said::Go),
            Consent::KeepData => Ok(Said::KeepData),
            Consent::Quit => Err(OpsError::Declined),
            Consent::NobodyThere if question == Question::PlanChanged => {
                let fact = "the host changed while the plan was being looked at";
                let blocker =
                    Blocker::new(ReasonCode::PlanChanged, fact).way_out("run the same command again");
                Err(OpsError::refused(blocker))
            }
            Consent::NobodyThere => Err(OpsError::Usage {
                what: "this needs a yes, and there is no terminal to ask".to_owned(),
                hint: "add `--yes` to the same command; `--dry-run` shows the plan without doing it"
                    .to_owned(),
            }),
        }
    }
}
