//! Playbooks: known failures, one of them, and which fit a release.

use askama::Template;
use serde::Deserialize;

use crate::http::problem::Problem;
use crate::model::id::TicketId;
use crate::model::matching::{KnownPlaybook, MatchView};
use crate::model::playbook::Adhoc;
use crate::ops::playbooks;

use super::page::{Frame, Reply, Visit, html};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asking {
    q: String,
    ticket: String,
}

#[derive(Template)]
#[template(path = "playbooks.html")]
struct Playbooks {
    frame: Frame,
    asking: Asking,
    rows: Vec<KnownPlaybook>,
    all: usize,
    matched: Option<MatchView>,
    notes: Vec<String>,
}

pub(super) fn list(visit: &Visit<'_>) -> Result<Reply, Problem> {
    let asking: Asking = visit.asked.query()?;
    let shelf = playbooks::shelf(visit.host);
    let all = shelf.playbooks.len();
    let words: Vec<String> = asking.q.to_lowercase().split_whitespace().map(str::to_owned).collect();
    let has = |known: &KnownPlaybook, word: &String| {
        let book = &known.playbook;
        let mut texts = vec![&book.id, &book.symptom, &book.root_cause];
        texts.extend(&book.tags);
        texts.into_iter().any(|text| text.to_lowercase().contains(word.as_str()))
    };
    let mut rows = shelf.playbooks;
    rows.retain(|known| words.iter().all(|word| has(known, word)));
    let matched = match asking.ticket.trim() {
        "" => None,
        text => {
            let ticket: TicketId = text
                .parse()
                .map_err(|error: crate::model::id::IdError| Problem::invalid(error.to_string()))?;
            Some(playbooks::match_ticket(visit.host, &ticket)?)
        }
    };
    let frame = visit.frame("Playbooks", "playbooks");
    html(&Playbooks { frame, asking, rows, all, matched, notes: shelf.notes })
}

#[derive(Template)]
#[template(path = "playbook.html")]
struct Shown {
    frame: Frame,
    known: KnownPlaybook,
    adhoc: Vec<String>,
    /// The ticket whose failure it may be.
    ticket: String,
}

/// Where it was come from.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Of {
    ticket: String,
}

pub(super) fn show(visit: &Visit<'_>) -> Result<Reply, Problem> {
    let id = visit.asked.path.get("id").map_or("", String::as_str);
    let known = playbooks::known(visit.host, id).map_err(|error| Problem::not_found(error.to_string()))?;
    let adhoc = match &known.playbook.fix.adhoc {
        Adhoc::Text(text) => vec![text.clone()],
        Adhoc::List(commands) => commands.clone(),
    };
    let of: Of = visit.asked.query()?;
    let frame = visit.frame(known.playbook.id.clone(), "playbooks");
    html(&Shown { frame, known, adhoc, ticket: of.ticket })
}
