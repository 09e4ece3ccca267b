//! Whether a rollout gets on, and which way out the facts speak for: seed 004's decision tree.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::step::millis;
use crate::model::rollout::{
    HostName, HostRow, HostState, PlanPhase, RolloutPlan, RolloutState, StagePhase, Strategy, StuckPlan,
    VerdictWord, Wait,
};

/// How long a stage without a deadline may go without progress.
const DEADLINE_MS: u64 = 30 * 60_000;

/// Whether somebody has to drive a plan in this phase.
pub fn is_driven(phase: PlanPhase) -> bool {
    matches!(phase, PlanPhase::Active | PlanPhase::Frozen | PlanPhase::RollingBack)
}

/// Why a plan does not get on, and since when; none: it does. `coordinator` says who drives it.
pub fn stuck(
    plan: &RolloutPlan,
    state: &RolloutState,
    coordinator: Option<&str>,
    now: DateTime<Utc>,
) -> Option<StuckPlan> {
    if state.phase.is_terminal() || state.phase == PlanPhase::Draft {
        return None;
    }
    let current = state.current();
    let current_stage = current.map(|at| &state.stages[at]);
    let gate = current_stage.and_then(|begun| {
        let gates = current.map(|at| &plan.stages[at].gates[..]).unwrap_or_default();
        begun.verdicts.iter().zip(gates).find(|(said, gate)| match said.verdict {
            VerdictWord::Fail => true,
            VerdictWord::Inconclusive => said.inconclusive >= gate.inconclusive.max(1),
            VerdictWord::Pass => false,
        })
    });
    let waits = state.wait.as_ref().map(ToString::to_string).unwrap_or_default();
    let says = |since, reason: String| StuckPlan {
        plan_id: plan.plan_id.clone(),
        phase: state.phase,
        current_stage_id: current_stage.map(|begun| begun.id.clone()),
        stuck_since: since,
        stuck_reason: reason,
    };
    if let Some((said, _)) = gate {
        let word = if said.verdict == VerdictWord::Fail { "says no" } else { "cannot tell" };
        return Some(says(state.wait_since, format!("gate `{}` {word}: {}", said.gate, said.detail)));
    }
    if let Some(harm) = state.harm.as_ref().filter(|_| state.phase == PlanPhase::Paused) {
        return Some(says(state.since, format!("harm: {harm}")));
    }
    if let Some(stage) = state.reached().filter(|_| state.phase == PlanPhase::Paused) {
        let reason = format!(
            "stage {stage} is past, and it was to go on until there: `holdpoint rollout resume --plan-id {}` goes on",
            plan.plan_id
        );
        return Some(says(state.since, reason));
    }
    if state.phase == PlanPhase::Paused {
        return Some(says(state.since, waits));
    }
    // Hosts that refuse and a gate that asks a person go on by no waiting.
    let for_a_person = matches!(state.wait, Some(Wait::Refused { .. } | Wait::ManualGate { .. }));
    if coordinator.is_some() && for_a_person {
        return Some(says(state.wait_since, waits));
    }
    if coordinator.is_none() && is_driven(state.phase) {
        let waited = match state.wait {
            Some(Wait::Coordinator) => String::new(),
            _ => format!("; it waited: {waits}"),
        };
        let reason = format!(
            "no coordinator drives it: `holdpoint rollout resume --plan-id {}` takes it over{waited}",
            plan.plan_id
        );
        return Some(says(state.clock_at, reason));
    }
    let (since_ms, limit) = match (state.phase, current_stage, current) {
        (PlanPhase::RollingBack, ..) => (state.phase_ms, DEADLINE_MS),
        (PlanPhase::Active, Some(begun), Some(at)) => {
            (begun.progress_ms, plan.stages[at].deadline.map_or(DEADLINE_MS, millis))
        }
        _ => return None,
    };
    // A stage that is only watched, or soaks, gets on by waiting.
    let patient = matches!(state.wait, Some(Wait::Baking { .. } | Wait::Soaking { .. }));
    let passed = state.clock_ms
        + u64::try_from((now - state.clock_at).num_milliseconds().clamp(0, 60_000)).unwrap_or(0);
    let over = passed.saturating_sub(since_ms) >= limit && !patient;
    over.then(|| says(state.wait_since, waits))
}

/// Harm: back. A gate that cannot tell, hosts away or refused: again. A gate that says no and is not critical: past it.
pub fn advice(state: &RolloutState, rows: &BTreeMap<HostName, HostRow>) -> Option<Strategy> {
    if state.phase.is_terminal() || matches!(state.phase, PlanPhase::Draft | PlanPhase::RollingBack) {
        return None;
    }
    if state.harm.is_some() {
        return Some(Strategy::Rollback);
    }
    let verdicts = state.current().map(|at| &state.stages[at].verdicts[..]).unwrap_or_default();
    let says = |word| verdicts.iter().any(|said| said.verdict == word);
    if says(VerdictWord::Fail) {
        return Some(Strategy::SkipFailed);
    }
    if matches!(state.wait, Some(Wait::Latecomers { .. })) {
        // They are asked all the time.
        return None;
    }
    let waits = matches!(
        state.wait,
        Some(Wait::GateInconclusive { .. } | Wait::Unreachable { .. } | Wait::Refused { .. })
    );
    let halted = state.phase == PlanPhase::Paused && last_was_halted(state);
    let away = rows.values().any(|row| matches!(row.state, HostState::Unreachable | HostState::Refused));
    (waits || halted || (away && state.phase == PlanPhase::Active)).then_some(Strategy::Retry)
}

/// Whether the last stage that was begun was ended by a person.
pub fn last_was_halted(state: &RolloutState) -> bool {
    let last = state.stages.iter().rfind(|stage| stage.phase != StagePhase::Pending);
    last.is_some_and(|stage| stage.phase == StagePhase::Halted)
}
