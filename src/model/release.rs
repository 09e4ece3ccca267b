//! The state of a release, and the only function that may change it.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::id::{BackupStamp, BranchName, Oid, ServiceName, StepName, TicketId};
use super::phase::Phase;
use super::rollout::HostName;

macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum $name {
            $($(#[$doc])* #[serde(rename = $word)] $variant,)*
        }

        impl $name {
            /// All of them, in the order of the table.
            pub const ALL: &'static [$name] = &[$($name::$variant,)*];

            /// The word on disk, in JSON and on screen.
            pub const fn word(self) -> &'static str {
                match self { $($name::$variant => $word,)* }
            }

            /// The value behind a word.
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some($name::$variant),)* _ => None }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.word())
            }
        }
    };
}

words! {
    /// Status of an attempt (design/transitions).
    Status {
        /// It exists.
        Created = "created",
        /// Its plan is decided.
        Planned = "planned",
        /// A runner works.
        Running = "running",
        /// It waits at a hold point; no runner lives.
        Held = "held",
        /// A person asked it to stop and a step is still ending.
        Cancelling = "cancelling",
        /// It is being taken back.
        Reverting = "reverting",
        /// A person asked the revert to stop.
        RevertCancelling = "revert-cancelling",
        /// A step failed.
        Failed = "failed",
        /// Its runner was stopped or is gone.
        Interrupted = "interrupted",
        /// A step's end is unknown.
        Undecided = "undecided",
        /// Taking it back failed; a person must act.
        Stuck = "stuck",
        /// The revert's runner was stopped or is gone.
        RevertInterrupted = "revert-interrupted",
        /// The end of a step of the revert is unknown.
        RevertUndecided = "revert-undecided",
        /// All four phases done.
        Succeeded = "succeeded",
        /// Stopped on request.
        Canceled = "canceled",
        /// Taken back.
        Reverted = "reverted",
    }
}

words! {
    /// What can happen to an attempt.
    Transition {
        /// The plan is decided.
        Planned = "planned",
        /// A runner begins, or goes on after a halt.
        Started = "started",
        /// A hold point is reached.
        Held = "held",
        /// A person passes the hold point; running goes on with [`Transition::Started`].
        Approved = "approved",
        /// A step ended well and there is more to do.
        StepDone = "step-done",
        /// The last step ended well.
        LastStepDone = "last-step-done",
        /// A step failed, or the start was refused.
        StepFailed = "step-failed",
        /// A step failed because our TERM for a cancel ended it.
        StepEnded = "step-ended",
        /// A step's end is unknown.
        StepUndecided = "step-undecided",
        /// A person decided the last undecided step.
        Decided = "decided",
        /// A person asked it to stop.
        CancelRequested = "cancel-requested",
        /// It stopped between two steps on that request.
        StoppedInOrder = "stopped-in-order",
        /// A signal, or the runner is gone.
        Interrupted = "interrupted",
        /// A revert was admitted.
        Reverting = "reverting",
        /// A newer attempt takes its place (a flag, the status stays).
        Superseded = "superseded",
        /// A person ends it for good (a flag).
        Closed = "closed",
        /// It leaves the default list (a flag).
        Archived = "archived",
    }
}

words! {
    /// What waits for a second operator, where the configuration asks for one (design/05).
    Approvable {
        /// `revert`.
        Revert = "revert",
        /// `redeploy`.
        Redeploy = "redeploy",
        /// `rollback`.
        Rollback = "rollback",
    }
}

words! {
    /// What brought an attempt about (design/05).
    Trigger {
        /// `run`.
        Create = "create",
        /// `run --from`: the attempt goes on.
        Resume = "resume",
        /// `retry`: the failed attempt's own commit once more.
        Retry = "retry",
        /// `redeploy`: today's checkout and configuration.
        Redeploy = "redeploy",
        /// `rollback`: what an older attempt left.
        Rollback = "rollback",
        /// `revert`.
        Revert = "revert",
        /// `adopt`: what ran before we came.
        Adopt = "adopt",
    }
}

impl Trigger {
    /// Whether the attempt is a new one of what was recorded before. Only these are told apart in a state.
    pub const fn is_anew(self) -> bool {
        matches!(self, Trigger::Retry | Trigger::Redeploy | Trigger::Rollback)
    }
}

/// Which of the three classes a status belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// A runner works, or a hold waits for a person.
    Live,
    /// Somebody must decide.
    Halted,
    /// It is over.
    Final,
}

impl Status {
    /// Its class.
    pub const fn class(self) -> Class {
        match self {
            Status::Created
            | Status::Planned
            | Status::Running
            | Status::Held
            | Status::Cancelling
            | Status::Reverting
            | Status::RevertCancelling => Class::Live,
            Status::Failed
            | Status::Interrupted
            | Status::Undecided
            | Status::Stuck
            | Status::RevertInterrupted
            | Status::RevertUndecided => Class::Halted,
            Status::Succeeded | Status::Canceled | Status::Reverted => Class::Final,
        }
    }

    /// Whether it was asked to stop and has not stopped yet.
    pub const fn is_cancelling(self) -> bool {
        matches!(self, Status::Cancelling | Status::RevertCancelling)
    }

    /// Whether the release is on its way back.
    pub const fn is_backward(self) -> bool {
        matches!(
            self,
            Status::Reverting
                | Status::RevertCancelling
                | Status::Stuck
                | Status::RevertInterrupted
                | Status::RevertUndecided
                | Status::Reverted
        )
    }

    /// What a status without a live runner really is: nothing is ever stuck in "running" (design/03).
    #[must_use]
    pub const fn without_runner(self) -> Self {
        match self {
            Status::Created | Status::Planned | Status::Running | Status::Cancelling => Status::Interrupted,
            Status::Reverting | Status::RevertCancelling => Status::RevertInterrupted,
            other => other,
        }
    }
}

/// The pair is not in the table.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{event}` cannot happen to an attempt that is `{status}`")]
pub struct IllegalEvent {
    /// Where it was.
    pub status: Status,
    /// What was tried.
    pub event: Transition,
    /// Whether a person's request meets this as a refusal (exit 4, `attempt-status-not-recoverable`), or it is a
    /// defect of ours.
    pub refusal: bool,
}

/// The only transition function (design/transitions): what becomes of a status when something happens.
///
/// # Errors
/// [`IllegalEvent`] for every pair that the table does not allow.
#[expect(clippy::match_same_arms, reason = "one arm a row of the table in design/transitions")]
pub fn next(status: Status, event: Transition) -> Result<Status, IllegalEvent> {
    use Status as S;
    use Transition as E;
    let legal = match (status, event) {
        (S::Created, E::Planned) => S::Planned,

        (S::Planned | S::Held | S::Failed | S::Interrupted, E::Started) => S::Running,
        (S::RevertInterrupted | S::Stuck, E::Started) => S::Reverting,

        (S::Planned | S::Running, E::Held) => S::Held,
        (S::Held, E::Approved) => S::Held,

        (S::Running, E::StepDone) => S::Running,
        (S::Cancelling, E::StepDone) => S::Cancelling,
        (S::Reverting, E::StepDone) => S::Reverting,
        (S::RevertCancelling, E::StepDone) => S::RevertCancelling,
        (S::Interrupted, E::StepDone | E::LastStepDone) => S::Interrupted,
        (S::RevertInterrupted, E::StepDone | E::LastStepDone) => S::RevertInterrupted,

        (S::Running | S::Cancelling, E::LastStepDone) => S::Succeeded,
        (S::Reverting | S::RevertCancelling, E::LastStepDone) => S::Reverted,

        (S::Created | S::Planned | S::Running | S::Cancelling | S::Interrupted, E::StepFailed) => S::Failed,
        (S::Reverting | S::RevertCancelling | S::RevertInterrupted, E::StepFailed) => S::Stuck,
        (S::Cancelling, E::StepEnded) => S::Canceled,
        (S::RevertCancelling, E::StepEnded) => S::Stuck,

        (S::Running | S::Cancelling | S::Interrupted, E::StepUndecided) => S::Undecided,
        (S::Reverting | S::RevertCancelling | S::RevertInterrupted, E::StepUndecided) => S::RevertUndecided,

        (S::Undecided, E::Decided) => S::Interrupted,
        (S::RevertUndecided | S::Stuck, E::Decided) => S::RevertInterrupted,

        (S::Created | S::Planned | S::Held, E::CancelRequested) => S::Canceled,
        (S::Running | S::Cancelling, E::CancelRequested) => S::Cancelling,
        (S::Reverting | S::RevertCancelling, E::CancelRequested) => S::RevertCancelling,

        (S::Cancelling, E::StoppedInOrder) => S::Canceled,
        (S::RevertCancelling, E::StoppedInOrder) => S::RevertInterrupted,

        (S::Created | S::Planned | S::Running | S::Cancelling, E::Interrupted) => S::Interrupted,
        (S::Reverting | S::RevertCancelling, E::Interrupted) => S::RevertInterrupted,

        (S::Held | S::Failed | S::Interrupted | S::Canceled | S::Succeeded, E::Reverting) => S::Reverting,
        (S::RevertInterrupted | S::Stuck, E::Reverting) => S::Reverting,
        (S::Reverted, E::Reverting) => S::Reverted,

        (S::Failed | S::Interrupted | S::Canceled | S::Reverted, E::Superseded) => status,
        (S::Held | S::Failed | S::Interrupted | S::Canceled | S::Stuck, E::Closed) => status,
        (S::Failed | S::Interrupted | S::Canceled | S::Succeeded | S::Reverted, E::Archived) => status,

        _ => return Err(IllegalEvent { status, event, refusal: is_a_persons(status, event) }),
    };
    Ok(legal)
}

/// Whether an illegal pair is what a person asked for, and so a refusal and not a defect.
fn is_a_persons(status: Status, event: Transition) -> bool {
    use Transition as E;
    match event {
        E::Approved
        | E::CancelRequested
        | E::Reverting
        | E::Superseded
        | E::Closed
        | E::Archived
        | E::Decided => true,
        E::Started => status.class() != Class::Live,
        _ => false,
    }
}

/// Whether a release goes forward or back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Being released.
    #[default]
    Forward,
    /// Being taken back.
    Revert,
}

impl Direction {
    /// The word in the state file.
    pub const fn word(self) -> &'static str {
        match self {
            Direction::Forward => "forward",
            Direction::Revert => "revert",
        }
    }
}

/// The state file's content: the projection of a ticket's audit log (design/03).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReleaseState {
    /// Ticket.
    pub ticket: TicketId,
    /// HEAD before anything was pulled, of the first prepare of this cycle.
    pub base: Oid,
    /// HEAD after the tree moved; none before that.
    pub merge: Option<Oid>,
    /// Touched services, in dependency order.
    pub services: Vec<ServiceName>,
    /// First backup set of each service in this cycle.
    pub backups: BTreeMap<ServiceName, BackupStamp>,
    /// Branch it is released from.
    pub branch: BranchName,
    /// Number of the newest attempt.
    pub attempt: u32,
    /// Which cycle of the ticket on this host, from 1.
    pub cycle: u32,
    /// Phase it is in or stopped in.
    pub phase: Phase,
    /// Status as written; read it through [`Status::without_runner`] when no runner lives.
    pub status: Status,
    /// Exit status of what failed; 0 otherwise.
    pub rc: i32,
    /// Step that failed or is undecided.
    pub failed_step: Option<StepName>,
    /// Who began it.
    pub operator: String,
    /// Host name.
    pub host: String,
    /// When the attempt began.
    pub started_at: DateTime<Utc>,
    /// When this was written.
    pub updated_at: DateTime<Utc>,
    /// Digest of the attempt's snapshot, `sha256:…`.
    pub snapshot: Option<String>,
    /// What brought the attempt about, where it is a new one of what was recorded; else [`Trigger::Create`].
    pub trigger: Trigger,
    /// Forward or back.
    pub direction: Direction,
    /// Phase whose hold point was passed.
    pub approved: Option<Phase>,
    /// The host on which the ticket's scripts run instead of here.
    pub ticket_ran_on: Option<HostName>,
    /// The attempt that took its place, `ticket@n`.
    pub superseded_by: Option<String>,
    /// Ended for good by a person.
    pub closed: bool,
    /// Out of the default list.
    pub archived: bool,
    /// The log's head at this save: its sequence number.
    pub log_seq: u64,
    /// The log's head at this save: its chain value.
    pub log_chain: String,
    /// Keys of newer versions, kept as they are.
    pub extra: BTreeMap<String, String>,
}

impl ReleaseState {
    /// Whether it ever got past its refusals: a run that is refused leaves a record where people look for it (seed 003), and
    /// is no release.
    pub fn was_begun(&self) -> bool {
        self.snapshot.is_some() || self.merge.is_some()
    }

    /// Whether the release may hold the host up: past its merge and neither succeeded, reverted, superseded nor closed.
    pub fn is_unfinished(&self) -> bool {
        self.merge.is_some()
            && !matches!(self.status, Status::Succeeded | Status::Reverted)
            && !self.closed
            && self.superseded_by.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One letter or two for a status, as design/transitions has them.
    fn letter(status: Status) -> &'static str {
        match status {
            Status::Created => "C",
            Status::Planned => "P",
            Status::Running => "R",
            Status::Held => "H",
            Status::Cancelling => "X",
            Status::Failed => "F",
            Status::Interrupted => "I",
            Status::Undecided => "U",
            Status::Canceled => "K",
            Status::Succeeded => "S",
            Status::Reverting => "V",
            Status::RevertCancelling => "VX",
            Status::RevertInterrupted => "VI",
            Status::RevertUndecided => "VU",
            Status::Stuck => "T",
            Status::Reverted => "D",
        }
    }

    /// The columns in the order of design/transitions.
    const COLUMNS: [Status; 16] = [
        Status::Created,
        Status::Planned,
        Status::Running,
        Status::Held,
        Status::Cancelling,
        Status::Failed,
        Status::Interrupted,
        Status::Undecided,
        Status::Canceled,
        Status::Succeeded,
        Status::Reverting,
        Status::RevertCancelling,
        Status::RevertInterrupted,
        Status::RevertUndecided,
        Status::Stuck,
        Status::Reverted,
    ];

    fn cell(status: Status, event: Transition) -> &'static str {
        match next(status, event) {
            Ok(after) => letter(after),
            Err(illegal) if illegal.refusal => "e4",
            Err(_) => "-",
        }
    }

    /// Compare with design/transitions: `approved`, `closed` and `archived` leave the status as it is, so their cells show
    /// it; `step-ended` is note 4 (our own TERM ended the step).
    #[test]
    fn the_table_of_transitions_is_the_one_of_the_design() {
        let row = |name: &str, cells: [&str; 16]| {
            let cells: Vec<String> = cells.iter().map(|cell| format!("{cell:<2}")).collect();
            format!("{name:<17} {}", cells.join(" ")).trim_end().to_owned()
        };
        let rows =
            Transition::ALL.iter().map(|event| row(event.word(), COLUMNS.map(|status| cell(status, *event))));
        let table: Vec<String> = std::iter::once(row("event", COLUMNS.map(letter))).chain(rows).collect();
        insta::assert_snapshot!(table.join("\n"), @r#"
        event             C  P  R  H  X  F  I  U  K  S  V  VX VI VU T  D
        planned           P  -  -  -  -  -  -  -  -  -  -  -  -  -  -  -
        started           -  R  -  R  -  R  R  e4 e4 e4 -  -  V  e4 V  e4
        held              -  H  H  -  -  -  -  -  -  -  -  -  -  -  -  -
        approved          e4 e4 e4 H  e4 e4 e4 e4 e4 e4 e4 e4 e4 e4 e4 e4
        step-done         -  -  R  -  X  -  I  -  -  -  V  VX VI -  -  -
        last-step-done    -  -  S  -  S  -  I  -  -  -  D  D  VI -  -  -
        step-failed       F  F  F  -  F  -  F  -  -  -  T  T  T  -  -  -
        step-ended        -  -  -  -  K  -  -  -  -  -  -  T  -  -  -  -
        step-undecided    -  -  U  -  U  -  U  -  -  -  VU VU VU -  -  -
        decided           e4 e4 e4 e4 e4 e4 e4 I  e4 e4 e4 e4 e4 VI VI e4
        cancel-requested  K  K  X  K  X  e4 e4 e4 e4 e4 VX VX e4 e4 e4 e4
        stopped-in-order  -  -  -  -  K  -  -  -  -  -  -  VI -  -  -  -
        interrupted       I  I  I  -  I  -  -  -  -  -  VI VI -  -  -  -
        reverting         e4 e4 e4 V  e4 V  V  e4 V  V  e4 e4 V  e4 V  D
        superseded        e4 e4 e4 e4 e4 F  I  e4 K  e4 e4 e4 e4 e4 e4 D
        closed            e4 e4 e4 H  e4 F  I  e4 K  e4 e4 e4 e4 e4 T  e4
        archived          e4 e4 e4 e4 e4 F  I  e4 K  S  e4 e4 e4 e4 e4 D
        "#);
    }

    #[test]
    fn every_status_stands_in_the_table_and_keeps_its_word() {
        assert_eq!(COLUMNS.len(), Status::ALL.len());
        for status in Status::ALL {
            assert!(COLUMNS.contains(status), "{status}");
            assert_eq!(Status::from_word(status.word()), Some(*status));
        }
    }

    #[test]
    fn nothing_is_ever_stuck_in_running() {
        for status in Status::ALL {
            let seen = status.without_runner();
            let is_live = seen.class() == Class::Live;
            assert!(!is_live || seen == Status::Held, "{status} without a runner would be {seen}");
        }
    }
}
