//! What may leave the default list, and what may be thrown away (design/05): nothing that anybody may still need.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::course::left_by;
use crate::model::id::AttemptId;
use crate::model::reason::{Blocker, ReasonCode};
use crate::model::release::{Class, ReleaseState, Status};

fn own(state: &ReleaseState) -> AttemptId {
    AttemptId { ticket: state.ticket.clone(), number: state.attempt }
}

/// What stands against archiving an attempt. `releases` are the newest attempts of all tickets.
pub fn against_archiving(state: &ReleaseState, releases: &[ReleaseState]) -> Vec<Blocker> {
    let attempt = own(state);
    let mut blockers = Vec::new();
    if state.archived {
        let fact = format!("`{attempt}` is archived already");
        blockers.push(
            Blocker::new(ReasonCode::AttemptStatusNotRecoverable, fact)
                .way_out(format!("holdpoint unarchive {attempt}")),
        );
    }
    let is_over = state.closed
        || state.superseded_by.is_some()
        || matches!(state.status, Status::Succeeded | Status::Reverted | Status::Canceled | Status::Failed)
        || state.status == Status::Interrupted;
    if state.status.class() == Class::Live || !is_over {
        let fact = format!("`{attempt}` is {}: it has not come to its end", state.status);
        blockers.push(
            Blocker::new(ReasonCode::AttemptNotTerminal, fact)
                .way_out(format!("holdpoint state {}", state.ticket)),
        );
    } else if state.is_unfinished() {
        let fact = format!(
            "`{attempt}` is {} past its merge: it can still be gone on with or taken back",
            state.status
        );
        blockers.push(
            Blocker::new(ReasonCode::AttemptNotTerminal, fact)
                .way_out(format!("holdpoint close {} --reason '…'", state.ticket)),
        );
    }
    if let Some(what) = owns(state, releases) {
        blockers.push(
            Blocker::new(ReasonCode::Referenced, format!("`{attempt}` is what runs now: {what}"))
                .way_out("release or roll back to something else first"),
        );
    }
    blockers
}

/// What of this host's present stands on an attempt: HEAD, or a service that it was the last to touch.
fn owns(state: &ReleaseState, releases: &[ReleaseState]) -> Option<String> {
    if state.merge.is_none() || matches!(state.status, Status::Reverted) || state.superseded_by.is_some() {
        return None;
    }
    let is_newest_of_ticket =
        releases.iter().any(|other| other.ticket == state.ticket && other.attempt == state.attempt);
    if !is_newest_of_ticket {
        return None;
    }
    if left_by(releases) == state.merge {
        return Some("HEAD is its commit".to_owned());
    }
    if state.status != Status::Succeeded {
        return None;
    }
    let last = |service: &&crate::model::id::ServiceName| {
        let touched = releases.iter().filter(|other| {
            other.merge.is_some() && other.status == Status::Succeeded && other.services.contains(service)
        });
        touched.max_by_key(|other| other.started_at).is_some_and(|last| last.ticket == state.ticket)
    };
    state.services.iter().find(last).map(|service| format!("`{service}` is as it left it"))
}

/// What stands against throwing an attempt's record away, as far as it and the newest attempts alone say it.
pub fn against_pruning(state: &ReleaseState, releases: &[ReleaseState]) -> Vec<Blocker> {
    let attempt = own(state);
    let mut blockers = Vec::new();
    if !state.archived {
        blockers.push(
            Blocker::new(ReasonCode::AttemptNotTerminal, format!("`{attempt}` is not archived"))
                .way_out(format!("holdpoint archive {attempt} --confirm {attempt}")),
        );
    }
    if let Some(what) = owns(state, releases) {
        blockers.push(Blocker::new(ReasonCode::Referenced, format!("referenced-by-source: {what}")));
    }
    blockers
}

/// What names attempts beside the records of releases: attempt → its name there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InUse {
    /// Incidents that belong to it.
    pub incidents: BTreeMap<AttemptId, String>,
    /// Evidence bundles that somebody captured of it, or that name it.
    pub evidence: BTreeMap<AttemptId, String>,
}

/// Why an attempt is kept although it is asked to go: `referenced-by-…`, or that it is not old or not archived. `all` is
/// every attempt on record, `in_use` are those that evidence or an incident names.
pub fn kept_for(
    state: &ReleaseState,
    all: &[ReleaseState],
    newest: &[ReleaseState],
    before: DateTime<Utc>,
    in_use: &InUse,
) -> Option<String> {
    if state.updated_at >= before {
        return Some("not older than that".to_owned());
    }
    if let Some(blocker) = against_pruning(state, newest).into_iter().next() {
        return Some(blocker.fact);
    }
    let id = own(state).to_string();
    let same_ticket: Vec<&ReleaseState> = all.iter().filter(|other| other.ticket == state.ticket).collect();
    if let Some(incident) = in_use.incidents.get(&own(state)) {
        return Some(format!("referenced-by-incident: {incident}"));
    }
    if let Some(bundle) = in_use.evidence.get(&own(state)) {
        return Some(format!("referenced-by-evidence: {bundle}"));
    }
    if let Some(other) = all.iter().find(|other| other.superseded_by.as_ref() == Some(&id) && !other.archived)
    {
        return Some(format!("referenced-by-supersede: it took over {}", own(other)));
    }
    if let Some(other) = all.iter().find(|other| {
        other.ticket != state.ticket && Some(&other.base) == state.merge.as_ref() && !other.archived
    }) {
        return Some(format!("referenced-by-source: {} began on its commit", own(other)));
    }
    let is_named = |other: &ReleaseState| {
        in_use.incidents.contains_key(&own(other)) || in_use.evidence.contains_key(&own(other))
    };
    let goes_too = |other: &&&ReleaseState| {
        other.updated_at < before && against_pruning(other, newest).is_empty() && !is_named(other)
    };
    if let Some(other) = same_ticket.iter().find(|other| !goes_too(other)) {
        return Some(format!("referenced-by-log: the log of {} also tells of {}", state.ticket, own(other)));
    }
    None
}
