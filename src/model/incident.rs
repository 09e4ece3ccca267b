//! Something is wrong on a running host: from the symptom in a person's words to the proof that it is over (seed 002).

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::evidence::SurfaceSeen;
use super::id::{AttemptId, IdError, ServiceName, shown, text_id};

/// `inc-YYYYMMDD-N`: the UTC day it was opened, and which of that day.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct IncidentId(String);
text_id!(IncidentId);

impl IncidentId {
    /// The N-th of a day, from 1.
    pub fn of(day: DateTime<Utc>, number: u32) -> Self {
        Self(format!("inc-{}-{number}", day.format("%Y%m%d")))
    }

    /// Day and number, to sort by.
    pub fn place(&self) -> (&str, u32) {
        let (day, number) = self.0.rsplit_once('-').unwrap_or((&self.0, "0"));
        (day, number.parse().unwrap_or(0))
    }
}

impl FromStr for IncidentId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let rest = text.strip_prefix("inc-").and_then(|rest| rest.split_once('-'));
        let is_day = |day: &str| day.len() == 8 && day.bytes().all(|b| b.is_ascii_digit());
        let is_number = |n: &str| n.parse::<u32>().is_ok_and(|number| number > 0 && number.to_string() == n);
        if rest.is_some_and(|(day, number)| is_day(day) && is_number(number)) {
            return Ok(Self(text.to_owned()));
        }
        Err(IdError::Record {
            given: shown(text),
            what: "an incident: write `inc-<day>-<n>`, as `incident list` shows it",
        })
    }
}

/// How much of it is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum IncidentKind {
    /// Nothing works.
    Total,
    /// It works, badly.
    Degraded,
    /// It shows what is old.
    Stale,
    /// It works now and then.
    Intermittent,
}

impl IncidentKind {
    /// The word on the command line and in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            IncidentKind::Total => "total",
            IncidentKind::Degraded => "degraded",
            IncidentKind::Stale => "stale",
            IncidentKind::Intermittent => "intermittent",
        }
    }
}

impl FromStr for IncidentKind {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        match text {
            "total" => Ok(IncidentKind::Total),
            "degraded" => Ok(IncidentKind::Degraded),
            "stale" => Ok(IncidentKind::Stale),
            "intermittent" => Ok(IncidentKind::Intermittent),
            _ => Err(IdError::Record {
                given: shown(text),
                what: "a kind of incident: write `total`, `degraded`, `stale` or `intermittent`",
            }),
        }
    }
}

/// Where the cause lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// The application as a whole.
    ControlPlane,
    /// What runs is not what is meant to run.
    Drift,
    /// It answers and is not operationally ready.
    Readiness,
    /// Its security posture.
    Security,
    /// One product of it.
    Product,
    /// Several of these.
    Mixed,
}

impl Scope {
    /// The word on screen.
    pub const fn word(self) -> &'static str {
        match self {
            Scope::ControlPlane => "control-plane",
            Scope::Drift => "drift",
            Scope::Readiness => "readiness",
            Scope::Security => "security",
            Scope::Product => "product",
            Scope::Mixed => "mixed",
        }
    }
}

/// What the surfaces and the failing path say together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outage {
    /// It does not answer.
    BroadOutage,
    /// It answers and is not ready.
    ReadinessOnly,
    /// Its security posture is not as it should be.
    SecurityPosture,
    /// All surfaces are green, and somebody sees it fail.
    UserVisibleOnly,
    /// Nothing that was asked fails.
    NotReproduced,
}

impl Outage {
    /// The word on screen.
    pub const fn word(self) -> &'static str {
        match self {
            Outage::BroadOutage => "broad-outage",
            Outage::ReadinessOnly => "readiness-only",
            Outage::SecurityPosture => "security-posture",
            Outage::UserVisibleOnly => "user-visible-only",
            Outage::NotReproduced => "not-reproduced",
        }
    }
}

/// One look: the same sequence before recovery and after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IncidentLook {
    /// When.
    pub at: DateTime<Utc>,
    /// By whom.
    pub by: String,
    /// Health surfaces and readiness surfaces, each with its kind: they are two questions.
    pub surfaces: Vec<SurfaceSeen>,
    /// Services that are not well, by their own probes and containers.
    pub unwell: Vec<ServiceName>,
    /// Codes of what differs.
    pub drift: Vec<String>,
    /// Whether the guardrail passed; none: none is configured.
    pub guard: Option<bool>,
    /// What the representative failing path did; none: no probe was given.
    pub probe: Option<ProbeRun>,
    /// Where the cause lies.
    pub scope: Scope,
    /// What it is.
    pub outage: Outage,
    /// The bundle that holds all of it.
    pub evidence: String,
}

/// The failing path, tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProbeRun {
    /// It exited 0.
    pub passed: bool,
    /// Its exit status; none: it did not end by itself.
    pub exit: Option<i32>,
    /// Its last lines, secrets made unreadable.
    pub output: Vec<String>,
}

/// An incident, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Incident {
    /// Form of this value.
    pub format: u32,
    /// Its name.
    pub id: IncidentId,
    /// When it was opened.
    pub opened_at: DateTime<Utc>,
    /// By whom.
    pub by: String,
    /// Host name.
    pub host: String,
    /// What is wrong, in the words of whoever saw it.
    pub symptom: String,
    /// How much of it.
    pub kind: IncidentKind,
    /// The user, agent or automation path that exposed it.
    pub path: String,
    /// Tries that path: program and arguments, exit 0 is well.
    pub probe: Option<Vec<String>>,
    /// The release that it belongs to, as far as is known.
    pub attempt: Option<AttemptId>,
    /// Looks before recovery, oldest first.
    pub captures: Vec<IncidentLook>,
    /// Looks after it, oldest first.
    pub verifications: Vec<IncidentLook>,
    /// How it was resolved.
    pub resolved: Option<IncidentEnd>,
}

/// How an incident ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IncidentEnd {
    /// When.
    pub at: DateTime<Utc>,
    /// By whom.
    pub by: String,
    /// The playbook that the recovery went by.
    pub playbook: Option<String>,
    /// Or why it went another way.
    pub reason: Option<String>,
    /// A person says that the failing path works, where no probe can.
    pub path_works: bool,
}

/// Form of [`Incident`].
pub const INCIDENT_FORMAT: u32 = 1;

/// One of the six conditions under which an incident counts as resolved (seed 002).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// Its number in the seed.
    pub number: u8,
    /// What it wants.
    pub wants: String,
    /// Whether it holds.
    pub holds: bool,
    /// What was seen.
    pub fact: String,
    /// What makes it hold; none where it does.
    pub way_out: Option<String>,
}

/// `incident show`, and what every verb of an incident answers with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IncidentView {
    /// The incident.
    pub incident: Incident,
    /// The six conditions, as they stand.
    pub conditions: Vec<Condition>,
    /// What to type next.
    pub next: Vec<super::view::NextCommand>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_incident_has_one_spelling_and_leads_nowhere_else() {
        for bad in [
            "",
            "inc-",
            "inc-20260518",
            "inc-20260518-0",
            "inc-20260518-01",
            "inc-2026-1",
            "../inc-20260518-1",
            "inc-20260518-1/x",
        ] {
            assert!(bad.parse::<IncidentId>().is_err(), "{bad:?}");
        }
        let at = DateTime::from_timestamp(1_779_118_212, 0).unwrap();
        let mut ids = [IncidentId::of(at, 10), IncidentId::of(at, 2)];
        ids.sort_by(|a, b| a.place().cmp(&b.place()));
        assert_eq!(ids[0].as_str(), "inc-20260518-2");
        assert!(ids.iter().all(|id| id.as_str().parse::<IncidentId>().as_ref() == Ok(id)));
    }
}
