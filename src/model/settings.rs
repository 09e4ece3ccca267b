//! What `.asd/release.toml` and the service manifests say, fully resolved: every default filled in, every name checked.

use std::collections::BTreeMap;
use std::path::PathBuf;

use chrono::{DateTime, NaiveTime, Utc, Weekday};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::id::{BranchName, ServiceName};
use super::phase::Phase;
use super::quantity::{ByteSize, Span};
use super::spec::{CommandLine, ProbeSpec, ServiceSpec};

/// The whole configuration of a host, as of one commit.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// `[git]`
    pub git: GitSettings,
    /// `[paths]`
    pub paths: PathSettings,
    /// `[workspace]`
    pub workspace: WorkspaceSettings,
    /// `[run]`
    pub run: RunSettings,
    /// `[disk]`
    pub disk: DiskFloor,
    /// `[[freeze]]`
    pub freezes: Vec<Freeze>,
    /// `[[notify]]`
    pub notify: Vec<Notify>,
    /// `[[surface]]`
    pub surfaces: Vec<Surface>,
    /// `[owners]`: hand-over, by area (`stack`, `environment`, `deployment`).
    pub owners: BTreeMap<String, String>,
    /// `[secrets]`
    pub secrets: SecretSettings,
    /// `[backup]`
    pub backup: BackupSettings,
    /// `[recovery]`
    pub recovery: RecoverySettings,
    /// `[guard] command`
    pub guard: Option<CommandLine>,
    /// `[compose] command`: how compose is called here; none: found.
    pub compose_command: Option<CommandLine>,
    /// `[[verify]]`: the host's own checks in phase 4.
    pub verify: Vec<VerifyCommand>,
    /// `[services.*]` and discovered manifests, by name.
    pub services: BTreeMap<ServiceName, ServiceSpec>,
    /// Files this was read from, relative to the project root, with the sha256 of each.
    pub sources: BTreeMap<String, String>,
}

/// Where releases come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitSettings {
    /// Remote that is fetched.
    pub remote: String,
    /// Branch that is released.
    pub branch: BranchName,
    /// Whether commits must be signed.
    pub verify_signatures: SignaturePolicy,
    /// ssh `allowed_signers` file.
    pub allowed_signers: Option<PathBuf>,
}

/// What a commit means that comes in and is not signed, or wrongly; the laxest first.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum SignaturePolicy {
    /// Nothing.
    Off,
    /// A note in the plan.
    Warn,
    /// A refusal.
    Require,
}

/// Folders, relative to the project root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathSettings {
    /// Ticket scripts.
    pub releases: PathBuf,
    /// The host's own playbooks.
    pub playbooks: PathBuf,
    /// Glob of service manifests; none: only `[services]`.
    pub discover: Option<String>,
}

/// The workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkspaceSettings {
    /// Where backup sets are kept; relative paths start at the project root.
    pub backups: PathBuf,
    /// Group that may operate this host.
    pub group: Option<String>,
    /// Allow a network filesystem, whose locks may lie.
    pub allow_network_fs: bool,
}

/// How runs go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunSettings {
    /// Independent services side by side.
    pub parallel: usize,
    /// Phases that wait for `approve`.
    pub hold_before: Vec<Phase>,
    /// Ends a step.
    pub timeout: Span,
    /// Warns about a step that prints nothing.
    pub silence: Span,
    /// Names added to the environment allow-list.
    pub env: Vec<String>,
    /// `run` asks too.
    pub confirm: bool,
    /// A failed ticket script runs again by itself on resume, or only when named.
    pub rerun_failed: RerunFailed,
    /// What a failed run does.
    pub on_failure: OnFailure,
}

/// What a failed run does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnFailure {
    /// It halts, and a person decides.
    Halt,
    /// It takes itself back, where a person's `revert` would be let through.
    Revert,
}

/// What a resume does with a ticket script that failed with a known end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RerunFailed {
    /// Runs it again from its first line.
    Run,
    /// Wants `--run-again=STEP`.
    Ask,
}

/// Free space below which we stop filling the disk; the larger of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskFloor {
    /// Percent of the filesystem.
    pub percent: u8,
    /// Bytes.
    pub bytes: ByteSize,
}

/// A calendar rule that refuses `run`, never `revert`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Freeze {
    /// What people call it.
    pub name: String,
    /// When it holds.
    pub when: FreezeWhen,
}

/// When a freeze holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FreezeWhen {
    /// From an instant until before another.
    Between {
        /// First instant.
        from: DateTime<Utc>,
        /// First instant after.
        until: DateTime<Utc>,
    },
    /// On certain weekdays, from a local time of day to midnight.
    Weekly {
        /// Weekdays in that zone.
        days: Vec<Weekday>,
        /// Local time it begins; none: the whole day.
        after: Option<NaiveTime>,
        /// IANA zone name, already checked.
        zone: String,
    },
}

/// Somebody who wants to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notify {
    /// Which news.
    pub on: Vec<News>,
    /// How it is told.
    pub by: NotifyBy,
}

/// News worth telling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum News {
    /// A run began.
    Started,
    /// It waits at a hold point.
    Held,
    /// It halted.
    Failed,
    /// It succeeded.
    Succeeded,
    /// It was taken back.
    Reverted,
    /// A revert failed: a person must act.
    Stuck,
    /// It was interrupted.
    Interrupted,
}

/// How news is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotifyBy {
    /// JSON to a URL.
    Webhook(String),
    /// JSON on a program's standard input.
    Command(CommandLine),
}

/// A health surface of the application.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Surface {
    /// Its name in messages.
    pub name: String,
    /// What it tells.
    #[serde(default, skip_serializing_if = "SurfaceKind::is_health")]
    pub kind: SurfaceKind,
    /// What is asked.
    pub probe: ProbeSpec,
}

/// What a surface tells: whether something answers is another question than whether it is ready (seed 002).
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum SurfaceKind {
    /// Whether it answers at all.
    #[default]
    Health,
    /// Whether it is operationally ready.
    Observability,
    /// Whether its security posture is as it should be.
    Security,
    /// Which services it knows and how they are.
    Services,
}

impl SurfaceKind {
    /// The word in configuration and JSON.
    pub const fn word(self) -> &'static str {
        match self {
            SurfaceKind::Health => "health",
            SurfaceKind::Observability => "observability",
            SurfaceKind::Security => "security",
            SurfaceKind::Services => "services",
        }
    }

    /// The default is left out where it is written, so that plans of older versions keep their ids.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde calls")]
    fn is_health(&self) -> bool {
        *self == SurfaceKind::Health
    }
}

/// What must not be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretSettings {
    /// Files whose values are redacted everywhere, relative to the project root.
    pub env_files: Vec<PathBuf>,
    /// Globs of variable names, added to the built-in ones.
    pub names: Vec<String>,
}

/// Rules for all backups.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BackupSettings {
    /// A verified set younger than this is used again.
    pub max_age: Span,
    /// Refuse one smaller than this share of the last good one.
    pub min_ratio: f64,
}

/// What recovering from a failure asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecoverySettings {
    /// Evidence older than this does not support a recovery.
    pub evidence_max_age: Span,
    /// So long after a failure, taking the release back is what is recommended.
    pub give_up: Span,
    /// Redeploy, rollback and revert wait for a second operator.
    pub owner_approval: bool,
}

/// A check of the host's own in phase 4.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyCommand {
    /// Its name in messages.
    pub name: String,
    /// Exit 0 is well.
    pub run: CommandLine,
    /// Its own limit.
    pub timeout: Option<Span>,
}
