//! Releases: begin one, resume it, take it back, pass its hold point, end it; backups; the plan of each beforehand.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::http::asked::Asked;
use crate::http::problem::Problem;

use crate::model::id::{BackupStamp, BranchName, Oid, ServiceName, StepName, TicketId};
use crate::model::phase::Phase;
use crate::model::quantity::Span;
use crate::model::release::Approvable;
use crate::model::request::{RevertRequest, RunRequest, Take};
use crate::model::rollout::HostName;
use crate::model::view::{BackupRow, BackupVerifyRow, Decision};
use crate::ops::{Host, backup, release};

use super::words::Words;

/// `run`: each word is an option of the command line.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of the command line")]
pub(in crate::http) struct RunBody {
    from: Option<Phase>,
    plan: Option<String>,
    skip_migrate: bool,
    skip_ticket: bool,
    skip_verify: bool,
    branch: Option<BranchName>,
    force_allow_non_main: bool,
    at: Option<Oid>,
    base: Option<Oid>,
    services: Vec<ServiceName>,
    no_fetch: bool,
    supersedes: Option<TicketId>,
    with_tickets: Vec<TicketId>,
    without_scripts: bool,
    ticket_ran_on: Option<HostName>,
    reintroduce: Vec<TicketId>,
    take_new_commits: bool,
    accept_changes: bool,
    accept_untrusted: bool,
    accept_small_backup: bool,
    run_again: Option<StepName>,
    mark_done: Option<StepName>,
    /// `90s`, or `wikijs=90s`
    health_deadline: Vec<String>,
    lock_wait: Option<Span>,
    reason: Option<String>,
}

pub(in crate::http) fn run(asked: &Asked, body: RunBody) -> Result<Vec<String>, Problem> {
    let ticket: TicketId = asked.word("ticket")?;
    Ok(Words::of(["run", ticket.as_str(), "--yes"])
        .with("--from", body.from)
        .with("--plan", body.plan)
        .on("--skip-migrate", body.skip_migrate)
        .on("--skip-ticket", body.skip_ticket)
        .on("--skip-verify", body.skip_verify)
        .with("--branch", body.branch)
        .on("--force-allow-non-main", body.force_allow_non_main)
        .with("--at", body.at)
        .with("--base", body.base)
        .each("--services", &body.services)
        .on("--no-fetch", body.no_fetch)
        .with("--supersedes", body.supersedes)
        .each("--with-tickets", &body.with_tickets)
        .on("--without-scripts", body.without_scripts)
        .with("--ticket-ran-on", body.ticket_ran_on)
        .each("--reintroduce", &body.reintroduce)
        .on("--take-new-commits", body.take_new_commits)
        .on("--accept-changes", body.accept_changes)
        .on("--accept-untrusted", body.accept_untrusted)
        .on("--accept-small-backup", body.accept_small_backup)
        .with("--run-again", body.run_again)
        .with("--mark-done", body.mark_done)
        .each("--health-deadline", &body.health_deadline)
        .with("--lock-wait", body.lock_wait)
        .with("--reason", body.reason)
        .line())
}

/// `revert`: each word is an option of the command line.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of the command line")]
pub(in crate::http) struct RevertBody {
    skip_git: bool,
    skip_data: bool,
    discard_writes: bool,
    with_later: bool,
    plan: Option<String>,
    run_again: Option<StepName>,
    mark_done: Option<StepName>,
    lock_wait: Option<Span>,
    approved_by: Option<String>,
    reason: Option<String>,
}

pub(in crate::http) fn revert(asked: &Asked, body: RevertBody) -> Result<Vec<String>, Problem> {
    let ticket: TicketId = asked.word("ticket")?;
    Ok(Words::of(["revert", ticket.as_str(), "--yes"])
        .on("--skip-git", body.skip_git)
        .on("--skip-data", body.skip_data)
        .on("--discard-writes", body.discard_writes)
        .on("--with-later", body.with_later)
        .with("--plan", body.plan)
        .with("--run-again", body.run_again)
        .with("--mark-done", body.mark_done)
        .with("--lock-wait", body.lock_wait)
        .with("--approved-by", body.approved_by)
        .with("--reason", body.reason)
        .line())
}

/// Why.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(in crate::http) struct ReasonBody {
    reason: Option<String>,
}

impl ReasonBody {
    pub(in crate::http) fn into_reason(self) -> Option<String> {
        self.reason
    }
}

/// What is agreed to where it is not a hold point, and why.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(in crate::http) struct ApproveBody {
    #[serde(rename = "for")]
    verb: Option<Approvable>,
    reason: Option<String>,
}

pub(in crate::http) fn approve(asked: &Asked, body: ApproveBody) -> Result<Vec<String>, Problem> {
    let ticket: TicketId = asked.word("ticket")?;
    Ok(Words::of(["approve", ticket.as_str(), "--yes"])
        .with("--for", body.verb)
        .with("--reason", body.reason)
        .line())
}

/// Why, and how the cause was closed that a playbook's remedy left open.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(in crate::http) struct CloseBody {
    cause: Option<String>,
    reason: Option<String>,
}

pub(in crate::http) fn close(asked: &Asked, body: CloseBody) -> Result<Vec<String>, Problem> {
    let ticket: TicketId = asked.word("ticket")?;
    Ok(Words::of(["close", ticket.as_str(), "--yes"])
        .with("--cause", body.cause)
        .with("--reason", body.reason)
        .line())
}

pub(in crate::http) fn return_to_main(_: &Asked, body: ReasonBody) -> Result<Vec<String>, Problem> {
    Ok(Words::of(["return-to-main", "--yes"]).with("--reason", body.reason).line())
}

pub(in crate::http) fn configure(asked: &Asked, body: ReasonBody) -> Result<Vec<String>, Problem> {
    let service: ServiceName = asked.word("service")?;
    Ok(Words::of(["configure", service.as_str(), "--yes"]).with("--reason", body.reason).line())
}

/// Which verb's plan.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of the command line")]
pub(in crate::http) struct PlanQuery {
    /// `run` when it is left out.
    #[serde(default)]
    verb: PlanOf,
    /// Resume from this phase.
    from: Option<Phase>,
    /// In a revert: leave the tree.
    #[serde(default)]
    skip_git: bool,
    /// In a revert: leave the data.
    #[serde(default)]
    skip_data: bool,
    /// In a revert: throw away what was written since the backups.
    #[serde(default)]
    discard_writes: bool,
    /// In a revert: the releases on top of it, too.
    #[serde(default)]
    with_later: bool,
    /// In a run: do not ask the remote.
    #[serde(default)]
    no_fetch: bool,
}

#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum PlanOf {
    #[default]
    Run,
    Revert,
}

pub(in crate::http) fn plan(host: &Host, asked: &Asked, query: PlanQuery) -> Result<Decision, Problem> {
    let ticket: TicketId = asked.word("ticket")?;
    Ok(match query.verb {
        PlanOf::Run => {
            let request =
                RunRequest { from: query.from, no_fetch: query.no_fetch, ..RunRequest::new(ticket) };
            release::check_run(host, &request)?
        }
        PlanOf::Revert => {
            let take = |skip| if skip { Take::Leave } else { Take::Back };
            let request = RevertRequest {
                git: take(query.skip_git),
                data: take(query.skip_data),
                discard_writes: query.discard_writes,
                with_later: query.with_later,
                ..RevertRequest::new(ticket)
            };
            release::check_revert(host, &request)?
        }
    })
}

/// Of which service.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct ServiceQuery {
    service: Option<ServiceName>,
}

pub(in crate::http) fn backups(
    host: &Host,
    _: &Asked,
    query: ServiceQuery,
) -> Result<Vec<BackupRow>, Problem> {
    Ok(backup::list(host, query.service.as_ref())?)
}

pub(in crate::http) fn backups_verified(
    host: &Host,
    _: &Asked,
    query: ServiceQuery,
) -> Result<Vec<BackupVerifyRow>, Problem> {
    Ok(backup::verify(host, query.service.as_ref(), None)?)
}

/// `backup take`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(in crate::http) struct TakeBody {
    services: Vec<ServiceName>,
    accept_small_backup: bool,
    reason: Option<String>,
}

pub(in crate::http) fn backup_take(_: &Asked, body: TakeBody) -> Result<Vec<String>, Problem> {
    let mut line = Words::of(["backup", "take", "--yes"])
        .on("--accept-small-backup", body.accept_small_backup)
        .with("--reason", body.reason)
        .line();
    line.extend(body.services.into_iter().map(String::from));
    Ok(line)
}

/// `backup restore`
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::http) struct RestoreBody {
    service: ServiceName,
    set: BackupStamp,
    #[serde(default)]
    reason: Option<String>,
}

pub(in crate::http) fn backup_restore(_: &Asked, body: RestoreBody) -> Result<Vec<String>, Problem> {
    let (service, set) = (body.service.as_str(), body.set.as_str());
    Ok(Words::of(["backup", "restore", service, set, "--yes"]).with("--reason", body.reason).line())
}

/// `backup prune`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(in crate::http) struct PruneSetsBody {
    service: Option<ServiceName>,
    /// Only say what would go: `true` unless it is said otherwise.
    #[serde(default = "yes")]
    dry_run: bool,
    reason: Option<String>,
}

pub(in crate::http) const fn yes() -> bool {
    true
}

pub(in crate::http) fn backup_prune(_: &Asked, body: PruneSetsBody) -> Result<Vec<String>, Problem> {
    let mut line = Words::of(["backup", "prune"])
        .on("--yes", !body.dry_run)
        .on("--dry-run", body.dry_run)
        .with("--reason", body.reason)
        .line();
    line.extend(body.service.map(String::from));
    Ok(line)
}

/// What a release of a branch would do.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct CheckQuery {
    ticket: Option<TicketId>,
    incoming: Option<BranchName>,
}

pub(in crate::http) fn check(host: &Host, _: &Asked, query: CheckQuery) -> Result<Decision, Problem> {
    Ok(crate::ops::check::check(host, query.ticket.as_ref(), query.incoming.as_ref())?)
}
