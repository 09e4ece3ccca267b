//! Reading from another program for as long as it prints, line by line: it changes nothing and may go on for ever.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use duct::ReaderHandle;

use super::{ProcessError, expression};

/// How often it is asked whether to go on while the program is silent.
const ASK_EVERY: Duration = Duration::from_millis(100);

/// Whether to go on reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GoOn {
    /// It goes on.
    Yes,
    /// The program is ended.
    No,
}

/// Hands each line that a program prints, on either output, to `each`, until it ends or nobody wants more; `wanted` is
/// asked while it is silent. Its exit status; none when it was ended by us or by a signal.
///
/// # Errors
/// [`ProcessError`] when it cannot be started or read.
pub fn stream(
    argv: &[String],
    cwd: &Path,
    env: &BTreeMap<String, String>,
    wanted: &dyn Fn() -> GoOn,
    each: &mut dyn FnMut(&str) -> GoOn,
) -> Result<Option<i32>, ProcessError> {
    let program = argv.first().cloned().unwrap_or_default();
    let not_started = |source| ProcessError::NotStarted { program: program.clone(), source };
    let unread = |source: io::Error| ProcessError::Unread { program: program.clone(), source };
    let started = expression(argv, cwd, env).map_err(not_started)?;
    let handle = Arc::new(started.stdin_null().stderr_to_stdout().reader().map_err(not_started)?);
    let (send, lines) = mpsc::channel();
    let reader = Arc::clone(&handle);
    // A thread of its own, never waited for: a program that was left behind may keep the pipe open.
    let read = move || {
        let mut reader = BufReader::new(&*reader);
        let mut line = Vec::new();
        while matches!(reader.read_until(b'\n', &mut line), Ok(read) if read > 0) {
            let text = String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']).to_owned();
            if send.send(text).is_err() {
                return;
            }
            line.clear();
        }
    };
    if let Err(error) = std::thread::Builder::new().spawn(read) {
        end(&handle);
        return Err(not_started(error));
    }
    loop {
        let next = match lines.recv_timeout(ASK_EVERY) {
            Ok(line) => each(&line),
            Err(RecvTimeoutError::Timeout) => GoOn::Yes,
            Err(RecvTimeoutError::Disconnected) => break,
        };
        if next == GoOn::No || wanted() == GoOn::No {
            end(&handle);
            return Ok(None);
        }
    }
    let status = handle.try_wait().map_err(unread)?.map(|output| output.status);
    Ok(status.and_then(|status| status.signal().map_or(status.code(), |_| None)))
}

fn end(handle: &ReaderHandle) {
    for pid in handle.pids() {
        if let Some(pid) = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw) {
            // It may have ended by itself meanwhile.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::process::base_environment;

    fn read(script: &str, enough: usize) -> (Option<i32>, Vec<String>) {
        let argv = ["sh", "-c", script].map(str::to_owned);
        let mut seen = Vec::new();
        let ended = stream(&argv, Path::new("/"), &base_environment(&[]), &|| GoOn::Yes, &mut |line| {
            seen.push(line.to_owned());
            if seen.len() < enough { GoOn::Yes } else { GoOn::No }
        });
        (ended.unwrap(), seen)
    }

    #[test]
    fn every_line_of_both_outputs_comes_until_the_end() {
        let (ended, mut seen) = read("echo a; echo b >&2; printf c; exit 3", 10);
        seen.sort();
        assert_eq!((ended, seen), (Some(3), vec!["a".to_owned(), "b".into(), "c".into()]));
    }

    #[test]
    fn a_program_that_never_ends_is_ended_when_nobody_wants_more() {
        let (ended, seen) = read("while :; do echo more; done", 3);
        assert_eq!((ended, seen.len()), (None, 3));
        let argv = ["sleep", "1000"].map(str::to_owned);
        let none = stream(&argv, Path::new("/"), &base_environment(&[]), &|| GoOn::No, &mut |_| GoOn::Yes);
        assert_eq!(none.unwrap(), None);
    }
}
