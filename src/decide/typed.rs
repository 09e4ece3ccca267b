//! Commands for a person to type, in the form that exists on this host (design/04).

use crate::model::facts::{Facts, HostFacts};
use crate::model::id::TicketId;

/// Whether `just release-run …` exists here, or only `holdpoint run …`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Typed {
    just: bool,
}

impl Typed {
    pub(super) fn on(facts: &Facts) -> Self {
        Self::at(&facts.host)
    }

    pub(super) fn at(host: &HostFacts) -> Self {
        Self::with(host.just_recipes)
    }

    /// Whether the recipes exist, known from elsewhere.
    pub(super) const fn with(just: bool) -> Self {
        Self { just }
    }

    /// `run TICKET` with flags.
    pub(super) fn run(self, ticket: &TicketId, flags: &str) -> String {
        self.line("release-run", "run", ticket.as_str(), flags)
    }

    /// `revert TICKET` with flags.
    pub(super) fn revert(self, ticket: &TicketId, flags: &str) -> String {
        self.line("release-revert", "revert", ticket.as_str(), flags)
    }

    /// `state TICKET`.
    pub(super) fn state(self, ticket: &TicketId) -> String {
        self.line("release-state", "state", ticket.as_str(), "")
    }

    /// `run`, without a ticket.
    pub(super) fn run_verb(self) -> &'static str {
        if self.just { "just release-run" } else { "holdpoint run" }
    }

    pub(super) fn return_to_main(self) -> String {
        if self.just {
            "just release-return-to-main".to_owned()
        } else {
            "holdpoint return-to-main".to_owned()
        }
    }

    fn line(self, recipe: &str, verb: &str, ticket: &str, flags: &str) -> String {
        let start =
            if self.just { format!("just {recipe} {ticket}") } else { format!("holdpoint {verb} {ticket}") };
        if flags.is_empty() { start } else { format!("{start} {flags}") }
    }
}
