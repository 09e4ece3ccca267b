//! Looks at the host once and writes down everything a decision may ask about.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use crate::decide::left_by;
use crate::decide::range::{self, Range};
use crate::drivers::git::{Look as GitLook, Observed};
use crate::drivers::{backup, compose};
use crate::model::arrange::Arrange;
use crate::model::candidate::Candidate;
use crate::model::facts::{
    DiskSpace, Facts, GitFacts, HostFacts, Releases, ResolvedService, RuntimeFacts, TicketHistory,
};
use crate::model::gather::Gather;
use crate::model::id::{AttemptId, BranchName, Oid, ServiceName, TicketId};
use crate::model::reason::Blocker;
use crate::model::release::{ReleaseState, Status, Trigger};
use crate::model::request::RunRequest;
use crate::model::settings::{Settings, SignaturePolicy};
use crate::model::spec::BackupKind;
use crate::store::History;
use crate::sys::{beside, files};

use super::definitions::Definitions;
use super::error::OpsError;
use super::host::Host;
use super::{candidates, cut_off, left, scripts};

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
    /// That commit was released here before, or is what is checked out: the remote need not have it.
    pub at_is_ours: bool,
    /// Whether older attempts are looked for that could be put back.
    pub candidates: Candidates,
    /// BASE, where the person names it.
    pub base: Option<Oid>,
    /// Whether the remote is asked.
    pub fetch: Fetch,
    /// Whether registries are asked for old images that are not here: only before a revert.
    pub old_images: OldImages,
    /// Whether this process itself holds the host's lock: then no record of a runner is alive.
    pub lock: Lock,
    /// Which relinked sources the target is read with.
    pub links: Links,
    /// Every release, as [`releases`] read them for an earlier look of the same question; none: they are read.
    pub releases: Option<Releases>,
}

/// Which relinked sources (`source relink`) the target of a look is read with. BASE always has those that it was deployed
/// with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Links {
    /// Those of the last release: nothing new is to be deployed.
    #[default]
    Deployed,
    /// Those of now: a release reads them.
    Now,
    /// Those of an attempt that is on record; none: of the ticket's newest.
    Of(Option<AttemptId>),
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

/// Whether older attempts are looked for that could be put back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Candidates {
    /// They are not in question.
    #[default]
    Leave,
    /// This one.
    One(AttemptId),
    /// The newest ones.
    Newest,
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
    let releases = match &look.releases {
        Some(known) => Arc::clone(known),
        None => releases(host, look.lock)?,
    };
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
    let locks = cut_off::left_locks(host, look, &git, history.as_ref(), &troubles);
    troubles.extend(locks);
    // A BASE that is not in this repository is already among the troubles.
    let base = range.base.clone().filter(|base| git.trees.contains_key(base));
    let base = base.unwrap_or_else(|| git.head.clone());
    let target = git.target.clone().unwrap_or_else(|| git.head.clone());
    let (defined, scripts) = thread::scope(|scope| {
        let scripts =
            beside(scope, || scripts::observe(host, look.ticket.as_ref(), &releases, &git, &target));
        let defined = Definitions::observe(host, look, &git, (&base, &target), &releases, &mut troubles);
        (defined, scripts.join())
    });
    let (defined, (scripts, unfit)) = (defined?, scripts?);
    troubles.extend(unfit);
    let Definitions { base_settings, target_settings, base_compose, target_compose, services, mut runtime } =
        defined;
    let candidates = candidates::observe(host, &look.candidates)?;
    runtime.images.extend(images_of(host, &runtime, &candidates));
    look_at_signatures(host, &base, &target, [&base_settings, &target_settings], &mut git)?;
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
        candidates,
        history,
        scripts,
        backups,
        troubles,
    })
}

/// Names in the environment files and the sha256 of each value.
pub(super) fn environment(host: &Host) -> BTreeMap<String, String> {
    let values = host.env_files.values().flatten();
    values.map(|(name, value)| (name.clone(), files::sha256_of(value.as_bytes()))).gather()
}

/// One digest over all of these: it may stand in a log, where the hash of a short value would give that value away.
pub(super) fn environment_digest(environment: &BTreeMap<String, String>) -> String {
    let lines: Vec<String> = environment.iter().map(|(name, hash)| format!("{name}={hash}")).collect();
    files::sha256_of(lines.join("\n").as_bytes())
}

/// Every release, its status read together with the lock.
///
/// # Errors
/// When states cannot be read or are damaged.
pub fn releases(host: &Host, lock: Lock) -> Result<Releases, OpsError> {
    let alive = lock == Lock::Unknown && host.store.runner_alive()?;
    let mut releases = host.store.states()?;
    for state in releases.iter_mut().filter(|_| !alive) {
        state.status = state.status.without_runner();
    }
    releases.arrange_by_key(|state| state.started_at);
    Ok(Arc::new(releases))
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
        releases.iter().flat_map(|r| [Some(r.base.clone()), r.merge.clone()]).flatten().gather();
    let observed: Observed = host.git.observe(&GitLook {
        remote: settings.remote.clone(),
        branches: [Some(branch.clone()), Some(settings.branch.clone()), state.map(|s| s.branch.clone())]
            .into_iter()
            .flatten()
            .gather(),
        branch,
        at: range.at.clone(),
        at_is_ours: look.at_is_ours || is_own_commit(range, state),
        base: range.base.clone(),
        matter,
        left_at,
    })?;
    troubles.extend(observed.troubles);
    let mut git = observed.facts;
    git.undone = undone(host, releases, &git)?;
    Ok(git)
}

/// The releases that were taken back here and whose commits the target has, but reverted.
fn undone(host: &Host, releases: &[ReleaseState], git: &GitFacts) -> Result<BTreeSet<Oid>, OpsError> {
    let Some(target) = &git.target else { return Ok(BTreeSet::new()) };
    let stands = git.ahead.iter().any(|commit| commit.reverts.is_some());
    let mut undone = BTreeSet::new();
    for state in releases.iter().filter(|state| state.status == Status::Reverted) {
        let Some(merge) = &state.merge else { continue };
        let returns = git.contains.get(merge).is_some_and(|it| it.in_target && (stands || !it.in_head));
        if returns && git.trees.contains_key(&state.base) && host.git.undone(&state.base, merge, target)? {
            undone.insert(merge.clone());
        }
    }
    Ok(undone)
}

/// The commit that a rollback made is nobody else's: the remote never has it.
fn is_own_commit(range: &Range, state: Option<&ReleaseState>) -> bool {
    state.is_some_and(|state| {
        state.trigger == Trigger::Rollback && range.at.is_some() && range.at == state.merge
    })
}

/// Signatures of all that comes in, as the strictest configuration wants it: what is there now, what was there before and
/// what would be there. None of them can be talked out of it by another, and the allowed signers are the host's own first.
fn look_at_signatures(
    host: &Host,
    base: &Oid,
    target: &Oid,
    others: [&Settings; 2],
    git: &mut GitFacts,
) -> Result<(), OpsError> {
    let [of_base, of_target] = others.map(|settings| &settings.git);
    let all = [&host.settings.git, of_base, of_target];
    let strictest = all.iter().map(|settings| settings.verify_signatures).max();
    git.verify_signatures = strictest.unwrap_or(SignaturePolicy::Off);
    if git.verify_signatures != SignaturePolicy::Off {
        let signers = all.iter().find_map(|settings| settings.allowed_signers.as_deref());
        git.badly_signed = host.git.badly_signed(base, target, signers)?;
    }
    Ok(())
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

/// Which of the images that candidates ran are still here, by their ids.
fn images_of(host: &Host, runtime: &RuntimeFacts, candidates: &[Candidate]) -> BTreeMap<String, String> {
    let parts = candidates.iter().flat_map(|candidate| candidate.artifacts.values()).flatten();
    let ids: BTreeSet<String> = parts.map(|(_, artifact)| artifact.id.clone()).gather();
    let Some(engine) = &runtime.engine else { return BTreeMap::new() };
    // An engine that does not answer has none of them: that is said of each.
    compose::images(engine, &ids, &host.surroundings).unwrap_or_default()
}

fn backup_sets(
    host: &Host,
    base: &Settings,
    target: &Settings,
) -> Result<BTreeMap<ServiceName, Vec<crate::model::backup::BackupSet>>, OpsError> {
    let names: BTreeSet<&ServiceName> = base.services.keys().chain(target.services.keys()).gather();
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
        network_fs: host.network_fs(),
        workspace_space: space(&workspace)?,
        backups_space: space(&backup_folder)?,
        workspace,
        backups: backup_folder,
        backup_estimate: settings.services.iter().map(estimate).gather(),
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
    let known = match &state.snapshot {
        Some(_) => candidates::snapshot(host, &attempt, &state)?.map(Some),
        None => Ok(None),
    };
    // What is resumed must be known; what is taken back needs no snapshot.
    let (snapshot, lost) = match known {
        Ok(snapshot) => (snapshot, None),
        Err(lost) => {
            changed.push(lost.fact.clone());
            (None, Some(lost))
        }
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
        snapshot_lost: lost,
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
