//! What a service is, and what may be done to it: values shared by configuration, decision, drivers and engine.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::facts::{Compose, ComposeFlavour};
use super::id::ServiceName;
use super::quantity::Span;

/// A program to start: always an argument list, never a line for a shell.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CommandSpec {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Absolute folder it starts in.
    pub cwd: PathBuf,
    /// Variables added to the allow-listed environment. Never secrets: this is shown and stored.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// `KEY=value` files whose values are added at the moment of starting and redacted wherever they show up.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub env_files: Vec<PathBuf>,
    /// What it reads.
    #[serde(default, skip_serializing_if = "Payload::is_none")]
    pub stdin: Payload,
    /// Where its standard output goes.
    #[serde(default, skip_serializing_if = "Payload::is_none")]
    pub stdout: Payload,
}

impl CommandSpec {
    /// A program with its arguments, in a folder.
    pub fn new(argv: impl IntoIterator<Item = impl Into<String>>, cwd: impl Into<PathBuf>) -> Self {
        Self { argv: argv.into_iter().map(Into::into).collect(), cwd: cwd.into(), ..Self::default() }
    }
}

/// Whether a command's input or output is the backup file itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Payload {
    /// Input is `/dev/null`; output goes to the step's transcript.
    #[default]
    None,
    /// The backup's file, at a path that the engine knows when it runs.
    Backup,
}

impl Payload {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
    fn is_none(&self) -> bool {
        *self == Payload::None
    }
}

/// A service as the configuration intends it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ServiceSpec {
    /// Its name here.
    pub name: ServiceName,
    /// Its name for people, where one was given.
    pub display_name: Option<String>,
    /// What runs it.
    pub driver: DriverSpec,
    /// Globs, relative to the project root: which changes touch this service.
    pub paths: Vec<String>,
    /// Intended image reference; for compose the default is what the compose file says.
    pub image: Option<String>,
    /// Services that must be up before it, and are stopped after it.
    pub depends_on: Vec<ServiceName>,
    /// How to ask whether it is well. Without it only the container's own state and healthcheck count.
    pub health: Option<ProbeSpec>,
    /// Programs around its start.
    pub hooks: HooksSpec,
    /// Prints the schema version of its data.
    pub schema: Option<CommandLine>,
    /// Who answers for it.
    pub owner: OwnerSpec,
    /// Where people reach it, probed in this order.
    pub access: AccessSpec,
    /// What must be saved before it may be changed, in order. Empty: it does not say, and a run that touches it is
    /// refused as `backup-undeclared`.
    pub backup: Vec<BackupSpec>,
    /// What a `manifest.yaml` says of its data by type only. `manifest::settle::settle` turns it into `backup` entries
    /// once compose has said where that data lives; until then the service counts as undeclared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<DataClaim>,
    /// Where this definition stands, for messages: `.asd/release.toml` or the manifest's path.
    pub defined_in: String,
}

/// What runs a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "driver", rename_all = "lowercase")]
pub enum DriverSpec {
    /// Containers of a compose project.
    Compose(ComposeSpec),
    /// Programs of the host's own.
    Command(CommandDriverSpec),
}

/// A slice of a compose project.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ComposeSpec {
    /// The compose file, relative to the project root.
    pub file: PathBuf,
    /// Project name. A wrong one would start a second stack on empty volumes.
    #[serde(default)]
    pub project: Option<String>,
    /// Folder that relative paths in the file start from; default: the file's own.
    #[serde(default)]
    pub project_directory: Option<PathBuf>,
    /// File with variables for the compose file.
    #[serde(default)]
    pub env_file: Option<PathBuf>,
    /// Profiles to switch on.
    #[serde(default)]
    pub profiles: Vec<String>,
    /// Compose services that make up this one; default: the one with its name; `*`: every one in the file.
    #[serde(default)]
    pub services: Vec<String>,
    /// When to pull.
    #[serde(default)]
    pub pull: PullPolicy,
    /// Names of the containers that must run, where a manifest lists them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub containers: Vec<String>,
    /// Absolute path of a compose file that is read after `file`: it says the image that a relink put in the place of its
    /// own. No configuration holds it.
    #[serde(skip)]
    pub overlay: Option<PathBuf>,
}

impl ComposeSpec {
    /// The argument list that calls compose for this slice, up to its subcommand: one form for what is read and what is
    /// run, so that both mean the same project. `files` is where the tracked files lie (the project root, or an export of
    /// another commit); the environment file and the folder that relative paths start from are always the project root's.
    pub fn invocation(&self, compose: &Compose, root: &Path, files: &Path) -> Vec<String> {
        let text = |path: PathBuf| path.to_string_lossy().into_owned();
        let mut argv = compose.command.clone();
        argv.extend(self.project.iter().flat_map(|name| ["-p".to_owned(), name.clone()]));
        argv.extend(["-f".to_owned(), text(files.join(&self.file))]);
        argv.extend(self.overlay.iter().flat_map(|file| ["-f".to_owned(), text(file.clone())]));
        if compose.flavour != ComposeFlavour::Podman {
            // podman-compose knows no such flag: it always starts from the compose file's own folder.
            argv.extend(["--project-directory".to_owned(), text(root.join(self.folder()))]);
        }
        argv.extend(self.env_file.iter().flat_map(|file| ["--env-file".to_owned(), text(root.join(file))]));
        argv.extend(self.profiles.iter().flat_map(|name| ["--profile".to_owned(), name.clone()]));
        argv
    }

    /// Folder that relative paths in the file start from, relative to the project root.
    pub fn folder(&self) -> PathBuf {
        let own = self.file.parent().map(Path::to_path_buf).unwrap_or_default();
        self.project_directory.clone().unwrap_or(own)
    }
}

/// When an image is pulled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PullPolicy {
    /// On every release: a re-pushed tag is noticed.
    #[default]
    Always,
    /// Only when the image is not here: keeps an old image under a re-pushed tag.
    Missing,
    /// Never.
    Never,
}

/// An argument list as written in the configuration; the first word may be a path relative to the project root.
pub type CommandLine = Vec<String>;

/// The programs of a service that has no containers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CommandDriverSpec {
    /// Starts it; returns once it is started.
    pub start: CommandLine,
    /// Stops it; returns once it is stopped.
    pub stop: CommandLine,
    /// Exit 0: running; exit 3: stopped; anything else: unknown.
    pub status: CommandLine,
    /// Prints one line: what runs now, to compare with the intended image.
    #[serde(default)]
    pub image: Option<CommandLine>,
    /// Prints recent output.
    #[serde(default)]
    pub logs: Option<CommandLine>,
    /// Makes the new version available on this host. None: no pull step.
    #[serde(default)]
    pub pull: Option<CommandLine>,
    /// Replaces what runs by what is intended. None: stop, then start.
    #[serde(default)]
    pub recreate: Option<CommandLine>,
}

/// An HTTP question and its three clocks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProbeSpec {
    /// `http://` or `https://`; or a path (`/healthz`) on the port that the compose file publishes, which
    /// `manifest::settle::settle` turns into a full address.
    pub url: String,
    /// Wanted status.
    #[serde(default = "ok_status")]
    pub status: u16,
    /// JSON pointers into the body and the value wanted there.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub json: BTreeMap<String, serde_json::Value>,
    /// Give up after this long.
    #[serde(default = "default_deadline")]
    pub deadline: Span,
    /// Wait between two questions.
    #[serde(default = "default_interval")]
    pub interval: Span,
    /// It must answer well for this long before it counts.
    #[serde(default = "default_stay")]
    pub stay: Span,
}

impl ProbeSpec {
    /// A question with the usual clocks.
    pub fn new(url: impl Into<String>, status: u16) -> Self {
        Self {
            url: url.into(),
            status,
            json: BTreeMap::new(),
            deadline: default_deadline(),
            interval: default_interval(),
            stay: default_stay(),
        }
    }
}

fn ok_status() -> u16 {
    200
}

fn default_deadline() -> Span {
    Span::secs(90)
}

fn default_interval() -> Span {
    Span::secs(1)
}

fn default_stay() -> Span {
    Span::secs(0)
}

/// Programs around a service's start, each with how to treat an unknown end.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HooksSpec {
    /// Before the recreate.
    pub pre_start: Vec<HookSpec>,
    /// After it is healthy.
    pub post_start: Vec<HookSpec>,
    /// Last: make its configuration what it should be.
    pub ensure_config: Vec<HookSpec>,
}

/// One hook.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HookSpec {
    /// Program and arguments; a lone path is run as it is, `.sh` by bash.
    pub run: CommandLine,
    /// Exit 0 means the hook's effect is there.
    pub check: Option<CommandLine>,
    /// Running it twice does what running it once does.
    pub idempotent: bool,
    /// Its own limit.
    pub timeout: Option<Span>,
}

/// Who answers for a service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OwnerSpec {
    /// Team.
    #[serde(default)]
    pub team: Option<String>,
    /// How to reach it.
    #[serde(default)]
    pub contact: Option<String>,
    /// Where its runbook stands.
    #[serde(default)]
    pub runbook: Option<String>,
}

/// The three ways people reach a service, from the inside out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccessSpec {
    /// On this host.
    #[serde(default)]
    pub local: Option<String>,
    /// Through the host's proxy.
    #[serde(default)]
    pub proxy: Option<String>,
    /// By its public name.
    #[serde(default)]
    pub domain: Option<String>,
}

/// One thing to save before a service is changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BackupSpec {
    /// What it is and where it lives.
    pub kind: BackupKind,
    /// What happens to the writers meanwhile.
    pub quiesce: Quiesce,
    /// Why `quiesce = "none"` is safe here.
    pub reason: Option<String>,
    /// Sets kept; the largest of a service's entries rules.
    pub keep: u32,
    /// Its own limit; none by default, bytes written are the sign of life.
    pub timeout: Option<Span>,
}

/// Data that is declared by type, without saying where it lives (`backup.type` of a `manifest.yaml`, design/04).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DataClaim {
    /// Its types, in order.
    pub kinds: Vec<DataKind>,
    /// Sets kept.
    pub keep: u32,
}

/// A type of data in a `manifest.yaml`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DataKind {
    /// The database in one of its containers.
    Database,
    /// Every named volume of its containers.
    Volume,
    /// Every folder of this host that its containers mount.
    Workspace,
}

/// What kind of data, and where it lives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum BackupKind {
    /// The service has no data; the reason says why that is true.
    None {
        /// Why.
        reason: String,
    },
    /// Files and folders, relative to the project root or absolute.
    Files {
        /// What is saved.
        paths: Vec<PathBuf>,
    },
    /// A container volume, by its real name.
    Volume {
        /// The name as the runtime knows it.
        volume: String,
    },
    /// A PostgreSQL database, dumped inside its container or on this host.
    Postgres {
        /// Service whose container has the database; none: the tools on this host.
        within: Option<ServiceName>,
        /// Database name.
        database: String,
        /// Role to connect as.
        user: Option<String>,
        /// Socket folder or host name, for a database on this host.
        host: Option<String>,
        /// Port, for a database on this host.
        port: Option<u16>,
    },
    /// A MySQL or MariaDB database.
    Mysql {
        /// Service whose container has the database; none: the tools on this host.
        within: Option<ServiceName>,
        /// Database name.
        database: String,
        /// User to connect as.
        user: Option<String>,
    },
    /// A SQLite file, copied online and checked.
    Sqlite {
        /// The database file.
        path: PathBuf,
    },
    /// Names of an environment file: the service's slice of the configuration.
    Config {
        /// The file; default `.env`.
        file: PathBuf,
        /// Globs of names; empty means all.
        names: Vec<String>,
    },
    /// Programs of the service's own; each gets the folder as `HOLDPOINT_BACKUP_DIR`.
    Command {
        /// Writes into the folder.
        take: CommandLine,
        /// Says whether the folder holds a good backup.
        check: CommandLine,
        /// Puts it back.
        restore: CommandLine,
    },
}

impl BackupKind {
    /// The word in configuration, folder names and messages.
    pub fn word(&self) -> &'static str {
        match self {
            BackupKind::None { .. } => "none",
            BackupKind::Files { .. } => "files",
            BackupKind::Volume { .. } => "volume",
            BackupKind::Postgres { .. } => "postgres",
            BackupKind::Mysql { .. } => "mysql",
            BackupKind::Sqlite { .. } => "sqlite",
            BackupKind::Config { .. } => "config",
            BackupKind::Command { .. } => "command",
        }
    }

    /// Whether the server that owns the data must be up to take and restore it.
    pub fn needs_server(&self) -> bool {
        matches!(self, BackupKind::Postgres { .. } | BackupKind::Mysql { .. })
    }
}

/// What happens to the writers while a backup is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Quiesce {
    /// Nothing; needs a reason for a volume.
    None,
    /// Its containers are paused: the default for volumes.
    Pause,
    /// It is stopped and started again.
    Stop,
}

/// How git is called, always: no hooks, no file monitor, no pager, no background upkeep, no recursion into submodules,
/// plain output (design/04). Arguments follow; oids stand after `--end-of-options`.
pub const GIT_HARDENING: [&str; 20] = [
    "git",
    "--no-pager",
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "core.quotePath=false",
    "-c",
    "color.ui=false",
    "-c",
    "log.showSignature=false",
    "-c",
    "gc.auto=0",
    "-c",
    "maintenance.auto=false",
    "-c",
    "submodule.recurse=false",
    // Objects, index and refs: a power cut must not leave a checkout that git cannot read. (Git before 2.36 does not know it.)
    "-c",
    "core.fsync=all",
];

/// Variables that every git of ours sees on top of the allow-listed environment, which holds no `GIT_*` (design/04).
/// `GIT_OPTIONAL_LOCKS=0` is added where git only reads.
pub const GIT_ENVIRONMENT: [(&str, &str); 1] = [("GIT_TERMINAL_PROMPT", "0")];

/// Trailer of our own revert commits: `Holdpoint-Reverts: <ticket>`.
pub const REVERT_TRAILER: &str = "Holdpoint-Reverts";

/// Where fetched branches lie: `refs/holdpoint/incoming/<branch>`.
pub const INCOMING_REFS: &str = "refs/holdpoint/incoming/";
