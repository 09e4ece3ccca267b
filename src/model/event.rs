//! What happened, once: the only thing the engine emits and the only thing every display, log and stream reads.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::id::{StepName, TicketId};
use super::phase::Phase;

macro_rules! event_kinds {
    ($($(#[$doc:meta])* $variant:ident = $word:literal,)*) => {
        /// The word in `event=`. Unknown words of newer versions are kept as they are.
        #[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(from = "String", into = "String")]
        pub enum EventKind {
            $($(#[$doc])* $variant,)*
            /// A word that this version does not know.
            Unknown(String),
        }

        impl EventKind {
            /// The word in logs and JSON.
            pub fn word(&self) -> &str {
                match self {
                    $(EventKind::$variant => $word,)*
                    EventKind::Unknown(word) => word,
                }
            }

            /// Every kind this version writes.
            pub const KNOWN: &'static [EventKind] = &[$(EventKind::$variant,)*];
        }

        impl From<EventKind> for String {
            fn from(kind: EventKind) -> String {
                kind.word().to_owned()
            }
        }

        impl From<String> for EventKind {
            fn from(word: String) -> Self {
                match word.as_str() {
                    $($word => EventKind::$variant,)*
                    _ => EventKind::Unknown(word),
                }
            }
        }
    };
}

event_kinds! {
    /// A phase began.
    Start = "start",
    /// A phase ended well.
    Done = "done",
    /// A phase failed; `rc` says how.
    Failed = "failed",
    /// A phase was left out, for the reason given.
    Skipped = "skipped",
    /// The ticket has no script.
    SkippedNoScript = "skipped-no-script",
    /// The ticket's scripts run on another host alone.
    SkippedRanElsewhere = "skipped-ran-elsewhere",
    /// An attempt came into being.
    Created = "created",
    /// Its plan was decided.
    Planned = "planned",
    /// It goes on after a halt.
    Resumed = "resumed",
    /// Its runner was stopped or is gone.
    Interrupted = "interrupted",
    /// It waits at a hold point.
    Held = "held",
    /// A person passed the hold point.
    Approved = "approved",
    /// A person asked it to stop.
    CancelRequested = "cancel-requested",
    /// It stopped on request.
    Canceled = "canceled",
    /// Its runner began.
    Started = "started",
    /// A verb was refused, for the reason given.
    Refused = "refused",
    /// A newer attempt took its place.
    Superseded = "superseded",
    /// A person ended it for good.
    Closed = "closed",
    /// A step's outcome is unknown.
    Undecided = "undecided",
    /// It succeeded.
    Succeeded = "succeeded",
    /// It is being taken back.
    Reverting = "reverting",
    /// It was taken back.
    Reverted = "reverted",
    /// Taking it back failed.
    Stuck = "stuck",
    /// It left the default list.
    Archived = "archived",
    /// It came back into the default list.
    Unarchived = "unarchived",
    /// A person says the step is done.
    MarkedDone = "marked-done",
    /// A person says the step may run again.
    RunAgain = "run-again",
    /// A person had something removed that nothing needs any more (backup sets).
    Removed = "removed",
    /// A person had files written that belong to no ticket (`init`).
    Wrote = "wrote",
    /// A person had later releases read something from elsewhere.
    Relinked = "relinked",
    /// A playbook's remedy left a cause open, or a person closed it.
    Cause = "cause",
    /// A torn or missing file was put right.
    Recovered = "recovered",
    /// A person had evidence kept.
    Captured = "captured",
    /// A person had the failure looked into.
    Diagnosed = "diagnosed",
    /// A person wants something put back, and it waits for a second operator.
    ApprovalAsked = "approval-asked",
    /// A second operator agreed to it.
    ApprovalGiven = "approval-given",
    /// A person opened, looked at or resolved an incident.
    Incident = "incident",
    /// Somebody asked over HTTP for a change, or was turned away.
    Request = "request",
    /// An access token was made or taken back.
    Token = "token",
    /// More of the record before it, whose details are too long for one line.
    Continued = "continued",
    /// A step is about to run: the intent.
    StepStart = "step-start",
    /// A step ended well.
    StepDone = "step-done",
    /// A step failed.
    StepFailed = "step-failed",
    /// A step was not needed.
    StepSkipped = "step-skipped",
    /// A step's end is unknown.
    StepUndecided = "step-undecided",
    /// A step's effect was looked at and is there.
    StepVerified = "step-verified",
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What is about to be recorded; the store adds sequence number, time and chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventDraft {
    /// Phase, or none (`phase=-`).
    pub phase: Option<Phase>,
    /// What happened.
    pub kind: EventKind,
    /// Exit status.
    pub rc: Option<i32>,
    /// Step.
    pub step: Option<StepName>,
    /// How long it took, in milliseconds.
    pub ms: Option<u64>,
    /// Why, in one word of the reason codes.
    pub reason: Option<String>,
    /// Further fields, by name (`[a-z_]+`), written between `reason` and `msg`.
    pub details: BTreeMap<String, String>,
    /// One sentence for a person.
    pub msg: Option<String>,
}

impl EventDraft {
    /// An event of the attempt as a whole.
    pub fn new(kind: EventKind) -> Self {
        Self {
            phase: None,
            kind,
            rc: None,
            step: None,
            ms: None,
            reason: None,
            details: BTreeMap::new(),
            msg: None,
        }
    }

    /// In a phase.
    #[must_use]
    pub fn phase(mut self, phase: Phase) -> Self {
        self.phase = Some(phase);
        self
    }

    /// With an exit status.
    #[must_use]
    pub fn rc(mut self, rc: i32) -> Self {
        self.rc = Some(rc);
        self
    }

    /// Of a step.
    #[must_use]
    pub fn step(mut self, step: StepName) -> Self {
        self.step = Some(step);
        self
    }

    /// With a duration in milliseconds.
    #[must_use]
    pub fn ms(mut self, ms: u64) -> Self {
        self.ms = Some(ms);
        self
    }

    /// With a reason code.
    #[must_use]
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// With a further field.
    #[must_use]
    pub fn detail(mut self, name: &str, value: impl Into<String>) -> Self {
        self.details.insert(name.to_owned(), value.into());
        self
    }

    /// With a sentence.
    #[must_use]
    pub fn msg(mut self, msg: impl Into<String>) -> Self {
        self.msg = Some(msg.into());
        self
    }
}

/// A recorded event: the one JSON form used by `log --json`, `--format json`, streams and the fleet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunEvent {
    /// Version of this form.
    pub v: u32,
    /// Position in the ticket's log, from 1, without gaps.
    pub seq: u64,
    /// When, to the millisecond, UTC.
    pub at: DateTime<Utc>,
    /// Ticket.
    pub ticket: TicketId,
    /// Attempt number.
    pub attempt: u32,
    /// Phase.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// What happened.
    pub event: EventKind,
    /// Exit status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rc: Option<i32>,
    /// Step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<StepName>,
    /// Who.
    pub operator: String,
    /// How long, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ms: Option<u64>,
    /// Reason code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Further fields. Shared by its copies: they are most of what a record takes in memory.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub details: Arc<BTreeMap<String, String>>,
    /// A sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub msg: Option<String>,
}

fn is_empty(details: &Arc<BTreeMap<String, String>>) -> bool {
    details.is_empty()
}

/// Version of [`RunEvent`]'s JSON form.
pub const EVENT_VERSION: u32 = 1;

/// What a display may show while it happens and nobody keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// A step began waiting for something; `detail` says for what.
    Waiting {
        /// Step.
        step: StepName,
        /// For what.
        detail: String,
    },
    /// A backup grows.
    Bytes {
        /// Step.
        step: StepName,
        /// Bytes written so far.
        written: u64,
    },
    /// A step has printed nothing for this many seconds.
    Silent {
        /// Step.
        step: StepName,
        /// Seconds.
        seconds: u64,
    },
    /// A line for the person watching.
    Note(String),
}

/// Whoever watches a run: a terminal, a JSON stream. Slow or dead watchers never stop a run.
pub trait Watcher: Sync {
    /// Something was recorded.
    fn event(&self, event: &RunEvent);
    /// Something worth showing that nobody keeps.
    fn progress(&self, progress: &Progress);
}
