//! Now: what is at work or halted here, how far it got, what runs, and what holds releases up.

use askama::Template;
use serde::Deserialize;

use crate::http::problem::Problem;
use crate::model::facts::RunState;
use crate::model::id::ServiceName;
use crate::model::incident::Incident;
use crate::model::reason::Blocker;
use crate::model::request::LogLines;
use crate::model::view::{HolderView, ListRow, StateView, StatusRow};
use crate::ops::incident;
use crate::ops::inspect::{self, Index, Which};

use super::marks::{Badge, When, wants_a_look};
use super::page::{Frame, Reply, Visit, html};
use super::releases::Row;
use super::rollouts;

/// Releases that are shown with their phases.
const SHOWN: usize = 4;

/// Seconds after which the page is looked at again.
const REFRESH: u32 = 5;

#[derive(Template)]
#[template(path = "now.html")]
struct Now {
    frame: Frame,
    verdict: Verdict,
    notes: Vec<String>,
    freezes: Vec<Blocker>,
    runner: Option<(HolderView, When)>,
    cards: Vec<Card>,
    recent: Vec<Row>,
    services: Vec<Service>,
    incidents: Vec<(Incident, When)>,
    /// None: no fleet. A ledger that does not answer must not hide how this host is.
    rollouts: Option<Result<Vec<rollouts::Row>, String>>,
    head: String,
    branch: String,
}

/// The host in one sentence.
struct Verdict {
    tone: &'static str,
    sign: &'static str,
    text: String,
}

/// A release that wants a look.
struct Card {
    row: Row,
    phases: Vec<(&'static str, Badge)>,
    view: StateView,
}

struct Service {
    row: StatusRow,
    badge: Badge,
    since: Option<When>,
}

impl Service {
    fn differs(&self) -> bool {
        self.row.intended.is_some() && self.row.image.is_some() && self.row.intended != self.row.image
    }
}

pub(super) fn now(visit: &Visit<'_>) -> Result<Reply, Problem> {
    let host = visit.host;
    let at = host.clock.now();
    let status = inspect::status(host, &[])?;
    let rows = inspect::list(host, Which::Recent, Index::AsIs)?.rows;
    let looked: Vec<&ListRow> = rows
        .iter()
        .filter(|row| wants_a_look(row.status, row.superseded_by.is_some(), row.closed))
        .take(SHOWN)
        .collect();
    let cards: Vec<Card> = looked.iter().filter_map(|row| card(visit, row)).collect();
    let services: Vec<Service> = status
        .services
        .into_iter()
        .map(|row| Service { badge: badge(&row), since: row.since.map(|since| When::new(since, at)), row })
        .collect();
    let open = incident::list(host)?.into_iter().rev().filter(|incident| incident.resolved.is_none());
    let page = Now {
        verdict: verdict(&status.notes, &cards, &services),
        freezes: inspect::freezes(host),
        runner: status.runner.map(|runner| {
            let since = When::new(runner.since, at);
            (runner, since)
        }),
        recent: rows.iter().take(5).map(|row| Row::new(row.clone(), at)).collect(),
        incidents: open.map(|incident| (incident.clone(), When::new(incident.opened_at, at))).collect(),
        rollouts: rollouts::under_way(host).map_err(|error| error.to_string()).transpose(),
        head: status.head.as_ref().map_or("-", |head| head.short()).to_owned(),
        branch: status.branch.as_ref().map_or("no branch".to_owned(), ToString::to_string),
        notes: status.notes,
        cards,
        services,
        frame: Frame { refresh: Some(REFRESH), ..visit.frame("Now", "now") },
    };
    html(&page)
}

fn card(visit: &Visit<'_>, row: &ListRow) -> Option<Card> {
    let view = inspect::attempt(visit.host, &row.attempt.ticket, Some(row.attempt.number)).ok()?;
    let phases = phases(&view);
    Some(Card { row: Row::new(row.clone(), visit.host.clock.now()), phases, view })
}

/// What became of each phase.
pub(super) fn phases(view: &StateView) -> Vec<(&'static str, Badge)> {
    let of = |row: &crate::model::view::PhaseRow| {
        (row.phase.word(), Badge::of_phase(&row.word, view.runner.is_some()))
    };
    view.phases.iter().map(of).collect()
}

fn badge(row: &StatusRow) -> Badge {
    match row.run {
        RunState::Running if row.well => Badge::good("well"),
        RunState::Running => Badge::bad("not well"),
        RunState::Partly => Badge::warn("partly up"),
        RunState::Stopped | RunState::Absent => Badge::bad("down"),
        RunState::Unknown => Badge::new("warn", "?", "unknown"),
    }
}

fn verdict(notes: &[String], cards: &[Card], services: &[Service]) -> Verdict {
    let say = |tone, sign, text: String| Verdict { tone, sign, text };
    let unwell = services.iter().filter(|service| service.badge != Badge::good("well")).count();
    let halted = cards.iter().find(|card| card.view.runner.is_none());
    if notes.iter().any(|note| note.contains("untrusted")) {
        return say(
            "bad",
            "✗",
            "This host is untrusted: nothing has proven it clean since a failure".to_owned(),
        );
    }
    if let Some(card) = cards.iter().find(|card| card.view.runner.is_some()) {
        return say("live", "●", format!("{} is at work", card.row.of.attempt));
    }
    match (halted, unwell) {
        (Some(card), _) => {
            say("warn", "!", format!("{} waits for somebody: {}", card.row.of.attempt, card.row.of.status))
        }
        (None, 0) => say("good", "✓", "All is well, and nothing is at work".to_owned()),
        (None, 1) => say("bad", "✗", "1 service is not well".to_owned()),
        (None, many) => say("bad", "✗", format!("{many} services are not well")),
    }
}

#[derive(Template)]
#[template(path = "service_logs.html")]
struct Logs {
    frame: Frame,
    service: ServiceName,
    lines: Vec<String>,
    tail: u32,
}

#[derive(Debug, Deserialize)]
struct LogsQuery {
    tail: Option<u32>,
}

/// What a service printed last.
pub(super) fn logs(visit: &Visit<'_>) -> Result<Reply, Problem> {
    let service: ServiceName = visit.asked.word("service")?;
    let query: LogsQuery = visit.asked.query()?;
    let tail = query.tail.unwrap_or(200).clamp(1, 2_000);
    let lines =
        inspect::logs(visit.host, &service, &LogLines { tail: Some(tail), since: None, follow: false })?;
    html(&Logs { frame: visit.frame(format!("Logs of {service}"), "now"), service, lines, tail })
}
