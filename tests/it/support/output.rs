//! What a program said and how it ended, with assertions that show everything when they fail.

use std::fmt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};

use rustix::process::{Pid, Signal, kill_process};

/// A finished program.
#[derive(Debug, Clone)]
pub(crate) struct Output {
    /// As a person would type it.
    pub(crate) command: String,
    /// Its exit code; none: ended by a signal.
    pub(crate) code: Option<i32>,
    /// Standard output.
    pub(crate) stdout: String,
    /// Standard error.
    pub(crate) stderr: String,
    /// What a person would look at next: the host's own records, for failure messages.
    pub(crate) scene: String,
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.code.map_or("a signal".to_owned(), |code| code.to_string());
        write!(f, "$ {}\nended with {code}\n", self.command)?;
        for (name, text) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            writeln!(f, "--- {name}\n{text}")?;
        }
        write!(f, "{}", self.scene)
    }
}

impl Output {
    /// Runs a program to its end.
    pub(crate) fn of(mut command: Command) -> Self {
        let shown = typed(&command);
        let output = command.output().unwrap_or_else(|why| panic!("{shown}: {why}"));
        Self {
            command: shown,
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            scene: String::new(),
        }
    }

    /// Ended with this exit code.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "\n{self}");
        self
    }

    /// Ended with an exit code that is not zero.
    #[track_caller]
    pub(crate) fn fails(self) -> Self {
        assert!(self.code.is_some_and(|code| code != 0), "did not fail\n{self}");
        self
    }

    /// Says this, on either stream.
    #[track_caller]
    pub(crate) fn shows(self, text: &str) -> Self {
        assert!(self.stdout.contains(text) || self.stderr.contains(text), "does not show: {text}\n{self}");
        self
    }

    /// Says this nowhere.
    #[track_caller]
    pub(crate) fn hides(self, text: &str) -> Self {
        assert!(!self.stdout.contains(text) && !self.stderr.contains(text), "shows: {text}\n{self}");
        self
    }

    /// Says these, on one stream, in this order.
    #[track_caller]
    pub(crate) fn shows_in_order(self, texts: &[&str]) -> Self {
        let ordered = |stream: &str| {
            let mut rest = stream;
            texts.iter().all(|text| match rest.split_once(text) {
                Some((_, after)) => {
                    rest = after;
                    true
                }
                None => false,
            })
        };
        assert!(ordered(&self.stdout) || ordered(&self.stderr), "does not show in order: {texts:?}\n{self}");
        self
    }

    /// Its standard output, which is one JSON value.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|why| panic!("no JSON: {why}\n{self}"))
    }

    /// Its standard output, which is one JSON value a line.
    #[track_caller]
    pub(crate) fn json_lines(&self) -> Vec<serde_json::Value> {
        let lines = self.stdout.lines().filter(|line| !line.is_empty());
        lines
            .map(|line| {
                serde_json::from_str(line).unwrap_or_else(|why| panic!("no JSON: {why}: {line}\n{self}"))
            })
            .collect()
    }
}

/// A command as a person would type it, near enough.
pub(super) fn typed(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

/// A program that runs while the test goes on. Dropped: killed.
#[derive(Debug)]
pub(crate) struct Running {
    pub(super) command: String,
    pub(super) child: Child,
    pub(super) stdout: PathBuf,
    pub(super) stderr: PathBuf,
}

impl Running {
    /// Asks it to end as Ctrl-C would.
    pub(crate) fn interrupt(&self) {
        self.signal(Signal::INT);
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
    }

    /// Whether it has ended.
    pub(crate) fn is_over(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// What it has said so far.
    pub(crate) fn so_far(&self) -> String {
        let read = |path: &PathBuf| std::fs::read_to_string(path).unwrap_or_default();
        read(&self.stdout) + &read(&self.stderr)
    }

    /// Waits for its end.
    pub(crate) fn wait(mut self) -> Output {
        let status: ExitStatus = self.child.wait().unwrap();
        Output {
            command: self.command.clone(),
            code: status.code(),
            stdout: std::fs::read_to_string(&self.stdout).unwrap(),
            stderr: std::fs::read_to_string(&self.stderr).unwrap(),
            scene: String::new(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Already ended, or about to be: neither is of interest to a test that is over.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
