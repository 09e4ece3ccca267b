//! How a verb ends: one vocabulary for exit status, JSON and text.

use schemars::JsonSchema;
use serde::Serialize;

/// The word behind every exit status (design/01). The same numbers stand in the log's `rc=` of a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Ending {
    /// Did what was asked.
    Ok,
    /// A step failed; halted and resumable.
    Failed,
    /// The command line or a configuration file is wrong.
    Usage,
    /// Another run holds this host.
    Locked,
    /// A gate said no.
    Refused,
    /// Nothing to release.
    Nothing,
    /// A `--check` found a difference.
    Differs,
    /// A revert or a restore failed; a person must act.
    Stuck,
    /// A step's outcome is unknown.
    Undecided,
    /// State or audit log fails its own checks.
    Damaged,
    /// Waiting at a hold point.
    Held,
    /// A defect of ours.
    Internal,
    /// Stopped by INT.
    Interrupted,
    /// Stopped by TERM.
    Terminated,
}

impl Ending {
    /// Every ending, in the order of the manual.
    pub const ALL: [Ending; 14] = [
        Ending::Ok,
        Ending::Failed,
        Ending::Usage,
        Ending::Locked,
        Ending::Refused,
        Ending::Nothing,
        Ending::Differs,
        Ending::Stuck,
        Ending::Undecided,
        Ending::Damaged,
        Ending::Held,
        Ending::Internal,
        Ending::Interrupted,
        Ending::Terminated,
    ];
}

impl Ending {
    /// The exit status.
    pub const fn status(self) -> u8 {
        match self {
            Ending::Ok => 0,
            Ending::Failed => 1,
            Ending::Usage => 2,
            Ending::Locked => 3,
            Ending::Refused => 4,
            Ending::Nothing => 5,
            Ending::Differs => 6,
            Ending::Stuck => 7,
            Ending::Undecided => 8,
            Ending::Damaged => 9,
            Ending::Held => 10,
            Ending::Internal => 70,
            Ending::Interrupted => 130,
            Ending::Terminated => 143,
        }
    }
}
