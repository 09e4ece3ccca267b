//! The one sink for everything that is printed, and the one place that asks.
//!
//! Writing to a dead terminal, a closed pipe or a full disk behind standard output never stops a release (design/03):
//! errors of writing are remembered, not raised. A verb that only answers asks afterwards whether its answer arrived.

use std::io::{self, BufRead, IsTerminal, Write};
use std::sync::Mutex;
use std::sync::mpsc;

use anstream::adapter::strip_str;
use anstream::{AutoStream, ColorChoice};

use super::args::{ColorWhen, Global};
use crate::sys::screen;

/// Where a text goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum To {
    /// The answer.
    Out,
    /// Errors, questions, remarks.
    Err,
}

/// What a stream can show.
#[derive(Debug, Clone, Copy)]
struct Shows {
    ansi: bool,
    redraws: bool,
}

/// Standard output and standard error, with what they can show.
#[derive(Debug)]
pub struct Terminal {
    out: Shows,
    err: Shows,
    can_ask: bool,
    lost: Mutex<Option<io::ErrorKind>>,
}

impl Terminal {
    /// Looks at both streams once.
    pub fn new(global: &Global) -> Self {
        Self::with_color(global.color)
    }

    /// Looks at both streams once, with this wish for colour.
    pub fn with_color(color: ColorWhen) -> Self {
        let wish = match color {
            ColorWhen::Auto => ColorChoice::Auto,
            ColorWhen::Always => ColorChoice::AlwaysAnsi,
            ColorWhen::Never => ColorChoice::Never,
        };
        let decide = |auto: ColorChoice| match wish {
            ColorChoice::Auto => auto != ColorChoice::Never,
            other => other != ColorChoice::Never,
        };
        Self {
            out: Shows {
                ansi: decide(AutoStream::choice(&io::stdout())),
                redraws: io::stdout().is_terminal(),
            },
            err: Shows { ansi: decide(AutoStream::choice(&io::stderr())), redraws: false },
            can_ask: io::stdin().is_terminal() && io::stderr().is_terminal(),
            lost: Mutex::new(None),
        }
    }

    /// Whether a person may be asked here.
    pub fn can_ask(&self) -> bool {
        self.can_ask
    }

    /// Whether standard output is a terminal that understands being redrawn.
    pub fn can_redraw(&self) -> bool {
        self.out.redraws && self.out.ansi
    }

    /// Columns of the terminal behind standard output; 80 where there is none.
    pub fn width(&self) -> usize {
        screen::columns().unwrap_or(80)
    }

    /// Writes; an error is remembered for [`Terminal::answer_lost`].
    pub fn write(&self, to: To, text: &str) {
        let ansi = match to {
            To::Out => self.out.ansi,
            To::Err => self.err.ansi,
        };
        let written = if ansi { put(to, text) } else { put(to, &uncoloured(text)) };
        if let (To::Out, Err(error)) = (to, written)
            && let Ok(mut lost) = self.lost.lock()
        {
            lost.get_or_insert(error.kind());
        }
    }

    /// Why standard output no longer takes what is written, where a reader did not simply go away.
    pub fn answer_lost(&self) -> Option<io::ErrorKind> {
        self.lost.lock().ok().and_then(|lost| *lost).filter(|kind| *kind != io::ErrorKind::BrokenPipe)
    }

    /// Whether whoever read standard output went away, or it takes nothing any more.
    pub fn is_gone(&self) -> bool {
        self.lost.lock().is_ok_and(|lost| lost.is_some())
    }

    /// Asks and reads one line, in lower case without blanks; none at the end of input, on a hung-up terminal, or when
    /// `stopped` says so.
    pub fn ask(&self, question: &str, stopped: &dyn Fn() -> bool) -> Option<String> {
        self.write(To::Err, question);
        let (send, answers) = mpsc::channel();
        // The reader has a thread of its own so that a signal can end the wait; it ends with the process.
        let read = move || {
            let mut line = String::new();
            let read = io::stdin().lock().read_line(&mut line);
            let _ = send.send(read.ok().filter(|bytes| *bytes > 0).map(|_| line));
        };
        // Where no thread can be started nobody is asked: that is no answer.
        let _ = std::thread::Builder::new().spawn(read);
        let line = loop {
            match answers.recv_timeout(std::time::Duration::from_millis(50)) {
                Ok(line) => break line,
                Err(mpsc::RecvTimeoutError::Timeout) if !stopped() => {}
                Err(_) => break None,
            }
        };
        if line.is_none() {
            // Nobody ended the question's own line.
            self.write(To::Err, "\n");
        }
        line.map(|line| line.trim().to_lowercase())
    }
}

/// Without the colours of `report`. Whatever else could move a cursor goes the long way through a parser, ten times as slow
/// in a list of a hundred thousand rows.
fn uncoloured(text: &str) -> String {
    let mut pieces = text.split('\u{1b}');
    let mut out = String::with_capacity(text.len());
    out.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let colour = piece.strip_prefix('[').and_then(|code| code.split_once('m'));
        match colour {
            Some((code, rest)) if code.bytes().all(|byte| byte.is_ascii_digit()) => out.push_str(rest),
            _ => return strip_str(text).to_string(),
        }
    }
    let odd = text.bytes().fold(false, |odd, byte| odd | ODD[usize::from(byte)]);
    if odd { strip_str(text).to_string() } else { out }
}

/// Bytes that are not simply shown: control characters but those of lines and of our colours, and the byte with which a few
/// of them begin in UTF-8. A table, for each byte of a long list is looked at.
const ODD: [bool; 256] = {
    let mut odd = [false; 256];
    let mut byte = 0;
    while byte < 0x20 {
        odd[byte] = !matches!(byte, 0x09 | 0x0a | 0x1b);
        byte += 1;
    }
    odd[0x7f] = true;
    odd[0xc2] = true;
    odd
};

fn put(to: To, text: &str) -> io::Result<()> {
    match to {
        To::Out => {
            let mut out = io::stdout().lock();
            out.write_all(text.as_bytes())?;
            out.flush()
        }
        To::Err => io::stderr().lock().write_all(text.as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::text::Ink;

    #[test]
    fn the_short_way_takes_off_what_the_long_way_does() {
        let green = Ink::Good.paint("日本 done");
        let texts = [
            "",
            "plain\n\ttext",
            &green,
            &format!("a {green} b {green}\n"),
            "\u{1b}",
            "\u{1b}[",
            "\u{1b}[2J home",
            "\u{1b}[1;31mred\u{1b}[0m",
            "\u{1b}]0;title\u{7}x",
            "a\rb",
            "\u{9b}2J",
            "\u{7f}",
            "½ \u{1b}[32mwell\u{1b}[0m",
            "\u{1b}[12",
            "m\u{1b}[mx",
        ];
        for text in texts {
            assert_eq!(uncoloured(text), strip_str(text).to_string(), "{text:?}");
        }
    }
}
