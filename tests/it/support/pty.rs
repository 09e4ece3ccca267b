//! A person at a real terminal: the program's three streams and its controlling terminal are one pseudo-terminal.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::process::Child;

use rustix::fs::OFlags;
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use super::host::Host;
use super::output::{Output, typed};
use super::{binary, wait_until};

/// A program at a terminal. Dropped: killed.
#[derive(Debug)]
pub(crate) struct AtTerminal {
    command: String,
    child: Child,
    /// Our end of the line; none: hung up.
    line: Option<File>,
    screen: String,
}

impl Host {
    /// Starts the program at a terminal of its own, in the production checkout.
    pub(crate) fn at_terminal<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> AtTerminal {
        self.at_terminal_later(0, arguments)
    }

    /// The same as if it were that many seconds later, or earlier.
    pub(crate) fn at_terminal_later<A: AsRef<OsStr>>(
        &self,
        seconds: i64,
        arguments: impl IntoIterator<Item = A>,
    ) -> AtTerminal {
        let line = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&line).unwrap();
        unlockpt(&line).unwrap();
        let name = ptsname(&line, Vec::new()).unwrap().into_string().unwrap();
        // What nobody reads yet must not hold us up, see `read`.
        rustix::fs::fcntl_setfl(&line, OFlags::NONBLOCK).unwrap();
        // It becomes the terminal's session leader in its own process: whoever hangs up, or presses Ctrl-C, reaches it.
        let mut command = self.command("setsid", &self.prod());
        command.args(["--ctty", binary()]).args(arguments).env("TERM", "dumb");
        if seconds != 0 {
            super::clock::shift(&mut command, seconds);
        }
        let theirs = File::options().read(true).write(true).open(name).unwrap();
        command.stdin(theirs.try_clone().unwrap()).stdout(theirs.try_clone().unwrap()).stderr(theirs);
        let shown = typed(&command);
        let child = command.spawn().unwrap();
        AtTerminal { command: shown, child, line: Some(line.into()), screen: String::new() }
    }
}

impl AtTerminal {
    /// Waits until this stands on the screen.
    #[track_caller]
    pub(crate) fn sees(&mut self, text: &str) {
        wait_until(&format!("the screen shows {text}"), || {
            self.read();
            let over = self.child.try_wait().unwrap().is_some();
            self.read();
            assert!(!over || self.screen.contains(text), "never shows: {text}\n{}", self.screen);
            self.screen.contains(text)
        });
    }

    /// What stands on the screen by now.
    pub(crate) fn screen(&mut self) -> &str {
        self.read();
        &self.screen
    }

    /// Presses these keys: `\n` is Enter, `\u{3}` Ctrl-C, `\u{4}` Ctrl-D.
    pub(crate) fn presses(&mut self, keys: &str) {
        self.line.as_mut().unwrap().write_all(keys.as_bytes()).unwrap();
    }

    /// The line goes dead, as a dropped SSH session does: HUP for the program, end of input, and nobody reads any more.
    pub(crate) fn hangs_up(&mut self) {
        self.read();
        self.line = None;
    }

    /// Sends it a signal while the terminal stays.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for its end; what stood on the screen counts as its standard output.
    #[track_caller]
    pub(crate) fn ends(mut self) -> Output {
        wait_until(&format!("{} ends", self.command), || {
            self.read();
            self.child.try_wait().unwrap().is_some()
        });
        self.read();
        let status = self.child.wait().unwrap();
        Output {
            command: self.command.clone(),
            code: status.code(),
            stdout: self.screen.clone(),
            stderr: String::new(),
            scene: String::new(),
        }
    }

    /// Takes over what the program wrote since the last time.
    fn read(&mut self) {
        let Some(line) = &mut self.line else { return };
        let mut bytes = Vec::new();
        match line.read_to_end(&mut bytes) {
            // An error of the line is its end: the program has closed it.
            Ok(_) => {}
            Err(error) => assert!(
                error.kind() == ErrorKind::WouldBlock || error.raw_os_error() == Some(5),
                "{}: {error}",
                self.command
            ),
        }
        self.screen.push_str(&String::from_utf8_lossy(&bytes).replace("\r\n", "\n"));
    }
}

impl Drop for AtTerminal {
    fn drop(&mut self) {
        // Already ended, or about to be: neither is of interest to a test that is over.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
