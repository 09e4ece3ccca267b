//! Writes a bundle: by itself when a step fails, and when a person asks for one.

use std::path::PathBuf;

use crate::engine::Halt;
use crate::model::event::{EventDraft, EventKind};
use crate::model::evidence::{Evidence, EvidenceId, EvidenceOf, FailureSeen, shown_as};
use crate::model::id::AttemptId;
use crate::model::phase::Phase;
use crate::model::plan::Plan;
use crate::model::view::{Change, ChangeView};
use crate::ops::error::OpsError;
use crate::ops::face::Face;
use crate::ops::host::Host;
use crate::ops::inspect::relative;
use crate::ops::session::Session;

use super::gather::{About, gather};
use super::shelf::attempt_of;

/// What was seen when a plan halted. Returns the bundle's folder.
///
/// # Errors
/// When it cannot be written.
pub(in crate::ops) fn on_failure(
    session: &Session<'_>,
    plan: &Plan,
    halt: &Halt,
) -> Result<PathBuf, OpsError> {
    let seen = |(step, failure): &(crate::model::id::StepName, crate::engine::Failure)| FailureSeen {
        step: step.clone(),
        reason: failure.reason.to_owned(),
        rc: failure.rc,
        summary: failure.summary.clone(),
        causes: failure.causes.clone(),
        output: failure.tail.clone(),
    };
    let evidence = gather(
        session.host,
        About {
            attempt: plan.attempt.clone(),
            trigger: "failure",
            symptom: None,
            failures: Some(halt.failures.iter().map(seen).collect()),
        },
    );
    Ok(save(session, &evidence)?.1)
}

/// Keeps a bundle, redacted.
///
/// # Errors
/// When it cannot be written.
pub(in crate::ops) fn save(
    session: &Session<'_>,
    evidence: &Evidence,
) -> Result<(EvidenceId, PathBuf), OpsError> {
    let text = serde_json::to_string_pretty(evidence).unwrap_or_default();
    let text = session.host.redactor.redact(&text);
    Ok(session.store.save_evidence(&evidence.attempt, evidence.captured_at, &text)?)
}

/// `evidence capture`.
///
/// # Errors
/// [`OpsError::NoRelease`]; `Locked` while a run lives.
pub fn capture(
    host: &Host,
    of: &EvidenceOf,
    symptom: Option<&str>,
    dry_run: bool,
    face: Face<'_>,
) -> Result<ChangeView, OpsError> {
    let attempt = attempt_of(host, of)?;
    let about = About {
        attempt: attempt.clone(),
        trigger: "capture",
        symptom: symptom.map(str::to_owned),
        failures: None,
    };
    if dry_run {
        let folder = host.store.layout().evidence_of(&attempt);
        let evidence = gather(host, about);
        let content = host.redactor.redact(&serde_json::to_string_pretty(&evidence).unwrap_or_default());
        let what = relative(host, &folder);
        return Ok(view(&attempt, "would write", what, &evidence, Some(content), true));
    }
    let session = Session::open(host, face, Some(&attempt.ticket), Phase::Verify)?;
    let evidence = gather(host, about);
    let (id, folder) = save(&session, &evidence)?;
    let draft = EventDraft::new(EventKind::Captured).detail("evidence", id.as_str());
    let draft = face.reason.map_or(draft.clone(), |reason| draft.detail("why", host.redactor.redact(reason)));
    if attempt.ticket.is_audit() {
        session.audit(draft)?;
    } else {
        session.note(&attempt.ticket, draft)?;
    }
    let what = format!("{} ({})", shown_as(&attempt, &id), relative(host, &folder));
    Ok(view(&attempt, "wrote", what, &evidence, None, false))
}

fn view(
    attempt: &AttemptId,
    verb: &str,
    what: String,
    evidence: &Evidence,
    content: Option<String>,
    dry_run: bool,
) -> ChangeView {
    let detail = format!(
        "what is to be seen of {}",
        if attempt.ticket.is_audit() { "this host".to_owned() } else { attempt.to_string() }
    );
    ChangeView {
        changes: vec![Change { verb: verb.to_owned(), what, detail, content }],
        notes: evidence.notes.clone(),
        next: Vec::new(),
        dry_run,
    }
}
