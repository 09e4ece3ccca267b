//! `readiness ID`: every way on and back, each decided as the verb itself would decide it.

use std::sync::Arc;

use crate::decide::{self, Refusal};
use crate::model::approval::Wanted;
use crate::model::candidate::Candidate;
use crate::model::facts::{Facts, Releases};
use crate::model::id::{AttemptId, TicketId};
use crate::model::plan::Plan;
use crate::model::readiness::{
    Answer, ArtifactRow, Cancel, CandidateRow, LookedInto, NextAction, Readiness, Reason, Resume, Revert,
    Rollback, SCHEMA,
};
use crate::model::reason::{Blocker, ReasonCode};
use crate::model::release::{Class, ReleaseState, Status};
use crate::model::request::{Anew, RevertRequest, RunRequest};
use crate::ops::approval;
use crate::ops::error::OpsError;
use crate::ops::facts::{Lock, Look, observe};
use crate::ops::host::Host;
use crate::ops::inspect::{Present, unknown};
use crate::ops::release::{look_back, look_for};

use super::admission::{Admission, looked_into};
use super::anew::{Wish, resolved};
use super::version;

/// What can be done with a ticket's attempt; without a number, its newest.
///
/// # Errors
/// [`OpsError::NoRelease`], or refused with `state-missing` for a number that is not on record; what makes looking
/// impossible.
pub fn readiness(host: &Host, ticket: &TicketId, number: Option<u32>) -> Result<Readiness, OpsError> {
    readiness_among(host, ticket, number, None)
}

/// The same, where every release was read just before.
pub(in crate::ops) fn readiness_among(
    host: &Host,
    ticket: &TicketId,
    number: Option<u32>,
    releases: Option<Releases>,
) -> Result<Readiness, OpsError> {
    let (state, is_newest) = subject(host, ticket, number)?;
    let facts = version::look(host, &state, releases)?;
    let looked = looked_into(host, &state)?;
    let asking = Asking { host, state: &state, facts: &facts, looked: &looked, is_newest };
    let (resume, retry, redeploy) =
        (asking.resume()?, asking.anew(Anew::Retry)?, asking.anew(Anew::Redeploy)?);
    let (revert, rollback, cancel) = (asking.revert()?, asking.rollback()?, asking.cancel()?);
    let mut answer = Readiness {
        schema_version: SCHEMA,
        deployment_id: asking.own(),
        ticket: state.ticket.clone(),
        status: state.status,
        state_version: version::of(&facts, &state),
        generated_at: facts.now,
        recoverable: resume.allowed
            || retry.allowed
            || redeploy.allowed
            || revert.allowed
            || rollback.allowed,
        retryable: retry.allowed,
        redeployable: redeploy.allowed,
        rollback_ready: rollback.allowed,
        resume,
        retry,
        redeploy,
        revert,
        rollback,
        cancel,
        archive: asking.archive(),
        prune: asking.prune(),
        diagnose_first: is_newest && decide::wants_diagnosis(&state, &looked),
        next_actions: Vec::new(),
    };
    answer.next_actions = next_actions(host, &answer);
    Ok(answer)
}

fn subject(host: &Host, ticket: &TicketId, number: Option<u32>) -> Result<(ReleaseState, bool), OpsError> {
    let none = || OpsError::NoRelease { ticket: ticket.clone() };
    let mut newest = host.store.state(ticket)?.ok_or_else(none)?;
    newest.status = Present::look(host)?.status(&newest);
    match number.filter(|number| *number != newest.attempt) {
        None => Ok((newest, true)),
        Some(number) => {
            let attempt = AttemptId { ticket: ticket.clone(), number };
            let unknown = || unknown(&attempt, newest.attempt);
            Ok((host.store.attempt(&attempt)?.ok_or_else(unknown)?.0, false))
        }
    }
}

/// One look, and everything that is asked about it.
struct Asking<'a> {
    host: &'a Host,
    state: &'a ReleaseState,
    facts: &'a Facts,
    looked: &'a LookedInto,
    is_newest: bool,
}

impl Asking<'_> {
    fn own(&self) -> AttemptId {
        AttemptId { ticket: self.state.ticket.clone(), number: self.state.attempt }
    }

    fn reasons(&self, blockers: &[Blocker]) -> Vec<Reason> {
        blockers.iter().map(|blocker| Reason::of(blocker, self.state.phase)).collect()
    }

    /// An attempt that another took the place of is only history.
    fn not_newest(&self) -> Option<Blocker> {
        let fact = format!("`{}` is not the newest attempt of its ticket", self.own());
        let way = format!("holdpoint readiness {}", self.state.ticket);
        (!self.is_newest).then(|| Blocker::new(ReasonCode::AttemptStatusNotRecoverable, fact).way_out(way))
    }

    /// Somebody is at work here: what is said holds for afterwards.
    fn busy(&self) -> Result<Option<Blocker>, OpsError> {
        let present = Present::look(self.host)?;
        Ok(present.holder().map(|holder| decide::busy(holder.ticket.as_ref())))
    }

    /// What a decision says, after what stands against any.
    fn judged(
        &self,
        decided: impl FnOnce() -> Result<Result<Plan, Refusal>, OpsError>,
        more: Vec<Blocker>,
    ) -> Result<(Vec<Reason>, Option<Plan>), OpsError> {
        if let Some(old) = self.not_newest() {
            return Ok((self.reasons(&[old]), None));
        }
        let (mut blockers, plan) = match decided()? {
            Ok(plan) => (Vec::new(), Some(plan)),
            Err(Refusal::Blocked { blockers, .. }) => (blockers, None),
            Err(Refusal::Nothing { fact }) => {
                (vec![Blocker::new(ReasonCode::AttemptStatusNotRecoverable, fact)], None)
            }
        };
        blockers.extend(more);
        blockers.extend(self.busy()?);
        Ok((self.reasons(&blockers), plan))
    }

    fn resume(&self) -> Result<Resume, OpsError> {
        let (phase, request) = match decide::to_resume(self.state) {
            Ok(resumed) => resumed,
            Err(why) => return Ok(Resume { allowed: false, from: None, reasons: self.reasons(&[why]) }),
        };
        let decided = || Ok(decide::plan_run(&self.look_at(&request)?, &request));
        let (reasons, _) = self.judged(decided, Vec::new())?;
        Ok(Resume { allowed: reasons.is_empty(), from: Some(phase), reasons })
    }

    fn look_at(&self, request: &RunRequest) -> Result<Facts, OpsError> {
        self.observe(look_for(request, Lock::Unknown)?)
    }

    /// Looks again for another question, at the same releases.
    fn observe(&self, look: Look) -> Result<Facts, OpsError> {
        observe(self.host, &Look { releases: Some(Arc::clone(&self.facts.releases)), ..look })
    }

    fn wish(&self, anew: Anew) -> Wish {
        Wish {
            ticket: Some(self.state.ticket.clone()),
            number: None,
            services: Vec::new(),
            request: anew,
            flags: RunRequest::new(self.state.ticket.clone()),
            admission: Admission::default(),
        }
    }

    fn anew(&self, anew: Anew) -> Result<Answer, OpsError> {
        let (settings, now) = (&self.facts.base_settings, self.facts.now);
        let more = decide::against_acting(settings, now, self.state, self.looked, &anew);
        let mut wanted = None;
        let decided = || {
            let (request, _) = resolved(self.host, &self.wish(anew))?;
            wanted = Wanted::anew(&request);
            Ok(decide::plan_run(&self.look_at(&request)?, &request))
        };
        let (mut reasons, _) = self.judged(decided, more)?;
        self.unapproved(&mut reasons, wanted)?;
        Ok(Answer::from_reasons(reasons))
    }

    /// A second operator is asked for what nothing else stands against.
    fn unapproved(&self, reasons: &mut Vec<Reason>, wanted: Option<Wanted>) -> Result<(), OpsError> {
        if let Some(wanted) = wanted.filter(|_| reasons.is_empty()) {
            let against = approval::blocker(self.host, self.state, &wanted)?;
            reasons.extend(self.reasons(against.as_slice()));
        }
        Ok(())
    }

    fn revert(&self) -> Result<Revert, OpsError> {
        let request = RevertRequest { discard_writes: true, ..RevertRequest::new(self.state.ticket.clone()) };
        let decided = || {
            let facts = self.observe(look_back(&self.state.ticket, Lock::Unknown))?;
            Ok(decide::plan_revert(&facts, &request))
        };
        let (mut reasons, plan) = self.judged(decided, Vec::new())?;
        let as_typed = RevertRequest { discard_writes: false, ..request.clone() };
        self.unapproved(&mut reasons, Some(Wanted::revert(&as_typed)))?;
        let write_window_seconds = plan.and_then(|plan| plan.write_window_seconds);
        Ok(Revert { allowed: reasons.is_empty(), write_window_seconds, reasons })
    }

    /// Candidates are judged by what is recorded; the best of them as the verb itself would.
    fn rollback(&self) -> Result<Rollback, OpsError> {
        let older = |candidate: &&Candidate| decide::is_older(self.facts, self.state, candidate);
        let mut candidates: Vec<CandidateRow> =
            self.facts.candidates.iter().filter(older).map(|candidate| self.candidate(candidate)).collect();
        let best = candidates.iter_mut().find(|row| row.rollback_ready);
        let Some(best) = best else {
            let fact = "there is no older attempt here that could be put back".to_owned();
            let none = Blocker::new(ReasonCode::RollbackCandidateNotSuccessful, fact)
                .way_out(format!("holdpoint redeploy {}", self.state.ticket));
            let newest = candidates.first().map(|row| row.reasons.clone());
            let reasons = newest.unwrap_or_else(|| self.reasons(&[none]));
            return Ok(Rollback { allowed: false, recommended_candidate_id: None, reasons, candidates });
        };
        let id = best.deployment_id.clone();
        let anew = Anew::Rollback { candidate: id.clone(), accept_environment: false, accept_schema: false };
        let answer = self.anew(anew)?;
        Ok(Rollback {
            allowed: answer.allowed,
            recommended_candidate_id: answer.allowed.then_some(id),
            reasons: answer.reasons,
            candidates,
        })
    }

    fn candidate(&self, candidate: &Candidate) -> CandidateRow {
        let reasons = self.reasons(&decide::against_candidate(self.facts, self.state, candidate));
        let artifacts = candidate.artifacts.iter().flat_map(|(service, parts)| {
            let row =
                |artifact| ArtifactRow::new(service, artifact, decide::is_present(self.facts, artifact));
            parts.values().map(row).collect::<Vec<_>>()
        });
        CandidateRow {
            deployment_id: candidate.attempt.clone(),
            finished_at: candidate.state.updated_at,
            source: candidate.state.merge.as_ref().map(ToString::to_string).unwrap_or_default(),
            artifacts: artifacts.collect(),
            rollback_ready: reasons.is_empty(),
            reasons,
            warnings: decide::not_compared(self.facts, self.state, candidate)
                .iter()
                .map(|blocker| Reason::warning(blocker, self.state.phase))
                .collect(),
        }
    }

    fn cancel(&self) -> Result<Cancel, OpsError> {
        let live = self.state.status.class() == Class::Live && self.is_newest;
        let present = Present::look(self.host)?;
        let active_attempt_id = (live && present.works_on(&self.state.ticket)).then(|| self.own());
        let against = self.not_newest().or_else(|| decide::against_canceling(self.state));
        let reasons = self.reasons(against.as_slice());
        Ok(Cancel { allowed: reasons.is_empty(), active_attempt_id, recommended: false, reasons })
    }

    fn archive(&self) -> Answer {
        Answer::from_reasons(self.reasons(&decide::against_archiving(self.state, &self.facts.releases)))
    }

    fn prune(&self) -> Answer {
        Answer::from_reasons(self.reasons(&decide::against_pruning(self.state, &self.facts.releases)))
    }
}

/// A closed list: looks first, then the verbs that are admitted.
fn next_actions(host: &Host, answer: &Readiness) -> Vec<NextAction> {
    let (ticket, id) = (answer.ticket.as_str(), answer.deployment_id.to_string());
    let query = |operation, command| NextAction { kind: "query", operation, command, safe: true };
    let write = |operation, command| NextAction { kind: "command", operation, command, safe: false };
    let mut actions =
        vec![query("detail", host.typed("state", ticket)), query("log", format!("holdpoint log {ticket}"))];
    if answer.cancel.allowed {
        actions.push(query("stream", format!("holdpoint log {ticket} -f")));
    }
    let halted = answer.status.class() == Class::Halted || answer.status == Status::Canceled;
    if halted {
        actions.push(query("diagnose", format!("holdpoint diagnose {ticket}")));
        actions.push(query("evidence", format!("holdpoint evidence capture {ticket}")));
    }
    if let Some(from) = answer.resume.from.filter(|_| answer.resume.allowed) {
        actions.push(write("resume", host.typed("run", &format!("{ticket} --from={from}"))));
    }
    let version = &answer.state_version;
    if answer.retry.allowed {
        actions.push(write("retry", format!("holdpoint retry {id} --if-version {version}")));
    }
    if answer.redeploy.allowed && halted {
        actions.push(write("redeploy", format!("holdpoint redeploy {id} --if-version {version}")));
    }
    if let Some(candidate) = &answer.rollback.recommended_candidate_id {
        let command = format!("holdpoint rollback {id} --candidate {candidate} --if-version {version}");
        actions.push(write("rollback", command));
    }
    if answer.revert.allowed {
        actions.push(write("revert", host.typed("revert", ticket)));
    }
    if answer.cancel.allowed {
        actions.push(write("cancel", format!("holdpoint cancel {id} --confirm {id}")));
    }
    actions
}
