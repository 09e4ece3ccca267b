//! `source show|relink`: what the next releases read, and having them read something else. A relink never begins a release:
//! it is stored in the workspace, where no commit and no tree changes by it.

use std::collections::{BTreeMap, BTreeSet};

use crate::decide;
use crate::drivers::compose;
use crate::drivers::git::GitError;
use crate::manifest;
use crate::model::event::{EventDraft, EventKind};
use crate::model::facts::{ComposePart, ResolvedService};
use crate::model::gather::Gather;
use crate::model::id::{BranchName, Oid, ServiceName};
use crate::model::phase::Phase;
use crate::model::reason::{Blocker, ReasonCode};
use crate::model::settings::Settings;
use crate::model::source::{
    Overlay, Relink, RelinkRequest, RelinkTo, RelinkView, SourceName, SourceRow, SourcesView,
};
use crate::model::spec::{ComposeSpec, DriverSpec, INCOMING_REFS};
use crate::model::view::{Change, ChangeView};

use super::definitions::{Containers, configuration_of, export_commit};
use super::error::OpsError;
use super::face::Face;
use super::facts::{Lock, releases};
use super::host::Host;
use super::inspect::known_services;
use super::release::following;
use super::relinked::{self, address, fingerprint, invalid, own_value, stale_blocker};
use super::session::Session;
use super::told::Told;

/// What the next releases read from here, each looked at: the remote is asked, compose reads its files, images are looked
/// for. Nothing is changed but the refs of our own that a fetch moves.
///
/// # Errors
/// When the checkout or a configuration cannot be read.
pub fn show(host: &Host) -> Result<SourcesView, OpsError> {
    let ground = Ground::look(host, &relinked::now(host))?;
    let plain = Ground::at(host, &ground.commit, &Overlay::default())?;
    let mut troubles = ground.troubles.clone();
    let mut sources = git_rows(host, &plain, &mut troubles);
    for name in ground.settings.services.keys() {
        let images = ground.images_here(host, name);
        for source in [SourceName::Folder(name.clone()), SourceName::Image(name.clone())] {
            let Some(own) = plain.value(&source).or_else(|| ground.value(&source)) else { continue };
            let current = ground.value(&source);
            let (readable, detail) = match &source {
                SourceName::Image(_) => ground.image_detail(host, current.as_deref(), &images),
                _ => (Some(ground.unreadable(name).is_none()), ground.folder_detail(name)),
            };
            let defined_in = ground.defined_in(name, &source);
            sources.push(row(host, source, &own, current, &defined_in, (readable, detail)));
        }
    }
    for row in &sources {
        if let (false, Some(link)) = (row.valid, &row.relink) {
            let own = plain.value(&row.source).or_else(|| own_value(&plain.settings, &row.source));
            let why = own.and_then(|own| invalid(link, &own, row.address.as_deref()));
            troubles.extend(why.map(|why| stale_blocker(link, why)));
        }
    }
    let mut history = host.links.links.clone();
    history.reverse();
    Ok(SourcesView { host: host.name.clone(), root: host.root().to_path_buf(), sources, history, troubles })
}

fn git_rows(host: &Host, plain: &Ground, troubles: &mut Vec<Blocker>) -> Vec<SourceRow> {
    let git = &host.settings.git;
    let tip = host.git.remote_tip(&git.remote, &git.branch);
    let (readable, detail) = match &tip {
        Ok(commit) => (true, format!("`{}` is at {} there", git.branch, commit.short())),
        Err(error) => (false, error.to_string()),
    };
    if let Err(error) = &tip
        && troubles.is_empty()
    {
        troubles.push(error.blocker());
    }
    let own = &plain.settings.git;
    let file = super::sources::RELEASE_TOML;
    let (remote, branch) = (Some(git.remote.clone()), Some(git.branch.to_string()));
    vec![
        row(host, SourceName::Remote, &own.remote, remote, file, (Some(readable), detail.clone())),
        row(host, SourceName::Branch, own.branch.as_str(), branch, file, (Some(readable), detail)),
    ]
}

fn row(
    host: &Host,
    source: SourceName,
    own: &str,
    current: Option<String>,
    defined_in: &str,
    (readable, detail): (Option<bool>, String),
) -> SourceRow {
    let relink = host.links.in_force(None).get(&source).map(|link| (*link).clone());
    let address = match (&source, &current) {
        (SourceName::Remote, Some(remote)) => host.git.address(remote).ok().flatten(),
        _ => None,
    };
    let address = address.map(|address| decide::shown_address(&address));
    let value = current.as_deref().unwrap_or_default();
    SourceRow {
        fingerprint: fingerprint(&source, own, value, address.as_deref()),
        valid: relink.as_ref().is_none_or(|link| invalid(link, own, address.as_deref()).is_none()),
        provenance: if relink.is_some() { "relinked".to_owned() } else { defined_in.to_owned() },
        source,
        current,
        relink,
        address,
        readable,
        detail,
    }
}

/// What the next release would read, as far as it can be had.
struct Ground {
    /// The newest commit of the release's branch; HEAD where that cannot be had, or has it in its history.
    commit: Oid,
    settings: Settings,
    resolved: BTreeMap<ServiceName, ResolvedService>,
    engine: Option<String>,
    troubles: Vec<Blocker>,
}

impl Ground {
    /// Fetches, and reads the newest commit.
    fn look(host: &Host, overlay: &Overlay) -> Result<Self, OpsError> {
        let git = &host.settings.git;
        let fetched = host.git.fetch(&git.remote, &git.branch);
        let head = host.git.head()?;
        let incoming = host.git.commit_of(&format!("{INCOMING_REFS}{}", git.branch)).ok();
        let newest = incoming.filter(|tip| host.git.has_in_history(&head, tip) != Some(true));
        let mut ground = Self::at(host, &newest.unwrap_or(head), overlay)?;
        if let Err(error) = fetched {
            ground.troubles.insert(0, error.blocker());
        }
        Ok(ground)
    }

    /// Reads a commit with these sources.
    fn at(host: &Host, commit: &Oid, overlay: &Overlay) -> Result<Self, OpsError> {
        let mut settings = configuration_of(host, commit, overlay)?.settings;
        let mut troubles = Vec::new();
        let containers = Containers::observe(host, &settings, &settings, &mut troubles);
        let files = containers.are_wanted().then(|| export_commit(host, commit, &settings)).transpose()?;
        let resolved = containers.resolve(host, &mut settings, files.as_ref(), &mut troubles);
        let engine = containers.runtime().engine.clone();
        // Where data lives is no matter of where it is read from.
        troubles.retain(|trouble| trouble.code != ReasonCode::BackupUndeclared);
        Ok(Self { commit: commit.clone(), settings, resolved, engine, troubles })
    }

    fn compose(&self, service: &ServiceName) -> Option<&ComposeSpec> {
        match &self.settings.services.get(service)?.driver {
            DriverSpec::Compose(spec) => Some(spec),
            DriverSpec::Command(_) => None,
        }
    }

    /// The file that says a source: the configuration's own, or, of an image that it does not name, the compose file.
    fn defined_in(&self, service: &ServiceName, source: &SourceName) -> String {
        let Some(spec) = self.settings.services.get(service) else { return String::new() };
        match (source, &spec.driver) {
            (SourceName::Image(_), DriverSpec::Compose(compose)) if spec.image.is_none() => {
                compose.file.display().to_string()
            }
            _ => spec.defined_in.clone(),
        }
    }

    fn parts(&self, service: &ServiceName) -> impl Iterator<Item = (&String, &ComposePart)> {
        self.resolved.get(service).into_iter().flat_map(|resolved| &resolved.parts)
    }

    /// What a source says there; of an image, what the only container with one runs.
    fn value(&self, source: &SourceName) -> Option<String> {
        if let Some(said) = own_value(&self.settings, source) {
            return Some(said);
        }
        let SourceName::Image(service) = source else { return None };
        let images: BTreeSet<&String> =
            self.parts(service).filter_map(|(_, part)| part.image.as_ref()).gather();
        let own = self.parts(service).find(|(name, _)| name.as_str() == service.as_str());
        let own = own.and_then(|(_, part)| part.image.clone());
        if images.len() == 1 { images.into_iter().next().cloned() } else { own }
    }

    /// Why compose could not read a service; none: it could, or need not.
    fn unreadable(&self, service: &ServiceName) -> Option<String> {
        if self.compose(service).is_none() || self.resolved.contains_key(service) {
            return None;
        }
        let why = self.troubles.first().map(|trouble| trouble.fact.clone());
        Some(why.unwrap_or_else(|| format!("compose does not read `{service}`")))
    }

    fn folder_detail(&self, service: &ServiceName) -> String {
        match (self.compose(service), self.unreadable(service)) {
            (_, Some(why)) => why,
            (Some(spec), None) => {
                format!("`{}` of {} is read there", spec.file.display(), self.commit.short())
            }
            (None, None) => "its programs lie there".to_owned(),
        }
    }

    /// Which of a service's images are on this host, or offered by their registry.
    fn images_here(&self, host: &Host, service: &ServiceName) -> (BTreeSet<String>, BTreeSet<String>) {
        let wanted: BTreeSet<String> = self.value(&SourceName::Image(service.clone())).into_iter().gather();
        let (Some(_), Some(engine)) = (self.compose(service), &self.engine) else {
            return Default::default();
        };
        have(host, engine, wanted)
    }

    fn image_detail(
        &self,
        host: &Host,
        image: Option<&str>,
        (here, offered): &(BTreeSet<String>, BTreeSet<String>),
    ) -> (Option<bool>, String) {
        let _ = host;
        match image {
            None => (None, "several containers, each with its own".to_owned()),
            Some(image) if here.contains(image) => (Some(true), "it is on this host".to_owned()),
            Some(image) if offered.contains(image) => (Some(true), "its registry offers it".to_owned()),
            Some(_) if self.engine.is_none() => (None, "no engine was asked for it".to_owned()),
            Some(_) => (Some(false), "it is not on this host, and no registry offers it".to_owned()),
        }
    }
}

/// Which of these images are here, and which of the others a registry offers.
fn have(host: &Host, engine: &str, wanted: BTreeSet<String>) -> (BTreeSet<String>, BTreeSet<String>) {
    let here = compose::images(engine, &wanted, &host.surroundings).unwrap_or_default();
    let (here, away): (BTreeSet<String>, BTreeSet<String>) =
        wanted.into_iter().partition(|image| here.contains_key(image));
    let offered = if away.is_empty() { away } else { compose::pullable(engine, &away, &host.surroundings) };
    (here, offered)
}

/// Lets later releases read a source from elsewhere, or again from where the configuration says. What is there now must be
/// what the person believes, and the new one must be readable, before anything is stored.
///
/// # Errors
/// [`OpsError::Refused`] with `source-stale` where it is not what was expected, `source-unavailable` where the new one
/// cannot be read; [`OpsError::Usage`] for what can be no source; [`OpsError::Declined`]; `Locked`.
pub fn relink(
    host: &Host,
    request: &RelinkRequest,
    dry_run: bool,
    face: Face<'_>,
) -> Result<RelinkView, OpsError> {
    let decided = Wanted::look(host, request);
    let wanted = match decided {
        Ok(decided) => decided,
        Err(OpsError::Refused(refused)) if !dry_run => {
            let session = Session::open(host, face, None, Phase::Prepare)?;
            return Err(session.refuse_aside(Phase::Prepare, refused.blockers, refused.notes));
        }
        Err(error) => return Err(error),
    };
    let view = wanted.view(host, dry_run);
    if dry_run {
        return Ok(view);
    }
    face.confirm(&asked(&view), "having later releases read something else", "--yes")?;
    let session = Session::open(host, face, None, Phase::Prepare)?;
    let mut links = session.store.source_links()?;
    if links != host.links {
        let seen =
            format!("another relink was made while this one of `{}` was being looked at", request.source);
        let blocker = Blocker::new(ReasonCode::SourceStale, seen).way_out("holdpoint source show");
        return Err(session.refuse_aside(Phase::Prepare, vec![blocker], Vec::new()));
    }
    if let Some((remote, branch)) = &wanted.fetch {
        // What was fetched last is not what another remote has: `--no-fetch` must not take the one for the other.
        host.git.fetch(remote, branch)?;
    }
    let link = Relink {
        at: host.clock.now(),
        by: host.operator.clone(),
        reason: face.reason.map(|why| host.redactor.redact(why)),
        ..wanted.link
    };
    if let (Some(part), Some(image), SourceName::Image(service)) = (&link.part, &link.to, &link.source) {
        let path = host.store.layout().image_overlay(service, &relinked::digest(part, image));
        session.store.save_image_overlay(&path, &decide::image_overlay(part, image))?;
    }
    let draft = EventDraft::new(EventKind::Relinked)
        .detail("source", link.source.to_string())
        .detail("from", &link.from)
        .detail("to", link.to.as_deref().unwrap_or(&link.own))
        .detail("fingerprint", &link.fingerprint);
    session.audit(Told::aside(wanted.flags, face.reason).in_record(draft))?;
    links.links.push(link);
    session.store.save_source_links(&links)?;
    Ok(view)
}

/// A relink that was looked at.
struct Wanted {
    link: Relink,
    found: String,
    commit: Option<Oid>,
    notes: Vec<String>,
    fetch: Option<(String, BranchName)>,
    flags: Vec<String>,
}

/// What a check of the new value found.
#[derive(Default)]
struct Found {
    words: String,
    commit: Option<Oid>,
    part: Option<String>,
    notes: Vec<String>,
    fetch: Option<(String, BranchName)>,
}

impl Wanted {
    fn look(host: &Host, request: &RelinkRequest) -> Result<Self, OpsError> {
        let source = &request.source;
        let ground = Ground::look(host, &relinked::now(host))?;
        let plain = Ground::at(host, &ground.commit, &Overlay::default())?;
        if let Some(service) = source.service().filter(|name| !ground.settings.services.contains_key(*name)) {
            known_services(host, std::slice::from_ref(service))?;
        }
        let in_force = host.links.in_force(None).get(source).map(|link| (*link).clone());
        let current = match &in_force {
            Some(link) => link.to.clone(),
            None => ground.value(source),
        };
        let Some(current) = current else { return Err(no_value(&ground, source)) };
        let own = plain
            .value(source)
            .unwrap_or_else(|| in_force.as_ref().map_or(current.clone(), |l| l.own.clone()));
        let expected = match (&request.to, &in_force) {
            (RelinkTo::Fingerprint | RelinkTo::Reset, None) => {
                return Err(OpsError::Usage {
                    what: format!("`{source}` is not relinked: it is what the configuration says"),
                    hint: "`holdpoint source show` shows what is relinked".to_owned(),
                });
            }
            (RelinkTo::Fingerprint, Some(link)) => link.fingerprint.clone(),
            _ => current.clone(),
        };
        if request.expect_current != expected {
            return Err(not_as_expected(request, &expected));
        }
        let new = match &request.to {
            RelinkTo::Value(value) => checked(host, source, value)?,
            RelinkTo::Reset => own.clone(),
            RelinkTo::Fingerprint => current.clone(),
        };
        if new == current && request.to != RelinkTo::Fingerprint {
            return Err(OpsError::Usage {
                what: format!("`{source}` is `{current}` already"),
                hint: "nothing is to be done; `holdpoint source show` shows every source".to_owned(),
            });
        }
        let found = match find(host, &ground, source, (&current, &new)) {
            Ok(found) => found,
            // The way back is never barred: what the configuration says is repaired there.
            Err(OpsError::Refused(refused)) if request.to == RelinkTo::Reset => {
                let why = refused.blockers.first().map(|blocker| blocker.fact.clone()).unwrap_or_default();
                Found { words: "it cannot be read now".to_owned(), notes: vec![why], ..Found::default() }
            }
            Err(error) => return Err(error),
        };
        let mut link = Relink {
            source: source.clone(),
            at: host.clock.now(),
            by: host.operator.clone(),
            reason: None,
            from: current,
            to: (request.to != RelinkTo::Reset).then(|| new.clone()),
            own,
            address: None,
            part: found.part.or_else(|| in_force.and_then(|link| link.part)),
            fingerprint: String::new(),
        };
        link.address = address(host, &link);
        link.fingerprint = fingerprint(source, &link.own, &new, link.address.as_deref());
        let mut notes = found.notes;
        notes.extend(unfinished(host)?);
        let flag = match request.to {
            RelinkTo::Value(_) => "--to",
            RelinkTo::Reset => "--reset",
            RelinkTo::Fingerprint => "--fingerprint",
        };
        let flags = vec![flag.to_owned()];
        Ok(Self { link, found: found.words, commit: found.commit, notes, fetch: found.fetch, flags })
    }

    fn view(&self, host: &Host, dry_run: bool) -> RelinkView {
        let link = &self.link;
        let mut next = vec![following("to see it", "holdpoint source show".to_owned())];
        match link.source.service() {
            Some(service) => {
                next.push(following("to deploy it now", format!("holdpoint redeploy --service {service}")));
            }
            None => next.push(following("to see whether a release may begin", "holdpoint doctor".to_owned())),
        }
        RelinkView {
            source: link.source.clone(),
            current: link.from.clone(),
            new: link.to.clone().unwrap_or_else(|| link.own.clone()),
            is_reset: link.to.is_none(),
            environment: format!("{} on {}", host.root().display(), host.name),
            found: self.found.clone(),
            commit: self.commit.clone(),
            fingerprint: link.fingerprint.clone(),
            notes: self.notes.clone(),
            next,
            dry_run,
        }
    }
}

/// The question: current, new and environment.
fn asked(view: &RelinkView) -> ChangeView {
    let change = Change {
        verb: "relinked".to_owned(),
        what: view.source.to_string(),
        detail: format!("{} → {} in {}; {}", view.current, view.new, view.environment, view.found),
        content: None,
    };
    ChangeView { changes: vec![change], notes: view.notes.clone(), next: Vec::new(), dry_run: true }
}

fn no_value(ground: &Ground, source: &SourceName) -> OpsError {
    let why = match source {
        SourceName::Folder(service) if ground.compose(service).is_none() => {
            format!("`{service}` is started by a program of the system: it lies in no folder of this project")
        }
        _ => format!("`{source}` is not one value: several containers have each their own"),
    };
    OpsError::Usage { what: why, hint: "`holdpoint source show` shows what can be relinked".to_owned() }
}

fn not_as_expected(request: &RelinkRequest, current: &str) -> OpsError {
    let source = &request.source;
    let what = if request.to == RelinkTo::Fingerprint { "the recorded fingerprint of " } else { "" };
    let fact = format!("{what}`{source}` is `{current}`, not `{}`", request.expect_current);
    let again = match &request.to {
        RelinkTo::Value(value) => format!("--to {}", shlex::try_quote(value).unwrap_or_default()),
        RelinkTo::Reset => "--reset".to_owned(),
        RelinkTo::Fingerprint => "--fingerprint".to_owned(),
    };
    let current = shlex::try_quote(current).unwrap_or_default();
    let blocker = Blocker::new(ReasonCode::SourceStale, fact).way_out("look at it: `holdpoint source show`").way_out(
        format!("if that is the one you mean: `holdpoint source relink {source} {again} --expect-current {current} --reason '…'`"),
    );
    OpsError::refused(blocker)
}

/// A value that can be such a source, in its one spelling.
fn checked(host: &Host, source: &SourceName, value: &str) -> Result<String, OpsError> {
    let refuse = |why: &str, hint: String| {
        let shown: String =
            decide::shown_address(value).chars().take(200).flat_map(char::escape_debug).collect();
        Err(OpsError::Usage { what: format!("`{shown}` cannot be `{source}`: {why}"), hint })
    };
    match source {
        SourceName::Remote => match decide::against_remote(value) {
            Some(why) => refuse(
                why,
                "`git remote -v` lists the names; an address is `https://…` or `git@host:path`".to_owned(),
            ),
            None if manifest::is_remote(value)
                && !value.contains('/')
                && host.git.address(value)?.is_none() =>
            {
                refuse("no remote has that name", format!("git remote add {value} ADDRESS"))
            }
            None => Ok(value.to_owned()),
        },
        SourceName::Branch => Ok(value.parse::<BranchName>()?.to_string()),
        SourceName::Folder(_) => match decide::against_folder(value) {
            Some(why) => {
                refuse(why, "name a folder of this repository, for example `services/wiki`".to_owned())
            }
            None => Ok(decide::written(std::path::Path::new(value))),
        },
        SourceName::Image(_) if manifest::is_image(value) => Ok(value.to_owned()),
        SourceName::Image(_) => {
            refuse("it is no image reference", "write it like `registry.example.com/wiki:2.5`".to_owned())
        }
    }
}

/// Looks for the new one where it is said to be.
fn find(
    host: &Host,
    ground: &Ground,
    source: &SourceName,
    (current, new): (&str, &str),
) -> Result<Found, OpsError> {
    let git = &host.settings.git;
    match source {
        SourceName::Remote => find_commit(host, new, &git.branch, Some(new)),
        SourceName::Branch => {
            let branch: BranchName = new.parse()?;
            let mut found = find_commit(host, &git.remote, &branch, None)?;
            let (_, out, _) = host.git.standing()?;
            if let Some(out) = out.filter(|out| out != new) {
                found.notes.push(format!(
                    "this checkout is on `{out}`: releases of `{branch}` want it there (`git branch -m {out} {branch}`, or `run --branch`)"
                ));
            }
            Ok(found)
        }
        SourceName::Folder(service) => find_folder(host, ground, service, new),
        SourceName::Image(service) => find_image(host, ground, service, (current, new)),
    }
}

fn find_commit(
    host: &Host,
    remote: &str,
    branch: &BranchName,
    fetched: Option<&str>,
) -> Result<Found, OpsError> {
    let commit = host.git.remote_tip(remote, branch).map_err(|error| unavailable(&error))?;
    let head = host.git.head()?;
    let mut notes = Vec::new();
    match host.git.has_in_history(&commit, &head) {
        Some(false) if host.git.has_in_history(&head, &commit) != Some(true) => notes.push(format!(
            "{} there does not have this checkout's {} in its history: the next run will say `diverged`",
            commit.short(),
            head.short()
        )),
        _ => {}
    }
    Ok(Found {
        words: format!("`{branch}` is at {} there", commit.short()),
        commit: Some(commit),
        notes,
        fetch: Some((fetched.unwrap_or(remote).to_owned(), branch.clone())),
        ..Found::default()
    })
}

fn unavailable(error: &GitError) -> OpsError {
    OpsError::refused(Blocker::new(ReasonCode::SourceUnavailable, error.to_string()).way_out("git remote -v"))
}

fn find_folder(host: &Host, ground: &Ground, service: &ServiceName, new: &str) -> Result<Found, OpsError> {
    let mut overlay = relinked::now(host);
    overlay.folders.insert(service.clone(), new.into());
    let moved = Ground::at(host, &ground.commit, &overlay)?;
    let at = ground.commit.short();
    let refused = |fact: String| {
        let list = if new == "." { String::new() } else { format!(" {new}/") };
        let look = format!("git ls-tree -r --name-only {}{list}", ground.commit);
        OpsError::refused(Blocker::new(ReasonCode::SourceUnavailable, fact).way_out(look))
    };
    let Some(definition) = moved.settings.services.get(service) else {
        return Err(refused(format!("`{new}` of {at} defines no `{service}`")));
    };
    let files: Vec<String> = match &definition.driver {
        DriverSpec::Compose(spec) => vec![spec.file.to_string_lossy().into_owned()],
        DriverSpec::Command(own) => {
            let lines = [Some(&own.start), Some(&own.stop), Some(&own.status), own.recreate.as_ref()];
            let programs = lines.into_iter().flatten().filter_map(|line| line.first());
            let ours = programs.filter(|program| program.contains('/') && !program.starts_with('/'));
            let there = ours.map(|program| decide::written(std::path::Path::new(program)));
            there.gather::<BTreeSet<String>>().into_iter().collect()
        }
    };
    let names: Vec<&str> = files.iter().map(String::as_str).collect();
    let texts = host.git.read(&ground.commit, &names)?;
    if let Some((missing, _)) = files.iter().zip(&texts).find(|(_, text)| text.is_none()) {
        return Err(refused(format!("`{missing}` is not in {at}, which is what the next release reads")));
    }
    if let Some(why) = moved.unreadable(service) {
        return Err(refused(why));
    }
    Ok(Found {
        words: format!("{} {} in {at}", names.join(", "), if names.len() == 1 { "is" } else { "are" }),
        ..Found::default()
    })
}

fn find_image(
    host: &Host,
    ground: &Ground,
    service: &ServiceName,
    (current, new): (&str, &str),
) -> Result<Found, OpsError> {
    let usage = |what: String| OpsError::Usage {
        what,
        hint: "`holdpoint source show` shows what can be relinked".to_owned(),
    };
    if ground.compose(service).is_none() {
        return Err(usage(format!(
            "`{service}` is started by its own programs: they say which image, and no relink reaches them"
        )));
    }
    if let Some(why) = ground.unreadable(service) {
        return Err(OpsError::refused(
            Blocker::new(ReasonCode::SourceUnavailable, why).way_out("holdpoint doctor"),
        ));
    }
    let parts = ground.parts(service).map(|(name, part)| (name.as_str(), part.image.as_deref()));
    let part = decide::part_with_image(service, parts, current).map_err(usage)?;
    let engine = ground.engine.as_deref().unwrap_or("docker");
    let (here, offered) = have(host, engine, BTreeSet::from([new.to_owned()]));
    let words = match (here.contains(new), offered.contains(new)) {
        (true, _) => "it is on this host".to_owned(),
        (_, true) => "its registry offers it".to_owned(),
        _ => {
            let fact = format!("`{new}` is not on this host, and no registry offers it");
            let way = format!("{engine} pull {new}");
            return Err(OpsError::refused(Blocker::new(ReasonCode::SourceUnavailable, fact).way_out(way)));
        }
    };
    Ok(Found { words, part: Some(part), ..Found::default() })
}

/// A release that is not over reads the new source when it goes on.
fn unfinished(host: &Host) -> Result<Option<String>, OpsError> {
    let releases = releases(host, Lock::Unknown)?;
    let open = releases.iter().find(|state| state.is_unfinished());
    Ok(open.map(|state| {
        format!(
            "`{}@{}` is {} and not over: if it goes on, it reads the new source",
            state.ticket, state.attempt, state.status
        )
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_expected_is_refused_with_the_command_that_is_right() {
        let request = RelinkRequest {
            source: SourceName::Remote,
            to: RelinkTo::Value("git@h:a b".to_owned()),
            expect_current: "upstream".to_owned(),
        };
        let OpsError::Refused(refused) = not_as_expected(&request, "origin") else { panic!("refused") };
        let blocker = &refused.blockers[0];
        assert_eq!(blocker.code, ReasonCode::SourceStale);
        assert_eq!(blocker.fact, "`git.remote` is `origin`, not `upstream`");
        assert!(
            blocker.ways_out[1].contains("--to 'git@h:a b' --expect-current origin"),
            "{:?}",
            blocker.ways_out
        );
    }
}
