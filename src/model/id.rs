//! Names that come from outside, each with one constructor that refuses what could become a path, a flag or a log line.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why a name was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum IdError {
    /// Not a ticket id.
    #[error("`{given}` is not a ticket id: {why}")]
    Ticket {
        /// What was typed, escaped for display.
        given: String,
        /// The rule it broke.
        why: &'static str,
    },
    /// An attempt where a ticket is wanted.
    #[error("`{given}` is not a ticket id: it names an attempt, and its ticket is `{ticket}`")]
    TicketOfAttempt {
        /// What was typed.
        given: String,
        /// The ticket that it is of.
        ticket: String,
    },
    /// Not an attempt id.
    #[error("`{given}` is not an attempt id: write `<ticket>@<n>`, for example `1234@1`")]
    Attempt {
        /// What was typed, escaped for display.
        given: String,
    },
    /// Not a service name.
    #[error("`{given}` is not a service name: {why}")]
    Service {
        /// What was written, escaped for display.
        given: String,
        /// The rule it broke.
        why: &'static str,
    },
    /// Not a git object id.
    #[error("`{given}` is not a git object id: 40 or 64 lower-case hexadecimal digits are wanted")]
    Oid {
        /// What was given, escaped for display.
        given: String,
    },
    /// Not the name of something that recovery keeps.
    #[error("`{given}` is not {what}")]
    Record {
        /// What was given, escaped for display.
        given: String,
        /// What was wanted, with its form.
        what: &'static str,
    },
    /// A release where one of its evidence bundles was wanted.
    #[error("`{given}` names no bundle of evidence: `holdpoint evidence list {given}` shows its bundles")]
    Bundle {
        /// What was given: a release, or `host`.
        given: String,
    },
    /// Not a git branch name that is safe to hand to git.
    #[error("`{given}` is not a branch name: {why}")]
    Branch {
        /// What was given, escaped for display.
        given: String,
        /// The rule it broke.
        why: &'static str,
    },
}

pub(super) fn shown(given: &str) -> String {
    given.chars().take(80).flat_map(char::escape_debug).collect()
}

macro_rules! text_id {
    ($name:ident) => {
        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }
    };
}

pub(super) use text_id;

/// A unit of change, as the ticket system names it: `1234`, `OPS-17`.
///
/// `[A-Za-z0-9][A-Za-z0-9._-]{0,63}`, no `..`, and none of the endings our own files use (`.env`, `.log`, `.lock`,
/// `.tmp`, `.prev`) at the end or before a further dot, because the id names files (design/01).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct TicketId(String);
text_id!(TicketId);

const TICKET_ENDINGS: [&str; 5] = ["env", "log", "lock", "tmp", "prev"];

impl FromStr for TicketId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let refuse = |why| Err(IdError::Ticket { given: shown(text), why });
        // Screens name attempts: whoever copies one is told which part is wanted.
        if text.contains('@')
            && let Ok(attempt) = text.parse::<AttemptId>()
        {
            let ticket = attempt.ticket.to_string();
            return Err(IdError::TicketOfAttempt { given: shown(text), ticket });
        }
        let mut chars = text.chars();
        match chars.next() {
            None => return refuse("it is empty"),
            Some(c) if !c.is_ascii_alphanumeric() => return refuse("it must begin with a letter or a digit"),
            Some(_) => {}
        }
        if text.len() > 64 {
            return refuse("it is longer than 64 characters");
        }
        if !text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-')) {
            return refuse("only letters, digits, `.`, `_` and `-` may stand in it");
        }
        if text.contains("..") {
            return refuse("`..` may not stand in it");
        }
        if text.split('.').skip(1).any(|ending| TICKET_ENDINGS.contains(&ending)) {
            return refuse("it has an ending that our own files use (.env .log .lock .tmp .prev)");
        }
        Ok(Self(text.to_owned()))
    }
}

impl TicketId {
    /// The reserved ticket under which `adopt` records what already runs.
    pub fn baseline() -> Self {
        Self("baseline".to_owned())
    }

    /// The reserved ticket of records that belong to no ticket (`audit.log`).
    pub fn audit() -> Self {
        Self("audit".to_owned())
    }

    /// Whether this is [`TicketId::audit`].
    pub fn is_audit(&self) -> bool {
        self.0 == "audit"
    }

    /// Whether the name is ours and no release may be run under it (`baseline`, `audit`).
    pub fn is_reserved(&self) -> bool {
        matches!(self.0.as_str(), "baseline" | "audit")
    }
}

/// One go at a release: `<ticket>@<n>`, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct AttemptId {
    /// The ticket.
    pub ticket: TicketId,
    /// Which go, from 1.
    pub number: u32,
}

impl fmt::Display for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.ticket, self.number)
    }
}

impl FromStr for AttemptId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let refuse = || IdError::Attempt { given: shown(text) };
        let (ticket, number) = text.split_once('@').ok_or_else(refuse)?;
        let plain = number.bytes().all(|b| b.is_ascii_digit()) && !number.starts_with('0');
        let number = number.parse().ok().filter(|_| plain).ok_or_else(refuse)?;
        Ok(Self { ticket: ticket.parse()?, number })
    }
}

impl TryFrom<String> for AttemptId {
    type Error = IdError;
    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<AttemptId> for String {
    fn from(id: AttemptId) -> String {
        id.to_string()
    }
}

/// What a person typed where either a ticket or one of its attempts is meant; a bare ticket means its newest attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseRef {
    /// The ticket.
    pub ticket: TicketId,
    /// The attempt, where one was named.
    pub attempt: Option<u32>,
}

impl fmt::Display for ReleaseRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.attempt {
            Some(number) => write!(f, "{}@{number}", self.ticket),
            None => write!(f, "{}", self.ticket),
        }
    }
}

impl FromStr for ReleaseRef {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        if text.contains('@') {
            let id: AttemptId = text.parse()?;
            return Ok(Self { ticket: id.ticket, attempt: Some(id.number) });
        }
        Ok(Self { ticket: text.parse()?, attempt: None })
    }
}

/// A service of this host, as the configuration names it. It stands before the dot in step names (`wikijs.recreate`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct ServiceName(String);
text_id!(ServiceName);

const RESERVED_SERVICES: [&str; 10] =
    ["git", "backup", "verify", "snapshot", "revert", "restore", "safety", "ticket", "surface", "host"];

impl FromStr for ServiceName {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let refuse = |why| Err(IdError::Service { given: shown(text), why });
        if !text.chars().next().is_some_and(|c| c.is_ascii_alphanumeric()) {
            return refuse("it must begin with a letter or a digit");
        }
        if text.len() > 63 {
            return refuse("it is longer than 63 characters");
        }
        if !text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')) {
            return refuse("only letters, digits, `_` and `-` may stand in it");
        }
        if RESERVED_SERVICES.contains(&text) {
            return refuse("that word begins the names of built-in steps");
        }
        Ok(Self(text.to_owned()))
    }
}

/// A full git object id, lower-case hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct Oid(String);
text_id!(Oid);

impl FromStr for Oid {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let hex = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if hex && matches!(text.len(), 40 | 64) {
            return Ok(Self(text.to_owned()));
        }
        Err(IdError::Oid { given: shown(text) })
    }
}

impl Oid {
    /// The first twelve digits, enough for a person.
    pub fn short(&self) -> &str {
        &self.0[..12]
    }
}

/// A branch name that can be handed to git without becoming a flag, a range or a refspec.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct BranchName(String);
text_id!(BranchName);

impl FromStr for BranchName {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let refuse = |why| Err(IdError::Branch { given: shown(text), why });
        if text.is_empty() || text.len() > 200 {
            return refuse("it must have 1 to 200 characters");
        }
        if text.starts_with('-') {
            return refuse("it may not begin with `-`");
        }
        let bad = |c: char| c.is_control() || c == ' ' || "~^:?*[\\".contains(c) || !c.is_ascii();
        if text.chars().any(bad) {
            return refuse("spaces, control characters and `~ ^ : ? * [ \\` may not stand in it");
        }
        let component = |part: &str| {
            part.is_empty() || part.starts_with('.') || part.len() > 4 && part[part.len() - 5..] == *".lock"
        };
        if text.contains("..") || text.contains("@{") || text == "@" || text.ends_with('.') {
            return refuse("`..`, `@{`, a lone `@` and a final `.` have a meaning of their own in git");
        }
        // Git lets them stand; the commands that a refusal prints are to be typed into a shell.
        if text.chars().any(|c| "$`;|&<>(){}'\"!".contains(c)) || text.starts_with(['+', '#', '=']) {
            return refuse(
                "characters that mean something to a shell may not stand in it: $ ` ; | & < > ( ) { } ' \" !",
            );
        }
        if text.split('/').any(component) {
            return refuse("no part between slashes may be empty, begin with `.` or end in `.lock`");
        }
        Ok(Self(text.to_owned()))
    }
}

/// The name of the smallest recorded unit: `backup.redmine.1`, `git.merge`, `wikijs.recreate`, `1234-fix.sh`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct StepName(String);

impl StepName {
    /// Joins parts with dots; characters that could not stand bare in the audit log become `_`.
    pub fn new<'a>(parts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut name = String::new();
        for part in parts {
            if !name.is_empty() {
                name.push('.');
            }
            name.extend(
                part.chars()
                    .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '_' }),
            );
        }
        Self(name)
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StepName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The folder name of a backup set: the UTC second it began, `YYYYMMDD_HHMMSS`, with `-2`… when one second holds several.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct BackupStamp(String);
text_id!(BackupStamp);

impl FromStr for BackupStamp {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let (stamp, more) = text.split_once('-').map_or((text, None), |(a, b)| (a, Some(b)));
        let shape: String = stamp.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
        let counted =
            more.is_none_or(|m| !m.is_empty() && m.len() < 6 && m.bytes().all(|b| b.is_ascii_digit()));
        if shape == "99999999_999999" && counted {
            return Ok(Self(text.to_owned()));
        }
        Err(IdError::Record {
            given: shown(text),
            what: "a backup set: it is named YYYYMMDD_HHMMSS, as `holdpoint backup list` shows it",
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ticket_ids_that_would_name_our_own_files_are_refused() {
        for bad in
            ["", "-x", ".x", "a/b", "a b", "a..b", "1234.env", "1234.log.2", "x.tmp", "é", "a\nb", "1@2"]
        {
            assert!(bad.parse::<TicketId>().is_err(), "{bad:?}");
        }
        assert!("a".repeat(65).parse::<TicketId>().is_err());
        for good in ["1234", "OPS-17", "a.b", "1234.environment", "x_y", "hotfix-1240.1"] {
            assert!(good.parse::<TicketId>().is_ok(), "{good:?}");
        }
    }

    #[test]
    fn attempts_have_one_spelling() {
        assert_eq!("1234@2".parse::<AttemptId>().map(|a| a.to_string()), Ok("1234@2".to_owned()));
        for bad in ["1234", "1234@", "1234@0", "1234@01", "1234@+1", "1234@x", "@1", "1@2@3"] {
            assert!(bad.parse::<AttemptId>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn branches_cannot_become_flags_ranges_or_refspecs() {
        for bad in [
            "", "-f", "a..b", "a:b", "a b", "x.lock", "a/.b", "a//b", "@", "a@{1}", "a\n", "a.", "$(id)",
            "a;id", "+a", "a'b",
        ] {
            assert!(bad.parse::<BranchName>().is_err(), "{bad:?}");
        }
        assert!("hotfix/1240".parse::<BranchName>().is_ok());
    }

    /// Texts near the border of what may be a name.
    fn near() -> impl Strategy<Value = String> {
        let pieces = prop::sample::select(vec![
            "a",
            "Z",
            "7",
            ".",
            "..",
            "-",
            "_",
            "/",
            "@",
            "1234",
            "@1",
            "@0",
            ".env",
            ".log",
            ".lock",
            ".tmp",
            ".prev",
            "~",
            "^",
            ":",
            "\\",
            " ",
            "\n",
            "\u{1b}",
            "\u{202e}",
            "é",
            "\0",
            "HEAD",
            "@{",
            "*",
            "[",
            "refs/",
            "--",
            "20260518_153012",
            "audit",
            "baseline",
            "0123456789abcdef0123456789abcdef01234567",
        ]);
        prop_oneof![prop::collection::vec(pieces, 0..6).prop_map(|pieces| pieces.concat()), ".{0,80}"]
    }

    /// Nothing in a name leads out of a folder, is taken for a flag, or reaches a terminal raw.
    fn is_harmless(name: &str) -> bool {
        !name.is_empty()
            && !name.starts_with(['-', '.', '/'])
            && !name.contains("..")
            && !name.chars().any(|c| c.is_whitespace() || crate::model::escape::is_unsafe(c))
    }

    parser! {
        "ids and names";

        #[test]
        fn what_is_a_name_is_harmless_and_has_one_spelling(text in near()) {
            if let Ok(ticket) = text.parse::<TicketId>() {
                prop_assert_eq!(ticket.as_str(), &text);
                let ours = [".env", ".log", ".lock", ".tmp", ".prev"];
                prop_assert!(is_harmless(&text) && !text.contains('/') && text.len() <= 64);
                let is_ours = |end: &str| text.ends_with(end) || text.contains(&format!("{end}."));
                prop_assert!(!ours.iter().any(|end| is_ours(end)));
            }
            if let Ok(attempt) = text.parse::<AttemptId>() {
                prop_assert_eq!(attempt.to_string(), text.clone());
            }
            if let Ok(service) = text.parse::<ServiceName>() {
                prop_assert_eq!(service.as_str(), &text);
                prop_assert!(is_harmless(&text) && !text.contains('/'));
            }
            if let Ok(branch) = text.parse::<BranchName>() {
                prop_assert_eq!(branch.as_str(), &text);
                prop_assert!(is_harmless(&text) && !text.contains(['~', '^', ':', '?', '*', '[', '\\', '@']) || text.contains('@'));
                let reflog = "@{";
                prop_assert!(!text.contains(reflog));
            }
            if let Ok(oid) = text.parse::<Oid>() {
                prop_assert_eq!(oid.as_str(), &text);
                prop_assert!(text.len() == 40 || text.len() == 64);
            }
            if let Ok(stamp) = text.parse::<BackupStamp>() {
                prop_assert_eq!(stamp.to_string(), text.clone());
                prop_assert!(is_harmless(&text) && !text.contains('/'));
            }
            let _ = text.parse::<ReleaseRef>();
            prop_assert!(StepName::new([text.as_str()]).as_str().chars().all(|c| !crate::model::escape::is_unsafe(c)));
        }
    }
}
