//! What the services are at both commits of a release, as the configuration and compose say it, and what runs of them.

use std::collections::{BTreeMap, BTreeSet};

use tempfile::TempDir;

use crate::decide::commands::keep_reference;
use crate::drivers::compose::{self, Question};
use crate::drivers::service;
use crate::manifest::settle::settle;
use crate::model::facts::{GitFacts, ResolvedService, RuntimeFacts, ServiceState};
use crate::model::gather::Gather;
use crate::model::id::{Oid, ServiceName};
use crate::model::reason::{Blocker, ReasonCode};
use crate::model::release::ReleaseState;
use crate::model::settings::Settings;
use crate::model::source::Overlay;
use crate::model::spec::{BackupKind, DriverSpec};
use crate::sys::files;

use super::error::OpsError;
use super::facts::{About, Links, Look, OldImages};
use super::host::Host;
use super::relinked::{self, Relinked};
use super::schemas;
use super::sources::{self, Configuration};

/// The services of BASE and of the target, and what runs.
pub(super) struct Definitions {
    pub(super) base_settings: Settings,
    pub(super) target_settings: Settings,
    pub(super) base_compose: BTreeMap<ServiceName, ResolvedService>,
    pub(super) target_compose: BTreeMap<ServiceName, ResolvedService>,
    pub(super) services: BTreeMap<ServiceName, ServiceState>,
    pub(super) runtime: RuntimeFacts,
}

impl Definitions {
    /// Reads the configuration of both commits and asks compose and the services.
    pub(super) fn observe(
        host: &Host,
        look: &Look,
        git: &GitFacts,
        (base, target): (&Oid, &Oid),
        releases: &[ReleaseState],
        troubles: &mut Vec<Blocker>,
    ) -> Result<Self, OpsError> {
        let relinked = Relinked::observe(host, look, releases)?;
        let mut base_settings = settings_at(host, base, git, &relinked.base)?;
        let mut target_settings = settings_at(host, target, git, &relinked.target)?;

        let runtime_look = Containers::observe(host, &base_settings, &target_settings, troubles);
        let exported = export(host, &runtime_look, git, target, &target_settings)?;
        let base_exported = export(host, &runtime_look, git, base, &base_settings)?;
        let base_compose = runtime_look.resolve(host, &mut base_settings, base_exported.as_ref(), troubles);
        let target_compose = match &exported {
            Some(folder) => runtime_look.resolve(host, &mut target_settings, Some(folder), troubles),
            None if target == base && relinked.base == relinked.target => {
                target_settings = settings_or(&target_settings, &base_settings);
                base_compose.clone()
            }
            None => runtime_look.resolve(host, &mut target_settings, None, troubles),
        };
        if look.links == Links::Now {
            relinked::stale(host, target, git, (&runtime_look, exported.as_ref()), troubles)?;
        }
        let mut services = runtime_look.states(host, &base_settings, &target_settings);
        if !matches!(look.about, About::Revert) {
            schemas::observe(host, &base_settings, &target_settings, &mut services);
        }
        let mut runtime = runtime_look.with_images(
            host,
            &services,
            &base_compose,
            &target_compose,
            &base_settings,
            troubles,
        );

        if look.old_images == OldImages::AskFor {
            runtime.images.extend(kept_images(host, &runtime, releases, &base_compose));
            runtime.pullable = pullable(host, &runtime, &base_compose);
        }
        Ok(Self { base_settings, target_settings, base_compose, target_compose, services, runtime })
    }
}

/// The configuration as of a commit. The working tree is read where it holds the same: no process is started then.
pub(super) fn settings_at(
    host: &Host,
    commit: &Oid,
    git: &GitFacts,
    overlay: &Overlay,
) -> Result<Settings, OpsError> {
    if *commit != git.head {
        return Ok(configuration_of(host, commit, overlay)?.settings);
    }
    if host.links.links.is_empty() {
        return Ok(host.settings.clone());
    }
    Ok(sources::of_working_tree(host.root(), overlay)?.settings)
}

/// The configuration as a commit has it, with what was relinked in the place of what it says.
pub(super) fn configuration_of(
    host: &Host,
    commit: &Oid,
    overlay: &Overlay,
) -> Result<Configuration, OpsError> {
    let of_that_commit = |error| match error {
        OpsError::Manifest(mut error) => {
            // As git names a file of a commit: `git show <commit>:<file>` shows it.
            error.file = format!("{}:{}", commit.short(), error.file);
            OpsError::Manifest(error)
        }
        OpsError::NoProject { .. } => OpsError::Usage {
            what: format!("{} has no `{}`", commit.short(), sources::RELEASE_TOML),
            hint: format!("git log -1 --stat {commit} -- {}", sources::RELEASE_TOML),
        },
        other => other,
    };
    sources::of_commit(&host.git, commit, host.root(), overlay).map_err(of_that_commit)
}

/// Settled services are taken over where both commits have the same definition.
fn settings_or(target: &Settings, base: &Settings) -> Settings {
    if target.sources == base.sources { base.clone() } else { target.clone() }
}

/// Images that earlier releases kept under our own tags, as far as they are still here.
fn kept_images(
    host: &Host,
    runtime: &RuntimeFacts,
    releases: &[ReleaseState],
    base: &BTreeMap<ServiceName, ResolvedService>,
) -> BTreeMap<String, String> {
    let Some(engine) = &runtime.engine else { return BTreeMap::new() };
    let parts: Vec<(&ServiceName, &String)> =
        base.iter().flat_map(|(name, service)| service.parts.keys().map(move |part| (name, part))).collect();
    let of_release = |state: &ReleaseState| {
        parts
            .iter()
            .map(|(service, part)| keep_reference(host.root(), &state.ticket, state.cycle, service, part))
            .collect::<Vec<_>>()
    };
    let tags: BTreeSet<String> = releases.iter().filter(|s| s.merge.is_some()).flat_map(of_release).gather();
    compose::images(engine, &tags, &host.surroundings).unwrap_or_default()
}

/// Compose and its engine, as far as any service needs them.
pub(super) struct Containers {
    runtime: RuntimeFacts,
    wanted: bool,
}

impl Containers {
    pub(super) fn observe(
        host: &Host,
        base: &Settings,
        target: &Settings,
        troubles: &mut Vec<Blocker>,
    ) -> Self {
        let composed = |settings: &Settings| {
            settings.services.values().any(|service| matches!(service.driver, DriverSpec::Compose(_)))
        };
        if !composed(base) && !composed(target) {
            return Self { runtime: RuntimeFacts::default(), wanted: false };
        }
        let found = compose::find(host.settings.compose_command.as_deref(), &host.surroundings);
        troubles.extend(found.troubles.iter().map(compose::ComposeError::blocker));
        let runtime =
            RuntimeFacts { compose: found.compose, engine: found.engine, ..RuntimeFacts::default() };
        Self { runtime, wanted: true }
    }

    /// Compose's own reading of each service, and what follows from it for services that only a manifest describes.
    pub(super) fn resolve(
        &self,
        host: &Host,
        settings: &mut Settings,
        files: Option<&TempDir>,
        troubles: &mut Vec<Blocker>,
    ) -> BTreeMap<ServiceName, ResolvedService> {
        let Some(compose) = self.runtime.compose.as_ref().filter(|_| self.wanted) else {
            return BTreeMap::new();
        };
        let question =
            |(name, service): (&ServiceName, &crate::model::spec::ServiceSpec)| match &service.driver {
                DriverSpec::Compose(spec) => Some(Question { service: name.clone(), spec: spec.clone() }),
                DriverSpec::Command(_) => None,
            };
        let questions: Vec<Question> = settings.services.iter().filter_map(question).collect();
        let from = files.map_or(host.root(), TempDir::path);
        let mut resolved = BTreeMap::new();
        for (name, answer) in compose::resolve(compose, &questions, from, &host.surroundings) {
            match answer {
                Ok(service) => {
                    resolved.insert(name, service);
                }
                Err(error) => troubles.push(error.blocker()),
            }
        }
        for error in settle(settings, &resolved) {
            let blocker = Blocker::new(ReasonCode::BackupUndeclared, error.to_string());
            troubles.push(
                blocker
                    .way_out("say it in `.asd/release.toml`: a `[services.NAME]` table refines a manifest"),
            );
        }
        resolved
    }

    pub(super) fn states(
        &self,
        host: &Host,
        base: &Settings,
        target: &Settings,
    ) -> BTreeMap<ServiceName, ServiceState> {
        let mut services: BTreeMap<&ServiceName, &DriverSpec> = BTreeMap::new();
        for settings in [base, target] {
            services.extend(settings.services.iter().map(|(name, service)| (name, &service.driver)));
        }
        let services: Vec<(&ServiceName, &DriverSpec)> = services.into_iter().collect();
        service::observe_all(&services, &self.runtime, &host.surroundings)
    }

    /// Whether any service needs them.
    pub(super) fn are_wanted(&self) -> bool {
        self.wanted
    }

    /// How containers are driven here; images and volumes are not looked at.
    pub(super) fn runtime(&self) -> &RuntimeFacts {
        &self.runtime
    }

    /// Which images and volumes of all those named are on this host.
    pub(super) fn with_images(
        self,
        host: &Host,
        services: &BTreeMap<ServiceName, ServiceState>,
        base: &BTreeMap<ServiceName, ResolvedService>,
        target: &BTreeMap<ServiceName, ResolvedService>,
        settings: &Settings,
        troubles: &mut Vec<Blocker>,
    ) -> RuntimeFacts {
        let mut runtime = self.runtime;
        let Some(engine) = runtime.engine.clone() else { return runtime };
        let parts = base.values().chain(target.values()).flat_map(|service| service.parts.values());
        let named: BTreeSet<String> = parts.filter_map(|part| part.image.clone()).gather();
        let running = services.values().flat_map(|state| &state.containers).map(|c| c.image.clone());
        let references: BTreeSet<String> = named.into_iter().chain(running).gather();
        let volumes: BTreeSet<String> = settings
            .services
            .values()
            .flat_map(|service| &service.backup)
            .filter_map(|spec| match &spec.kind {
                BackupKind::Volume { volume } => Some(volume.clone()),
                _ => None,
            })
            .gather();
        let found = compose::Found {
            compose: runtime.compose.take(),
            engine: Some(engine),
            ..compose::Found::default()
        };
        let (runtime, unseen) = compose::runtime(found, &references, &volumes, &host.surroundings);
        troubles.extend(unseen);
        runtime
    }
}

/// Lays the target's tracked files into a folder of their own, where compose must read them before the tree moves.
fn export(
    host: &Host,
    containers: &Containers,
    git: &GitFacts,
    target: &Oid,
    settings: &Settings,
) -> Result<Option<TempDir>, OpsError> {
    if !containers.wanted || *target == git.head {
        return Ok(None);
    }
    export_commit(host, target, settings).map(Some)
}

/// Lays the tracked files of a commit into a folder of their own, with today's environment files.
///
/// All of them, although compose reads few: which ones is not to be told without it. `include`, `extends` and `env_file`
/// name files anywhere in the tree, their names may be made of variables, and an optional one that is left out changes the
/// answer without a word. It costs 0.2 ms a file: a tree of 2,000 files of 8 KiB takes 0.4 s, once a look, and only where
/// a commit other than HEAD is asked about.
pub(super) fn export_commit(host: &Host, commit: &Oid, settings: &Settings) -> Result<TempDir, OpsError> {
    let folder = files::temporary_folder("holdpoint-target-")?;
    host.git.export(commit, &[], folder.path())?;
    for file in &settings.secrets.env_files {
        let source = host.root().join(file);
        if files::exists(&source) {
            let copy = folder.path().join(file);
            files::copy(&source, &copy)?;
        }
    }
    Ok(folder)
}

/// Old images that are not on this host and that their registry offers.
fn pullable(
    host: &Host,
    runtime: &RuntimeFacts,
    base: &BTreeMap<ServiceName, ResolvedService>,
) -> BTreeSet<String> {
    let Some(engine) = &runtime.engine else { return BTreeSet::new() };
    let parts = base.values().flat_map(|service| service.parts.values()).filter(|part| !part.build);
    let missing =
        parts.filter_map(|part| part.image.clone()).filter(|image| !runtime.images.contains_key(image));
    compose::pullable(engine, &missing.gather(), &host.surroundings)
}
