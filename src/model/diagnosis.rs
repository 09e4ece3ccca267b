//! What a halted release comes to: how far it got, and what may be done about it.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use super::drift::DriftView;
use super::evidence::{FailureSeen, SurfaceSeen};
use super::id::{AttemptId, ServiceName, StepName};
use super::matching::{DetectionView, PlaybookMatch};
use super::phase::Phase;
use super::reason::Blocker;
use super::release::Status;
use super::view::{NextCommand, StatusRow};

/// The partial boundary of a release (seed 000): what is done, what stopped, and whether what stands may be verified as it
/// stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Boundary {
    /// Phases that are done, in order.
    pub phases_done: Vec<Phase>,
    /// Steps that ended well.
    pub steps_done: Vec<StepName>,
    /// Phase that stopped.
    pub phase: Phase,
    /// Step that stopped, where one did.
    pub step: Option<StepName>,
    /// Changing steps whose end is not known, or that still work.
    pub unsettled: Vec<StepName>,
    /// Where HEAD is.
    pub head: HeadAt,
    /// Each touched service.
    pub services: Vec<ServiceSide>,
    /// Whether verifying what stands tells something: nothing is unsettled, HEAD is at BASE or MERGE, and every touched
    /// service is wholly old or wholly new.
    pub verify_in_place: bool,
    /// Why, or why not.
    pub why: Vec<String>,
}

/// Where HEAD is, as a release sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum HeadAt {
    /// Where it was before the release.
    Base,
    /// Where the release moved it.
    Merge,
    /// Somewhere else.
    Elsewhere,
    /// Git cannot tell.
    Unknown,
}

/// A touched service at the boundary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceSide {
    /// Service.
    pub service: ServiceName,
    /// Which side it is on.
    pub side: Side,
}

/// Which side of a release a service is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// Wholly as before the release.
    Old,
    /// Wholly as the release wants it.
    New,
    /// Neither.
    Mixed,
    /// Nothing of it runs.
    Down,
    /// It could not be seen.
    Unknown,
}

impl Side {
    /// The word on screen.
    pub const fn word(self) -> &'static str {
        match self {
            Side::Old => "old",
            Side::New => "new",
            Side::Mixed => "mixed",
            Side::Down => "down",
            Side::Unknown => "unknown",
        }
    }

    /// Whether verifying tells something about it.
    pub const fn is_whole(self) -> bool {
        matches!(self, Side::Old | Side::New)
    }
}

/// `diagnose TICKET`: the five steps of seed 003, taken.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Diagnosis {
    /// `holdpoint.diagnosis/v1`.
    pub schema_version: String,
    /// The attempt that was looked into.
    pub attempt: AttemptId,
    /// When.
    pub at: DateTime<Utc>,
    /// Its status, read together with the lock.
    pub status: Status,
    /// Where and how it halted; none: it did not.
    pub halt: Option<HaltSeen>,
    /// What failed, with what it printed.
    pub failures: Vec<FailureSeen>,
    /// How far it got.
    pub boundary: Boundary,
    /// What runs.
    pub posture: Vec<StatusRow>,
    /// Health surfaces, asked again.
    pub surfaces: Vec<SurfaceSeen>,
    /// Intended against running.
    pub drift: DriftView,
    /// What stands against going on from there now.
    pub against: Vec<Blocker>,
    /// Newest evidence of this failure, and why it may not be new enough.
    pub evidence: EvidenceSeen,
    /// Playbooks that fit, the best first, with their detection run.
    pub playbooks: Vec<PlaybookFinding>,
    /// What it comes to.
    pub judgement: Judgement,
    /// Drafts a playbook, where none fits.
    pub draft: Option<String>,
    /// This host is not to be trusted: what failed, and nothing has proven it clean since.
    pub untrusted: Option<String>,
    /// Whether it stands in the audit log that somebody looked.
    pub noted: bool,
    /// What else the person should know.
    pub notes: Vec<String>,
}

/// Schema of [`Diagnosis`].
pub const DIAGNOSIS_SCHEMA: &str = "holdpoint.diagnosis/v1";

/// How an attempt halted, by its log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HaltSeen {
    /// When.
    pub at: DateTime<Utc>,
    /// In which phase.
    pub phase: Option<Phase>,
    /// At which step; none: a gate said no.
    pub step: Option<StepName>,
    /// Exit status.
    pub rc: Option<i32>,
    /// One word: a reason code, or how a step ended.
    pub reason: Option<String>,
    /// One sentence.
    pub msg: Option<String>,
}

/// Evidence of the failure that is diagnosed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EvidenceSeen {
    /// The newest bundle's name.
    pub newest: Option<String>,
    /// When it was captured.
    pub captured_at: Option<DateTime<Utc>>,
    /// Why it does not support a recovery.
    pub stale: Option<Blocker>,
}

/// A playbook that fits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlaybookFinding {
    /// How well.
    pub matched: PlaybookMatch,
    /// What its detection commands answered; none: they were not run.
    pub detection: Option<DetectionView>,
}

/// What a failure comes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Judgement {
    /// What kind of failure it is.
    pub kind: FailureKind,
    /// The likely cause, in a sentence.
    pub cause: String,
    /// Everything that was asked again is well now: it was a race.
    pub race: bool,
    /// What is not well now.
    pub unwell: Vec<String>,
    /// What to do first.
    pub first: Vec<NextCommand>,
    /// Who takes over.
    pub owner: OwnerSeen,
    /// The narrowest option that fits; none: there is nothing to recover.
    pub recommended: Option<Advice>,
    /// The others, and why they are not recommended.
    pub others: Vec<Advice>,
}

/// What kind of failure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// It did not fail.
    Nothing,
    /// A runner is at work.
    AtWork,
    /// It waits for a person.
    Held,
    /// A gate said no before anything was changed.
    Validation,
    /// Something outside could not be reached, or took too long.
    Execution,
    /// Something started, or is there, and is not well.
    Health,
    /// The release's own script failed.
    Script,
    /// Nobody knows how a step ended.
    Undecided,
    /// It was stopped, or its runner is gone.
    Interrupted,
    /// Taking it back failed.
    Revert,
    /// None of these.
    Unknown,
}

/// A way out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Advice {
    /// Which.
    pub option: RecoveryOption,
    /// What to type; none: it cannot be done now.
    pub command: Option<String>,
    /// Why it is recommended, or why not.
    pub why: String,
}

/// A way out, the narrowest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RecoveryOption {
    /// Wait: somebody is at work on it.
    Wait,
    /// Look closer: it is not known what it was.
    Diagnose,
    /// Pass the hold point.
    Approve,
    /// The same again: nothing has to be mended first.
    Rerun,
    /// Mend the cause, then go on.
    Repair,
    /// A new attempt of the same commit.
    Retry,
    /// A new attempt of today's checkout and configuration.
    Redeploy,
    /// Put an older attempt's tree and images back; never data.
    Rollback,
    /// Take the release back.
    Revert,
}

impl RecoveryOption {
    /// The word on screen and in the audit log.
    pub const fn word(self) -> &'static str {
        match self {
            RecoveryOption::Wait => "wait",
            RecoveryOption::Diagnose => "diagnose",
            RecoveryOption::Approve => "approve",
            RecoveryOption::Rerun => "rerun",
            RecoveryOption::Repair => "repair",
            RecoveryOption::Retry => "retry",
            RecoveryOption::Redeploy => "redeploy",
            RecoveryOption::Rollback => "rollback",
            RecoveryOption::Revert => "revert",
        }
    }
}

/// Who takes over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OwnerSeen {
    /// `stack`, `environment`, `deployment`, `product`.
    pub area: String,
    /// Who that is here, by `[owners]` or the service's own `owner`; else the role.
    pub who: String,
}
