//! `preview up`: what a branch's own manifests say, set apart from production, and started.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path};

use serde_json::Value;

use crate::decide::{self, Isolated, PreviewUp};
use crate::drivers::Surroundings;
use crate::drivers::compose::{self, Found};
use crate::model::facts::Compose;
use crate::model::id::{BranchName, Oid, ServiceName};
use crate::model::phase::Phase;
use crate::model::preview::{
    PREVIEW_FORMAT, PREVIEW_LABEL, PREVIEW_ROOT_LABEL, Preview, PreviewKind, PreviewStage, PreviewUpRequest,
};
use crate::model::quantity::Span;
use crate::model::reason::{Blocker, ReasonCode};
use crate::model::settings::Settings;
use crate::model::source::Overlay;
use crate::model::spec::{ComposeSpec, DriverSpec, INCOMING_REFS, ServiceSpec};
use crate::model::view::{Decision, RunView};
use crate::ops::error::OpsError;
use crate::ops::face::Face;
use crate::ops::facts::{Fetch, Lock, Look, observe};
use crate::ops::host::Host;
use crate::ops::release::{decision, following, side_run};
use crate::ops::session::Session;
use crate::ops::sources;
use crate::sys::files;

use super::list::urls;
use super::seen::{Seen, foreign, marks};

/// Brings a preview up, or goes on with one that was cut off.
///
/// # Errors
/// [`OpsError::Refused`] with `preview-exists`, `not-a-preview`, `preview-unsafe` or `source-unavailable`; as `run`.
pub fn up(
    host: &Host,
    request: &PreviewUpRequest,
    dry_run: bool,
    face: Face<'_>,
) -> Result<(Decision, Option<RunView>), OpsError> {
    let began = host.clock.monotonic();
    let wanted = match Wanted::look(host, request) {
        Ok(wanted) => wanted,
        Err(OpsError::Refused(refused)) if !dry_run => {
            let session = Session::open(host, face, None, Phase::Migrate)?;
            return Err(session.refuse_aside(Phase::Migrate, refused.blockers, refused.notes));
        }
        Err(error) => return Err(error),
    };
    if dry_run {
        let facts = observe(host, &look(Lock::Unknown))?;
        let has_old_tree = host.git.worktree(&host.store.layout().preview_tree(&request.id))?.is_some();
        return Ok((decision(host, Phase::Migrate, wanted.plan(host, &facts, request, has_old_tree)), None));
    }
    let session = Session::open(host, face, None, Phase::Migrate)?;
    // Somebody may have made it while we looked.
    let seen = Seen::look(host, &request.id)?;
    if let Some(blocker) = in_the_way(request, &seen) {
        return Err(session.refuse_aside(Phase::Migrate, vec![blocker], Vec::new()));
    }
    let facts = observe(host, &look(Lock::Ours))?;
    let mut record = Preview {
        format: PREVIEW_FORMAT,
        id: request.id.clone(),
        stage: PreviewStage::Making,
        branch: wanted.branch.clone(),
        commit: wanted.commit.clone(),
        services: wanted.services.iter().map(|(name, _, _)| name.clone()).collect(),
        operator: host.operator.clone(),
        reason: face.reason.map(|why| host.redactor.redact(why)),
        created_at: host.clock.now(),
    };
    let decided = wanted.plan(host, &facts, request, seen.has_tree);
    if decided.is_ok() {
        session.store.save_preview(&record)?;
        if !seen.has_tree {
            session.store.remove_preview_tree(&request.id)?;
        }
        session.store.save_preview_compose(&request.id, &wanted.isolated.compose.to_string())?;
    }
    let flags = vec![request.id.typed()];
    let (decision, view) = side_run(&session, decided, &facts, flags, Phase::Migrate, began)?;
    let Some(mut view) = view else { return Ok((decision, None)) };
    if view.failure.is_none() && view.ending == crate::model::outcome::Ending::Ok {
        record.stage = PreviewStage::Up;
        session.store.save_preview(&record)?;
        let there = Seen::look(host, &request.id)?.parts.map(|parts| urls(&parts.containers));
        view.lines.push(format!("preview {} of {} is up", request.id, wanted.commit.short()));
        view.lines.extend(there.unwrap_or_default());
        view.next.push(following("to see it", "holdpoint preview list".to_owned()));
    }
    let typed = request.id.typed();
    if let Some(failure) = &mut view.failure {
        failure.go_on = Some(format!("holdpoint preview up {typed}"));
    }
    view.next.push(following(
        "to take it away",
        format!("holdpoint preview cleanup {typed} --confirm {}", request.id),
    ));
    Ok((decision, Some(view)))
}

fn look(lock: Lock) -> Look {
    Look { fetch: Fetch::Keep, lock, ..Look::default() }
}

/// What stands against making it.
fn in_the_way(request: &PreviewUpRequest, seen: &Seen) -> Option<Blocker> {
    let id = &request.id;
    let parts = match &seen.parts {
        Ok(parts) => parts,
        Err(blocker) => return Some(blocker.clone()),
    };
    if let Some(blocker) = foreign(id, parts) {
        return Some(blocker);
    }
    let cleanup = format!("holdpoint preview cleanup {} --confirm {id}", id.typed());
    match seen.record.as_ref().map(|record| record.stage) {
        Some(PreviewStage::Up) => {
            let fact = format!("preview `{id}` is there already");
            Some(
                Blocker::new(ReasonCode::PreviewExists, fact)
                    .way_out("holdpoint preview list")
                    .way_out(cleanup),
            )
        }
        Some(PreviewStage::Cleaning) => {
            let fact = format!("preview `{id}` is being removed, and not all of it is gone");
            Some(Blocker::new(ReasonCode::PreviewExists, fact).way_out(cleanup))
        }
        // One that was cut off is made again.
        Some(PreviewStage::Making) => None,
        None if parts.is_empty() => None,
        None => {
            let fact = format!("something of preview `{id}` is left, and no record of it");
            Some(Blocker::new(ReasonCode::PreviewExists, fact).way_out(cleanup))
        }
    }
}

/// What a preview will be.
struct Wanted {
    commit: Oid,
    branch: Option<BranchName>,
    compose: Compose,
    isolated: Isolated,
    services: Vec<(ServiceName, Vec<String>, Option<Span>)>,
}

impl Wanted {
    fn look(host: &Host, request: &PreviewUpRequest) -> Result<Self, OpsError> {
        let seen = Seen::look(host, &request.id)?;
        if let Some(blocker) = in_the_way(request, &seen) {
            return Err(OpsError::refused(blocker));
        }
        let (commit, branch) = source(host, request, seen.record.as_ref())?;
        let folder = files::temporary_folder("holdpoint-preview-")?;
        let home = files::absolute(folder.path())?;
        host.git.export(&commit, &[], &home)?;
        links_stay_inside(host, &home, &commit)?;
        if let Some(file) = &request.env_file {
            files::copy(&env_file(file)?, &home.join(".env"))?;
        }
        let settings = sources::of_working_tree(&home, &Overlay::default()).map_err(|error| match error {
            OpsError::NoProject { .. } => {
                unreadable(format!("{} has no `{}`", commit.short(), sources::RELEASE_TOML))
            }
            other => other,
        })?;
        let settings = settings.settings;
        let services = chosen(&settings, request, &commit)?;
        let found = compose::find(host.settings.compose_command.as_deref(), &host.surroundings);
        let Found { compose: Some(compose), .. } = &found else {
            return Err(OpsError::all_refused(
                found.troubles.iter().map(compose::ComposeError::blocker).collect(),
            ));
        };
        let (isolated, services) = apart(host, request, &settings, compose, (&home, &services))?;
        Ok(Self { commit, branch, compose: compose.clone(), isolated, services })
    }

    fn plan(
        &self,
        host: &Host,
        facts: &crate::model::facts::Facts,
        request: &PreviewUpRequest,
        has_old_tree: bool,
    ) -> Result<crate::model::plan::Plan, decide::Refusal> {
        let layout = host.store.layout();
        let mut notes = vec![format!("project {}, apart from production", request.id.project())];
        notes.extend(self.isolated.notes.iter().cloned());
        if request.env_file.is_none() {
            notes.push(
                "production's environment file is not read; `--env-file FILE` gives it values".to_owned(),
            );
        }
        notes.push("hooks and ticket scripts of the branch are not run".to_owned());
        let up = PreviewUp {
            id: &request.id,
            commit: &self.commit,
            tree: layout.preview_tree(&request.id),
            compose_file: layout.preview_compose(&request.id),
            compose: &self.compose,
            has_old_tree,
            services: self.services.clone(),
            notes,
        };
        decide::plan_preview_up(facts, &up)
    }
}

fn unreadable(fact: String) -> OpsError {
    OpsError::refused(Blocker::new(ReasonCode::SourceUnavailable, fact).way_out("holdpoint source show"))
}

fn unsafe_in(facts: Vec<String>) -> OpsError {
    let blocker = |fact: String| {
        Blocker::new(ReasonCode::PreviewUnsafe, fact)
            .way_out("change it on that branch, or leave the service out: `--services NAME,…`")
    };
    OpsError::all_refused(facts.into_iter().map(blocker).collect())
}

/// The commit to show: what was asked for, else what was begun, else what the type says.
fn source(
    host: &Host,
    request: &PreviewUpRequest,
    begun: Option<&Preview>,
) -> Result<(Oid, Option<BranchName>), OpsError> {
    let git = &host.settings.git;
    if let Some(at) = &request.at {
        let here = host.git.commit_of(at.as_str());
        return here
            .map(|commit| (commit, None))
            .map_err(|_| unreadable(format!("commit {at} is not known here")));
    }
    let of_type = || match request.id.kind {
        PreviewKind::Branch if begun.is_none() => request.id.id.as_str().parse().ok(),
        _ => None,
    };
    let named = request.branch.clone().or_else(|| begun?.branch.clone()).or_else(of_type);
    if let Some(branch) = named {
        host.git.fetch(&git.remote, &branch).map_err(|error| OpsError::refused(error.blocker()))?;
        let commit = host.git.commit_of(&format!("{INCOMING_REFS}{branch}"))?;
        return Ok((commit, Some(branch)));
    }
    if let Some(begun) = begun {
        return Ok((begun.commit.clone(), begun.branch.clone()));
    }
    match (request.id.kind, request.id.id.as_str().parse::<u32>()) {
        (PreviewKind::Pr, Ok(number)) => {
            let commit = host.git.fetch_pull(&git.remote, number).map_err(|error| {
                let fact = format!("pull request {number} cannot be had from `{}`: {error}", git.remote);
                let way =
                    format!("name its branch: `holdpoint preview up {} --branch NAME`", request.id.typed());
                OpsError::refused(Blocker::new(ReasonCode::SourceUnavailable, fact).way_out(way))
            })?;
            Ok((commit, None))
        }
        _ => Err(OpsError::Usage {
            what: format!("nothing says which commit preview `{}` shows", request.id),
            hint: format!("holdpoint preview up {} --branch NAME, or --at COMMIT", request.id.typed()),
        }),
    }
}

fn env_file(file: &Path) -> Result<std::path::PathBuf, OpsError> {
    let wrong = |why: &str| OpsError::Usage {
        what: format!("`--env-file {}` {why}", file.display()),
        hint: "name a file of `NAME=value` lines that you may read".to_owned(),
    };
    let file = files::absolute(file).map_err(|_| wrong("cannot be read"))?;
    if files::is_file(&file) { Ok(file) } else { Err(wrong("is no file")) }
}

/// A link that leads out of the branch's own files would let it read, or write, what is the host's.
fn links_stay_inside(host: &Host, home: &Path, commit: &Oid) -> Result<(), OpsError> {
    let mut out = Vec::new();
    for entry in host.git.list(commit, &[])?.iter().filter(|entry| entry.is_link()) {
        if !stays(home, &home.join(&entry.path)) {
            out.push(format!(
                "`{}` of {} is a link that leads out of the branch",
                entry.path,
                commit.short()
            ));
        }
    }
    if out.is_empty() { Ok(()) } else { Err(unsafe_in(out)) }
}

/// Whether a path lies below a folder, links followed as far as there is something.
fn stays(home: &Path, path: &Path) -> bool {
    if let Ok(target) = files::link_target(path)
        && !files::exists(path)
    {
        // It leads nowhere yet: what it says counts.
        return !target.is_absolute() && !target.components().any(|part| part == Component::ParentDir);
    }
    let there = path.ancestors().find_map(|part| files::absolute(part).ok());
    there.is_some_and(|there| there.starts_with(home))
}

/// The services that are shown, those that others need first.
fn chosen<'a>(
    settings: &'a Settings,
    request: &PreviewUpRequest,
    commit: &Oid,
) -> Result<Vec<(&'a ServiceName, &'a ServiceSpec)>, OpsError> {
    for name in &request.services {
        if !settings.services.contains_key(name) {
            let known: Vec<&str> = settings.services.keys().map(ServiceName::as_str).collect();
            let fact = format!("{} has no service `{name}`: it has {}", commit.short(), known.join(", "));
            let blocker = Blocker::new(ReasonCode::ServiceUnknown, fact).way_out("--services NAME,…");
            return Err(OpsError::refused(blocker));
        }
    }
    let wanted = |name: &ServiceName| request.services.is_empty() || request.services.contains(name);
    let own: Vec<String> = settings
        .services
        .iter()
        .filter(|(name, service)| wanted(name) && matches!(service.driver, DriverSpec::Command(_)))
        .map(|(name, _)| {
            format!("`{name}` is started by programs of the host: they know one `{name}`, and that is production's")
        })
        .collect();
    if !own.is_empty() {
        return Err(unsafe_in(own));
    }
    let mut sorted: Vec<(&ServiceName, &ServiceSpec)> = Vec::new();
    let mut left: Vec<_> = settings.services.iter().filter(|(name, _)| wanted(name)).collect();
    while !left.is_empty() {
        let waits = |service: &ServiceSpec| left.iter().any(|(other, _)| service.depends_on.contains(other));
        // A circle is refused where the configuration is read; whatever it is, it comes to an end here.
        let next = left.iter().position(|(_, service)| !waits(service)).unwrap_or(0);
        sorted.push(left.remove(next));
    }
    if sorted.is_empty() {
        return Err(unreadable(format!("{} names no service: there is nothing to show", commit.short())));
    }
    Ok(sorted)
}

type Parts = Vec<(ServiceName, Vec<String>, Option<Span>)>;

/// What compose makes of the branch's files, set apart.
fn apart(
    host: &Host,
    request: &PreviewUpRequest,
    settings: &Settings,
    compose: &Compose,
    (home, services): (&Path, &[(&ServiceName, &ServiceSpec)]),
) -> Result<(Isolated, Parts), OpsError> {
    // Values that production's steps get are not the branch's.
    let mut env = host.surroundings.env.clone();
    env.retain(|name, _| !host.settings.run.env.contains(name) && !settings.run.env.contains(name));
    let place = Surroundings { root: home.to_path_buf(), env };
    let mut configurations: Vec<Value> = Vec::new();
    let mut read: BTreeMap<(std::path::PathBuf, Vec<String>), Value> = BTreeMap::new();
    let (mut parts, mut all) = (Vec::new(), BTreeSet::new());
    for (name, service) in services {
        let DriverSpec::Compose(spec) = &service.driver else { continue };
        let env_file =
            spec.env_file.clone().filter(|file| !file.is_absolute() && files::is_file(&home.join(file)));
        let spec = ComposeSpec { project: Some(request.id.project()), env_file, ..spec.clone() };
        reads_inside(home, &spec.file)?;
        let key = (spec.file.clone(), spec.profiles.clone());
        let value = if let Some(value) = read.get(&key) {
            value.clone()
        } else {
            let value = compose::whole(compose, &spec, &place)
                .map_err(|error| OpsError::refused(compose_blocker(&error)))?;
            configurations.push(value.clone());
            read.insert(key, value.clone());
            value
        };
        let own = part_names(name, &spec, &value);
        all.extend(own.iter().cloned());
        parts.push(((*name).clone(), own, service.health.as_ref().map(|probe| probe.deadline)));
    }
    let marks = marks(host, &request.id);
    let labels =
        [(PREVIEW_LABEL.to_owned(), marks.preview), (PREVIEW_ROOT_LABEL.to_owned(), marks.root)].into();
    let mut isolated = decide::isolate(&configurations, &all, home, &labels).map_err(unsafe_in)?;
    let out: Vec<String> = isolated
        .paths
        .iter()
        .filter(|path| !stays(home, Path::new(path)))
        .map(|path| format!("`{path}` leads out of the branch's own files"))
        .collect();
    if !out.is_empty() {
        return Err(unsafe_in(out));
    }
    let tree = host.store.layout().preview_tree(&request.id);
    isolated.compose = compose::at_home(isolated.compose, home, &tree);
    Ok((isolated, parts))
}

fn compose_blocker(error: &compose::ComposeError) -> Blocker {
    error.blocker().way_out("values that it wants can be given: `--env-file FILE`")
}

/// Every file that a compose file has read on its behalf lies in the branch.
fn reads_inside(home: &Path, file: &Path) -> Result<(), OpsError> {
    let named =
        compose::named_files(&home.join(file)).map_err(|error| OpsError::refused(compose_blocker(&error)))?;
    let is_out = |(by, name): &(std::path::PathBuf, String)| {
        let folder = by.parent().unwrap_or(home);
        let mut depth = folder.strip_prefix(home).map_or(0, |rest| rest.components().count());
        let mut leaves = name.contains("://")
            || name.contains('$')
            || name.starts_with(['/', '~'])
            || name.starts_with("git@");
        for part in Path::new(name).components() {
            match part {
                Component::ParentDir if depth == 0 => leaves = true,
                Component::ParentDir => depth -= 1,
                Component::Normal(_) => depth += 1,
                _ => {}
            }
        }
        leaves
    };
    let out: Vec<String> = named
        .iter()
        .filter(|named| is_out(named))
        .map(|(by, name)| {
            let by = by.strip_prefix(home).unwrap_or(by).display();
            format!("`{by}` reads `{name}`, which is not the branch's own")
        })
        .collect();
    if out.is_empty() { Ok(()) } else { Err(unsafe_in(out)) }
}

/// The compose services that make one of ours up.
fn part_names(name: &ServiceName, spec: &ComposeSpec, whole: &Value) -> Vec<String> {
    let table = whole.get("services").and_then(Value::as_object);
    if spec.services.iter().any(|part| part == "*") {
        return table.map(|table| table.keys().cloned().collect()).unwrap_or_default();
    }
    if spec.services.is_empty() { vec![name.to_string()] } else { spec.services.clone() }
}
