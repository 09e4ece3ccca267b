//! What services and their definitions say against a run.

use std::collections::BTreeSet;

use super::Case;
use super::checkout::listed;
use crate::decide::course::Way;
use crate::decide::planning::backup_definition;
use crate::decide::site::{Definition, Side, define, define_newest};
use crate::model::facts::{ContainerState, Facts, ResolvedService};
use crate::model::gather::Gather;
use crate::model::id::ServiceName;
use crate::model::phase::Phase;
use crate::model::plan::ServiceChange;
use crate::model::reason::{Blocker, ReasonCode};
use crate::model::spec::{BackupKind, DriverSpec};

/// Changed files that no service's `paths` covers, and services asked for that nobody knows.
pub(super) fn unclassified(case: &Case<'_>) -> Vec<Blocker> {
    let mut found = Vec::new();
    let known: Vec<&str> = all_services(case.facts).into_iter().map(ServiceName::as_str).collect();
    if !case.classified.unknown.is_empty() {
        let names: Vec<&str> = case.classified.unknown.iter().map(ServiceName::as_str).collect();
        let fact = format!("no service here is called `{}`", names.join("`, `"));
        found.push(
            Blocker::new(ReasonCode::ServiceUnknown, fact)
                .way_out(format!("name one of: {}", known.join(", "))),
        );
    }
    if case.course.way == Way::Resume || case.classified.unclassified.is_empty() {
        return found;
    }
    let headline = "changed files look like a service's, and no service's `paths` covers them";
    let files = case.classified.unclassified.iter().cloned();
    let example = known.first().copied().unwrap_or("NAME");
    found.push(
        Blocker::new(ReasonCode::SourceUnclassified, listed(headline, files))
            .way_out(case.again_with(&format!("--services {}", known.join(","))))
            .way_out(format!(
                "or say whose they are, in .asd/release.toml: [services.{example}] paths = [\"{}\"]",
                suggestion(&case.classified.unclassified)
            )),
    );
    found
}

fn all_services(facts: &Facts) -> BTreeSet<&ServiceName> {
    facts.base_settings.services.keys().chain(facts.target_settings.services.keys()).gather()
}

/// A glob for the first file's folder.
fn suggestion(files: &[String]) -> String {
    let first = files.first().map_or("", String::as_str);
    first.rsplit_once('/').map_or_else(|| first.to_owned(), |(folder, _)| format!("{folder}/**"))
}

/// A touched service for which phase 2 would do nothing.
pub(super) fn source_drift(case: &Case<'_>) -> Vec<Blocker> {
    if !case.runs(Phase::Migrate) {
        return Vec::new();
    }
    let drifts = |service: &Definition<'_>| {
        // Where compose could not be asked at all, that is said instead.
        service.compose().is_some() && service.resolved.is_some_and(|resolved| resolved.parts.is_empty())
    };
    let touched = case.classified.touched.iter().filter(|touched| touched.change != ServiceChange::Removed);
    let defined = touched.filter_map(|touched| define(case.facts, Side::Target, &touched.name));
    defined.filter(drifts).map(|service| one_drift(&service)).collect()
}

fn one_drift(service: &Definition<'_>) -> Blocker {
    let name = service.name();
    let file = service.compose().map(|compose| compose.file.display().to_string()).unwrap_or_default();
    let fact = format!(
        "`{name}` is touched, and phase migrate has nothing to do for it: {file} has no such service"
    );
    Blocker::new(ReasonCode::SourceDrift, fact).way_out(format!(
        "name its compose services in {}: [services.{name}] compose = {{ file = \"{file}\", services = [\"…\"] }}",
        service.spec.defined_in
    ))
}

/// Programs that a touched service needs and that are not here.
pub(super) fn tools(case: &Case<'_>) -> Option<Blocker> {
    let facts = case.facts;
    let is_said = facts.troubles.iter().any(|trouble| trouble.code == ReasonCode::Tools);
    if facts.runtime.compose.is_some() || is_said {
        return podman_folder(case);
    }
    let with_compose = |name: &&ServiceName| {
        define_newest(facts, name)
            .is_some_and(|service| matches!(service.spec.driver, DriverSpec::Compose(_)))
    };
    let names: Vec<&str> = case
        .classified
        .touched
        .iter()
        .map(|t| &t.name)
        .filter(with_compose)
        .map(ServiceName::as_str)
        .collect();
    if names.is_empty() {
        return None;
    }
    let fact = format!("no compose was found, and {} needs it", names.join(", "));
    let blocker = Blocker::new(ReasonCode::Tools, fact)
        .way_out("install docker compose (or podman-compose), then `holdpoint doctor`")
        .way_out("or say how it is called, in .asd/release.toml: [compose] command = [\"…\"]");
    Some(blocker)
}

/// podman-compose always starts from the compose file's own folder.
fn podman_folder(case: &Case<'_>) -> Option<Blocker> {
    let compose = case.facts.runtime.compose.as_ref()?;
    if compose.flavour != crate::model::facts::ComposeFlavour::Podman {
        return None;
    }
    let service = case.classified.touched.iter().find_map(|touched| {
        let service = define_newest(case.facts, &touched.name)?;
        let spec = service.compose()?;
        let own = spec.file.parent().map(std::path::Path::to_path_buf).unwrap_or_default();
        (spec.folder() != own).then_some(service)
    })?;
    let fact = format!(
        "podman-compose cannot start `{}` from another folder than its compose file's",
        service.name()
    );
    let blocker = Blocker::new(ReasonCode::Tools, fact)
        .way_out(format!("take `project_directory` out in {}", service.spec.defined_in))
        .way_out("or install docker compose");
    Some(blocker)
}

/// The project that runs is not the one that is configured: a second stack on empty volumes would be started.
pub(super) fn project_mismatch(case: &Case<'_>) -> Vec<Blocker> {
    each_touched(case, |service, resolved| {
        let other = service.containers().iter().find(|container| {
            !container.project.is_empty()
                && !resolved.project.is_empty()
                && container.project != resolved.project
        })?;
        let name = service.name();
        let fact = format!(
            "`{name}` runs in compose project `{}` (container {}), and is configured for `{}`",
            other.project, other.name, resolved.project
        );
        let blocker = Blocker::new(ReasonCode::ProjectMismatch, fact).way_out(format!(
            "name the project that runs, in {}: [services.{name}] compose = {{ project = \"{}\" }}",
            service.spec.defined_in, other.project
        ));
        Some(blocker)
    })
}

/// The volume in use is not the one that is configured.
pub(super) fn volume_mismatch(case: &Case<'_>) -> Vec<Blocker> {
    let mut found = unknown_backup_volumes(case);
    if found.is_empty() {
        // Only then: a volume that nobody mounts cannot be read either, and its name is the better answer.
        found.extend(case.unreachable.iter().map(|why| {
            Blocker::new(ReasonCode::VolumeMismatch, why.clone()).way_out("docker volume ls").way_out(
                "run as somebody who may read the volume's folder (`sudo`), or start the service once",
            )
        }));
    }
    found.extend(each_touched(case, |service, resolved| {
        let (container, place, used, wanted) = differing_volume(service, resolved)?;
        let base = define(case.facts, Side::Base, service.name());
        let was_right =
            base.and_then(|base| Some(differing_volume(&base, base.resolved?).is_none())) == Some(true);
        if was_right {
            // The release itself changes the volume: that is said in the plan's notes.
            return None;
        }
        let fact = format!(
            "container {} has volume `{used}` at {place}, and `{}` is configured for `{wanted}`",
            container.name,
            service.name()
        );
        let blocker = Blocker::new(ReasonCode::VolumeMismatch, fact)
            .way_out(format!("docker inspect {}", container.name))
            .way_out(format!("name the volume in use, in {}", service.spec.defined_in));
        Some(blocker)
    }));
    found
}

/// A container whose volume at some place is another than the configuration's.
pub(in crate::decide) fn differing_volume<'a>(
    service: &Definition<'a>,
    resolved: &'a ResolvedService,
) -> Option<(&'a ContainerState, &'a str, &'a str, &'a str)> {
    service.containers().iter().find_map(|container| {
        let part = resolved.parts.get(&container.part)?;
        part.volumes.iter().find_map(|(wanted, place)| {
            let used =
                container.volumes.iter().find(|(_, mounted)| *mounted == place).map(|(name, _)| name)?;
            (used != wanted).then_some((container, place.as_str(), used.as_str(), wanted.as_str()))
        })
    })
}

/// A `backup` entry names a volume that nobody here mounts, beside containers that run.
fn unknown_backup_volumes(case: &Case<'_>) -> Vec<Blocker> {
    let facts = case.facts;
    let is_mounted = |volume: &str| {
        facts.runtime.mountpoints.contains_key(volume)
            || facts.services.values().flat_map(|s| &s.containers).any(|c| c.volumes.contains_key(volume))
    };
    let mut found = Vec::new();
    for name in case.saved {
        let Some(service) = backup_definition(facts, name) else { continue };
        for entry in &service.spec.backup {
            let BackupKind::Volume { volume } = &entry.kind else { continue };
            let mounts: BTreeSet<&str> =
                service.containers().iter().flat_map(|c| c.volumes.keys()).map(String::as_str).gather();
            if is_mounted(volume) || mounts.is_empty() {
                continue;
            }
            let fact = format!("no container mounts volume `{volume}`, which `{name}` is backed up from");
            let names = mounts.into_iter().collect::<Vec<_>>().join(", ");
            found.push(Blocker::new(ReasonCode::VolumeMismatch, fact).way_out(format!(
                "its containers mount: {names}; write that in {}",
                service.spec.defined_in
            )));
        }
    }
    found
}

fn each_touched(
    case: &Case<'_>,
    judge: impl Fn(&Definition<'_>, &ResolvedService) -> Option<Blocker>,
) -> Vec<Blocker> {
    if !case.runs(Phase::Migrate) {
        return Vec::new();
    }
    let defined =
        case.classified.touched.iter().filter_map(|touched| define_newest(case.facts, &touched.name));
    defined.filter_map(|service| judge(&service, service.resolved?)).collect()
}

/// A touched service does not say how its data is saved.
pub(super) fn backup_undeclared(case: &Case<'_>) -> Vec<Blocker> {
    if case.from() > Phase::Prepare {
        return Vec::new();
    }
    let is_silent = |name: &&ServiceName| {
        !case.course.backups.contains_key(*name)
            && backup_definition(case.facts, name).is_some_and(|service| service.spec.backup.is_empty())
    };
    let silent = case.classified.touched.iter().map(|touched| &touched.name).filter(is_silent);
    silent
        .map(|name| {
            let place =
                define_newest(case.facts, name).map_or(".asd/release.toml", |s| s.spec.defined_in.as_str());
            Blocker::new(ReasonCode::BackupUndeclared, format!("`{name}` does not say how its data is saved"))
                .way_out(format!("say it in {place}: backup = [{{ kind = \"volume\", volume = \"…\" }}]"))
                .way_out("or, if it has no data: backup = { kind = \"none\", reason = \"…\" }")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::decide::plan_run;
    use crate::decide::testing::*;
    use crate::model::facts::{Facts, ResolvedService};
    use crate::model::reason::ReasonCode as C;
    use crate::model::spec::DriverSpec;

    fn composed_scene() -> Facts {
        scene().with_compose(composed("wikijs"), "wiki:2.4", "wiki:2.5")
    }

    #[test]
    fn changed_source_that_no_service_covers_is_never_nothing_to_do() {
        let facts = composed_scene()
            .changed("src/shared/auth.rs")
            .changed("packages/redmine/new.conf")
            .changed("docs/a.md")
            .changed("releases/1.sh")
            .changed("justfile");
        let decided = plan_run(&facts, &run("1234"));
        insta::assert_snapshot!(said(&decided), @r#"
        source-unclassified: changed files look like a service's, and no service's `paths` covers them
            src/shared/auth.rs
          → holdpoint run 1234 --services wikijs
          → or say whose they are, in .asd/release.toml: [services.wikijs] paths = ["src/shared/**"]
        "#);
        let mut request = run("1234");
        request.services = Some(vec![service("wikijs")]);
        assert!(plan_run(&facts, &request).is_ok());
        request.services = Some(vec![service("wiki")]);
        insta::assert_snapshot!(said(&plan_run(&facts, &request)), @r#"
        service-unknown: no service here is called `wiki`
          → name one of: wikijs
        "#);
    }

    #[test]
    fn only_what_needs_no_service_is_released_without_one() {
        let facts = composed_scene().changed("README.md").changed("recovery/playbooks/release-x.yaml");
        let mut facts = facts;
        facts.target_compose = facts.base_compose.clone();
        let plan = plan_run(&facts, &run("1234")).unwrap();
        assert!(plan.services.is_empty());
        let names: Vec<&str> = plan.steps.iter().map(|step| step.name.as_str()).collect();
        assert_eq!(names, ["snapshot", "git.merge", "verify.head"]);
    }

    #[test]
    fn a_touched_service_without_anything_to_do_is_source_drift() {
        let mut facts = composed_scene().changed("packages/wikijs/x");
        facts.target_compose.insert(service("wikijs"), ResolvedService::default());
        insta::assert_snapshot!(said(&plan_run(&facts, &run("1234"))), @r#"
        source-drift: `wikijs` is touched, and phase migrate has nothing to do for it: packages/wikijs/docker-compose.yaml has no such service
          → name its compose services in .asd/release.toml: [services.wikijs] compose = { file = "packages/wikijs/docker-compose.yaml", services = ["…"] }
        "#);
    }

    #[test]
    fn a_missing_compose_is_named_with_who_needs_it() {
        let mut facts = composed_scene();
        facts.runtime.compose = None;
        insta::assert_snapshot!(said(&plan_run(&facts, &run("1234"))), @r#"
        tools: no compose was found, and wikijs needs it
          → install docker compose (or podman-compose), then `holdpoint doctor`
          → or say how it is called, in .asd/release.toml: [compose] command = ["…"]
        "#);
    }

    #[test]
    fn another_project_or_volume_than_the_one_that_runs_is_refused() {
        let mut facts = composed_scene();
        let container = &mut facts.services.get_mut(&service("wikijs")).unwrap().containers[0];
        container.project = "legacy".into();
        container.volumes = [("legacy_wikijs_data".to_owned(), "/data".to_owned())].into();
        insta::assert_snapshot!(said(&plan_run(&facts, &run("1234"))), @r#"
        project-mismatch: `wikijs` runs in compose project `legacy` (container asd-wikijs-1), and is configured for `asd`
          → name the project that runs, in .asd/release.toml: [services.wikijs] compose = { project = "legacy" }
        volume-mismatch: container asd-wikijs-1 has volume `legacy_wikijs_data` at /data, and `wikijs` is configured for `wikijs_data`
          → docker inspect asd-wikijs-1
          → name the volume in use, in .asd/release.toml
        "#);

        let mut unreachable = composed_scene();
        unreachable.runtime.mountpoints.clear();
        unreachable.services.get_mut(&service("wikijs")).unwrap().containers[0].volumes.clear();
        assert_eq!(codes(&plan_run(&unreachable, &run("1234"))), [C::VolumeMismatch]);
    }

    #[test]
    fn a_service_must_say_how_its_data_is_saved() {
        let mut spec = composed("wikijs");
        spec.backup.clear();
        let mut facts = scene().with_compose(spec, "wiki:2.4", "wiki:2.5");
        insta::assert_snapshot!(said(&plan_run(&facts, &run("1234"))), @r#"
        backup-undeclared: `wikijs` does not say how its data is saved
          → say it in .asd/release.toml: backup = [{ kind = "volume", volume = "…" }]
          → or, if it has no data: backup = { kind = "none", reason = "…" }
        "#);
        facts.target_settings.services.get_mut(&service("wikijs")).unwrap().backup =
            composed("wikijs").backup;
        assert!(
            plan_run(&facts, &run("1234")).is_ok(),
            "a release that says it for the first time is believed"
        );
    }

    #[test]
    fn podman_compose_is_refused_where_it_would_start_from_another_folder() {
        let mut spec = composed("wikijs");
        if let DriverSpec::Compose(compose) = &mut spec.driver {
            compose.project_directory = Some(".".into());
        }
        let mut facts = scene().with_compose(spec, "wiki:2.4", "wiki:2.5");
        assert!(plan_run(&facts, &run("1234")).is_ok());
        facts.runtime.compose.as_mut().unwrap().flavour = crate::model::facts::ComposeFlavour::Podman;
        assert_eq!(codes(&plan_run(&facts, &run("1234"))), [C::Tools]);
    }
}
