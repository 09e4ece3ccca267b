//! Phase 2: every image first, then service by service in dependency order.

use std::collections::{BTreeMap, BTreeSet};

use super::draft::{chained, commands, named, step};
use super::{health, hooks};
use crate::decide::classify::Touched;
use crate::decide::commands::keep_reference;
use crate::decide::course::{Course, Images};
use crate::decide::order::needs;
use crate::decide::past::{Past, result_holds};
use crate::decide::site::{Definition, Side, define, engine, local_image};
use crate::model::facts::{ComposeFlavour, ComposePart, Facts};
use crate::model::gather::Gather;
use crate::model::id::{ServiceName, StepName, TicketId};
use crate::model::phase::Phase;
use crate::model::plan::{Action, DoneWhen, ServiceChange, Step, WhenUnknown};
use crate::model::request::RunRequest;
use crate::model::spec::{CommandSpec, DriverSpec, PullPolicy};

/// What phase 2 is planned from.
#[derive(Clone, Copy)]
pub(super) struct Migration<'a> {
    pub(super) facts: &'a Facts,
    pub(super) request: &'a RunRequest,
    pub(super) course: &'a Course,
    pub(super) touched: &'a [Touched],
    pub(super) ticket: &'a TicketId,
    pub(super) cycle: u32,
    pub(super) past: Past<'a>,
    /// Records that count for images that were kept.
    pub(super) kept: Past<'a>,
}

/// All steps of the phase.
pub(super) fn steps(of: Migration<'_>) -> Vec<Step> {
    let chains: Vec<(ServiceName, Vec<Step>)> =
        coming(of).map(|service| (service.name().clone(), chain(of, &service))).collect();
    let is_replaced = |name: &ServiceName| {
        chains.iter().any(|(known, steps)| {
            known == name && steps.iter().filter(|s| replaces(s)).all(|s| s.already_done)
        })
    };
    let mut images: Vec<Step> = Vec::new();
    for service in coming(of) {
        let done = is_replaced(service.name());
        let from = of.course.images;
        let built = build(&service).filter(|_| from != Images::Pinned);
        for mut step in pulls(&service, from).into_iter().chain(built) {
            step.already_done = done && of.past.has_ended_well(&step.name);
            images.push(step);
        }
    }
    let fetched = names(&images);
    let mut kept: Vec<Step> = going_or_changing(of).filter_map(|service| keep(of, &service)).collect();
    for step in &mut kept {
        step.after.clone_from(&fetched);
    }
    let barrier: Vec<StepName> = fetched.iter().chain(&names(&kept)).cloned().collect();
    let mut stopped = stops(of);
    if let Some(first) = stopped.first_mut() {
        first.after.clone_from(&barrier);
    }
    let before_all = if stopped.is_empty() { barrier } else { names(&stopped[stopped.len() - 1..]) };
    let services = ordered(of, chains, &before_all);
    [images, kept, stopped, services].into_iter().flatten().collect()
}

fn names(steps: &[Step]) -> Vec<StepName> {
    steps.iter().map(|step| step.name.clone()).collect()
}

/// Services that run after the release.
fn coming(of: Migration<'_>) -> impl Iterator<Item = Definition<'_>> {
    let stays = |touched: &&Touched| touched.change != ServiceChange::Removed;
    of.touched.iter().filter(stays).filter_map(move |touched| define(of.facts, Side::Target, &touched.name))
}

/// Services that ran before the release, as they were.
fn going_or_changing(of: Migration<'_>) -> impl Iterator<Item = Definition<'_>> {
    let was_there = |touched: &&Touched| touched.change != ServiceChange::Added;
    of.touched.iter().filter(was_there).filter_map(move |touched| define(of.facts, Side::Base, &touched.name))
}

/// Independent services side by side: a chain begins once everything before all and the chains it needs are done.
fn ordered(of: Migration<'_>, chains: Vec<(ServiceName, Vec<Step>)>, before_all: &[StepName]) -> Vec<Step> {
    let given: BTreeSet<ServiceName> = chains.iter().map(|(name, _)| name.clone()).gather();
    let needs = needs(of.facts, &given);
    let last: BTreeMap<ServiceName, StepName> =
        chains.iter().filter_map(|(name, steps)| Some((name.clone(), steps.last()?.name.clone()))).gather();
    let mut steps = Vec::new();
    for (name, mut chain) in chains {
        if let Some(first) = chain.first_mut() {
            let needed = needs.get(&name).into_iter().flatten().filter_map(|need| last.get(need));
            first.after = before_all.iter().chain(needed).cloned().collect();
        }
        steps.extend(chain);
    }
    steps
}

/// Making the new version available on this host.
fn pulls(service: &Definition<'_>, images: Images) -> Option<Step> {
    if images == Images::Pinned {
        return None;
    }
    let (commands, what) = match &service.spec.driver {
        DriverSpec::Compose(spec) => {
            let wanted = |(_, part): &(&String, &ComposePart)| {
                let is_here =
                    part.image.as_ref().is_some_and(|image| local_image(service.facts, image).is_some());
                !part.build
                    && match spec.pull {
                        PullPolicy::Always if images == Images::IfMissing => !is_here,
                        PullPolicy::Always => true,
                        PullPolicy::Missing => !is_here,
                        PullPolicy::Never => false,
                    }
            };
            let parts: Vec<(&String, &ComposePart)> = service.parts().filter(wanted).collect();
            if parts.is_empty() {
                return None;
            }
            let images: BTreeSet<&str> = parts.iter().filter_map(|(_, part)| part.image.as_deref()).gather();
            let what = images.iter().copied().collect::<Vec<_>>().join(" ");
            let is_podman = service.call()?.compose.flavour == ComposeFlavour::Podman;
            let commands = if is_podman {
                pulls_by_podman(service, &images)?
            } else {
                vec![service.call()?.pull(parts.iter().map(|(name, _)| name.as_str()))]
            };
            (commands, what)
        }
        DriverSpec::Command(own) => {
            (vec![service.own().program(own.pull.as_ref()?)], service.image_line().unwrap_or_default())
        }
    };
    let title = format!("pull {what}").trim_end().to_owned();
    Some(of_service(service, "pull", title, commands))
}

/// podman-compose ends with 0 whatever became of a pull, so each image is asked for by name. Those under `localhost/` are
/// podman's own and come from nowhere.
fn pulls_by_podman(service: &Definition<'_>, images: &BTreeSet<&str>) -> Option<Vec<CommandSpec>> {
    let remote = images.iter().filter(|image| !image.starts_with("localhost/"));
    let list: Vec<CommandSpec> = remote.map(|image| engine(service.facts).pull(image)).collect();
    (!list.is_empty()).then_some(list)
}

fn build(service: &Definition<'_>) -> Option<Step> {
    let parts: Vec<&str> =
        service.parts().filter(|(_, part)| part.build).map(|(name, _)| name.as_str()).collect();
    let call = service.call().filter(|_| !parts.is_empty())?;
    let title = format!("build {}", parts.join(" "));
    Some(of_service(service, "build", title, vec![call.build(parts)]))
}

/// A step of a service that loses nothing when it is repeated.
fn of_service(service: &Definition<'_>, word: &str, title: String, list: Vec<CommandSpec>) -> Step {
    let name = named([service.name().as_str(), word]);
    Step {
        service: Some(service.name().clone()),
        timeout: Some(service.settings.run.timeout),
        ..step(name, Phase::Migrate, title, commands(list))
    }
}

/// The image that runs gets a name of ours, so that nobody prunes it. Once done it is never done again in this cycle: by
/// then something else runs.
fn keep(of: Migration<'_>, service: &Definition<'_>) -> Option<Step> {
    let name = named([service.name().as_str(), "keep-image"]);
    let already_done = of.kept.has_ended_well(&name);
    let mut tags = BTreeMap::new();
    let with_image = service.containers().iter().filter(|c| !already_done && !c.image_id.is_empty());
    for container in with_image {
        let reference =
            keep_reference(&of.facts.host.root, of.ticket, of.cycle, service.name(), &container.part);
        tags.entry(reference).or_insert_with(|| container.image_id.clone());
    }
    let engine = engine(of.facts);
    let list: Vec<CommandSpec> = tags.iter().map(|(reference, id)| engine.tag(id, reference)).collect();
    if list.is_empty() && !already_done {
        return None;
    }
    let count = if list.len() == 1 {
        "image that runs".to_owned()
    } else {
        format!("{} images that run", list.len())
    };
    let action = Action::Commands { commands: list, done_when: None };
    Some(Step {
        service: Some(service.name().clone()),
        changes: true,
        already_done,
        timeout: Some(service.settings.run.timeout),
        ..step(name, Phase::Migrate, format!("keep the {count}"), action)
    })
}

/// Services that are not there any more, dependants first.
fn stops(of: Migration<'_>) -> Vec<Step> {
    let removed = of.touched.iter().rev().filter(|touched| touched.change == ServiceChange::Removed);
    let defined = removed.filter_map(|touched| define(of.facts, Side::Base, &touched.name));
    chained(defined.filter_map(|service| stop_removed(of, &service)).collect())
}

/// The compose file may be gone with the service, so its containers are stopped by their own names.
fn stop_removed(of: Migration<'_>, service: &Definition<'_>) -> Option<Step> {
    let list = match &service.spec.driver {
        DriverSpec::Compose(_) => {
            let names: Vec<&str> =
                service.containers().iter().map(|container| container.name.as_str()).collect();
            if names.is_empty() {
                return None;
            }
            vec![engine(of.facts).on("stop", names)]
        }
        DriverSpec::Command(own) => vec![service.own().program(&own.stop)],
    };
    let mut step = stopping(service, named([service.name().as_str(), "stop"]), Phase::Migrate, list);
    step.already_done = of.past.has_ended_well(&step.name) && !service.is_up();
    let names: Vec<&str> = service.containers().iter().map(|container| container.name.as_str()).collect();
    if !names.is_empty() {
        step.title = format!(
            "stop {}: it is not configured any more (left behind: {})",
            service.name(),
            names.join(" ")
        );
    }
    Some(step)
}

/// A step that stops a service: whether it is down can be seen.
pub(in crate::decide) fn stopping(
    service: &Definition<'_>,
    name: StepName,
    phase: Phase,
    list: Vec<CommandSpec>,
) -> Step {
    let done_when =
        DoneWhen::Stopped { driver: service.spec.driver.clone(), service: service.name().clone() };
    changing(service, name, phase, format!("stop {}", service.name()), list, Some(done_when))
}

/// A step that starts a service: whether it is up can be seen.
pub(in crate::decide) fn starting(
    service: &Definition<'_>,
    name: StepName,
    phase: Phase,
    list: Vec<CommandSpec>,
) -> Step {
    let done_when =
        DoneWhen::Running { driver: service.spec.driver.clone(), service: service.name().clone() };
    changing(service, name, phase, format!("start {}", service.name()), list, Some(done_when))
}

/// A step that changes what runs. Without a way to see its effect a person is asked when its end is unknown.
pub(in crate::decide) fn changing(
    service: &Definition<'_>,
    name: StepName,
    phase: Phase,
    title: String,
    list: Vec<CommandSpec>,
    done_when: Option<DoneWhen>,
) -> Step {
    let when_unknown = if done_when.is_some() { WhenUnknown::Check } else { WhenUnknown::Ask };
    let action = Action::Commands { commands: list, done_when };
    Step {
        service: Some(service.name().clone()),
        when_unknown,
        changes: true,
        timeout: Some(service.settings.run.timeout),
        ..step(name, phase, title, action)
    }
}

/// Whether a step replaces what runs.
fn replaces(step: &Step) -> bool {
    ["recreate", "stop", "start"].iter().any(|word| is_called(step, word))
}

/// Whether the last part of a step's name is this word.
fn is_called(step: &Step, word: &str) -> bool {
    step.name.as_str().rsplit('.').next() == Some(word)
}

/// Everything that is done with one service, one step after another, with what is already done marked.
fn chain(of: Migration<'_>, service: &Definition<'_>) -> Vec<Step> {
    let hooks = &service.spec.hooks;
    let mut steps = hooks::steps(service, Phase::Migrate, "pre_start", &hooks.pre_start);
    let before = steps.len();
    steps.extend(replace(service, &restored(of, service)));
    let after = steps.len();
    steps.push(health::step_of(
        service,
        of.request,
        named([service.name().as_str(), "health"]),
        Phase::Migrate,
    ));
    steps.extend(hooks::steps(service, Phase::Migrate, "post_start", &hooks.post_start));
    steps.extend(hooks::steps(service, Phase::Migrate, "ensure_config", &hooks.ensure_config));
    mark(of, service, &mut steps, before..after);
    chained(steps)
}

/// Replaced counts only while what runs is what was meant; whatever comes after a replacement comes again with it. Waiting
/// for health costs nothing and is repeated until everything after it is done too.
fn mark(of: Migration<'_>, service: &Definition<'_>, steps: &mut [Step], replacing: std::ops::Range<usize>) {
    let is_replaced =
        steps[replacing.clone()].iter().all(|step| of.past.is_done(step)) && result_holds(service);
    let half_way: Vec<bool> = steps[replacing.clone()].iter().map(|step| of.past.is_done(step)).collect();
    for (index, step) in steps.iter_mut().enumerate() {
        step.already_done = if index < replacing.start {
            of.past.is_done(step)
        } else if replacing.contains(&index) {
            // A service that was stopped and not yet started again: the stop stands as long as it is down.
            is_replaced || half_way[index - replacing.start] && is_called(step, "stop") && !service.is_up()
        } else {
            is_replaced && of.past.is_done(step)
        };
    }
    let health = replacing.end;
    if !steps[health + 1..].iter().all(|step| step.already_done) {
        steps[health].already_done = false;
    }
}

/// What makes the images of an older attempt the ones that their references name again.
fn restored(of: Migration<'_>, service: &Definition<'_>) -> Vec<CommandSpec> {
    let pinned = of.course.pinned.get(service.name()).into_iter().flatten();
    let artifacts = pinned.map(|(part, artifact)| {
        let reference =
            service.parts().find(|(name, _)| *name == part).and_then(|(_, part)| part.image.as_ref());
        (artifact, reference.unwrap_or(&artifact.image))
    });
    let moved = artifacts
        .filter(|(artifact, reference)| local_image(of.facts, reference) != Some(artifact.id.as_str()));
    moved.map(|(artifact, reference)| engine(of.facts).tag(&artifact.id, reference)).collect()
}

/// Replaces what runs by what is meant to run.
fn replace(service: &Definition<'_>, first: &[CommandSpec]) -> Vec<Step> {
    let what = service.image_line().map(|image| format!(" ({image})")).unwrap_or_default();
    let name = |word| named([service.name().as_str(), word]);
    match &service.spec.driver {
        DriverSpec::Compose(_) => {
            let Some(call) = service.call() else { return Vec::new() };
            let seen =
                DoneWhen::Recreated { driver: service.spec.driver.clone(), service: service.name().clone() };
            let title = format!("recreate {}{what}", service.part_names().join(" "));
            let list = first.iter().cloned().chain([call.recreate(service.part_names())]).collect();
            vec![changing(service, name("recreate"), Phase::Migrate, title, list, Some(seen))]
        }
        DriverSpec::Command(own) => {
            let program = |line| vec![service.own().program(line)];
            if let Some(recreate) = &own.recreate {
                let title = format!("recreate {}{what}", service.name());
                return vec![changing(
                    service,
                    name("recreate"),
                    Phase::Migrate,
                    title,
                    program(recreate),
                    None,
                )];
            }
            let mut steps = Vec::new();
            if service.is_up() {
                steps.push(stopping(service, name("stop"), Phase::Migrate, program(&own.stop)));
            }
            steps.push(starting(service, name("start"), Phase::Migrate, program(&own.start)));
            steps
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::decide::testing::*;
    use crate::decide::{Refusal, plan_run};
    use crate::model::facts::{ComposeFlavour, Facts, StepEnd};
    use crate::model::phase::Phase;
    use crate::model::plan::Plan;
    use crate::model::release::Status;
    use crate::model::spec::{HookSpec, HooksSpec, ServiceSpec};

    fn planned(facts: &Facts) -> Plan {
        plan_run(facts, &run("1234")).unwrap_or_else(|refusal| panic!("{refusal:?}"))
    }

    fn migrate_only(mut plan: Plan) -> String {
        plan.steps.retain(|step| step.phase == Phase::Migrate);
        plan.notes.clear();
        sketch(&plan)
    }

    #[test]
    fn no_container_is_touched_until_every_image_is_here_and_what_others_need_comes_first() {
        let hooked = |mut spec: ServiceSpec| {
            let hook = |path: &str| HookSpec { run: vec![path.into()], ..HookSpec::default() };
            spec.hooks = HooksSpec {
                pre_start: vec![hook("packages/wikijs/scripts/pre_start.sh")],
                post_start: vec![hook("packages/wikijs/scripts/post_start.ts")],
                ensure_config: vec![HookSpec { idempotent: true, ..hook("bin/one") }, hook("bin/two")],
            };
            spec.depends_on = vec![service("postgres")];
            spec
        };
        let facts = scene()
            .with_compose(hooked(composed("wikijs")), "wiki:2.4", "wiki:2.5")
            .with_compose(composed("postgres"), "postgres:15", "postgres:16")
            .with_compose(composed("redmine"), "redmine:5", "redmine:6");
        insta::assert_snapshot!(migrate_only(planned(&facts)), @r#"
        1234@1 create cycle 1 from prepare: a → b on main
          postgres changed postgres:15 → postgres:16 (image postgres:15 → postgres:16)
          redmine changed redmine:5 → redmine:6 (image redmine:5 → redmine:6)
          wikijs changed wiki:2.4 → wiki:2.5 (image wiki:2.4 → wiki:2.5)
        migrate postgres.pull
            $ docker compose -p asd -f packages/postgres/docker-compose.yaml --project-directory packages/postgres pull postgres
        migrate redmine.pull
            $ docker compose -p asd -f packages/redmine/docker-compose.yaml --project-directory packages/redmine pull redmine
        migrate wikijs.pull
            $ docker compose -p asd -f packages/wikijs/docker-compose.yaml --project-directory packages/wikijs pull wikijs
        migrate postgres.keep-image after postgres.pull redmine.pull wikijs.pull
            $ docker tag id-of-postgres:15 holdpoint-keep:dae668e4.1234.1.postgres.postgres
        migrate redmine.keep-image after postgres.pull redmine.pull wikijs.pull
            $ docker tag id-of-redmine:5 holdpoint-keep:dae668e4.1234.1.redmine.redmine
        migrate wikijs.keep-image after postgres.pull redmine.pull wikijs.pull
            $ docker tag id-of-wiki:2.4 holdpoint-keep:dae668e4.1234.1.wikijs.wikijs
        migrate postgres.recreate after postgres.pull redmine.pull wikijs.pull postgres.keep-image redmine.keep-image wikijs.keep-image
            $ docker compose -p asd -f packages/postgres/docker-compose.yaml --project-directory packages/postgres up -d --force-recreate --no-deps postgres
        migrate postgres.health after postgres.recreate
        migrate redmine.recreate after postgres.pull redmine.pull wikijs.pull postgres.keep-image redmine.keep-image wikijs.keep-image
            $ docker compose -p asd -f packages/redmine/docker-compose.yaml --project-directory packages/redmine up -d --force-recreate --no-deps redmine
        migrate redmine.health after redmine.recreate
        migrate wikijs.pre_start (ask) after postgres.pull redmine.pull wikijs.pull postgres.keep-image redmine.keep-image wikijs.keep-image postgres.health
            $ bash packages/wikijs/scripts/pre_start.sh
        migrate wikijs.recreate after wikijs.pre_start
            $ docker compose -p asd -f packages/wikijs/docker-compose.yaml --project-directory packages/wikijs up -d --force-recreate --no-deps wikijs
        migrate wikijs.health after wikijs.recreate
        migrate wikijs.post_start (ask) after wikijs.health
            $ packages/wikijs/scripts/post_start.ts
        migrate wikijs.ensure_config.1 after wikijs.post_start
            $ bin/one
        migrate wikijs.ensure_config.2 (ask) after wikijs.ensure_config.1
            $ bin/two
        "#);
    }

    #[test]
    fn podman_pulls_each_image_itself_and_asks_nobody_for_its_own() {
        let mut facts = scene()
            .with_compose(composed("wikijs"), "wiki:2.4", "quay.io/wiki:2.5")
            .with_compose(composed("redmine"), "localhost/redmine:5", "localhost/redmine:6");
        facts.runtime.compose.as_mut().unwrap().flavour = ComposeFlavour::Podman;
        facts.runtime.engine = Some("podman".to_owned());
        let plan = migrate_only(planned(&facts));
        assert!(plan.contains("migrate wikijs.pull\n    $ podman pull quay.io/wiki:2.5\n"), "{plan}");
        assert!(plan.contains("redmine.recreate") && !plan.contains("redmine.pull"), "{plan}");
    }

    #[test]
    fn a_removed_service_is_stopped_by_its_containers_names_and_an_added_one_only_started() {
        let mut facts = scene().with_compose(composed("old"), "old:1", "old:1").with_compose(
            composed("fresh"),
            "fresh:1",
            "fresh:1",
        );
        facts.target_settings.services.remove(&service("old"));
        facts.target_compose.remove(&service("old"));
        facts.base_settings.services.remove(&service("fresh"));
        facts.base_compose.remove(&service("fresh"));
        facts.services.remove(&service("fresh"));
        insta::assert_snapshot!(migrate_only(planned(&facts)), @r#"
        1234@1 create cycle 1 from prepare: a → b on main
          fresh added - → fresh:1 (added in .asd/release.toml)
          old removed old:1 → - (not in .asd/release.toml any more)
        migrate fresh.pull
            $ docker compose -p asd -f packages/fresh/docker-compose.yaml --project-directory packages/fresh pull fresh
        migrate old.keep-image after fresh.pull
            $ docker tag id-of-old:1 holdpoint-keep:dae668e4.1234.1.old.old
        migrate old.stop after fresh.pull old.keep-image
            $ docker stop asd-old-1
        migrate fresh.recreate after old.stop
            $ docker compose -p asd -f packages/fresh/docker-compose.yaml --project-directory packages/fresh up -d --force-recreate --no-deps fresh
        migrate fresh.health after fresh.recreate
        "#);
    }

    #[test]
    fn built_services_are_built_and_pull_policies_are_kept() {
        let policy = |name: &str, policy| {
            let mut spec = composed(name);
            if let crate::model::spec::DriverSpec::Compose(compose) = &mut spec.driver {
                compose.pull = policy;
            }
            spec
        };
        let mut facts = scene()
            .with_compose(composed("built"), "built:1", "built:2")
            .with_compose(policy("here", crate::model::spec::PullPolicy::Missing), "here:1", "here:2")
            .with_compose(policy("gone", crate::model::spec::PullPolicy::Missing), "gone:1", "gone:2")
            .with_compose(policy("never", crate::model::spec::PullPolicy::Never), "never:1", "never:2");
        facts.runtime.images.insert("docker.io/library/here:2".into(), "id-of-here:2".into());
        let built = facts.target_compose.get_mut(&service("built")).unwrap();
        built.parts.get_mut("built").unwrap().build = true;
        let plan = planned(&facts);
        let fetching: Vec<&str> = plan
            .steps
            .iter()
            .map(|step| step.name.as_str())
            .filter(|name| matches!(name.rsplit_once('.'), Some((_, "pull" | "build"))))
            .collect();
        assert_eq!(fetching, ["built.build", "gone.pull"]);
    }

    #[test]
    fn a_resume_repeats_nothing_that_holds_and_skips_nothing_that_does_not() {
        let before = scene().with_compose(composed("wikijs"), "wiki:2.4", "wiki:2.5").with_compose(
            composed("redmine"),
            "redmine:5",
            "redmine:6",
        );
        let first = planned(&before);
        let done =
            ["redmine.pull", "redmine.recreate", "wikijs.pull", "redmine.keep-image", "wikijs.keep-image"];
        let steps: Vec<(&str, Phase, StepEnd)> =
            done.into_iter().map(|name| (name, Phase::Migrate, StepEnd::Done)).collect();
        let mut state = release("1234", Status::Failed);
        state.services = vec![service("redmine"), service("wikijs")];
        state.phase = Phase::Migrate;
        let mut facts = before.head(TARGET).history(state, &[Phase::Prepare], &steps);
        // What was recorded is what was planned, and redmine runs as it was meant to.
        for (name, record) in &mut facts.history.as_mut().unwrap().steps {
            record.inputs =
                first.steps.iter().find(|step| step.name == *name).map(crate::model::plan::Step::inputs);
        }
        facts.services.get_mut(&service("redmine")).unwrap().containers =
            vec![container("redmine", "redmine:6")];
        let mut request = run("1234");
        request.from = Some(Phase::Migrate);
        let plan = plan_run(&facts, &request).unwrap();
        insta::assert_snapshot!(migrate_only(plan), @r#"
        1234@1 resume cycle 1 from migrate: a → b on main
          redmine changed redmine:6 → redmine:6 (image redmine:5 → redmine:6)
          wikijs changed wiki:2.4 → wiki:2.5 (image wiki:2.4 → wiki:2.5)
        migrate redmine.pull (already done)
            $ docker compose -p asd -f packages/redmine/docker-compose.yaml --project-directory packages/redmine pull redmine
        migrate wikijs.pull
            $ docker compose -p asd -f packages/wikijs/docker-compose.yaml --project-directory packages/wikijs pull wikijs
        migrate redmine.keep-image (already done) after redmine.pull wikijs.pull
        migrate wikijs.keep-image (already done) after redmine.pull wikijs.pull
        migrate redmine.recreate (already done) after redmine.pull wikijs.pull redmine.keep-image wikijs.keep-image
            $ docker compose -p asd -f packages/redmine/docker-compose.yaml --project-directory packages/redmine up -d --force-recreate --no-deps redmine
        migrate redmine.health after redmine.recreate
        migrate wikijs.recreate after redmine.pull wikijs.pull redmine.keep-image wikijs.keep-image
            $ docker compose -p asd -f packages/wikijs/docker-compose.yaml --project-directory packages/wikijs up -d --force-recreate --no-deps wikijs
        migrate wikijs.health after wikijs.recreate
        "#);

        facts.services.get_mut(&service("redmine")).unwrap().containers =
            vec![container("redmine", "redmine:5")];
        let plan = plan_run(&facts, &request).unwrap();
        let again = plan.steps.iter().find(|step| step.name.as_str() == "redmine.recreate").unwrap();
        assert!(!again.already_done, "an image that is not what was meant is recreated again");
        assert!(matches!(plan_run(&facts, &run("1234")), Err(Refusal::Blocked { .. })));
    }
}
