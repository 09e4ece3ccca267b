//! A program to run, and what is said of it while it runs and when it has ended.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use crate::sys::files::FileError;

/// A program to run to its end.
#[derive(Debug, Clone)]
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
    /// Ends it after this long. None: never.
    pub timeout: Option<Duration>,
    /// How often a person must ask before it is ended: 1 when nothing is lost by ending it, 2 otherwise.
    pub end_at_level: u8,
    /// What its end says about the step.
    pub part: Part,
}

/// What the end of a program says about the step that it belongs to, should nobody be there to say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Its good end is the step's good end, its failure the step's failure.
    Whole,
    /// The step goes on after its good end; its failure is the step's failure.
    One,
    /// Nothing: it only looks.
    Look,
}

impl Part {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Part::Whole => "whole",
            Part::One => "one",
            Part::Look => "look",
        }
    }

    pub(super) fn from_word(word: &str) -> Option<Self> {
        [Part::Whole, Part::One, Part::Look].into_iter().find(|part| part.word() == word)
    }
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

/// Why a program could not be run to its end.
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
    /// What watches it is gone, and how the program ended, or whether it has, is not known.
    #[error("what watched `{program}` is gone ({how}), and how `{program}` ended is not known")]
    Lost {
        /// The program.
        program: String,
        /// What is known of the watcher's end.
        how: String,
    },
}

/// Bytes that a program may print before it is ended (design/03).
pub const SPOOL_LIMIT: u64 = 100 << 20;

/// How long what a program started may take to end after TERM.
pub(super) const GRACE: Duration = Duration::from_secs(10);

/// How often a running program is looked at. Its end is noticed at once; only limits wait for this.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(100);
