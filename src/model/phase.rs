//! The four phases, and the way back.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A part of a release that ends before the next one may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Looks, takes verified backups, and moves the tree as its very last step.
    Prepare,
    /// Pulls every image, then recreates the touched services in dependency order.
    Migrate,
    /// Runs the ticket's own scripts.
    Ticket,
    /// Proves that what runs is what was meant.
    Verify,
    /// Takes the release back. Never a value of `--from`.
    Revert,
}

impl Phase {
    /// The phases of a run, in order.
    pub const FORWARD: [Phase; 4] = [Phase::Prepare, Phase::Migrate, Phase::Ticket, Phase::Verify];

    /// The word in logs, state files and on the command line.
    pub const fn word(self) -> &'static str {
        match self {
            Phase::Prepare => "prepare",
            Phase::Migrate => "migrate",
            Phase::Ticket => "ticket",
            Phase::Verify => "verify",
            Phase::Revert => "revert",
        }
    }

    /// The forward phases before this one.
    pub fn earlier(self) -> impl Iterator<Item = Phase> {
        Self::FORWARD.into_iter().filter(move |p| *p < self)
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// The word is no phase.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not a phase: prepare, migrate, ticket or verify")]
pub struct UnknownPhase {
    /// What was given.
    pub given: String,
}

impl FromStr for Phase {
    type Err = UnknownPhase;
    fn from_str(text: &str) -> Result<Self, UnknownPhase> {
        match text {
            "prepare" => Ok(Phase::Prepare),
            "migrate" => Ok(Phase::Migrate),
            "ticket" => Ok(Phase::Ticket),
            "verify" => Ok(Phase::Verify),
            "revert" => Ok(Phase::Revert),
            _ => Err(UnknownPhase { given: text.escape_debug().to_string() }),
        }
    }
}
