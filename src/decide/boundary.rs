//! How far a halted release got, and whether what stands may be verified as it stands (seed 000, design/05).

use std::collections::{BTreeMap, BTreeSet};

use super::site::{canonical, running_image};
use crate::model::diagnosis::{Boundary, HeadAt, ServiceSide, Side};
use crate::model::facts::{Left, RunState, ServiceState, StepEnd, StepRecord};
use crate::model::gather::Gather;
use crate::model::id::{ServiceName, StepName};
use crate::model::phase::Phase;
use crate::model::plan::{Plan, PlannedService, ServiceChange};
use crate::model::release::{ReleaseState, Status};

/// What a boundary is drawn from.
#[derive(Debug, Clone, Copy)]
pub struct BoundarySeen<'a> {
    /// The release, its status read together with the lock.
    pub state: &'a ReleaseState,
    /// Phases that are done.
    pub phases_done: &'a BTreeSet<Phase>,
    /// What became of each step.
    pub steps: &'a BTreeMap<StepName, StepRecord>,
    /// What was planned, where that can still be read.
    pub plan: Option<&'a Plan>,
    /// Where HEAD is.
    pub head: HeadAt,
    /// The attempt that was released after it and stands on top of it.
    pub on_top: Option<&'a str>,
    /// What runs.
    pub services: &'a BTreeMap<ServiceName, ServiceState>,
}

/// Draws it.
pub fn boundary(seen: &BoundarySeen<'_>) -> Boundary {
    let BoundarySeen { state, phases_done, steps, .. } = *seen;
    let done = |record: &StepRecord| matches!(record.end, StepEnd::Done | StepEnd::MarkedDone);
    let unsettled: Vec<StepName> = steps
        .iter()
        .filter(|(name, record)| is_unsettled(record) && changes(seen, name))
        .map(|(name, _)| name.clone())
        .collect();
    let services: Vec<ServiceSide> = state
        .services
        .iter()
        .map(|service| ServiceSide { service: service.clone(), side: side(seen, service) })
        .collect();
    let against = against(seen, &unsettled, &services);
    let verify_in_place = against.is_empty();
    let why = if verify_in_place {
        let head = if seen.head == HeadAt::Base { "BASE" } else { "MERGE" };
        vec![format!(
            "every changing step has a known end, HEAD is at {head}, and each touched service is wholly old or wholly new"
        )]
    } else {
        against
    };
    Boundary {
        phases_done: phases_done.iter().copied().collect(),
        steps_done: steps.iter().filter(|(_, record)| done(record)).map(|(name, _)| name.clone()).collect(),
        phase: state.phase,
        step: state.failed_step.clone(),
        unsettled,
        head: seen.head,
        services,
        verify_in_place,
        why,
    }
}

/// What makes verifying in place tell nothing.
fn against(seen: &BoundarySeen<'_>, unsettled: &[StepName], services: &[ServiceSide]) -> Vec<String> {
    let mut against: Vec<String> =
        unsettled.iter().map(|step| format!("the end of `{step}` is not known")).collect();
    match seen.head {
        HeadAt::Base | HeadAt::Merge => {}
        HeadAt::Elsewhere if seen.state.status == Status::Reverted => {
            against.push("it was taken back: nothing of it is left to verify".to_owned());
        }
        HeadAt::Elsewhere if seen.on_top.is_some() => {
            against.push(format!("`{}` is on top of it", seen.on_top.unwrap_or_default()));
        }
        HeadAt::Elsewhere => against.push("HEAD is neither at BASE nor at MERGE".to_owned()),
        HeadAt::Unknown => against.push("git cannot tell where HEAD is".to_owned()),
    }
    for ServiceSide { service, side } in services.iter().filter(|service| !service.side.is_whole()) {
        against.push(match side {
            Side::Down => format!("`{service}` does not run"),
            Side::Unknown => format!("`{service}` could not be seen"),
            _ => format!("`{service}` is partly old and partly new"),
        });
    }
    against
}

fn is_unsettled(record: &StepRecord) -> bool {
    match record.end {
        StepEnd::Undecided => true,
        StepEnd::Open => record.left != Left::NeverStarted,
        StepEnd::Done | StepEnd::Failed(_) | StepEnd::MarkedDone | StepEnd::RunAgain => false,
    }
}

/// Whether a step changes something; one that no plan knows any more may have.
fn changes(seen: &BoundarySeen<'_>, name: &StepName) -> bool {
    let planned = seen.plan.and_then(|plan| plan.steps.iter().find(|step| step.name == *name));
    planned.is_none_or(|step| step.changes)
}

fn side(seen: &BoundarySeen<'_>, service: &ServiceName) -> Side {
    let planned = seen.plan.and_then(|plan| plan.services.iter().find(|known| known.name == *service));
    let change = planned.map_or(ServiceChange::Changed, |planned| planned.change);
    let Some(state) = seen.services.get(service) else { return Side::Unknown };
    match (state.run, change) {
        (RunState::Unknown, _) => return Side::Unknown,
        (RunState::Partly, _) => return Side::Mixed,
        (RunState::Stopped | RunState::Absent, ServiceChange::Changed) => return Side::Down,
        (RunState::Stopped | RunState::Absent, ServiceChange::Added)
        | (RunState::Running, ServiceChange::Removed) => return Side::Old,
        (RunState::Stopped | RunState::Absent, ServiceChange::Removed)
        | (RunState::Running, ServiceChange::Added) => return Side::New,
        (RunState::Running, ServiceChange::Changed) => {}
    }
    if !state.leftover.is_empty() {
        return Side::Mixed;
    }
    by_image(planned, state).unwrap_or_else(|| by_records(seen, service))
}

/// By what runs, where that differs before and after.
fn by_image(planned: Option<&PlannedService>, state: &ServiceState) -> Option<Side> {
    let planned = planned?;
    let line = |text: &str| text.split(' ').map(canonical).gather::<BTreeSet<String>>();
    let (before, after) = (line(planned.image_before.as_deref()?), line(planned.image_after.as_deref()?));
    if before == after {
        return None;
    }
    let now = line(&running_image(state)?);
    Some(if now == after {
        Side::New
    } else if now == before {
        Side::Old
    } else {
        Side::Mixed
    })
}

/// By the steps that replace it, where its image tells nothing.
fn by_records(seen: &BoundarySeen<'_>, service: &ServiceName) -> Side {
    let end = |word: &str| {
        let name = StepName::new([service.as_str(), word]);
        seen.steps.get(&name).map(|record| record.end)
    };
    let is_done = |word| matches!(end(word), Some(StepEnd::Done | StepEnd::MarkedDone));
    let is_begun = ["recreate", "stop", "start"].into_iter().any(|word| end(word).is_some());
    match (is_done("recreate") || is_done("start"), is_begun) {
        (true, _) => Side::New,
        (false, true) => Side::Mixed,
        (false, false) => Side::Old,
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::decide::testing::release;

    fn record(end: StepEnd) -> StepRecord {
        StepRecord::new(Phase::Migrate, end, DateTime::UNIX_EPOCH)
    }

    fn drawn(head: HeadAt, steps: &[(&str, StepEnd)], run: RunState) -> Boundary {
        let mut state = release("1234", Status::Failed);
        state.services = vec!["wikijs".parse().unwrap()];
        let service = ServiceState { run, ..ServiceState::default() };
        boundary(&BoundarySeen {
            state: &state,
            phases_done: &BTreeSet::from([Phase::Prepare]),
            steps: &steps.iter().map(|(name, end)| (StepName::new([*name]), record(*end))).collect(),
            plan: None,
            head,
            on_top: None,
            services: &BTreeMap::from([("wikijs".parse().unwrap(), service)]),
        })
    }

    #[test]
    fn what_stands_may_be_verified_when_nothing_is_half_done() {
        use RunState::{Partly, Running, Stopped, Unknown};
        let (done, failed) = (StepEnd::Done, StepEnd::Failed(1));
        let recreated = [("wikijs.recreate", done)];
        for (head, steps, run, side, safe) in [
            (HeadAt::Merge, recreated.as_slice(), Running, Side::New, true),
            (HeadAt::Base, &[], Running, Side::Old, true),
            (HeadAt::Elsewhere, &recreated, Running, Side::New, false),
            (HeadAt::Unknown, &recreated, Running, Side::New, false),
            (HeadAt::Merge, &recreated, Stopped, Side::Down, false),
            (HeadAt::Merge, &recreated, Partly, Side::Mixed, false),
            (HeadAt::Merge, &recreated, Unknown, Side::Unknown, false),
            (HeadAt::Merge, &[("wikijs.stop", done), ("wikijs.start", failed)], Running, Side::Mixed, false),
            (
                HeadAt::Merge,
                &[("wikijs.recreate", done), ("x", StepEnd::Undecided)],
                Running,
                Side::New,
                false,
            ),
            (HeadAt::Merge, &[("wikijs.recreate", done), ("x", StepEnd::Open)], Running, Side::New, false),
            // A script that failed has a known end.
            (HeadAt::Merge, &[("wikijs.recreate", done), ("x", failed)], Running, Side::New, true),
        ] {
            let seen = drawn(head, steps, run);
            assert_eq!(
                (seen.services[0].side, seen.verify_in_place),
                (side, safe),
                "{head:?} {steps:?} {run:?}"
            );
            assert!(!seen.why.is_empty());
        }
    }
}
