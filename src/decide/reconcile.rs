//! Steps whose end is unknown: what may be repeated, what is looked at first, and what a person is asked about (design/03,
//! design/04 "What each built-in step is"). A step whose end is unknown is never silently run again.

use std::fmt::Write as _;

use super::past::Past;
use super::typed::Typed;
use crate::model::facts::{Facts, Left, StepEnd, StepRecord};
use crate::model::id::{StepName, TicketId};
use crate::model::phase::Phase;
use crate::model::plan::{Step, WhenUnknown};
use crate::model::reason::{Blocker, ReasonCode};

/// What a person said about a step.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Answers<'a> {
    pub(super) run_again: Option<&'a StepName>,
    pub(super) mark_done: Option<&'a StepName>,
}

/// Marks planned steps by what is recorded of them, and names those that need a person.
pub(super) fn settle(
    facts: &Facts,
    ticket: &TicketId,
    steps: &mut [Step],
    past: Past<'_>,
    answers: Answers<'_>,
) -> Vec<Blocker> {
    let mut blockers: Vec<Blocker> = past.open().filter_map(|(name, record)| at_work(name, record)).collect();
    if !blockers.is_empty() {
        return blockers;
    }
    for step in steps.iter_mut() {
        let Some(record) = past.record(&step.name) else { continue };
        if answers.mark_done == Some(&step.name) {
            step.already_done = true;
            continue;
        }
        let is_unknown = matches!(record.end, StepEnd::Open | StepEnd::Undecided);
        if !is_unknown || answers.run_again == Some(&step.name) {
            continue;
        }
        if matches!(record.left, Left::LeftRunning(_)) {
            blockers.push(undecided(facts, ticket, &step.name, record));
            continue;
        }
        match (step.when_unknown, record.end) {
            (WhenUnknown::Repeat, StepEnd::Open) => {}
            (WhenUnknown::Check, StepEnd::Open) => step.unknown_since = Some(record.started_at),
            (WhenUnknown::Ask, StepEnd::Open) if record.left == Left::NeverStarted => {}
            _ => blockers.push(undecided(facts, ticket, &step.name, record)),
        }
    }
    let forgotten = past.open().filter(|(name, record)| {
        let is_planned = steps.iter().any(|step| step.name == **name);
        !is_planned
            && must_be_asked(name, record)
            && record.left != Left::NeverStarted
            && answers.run_again != Some(name)
            && answers.mark_done != Some(name)
    });
    blockers.extend(forgotten.map(|(name, record)| undecided(facts, ticket, name, record)));
    blockers
}

/// A step that still works while its runner is gone: there is never a second one beside it. `cancel` is not offered: it asks
/// the shim, and whoever comes as far as this while holding the host knows that there is none.
fn at_work(name: &StepName, record: &StepRecord) -> Option<Blocker> {
    let Left::AtWork(pids) = &record.left else { return None };
    let pids: Vec<String> = pids.iter().map(ToString::to_string).collect();
    let since = record.started_at.format("%Y-%m-%dT%H:%M:%SZ");
    let fact = format!("step `{name}` still works since {since}: process {}", pids.join(", "));
    Some(
        Blocker::new(ReasonCode::Locked, fact)
            .way_out("wait until it has ended, then run the same command again")
            .way_out(format!("or end it: kill {}", pids.join(" "))),
    )
}

/// A step that is not planned any more: only what the host's own programs did cannot be looked at.
fn must_be_asked(name: &StepName, record: &StepRecord) -> bool {
    let is_hook =
        || name.as_str().split('.').any(|part| matches!(part, "pre_start" | "post_start" | "ensure_config"));
    record.phase == Phase::Ticket || record.end == StepEnd::Undecided || is_hook()
}

fn undecided(facts: &Facts, ticket: &TicketId, name: &StepName, record: &StepRecord) -> Blocker {
    let typed = Typed::on(facts);
    let began = record.started_at.format("%Y-%m-%dT%H:%M:%SZ");
    let mut fact =
        format!("the end of step `{name}` is unknown: it began {began}, and no outcome was recorded");
    let mut look = "look whether its effect is there; then one of:".to_owned();
    if let Left::LeftRunning(pids) = &record.left {
        let pids = pids.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        let _ = write!(fact, "; what it started still runs: process {pids}");
        look = format!(
            "look whether that should run, and whether its effect is there: ps -fp {pids}; then one of:"
        );
    }
    let line = |flag: &str| {
        if record.phase == Phase::Revert {
            typed.revert(ticket, &format!("--{flag}={name}"))
        } else {
            typed.run(ticket, &format!("--{flag}={name} --from={}", record.phase))
        }
    };
    Blocker::new(ReasonCode::StepUndecided, fact)
        .way_out(look)
        .way_out(line("mark-done"))
        .way_out(line("run-again"))
}
