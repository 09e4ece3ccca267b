//! The verbs. Each write is one whole file and one record in the host's own audit log.

use crate::decide;
use crate::model::event::{EventDraft, EventKind};
use crate::model::id::{AttemptId, TicketId};
use crate::model::incident::{
    Condition, INCIDENT_FORMAT, Incident, IncidentEnd, IncidentId, IncidentKind, IncidentLook, IncidentView,
};
use crate::model::matching::Symptom;
use crate::model::phase::Phase;
use crate::model::reason::{Blocker, ReasonCode};
use crate::model::view::{NextCommand, RefusedView};
use crate::ops::error::OpsError;
use crate::ops::face::Face;
use crate::ops::facts::{Lock, releases};
use crate::ops::host::Host;
use crate::ops::playbooks;
use crate::ops::release::following;
use crate::ops::session::Session;

use super::{look, recovery};

/// What is told when an incident is opened.
#[derive(Debug, Clone)]
pub struct Opening {
    /// What is wrong, in words.
    pub symptom: String,
    /// How much of it.
    pub kind: IncidentKind,
    /// The path that exposed it.
    pub path: String,
    /// Tries that path, as a person types it.
    pub probe: Option<String>,
    /// The ticket that it belongs to; none: the release that stands unfinished here, if one does.
    pub ticket: Option<TicketId>,
}

/// What is told when an incident is resolved.
#[derive(Debug, Clone, Default)]
pub struct Ending {
    /// The playbook that the recovery went by.
    pub playbook: Option<String>,
    /// A person says that the failing path works.
    pub path_works: bool,
}

/// Opens an incident.
///
/// # Errors
/// A usage error for an empty symptom or path, or a probe that is no command; [`OpsError::NoRelease`]; `Locked`.
pub fn open(host: &Host, opening: &Opening, dry_run: bool, face: Face<'_>) -> Result<IncidentView, OpsError> {
    let now = host.clock.now();
    let said = |text: &str, flag: &str| {
        let text = text.trim();
        if text.is_empty() {
            return Err(OpsError::Usage {
                what: format!("`{flag}` is empty"),
                hint: format!("say it in words: `{flag} 'the page is grey for everybody'`"),
            });
        }
        Ok(host.redactor.redact(text))
    };
    let mut incident = Incident {
        format: INCIDENT_FORMAT,
        id: IncidentId::of(now, 1),
        opened_at: now,
        by: host.operator.clone(),
        host: host.name.clone(),
        symptom: said(&opening.symptom, "--symptom")?,
        kind: opening.kind,
        path: said(&opening.path, "--path")?,
        probe: opening.probe.as_deref().map(|probe| words(host, probe)).transpose()?,
        attempt: attempt(host, opening.ticket.as_ref())?,
        captures: Vec::new(),
        verifications: Vec::new(),
        resolved: None,
    };
    if dry_run {
        return view(host, incident, None);
    }
    let session = Session::open(host, face, None, Phase::Verify)?;
    incident.id = session.store.next_incident(now)?;
    keep(&session, &incident, "opened", face)?;
    view(host, incident, None)
}

/// A command as an argument list: it is never handed to a shell.
fn words(host: &Host, probe: &str) -> Result<Vec<String>, OpsError> {
    if host.redactor.redact(probe) != probe {
        return Err(OpsError::Usage {
            what: "`--probe` holds a secret, and what is kept of an incident holds none".to_owned(),
            hint: "put it into a script that reads its own environment, and name the script".to_owned(),
        });
    }
    shlex::split(probe).filter(|argv| argv.first().is_some_and(|first| !first.is_empty())).ok_or_else(|| {
        OpsError::Usage {
            what: "`--probe` is no command: its quotes do not close, or it is empty".to_owned(),
            hint: "write a program and its arguments: `--probe 'curl -fsS http://127.0.0.1:8080/login'`"
                .to_owned(),
        }
    })
}

/// The attempt that it belongs to: of the ticket that is named, else of the release that stands unfinished here.
fn attempt(host: &Host, ticket: Option<&TicketId>) -> Result<Option<AttemptId>, OpsError> {
    let states = releases(host, Lock::Unknown)?;
    let of = |state: &crate::model::release::ReleaseState| AttemptId {
        ticket: state.ticket.clone(),
        number: state.attempt,
    };
    let Some(ticket) = ticket else {
        return Ok(states.iter().rfind(|state| state.is_unfinished()).map(of));
    };
    let state = states.iter().find(|state| state.ticket == *ticket);
    state.map(|state| Some(of(state))).ok_or_else(|| OpsError::NoRelease { ticket: ticket.clone() })
}

/// Looks before anything is changed.
///
/// # Errors
/// A usage error for an incident that is not there or is resolved; `Locked`.
pub fn capture(
    host: &Host,
    id: &IncidentId,
    dry_run: bool,
    face: Face<'_>,
) -> Result<IncidentView, OpsError> {
    look_again(host, id, dry_run, face, "captured", |incident, look| incident.captures.push(look))
}

/// Takes the same look again after recovery.
///
/// # Errors
/// As [`capture`].
pub fn verify(host: &Host, id: &IncidentId, dry_run: bool, face: Face<'_>) -> Result<IncidentView, OpsError> {
    look_again(host, id, dry_run, face, "verified", |incident, look| incident.verifications.push(look))
}

fn look_again(
    host: &Host,
    id: &IncidentId,
    dry_run: bool,
    face: Face<'_>,
    word: &str,
    add: impl FnOnce(&mut Incident, IncidentLook),
) -> Result<IncidentView, OpsError> {
    let mut incident = unresolved(host, id)?;
    if dry_run {
        let look = look::at(host, &incident)?.unkept();
        add(&mut incident, look);
        return view(host, incident, None);
    }
    let ticket = incident.attempt.as_ref().map(|attempt| attempt.ticket.clone());
    let session = Session::open(host, face, ticket.as_ref(), Phase::Verify)?;
    // Somebody else may have written it before the host was ours.
    let mut incident = unresolved(host, id)?;
    let look = look::at(host, &incident)?.kept(&session)?;
    add(&mut incident, look);
    keep(&session, &incident, word, face)?;
    view(host, incident, None)
}

/// Resolves an incident, where all six conditions hold.
///
/// # Errors
/// [`OpsError::Refused`] with a blocker for each condition that does not; a usage error as in [`capture`].
pub fn resolve(
    host: &Host,
    id: &IncidentId,
    ending: &Ending,
    dry_run: bool,
    face: Face<'_>,
) -> Result<IncidentView, OpsError> {
    let incident = unresolved(host, id)?;
    if let Some(playbook) = &ending.playbook {
        playbooks::known(host, playbook)?;
    }
    let end = IncidentEnd {
        at: host.clock.now(),
        by: host.operator.clone(),
        playbook: ending.playbook.clone(),
        reason: face.reason.map(|reason| host.redactor.redact(reason)),
        path_works: ending.path_works,
    };
    let conditions = decide::conditions(&incident, recovery::since(host, incident.opened_at)?, Some(&end));
    let blockers: Vec<Blocker> = conditions.iter().filter(|one| !one.holds).map(blocker).collect();
    if !blockers.is_empty() {
        return Err(OpsError::Refused(RefusedView::new(blockers, Vec::new())));
    }
    if dry_run {
        return view(host, incident, Some(&end));
    }
    let session = Session::open(host, face, None, Phase::Verify)?;
    let mut incident = unresolved(host, id)?;
    incident.resolved = Some(end);
    keep(&session, &incident, "resolved", face)?;
    view(host, incident, None)
}

fn blocker(condition: &Condition) -> Blocker {
    let fact = format!("{} of 6, {}: {}", condition.number, condition.wants, condition.fact);
    let blocker = Blocker::new(ReasonCode::IncidentUnproven, fact);
    condition.way_out.iter().fold(blocker, |blocker, way| blocker.way_out(way.clone()))
}

/// An incident, with how the six conditions stand.
///
/// # Errors
/// A usage error for one that is not there; damage.
pub fn show(host: &Host, id: &IncidentId) -> Result<IncidentView, OpsError> {
    view(host, known(host, id)?, None)
}

/// Every incident, newest first.
///
/// # Errors
/// Damage.
pub fn list(host: &Host) -> Result<Vec<Incident>, OpsError> {
    let mut all = host.store.incidents()?;
    all.reverse();
    Ok(all)
}

fn known(host: &Host, id: &IncidentId) -> Result<Incident, OpsError> {
    host.store.incident(id)?.ok_or_else(|| OpsError::Usage {
        what: format!("there is no incident `{id}` on this host"),
        hint: "holdpoint incident list".to_owned(),
    })
}

fn unresolved(host: &Host, id: &IncidentId) -> Result<Incident, OpsError> {
    let incident = known(host, id)?;
    if incident.resolved.is_none() {
        return Ok(incident);
    }
    Err(OpsError::Usage {
        what: format!("`{id}` is resolved: what comes back is another incident"),
        hint: "holdpoint incident open --symptom '…' --kind total --path '…'".to_owned(),
    })
}

/// Writes the file, redacted, and the record.
fn keep(session: &Session<'_>, incident: &Incident, word: &str, face: Face<'_>) -> Result<(), OpsError> {
    let redactor = &session.host.redactor;
    let text = redactor.redact(&serde_json::to_string_pretty(incident).unwrap_or_default());
    session.store.save_incident(incident, &text)?;
    let mut draft = EventDraft::new(EventKind::Incident).detail("incident", incident.id.as_str()).msg(word);
    if let Some(reason) = face.reason {
        draft = draft.detail("why", redactor.redact(reason));
    }
    if let Some(attempt) = &incident.attempt {
        draft = draft.detail("attempt_of", attempt.to_string());
    }
    session.audit(draft)
}

fn view(host: &Host, incident: Incident, end: Option<&IncidentEnd>) -> Result<IncidentView, OpsError> {
    let conditions = decide::conditions(&incident, recovery::since(host, incident.opened_at)?, end);
    let next = next(host, &incident, &conditions);
    Ok(IncidentView { incident, conditions, next })
}

/// What to type next: evidence first, then the narrowest playbook, the guardrail, and the proof.
fn next(host: &Host, incident: &Incident, conditions: &[Condition]) -> Vec<NextCommand> {
    let id = &incident.id;
    if incident.resolved.is_some() {
        return Vec::new();
    }
    if incident.captures.is_empty() {
        let capture = format!("holdpoint incident capture {id}");
        return vec![following("before anything is changed", capture)];
    }
    let mut next = Vec::new();
    if incident.verifications.is_empty() {
        let symptom = Symptom { told: vec![incident.symptom.clone()], ..Symptom::default() };
        let fits = playbooks::match_text(host, &symptom).matches;
        if let Some(best) = fits.first() {
            next.push(following("the narrowest playbook", format!("holdpoint playbook show {}", best.id)));
        }
        if let Some(attempt) = &incident.attempt {
            next.push(following("what failed in its release", format!("holdpoint diagnose {attempt}")));
        }
        if host.settings.guard.is_some() {
            next.push(following("before a guarded action", "holdpoint check --guard".to_owned()));
        }
        next.push(following("after the recovery", format!("holdpoint incident verify {id}")));
        return next;
    }
    let open = conditions.iter().filter(|one| !one.holds).filter_map(|one| one.way_out.clone());
    next.extend(open.map(|way| following("what is missing", way)));
    if next.is_empty() {
        next.push(following(
            "all six conditions hold",
            format!("holdpoint incident resolve {id} --reason '…'"),
        ));
    }
    next.dedup();
    next
}
