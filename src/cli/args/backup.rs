//! Backups outside a release.

use clap::{Args, Subcommand};

use super::release::Act;
use crate::model::id::{BackupStamp, ServiceName};

/// `backup …`
#[derive(Debug, Clone, Subcommand)]
pub enum BackupVerb {
    /// Take verified backups now
    #[command(after_help = "Example:\n  holdpoint backup take wikijs --reason 'before the migration'")]
    Take(TakeArgs),
    /// List the sets that are kept, and what keeps them
    #[command(after_help = "Examples:\n  holdpoint backup list\n  holdpoint backup list wikijs --json")]
    List(VerifySetArgs),
    /// Compare sets with their own record, byte for byte
    #[command(after_help = "Example:\n  holdpoint backup verify wikijs 20260518_153012")]
    Verify(VerifySetArgs),
    /// Put a set back, after a safety copy of the present data
    #[command(after_help = "Example:\n  holdpoint backup restore wikijs 20260518_153012 --dry-run")]
    Restore(RestoreArgs),
    /// Remove what retention lets go
    #[command(
        after_help = "Examples:\n  holdpoint backup prune --dry-run\n  holdpoint backup prune wikijs --yes"
    )]
    Prune(PruneArgs),
}

/// `backup take`
#[derive(Debug, Clone, Args)]
pub struct TakeArgs {
    /// Services; all when none is named
    pub services: Vec<ServiceName>,
    /// Accept a backup that is much smaller than the last one
    #[arg(long)]
    pub accept_small_backup: bool,
    #[command(flatten)]
    /// What every acting verb takes.
    pub act: Act,
}

/// `backup list` and `backup verify`
#[derive(Debug, Clone, Args)]
pub struct VerifySetArgs {
    /// Only this service
    pub service: Option<ServiceName>,
    /// Only this set
    #[arg(value_name = "SET")]
    pub stamp: Option<BackupStamp>,
}

/// `backup restore`
#[derive(Debug, Clone, Args)]
pub struct RestoreArgs {
    /// Service whose data is put back
    pub service: ServiceName,
    /// Set, as `backup list` names it; the newest verified one when none is named
    #[arg(value_name = "SET")]
    pub stamp: Option<BackupStamp>,
    /// Throw away what was written since that backup
    #[arg(long)]
    pub discard_writes: bool,
    #[command(flatten)]
    /// What every acting verb takes.
    pub act: Act,
}

/// `backup prune`
#[derive(Debug, Clone, Args)]
pub struct PruneArgs {
    /// Services; all when none is named
    pub services: Vec<ServiceName>,
    #[command(flatten)]
    /// What every acting verb takes.
    pub act: Act,
}
