//! `.asd/release.toml` as it is written (design/04): the form that serde reads and that the JSON schema describes.
//! Defaults of whole sections stand here; what depends on other keys is filled in by `settings`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::forms::Moment;
use super::raw_service::RawService;
use crate::model::id::{BranchName, ServiceName};
use crate::model::phase::Phase;
use crate::model::quantity::{ByteSize, Span};
use crate::model::settings::{News, OnFailure, RerunFailed, SignaturePolicy, SurfaceKind};
use crate::model::spec::CommandLine;

/// Configuration of a host that is released by holdpoint. Every section is optional.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = ".asd/release.toml")]
pub(super) struct RawRelease {
    /// Where releases come from.
    pub(super) git: RawGit,
    /// Folders, relative to the project root.
    pub(super) paths: RawPaths,
    /// The workspace and its backups.
    pub(super) workspace: RawWorkspace,
    /// How runs go.
    pub(super) run: RawRun,
    /// Free space that is left to others.
    pub(super) disk: RawDisk,
    /// Calendar rules that refuse `run`, never `revert`.
    pub(super) freeze: Vec<RawFreeze>,
    /// Who wants to know.
    pub(super) notify: Vec<RawNotify>,
    /// Health surfaces of the application, read in triage and checked in phase 4, in this order.
    pub(super) surface: Vec<RawSurface>,
    /// Who takes over, by area.
    pub(super) owners: RawOwners,
    /// What must not be shown.
    pub(super) secrets: RawSecrets,
    /// Rules for all backups.
    pub(super) backup: RawBackupRules,
    /// Recovery after a failure.
    pub(super) recovery: RawRecovery,
    /// A guardrail that must pass.
    pub(super) guard: Option<RawCommand>,
    /// How compose is called; default: found.
    pub(super) compose: Option<RawCommand>,
    /// The host's own checks in phase 4.
    pub(super) verify: Vec<RawVerify>,
    /// The services of this host, by name.
    #[schemars(with = "BTreeMap<String, RawService>")]
    pub(super) services: BTreeMap<ServiceName, RawService>,
}

/// Where releases come from.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawGit {
    /// Remote that is fetched, by its name in `git remote`.
    pub(super) remote: String,
    /// Branch that is released; another one needs `--branch NAME`.
    #[schemars(with = "Option<String>")]
    pub(super) branch: Option<BranchName>,
    /// Whether commits must be signed; our own revert commits are exempt.
    pub(super) verify_signatures: SignaturePolicy,
    /// ssh `allowed_signers` file.
    pub(super) allowed_signers: Option<String>,
}

impl Default for RawGit {
    fn default() -> Self {
        let verify_signatures = SignaturePolicy::Off;
        Self { remote: "origin".to_owned(), branch: None, verify_signatures, allowed_signers: None }
    }
}

/// Folders, relative to the project root.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawPaths {
    /// Ticket scripts.
    pub(super) releases: String,
    /// The host's own playbooks.
    pub(super) playbooks: String,
    /// Glob of service manifests in their own format, for example `packages/*/manifest.yaml`; default: none.
    pub(super) discover: Option<String>,
}

impl Default for RawPaths {
    fn default() -> Self {
        Self { releases: "releases".to_owned(), playbooks: "recovery/playbooks".to_owned(), discover: None }
    }
}

/// The workspace and its backups.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawWorkspace {
    /// Where backup sets are kept; may lie outside the checkout and on another filesystem.
    pub(super) backups: String,
    /// Group whose members may operate this host.
    pub(super) group: Option<String>,
    /// Allow a network filesystem, whose locks may lie.
    pub(super) allow_network_fs: bool,
}

impl Default for RawWorkspace {
    fn default() -> Self {
        Self { backups: ".asd/workspace/backups".to_owned(), group: None, allow_network_fs: false }
    }
}

/// How runs go.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawRun {
    /// Independent services side by side; 1: strictly one after another.
    pub(super) parallel: u32,
    /// Phases that wait for `approve`.
    pub(super) hold_before: Vec<RawPhase>,
    /// What a failed run does.
    pub(super) on_failure: OnFailure,
    /// Ends a step.
    pub(super) timeout: Span,
    /// Warns about a step that prints nothing.
    pub(super) silence: Span,
    /// Names added to the environment that steps get.
    pub(super) env: Vec<String>,
    /// `run` asks before it goes on, too.
    pub(super) confirm: bool,
    /// What a resume does with a ticket script that failed.
    pub(super) rerun_failed: RerunFailed,
}

impl Default for RawRun {
    fn default() -> Self {
        Self {
            parallel: 4,
            hold_before: Vec::new(),
            on_failure: OnFailure::Halt,
            timeout: Span::secs(30 * 60),
            silence: Span::secs(10 * 60),
            env: Vec::new(),
            confirm: false,
            rerun_failed: RerunFailed::Run,
        }
    }
}

/// A phase of a run.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum RawPhase {
    Prepare,
    Migrate,
    Ticket,
    Verify,
}

impl From<RawPhase> for Phase {
    fn from(phase: RawPhase) -> Phase {
        match phase {
            RawPhase::Prepare => Phase::Prepare,
            RawPhase::Migrate => Phase::Migrate,
            RawPhase::Ticket => Phase::Ticket,
            RawPhase::Verify => Phase::Verify,
        }
    }
}

/// Free space that is left to others.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawDisk {
    /// A running backup stops here; the larger of the two counts.
    pub(super) floor: RawFloor,
}

/// A running backup stops here; the larger of the two counts.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawFloor {
    /// Percent of the filesystem, 0 to 90.
    pub(super) percent: u8,
    /// Size, for example `1GiB`.
    pub(super) bytes: ByteSize,
}

impl Default for RawFloor {
    fn default() -> Self {
        Self { percent: 5, bytes: ByteSize(1 << 30) }
    }
}

/// A calendar rule: `from` and `until`, or `days` with `after` and `zone`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFreeze {
    /// What people call it.
    pub(super) name: String,
    /// First instant, for example `2026-12-20T00:00:00Z`.
    pub(super) from: Option<Moment>,
    /// First instant after it.
    pub(super) until: Option<Moment>,
    /// Weekdays: `mon` to `sun`.
    pub(super) days: Option<Vec<RawDay>>,
    /// Local time of day it begins, for example `15:00`; default: the whole day.
    pub(super) after: Option<String>,
    /// IANA zone, for example `Europe/Amsterdam`; default: `UTC`.
    pub(super) zone: Option<String>,
}

/// A weekday.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum RawDay {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

/// Somebody who wants to know: a webhook or a command.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawNotify {
    /// Which news.
    pub(super) on: Vec<News>,
    /// Gets the news as a JSON body.
    pub(super) webhook: Option<String>,
    /// Gets the news as JSON on its standard input.
    pub(super) command: Option<CommandLine>,
}

/// A health surface of the application.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSurface {
    /// Its name in messages.
    pub(super) name: String,
    /// What it tells: whether it answers, or whether it is ready.
    #[serde(default)]
    pub(super) kind: SurfaceKind,
    /// `http://` or `https://`.
    pub(super) url: String,
    /// What it must answer.
    #[serde(default)]
    pub(super) expect: RawExpect,
    /// Give up after this long; default 90s.
    pub(super) deadline: Option<Span>,
    /// Wait between two questions; default 1s.
    pub(super) interval: Option<Span>,
}

/// What a surface must answer.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawExpect {
    /// Wanted status.
    pub(super) status: u16,
    /// JSON pointers into the body and the value wanted there.
    pub(super) json: BTreeMap<String, serde_json::Value>,
}

impl Default for RawExpect {
    fn default() -> Self {
        Self { status: 200, json: BTreeMap::new() }
    }
}

/// Who takes over, by area.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawOwners {
    /// The application and its containers.
    pub(super) stack: Option<String>,
    /// The host and its environment.
    pub(super) environment: Option<String>,
    /// Releases.
    pub(super) deployment: Option<String>,
}

/// What must not be shown.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawSecrets {
    /// `KEY=value` files whose values are redacted everywhere; the first one is the project's environment file.
    pub(super) env_files: Vec<String>,
    /// Globs of variable names, added to the built-in ones.
    pub(super) names: Vec<String>,
}

impl Default for RawSecrets {
    fn default() -> Self {
        Self { env_files: vec![".env".to_owned()], names: Vec::new() }
    }
}

/// Rules for all backups.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawBackupRules {
    /// A verified set younger than this is used again.
    pub(super) max_age: Span,
    /// Refuse one smaller than this share of the last good one, 0 to 1.
    pub(super) min_ratio: f64,
}

impl Default for RawBackupRules {
    fn default() -> Self {
        Self { max_age: Span::secs(0), min_ratio: 0.5 }
    }
}

/// Recovery after a failure.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawRecovery {
    /// Evidence older than this does not support a recovery.
    pub(super) evidence_max_age: Span,
    /// So long after a failure, `diagnose` recommends to take the release back.
    pub(super) give_up: Span,
    /// Redeploy, rollback and revert wait until a second operator approves.
    pub(super) owner_approval: bool,
}

impl Default for RawRecovery {
    fn default() -> Self {
        Self { evidence_max_age: Span::secs(15 * 60), give_up: Span::secs(60 * 60), owner_approval: false }
    }
}

/// A command.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCommand {
    /// Program and arguments.
    pub(super) command: CommandLine,
}

/// A check of the host's own in phase 4.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawVerify {
    /// Its name in messages.
    pub(super) name: String,
    /// Program and arguments; exit 0 is well.
    pub(super) run: CommandLine,
    /// Its own limit.
    pub(super) timeout: Option<Span>,
}
