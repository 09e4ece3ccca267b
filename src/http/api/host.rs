//! The host: is it well, is it ready, is it safe; what runs, what differs, what it printed.

use chrono::TimeDelta;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::http::asked::Asked;
use crate::http::problem::Problem;
use crate::model::drift::DriftView;
use crate::model::event::RunEvent;
use crate::model::facts::RunState;
use crate::model::id::ServiceName;
use crate::model::readiness::Readiness;
use crate::model::request::LogLines;
use crate::model::source::{SourceName, SourcesView};
use crate::model::view::{DiffView, DoctorRow, GuardView, StatusView, Verdict};
use crate::ops::inspect::{self, Index, Which};
use crate::ops::{Host, access, diff, doctor, guard, recover, source};

use super::words::Words;

/// Is it well: one word, for anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::http) enum Health {
    /// Every service runs and is well.
    Ok,
    /// Some do not.
    Degraded,
    /// None does, or the host cannot be looked at.
    Down,
}

/// `GET /health`
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(in crate::http) struct HealthAnswer {
    /// One word.
    pub(in crate::http) status: Health,
}

pub(in crate::http) fn health(host: &Host) -> Health {
    let Ok(view) = inspect::status(host, &[]) else { return Health::Down };
    let well = view.services.iter().filter(|row| row.run == RunState::Running && row.well).count();
    match well {
        _ if well == view.services.len() => Health::Ok,
        0 => Health::Down,
        _ => Health::Degraded,
    }
}

pub(in crate::http) fn services(host: &Host, _: &Asked) -> Result<StatusView, Problem> {
    Ok(inspect::status(host, &[])?)
}

/// Whether something is as it must be, and what was looked at.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct Checks {
    /// Nothing is bad.
    pub(in crate::http) ready: bool,
    /// How many are bad.
    pub(in crate::http) bad: usize,
    /// How many are worth a look.
    pub(in crate::http) warn: usize,
    /// Each; left out for those who may only know words and counts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[serde(rename = "checks")]
    pub(in crate::http) rows: Vec<DoctorRow>,
}

impl Checks {
    fn of(rows: Vec<DoctorRow>) -> Self {
        let count = |verdict| rows.iter().filter(|row| row.verdict == verdict).count();
        let (bad, warn) = (count(Verdict::Bad), count(Verdict::Warn));
        Self { ready: bad == 0, bad, warn, rows }
    }
}

pub(in crate::http) fn observability(host: &Host, _: &Asked) -> Result<Checks, Problem> {
    Ok(Checks::of(doctor::doctor(host)?))
}

pub(in crate::http) fn security(host: &Host, _: &Asked) -> Result<Checks, Problem> {
    Ok(Checks::of(access::security(host)?))
}

pub(in crate::http) fn recovery(host: &Host, _: &Asked) -> Result<Readiness, Problem> {
    let newest = inspect::list(host, Which::Recent, Index::AsIs)?.rows.into_iter().next();
    let row = newest.ok_or_else(|| Problem::not_found("nothing was released here yet"))?;
    Ok(recover::readiness(host, &row.attempt.ticket, Some(row.attempt.number))?)
}

pub(in crate::http) fn drift(host: &Host, _: &Asked) -> Result<DriftView, Problem> {
    Ok(inspect::drift(host)?)
}

pub(in crate::http) fn doctor_rows(host: &Host, _: &Asked) -> Result<Vec<DoctorRow>, Problem> {
    Ok(doctor::doctor(host)?)
}

pub(in crate::http) fn guarded(host: &Host, _: &Asked) -> Result<GuardView, Problem> {
    Ok(guard::guard(host)?)
}

/// A commit to compare with.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct DiffQuery {
    /// A branch, a tag, a commit.
    with: String,
}

pub(in crate::http) fn differences(host: &Host, _: &Asked, query: DiffQuery) -> Result<DiffView, Problem> {
    Ok(diff::diff(host, &query.with)?)
}

/// Which lines.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::http) struct LogsQuery {
    /// So many of the last ones.
    #[schemars(range(max = 10_000))]
    tail: Option<u32>,
    /// Only those of so many last seconds.
    since_seconds: Option<u32>,
}

/// What a service printed.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::http) struct Lines {
    service: ServiceName,
    lines: Vec<String>,
}

pub(in crate::http) fn logs(host: &Host, asked: &Asked, query: LogsQuery) -> Result<Lines, Problem> {
    let service: ServiceName = asked.word("service")?;
    if query.tail.is_some_and(|tail| tail > 10_000) {
        return Err(Problem::invalid("`tail` is at most 10000"));
    }
    let since = query.since_seconds.map(|seconds| host.clock.now() - TimeDelta::seconds(i64::from(seconds)));
    let lines = inspect::logs(host, &service, &LogLines { tail: query.tail, since, follow: false })?;
    Ok(Lines { service, lines })
}

/// How many requests.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct AuditQuery {
    /// At most so many: 100 unless it is said otherwise.
    limit: Option<usize>,
}

pub(in crate::http) fn requests(host: &Host, _: &Asked, query: AuditQuery) -> Result<Vec<RunEvent>, Problem> {
    Ok(access::requests(host, query.limit.unwrap_or(100).clamp(1, 10_000))?)
}

pub(in crate::http) fn sources(host: &Host, _: &Asked) -> Result<SourcesView, Problem> {
    Ok(source::show(host)?)
}

/// `source relink`
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::http) struct RelinkBody {
    /// `git.remote`, `git.branch`, `SERVICE.folder`, `SERVICE.image`
    #[serde(default)]
    source: Option<String>,
    /// Instead of `source`: the image of this service.
    #[serde(default)]
    service: Option<ServiceName>,
    /// What it is now.
    expect_current: String,
    /// What is read from now on; left out: what the configuration says.
    #[serde(default)]
    to: Option<String>,
    #[serde(default)]
    dry_run: bool,
    #[serde(default)]
    reason: Option<String>,
}

pub(in crate::http) fn relink(_: &Asked, body: RelinkBody) -> Result<Vec<String>, Problem> {
    let named = match (body.source, body.service) {
        (Some(source), None) => source,
        (None, Some(service)) => format!("{service}.image"),
        _ => return Err(Problem::invalid("one of `source` and `service` says what is relinked")),
    };
    let source: SourceName = named.parse().map_err(|error| Problem::invalid(format!("{error}")))?;
    Ok(Words::of(["source", "relink", &source.to_string()])
        .with("--expect-current", Some(body.expect_current))
        .on("--reset", body.to.is_none())
        .with("--to", body.to)
        .on("--dry-run", body.dry_run)
        .on("--yes", !body.dry_run)
        .with("--reason", body.reason)
        .line())
}
