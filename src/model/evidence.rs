//! What was seen of a failure and kept: the names of evidence bundles.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::id::{AttemptId, IdError, ReleaseRef, TicketId, shown, text_id};

/// The folder name of an evidence bundle: the UTC second it was captured, `YYYYMMDD_HHMMSS`, with `-2`… when one second
/// holds several.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EvidenceId(String);
text_id!(EvidenceId);

impl EvidenceId {
    /// Order of capture: by second, then by count.
    pub fn place(&self) -> (&str, u32) {
        let (second, count) = self.0.split_once('-').unwrap_or((&self.0, "1"));
        (second, count.parse().unwrap_or(1))
    }
}

impl FromStr for EvidenceId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let (second, more) = text.split_once('-').map_or((text, None), |(a, b)| (a, Some(b)));
        let shape: String = second.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
        let is_count = |m: &str| m.parse::<u32>().is_ok_and(|n| n > 1 && n.to_string() == m);
        if shape == "99999999_999999" && more.is_none_or(is_count) {
            return Ok(Self(text.to_owned()));
        }
        Err(IdError::Record {
            given: shown(text),
            what: "an evidence id: write it as `evidence list` shows it",
        })
    }
}

/// Where a bundle belongs, as a person types it: `host`, a ticket (its newest attempt), or an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EvidenceOf {
    /// The host as a whole.
    Host,
    /// A release.
    Release(ReleaseRef),
}

impl FromStr for EvidenceOf {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        if text == "host" { Ok(Self::Host) } else { text.parse().map(Self::Release) }
    }
}

/// One bundle, as a person types it: `1234@1/20260518_153012`, or `host/20260518_153012`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvidenceRef {
    /// Where it belongs.
    pub of: EvidenceOf,
    /// Which one.
    pub id: EvidenceId,
}

impl FromStr for EvidenceRef {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let (of, id) = text.rsplit_once('/').ok_or_else(|| IdError::Record {
            given: shown(text),
            what: "an evidence bundle: write `<ticket>@<n>/<id>` or `host/<id>`, as `evidence list` shows it",
        })?;
        Ok(Self { of: of.parse()?, id: id.parse()? })
    }
}

/// The attempt under which evidence of the host as a whole is kept.
pub fn host_attempt() -> AttemptId {
    AttemptId { ticket: TicketId::audit(), number: 1 }
}

/// A bundle's name for a person.
pub fn shown_as(attempt: &AttemptId, id: &EvidenceId) -> String {
    if attempt.ticket.is_audit() { format!("host/{id}") } else { format!("{attempt}/{id}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_has_one_spelling_and_leads_nowhere_else() {
        for bad in [
            "",
            "1234@1",
            "1234@1/",
            "/20260518_153012",
            "1234@1/../x",
            "../20260518_153012",
            "host/20260518_153012-1",
            "host/20260518_153012-02",
            "1234@1/2026",
            "1234@0/20260518_153012",
        ] {
            assert!(bad.parse::<EvidenceRef>().is_err(), "{bad:?}");
        }
        for good in ["1234@1/20260518_153012", "1234/20260518_153012-2", "host/20260518_153012"] {
            assert!(good.parse::<EvidenceRef>().is_ok(), "{good:?}");
        }
    }

    #[test]
    fn bundles_of_one_second_stand_in_the_order_they_were_captured_in() {
        let mut ids: Vec<EvidenceId> = ["20260518_153012-10", "20260518_153012-2", "20260518_153012"]
            .map(|id| id.parse().unwrap())
            .to_vec();
        ids.sort_by(|a, b| a.place().cmp(&b.place()));
        let names: Vec<&str> = ids.iter().map(EvidenceId::as_str).collect();
        assert_eq!(names, ["20260518_153012", "20260518_153012-2", "20260518_153012-10"]);
    }
}
