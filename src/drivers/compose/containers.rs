//! What runs: containers by their compose labels.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::ComposeError;
use super::local::engine_says;
use super::membership::{Labels, Membership, without_hex};
use crate::drivers::Surroundings;
use crate::model::arrange::Arrange;
use crate::model::facts::{ContainerState, RunState, ServiceState};
use crate::model::gather::Gather;
use crate::model::id::ServiceName;
use crate::model::spec::ComposeSpec;

/// What runs for each of these services. Two processes for all of them. Containers of the same compose file under
/// another project name are listed too, but do not count as running.
///
/// # Errors
/// [`ComposeError::Tools`] when the engine does not answer.
pub fn states(
    engine: &str,
    services: &[(&ServiceName, &ComposeSpec)],
    surroundings: &Surroundings,
) -> Result<BTreeMap<ServiceName, ServiceState>, ComposeError> {
    let containers = composed_containers(engine, surroundings)?;
    let states = services.iter().map(|(name, spec)| {
        let members = Membership::new(name, spec, surroundings);
        ((*name).clone(), state(&members, &containers))
    });
    Ok(states.gather())
}

/// Every container on this host that compose made.
pub(super) fn composed_containers(
    engine: &str,
    surroundings: &Surroundings,
) -> Result<Vec<(ContainerState, Labels)>, ComposeError> {
    let label = "label=com.docker.compose.project";
    let listed =
        engine_says(engine, ["ps", "--all", "--quiet", "--no-trunc", "--filter", label], surroundings)?;
    let ids = listed.text();
    let ids: Vec<&str> = ids.split_whitespace().collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let said = engine_says(engine, ["container", "inspect", "--"].into_iter().chain(ids), surroundings)?;
    containers(&said.text())
        .map_err(|said| ComposeError::Unreadable { what: format!("`{engine} container inspect`"), said })
}

/// Reads `inspect`. One that vanished since it was listed is simply not there.
pub(super) fn containers(answer: &str) -> Result<Vec<(ContainerState, Labels)>, String> {
    let answer: Vec<Value> = serde_json::from_str(if answer.trim().is_empty() { "[]" } else { answer })
        .map_err(|error| error.to_string())?;
    Ok(answer.iter().map(container).collect())
}

fn container(value: &Value) -> (ContainerState, Labels) {
    let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let number = |pointer: &str| value.pointer(pointer).and_then(Value::as_i64);
    let label = |name: &str| {
        let labels = value.pointer("/Config/Labels");
        labels.and_then(|l| l.get(name)).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let labels = Labels {
        project: label("com.docker.compose.project"),
        part: label("com.docker.compose.service"),
        files: label("com.docker.compose.project.config_files"),
        folder: label("com.docker.compose.project.working_dir"),
        is_one_off: label("com.docker.compose.oneoff").eq_ignore_ascii_case("true"),
    };
    let state = text("/State/Status");
    let ended = matches!(state.as_str(), "exited" | "dead");
    let mounts = value.get("Mounts").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let volume = |mount: &Value| {
        let field = |name: &str| mount.get(name).and_then(Value::as_str).map(ToOwned::to_owned);
        (field("Type")? == "volume").then_some((field("Name")?, field("Destination")?))
    };
    let container = ContainerState {
        id: text("/Id"),
        name: text("/Name").trim_start_matches('/').to_owned(),
        part: labels.part.clone(),
        image: text("/Config/Image"),
        image_id: text("/Image"),
        digest: Some(text("/ImageDigest")).filter(|digest| !digest.is_empty()),
        health: Some(text("/State/Health/Status"))
            .filter(|health| !health.is_empty())
            .or_else(|| Some(text("/State/Healthcheck/Status")).filter(|health| !health.is_empty())),
        exit_code: number("/State/ExitCode").filter(|_| ended).and_then(|code| i32::try_from(code).ok()),
        restarts: number("/RestartCount").and_then(|count| u32::try_from(count).ok()).unwrap_or(0),
        created_at: moment(&text("/Created")),
        started_at: moment(&text("/State/StartedAt")),
        project: labels.project.clone(),
        config_hash: label("com.docker.compose.config-hash"),
        volumes: mounts.iter().filter_map(volume).gather(),
        state,
    };
    (container, labels)
}

/// A time as the engine writes it; its year 1 means never.
fn moment(text: &str) -> Option<DateTime<Utc>> {
    let at = DateTime::parse_from_rfc3339(text).ok()?.to_utc();
    (at.timestamp() > 0).then_some(at)
}

pub(super) fn state(members: &Membership<'_>, containers: &[(ContainerState, Labels)]) -> ServiceState {
    let ours = containers
        .iter()
        .filter(|(container, labels)| !labels.is_one_off && members.has(&container.name, labels));
    let (leftover, mut ours): (Vec<_>, Vec<_>) = ours
        .map(|(container, _)| container.clone())
        .partition(|container| without_hex(&container.name).is_some());
    ours.arrange_by(|a, b| a.name.cmp(&b.name));
    let mut leftover: Vec<String> = leftover.into_iter().map(|container| container.name).collect();
    leftover.sort();
    let run = run_state(members, &ours);
    ServiceState { run, containers: ours, leftover, ..ServiceState::default() }
}

/// Running: every part has a container that runs, or one that did its work and ended well beside one that runs.
fn run_state(members: &Membership<'_>, containers: &[ContainerState]) -> RunState {
    let ours: Vec<&ContainerState> = containers.iter().filter(|c| c.project == members.project).collect();
    if ours.is_empty() {
        return RunState::Absent;
    }
    let runs = |container: &&ContainerState| container.state == "running";
    let is_well = |c: &&ContainerState| runs(c) || c.state == "exited" && c.exit_code == Some(0);
    let parts_there = members.parts().iter().all(|part| ours.iter().any(|c| c.part == *part));
    let named_run = members.containers().iter().all(|name| ours.iter().any(|c| c.name == *name && runs(c)));
    if ours.iter().all(is_well) && ours.iter().any(runs) && parts_there && named_run {
        return RunState::Running;
    }
    let is_active = |c: &&ContainerState| matches!(c.state.as_str(), "running" | "restarting" | "paused");
    if ours.iter().any(is_active) { RunState::Partly } else { RunState::Stopped }
}
