//! `preview cleanup`: stage after stage, each recorded, and then the proof that the preview is gone and nothing else is.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::decide::{self, PreviewDown};
use crate::drivers::probe;
use crate::model::event::{EventDraft, EventKind};
use crate::model::gather::Gather;
use crate::model::id::TicketId;
use crate::model::outcome::Ending;
use crate::model::phase::Phase;
use crate::model::preview::{CleanupView, PreviewId, PreviewParts, PreviewStage, ProofRow};
use crate::model::reason::{Blocker, ReasonCode};
use crate::model::view::{Change, ChangeView, Decision, RunView};
use crate::ops::definitions::Containers;
use crate::ops::error::OpsError;
use crate::ops::face::Face;
use crate::ops::facts::{Fetch, Lock, Look, observe};
use crate::ops::host::Host;
use crate::ops::release::{decision, side_run};
use crate::ops::session::Session;
use crate::ops::told::Told;

use super::list::urls;
use super::seen::{Seen, foreign};

/// What was decided, and where it was carried out, how that ended; with the proof, where every stage was done.
pub type Cleaned = (Decision, Option<(RunView, Option<CleanupView>)>);

/// Removes a preview and proves it: stopped, its address gone, production and history as they were, its id free again. One
/// that was cut off goes on with what is left.
///
/// # Errors
/// [`OpsError::Refused`] with `not-a-preview` where there is none; [`OpsError::Declined`]; as `run`.
pub fn cleanup(host: &Host, id: &PreviewId, dry_run: bool, face: Face<'_>) -> Result<Cleaned, OpsError> {
    let began = host.clock.monotonic();
    let (_, parts) = match removable(host, id) {
        Ok(seen) => seen,
        Err(OpsError::Refused(refused)) if !dry_run => {
            let session = Session::open(host, face, None, Phase::Migrate)?;
            return Err(session.refuse_aside(Phase::Migrate, refused.blockers, refused.notes));
        }
        Err(error) => return Err(error),
    };
    if dry_run {
        let facts = observe(host, &look(Lock::Unknown))?;
        return Ok((decision(host, Phase::Migrate, planned(host, id, &facts)?), None));
    }
    face.confirm(&asked(id, &parts), "removing a preview", &format!("--confirm {id}"))?;
    let session = Session::open(host, face, None, Phase::Migrate)?;
    let (seen, parts) = removable(host, id)?;
    let facts = observe(host, &look(Lock::Ours))?;
    let before = Witness::look(host)?;
    let addresses = urls(&parts.containers);
    if let Some(mut record) = seen.record {
        record.stage = PreviewStage::Cleaning;
        session.store.save_preview(&record)?;
    }
    let decided = planned(host, id, &facts)?;
    let flags = vec![id.typed()];
    let (decision, view) = side_run(&session, decided, &facts, flags, Phase::Migrate, began)?;
    let Some(mut view) = view else { return Ok((decision, None)) };
    if view.ending != Ending::Ok || view.failure.is_some() {
        if let Some(failure) = &mut view.failure {
            failure.go_on = Some(format!("holdpoint preview cleanup {} --confirm {id}", id.typed()));
        }
        return Ok((decision, Some((view, None))));
    }
    session.store.remove_preview(id)?;
    let draft = EventDraft::new(EventKind::Removed).detail("preview", id.to_string());
    session.audit(Told::aside(Vec::new(), face.reason).in_record(draft))?;
    let proof = prove(host, id, &before, &addresses)?;
    let clean = proof.iter().all(|row| row.holds);
    view.lines.clear();
    if !clean {
        view.ending = Ending::Failed;
    }
    Ok((decision, Some((view, Some(CleanupView { id: id.clone(), clean, proof })))))
}

fn look(lock: Lock) -> Look {
    Look { fetch: Fetch::Keep, lock, ..Look::default() }
}

/// What there is of it, where it is a preview of this checkout.
fn removable(host: &Host, id: &PreviewId) -> Result<(Seen, PreviewParts), OpsError> {
    let seen = Seen::look(host, id)?;
    let parts = match &seen.parts {
        Ok(parts) => parts.clone(),
        Err(blocker) => return Err(OpsError::refused(blocker.clone())),
    };
    if let Some(blocker) = foreign(id, &parts) {
        return Err(OpsError::refused(blocker));
    }
    if seen.is_nothing() {
        let fact = format!("there is no preview `{id}` on this host");
        let blocker = Blocker::new(ReasonCode::NotAPreview, fact).way_out("holdpoint preview list");
        return Err(OpsError::refused(blocker));
    }
    Ok((seen, parts))
}

fn planned(
    host: &Host,
    id: &PreviewId,
    facts: &crate::model::facts::Facts,
) -> Result<Result<crate::model::plan::Plan, decide::Refusal>, OpsError> {
    let (seen, parts) = removable(host, id)?;
    let notes = urls(&parts.containers).into_iter().map(|url| format!("{url} goes")).collect();
    let down = PreviewDown { id, parts: &parts, tree: seen.tree, has_tree: seen.has_tree, notes };
    Ok(decide::plan_preview_cleanup(facts, &down))
}

/// The question.
fn asked(id: &PreviewId, parts: &PreviewParts) -> ChangeView {
    let detail = format!(
        "{} containers, {} volumes with what they hold, {} networks, {} images, its work tree",
        parts.containers.len(),
        parts.volumes.len(),
        parts.networks.len(),
        parts.images.len()
    );
    let change = Change { verb: "removed".to_owned(), what: format!("preview {id}"), detail, content: None };
    ChangeView { changes: vec![change], dry_run: true, ..ChangeView::default() }
}

/// What must be the same before and after.
struct Witness {
    production: BTreeMap<String, String>,
    checkout: String,
    history: BTreeMap<TicketId, String>,
}

impl Witness {
    fn look(host: &Host) -> Result<Self, OpsError> {
        let settings = &host.settings;
        let containers = Containers::observe(host, settings, settings, &mut Vec::new());
        let mut production = BTreeMap::new();
        for (name, state) in containers.states(host, settings, settings) {
            if state.containers.is_empty() {
                production.insert(name.to_string(), format!("{:?}", state.run));
            }
            for container in state.containers {
                let since = container.started_at.map(|at| at.to_rfc3339()).unwrap_or_default();
                let is = format!("{} {} since {since}", container.id, container.state);
                production.insert(format!("{name}: {}", container.name), is);
            }
        }
        let (head, branch, clean) = host.git.standing()?;
        let states = host.store.states()?.into_iter();
        let history = states.map(|state| {
            let is =
                format!("@{} {} {} {}", state.attempt, state.status.word(), state.log_seq, state.log_chain);
            (state.ticket, is)
        });
        let checkout = format!(
            "{} on {}, {}",
            head.short(),
            branch.unwrap_or_default(),
            if clean { "clean" } else { "not clean" }
        );
        Ok(Self { production, checkout, history: history.gather() })
    }
}

/// Looks at it all again.
fn prove(
    host: &Host,
    id: &PreviewId,
    before: &Witness,
    addresses: &[String],
) -> Result<Vec<ProofRow>, OpsError> {
    let after = Witness::look(host)?;
    let left = Seen::look(host, id)?;
    let parts = left.parts.as_ref();
    let row = |what: &str, holds: bool, seen: String| ProofRow { what: what.to_owned(), holds, seen };
    let stopped = parts.is_ok_and(|parts| parts.containers.is_empty());
    let answers: Vec<&String> =
        addresses.iter().filter(|url| probe::ask_url(url, Duration::from_secs(2)).status != 0).collect();
    let mut rows = vec![
        row(
            "it is stopped",
            stopped,
            parts.map_or("the engine does not answer".to_owned(), |p| {
                format!("{} containers", p.containers.len())
            }),
        ),
        row(
            "its address is gone",
            answers.is_empty(),
            match (answers.first(), addresses.first()) {
                (Some(url), _) => format!("{url} still answers"),
                (None, Some(url)) => format!("{url} does not answer"),
                (None, None) => "it had none".to_owned(),
            },
        ),
        row(
            "production runs as it did",
            before.production == after.production,
            differs(&before.production, &after.production, "containers and services"),
        ),
        row("the checkout is as it was", before.checkout == after.checkout, after.checkout.clone()),
    ];
    let history =
        |of: &Witness| of.history.iter().map(|(ticket, is)| (ticket.to_string(), is.clone())).gather();
    let (then, now): (BTreeMap<String, String>, BTreeMap<String, String>) =
        (history(before), history(&after));
    rows.push(row("history is as it was", then == now, differs(&then, &now, "releases")));
    let free = left.is_nothing();
    let why =
        if free { format!("nothing is left of {}", id.project()) } else { "something is left".to_owned() };
    rows.push(row("the same id can be made again", free, why));
    Ok(rows)
}

fn differs(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>, what: &str) -> String {
    let changed = before.iter().find(|(name, is)| after.get(*name) != Some(*is)).map(|(name, _)| name);
    let changed = changed.or_else(|| after.keys().find(|name| !before.contains_key(*name)));
    changed.map_or_else(|| format!("{} {what}", after.len()), |name| format!("{name} is not as it was"))
}
