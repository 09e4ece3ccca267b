//! One record of the audit log as one line, and the chain that binds it to the one before (design/03).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use chrono::{DateTime, SecondsFormat, Utc};
use sha2::{Digest, Sha256};

use crate::model::event::{EVENT_VERSION, EventKind, RunEvent};
use crate::model::id::{StepName, TicketId};
use crate::model::logfmt;

use super::error::StoreError;

/// A line may have this many bytes, its newline included.
pub(super) const LINE_LIMIT: usize = 4096;

/// ` chain=` and 16 digits, and the newline.
const CHAIN_BYTES: usize = 24;

/// A reason may take this much of a line.
const REASON_BYTES: usize = 1024;

/// Fields with a meaning of their own, in the order of a line.
const FIXED: [&str; 12] =
    ["ticket", "phase", "event", "rc", "attempt", "seq", "step", "operator", "ms", "reason", "msg", "chain"];

/// The chain value before a log's first line.
pub(super) fn first_chain(ticket: &TicketId) -> String {
    hex16(&[b"holdpoint-log/1 ", shown_ticket(ticket).as_bytes()])
}

/// The chain value of a line (its bytes before ` chain=`) that follows `prev`.
pub(super) fn next_chain(prev: &str, line: &str) -> String {
    hex16(&[prev.as_bytes(), line.as_bytes()])
}

fn hex16(parts: &[&[u8]]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().iter().take(8).fold(String::with_capacity(16), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

fn shown_ticket(ticket: &TicketId) -> &str {
    if ticket.is_audit() { "-" } else { ticket.as_str() }
}

/// The whole line with its newline, and its chain value. A message or a reason that is too long ends in `…`.
pub(super) fn render(event: &RunEvent, prev: &str) -> Result<(String, String), StoreError> {
    let mut line = without_message(event);
    if let Some(message) = &event.msg {
        push_shortened(&mut line, "msg", message, LINE_LIMIT - CHAIN_BYTES);
    }
    if line.len() + CHAIN_BYTES > LINE_LIMIT {
        return Err(StoreError::TooLong { event: event.event.to_string(), bytes: line.len() + CHAIN_BYTES });
    }
    let chain = next_chain(prev, &line);
    logfmt::push(&mut line, "chain", &chain);
    line.push('\n');
    Ok((line, chain))
}

fn without_message(event: &RunEvent) -> String {
    let mut line = event.at.to_rfc3339_opts(SecondsFormat::Millis, true);
    let mut push = |name: &str, value: &str| logfmt::push(&mut line, name, value);
    push("ticket", shown_ticket(&event.ticket));
    push("phase", event.phase.map_or("-", crate::model::phase::Phase::word));
    push("event", event.event.word());
    if let Some(rc) = event.rc {
        push("rc", &rc.to_string());
    }
    push("attempt", &event.attempt.to_string());
    push("seq", &event.seq.to_string());
    if let Some(step) = &event.step {
        push("step", step.as_str());
    }
    push("operator", &event.operator);
    if let Some(ms) = event.ms {
        push("ms", &ms.to_string());
    }
    if let Some(reason) = &event.reason {
        // A person may have typed it.
        let limit = line.len() + REASON_BYTES;
        push_shortened(&mut line, "reason", reason, limit);
    }
    let mut push = |name: &str, value: &str| logfmt::push(&mut line, name, value);
    for (name, value) in &event.details {
        if !FIXED.contains(&name.as_str()) {
            push(name, value);
        }
    }
    line
}

/// Adds a text of any length, shortened until the line has at most `limit` bytes.
fn push_shortened(line: &mut String, name: &str, text: &str, limit: usize) {
    let before = line.len();
    let mut kept: Vec<char> = text.chars().take(limit).collect();
    loop {
        logfmt::push(line, name, &kept.iter().collect::<String>());
        let over = line.len().saturating_sub(limit);
        if over == 0 || kept.len() <= 1 {
            break;
        }
        line.truncate(before);
        // Escapes take up to ten bytes a character: take off a tenth of what is too much, at least one, and look again.
        let fewer = kept.len().saturating_sub((over / 10).max(1) + 1);
        kept.truncate(fewer);
        kept.push('…');
    }
}

/// A line read back: the record, and its chain value.
pub(super) struct Read {
    pub(super) event: RunEvent,
    pub(super) chain: String,
    /// How many bytes stand before ` chain=`.
    pub(super) bound: usize,
}

/// Reads a line (without its newline).
///
/// # Errors
/// What is wrong with it, in words.
pub(super) fn parse(line: &str) -> Result<Read, String> {
    let (time, rest) = line.split_once(' ').ok_or("it has no fields")?;
    let at =
        DateTime::parse_from_rfc3339(time).map_err(|error| format!("its time: {error}"))?.with_timezone(&Utc);
    if at.to_rfc3339_opts(SecondsFormat::Millis, true) != time {
        return Err("its time is not in the form 2026-05-18T15:30:12.345Z".to_owned());
    }
    let fields = logfmt::fields(rest).map_err(|error| error.to_string())?;
    let (last, chain) = fields.last().ok_or("it has no fields")?;
    if last != "chain" {
        return Err("its last field is not `chain`".to_owned());
    }
    let chain = chain.clone();
    let bound = line.len() - " chain=".len() - chain.len();
    let mut known: BTreeMap<String, String> = fields.into_iter().collect();
    let mut take = |name: &str| known.remove(name);
    let required = |name: &str, value: Option<String>| value.ok_or_else(|| format!("`{name}` is missing"));
    let ticket = match required("ticket", take("ticket"))?.as_str() {
        "-" => TicketId::audit(),
        name => name.parse().map_err(|error| format!("{error}"))?,
    };
    let phase = match required("phase", take("phase"))?.as_str() {
        "-" => None,
        word => Some(word.parse().map_err(|error| format!("{error}"))?),
    };
    let event = EventKind::from(required("event", take("event"))?);
    let rc = take("rc").map(|text| number(&text, "rc")).transpose()?;
    let attempt = number(&required("attempt", take("attempt"))?, "attempt")?;
    let seq = number(&required("seq", take("seq"))?, "seq")?;
    let step = take("step").map(|name| StepName::new([name.as_str()]));
    let operator = required("operator", take("operator"))?;
    let ms = take("ms").map(|text| number(&text, "ms")).transpose()?;
    let (reason, msg) = (take("reason"), take("msg"));
    take("chain");
    let event = RunEvent {
        v: EVENT_VERSION,
        seq,
        at,
        ticket,
        attempt,
        phase,
        event,
        rc,
        step,
        operator,
        ms,
        reason,
        details: known,
        msg,
    };
    Ok(Read { event, chain, bound })
}

fn number<N: std::str::FromStr>(text: &str, name: &str) -> Result<N, String> {
    text.parse().map_err(|_| format!("`{name}` is no number: `{}`", text.escape_debug()))
}
