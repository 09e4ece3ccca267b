//! `diagnose TICKET`: the five steps of seed 003, taken at once. A read: nothing on the host is touched, and only that
//! somebody looked is noted in the ticket's log.

use std::sync::Arc;

use crate::decide::{self, DiagnosisSeen};
use crate::model::diagnosis::{
    Boundary, DIAGNOSIS_SCHEMA, Diagnosis, EvidenceSeen, HaltSeen, Judgement, PlaybookFinding,
};
use crate::model::drift::DriftView;
use crate::model::event::{EventDraft, EventKind, RunEvent};
use crate::model::evidence::{FailureSeen, SurfaceSeen, shown_as};
use crate::model::facts::Releases;
use crate::model::id::{AttemptId, ReleaseRef, TicketId};
use crate::model::phase::Phase;
use crate::model::plan::Plan;
use crate::model::readiness::Readiness;
use crate::model::reason::Blocker;
use crate::model::release::ReleaseState;
use crate::model::request::RunRequest;
use crate::model::view::{Decision, StatusRow};
use crate::store::StoreError;

use super::error::OpsError;
use super::evidence::{boundary_of, failures};
use super::face::Face;
use super::facts::untrusted;
use super::host::Host;
use super::inspect::{self, Posture, Present, relative};
use super::session::Session;
use super::{playbooks, recover, release, surfaces};

/// Playbooks whose detection is run: what fits less well is only named.
const DETECTED: usize = 3;

/// Whether the detection commands of playbooks are run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detection {
    /// They are.
    Run,
    /// They are not.
    Leave,
}

/// Looks into an attempt. Only the newest one of a ticket can be recovered.
///
/// # Errors
/// [`OpsError::NoRelease`]; a usage error for an older attempt; a damaged log.
pub fn diagnose(
    host: &Host,
    of: &ReleaseRef,
    detection: Detection,
    face: Face<'_>,
) -> Result<Diagnosis, OpsError> {
    let look = Looked::at(host, of)?;
    let judgement = look.judge(host);
    let attempt = look.attempt.clone();
    let mut remarks = Vec::new();
    let failed = look.halt.is_some();
    // What fitted a failure that is over says nothing of now.
    let playbooks =
        if failed { fitting(host, &attempt.ticket, detection, &mut remarks)? } else { Vec::new() };
    let draft =
        (failed && playbooks.is_empty()).then(|| format!("holdpoint playbook new --from {}", attempt.ticket));
    let evidence = evidence(host, &attempt, look.halt.as_ref())?;
    let noted = note(host, &attempt, &judgement, face, &mut remarks);
    Ok(Diagnosis {
        schema_version: DIAGNOSIS_SCHEMA.to_owned(),
        at: host.clock.now(),
        status: look.state.status,
        halt: look.halt,
        failures: look.failures,
        boundary: look.boundary,
        posture: look.posture,
        surfaces: look.surfaces,
        drift: look.drift,
        against: look.against,
        evidence,
        playbooks,
        judgement,
        draft,
        untrusted: look.untrusted,
        noted,
        notes: remarks,
        attempt,
    })
}

/// What there is to judge.
struct Looked {
    attempt: AttemptId,
    state: ReleaseState,
    halt: Option<HaltSeen>,
    failures: Vec<FailureSeen>,
    boundary: Boundary,
    posture: Vec<StatusRow>,
    surfaces: Vec<SurfaceSeen>,
    drift: DriftView,
    on_top: Option<String>,
    against: Vec<Blocker>,
    plan: Option<Plan>,
    ways: Option<Readiness>,
    scripts_ran: bool,
    transcript: Option<String>,
    untrusted: Option<String>,
    /// The configuration, settled with what compose says.
    settings: crate::model::settings::Settings,
}

impl Looked {
    fn at(host: &Host, of: &ReleaseRef) -> Result<Self, OpsError> {
        let ticket = &of.ticket;
        let no_release = || OpsError::NoRelease { ticket: ticket.clone() };
        let mut state = host.store.state(ticket)?.ok_or_else(no_release)?;
        let attempt = AttemptId { ticket: ticket.clone(), number: state.attempt };
        if let Some(asked) = of.attempt.filter(|asked| *asked != state.attempt) {
            return Err(OpsError::Usage {
                what: format!("`{ticket}@{asked}` is not the newest attempt: that is `{attempt}`"),
                hint: format!("holdpoint diagnose {attempt}"),
            });
        }
        state.status = Present::look(host)?.status(&state);
        let events = host.store.log(ticket)?;
        let seen = Posture::observe(host)?;
        let failures = failures(host, &attempt);
        Ok(Self {
            halt: halt(&events, &attempt),
            boundary: boundary_of(host, &seen, &state)?,
            posture: inspect::service_rows(host, &seen, &[]),
            surfaces: surfaces::ask(host),
            drift: inspect::drift_of(host, &seen)?,
            on_top: decide::range::on_top(&state, &seen.releases),
            against: against(host, &state, &seen.releases),
            plan: host.store.plan(&attempt, "plan").ok().flatten(),
            // What cannot be seen is among the rows of the posture, too.
            ways: recover::readiness_among(host, ticket, None, Some(Arc::clone(&seen.releases))).ok(),
            scripts_ran: have_scripts_run(host, &state)?,
            transcript: transcript(host, &events, &attempt),
            untrusted: untrusted(&seen.releases).map(|(ticket, what)| format!("`{ticket}` {what}")),
            settings: seen.settings,
            attempt,
            failures,
            state,
        })
    }

    fn judge(&self, host: &Host) -> Judgement {
        decide::judge(&DiagnosisSeen {
            now: host.clock.now(),
            state: &self.state,
            halt: self.halt.as_ref(),
            failures: &self.failures,
            boundary: &self.boundary,
            posture: &self.posture,
            surfaces: &self.surfaces,
            drift: &self.drift,
            on_top: self.on_top.as_deref(),
            against: &self.against,
            plan: self.plan.as_ref(),
            ways: self.ways.as_ref(),
            scripts_ran: self.scripts_ran,
            transcript: self.transcript.as_deref(),
            settings: &self.settings,
            just_recipes: host.just_recipes,
        })
    }
}

/// How an attempt halted last, while nothing has gone well since.
fn halt(events: &[RunEvent], attempt: &AttemptId) -> Option<HaltSeen> {
    let halts = |kind: &EventKind| {
        matches!(
            kind,
            EventKind::Failed | EventKind::Undecided | EventKind::Interrupted | EventKind::Canceled
        )
    };
    let ends = |kind: &EventKind| {
        matches!(kind, EventKind::Succeeded | EventKind::Reverted | EventKind::Created) || halts(kind)
    };
    let mut of_attempt = events.iter().rev().filter(|event| event.attempt == attempt.number);
    let event = of_attempt.find(|event| ends(&event.event))?;
    halts(&event.event).then(|| HaltSeen {
        at: event.at,
        phase: event.phase,
        step: event.step.clone(),
        rc: event.rc,
        reason: event.reason.clone(),
        msg: event.msg.clone(),
    })
}

/// What a run would be refused for that went on from there now; the same decision that admits it (design/05). The remote
/// is not asked: diagnosing must not wait for a network that may be what is broken.
fn against(host: &Host, state: &ReleaseState, releases: &Releases) -> Vec<Blocker> {
    let goes_on = state.merge.is_some() && !state.status.is_backward() && state.phase != Phase::Prepare;
    if state.ticket.is_reserved() || state.status.is_backward() {
        return Vec::new();
    }
    let request = RunRequest {
        from: goes_on.then_some(state.phase),
        no_fetch: true,
        ..RunRequest::new(state.ticket.clone())
    };
    match release::check_run_among(host, &request, Some(Arc::clone(releases))) {
        Ok(Decision::Refused(refused)) => refused.blockers,
        _ => Vec::new(),
    }
}

/// Whether the release's own scripts have changed something already: one ended well, or did part of its work `once`.
fn have_scripts_run(host: &Host, state: &ReleaseState) -> Result<bool, OpsError> {
    let history = host.store.history(&state.ticket)?.unwrap_or_default();
    let ran = history
        .steps
        .values()
        .any(|record| record.phase == Phase::Ticket && record.end == crate::model::facts::StepEnd::Done);
    Ok(ran || !history.once_done.is_empty())
}

/// What the step that failed last printed, as a file.
fn transcript(host: &Host, events: &[RunEvent], attempt: &AttemptId) -> Option<String> {
    let of_attempt = |event: &&RunEvent| event.attempt == attempt.number;
    let failed = events.iter().rev().filter(of_attempt).find(|event| event.event == EventKind::StepFailed)?;
    let step = failed.step.as_ref()?;
    let began = |event: &&RunEvent| event.event == EventKind::StepStart && event.step.as_ref() == Some(step);
    let intent = events.iter().rev().filter(of_attempt).find(began)?;
    let folder = host.store.layout().step(attempt, intent.seq, step);
    let lines = host.store.transcript_tail(&folder, 1).ok().filter(|lines| !lines.is_empty());
    lines.map(|_| relative(host, &folder.join("transcript")))
}

/// Playbooks that fit, the best of them with their detection run.
fn fitting(
    host: &Host,
    ticket: &TicketId,
    detection: Detection,
    notes: &mut Vec<String>,
) -> Result<Vec<PlaybookFinding>, OpsError> {
    let matched = playbooks::match_ticket(host, ticket)?;
    notes.extend(matched.notes.into_iter().filter(|note| !note.contains("has not failed")));
    let values = playbooks::placeholders(host, Some(ticket), None)?;
    let finding = |(at, matched): (usize, crate::model::matching::PlaybookMatch)| {
        let run = detection == Detection::Run && at < DETECTED;
        let known = run.then(|| playbooks::known(host, &matched.id).ok()).flatten();
        let detection = known.map(|known| playbooks::detect(host, &known, &values));
        PlaybookFinding { matched, detection }
    };
    Ok(matched.matches.into_iter().enumerate().map(finding).collect())
}

fn evidence(host: &Host, attempt: &AttemptId, halt: Option<&HaltSeen>) -> Result<EvidenceSeen, OpsError> {
    let newest = host.store.newest_evidence(attempt)?;
    let stale = halt.and_then(|halt| {
        let newest = newest.as_ref().map(|(_, at)| *at);
        let max_age = host.settings.recovery.evidence_max_age;
        decide::evidence_blocker(attempt, host.clock.now(), halt.at, newest, max_age)
    });
    let (newest, captured_at) = newest.map(|(id, at)| (shown_as(attempt, &id), at)).unzip();
    Ok(EvidenceSeen { newest, captured_at, stale })
}

/// Notes in the ticket's log that somebody looked, and what it came to. Where that cannot be written the diagnosis stands
/// all the same.
fn note(
    host: &Host,
    attempt: &AttemptId,
    judgement: &Judgement,
    face: Face<'_>,
    notes: &mut Vec<String>,
) -> bool {
    let mut draft = EventDraft::new(EventKind::Diagnosed).detail("kind", word(judgement.kind));
    if let Some(best) = &judgement.recommended {
        draft = draft.detail("recommended", best.option.word());
    }
    let written = Session::open(host, face, Some(&attempt.ticket), Phase::Verify)
        .and_then(|session| session.note(&attempt.ticket, draft.clone()));
    match written {
        Ok(_) => true,
        Err(OpsError::Store(StoreError::Locked { holder })) => {
            notes.push(format!("that somebody looked is not in the log: this host is held by {holder}"));
            false
        }
        Err(error) => {
            notes.push(format!("that somebody looked could not be written into the log: {error}"));
            false
        }
    }
}

fn word(kind: crate::model::diagnosis::FailureKind) -> String {
    serde_json::to_value(kind).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
}
