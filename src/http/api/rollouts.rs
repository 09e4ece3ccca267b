//! Rollouts over many hosts: what the command line shows of them, and every act on them (seed 004).

use schemars::JsonSchema;
use serde::Deserialize;

use crate::http::asked::Asked;
use crate::http::problem::Problem;
use crate::model::rollout::{
    Act, AuditRow, DescribeView, Exclusion, HostListRow, HostName, Line, PlanId, PlanRow, PreviewView,
    RecoverView, RolloutPlan, StageId, Strategy, StrategyUnknown, StuckView, Until, Verdict,
};
use crate::ops::Host;
use crate::ops::rollout::{self, Desk, Terms};
use axum::http::StatusCode;

/// The fleet of this server's project.
pub(in crate::http) fn desk(host: &Host) -> Result<Desk, Problem> {
    Desk::of(host)?.ok_or_else(|| {
        Problem::not_found(
            "no folder from this server's project upwards has a `fleet.toml`: it drives no fleet",
        )
        .hint("write one: `holdpoint schema fleet` prints its keys")
    })
}

pub(in crate::http) fn list(host: &Host, _: &Asked) -> Result<Vec<PlanRow>, Problem> {
    Ok(rollout::list(&desk(host)?)?)
}

pub(in crate::http) fn stuck(host: &Host, _: &Asked) -> Result<StuckView, Problem> {
    Ok(rollout::stuck(&desk(host)?)?)
}

pub(in crate::http) fn show(host: &Host, asked: &Asked) -> Result<DescribeView, Problem> {
    let plan: PlanId = asked.word("plan_id")?;
    Ok(rollout::describe(&desk(host)?, &plan)?)
}

pub(in crate::http) fn preview(host: &Host, asked: &Asked) -> Result<PreviewView, Problem> {
    let plan: PlanId = asked.word("plan_id")?;
    Ok(rollout::preview(&desk(host)?, &plan)?)
}

pub(in crate::http) fn gates(host: &Host, asked: &Asked) -> Result<Vec<Verdict>, Problem> {
    let stage: StageId = asked.word("stage")?;
    let view = show(host, asked)?;
    let found = view.stages.into_iter().find(|known| known.stage_id == stage);
    let none = || Problem::not_found(format!("{} has no stage `{stage}`", view.plan_id));
    Ok(found.ok_or_else(none)?.gates)
}

pub(in crate::http) fn hosts(host: &Host, _: &Asked) -> Result<Vec<HostListRow>, Problem> {
    Ok(rollout::hosts(&desk(host)?)?)
}

pub(in crate::http) fn line(host: &Host, _: &Asked) -> Result<Option<Line>, Problem> {
    Ok(rollout::line(&desk(host)?)?)
}

/// Which records.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct AuditQuery {
    /// Only those of this plan.
    plan_id: Option<PlanId>,
    /// At most so many: 100 unless it is said otherwise, 10,000 at most.
    #[schemars(range(min = 1, max = 10_000))]
    limit: Option<usize>,
}

pub(in crate::http) fn audit(host: &Host, _: &Asked, query: AuditQuery) -> Result<Vec<AuditRow>, Problem> {
    if let Some(limit) = query.limit.filter(|limit| !rollout::AUDIT.contains(limit)) {
        let (least, most) = (rollout::AUDIT.start(), rollout::AUDIT.end());
        return Err(Problem::invalid(format!("`limit` is {limit}: it is {least} to {most}")));
    }
    Ok(rollout::audit(&desk(host)?, query.plan_id.as_ref(), query.limit)?)
}

/// A plan is made.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct PlanBody {
    /// The plan's file, as text: `holdpoint schema rollout` describes it.
    toml: String,
    /// Show its stages and hosts, and keep nothing.
    #[serde(default)]
    dry_run: bool,
}

pub(in crate::http) fn create(host: &Host, _: &Asked, body: PlanBody) -> Result<RolloutPlan, Problem> {
    let desk = desk(host)?;
    let source = rollout::written("plan.toml", body.toml);
    Ok(if body.dry_run { rollout::drafted(&desk, &source)? } else { rollout::create(&desk, &source)? })
}

/// How far it goes on.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::http) struct OnwardBody {
    /// The stage after which it pauses; none: it goes on to its end, or as far as it was to go before.
    until: Option<StageId>,
}

/// Why.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct WhyBody {
    /// For the audit.
    reason: String,
}

/// `recover`
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct RecoverBody {
    #[schemars(with = "Strategy")]
    strategy: String,
    /// For the audit.
    reason: String,
    /// The plan's id, for a rollback of touched hosts; the stage, to skip one that did harm.
    #[serde(default)]
    confirm: Option<String>,
}

/// `cancel`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::http) struct CancelBody {
    /// For the audit.
    reason: Option<String>,
    /// The plan's id, where hosts were touched.
    confirm: Option<String>,
}

pub(in crate::http) fn start(host: &Host, asked: &Asked, body: OnwardBody) -> Result<RecoverView, Problem> {
    act(host, asked, &Act::Start { until: body.until }, Terms::default())
}

pub(in crate::http) fn resume(host: &Host, asked: &Asked, body: OnwardBody) -> Result<RecoverView, Problem> {
    act(host, asked, &Act::Resume { until: body.until }, Terms::default())
}

pub(in crate::http) fn pause(host: &Host, asked: &Asked, body: WhyBody) -> Result<RecoverView, Problem> {
    act(host, asked, &Act::Pause, because(&body.reason)?)
}

pub(in crate::http) fn halt(host: &Host, asked: &Asked, body: WhyBody) -> Result<RecoverView, Problem> {
    act(host, asked, &Act::Halt, because(&body.reason)?)
}

pub(in crate::http) fn approve(host: &Host, asked: &Asked, body: WhyBody) -> Result<RecoverView, Problem> {
    let stage: StageId = asked.word("stage")?;
    act(host, asked, &Act::Approve, Terms { stage: Some(&stage), ..because(&body.reason)? })
}

pub(in crate::http) fn recover(
    host: &Host,
    asked: &Asked,
    body: RecoverBody,
) -> Result<RecoverView, Problem> {
    let strategy: Strategy = body.strategy.parse().map_err(|error: StrategyUnknown| {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "strategy-unknown", error.to_string())
    })?;
    let plan: PlanId = asked.word("plan_id")?;
    let unconfirmed = body.confirm.as_deref() != Some(plan.as_str());
    let terms = Terms { unconfirmed, ..because(&body.reason)? };
    act(host, asked, &Act::Recover { strategy, confirm: body.confirm }, terms)
}

pub(in crate::http) fn cancel(host: &Host, asked: &Asked, body: CancelBody) -> Result<RecoverView, Problem> {
    let plan: PlanId = asked.word("plan_id")?;
    let confirmed = body.confirm.as_deref() == Some(plan.as_str());
    let terms = Terms { reason: body.reason.as_deref(), ..Terms::default() };
    act(host, asked, &Act::Cancel { confirmed }, terms)
}

/// An act of whoever asks, bound to the revision that they named.
fn act(host: &Host, asked: &Asked, act: &Act, terms: Terms<'_>) -> Result<RecoverView, Problem> {
    let plan: PlanId = asked.word("plan_id")?;
    carried_out(host, &plan, act, Terms { revision: asked.if_match.as_deref(), ..terms })
}

/// An act, and a coordinator for the plan where it then wants one.
pub(in crate::http) fn carried_out(
    host: &Host,
    plan: &PlanId,
    act: &Act,
    terms: Terms<'_>,
) -> Result<RecoverView, Problem> {
    let desk = desk(host)?;
    let done = rollout::act(&desk, plan, act, terms)?;
    rollout::keep_driven(host, &desk, act, &done)?;
    Ok(done)
}

fn because(reason: &str) -> Result<Terms<'_>, Problem> {
    Ok(Terms { reason: Some(said(reason)?), ..Terms::default() })
}

pub(in crate::http) fn said(reason: &str) -> Result<&str, Problem> {
    if reason.trim().is_empty() {
        let what = "`reason` says nothing: whoever reads the audit wants to know why";
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "reason-required", what));
    }
    Ok(reason)
}

/// `stop-the-line`
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct LineBody {
    /// For everybody who is stopped by it.
    reason: String,
    /// Let it go again.
    #[serde(default)]
    lift: bool,
}

pub(in crate::http) fn stop_the_line(
    host: &Host,
    _: &Asked,
    body: LineBody,
) -> Result<Option<Line>, Problem> {
    let reason = said(&body.reason)?;
    Ok(rollout::stop_the_line(&desk(host)?, reason, body.lift)?)
}

/// `fleet host exclude`
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct ExcludeBody {
    /// A span such as `2d`, or a time.
    #[serde(default)]
    until: Option<String>,
    reason: String,
    /// Bring it back.
    #[serde(default)]
    lift: bool,
}

pub(in crate::http) fn exclude(
    host: &Host,
    asked: &Asked,
    body: ExcludeBody,
) -> Result<Option<Exclusion>, Problem> {
    let name: HostName = asked.word("host")?;
    let until = match (body.until, body.lift) {
        (None, true) => None,
        (Some(until), false) => {
            Some(until.parse::<Until>().map_err(|error| Problem::invalid(format!("`until`: {error}")))?)
        }
        _ => return Err(Problem::invalid("name either `until`, or `\"lift\": true`")),
    };
    let reason = said(&body.reason)?;
    let desk = desk(host)?;
    if !desk.inventory.hosts.contains_key(&name) {
        return Err(Problem::not_found(format!("`{name}` is no host of fleet.toml")).hint("GET /v1/hosts"));
    }
    Ok(rollout::exclude(&desk, &name, until.map(|until| until.moment(desk.now())), reason)?)
}
