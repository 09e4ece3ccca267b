//! Who may act on a failed attempt: somebody who has looked at it as it stands now (design/05).

use chrono::{DateTime, Utc};

use crate::decide::evidence_blocker;
use crate::model::event::{EventKind, RunEvent};
use crate::model::facts::Facts;
use crate::model::id::AttemptId;
use crate::model::phase::Phase;
use crate::model::reason::{Blocker, ReasonCode};
use crate::model::release::{ReleaseState, Status};
use crate::model::request::Anew;
use crate::ops::error::OpsError;
use crate::ops::host::Host;

use super::version;

/// What the person says of what they have read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Admission {
    /// `--if-version`: the `stateVersion` that was read.
    pub if_version: Option<String>,
}

/// What is known of an attempt's failure, and of who has looked at it.
pub(super) struct Seen {
    /// When it halted last; none: it did not.
    halted: Option<DateTime<Utc>>,
    /// When somebody had the cause looked into last.
    diagnosed: Option<DateTime<Utc>>,
    /// When evidence was captured last.
    evidence: Option<DateTime<Utc>>,
}

impl Seen {
    pub(super) fn of(host: &Host, state: &ReleaseState) -> Result<Self, OpsError> {
        let events = host.store.log(&state.ticket)?;
        let own = |event: &&RunEvent| event.attempt == state.attempt;
        let last = |kinds: &[EventKind]| {
            events.iter().rfind(|event| own(event) && kinds.contains(&event.event)).map(|event| event.at)
        };
        let attempt = AttemptId { ticket: state.ticket.clone(), number: state.attempt };
        let newest = host.store.newest_evidence(&attempt)?;
        Ok(Self {
            halted: last(&[EventKind::Failed, EventKind::Interrupted, EventKind::Canceled]),
            diagnosed: last(&[EventKind::Diagnosed]),
            evidence: newest.map(|(_, at)| at),
        })
    }

    /// A release that failed in verify has a cause that nobody knows yet, until somebody looks.
    pub(super) fn wants_diagnosis(&self, state: &ReleaseState) -> bool {
        let halted = self.halted.filter(|_| state.status == Status::Failed && state.phase == Phase::Verify);
        halted.is_some_and(|at| self.diagnosed.is_none_or(|diagnosed| diagnosed < at))
    }

    /// What stands against acting, whoever asks: the cause not looked into, no evidence of this failure.
    pub(super) fn blockers(&self, facts: &Facts, state: &ReleaseState, anew: &Anew) -> Vec<Blocker> {
        let attempt = AttemptId { ticket: state.ticket.clone(), number: state.attempt };
        let mut blockers = Vec::new();
        if *anew != Anew::Redeploy && self.wants_diagnosis(state) {
            let fact = format!("`{attempt}` failed in verify, and nobody has looked into the cause yet");
            let way = format!("holdpoint diagnose {}", state.ticket);
            blockers.push(Blocker::new(ReasonCode::DiagnoseFirst, fact).way_out(way));
        }
        if let Some(at) = self.halted.filter(|_| state.status != Status::Succeeded) {
            let max_age = facts.base_settings.recovery.evidence_max_age;
            blockers.extend(evidence_blocker(&attempt, facts.now, at, self.evidence, max_age));
        }
        blockers
    }
}

impl Admission {
    /// Whether the attempt is still as it was when it was read. Without a terminal it must have been read.
    pub(super) fn blocker(
        &self,
        host: &Host,
        state: &ReleaseState,
        somebody_is_there: bool,
    ) -> Result<Option<Blocker>, OpsError> {
        let read = format!("holdpoint readiness {}", state.ticket);
        let Some(wanted) = &self.if_version else {
            if somebody_is_there {
                return Ok(None);
            }
            let fact = format!(
                "a script may not act on `{}@{}` without having read how it stands",
                state.ticket, state.attempt
            );
            let blocker = Blocker::new(ReasonCode::ReadinessUnread, fact)
                .way_out(format!("{read} --json"))
                .way_out("then the same command with `--if-version` and its `stateVersion`");
            return Ok(Some(blocker));
        };
        let now = version::of(&version::look(host, state)?, state);
        Ok((*wanted != now).then(|| {
            let fact =
                format!("version `{wanted}` does not describe `{}@{}` any more", state.ticket, state.attempt);
            Blocker::new(ReasonCode::ReadinessStale, fact).way_out(read)
        }))
    }
}
