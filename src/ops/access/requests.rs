//! The record of what was asked over HTTP: each change, and each refusal.

use crate::model::access::Request;
use crate::model::event::{EventDraft, EventKind, RunEvent};
use crate::model::view::VerificationView;
use crate::ops::error::OpsError;
use crate::ops::host::Host;

/// The operator of a record whose asker could not say who they are.
const NOBODY: &str = "-";

/// Records a request; it is on disk when this returns.
///
/// # Errors
/// When it cannot be recorded: then it must not be answered as if it were.
pub fn note(host: &Host, request: &Request) -> Result<(), OpsError> {
    let mut draft = EventDraft::new(EventKind::Request)
        .rc(i32::from(request.status))
        .detail("method", &request.method)
        .detail("path", host.redactor.redact(&request.path))
        .detail("remote", &request.remote);
    if let Some(attempt) = &request.attempt {
        draft = draft.detail("deployment", attempt);
    }
    if let Some(code) = &request.code {
        draft = draft.reason(code);
    }
    let operator = request.operator.as_ref().map_or(NOBODY, |name| name.as_str());
    Ok(host.store.record_request(draft, operator, host.clock.now())?)
}

/// What was asked, newest first, at most so many.
///
/// # Errors
/// A damaged log.
pub fn requests(host: &Host, limit: usize) -> Result<Vec<RunEvent>, OpsError> {
    let mut events = host.store.requests_log()?;
    events.reverse();
    events.truncate(limit);
    Ok(events)
}

/// What the chain of that log says.
///
/// # Errors
/// A log that cannot be read at all.
pub fn verify_requests(host: &Host) -> Result<VerificationView, OpsError> {
    let found = host.store.verify_requests_log()?;
    Ok(VerificationView {
        records: found.records,
        head_seq: found.head_seq,
        head_chain: found.head_chain,
        findings: found
            .findings
            .iter()
            .map(|finding| format!("line {}: {}", finding.line, finding.what))
            .collect(),
    })
}
