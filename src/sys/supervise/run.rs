//! The runner's side: starts the shim, watches what the program prints, and asks for its end.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use duct::Handle;
use rustix::process::{Pid, Signal};

use super::program::{Exit, Finished, LOOK_EVERY, Program, SuperviseError, Tick, TickAnswer};
use super::shim::{Order, STEP};
use super::trace::{Said, Traces};
use crate::sys::clock::{Clock, SystemClock};
use crate::sys::files::{self, FileError};
use crate::sys::plant::{Bug, planted};
use crate::sys::process::{self, find_program};
use crate::sys::signal::Stop;

/// Runs a program under a shim and waits for its end, however it comes. What it prints goes to `spool` in the step's
/// folder; its outputs are files, so what it leaves running behind is neither waited for nor, when it ended by itself,
/// touched. `fence` is held by the shim, also beyond our own end.
///
/// # Errors
/// [`SuperviseError`]. An exit status other than 0 is an end, not an error.
pub fn run(
    program: &Program,
    step_folder: &Path,
    fence: &File,
    stop: &Stop,
    tick: &mut dyn FnMut(&Tick) -> TickAnswer,
) -> Result<Finished, SuperviseError> {
    let clock = SystemClock::new();
    let outputs = Outputs::open(program, step_folder)?;
    let traces = Traces::of(step_folder);
    traces.forget_end()?;
    let running = Running { handle: start(program, step_folder, fence, &outputs)? };
    if planted(Bug::FenceUnlocked) {
        let _ = rustix::fs::flock(fence, rustix::fs::FlockOperation::Unlock);
    }
    let mut watch = Watch { outputs: &outputs, grown_at: Duration::ZERO, seen: outputs.sizes() };
    let mut asked = Asked::default();
    let status = loop {
        match running.ended_within(LOOK_EVERY) {
            Ok(Some(status)) => break Ok(status),
            Ok(None) => {}
            Err(error) => break Err(error),
        }
        let seen = watch.look(clock.monotonic());
        if asked.by_tick || (asked.times == 0 && tick(&seen) == TickAnswer::End) {
            asked.by_tick = true;
        }
        let wanted =
            stop.level().saturating_sub(program.end_at_level.max(1) - 1).max(u8::from(asked.by_tick));
        if wanted > asked.times {
            asked.times = wanted;
            running.ask_to_end();
        }
    };
    let exit = exit(program, traces, &running, status, asked, stop)?;
    Ok(Finished { exit, took: clock.monotonic() })
}

/// Whether and how often the shim was asked to end its program, and by whom.
#[derive(Debug, Clone, Copy, Default)]
struct Asked {
    times: u8,
    by_tick: bool,
}

/// What became of the program: what the shim wrote, or what its silence means.
fn exit(
    program: &Program,
    traces: Traces<'_>,
    running: &Running,
    status: io::Result<ExitStatus>,
    asked: Asked,
    stop: &Stop,
) -> Result<Exit, SuperviseError> {
    let name = program.argv.first().cloned().unwrap_or_default();
    match traces.end() {
        Some((_, Said::Ended(Exit::Stopped))) if asked.by_tick => Ok(Exit::EndedByTick),
        Some((_, Said::Ended(exit))) => Ok(exit),
        Some((_, Said::NotStarted(why))) => {
            Err(SuperviseError::NotStarted { program: name, source: io::Error::other(why) })
        }
        // A shim that is gone and never said who it is did not come as far as starting anything.
        None if status.is_ok() && !traces.shim_was(running.pid()) => {
            if stop.level() > 0 {
                return Ok(Exit::Stopped);
            }
            let how = status.map_or_else(|error| error.to_string(), |status| status.to_string());
            let source = io::Error::other(format!("what was to watch it did not begin ({how})"));
            Err(SuperviseError::NotStarted { program: name, source })
        }
        None => {
            let how = status.map_or_else(|error| error.to_string(), |status| status.to_string());
            Err(SuperviseError::Lost { program: name, how })
        }
    }
}

/// The files that a program writes to.
struct Outputs {
    spool: File,
    stdout: Option<File>,
}

impl Outputs {
    fn open(program: &Program, step_folder: &Path) -> Result<Self, FileError> {
        let spool = files::open_append(&step_folder.join("spool"), 0o600)?;
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

fn start(
    program: &Program,
    step_folder: &Path,
    fence: &File,
    outputs: &Outputs,
) -> Result<Handle, SuperviseError> {
    let name = program.argv.first().cloned().unwrap_or_default();
    let started = || {
        let order = Order {
            folder: step_folder.to_path_buf(),
            part: program.part,
            timeout: program.timeout,
            stdin: program.stdin.clone(),
            stdout: program.stdout.clone(),
            argv: found(program)?,
        };
        let own = process::own_program().map_err(io::Error::other)?;
        let mut arguments = vec![OsString::from(STEP)];
        arguments.extend(order.arguments());
        // No process group of its own: a group leader could not leave our session.
        duct::cmd(own, arguments)
            .dir(&program.cwd)
            .full_env(&program.env)
            .stdin_file(fence.try_clone()?)
            .stdout_null()
            .stderr_file(outputs.spool.try_clone()?)
            .unchecked()
            .before_spawn(|shim| {
                if planted(Bug::ProcessGroup) {
                    shim.process_group(0);
                }
                Ok(())
            })
            .start()
            .map_err(|error| io::Error::new(error.kind(), format!("the shim that watches it: {error}")))
    };
    started().map_err(|source| SuperviseError::NotStarted { program: name, source })
}

/// The argument list with the program looked up here, on the search path that it will see itself, so that one that is
/// missing is an error that says so before anything is started.
fn found(program: &Program) -> io::Result<Vec<OsString>> {
    let (name, arguments) = program.argv.split_first().ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidInput, "there is no program in the argument list")
    })?;
    let found: PathBuf = if name.contains('/') {
        program.cwd.join(name)
    } else {
        let path = program.env.get("PATH").map_or("", String::as_str);
        find_program(name, path).ok_or_else(|| process::not_found(name))?
    };
    Ok([OsString::from(found)].into_iter().chain(arguments.iter().map(OsString::from)).collect())
}

/// What was seen of a running program.
struct Watch<'a> {
    outputs: &'a Outputs,
    grown_at: Duration,
    seen: (u64, u64),
}

impl Watch<'_> {
    fn look(&mut self, elapsed: Duration) -> Tick {
        let sizes = self.outputs.sizes();
        if sizes != self.seen {
            self.seen = sizes;
            self.grown_at = elapsed;
        }
        let (spool_bytes, stdout_bytes) = sizes;
        Tick { elapsed, spool_bytes, silent_for: elapsed.saturating_sub(self.grown_at), stdout_bytes }
    }
}

struct Running {
    handle: Handle,
}

impl Running {
    fn pid(&self) -> u32 {
        self.handle.pids().first().copied().unwrap_or(0)
    }

    /// Waits a while for the shim's end. Where waiting itself fails, which says nothing of the shim, it is looked at instead:
    /// one that has just been started would else be taken for one that never began, and its program would run again.
    fn ended_within(&self, span: Duration) -> io::Result<Option<ExitStatus>> {
        let waited = self.handle.wait_timeout(span).or_else(|_| {
            SystemClock::new().sleep(span);
            self.handle.try_wait()
        });
        Ok(waited?.map(|output| output.status))
    }

    /// The shim ends everything its program started. It is our own child and not waited for yet, so the number is its own.
    fn ask_to_end(&self) {
        if let Some(pid) = i32::try_from(self.pid()).ok().and_then(Pid::from_raw) {
            let _ = rustix::process::kill_process(pid, Signal::TERM);
        }
    }
}
