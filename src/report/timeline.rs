//! When what ran: bars, phases and waits, folded from the events of a ticket's log.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use crate::model::arrange::Arrange;
use crate::model::event::{EventKind, RunEvent};
use crate::model::gather::Gather;
use crate::model::id::StepName;
use crate::model::phase::Phase;

/// How a step or a phase ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Well.
    Done,
    /// It failed.
    Failed,
    /// Nobody knows, or its runner was stopped.
    Open,
}

/// One step while it ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bar {
    /// Its name.
    pub step: StepName,
    /// Its phase.
    pub phase: Phase,
    /// Attempt number.
    pub attempt: u32,
    /// Began.
    pub from: DateTime<Utc>,
    /// Ended.
    pub to: DateTime<Utc>,
    /// How.
    pub outcome: Outcome,
    /// What the record says about it.
    pub told: String,
}

impl Bar {
    /// Milliseconds it took.
    pub fn ms(&self) -> u64 {
        u64::try_from((self.to - self.from).num_milliseconds()).unwrap_or(0)
    }
}

/// One phase while it ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Band {
    /// Phase.
    pub phase: Phase,
    /// Began.
    pub from: DateTime<Utc>,
    /// Ended, or was left.
    pub to: DateTime<Utc>,
    /// How.
    pub outcome: Outcome,
}

/// Steps of one service, or of the host, in rows so that none covers another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lane {
    /// The service; `host` for what belongs to none.
    pub name: String,
    /// Rows of bars, each in order of time.
    pub rows: Vec<Vec<Bar>>,
}

/// A time in which nothing ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// Began.
    pub from: DateTime<Utc>,
    /// Ended.
    pub to: DateTime<Utc>,
    /// Where the release stood: `failed`, `held`, `succeeded`….
    pub stood: String,
}

/// Everything that the picture shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Timeline {
    /// Phases.
    pub bands: Vec<Band>,
    /// Services, then the host.
    pub lanes: Vec<Lane>,
    /// Waits between work.
    pub waits: Vec<Wait>,
}

/// The lane of what belongs to no service.
pub const HOST: &str = "host";

/// Gaps below this are pauses between steps, not waits.
const LEAST_WAIT_MS: i64 = 2_000;

impl Timeline {
    /// Folds events, oldest first. `services` are the names that make lanes, in the order they are shown.
    pub fn fold(events: &[RunEvent], services: &[String]) -> Self {
        let bars = bars(events);
        let bands = bands(events);
        let waits = waits(events, &bars, &bands);
        Self { lanes: lanes(bars, services), bands, waits }
    }

    /// Every step, in order of time.
    pub fn bars(&self) -> Vec<&Bar> {
        let mut all: Vec<&Bar> = self.lanes.iter().flat_map(|lane| lane.rows.iter().flatten()).collect();
        all.arrange_by_key(|bar| (bar.from, bar.to));
        all
    }

    /// First and last moment of work; none where nothing ran.
    pub fn span(&self) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        let starts = self.bands.iter().map(|band| band.from);
        let ends = self.bands.iter().map(|band| band.to);
        let bars = self.bars();
        let from = starts.chain(bars.iter().map(|bar| bar.from)).min()?;
        let to = ends.chain(bars.iter().map(|bar| bar.to)).max()?;
        Some((from, to))
    }
}

/// Whether an event says that its runner stopped, whatever was open.
fn ends_everything(kind: &EventKind) -> bool {
    matches!(kind, EventKind::Interrupted | EventKind::Canceled | EventKind::Started | EventKind::Resumed)
}

/// Whether it was noticed only later that the runner is gone: the time until then is no time of work.
fn is_gone(event: &RunEvent) -> bool {
    event.reason.as_deref() == Some("runner-gone")
}

fn bars(events: &[RunEvent]) -> Vec<Bar> {
    let mut open: BTreeMap<StepName, &RunEvent> = BTreeMap::new();
    let mut bars = Vec::new();
    let mut last_work = None;
    for event in events {
        if ends_everything(&event.event) {
            // A runner that is gone is noticed later; one that was stopped records it at once.
            let stopped = event.event != EventKind::Interrupted || is_gone(event);
            let end = if stopped { last_work.unwrap_or(event.at) } else { event.at };
            bars.extend(std::mem::take(&mut open).into_values().map(|start| left_open(start, end)));
        }
        let Some(step) = &event.step else { continue };
        let outcome = match event.event {
            EventKind::StepStart => {
                open.insert(step.clone(), event);
                last_work = Some(event.at);
                continue;
            }
            EventKind::StepDone | EventKind::StepVerified => Outcome::Done,
            EventKind::StepFailed => Outcome::Failed,
            EventKind::StepUndecided => Outcome::Open,
            _ => continue,
        };
        last_work = Some(event.at);
        let took = chrono::TimeDelta::milliseconds(event.ms.map_or(0, |ms| i64::try_from(ms).unwrap_or(0)));
        let from = open.remove(step).map_or(event.at - took, |start| start.at);
        let told = told(event);
        bars.push(Bar { from, to: event.at.max(from), outcome, told, ..left_open(event, event.at) });
    }
    let end = last_work.unwrap_or_default();
    bars.extend(open.into_values().map(|start| left_open(start, end)));
    bars.arrange_by_key(|bar| (bar.from, bar.to));
    bars
}

fn left_open(start: &RunEvent, end: DateTime<Utc>) -> Bar {
    Bar {
        step: start.step.clone().unwrap_or_else(|| StepName::new(["-"])),
        phase: start.phase.unwrap_or(Phase::Prepare),
        attempt: start.attempt,
        from: start.at,
        to: end.max(start.at),
        outcome: Outcome::Open,
        told: "its end is not recorded".to_owned(),
    }
}

fn told(event: &RunEvent) -> String {
    let rc = event.rc.filter(|rc| *rc != 0).map(|rc| format!("rc={rc}"));
    let parts = [rc, event.reason.clone(), event.msg.clone()];
    parts.into_iter().flatten().collect::<Vec<_>>().join("  ")
}

fn bands(events: &[RunEvent]) -> Vec<Band> {
    let mut bands: Vec<Band> = Vec::new();
    let mut open = false;
    for event in events {
        if open && let Some(band) = bands.last_mut() {
            if ends_everything(&event.event) && event.event != EventKind::Interrupted {
                open = false;
            } else if event.phase == Some(band.phase) || event.event == EventKind::Interrupted {
                band.to = if is_gone(event) { band.to } else { event.at };
                band.outcome = match event.event {
                    EventKind::Done | EventKind::Reverted => Outcome::Done,
                    EventKind::Failed | EventKind::Stuck => Outcome::Failed,
                    _ => Outcome::Open,
                };
                open = !matches!(
                    event.event,
                    EventKind::Done
                        | EventKind::Failed
                        | EventKind::Interrupted
                        | EventKind::Undecided
                        | EventKind::Reverted
                        | EventKind::Stuck
                );
            }
        }
        if let (EventKind::Start, Some(phase)) = (&event.event, event.phase) {
            bands.push(Band { phase, from: event.at, to: event.at, outcome: Outcome::Open });
            open = true;
        }
    }
    bands
}

fn waits(events: &[RunEvent], bars: &[Bar], bands: &[Band]) -> Vec<Wait> {
    let mut busy: Vec<(DateTime<Utc>, DateTime<Utc>)> = bars.iter().map(|bar| (bar.from, bar.to)).collect();
    busy.extend(bands.iter().map(|band| (band.from, band.to)));
    busy.sort_unstable();
    let mut waits = Vec::new();
    let mut until: Option<DateTime<Utc>> = None;
    for (from, to) in busy {
        if let Some(end) = until
            && (from - end).num_milliseconds() >= LEAST_WAIT_MS
        {
            waits.push(Wait { from: end, to: from, stood: stood(events, end, from) });
        }
        until = Some(until.map_or(to, |end| end.max(to)));
    }
    waits
}

/// The word of the last event that says where the release stood in a wait.
fn stood(events: &[RunEvent], from: DateTime<Utc>, to: DateTime<Utc>) -> String {
    let tells = |event: &&RunEvent| {
        event.at >= from
            && event.at < to
            && matches!(
                event.event,
                EventKind::Failed
                    | EventKind::Held
                    | EventKind::Interrupted
                    | EventKind::Undecided
                    | EventKind::Succeeded
                    | EventKind::Reverted
                    | EventKind::Stuck
                    | EventKind::Closed
            )
    };
    let word = events.iter().rfind(tells).map(|event| event.event.word().to_owned());
    word.unwrap_or_else(|| "waiting".to_owned())
}

fn lanes(bars: Vec<Bar>, services: &[String]) -> Vec<Lane> {
    let known: BTreeSet<&str> = services.iter().map(String::as_str).gather();
    let mut by_lane: BTreeMap<String, Vec<Vec<Bar>>> = BTreeMap::new();
    for bar in bars {
        let owner = bar.step.as_str().split('.').find(|part| known.contains(part)).unwrap_or(HOST).to_owned();
        let rows = by_lane.entry(owner).or_default();
        // A step that begins in the millisecond in which another ends stands beside it, not below.
        let free = rows.iter_mut().find(|row| row.last().is_none_or(|last| last.to <= bar.from));
        match free {
            Some(row) => row.push(bar),
            None => rows.push(vec![bar]),
        }
    }
    let order = std::iter::once(HOST.to_owned()).chain(services.iter().cloned());
    order.filter_map(|name| by_lane.remove(&name).map(|rows| Lane { name, rows })).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::event::EVENT_VERSION;

    fn at(ms: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(1_779_118_200_000 + ms).unwrap()
    }

    fn event(ms: i64, phase: Phase, kind: EventKind, step: Option<&str>) -> RunEvent {
        RunEvent {
            v: EVENT_VERSION,
            seq: 1,
            at: at(ms),
            ticket: "1234".parse().unwrap(),
            attempt: 1,
            phase: Some(phase),
            event: kind,
            rc: None,
            step: step.map(|step| StepName::new([step])),
            operator: "deploy".to_owned(),
            ms: None,
            reason: None,
            details: Arc::default(),
            msg: None,
        }
    }

    #[test]
    fn services_side_by_side_have_lanes_and_a_night_is_a_wait() {
        let events = [
            event(0, Phase::Migrate, EventKind::Start, None),
            event(1, Phase::Migrate, EventKind::StepStart, Some("wikijs.recreate")),
            event(2, Phase::Migrate, EventKind::StepStart, Some("redmine.recreate")),
            event(500, Phase::Migrate, EventKind::StepDone, Some("redmine.recreate")),
            event(900, Phase::Migrate, EventKind::StepFailed, Some("wikijs.recreate")),
            event(901, Phase::Migrate, EventKind::Failed, None),
            event(50_000_000, Phase::Migrate, EventKind::Resumed, None),
            event(50_000_001, Phase::Migrate, EventKind::Start, None),
            event(50_000_002, Phase::Migrate, EventKind::StepStart, Some("wikijs.recreate")),
            event(50_000_700, Phase::Migrate, EventKind::StepDone, Some("wikijs.recreate")),
            event(50_000_701, Phase::Migrate, EventKind::Done, None),
        ];
        let timeline = Timeline::fold(&events, &["redmine".to_owned(), "wikijs".to_owned()]);
        let lanes: Vec<(&str, usize)> =
            timeline.lanes.iter().map(|lane| (lane.name.as_str(), lane.rows.len())).collect();
        assert_eq!(lanes, [("redmine", 1), ("wikijs", 1)]);
        assert_eq!(timeline.waits.len(), 1);
        assert_eq!(timeline.waits[0].stood, "failed");
        let ends: Vec<Outcome> = timeline.bands.iter().map(|band| band.outcome).collect();
        assert_eq!(ends, [Outcome::Failed, Outcome::Done]);
    }

    #[test]
    fn steps_that_overlap_do_not_cover_each_other() {
        let events = [
            event(0, Phase::Prepare, EventKind::StepStart, Some("backup.a.1")),
            event(1, Phase::Prepare, EventKind::StepStart, Some("backup.a.2")),
            event(5, Phase::Prepare, EventKind::StepDone, Some("backup.a.1")),
            event(9, Phase::Prepare, EventKind::StepDone, Some("backup.a.2")),
        ];
        let timeline = Timeline::fold(&events, &["a".to_owned()]);
        assert_eq!(timeline.lanes[0].rows.len(), 2);
    }

    #[test]
    fn a_step_without_an_end_ends_with_the_last_sign_of_its_runner() {
        let events = [
            event(0, Phase::Migrate, EventKind::Start, None),
            event(5, Phase::Migrate, EventKind::StepStart, Some("a.recreate")),
            RunEvent {
                reason: Some("runner-gone".to_owned()),
                ..event(9_000, Phase::Migrate, EventKind::Interrupted, None)
            },
        ];
        let timeline = Timeline::fold(&events, &["a".to_owned()]);
        let bar = &timeline.lanes[0].rows[0][0];
        assert_eq!((bar.outcome, bar.to), (Outcome::Open, at(5)));
    }

    #[test]
    fn nothing_recorded_is_an_empty_picture() {
        let timeline = Timeline::fold(&[], &[]);
        assert_eq!(timeline, Timeline::default());
        assert_eq!(timeline.span(), None);
    }
}
