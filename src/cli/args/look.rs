//! Verbs that look and change nothing.

use std::path::PathBuf;

use clap::Args;

use super::values::{self, Since};
use crate::model::id::{BranchName, ServiceName, TicketId};

/// `list`
#[derive(Debug, Clone, Args)]
pub struct ListArgs {
    /// Every attempt, not only the last twenty; archived ones, too
    #[arg(long)]
    pub all: bool,
    /// Rebuild the index from the logs first
    #[arg(long)]
    pub reindex: bool,
}

/// `state TICKET`
#[derive(Debug, Clone, Args)]
pub struct StateArgs {
    /// Ticket
    pub ticket: TicketId,
    /// Print the state file for a shell's `eval`
    #[arg(long)]
    pub export: bool,
}

/// `log TICKET`
#[derive(Debug, Clone, Args)]
pub struct LogArgs {
    /// Ticket
    pub ticket: TicketId,
    /// Follow a live run and end with its exit status
    #[arg(long, short)]
    pub follow: bool,
    /// Check the chain: every changed, dropped or inserted byte is found
    #[arg(long, conflicts_with = "follow")]
    pub verify: bool,
}

/// `report TICKET -o FILE`
#[derive(Debug, Clone, Args)]
pub struct ReportArgs {
    /// Ticket
    pub ticket: TicketId,
    /// HTML file to write; `-` is standard output
    #[arg(long, short, value_name = "FILE")]
    pub output: PathBuf,
}

/// `check`
#[derive(Debug, Clone, Args)]
pub struct CheckArgs {
    /// Ticket that would be released
    #[arg(value_parser = values::ticket)]
    pub ticket: Option<TicketId>,
    /// What the configuration changed since this commit or branch
    #[arg(long, value_name = "REF", conflicts_with = "incoming")]
    pub diff: Option<String>,
    /// What a release of this branch would do
    #[arg(long, value_name = "BRANCH")]
    pub incoming: Option<BranchName>,
    /// Only the host's own guardrail (`[guard] command`): its output and whether it passes
    #[arg(long, conflicts_with_all = ["ticket", "diff", "incoming"])]
    pub guard: bool,
}

/// `status`
#[derive(Debug, Clone, Args)]
pub struct StatusArgs {
    /// Only these services
    pub services: Vec<ServiceName>,
}

/// `drift`
#[derive(Debug, Clone, Args)]
pub struct DriftArgs {
    /// End with exit status 6 when anything differs
    #[arg(long)]
    pub check: bool,
}

/// `doctor`
#[derive(Debug, Clone, Args)]
pub struct DoctorArgs {
    /// For the boot unit: record and tell which releases a crash interrupted, and examine nothing
    #[arg(long)]
    pub notify_interrupted: bool,
}

/// `logs SERVICE`
#[derive(Debug, Clone, Args)]
pub struct LogsArgs {
    /// Service
    pub service: ServiceName,
    /// Go on showing what it prints; Ctrl-C ends it
    #[arg(long, short)]
    pub follow: bool,
    /// So many of the last lines; without it fifty, or with --since all
    #[arg(long, value_name = "N")]
    pub tail: Option<u32>,
    /// Only lines since then: a span such as `10m`, or a time such as `2026-05-18T15:30:00Z`
    #[arg(long, value_name = "SPAN|TIME", value_parser = values::since)]
    pub since: Option<Since>,
}
