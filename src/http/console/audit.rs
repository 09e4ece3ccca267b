//! Audit: the logs of this host, each checked against its chain, and what was asked over HTTP.

use std::collections::BTreeSet;

use askama::Template;

use crate::http::problem::Problem;
use crate::model::id::TicketId;
use crate::model::view::VerificationView;
use crate::ops::inspect::{self, Index, Which};
use crate::ops::{Host, access};

use super::marks::Badge;
use super::page::{Frame, Reply, Visit, html};
use super::release::{Log, Records, Since};

/// Logs that are checked for one page.
const LOGS: usize = 30;

struct Row {
    ticket: String,
    name: String,
    badge: Badge,
    records: u64,
    head: String,
    findings: Vec<String>,
}

#[derive(Template)]
#[template(path = "audit.html")]
struct Audit {
    frame: Frame,
    rows: Vec<Row>,
    left_out: usize,
}

pub(super) fn list(visit: &Visit<'_>) -> Result<Reply, Problem> {
    let listed = inspect::list(visit.host, Which::All, Index::AsIs)?.rows;
    let mut seen = BTreeSet::new();
    let mut tickets: Vec<TicketId> = listed
        .into_iter()
        .map(|row| row.attempt.ticket)
        .filter(|ticket| seen.insert(ticket.clone()))
        .collect();
    let left_out = tickets.len().saturating_sub(LOGS);
    tickets.truncate(LOGS);
    let mut rows: Vec<Row> = row(visit.host, &TicketId::audit(), "this host").into_iter().collect();
    rows.extend(tickets.iter().filter_map(|ticket| row(visit.host, ticket, "")));
    html(&Audit { frame: visit.frame("Audit", "audit"), rows, left_out })
}

fn row(host: &Host, ticket: &TicketId, name: &str) -> Option<Row> {
    let said = inspect::verify(host, ticket).ok()?.verification?;
    Some(Row {
        name: if name.is_empty() { ticket.to_string() } else { name.to_owned() },
        ticket: ticket.to_string(),
        badge: verdict(&said),
        records: said.records,
        head: said.head_chain,
        findings: said.findings,
    })
}

/// Whether a chain is whole.
pub(super) const fn verdict(said: &VerificationView) -> Badge {
    if said.findings.is_empty() { Badge::good("chain whole") } else { Badge::bad("damaged") }
}

/// The records of a ticket, or of the host itself, page by page.
pub(super) fn log(visit: &Visit<'_>) -> Result<Reply, Problem> {
    let ticket: TicketId = if visit.asked.path.get("ticket").is_some_and(|text| text == "audit") {
        TicketId::audit()
    } else {
        visit.asked.word("ticket")?
    };
    let since: Since = visit.asked.query()?;
    let log = inspect::verify(visit.host, &ticket)?;
    let title = if ticket.is_audit() {
        "Audit log of this host".to_owned()
    } else {
        format!("Audit log of {ticket}")
    };
    html(&Log {
        frame: visit.frame(title.clone(), "audit"),
        title,
        at: format!("/audit/{ticket}"),
        up: ("/audit".to_owned(), "Audit".to_owned()),
        file: log.log_file,
        records: Records::of(log.events, since.since),
        verification: log.verification,
    })
}

/// What was asked over HTTP, newest page first.
pub(super) fn requests(visit: &Visit<'_>) -> Result<Reply, Problem> {
    let since: Since = visit.asked.query()?;
    let mut events = access::requests(visit.host, usize::MAX)?;
    events.reverse();
    html(&Log {
        frame: visit.frame("Requests over HTTP", "audit"),
        title: "Requests over HTTP".to_owned(),
        at: "/requests".to_owned(),
        up: ("/audit".to_owned(), "Audit".to_owned()),
        file: String::new(),
        records: Records::of(events, since.since),
        verification: Some(access::verify_requests(visit.host)?),
    })
}
