//! Rollouts: the plans, what does not get on, the line, and the hosts of the fleet.

use askama::Template;
use chrono::{DateTime, Utc};
use serde::Deserialize;

use crate::http::api::rollouts as api;
use crate::http::problem::Problem;
use crate::model::rollout::{HostListRow, HostName, HostState, Line, PlanPhase, PlanRow, StagePhase, Until};
use crate::model::rollout::{StuckPlan, VerdictWord};
use crate::ops::rollout::{self, Desk};
use crate::ops::{Host, OpsError};
use crate::report::text::names;

use super::marks::{Badge, When};
use super::page::{Frame, Reply, Visit, given, html};

/// Seconds after which the page is looked at again.
const REFRESH: u32 = 4;

/// Hosts of a list; a larger fleet is read on the command line.
const SHOWN: usize = 300;

/// A plan in a list.
pub(super) struct Row {
    pub(super) of: PlanRow,
    pub(super) badge: Badge,
    pub(super) made: When,
}

impl Row {
    fn new(of: PlanRow, now: DateTime<Utc>) -> Self {
        Self { badge: phase(of.phase), made: When::new(of.created_at, now), of }
    }
}

#[derive(Template)]
#[template(path = "rollouts.html")]
struct Rollouts {
    frame: Frame,
    /// None: this server's project has no fleet.
    fleet: Option<Fleet>,
}

struct Fleet {
    rows: Vec<Row>,
    stuck: Vec<(StuckPlan, When)>,
    line: Option<(Line, When)>,
    hosts: Vec<(HostListRow, String)>,
    left_out: usize,
}

pub(super) fn list(visit: &Visit<'_>) -> Result<Reply, Problem> {
    let fleet = Desk::of(visit.host)?.map(|desk| fleet(&desk)).transpose()?;
    let refresh = fleet.as_ref().map(|_| REFRESH);
    html(&Rollouts { fleet, frame: Frame { refresh, ..visit.frame("Rollouts", "rollouts") } })
}

/// Plans that are driven or wait for somebody. None: this server's project has no fleet.
pub(super) fn under_way(host: &Host) -> Result<Option<Vec<Row>>, OpsError> {
    let Some(desk) = Desk::of(host)? else { return Ok(None) };
    let (rows, now) = (rollout::list(&desk)?.into_iter(), desk.now());
    let begun = rows.filter(|row| row.phase != PlanPhase::Draft && !row.phase.is_terminal());
    Ok(Some(begun.map(|row| Row::new(row, now)).collect()))
}

fn fleet(desk: &Desk) -> Result<Fleet, Problem> {
    let now = desk.now();
    let since = |line: Line| {
        let since = When::new(line.since, now);
        (line, since)
    };
    let stuck = rollout::stuck(desk)?.stuck_plans.into_iter().map(|stuck| {
        let since = When::new(stuck.stuck_since, now);
        (stuck, since)
    });
    let labelled = |row: HostListRow| {
        let labels: Vec<String> = row.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let labels = names(labels.iter().map(String::as_str), "-");
        (row, labels)
    };
    let hosts = rollout::hosts(desk)?;
    Ok(Fleet {
        rows: rollout::list(desk)?.into_iter().map(|row| Row::new(row, now)).collect(),
        stuck: stuck.collect(),
        line: rollout::line(desk)?.map(since),
        left_out: hosts.len().saturating_sub(SHOWN),
        hosts: hosts.into_iter().take(SHOWN).map(labelled).collect(),
    })
}

/// Of a plan's phase.
pub(super) const fn phase(phase: PlanPhase) -> Badge {
    let word = phase.word();
    match phase {
        PlanPhase::Draft => Badge::new("none", "·", word),
        PlanPhase::Active => Badge::new("live", "●", word),
        PlanPhase::Paused | PlanPhase::Frozen => Badge::new("warn", "‖", word),
        PlanPhase::RollingBack => Badge::new("warn", "↩", "rolling back"),
        PlanPhase::Completed => Badge::good(word),
        PlanPhase::CompletedWithExceptions => Badge::warn("completed with exceptions"),
        PlanPhase::RolledBack => Badge::new("calm", "↩", "rolled back"),
        PlanPhase::RollbackIncomplete => Badge::bad("rollback incomplete"),
        PlanPhase::Cancelled => Badge::new("calm", "■", word),
    }
}

/// Of a stage's phase.
pub(super) const fn stage(phase: StagePhase) -> Badge {
    let word = phase.word();
    match phase {
        StagePhase::Pending => Badge::new("none", "·", word),
        StagePhase::Activating | StagePhase::Baking | StagePhase::Gated => Badge::new("live", "●", word),
        StagePhase::Promoted => Badge::good(word),
        StagePhase::Skipped => Badge::new("warn", "»", word),
        StagePhase::Halted => Badge::new("warn", "■", word),
        StagePhase::Failed => Badge::bad(word),
    }
}

/// Of what is known of a host: its tone, its sign, its word.
pub(super) const fn host(state: HostState) -> (&'static str, &'static str, &'static str) {
    let word = state.word();
    match state {
        HostState::Pending => ("none", "·", word),
        HostState::Offered | HostState::Activating => ("live", "●", word),
        HostState::Reverting => ("live", "↩", word),
        HostState::Active => ("good", "✓", word),
        HostState::Refused => ("warn", "!", word),
        HostState::Unreachable => ("warn", "?", word),
        HostState::Failed => ("bad", "✗", word),
        HostState::RevertFailed => ("bad", "✗", "revert failed"),
        HostState::Excluded => ("calm", "−", word),
        HostState::Reverted => ("calm", "↩", word),
    }
}

/// Of what a gate says.
pub(super) const fn verdict(word: VerdictWord) -> Badge {
    match word {
        VerdictWord::Pass => Badge::good("pass"),
        VerdictWord::Fail => Badge::bad("fail"),
        VerdictWord::Inconclusive => Badge::new("warn", "?", "cannot tell"),
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Said {
    reason: String,
    lift: String,
    until: String,
    host: String,
}

/// Stops the line, or lets it go.
pub(super) fn line(visit: &Visit<'_>) -> Result<Reply, Problem> {
    let form: Said = visit.form()?;
    let reason = api::said(&form.reason)?;
    let desk = api::desk(visit.host)?;
    rollout::stop_the_line(&desk, reason, !form.lift.is_empty())?;
    Ok(Reply::See("/rollouts".to_owned()))
}

/// Takes a host out of every plan for a while, or brings it back.
pub(super) fn exclude(visit: &Visit<'_>) -> Result<Reply, Problem> {
    let form: Said = visit.form()?;
    let host: HostName = form.host.parse().map_err(|error| Problem::invalid(format!("{error}")))?;
    let reason = api::said(&form.reason)?;
    let desk = api::desk(visit.host)?;
    let until = match (given(Some(&form.until)), form.lift.is_empty()) {
        (_, false) => None,
        (Some(until), true) => {
            let until: Until = until.parse().map_err(|error| Problem::invalid(format!("{error}")))?;
            Some(until.moment(desk.now()))
        }
        (None, true) => return Err(Problem::invalid("until when? write a span such as `2d`, or a time")),
    };
    rollout::exclude(&desk, &host, until, reason)?;
    Ok(Reply::See("/rollouts#hosts".to_owned()))
}
