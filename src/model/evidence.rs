//! What was seen of a failure and kept: evidence bundles and their names.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::diagnosis::Boundary;
use super::drift::DriftView;
use super::facts::{DirtyFile, ServiceState};
use super::id::{
    AttemptId, BranchName, IdError, Oid, ReleaseRef, ServiceName, StepName, TicketId, shown, text_id,
};
use super::phase::Phase;
use super::release::Status;
use super::settings::SurfaceKind;
use super::view::{DiffRow, StatusRow};

/// One bundle: what was seen at one moment. Written once, redacted, never changed (design/05).
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    /// `holdpoint.evidence/v1`.
    pub schema_version: String,
    /// The attempt it belongs to; `audit@1`: the host as a whole.
    pub attempt: AttemptId,
    /// When it was captured.
    pub captured_at: DateTime<Utc>,
    /// By whom.
    pub operator: String,
    /// `failure`, `capture` (a person asked), `incident`.
    pub trigger: String,
    /// Host name.
    pub host: String,
    /// What a person says is wrong, or the failure in one line.
    pub symptom: Option<String>,
    /// Where the release stood.
    pub status: Option<Status>,
    /// Phase that it is in or stopped in.
    pub phase: Option<Phase>,
    /// What failed.
    pub failures: Vec<FailureSeen>,
    /// How far it got.
    pub boundary: Option<Boundary>,
    /// Id of the plan.
    pub plan: Option<String>,
    /// HEAD before the release.
    pub base: Option<Oid>,
    /// Commit that it releases.
    pub target: Option<Oid>,
    /// The checkout.
    pub git: GitSeen,
    /// What runs, as `status` shows it.
    pub posture: Vec<StatusRow>,
    /// What runs, container by container.
    pub services: BTreeMap<ServiceName, ServiceState>,
    /// Intended against running.
    pub drift: DriftView,
    /// Health surfaces of the application.
    pub surfaces: Vec<SurfaceSeen>,
    /// Last lines of the services' own logs, or why there are none.
    pub logs: BTreeMap<ServiceName, LogSeen>,
    /// sha256 of each file of the configuration, compose configuration, ticket script and value of the environment.
    pub hashes: BTreeMap<String, String>,
    /// Head of the audit log when it was captured.
    pub log: LogHead,
    /// What could not be seen.
    pub notes: Vec<String>,
}

/// A step that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FailureSeen {
    /// Step.
    pub step: StepName,
    /// One word.
    pub reason: String,
    /// Exit status.
    pub rc: i32,
    /// One sentence.
    pub summary: String,
    /// Each thing that is not as it should be.
    pub causes: Vec<String>,
    /// Last lines that it printed.
    pub output: Vec<String>,
}

/// The checkout.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GitSeen {
    /// HEAD.
    pub head: Option<Oid>,
    /// Checked-out branch.
    pub branch: Option<BranchName>,
    /// Files that are not as committed.
    pub dirty: Vec<DirtyFile>,
}

/// What a surface answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SurfaceSeen {
    /// Its name.
    pub name: String,
    /// What it tells.
    pub kind: SurfaceKind,
    /// What was asked.
    pub url: String,
    /// HTTP status; 0: no answer.
    pub status: u16,
    /// It answered as wanted.
    pub well: bool,
    /// What was different.
    pub detail: String,
}

/// The end of a service's own log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LogSeen {
    /// Its last lines.
    pub lines: Vec<String>,
    /// Why there are none.
    pub trouble: Option<String>,
}

/// The head of an audit log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LogHead {
    /// Number of the last record.
    pub seq: u64,
    /// Its chain value.
    pub chain: String,
}

/// Schema of [`Evidence`].
pub const EVIDENCE_SCHEMA: &str = "holdpoint.evidence/v1";

/// A bundle on the shelf.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EvidenceRow {
    /// Its name, as `evidence compare` takes it.
    pub name: String,
    /// When it was captured.
    pub captured_at: Option<DateTime<Utc>>,
    /// Why: `failure`, `capture`, `incident`.
    pub trigger: String,
    /// What was wrong.
    pub symptom: Option<String>,
    /// Differences that `drift` found then.
    pub differences: usize,
    /// Its folder.
    pub path: String,
    /// Why it supports nothing.
    pub trouble: Option<String>,
}

/// `evidence show`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EvidenceView {
    /// Its name.
    pub name: String,
    /// Its folder.
    pub path: String,
    /// What was seen, as it was kept ([`Evidence`]; one of an older version may have less).
    pub bundle: serde_json::Value,
}

/// `evidence compare`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EvidenceDiff {
    /// The older one.
    pub before: String,
    /// The newer one.
    pub after: String,
    /// What differs.
    pub rows: Vec<DiffRow>,
}

/// The folder name of an evidence bundle: the UTC second it was captured, `YYYYMMDD_HHMMSS`, with `-2`… when one second
/// holds several.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
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
        let (of, id) = text.rsplit_once('/').ok_or_else(|| match text.parse::<EvidenceOf>() {
            Ok(_) => IdError::Bundle { given: shown(text) },
            Err(_) => IdError::Record {
                given: shown(text),
                what: "an evidence bundle: write `<ticket>@<n>/<id>` or `host/<id>`, as `evidence list` shows it",
            },
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
