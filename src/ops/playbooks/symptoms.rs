//! How a failure looked: from what a ticket's log, transcripts and evidence say of it.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use crate::engine::Halt;
use crate::model::event::{EventKind, RunEvent};
use crate::model::id::{AttemptId, ServiceName, StepName, TicketId};
use crate::model::matching::Symptom;
use crate::model::phase::Phase;
use crate::model::projection::field;
use crate::model::reason::{Blocker, ending_of};
use crate::ops::error::OpsError;
use crate::ops::host::Host;

/// Lines of a transcript that are looked at.
const LINES: usize = 400;

/// The last failure of a ticket: one symptom for each step that failed in it, or for the gate that refused it.
///
/// # Errors
/// A damaged log.
pub(super) fn of_ticket(host: &Host, ticket: &TicketId) -> Result<Vec<Symptom>, OpsError> {
    let events = host.store.log(ticket)?;
    let Some(end) = events.iter().rposition(is_halt) else {
        return Ok(events
            .last()
            .filter(|event| event.event == EventKind::Refused)
            .map(refusal)
            .into_iter()
            .collect());
    };
    let halt = &events[end];
    let begun = events[..end].iter().rposition(|event| {
        matches!(
            event.event,
            EventKind::Start | EventKind::Started | EventKind::Resumed | EventKind::Reverting
        )
    });
    let run = &events[begun.unwrap_or_default()..=end];
    let failed: Vec<&RunEvent> = run.iter().filter(|event| is_failed_step(event)).collect();
    let mut symptoms: Vec<Symptom> = failed.iter().map(|event| of_step(host, &events, event)).collect();
    if symptoms.is_empty() {
        symptoms.push(refusal(halt));
    }
    // What was refused since then is in the way, too.
    let since = events[end + 1..].iter().rfind(|event| event.event == EventKind::Refused);
    symptoms.extend(since.map(refusal));
    Ok(symptoms)
}

/// The service whose step failed last.
///
/// # Errors
/// A damaged log.
pub(super) fn service_that_failed(host: &Host, ticket: &TicketId) -> Result<Option<ServiceName>, OpsError> {
    let events = host.store.log(ticket)?;
    let failed = events.iter().rfind(|event| is_failed_step(event));
    Ok(failed.and_then(|event| event.details.get(field::SERVICE)?.parse().ok()))
}

/// What halted a run, while its log cannot be read back.
pub(super) fn of_halt(halt: &Halt) -> Vec<Symptom> {
    let one = |(step, failure): &(StepName, crate::engine::Failure)| {
        let told = std::iter::once(failure.summary.clone()).chain(failure.causes.iter().cloned()).collect();
        Symptom {
            phase: Some(halt.phase),
            step: Some(step.clone()),
            rc: Some(failure.rc),
            tool: tool_of(&failure.summary),
            told,
            said: failure.tail.clone(),
        }
    };
    halt.failures.iter().map(one).collect()
}

/// What was refused: one symptom for each gate.
pub(super) fn of_refusal(phase: Phase, blockers: &[Blocker]) -> Vec<Symptom> {
    let rc = i32::from(ending_of(blockers).status());
    let one = |blocker: &Blocker| Symptom {
        phase: Some(phase),
        rc: Some(rc),
        told: refused_lines(blocker.code.word(), &blocker.fact),
        ..Symptom::default()
    };
    blockers.iter().map(one).collect()
}

fn is_halt(event: &RunEvent) -> bool {
    matches!(event.event, EventKind::Failed | EventKind::Stuck | EventKind::Undecided)
}

fn is_failed_step(event: &RunEvent) -> bool {
    matches!(event.event, EventKind::StepFailed | EventKind::StepUndecided)
}

/// A record of a failure without a step: a gate said no.
fn refusal(event: &RunEvent) -> Symptom {
    let fact = event.msg.as_deref().unwrap_or_default();
    let told = match &event.reason {
        Some(code) => refused_lines(code, fact),
        None => vec![fact.to_owned()],
    };
    Symptom { phase: event.phase, rc: event.rc, told, ..Symptom::default() }
}

/// The lines that a refusal shows: its code with the fact, the fact alone, and the last line.
fn refused_lines(code: &str, fact: &str) -> Vec<String> {
    vec![format!("{code}: {fact}"), fact.to_owned(), format!("refused: {code}")]
}

fn of_step(host: &Host, events: &[RunEvent], failed: &RunEvent) -> Symptom {
    let summary = failed.msg.clone().unwrap_or_default();
    let mut symptom = Symptom {
        phase: failed.phase,
        step: failed.step.clone(),
        rc: failed.rc,
        tool: tool_of(&summary),
        ..Symptom::default()
    };
    let attempt = AttemptId { ticket: failed.ticket.clone(), number: failed.attempt };
    if let Some((told, tail)) = evidence(host, &attempt, failed) {
        symptom.told = told;
        symptom.said = tail;
    } else {
        symptom.told = summary.split("; ").map(str::to_owned).collect();
    }
    let printed = transcript(host, events, failed, &attempt);
    if printed.len() >= symptom.said.len() {
        symptom.said = printed;
    }
    symptom
}

/// What a failed step printed, to its end.
fn transcript(host: &Host, events: &[RunEvent], failed: &RunEvent, attempt: &AttemptId) -> Vec<String> {
    let began = |event: &&RunEvent| {
        event.event == EventKind::StepStart && event.step == failed.step && event.seq < failed.seq
    };
    let Some((intent, step)) = events.iter().rfind(began).zip(failed.step.as_ref()) else {
        return Vec::new();
    };
    let folder = host.store.layout().step(attempt, intent.seq, step);
    host.store.transcript_tail(&folder, LINES).unwrap_or_default()
}

/// What the evidence of that very failure says: our own sentences, and the last lines.
fn evidence(host: &Host, attempt: &AttemptId, failed: &RunEvent) -> Option<(Vec<String>, Vec<String>)> {
    let step = failed.step.as_ref()?.as_str();
    let of_failure = |bundle: &Value| {
        // A bundle names the head of the log when it was taken: an older one is of another failure.
        if bundle["log"]["seq"].as_u64()? < failed.seq {
            return None;
        }
        bundle["failures"].as_array()?.iter().find(|failure| failure["step"] == step).cloned()
    };
    let bundles = host.store.evidence(attempt).unwrap_or_default().into_iter().rev();
    let mut read = bundles.filter_map(|id| host.store.evidence_bundle(attempt, &id).ok().flatten());
    let failure = read.find_map(|bundle| of_failure(&bundle))?;
    let words = |key: &str| -> Vec<String> {
        let list = failure[key].as_array().into_iter().flatten();
        list.filter_map(|line| line.as_str().map(str::to_owned)).collect()
    };
    let mut told = vec![failure["summary"].as_str().unwrap_or_default().to_owned()];
    told.extend(words("causes"));
    Some((told, words("output")))
}

/// The program that a sentence of ours begins with: `` `git fetch` exited 128 ``.
fn tool_of(summary: &str) -> Option<String> {
    static PROGRAM: LazyLock<Option<Regex>> = LazyLock::new(|| {
        let ends = "exited|was killed by|did not end within|printed more than|was ended|could not be started";
        Regex::new(&format!("^`(.+?)` (?:{ends})\\b")).ok()
    });
    PROGRAM.as_ref()?.captures(summary).map(|found| found[1].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_read_from_the_sentence_that_names_it() {
        assert_eq!(
            tool_of("`docker compose up -d wiki` exited 1").as_deref(),
            Some("docker compose up -d wiki")
        );
        assert_eq!(tool_of("`pg_dump` was killed by signal 9").as_deref(), Some("pg_dump"));
        assert_eq!(tool_of("`wikijs` did not become well within 30s"), None);
        assert_eq!(tool_of("backup of wikijs failed"), None);
    }
}
