//! Asking one of the host's own programs something: its environment is that of a step, its answer is kept in memory, and
//! nothing is recorded.

use std::time::Duration;

use crate::model::spec::CommandSpec;
use crate::sys::process::{self, Capture, Captured, ProcessError};

use super::host::Host;

/// Runs a command to its end. It changes nothing by promise of whoever configured it: it is a `logs`, `schema` or guard
/// command.
///
/// # Errors
/// [`ProcessError`]. An exit status other than 0 is an answer.
pub(super) fn ask(
    host: &Host,
    command: &CommandSpec,
    limit_bytes: u64,
    timeout: Duration,
) -> Result<Captured, ProcessError> {
    process::capture(&Capture {
        argv: command.argv.clone(),
        cwd: command.cwd.clone(),
        env: environment(host, command),
        stdin: None,
        limit_bytes,
        timeout: Some(timeout),
        ends: process::Ends::Program,
    })
}

/// What the command sees: the host's allow-list, the environment files it names, its own settings; later ones win.
pub(super) fn environment(host: &Host, command: &CommandSpec) -> std::collections::BTreeMap<String, String> {
    let mut env = host.surroundings.env.clone();
    for file in &command.env_files {
        env.extend(host.env_files.get(file).into_iter().flatten().cloned());
    }
    env.extend(command.env.clone());
    env
}

/// Both outputs as text, secrets made unreadable.
pub(super) fn said(host: &Host, answer: &Captured) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    host.redactor.redact(&(text(&answer.stdout) + &text(&answer.stderr)))
}
