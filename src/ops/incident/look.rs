//! One look at everything that an incident is judged by: the same before recovery and after it.

use std::time::Duration;

use crate::decide::{self, IncidentSeen};
use crate::model::evidence::{Evidence, EvidenceId, host_attempt, shown_as};
use crate::model::facts::RunState;
use crate::model::incident::{Incident, IncidentLook, ProbeRun};
use crate::model::spec::CommandSpec;
use crate::ops::ask::{ask, said};
use crate::ops::error::OpsError;
use crate::ops::evidence::{About, gather, save};
use crate::ops::guard;
use crate::ops::host::Host;
use crate::ops::session::Session;

/// How long the failing path may take, and how much it may print.
const PATIENCE: Duration = Duration::from_secs(30);
const LIMIT: u64 = 1 << 20;

/// Last lines of it that are kept.
const SHOWN: usize = 20;

/// What was seen, before its bundle has a name.
pub(super) struct Looked {
    evidence: Evidence,
    look: IncidentLook,
}

/// Looks: surfaces, services, drift, guardrail, and the failing path.
pub(super) fn at(host: &Host, incident: &Incident) -> Result<Looked, OpsError> {
    let about = About {
        attempt: incident.attempt.clone().unwrap_or_else(host_attempt),
        trigger: "incident",
        symptom: Some(incident.symptom.clone()),
        failures: None,
    };
    let evidence = gather(host, about);
    let unwell = evidence.posture.iter().filter(|row| !row.well || row.run != RunState::Running);
    let unwell: Vec<_> = unwell.map(|row| row.service.clone()).collect();
    let drift: Vec<String> = evidence
        .drift
        .rows
        .iter()
        .map(|row| match &row.service {
            Some(service) => format!("{} {service}", row.code.word()),
            None => row.code.word().to_owned(),
        })
        .collect();
    let probe = incident.probe.as_ref().map(|argv| tried(host, argv));
    let guard = if host.settings.guard.is_some() { Some(guard::guard(host)?.passed) } else { None };
    let (scope, outage) = decide::triage(&IncidentSeen {
        surfaces: &evidence.surfaces,
        unwell: !unwell.is_empty(),
        drifted: !drift.is_empty(),
        probe: probe.as_ref(),
    });
    let look = IncidentLook {
        at: evidence.captured_at,
        by: host.operator.clone(),
        surfaces: evidence.surfaces.clone(),
        unwell,
        drift,
        guard,
        probe,
        scope,
        outage,
        evidence: String::new(),
    };
    Ok(Looked { evidence, look })
}

impl Looked {
    /// The look, without a bundle: for a dry run.
    pub(super) fn unkept(self) -> IncidentLook {
        self.look
    }

    /// Keeps the bundle and names it.
    pub(super) fn kept(self, session: &Session<'_>) -> Result<IncidentLook, OpsError> {
        let (id, _): (EvidenceId, _) = save(session, &self.evidence)?;
        let evidence = shown_as(&self.evidence.attempt, &id);
        Ok(IncidentLook { evidence, ..self.look })
    }
}

/// Tries the failing path, as its own program, not through a shell.
fn tried(host: &Host, argv: &[String]) -> ProbeRun {
    let command = CommandSpec::new(argv.to_vec(), host.root());
    match ask(host, &command, LIMIT, PATIENCE) {
        Ok(answer) => {
            let text = said(host, &answer);
            let lines: Vec<String> = text.lines().map(str::to_owned).collect();
            let output = lines[lines.len().saturating_sub(SHOWN)..].to_vec();
            ProbeRun { passed: answer.code == Some(0), exit: answer.code, output }
        }
        Err(error) => {
            let output = vec![host.redactor.redact(&error.to_string())];
            ProbeRun { passed: false, exit: None, output }
        }
    }
}
