//! One service of `.asd/release.toml` as it is written (design/04).

use schemars::JsonSchema;
use serde::Deserialize;

use super::forms::{Hook, OneOrMany};
use crate::model::id::ServiceName;
use crate::model::quantity::Span;
use crate::model::spec::{
    AccessSpec, CommandDriverSpec, CommandLine, OwnerSpec, ProbeSpec, PullPolicy, Quiesce,
};

use super::raw::RawCommand;

/// A service of this host. One of the same name in a discovered manifest is refined by the keys given here.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawService {
    /// What runs it; default: what is given below, `compose` or `commands`.
    pub(super) driver: Option<RawDriver>,
    /// Its name for people.
    pub(super) display_name: Option<String>,
    /// Its slice of a compose project.
    pub(super) compose: Option<RawCompose>,
    /// Its programs, for `driver = "command"`.
    pub(super) commands: Option<CommandDriverSpec>,
    /// Globs: which changes touch this service; default: the folder of its compose file.
    pub(super) paths: Option<Vec<String>>,
    /// Intended image reference; default: what the compose file says.
    pub(super) image: Option<String>,
    /// Services that must be up before it.
    #[schemars(with = "Option<Vec<String>>")]
    pub(super) depends_on: Option<Vec<ServiceName>>,
    /// How to ask whether it is well.
    pub(super) health: Option<ProbeSpec>,
    /// Programs around its start.
    pub(super) hooks: Option<RawHooks>,
    /// Prints the schema version of its data.
    pub(super) schema: Option<RawCommand>,
    /// Who answers for it.
    pub(super) owner: Option<OwnerSpec>,
    /// Where people reach it.
    pub(super) access: Option<AccessSpec>,
    /// What must be saved before it may be changed: a table or a list of tables.
    pub(super) backup: Option<OneOrMany<RawBackup>>,
}

/// What runs a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum RawDriver {
    /// Containers of a compose project.
    Compose,
    /// Programs of the host's own.
    Command,
}

/// A slice of a compose project.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawCompose {
    /// The compose file, relative to the project root.
    pub(super) file: Option<String>,
    /// Project name. A wrong one would start a second stack on empty volumes.
    pub(super) project: Option<String>,
    /// Folder that relative paths in the file start from; default: the file's own.
    pub(super) project_directory: Option<String>,
    /// File with variables for the compose file.
    pub(super) env_file: Option<String>,
    /// Profiles to switch on.
    pub(super) profiles: Option<Vec<String>>,
    /// Compose services that make up this one; default: the one with its name; `*`: every one in the file.
    pub(super) services: Option<Vec<String>>,
    /// When to pull; default `always`.
    pub(super) pull: Option<PullPolicy>,
}

/// Programs around a service's start, each a hook or a list of hooks.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawHooks {
    /// Before the recreate.
    pub(super) pre_start: OneOrMany<Hook>,
    /// After it is healthy.
    pub(super) post_start: OneOrMany<Hook>,
    /// Last: make its configuration what it should be.
    pub(super) ensure_config: OneOrMany<Hook>,
}

/// One thing to save before a service is changed; which keys it takes depends on `kind`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawBackup {
    /// What kind of data.
    pub(super) kind: RawKind,
    /// Why there is no data (`none`), or why nothing needs to be quiet (`quiesce = "none"`).
    pub(super) reason: Option<String>,
    /// `files`: what is saved, relative to the project root or absolute.
    pub(super) paths: Option<Vec<String>>,
    /// `volume`: its real name.
    pub(super) volume: Option<String>,
    /// `postgres`, `mysql`: service whose container has the database; default: the tools of this host.
    #[serde(rename = "in")]
    #[schemars(with = "Option<String>")]
    pub(super) within: Option<ServiceName>,
    /// `postgres`, `mysql`: database name.
    pub(super) database: Option<String>,
    /// `postgres`, `mysql`: whom to connect as.
    pub(super) user: Option<String>,
    /// `postgres`: socket folder or host name, for a database on this host.
    pub(super) host: Option<String>,
    /// `postgres`: port, for a database on this host.
    pub(super) port: Option<u16>,
    /// `sqlite`: the database file.
    pub(super) path: Option<String>,
    /// `config`: the environment file; default `.env`.
    pub(super) file: Option<String>,
    /// `config`: globs of names; default: all.
    pub(super) names: Option<Vec<String>>,
    /// `command`: writes into the folder in `HOLDPOINT_BACKUP_DIR`.
    pub(super) take: Option<CommandLine>,
    /// `command`: says whether that folder holds a good backup.
    pub(super) check: Option<CommandLine>,
    /// `command`: puts it back.
    pub(super) restore: Option<CommandLine>,
    /// What happens to the writers meanwhile; default: `pause` for volumes and for files of containers.
    pub(super) quiesce: Option<Quiesce>,
    /// Sets kept; the largest of a service's entries rules; default 5.
    pub(super) keep: Option<u32>,
    /// Its own limit; default: none, bytes written are the sign of life.
    pub(super) timeout: Option<Span>,
}

/// What kind of data is saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum RawKind {
    /// There is none.
    None,
    /// Files and folders.
    Files,
    /// A container volume.
    Volume,
    /// A PostgreSQL database.
    Postgres,
    /// A MySQL or MariaDB database.
    Mysql,
    /// A SQLite file.
    Sqlite,
    /// A slice of an environment file.
    Config,
    /// Programs of the service's own.
    Command,
}
