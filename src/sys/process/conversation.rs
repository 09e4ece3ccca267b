//! A program that is asked again and again: a line in, a line out, for as long as both sides like.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::time::Duration;

use duct::Handle;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::capture::{Captured, Ends, ProcessError, content, end, expression, in_own_group, memory};
use crate::sys::clock::{Clock, SystemClock};

/// Bytes of what may stand before an answer, and of what it says on standard error.
const LIMIT: u64 = 1 << 20;

/// How long a program whose output has ended may take to end itself.
const GRACE: Duration = Duration::from_secs(2);

/// A program that goes on between two questions. It leads a process group of its own, which a terminal's Ctrl-C does not reach.
///
/// Dropping it neither ends it nor waits for it: [`Conversation::hang_up`], then [`Conversation::is_over`] or
/// [`Conversation::end`].
#[derive(Debug)]
pub struct Conversation {
    program: String,
    handle: Handle,
    words: Option<PipeWriter>,
    lines: PipeReader,
    /// What it said that nobody has looked at yet.
    rest: Vec<u8>,
    stderr: File,
}

/// What came of a question.
#[derive(Debug)]
pub enum Said<T> {
    /// A line that was wanted.
    Line(T),
    /// It ended instead.
    Ended(Captured),
}

impl Conversation {
    /// Starts a program.
    ///
    /// # Errors
    /// [`ProcessError`] when it cannot be started.
    pub fn begin(argv: &[String], cwd: &Path, env: &BTreeMap<String, String>) -> Result<Self, ProcessError> {
        let program = argv.first().cloned().unwrap_or_default();
        let not_started = |source| ProcessError::NotStarted { program: program.clone(), source };
        let (its_input, words) = io::pipe().map_err(not_started)?;
        let (lines, its_output) = io::pipe().map_err(not_started)?;
        let stderr = memory("stderr").map_err(not_started)?;
        let handle = in_own_group(&expression(argv, cwd, env).map_err(not_started)?)
            .stdin_file(its_input)
            .stdout_file(its_output)
            .stderr_file(stderr.try_clone().map_err(not_started)?)
            .start()
            .map_err(not_started)?;
        Ok(Self { program, handle, words: Some(words), lines, rest: Vec::new(), stderr })
    }

    /// Says a line, which ends with a line feed, and waits for the first that is `wanted`; others are passed over, as a shell's
    /// greeting is. After an error it is ended.
    ///
    /// # Errors
    /// [`ProcessError`] when it takes too long, says too much, or cannot be read.
    pub fn ask<T>(
        &mut self,
        line: &[u8],
        within: Duration,
        wanted: &dyn Fn(&[u8]) -> Option<T>,
    ) -> Result<Said<T>, ProcessError> {
        let answered = self.answer(line, within, wanted);
        if answered.is_err() {
            self.end();
        }
        answered
    }

    fn answer<T>(
        &mut self,
        line: &[u8],
        within: Duration,
        wanted: &dyn Fn(&[u8]) -> Option<T>,
    ) -> Result<Said<T>, ProcessError> {
        let clock = SystemClock::new();
        let program = self.program.clone();
        let unread = |source| ProcessError::Unread { program: program.clone(), source };
        if let Some(words) = &mut self.words {
            // One that has ended takes nothing: what it said at its end is the answer.
            let _ = words.write_all(line);
        }
        let mut passed_over = 0;
        loop {
            while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.rest.drain(..=end).collect();
                if let Some(answer) = wanted(&line) {
                    return Ok(Said::Line(answer));
                }
                passed_over += line.len();
            }
            let said = (passed_over + self.rest.len()) as u64;
            if said.max(self.stderr.metadata().map_err(unread)?.len()) > LIMIT {
                return Err(ProcessError::TooLong { program, limit: LIMIT });
            }
            let left = within.saturating_sub(clock.monotonic());
            if left.is_zero() {
                return Err(ProcessError::TimedOut { program, within });
            }
            if self.read(left).map_err(unread)? == Some(0) {
                return self.ended().map(Said::Ended);
            }
        }
    }

    /// Takes in what it says within this long; none: nothing, 0: its output has ended.
    fn read(&mut self, within: Duration) -> io::Result<Option<usize>> {
        let wait = Timespec::try_from(within).map_err(io::Error::other)?;
        match poll(&mut [PollFd::new(&self.lines, PollFlags::IN)], Some(&wait)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => return Ok(None),
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        let mut bytes = [0; 4096];
        let read = self.lines.read(&mut bytes)?;
        self.rest.extend_from_slice(&bytes[..read]);
        Ok(Some(read))
    }

    fn ended(&mut self) -> Result<Captured, ProcessError> {
        let unread = |source| ProcessError::Unread { program: self.program.clone(), source };
        let ended = self.handle.wait_timeout(GRACE).map_err(unread)?.map(|output| output.status);
        if ended.is_none() {
            end(&self.handle, Ends::Group);
        }
        let code = ended.and_then(|status| status.signal().map_or(status.code(), |_| None));
        Ok(Captured {
            code,
            stdout: std::mem::take(&mut self.rest),
            stderr: content(&self.stderr).map_err(unread)?,
        })
    }

    /// Says that nothing more will come.
    pub fn hang_up(&mut self) {
        self.words = None;
    }

    /// Whether it has ended.
    pub fn is_over(&self) -> bool {
        !matches!(self.handle.try_wait(), Ok(None))
    }

    /// Waits for its end, at most this long. Whether it has ended.
    pub fn is_over_within(&self, within: Duration) -> bool {
        !matches!(self.handle.wait_timeout(within), Ok(None))
    }

    /// Ends it, and whatever it started.
    pub fn end(&self) {
        if !self.is_over() {
            end(&self.handle, Ends::Group);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::process::base_environment;

    fn begin(script: &str) -> Conversation {
        let argv = ["sh", "-c", script].map(str::to_owned);
        Conversation::begin(&argv, Path::new("/"), &base_environment(&[])).unwrap()
    }

    fn number(line: &[u8]) -> Option<u32> {
        std::str::from_utf8(line).ok()?.trim().parse().ok()
    }

    const LONG: Duration = Duration::from_secs(20);

    #[test]
    fn it_is_asked_again_and_again_and_ends_when_nothing_more_comes() {
        let mut one = begin("echo welcome; while read -r word; do echo \"$word\"; done; exit 3");
        for asked in [1, 22, 333] {
            let said = one.ask(format!("{asked}\n").as_bytes(), LONG, &number).unwrap();
            assert!(matches!(said, Said::Line(heard) if heard == asked), "{said:?}");
        }
        assert!(!one.is_over());
        one.hang_up();
        assert!(one.is_over_within(LONG) && one.is_over());
        let Said::Ended(ended) = one.ask(b"4\n", LONG, &number).unwrap() else { panic!("it is over") };
        assert_eq!(ended.code, Some(3));
    }

    #[test]
    fn one_that_ends_instead_says_why() {
        let mut one = begin("read -r word; printf half; echo no >&2; exit 255");
        let Said::Ended(ended) = one.ask(b"1\n", LONG, &number).unwrap() else { panic!("it has no answer") };
        let wanted = Captured { code: Some(255), stdout: b"half".to_vec(), stderr: b"no\n".to_vec() };
        assert_eq!(ended, wanted);
    }

    #[test]
    fn one_that_is_silent_or_says_too_much_is_ended() {
        let mut silent = begin("sleep 1000 & exec sleep 1000");
        let error = silent.ask(b"1\n", Duration::from_millis(50), &number).unwrap_err();
        assert!(matches!(error, ProcessError::TimedOut { .. }) && silent.is_over());
        let mut loud = begin("exec yes");
        let error = loud.ask(b"1\n", LONG, &number).unwrap_err();
        assert!(matches!(error, ProcessError::TooLong { .. }) && loud.is_over());
    }
}
