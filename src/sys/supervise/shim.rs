//! The shim: a process of ours between the runner and a step's program. It outlives the runner, holds the fence as long as
//! the program works, enforces its limits, and writes down how it ended.

#![expect(
    clippy::disallowed_methods,
    reason = "the shim starts the program, as the rest of `sys::supervise` asks it to"
)]

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::{Pid, PidfdFlags, WaitStatus};

use super::program::{Exit, LOOK_EVERY, Part, SPOOL_LIMIT};
use super::trace::{Said, Traces};
use super::tree;
use crate::sys::clock::{Clock, SystemClock};
use crate::sys::plant::{Bug, planted};
use crate::sys::signal::Stop;
use crate::sys::{FileError, files, process};

/// The hidden word under which this binary is the shim.
pub const STEP: &str = "__step";

/// What the shim is told on its command line. The environment that it is started with is the program's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) folder: PathBuf,
    pub(super) part: Part,
    pub(super) timeout: Option<Duration>,
    pub(super) stdin: Option<PathBuf>,
    pub(super) stdout: Option<PathBuf>,
    pub(super) argv: Vec<OsString>,
}

impl Order {
    /// As arguments after [`STEP`].
    pub(super) fn arguments(&self) -> Vec<OsString> {
        let file = |path: &Option<PathBuf>| path.as_ref().map_or(OsString::from("-"), OsString::from);
        let limit = self.timeout.map_or("-".to_owned(), |limit| limit.as_millis().to_string());
        let mut words = vec![OsString::from(&self.folder), self.part.word().into(), limit.into()];
        words.extend([file(&self.stdin), file(&self.stdout)]);
        words.extend(self.argv.iter().cloned());
        words
    }

    fn parse(words: &[OsString]) -> Option<Self> {
        let [folder, part, limit, stdin, stdout, argv @ ..] = words else { return None };
        let file = |word: &OsString| (word != "-").then(|| PathBuf::from(word));
        let timeout = match limit.to_str()? {
            "-" => None,
            number => Some(Duration::from_millis(number.parse().ok()?)),
        };
        (!argv.is_empty()).then_some(Self {
            folder: folder.into(),
            part: Part::from_word(part.to_str()?)?,
            timeout,
            stdin: file(stdin),
            stdout: file(stdout),
            argv: argv.to_vec(),
        })
    }
}

/// Is the shim: watches one program to its end. `words` are the arguments after [`STEP`].
///
/// # Errors
/// When it cannot do its work; then nothing was started.
pub fn step(words: &[OsString]) -> io::Result<()> {
    let order = Order::parse(words).ok_or_else(|| io::Error::other("this word is for holdpoint itself"))?;
    // Whoever started us may be gone by now: what asks us to end is only ever TERM, sent to us alone.
    let stop = Stop::install().map_err(io::Error::other)?;
    let fence = take_fence()?;
    process::leave_session();
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    if !planted(Bug::NoDescriptorSweep) {
        close_fds::set_fds_cloexec(3, &[]);
    }
    let watched = watch(&order, &stop);
    // Closed, never unlocked: an unlock would free it for everybody who holds it.
    drop(fence);
    watched
}

/// The fence comes as standard input. It moves to a descriptor that no program inherits.
fn take_fence() -> io::Result<OwnedFd> {
    let fence = rustix::io::fcntl_dupfd_cloexec(io::stdin().as_fd(), 3)?;
    let nothing = File::open("/dev/null")?;
    rustix::stdio::dup2_stdin(&nothing)?;
    Ok(fence)
}

fn watch(order: &Order, stop: &Stop) -> io::Result<()> {
    let traces = Traces::of(&order.folder);
    let other = |error: FileError| io::Error::other(error.to_string());
    let clock = SystemClock::new();
    // In this order: a shim that finds no room goes before it has said who it is, and so has started nothing.
    traces.make_room().map_err(other)?;
    traces.say_shim(process::own_pid(), order.part).map_err(other)?;
    let said = match start(order) {
        Err(error) => Said::NotStarted(error.to_string()),
        Ok(running) => {
            // Without it the environment still tells whose the program is.
            let _ = traces.say_child(running.pid.as_raw_nonzero().get().unsigned_abs());
            Said::Ended(running.to_its_end(order, stop, clock)?)
        }
    };
    traces.say_end(order.part, &said, clock.monotonic()).map_err(other)
}

struct Running {
    pid: Pid,
    held: OwnedFd,
}

fn start(order: &Order) -> io::Result<Running> {
    let (program, arguments) = order.argv.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let stdin = match &order.stdin {
        Some(path) => Stdio::from(files::open(path).map_err(|error| io::Error::other(error.to_string()))?),
        None => Stdio::null(),
    };
    let out = match &order.stdout {
        Some(path) => {
            files::open_append(path, 0o600).map_err(|error| io::Error::other(error.to_string()))?.into()
        }
        None => io::stderr().as_fd().try_clone_to_owned()?,
    };
    let child = Command::new(program)
        .args(arguments)
        .stdin(stdin)
        .stdout(Stdio::from(out))
        .stderr(Stdio::inherit())
        .process_group(0)
        .spawn()?;
    // From here on it is waited for by us, with all others; never by std beside us.
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).ok_or(io::ErrorKind::InvalidData)?;
    let held = rustix::process::pidfd_open(pid, PidfdFlags::empty())?;
    Ok(Running { pid, held })
}

impl Running {
    /// Waits for the program, and ends it with all that it started when a limit is reached or somebody asks for it. What
    /// it leaves running behind when it ends by itself is not touched.
    fn to_its_end(&self, order: &Order, stop: &Stop, clock: SystemClock) -> io::Result<Exit> {
        loop {
            let left = order.timeout.map_or(LOOK_EVERY, |limit| limit.saturating_sub(clock.monotonic()));
            self.sleep(left.min(LOOK_EVERY))?;
            if let Some(status) = tree::reap(self.pid) {
                return Ok(exit_of(status));
            }
            let reached = if order.timeout.is_some_and(|limit| clock.monotonic() >= limit) {
                Exit::TimedOut
            } else if stop.level() > 0 {
                Exit::Stopped
            } else if printed() > SPOOL_LIMIT {
                Exit::TooMuchOutput
            } else {
                continue;
            };
            tree::end(self.pid, &|| stop.level() > 1);
            return Ok(reached);
        }
    }

    /// Until the program ends, a signal comes, or the time is over.
    fn sleep(&self, at_most: Duration) -> io::Result<()> {
        let mut watched = [PollFd::new(&self.held, PollFlags::IN)];
        let limit = Timespec::try_from(at_most).map_err(io::Error::other)?;
        match rustix::event::poll(&mut watched, Some(&limit)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Bytes in the spool, which is our standard error.
fn printed() -> u64 {
    rustix::fs::fstat(io::stderr().as_fd()).map_or(0, |stat| u64::try_from(stat.st_size).unwrap_or(0))
}

fn exit_of(status: WaitStatus) -> Exit {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => Exit::Code(code),
        (None, signal) => Exit::Signal(signal.unwrap_or(0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_survives_the_command_line() {
        let order = Order {
            folder: "/x/steps/7-wikijs.recreate".into(),
            part: Part::One,
            timeout: Some(Duration::from_millis(1500)),
            stdin: None,
            stdout: Some("/x/dump".into()),
            argv: vec!["/bin/sh".into(), "-c".into(), "echo '-' --".into()],
        };
        assert_eq!(Order::parse(&order.arguments()), Some(order.clone()));
        let endless = Order { timeout: None, stdin: Some("/x/in".into()), stdout: None, ..order };
        assert_eq!(Order::parse(&endless.arguments()), Some(endless));
        assert_eq!(Order::parse(&[OsString::from("x")]), None);
    }
}
