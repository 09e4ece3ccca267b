//! The recovery desk: diagnosis, evidence, playbooks, incidents.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::http::admission::may_name_a_program;
use crate::http::asked::Asked;
use crate::http::problem::Problem;
use crate::model::evidence::{EvidenceDiff, EvidenceOf, EvidenceRef, EvidenceRow, EvidenceView};
use crate::model::id::{IdError, ReleaseRef, ServiceName, TicketId};
use crate::model::incident::{Incident, IncidentId, IncidentKind, IncidentView};
use crate::model::matching::{KnownPlaybook, MatchView, Shelf};
use crate::ops::{Host, evidence, incident, playbooks};

use super::releases::ReasonBody;
use super::words::Words;

/// `diagnose`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(in crate::http) struct DiagnoseBody {
    /// Do not run the playbooks' detection.
    no_detect: bool,
}

pub(in crate::http) fn diagnose(asked: &Asked, body: DiagnoseBody) -> Result<Vec<String>, Problem> {
    let release: ReleaseRef = asked.word("ticket")?;
    Ok(Words::of(["diagnose", &release.to_string()]).on("--no-detect", body.no_detect).line())
}

/// Evidence of what.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(in crate::http) struct CaptureBody {
    symptom: Option<String>,
    reason: Option<String>,
}

pub(in crate::http) fn capture(asked: &Asked, body: CaptureBody) -> Result<Vec<String>, Problem> {
    let release: ReleaseRef = asked.word("id")?;
    Ok(Words::of(["evidence", "capture", &release.to_string(), "--yes"])
        .with("--symptom", body.symptom)
        .with("--reason", body.reason)
        .line())
}

pub(in crate::http) fn capture_host(_: &Asked, body: CaptureBody) -> Result<Vec<String>, Problem> {
    Ok(Words::of(["evidence", "capture", "--host", "--yes"])
        .with("--symptom", body.symptom)
        .with("--reason", body.reason)
        .line())
}

pub(in crate::http) fn evidence_of_host(host: &Host, _: &Asked) -> Result<Vec<EvidenceRow>, Problem> {
    Ok(evidence::list(host, &EvidenceOf::Host)?)
}

/// One bundle.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct BundleQuery {
    /// `1234@1/20260518_153112`
    pub(in crate::http) bundle: String,
}

pub(in crate::http) fn show(host: &Host, _: &Asked, query: BundleQuery) -> Result<EvidenceView, Problem> {
    Ok(evidence::show(host, &bundle(&query.bundle)?)?)
}

pub(in crate::http) fn bundle(text: &str) -> Result<EvidenceRef, Problem> {
    text.parse().map_err(|error: IdError| Problem::invalid(error.to_string()))
}

/// Two bundles.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct CompareQuery {
    /// `1234@1/20260518_153112`
    before: String,
    /// The later one.
    after: String,
}

pub(in crate::http) fn compare(host: &Host, _: &Asked, query: CompareQuery) -> Result<EvidenceDiff, Problem> {
    Ok(evidence::compare(host, &bundle(&query.before)?, &bundle(&query.after)?)?)
}

pub(in crate::http) fn playbooks(host: &Host, _: &Asked) -> Result<Shelf, Problem> {
    Ok(playbooks::shelf(host))
}

pub(in crate::http) fn playbook(host: &Host, asked: &Asked) -> Result<KnownPlaybook, Problem> {
    let id = asked.path.get("id").map_or("", String::as_str);
    playbooks::known(host, id).map_err(|error| {
        let hints = error.hints();
        hints.into_iter().fold(Problem::not_found(error.to_string()), Problem::hint)
    })
}

pub(in crate::http) fn matches(host: &Host, asked: &Asked) -> Result<MatchView, Problem> {
    let ticket: TicketId = asked.word("ticket")?;
    Ok(playbooks::match_ticket(host, &ticket)?)
}

/// `playbook run`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(in crate::http) struct PlaybookBody {
    ticket: Option<TicketId>,
    service: Option<ServiceName>,
    /// Run its commands, too; else only its detection.
    apply: bool,
    /// Refuse unless its commands are still those that were shown: `remedy.plan` of what its detection answered.
    plan: Option<String>,
    reason: Option<String>,
}

pub(in crate::http) fn playbook_run(asked: &Asked, body: PlaybookBody) -> Result<Vec<String>, Problem> {
    let id = asked.path.get("id").map_or("", String::as_str);
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if id.is_empty() || id.starts_with('-') || !id.chars().all(plain) {
        return Err(Problem::invalid("the id of a playbook is lower-case letters, digits and `-`"));
    }
    Ok(Words::of(["playbook", "run", id])
        .with("--ticket", body.ticket)
        .with("--service", body.service)
        .on("--apply", body.apply)
        .with("--plan", body.plan)
        .on("--yes", body.apply)
        .with("--reason", body.reason)
        .line())
}

pub(in crate::http) fn incidents(host: &Host, _: &Asked) -> Result<Vec<Incident>, Problem> {
    Ok(incident::list(host)?)
}

pub(in crate::http) fn incident(host: &Host, asked: &Asked) -> Result<IncidentView, Problem> {
    let id: IncidentId = asked.word("id")?;
    let known = incident::list(host)?;
    if !known.iter().any(|known| known.id == id) {
        return Err(Problem::not_found(format!("there is no incident `{id}`")).hint("GET /api/incidents"));
    }
    Ok(incident::show(host, &id)?)
}

/// `incident open`
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::http) struct OpenBody {
    symptom: String,
    kind: IncidentKind,
    path: String,
    /// Tries that path: a program and its arguments, as a shell would take them apart. Only an admin names one.
    #[serde(default)]
    probe: Option<String>,
    #[serde(default)]
    ticket: Option<TicketId>,
    #[serde(default)]
    reason: Option<String>,
}

pub(in crate::http) fn incident_open(asked: &Asked, body: OpenBody) -> Result<Vec<String>, Problem> {
    if body.probe.is_some() {
        may_name_a_program(asked.caller.as_ref())?;
    }
    Ok(Words::of(["incident", "open", "--yes"])
        .with("--symptom", Some(body.symptom))
        .with("--kind", Some(body.kind.word()))
        .with("--path", Some(body.path))
        .with("--probe", body.probe)
        .with("--ticket", body.ticket)
        .with("--reason", body.reason)
        .line())
}

pub(in crate::http) fn incident_capture(asked: &Asked, body: ReasonBody) -> Result<Vec<String>, Problem> {
    of_incident(asked, "capture", body)
}

pub(in crate::http) fn incident_verify(asked: &Asked, body: ReasonBody) -> Result<Vec<String>, Problem> {
    of_incident(asked, "verify", body)
}

fn of_incident(asked: &Asked, verb: &str, body: ReasonBody) -> Result<Vec<String>, Problem> {
    let id: IncidentId = asked.word("id")?;
    Ok(Words::of(["incident", verb, id.as_str(), "--yes"]).with("--reason", body.into_reason()).line())
}

/// `incident resolve`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(in crate::http) struct ResolveBody {
    playbook: Option<String>,
    path_works: bool,
    reason: Option<String>,
}

pub(in crate::http) fn incident_resolve(asked: &Asked, body: ResolveBody) -> Result<Vec<String>, Problem> {
    let id: IncidentId = asked.word("id")?;
    Ok(Words::of(["incident", "resolve", id.as_str(), "--yes"])
        .with("--playbook", body.playbook)
        .on("--path-works", body.path_works)
        .with("--reason", body.reason)
        .line())
}

/// Whether every open incident may be called over.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct SignOff {
    /// None is open, or the conditions of each that is hold.
    ready: bool,
    /// The open ones with their six conditions.
    incidents: Vec<IncidentView>,
}

pub(in crate::http) fn sign_off(host: &Host, _: &Asked) -> Result<SignOff, Problem> {
    let open = incident::list(host)?.into_iter().filter(|incident| incident.resolved.is_none());
    let incidents: Result<Vec<IncidentView>, _> = open.map(|known| incident::show(host, &known.id)).collect();
    let incidents = incidents?;
    let ready = incidents.iter().all(|view| view.conditions.iter().all(|condition| condition.holds));
    Ok(SignOff { ready, incidents })
}
