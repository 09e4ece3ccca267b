//! Looking at rollouts: what there is, where it stands, why it does not get on, and what would come next.

use std::collections::{BTreeMap, BTreeSet};

use crate::decide::rollout::{
    Decision, Seen, act, advice, is_driven, last_was_halted, step, stuck as judged,
};
use crate::fleet::agent::agents;
use crate::fleet::records::{self, FleetError, Rollout};
use crate::model::gather::Gather;
use crate::model::reason::ReasonCode;
use crate::model::rollout::{
    Act, AuditRow, DescribeView, HostListRow, HostName, HostRow, HostState, HostView, Line, PlanId,
    PlanPhase, PlanRow, PreviewHost, PreviewView, Reach, StageId, StageView, Strategy, StuckView, Wait,
};
use crate::model::view::NextCommand;
use crate::ops::error::OpsError;

use super::act::{LIFT, revision, stopped_line};
use super::desk::Desk;

/// Records of the audit that are shown.
const SHOWN: usize = 20;

/// Records of the whole audit that are shown where nobody says how many.
const AUDIT_SHOWN: usize = 100;

/// The hosts of the inventory.
///
/// # Errors
/// What the ledger says.
pub fn hosts(desk: &Desk) -> Result<Vec<HostListRow>, OpsError> {
    let mut excluded = records::exclusions(&*desk.ledger, desk.now())?;
    let mut held: BTreeMap<HostName, PlanId> = BTreeMap::new();
    for plan in records::plans(&*desk.ledger)? {
        let rollout = desk.load(&plan)?;
        let mine = rollout.hosts.desired().iter().filter(|(_, desired)| !desired.released);
        held.extend(mine.map(|(host, desired)| (host.clone(), desired.plan_id.clone())));
    }
    let by_agent = desk.inventory.hosts.values().any(|spec| spec.reach == Reach::Agent);
    let connected = if by_agent { agents(&*desk.ledger).map_err(FleetError::from)? } else { BTreeMap::new() };
    let row = |(host, spec): (&HostName, &crate::model::rollout::HostSpec)| HostListRow {
        host: host.clone(),
        reached: match &spec.reach {
            Reach::Local => "local".to_owned(),
            Reach::Ssh { address, .. } => format!("ssh {address}"),
            Reach::Agent => match connected.get(host) {
                Some(machine) => format!("agent at {machine}"),
                None => "agent, not connected".to_owned(),
            },
        },
        folder: spec.folder.clone(),
        labels: spec.labels.clone(),
        zone: spec.zone.clone(),
        plan_id: held.remove(host),
        excluded: excluded.remove(host),
    };
    Ok(desk.inventory.hosts.iter().map(row).collect())
}

/// Every plan, newest first.
///
/// # Errors
/// What the ledger says.
pub fn list(desk: &Desk) -> Result<Vec<PlanRow>, OpsError> {
    let mut rows = Vec::new();
    for plan in records::plans(&*desk.ledger)? {
        let found = desk.load(&plan)?;
        rows.push(PlanRow {
            plan_id: plan,
            name: found.plan.name.clone(),
            ticket: found.plan.ticket.to_string(),
            phase: found.state.phase,
            current_stage_id: current(&found),
            hosts: found.hosts.rows().len(),
            active: found.hosts.rows().values().filter(|row| row.state == HostState::Active).count(),
            created_at: found.plan.created_at,
        });
    }
    rows.reverse();
    Ok(rows)
}

fn current(found: &Rollout) -> Option<crate::model::rollout::StageId> {
    let begun = found.state.phase != PlanPhase::Draft && !found.state.phase.is_terminal();
    let at = found.state.current().filter(|_| begun)?;
    Some(found.state.stages[at].id.clone())
}

/// The line, where it is stopped.
///
/// # Errors
/// What the ledger says.
pub fn line(desk: &Desk) -> Result<Option<Line>, OpsError> {
    Ok(records::line(&*desk.ledger)?)
}

/// Plans that do not get on, and why.
///
/// # Errors
/// What the ledger says.
pub fn stuck(desk: &Desk) -> Result<StuckView, OpsError> {
    let mut stuck_plans = Vec::new();
    for plan in records::plans(&*desk.ledger)? {
        let found = desk.load(&plan)?;
        stuck_plans.extend(judged(&found.plan, &found.state, found.leader.as_deref(), desk.now()));
    }
    Ok(StuckView { stuck_plans })
}

/// How many records of the audit may be asked for.
pub const AUDIT: std::ops::RangeInclusive<usize> = 1..=10_000;

/// The newest records of one plan's audit or of every plan's, newest first; as many as [`AUDIT`] allows.
///
/// # Errors
/// A refusal when there is no such plan, or what the ledger says.
pub fn audit(desk: &Desk, plan: Option<&PlanId>, limit: Option<usize>) -> Result<Vec<AuditRow>, OpsError> {
    let limit = limit.unwrap_or(AUDIT_SHOWN).clamp(*AUDIT.start(), *AUDIT.end());
    Ok(records::audits(&*desk.ledger, plan, limit)?)
}

/// All that is known of a plan.
///
/// # Errors
/// A refusal when there is no such plan, or what the ledger says.
pub fn describe(desk: &Desk, plan: &PlanId) -> Result<DescribeView, OpsError> {
    let mut found = desk.load(plan)?;
    let by = match &found.state.wait {
        Some(Wait::HostLocked { by, .. }) if found.leader.is_none() => Some(by.clone()),
        _ => None,
    };
    if let Some(by) = by
        && desk.load(&by)?.state.phase.is_terminal()
    {
        // Nobody has looked since the other plan let go of that host.
        found.state.wait = Some(Wait::Coordinator);
    }
    let found = found;
    let state = &found.state;
    let mut audit = records::audit(&*desk.ledger, plan)?;
    let audit = audit.split_off(audit.len().saturating_sub(SHOWN));
    let stages = found.plan.stages.iter().zip(&state.stages).map(|(planned, stage)| StageView {
        stage_id: stage.id.clone(),
        phase: stage.phase,
        hosts: planned.hosts.len(),
        active: planned.hosts.iter().filter(|host| is_active(&found, host)).count(),
        gates: stage.verdicts.clone(),
    });
    let hosts = found.plan.stages.iter().flat_map(|stage| stage.hosts.iter().map(move |host| (stage, host)));
    let hosts = hosts.filter_map(|(stage, host)| {
        let row = found.hosts.rows().get(host)?;
        Some(HostView {
            host: host.clone(),
            stage_id: Some(stage.id.clone()),
            state: row.state,
            generation: row.generation,
            attempt: row.attempt.clone(),
            reason: row.reason.clone(),
        })
    });
    let stuck = judged(&found.plan, state, found.leader.as_deref(), desk.now());
    let advice = advice(state, found.hosts.rows());
    let next = next(&found, advice, stopped_line(desk, &found)?.is_some());
    Ok(DescribeView {
        plan_id: plan.clone(),
        phase: state.phase,
        revision: revision(&found),
        name: found.plan.name.clone(),
        ticket: found.plan.ticket.to_string(),
        commit: found.plan.commit.to_string(),
        tag: found.plan.tag.clone(),
        digest: found.plan.digest.clone(),
        current_stage_id: current(&found),
        wait: state.wait.as_ref().map(code),
        waits_for: state.wait.as_ref().map(ToString::to_string),
        harm: state.harm.clone(),
        until: state.until.clone().filter(|until| pauses_after(&found, until)),
        ticket_host: found.plan.ticket_host.clone(),
        reintroduce: found.plan.reintroduce.clone(),
        paused_after: state.reached().filter(|_| state.phase == PlanPhase::Paused).cloned(),
        coordinator: found.leader.clone(),
        stages: stages.collect(),
        hosts: hosts.collect(),
        audit,
        next,
        stuck,
        advice,
    })
}

fn is_active(found: &Rollout, host: &HostName) -> bool {
    found.hosts.rows().get(host).is_some_and(|row| row.state == HostState::Active)
}

/// The word of a wait, as its JSON says it.
fn code(wait: &Wait) -> String {
    let json = serde_json::to_value(wait).unwrap_or_default();
    json["code"].as_str().unwrap_or_default().to_owned()
}

/// Whether it will pause once a stage is past: it is not yet, and another one comes after it.
fn pauses_after(found: &Rollout, stage: &StageId) -> bool {
    found.state.reached().is_none() && found.state.stages.last().is_some_and(|last| last.id != *stage)
}

/// Seed 004's decision tree, answered from facts, and what else can be typed: nothing that would be refused.
fn next(found: &Rollout, advice: Option<Strategy>, line_is_stopped: bool) -> Vec<NextCommand> {
    let id = &found.plan.plan_id;
    let mut next = Vec::new();
    let mut add = |when: &str, command: String| next.push(NextCommand { when: when.to_owned(), command });
    match found.state.phase {
        PlanPhase::Draft => {
            add("to see what comes first", format!("holdpoint rollout plan preview --plan-id {id}"));
            if line_is_stopped {
                add("the line is stopped: to let it go", LIFT.to_owned());
            } else {
                add("to begin", format!("holdpoint rollout start --plan-id {id}"));
            }
            return next;
        }
        PlanPhase::RollbackIncomplete => {
            add("on each host that is not back", format!("holdpoint revert {}", found.plan.ticket));
            return next;
        }
        phase if phase.is_terminal() => return next,
        _ => {}
    }
    let goes_back = found.state.phase == PlanPhase::RollingBack;
    if line_is_stopped && !goes_back {
        add("the line is stopped: to let it go", LIFT.to_owned());
    } else if found.leader.is_none() && is_driven(found.state.phase) {
        add("to drive it from here", format!("holdpoint rollout resume --plan-id {id}"));
    }
    if matches!(found.state.wait, Some(Wait::ManualGate { .. })) {
        add("once you have looked", format!("holdpoint rollout approve --plan-id {id} --reason TEXT"));
    }
    if let Some(Wait::HostsExcluded { host, .. }) = &found.state.wait {
        add("to let it be taken back", format!("holdpoint fleet host exclude {host} --lift --reason TEXT"));
    }
    if let Some(Wait::HostLocked { by, .. }) = &found.state.wait {
        add("why that plan does not let go of it", format!("holdpoint rollout plan describe --plan-id {by}"));
    }
    if matches!(found.state.wait, Some(Wait::Latecomers { .. })) {
        add(
            "not to wait for them any longer",
            format!("holdpoint rollout plan cancel --plan-id {id} --confirm {id}"),
        );
    }
    if let Some(strategy) = advice {
        let when = match strategy {
            Strategy::Rollback => "it does harm: take its hosts back",
            Strategy::Retry if last_was_halted(&found.state) => "to go on without the stage that was halted",
            Strategy::Retry if refuses(found, "") => {
                "once what it refuses for is put right there: offer it again"
            }
            Strategy::Retry => "it may clear by itself: ask again",
            Strategy::SkipFailed => {
                "a gate that is not critical says no: go past it, once you have validated the release"
            }
        };
        let word = strategy.word();
        let sure = if strategy == Strategy::SkipFailed { confirmation(found) } else { String::new() };
        add(when, format!("holdpoint rollout recover --plan-id {id} --strategy {word} --reason TEXT{sure}"));
        if strategy == Strategy::Rollback {
            let again = format!("holdpoint rollout recover --plan-id {id} --strategy retry --reason TEXT");
            if refuses(found, "") {
                add("once what it refuses for is put right there: offer it again", again);
            } else {
                add("it does no harm after all: offer it again to what failed", again);
            }
        }
        if matches!(strategy, Strategy::Retry | Strategy::Rollback)
            && refuses(found, ReasonCode::RevertedTicketReturns.word())
        {
            let end = format!("holdpoint rollout plan cancel --plan-id {id} --confirm {id}");
            add("or give it up, for a plan that has `reintroduce`", end);
        }
    }
    if found.state.phase == PlanPhase::Paused && !line_is_stopped && may_resume(found) {
        add("to go on", format!("holdpoint rollout resume --plan-id {id}"));
    }
    next
}

/// What going past the stage needs besides, where a critical gate of it cannot tell.
fn confirmation(found: &Rollout) -> String {
    let skip = Act::Recover { strategy: Strategy::SkipFailed, confirm: None };
    let Rollout { plan, state, hosts, .. } = found;
    let needs = act(plan, state, hosts, &skip, ("", None), state.clock_at)
        .is_err_and(|no| no.code == ReasonCode::ConfirmationRequired);
    let stage = state.current().map(|at| &state.stages[at].id).filter(|_| needs);
    stage.map(|stage| format!(" --confirm {stage}")).unwrap_or_default()
}

/// Whether a host refuses, with this in what it says.
fn refuses(found: &Rollout, why: &str) -> bool {
    let says = |row: &HostRow| row.reason.as_deref().unwrap_or_default().contains(why);
    found.hosts.rows().values().any(|row| row.state == HostState::Refused && says(row))
}

/// Whether a pause may be ended by itself.
fn may_resume(found: &Rollout) -> bool {
    let Rollout { plan, state, hosts, .. } = found;
    act(plan, state, hosts, &Act::RESUME, ("", None), state.clock_at).is_ok()
}

/// The next commit of a plan, not made.
///
/// # Errors
/// A refusal when there is no such plan, or what the ledger says.
pub fn preview(desk: &Desk, plan: &PlanId) -> Result<PreviewView, OpsError> {
    let mut found = desk.load(plan)?;
    let now = desk.now();
    let before = found.state.phase;
    let excluded: BTreeSet<HostName> = records::exclusions(&*desk.ledger, now)?.into_keys().gather();
    let line = stopped_line(desk, &found)?;
    let frozen = desk.frozen(now);
    let seen = Seen {
        heard: &BTreeMap::new(),
        asked: &BTreeMap::new(),
        excluded: &excluded,
        frozen: frozen.as_deref(),
        line: line.as_ref().map(|line| line.reason.as_str()),
    };
    let view = |next_phase, hosts, records, waits_for| PreviewView {
        plan_id: plan.clone(),
        commit: found.plan.commit.to_string(),
        tag: found.plan.tag.clone(),
        phase: before,
        next_phase,
        hosts,
        records,
        waits_for,
    };
    if before == PlanPhase::Draft {
        if let Some(line) = &line {
            let wait = format!("the line is stopped by {}: {}; none begins", line.by, line.reason);
            return Ok(view(before, Vec::new(), Vec::new(), Some(wait)));
        }
        // What `start` would do first.
        found.state.phase = PlanPhase::Active;
    }
    Ok(match step(&found.plan, &found.state, &found.hosts, &seen, now) {
        Decision::Wait(wait) => view(found.state.phase, Vec::new(), Vec::new(), Some(wait.to_string())),
        Decision::Commit(commit) => {
            let told = commit.desired.iter().filter(|(_, desired)| !desired.released);
            let hosts =
                told.map(|(host, desired)| PreviewHost { host: host.clone(), wish: desired.wish }).collect();
            let records = commit.notes.iter().map(|note| format!("{} {}", note.what, note.about)).collect();
            view(commit.state.phase, hosts, records, commit.state.wait.map(|wait| wait.to_string()))
        }
    })
}
