//! Parsers of single values, each ending in the one constructor of its type.

use chrono::{DateTime, Utc};
use clap::builder::{PossibleValuesParser, TypedValueParser};

use crate::model::id::{Oid, ServiceName, StepName, TicketId};
use crate::model::phase::Phase;
use crate::model::quantity::Span;
use crate::model::release::Approvable;

/// A ticket of the person's own: `baseline` and `audit` are ours.
pub(super) fn ticket(text: &str) -> Result<TicketId, String> {
    let ticket: TicketId = text.parse().map_err(|error| format!("{error}"))?;
    if ticket.is_reserved() {
        return Err(format!("`{ticket}` is reserved: choose the ticket's own id"));
    }
    Ok(ticket)
}

/// A commit, by its whole id: a short one may name another commit tomorrow.
pub(super) fn oid(text: &str) -> Result<Oid, String> {
    let hex = text.bytes().all(|b| b.is_ascii_hexdigit());
    text.parse().map_err(|error| {
        let name = if hex && text.len() >= 4 { text } else { "NAME" };
        format!("{error}; `git rev-parse {name}` prints them")
    })
}

/// A phase that a run can begin with.
pub(super) fn from_phase(text: &str) -> Result<Phase, String> {
    match text.parse::<Phase>() {
        Ok(phase) if Phase::FORWARD.contains(&phase) => Ok(phase),
        Ok(phase) => Err(format!("`{phase}` is a verb of its own: `holdpoint revert TICKET`")),
        Err(error) => Err(error.to_string()),
    }
}

/// A step's name, as the plan and the log show it.
pub(super) fn step(text: &str) -> Result<StepName, String> {
    let name = StepName::new([text]);
    if text.is_empty() || name.as_str() != text {
        return Err(format!("`{}` is not a step's name: copy it from the plan", text.escape_debug()));
    }
    Ok(name)
}

/// What waits for a second operator.
pub(super) fn approvable() -> impl TypedValueParser<Value = Approvable> {
    let words = Approvable::ALL.iter().map(|verb| verb.word());
    PossibleValuesParser::new(words).try_map(|word| Approvable::from_word(&word).ok_or("no verb that waits"))
}

/// `[SERVICE=]DURATION`.
pub(super) fn health_deadline(text: &str) -> Result<(Option<ServiceName>, Span), String> {
    let (service, span) = match text.split_once('=') {
        Some((service, span)) => {
            (Some(service.parse::<ServiceName>().map_err(|error| error.to_string())?), span)
        }
        None => (None, text),
    };
    span.parse::<Span>().map(|span| (service, span)).map_err(|error| error.to_string())
}

/// A plan's id, as a dry run prints it.
pub(super) fn plan_id(text: &str) -> Result<String, String> {
    let hex = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if hex && (4..=64).contains(&text.len()) {
        return Ok(text.to_owned());
    }
    Err(format!("`{}` is not a plan's id: copy it from the dry run", text.escape_debug()))
}

/// A moment, or so long before now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// So long before now.
    Ago(Span),
    /// That moment.
    At(DateTime<Utc>),
}

impl Since {
    /// The moment that is meant.
    pub fn moment(self, now: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Since::Ago(span) => chrono::TimeDelta::from_std(span.0)
                .ok()
                .and_then(|span| now.checked_sub_signed(span))
                .unwrap_or(DateTime::<Utc>::UNIX_EPOCH),
            Since::At(at) => at,
        }
    }
}

/// A span such as `10m`, or a time as RFC 3339 writes it.
pub(super) fn since(text: &str) -> Result<Since, String> {
    if let Ok(span) = text.parse::<Span>() {
        return Ok(Since::Ago(span));
    }
    let at = DateTime::parse_from_rfc3339(text).map_err(|_| {
        format!("`{}` is neither a span (`10m`) nor a time (`2026-05-18T15:30:00Z`)", text.escape_debug())
    })?;
    Ok(Since::At(at.with_timezone(&Utc)))
}
