//! Why there is no plan.

use crate::model::reason::Blocker;

/// Why a verb has no plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Gates say no: all of them, in the order of design/04.
    Blocked {
        /// Each with its fact and its ways out.
        blockers: Vec<Blocker>,
        /// What else the person should know.
        notes: Vec<String>,
    },
    /// There is nothing to do, and that is well (`already reverted`, `nothing was changed`): exit 0.
    Nothing {
        /// What is the case, in a sentence.
        fact: String,
    },
}

impl Refusal {
    /// A refusal for one reason.
    pub(super) fn because(blocker: Blocker) -> Self {
        Self::Blocked { blockers: vec![blocker], notes: Vec::new() }
    }
}
