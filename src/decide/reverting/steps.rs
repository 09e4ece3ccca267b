//! The steps of a revert, in order: safety copies, stop (dependants first), revert scripts, git, restore, start (dependencies
//! first), proof against BASE.

use std::collections::{BTreeMap, BTreeSet};

use super::images::{self, OldImages};
use super::scope::{Scope, WayBack};
use super::scripts;
use crate::decide::commands::git::{self, Author};
use crate::decide::commands::postgres::Present;
use crate::decide::order::needs;
use crate::decide::planning::{
    backup_definition, chained, changing, clocks, commands, named, step, verify, waiting,
};
use crate::decide::restoring::{self, Manner, Restore};
use crate::decide::saving::{self, Purpose, Small};
use crate::decide::site::{Definition, Side, define, engine};
use crate::model::gather::Gather;
use crate::model::id::{ServiceName, StepName};
use crate::model::phase::Phase;
use crate::model::plan::{Action, DoneWhen, ServiceChange, Step, WhenUnknown};
use crate::model::spec::{CommandSpec, DriverSpec};

/// The steps, and what stands in their way.
#[derive(Default)]
pub(super) struct Way {
    pub(super) steps: Vec<Step>,
    /// Old images that are neither here nor to be had: `service: reference`.
    pub(super) missing_images: Vec<String>,
    /// Data that cannot be copied or put back here.
    pub(super) impossible: Vec<String>,
    /// Databases that stay beside the restored ones.
    pub(super) aside: Vec<String>,
}

/// All steps of the revert.
pub(super) fn of(scope: &Scope<'_>) -> Way {
    let mut way = Way::default();
    let safety = safety(scope, &mut way);
    let old = old_images(scope, &mut way);
    let pulls: Vec<Step> = old
        .iter()
        .filter_map(|(name, images)| {
            images::pull(&define(scope.facts, scope.tree_after(), name)?, &images.pulls)
        })
        .collect();
    let before_stop: Vec<StepName> = ends(&safety).into_iter().chain(names(&pulls)).collect();
    let mut stops = chained(stops(scope));
    wait_for(&mut stops, &before_stop);
    let mut scripts = chained(scripts::steps(scope));
    wait_for(&mut scripts, &last_or(&stops, &before_stop));
    let before_git = last_or(&scripts, &last_or(&stops, &before_stop));
    let mut git: Vec<Step> = tree(scope).into_iter().collect();
    wait_for(&mut git, &before_git);
    let before_restore = last_or(&git, &before_git);
    let up = coming_up(scope, &old, &before_restore, &mut way);
    let verify = proof(scope, &up, &before_restore);
    way.steps = [safety.concat(), pulls, stops, scripts, git, up, verify].concat();
    way
}

fn names(steps: &[Step]) -> Vec<StepName> {
    steps.iter().map(|step| step.name.clone()).collect()
}

/// Last steps of chains that run side by side.
fn ends(chains: &[Vec<Step>]) -> Vec<StepName> {
    chains.iter().filter_map(|chain| Some(chain.last()?.name.clone())).collect()
}

/// The first of a chain waits for these.
fn wait_for(chain: &mut [Step], before: &[StepName]) {
    if let Some(first) = chain.first_mut() {
        first.after.extend(before.iter().cloned());
    }
}

/// What comes next waits for the end of this chain, or for what this chain would have waited for.
fn last_or(chain: &[Step], before: &[StepName]) -> Vec<StepName> {
    chain.last().map_or_else(|| before.to_vec(), |last| vec![last.name.clone()])
}

/// A copy of the present data of each service that is restored. A server that is down cannot be read: its data then stays
/// beside the restored one, under another name.
fn safety(scope: &Scope<'_>, way: &mut Way) -> Vec<Vec<Step>> {
    let taken_for = format!("safety:{}", scope.state.ticket);
    let purpose = Purpose {
        prefix: "safety",
        phase: Phase::Revert,
        taken_for: &taken_for,
        tree: scope.tree_now(),
        small: Small::Accepted,
    };
    let mut chains = Vec::new();
    for name in scope.data.keys() {
        let Some(service) = backup_definition(scope.facts, name) else { continue };
        if has_server_down(scope, &service) {
            continue;
        }
        match saving::steps(&service, purpose) {
            Ok(chain) => chains.push(chain),
            Err(why) => way.impossible.extend(why),
        }
    }
    chains
}

/// Whether an entry lives in a server that does not run.
fn has_server_down(scope: &Scope<'_>, service: &Definition<'_>) -> bool {
    saving::entries(service).iter().any(|(_, entry)| {
        let server = match &entry.kind {
            crate::model::spec::BackupKind::Postgres { within, .. }
            | crate::model::spec::BackupKind::Mysql { within, .. } => within.as_ref(),
            _ => None,
        };
        server
            .and_then(|name| define(scope.facts, scope.tree_now(), name))
            .is_some_and(|server| !server.is_up())
    })
}

fn old_images(scope: &Scope<'_>, way: &mut Way) -> BTreeMap<ServiceName, OldImages> {
    let chain = images::chain(scope.facts, scope.state);
    let mut old = BTreeMap::new();
    for service in coming_back(scope) {
        let images = images::of(&service, &chain);
        way.missing_images.extend(images.missing.iter().map(|image| format!("{}: {image}", service.name())));
        old.insert(service.name().clone(), images);
    }
    old
}

/// Services that run again afterwards, as the tree then defines them, in dependency order.
fn coming_back<'a>(scope: &Scope<'a>) -> Vec<Definition<'a>> {
    let side = scope.tree_after();
    let gone = if side == Side::Base { ServiceChange::Added } else { ServiceChange::Removed };
    let names = scope.services.iter().filter(|(_, change)| *change != gone).map(|(name, _)| name);
    names.filter_map(|name| define(scope.facts, side, name)).collect()
}

/// Dependants first. What the release added goes altogether; it is stopped before git takes its definition away.
fn stops(scope: &Scope<'_>) -> Vec<Step> {
    let mut steps = Vec::new();
    for (name, change) in scope.services.iter().rev() {
        let is_going = *change == ServiceChange::Added && scope.tree_after() == Side::Base;
        let now = define(scope.facts, scope.tree_now(), name);
        let Some(service) = now
            .or_else(|| define(scope.facts, Side::Target, name))
            .or_else(|| define(scope.facts, Side::Base, name))
        else {
            continue;
        };
        let list = match &service.spec.driver {
            DriverSpec::Compose(_) => stop_containers(scope, &service, is_going && now.is_some()),
            DriverSpec::Command(own) if is_stop_needed(scope, &service) => {
                vec![service.own().program(&own.stop)]
            }
            DriverSpec::Command(_) => Vec::new(),
        };
        let step_name = named(["revert", name.as_str(), "stop"]);
        if list.is_empty() {
            continue;
        }
        let seen = DoneWhen::Stopped { driver: service.spec.driver.clone(), service: name.clone() };
        let title =
            if is_going { format!("stop {name}, which the release added") } else { format!("stop {name}") };
        steps.push(changing(&service, step_name, Phase::Revert, title, list, Some(seen)));
    }
    steps
}

/// A service that is down already is not stopped again, unless its stop is what has to be shown as done.
fn is_stop_needed(scope: &Scope<'_>, service: &Definition<'_>) -> bool {
    let name = named(["revert", service.name().as_str(), "stop"]);
    service.is_up() || scope.history.steps.contains_key(&name)
}

fn stop_containers(scope: &Scope<'_>, service: &Definition<'_>, is_going: bool) -> Vec<CommandSpec> {
    if is_going {
        return service.call().map(|call| call.remove(service.part_names())).into_iter().collect();
    }
    let names: Vec<&str> = service.containers().iter().map(|container| container.name.as_str()).collect();
    if names.is_empty() { Vec::new() } else { vec![engine(scope.facts).on("stop", names)] }
}

/// The tree goes back: one commit with BASE's content, or the branch that was checked out before.
fn tree(scope: &Scope<'_>) -> Option<Step> {
    let facts = scope.facts;
    let (root, base) = (&facts.host.root, &scope.state.base);
    let has_begun = scope.history.steps.contains_key(&named(["revert", "git"]));
    let (list, title) = match scope.way_back() {
        WayBack::None if !has_begun || scope.request.git == crate::model::request::Take::Leave => {
            return None;
        }
        WayBack::None | WayBack::Commit => {
            let by = Author { operator: &facts.host.operator, host: &facts.host.name };
            let also: Vec<_> = scope.later.iter().map(|state| state.ticket.clone()).collect();
            let title =
                format!("commit the content of {} (Revert release {})", base.short(), scope.state.ticket);
            (git::revert(root, &scope.state.ticket, &also, base, &by), title)
        }
        WayBack::Switch => {
            let main = &facts.base_settings.git.branch;
            (vec![git::switch_back(root, main)], format!("switch back to {main}"))
        }
    };
    let action =
        Action::Commands { commands: list, done_when: Some(DoneWhen::TreeOf { commit: base.clone() }) };
    Some(Step {
        when_unknown: WhenUnknown::Check,
        changes: true,
        timeout: Some(facts.base_settings.run.timeout),
        ..step(named(["revert", "git"]), Phase::Revert, title, action)
    })
}

/// Restore and start, service by service: data before the service that owns it, servers before the data that lives in them,
/// dependencies before dependants.
fn coming_up(
    scope: &Scope<'_>,
    old: &BTreeMap<ServiceName, OldImages>,
    before: &[StepName],
    way: &mut Way,
) -> Vec<Step> {
    let services = coming_back(scope);
    let given: BTreeSet<ServiceName> = services.iter().map(|service| service.name().clone()).gather();
    let needs = needs(scope.facts, &given);
    // The step after which a service is up; and those after which it is ready, with its data.
    let up = |name: &ServiceName| given.contains(name).then(|| named(["revert", name.as_str(), "health"]));
    let mut ready: BTreeMap<ServiceName, Vec<StepName>> = BTreeMap::new();
    let mut steps = Vec::new();
    for service in services {
        let name = service.name();
        let restores = restores(scope, name, way);
        let needed: Vec<StepName> = needs
            .get(name)
            .into_iter()
            .flatten()
            .filter_map(|need| ready.get(need))
            .flatten()
            .cloned()
            .collect();
        let mut before_start: Vec<StepName> = before.iter().chain(&needed).cloned().collect();
        let (inside, first): (Vec<Restore>, Vec<Restore>) =
            restores.into_iter().partition(|restore| restore.server.as_ref() == Some(name));
        for restore in first {
            let server = restore.server.as_ref().and_then(&up);
            let after = before.iter().cloned().chain(server).collect();
            before_start.push(restore.step.name.clone());
            steps.push(Step { after, ..restore.step });
        }
        let mut starting = start(&service, old.get(name));
        wait_for(&mut starting, &before_start);
        let mut ends = last_or(&starting, &before_start);
        steps.extend(starting);
        for restore in inside {
            let step = Step { after: ends, ..restore.step };
            ends = vec![step.name.clone()];
            steps.push(step);
        }
        ready.insert(name.clone(), ends);
    }
    steps
}

fn restores(scope: &Scope<'_>, name: &ServiceName, way: &mut Way) -> Vec<Restore> {
    let (Some(service), Some(set)) = (backup_definition(scope.facts, name), scope.set(name)) else {
        return Vec::new();
    };
    let present = if has_server_down(scope, &service) { Present::Stays } else { Present::Goes };
    let manner = Manner { tree: scope.tree_after(), mark: &scope.mark(), present };
    match restoring::steps(&service, set, manner) {
        Ok(restores) => {
            let kept = restores.iter().filter_map(|restore| restore.aside.as_ref());
            way.aside.extend(kept.map(|aside| format!("{name}: database {aside}")));
            restores
        }
        Err(why) => {
            way.impossible.extend(why);
            Vec::new()
        }
    }
}

/// Starts a service as the tree defines it, with its old images, and waits until it is well.
pub(super) fn start(service: &Definition<'_>, old: Option<&OldImages>) -> Vec<Step> {
    let name = service.name();
    let started = named(["revert", name.as_str(), "start"]);
    let (list, seen) = match &service.spec.driver {
        DriverSpec::Compose(_) => {
            let Some(call) = service.call() else { return Vec::new() };
            let mut list = old.map(|old| old.tags.clone()).unwrap_or_default();
            let builds = old.map(|old| old.builds.as_slice()).unwrap_or_default();
            if !builds.is_empty() {
                list.push(call.build(builds.iter().map(String::as_str)));
            }
            list.push(call.recreate(service.part_names()));
            (list, DoneWhen::Recreated { driver: service.spec.driver.clone(), service: name.clone() })
        }
        DriverSpec::Command(own) => {
            let seen = DoneWhen::Running { driver: service.spec.driver.clone(), service: name.clone() };
            (vec![service.own().program(&own.start)], seen)
        }
    };
    let what = service.image_line().map(|image| format!(" ({image})")).unwrap_or_default();
    let title = format!("start {name}{what}");
    let health = named(["revert", name.as_str(), "health"]);
    chained(vec![
        changing(service, started, Phase::Revert, title, list, Some(seen)),
        waiting(service, clocks(service, None), health, Phase::Revert),
    ])
}

/// `revert.verify`: the tree and every service are what they were.
fn proof(scope: &Scope<'_>, up: &[Step], before: &[StepName]) -> Vec<Step> {
    let waits: Vec<StepName> = if up.is_empty() { before.to_vec() } else { names(up) };
    let mut steps = Vec::new();
    if scope.tree_after() == Side::Base {
        let base = &scope.state.base;
        let title = format!("every tracked file is as in {}", base.short());
        let action = commands(vec![git::is_as_in(&scope.facts.host.root, base)]);
        let timeout = Some(scope.facts.base_settings.run.timeout);
        let head = step(named(["revert", "verify", "tree"]), Phase::Revert, title, action);
        steps.push(Step { timeout, after: waits.clone(), ..head });
    }
    for service in coming_back(scope) {
        let name = named(["revert", "verify", service.name().as_str()]);
        steps.push(Step { after: waits.clone(), ..verify::service(&service, None, name, Phase::Revert) });
    }
    steps
}
