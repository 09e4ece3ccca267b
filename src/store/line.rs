//! One record of the audit log as one line, and the chain that binds it to the one before (design/03).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};
use sha2::{Digest, Sha256};

use crate::model::event::{EVENT_VERSION, EventKind, RunEvent};
use crate::model::gather::Gather;
use crate::model::id::{StepName, TicketId};
use crate::model::logfmt;
use crate::model::projection::field;

use super::audit_log::Head;
use super::error::StoreError;

/// A line may have this many bytes, its newline included.
pub(super) const LINE_LIMIT: usize = 4096;

/// ` chain=` and 16 digits, and the newline.
const CHAIN_BYTES: usize = 24;

/// A reason may take this much of a line.
const REASON_BYTES: usize = 1024;

/// An operator's name may take this much of a line.
const OPERATOR_BYTES: usize = 256;

/// Texts up to this length are never shortened, however much of them is escaped.
const PLAIN_BYTES: usize = OPERATOR_BYTES / 12;

/// Details up to this length stand in a record's first line.
const SHORT_BYTES: usize = 128;

/// What details leave of a line for the message.
const MESSAGE_BYTES: usize = 512;

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

/// The record's lines with their newlines, and the head of the log after them. It is one line, unless its details are
/// too long for one: then more follow it, all written at once. A message or a reason that is too long ends in `…`.
pub(super) fn render(event: &RunEvent, prev: &str) -> Result<(String, Head), StoreError> {
    let mut head = Head { seq: event.seq, chain: prev.to_owned() };
    let mut text = String::new();
    let first = without_message(event);
    if first.len() + CHAIN_BYTES + MESSAGE_BYTES <= LINE_LIMIT {
        push_line(&mut text, first, event, &mut head)?;
        return Ok((text, head));
    }
    for part in parts(event) {
        head.seq = part.seq;
        push_line(&mut text, without_message(&part), &part, &mut head)?;
    }
    Ok((text, head))
}

fn push_line(
    text: &mut String,
    mut line: String,
    event: &RunEvent,
    head: &mut Head,
) -> Result<(), StoreError> {
    push_message(&mut line, event);
    if line.len() + CHAIN_BYTES > LINE_LIMIT {
        return Err(StoreError::TooLong { event: event.event.to_string(), bytes: line.len() + CHAIN_BYTES });
    }
    head.chain = next_chain(&head.chain, &line);
    logfmt::push(&mut line, "chain", &head.chain);
    text.push_str(&line);
    text.push('\n');
    Ok(())
}

fn push_message(line: &mut String, event: &RunEvent) {
    if let Some(message) = &event.msg {
        push_shortened(line, "msg", message, LINE_LIMIT - CHAIN_BYTES);
    }
}

/// A record whose details are too long for a line, as several: lists are parted between two words, and a word that is too
/// long by itself is shortened.
fn parts(event: &RunEvent) -> Vec<RunEvent> {
    let counted = |count: &str| Arc::new([(field::PARTS.to_owned(), count.to_owned())].into());
    let mut first = RunEvent { details: counted("9999"), ..event.clone() };
    let room = LINE_LIMIT.saturating_sub(CHAIN_BYTES + MESSAGE_BYTES + without_message(&first).len());
    let mut chunks = split(&event.details, room);
    let count = chunks.len();
    let mut own = if count > 0 { chunks.remove(0) } else { BTreeMap::new() };
    if count > 1 {
        own.insert(field::PARTS.to_owned(), count.to_string());
    }
    first.details = Arc::new(own);
    let more = (event.seq + 1..).zip(chunks).map(|(seq, details)| RunEvent {
        seq,
        details: Arc::new(details),
        event: EventKind::Continued,
        rc: None,
        ms: None,
        reason: None,
        msg: None,
        ..event.clone()
    });
    std::iter::once(first.clone()).chain(more).collect()
}

/// Short details come first: what a record is about stands in its first line.
fn split(details: &BTreeMap<String, String>, room: usize) -> Vec<BTreeMap<String, String>> {
    let mut chunks = vec![BTreeMap::<String, String>::new()];
    let mut used = 0;
    let is_long = |value: &str| value.len() > SHORT_BYTES;
    let short = details.iter().filter(|(_, value)| !is_long(value));
    for (name, value) in short.chain(details.iter().filter(|(_, value)| is_long(value))) {
        for word in value.split(' ') {
            let word = shortened(name, word, room);
            let last = chunks.last_mut().and_then(|chunk| chunk.get_mut(name));
            // With the quotes that a second word brings.
            let alone = cost(name, &word) + 2;
            let beside = cost("", &word);
            match last {
                Some(text) if used + beside <= room => {
                    text.push(' ');
                    text.push_str(&word);
                    used += beside;
                }
                None if used + alone <= room => {
                    chunks.last_mut().map(|chunk| chunk.insert(name.clone(), word));
                    used += alone;
                }
                _ => {
                    chunks.push([(name.clone(), word)].into());
                    used = alone;
                }
            }
        }
    }
    chunks
}

/// Bytes of a field in a line.
fn cost(name: &str, value: &str) -> usize {
    let mut line = "x".to_owned();
    logfmt::push(&mut line, name, value);
    line.len() - 1
}

fn shortened(name: &str, word: &str, room: usize) -> String {
    let mut kept = word.to_owned();
    while cost(name, &kept) + 2 > room && kept.chars().count() > 1 {
        let half = kept.chars().count() / 2;
        kept = kept.chars().take(half).chain(['…']).collect();
    }
    kept
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
    let limit = line.len() + OPERATOR_BYTES;
    push_shortened(&mut line, "operator", &event.operator, limit);
    let mut push = |name: &str, value: &str| logfmt::push(&mut line, name, value);
    if let Some(ms) = event.ms {
        push("ms", &ms.to_string());
    }
    if let Some(reason) = &event.reason {
        // A person may have typed it.
        let limit = line.len() + REASON_BYTES;
        push_shortened(&mut line, "reason", reason, limit);
    }
    let mut push = |name: &str, value: &str| logfmt::push(&mut line, name, value);
    for (name, value) in event.details.iter() {
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
    if line.len() >= LINE_LIMIT {
        return Err(format!("it has more than {LINE_LIMIT} bytes"));
    }
    let (time, rest) = line.split_once(' ').ok_or("it has no fields")?;
    let at =
        DateTime::parse_from_rfc3339(time).map_err(|error| format!("its time: {error}"))?.with_timezone(&Utc);
    if at.to_rfc3339_opts(SecondsFormat::Millis, true) != time {
        return Err("its time is not in the form 2026-05-18T15:30:12.345Z".to_owned());
    }
    let mut fields = logfmt::fields(rest).map_err(|error| error.to_string())?;
    let (last, chain) = fields.last().ok_or("it has no fields")?;
    if last != "chain" {
        return Err("its last field is not `chain`".to_owned());
    }
    if chain.len() != 16 || !chain.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        return Err("its chain value is not 16 hex digits".to_owned());
    }
    if !fields.is_sorted_by(|(a, _), (b, _)| (rank(a), a) < (rank(b), b)) {
        return Err("its fields are not in their order".to_owned());
    }
    let chain = chain.clone();
    let bound = line.len() - " chain=".len() - chain.len();
    let mut take = |name: &str| {
        let at = fields.iter().position(|(known, _)| known == name)?;
        Some(fields.remove(at).1)
    };
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
    let step = take("step").map(|name| step(&name)).transpose()?;
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
        details: Arc::new(fields.into_iter().gather()),
        msg,
    };
    // Texts of any length that a line shortens: they stand there as they were shortened, or not at all.
    let may_be_long =
        event.operator.len() > PLAIN_BYTES || event.reason.as_ref().is_some_and(|r| r.len() > PLAIN_BYTES);
    if may_be_long && without_message(&event) != line[..bound].split(" msg=").next().unwrap_or_default() {
        return Err("it is not written as we write it".to_owned());
    }
    Ok(Read { event, chain, bound })
}

fn step(name: &str) -> Result<StepName, String> {
    let step = StepName::new([name]);
    if step.as_str() == name { Ok(step) } else { Err("`step` is no name of a step".to_owned()) }
}

/// Where a field stands in a line; details stand together, sorted by name.
fn rank(name: &str) -> usize {
    let details = FIXED.len() - 2;
    match FIXED.iter().position(|fixed| *fixed == name) {
        Some(at) if at >= details => at + 1,
        Some(at) => at,
        None => details,
    }
}

fn number<N: std::str::FromStr>(text: &str, name: &str) -> Result<N, String> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = digits == "0" && text == digits || digits.starts_with(|c| matches!(c, '1'..='9'));
    let parsed = text.parse().ok().filter(|_| plain);
    parsed.ok_or_else(|| format!("`{name}` is no number: `{}`", text.escape_debug()))
}
