//! The plan of `backup restore SERVICE`: the same steps as a revert takes, for one service and without git.

use std::collections::BTreeMap;

use super::refusals::length;
use super::steps::start;
use crate::decide::blockers::of_ground;
use crate::decide::commands::postgres::Present;
use crate::decide::planning::{chained, changing, identified, named};
use crate::decide::refusal::Refusal;
use crate::decide::restoring::{self, Manner};
use crate::decide::saving::{self, Purpose, Small, is_safety};
use crate::decide::side;
use crate::decide::site::{Definition, Side, define, engine};
use crate::model::backup::BackupSet;
use crate::model::facts::Facts;
use crate::model::id::StepName;
use crate::model::phase::Phase;
use crate::model::plan::{DoneWhen, Plan, PlanVerb, Step};
use crate::model::quantity::ByteSize;
use crate::model::reason::{Blocker, ReasonCode};
use crate::model::request::BackupRestoreRequest;
use crate::model::spec::DriverSpec;

/// The plan of `backup restore SERVICE`.
///
/// # Errors
/// [`Refusal::Blocked`] with `backup-missing`, `backup-unverified`, `write-window`, `disk`, or what makes the data
/// unreachable.
pub fn plan_backup_restore(facts: &Facts, request: &BackupRestoreRequest) -> Result<Plan, Refusal> {
    let name = &request.service;
    let missing = |fact: String| {
        Refusal::because(
            Blocker::new(ReasonCode::BackupMissing, fact).way_out(format!("holdpoint backup list {name}")),
        )
    };
    let service = define(facts, Side::Base, name)
        .ok_or_else(|| missing(format!("no service here is called `{name}`")))?;
    let set = chosen(facts, request).ok_or_else(|| match &request.stamp {
        Some(stamp) => missing(format!("there is no backup set {name}/{stamp}")),
        None => missing(format!("there is no verified backup set of `{name}`")),
    })?;
    let mut blockers = refusals(facts, request, set);
    let steps = match steps(&service, set) {
        Ok(steps) => steps,
        Err(why) => {
            let blocker = Blocker::new(ReasonCode::RuntimeArtifactMissing, why.join("\n"));
            blockers.push(blocker.way_out("run as somebody who may read and write that data (`sudo`)"));
            Vec::new()
        }
    };
    let age = length(facts.now.signed_duration_since(set.started_at));
    let notes =
        vec![format!("data of {name} goes back to {}: {age} old, {}", set.stamp, ByteSize(set.bytes()))];
    if !blockers.is_empty() {
        return Err(Refusal::Blocked { blockers, notes });
    }
    let seconds = facts.now.signed_duration_since(set.started_at).num_seconds();
    Ok(identified(Plan {
        write_window_seconds: u64::try_from(seconds).ok(),
        backups: BTreeMap::from([(name.clone(), set.stamp.clone())]),
        ..side::plan(facts, PlanVerb::BackupRestore, steps, notes)
    }))
}

fn chosen<'a>(facts: &'a Facts, request: &BackupRestoreRequest) -> Option<&'a BackupSet> {
    let sets = facts.backups.get(&request.service)?;
    match &request.stamp {
        Some(stamp) => sets.iter().find(|set| set.stamp == *stamp),
        None => sets.iter().rev().find(|set| set.is_verified() && !is_safety(set)),
    }
}

fn refusals(facts: &Facts, request: &BackupRestoreRequest, set: &BackupSet) -> Vec<Blocker> {
    let mut found: Vec<Blocker> = of_ground(facts).into_iter().collect();
    let name = &request.service;
    if !set.is_verified() {
        let fact = format!("backup {name}/{} was never verified", set.stamp);
        found.push(
            Blocker::new(ReasonCode::BackupUnverified, fact)
                .way_out(format!("holdpoint backup verify {name}")),
        );
    }
    let window = facts.now.signed_duration_since(set.started_at);
    if window > chrono::TimeDelta::minutes(5) && !request.discard_writes {
        let fact = format!(
            "restoring throws away what was written in the last {}: {name} from {}",
            length(window),
            set.stamp
        );
        let way = format!("holdpoint backup restore {name} {} --discard-writes", set.stamp);
        found.push(Blocker::new(ReasonCode::WriteWindow, fact).way_out(way));
    }
    found.extend(crate::decide::blockers::room_for(facts, std::slice::from_ref(name)));
    found
}

fn steps(service: &Definition<'_>, set: &BackupSet) -> Result<Vec<Step>, Vec<String>> {
    let name = service.name();
    let taken_for = format!("safety:{name}");
    let purpose = Purpose {
        prefix: "safety",
        phase: Phase::Revert,
        taken_for: &taken_for,
        tree: Side::Base,
        small: Small::Accepted,
    };
    let mut steps = saving::steps(service, purpose)?;
    let mark = format!("{name}.{}", set.stamp);
    let manner = Manner { tree: Side::Base, mark: &mark, present: Present::Goes };
    let (inside, outside): (Vec<_>, Vec<_>) = restoring::steps(service, set, manner)?
        .into_iter()
        .partition(|restore| restore.server.as_ref() == Some(name));
    let was_up = service.is_up();
    let stays_up = outside.is_empty();
    let starting = if was_up && !stays_up { start(service, None) } else { Vec::new() };
    steps.extend(stop(service).filter(|_| was_up && !stays_up));
    steps.extend(outside.into_iter().map(|restore| restore.step));
    steps.extend(starting);
    steps.extend(inside.into_iter().map(|restore| restore.step));
    Ok(chained(steps))
}

fn stop(service: &Definition<'_>) -> Option<Step> {
    let list = match &service.spec.driver {
        DriverSpec::Compose(_) => {
            let names: Vec<&str> =
                service.containers().iter().map(|container| container.name.as_str()).collect();
            if names.is_empty() {
                return None;
            }
            vec![engine(service.facts).on("stop", names)]
        }
        DriverSpec::Command(own) => vec![service.own().program(&own.stop)],
    };
    let name: StepName = named(["revert", service.name().as_str(), "stop"]);
    let seen = DoneWhen::Stopped { driver: service.spec.driver.clone(), service: service.name().clone() };
    Some(changing(service, name, Phase::Revert, format!("stop {}", service.name()), list, Some(seen)))
}
