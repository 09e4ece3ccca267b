//! What the gates of a stage come to.

use super::hosts;
use super::index::{In, Kind};
use super::step::{Seen, millis, seconds_up};
use super::work::Work;
use crate::model::rollout::{
    Gate, GateKind, HostState, Limit, RolloutPlan, RolloutState, Series, StagePhase, Verdict, VerdictWord,
    Wait,
};

/// What a gate said that has to be asked outside of here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Its answer.
    pub verdict: VerdictWord,
    /// Why.
    pub detail: String,
}

/// Whether every value is below the limit. `wanted`: how many values a series has when none is missing; fewer than half of
/// them say nothing, nor does a query without an answer.
pub fn below(series: &[Series], limit: Limit, wanted: usize) -> Asked {
    let limit = limit.number();
    let known = |one: &Series| one.values.iter().copied().filter(|value| !value.is_nan()).collect::<Vec<_>>();
    let at = |one: &Series| if one.name.is_empty() { String::new() } else { format!(" of {}", one.name) };
    let highest = |one: &Series| known(one).into_iter().max_by(f64::total_cmp).map(|value| (value, at(one)));
    let worst = series.iter().filter_map(highest).max_by(|(a, _), (b, _)| a.total_cmp(b));
    let short = series.iter().find(|one| known(one).len() * 2 < wanted);
    let (verdict, detail) = match (worst, short) {
        (None, _) => (VerdictWord::Inconclusive, "the query has no value".to_owned()),
        (Some((value, of)), _) if value >= limit => {
            (VerdictWord::Fail, format!("{value}{of} is not below {limit}"))
        }
        (Some(_), Some(one)) => {
            let (has, of) = (known(one).len(), at(one));
            (VerdictWord::Inconclusive, format!("only {has} of {wanted} values{of} are there"))
        }
        (Some((value, of)), None) => (VerdictWord::Pass, format!("{value}{of} is below {limit}")),
    };
    Asked { verdict, detail }
}

/// What all gates of a stage come to.
pub(super) enum Gates {
    /// Every one passed.
    Pass,
    /// A critical one said no.
    Harm(String),
    /// Not yet.
    Wait(Wait),
}

/// The gates of the current stage that have to be asked now, by their place in the plan.
pub fn asks<'p>(plan: &'p RolloutPlan, state: &RolloutState) -> Vec<(usize, &'p GateKind)> {
    let asked = state.current().filter(|at| state.stages[*at].phase == StagePhase::Gated);
    let Some(at) = asked else { return Vec::new() };
    let outside = |kind: &GateKind| {
        matches!(kind, GateKind::Http { .. } | GateKind::Prometheus { .. } | GateKind::Command { .. })
    };
    let gates = plan.stages[at].gates.iter().enumerate();
    gates.filter(|(_, gate)| outside(&gate.kind)).map(|(place, gate)| (place, &gate.kind)).collect()
}

/// Asks every gate, keeps what each says, and answers with the first that stands in the way.
pub(super) fn pass(work: &mut Work<'_>, seen: &Seen<'_>, at: usize) -> Gates {
    let gates = &work.plan.stages[at].gates;
    let mut verdicts = Vec::with_capacity(gates.len());
    let mut waits = Vec::new();
    let mut harm = None;
    for (place, gate) in gates.iter().enumerate() {
        let before = work.state.stages[at].verdicts.get(place).cloned();
        let (verdict, detail, wait) = judge(work, seen, at, place, gate, before.as_ref());
        let asked_again = seen.asked.contains_key(&place);
        let times = match (verdict, &before) {
            (VerdictWord::Inconclusive, Some(before)) if before.verdict == verdict => {
                before.inconclusive + u32::from(asked_again)
            }
            (VerdictWord::Inconclusive, _) => u32::from(asked_again),
            _ => 0,
        };
        let kind = gate.kind.word().to_owned();
        match verdict {
            VerdictWord::Fail if gate.critical => {
                harm.get_or_insert_with(|| format!("gate `{kind}` says no: {detail}"));
            }
            VerdictWord::Fail => waits.push(Wait::GateFailed { gate: kind.clone(), detail: detail.clone() }),
            VerdictWord::Inconclusive => waits.push(wait.unwrap_or_else(|| Wait::GateInconclusive {
                gate: kind.clone(),
                detail: detail.clone(),
                times,
            })),
            VerdictWord::Pass => {}
        }
        verdicts.push(Verdict { gate: kind, verdict, detail, critical: gate.critical, inconclusive: times });
    }
    work.state.stages[at].verdicts = verdicts;
    match (harm, waits.into_iter().next()) {
        (Some(harm), _) => Gates::Harm(harm),
        (None, Some(wait)) => Gates::Wait(wait),
        (None, None) => Gates::Pass,
    }
}

/// What one gate says; with the wait that says it better than "inconclusive" would.
fn judge(
    work: &Work<'_>,
    seen: &Seen<'_>,
    at: usize,
    place: usize,
    gate: &Gate,
    before: Option<&Verdict>,
) -> (VerdictWord, String, Option<Wait>) {
    match &gate.kind {
        GateKind::HostsVerified { min } => verified(work, at, *min),
        GateKind::TimeSoak { span } => {
            let passed = work.state.clock_ms - work.state.stages[at].since_ms;
            let whole = millis(*span);
            if passed >= whole {
                return (VerdictWord::Pass, format!("{span} passed"), None);
            }
            let wait = Wait::Soaking { left: seconds_up(whole - passed) };
            (VerdictWord::Inconclusive, format!("not yet {span}"), Some(wait))
        }
        GateKind::Manual => {
            if let Some(approval) = &work.state.stages[at].approval {
                return (VerdictWord::Pass, format!("{}: {}", approval.by, approval.reason), None);
            }
            let wait = Wait::ManualGate { stage: work.plan.stages[at].id.clone() };
            (VerdictWord::Inconclusive, "nobody has approved".to_owned(), Some(wait))
        }
        GateKind::Http { .. } | GateKind::Prometheus { .. } | GateKind::Command { .. } => {
            match (seen.asked.get(&place), before) {
                (Some(asked), _) => (asked.verdict, asked.detail.clone(), None),
                (None, Some(before))
                    if before.verdict != VerdictWord::Inconclusive || before.inconclusive > 0 =>
                {
                    (before.verdict, before.detail.clone(), None)
                }
                (None, _) => {
                    let wait = Wait::GateUnasked { gate: gate.kind.word().to_owned() };
                    (VerdictWord::Inconclusive, "not asked yet".to_owned(), Some(wait))
                }
            }
        }
    }
}

/// Deferred and excluded hosts are left out; hosts that may still become active make it inconclusive, not failed.
fn verified(work: &Work<'_>, at: usize, min: u32) -> (VerdictWord, String, Option<Wait>) {
    let all = hosts::is_of_ticket(work, at);
    let counted = |kind: Kind| all || !matches!(kind.state, HostState::Excluded | HostState::Unreachable);
    let of = In::Stage(at);
    let hosts = work.count(of, counted);
    let active = work.count(of, |kind| kind.state == HostState::Active);
    let open = work.count(of, |kind| counted(kind) && !kind.state.is_settled());
    let wanted = (hosts * usize::try_from(min).unwrap_or(100)).div_ceil(100);
    let detail = format!("{active} of {hosts} active, {wanted} wanted");
    let verdict = match () {
        () if active >= wanted => VerdictWord::Pass,
        () if active + open >= wanted => VerdictWord::Inconclusive,
        () => VerdictWord::Fail,
    };
    (verdict, detail, None)
}
