//! A rollout: its stages as columns, its hosts as cells, its gates, why it waits, and the ways on and back.

use std::collections::BTreeMap;

use askama::Template;

use crate::http::api::rollouts as api;
use crate::http::problem::Problem;
use crate::model::arrange::Arrange;
use crate::model::rollout::{DescribeView, HostState, HostView, PlanId, StageView, Strategy, Verdict};
use crate::ops::rollout;

use super::marks::{Badge, When};
use super::page::{Frame, Reply, Visit, html};
use super::rollout_acts::{Way, ways};
use super::rollouts;

/// Seconds after which a plan that somebody drives is looked at again, and any other.
const LIVE: u32 = 2;
const REFRESH: u32 = 5;

/// Cells of a stage; of more hosts those that want a look come first, and the others are counted.
const CELLS: usize = 160;

#[derive(Template)]
#[template(path = "rollout.html")]
struct Shown {
    frame: Frame,
    badge: Badge,
    /// As much of it as a person compares.
    commit: String,
    stages: Vec<Stage>,
    troubled: Vec<(HostView, Badge)>,
    tree: Vec<Answer>,
    ways: Vec<Way>,
    audit: Vec<(crate::model::rollout::AuditRecord, When)>,
    stuck_since: Option<When>,
    view: DescribeView,
}

impl Shown {
    /// Whether why it is stuck says more than what stands above it.
    fn says_more(&self, reason: &str) -> bool {
        self.view.harm.is_none() && self.view.waits_for.as_deref() != Some(reason)
    }
}

struct Stage {
    of: StageView,
    badge: Badge,
    is_current: bool,
    cells: Vec<Cell>,
    /// Hosts that have no cell, by the word of their state.
    more: Vec<(usize, &'static str)>,
    gates: Vec<(Verdict, Badge)>,
}

struct Cell {
    host: String,
    tone: &'static str,
    sign: &'static str,
    word: &'static str,
    reason: String,
}

/// A question of the decision tree, and what the facts say to it.
struct Answer {
    question: &'static str,
    strategy: Strategy,
    says: &'static str,
    is_it: bool,
}

pub(super) fn show(visit: &Visit<'_>) -> Result<Reply, Problem> {
    let plan: PlanId = visit.asked.word("plan_id")?;
    let desk = api::desk(visit.host)?;
    let view = rollout::describe(&desk, &plan)?;
    let now = desk.now();
    let wants = |host: &&HostView| {
        use HostState::{Excluded, Failed, Refused, RevertFailed, Unreachable};
        matches!(host.state, Failed | Refused | RevertFailed | Unreachable | Excluded)
            || (host.reason.is_some() && host.state != HostState::Active)
    };
    let troubled = view.hosts.iter().filter(wants).take(CELLS).map(|host| {
        let (tone, sign, word) = rollouts::host(host.state);
        (host.clone(), Badge::new(tone, sign, word))
    });
    let audit = view.audit.iter().rev().map(|record| (record.clone(), When::new(record.at, now)));
    let is_live = view.coordinator.is_some();
    let refresh = (!view.phase.is_terminal()).then_some(if is_live { LIVE } else { REFRESH });
    html(&Shown {
        badge: rollouts::phase(view.phase),
        commit: view.commit.chars().take(12).collect(),
        stages: view.stages.iter().map(|one| stage(one, &view)).collect(),
        troubled: troubled.collect(),
        tree: tree(&view),
        ways: ways(visit, &desk, &view)?,
        audit: audit.collect(),
        stuck_since: view.stuck.as_ref().map(|stuck| When::new(stuck.stuck_since, now)),
        frame: Frame { refresh, ..visit.frame(view.plan_id.to_string(), "rollouts") },
        view,
    })
}

fn stage(one: &StageView, view: &DescribeView) -> Stage {
    let mut hosts: Vec<&HostView> =
        view.hosts.iter().filter(|host| host.stage_id.as_ref() == Some(&one.stage_id)).collect();
    if hosts.len() > CELLS {
        // What is at work or went wrong is not to be sought among thousands that are well.
        hosts.arrange_by_key(|host| matches!(host.state, HostState::Active | HostState::Pending));
    }
    let rest = hosts.split_off(hosts.len().min(CELLS));
    let mut more: BTreeMap<&'static str, usize> = BTreeMap::new();
    for host in rest {
        *more.entry(rollouts::host(host.state).2).or_default() += 1;
    }
    let cell = |host: &HostView| {
        let (tone, sign, word) = rollouts::host(host.state);
        let reason = host.reason.clone().unwrap_or_default();
        Cell { host: host.host.to_string(), tone, sign, word, reason }
    };
    Stage {
        badge: rollouts::stage(one.phase),
        is_current: view.current_stage_id.as_ref() == Some(&one.stage_id),
        cells: hosts.into_iter().map(cell).collect(),
        more: more.into_iter().map(|(word, count)| (count, word)).collect(),
        gates: one.gates.iter().map(|said| (said.clone(), rollouts::verdict(said.verdict))).collect(),
        of: one.clone(),
    }
}

/// The runbook's decision tree, answered from facts.
fn tree(view: &DescribeView) -> Vec<Answer> {
    let Some(advice) = view.advice else { return Vec::new() };
    let answer =
        |question, strategy: Strategy, says| Answer { question, strategy, says, is_it: strategy == advice };
    vec![
        answer(
            "Does the release do harm?",
            Strategy::Rollback,
            "take every touched host back to its own previous release",
        ),
        answer(
            "May what blocks it clear by itself?",
            Strategy::Retry,
            "ask again, and offer again to what failed or refused",
        ),
        answer(
            "Does only a gate that is not critical say no, and was the release validated?",
            Strategy::SkipFailed,
            "go past the stage without its gates",
        ),
    ]
}
