//! `archive`, `unarchive`, `prune`: out of the list, and at last out of the records. Nothing that anybody may need goes.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::Value;

use crate::decide::{self, InUse};
use crate::model::event::{EventDraft, EventKind};
use crate::model::evidence::{host_attempt, shown_as};
use crate::model::id::{AttemptId, TicketId};
use crate::model::phase::Phase;
use crate::model::reason::{Blocker, ReasonCode};
use crate::model::release::ReleaseState;
use crate::model::view::{Change, ChangeView};
use crate::ops::error::OpsError;
use crate::ops::face::Face;
use crate::ops::facts::{Lock, releases};
use crate::ops::host::Host;
use crate::ops::release::following;
use crate::ops::session::Session;
use crate::ops::told::Told;
use crate::store::Durability;
use crate::sys::files;

/// Whether an attempt leaves the default list or comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shelf {
    /// It leaves.
    Archive,
    /// It comes back.
    Unarchive,
}

/// Takes an attempt out of the default list, or back into it. Nothing is deleted.
///
/// # Errors
/// [`OpsError::Refused`] where it is not over, or is what runs now; [`OpsError::NoRelease`].
pub fn shelve(
    host: &Host,
    attempt: &AttemptId,
    shelf: Shelf,
    dry_run: bool,
    face: Face<'_>,
) -> Result<ReleaseState, OpsError> {
    let state = fitting(host, attempt, shelf, Lock::Unknown)?;
    if dry_run {
        return Ok(state);
    }
    if shelf == Shelf::Archive {
        let detail = format!("it is {}; nothing of it is deleted", state.status);
        let change = Change { verb: "archive".to_owned(), what: attempt.to_string(), detail, content: None };
        let view = ChangeView { changes: vec![change], dry_run: true, ..ChangeView::default() };
        face.confirm(&view, "archiving", &format!("--confirm {attempt}"))?;
    }
    let session = Session::open(host, face, Some(&attempt.ticket), Phase::Prepare)?;
    fitting(host, attempt, shelf, Lock::Ours)
        .map_err(|error| session.refuse_known(&attempt.ticket, error))?;
    let journal = session.journal(attempt)?;
    let recorder = session.recorder(&journal, session.store.state(&attempt.ticket)?);
    let kind = match shelf {
        Shelf::Archive => EventKind::Archived,
        Shelf::Unarchive => EventKind::Unarchived,
    };
    let draft = Told::aside(Vec::new(), face.reason).in_record(EventDraft::new(kind));
    recorder.record(draft, Durability::Sync)?;
    recorder.save()?;
    session.publish(&recorder);
    let (state, _) = session.store.attempt(attempt)?.ok_or_else(|| no_release(attempt))?;
    session.store.index(&state)?;
    Ok(state)
}

fn no_release(attempt: &AttemptId) -> OpsError {
    OpsError::NoRelease { ticket: attempt.ticket.clone() }
}

/// The attempt, where it may be shelved so.
fn fitting(host: &Host, attempt: &AttemptId, shelf: Shelf, lock: Lock) -> Result<ReleaseState, OpsError> {
    let newest = releases(host, lock)?;
    let state = standing(host, attempt, &newest)?;
    let blockers = match shelf {
        Shelf::Archive => decide::against_archiving(&state, &newest),
        Shelf::Unarchive if state.archived => Vec::new(),
        Shelf::Unarchive => {
            let fact = format!("`{attempt}` is not archived");
            vec![Blocker::new(ReasonCode::AttemptStatusNotRecoverable, fact).way_out("holdpoint list")]
        }
    };
    if blockers.is_empty() { Ok(state) } else { Err(OpsError::all_refused(blockers)) }
}

/// An attempt as it stands: the newest of its ticket as read together with the lock.
fn standing(host: &Host, attempt: &AttemptId, newest: &[ReleaseState]) -> Result<ReleaseState, OpsError> {
    let current =
        newest.iter().find(|state| state.ticket == attempt.ticket && state.attempt == attempt.number);
    match current {
        Some(state) => Ok(state.clone()),
        None => Ok(host.store.attempt(attempt)?.ok_or_else(|| no_release(attempt))?.0),
    }
}

/// What a person wants to be thrown away.
#[derive(Debug, Clone)]
pub struct PruneWish {
    /// Attempts older than this.
    pub before: DateTime<Utc>,
    /// The plan of the dry run that was read; none: this is the dry run.
    pub plan: Option<String>,
}

/// Throws away the records of archived, old attempts that nobody needs: the ticket's state, log and folder. A dry run
/// unless its plan is named.
///
/// # Errors
/// [`OpsError::Refused`] with `plan-changed` where the plan does not describe this host any more.
pub fn prune(host: &Host, wish: &PruneWish, face: Face<'_>) -> Result<ChangeView, OpsError> {
    let (going, view, id) = planned(host, wish)?;
    let Some(wanted) = &wish.plan else { return Ok(view) };
    check_plan(wish, wanted, &id)?;
    if going.is_empty() {
        return Ok(view);
    }
    let session = Session::open(host, face, None, Phase::Prepare)?;
    let (going, view, id) = planned(host, wish)?;
    check_plan(wish, wanted, &id)?;
    // One record for all of them, before the first is touched: what it names is gone or goes with the next prune.
    let names: Vec<String> = going.iter().map(ToString::to_string).collect();
    let draft = EventDraft::new(EventKind::Removed).detail("tickets", names.join(" ")).detail("plan", &id);
    session.audit(Told::aside(Vec::new(), face.reason).in_record(draft))?;
    for ticket in &going {
        session.store.remove_ticket(ticket)?;
    }
    host.store.reindex()?;
    Ok(view)
}

fn check_plan(wish: &PruneWish, wanted: &str, id: &str) -> Result<(), OpsError> {
    if wanted == id {
        return Ok(());
    }
    let fact = format!("plan `{wanted}` does not describe this host any more: it is `{id}` now");
    let before = wish.before.to_rfc3339_opts(SecondsFormat::Secs, true);
    Err(OpsError::refused(
        Blocker::new(ReasonCode::PlanChanged, fact).way_out(format!("holdpoint prune --before {before}")),
    ))
}

/// What names attempts beside the records of releases: incidents, and evidence that somebody captured. The bundle that a
/// failure leaves by itself is part of its own record.
fn in_use(host: &Host, all: &[ReleaseState]) -> Result<InUse, OpsError> {
    let mut found = InUse::default();
    for incident in host.store.incidents()? {
        found.incidents.extend(incident.attempt.map(|attempt| (attempt, incident.id.to_string())));
    }
    let archived = all.iter().filter(|state| state.archived);
    let archived: Vec<AttemptId> =
        archived.map(|state| AttemptId { ticket: state.ticket.clone(), number: state.attempt }).collect();
    if archived.is_empty() {
        return Ok(found);
    }
    for attempt in archived.iter().chain([&host_attempt()]) {
        for id in host.store.evidence(attempt)? {
            // What cannot be read may name any of them.
            let bundle = host.store.evidence_bundle(attempt, &id)?.unwrap_or_default();
            let is_own = |named: &&AttemptId| *named == attempt && bundle["trigger"] != "failure";
            let names = |named: &&AttemptId| *attempt == host_attempt() && names(&bundle, &named.to_string());
            for named in archived.iter().filter(|named| is_own(named) || names(named)) {
                found.evidence.insert(named.clone(), shown_as(attempt, &id));
            }
        }
    }
    Ok(found)
}

/// Whether this word stands anywhere in a bundle.
fn names(value: &Value, word: &str) -> bool {
    match value {
        Value::String(text) => text == word,
        Value::Array(rows) => rows.iter().any(|row| names(row, word)),
        Value::Object(fields) => fields.values().any(|field| names(field, word)),
        _ => false,
    }
}

/// Tickets that go, what is shown, and the id of that.
fn planned(host: &Host, wish: &PruneWish) -> Result<(Vec<TicketId>, ChangeView, String), OpsError> {
    let newest = releases(host, Lock::Unknown)?;
    let mut all = Vec::new();
    for state in newest.iter() {
        all.extend(host.store.attempts(&state.ticket)?);
    }
    let in_use = in_use(host, &all)?;
    let (mut going, mut changes) = (Vec::new(), Vec::new());
    for state in &all {
        let attempt = AttemptId { ticket: state.ticket.clone(), number: state.attempt };
        let kept = decide::kept_for(state, &all, &newest, wish.before, &in_use);
        // What is not archived was never asked to go.
        if kept.is_some() && !state.archived {
            continue;
        }
        let verb = if kept.is_some() { "kept" } else { "removed" };
        if kept.is_none() && !going.contains(&state.ticket) {
            going.push(state.ticket.clone());
        }
        let ended = format!("{}, ended {}", state.status, state.updated_at.format("%F"));
        changes.push(Change {
            verb: verb.to_owned(),
            what: attempt.to_string(),
            detail: kept.unwrap_or(ended),
            content: None,
        });
    }
    let named: Vec<String> =
        changes.iter().map(|change| format!("{} {}", change.verb, change.what)).collect();
    let id = files::sha256_of(named.join("\n").as_bytes())[..16].to_owned();
    let before = wish.before.to_rfc3339_opts(SecondsFormat::Secs, true);
    let mut view = ChangeView { changes, dry_run: wish.plan.is_none(), ..ChangeView::default() };
    if going.is_empty() {
        view.notes.push("nothing goes: only what is archived, old and needed by nobody does".to_owned());
    } else if wish.plan.is_none() {
        let command = format!("holdpoint prune --before {before} --no-dry-run --plan {id}");
        view.next.push(following("to throw exactly these away", command));
    }
    Ok((going, view, id))
}
