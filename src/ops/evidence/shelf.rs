//! Bundles that are kept: which there are, what is in one, and what changed between two.

use crate::decide;
use crate::model::evidence::{
    EvidenceDiff, EvidenceOf, EvidenceRef, EvidenceRow, EvidenceView, host_attempt, shown_as,
};
use crate::model::id::AttemptId;
use crate::ops::error::OpsError;
use crate::ops::host::Host;
use crate::ops::inspect::relative;
use crate::store::StoreError;

/// The attempt that is meant; a bare ticket means its newest one.
///
/// # Errors
/// [`OpsError::NoRelease`]; a usage error for an attempt that is not on record.
pub(in crate::ops) fn attempt_of(host: &Host, of: &EvidenceOf) -> Result<AttemptId, OpsError> {
    let EvidenceOf::Release(release) = of else { return Ok(host_attempt()) };
    let ticket = &release.ticket;
    if ticket.is_audit() {
        return Err(OpsError::Usage {
            what: format!("`{ticket}` is a name of ours, no ticket"),
            hint: "evidence of the host as a whole: `holdpoint evidence capture --host`".to_owned(),
        });
    }
    let no_release = || OpsError::NoRelease { ticket: ticket.clone() };
    let state = host.store.state(ticket)?.ok_or_else(no_release)?;
    let number = release.attempt.unwrap_or(state.attempt);
    if number > state.attempt {
        return Err(OpsError::Usage {
            what: format!(
                "`{ticket}@{number}` is not on record: the newest attempt is `{ticket}@{}`",
                state.attempt
            ),
            hint: host.typed("state", ticket.as_str()),
        });
    }
    Ok(AttemptId { ticket: ticket.clone(), number })
}

/// `evidence list`: oldest first. A damaged bundle is listed with what is wrong.
///
/// # Errors
/// [`OpsError::NoRelease`]; what cannot be read.
pub fn list(host: &Host, of: &EvidenceOf) -> Result<Vec<EvidenceRow>, OpsError> {
    let newest = attempt_of(host, of)?;
    let numbers = match of {
        // A bare ticket: every attempt of it.
        EvidenceOf::Release(release) if release.attempt.is_none() => 1..=newest.number,
        _ => newest.number..=newest.number,
    };
    let mut rows = Vec::new();
    for number in numbers {
        let attempt = AttemptId { ticket: newest.ticket.clone(), number };
        for id in host.store.evidence(&attempt)? {
            let path = relative(host, &host.store.layout().evidence(&attempt, &id));
            let (bundle, trouble) = match host.store.evidence_bundle(&attempt, &id) {
                Ok(bundle) => (bundle.unwrap_or_default(), None),
                Err(error @ StoreError::Damaged { .. }) => (serde_json::Value::Null, Some(error.to_string())),
                Err(error) => return Err(error.into()),
            };
            let text = |field: &str| bundle[field].as_str().map(str::to_owned);
            rows.push(EvidenceRow {
                name: shown_as(&attempt, &id),
                captured_at: text("capturedAt").and_then(|at| at.parse().ok()),
                trigger: text("trigger").unwrap_or_else(|| "failure".to_owned()),
                symptom: text("symptom"),
                differences: bundle["drift"]["rows"].as_array().map_or(0, Vec::len),
                path,
                trouble,
            });
        }
    }
    Ok(rows)
}

/// `evidence compare`: what changed from one to the other.
///
/// # Errors
/// A usage error for a bundle that is not there; `Damaged`.
pub fn compare(host: &Host, before: &EvidenceRef, after: &EvidenceRef) -> Result<EvidenceDiff, OpsError> {
    let (before, after) = (show(host, before)?, show(host, after)?);
    let rows = decide::changed_between(&before.bundle, &after.bundle);
    Ok(EvidenceDiff { rows, before: before.name, after: after.name })
}

/// `evidence show`: a bundle, proven against its own sum.
///
/// # Errors
/// A usage error for a bundle that is not there; `Damaged`.
pub fn show(host: &Host, which: &EvidenceRef) -> Result<EvidenceView, OpsError> {
    let attempt = attempt_of(host, &which.of)?;
    let name = shown_as(&attempt, &which.id);
    let bundle = host.store.evidence_bundle(&attempt, &which.id)?.ok_or_else(|| OpsError::Usage {
        what: format!("there is no evidence `{name}`"),
        hint: if attempt.ticket.is_audit() {
            "holdpoint evidence list --host".to_owned()
        } else {
            format!("holdpoint evidence list {}", attempt.ticket)
        },
    })?;
    let path = relative(host, &host.store.layout().evidence(&attempt, &which.id));
    Ok(EvidenceView { name, path, bundle })
}
