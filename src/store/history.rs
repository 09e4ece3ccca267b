//! What a log says about a ticket beyond its state: phases, steps, scripts.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::candidate::Artifact;
use crate::model::event::{EventKind, RunEvent};
use crate::model::facts::{StepEnd, StepRecord};
use crate::model::gather::Gather;
use crate::model::id::{ServiceName, StepName};
use crate::model::phase::Phase;
use crate::model::projection::field;
use crate::model::release::{ReleaseState, Trigger};

/// What a ticket's log says about its newest cycle.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct History {
    /// Phases of this cycle recorded `done`, or left out with a reason.
    pub phases_done: BTreeSet<Phase>,
    /// What became of each step of this cycle: its newest record, whichever attempt made it.
    pub steps: BTreeMap<StepName, StepRecord>,
    /// Ticket scripts that ever ran to a good end: path → sha256.
    pub scripts_run: BTreeMap<String, String>,
    /// Keys of `holdpoint once` that are done in this cycle.
    pub once_done: BTreeSet<String>,
    /// Phase before which it was held last.
    pub held_before: Option<Phase>,
}

/// Images by service and compose service.
pub type Artifacts = BTreeMap<ServiceName, BTreeMap<String, Artifact>>;

/// An attempt as it is recorded, with what a rollback to it needs to know.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptAttempt {
    /// How it stands.
    pub state: ReleaseState,
    /// What ran of each service when it was proven.
    pub artifacts: Artifacts,
    /// Digest of the environment that it was resumed with last, and the names that were changed for it.
    pub resumed_with: Option<(String, Vec<String>)>,
}

/// What ran of each service when an attempt proved it.
pub(super) fn artifacts(events: &[RunEvent], attempt: u32) -> Artifacts {
    let mut found = Artifacts::new();
    for event in events.iter().filter(|event| event.attempt == attempt && event.event == EventKind::StepDone)
    {
        let service = text(event, field::SERVICE).and_then(|name| name.parse().ok());
        let (Some(service), Some(ids), Some(images)) =
            (service, text(event, field::ARTIFACTS), text(event, field::IMAGES))
        else {
            continue;
        };
        let images: BTreeMap<&str, &str> = pairs(images).gather();
        let parts = pairs(ids).map(|(part, id)| {
            let image = images.get(part).copied().unwrap_or_default().to_owned();
            (part.to_owned(), Artifact { image, id: id.to_owned() })
        });
        found.insert(service, parts.gather());
    }
    found
}

/// The environment that an attempt was resumed with last: its digest, and the names that were changed for it.
pub(super) fn resumed_with(events: &[RunEvent], attempt: u32) -> Option<(String, Vec<String>)> {
    let mut of_attempt = events.iter().rev().filter(|event| event.attempt == attempt);
    let event = of_attempt.find(|event| text(event, field::ENVIRONMENT).is_some())?;
    let changed = text(event, field::CHANGED_ENV).unwrap_or_default();
    Some((
        text(event, field::ENVIRONMENT)?.to_owned(),
        changed.split_whitespace().map(str::to_owned).collect(),
    ))
}

fn pairs(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split_whitespace().filter_map(|word| word.split_once('='))
}

/// Reads a ticket's events in order.
pub(super) fn of(events: &[RunEvent]) -> History {
    let mut history = History::default();
    let mut cycle = String::new();
    let mut running: BTreeMap<StepName, (String, String)> = BTreeMap::new();
    let mut boot = None;
    for event in events {
        if matches!(event.event, EventKind::Created | EventKind::Resumed | EventKind::Reverting) {
            boot = event.details.get(field::BOOT).cloned();
        }
        match (&event.event, event.phase) {
            (EventKind::Created, _) => {
                let this = event.details.get(field::CYCLE).cloned().unwrap_or_default();
                let goes_on = this == cycle && event.details.contains_key(field::HEAD);
                if !goes_on {
                    history.phases_done.clear();
                }
                let puts_there = text(event, field::TRIGGER).and_then(Trigger::from_word);
                if this != cycle {
                    history.steps.clear();
                } else if matches!(puts_there, Some(Trigger::Redeploy | Trigger::Rollback)) {
                    // Everything is done again, but what was kept of the time before the cycle stays kept.
                    history.steps.retain(|step, _| step.as_str().ends_with(".keep-image"));
                }
                cycle = this;
            }
            // A phase that begins again is not done, and neither is what follows it.
            (EventKind::Start | EventKind::Resumed, Some(phase)) => {
                history.phases_done.retain(|done| *done < phase);
            }
            (
                EventKind::Done
                | EventKind::Skipped
                | EventKind::SkippedNoScript
                | EventKind::SkippedRanElsewhere,
                Some(phase),
            ) => {
                history.phases_done.insert(phase);
            }
            (EventKind::Held, phase) => history.held_before = phase,
            (EventKind::Reverting, _) => history.phases_done.clear(),
            _ => step(&mut history, &mut running, event, boot.as_deref()),
        }
    }
    history
}

fn text<'e>(event: &'e RunEvent, field: &str) -> Option<&'e str> {
    event.details.get(field).map(String::as_str)
}

fn step(
    history: &mut History,
    running: &mut BTreeMap<StepName, (String, String)>,
    event: &RunEvent,
    boot: Option<&str>,
) {
    let (Some(name), Some(phase)) = (&event.step, event.phase) else { return };
    let mut end = |end: StepEnd| {
        if let Some(record) = history.steps.get_mut(name) {
            record.end = end;
            record.ms = event.ms;
        }
    };
    match event.event {
        EventKind::StepStart => {
            let text = |field: &str| event.details.get(field).cloned();
            if let (Some(path), Some(hash)) = (text(field::PATH), text(field::SCRIPT)) {
                running.insert(name.clone(), (path, hash));
            }
            let record = StepRecord {
                inputs: text(field::INPUTS),
                script: text(field::SCRIPT),
                intent: (event.attempt, event.seq),
                boot: boot.map(str::to_owned),
                ..StepRecord::new(phase, StepEnd::Open, event.at)
            };
            history.steps.insert(name.clone(), record);
        }
        EventKind::StepDone | EventKind::StepVerified => {
            end(StepEnd::Done);
            if let Some((path, hash)) = running.remove(name) {
                history.scripts_run.insert(path, hash);
            }
        }
        EventKind::StepFailed => end(StepEnd::Failed(event.rc.unwrap_or(1))),
        EventKind::StepUndecided => end(StepEnd::Undecided),
        EventKind::MarkedDone => end(StepEnd::MarkedDone),
        EventKind::RunAgain => end(StepEnd::RunAgain),
        _ => {}
    }
}
