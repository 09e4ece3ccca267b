//! `<ticket>.env`: readable by people and by `source`, read by our own strict parser, never by a shell (design/03).

use std::collections::BTreeSet;
use std::fmt::Write as _;

use chrono::{DateTime, SecondsFormat, Utc};

use crate::model::escape::is_unsafe;
use crate::model::gather::Gather;
use crate::model::phase::Phase;
use crate::model::projection::{stamps, stamps_text};
use crate::model::release::{Direction, ReleaseState, Status, Trigger};

/// Form of this file.
const FORMAT: u32 = 1;

/// Why a state file could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum StateError {
    /// It is not what its checksum says, or breaks the grammar.
    Damaged(String),
}

/// The file's text.
pub(super) fn render(state: &ReleaseState) -> String {
    let services: Vec<&str> = state.services.iter().map(crate::model::id::ServiceName::as_str).collect();
    let time = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Millis, true);
    let mut text = String::new();
    let mut put = |key: &str, value: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{key}={}", quoted(value));
    };
    put("TICKET", state.ticket.as_str());
    put("BASE_SHA", state.base.as_str());
    put("MERGE_SHA", state.merge.as_ref().map_or("", crate::model::id::Oid::as_str));
    put("SERVICES", &services.join(" "));
    put("BACKUPS", &stamps_text(&state.backups));
    put("BRANCH", state.branch.as_str());
    put("ATTEMPT", &state.attempt.to_string());
    put("CYCLE", &state.cycle.to_string());
    put("PHASE", state.phase.word());
    put("STATUS", state.status.word());
    put("DIRECTION", state.direction.word());
    put("RC", &state.rc.to_string());
    put("FAILED_STEP", state.failed_step.as_ref().map_or("", crate::model::id::StepName::as_str));
    put("OPERATOR", &state.operator);
    put("HOST", &state.host);
    put("STARTED_AT", &time(state.started_at));
    put("UPDATED_AT", &time(state.updated_at));
    put("SNAPSHOT", state.snapshot.as_deref().unwrap_or(""));
    if state.trigger.is_anew() {
        put("TRIGGER", state.trigger.word());
    }
    if let Some(phase) = state.approved {
        put("APPROVED", phase.word());
    }
    if let Some(host) = &state.ticket_ran_on {
        put("TICKET_RAN_ON", host.as_str());
    }
    if let Some(attempt) = &state.superseded_by {
        put("SUPERSEDED_BY", attempt);
    }
    if state.closed {
        put("CLOSED", "1");
    }
    if state.archived {
        put("ARCHIVED", "1");
    }
    put("LOG_SEQ", &state.log_seq.to_string());
    put("LOG_CHAIN", &state.log_chain);
    for (key, value) in &state.extra {
        put(key, value);
    }
    put("FORMAT", &FORMAT.to_string());
    let crc = crc32fast::hash(text.as_bytes());
    let _ = writeln!(text, "#end crc32={crc:08x}");
    text
}

/// A value as any POSIX shell reads it back: bare where that is safe, else in single quotes. Control characters, which
/// the grammar does not allow, are shown as what they are.
fn quoted(value: &str) -> String {
    let bare = |b: u8| {
        b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b':' | b'/' | b'@' | b'+' | b',' | b'-')
    };
    if value.bytes().all(bare) {
        return value.to_owned();
    }
    let mut text = String::from("'");
    for c in value.chars() {
        match c {
            '\'' => text.push_str("'\\''"),
            c if is_unsafe(c) => text.extend(c.escape_unicode()),
            c => text.push(c),
        }
    }
    text.push('\'');
    text
}

/// Reads a state file. Returns the state and the file's format: a higher one than ours may be read, not overwritten.
pub(super) fn parse(text: &str) -> Result<(ReleaseState, u32), StateError> {
    let damaged = |what: &str| StateError::Damaged(what.to_owned());
    let at = text.find("#end ").ok_or_else(|| damaged("it has no last line"))?;
    let (body, end) = text.split_at(at);
    let crc = crc32fast::hash(body.as_bytes());
    if end != format!("#end crc32={crc:08x}\n") {
        return Err(damaged("its checksum does not match its content"));
    }
    let mut values: Vec<(&str, String)> = Vec::with_capacity(32);
    for (number, line) in body.lines().enumerate() {
        let (key, value) = pair(line).map_err(|why| damaged(&format!("line {}: {why}", number + 1)))?;
        if values.iter().any(|(known, _)| *known == key) {
            return Err(damaged(&format!("line {}: `{key}` stands there twice", number + 1)));
        }
        values.push((key, value));
    }
    let (state, format) = state(values).map_err(StateError::Damaged)?;
    if is_writable(format) {
        // Whatever we cannot write back as it stands would be lost or changed by the next save.
        let written = render(&state);
        if written == text {
            return Ok((state, format));
        }
        let ours: BTreeSet<&str> = written.lines().gather();
        if let Some((key, _)) = body.lines().find(|line| !ours.contains(line)).and_then(|l| l.split_once('='))
        {
            return Err(damaged(&format!("`{key}` is not written as we write it")));
        }
    }
    Ok((state, format))
}

/// A state from a text that [`render`] wrote and that is known to be whole: what [`parse`] proves is not proven again.
pub(super) fn again(text: &str) -> Option<ReleaseState> {
    let body = &text[..text.find("#end ")?];
    let mut values = Vec::with_capacity(32);
    for line in body.lines() {
        let (key, value) = line.split_once('=')?;
        let plain = value.strip_prefix('\'').and_then(|value| value.strip_suffix('\''));
        values.push((key, plain.map_or_else(|| value.to_owned(), |plain| plain.replace("'\\''", "'"))));
    }
    state(values).ok().map(|(state, _)| state)
}

fn pair(line: &str) -> Result<(&str, String), String> {
    let (key, value) = line.split_once('=').ok_or("it is not KEY=value")?;
    let good = key.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    if !good || !key.starts_with(|c: char| c.is_ascii_uppercase()) {
        return Err("its key is not capital letters, digits and `_`".to_owned());
    }
    let value = match value.strip_prefix('\'') {
        None => value.to_owned(),
        Some(rest) => {
            let inner = rest.strip_suffix('\'').ok_or("a quote is not closed")?;
            let plain = inner.replace("'\\''", "\u{0}");
            if plain.contains('\'') {
                return Err("a quote stands where none may".to_owned());
            }
            plain.replace('\u{0}', "'")
        }
    };
    if value.chars().any(char::is_control) || quoted(&value) != line[key.len() + 1..] {
        return Err("its value is not written as we write it".to_owned());
    }
    Ok((key, value))
}

fn state(mut values: Vec<(&str, String)>) -> Result<(ReleaseState, u32), String> {
    let mut take = |key: &'static str| {
        let at = values.iter().position(|(known, _)| *known == key)?;
        Some(values.swap_remove(at).1)
    };
    let required = |key: &str, value: Option<String>| value.ok_or_else(|| format!("`{key}` is missing"));
    let some = |value: Option<String>| value.filter(|text| !text.is_empty());
    let parsed = |key: &str, text: String| number(key, &text);
    let time = |key: &str, text: Option<String>| {
        let text = required(key, text)?;
        let at = DateTime::parse_from_rfc3339(&text).map_err(|error| format!("`{key}`: {error}"))?;
        Ok::<_, String>(at.with_timezone(&Utc))
    };
    let name = |key: &str, error: &dyn std::fmt::Display| format!("`{key}`: {error}");
    let format = number("FORMAT", &required("FORMAT", take("FORMAT"))?)?;
    let services = required("SERVICES", take("SERVICES"))?;
    let status = required("STATUS", take("STATUS"))?;
    let phase = required("PHASE", take("PHASE"))?;
    let state = ReleaseState {
        ticket: required("TICKET", take("TICKET"))?.parse().map_err(|e| name("TICKET", &e))?,
        base: required("BASE_SHA", take("BASE_SHA"))?.parse().map_err(|e| name("BASE_SHA", &e))?,
        merge: some(take("MERGE_SHA"))
            .map(|oid| oid.parse().map_err(|e| name("MERGE_SHA", &e)))
            .transpose()?,
        services: services
            .split_whitespace()
            .map(|service| service.parse().map_err(|e| name("SERVICES", &e)))
            .collect::<Result<_, _>>()?,
        backups: stamps(&required("BACKUPS", take("BACKUPS"))?),
        branch: required("BRANCH", take("BRANCH"))?.parse().map_err(|e| name("BRANCH", &e))?,
        attempt: number("ATTEMPT", &required("ATTEMPT", take("ATTEMPT"))?)?,
        cycle: take("CYCLE").map(|text| parsed("CYCLE", text)).transpose()?.unwrap_or(1),
        phase: phase.parse::<Phase>().map_err(|e| name("PHASE", &e))?,
        status: Status::from_word(&status).ok_or_else(|| format!("`STATUS`: `{status}` is no status"))?,
        rc: number("RC", &required("RC", take("RC"))?)?,
        failed_step: some(take("FAILED_STEP")).map(|step| crate::model::id::StepName::new([step.as_str()])),
        operator: required("OPERATOR", take("OPERATOR"))?,
        host: required("HOST", take("HOST"))?,
        started_at: time("STARTED_AT", take("STARTED_AT"))?,
        updated_at: time("UPDATED_AT", take("UPDATED_AT"))?,
        snapshot: some(take("SNAPSHOT")),
        trigger: match take("TRIGGER") {
            Some(word) => Trigger::from_word(&word)
                .filter(|trigger| trigger.is_anew())
                .ok_or_else(|| format!("`TRIGGER`: `{word}` is not one of a new attempt"))?,
            None => Trigger::Create,
        },
        direction: match take("DIRECTION").as_deref() {
            Some("revert") => Direction::Revert,
            _ => Direction::Forward,
        },
        approved: some(take("APPROVED")).map(|p| p.parse().map_err(|e| name("APPROVED", &e))).transpose()?,
        ticket_ran_on: some(take("TICKET_RAN_ON"))
            .map(|host| host.parse().map_err(|e| name("TICKET_RAN_ON", &e)))
            .transpose()?,
        superseded_by: some(take("SUPERSEDED_BY")),
        closed: take("CLOSED").as_deref() == Some("1"),
        archived: take("ARCHIVED").as_deref() == Some("1"),
        log_seq: number("LOG_SEQ", &required("LOG_SEQ", take("LOG_SEQ"))?)?,
        log_chain: required("LOG_CHAIN", take("LOG_CHAIN"))?,
        extra: values.into_iter().map(|(key, value)| (key.to_owned(), value)).gather(),
    };
    Ok((state, format))
}

fn number<N: std::str::FromStr>(key: &str, text: &str) -> Result<N, String> {
    text.parse().map_err(|_| format!("`{key}` is no number"))
}

/// Whether a file of this format may be overwritten by this version.
pub(super) const fn is_writable(format: u32) -> bool {
    format <= FORMAT
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> ReleaseState {
        let at = "2026-05-18T15:30:12.345Z".parse().unwrap();
        ReleaseState {
            ticket: "1234".parse().unwrap(),
            base: "a".repeat(40).parse().unwrap(),
            merge: Some("b".repeat(40).parse().unwrap()),
            services: vec!["redmine".parse().unwrap(), "wikijs".parse().unwrap()],
            backups: stamps("redmine=20260518_153012 wikijs=20260518_153015"),
            branch: "main".parse().unwrap(),
            attempt: 1,
            cycle: 1,
            phase: Phase::Verify,
            status: Status::Failed,
            rc: 1,
            failed_step: Some(crate::model::id::StepName::new(["wikijs", "health"])),
            operator: "O'Brien $(id)".into(),
            host: "prod1".into(),
            started_at: at,
            updated_at: at,
            snapshot: Some("sha256:00".into()),
            trigger: Trigger::Create,
            direction: Direction::Forward,
            approved: None,
            ticket_ran_on: Some("web1".parse().unwrap()),
            superseded_by: None,
            closed: false,
            archived: false,
            log_seq: 17,
            log_chain: "0123456789abcdef".into(),
            extra: [("FUTURE".to_owned(), "x y".to_owned())].into(),
        }
    }

    #[test]
    fn what_is_written_is_read_back_with_keys_of_newer_versions() {
        let text = render(&sample());
        assert!(text.contains("SERVICES='redmine wikijs'\n"), "{text}");
        assert!(text.contains("OPERATOR='O'\\''Brien $(id)'\n"), "{text}");
        assert_eq!(parse(&text), Ok((sample(), 1)));
        assert_eq!(again(&text), Some(sample()));
    }

    #[test]
    fn every_changed_byte_is_found() {
        let text = render(&sample());
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 1;
            if let Ok(changed) = String::from_utf8(bytes) {
                assert!(parse(&changed).is_err(), "byte {at}");
            }
        }
        assert!(parse(&format!("{text}X=1\n")).is_err(), "anything after the last line");
    }
}
