//! A plan: ordered steps, fully decided. Dry run, prompt, console and engine all read this one value.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::backup::{BackupJob, RestoreJob};
use super::facts::{Commit, Snapshot};
use super::id::{AttemptId, BackupStamp, BranchName, Oid, ServiceName, StepName};
use super::phase::Phase;
use super::quantity::Span;
use super::release::Trigger;
use super::rollout::HostName;
use super::settings::Surface;
use super::spec::{CommandSpec, DriverSpec, ProbeSpec};

/// What will be done, in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// Form of this value.
    pub format: u32,
    /// sha256 (16 hex digits) over everything below that does not depend on the moment.
    pub id: String,
    /// Which verb made it.
    pub verb: PlanVerb,
    /// The attempt it belongs to.
    pub attempt: AttemptId,
    /// Which cycle of the ticket.
    pub cycle: u32,
    /// `create`, `resume`, …
    pub trigger: String,
    /// First phase that is run.
    pub from: Phase,
    /// HEAD before the release.
    pub base: Oid,
    /// HEAD after the release.
    pub target: Oid,
    /// Branch released from.
    pub branch: BranchName,
    /// Commits that come in (or, in a revert, are taken back), newest first.
    pub commits: Vec<Commit>,
    /// Touched services, in dependency order.
    pub services: Vec<PlannedService>,
    /// Steps; within a phase, `after` orders them.
    pub steps: Vec<Step>,
    /// Phases left out, and why.
    pub skipped: Vec<SkippedPhase>,
    /// Phases that wait for `approve`.
    pub hold_before: Vec<Phase>,
    /// Independent steps side by side.
    pub parallel: usize,
    /// What the person should know before it goes on.
    pub notes: Vec<String>,
    /// In a revert: seconds of written data that restoring throws away, from backup start until now.
    pub write_window_seconds: Option<u64>,
    /// The attempt it takes over, `ticket@n`.
    pub supersedes: Option<String>,
    /// The commit past BASE that the tree stands on when the attempt begins: recorded with its creation, because no step of
    /// it may be needed to get there.
    #[serde(default)]
    pub head: Option<Oid>,
    /// Backup sets that count for this attempt without being taken by it: inherited from its cycle or from the attempt it
    /// takes over, or young enough to be used again (`[backup] max_age`).
    #[serde(default)]
    pub backups: BTreeMap<ServiceName, BackupStamp>,
    /// In a revert `--with-later`: the other attempts that are taken back by it, newest first.
    #[serde(default)]
    pub also: Vec<AttemptId>,
    /// The immutable intent, stored by the first step.
    pub snapshot: Option<Snapshot>,
}

/// Form of [`Plan`].
pub const PLAN_FORMAT: u32 = 1;

/// Which verb made a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PlanVerb {
    /// `run`
    Run,
    /// `revert`
    Revert,
    /// `return-to-main`
    ReturnToMain,
    /// `configure SERVICE`
    Configure,
    /// `backup take`
    BackupTake,
    /// `backup restore`
    BackupRestore,
    /// `playbook run --apply`
    Playbook,
    /// `preview up`
    PreviewUp,
    /// `preview cleanup`
    PreviewCleanup,
}

impl Plan {
    /// The host on which the ticket's scripts run instead of here.
    pub fn ticket_ran_on(&self) -> Option<&HostName> {
        self.skipped.iter().find_map(|skipped| skipped.ran_on.as_ref())
    }
}

impl PlanVerb {
    /// The word in logs.
    pub const fn word(self) -> &'static str {
        match self {
            PlanVerb::Run => "run",
            PlanVerb::Revert => "revert",
            PlanVerb::ReturnToMain => "return-to-main",
            PlanVerb::Configure => "configure",
            PlanVerb::BackupTake => "backup-take",
            PlanVerb::BackupRestore => "backup-restore",
            PlanVerb::Playbook => "playbook",
            PlanVerb::PreviewUp => "preview-up",
            PlanVerb::PreviewCleanup => "preview-cleanup",
        }
    }
}

impl Plan {
    /// What brings its attempt about; of a verb that is no run: [`Trigger::Create`].
    pub fn brought_by(&self) -> Trigger {
        Trigger::from_word(&self.trigger).unwrap_or(Trigger::Create)
    }
}

/// A touched service in a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlannedService {
    /// Its name.
    pub name: ServiceName,
    /// What the release does with it.
    pub change: ServiceChange,
    /// Why it is touched: the paths, or `--services`.
    pub because: Vec<String>,
    /// Image that ran.
    pub image_before: Option<String>,
    /// Image that will run.
    pub image_after: Option<String>,
}

/// What a release does with a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ServiceChange {
    /// It was not there before.
    Added,
    /// It is replaced.
    Changed,
    /// It is not there any more.
    Removed,
}

/// A phase left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SkippedPhase {
    /// Which.
    pub phase: Phase,
    /// Why.
    pub reason: String,
    /// The host on which its scripts run instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ran_on: Option<HostName>,
}

/// The smallest recorded unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// Its name, unique in the plan.
    pub name: StepName,
    /// Its phase.
    pub phase: Phase,
    /// Its service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<ServiceName>,
    /// What it does, in one line for a person.
    pub title: String,
    /// Steps of the same phase that must be done first.
    pub after: Vec<StepName>,
    /// What is done.
    pub action: Action,
    /// What a resume does when its end is unknown (design/04).
    pub when_unknown: WhenUnknown,
    /// Whether it changes something: its intent and outcome are then made durable before going on.
    pub changes: bool,
    /// It finished before and its result still holds: it is shown and not repeated.
    #[serde(default)]
    pub already_done: bool,
    /// An earlier run of this step began then and its end is unknown: its effect is looked for before it is made again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown_since: Option<DateTime<Utc>>,
    /// Ends it, with its whole process tree.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Span>,
    /// The ticket script it runs: recorded with its intent, so that a resume knows whether it ran with this content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script: Option<PlannedScript>,
}

/// A ticket script as planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlannedScript {
    /// Relative to the project root.
    pub path: String,
    /// sha256 of its content.
    pub sha256: String,
    /// It understands `--dry-run`: a dry run may show what it would do.
    pub dry_run: bool,
}

impl Step {
    /// Fingerprint of what the step does (16 hex digits of the sha256 of its action), recorded with its intent: a resume
    /// counts a finished step as done only when it would do the same today.
    pub fn inputs(&self) -> String {
        // Serialising a value of our own with string keys cannot fail; an empty fingerprint matches nothing recorded.
        let action = serde_json::to_vec(&self.action).unwrap_or_default();
        let digest = Sha256::digest(&action);
        digest.iter().take(8).fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }
}

/// What a resume does with a step whose end is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WhenUnknown {
    /// Runs it again: nothing to lose.
    Repeat,
    /// Looks whether its effect is there (`DoneWhen`), then done or repeat.
    Check,
    /// Asks a person.
    Ask,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Action {
    /// Stores snapshot, plan and the readable `migrate.sh`.
    Snapshot,
    /// Takes one backup entry.
    Backup(Box<BackupJob>),
    /// Puts one backup entry back.
    Restore(Box<RestoreJob>),
    /// Runs commands in order; each must exit 0.
    Commands {
        /// What is run.
        commands: Vec<CommandSpec>,
        /// How to see that the effect is there.
        #[serde(skip_serializing_if = "Option::is_none")]
        done_when: Option<DoneWhen>,
    },
    /// Waits until a service is well.
    Health(Box<HealthJob>),
    /// Checks that HEAD is where it should be.
    VerifyHead {
        /// Wanted commit.
        head: Oid,
    },
    /// Runs every check of one service.
    VerifyService(Box<VerifyJob>),
    /// Asks a health surface of the application.
    Surface(Surface),
}

/// How to see that a step's effect is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "see", rename_all = "kebab-case")]
pub enum DoneWhen {
    /// HEAD is this commit (on this branch, where given), and the tree is clean.
    HeadIs {
        /// Commit.
        head: Oid,
        /// Branch.
        branch: Option<BranchName>,
    },
    /// HEAD's tree is the tree of this commit, in a revert commit of this ticket, and the tree is clean.
    TreeOf {
        /// Commit whose content is wanted.
        commit: Oid,
    },
    /// Its containers run and were created after the step's intent.
    Recreated {
        /// What runs it.
        driver: DriverSpec,
        /// Service.
        service: ServiceName,
    },
    /// It is up.
    Running {
        /// What runs it.
        driver: DriverSpec,
        /// Service.
        service: ServiceName,
    },
    /// It is down.
    Stopped {
        /// What runs it.
        driver: DriverSpec,
        /// Service.
        service: ServiceName,
    },
    /// This command exits 0.
    Exits(CommandSpec),
}

/// Waiting for a service to be well.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HealthJob {
    /// Service.
    pub service: ServiceName,
    /// What runs it: its containers' own state and healthcheck count too.
    pub driver: DriverSpec,
    /// HTTP question; none: only the containers' state.
    pub probe: Option<ProbeSpec>,
    /// Give up after this long.
    pub deadline: Span,
    /// Wait between two looks.
    pub interval: Span,
    /// It must be well for this long.
    pub stay: Span,
    /// Prints the service's own last lines for the error.
    pub logs: Option<CommandSpec>,
}

/// Every check of one service in phase 4; all run, all failures are listed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct VerifyJob {
    /// Service.
    pub service: ServiceName,
    /// What runs it.
    pub driver: DriverSpec,
    /// Wanted image of each compose service (or of the service itself, key = its name).
    pub images: BTreeMap<String, String>,
    /// Compose services whose configuration is checked, with the hash it was planned with ([`ComposePart::config_hash`]): what
    /// runs is compared with compose's own hash at that moment, where compose prints one that can be trusted.
    ///
    /// [`ComposePart::config_hash`]: super::facts::ComposePart::config_hash
    pub config: BTreeMap<String, String>,
    /// HTTP question.
    pub probe: Option<ProbeSpec>,
    /// Ways people reach it, inside out: check name → URL. The first that fails ends the row.
    pub access: Vec<(AccessWay, String)>,
    /// Give up after this long.
    pub deadline: Span,
    /// Wait between two looks.
    pub interval: Span,
}

/// How people reach a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AccessWay {
    /// On this host.
    Local,
    /// Through the host's proxy.
    Proxy,
    /// By its public name.
    Domain,
}
