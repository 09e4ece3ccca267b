//! Runs a playbook's detection commands: they look and change nothing, each within ten seconds.

use std::time::Duration;

use crate::decide::playbooks::{changing, fill, judge, overall};
use crate::model::id::{ServiceName, TicketId};
use crate::model::matching::{DetectionRow, DetectionView, KnownPlaybook, Origin, Placeholders, Verdict};
use crate::model::playbook::Detection;
use crate::ops::ask::said;
use crate::ops::error::OpsError;
use crate::ops::host::Host;
use crate::sys::process::{self, Capture, Ends};

use super::symptoms;

/// How long one command may take.
const WITHIN: Duration = Duration::from_secs(10);

/// Bytes that one command may print.
const LIMIT: u64 = 1 << 20;

/// Lines of an answer that are shown: the last ones.
const SHOWN: usize = 20;

/// Runs the detection commands of a playbook and compares each answer with what is expected. A command that hangs is
/// ended, with what it started. Commands of a playbook that is not committed are not run, nor are those that are known to
/// change something.
pub fn detect(host: &Host, known: &KnownPlaybook, values: &Placeholders) -> DetectionView {
    let commands: Vec<DetectionRow> =
        known.playbook.detection.iter().map(|one| row(host, known.origin, one, values)).collect();
    DetectionView { id: known.playbook.id.clone(), verdict: overall(&commands), commands }
}

/// What fills a playbook's placeholders: the ticket, and the service that was named, or else the one whose step failed, or
/// else the only one that the release touches.
///
/// # Errors
/// [`OpsError::NoRelease`] for a ticket that is not known here; a damaged log.
pub fn placeholders(
    host: &Host,
    ticket: Option<&TicketId>,
    service: Option<&ServiceName>,
) -> Result<Placeholders, OpsError> {
    let mut values = Placeholders { ticket: ticket.cloned(), service: service.cloned() };
    if let Some(ticket) = ticket {
        let state =
            host.store.state(ticket)?.ok_or_else(|| OpsError::NoRelease { ticket: ticket.clone() })?;
        if values.service.is_none() {
            let of_step = symptoms::service_that_failed(host, ticket)?;
            let only = if let [only] = &state.services[..] { Some(only.clone()) } else { None };
            values.service = of_step.or(only);
        }
    }
    Ok(values)
}

fn row(host: &Host, origin: Origin, one: &Detection, values: &Placeholders) -> DetectionRow {
    let not_run = |command: &str, trouble: String| DetectionRow {
        command: command.to_owned(),
        expect: one.expect.trim().to_owned(),
        verdict: Verdict::NeedsAnEye,
        rc: None,
        output: Vec::new(),
        trouble: Some(trouble),
    };
    let command = match fill(one.command.trim(), values) {
        Ok(command) => command,
        Err(unfilled) => {
            let word = unfilled.word;
            return not_run(&one.command, format!("not run: `{{{{{word}}}}}` is not known; add `--{word}`"));
        }
    };
    if origin == Origin::Uncommitted {
        return not_run(&command, "not run: this playbook is not committed".to_owned());
    }
    if let Some(found) = changing(&command) {
        return not_run(&command, format!("not run: `{found}` changes something"));
    }
    let ask = Capture {
        argv: vec!["bash".to_owned(), "-c".to_owned(), command.clone()],
        cwd: host.root().to_path_buf(),
        env: host.surroundings.env.clone(),
        stdin: None,
        limit_bytes: LIMIT,
        timeout: Some(WITHIN),
        ends: Ends::Group,
    };
    match process::capture(&ask) {
        Ok(answer) => {
            let text = said(host, &answer);
            let lines: Vec<String> = text.lines().map(str::to_owned).collect();
            DetectionRow {
                verdict: judge(&one.expect, answer.code, &text),
                rc: answer.code,
                output: lines[lines.len().saturating_sub(SHOWN)..].to_vec(),
                trouble: None,
                ..not_run(&command, String::new())
            }
        }
        Err(error) => not_run(&command, error.to_string()),
    }
}
