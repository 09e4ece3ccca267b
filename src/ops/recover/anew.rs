//! `retry`, `redeploy`, `rollback`: a new attempt of what is recorded.

use crate::decide::{self, Refusal};
use crate::model::approval::Wanted;
use crate::model::facts::Facts;
use crate::model::id::{AttemptId, ServiceName, TicketId};
use crate::model::phase::Phase;
use crate::model::reason::{Blocker, ReasonCode};
use crate::model::release::ReleaseState;
use crate::model::request::{Anew, RunRequest};
use crate::model::view::{Decision, Question, RunView};
use crate::ops::aftermath;
use crate::ops::approval;
use crate::ops::error::OpsError;
use crate::ops::face::Face;
use crate::ops::facts::{Lock, observe};
use crate::ops::guard;
use crate::ops::host::Host;
use crate::ops::inspect::known_services;
use crate::ops::playbooks;
use crate::ops::release::{decision, look_for, run_shown};
use crate::ops::session::Session;

use super::admission::{Admission, looked_into};

/// What a person wants to be done anew.
#[derive(Debug, Clone)]
pub struct Wish {
    /// The ticket whose newest attempt it is about; none: the one that last succeeded with these services.
    pub ticket: Option<TicketId>,
    /// The number that was named, where one was.
    pub number: Option<u32>,
    /// Services, in a redeploy; empty: those of the attempt.
    pub services: Vec<ServiceName>,
    /// What, with the flags of a run that it takes.
    pub request: Anew,
    /// Flags that a run takes, too.
    pub flags: RunRequest,
    /// What was read beforehand.
    pub admission: Admission,
}

/// What would be done, or what stands against it.
///
/// # Errors
/// What makes looking itself impossible; no such attempt.
pub fn check(host: &Host, wish: &Wish) -> Result<Decision, OpsError> {
    let (request, state) = resolved(host, wish)?;
    let facts = observe(host, &look_for(&request, Lock::Unknown)?)?;
    let mut decided = decide::plan_run(&facts, &request);
    // A dry run is somebody reading: it need not have been read before.
    let mut against = unseen(host, &facts, &state, &wish.request)?;
    if against.is_empty()
        && decided.is_ok()
        && let Some(wanted) = Wanted::anew(&request)
    {
        against.extend(approval::blocker(host, &state, &wanted)?);
    }
    add(&mut decided, against);
    Ok(decision(host, Phase::Migrate, decided))
}

/// Does it.
///
/// # Errors
/// As `run`; [`OpsError::Declined`]; without a terminal a usage error that names `--yes`.
pub fn run(host: &Host, wish: &Wish, face: Face<'_>) -> Result<RunView, OpsError> {
    let began = host.clock.monotonic();
    let (request, state) = resolved(host, wish)?;
    let facts = observe(host, &look_for(&request, Lock::Unknown)?)?;
    let mut decided = decide::plan_run(&facts, &request);
    let mut against = unseen(host, &facts, &state, &wish.request)?;
    against.extend(wish.admission.blocker(host, &state, face.person.is_there())?);
    // A retry repeats what was meant anyway.
    if against.is_empty() && decided.is_ok() && wish.request != Anew::Retry {
        against.extend(guard::blocker(host)?);
    }
    add(&mut decided, against);
    match decided {
        Ok(plan) => {
            face.ask(&plan, Question::GoAhead)?;
            run_shown(host, &request, Some(plan.id), face, began)
        }
        Err(Refusal::Nothing { fact }) => Ok(aftermath::nothing(fact)),
        Err(Refusal::Blocked { blockers, notes }) => {
            let session = Session::open(host, face, Some(&request.ticket), Phase::Migrate)?;
            session.refuse(&facts, &request.ticket, Phase::Migrate, &blockers)?;
            Err(OpsError::Refused(playbooks::refused(host, Phase::Migrate, blockers, notes)))
        }
    }
}

/// What stands against it until somebody has looked at what failed.
fn unseen(host: &Host, facts: &Facts, state: &ReleaseState, anew: &Anew) -> Result<Vec<Blocker>, OpsError> {
    let looked = looked_into(host, state)?;
    Ok(decide::against_acting(&facts.base_settings, facts.now, state, &looked, anew))
}

fn add(decided: &mut Result<crate::model::plan::Plan, Refusal>, against: Vec<Blocker>) {
    if against.is_empty() {
        return;
    }
    match decided {
        Err(Refusal::Blocked { blockers, .. }) => blockers.extend(against),
        Ok(_) | Err(Refusal::Nothing { .. }) => {
            *decided = Err(Refusal::Blocked { blockers: against, notes: Vec::new() });
        }
    }
}

/// The run that a wish comes to, and the attempt that it is about.
pub(super) fn resolved(host: &Host, wish: &Wish) -> Result<(RunRequest, ReleaseState), OpsError> {
    known_services(host, &wish.services)?;
    let state = subject(host, wish)?;
    let own = AttemptId { ticket: state.ticket.clone(), number: state.attempt };
    let at = match &wish.request {
        Anew::Retry => host.store.snapshot_of(&own, None).ok().flatten().map(|snapshot| snapshot.target),
        Anew::Redeploy => Some(host.git.head()?),
        Anew::Rollback { candidate, .. } => host.store.attempt(candidate)?.and_then(|(state, _)| state.merge),
    };
    let services = match &wish.request {
        Anew::Redeploy if !wish.services.is_empty() => Some(wish.services.clone()),
        _ => None,
    };
    let request = RunRequest {
        ticket: state.ticket.clone(),
        // Nothing that this host does not know is looked at; HEAD stands for a commit that is not on record.
        at: Some(match at {
            Some(at) => at,
            None => host.git.head()?,
        }),
        services,
        no_fetch: true,
        without_scripts: true,
        anew: Some(wish.request.clone()),
        ..wish.flags.clone()
    };
    Ok((request, state))
}

/// The newest attempt of the ticket that is meant.
fn subject(host: &Host, wish: &Wish) -> Result<ReleaseState, OpsError> {
    let ticket = match &wish.ticket {
        Some(ticket) => ticket.clone(),
        None => last_with(host, &wish.services)?,
    };
    let mut state =
        host.store.state(&ticket)?.ok_or_else(|| OpsError::NoRelease { ticket: ticket.clone() })?;
    if !host.store.runner_alive()? {
        state.status = state.status.without_runner();
    }
    match wish.number.filter(|number| *number != state.attempt) {
        None => Ok(state),
        Some(number) => {
            let newest = format!("{ticket}@{}", state.attempt);
            let fact = format!("`{ticket}@{number}` is not the newest attempt: that is `{newest}`");
            let way = format!("holdpoint {} {newest}", wish.request.verb());
            Err(OpsError::refused(Blocker::new(ReasonCode::AttemptStatusNotRecoverable, fact).way_out(way)))
        }
    }
}

/// The ticket that last succeeded with one of these services (none named: with any), or what was adopted.
fn last_with(host: &Host, services: &[ServiceName]) -> Result<TicketId, OpsError> {
    let states = host.store.states()?;
    let last = decide::last_with(&states, services).map(|state| state.ticket.clone());
    last.ok_or_else(|| OpsError::Usage {
        what: "nothing was released or adopted here yet that could be deployed again".to_owned(),
        hint: "record what runs: `holdpoint adopt`".to_owned(),
    })
}
