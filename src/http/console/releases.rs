//! Releases: the list, its filters, its search, its pages.

use askama::Template;
use chrono::{DateTime, Utc};
use serde::Deserialize;

use crate::http::problem::Problem;
use crate::model::id::{Oid, ServiceName};
use crate::model::release::Status;
use crate::model::view::ListRow;
use crate::ops::inspect::{self, Index, Which};
use crate::report::text::names;

use super::marks::{Badge, When, wants_a_look};
use super::page::{Frame, Reply, Visit, html, query};

/// Rows of a page.
const PAGE: usize = 50;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asking {
    q: String,
    status: String,
    archived: String,
    page: String,
}

/// One attempt in a list.
pub(super) struct Row {
    pub(super) of: ListRow,
    pub(super) badge: Badge,
    pub(super) started: When,
    pub(super) services: String,
}

impl Row {
    pub(super) fn new(row: ListRow, now: DateTime<Utc>) -> Self {
        Self {
            badge: Badge::of(row.status),
            started: When::new(row.started_at, now),
            services: names(row.services.iter().map(ServiceName::as_str), "none"),
            of: row,
        }
    }

    pub(super) fn merge(&self) -> &str {
        self.of.merge.as_ref().map_or("not merged", Oid::short)
    }

    /// What a person said of it, or what came after it.
    pub(super) fn remark(&self) -> String {
        let superseded = self.of.superseded_by.as_ref().map(|by| format!("superseded by {by}"));
        let closed = self.of.closed.then(|| "closed".to_owned());
        let archived = self.of.archived.then(|| "archived".to_owned());
        [superseded, closed, archived].into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

#[derive(Template)]
#[template(path = "releases.html")]
struct Releases {
    frame: Frame,
    asking: Asking,
    statuses: Vec<(&'static str, bool)>,
    rows: Vec<Row>,
    found: usize,
    first: usize,
    notes: Vec<String>,
    newer: Option<String>,
    older: Option<String>,
}

pub(super) fn list(visit: &Visit<'_>) -> Result<Reply, Problem> {
    let asking: Asking = visit.asked.query()?;
    let listing = inspect::list(visit.host, Which::All, Index::AsIs)?;
    let words: Vec<String> = asking.q.to_lowercase().split_whitespace().map(str::to_owned).collect();
    let mut rows = listing.rows;
    rows.retain(|row| {
        (!row.archived || !asking.archived.is_empty())
            && is_meant(row, &asking.status)
            && words.iter().all(|word| has(row, word))
    });
    let found = rows.len();
    let page = asking.page.parse().unwrap_or(1).clamp(1, found.div_ceil(PAGE).max(1));
    let link = |page: usize| {
        let page = page.to_string();
        let pairs = [("q", asking.q.as_str()), ("status", &asking.status), ("archived", &asking.archived)];
        format!("/releases?{}", query(&[&pairs[..], &[("page", page.as_str())]].concat()))
    };
    let (newer, older) = ((page > 1).then(|| link(page - 1)), (page * PAGE < found).then(|| link(page + 1)));
    let now = visit.host.clock.now();
    let rows = rows.into_iter().skip((page - 1) * PAGE).take(PAGE).map(|row| Row::new(row, now)).collect();
    let all = Status::ALL.iter().map(|status| status.word());
    let statuses = std::iter::once("open").chain(all).map(|word| (word, word == asking.status)).collect();
    html(&Releases {
        frame: visit.frame("Releases", "releases"),
        statuses,
        rows,
        found,
        first: (page - 1) * PAGE + 1,
        notes: listing.notes,
        newer,
        older,
        asking,
    })
}

/// `open` means every status that somebody has to look at.
fn is_meant(row: &ListRow, status: &str) -> bool {
    match status {
        "" => true,
        "open" => wants_a_look(row.status, row.superseded_by.is_some(), row.closed),
        word => row.status.word() == word,
    }
}

fn has(row: &ListRow, word: &str) -> bool {
    let merge = row.merge.as_ref().map_or("", Oid::as_str);
    let attempt = row.attempt.to_string();
    let mut texts = vec![attempt.as_str(), row.branch.as_str(), row.operator.as_str(), merge];
    texts.extend(row.services.iter().map(ServiceName::as_str));
    texts.iter().any(|text| text.to_lowercase().contains(word))
}
