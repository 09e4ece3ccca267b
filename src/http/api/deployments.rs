//! Attempts: what there is, how each stands, what can be done with it, and doing it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::http::asked::Asked;
use crate::http::problem::Problem;
use crate::model::event::RunEvent;
use crate::model::evidence::{EvidenceOf, EvidenceRow};
use crate::model::id::{AttemptId, ReleaseRef, ServiceName, TicketId};
use crate::model::readiness::Readiness;
use crate::model::release::Status;
use crate::model::view::{ListRow, LogView, StateView};
use crate::ops::inspect::{self, Paging};
use crate::ops::{Host, evidence, recover};

use super::releases::yes;
use super::words::Words;

/// Which attempts.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct ListQuery {
    pub(in crate::http) status: Option<Status>,
    pub(in crate::http) ticket: Option<TicketId>,
    /// Archived ones, too.
    #[serde(default)]
    pub(in crate::http) archived: bool,
    /// `nextCursor` of the page before.
    pub(in crate::http) cursor: Option<AttemptId>,
    /// At most so many: 50 unless it is said otherwise, 500 at most.
    #[schemars(range(min = 1, max = 500))]
    pub(in crate::http) limit: Option<usize>,
}

/// A page of attempts, newest first.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct Page {
    pub(in crate::http) deployments: Vec<ListRow>,
    /// What comes after them; null: nothing does.
    pub(in crate::http) next_cursor: Option<AttemptId>,
    /// What the listing index needed.
    pub(in crate::http) notes: Vec<String>,
}

/// Rows of a page, and at most.
const PAGE: usize = 50;
const MOST: usize = 500;

pub(in crate::http) fn list(host: &Host, _: &Asked, query: ListQuery) -> Result<Page, Problem> {
    let limit = query.limit.unwrap_or(PAGE);
    if !(1..=MOST).contains(&limit) {
        return Err(Problem::invalid(format!("`limit` is {limit}: it is 1 to {MOST}")));
    }
    let ListQuery { status, ticket, archived, cursor, .. } = query;
    let paging = Paging { status, ticket, archived, after: cursor.clone(), limit };
    let Some((listing, more)) = inspect::page(host, &paging)? else {
        let cursor = cursor.map_or(String::new(), |cursor| cursor.to_string());
        return Err(Problem::invalid(format!("`cursor` names `{cursor}`, which is not listed")));
    };
    let next_cursor = listing.rows.last().filter(|_| more).map(|row| row.attempt.clone());
    Ok(Page { deployments: listing.rows, next_cursor, notes: listing.notes })
}

pub(in crate::http) fn show(host: &Host, asked: &Asked) -> Result<StateView, Problem> {
    let (ticket, number) = asked.attempt()?;
    Ok(inspect::attempt(host, &ticket, number)?)
}

pub(in crate::http) fn readiness(host: &Host, asked: &Asked) -> Result<Readiness, Problem> {
    let (ticket, number) = asked.attempt()?;
    Ok(recover::readiness(host, &ticket, number)?)
}

/// From where on.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct SinceQuery {
    /// Records after this one; 0: all.
    #[serde(default)]
    since: u64,
    /// At most so many: 1,000 unless it is said otherwise.
    limit: Option<usize>,
}

/// Records of an attempt.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct Timeline {
    deployment_id: AttemptId,
    events: Vec<RunEvent>,
    /// `since` of what comes after them; null: nothing does yet.
    next_since: Option<u64>,
}

/// Records of a page, and at most.
const RECORDS: usize = 1_000;

pub(in crate::http) fn timeline(host: &Host, asked: &Asked, query: SinceQuery) -> Result<Timeline, Problem> {
    let (ticket, number) = asked.attempt()?;
    let number = inspect::attempt(host, &ticket, number)?.state.attempt;
    let limit = query.limit.unwrap_or(RECORDS).clamp(1, 10 * RECORDS);
    let (events, more) = inspect::records(host, &ticket, number, query.since, limit)?;
    let next_since = events.last().filter(|_| more).map(|event| event.seq);
    Ok(Timeline { deployment_id: AttemptId { ticket, number }, events, next_since })
}

pub(in crate::http) fn log(host: &Host, asked: &Asked, query: SinceQuery) -> Result<LogView, Problem> {
    let (ticket, number) = asked.attempt()?;
    let mut view = inspect::verify(host, &ticket)?;
    view.events
        .retain(|event| event.seq > query.since && number.is_none_or(|number| event.attempt == number));
    view.events.truncate(query.limit.unwrap_or(RECORDS).clamp(1, 10 * RECORDS));
    Ok(view)
}

pub(in crate::http) fn evidence(host: &Host, asked: &Asked) -> Result<Vec<EvidenceRow>, Problem> {
    let release: ReleaseRef = asked.word("id")?;
    Ok(evidence::list(host, &EvidenceOf::Release(release))?)
}

/// What every new attempt takes.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(in crate::http) struct AnewBody {
    plan: Option<String>,
    accept_untrusted: bool,
    accept_small_backup: bool,
    health_deadline: Vec<String>,
    approved_by: Option<String>,
    reason: Option<String>,
}

fn anew(words: Words, asked: &Asked, body: AnewBody) -> Words {
    words
        .on("--yes", true)
        .with("--if-version", asked.version())
        .with("--plan", body.plan)
        .on("--accept-untrusted", body.accept_untrusted)
        .on("--accept-small-backup", body.accept_small_backup)
        .each("--health-deadline", &body.health_deadline)
        .with("--approved-by", body.approved_by)
        .with("--reason", body.reason)
}

pub(in crate::http) fn retry(asked: &Asked, body: AnewBody) -> Result<Vec<String>, Problem> {
    let id: ReleaseRef = asked.word("id")?;
    Ok(anew(Words::of(["retry", &id.to_string()]), asked, body).line())
}

pub(in crate::http) fn redeploy(asked: &Asked, body: AnewBody) -> Result<Vec<String>, Problem> {
    let service: ServiceName = asked.word("service")?;
    Ok(anew(Words::of(["redeploy"]).with("--service", Some(service)), asked, body).line())
}

/// `rollback`: the candidate, and what every new attempt takes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::http) struct RollbackBody {
    candidate: AttemptId,
    #[serde(default)]
    accept_environment: bool,
    #[serde(default)]
    accept_schema: bool,
    #[serde(default)]
    plan: Option<String>,
    #[serde(default)]
    accept_untrusted: bool,
    #[serde(default)]
    approved_by: Option<String>,
    #[serde(default)]
    reason: Option<String>,
}

pub(in crate::http) fn rollback(asked: &Asked, body: RollbackBody) -> Result<Vec<String>, Problem> {
    let id: ReleaseRef = asked.word("id")?;
    let words = Words::of(["rollback", &id.to_string()])
        .with("--candidate", Some(body.candidate))
        .on("--accept-environment", body.accept_environment)
        .on("--accept-schema", body.accept_schema);
    let RollbackBody { plan, accept_untrusted, approved_by, reason, .. } = body;
    let body = AnewBody { plan, accept_untrusted, approved_by, reason, ..AnewBody::default() };
    Ok(anew(words, asked, body).line())
}

/// The exact id once more: the consent.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::http) struct ConfirmBody {
    confirm: AttemptId,
    #[serde(default)]
    reason: Option<String>,
}

pub(in crate::http) fn cancel(asked: &Asked, body: ConfirmBody) -> Result<Vec<String>, Problem> {
    confirmed(asked, "cancel", body)
}

pub(in crate::http) fn archive(asked: &Asked, body: ConfirmBody) -> Result<Vec<String>, Problem> {
    confirmed(asked, "archive", body)
}

fn confirmed(asked: &Asked, verb: &str, body: ConfirmBody) -> Result<Vec<String>, Problem> {
    let id: AttemptId = asked.word("id")?;
    Ok(Words::of([verb, &id.to_string()])
        .with("--confirm", Some(body.confirm))
        .with("--reason", body.reason)
        .line())
}

pub(in crate::http) fn unarchive(
    asked: &Asked,
    body: super::releases::ReasonBody,
) -> Result<Vec<String>, Problem> {
    let id: AttemptId = asked.word("id")?;
    Ok(Words::of(["unarchive", &id.to_string(), "--yes"]).with("--reason", body.into_reason()).line())
}

/// `prune`: a dry run, unless its plan is named.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::http) struct PruneBody {
    /// A day, or a moment: `2026-01-31`, `2026-01-31T12:00:00Z`
    before: String,
    #[serde(default = "yes")]
    dry_run: bool,
    /// The plan that the dry run named.
    #[serde(default)]
    plan: Option<String>,
    #[serde(default)]
    reason: Option<String>,
}

pub(in crate::http) fn prune(_: &Asked, body: PruneBody) -> Result<Vec<String>, Problem> {
    if !body.dry_run && body.plan.is_none() {
        let problem =
            Problem::invalid("`dryRun` is false and no `plan` is named: nothing is thrown away unseen");
        return Err(problem.hint("ask with `\"dryRun\": true` first and send its plan's id as `plan`"));
    }
    Ok(Words::of(["prune"])
        .with("--before", Some(body.before))
        .on("--no-dry-run", !body.dry_run)
        .with("--plan", body.plan.filter(|_| !body.dry_run))
        .with("--reason", body.reason)
        .line())
}
