//! Known failures as data.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::release::Act;
use super::values;
use crate::model::id::{ServiceName, StepName, TicketId};
use crate::model::phase::Phase;

/// `playbook …`
#[derive(Debug, Clone, Subcommand)]
pub enum PlaybookVerb {
    /// Every playbook that is known here
    #[command(after_help = "Example:\n  holdpoint playbook list")]
    List(ListPlaybooksArgs),
    /// What a playbook says
    #[command(after_help = "Example:\n  holdpoint playbook show release-verify-race")]
    Show(ShowPlaybookArgs),
    /// Which playbook a failure looks like
    ///
    /// Of a ticket: its log, the step that failed, what that printed, its evidence. At most one match is strong for each
    /// step that failed; none is an answer, too, and ends with 5.
    #[command(
        after_help = "Examples:\n  holdpoint playbook match 1234\n  holdpoint playbook match --stdin --phase migrate < output.txt"
    )]
    Match(MatchArgs),
    /// Run the detection of a playbook, and with --apply what it does now
    ///
    /// Detection commands only look, and each has ten seconds. With --apply each command is shown and agreed to, none runs
    /// after one that failed, and all stands in the audit log.
    #[command(
        after_help = "Examples:\n  holdpoint playbook run release-verify-race --ticket 1234\n  holdpoint playbook run release-leftover-container --service wikijs --apply"
    )]
    Run(RunPlaybookArgs),
    /// What is wrong with playbooks
    #[command(
        after_help = "Examples:\n  holdpoint playbook lint\n  holdpoint playbook lint recovery/playbooks/release-mine.yaml"
    )]
    Lint(LintArgs),
    /// Hold the recorded failures in recovery/samples against the playbooks
    #[command(
        after_help = "Examples:\n  holdpoint playbook test\n  holdpoint playbook test release-verify-race"
    )]
    Test(TestArgs),
    /// Draft a playbook from a failure, as a patch to commit where you develop
    #[command(after_help = "Example:\n  holdpoint playbook new --from 1234 | git -C ../checkout apply")]
    New(NewPlaybookArgs),
}

/// `playbook list`
#[derive(Debug, Clone, Args)]
pub struct ListPlaybooksArgs {
    /// Only those with this word in their id or tags
    pub word: Option<String>,
}

/// `playbook show`
#[derive(Debug, Clone, Args)]
pub struct ShowPlaybookArgs {
    /// Playbook
    pub id: String,
}

/// `playbook match`
#[derive(Debug, Clone, Args)]
pub struct MatchArgs {
    /// Ticket whose last failure is looked at
    #[arg(value_parser = values::ticket, required_unless_present = "stdin", conflicts_with = "stdin")]
    pub ticket: Option<TicketId>,
    /// Read what was printed from standard input
    #[arg(long)]
    pub stdin: bool,
    /// Phase it failed in
    #[arg(long, value_name = "PHASE", conflicts_with = "ticket")]
    pub phase: Option<Phase>,
    /// Step that failed, such as `wikijs.recreate`
    #[arg(long, value_name = "STEP", value_parser = values::step, conflicts_with = "ticket")]
    pub step: Option<StepName>,
    /// Exit status
    #[arg(long, value_name = "N", conflicts_with = "ticket", allow_negative_numbers = true)]
    pub rc: Option<i32>,
    /// Program that failed, with its arguments
    #[arg(long, value_name = "COMMAND", conflicts_with = "ticket")]
    pub tool: Option<String>,
}

/// `playbook run`
#[derive(Debug, Clone, Args)]
pub struct RunPlaybookArgs {
    /// Playbook
    pub id: String,
    /// Ticket that fills in `{{ticket}}`
    #[arg(long, value_name = "TICKET", value_parser = values::ticket)]
    pub ticket: Option<TicketId>,
    /// Service that fills in `{{service}}`; without it the one whose step failed
    #[arg(long, value_name = "SERVICE")]
    pub service: Option<ServiceName>,
    /// Do what it does now
    #[arg(long)]
    pub apply: bool,
    /// Refuse unless its commands are still those that were shown
    #[arg(long, value_name = "ID", value_parser = values::plan_id, requires = "apply")]
    pub plan: Option<String>,
    #[command(flatten)]
    /// What every acting verb takes.
    pub act: Act,
}

/// `playbook lint`
#[derive(Debug, Clone, Args)]
pub struct LintArgs {
    /// Files; every playbook that is known here when none is named
    pub files: Vec<PathBuf>,
}

/// `playbook test`
#[derive(Debug, Clone, Args)]
pub struct TestArgs {
    /// Only samples of these playbooks
    #[arg(value_name = "ID")]
    pub ids: Vec<String>,
}

/// `playbook new`
#[derive(Debug, Clone, Args)]
pub struct NewPlaybookArgs {
    /// Ticket whose last failure it is drafted from
    #[arg(long, value_name = "TICKET", value_parser = values::ticket)]
    pub from: TicketId,
    #[command(flatten)]
    /// What every acting verb takes.
    pub act: Act,
}
