//! Verbs that release, take back, or end a release.

use std::collections::BTreeMap;

use clap::Args;

use super::values;
use crate::model::gather::Gather;
use crate::model::id::{AttemptId, BranchName, Oid, ServiceName, StepName, TicketId};
use crate::model::phase::Phase;
use crate::model::quantity::Span;
use crate::model::release::Approvable;
use crate::model::request::{RevertRequest, RunRequest, Take};
use crate::model::rollout::HostName;

/// What every verb that changes something takes.
#[derive(Debug, Clone, Default, Args)]
pub struct Act {
    /// Show what would be done and change nothing
    #[arg(long, help_heading = "Acting")]
    pub dry_run: bool,
    /// Why, for the audit log
    #[arg(long, value_name = "TEXT", help_heading = "Acting")]
    pub reason: Option<String>,
    /// Go ahead without asking
    #[arg(long, short = 'y', help_heading = "Acting")]
    pub yes: bool,
    /// Wait up to this long while another run holds the host, for example 10m
    #[arg(long, value_name = "DUR", help_heading = "Acting")]
    pub lock_wait: Option<Span>,
}

/// `run TICKET`
#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag that a person types")]
pub struct RunArgs {
    /// Ticket to release
    #[arg(value_parser = values::ticket)]
    pub ticket: TicketId,
    /// Resume from this phase: prepare, migrate, ticket or verify
    #[arg(long, value_name = "PHASE", value_parser = values::from_phase)]
    pub from: Option<Phase>,
    /// Refuse unless the plan is still the one of that dry run
    #[arg(long, value_name = "ID", value_parser = values::plan_id)]
    pub plan: Option<String>,
    /// Leave the migrate phase out
    #[arg(long, requires = "reason", help_heading = "Leaving out")]
    pub skip_migrate: bool,
    /// Leave the ticket phase out
    #[arg(long, requires = "reason", help_heading = "Leaving out")]
    pub skip_ticket: bool,
    /// Leave the verify phase out
    #[arg(long, requires = "reason", help_heading = "Leaving out")]
    pub skip_verify: bool,
    /// Release from this branch
    #[arg(long, value_name = "NAME", help_heading = "What to release")]
    pub branch: Option<BranchName>,
    /// The same as `--branch` with the branch that is checked out
    #[arg(long, conflicts_with = "branch", help_heading = "What to release")]
    pub force_allow_non_main: bool,
    /// Stop at this commit of the branch: its whole id, as `git rev-parse` prints it
    #[arg(long, value_name = "OID", value_parser = values::oid, help_heading = "What to release")]
    pub at: Option<Oid>,
    /// Take this commit, by its whole id, as the one before the release although HEAD moved
    #[arg(long, value_name = "OID", value_parser = values::oid, requires = "reason", help_heading = "What to release")]
    pub base: Option<Oid>,
    /// Release these services instead of finding them by their paths
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', help_heading = "What to release")]
    pub services: Option<Vec<ServiceName>>,
    /// Do not ask the remote
    #[arg(long, help_heading = "What to release")]
    pub no_fetch: bool,
    /// Take over this unfinished release
    #[arg(long, value_name = "TICKET", requires = "reason", value_parser = values::ticket, help_heading = "Other tickets")]
    pub supersedes: Option<TicketId>,
    /// Run the scripts of these tickets, too, in this order, before ours
    #[arg(long, value_name = "TICKET,…", value_delimiter = ',', value_parser = values::ticket, conflicts_with = "without_scripts", help_heading = "Other tickets")]
    pub with_tickets: Vec<TicketId>,
    /// Leave the scripts of other tickets alone
    #[arg(long, help_heading = "Other tickets")]
    pub without_scripts: bool,
    /// Start no script of the ticket: they run on this other host alone, which is recorded
    #[arg(long, value_name = "HOST", conflicts_with_all = ["skip_ticket", "with_tickets"], help_heading = "Leaving out")]
    pub ticket_ran_on: Option<HostName>,
    /// Let these reverted tickets come back
    #[arg(long, value_name = "TICKET,…", value_delimiter = ',', requires = "reason", value_parser = values::ticket, help_heading = "Other tickets")]
    pub reintroduce: Vec<TicketId>,
    /// Take commits that came since into this release
    #[arg(long, requires = "from", help_heading = "Resuming")]
    pub take_new_commits: bool,
    /// Go on although scripts, services or configuration changed
    #[arg(long, requires = "reason", help_heading = "Resuming")]
    pub accept_changes: bool,
    /// Go on although an earlier failure left this host unproven
    #[arg(long, requires = "reason", help_heading = "Resuming")]
    pub accept_untrusted: bool,
    /// Accept a backup that is much smaller than the last one
    #[arg(long, help_heading = "Resuming")]
    pub accept_small_backup: bool,
    /// Run this step again although its end is unknown
    #[arg(long, value_name = "STEP", value_parser = values::step, help_heading = "Resuming")]
    pub run_again: Option<StepName>,
    /// Take this step as done although its end is unknown
    #[arg(long, value_name = "STEP", value_parser = values::step, conflicts_with = "run_again", help_heading = "Resuming")]
    pub mark_done: Option<StepName>,
    /// Wait this long for health, in this attempt only; of one service or of all
    #[arg(long, value_name = "[SERVICE=]DUR", value_parser = values::health_deadline, help_heading = "Health")]
    pub health_deadline: Vec<(Option<ServiceName>, Span)>,
    #[command(flatten)]
    /// What every acting verb takes.
    pub act: Act,
}

impl RunArgs {
    /// The request that was typed.
    pub fn request(self) -> RunRequest {
        let skips = [
            (self.skip_migrate, Phase::Migrate),
            (self.skip_ticket, Phase::Ticket),
            (self.skip_verify, Phase::Verify),
        ];
        RunRequest {
            anew: None,
            ticket: self.ticket,
            from: self.from,
            skip: skips.into_iter().filter(|(skip, _)| *skip).map(|(_, phase)| phase).collect(),
            branch: self.branch,
            current_branch: self.force_allow_non_main,
            at: self.at,
            base: self.base,
            services: self.services,
            supersedes: self.supersedes,
            with_tickets: self.with_tickets,
            without_scripts: self.without_scripts,
            ticket_ran_on: self.ticket_ran_on,
            reintroduce: self.reintroduce,
            no_fetch: self.no_fetch,
            accept_small_backup: self.accept_small_backup,
            take_new_commits: self.take_new_commits,
            accept_changes: self.accept_changes,
            accept_untrusted: self.accept_untrusted,
            plan: self.plan,
            run_again: self.run_again,
            mark_done: self.mark_done,
            health_deadline: self.health_deadline.into_iter().gather::<BTreeMap<_, _>>(),
            reason: self.act.reason,
            approved_by: None,
        }
    }
}

/// `revert TICKET`
#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag that a person types")]
pub struct RevertArgs {
    /// Ticket to take back
    #[arg(value_parser = values::ticket)]
    pub ticket: TicketId,
    /// Leave the tree as it is
    #[arg(long)]
    pub skip_git: bool,
    /// Leave the data as it is
    #[arg(long)]
    pub skip_data: bool,
    /// Throw away what was written since the backups
    #[arg(long, conflicts_with = "skip_data")]
    pub discard_writes: bool,
    /// Take back the releases on top of it, too
    #[arg(long)]
    pub with_later: bool,
    /// Refuse unless the plan is still the one of that dry run
    #[arg(long, value_name = "ID", value_parser = values::plan_id)]
    pub plan: Option<String>,
    /// Run this step again although its end is unknown
    #[arg(long, value_name = "STEP", value_parser = values::step)]
    pub run_again: Option<StepName>,
    /// Take this step as done although its end is unknown
    #[arg(long, value_name = "STEP", value_parser = values::step, conflicts_with = "run_again")]
    pub mark_done: Option<StepName>,
    /// Who else agreed, for the audit log; nobody checks it
    #[arg(long, value_name = "NAME")]
    pub approved_by: Option<String>,
    #[command(flatten)]
    /// What every acting verb takes.
    pub act: Act,
}

impl RevertArgs {
    /// The request that was typed.
    pub fn request(self) -> RevertRequest {
        let take = |skip| if skip { Take::Leave } else { Take::Back };
        RevertRequest {
            ticket: self.ticket,
            git: take(self.skip_git),
            data: take(self.skip_data),
            discard_writes: self.discard_writes,
            with_later: self.with_later,
            plan: self.plan,
            run_again: self.run_again,
            mark_done: self.mark_done,
            reason: self.act.reason,
            approved_by: self.approved_by,
        }
    }
}

/// `close TICKET`
#[derive(Debug, Clone, Args)]
pub struct CloseArgs {
    /// Ticket that will never be resumed
    #[arg(value_parser = values::ticket)]
    pub ticket: TicketId,
    /// Say how the cause was closed that a playbook's remedy left open; the release itself stays as it is
    #[arg(long, value_name = "TEXT")]
    pub cause: Option<String>,
    #[command(flatten)]
    /// What every acting verb takes.
    pub act: Act,
}

/// `cancel ID`
#[derive(Debug, Clone, Args)]
pub struct CancelArgs {
    /// Attempt to stop, as `1234@1`
    #[arg(value_name = "ID")]
    pub attempt: AttemptId,
    /// The same id once more: the consent, where there is no terminal to ask
    #[arg(long, value_name = "ID")]
    pub confirm: Option<AttemptId>,
    #[command(flatten)]
    /// What every acting verb takes.
    pub act: Act,
}

/// `approve TICKET`
#[derive(Debug, Clone, Args)]
pub struct ApproveArgs {
    /// Ticket that waits at a hold point, or of which another operator wants something put back
    #[arg(value_parser = values::ticket)]
    pub ticket: TicketId,
    /// What waits for a second operator, where several things wait
    #[arg(long = "for", value_name = "VERB", value_parser = values::approvable())]
    pub verb: Option<Approvable>,
    #[command(flatten)]
    /// What every acting verb takes.
    pub act: Act,
}

/// `once KEY -- CMD…`
#[derive(Debug, Clone, Args)]
pub struct OnceArgs {
    /// Name of what is done once in this release
    pub key: String,
    /// Program and arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    pub command: Vec<String>,
    #[command(flatten)]
    /// What every acting verb takes.
    pub act: Act,
}

/// `return-to-main`
#[derive(Debug, Clone, Args)]
pub struct ReturnArgs {
    #[command(flatten)]
    /// What every acting verb takes.
    pub act: Act,
}

/// `configure SERVICE`
#[derive(Debug, Clone, Args)]
pub struct ConfigureArgs {
    /// Service whose hooks are run
    pub service: ServiceName,
    #[command(flatten)]
    /// What every acting verb takes.
    pub act: Act,
}
