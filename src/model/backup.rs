//! A backup set and how it is taken and put back.

use std::collections::BTreeMap;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::id::{BackupStamp, ServiceName};
use super::quantity::Span;
use super::spec::CommandSpec;

/// `manifest.toml` of one backup set: `backups/<service>/<stamp>/`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BackupSet {
    /// Form of this file.
    pub format: u32,
    /// Service that declares it.
    pub service: ServiceName,
    /// Its folder's name.
    pub stamp: BackupStamp,
    /// When the first entry began: the write window counts from here.
    pub started_at: DateTime<Utc>,
    /// When the last entry was verified.
    pub finished_at: DateTime<Utc>,
    /// `ticket@n` it was taken for, or `manual`, or `safety:<ticket>`.
    pub taken_for: String,
    /// One per `backup` entry, in configuration order.
    pub entries: Vec<BackupEntry>,
}

impl BackupSet {
    /// Bytes of all entries.
    pub fn bytes(&self) -> u64 {
        self.entries.iter().map(|e| e.bytes).sum()
    }

    /// Whether every entry was verified when it was taken.
    pub fn is_verified(&self) -> bool {
        !self.entries.is_empty() && self.entries.iter().all(|e| e.verified)
    }
}

/// One entry of a set, in the folder `<n>-<kind>/`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BackupEntry {
    /// Its number, from 1.
    pub number: u32,
    /// Kind.
    pub kind: String,
    /// What was saved, for a person (`volume wikijs_data`, `database wikijs in postgres`).
    pub source: String,
    /// Size in bytes of all files.
    pub bytes: u64,
    /// Milliseconds it took.
    pub ms: u64,
    /// Its format check passed.
    pub verified: bool,
    /// What produced it, where a command did.
    pub command: Option<String>,
    /// Each file, relative to the entry's folder, with its sha256.
    pub files: BTreeMap<String, String>,
}

/// One entry to take, fully decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BackupJob {
    /// Service that declares it.
    pub service: ServiceName,
    /// Its number, from 1, and of how many: the last one closes the set.
    pub number: u32,
    /// How many entries the set has.
    pub of: u32,
    /// Kind.
    pub kind: String,
    /// What is saved, for a person.
    pub source: String,
    /// How it is read.
    pub method: TakeMethod,
    /// Commands before reading (pause, stop).
    pub before: Vec<CommandSpec>,
    /// Commands after reading (unpause, start): run whatever happened.
    pub after: Vec<CommandSpec>,
    /// Refuse to finish smaller than this many bytes.
    pub at_least: Option<u64>,
    /// Stop when free space falls below this many bytes.
    pub floor: u64,
    /// Its own limit.
    pub timeout: Option<Span>,
    /// What it is taken for (see [`BackupSet::taken_for`]).
    pub taken_for: String,
}

/// How the data is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "method", rename_all = "kebab-case")]
pub enum TakeMethod {
    /// Files and folders, walked in-process into a tar with owners and modes.
    Tree {
        /// Absolute paths.
        paths: Vec<PathBuf>,
    },
    /// A command whose standard output is the backup.
    Stream {
        /// File name in the entry's folder.
        file: String,
        /// Writes it to standard output.
        produce: CommandSpec,
        /// Reads the finished file on standard input and judges its format.
        check: Option<CommandSpec>,
    },
    /// A SQLite database, copied online in-process, integrity checked.
    Sqlite {
        /// The database file.
        path: PathBuf,
    },
    /// A slice of an environment file, copied in-process.
    Config {
        /// The file.
        file: PathBuf,
        /// Globs of names; empty means all.
        names: Vec<String>,
    },
    /// Programs of the service's own, each with the folder in `HOLDPOINT_BACKUP_DIR`.
    Custom {
        /// Writes into the folder.
        take: CommandSpec,
        /// Judges the folder.
        check: CommandSpec,
    },
}

/// One entry to put back, fully decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RestoreJob {
    /// Service that declares it.
    pub service: ServiceName,
    /// Set it comes from.
    pub stamp: BackupStamp,
    /// Entry number in that set.
    pub number: u32,
    /// Kind.
    pub kind: String,
    /// What is put back, for a person.
    pub source: String,
    /// How it is written.
    pub method: PutMethod,
}

/// How the data is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "method", rename_all = "kebab-case")]
pub enum PutMethod {
    /// Paths are emptied and filled from the tar in-process; afterwards content, mode and owner are compared.
    Tree {
        /// Absolute paths, as they were saved.
        paths: Vec<PathBuf>,
    },
    /// Commands in order; those with [`super::spec::Payload::Backup`] as input read the backup's file.
    Commands {
        /// File name in the entry's folder.
        file: String,
        /// What is run.
        commands: Vec<CommandSpec>,
    },
    /// The SQLite file is replaced and checked.
    Sqlite {
        /// The database file.
        path: PathBuf,
    },
    /// The saved names are put back into the environment file; others stay.
    Config {
        /// The file.
        file: PathBuf,
        /// Globs of names; empty means all.
        names: Vec<String>,
    },
    /// A program of the service's own, with the folder in `HOLDPOINT_BACKUP_DIR`.
    Custom {
        /// Puts it back.
        restore: CommandSpec,
    },
}
