//! Looks at the host once and writes down everything a decision may ask about.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use tempfile::TempDir;

use crate::decide::commands::keep_reference;
use crate::decide::left_by;
use crate::decide::range::{self, Range};
use crate::drivers::compose::{self, Question};
use crate::drivers::git::{Look as GitLook, Observed, Signatures};
use crate::drivers::{backup, service};
use crate::manifest::settle::settle;
use crate::model::facts::{
    DiskSpace, Facts, GitFacts, HostFacts, ResolvedService, RuntimeFacts, ServiceState, TicketHistory,
};
use crate::model::id::{BranchName, Oid, ServiceName, TicketId};
use crate::model::reason::{Blocker, ReasonCode};
use crate::model::release::{ReleaseState, Status};
use crate::model::request::RunRequest;
use crate::model::settings::{Settings, SignaturePolicy};
use crate::model::spec::{BackupKind, DriverSpec};
use crate::store::{History, StoreError};
use crate::sys::files;

use super::error::OpsError;
use super::host::Host;
use super::sources::Configuration;
use super::{cut_off, left, schemas, scripts, sources};

/// What a look is for.
#[derive(Debug, Clone, Default)]
pub struct Look {
    /// The ticket in question.
    pub ticket: Option<TicketId>,
    /// Which of the ticket's commits matter.
    pub about: About,
    /// Branch to release from; none: the configured one.
    pub branch: Option<BranchName>,
    /// A commit on that branch to stop at.
    pub at: Option<Oid>,
    /// BASE, where the person names it.
    pub base: Option<Oid>,
    /// Whether the remote is asked.
    pub fetch: Fetch,
    /// Whether registries are asked for old images that are not here: only before a revert.
    pub old_images: OldImages,
    /// Whether this process itself holds the host's lock: then no record of a runner is alive.
    pub lock: Lock,
}

/// Which commits a look is about.
#[derive(Debug, Clone, Default)]
pub enum About {
    /// Those that the look itself names, from HEAD on.
    #[default]
    Head,
    /// Those that this run is about: a release in its cycle keeps its own (design/03).
    Run(Box<RunRequest>),
    /// Those that the ticket's release moved between.
    Revert,
}

/// Whether the remote is asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Fetch {
    /// It is.
    #[default]
    Ask,
    /// What was fetched last counts.
    Keep,
}

/// Whether registries are asked for old images.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OldImages {
    /// They are not in question.
    #[default]
    Leave,
    /// What ran before must be startable again.
    AskFor,
}

/// Who holds the host's lock while we look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Lock {
    /// Somebody, perhaps.
    #[default]
    Unknown,
    /// We do.
    Ours,
}

/// Looks at the host.
///
/// # Errors
/// What makes looking itself impossible; everything else becomes a trouble in the facts.
pub fn observe(host: &Host, look: &Look) -> Result<Facts, OpsError> {
    let now = host.clock.now();
    let releases = releases(host, look.lock)?;
    let mut history = look.ticket.as_ref().map(|ticket| host.store.history(ticket)).transpose()?.flatten();
    // Under the lock everything that was found is recorded already.
    if let (Some(ticket), Some(history)) = (&look.ticket, &mut history) {
        left::look(host, ticket, history);
    }
    let state = look.ticket.as_ref().and_then(|ticket| releases.iter().find(|state| state.ticket == *ticket));
    let mut troubles = Vec::new();

    let mut range = range_of(look, &releases, history.as_ref());
    let mut git = observe_git(host, look, &range, &releases, state, &mut troubles)?;
    if let Some(left) = before_switch(look, &range, &releases, &git) {
        // Only now is it known that somebody switched by hand: the range is another one.
        range.base = Some(left);
        troubles.clear();
        let again = Look { fetch: Fetch::Keep, ..look.clone() };
        git = observe_git(host, &again, &range, &releases, state, &mut troubles)?;
    }
    git.cut_off = cut_off::observe(host, look, &git, state, history.as_ref())?;
    troubles.extend(cut_off::left_lock(host, look, history.as_ref()));
    // A BASE that is not in this repository is already among the troubles.
    let base = range.base.clone().filter(|base| git.trees.contains_key(base));
    let base = base.unwrap_or_else(|| git.head.clone());
    let target = git.target.clone().unwrap_or_else(|| git.head.clone());
    let mut base_settings = settings_at(host, &base, &git)?;
    let mut target_settings = settings_at(host, &target, &git)?;

    let runtime_look = Containers::observe(host, &base_settings, &target_settings, &mut troubles);
    let exported = export(host, &runtime_look, &git, &target, &target_settings)?;
    let base_exported = export(host, &runtime_look, &git, &base, &base_settings)?;
    let base_compose = runtime_look.resolve(host, &mut base_settings, base_exported.as_ref(), &mut troubles);
    let target_compose = match &exported {
        Some(folder) => runtime_look.resolve(host, &mut target_settings, Some(folder), &mut troubles),
        None if target == base => {
            target_settings = settings_or(&target_settings, &base_settings);
            base_compose.clone()
        }
        None => runtime_look.resolve(host, &mut target_settings, None, &mut troubles),
    };
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
        &mut troubles,
    );

    if look.old_images == OldImages::AskFor {
        runtime.images.extend(kept_images(host, &runtime, &releases, &base_compose));
        runtime.pullable = pullable(host, &runtime, &base_compose);
    }

    let scripts = scripts::observe(host, look.ticket.as_ref(), &releases, &git, &target, &mut troubles)?;
    let backups = backup_sets(host, &base_settings, &target_settings)?;
    let host_facts = host_facts(host, &base_settings, &runtime, &backups)?;
    let history = history
        .zip(state.cloned())
        .map(|(history, state)| {
            ticket_history(host, history, state, &target_settings, &target_compose, &scripts)
        })
        .transpose()?;
    Ok(Facts {
        now,
        host: host_facts,
        environment: environment(host),
        git,
        untrusted: untrusted(&releases),
        base_settings,
        target_settings,
        base_compose,
        target_compose,
        target_export: None,
        services,
        runtime,
        releases,
        history,
        scripts,
        backups,
        troubles,
    })
}

/// Names in the environment files and the sha256 of each value.
fn environment(host: &Host) -> BTreeMap<String, String> {
    let values = host.env_files.values().flatten();
    values.map(|(name, value)| (name.clone(), files::sha256_of(value.as_bytes()))).collect()
}

/// Every release, its status read together with the lock.
///
/// # Errors
/// When states cannot be read or are damaged.
pub fn releases(host: &Host, lock: Lock) -> Result<Vec<ReleaseState>, OpsError> {
    let alive = lock == Lock::Unknown && host.store.runner_alive()?;
    let mut releases = host.store.states()?;
    for state in releases.iter_mut().filter(|_| !alive) {
        state.status = state.status.without_runner();
    }
    releases.sort_by_key(|state| state.started_at);
    Ok(releases)
}

/// The commit that the last release left, where somebody has switched to the branch that is to be released by hand
/// (design/04 "Branch releases"): BASE is that one.
fn before_switch(look: &Look, range: &Range, releases: &[ReleaseState], git: &GitFacts) -> Option<Oid> {
    let is_there = look.branch.is_some() && git.branch == look.branch;
    if !is_there || range.base.is_some() || !matches!(look.about, About::Run(_)) {
        return None;
    }
    left_by(releases).filter(|left| *left != git.head)
}

fn observe_git(
    host: &Host,
    look: &Look,
    range: &Range,
    releases: &[ReleaseState],
    state: Option<&ReleaseState>,
    troubles: &mut Vec<Blocker>,
) -> Result<GitFacts, OpsError> {
    let settings = &host.settings.git;
    // A release that goes on, or back, does so on its own branch.
    let own = state.filter(|_| look.at.is_none() && range.at.is_some()).map(|state| state.branch.clone());
    let branch = look.branch.clone().or(own).unwrap_or_else(|| settings.branch.clone());
    let left_at = match look.about {
        // What lies on top of BASE is what is taken back.
        About::Revert => range.base.clone(),
        About::Head | About::Run(_) => left_by(releases),
    };
    if look.fetch == Fetch::Ask
        && let Err(error) = host.git.fetch(&settings.remote, &branch)
    {
        troubles.push(error.blocker());
    }
    let matter: BTreeSet<Oid> =
        releases.iter().flat_map(|r| [Some(r.base.clone()), r.merge.clone()]).flatten().collect();
    let signatures = (settings.verify_signatures != SignaturePolicy::Off)
        .then(|| Signatures { allowed_signers: settings.allowed_signers.clone() });
    let observed: Observed = host.git.observe(&GitLook {
        remote: settings.remote.clone(),
        branches: [Some(branch.clone()), Some(settings.branch.clone()), state.map(|s| s.branch.clone())]
            .into_iter()
            .flatten()
            .collect(),
        branch,
        at: range.at.clone(),
        base: range.base.clone(),
        matter,
        left_at,
        signatures,
    })?;
    troubles.extend(observed.troubles);
    Ok(observed.facts)
}

/// The commits that matter, as the record says.
fn range_of(look: &Look, releases: &[ReleaseState], history: Option<&History>) -> Range {
    match &look.about {
        About::Head => Range { base: look.base.clone(), at: look.at.clone() },
        About::Run(request) => {
            let recorded =
                history.map(|known| range::History { phases_done: &known.phases_done, steps: &known.steps });
            range::of_run(request, releases, recorded.as_ref())
        }
        About::Revert => {
            look.ticket.as_ref().map(|ticket| range::of_revert(ticket, releases)).unwrap_or_default()
        }
    }
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
    let tags: BTreeSet<String> = releases.iter().filter(|s| s.merge.is_some()).flat_map(of_release).collect();
    compose::images(engine, &tags, &host.surroundings).unwrap_or_default()
}

/// The configuration as of a commit. The working tree is read where it holds the same: no process is started then.
fn settings_at(host: &Host, commit: &Oid, git: &GitFacts) -> Result<Settings, OpsError> {
    if *commit == git.head {
        return Ok(host.settings.clone());
    }
    Ok(configuration_of(host, commit)?.settings)
}

/// The configuration as a commit has it.
pub(super) fn configuration_of(host: &Host, commit: &Oid) -> Result<Configuration, OpsError> {
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
    sources::of_commit(&host.git, commit, host.root()).map_err(of_that_commit)
}

/// Settled services are taken over where both commits have the same definition.
fn settings_or(target: &Settings, base: &Settings) -> Settings {
    if target.sources == base.sources { base.clone() } else { target.clone() }
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
        let named: BTreeSet<String> = parts.filter_map(|part| part.image.clone()).collect();
        let running = services.values().flat_map(|state| &state.containers).map(|c| c.image.clone());
        let references: BTreeSet<String> = named.into_iter().chain(running).collect();
        let volumes: BTreeSet<String> = settings
            .services
            .values()
            .flat_map(|service| &service.backup)
            .filter_map(|spec| match &spec.kind {
                BackupKind::Volume { volume } => Some(volume.clone()),
                _ => None,
            })
            .collect();
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
    compose::pullable(engine, &missing.collect(), &host.surroundings)
}

fn backup_sets(
    host: &Host,
    base: &Settings,
    target: &Settings,
) -> Result<BTreeMap<ServiceName, Vec<crate::model::backup::BackupSet>>, OpsError> {
    let names: BTreeSet<&ServiceName> = base.services.keys().chain(target.services.keys()).collect();
    let mut sets = BTreeMap::new();
    for name in names {
        sets.insert(name.clone(), host.store.shelf().sets(name)?);
    }
    Ok(sets)
}

fn host_facts(
    host: &Host,
    settings: &Settings,
    runtime: &RuntimeFacts,
    backups: &BTreeMap<ServiceName, Vec<crate::model::backup::BackupSet>>,
) -> Result<HostFacts, OpsError> {
    let workspace = host.store.layout().workspace().to_path_buf();
    let backup_folder = host.root().join(&host.settings.workspace.backups);
    let space = |path: &PathBuf| {
        let nearest = path.ancestors().find(|folder| files::exists(folder)).unwrap_or(path);
        let space = files::disk_space(nearest)?;
        Ok::<_, OpsError>(DiskSpace { total: space.total, free: space.free, inodes: space.inodes })
    };
    let prefix = host.env_files.values().flatten().find(|(name, _)| name == "CONTAINER_PREFIX");
    let estimate = |(name, service): (&ServiceName, &crate::model::spec::ServiceSpec)| {
        let last = backups.get(name).and_then(|sets| sets.iter().rev().find(|set| set.is_verified()));
        let bytes =
            last.map_or_else(|| estimate(host, service, runtime), crate::model::backup::BackupSet::bytes);
        (name.clone(), bytes)
    };
    Ok(HostFacts {
        name: host.name.clone(),
        operator: host.operator.clone(),
        root: host.root().to_path_buf(),
        workspace_space: space(&workspace)?,
        backups_space: space(&backup_folder)?,
        workspace,
        backups: backup_folder,
        backup_estimate: settings.services.iter().map(estimate).collect(),
        container_prefix: prefix.map(|(_, value)| value.clone()).unwrap_or_default(),
        just_recipes: host.just_recipes,
    })
}

/// Bytes that a first backup will hold, as far as the source can be measured without starting anything.
fn estimate(host: &Host, service: &crate::model::spec::ServiceSpec, runtime: &RuntimeFacts) -> u64 {
    let absolute = |paths: &[PathBuf]| paths.iter().map(|path| host.root().join(path)).collect::<Vec<_>>();
    let one = |kind: &BackupKind| match kind {
        BackupKind::Files { paths } => backup::size_of_tree(&absolute(paths)),
        BackupKind::Sqlite { path } => backup::size_of_tree(&absolute(std::slice::from_ref(path))),
        BackupKind::Volume { volume } => runtime
            .mountpoints
            .get(volume)
            .map_or(0, |folder| backup::size_of_tree(std::slice::from_ref(folder))),
        _ => 0,
    };
    service.backup.iter().map(|spec| one(&spec.kind)).sum()
}

/// A halted release that nothing has proven clean since: closing it does not clear the host.
pub(super) fn untrusted(releases: &[ReleaseState]) -> Option<(TicketId, String)> {
    let halted = |state: &&ReleaseState| {
        state.merge.is_some()
            && matches!(
                state.status,
                Status::Failed | Status::Interrupted | Status::Undecided | Status::Stuck | Status::Canceled
            )
    };
    let last = releases.iter().filter(halted).max_by_key(|state| state.updated_at)?;
    let proven = |state: &ReleaseState| {
        matches!(state.status, Status::Succeeded | Status::Reverted) && state.updated_at > last.updated_at
    };
    if releases.iter().any(proven) {
        return None;
    }
    let step = last.failed_step.as_ref().map(|step| format!(" at `{step}`")).unwrap_or_default();
    Some((last.ticket.clone(), format!("{} in phase {}{step}", last.status, last.phase)))
}

fn ticket_history(
    host: &Host,
    history: History,
    state: ReleaseState,
    settings: &Settings,
    compose: &BTreeMap<ServiceName, ResolvedService>,
    scripts: &[crate::model::facts::TicketScript],
) -> Result<TicketHistory, OpsError> {
    let attempt = crate::model::id::AttemptId { ticket: state.ticket.clone(), number: state.attempt };
    let mut changed = Vec::new();
    let snapshot = match host.store.snapshot(&attempt) {
        Ok(None) if state.snapshot.is_some() => {
            changed.push(format!(
                "the snapshot of {attempt} is not there: what it was planned from is not known"
            ));
            None
        }
        // What is resumed must be known; what is taken back needs no snapshot.
        Err(error @ StoreError::Damaged { .. }) => {
            changed.push(error.to_string());
            None
        }
        read => read?,
    };
    if let Some(snapshot) = &snapshot {
        for (file, hash) in &settings.sources {
            if snapshot.configuration.get(file).is_some_and(|then| then != hash) {
                changed.push(file.clone());
            }
        }
        for script in scripts {
            if snapshot.scripts.get(&script.path).is_some_and(|then| *then != script.sha256) {
                changed.push(script.path.clone());
            }
        }
        for (name, then) in &snapshot.services {
            let today = compose.get(name).map(config_hash);
            if today.is_some() && then.config_hash.is_some() && then.config_hash != today {
                changed.push(format!("compose configuration of {name}"));
            }
        }
    }
    Ok(TicketHistory {
        state,
        phases_done: history.phases_done,
        steps: history.steps,
        snapshot,
        changed_inputs: changed,
        scripts_run: history.scripts_run,
        once_done: history.once_done,
    })
}

/// One hash over all parts of a service.
pub(super) fn config_hash(service: &ResolvedService) -> String {
    let parts: Vec<String> =
        service.parts.iter().map(|(part, resolved)| format!("{part}={}", resolved.config_hash)).collect();
    parts.join(" ")
}
