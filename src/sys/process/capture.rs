//! Reading from another program: it changes nothing, and what it says is kept in memory.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use duct::{Expression, Handle};
use rustix::fs::MemfdFlags;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use thiserror::Error;

use crate::sys::clock::{Clock, SystemClock};

use super::{find_program, identity};

/// A program to ask.
#[derive(Debug, Clone, Default)]
pub struct Capture {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Absolute folder it starts in; a relative program with a `/` in it starts there too.
    pub cwd: PathBuf,
    /// Its whole environment.
    pub env: BTreeMap<String, String>,
    /// What it reads; none: nothing.
    pub stdin: Option<Vec<u8>>,
    /// It is ended when either output grows beyond this many bytes.
    pub limit_bytes: u64,
    /// It is ended after this long. None: never.
    pub timeout: Option<Duration>,
    /// What is ended with it when it grows too long.
    pub ends: Ends,
}

/// What is ended when a program takes too long or says too much.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Ends {
    /// The program alone.
    #[default]
    Program,
    /// Whatever it started, too: it leads a process group of its own, which a terminal's Ctrl-C does not reach.
    Group,
}

/// What a program said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Captured {
    /// Exit status; none when a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
}

/// Why a program gave no answer.
#[derive(Debug, Error)]
pub enum ProcessError {
    /// It could not be started.
    #[error("`{program}` could not be started")]
    NotStarted {
        /// The program.
        program: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It took too long.
    #[error("`{program}` did not answer within {}s and was ended", within.as_secs())]
    TimedOut {
        /// The program.
        program: String,
        /// The limit.
        within: Duration,
    },
    /// It said too much.
    #[error("`{program}` said more than {limit} bytes and was ended")]
    TooLong {
        /// The program.
        program: String,
        /// The limit.
        limit: u64,
    },
    /// It could not be waited for, or its answer could not be kept.
    #[error("`{program}` could not be read")]
    Unread {
        /// The program.
        program: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl ProcessError {
    /// Whether there is no such program.
    pub fn is_missing_program(&self) -> bool {
        matches!(self, ProcessError::NotStarted { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}

/// How often a running program is looked at. Its end is noticed at once; only limits wait for this.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How long a program may take to end after TERM.
const GRACE: Duration = Duration::from_secs(2);

/// Asks a program and waits for its end. Its outputs are files in memory, not pipes: a program that it left behind, with
/// its output still open, is not waited for.
///
/// # Errors
/// [`ProcessError`]. An exit status other than 0 is an answer, not an error.
pub fn capture(ask: &Capture) -> Result<Captured, ProcessError> {
    let program = ask.argv.first().cloned().unwrap_or_default();
    let unread = |source| ProcessError::Unread { program: program.clone(), source };
    let not_started = |source| ProcessError::NotStarted { program: program.clone(), source };

    let stdout = memory("stdout").map_err(unread)?;
    let stderr = memory("stderr").map_err(unread)?;
    let mut expression = expression(&ask.argv, &ask.cwd, &ask.env).map_err(not_started)?;
    expression = match &ask.stdin {
        None => expression.stdin_null(),
        Some(bytes) => expression.stdin_file(filled(bytes).map_err(unread)?),
    };
    if ask.ends == Ends::Group {
        expression = in_own_group(&expression);
    }
    let handle = expression
        .stdout_file(stdout.try_clone().map_err(unread)?)
        .stderr_file(stderr.try_clone().map_err(unread)?)
        .start()
        .map_err(not_started)?;

    let clock = SystemClock::new();
    let sizes = || Ok::<u64, io::Error>(stdout.metadata()?.len().max(stderr.metadata()?.len()));
    let ended = loop {
        let left = ask.timeout.map(|limit| limit.saturating_sub(clock.monotonic()));
        let wait = left.map_or(LOOK_EVERY, |left| left.min(LOOK_EVERY));
        let ended = handle.wait_timeout(wait).map_err(unread)?.map(|output| output.status);
        if sizes().map_err(unread)? > ask.limit_bytes {
            end(&handle, ask.ends);
            return Err(ProcessError::TooLong { program, limit: ask.limit_bytes });
        }
        if let Some(status) = ended {
            break status;
        }
        if let (Some(left), Some(within)) = (left, ask.timeout)
            && left.is_zero()
        {
            end(&handle, ask.ends);
            return Err(ProcessError::TimedOut { program, within });
        }
    };
    let code = ended.signal().map_or(ended.code(), |_| None);
    Ok(Captured {
        code,
        stdout: content(&stdout).map_err(unread)?,
        stderr: content(&stderr).map_err(unread)?,
    })
}

/// What leads a process group of its own: a signal from our terminal does not reach it.
pub(super) fn in_own_group(expression: &Expression) -> Expression {
    expression.before_spawn(|command| {
        command.process_group(0);
        Ok(())
    })
}

/// TERM, a little patience, KILL.
pub(super) fn end(handle: &Handle, ends: Ends) {
    let pids: Vec<Pid> =
        handle.pids().into_iter().filter_map(|pid| Pid::from_raw(i32::try_from(pid).ok()?)).collect();
    let tell = |signal| {
        for pid in &pids {
            let _ = match ends {
                Ends::Program => kill_process(*pid, signal),
                Ends::Group => kill_process_group(*pid, signal),
            };
        }
    };
    tell(Signal::TERM);
    if ends == Ends::Group {
        // Once its leader is waited for, the number of a group may be another's: what ignores TERM is ended before.
        let clock = SystemClock::new();
        while clock.monotonic() < GRACE && handle.pids().into_iter().any(|pid| identity::kin(pid).is_some()) {
            clock.sleep(LOOK_EVERY);
        }
        tell(Signal::KILL);
    }
    if !matches!(handle.wait_timeout(GRACE), Ok(Some(_))) {
        let _ = handle.kill();
        let _ = handle.wait();
    }
}

/// A program with its arguments, folder and whole environment; every exit status is an answer.
///
/// The program is looked up here, on the search path that it will see itself, so that one that is missing is an error
/// that says so.
pub(in crate::sys) fn expression(
    argv: &[String],
    cwd: &Path,
    env: &BTreeMap<String, String>,
) -> io::Result<Expression> {
    let (program, arguments) = argv.split_first().ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidInput, "there is no program in the argument list")
    })?;
    let found = if program.contains('/') {
        cwd.join(program)
    } else {
        let path = env.get("PATH").map_or("", String::as_str);
        find_program(program, path).ok_or_else(|| identity::not_found(program))?
    };
    Ok(duct::cmd(found, arguments).dir(cwd).full_env(env).unchecked())
}

pub(super) fn memory(name: &str) -> io::Result<File> {
    let fd: OwnedFd = rustix::fs::memfd_create(name, MemfdFlags::CLOEXEC)?;
    Ok(File::from(fd))
}

fn filled(bytes: &[u8]) -> io::Result<File> {
    let mut file = memory("stdin")?;
    file.write_all(bytes)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(file)
}

pub(super) fn content(file: &File) -> io::Result<Vec<u8>> {
    let length = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::process::base_environment;

    fn ask(script: &str) -> Capture {
        Capture {
            argv: vec!["sh".into(), "-c".into(), script.into()],
            cwd: PathBuf::from("/"),
            env: base_environment(&[]),
            limit_bytes: 1 << 20,
            timeout: Some(Duration::from_secs(20)),
            ..Capture::default()
        }
    }

    #[test]
    fn a_program_answers_with_both_outputs_and_its_status() {
        let mut question = ask("cat; echo no >&2; pwd; exit 3");
        question.stdin = Some(b"hello ".to_vec());
        let answer = capture(&question).unwrap();
        assert_eq!(
            answer,
            Captured { code: Some(3), stdout: b"hello /\n".to_vec(), stderr: b"no\n".to_vec() }
        );
    }

    #[test]
    fn nothing_of_our_environment_is_handed_on() {
        let mut question = ask("env");
        question.env =
            [("PATH".to_owned(), "/usr/bin:/bin".to_owned()), ("A".to_owned(), "b c".to_owned())].into();
        let answer = String::from_utf8(capture(&question).unwrap().stdout).unwrap();
        assert!(answer.contains("A=b c\n") && !answer.contains("HOME="), "{answer}");
    }

    #[test]
    fn too_long_an_answer_and_too_long_a_wait_end_it() {
        let mut question = ask("exec yes");
        question.limit_bytes = 1000;
        assert!(matches!(capture(&question), Err(ProcessError::TooLong { .. })));
        let mut question = ask("exec sleep 60");
        question.timeout = Some(Duration::from_millis(50));
        assert!(matches!(capture(&question), Err(ProcessError::TimedOut { .. })));
    }

    #[test]
    fn a_missing_program_is_named_and_a_signal_is_no_status() {
        let mut question = ask("");
        question.argv = vec!["no-such-program-here".into()];
        let error = capture(&question).unwrap_err();
        assert!(error.is_missing_program());
        assert_eq!(error.to_string(), "`no-such-program-here` could not be started");
        assert_eq!(capture(&ask("kill -9 $$")).unwrap().code, None);
    }

    #[test]
    fn a_program_left_behind_is_not_waited_for() {
        let clock = SystemClock::new();
        let answer = capture(&ask("sleep 30 & echo done")).unwrap();
        assert_eq!(answer.stdout, b"done\n");
        assert!(clock.monotonic() < Duration::from_secs(10));
    }
}
