//! A branch of somebody's beside production.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::release::Act;
use super::values;
use crate::model::id::{BranchName, Oid, ServiceName};
use crate::model::preview::{PreviewId, PreviewKind, PreviewName, PreviewUpRequest};

/// `preview …`
#[derive(Debug, Clone, Subcommand)]
pub enum PreviewVerb {
    /// Run a branch beside production: a work tree and a compose project of its own
    ///
    /// Its containers, ports, volumes and networks are its own: ports are free ones of loopback, volumes begin empty, and
    /// what would reach beyond that is refused. Production's environment file is not read, and nothing of the branch is run
    /// but its containers.
    #[command(
        after_help = "Examples:\n  holdpoint preview up --type pr --id 12\n  holdpoint preview up --type branch --id feature-x --branch feature/x --dry-run\n  holdpoint preview up --type source --id try --at COMMIT --services web,db"
    )]
    Up(PreviewUpArgs),
    /// What there is, how it is, and where it can be reached
    #[command(after_help = "Examples:\n  holdpoint preview list\n  holdpoint preview list --json")]
    List,
    /// Take a preview away, and prove that it is gone and nothing else is
    ///
    /// What was cut off goes on with the same command.
    #[command(
        after_help = "Examples:\n  holdpoint preview cleanup --type pr --id 12 --dry-run\n  holdpoint preview cleanup --type pr --id 12 --confirm pr-12"
    )]
    Cleanup(PreviewCleanupArgs),
}

/// Which preview.
#[derive(Debug, Clone, Args)]
pub struct PreviewIdArgs {
    /// What it was made for: pr, branch or source
    #[arg(long = "type", value_name = "TYPE")]
    pub kind: PreviewKind,
    /// Which: lower-case letters, digits and `-`
    #[arg(long, value_name = "ID")]
    pub id: PreviewName,
}

impl PreviewIdArgs {
    /// Which preview is meant.
    pub fn of(&self) -> PreviewId {
        PreviewId { kind: self.kind, id: self.id.clone() }
    }
}

/// `preview up`
#[derive(Debug, Clone, Args)]
pub struct PreviewUpArgs {
    #[command(flatten)]
    /// Which.
    pub id: PreviewIdArgs,
    /// Branch of the remote to show; of type branch, the id by default
    #[arg(long, value_name = "NAME", conflicts_with = "at")]
    pub branch: Option<BranchName>,
    /// A commit that is known here: its whole id, as `git rev-parse` prints it
    #[arg(long, value_name = "OID", value_parser = values::oid)]
    pub at: Option<Oid>,
    /// Only these services
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    pub services: Vec<ServiceName>,
    /// A file with values for its compose files, in the place of production's
    #[arg(long, value_name = "FILE")]
    pub env_file: Option<PathBuf>,
    #[command(flatten)]
    /// What every acting verb takes.
    pub act: Act,
}

impl PreviewUpArgs {
    /// What is wanted.
    pub fn request(&self) -> PreviewUpRequest {
        PreviewUpRequest {
            id: self.id.of(),
            branch: self.branch.clone(),
            at: self.at.clone(),
            services: self.services.clone(),
            env_file: self.env_file.clone(),
        }
    }
}

/// `preview cleanup`
#[derive(Debug, Clone, Args)]
pub struct PreviewCleanupArgs {
    #[command(flatten)]
    /// Which.
    pub id: PreviewIdArgs,
    /// Its type and id once more, as TYPE-ID: goes ahead without asking
    #[arg(long, value_name = "TYPE-ID")]
    pub confirm: Option<String>,
    #[command(flatten)]
    /// What every acting verb takes.
    pub act: Act,
}
