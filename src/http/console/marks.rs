//! How single things look in a page: a status with its sign, a moment, a size. Meaning never hangs on colour alone.

use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};

use crate::model::event::EventKind;
use crate::model::matching::{Strength, Verdict};
use crate::model::plan::ServiceChange;
use crate::model::release::{Class, Status};
use crate::report::text;

/// A word with its sign and its colour. Everything in it is ours: a page shows it as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Badge {
    tone: &'static str,
    sign: &'static str,
    word: &'static str,
}

impl Badge {
    pub(super) const fn new(tone: &'static str, sign: &'static str, word: &'static str) -> Self {
        Self { tone, sign, word }
    }

    pub(super) const fn good(word: &'static str) -> Self {
        Self::new("good", "✓", word)
    }

    pub(super) const fn bad(word: &'static str) -> Self {
        Self::new("bad", "✗", word)
    }

    pub(super) const fn warn(word: &'static str) -> Self {
        Self::new("warn", "!", word)
    }

    /// Of a status.
    pub(super) const fn of(status: Status) -> Self {
        let word = status.word();
        match status {
            Status::Succeeded => Self::good(word),
            Status::Failed | Status::Stuck => Self::bad(word),
            Status::Undecided | Status::RevertUndecided => Self::new("bad", "?", word),
            Status::Reverted => Self::new("calm", "↩", word),
            Status::Canceled => Self::new("calm", "■", word),
            Status::Held | Status::Interrupted | Status::RevertInterrupted => Self::new("warn", "‖", word),
            Status::Created
            | Status::Planned
            | Status::Running
            | Status::Cancelling
            | Status::Reverting
            | Status::RevertCancelling => Self::new("live", "●", word),
        }
    }

    /// Of how well a playbook fits.
    pub(super) const fn of_strength(strength: Strength) -> Self {
        match strength {
            Strength::Strong => Self::good("strong match"),
            Strength::Possible => Self::new("calm", "~", "possible match"),
        }
    }

    /// Of how a command's answer compares with what a playbook expects.
    pub(super) const fn of_verdict(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Confirmed => Self::good(verdict.words()),
            Verdict::NotConfirmed => Self::bad(verdict.words()),
            Verdict::NeedsAnEye => Self::new("warn", "?", verdict.words()),
        }
    }

    /// Of what a release does to a service.
    pub(super) const fn of_change(change: ServiceChange) -> Self {
        match change {
            ServiceChange::Added => Self::new("good", "+", "added"),
            ServiceChange::Changed => Self::new("warn", "~", "changed"),
            ServiceChange::Removed => Self::new("bad", "−", "removed"),
        }
    }

    /// Of what became of a phase.
    pub(super) fn of_phase(word: &str, is_live: bool) -> Self {
        match word {
            "done" => Self::good("done"),
            "failed" => Self::bad("failed"),
            "stuck" => Self::bad("stuck"),
            "skipped" => Self::new("calm", "»", "skipped"),
            "skipped-no-script" => Self::new("calm", "»", "no script"),
            "skipped-ran-elsewhere" => Self::new("calm", "»", "ran elsewhere"),
            "start" if is_live => Self::new("live", "●", "running"),
            "start" => Self::warn("stopped"),
            _ => Self::new("none", "·", "not begun"),
        }
    }
}

impl fmt::Display for Badge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tone, sign, word } = self;
        write!(f, "<span class=\"badge {tone}\"><span aria-hidden=\"true\">{sign}</span> {word}</span>")
    }
}

/// A moment: to the second, in UTC, with how long ago that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct When {
    at: DateTime<Utc>,
    now: DateTime<Utc>,
}

impl When {
    pub(super) const fn new(at: DateTime<Utc>, now: DateTime<Utc>) -> Self {
        Self { at, now }
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let machine = self.at.to_rfc3339_opts(SecondsFormat::Secs, true);
        let ago = text::age(text::seconds_since(self.at, self.now));
        let shown = text::moment(self.at);
        write!(f, "<time datetime=\"{machine}\">{shown} <span class=\"ago\">{ago} ago</span></time>")
    }
}

/// Whether somebody has to look: at work, or halted and not given up.
pub(super) fn wants_a_look(status: Status, superseded: bool, closed: bool) -> bool {
    match status.class() {
        Class::Live => true,
        Class::Halted => !superseded && !closed,
        Class::Final => false,
    }
}

/// The colour of a record.
pub(super) const fn tone_of(kind: &EventKind) -> &'static str {
    match kind {
        EventKind::Failed
        | EventKind::StepFailed
        | EventKind::Stuck
        | EventKind::Undecided
        | EventKind::StepUndecided
        | EventKind::Refused => "bad",
        EventKind::Succeeded | EventKind::Reverted => "good",
        EventKind::Interrupted | EventKind::Held | EventKind::CancelRequested | EventKind::Canceled => "warn",
        _ => "",
    }
}

/// The sign of a record, for whoever does not see its colour.
pub(super) const fn sign_of(kind: &EventKind) -> &'static str {
    match kind {
        EventKind::Failed | EventKind::StepFailed | EventKind::Stuck | EventKind::Refused => "✗",
        EventKind::Undecided | EventKind::StepUndecided => "?",
        EventKind::Done | EventKind::StepDone | EventKind::Succeeded | EventKind::Reverted => "✓",
        EventKind::Start | EventKind::StepStart | EventKind::Started | EventKind::Resumed => "▸",
        EventKind::Interrupted | EventKind::Held => "‖",
        _ => "·",
    }
}
