//! `backup take|list|verify|restore|prune`: the same verified backups outside of a release, by the same engine.

use crate::decide::{self, Refusal};
use crate::model::arrange::Arrange;
use crate::model::event::{EventDraft, EventKind};
use crate::model::id::{BackupStamp, ServiceName};
use crate::model::phase::Phase;
use crate::model::projection::field;
use crate::model::request::{BackupRestoreRequest, BackupTakeRequest};
use crate::model::view::{BackupRow, BackupVerifyRow, Change, ChangeView, Decision, Question, RunView};
use crate::sys::files;

use super::error::OpsError;
use super::face::Face;
use super::facts::{Fetch, Lock, Look, observe, releases};
use super::host::Host;
use super::inspect::{backup_rows, evictable, known_services, relative};
use super::proof;
use super::release::{ask_again, decision, go, side_run};
use super::session::Session;
use super::told::Told;

fn look(lock: Lock) -> Look {
    Look { fetch: Fetch::Keep, lock, ..Look::default() }
}

/// Takes verified backups now, as a journaled run.
///
/// # Errors
/// As `run`.
pub fn take(
    host: &Host,
    request: &BackupTakeRequest,
    dry_run: bool,
    face: Face<'_>,
) -> Result<(Decision, Option<RunView>), OpsError> {
    known_services(host, &request.services)?;
    if dry_run {
        let facts = observe(host, &look(Lock::Unknown))?;
        return Ok((decision(host, Phase::Prepare, decide::plan_backup_take(&facts, request)), None));
    }
    let began = host.clock.monotonic();
    let session = Session::open(host, face, None, Phase::Prepare)?;
    let facts = observe(host, &look(Lock::Ours))?;
    let decided = decide::plan_backup_take(&facts, request);
    side_run(&session, decided, &facts, request.audited(), Phase::Prepare, began)
}

/// Puts a set back, after a safety copy of the present data. It throws away what was written since, so it asks.
///
/// # Errors
/// As `revert`.
pub fn restore(
    host: &Host,
    request: &BackupRestoreRequest,
    dry_run: bool,
    face: Face<'_>,
) -> Result<(Decision, Option<RunView>), OpsError> {
    known_services(host, std::slice::from_ref(&request.service))?;
    let mut facts = observe(host, &look(Lock::Unknown))?;
    let decided = proof::plan_restore(host, &mut facts, request);
    let plan = match &decided {
        Ok(plan) if !dry_run => plan,
        Err(Refusal::Blocked { blockers, notes }) if !dry_run => {
            let session = Session::open(host, face, None, Phase::Revert)?;
            return Err(session.refuse_aside(Phase::Revert, blockers.clone(), notes.clone()));
        }
        _ => return Ok((decision(host, Phase::Revert, decided), None)),
    };
    face.ask(plan, Question::GoAhead)?;
    let mut shown = plan.id.clone();
    let began = host.clock.monotonic();
    loop {
        let session = Session::open(host, face, None, Phase::Revert)?;
        let mut facts = observe(host, &look(Lock::Ours))?;
        let mut decided = decide::plan_backup_restore(&facts, request);
        if decided.as_ref().is_ok_and(|plan| plan.id != shown) {
            // It may put another set back: it is proven as the first one was.
            decided = proof::plan_restore(host, &mut facts, request);
        }
        match decided {
            // It was shown when it was asked about.
            Ok(plan) if plan.id == shown => {
                let told = Told::aside(request.audited(), face.reason);
                let view = go(&session, &plan, &facts, &told, began)?;
                return Ok((Decision::Plan { plan: Box::new(plan) }, Some(view)));
            }
            Ok(plan) => {
                drop(session);
                ask_again(&plan, face)?;
                shown = plan.id;
            }
            Err(Refusal::Blocked { blockers, notes }) => {
                return Err(session.refuse_aside(Phase::Revert, blockers, notes));
            }
            nothing => return Ok((decision(host, Phase::Revert, nothing), None)),
        }
    }
}

/// The sets that are kept, oldest first, with what keeps each.
///
/// # Errors
/// When the shelf or the records of this host cannot be read.
pub fn list(host: &Host, service: Option<&ServiceName>) -> Result<Vec<BackupRow>, OpsError> {
    let releases = releases(host, Lock::Unknown)?;
    let mut rows = Vec::new();
    for name in names(host, service)? {
        let sets = host.store.shelf().sets(&name)?;
        rows.extend(backup_rows(host, &name, &sets, &releases));
    }
    Ok(rows)
}

/// Compares sets with their own record, byte for byte: all, those of a service, or one.
///
/// # Errors
/// When there is no such set, or a file cannot be read.
pub fn verify(
    host: &Host,
    service: Option<&ServiceName>,
    stamp: Option<&BackupStamp>,
) -> Result<Vec<BackupVerifyRow>, OpsError> {
    let shelf = host.store.shelf();
    let mut rows = Vec::new();
    for name in names(host, service)? {
        for set in shelf.sets(&name)? {
            if stamp.is_some_and(|wanted| *wanted != set.stamp) {
                continue;
            }
            rows.push(BackupVerifyRow {
                service: name.clone(),
                stamp: set.stamp.clone(),
                files: set.entries.iter().map(|entry| entry.files.len() as u64).sum(),
                bytes: set.bytes(),
                findings: shelf.verify(&name, &set.stamp)?,
            });
        }
    }
    match stamp {
        Some(stamp) if rows.is_empty() => Err(no_set(service, stamp)),
        _ => Ok(rows),
    }
}

/// There is no set of that name.
pub fn no_set(service: Option<&ServiceName>, stamp: &BackupStamp) -> OpsError {
    let of = service.map(|service| format!("{service}/")).unwrap_or_default();
    OpsError::Usage {
        what: format!("there is no backup set `{of}{stamp}`"),
        hint: "`holdpoint backup list` shows those that are kept".to_owned(),
    }
}

/// Services with a shelf: those that are configured, and those whose sets outlived their configuration.
fn names(host: &Host, only: Option<&ServiceName>) -> Result<Vec<ServiceName>, OpsError> {
    let mut names: Vec<ServiceName> = host.settings.services.keys().cloned().collect();
    let folder = host.store.layout().backups();
    if files::is_folder(folder) {
        let found = files::list(folder)?;
        names.extend(found.iter().filter_map(|name| name.to_string_lossy().parse().ok()));
    }
    names.arrange();
    names.dedup();
    match only {
        Some(name) if !names.contains(name) => {
            known_services(host, std::slice::from_ref(name))?;
            Ok(Vec::new())
        }
        Some(name) => Ok(vec![name.clone()]),
        None => Ok(names),
    }
}

/// Removes what retention lets go, and asks first. Nothing that a release may still need is removed.
///
/// # Errors
/// [`OpsError::Declined`]; without a terminal, a usage error that names `--yes`; `Locked`.
pub fn prune(
    host: &Host,
    services: &[ServiceName],
    dry_run: bool,
    face: Face<'_>,
) -> Result<ChangeView, OpsError> {
    known_services(host, services)?;
    let (going, view) = would_go(host, services, dry_run)?;
    if dry_run || going.is_empty() {
        return Ok(view);
    }
    face.confirm(&ChangeView { dry_run: true, ..view }, "removing backups", "--yes")?;
    let session = Session::open(host, face, None, Phase::Prepare)?;
    // What may go is decided again now that nobody else can take a backup or begin a release.
    let (going, view) = would_go(host, services, dry_run)?;
    for (service, stamp) in &going {
        let draft = EventDraft::new(EventKind::Removed)
            .detail(field::SERVICE, service.as_str())
            .detail(field::BACKUP, stamp.as_str());
        session.audit(Told::aside(Vec::new(), face.reason).in_record(draft))?;
        session.store.remove_set(service, stamp)?;
    }
    Ok(view)
}

type Going = Vec<(ServiceName, BackupStamp)>;

fn would_go(host: &Host, services: &[ServiceName], dry_run: bool) -> Result<(Going, ChangeView), OpsError> {
    let releases = releases(host, Lock::Unknown)?;
    let mut going = Vec::new();
    let mut view = ChangeView { dry_run, ..ChangeView::default() };
    for name in names(host, None)?.into_iter().filter(|name| services.is_empty() || services.contains(name)) {
        let sets = host.store.shelf().sets(&name)?;
        for stamp in evictable(host, &name, &sets, &releases) {
            let path = host.store.layout().backup_set(&name, &stamp);
            view.changes.push(Change {
                verb: "removed".to_owned(),
                what: relative(host, &path),
                detail: "no release needs it, and enough newer ones are kept".to_owned(),
                content: None,
            });
            going.push((name.clone(), stamp));
        }
    }
    if going.is_empty() {
        view.notes.push("nothing may go: every set is needed or among those that are kept".to_owned());
    }
    Ok((going, view))
}
