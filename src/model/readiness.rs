//! What can be done with an attempt, and what stands in the way: the answer that is read before anything is done (design/05).

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use super::candidate::Artifact;
use super::id::{AttemptId, ServiceName, TicketId};
use super::phase::Phase;
use super::reason::{Blocker, ReasonCode};
use super::release::Status;

/// Form of [`Readiness`].
pub const SCHEMA: &str = "holdpoint.readiness/v1";

/// Who has looked at an attempt's failure, and when.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LookedInto {
    /// When it halted last; none: it did not.
    pub halted: Option<DateTime<Utc>>,
    /// When somebody had the cause looked into last.
    pub diagnosed: Option<DateTime<Utc>>,
    /// When evidence was captured last.
    pub evidence: Option<DateTime<Utc>>,
}

/// What can be done with an attempt.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "the answers that a program asks for, by their names")]
pub struct Readiness {
    /// Form of this value: [`SCHEMA`].
    pub schema_version: &'static str,
    /// The attempt.
    pub deployment_id: AttemptId,
    /// Its ticket.
    pub ticket: TicketId,
    /// How it stands.
    pub status: Status,
    /// What this answer holds for: it changes with the attempt, with what runs, and with what can be put back. `--if-version`
    /// takes it.
    pub state_version: String,
    /// When it was looked.
    pub generated_at: DateTime<Utc>,
    /// Whether anything at all leads on or back.
    pub recoverable: bool,
    /// `retry` is admitted.
    pub retryable: bool,
    /// `redeploy` is admitted.
    pub redeployable: bool,
    /// `rollback` is admitted with some candidate.
    pub rollback_ready: bool,
    /// `run --from`.
    pub resume: Resume,
    /// `retry`.
    pub retry: Answer,
    /// `redeploy`.
    pub redeploy: Answer,
    /// `revert`.
    pub revert: Revert,
    /// `rollback`.
    pub rollback: Rollback,
    /// `cancel`.
    pub cancel: Cancel,
    /// `archive`.
    pub archive: Answer,
    /// `prune`.
    pub prune: Answer,
    /// Somebody should look into the cause before anything is repeated.
    pub diagnose_first: bool,
    /// What may be typed next, the careful first.
    pub next_actions: Vec<NextAction>,
}

/// Whether a verb is admitted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct Answer {
    /// It is.
    pub allowed: bool,
    /// What stands against it.
    pub reasons: Vec<Reason>,
}

impl Answer {
    /// Yes, or what stands against it.
    pub fn from_reasons(reasons: Vec<Reason>) -> Self {
        Self { allowed: reasons.is_empty(), reasons }
    }
}

/// Whether the attempt goes on.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Resume {
    /// It does.
    pub allowed: bool,
    /// From which phase.
    pub from: Option<Phase>,
    /// What stands against it.
    pub reasons: Vec<Reason>,
}

/// Whether the release can be taken back.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Revert {
    /// It can.
    pub allowed: bool,
    /// Seconds of written data that restoring would throw away.
    pub write_window_seconds: Option<u64>,
    /// What stands against it.
    pub reasons: Vec<Reason>,
}

/// Whether something older can be put back.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rollback {
    /// Some candidate can.
    pub allowed: bool,
    /// The newest that can.
    pub recommended_candidate_id: Option<AttemptId>,
    /// What stands against every one of them.
    pub reasons: Vec<Reason>,
    /// Older attempts, newest first.
    pub candidates: Vec<CandidateRow>,
}

/// One older attempt.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CandidateRow {
    /// Which.
    pub deployment_id: AttemptId,
    /// When it ended.
    pub finished_at: DateTime<Utc>,
    /// Its commit.
    pub source: String,
    /// What it ran, as far as images are concerned.
    pub artifacts: Vec<ArtifactRow>,
    /// It can be put back.
    pub rollback_ready: bool,
    /// What stands against it.
    pub reasons: Vec<Reason>,
    /// What could not be compared: it does not stand against it, and somebody should know.
    pub warnings: Vec<Reason>,
}

/// An image of a candidate, looked for on this host.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ArtifactRow {
    /// Service.
    pub service: ServiceName,
    /// Reference it was started by.
    pub image: String,
    /// Its id.
    pub digest: String,
    /// It is here.
    pub present: bool,
}

impl ArtifactRow {
    /// A row of an image.
    pub fn new(service: &ServiceName, artifact: &Artifact, present: bool) -> Self {
        Self { service: service.clone(), image: artifact.image.clone(), digest: artifact.id.clone(), present }
    }
}

/// Whether the attempt can be stopped.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Cancel {
    /// It can.
    pub allowed: bool,
    /// The attempt that is at work.
    pub active_attempt_id: Option<AttemptId>,
    /// It had better be.
    pub recommended: bool,
    /// What stands against it.
    pub reasons: Vec<Reason>,
}

/// One reason why not, for programs and for people.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Reason {
    /// Its code.
    pub code: ReasonCode,
    /// `blocked`: the verb is refused; `warning`: it is not.
    pub category: &'static str,
    /// Phase the attempt stands in.
    pub phase: Phase,
    /// The same command may be admitted later, without anybody changing the attempt.
    pub retriable: bool,
    /// What was seen.
    pub detail: String,
    /// What clears it.
    pub clears: Vec<String>,
}

impl Reason {
    /// What a refusal of an attempt in this phase says.
    pub fn of(blocker: &Blocker, phase: Phase) -> Self {
        Self {
            code: blocker.code,
            category: "blocked",
            phase,
            retriable: is_passing(blocker.code),
            detail: blocker.fact.clone(),
            clears: blocker.ways_out.clone(),
        }
    }

    /// What should be known of an attempt in this phase, and is no refusal.
    pub fn warning(blocker: &Blocker, phase: Phase) -> Self {
        Self { category: "warning", ..Self::of(blocker, phase) }
    }
}

/// Whether time or a look clears it.
const fn is_passing(code: ReasonCode) -> bool {
    matches!(
        code,
        ReasonCode::Locked
            | ReasonCode::AttemptNotTerminal
            | ReasonCode::ResourceRuntimeBusy
            | ReasonCode::FreezeActive
            | ReasonCode::EvidenceStale
            | ReasonCode::ReadinessStale
            | ReasonCode::ReadinessUnread
            | ReasonCode::DiagnoseFirst
            | ReasonCode::Held
            | ReasonCode::ApprovalWanted
            | ReasonCode::GuardFailed
            | ReasonCode::SourceUnavailable
            | ReasonCode::Disk
    )
}

/// Something to type next.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct NextAction {
    /// `query` looks, `command` changes.
    pub kind: &'static str,
    /// The verb.
    pub operation: &'static str,
    /// What is typed.
    pub command: String,
    /// It changes nothing.
    pub safe: bool,
}
