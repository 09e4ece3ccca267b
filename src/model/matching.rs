//! A failure held against playbooks: how it looked, which fit and why, and what their detection commands answered.

use schemars::JsonSchema;
use serde::Serialize;

use super::id::{ServiceName, StepName, TicketId};
use super::phase::Phase;
use super::playbook::Playbook;
use super::view::NextCommand;

/// How a failure looked. What is not known stays open and neither speaks for a playbook nor against it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Symptom {
    /// Phase it failed in.
    pub phase: Option<Phase>,
    /// Step that failed.
    pub step: Option<StepName>,
    /// Exit status.
    pub rc: Option<i32>,
    /// The program that failed, with its arguments as a person would type them.
    pub tool: Option<String>,
    /// What our own records say of it: summary, causes, reason codes.
    pub told: Vec<String>,
    /// What the program or the container printed, in order.
    pub said: Vec<String>,
}

/// How well a playbook fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Strength {
    /// Worth reading.
    Possible,
    /// Its error is there and nothing known speaks against it.
    Strong,
}

impl Strength {
    /// The words on screen.
    pub const fn words(self) -> &'static str {
        match self {
            Strength::Possible => "possible match",
            Strength::Strong => "strong match",
        }
    }
}

/// A playbook that fits a failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlaybookMatch {
    /// Its id.
    pub id: String,
    /// How well it fits.
    pub strength: Strength,
    /// 0–100; strong ones have 60 or more.
    pub score: u8,
    /// Lines in which its error was found, in order.
    pub lines: Vec<String>,
    /// What speaks for it and against it: `phase migrate`, `not rc 1`.
    pub weighed: Vec<String>,
    /// Its first remedy, in one line.
    pub headline: String,
}

impl PlaybookMatch {
    /// `release-verify-race (strong match): re-run just verify`
    pub fn line(&self) -> String {
        let words = self.strength.words();
        if self.headline.is_empty() {
            format!("{} ({words})", self.id)
        } else {
            format!("{} ({words}): {}", self.id, self.headline)
        }
    }
}

/// `playbook match`: what fits, the best first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MatchView {
    /// Ticket whose failure it is; none for text that was handed in.
    pub ticket: Option<TicketId>,
    /// Phase it failed in.
    pub phase: Option<Phase>,
    /// Step that failed.
    pub step: Option<StepName>,
    /// Exit status.
    pub rc: Option<i32>,
    /// The program that failed.
    pub tool: Option<String>,
    /// Playbooks that fit, the best first; at most one is strong for each step that failed.
    pub matches: Vec<PlaybookMatch>,
    /// Playbook files that could not be read, and what else should be known.
    pub notes: Vec<String>,
    /// Commands that make sense now.
    pub next: Vec<NextCommand>,
}

/// Whether a command's answer is the one that a playbook expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It is.
    Confirmed,
    /// It is not.
    NotConfirmed,
    /// It cannot be judged by a program: the answer has to be read.
    NeedsAnEye,
}

impl Verdict {
    /// The words on screen.
    pub const fn words(self) -> &'static str {
        match self {
            Verdict::Confirmed => "confirmed",
            Verdict::NotConfirmed => "not confirmed",
            Verdict::NeedsAnEye => "needs an eye",
        }
    }
}

/// One detection command and its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DetectionRow {
    /// What was run.
    pub command: String,
    /// What the playbook expects.
    pub expect: String,
    /// How its answer compares.
    pub verdict: Verdict,
    /// Its exit status; none where it did not end by itself.
    pub rc: Option<i32>,
    /// What it printed, secrets made unreadable.
    pub output: Vec<String>,
    /// Why it was not run or did not end by itself.
    pub trouble: Option<String>,
}

/// A playbook's detection, run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DetectionView {
    /// Its id.
    pub id: String,
    /// What the commands come to: one that does not fit decides, then one that needs an eye.
    pub verdict: Verdict,
    /// Each command, in order.
    pub commands: Vec<DetectionRow>,
}

/// A playbook's commands, filled in and sorted by who runs them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Remedy {
    /// Id of these commands: what was shown is run, and nothing else.
    pub plan: String,
    /// Run by the engine, each after it was shown and agreed to.
    pub run: Vec<String>,
    /// From the first verb of ours that changes something on: it takes the host, shows its own plan and keeps its own
    /// record, so a person types it.
    pub typed: Vec<String>,
    /// Run after that to see that it helped: they look.
    pub proof: Vec<String>,
}

/// `playbook run`: what its detection answered, and what it would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TriedView {
    /// Its detection, run.
    #[serde(flatten)]
    pub detection: DetectionView,
    /// Its commands; none where they are not run here, or lack a value.
    pub remedy: Option<Remedy>,
}

/// What fills the placeholders of a playbook's commands: values of our own types, so they are plain words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Placeholders {
    /// `{{ticket}}`
    pub ticket: Option<TicketId>,
    /// `{{service}}`
    pub service: Option<ServiceName>,
}

/// Where a playbook comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// It came with the binary.
    Shipped,
    /// It stands in this project, as HEAD has it.
    Committed,
    /// It stands in the working tree and is not in HEAD like this: its commands are not run.
    Uncommitted,
}

impl Origin {
    /// The word on screen.
    pub const fn word(self) -> &'static str {
        match self {
            Origin::Shipped => "shipped",
            Origin::Committed => "committed",
            Origin::Uncommitted => "uncommitted",
        }
    }
}

/// A playbook that is known here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct KnownPlaybook {
    /// Its file.
    pub file: String,
    /// Where it comes from.
    pub origin: Origin,
    /// What it says.
    pub playbook: Playbook,
}

/// Every playbook that is known here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Shelf {
    /// Playbooks, the host's own first; each id once.
    pub playbooks: Vec<KnownPlaybook>,
    /// Files that are no playbooks, and why: one that cannot be read never hides another.
    pub notes: Vec<String>,
}

impl Shelf {
    /// The playbooks alone.
    pub fn plain(&self) -> Vec<Playbook> {
        self.playbooks.iter().map(|known| known.playbook.clone()).collect()
    }
}
