//! A verb as a process of its own, for somebody who asked over HTTP: it is the very command line that they could have typed,
//! and it goes on when the server that started it is gone.

use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::model::access::OperatorName;
use crate::model::event::{EventKind, RunEvent};
use crate::model::id::AttemptId;
use crate::model::outcome::Ending;
use crate::sys::process::{Apart, own_program};

use super::error::OpsError;
use super::host::Host;

/// The hidden word before a command line that is run for somebody.
pub const FOR: &str = "__for";

/// How long a verb may take to say whether it has begun, and one that does not release anything to end.
const PATIENCE: Duration = Duration::from_secs(90);

/// How often it is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// How a verb ends that a person waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waits {
    /// Until it has begun: a release takes its time.
    ForItsBeginning,
    /// Until it has ended.
    ForItsEnd,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq)]
pub enum Spawned {
    /// It is on its way.
    Begun {
        /// The attempt it works on.
        attempt: AttemptId,
    },
    /// It has ended: the word behind its exit status, and the last document that it printed.
    Ended {
        /// How.
        ending: Ending,
        /// The attempt it worked on, where one was begun.
        attempt: Option<AttemptId>,
        /// What it said last; null where it said nothing that could be read.
        said: Value,
    },
    /// It has said nothing for a long time, and goes on.
    Silent,
}

/// Starts this very program with these arguments, for this operator.
///
/// # Errors
/// When it cannot be started or heard.
pub fn spawn(
    host: &Host,
    operator: &OperatorName,
    arguments: &[String],
    waits: Waits,
) -> Result<Spawned, OpsError> {
    let apart = started(host, operator.as_str(), arguments)?;
    let until = host.clock.monotonic() + PATIENCE;
    let spawned = loop {
        let ended = apart.ended(LOOK_EVERY).map_err(|error| failed(error.to_string()))?;
        let said = apart.said().map_err(|error| failed(error.to_string()))?;
        if let Some(status) = ended {
            let complaint = apart.complained().unwrap_or_default();
            break end(host, status, &said, &complaint);
        }
        if let Some(attempt) = begun(&said).filter(|_| waits == Waits::ForItsBeginning) {
            break Spawned::Begun { attempt };
        }
        if host.clock.monotonic() > until {
            break Spawned::Silent;
        }
    };
    reap(apart);
    Ok(spawned)
}

/// Starts this very program with these arguments, for this operator, and leaves it to itself.
///
/// # Errors
/// When it cannot be started.
pub fn begin(host: &Host, operator: &str, arguments: &[String]) -> Result<(), OpsError> {
    reap(started(host, operator, arguments)?);
    Ok(())
}

fn started(host: &Host, operator: &str, arguments: &[String]) -> Result<Apart, OpsError> {
    let binary = own_program()?.display().to_string();
    let mut argv = vec![binary, FOR.to_owned(), operator.to_owned()];
    argv.extend(["-C".to_owned(), host.root().display().to_string(), "--json".to_owned()]);
    argv.extend_from_slice(arguments);
    let mut env = host.surroundings.env.clone();
    env.extend(crate::sys::process::base_environment(&host.settings.run.env));
    Apart::start(&argv, host.root(), &env).map_err(|error| failed(error.to_string()))
}

fn failed(what: String) -> OpsError {
    OpsError::Failed { what, hint: "holdpoint doctor".to_owned() }
}

/// Somebody has to wait for it; where no thread can be started it stays in the process table until we end.
fn reap(apart: Apart) {
    let _ = thread::Builder::new().name("reaper".to_owned()).spawn(move || apart.wait());
}

/// The attempt that it has begun to work on.
fn begun(said: &[u8]) -> Option<AttemptId> {
    let text = String::from_utf8_lossy(said);
    let events = text.lines().filter_map(|line| serde_json::from_str::<RunEvent>(line).ok());
    let started = |event: &RunEvent| {
        matches!(event.event, EventKind::Started | EventKind::Resumed | EventKind::Reverting)
    };
    let event = events.into_iter().find(started)?;
    Some(AttemptId { ticket: event.ticket, number: event.attempt })
}

fn end(host: &Host, status: i32, said: &[u8], complaint: &[u8]) -> Spawned {
    let ending = Ending::ALL.into_iter().find(|ending| i32::from(ending.status()) == status);
    let text = String::from_utf8_lossy(said);
    let last = text.lines().rev().find_map(|line| serde_json::from_str::<Value>(line).ok());
    // An answer may be one document of many lines.
    let said_last = serde_json::from_str::<Value>(&text).ok().or(last).unwrap_or_else(|| {
        let complaint = String::from_utf8_lossy(complaint);
        let first = complaint.lines().next().unwrap_or_default();
        serde_json::json!({ "error": { "message": host.redactor.redact(first) } })
    });
    Spawned::Ended { ending: ending.unwrap_or(Ending::Internal), attempt: begun(said), said: said_last }
}
