//! What was seen when it failed, kept beside the attempt before the process ends.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::json;

use crate::engine::Halt;
use crate::model::facts::ServiceState;
use crate::model::id::ServiceName;
use crate::model::plan::Plan;

use super::error::OpsError;
use super::session::Session;

/// Writes the bundle: the failure with its output, what ran, and where the tree was. Returns its folder.
pub(super) fn capture(
    session: &Session<'_>,
    plan: &Plan,
    halt: &Halt,
    services: &BTreeMap<ServiceName, ServiceState>,
) -> Result<PathBuf, OpsError> {
    let host = session.host;
    let now = host.clock.now();
    let failures: Vec<_> = halt
        .failures
        .iter()
        .map(|(step, failure)| {
            json!({
                "step": step, "reason": failure.reason, "rc": failure.rc, "summary": failure.summary,
                "causes": failure.causes, "output": failure.tail,
            })
        })
        .collect();
    let (head, chain) = session.store.log_head(&plan.attempt.ticket)?.unwrap_or_default();
    let bundle = json!({
        "schemaVersion": "holdpoint.evidence/v1",
        "attempt": plan.attempt.to_string(),
        "capturedAt": now,
        "host": host.name,
        "phase": halt.phase,
        "failures": failures,
        "plan": plan.id,
        "base": plan.base,
        "target": plan.target,
        "head": host.git.head().ok(),
        "services": services,
        "log": { "seq": head, "chain": chain },
    });
    let text = serde_json::to_string_pretty(&bundle).unwrap_or_default();
    let text = host.redactor.redact(&text);
    Ok(session.store.save_evidence(&plan.attempt, now, &text)?.1)
}
