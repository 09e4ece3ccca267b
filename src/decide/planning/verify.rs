//! Phase 4: proof that what runs is what was meant. All checks run and all failures are listed, so none waits for another
//! to pass.

use super::draft::{commands, named, step};
use super::health::clocks;
use crate::decide::commands::git;
use crate::decide::past::comparable_hashes;
use crate::decide::site::{Definition, own};
use crate::model::facts::Facts;
use crate::model::id::{Oid, StepName};
use crate::model::phase::Phase;
use crate::model::plan::{AccessWay, Action, Step, VerifyJob};
use crate::model::request::RunRequest;
use crate::model::settings::Settings;

/// HEAD is where the release left it.
pub(in crate::decide) fn head(target: &Oid, phase: Phase) -> Step {
    let title = format!("HEAD is {}", target.short());
    step(named(["verify", "head"]), phase, title, Action::VerifyHead { head: target.clone() })
}

/// Every tracked file is as in a commit, whichever commit HEAD is.
pub(in crate::decide) fn tree(facts: &Facts, commit: &Oid) -> Step {
    let title = format!("every tracked file is as in {}", commit.short());
    let action = commands(vec![git::is_as_in(&facts.host.root, commit)]);
    let timeout = Some(facts.target_settings.run.timeout);
    Step { timeout, ..step(named(["verify", "tree"]), Phase::Verify, title, action) }
}

/// Every check of one service.
pub(in crate::decide) fn service(
    service: &Definition<'_>,
    request: Option<&RunRequest>,
    name: StepName,
    phase: Phase,
) -> Step {
    let clocks = clocks(service, request);
    let access = &service.spec.access;
    let ways = [
        (AccessWay::Local, &access.local),
        (AccessWay::Proxy, &access.proxy),
        (AccessWay::Domain, &access.domain),
    ];
    let job = VerifyJob {
        service: service.name().clone(),
        driver: service.spec.driver.clone(),
        images: service.images(),
        config: comparable_hashes(service),
        probe: service.spec.health.clone(),
        access: ways.into_iter().filter_map(|(way, url)| Some((way, url.clone()?))).collect(),
        deadline: clocks.deadline,
        interval: clocks.interval,
    };
    let title = format!("{} runs as it is meant to", service.name());
    let action = Action::VerifyService(Box::new(job));
    Step { service: Some(service.name().clone()), ..step(name, phase, title, action) }
}

/// Health surfaces of the application, then the host's own checks, in configuration order.
pub(in crate::decide) fn of_host(facts: &Facts, settings: &Settings, phase: Phase) -> Vec<Step> {
    let surfaces = settings.surfaces.iter().map(|surface| {
        let title = format!("surface {} answers at {}", surface.name, surface.probe.url);
        step(named(["surface", &surface.name]), phase, title, Action::Surface(surface.clone()))
    });
    let own = own(facts, settings);
    let checks = settings.verify.iter().map(|check| {
        let title = format!("check {}", check.name);
        let action = commands(vec![own.program(&check.run)]);
        let timeout = Some(check.timeout.unwrap_or(settings.run.timeout));
        Step { timeout, ..step(named(["verify", &check.name]), phase, title, action) }
    });
    surfaces.chain(checks).collect()
}
