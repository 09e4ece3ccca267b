//! Acts on a rollout: each with what it would do first, a reason, and bound to the revision that was shown.

use askama::Template;
use axum::http::StatusCode;
use serde::Deserialize;

use crate::http::api::rollouts as api;
use crate::http::problem::Problem;
use crate::model::arrange::Arrange;
use crate::model::reason::Blocker;
use crate::model::rollout::{Act, DescribeView, HostName, PlanId, PlanPhase, StageId, StageView, Strategy};
use crate::ops::rollout::{self, Desk, Terms};

use super::marks::Badge;
use super::page::{Frame, Reply, Visit, given, html};
use super::rollouts;

/// What can be done with a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Start,
    Approve,
    Resume,
    Pause,
    Retry,
    SkipFailed,
    Halt,
    Rollback,
    Cancel,
}

impl Verb {
    const ALL: [Verb; 9] = [
        Verb::Start,
        Verb::Approve,
        Verb::Resume,
        Verb::Pause,
        Verb::Retry,
        Verb::SkipFailed,
        Verb::Halt,
        Verb::Rollback,
        Verb::Cancel,
    ];

    pub(super) const fn word(self) -> &'static str {
        match self {
            Verb::Start => "start",
            Verb::Approve => "approve",
            Verb::Resume => "resume",
            Verb::Pause => "pause",
            Verb::Retry => "retry",
            Verb::SkipFailed => "skip_failed",
            Verb::Halt => "halt",
            Verb::Rollback => "rollback",
            Verb::Cancel => "cancel",
        }
    }

    pub(super) const fn title(self) -> &'static str {
        match self {
            Verb::Start => "Start",
            Verb::Approve => "Approve",
            Verb::Resume => "Resume",
            Verb::Pause => "Pause",
            Verb::Retry => "Retry",
            Verb::SkipFailed => "Skip the stage",
            Verb::Halt => "Halt the stage",
            Verb::Rollback => "Roll back",
            Verb::Cancel => "Cancel",
        }
    }

    /// Its safety class.
    pub(super) const fn class(self) -> Badge {
        match self {
            Verb::Approve | Verb::Resume => Badge::new("calm", "=", "idempotent"),
            Verb::Start | Verb::Pause | Verb::Retry => Badge::new("good", "↺", "reversible"),
            Verb::SkipFailed | Verb::Halt => Badge::new("warn", "!", "terminal for the stage"),
            Verb::Rollback | Verb::Cancel => Badge::new("bad", "■", "terminal"),
        }
    }

    pub(super) const fn means(self) -> &'static str {
        match self {
            Verb::Start => "Begin, and drive it until it is over or paused.",
            Verb::Approve => "Pass the manual gate of the current stage; every other gate is asked again.",
            Verb::Resume => "Go on after a pause, and drive the plan where nobody does.",
            Verb::Pause => "Begin nothing new. Hosts that are at work finish.",
            Verb::Retry => {
                "Ask again, and offer again to what failed or refused. Promoted stages stay promoted."
            }
            Verb::SkipFailed => {
                "Go past the current stage without its gates: you have validated the release."
            }
            Verb::Halt => "End the current stage; hosts that were told nothing stay as they are.",
            Verb::Rollback => "Take every touched host back to its own previous release.",
            Verb::Cancel => "Give the plan up. Hosts stay as they are.",
        }
    }

    pub(super) const fn is_grave(self) -> bool {
        matches!(self, Verb::Rollback | Verb::Cancel | Verb::Halt | Verb::SkipFailed)
    }

    /// What only keeps things from being begun is done whatever has changed meanwhile.
    const fn is_bound(self) -> bool {
        !matches!(self, Verb::Pause | Verb::Halt)
    }

    const fn wants_a_reason(self) -> bool {
        !matches!(self, Verb::Start | Verb::Resume)
    }

    const fn strategy(self) -> Option<Strategy> {
        match self {
            Verb::Retry => Some(Strategy::Retry),
            Verb::SkipFailed => Some(Strategy::SkipFailed),
            Verb::Rollback => Some(Strategy::Rollback),
            _ => None,
        }
    }

    /// What has to be typed exactly: the plan, or the stage that is skipped.
    fn typed(self, view: &DescribeView) -> Option<String> {
        match self {
            Verb::Rollback | Verb::Cancel => Some(view.plan_id.to_string()),
            Verb::SkipFailed => view.current_stage_id.as_ref().map(ToString::to_string),
            _ => None,
        }
    }

    /// The act, once what has to be typed was; what goes on may be told after which stage to pause.
    fn act(self, view: &DescribeView, until: Option<StageId>) -> Act {
        match self {
            Verb::Start => Act::Start { until },
            Verb::Approve => Act::Approve,
            Verb::Resume => Act::Resume { until },
            Verb::Pause => Act::Pause,
            Verb::Halt => Act::Halt,
            Verb::Cancel => Act::Cancel { confirmed: true },
            Verb::Retry => Act::Recover { strategy: Strategy::Retry, confirm: None },
            Verb::Rollback => Act::Recover { strategy: Strategy::Rollback, confirm: None },
            Verb::SkipFailed => Act::Recover { strategy: Strategy::SkipFailed, confirm: self.typed(view) },
        }
    }

    /// Whether it means anything to a plan that stands so; what stands against it then is said.
    fn concerns(self, view: &DescribeView) -> bool {
        let idle = view.coordinator.is_none();
        match view.phase {
            PlanPhase::Draft => matches!(self, Verb::Start | Verb::Cancel),
            PlanPhase::Active | PlanPhase::Frozen => match self {
                Verb::Start => false,
                Verb::Resume => idle,
                Verb::Approve => view.wait.as_deref() == Some("manual-gate"),
                _ => true,
            },
            PlanPhase::Paused => !matches!(self, Verb::Start | Verb::Pause | Verb::Approve),
            PlanPhase::RollingBack => self == Verb::Cancel || (self == Verb::Resume && idle),
            _ => false,
        }
    }

    fn of(visit: &Visit<'_>) -> Result<Self, Problem> {
        let word = visit.asked.path.get("verb").map_or("", String::as_str);
        let found = Self::ALL.into_iter().find(|verb| verb.word() == word);
        found.ok_or_else(|| Problem::not_found(format!("nothing is done to a rollout by `{word}`")))
    }
}

/// A way on or back, as the panel of a plan shows it.
pub(super) struct Way {
    pub(super) verb: Verb,
    pub(super) against: Option<Blocker>,
    pub(super) recommended: bool,
    pub(super) allowed: bool,
}

/// Every way that means anything now, each decided as the verb itself decides it.
pub(super) fn ways(visit: &Visit<'_>, desk: &Desk, view: &DescribeView) -> Result<Vec<Way>, Problem> {
    let verbs: Vec<Verb> = Verb::ALL.into_iter().filter(|verb| verb.concerns(view)).collect();
    let acts: Vec<Act> = verbs.iter().map(|verb| verb.act(view, None)).collect();
    let would = rollout::would(desk, &view.plan_id, &acts)?;
    let way = |(verb, would): (Verb, Result<rollout::Would, Blocker>)| Way {
        verb,
        recommended: verb.strategy().is_some() && verb.strategy() == view.advice,
        allowed: would.is_ok() && visit.may_act(),
        against: would.err(),
    };
    let mut ways: Vec<Way> = verbs.into_iter().zip(would).map(way).collect();
    ways.arrange_by_key(|way| (!way.recommended, way.against.is_some()));
    Ok(ways)
}

#[derive(Template)]
#[template(path = "rollout_act.html")]
struct Asking {
    frame: Frame,
    verb: Verb,
    badge: Badge,
    view: DescribeView,
    /// The phase it would come to, and its badge.
    next: Option<Badge>,
    hosts: Vec<HostName>,
    against: Option<Blocker>,
    typed: Option<String>,
    /// Stages after which it may be told to pause.
    pauses: Vec<StageId>,
}

/// Stages that are to come, but for the last: after that one it is over.
fn to_come(view: &DescribeView) -> Vec<StageId> {
    let is_current = |stage: &&StageView| Some(&stage.stage_id) == view.current_stage_id.as_ref();
    let past = view.stages.iter().take_while(|stage| !is_current(stage)).count();
    let past = if past == view.stages.len() { 0 } else { past };
    let last = view.stages.len().saturating_sub(1);
    view.stages[past..last.max(past)].iter().map(|stage| stage.stage_id.clone()).collect()
}

/// Shows what a verb would do, and asks.
pub(super) fn ask(visit: &Visit<'_>) -> Result<Reply, Problem> {
    let verb = Verb::of(visit)?;
    let plan: PlanId = visit.asked.word("plan_id")?;
    let desk = api::desk(visit.host)?;
    let view = rollout::describe(&desk, &plan)?;
    let would = rollout::would(&desk, &plan, &[verb.act(&view, None)])?.into_iter().next();
    let (would, against) = match would {
        Some(Ok(would)) => (Some(would), None),
        Some(Err(against)) => (None, Some(against)),
        None => (None, None),
    };
    let hosts = match (verb, &would) {
        // Who is told first, once somebody drives it.
        (Verb::Start, Some(_)) => {
            rollout::preview(&desk, &plan)?.hosts.into_iter().map(|row| row.host).collect()
        }
        (_, Some(would)) => would.hosts.clone(),
        (_, None) => Vec::new(),
    };
    html(&Asking {
        frame: visit.frame(format!("{} {plan}", verb.title()), "rollouts"),
        badge: rollouts::phase(view.phase),
        next: would.map(|would| rollouts::phase(would.new_phase)),
        typed: verb.typed(&view),
        pauses: if matches!(verb, Verb::Start | Verb::Resume) { to_come(&view) } else { Vec::new() },
        hosts,
        against,
        verb,
        view,
    })
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Confirmation {
    confirm: String,
    reason: String,
    revision: String,
    stage: String,
    until: String,
}

/// Does it.
pub(super) fn act(visit: &Visit<'_>) -> Result<Reply, Problem> {
    let verb = Verb::of(visit)?;
    let plan: PlanId = visit.asked.word("plan_id")?;
    let sent: Confirmation = visit.form()?;
    let desk = api::desk(visit.host)?;
    let view = rollout::describe(&desk, &plan)?;
    if verb.is_bound() && sent.revision != view.revision {
        return Err(Problem::new(
            StatusCode::PRECONDITION_FAILED,
            "revision-conflict",
            format!("{plan} is not as it was when this was shown: nothing was done"),
        )
        .hint("go back to the rollout, read how it stands now, and confirm again"));
    }
    if let Some(wanted) = verb.typed(&view)
        && sent.confirm.trim() != wanted
    {
        let what = format!("`{}` was typed, and not `{wanted}`: nothing was done", sent.confirm.trim());
        return Err(Problem::invalid(what).hint("go back and type it exactly"));
    }
    let reason = given(Some(&sent.reason));
    if verb.wants_a_reason() {
        api::said(reason.as_deref().unwrap_or_default())?;
    }
    let (stage, until) = (named(&sent.stage)?, named(&sent.until)?);
    let terms = Terms {
        reason: reason.as_deref(),
        revision: verb.is_bound().then_some(sent.revision.as_str()),
        stage: stage.as_ref(),
        unconfirmed: false,
    };
    api::carried_out(visit.host, &plan, &verb.act(&view, until), terms)?;
    Ok(Reply::See(format!("/rollouts/{plan}")))
}

/// A stage that a field names, if it does.
fn named(field: &String) -> Result<Option<StageId>, Problem> {
    let stage = given(Some(field)).map(|stage| stage.parse());
    stage.transpose().map_err(|error| Problem::invalid(format!("{error}")))
}
