//! `drift`: what is meant to run, held against what runs. Looks, and changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::decide::{self, left_by};
use crate::drivers::compose;
use crate::model::drift::{DriftHead, DriftSeen, DriftView, RanScript};
use crate::model::facts::RuntimeFacts;
use crate::model::gather::Gather;
use crate::model::id::{Oid, ServiceName};
use crate::model::reason::Blocker;
use crate::model::release::{ReleaseState, Status};
use crate::model::spec::DriverSpec;
use crate::ops::error::OpsError;
use crate::ops::host::Host;
use crate::sys::files;

use super::posture::Posture;
use super::rows::Present;

/// Compares intended with running.
///
/// # Errors
/// When the records of this host cannot be read; what cannot be seen of a service is a row.
pub fn drift(host: &Host) -> Result<DriftView, OpsError> {
    let mut view = drift_of(host, &Posture::observe(host)?)?;
    if let Some(holder) = Present::look(host)?.holder() {
        let on = holder.ticket.as_ref().map(|ticket| format!(" on {ticket}")).unwrap_or_default();
        view.notes.push(format!("a run{on} is at work here: what it has not come to yet stands among these"));
    }
    Ok(view)
}

/// The same, of a posture that was observed already.
pub(in crate::ops) fn drift_of(host: &Host, seen: &Posture) -> Result<DriftView, OpsError> {
    let mut view = decide::drift(&observe(host, seen)?);
    for row in &mut view.rows {
        // What a service or git printed may stand in a row.
        for text in [&mut row.intended, &mut row.running].into_iter().flatten() {
            *text = host.redactor.redact(text);
        }
    }
    Ok(view)
}

fn observe(host: &Host, seen: &Posture) -> Result<DriftSeen, OpsError> {
    let mut troubles = seen.troubles.clone();
    let runtime = RuntimeFacts { images: images(host, seen, &mut troubles), ..seen.runtime.clone() };
    Ok(DriftSeen {
        root: host.root().to_path_buf(),
        just_recipes: host.just_recipes,
        labels: labels(host, seen),
        head: head(host, seen, &mut troubles),
        redeployed: decide::redeployed(&seen.releases),
        scripts: scripts(host, &seen.releases)?,
        strays: strays(host, seen),
        settings: seen.settings.clone(),
        compose: seen.compose.clone(),
        services: seen.services.clone(),
        runtime,
        troubles,
    })
}

fn head(host: &Host, seen: &Posture, troubles: &mut Vec<Blocker>) -> DriftHead {
    let is_settled = |state: &&ReleaseState| matches!(state.status, Status::Succeeded | Status::Reverted);
    let proven = left_by(seen.releases.iter().filter(is_settled));
    let last = left_by(seen.releases.iter());
    let mut holds = |oid: &Option<Oid>| {
        let (Some(head), Some(oid)) = (&seen.head, oid) else { return false };
        host.git.same_content(head, oid).unwrap_or_else(|error| {
            troubles.push(error.blocker());
            false
        })
    };
    let is_proven = holds(&proven);
    let is_last = if last == proven { is_proven } else { holds(&last) };
    let moved = seen.releases.iter().filter(|state| state.merge.is_some() && state.superseded_by.is_none());
    let unfinished = moved.filter(|state| !is_settled(state)).max_by_key(|state| state.started_at).cloned();
    DriftHead {
        head: seen.head.clone(),
        branch: seen.branch.clone(),
        dirty: seen.dirty.clone(),
        // A release that stands in the middle and brings no other content is not proven by the one before it.
        is_proven,
        proven,
        last,
        is_last,
        unfinished,
    }
}

/// The ids behind every image reference that is wanted.
fn images(host: &Host, seen: &Posture, troubles: &mut Vec<Blocker>) -> BTreeMap<String, String> {
    let Some(engine) = &seen.runtime.engine else { return BTreeMap::new() };
    let parts = seen.compose.values().flat_map(|resolved| resolved.parts.values());
    let own = seen.settings.services.values().filter_map(|service| service.image.clone());
    let wanted: BTreeSet<String> = parts.filter_map(|part| part.image.clone()).chain(own).gather();
    compose::images(engine, &wanted, &host.surroundings).unwrap_or_else(|error| {
        troubles.push(error.blocker());
        BTreeMap::new()
    })
}

/// What each container's label must say. Where compose cannot read a file, that is a trouble already.
fn labels(host: &Host, seen: &Posture) -> BTreeMap<ServiceName, BTreeMap<String, String>> {
    let Some(compose) = &seen.runtime.compose else { return BTreeMap::new() };
    let one = |name: &ServiceName| {
        let DriverSpec::Compose(spec) = &seen.settings.services.get(name)?.driver else { return None };
        let hashes = compose::hashes(compose, spec, &host.surroundings).ok()?;
        Some((name.clone(), hashes))
    };
    seen.compose.keys().filter_map(one).gather()
}

/// Every script that ran to a good end in a release that was not taken back, with what lies in the tree now.
fn scripts(host: &Host, releases: &[ReleaseState]) -> Result<Vec<RanScript>, OpsError> {
    let mut of_tickets = host.store.scripts_run()?;
    let mut ran: BTreeMap<String, RanScript> = BTreeMap::new();
    for state in releases.iter().filter(|state| state.status != Status::Reverted) {
        for (path, hash) in of_tickets.remove(&state.ticket).unwrap_or_default() {
            let now = files::sha256_of_file(&host.root().join(&path)).ok();
            let (ticket, merge) = (state.ticket.clone(), state.merge.clone());
            ran.insert(path.clone(), RanScript { ticket, path, ran: hash, now, merge });
        }
    }
    Ok(ran.into_values().collect())
}

/// Containers made from a compose file of this checkout that is not there any more.
fn strays(host: &Host, seen: &Posture) -> Vec<String> {
    let Some(engine) = &seen.runtime.engine else { return Vec::new() };
    let known: BTreeSet<&str> =
        seen.services.values().flat_map(|state| &state.containers).map(|c| c.id.as_str()).gather();
    let is_gone = |file: &Path| file.starts_with(host.root()) && !files::exists(file);
    // An engine that does not answer is a row of every service that needs it.
    let made = compose::survey(engine, &host.surroundings).unwrap_or_default();
    made.into_iter()
        .filter(|made| !known.contains(made.container.id.as_str()))
        .filter(|made| made.files.iter().any(|file| is_gone(file)))
        .map(|made| made.container.name)
        .collect()
}
