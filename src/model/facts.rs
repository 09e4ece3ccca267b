//! What was observed at one moment: everything a decision may look at, and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::backup::BackupSet;
use super::candidate::Candidate;
use super::id::{BranchName, Oid, ServiceName, StepName, TicketId};
use super::phase::Phase;
use super::quantity::Span;
use super::release::ReleaseState;
use super::settings::{Settings, SignaturePolicy};

/// Every release of a host. There may be very many, and several looks share what was read once.
pub type Releases = Arc<Vec<ReleaseState>>;

/// One look at the host, the checkout and the workspace.
#[derive(Debug, Clone)]
pub struct Facts {
    /// When it was looked.
    pub now: DateTime<Utc>,
    /// The host and who works on it.
    pub host: HostFacts,
    /// The checkout.
    pub git: GitFacts,
    /// The configuration at BASE (HEAD for a new release; the recorded `BASE_SHA` for one that is resumed or reverted):
    /// backups and revert use it.
    pub base_settings: Settings,
    /// The configuration at the target (in a revert: at the recorded `MERGE_SHA`): migrate and verify use it.
    pub target_settings: Settings,
    /// Compose's own resolved reading of each service at BASE.
    pub base_compose: BTreeMap<ServiceName, ResolvedService>,
    /// Compose's own resolved reading of each service at the target.
    pub target_compose: BTreeMap<ServiceName, ResolvedService>,
    /// Folder with the target's tracked compose files, where the tree has not moved yet.
    pub target_export: Option<PathBuf>,
    /// What runs.
    pub services: BTreeMap<ServiceName, ServiceState>,
    /// How containers are driven here.
    pub runtime: RuntimeFacts,
    /// Every release this host knows, newest attempt of each ticket, oldest first by `started_at`.
    pub releases: Releases,
    /// Older attempts that a rollback may put back, newest first; looked at only where they are in question.
    pub candidates: Vec<Candidate>,
    /// What is recorded of the ticket in question.
    pub history: Option<TicketHistory>,
    /// Ticket scripts in BASE..target, and this ticket's own.
    pub scripts: Vec<TicketScript>,
    /// Names in the environment files and the sha256 of each value; never the value.
    pub environment: BTreeMap<String, String>,
    /// Backup sets by service, oldest first.
    pub backups: BTreeMap<ServiceName, Vec<BackupSet>>,
    /// Whether a changing step failed here and nothing has proven the host clean since: which release, and what.
    pub untrusted: Option<(TicketId, String)>,
    /// What could not be observed and matters: becomes `source-unavailable`, `tools`, `checkout-unfit`….
    pub troubles: Vec<super::reason::Blocker>,
}

/// The host and who works on it.
#[derive(Debug, Clone)]
pub struct HostFacts {
    /// Host name.
    pub name: String,
    /// The person: login name behind sudo, else the user.
    pub operator: String,
    /// Project root: the checkout's top, absolute.
    pub root: PathBuf,
    /// Workspace folder, absolute.
    pub workspace: PathBuf,
    /// Backup folder, absolute.
    pub backups: PathBuf,
    /// Kind of network filesystem that the workspace lies on; none: a local one.
    pub network_fs: Option<String>,
    /// Space where the workspace lies.
    pub workspace_space: DiskSpace,
    /// Space where backups are written.
    pub backups_space: DiskSpace,
    /// Estimated bytes of each service's next backup set, from its last one or its source.
    pub backup_estimate: BTreeMap<ServiceName, u64>,
    /// `CONTAINER_PREFIX` from the environment file, or empty.
    pub container_prefix: String,
    /// Whether the recipes `just release-run …` exist here, so that messages name them.
    pub just_recipes: bool,
}

/// Space of one filesystem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DiskSpace {
    /// Size in bytes.
    pub total: u64,
    /// Free for us, in bytes.
    pub free: u64,
    /// Free inodes; `u64::MAX` where the filesystem has no limit.
    pub inodes: u64,
}

/// The checkout.
#[derive(Debug, Clone)]
pub struct GitFacts {
    /// HEAD.
    pub head: Oid,
    /// Checked-out branch; none when detached.
    pub branch: Option<BranchName>,
    /// Branch that is to be released.
    pub release_branch: BranchName,
    /// Its commit on the remote (or `--at`), as fetched; none when it could not be read (see `Facts::troubles`).
    pub target: Option<Oid>,
    /// Files that are not as committed, and not ours.
    pub dirty: Vec<DirtyFile>,
    /// Commits in HEAD but not in the target, newest first.
    pub ahead: Vec<Commit>,
    /// Commits in the target but not in HEAD, newest first.
    pub incoming: Vec<Commit>,
    /// Paths that differ between BASE and the target. BASE is the state file's, where one is resumed.
    pub changed: Vec<String>,
    /// Newest pull, merge or reset that moved HEAD, from the reflog.
    pub last_move: Option<HeadMove>,
    /// The commit that HEAD would be on if our own trailing revert commits were taken away: equal tree, older commit.
    pub unrevert_to: Option<Oid>,
    /// For commits that matter (recorded bases and merges): whether HEAD and the target contain them.
    pub contains: BTreeMap<Oid, Containment>,
    /// Merges of releases that were taken back here and that the target has taken back, too: nothing of them returns with it.
    pub undone: BTreeSet<Oid>,
    /// Tree of each commit that matters, to compare content.
    pub trees: BTreeMap<Oid, Oid>,
    /// Tips of local branches that matter: the configured one, the one to be released, the one a release began on.
    pub branches: BTreeMap<BranchName, Oid>,
    /// Commits in HEAD but not in the commit where the last record left it, newest first; empty without a record.
    pub unreleased: Vec<Commit>,
    /// Paths that differ between HEAD and the target, where new commits are taken into a release.
    pub changed_since_head: Vec<String>,
    /// The tree is dirty since this ticket's own fast-forward was cut off in the middle.
    pub cut_off: Option<CutOff>,
    /// What a signature that is not good means: the strictest that HEAD's, BASE's and the target's configuration say.
    pub verify_signatures: SignaturePolicy,
    /// Commits between BASE and the target that are not signed as they should be, newest first; those that this host made
    /// itself left out. Empty where nobody asks for signatures.
    pub badly_signed: Vec<BadlySigned>,
}

/// A fast-forward of ours that was cut off: HEAD is where it was, and files of the target stand in the tree already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CutOff {
    /// Where it was going.
    pub to: Oid,
    /// Files that are neither as before it nor as it would have left them: somebody's work, or one that was being written.
    pub foreign: Vec<String>,
}

/// Where a commit is contained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Containment {
    /// HEAD has it.
    pub in_head: bool,
    /// The target has it.
    pub in_target: bool,
}

/// A commit, for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Commit {
    /// Its id.
    pub oid: Oid,
    /// Author's name.
    pub author: String,
    /// Committed when.
    pub at: DateTime<Utc>,
    /// First line of the message.
    pub subject: String,
    /// The ticket that it reverts, when it is a revert commit of ours (trailer `Holdpoint-Reverts:`).
    pub reverts: Option<TicketId>,
    /// Later tickets that it takes back with that one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also_reverts: Vec<TicketId>,
}

impl Commit {
    /// Whether it is a revert commit of ours by which this ticket was taken back.
    pub fn takes_back(&self, ticket: &TicketId) -> bool {
        self.reverts.iter().chain(&self.also_reverts).any(|one| one == ticket)
    }
}

/// What git makes of a commit's signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signature {
    /// Made by a key that is known and trusted.
    Good,
    /// There is none.
    Missing,
    /// The key is not (or no longer) one of an allowed signer.
    Unknown,
    /// It is out of date, or its key is, or was taken back.
    Expired,
    /// It does not fit the commit: one of them was changed.
    Bad,
}

/// A commit between BASE and the target whose signature is not good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadlySigned {
    /// The commit.
    pub commit: Commit,
    /// What is wrong.
    pub signature: Signature,
}

/// A file that is not as committed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DirtyFile {
    /// Relative to the project root.
    pub path: String,
    /// Git's two letters (`??` untracked).
    pub code: String,
    /// Owner of the file, where it still exists.
    pub owner: Option<String>,
    /// Last changed.
    pub changed_at: Option<DateTime<Utc>>,
}

/// A reflog entry that moved HEAD.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HeadMove {
    /// HEAD before.
    pub from: Oid,
    /// HEAD after.
    pub to: Oid,
    /// Who.
    pub who: String,
    /// When.
    pub at: DateTime<Utc>,
    /// What git says it was (`pull: Fast-forward`).
    pub what: String,
}

/// What compose makes of a service, from its own resolved configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ResolvedService {
    /// Project name.
    pub project: String,
    /// Each compose service that belongs to ours.
    pub parts: BTreeMap<String, ComposePart>,
}

/// One compose service, resolved.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ComposePart {
    /// Image reference.
    pub image: Option<String>,
    /// It is built here, not pulled.
    pub build: bool,
    /// Fixed container name.
    pub container_name: Option<String>,
    /// Real names of the volumes it mounts, and where.
    pub volumes: BTreeMap<String, String>,
    /// Folders of this host that it mounts, absolute, and where.
    #[serde(default)]
    pub binds: BTreeMap<String, String>,
    /// Ports published on this host, in the file's order.
    #[serde(default)]
    pub ports: Vec<u16>,
    /// Which database it holds, where its environment says so: `POSTGRES_DB`, `POSTGRES_USER`, `MYSQL_DATABASE`,
    /// `MYSQL_USER`, `MARIADB_DATABASE`, `MARIADB_USER` and nothing else: never a secret.
    #[serde(default)]
    pub database: BTreeMap<String, String>,
    /// Compose services that it waits for.
    #[serde(default)]
    pub depends_on: Vec<String>,
    /// It has a healthcheck.
    pub healthcheck: bool,
    /// sha256 of its resolved configuration, in a form of ours: to compare two readings with each other, never with a
    /// container.
    pub config_hash: String,
    /// What the label `config-hash` of a container made from this configuration will say, where that can be known
    /// beforehand: compose 1.x counts the image's id in, and compose 2.x prints no true one for a service whose variables
    /// come from outside the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label_hash: Option<String>,
}

/// What runs for one service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ServiceState {
    /// Up, down, partly, or not to be seen.
    pub run: RunState,
    /// Its containers.
    pub containers: Vec<ContainerState>,
    /// Leftovers of an interrupted recreate: `<hex>_name`.
    pub leftover: Vec<String>,
    /// What runs, for a service without containers: the line its `image` command printed.
    pub image: Option<String>,
    /// Why it could not be seen.
    pub trouble: Option<String>,
    /// What its `schema` command said of its data; none: it has none, or it was not asked.
    #[serde(default)]
    pub schema: Option<Schema>,
}

/// What a service's `schema` command said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Schema {
    /// The version of its data.
    Version(String),
    /// Nothing that can be used: why.
    Unknown(String),
}

/// Whether a service is up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RunState {
    /// All of it runs.
    Running,
    /// Some of it runs.
    Partly,
    /// It is stopped.
    Stopped,
    /// It was never there.
    Absent,
    /// It could not be seen.
    #[default]
    Unknown,
}

/// One container.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ContainerState {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Compose service it belongs to.
    pub part: String,
    /// Image reference it was made from.
    pub image: String,
    /// Local image id.
    pub image_id: String,
    /// Registry digest of that image, where known.
    pub digest: Option<String>,
    /// The runtime's word: `running`, `exited`, `paused`….
    pub state: String,
    /// The healthcheck's word: `healthy`, `unhealthy`, `starting`; none without a healthcheck.
    pub health: Option<String>,
    /// Exit status of one that ended.
    pub exit_code: Option<i32>,
    /// Times it was restarted.
    pub restarts: u32,
    /// Created when.
    pub created_at: Option<DateTime<Utc>>,
    /// Started when.
    pub started_at: Option<DateTime<Utc>>,
    /// Compose project label.
    pub project: String,
    /// Compose configuration hash label.
    pub config_hash: String,
    /// Volumes it mounts: real name → where.
    pub volumes: BTreeMap<String, String>,
}

/// How containers are driven on this host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RuntimeFacts {
    /// How compose is called and which generation answers; none: no compose here.
    pub compose: Option<Compose>,
    /// How the engine is called (`docker` or `podman`).
    pub engine: Option<String>,
    /// Image references and ids that are on this host: reference → image id.
    pub images: BTreeMap<String, String>,
    /// Mountpoints of volumes that can be read directly: volume → folder.
    pub mountpoints: BTreeMap<String, PathBuf>,
    /// Images that are not on this host and whose registry offers them: asked only before a revert.
    pub pullable: BTreeSet<String>,
}

/// A compose command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Compose {
    /// Argument list that calls it.
    pub command: Vec<String>,
    /// Which generation answers.
    pub flavour: ComposeFlavour,
    /// Its version text.
    pub version: String,
}

/// Which compose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ComposeFlavour {
    /// `docker compose`.
    V2,
    /// `docker-compose` 1.x.
    V1,
    /// `podman-compose`.
    Podman,
}

/// What is recorded of one ticket.
#[derive(Debug, Clone)]
pub struct TicketHistory {
    /// Its state, status read together with the lock.
    pub state: ReleaseState,
    /// Phases whose newest record in this cycle is `done`, or `skipped` with a reason.
    pub phases_done: BTreeSet<Phase>,
    /// What became of each step of this cycle: its newest record, whichever attempt made it.
    pub steps: BTreeMap<StepName, StepRecord>,
    /// The snapshot of the newest attempt.
    pub snapshot: Option<Snapshot>,
    /// Why that snapshot is not to be had, where there should be one.
    pub snapshot_lost: Option<super::reason::Blocker>,
    /// What changed since that snapshot: configuration, service definitions, scripts.
    pub changed_inputs: Vec<String>,
    /// Ticket scripts that ever ran to a good end on this host: path → sha256.
    pub scripts_run: BTreeMap<String, String>,
    /// Keys of `holdpoint once` that are done.
    pub once_done: BTreeSet<String>,
}

/// What became of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepRecord {
    /// Phase it belongs to.
    pub phase: Phase,
    /// How it ended.
    pub end: StepEnd,
    /// When its intent was recorded.
    pub started_at: DateTime<Utc>,
    /// Milliseconds it took, where it ended.
    pub ms: Option<u64>,
    /// sha256 of its recorded inputs (the step as planned).
    pub inputs: Option<String>,
    /// sha256 of the ticket script it ran, where it ran one.
    pub script: Option<String>,
    /// Number of its intent in the log, with its attempt: they name the folder of this run of the step.
    pub intent: (u32, u64),
    /// Boot in which its runner began, where that was recorded.
    pub boot: Option<String>,
    /// What else is found of it, where its end is not recorded.
    pub left: Left,
}

impl StepRecord {
    /// A record of which nothing else is known.
    pub fn new(phase: Phase, end: StepEnd, started_at: DateTime<Utc>) -> Self {
        let intent = (1, 0);
        Self {
            phase,
            end,
            started_at,
            ms: None,
            inputs: None,
            script: None,
            intent,
            boot: None,
            left: Left::Nothing,
        }
    }
}

/// What is found of a step whose end is not recorded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Left {
    /// Nothing that tells how it ended.
    #[default]
    Nothing,
    /// Its program was never started.
    NeverStarted,
    /// These processes still work on it.
    AtWork(Vec<u32>),
    /// Its program is gone; these processes that it started are not. Only a person knows whether they should run.
    LeftRunning(Vec<u32>),
}

/// How a step ended, as recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepEnd {
    /// An intent without an outcome.
    Open,
    /// Well.
    Done,
    /// With this exit status.
    Failed(i32),
    /// A person says it is done.
    MarkedDone,
    /// A person says it may run again.
    RunAgain,
    /// Nobody knows.
    Undecided,
}

/// A ticket's script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TicketScript {
    /// The ticket it belongs to.
    pub ticket: TicketId,
    /// Path relative to the project root.
    pub path: String,
    /// sha256 of its content at the target.
    pub sha256: String,
    /// It is tracked at the target.
    pub tracked: bool,
    /// Added or changed between BASE and the target.
    pub incoming: bool,
    /// It ran to a good end on this host with this content, and its release was not taken back since.
    pub ran: bool,
    /// What its header lines say.
    pub header: ScriptHeader,
}

/// `# holdpoint: …` lines of a ticket script.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ScriptHeader {
    /// Program that says whether its effect is there.
    pub check: Option<Vec<String>>,
    /// Running it twice does what running it once does.
    pub idempotent: bool,
    /// Its own limit.
    pub timeout: Option<Span>,
    /// Services to back up in prepare because of it.
    pub backup: Vec<ServiceName>,
    /// Script that takes its effect back where data is not restored, relative to the project root.
    pub revert: Option<String>,
    /// It understands `--dry-run`.
    pub dry_run: bool,
}

/// Immutable intent of an attempt (design/05), as stored in `snapshot.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Snapshot {
    /// Form of this file.
    pub format: u32,
    /// `ticket@n`.
    pub attempt: String,
    /// `create`, `resume`, `retry`, `redeploy`, `rollback`, `adopt`.
    pub trigger: String,
    /// HEAD before.
    pub base: Oid,
    /// Commit released.
    pub target: Oid,
    /// Branch released from.
    pub branch: BranchName,
    /// Host name.
    pub host: String,
    /// When it was decided.
    pub created_at: DateTime<Utc>,
    /// Id of the plan.
    pub plan: String,
    /// Attempt that this one took over.
    pub supersedes: Option<String>,
    /// Files of the configuration and their sha256.
    pub configuration: BTreeMap<String, String>,
    /// Ticket scripts and their sha256.
    pub scripts: BTreeMap<String, String>,
    /// Environment names and the sha256 of each value; never the value.
    pub environment: BTreeMap<String, String>,
    /// Each touched service.
    pub services: BTreeMap<ServiceName, SnapshotService>,
}

/// One service in a snapshot.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SnapshotService {
    /// Intended image reference.
    pub image: Option<String>,
    /// Identity: registry digest, local image id, configuration hash, or what `image` printed.
    pub identity: Option<String>,
    /// Hash of its resolved configuration.
    pub config_hash: Option<String>,
    /// Image reference that ran before.
    pub image_before: Option<String>,
    /// Identity that ran before.
    pub identity_before: Option<String>,
    /// Schema version its `schema` command printed.
    pub schema: Option<String>,
    /// In a rollback: the image that each of its compose services is put back to, by its id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub pinned: BTreeMap<String, super::candidate::Artifact>,
}
