//! A program of our own that goes on without us: it leads a process group of its own, and what it says lies in memory
//! that lives as long as it does.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::time::Duration;

use duct::Handle;

use super::ProcessError;
use super::capture::{content, expression, in_own_group, memory};

/// A program that was started and may outlive us.
#[derive(Debug)]
pub struct Apart {
    program: String,
    handle: Handle,
    stdout: File,
    stderr: File,
}

impl Apart {
    /// Starts a program. A signal from our terminal does not reach it, and our end does not end it.
    ///
    /// # Errors
    /// [`ProcessError`] when it cannot be started.
    pub fn start(argv: &[String], cwd: &Path, env: &BTreeMap<String, String>) -> Result<Self, ProcessError> {
        let program = argv.first().cloned().unwrap_or_default();
        let not_started = |source| ProcessError::NotStarted { program: program.clone(), source };
        let stdout = memory("stdout").map_err(not_started)?;
        let stderr = memory("stderr").map_err(not_started)?;
        let handle = in_own_group(&expression(argv, cwd, env).map_err(not_started)?)
            .stdin_null()
            .stdout_file(stdout.try_clone().map_err(not_started)?)
            .stderr_file(stderr.try_clone().map_err(not_started)?)
            .start()
            .map_err(not_started)?;
        Ok(Self { program, handle, stdout, stderr })
    }

    /// Waits for its end, at most this long. Its exit status, 128 and the signal's number when a signal ended it; none: it
    /// goes on.
    ///
    /// # Errors
    /// [`ProcessError::Unread`].
    pub fn ended(&self, within: Duration) -> Result<Option<i32>, ProcessError> {
        let unread = |source| ProcessError::Unread { program: self.program.clone(), source };
        let ended = self.handle.wait_timeout(within).map_err(unread)?.map(|output| output.status);
        Ok(ended
            .map(|status| status.signal().map_or_else(|| status.code().unwrap_or(1), |signal| 128 + signal)))
    }

    /// What it has said on standard output so far.
    ///
    /// # Errors
    /// [`ProcessError::Unread`].
    pub fn said(&self) -> Result<Vec<u8>, ProcessError> {
        content(&self.stdout).map_err(|source| ProcessError::Unread { program: self.program.clone(), source })
    }

    /// What it has said on standard error so far.
    ///
    /// # Errors
    /// [`ProcessError::Unread`].
    pub fn complained(&self) -> Result<Vec<u8>, ProcessError> {
        content(&self.stderr).map_err(|source| ProcessError::Unread { program: self.program.clone(), source })
    }

    /// Waits for its end, however long it takes: a program that nobody waits for stays in the process table.
    pub fn wait(self) {
        let _ = self.handle.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::process::base_environment;

    #[test]
    fn it_is_heard_while_it_runs_and_its_end_is_seen() {
        let argv = ["sh", "-c", "echo begun; echo oh >&2; sleep 0.3; echo done; exit 3"].map(str::to_owned);
        let apart = Apart::start(&argv, Path::new("/"), &base_environment(&[])).unwrap();
        while apart.said().unwrap().is_empty() {
            assert_eq!(apart.ended(Duration::from_millis(5)).unwrap(), None);
        }
        assert_eq!(apart.said().unwrap(), b"begun\n");
        assert_eq!(apart.ended(Duration::from_secs(20)).unwrap(), Some(3));
        assert_eq!(apart.said().unwrap(), b"begun\ndone\n");
        assert_eq!(apart.complained().unwrap(), b"oh\n");
        apart.wait();
    }
}
