//! What an answer about an attempt holds for: whoever acts on it says which one they read.

use serde_json::json;

use crate::model::candidate::Candidate;
use crate::model::facts::{Facts, Releases, ServiceState};
use crate::model::release::ReleaseState;
use crate::ops::error::OpsError;
use crate::ops::facts::{Candidates, Fetch, Lock, Look, observe};
use crate::ops::host::Host;
use crate::sys::files;

/// A look at the host as it stands: HEAD, what runs, and what could be put back.
pub(super) fn look(host: &Host, state: &ReleaseState, releases: Option<Releases>) -> Result<Facts, OpsError> {
    observe(
        host,
        &Look {
            ticket: Some(state.ticket.clone()),
            fetch: Fetch::Keep,
            at: Some(host.git.head()?),
            at_is_ours: true,
            candidates: Candidates::Newest,
            lock: Lock::Unknown,
            releases,
            ..Look::default()
        },
    )
}

/// Sixteen hex digits over the attempt, what runs, and what could be put back. Looking changes none of it.
pub(super) fn of(facts: &Facts, state: &ReleaseState) -> String {
    let service = |state: &ServiceState| {
        let containers: Vec<_> =
            state.containers.iter().map(|container| json!([container.id, container.image_id])).collect();
        json!([state.run, containers, state.image, state.leftover])
    };
    let services: Vec<_> =
        facts.services.iter().map(|(name, state)| json!([name.as_str(), service(state)])).collect();
    let artifacts = |candidate: &Candidate| {
        let all = candidate.artifacts.values().flat_map(|parts| parts.values());
        all.filter(|artifact| facts.runtime.images.contains_key(&artifact.id)).count()
    };
    let candidates: Vec<_> = facts
        .candidates
        .iter()
        .map(|candidate| json!([candidate.attempt.to_string(), artifacts(candidate)]))
        .collect();
    let whole = json!([
        state.ticket.as_str(),
        state.attempt,
        state.status,
        state.phase,
        state.failed_step,
        state.superseded_by,
        state.closed,
        state.archived,
        facts.git.head.as_str(),
        services,
        candidates,
    ]);
    files::sha256_of(whole.to_string().as_bytes())[..16].to_owned()
}
