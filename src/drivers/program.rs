//! Asking another program: its exit status, its answer and its last words.

use std::time::Duration;

use super::Surroundings;
use crate::sys::process::{Capture, Ends, ProcessError, capture};

/// What a program answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Said {
    /// Exit status; none when a signal ended it.
    pub(super) code: Option<i32>,
    /// Standard output.
    pub(super) stdout: Vec<u8>,
    /// Standard error.
    pub(super) stderr: Vec<u8>,
}

impl Said {
    /// Its complaint on one line: the last lines of standard error, else of standard output.
    pub(super) fn complaint(&self) -> String {
        let text = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes);
            let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
            lines[lines.len().saturating_sub(4)..].join("; ")
        };
        let complaint = match text(&self.stderr) {
            nothing if nothing.is_empty() => text(&self.stdout),
            something => something,
        };
        match complaint.char_indices().nth(600) {
            _ if complaint.is_empty() => match self.code {
                Some(code) => format!("it exited {code} without a word"),
                None => "a signal ended it".to_owned(),
            },
            Some((end, _)) => format!("{}…", &complaint[..end]),
            None => complaint,
        }
    }

    /// Standard output as text.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }
}

/// A question to a program.
#[derive(Debug, Clone)]
pub(super) struct Ask<'a> {
    /// Program and arguments.
    pub(super) argv: Vec<String>,
    /// What it reads; nothing by default.
    pub(super) stdin: Option<Vec<u8>>,
    /// Variables beside those of the surroundings.
    pub(super) env: &'a [(&'a str, &'a str)],
    /// Ends it.
    pub(super) timeout: Duration,
    /// The most bytes it may answer.
    pub(super) limit: u64,
    /// What is ended when its time is over.
    pub(super) ends: Ends,
}

impl Ask<'_> {
    /// A question with a minute's time and room for 64 MiB.
    pub(super) fn new(argv: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            argv: argv.into_iter().map(Into::into).collect(),
            stdin: None,
            env: &[],
            timeout: Duration::from_mins(1),
            limit: 64 << 20,
            ends: Ends::Program,
        }
    }
}

impl Surroundings {
    /// Asks a program here and waits for its answer; any exit status is an answer.
    pub(super) fn ask(&self, ask: Ask<'_>) -> Result<Said, ProcessError> {
        let mut env = self.env.clone();
        env.extend(ask.env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let captured = capture(&Capture {
            argv: ask.argv,
            cwd: self.root.clone(),
            env,
            stdin: ask.stdin,
            limit_bytes: ask.limit,
            timeout: Some(ask.timeout),
            ends: ask.ends,
        })?;
        Ok(Said { code: captured.code, stdout: captured.stdout, stderr: captured.stderr })
    }
}
