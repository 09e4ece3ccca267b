//! A second operator's consent to what puts something back (`[recovery] owner_approval`, design/05): who asked for what, and
//! who agreed.

use chrono::{DateTime, Utc};

use super::event::{EventKind, RunEvent};
use super::id::{Oid, TicketId};
use super::projection::{field, leaves_as_it_was};
use super::request::{Anew, RevertRequest, RunRequest};

/// What somebody wants, word for word: consent to one thing is none to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// As it is typed behind `holdpoint`: `revert 1234 --skip-data`.
    pub typed: String,
    /// The commit that it would put there, where it names one.
    pub commit: Option<Oid>,
}

impl Wanted {
    /// By `redeploy` or `rollback`; a retry repeats what was meant anyway.
    pub fn anew(request: &RunRequest) -> Option<Self> {
        // Said by every request of the kind, or by the verb itself.
        const IMPLIED: [&str; 4] = ["--at=", "--no-fetch", "--without-scripts", "--candidate="];
        let anew = request.anew.as_ref().filter(|anew| **anew != Anew::Retry)?;
        let flags = request.audited().into_iter();
        let own: Vec<String> =
            flags.filter(|flag| !IMPLIED.iter().any(|implied| flag.starts_with(implied))).collect();
        let own = own.join(" ").replace("--services=", "--service=");
        // Services are named in the place of a ticket.
        let typed = match (anew, &request.services) {
            (Anew::Redeploy, Some(_)) => format!("redeploy {own}"),
            _ => anew.typed(&request.ticket, &own),
        };
        Some(Self { typed, commit: request.at.clone() })
    }

    /// By `revert`.
    pub fn revert(request: &RevertRequest) -> Self {
        let typed = format!("revert {} {}", request.ticket, request.audited().join(" "));
        Self { typed: typed.trim_end().to_owned(), commit: None }
    }

    /// Its verb.
    pub fn verb(&self) -> &str {
        self.typed.split(' ').next().unwrap_or_default()
    }
}

/// One person's word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// Of what.
    pub wanted: Wanted,
    /// Whose.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// What was asked and agreed to since an attempt stands as it stands. Once anything happened to it, nobody has agreed to
/// anything any more.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Approvals {
    /// Who asked, oldest first.
    pub asked: Vec<Word>,
    /// Who agreed, oldest first.
    pub given: Vec<Word>,
}

impl Approvals {
    /// From a ticket's records.
    pub fn of(events: &[RunEvent]) -> Self {
        let mut found = Self::default();
        for event in events {
            match event.event {
                EventKind::ApprovalAsked => found.asked.extend(word(event)),
                EventKind::ApprovalGiven => found.given.extend(word(event)),
                ref kind if leaves_as_it_was(kind) => {}
                _ => found = Self::default(),
            }
        }
        found
    }

    /// Who agreed to this, other than those who asked for it.
    pub fn standing(&self, wanted: &Wanted) -> Option<&Word> {
        let by_another = |given: &Word| {
            self.asked.iter().any(|asked| asked.wanted == given.wanted && asked.by != given.by)
        };
        self.given.iter().rfind(|given| given.wanted == *wanted && by_another(given))
    }

    /// What is asked for and nobody agreed to yet, oldest first.
    pub fn open(&self) -> impl Iterator<Item = &Word> {
        self.asked.iter().filter(|asked| self.standing(&asked.wanted).is_none())
    }
}

fn word(event: &RunEvent) -> Option<Word> {
    let typed = event.details.get(field::WANTED)?.clone();
    let commit = event.details.get(field::COMMIT).and_then(|oid| oid.parse().ok());
    Some(Word { wanted: Wanted { typed, commit }, by: event.operator.clone(), at: event.at })
}

/// What a person who approves would pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Approving<'a> {
    /// The ticket.
    pub ticket: &'a TicketId,
    /// `--for`: the verb that waits.
    pub verb: Option<&'a str>,
    /// Who approves.
    pub operator: &'a str,
    /// Whether a hold point waits, too.
    pub is_held: bool,
}
