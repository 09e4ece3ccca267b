//! A program on our own terminal: it reads what we would read and prints where we print. For what a person asked to have
//! run for them, `once` and the demo; a step of a release goes through `sys::supervise`.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;

use super::{ProcessError, expression};

/// Runs a program to its end with our own input, output and errors. Its exit status; 128 and the signal's number when a
/// signal ended it, as a shell says it.
///
/// # Errors
/// [`ProcessError`] when it cannot be started or waited for.
pub fn attached(argv: &[String], cwd: &Path, env: &BTreeMap<String, String>) -> Result<i32, ProcessError> {
    let program = argv.first().cloned().unwrap_or_default();
    let not_started = |source| ProcessError::NotStarted { program: program.clone(), source };
    let unread = |source: io::Error| ProcessError::Unread { program: program.clone(), source };
    let handle = expression(argv, cwd, env).map_err(not_started)?.start().map_err(not_started)?;
    let status = handle.wait().map_err(unread)?.status;
    Ok(status.signal().map_or_else(|| status.code().unwrap_or(1), |signal| 128 + signal))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::process::base_environment;

    fn run(script: &str) -> i32 {
        let argv = ["sh", "-c", script].map(str::to_owned);
        attached(&argv, Path::new("/"), &base_environment(&[])).unwrap()
    }

    #[test]
    fn its_exit_status_is_handed_on() {
        assert_eq!(run("exit 7"), 7);
        assert_eq!(run("kill -TERM $$"), 128 + 15);
    }

    #[test]
    fn a_missing_program_is_an_error() {
        let argv = ["no-such-program-here".to_owned()];
        let error = attached(&argv, Path::new("/"), &base_environment(&[])).unwrap_err();
        assert!(error.is_missing_program());
    }
}
