//! `status [SERVICE…]`: what runs on this host, whether it is well, and whose release it is.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::drivers::probe::{self, Answer};
use crate::model::arrange::Arrange;
use crate::model::facts::{ContainerState, RunState, ServiceState, StepEnd};
use crate::model::gather::Gather;
use crate::model::id::{ServiceName, StepName};
use crate::model::release::ReleaseState;
use crate::model::spec::{DriverSpec, ProbeSpec, ServiceSpec};
use crate::model::view::{SinceBy, StatusRow, StatusView};
use crate::ops::error::OpsError;
use crate::ops::facts::untrusted;
use crate::ops::host::Host;
use crate::sys::beside;

use super::posture::Posture;
use super::rows::{Present, holder_view};

/// How long a service may take to answer whether it is well.
const PATIENCE: Duration = Duration::from_secs(3);

/// The posture of this host: all services, or those that are named.
///
/// # Errors
/// A usage error for a name that is no service here; what makes looking impossible.
pub fn status(host: &Host, only: &[ServiceName]) -> Result<StatusView, OpsError> {
    known_services(host, only)?;
    let seen = Posture::observe(host)?;
    let present = Present::look(host)?;
    let release = seen.releases.iter().rfind(|state| state.is_unfinished());
    let begun = || seen.releases.iter().filter(|state| state.was_begun());
    let release = release.or_else(|| begun().max_by_key(|state| state.updated_at));
    Ok(StatusView {
        host: host.name.clone(),
        head: seen.head.clone(),
        branch: seen.branch.as_ref().and_then(|branch| branch.parse().ok()),
        runner: present.holder().map(|holder| holder_view(holder, host.clock.now())),
        release: release.map(|state| present.row(state)),
        services: service_rows(host, &seen, only),
        notes: notes(&seen, release),
    })
}

/// Each service, or those that are named, with what it answers at this moment.
pub(in crate::ops) fn service_rows(host: &Host, seen: &Posture, only: &[ServiceName]) -> Vec<StatusRow> {
    let wanted: Vec<&ServiceSpec> = seen
        .settings
        .services
        .values()
        .filter(|service| only.is_empty() || only.contains(&service.name))
        .collect();
    let answers = ask_all(&wanted);
    wanted.iter().map(|service| row(host, seen, service, answers.get(&service.name))).collect()
}

/// Refuses names that are no services of this host.
pub(in crate::ops) fn known_services(host: &Host, names: &[ServiceName]) -> Result<(), OpsError> {
    let services = &host.settings.services;
    let Some(unknown) = names.iter().find(|name| !services.contains_key(*name)) else { return Ok(()) };
    let known: Vec<&str> = services.keys().map(ServiceName::as_str).collect();
    Err(OpsError::Usage {
        what: format!("`{unknown}` is no service of this host"),
        hint: format!("its services are: {}", known.join(", ")),
    })
}

/// Asks every service that has a probe, side by side.
fn ask_all(services: &[&ServiceSpec]) -> BTreeMap<ServiceName, Answer> {
    let probed = |service: &&&ServiceSpec| service.health.as_ref().is_some_and(has_address);
    thread::scope(|scope| {
        let asked: Vec<_> = services
            .iter()
            .filter(probed)
            .filter_map(|service| Some((service.name.clone(), service.health.clone()?)))
            .map(|(name, spec)| (name, beside(scope, move || probe::ask(&spec, PATIENCE))))
            .collect();
        let answered = asked.into_iter().map(|(name, thread)| (name, thread.join()));
        answered.gather()
    })
}

/// A path alone can be asked only once compose has said on which port.
fn has_address(probe: &ProbeSpec) -> bool {
    probe.url.contains("://")
}

fn row(host: &Host, seen: &Posture, service: &ServiceSpec, answer: Option<&Answer>) -> StatusRow {
    let unseen = ServiceState::default();
    let state = seen.services.get(&service.name).unwrap_or(&unseen);
    let (health, well) = health(state, answer);
    let (since, since_by) = since(host, seen, &service.name, state).unzip();
    StatusRow {
        service: service.name.clone(),
        driver: match service.driver {
            DriverSpec::Compose(_) => "compose",
            DriverSpec::Command(_) => "command",
        }
        .to_owned(),
        run: state.run,
        health,
        well,
        image: running_image(state),
        intended: intended_image(seen, service),
        digest: digest(state),
        restarts: state.containers.iter().map(|container| container.restarts).reduce(u32::saturating_add),
        since,
        since_by,
        last_release: last_release(seen, &service.name),
        containers: state.containers.clone(),
        trouble: trouble(state),
    }
}

/// What its probe says, else what its containers' healthchecks say; and whether that is good.
fn health(state: &ServiceState, answer: Option<&Answer>) -> (Option<String>, bool) {
    if let Some(answer) = answer {
        let words = match answer.well {
            true => "healthy".to_owned(),
            false if answer.status == 0 && !answer.detail.is_empty() => format!("HTTP 0: {}", answer.detail),
            false => format!("HTTP {}", answer.status),
        };
        return (Some(words), answer.well);
    }
    let checked = state.containers.iter().filter_map(|container| container.health.as_deref());
    let worst = checked.max_by_key(|word| match *word {
        "unhealthy" => 2,
        "starting" => 1,
        _ => 0,
    });
    match worst {
        Some(word) => (Some(word.to_owned()), word == "healthy"),
        None => (None, state.run == RunState::Running),
    }
}

fn running_image(state: &ServiceState) -> Option<String> {
    let mut images: Vec<&str> = state.containers.iter().map(|container| container.image.as_str()).collect();
    images.sort_unstable();
    images.dedup();
    if images.is_empty() { state.image.clone() } else { Some(images.join(" ")) }
}

/// The identities of its containers' images.
fn digest(state: &ServiceState) -> Option<String> {
    let of = |container: &ContainerState| container.digest.clone().unwrap_or(container.image_id.clone());
    let mut identities: Vec<String> = state.containers.iter().map(of).filter(|id| !id.is_empty()).collect();
    identities.sort_unstable();
    identities.dedup();
    (!identities.is_empty()).then(|| identities.join(" "))
}

fn intended_image(seen: &Posture, service: &ServiceSpec) -> Option<String> {
    let parts = seen.compose.get(&service.name).map(|resolved| resolved.parts.values());
    let mut images: Vec<&str> =
        parts.into_iter().flatten().filter_map(|part| part.image.as_deref()).collect();
    images.sort_unstable();
    images.dedup();
    match &service.image {
        Some(image) if images.len() < 2 => Some(image.clone()),
        _ if images.is_empty() => None,
        _ => Some(images.join(" ")),
    }
}

/// Since when it is up: its containers know; of a service without containers the record says when we started it last.
fn since(
    host: &Host,
    seen: &Posture,
    service: &ServiceName,
    state: &ServiceState,
) -> Option<(DateTime<Utc>, SinceBy)> {
    if !matches!(state.run, RunState::Running | RunState::Partly) {
        return None;
    }
    let container = state.containers.iter().filter_map(|container| container.started_at).min();
    if let Some(at) = container {
        return Some((at, SinceBy::Container));
    }
    let mut touched: Vec<&ReleaseState> =
        seen.releases.iter().filter(|state| state.services.contains(service)).collect();
    touched.arrange_by_key(|state| std::cmp::Reverse(state.updated_at));
    let name = service.as_str();
    let names = [[name, "start"], [name, "recreate"]].map(StepName::new);
    let back = StepName::new(["revert", name, "start"]);
    touched.iter().find_map(|release| {
        // A log that cannot be read is `state`'s and `doctor`'s to tell of.
        let history = host.store.history(&release.ticket).ok().flatten()?;
        let started = names.iter().chain([&back]).filter_map(|name| history.steps.get(name));
        let at =
            started.filter(|record| record.end == StepEnd::Done).map(|record| record.started_at).max()?;
        Some((at, SinceBy::Record))
    })
}

fn last_release(seen: &Posture, service: &ServiceName) -> Option<String> {
    let touched = |state: &&ReleaseState| state.merge.is_some() && state.services.contains(service);
    let state = seen.releases.iter().filter(touched).max_by_key(|state| state.updated_at)?;
    Some(format!("{}@{}", state.ticket, state.attempt))
}

fn trouble(state: &ServiceState) -> Option<String> {
    let leftover = (!state.leftover.is_empty())
        .then(|| format!("left over from an interrupted recreate: {}", state.leftover.join(", ")));
    match (&state.trouble, leftover) {
        (Some(trouble), Some(leftover)) => Some(format!("{trouble}\n{leftover}")),
        (trouble, leftover) => trouble.clone().or(leftover),
    }
}

fn notes(seen: &Posture, release: Option<&ReleaseState>) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some((ticket, what)) = untrusted(&seen.releases) {
        notes.push(format!(
            "this host is untrusted: `{ticket}` {what}, and nothing has proven it clean since (`holdpoint state {ticket}`)"
        ));
    }
    let wanted = seen.settings.git.branch.as_str();
    if seen.head.is_some() && seen.branch.as_deref() != Some(wanted) {
        let on = seen.branch.as_ref().map_or("no branch".to_owned(), |branch| format!("`{branch}`"));
        notes.push(format!("the checkout is on {on}, not on `{wanted}`"));
    }
    if !seen.dirty.is_empty() {
        let count = seen.dirty.len();
        let files = if count == 1 { "1 file is".to_owned() } else { format!("{count} files are") };
        notes.push(format!("the tree is dirty: {files} not as committed (`git status`)"));
    }
    if release.is_none() {
        notes
            .push("nothing was released or adopted here yet: `holdpoint adopt` records what runs".to_owned());
    }
    notes.extend(seen.troubles.iter().map(|trouble| trouble.fact.clone()));
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(health: Option<&str>) -> ContainerState {
        ContainerState {
            health: health.map(str::to_owned),
            image: "wiki:1".into(),
            ..ContainerState::default()
        }
    }

    fn answer(status: u16, well: bool, detail: &str) -> Answer {
        Answer { status, well, detail: detail.to_owned(), failure: None }
    }

    #[test]
    fn the_probe_has_the_last_word_and_the_worst_container_the_next() {
        let state = ServiceState {
            run: RunState::Running,
            containers: vec![container(Some("healthy")), container(Some("unhealthy")), container(None)],
            ..ServiceState::default()
        };
        assert_eq!(health(&state, None), (Some("unhealthy".to_owned()), false));
        assert_eq!(health(&state, Some(&answer(200, true, ""))), (Some("healthy".to_owned()), true));
        assert_eq!(health(&state, Some(&answer(503, false, "x"))), (Some("HTTP 503".to_owned()), false));
        assert_eq!(
            health(&state, Some(&answer(0, false, "nobody listens"))),
            (Some("HTTP 0: nobody listens".to_owned()), false)
        );
    }

    #[test]
    fn without_anybody_to_ask_running_is_well() {
        let state = ServiceState { run: RunState::Running, ..ServiceState::default() };
        assert_eq!(health(&state, None), (None, true));
        assert_eq!(health(&ServiceState::default(), None), (None, false));
    }
}
