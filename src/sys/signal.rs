//! What a person or the system asks of us while we run: INT and TERM are counted, a lost terminal is survived (design/03).

use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use thiserror::Error;

/// The signals that ask us to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Ctrl-C.
    Int,
    /// `kill`, or the machine going down.
    Term,
}

impl Signal {
    /// `INT` or `TERM`.
    pub const fn name(self) -> &'static str {
        match self {
            Signal::Int => "INT",
            Signal::Term => "TERM",
        }
    }

    /// The exit status of a program that this signal stopped: 130 or 143.
    pub const fn exit_status(self) -> i32 {
        match self {
            Signal::Int => 130,
            Signal::Term => 143,
        }
    }
}

/// Signals could not be caught.
#[derive(Debug, Error)]
#[error("signals could not be caught")]
pub struct SignalError {
    /// What the system said.
    #[source]
    source: io::Error,
}

/// Whether, how often and by what we were asked to stop. Clones see the same.
#[derive(Debug, Clone)]
pub struct Stop {
    inner: Arc<Mutex<Inner>>,
    hung_up: Arc<AtomicBool>,
}

#[derive(Debug, Default)]
struct Inner {
    /// A byte comes out for each signal.
    pipes: Vec<(Signal, UnixStream)>,
    first: Option<Signal>,
    count: u8,
}

impl Stop {
    /// Catches INT and TERM from now on; HUP is survived, and a write beyond the file size limit becomes an error. PIPE is
    /// ignored by every Rust program from its start. Programs that we start get all of these back as they were.
    ///
    /// # Errors
    /// [`SignalError`] when the system refuses.
    pub fn install() -> Result<Self, SignalError> {
        static INSTALLED: OnceLock<Stop> = OnceLock::new();
        if let Some(stop) = INSTALLED.get() {
            return Ok(stop.clone());
        }
        let stop = Self::catch().map_err(|source| SignalError { source })?;
        Ok(INSTALLED.get_or_init(|| stop).clone())
    }

    fn catch() -> io::Result<Self> {
        let mut pipes = Vec::new();
        for (signal, number) in [(Signal::Int, SIGINT), (Signal::Term, SIGTERM)] {
            let (read, write) = UnixStream::pair()?;
            read.set_nonblocking(true)?;
            signal_hook::low_level::pipe::register(number, write)?;
            pipes.push((signal, read));
        }
        // A handler that only sets a flag: unlike "ignored" it is not inherited by programs that we start.
        let (hung_up, unread) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        for (number, flag) in [(SIGHUP, &hung_up), (SIGXFSZ, &unread)] {
            signal_hook::flag::register(number, Arc::clone(flag))?;
        }
        Ok(Self { inner: Arc::new(Mutex::new(Inner { pipes, ..Inner::default() })), hung_up })
    }

    /// Never asked to stop, unless by [`Stop::raise`]: for tests, and for verbs that a signal may simply end.
    pub fn never() -> Self {
        Self { inner: Arc::default(), hung_up: Arc::default() }
    }

    /// As if the signal had come.
    pub fn raise(&self, signal: Signal) {
        let mut inner = self.inner();
        inner.count = inner.count.saturating_add(1);
        inner.first.get_or_insert(signal);
    }

    /// 0: go on; 1: asked once, start nothing new; 2 and more: asked again, end what runs.
    pub fn level(&self) -> u8 {
        self.caught().count
    }

    /// The signal that asked first.
    pub fn signal(&self) -> Option<Signal> {
        self.caught().first
    }

    /// Whether the person hung up: nobody is there to answer, and work goes on (design/03).
    pub fn hung_up(&self) -> bool {
        self.hung_up.load(Ordering::Relaxed)
    }

    fn caught(&self) -> MutexGuard<'_, Inner> {
        let mut guard = self.inner();
        let inner = &mut *guard;
        for (signal, pipe) in &mut inner.pipes {
            let mut bytes = [0; 16];
            while let Ok(read @ 1..) = pipe.read(&mut bytes) {
                inner.count = inner.count.saturating_add(u8::try_from(read).unwrap_or(u8::MAX));
                inner.first.get_or_insert(*signal);
            }
        }
        guard
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_are_counted_and_the_first_one_names_the_end() {
        let stop = Stop::install().unwrap();
        assert_eq!((stop.level(), stop.signal()), (0, None));
        signal_hook::low_level::raise(SIGXFSZ).unwrap();
        assert!(!stop.hung_up());
        signal_hook::low_level::raise(SIGHUP).unwrap();
        assert_eq!((stop.level(), stop.hung_up()), (0, true), "a lost terminal is survived");
        signal_hook::low_level::raise(SIGTERM).unwrap();
        assert_eq!((stop.level(), stop.signal()), (1, Some(Signal::Term)));
        signal_hook::low_level::raise(SIGINT).unwrap();
        let again = Stop::install().unwrap();
        assert_eq!((again.level(), again.signal()), (2, Some(Signal::Term)));
        assert_eq!(Signal::Term.exit_status(), 143);
    }
}
