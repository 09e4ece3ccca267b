//! The immutable intent of an attempt (design/05).

use std::collections::BTreeMap;

use crate::decide::site::{Side, define, local_image, running_image};
use crate::model::candidate::Artifact;
use crate::model::facts::{Facts, Schema, ServiceState, Snapshot, SnapshotService};
use crate::model::gather::Gather;
use crate::model::id::ServiceName;
use crate::model::plan::{Plan, Step};

/// Form of [`Snapshot`].
const SNAPSHOT_FORMAT: u32 = 1;

/// What a plan means to do, as it is kept: whoever resumes or reverts compares with it.
pub(super) fn of_plan(
    facts: &Facts,
    plan: &Plan,
    pinned: &BTreeMap<ServiceName, BTreeMap<String, Artifact>>,
) -> Snapshot {
    let scripts = plan.steps.iter().filter_map(|step: &Step| step.script.as_ref());
    Snapshot {
        format: SNAPSHOT_FORMAT,
        attempt: plan.attempt.to_string(),
        trigger: plan.trigger.clone(),
        base: plan.base.clone(),
        target: plan.target.clone(),
        branch: plan.branch.clone(),
        host: facts.host.name.clone(),
        created_at: facts.now,
        plan: String::new(),
        supersedes: plan.supersedes.clone(),
        configuration: facts.target_settings.sources.clone(),
        scripts: scripts.map(|script| (script.path.clone(), script.sha256.clone())).gather(),
        environment: facts.environment.clone(),
        services: plan
            .services
            .iter()
            .map(|planned| {
                let pinned = pinned.get(&planned.name).cloned().unwrap_or_default();
                (planned.name.clone(), SnapshotService { pinned, ..service(facts, &planned.name) })
            })
            .gather(),
    }
}

fn service(facts: &Facts, name: &ServiceName) -> SnapshotService {
    let target = define(facts, Side::Target, name);
    let state = facts.services.get(name);
    let images: BTreeMap<String, String> = target.map(|service| service.images()).unwrap_or_default();
    let ids: Vec<&str> = images.values().filter_map(|image| local_image(facts, image)).collect();
    let hashes = target.map(|service| service.config_hashes()).unwrap_or_default();
    let ran: Vec<&str> = state
        .map(|state| state.containers.iter().map(|c| c.digest.as_deref().unwrap_or(&c.image_id)).collect())
        .unwrap_or_default();
    SnapshotService {
        image: target.and_then(|service| service.image_line()),
        identity: joined(&ids),
        config_hash: joined(&hashes.iter().map(|(part, hash)| format!("{part}={hash}")).collect::<Vec<_>>()),
        image_before: state.and_then(running_image),
        identity_before: joined(&ran).or_else(|| state.and_then(|state| state.image.clone())),
        schema: state.and_then(schema),
        pinned: BTreeMap::new(),
    }
}

/// The version of its data before the release.
fn schema(state: &ServiceState) -> Option<String> {
    match state.schema.as_ref()? {
        Schema::Version(version) => Some(version.clone()),
        Schema::Unknown(_) => None,
    }
}

fn joined<T: AsRef<str>>(words: &[T]) -> Option<String> {
    let words: Vec<&str> = words.iter().map(AsRef::as_ref).filter(|word| !word.is_empty()).collect();
    (!words.is_empty()).then(|| words.join(" "))
}
