//! Proves that what runs is what was meant. Every check runs; all failures are listed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::drivers::{compose, probe};
use crate::engine::failure::Failure;
use crate::model::event::Progress;
use crate::model::facts::{ContainerState, ServiceState};
use crate::model::gather::Gather;
use crate::model::id::Oid;
use crate::model::plan::{AccessWay, VerifyJob};
use crate::model::projection::field;
use crate::model::settings::Surface;
use crate::model::spec::DriverSpec;

use super::commands::observe;
use super::effects::{Effects, Work};
use super::health::{ANSWER_WITHIN, http_cause, state_causes};

/// HEAD is where the release left it.
pub(super) fn head(work: Work<'_>, wanted: &Oid) -> Result<Effects, Failure> {
    let head = work.context.git.head()?;
    if head == *wanted {
        return Ok(Effects::default().msg("1 check"));
    }
    let mut failure = Failure::new("head", format!("HEAD is {}, not {}", head.short(), wanted.short()));
    failure.causes = vec![format!("head: got {}, expected {}", head.short(), wanted.short())];
    failure.checks = 1;
    Err(failure.hint("somebody moved the tree: look with `git reflog`"))
}

/// Every check of one service, again and again with growing pauses until all pass or the deadline is over.
pub(super) fn service(work: Work<'_>, job: &VerifyJob) -> Result<Effects, Failure> {
    let clock = &work.context.clock;
    let began = clock.monotonic();
    let mut pause = Duration::from_millis(50).min(job.interval.0);
    loop {
        let (checks, causes, state) = check(work, job);
        if causes.is_empty() {
            let plural = if checks == 1 { "" } else { "s" };
            return Ok(proven(&state).msg(format!("{checks} check{plural}")));
        }
        let waited = clock.monotonic().saturating_sub(began);
        if waited >= job.deadline.0 {
            let summary = format!("`{}` is not as it should be after {}", job.service, job.deadline);
            return Err(Failure { causes, checks, ..Failure::new("verify", summary) });
        }
        let step = work.step.name.clone();
        work.recorder.progress(&Progress::Waiting { step, detail: causes.join("; ") });
        work.wait(pause)?;
        pause = (pause * 2).min(job.interval.0.max(Duration::from_secs(1)));
    }
}

/// What ran when it was proven: a rollback puts exactly that back.
fn proven(state: &ServiceState) -> Effects {
    let each = |value: fn(&ContainerState) -> &str| {
        let known = state.containers.iter().filter(|container| !container.image_id.is_empty());
        let parts: BTreeMap<&str, &str> =
            known.map(|container| (container.part.as_str(), value(container))).gather();
        let words: Vec<String> = parts.iter().map(|(part, value)| format!("{part}={value}")).collect();
        words.join(" ")
    };
    let ids = each(|container| &container.image_id);
    if ids.is_empty() {
        return Effects::default();
    }
    Effects::default()
        .detail(field::ARTIFACTS, &ids)
        .detail(field::IMAGES, each(|container| &container.image))
}

/// How many checks there were, what is not as it should be, and what runs.
fn check(work: Work<'_>, job: &VerifyJob) -> (usize, Vec<String>, ServiceState) {
    let state = observe(work, &job.service, &job.driver);
    let mut causes = state_causes(job.service.as_str(), &state);
    let mut checks = 1 + job.images.len() + job.config.len();
    causes.extend(image_causes(job, &state, &local_ids(work, job)));
    let labels = labels(work, job);
    for part in job.config.keys() {
        let differs =
            |wanted: &String| state.containers.iter().any(|c| c.part == *part && c.config_hash != *wanted);
        if labels.get(part).is_some_and(differs) {
            causes.push(format!("{}.config: drifted", job.service));
        }
    }
    if let Some(question) = &job.probe {
        checks += 1;
        let answer = probe::ask(question, ANSWER_WITHIN);
        if !answer.well {
            causes.push(http_cause(job.service.as_str(), &answer));
        }
    }
    for (way, url) in &job.access {
        checks += 1;
        if let Some(cause) = access_cause(job, *way, url) {
            causes.push(cause);
            break;
        }
    }
    (checks, causes, state)
}

/// What the containers' labels should say, by compose itself and now: the tree has moved and the images are here.
fn labels(work: Work<'_>, job: &VerifyJob) -> BTreeMap<String, String> {
    match (&job.driver, &work.context.runtime.compose) {
        (DriverSpec::Compose(spec), Some(compose)) if !job.config.is_empty() => {
            compose::hashes(compose, spec, work.context.surroundings).unwrap_or_default()
        }
        _ => BTreeMap::new(),
    }
}

/// The id that each wanted image reference has on this host now: a tag may have moved under a running container.
fn local_ids(work: Work<'_>, job: &VerifyJob) -> BTreeMap<String, String> {
    let (DriverSpec::Compose(_), Some(engine)) = (&job.driver, &work.context.runtime.engine) else {
        return BTreeMap::new();
    };
    let wanted: BTreeSet<String> = job.images.values().cloned().gather();
    compose::images(engine, &wanted, work.context.surroundings).unwrap_or_default()
}

/// `✗ <service>.image: got X:1, expected X:2`
fn image_causes(job: &VerifyJob, state: &ServiceState, ids: &BTreeMap<String, String>) -> Vec<String> {
    let service = &job.service;
    let mut causes = Vec::new();
    for (part, wanted) in &job.images {
        if state.containers.is_empty() {
            match &state.image {
                Some(got) if got == wanted => {}
                Some(got) => causes.push(format!("{service}.image: got {got}, expected {wanted}")),
                None => causes.push(format!("{service}.image: got nothing, expected {wanted}")),
            }
            continue;
        }
        let mut seen = false;
        for container in state.containers.iter().filter(|container| container.part == *part) {
            seen = true;
            let got = &container.image;
            if got != wanted {
                causes.push(format!("{service}.image: got {got}, expected {wanted}"));
            } else if let Some(id) = ids.get(wanted).filter(|id| **id != container.image_id) {
                let short = |id: &str| id.trim_start_matches("sha256:").chars().take(12).collect::<String>();
                let (old, new) = (short(&container.image_id), short(id));
                causes.push(format!("{service}.image: got {got} ({old}), expected {wanted} ({new})"));
            }
        }
        if !seen {
            causes.push(format!("{service}.image: got nothing, expected {wanted}"));
        }
    }
    causes
}

fn access_cause(job: &VerifyJob, way: AccessWay, url: &str) -> Option<String> {
    let answer = probe::ask_url(url, ANSWER_WITHIN);
    if answer.well {
        return None;
    }
    let service = &job.service;
    let said = format!("HTTP {}{}", answer.status, detail(&answer.detail));
    Some(match way {
        AccessWay::Local => format!("{service}.local: {said}"),
        AccessWay::Proxy => {
            format!("{service}.access: {said} (look at proxy readiness, then the network profile)")
        }
        AccessWay::Domain => format!("{service}.domain: {said} (look at DNS, then the certificate)"),
    })
}

fn detail(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(": {text}") }
}

/// A health surface of the application answers as it should within its deadline.
pub(super) fn surface(work: Work<'_>, surface: &Surface) -> Result<Effects, Failure> {
    let clock = &work.context.clock;
    let began = clock.monotonic();
    loop {
        let answer = probe::ask(&surface.probe, ANSWER_WITHIN);
        if answer.well {
            return Ok(Effects::default().msg("1 check"));
        }
        if clock.monotonic().saturating_sub(began) >= surface.probe.deadline.0 {
            let cause = format!("{}: HTTP {}{}", surface.name, answer.status, detail(&answer.detail));
            let mut failure = Failure::new("surface", format!("surface `{}` is not well", surface.name));
            failure.causes = vec![cause];
            failure.checks = 1;
            return Err(failure);
        }
        work.wait(surface.probe.interval.0)?;
    }
}
