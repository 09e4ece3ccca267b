//! The one place that starts programs which change something, watches them, and ends their whole group.
//!
//! Later a shim of our own stands between us and the program (design/03, "Journal"), so that it outlives us in order; it
//! comes behind [`run`], which is why a step's folder is handed in.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use duct::Handle;
use rustix::process::{Pid, Signal as Kill};
use thiserror::Error;

use super::clock::{Clock, SystemClock};
use super::files::{self, FileError};
use super::process::expression;
use super::signal::Stop;

/// A program to run to its end.
#[derive(Debug, Clone, Default)]
pub struct Program {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Absolute folder it starts in; a relative program with a `/` in it starts there too.
    pub cwd: PathBuf,
    /// Its whole environment.
    pub env: BTreeMap<String, String>,
    /// File it reads; none: nothing.
    pub stdin: Option<PathBuf>,
    /// File its standard output replaces; none: the spool.
    pub stdout: Option<PathBuf>,
    /// File that everything else it prints is added to.
    pub spool: PathBuf,
    /// Ends it after this long. None: never.
    pub timeout: Option<Duration>,
    /// How often a person must ask before it is ended: 1 when nothing is lost by ending it, 2 otherwise.
    pub end_at_level: u8,
}

/// What is seen of a running program, about ten times a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tick {
    /// How long it has run.
    pub elapsed: Duration,
    /// Bytes in its spool.
    pub spool_bytes: u64,
    /// How long nothing has been written, neither to the spool nor to its output file.
    pub silent_for: Duration,
    /// Bytes in its output file; 0 where it has none.
    pub stdout_bytes: u64,
}

/// Whether a program may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TickAnswer {
    /// It may.
    Go,
    /// It is ended.
    End,
}

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// By itself, with this status.
    Code(i32),
    /// By a signal that was not ours.
    Signal(i32),
    /// We ended it: it ran out of time.
    TimedOut,
    /// We ended it: a person asked us to stop.
    Stopped,
    /// We ended it: the tick said so.
    EndedByTick,
    /// We ended it: it printed more than [`SPOOL_LIMIT`].
    TooMuchOutput,
}

/// A program's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finished {
    /// How.
    pub exit: Exit,
    /// After how long.
    pub took: Duration,
}

/// Why a program could not be run.
#[derive(Debug, Error)]
pub enum SuperviseError {
    /// It could not be started: nothing ran.
    #[error("`{program}` could not be started: {source}")]
    NotStarted {
        /// The program.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// A file of the step could not be used: nothing ran.
    #[error(transparent)]
    File(#[from] FileError),
    /// It was started and could not be waited for: how it ended is not known.
    #[error("`{program}` could not be waited for: {source}")]
    Lost {
        /// The program.
        program: String,
        /// What the system said.
        source: io::Error,
    },
}

/// Bytes that a program may print before it is ended (design/03).
pub const SPOOL_LIMIT: u64 = 100 << 20;

/// How long a group of programs may take to end after TERM.
const GRACE: Duration = Duration::from_secs(10);

/// How often a running program is looked at. Its end is noticed at once; only limits wait for this.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Runs a program in a process group of its own and waits for its end, however it comes. Its outputs are files, so what it
/// leaves running behind is neither waited for nor, when it ended by itself, touched.
///
/// # Errors
/// [`SuperviseError`]. An exit status other than 0 is an end, not an error.
pub fn run(
    program: &Program,
    step_folder: &Path,
    stop: &Stop,
    tick: &mut dyn FnMut(&Tick) -> TickAnswer,
) -> Result<Finished, SuperviseError> {
    debug_assert!(program.spool.starts_with(step_folder), "a step's spool lies in its folder");
    let name = program.argv.first().cloned().unwrap_or_default();
    let lost = |source| SuperviseError::Lost { program: name.clone(), source };
    let outputs = Outputs::open(program)?;
    let clock = SystemClock::new();
    let running = Running { handle: start(program, &outputs)?, clock };
    let mut watch = Watch { program, outputs: &outputs, grown_at: Duration::ZERO, seen: outputs.sizes() };
    let exit = loop {
        let left = program.timeout.map_or(LOOK_EVERY, |limit| limit.saturating_sub(clock.monotonic()));
        if let Some(status) = running.wait(left.min(LOOK_EVERY)).map_err(lost)? {
            break exit_of(status);
        }
        if let Some(exit) = watch.look(clock.monotonic(), stop, tick) {
            running.end().map_err(lost)?;
            break exit;
        }
    };
    Ok(Finished { exit, took: clock.monotonic() })
}

fn exit_of(status: ExitStatus) -> Exit {
    match (status.code(), status.signal()) {
        (Some(code), _) => Exit::Code(code),
        (None, signal) => Exit::Signal(signal.unwrap_or(0)),
    }
}

/// The files that a program writes to.
struct Outputs {
    spool: File,
    stdout: Option<File>,
}

impl Outputs {
    fn open(program: &Program) -> Result<Self, FileError> {
        let spool = files::open_append(&program.spool, 0o600)?;
        let stdout = program.stdout.as_ref().map(|path| {
            files::remove_file(path)?;
            files::create_new(path, 0o600)
        });
        Ok(Self { spool, stdout: stdout.transpose()? })
    }

    /// Bytes in the spool and in the output file.
    fn sizes(&self) -> (u64, u64) {
        let size = |file: &File| file.metadata().map_or(0, |meta| meta.len());
        (size(&self.spool), self.stdout.as_ref().map_or(0, size))
    }
}

fn start(program: &Program, outputs: &Outputs) -> Result<Handle, SuperviseError> {
    let stdin = program.stdin.as_deref().map(files::open).transpose()?;
    let started = || {
        let expression = expression(&program.argv, &program.cwd, &program.env)?;
        let expression = match stdin {
            None => expression.stdin_null(),
            Some(file) => expression.stdin_file(file),
        };
        let stdout = outputs.stdout.as_ref().unwrap_or(&outputs.spool).try_clone()?;
        expression
            .stdout_file(stdout)
            .stderr_file(outputs.spool.try_clone()?)
            .before_spawn(|command| {
                command.process_group(0);
                Ok(())
            })
            .start()
    };
    let program = program.argv.first().cloned().unwrap_or_default();
    started().map_err(|source| SuperviseError::NotStarted { program, source })
}

/// What was seen of a running program.
struct Watch<'a> {
    program: &'a Program,
    outputs: &'a Outputs,
    grown_at: Duration,
    seen: (u64, u64),
}

impl Watch<'_> {
    /// Looks once; says how the program must be ended, if it must.
    fn look(
        &mut self,
        elapsed: Duration,
        stop: &Stop,
        tick: &mut dyn FnMut(&Tick) -> TickAnswer,
    ) -> Option<Exit> {
        let sizes = self.outputs.sizes();
        if sizes != self.seen {
            self.seen = sizes;
            self.grown_at = elapsed;
        }
        let (spool_bytes, stdout_bytes) = sizes;
        if self.program.timeout.is_some_and(|limit| elapsed >= limit) {
            return Some(Exit::TimedOut);
        }
        if stop.level() >= self.program.end_at_level.max(1) {
            return Some(Exit::Stopped);
        }
        if spool_bytes > SPOOL_LIMIT {
            return Some(Exit::TooMuchOutput);
        }
        let silent_for = elapsed.saturating_sub(self.grown_at);
        match tick(&Tick { elapsed, spool_bytes, silent_for, stdout_bytes }) {
            TickAnswer::Go => None,
            TickAnswer::End => Some(Exit::EndedByTick),
        }
    }
}

struct Running {
    handle: Handle,
    clock: SystemClock,
}

impl Running {
    fn wait(&self, at_most: Duration) -> io::Result<Option<ExitStatus>> {
        Ok(self.handle.wait_timeout(at_most)?.map(|output| output.status))
    }

    /// Ends the whole group: TERM, and CONT for what is stopped; KILL for what still lives after the grace.
    fn end(&self) -> io::Result<()> {
        let Some(group) = self.group() else { return Ok(()) };
        self.send(group, Kill::TERM)?;
        self.send(group, Kill::CONT)?;
        let until = self.clock.monotonic() + GRACE;
        while self.clock.monotonic() < until {
            let ended = self.wait(LOOK_EVERY)?.is_some();
            if ended && rustix::process::test_kill_process_group(group).is_err() {
                return Ok(());
            }
            if ended {
                self.clock.sleep(Duration::from_millis(20));
            }
        }
        self.send(group, Kill::KILL)?;
        self.handle.wait().map(drop)
    }

    /// The group's number is its leader's: we made it so.
    fn group(&self) -> Option<Pid> {
        let pid = *self.handle.pids().first()?;
        i32::try_from(pid).ok().and_then(Pid::from_raw)
    }

    fn send(&self, group: Pid, signal: Kill) -> io::Result<()> {
        match rustix::process::kill_process_group(group, signal) {
            // Nobody is left to end. With PERM somebody is, who became another user: KILL of the leader is all we have.
            Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(rustix::io::Errno::PERM) => self.handle.kill(),
            other => other.map_err(io::Error::from),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::process::base_environment;
    use crate::sys::signal::Signal;

    fn program(folder: &Path, script: &str) -> Program {
        Program {
            argv: vec!["sh".into(), "-c".into(), script.into()],
            cwd: folder.to_path_buf(),
            env: base_environment(&[]),
            spool: folder.join("spool"),
            end_at_level: 2,
            ..Program::default()
        }
    }

    fn go(_: &Tick) -> TickAnswer {
        TickAnswer::Go
    }

    fn spool(folder: &Path) -> String {
        files::read_text(&folder.join("spool"), 1 << 20).unwrap()
    }

    #[test]
    fn a_program_runs_to_its_end_and_what_it_prints_is_kept() {
        let folder = files::temporary_folder("holdpoint-supervise-").unwrap();
        let mut wanted = program(folder.path(), "echo out; echo err >&2; exit 3");
        let ended = run(&wanted, folder.path(), &Stop::never(), &mut go).unwrap();
        assert_eq!(ended.exit, Exit::Code(3));
        wanted.argv[2] = "echo more; kill -9 $$".into();
        let ended = run(&wanted, folder.path(), &Stop::never(), &mut go).unwrap();
        assert_eq!(ended.exit, Exit::Signal(9));
        assert_eq!(spool(folder.path()), "out\nerr\nmore\n");
        assert_eq!(files::mode(&folder.path().join("spool")).unwrap(), 0o600);
    }

    #[test]
    fn input_and_output_can_be_files_and_the_rest_goes_to_the_spool() {
        let folder = files::temporary_folder("holdpoint-supervise-").unwrap();
        files::save_atomic(&folder.path().join("in"), b"hello", 0o600).unwrap();
        let mut wanted = program(folder.path(), "cat; echo err >&2");
        wanted.stdin = Some(folder.path().join("in"));
        wanted.stdout = Some(folder.path().join("out"));
        let ended = run(&wanted, folder.path(), &Stop::never(), &mut go).unwrap();
        assert_eq!(ended.exit, Exit::Code(0));
        assert_eq!(files::read_text(&folder.path().join("out"), 100).unwrap(), "hello");
        assert_eq!(spool(folder.path()), "err\n");
    }

    #[test]
    fn a_timeout_ends_the_whole_group() {
        let folder = files::temporary_folder("holdpoint-supervise-").unwrap();
        let mut wanted = program(folder.path(), "sleep 300 & echo $!; wait");
        wanted.timeout = Some(Duration::from_millis(200));
        let ended = run(&wanted, folder.path(), &Stop::never(), &mut go).unwrap();
        assert_eq!(ended.exit, Exit::TimedOut);
        let pid: u32 = spool(folder.path()).trim().parse().unwrap();
        assert_eq!(crate::sys::process::start_time(pid), None, "the child of the child is gone too");
    }

    #[test]
    fn a_step_with_nothing_to_lose_ends_at_the_first_request_others_at_the_second() {
        let folder = files::temporary_folder("holdpoint-supervise-").unwrap();
        let stop = Stop::never();
        stop.raise(Signal::Int);
        let mut wanted = program(folder.path(), "sleep 0.3");
        assert_eq!(run(&wanted, folder.path(), &stop, &mut go).unwrap().exit, Exit::Code(0));
        wanted.argv[2] = "sleep 300".into();
        wanted.end_at_level = 1;
        assert_eq!(run(&wanted, folder.path(), &stop, &mut go).unwrap().exit, Exit::Stopped);
        wanted.end_at_level = 2;
        stop.raise(Signal::Int);
        assert_eq!(run(&wanted, folder.path(), &stop, &mut go).unwrap().exit, Exit::Stopped);
    }

    #[test]
    fn the_tick_sees_growth_and_silence_and_may_end_it() {
        let folder = files::temporary_folder("holdpoint-supervise-").unwrap();
        let wanted = program(folder.path(), "echo 12345; sleep 300");
        let mut seen = None;
        let ended = run(&wanted, folder.path(), &Stop::never(), &mut |tick| {
            seen = Some(*tick);
            if tick.silent_for >= Duration::from_millis(150) { TickAnswer::End } else { TickAnswer::Go }
        });
        assert_eq!(ended.unwrap().exit, Exit::EndedByTick);
        assert_eq!(seen.unwrap().spool_bytes, 6);
    }

    #[test]
    fn what_a_program_leaves_running_is_neither_awaited_nor_touched() {
        let folder = files::temporary_folder("holdpoint-supervise-").unwrap();
        let wanted = program(folder.path(), "sleep 5 & echo $!");
        let ended = run(&wanted, folder.path(), &Stop::never(), &mut go).unwrap();
        assert!(ended.took < Duration::from_secs(4));
        let pid: u32 = spool(folder.path()).trim().parse().unwrap();
        assert!(crate::sys::process::start_time(pid).is_some());
    }

    #[test]
    fn a_program_that_is_not_there_never_ran() {
        let folder = files::temporary_folder("holdpoint-supervise-").unwrap();
        let mut wanted = program(folder.path(), "");
        wanted.argv = vec!["./no-such-script.sh".into()];
        let error = run(&wanted, folder.path(), &Stop::never(), &mut go).unwrap_err();
        assert!(matches!(error, SuperviseError::NotStarted { .. }), "{error}");
    }
}
