//! A release: its picture, its failure, the ways on and back, its steps, what is kept of it; its log, page by page.

use askama::Template;
use chrono::{DateTime, Utc};
use serde::Deserialize;

use crate::http::asked::Asked;
use crate::http::problem::Problem;
use crate::model::event::{EventKind, RunEvent};
use crate::model::evidence::{EvidenceOf, EvidenceRow};
use crate::model::id::{AttemptId, Oid, ReleaseRef, TicketId};
use crate::model::matching::PlaybookMatch;
use crate::model::plan::Plan;
use crate::model::release::Class;
use crate::model::view::{StateView, TranscriptView, VerificationView};
use crate::ops::inspect::{self, Kept};
use crate::ops::{Host, evidence, playbooks, recover};
use crate::report::html::timeline;
use crate::report::text::{duration, names};

use super::acting::{Way, ways};
use super::marks::{Badge, When, sign_of, tone_of, wants_a_look};
use super::now::phases;
use super::page::{Frame, Reply, Visit, html};

/// Records that the picture is drawn from at most, the last ones; and steps that are listed.
const DRAWN: usize = 1_500;
const STEPS: usize = 200;

/// Records of a page of the log.
const RECORDS: u64 = 200;

/// Lines of a transcript that are shown.
const LINES: usize = 2_000;

#[derive(Template)]
#[template(path = "release.html")]
struct Release {
    frame: Frame,
    id: AttemptId,
    view: StateView,
    badge: Badge,
    started: When,
    updated: When,
    services: String,
    merge: String,
    phases: Vec<(&'static str, Badge)>,
    picture: String,
    left_out: usize,
    ways: Vec<Way>,
    advice: Option<String>,
    steps: Vec<StepRow>,
    steps_left_out: usize,
    records: usize,
    failed: Option<TranscriptView>,
    evidence: Vec<(EvidenceRow, Option<When>)>,
    matches: Vec<PlaybookMatch>,
    kept: Kept,
    is_newest: bool,
}

impl Release {
    fn plan(&self) -> Option<&Plan> {
        self.kept.plan.as_ref()
    }
}

/// One go at a step.
struct StepRow {
    seq: u64,
    name: String,
    phase: &'static str,
    began: String,
    took: String,
    badge: Badge,
    told: String,
}

pub(super) fn show(visit: &Visit<'_>) -> Result<Reply, Problem> {
    let host = visit.host;
    let (ticket, number) = visit.asked.attempt()?;
    let view = inspect::attempt(host, &ticket, number)?;
    let id = AttemptId { ticket: ticket.clone(), number: view.state.attempt };
    let mut events = inspect::log(host, &ticket, 0)?.events;
    let is_newest = events.iter().map(|event| event.attempt).max() == Some(id.number);
    events.retain(|event| event.attempt == id.number);
    let left_out = events.len().saturating_sub(DRAWN);
    let services: Vec<String> = view.state.services.iter().map(ToString::to_string).collect();
    let (steps, steps_left_out) = steps(&events, view.runner.is_some());
    let halted = view.state.status.class() == Class::Halted;
    let wants = wants_a_look(view.state.status, view.state.superseded_by.is_some(), view.state.closed);
    let ways = ways(visit, &id, &recover::readiness(host, &ticket, Some(id.number))?);
    let matches = if halted && wants { matches(host, &ticket) } else { Vec::new() };
    let live = view.runner.is_some();
    let now = host.clock.now();
    let stream = live.then(|| {
        let since = events.last().map_or(0, |event| event.seq);
        format!("/api/deployments/{id}/timeline/stream#{since}")
    });
    let page = Release {
        badge: Badge::of(view.state.status),
        started: When::new(view.state.started_at, now),
        updated: When::new(view.state.updated_at, now),
        services: names(services.iter().map(String::as_str), "none"),
        merge: view.state.merge.as_ref().map_or("not merged", Oid::short).to_owned(),
        phases: phases(&view),
        picture: timeline(&events[left_out..], &services),
        left_out,
        advice: wants.then(|| advice(&view)).flatten(),
        failed: if halted { failed(host, &ticket, &events) } else { None },
        records: events.len(),
        evidence: bundles(host, &id, now),
        kept: inspect::kept(host, &id)?,
        frame: Frame { stream, ..visit.frame(id.to_string(), "releases") },
        matches,
        ways,
        steps,
        steps_left_out,
        is_newest,
        view,
        id,
    };
    html(&page)
}

/// What there is to say about where it stands, in a sentence.
fn advice(view: &StateView) -> Option<String> {
    let step = view.state.failed_step.as_ref().map(|step| format!(" at `{step}`")).unwrap_or_default();
    let (status, phase) = (view.state.status, view.state.phase);
    (status.class() == Class::Halted).then(|| format!("{status} in {phase}{step}"))
}

fn matches(host: &Host, ticket: &TicketId) -> Vec<PlaybookMatch> {
    playbooks::match_ticket(host, ticket).map(|view| view.matches).unwrap_or_default()
}

fn bundles(host: &Host, id: &AttemptId, now: DateTime<Utc>) -> Vec<(EvidenceRow, Option<When>)> {
    let of = EvidenceOf::Release(ReleaseRef { ticket: id.ticket.clone(), attempt: Some(id.number) });
    let rows = evidence::list(host, &of).unwrap_or_default().into_iter().rev();
    rows.map(|row| {
        let at = row.captured_at.map(|at| When::new(at, now));
        (row, at)
    })
    .collect()
}

/// What the step printed that failed last.
fn failed(host: &Host, ticket: &TicketId, events: &[RunEvent]) -> Option<TranscriptView> {
    let failed = events.iter().rfind(|event| event.event == EventKind::StepFailed)?;
    let is_its_start = |event: &&RunEvent| event.event == EventKind::StepStart && event.step == failed.step;
    let start = events.iter().rfind(|event| is_its_start(event) && event.seq < failed.seq)?;
    inspect::transcript(host, ticket, start.seq, 30).ok().flatten()
}

/// Each go at each step, the last ones first; and how many are left out.
fn steps(events: &[RunEvent], is_live: bool) -> (Vec<StepRow>, usize) {
    let mut ends: std::collections::BTreeMap<&crate::model::id::StepName, &RunEvent> =
        std::collections::BTreeMap::new();
    let mut rows = Vec::new();
    for event in events.iter().rev() {
        let Some(step) = &event.step else { continue };
        match event.event {
            EventKind::StepDone
            | EventKind::StepFailed
            | EventKind::StepUndecided
            | EventKind::StepVerified => {
                ends.insert(step, event);
            }
            EventKind::StepStart => rows.push(step_row(event, ends.remove(step), is_live)),
            _ => {}
        }
    }
    let left_out = rows.len().saturating_sub(STEPS);
    rows.truncate(STEPS);
    (rows, left_out)
}

fn step_row(start: &RunEvent, end: Option<&RunEvent>, is_live: bool) -> StepRow {
    let badge = match end.map(|end| &end.event) {
        Some(EventKind::StepDone | EventKind::StepVerified) => Badge::good("done"),
        Some(EventKind::StepFailed) => Badge::bad("failed"),
        None if is_live => Badge::new("live", "●", "running"),
        _ => Badge::new("bad", "?", "unknown"),
    };
    let rc = end.and_then(|end| end.rc).filter(|rc| *rc != 0).map(|rc| format!("rc={rc}"));
    let told = end.map(|end| [rc, end.reason.clone(), end.msg.clone()]);
    let told = told.into_iter().flatten().flatten().collect::<Vec<_>>().join("  ");
    StepRow {
        seq: start.seq,
        name: start.step.as_ref().map_or(String::new(), ToString::to_string),
        phase: start.phase.map_or("", |phase| phase.word()),
        began: crate::report::text::clock(start.at),
        took: end.and_then(|end| end.ms).map_or(String::new(), duration),
        badge,
        told,
    }
}

/// A record as a row.
pub(super) struct Record {
    pub(super) event: RunEvent,
    pub(super) at: String,
    pub(super) tone: &'static str,
    pub(super) sign: &'static str,
    pub(super) told: String,
}

impl Record {
    pub(super) fn new(event: RunEvent) -> Self {
        let rc = event.rc.filter(|rc| *rc != 0).map(|rc| format!("rc={rc}"));
        let took = event.ms.map(duration);
        let more = event.details.iter().map(|(name, value)| format!("{name}={value}"));
        let mut told: Vec<String> =
            [rc, took, event.reason.clone(), event.msg.clone()].into_iter().flatten().collect();
        told.extend(more);
        Self {
            at: crate::report::text::moment(event.at),
            tone: tone_of(&event.event),
            sign: sign_of(&event.event),
            told: told.join("  "),
            event,
        }
    }

    pub(super) fn phase(&self) -> &'static str {
        self.event.phase.map_or("", |phase| phase.word())
    }

    pub(super) fn step(&self) -> String {
        self.event.step.as_ref().map_or(String::new(), ToString::to_string)
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Since {
    #[serde(default)]
    pub(super) since: Option<u64>,
}

/// A page of records: those after a cursor, or the last ones.
pub(super) struct Records {
    pub(super) rows: Vec<Record>,
    pub(super) all: usize,
    pub(super) earlier: Option<u64>,
    pub(super) later: Option<u64>,
}

impl Records {
    pub(super) fn of(events: Vec<RunEvent>, since: Option<u64>) -> Self {
        let all = events.len();
        let page = usize::try_from(RECORDS).unwrap_or(usize::MAX);
        let from = match since {
            Some(since) => events.partition_point(|event| event.seq <= since),
            None => all.saturating_sub(page),
        };
        let before = |at: usize| at.checked_sub(1).map_or(0, |at| events[at].seq);
        let earlier = (from > 0).then(|| before(from.saturating_sub(page)));
        let later = (from + page < all).then(|| before(from + page));
        let rows = events.into_iter().skip(from).take(page).map(Record::new).collect();
        Self { rows, all, earlier, later }
    }
}

#[derive(Template)]
#[template(path = "log.html")]
pub(super) struct Log {
    pub(super) frame: Frame,
    pub(super) title: String,
    /// Where it is: the address of its pages.
    pub(super) at: String,
    /// Where it belongs to: address and words.
    pub(super) up: (String, String),
    pub(super) file: String,
    pub(super) records: Records,
    pub(super) verification: Option<VerificationView>,
}

/// The records of an attempt, page by page.
pub(super) fn log(visit: &Visit<'_>) -> Result<Reply, Problem> {
    let (ticket, number) = visit.asked.attempt()?;
    let since: Since = visit.asked.query()?;
    let view = inspect::attempt(visit.host, &ticket, number)?;
    let id = AttemptId { ticket: ticket.clone(), number: view.state.attempt };
    let mut log = inspect::log(visit.host, &ticket, 0)?;
    log.events.retain(|event| event.attempt == id.number);
    html(&Log {
        frame: visit.frame(format!("Records of {id}"), "releases"),
        title: format!("Records of {id}"),
        at: format!("/releases/{id}/log"),
        up: (format!("/releases/{id}"), id.to_string()),
        file: log.log_file,
        records: Records::of(log.events, since.since),
        verification: None,
    })
}

#[derive(Template)]
#[template(path = "step.html")]
struct StepPage {
    frame: Frame,
    id: String,
    transcript: TranscriptView,
}

/// What a step printed.
pub(super) fn step(visit: &Visit<'_>) -> Result<Reply, Problem> {
    let (ticket, number) = visit.asked.attempt()?;
    let seq = seq(visit.asked)?;
    let found = inspect::transcript(visit.host, &ticket, seq, LINES)?;
    let none =
        || Problem::not_found(format!("record {seq} of `{ticket}` began no step that printed anything"));
    let transcript = found.ok_or_else(none)?;
    let id = number.map_or(ticket.to_string(), |number| format!("{ticket}@{number}"));
    html(&StepPage { frame: visit.frame(format!("{} of {id}", transcript.step), "releases"), id, transcript })
}

fn seq(asked: &Asked) -> Result<u64, Problem> {
    let text = asked.path.get("seq").map_or("", String::as_str);
    text.parse().map_err(|_| Problem::invalid("the address names no record"))
}
