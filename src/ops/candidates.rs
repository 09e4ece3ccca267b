//! Older attempts that a rollback may put back, as they are recorded: looked for, never assumed.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::candidate::{Candidate, ResumedWith};
use crate::model::facts::Snapshot;
use crate::model::gather::Gather;
use crate::model::id::{AttemptId, ServiceName};
use crate::model::reason::{Blocker, ReasonCode};
use crate::model::release::{ReleaseState, Status};
use crate::store::StoreError;

use super::error::OpsError;
use super::facts::{Candidates, environment, environment_digest};
use super::host::Host;

/// How many of the newest attempts are looked at.
const LOOKED_AT: u32 = 200;

/// How many of those that succeeded are worth showing.
const SHOWN: usize = 10;

/// The candidates in question, newest first.
pub(super) fn observe(host: &Host, which: &Candidates) -> Result<Vec<Candidate>, OpsError> {
    let attempts = match which {
        Candidates::Leave => return Ok(Vec::new()),
        Candidates::One(attempt) => vec![attempt.clone()],
        Candidates::Newest => newest(host)?,
    };
    let today = environment_digest(&environment(host));
    let mut candidates = Vec::new();
    for attempt in attempts {
        candidates.extend(candidate(host, attempt, &today)?);
    }
    if host.settings.services.values().any(|service| service.schema.is_some()) {
        let later = later_snapshots(host)?;
        for candidate in &mut candidates {
            candidate.schemas = schemas_after(candidate, &later);
        }
    }
    Ok(candidates)
}

/// Attempts that succeeded, newest first.
fn newest(host: &Host) -> Result<Vec<AttemptId>, OpsError> {
    host.store.renew_index()?;
    let rows = host.store.newest(Some(LOOKED_AT))?;
    let succeeded = rows.into_iter().filter(|row| row.status == Status::Succeeded && row.merge.is_some());
    Ok(succeeded.map(|row| row.attempt).take(SHOWN).collect())
}

fn candidate(host: &Host, attempt: AttemptId, today: &str) -> Result<Option<Candidate>, OpsError> {
    let Some(kept) = host.store.kept_attempt(&attempt)? else { return Ok(None) };
    let (state, mut artifacts) = (kept.state, kept.artifacts);
    let resumed =
        kept.resumed_with.map(|(digest, changed)| ResumedWith { is_todays: digest == today, changed });
    let snapshot = snapshot(host, &attempt, &state)?;
    // Of what was adopted nothing ran under our eyes: its snapshot says what was there.
    for (name, service) in snapshot.iter().flat_map(|snapshot| &snapshot.services) {
        if !artifacts.contains_key(name) && !service.pinned.is_empty() {
            artifacts.insert(name.clone(), service.pinned.clone());
        }
    }
    Ok(Some(Candidate { attempt, state, snapshot, artifacts, resumed, schemas: BTreeMap::new() }))
}

/// What an attempt meant to do, or why that is not known.
pub(super) fn snapshot(
    host: &Host,
    attempt: &AttemptId,
    state: &ReleaseState,
) -> Result<Result<Snapshot, Blocker>, OpsError> {
    Ok(match host.store.snapshot_of(attempt, state.snapshot.as_deref()) {
        Ok(Some(snapshot)) => Ok(snapshot),
        Ok(None) => {
            let fact = format!("the snapshot of {attempt} is not there: what it meant to do is not known");
            Err(Blocker::new(ReasonCode::SnapshotMissing, fact).way_out("holdpoint doctor"))
        }
        Err(error @ StoreError::Damaged { .. }) => {
            Err(Blocker::new(ReasonCode::SnapshotDamaged, error.to_string()).way_out("holdpoint doctor"))
        }
        Err(error) => return Err(error.into()),
    })
}

/// Snapshots of the newest attempts, oldest first.
fn later_snapshots(host: &Host) -> Result<Vec<Snapshot>, OpsError> {
    let mut snapshots = Vec::new();
    for row in host.store.newest(Some(LOOKED_AT))?.into_iter().rev() {
        // One that is damaged says nothing; whoever needs it is told.
        snapshots.extend(host.store.snapshot_of(&row.attempt, None).ok().flatten());
    }
    Ok(snapshots)
}

/// An attempt records the schema that it found, so what one left is what the next one found that touched the service. Where
/// that one recorded none, nobody knows what a later one found was left by.
fn schemas_after(candidate: &Candidate, later: &[Snapshot]) -> BTreeMap<ServiceName, String> {
    let services: BTreeSet<&ServiceName> = candidate.state.services.iter().gather();
    let after = |snapshot: &&Snapshot| snapshot.created_at > candidate.state.updated_at;
    let found = |name: &ServiceName| {
        later.iter().filter(after).find_map(|snapshot| snapshot.services.get(name))?.schema.clone()
    };
    services.into_iter().filter_map(|name| Some((name.clone(), found(name)?))).gather()
}
