//! Why not: every refusal has a code, the fact that was seen, and the commands that clear it.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::outcome::Ending;

macro_rules! reason_codes {
    ($($(#[$doc:meta])* $variant:ident = $word:literal,)*) => {
        /// One enum for CLI, log and HTTP (design/05).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum ReasonCode {
            $($(#[$doc])* #[serde(rename = $word)] $variant,)*
        }

        impl ReasonCode {
            /// Every code.
            pub const ALL: &'static [ReasonCode] = &[$(ReasonCode::$variant,)*];

            /// The kebab-case word.
            pub const fn word(self) -> &'static str {
                match self { $(ReasonCode::$variant => $word,)* }
            }
        }
    };
}

reason_codes! {
    /// Uncommitted or untracked files that are not ours.
    TreeDirty = "tree-dirty",
    /// HEAD is the target and no service waits.
    NothingToRelease = "nothing-to-release",
    /// HEAD is not what the last release, revert or baseline left.
    HeadMoved = "head-moved",
    /// Local commits that are not our own reverts.
    Diverged = "diverged",
    /// The target still contains a reverted ticket's commits.
    RevertedTicketReturns = "reverted-ticket-returns",
    /// Another ticket is past its merge and not over.
    ReleaseUnfinished = "release-unfinished",
    /// Unrun scripts of other tickets lie in the range.
    OtherTicketScripts = "other-ticket-scripts",
    /// Changed files that no service's `paths` covers.
    SourceUnclassified = "source-unclassified",
    /// A touched service has nothing to do in migrate.
    SourceDrift = "source-drift",
    /// Not on the release branch.
    Branch = "branch",
    /// Remote, ref, compose file or folder cannot be read.
    SourceUnavailable = "source-unavailable",
    /// A source is not what it was expected to be, or not what its relink was made for.
    SourceStale = "source-stale",
    /// There is no such preview, or what has its name is none.
    NotAPreview = "not-a-preview",
    /// The preview is there already, or not all of it is gone.
    PreviewExists = "preview-exists",
    /// The branch wants what production has.
    PreviewUnsafe = "preview-unsafe",
    /// A changing step failed here and nothing has proven the host clean since.
    HostUntrusted = "host-untrusted",
    /// A calendar freeze holds.
    FreezeActive = "freeze-active",
    /// A hold point is not passed.
    Held = "held",
    /// The rollout is over.
    PlanTerminal = "plan-terminal",
    /// The rollout was started before.
    PlanStarted = "plan-started",
    /// There is no such rollout.
    PlanNotFound = "plan-not-found",
    /// Nothing of the rollout failed, refused or does not answer.
    NothingToRetry = "nothing-to-retry",
    /// The rollout was not started, or is past its last stage.
    NoCurrentStage = "no-current-stage",
    /// The rollout has no stage of that name.
    StageUnknown = "stage-unknown",
    /// No stage of the rollout waits for that.
    StageNotCurrent = "stage-not-current",
    /// Nothing stands against the stage.
    StageNotFailed = "stage-not-failed",
    /// The stage was halted, which cannot be taken back.
    StageHalted = "stage-halted",
    /// The stage did harm.
    StageFailed = "stage-failed",
    /// The rollout's hosts are on their way back.
    AlreadyRollingBack = "already-rolling-back",
    /// What it would do has to be named once more.
    ConfirmationRequired = "confirmation-required",
    /// Somebody else drives the rollout.
    PlanDriven = "plan-driven",
    /// Somebody else took the rollout over.
    FenceLost = "fence-lost",
    /// Another machine's agent says that it is this host.
    AgentElsewhere = "agent-elsewhere",
    /// No member of the ledger that keeps rollouts answers.
    EngineUnavailable = "engine-unavailable",
    /// Others change the rollout all the time.
    RevisionConflict = "revision-conflict",
    /// Not enough free space or inodes.
    Disk = "disk",
    /// A program that is needed is missing or too old.
    Tools = "tools",
    /// A commit is not signed as required.
    Signature = "signature",
    /// The compose project of the configuration is not the one that runs.
    ProjectMismatch = "project-mismatch",
    /// The configured volume is not the one in use.
    VolumeMismatch = "volume-mismatch",
    /// A touched service does not say how its data is saved.
    BackupUndeclared = "backup-undeclared",
    /// The ticket's script is not tracked at the target.
    TicketScriptUntracked = "ticket-script-untracked",
    /// The ticket's script is a folder, or fits two tickets.
    TicketScriptInvalid = "ticket-script-invalid",
    /// Another run holds this host.
    Locked = "locked",
    /// No state file for this ticket.
    StateMissing = "state-missing",
    /// An earlier phase is not done.
    PhaseNotDone = "phase-not-done",
    /// The release must be resumed from a phase.
    ResumeNeeded = "resume-needed",
    /// Scripts, services or configuration changed since the attempt was planned.
    InputsChanged = "inputs-changed",
    /// The world moved since that dry run.
    PlanChanged = "plan-changed",
    /// Restoring would throw away this much written data.
    WriteWindow = "write-window",
    /// The hotfix is not on the main branch.
    HotfixNotOnMain = "hotfix-not-on-main",
    /// The main branch has content that was never released here.
    MainHasUnreleased = "main-has-unreleased",
    /// The verb does not fit the attempt's status.
    AttemptStatusNotRecoverable = "attempt-status-not-recoverable",
    /// The attempt has not come to its end.
    AttemptNotTerminal = "attempt-not-terminal",
    /// The environment of the candidate is not today's, and its values were never kept.
    EnvironmentSnapshotMissing = "environment-snapshot-missing",
    /// A service of the attempt is configured nowhere any more.
    RuntimeTargetMissing = "runtime-target-missing",
    /// Today's configuration of a service cannot be used.
    ResourceProfileInvalid = "resource-profile-invalid",
    /// Today's configuration is not the one that is tracked.
    ResourceProfileDrifted = "resource-profile-drifted",
    /// Something else is at work on the services.
    ResourceRuntimeBusy = "resource-runtime-busy",
    /// The candidate never succeeded.
    RollbackCandidateNotSuccessful = "rollback-candidate-not-successful",
    /// The candidate is of another host, or is the attempt itself.
    RollbackCandidateTargetMismatch = "rollback-candidate-target-mismatch",
    /// The data has another schema since, and a rollback leaves data as it is.
    StatefulDataRollbackUnsupported = "stateful-data-rollback-unsupported",
    /// Nobody has read whether and how it can be recovered since it failed.
    ReadinessUnread = "readiness-unread",
    /// Nobody has looked into the cause yet.
    DiagnoseFirst = "diagnose-first",
    /// A second operator has to agree first.
    ApprovalWanted = "approval-wanted",
    /// Others need it: it is not thrown away.
    Referenced = "referenced",
    /// The snapshot is missing.
    SnapshotMissing = "snapshot-missing",
    /// The snapshot is not what its digest says.
    SnapshotDamaged = "snapshot-damaged",
    /// An image or backup that is needed is not here.
    RuntimeArtifactMissing = "runtime-artifact-missing",
    /// A step's end is unknown.
    StepUndecided = "step-undecided",
    /// A backup that is needed is not there.
    BackupMissing = "backup-missing",
    /// A backup does not match its own record.
    BackupUnverified = "backup-unverified",
    /// No evidence of this failure is new enough.
    EvidenceStale = "evidence-stale",
    /// Later releases stand on top of this one.
    LaterReleaseOnTop = "later-release-on-top",
    /// Something the verb needs to know was not given.
    ReasonRequired = "reason-required",
    /// The state moved since it was read.
    ReadinessStale = "readiness-stale",
    /// No service of that name is configured here.
    ServiceUnknown = "service-unknown",
    /// A condition under which an incident counts as resolved does not hold.
    IncidentUnproven = "incident-unproven",
    /// The guardrail command failed.
    GuardFailed = "guard-failed",
    /// The person said no.
    Declined = "declined",
    /// A newer version wrote it: it can be read, not changed.
    FormatNewer = "format-newer",
    /// Everybody may write into the workspace.
    WorkspaceOpen = "workspace-open",
    /// The workspace lies on a network filesystem, whose locks may lie.
    NetworkFilesystem = "network-filesystem",
    /// The git checkout is of a kind we cannot release on (bare, shallow, detached, with submodules).
    CheckoutUnfit = "checkout-unfit",
}

impl fmt::Display for ReasonCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl ReasonCode {
    /// The ending this code leads to (several: 3 before 4 before 5).
    pub const fn ending(self) -> Ending {
        match self {
            ReasonCode::Locked => Ending::Locked,
            ReasonCode::NothingToRelease => Ending::Nothing,
            ReasonCode::StepUndecided => Ending::Undecided,
            ReasonCode::Held | ReasonCode::ApprovalWanted => Ending::Held,
            _ => Ending::Refused,
        }
    }
}

/// One reason why not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Blocker {
    /// Its code.
    pub code: ReasonCode,
    /// What was seen: the first line stands after the code, further lines are indented below it.
    pub fact: String,
    /// What a person may do about it, most careful first: commands to type, or a sentence.
    pub ways_out: Vec<String>,
}

impl Blocker {
    /// A blocker with its fact.
    pub fn new(code: ReasonCode, fact: impl Into<String>) -> Self {
        Self { code, fact: fact.into(), ways_out: Vec::new() }
    }

    /// With one more way out.
    #[must_use]
    pub fn way_out(mut self, way: impl Into<String>) -> Self {
        self.ways_out.push(way.into());
        self
    }
}

/// The ending of a verb that met these blockers: locked before refused before nothing.
pub fn ending_of(blockers: &[Blocker]) -> Ending {
    let endings: Vec<Ending> = blockers.iter().map(|b| b.code.ending()).collect();
    for worst in [Ending::Locked, Ending::Refused, Ending::Undecided, Ending::Held, Ending::Nothing] {
        if endings.contains(&worst) {
            return worst;
        }
    }
    Ending::Ok
}
