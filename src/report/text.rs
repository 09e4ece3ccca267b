//! How single words look: colours, times, sizes, durations, argument lists.

use crate::model::quantity::counted;
use std::fmt::{self, Write as _};

use chrono::{DateTime, Datelike, Timelike, Utc};

use crate::model::escape::neutralise;
use crate::model::quantity::ByteSize;

/// A word's colour. Meaning never hangs on it alone: there is always a sign or a word as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    /// Went well.
    Good,
    /// Failed, or stands against it.
    Bad,
    /// Worth a look.
    Warn,
    /// A heading.
    Strong,
    /// Secondary.
    Faint,
    /// Something to type.
    Command,
}

impl Ink {
    const fn code(self) -> &'static str {
        match self {
            Ink::Good => "32",
            Ink::Bad => "31",
            Ink::Warn => "33",
            Ink::Strong => "1",
            Ink::Faint => "2",
            Ink::Command => "36",
        }
    }

    /// The text in this colour.
    pub fn paint(self, text: &str) -> String {
        let mut out = String::new();
        self.paint_onto(&mut out, text);
        out
    }

    /// Appends the text in this colour.
    pub fn paint_onto(self, out: &mut String, text: &str) {
        if !text.is_empty() {
            for part in ["\u{1b}[", self.code(), "m", text, "\u{1b}[0m"] {
                out.push_str(part);
            }
        }
    }
}

/// Appends formatted text to what is being rendered.
pub trait Add {
    /// `out.add(format_args!("{x}\n"))`.
    fn add(&mut self, text: fmt::Arguments<'_>);
}

impl Add for String {
    fn add(&mut self, text: fmt::Arguments<'_>) {
        // Writing to a string cannot fail: the result says so only for other kinds of writers.
        let _ = self.write_fmt(text);
    }
}

/// Text from outside, on one line: nothing in it can move a cursor, hide or reorder.
pub fn clean(text: &str) -> String {
    neutralise(text, false)
}

/// Text from outside, line by line; tabs stay.
pub fn clean_lines(text: &str) -> impl Iterator<Item = String> {
    text.lines().map(|line| neutralise(line, true))
}

/// A duration as a person reads it: `12ms`, `1.2s`, `2m05s`, `3h07m`, `4d02h`.
pub fn duration(ms: u64) -> String {
    let seconds = ms / 1_000;
    match seconds {
        0 => format!("{ms}ms"),
        1..60 => format!("{seconds}.{}s", ms % 1_000 / 100),
        60..3_600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{}h{:02}m", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{}d{:02}h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

/// How long something has been so, coarser than [`duration`]: `8s`, `5m`, `3h`, `2d`.
pub fn age(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// Seconds from an instant until now; 0 when the clock went backwards.
pub fn seconds_since(then: DateTime<Utc>, now: DateTime<Utc>) -> u64 {
    u64::try_from((now - then).num_seconds()).unwrap_or(0)
}

/// A moment, in UTC, to the second: the same clock as in the audit log.
pub fn moment(at: DateTime<Utc>) -> String {
    // A listing does this for every row: any format costs ten times as much.
    let at = at.naive_utc();
    let mut out = String::with_capacity(40);
    match u32::try_from(at.year()) {
        Ok(year) if year < 10_000 => {
            digits(&mut out, year / 100);
            digits(&mut out, year % 100);
        }
        _ => out.add(format_args!("{:04}", at.year())),
    }
    let rest = [('-', at.month()), ('-', at.day()), (' ', at.hour()), (':', at.minute()), (':', at.second())];
    for (before, number) in rest {
        out.push(before);
        digits(&mut out, number);
    }
    out.push('Z');
    out
}

/// Two digits of a number below a hundred.
fn digits(out: &mut String, number: u32) {
    out.extend([number / 10, number % 10].map(|digit| char::from_digit(digit % 10, 10).unwrap_or('0')));
}

/// A time of day, in UTC, to the second.
pub fn clock(at: DateTime<Utc>) -> String {
    at.format("%H:%M:%S").to_string()
}

/// A size as a person reads it.
pub fn size(bytes: u64) -> String {
    ByteSize(bytes).to_string()
}

/// An argument list as a person would type it, quoted where a shell needs it.
pub fn command(argv: &[String]) -> String {
    let joined = shlex::try_join(argv.iter().map(String::as_str));
    clean(&joined.unwrap_or_else(|_| argv.join(" ")))
}

/// `1 commit`, `3 commits`.
pub fn count(number: usize, one: &str) -> String {
    counted(number, one)
}

/// Names side by side, or what to say when there are none.
pub fn names<'a>(items: impl IntoIterator<Item = &'a str>, none: &str) -> String {
    let mut all = String::new();
    for item in items {
        if !all.is_empty() {
            all.push_str(", ");
        }
        all.push_str(&clean(item));
    }
    if all.is_empty() { none.to_owned() } else { all }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_ages_read_at_a_glance() {
        let read = [0, 999, 1_250, 61_000, 3_661_000, 200_000_000].map(duration);
        assert_eq!(read, ["0ms", "999ms", "1.2s", "1m01s", "1h01m", "2d07h"]);
        assert_eq!([5, 65, 7_300, 400_000].map(age), ["5s", "1m", "2h", "4d"]);
    }

    #[test]
    fn a_moment_is_the_audit_logs_own_to_the_second() {
        for (second, shown) in
            [(1_779_118_209, "2026-05-18 15:30:09Z"), (-62_167_219_200, "0000-01-01 00:00:00Z")]
        {
            assert_eq!(moment(DateTime::from_timestamp(second, 0).unwrap()), shown);
        }
        let late = DateTime::from_timestamp(400_000_000_000, 0).unwrap();
        assert!(moment(late).starts_with("14645-"), "{}", moment(late));
    }

    #[test]
    fn argument_lists_show_as_they_would_be_typed() {
        let argv = ["sh", "-c", "echo 'x'; y", "\u{1b}[2J", ""].map(str::to_owned);
        let shown = command(&argv);
        assert!(!shown.contains('\u{1b}'), "{shown}");
        assert!(shown.starts_with("sh -c \"echo 'x'; y\""), "{shown}");
    }
}
