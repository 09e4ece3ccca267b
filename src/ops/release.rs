//! The verbs of a release: `run`, `revert`, `close`, `approve`, `return-to-main`, `configure`.

use crate::decide::{self, Refusal};
use crate::engine::RunEnd;
use crate::model::approval::{Wanted, Word};
use crate::model::event::{EventDraft, EventKind};
use crate::model::facts::{Facts, Releases, StepEnd, StepRecord};
use crate::model::id::{ServiceName, TicketId};
use crate::model::outcome::Ending;
use crate::model::phase::Phase;
use crate::model::plan::Plan;
use crate::model::reason::{Blocker, ReasonCode};
use crate::model::release::{ReleaseState, Status, Transition};
use crate::model::request::{Anew, RevertRequest, RunRequest, Take};
use crate::model::settings::{News, OnFailure};
use crate::model::view::{Decision, FailureView, NextCommand, Question, RunView};
use crate::sys::signal::Signal;

use super::aftermath;
use super::approval;
use super::error::OpsError;
use super::face::{Face, Given, Said};
use super::facts::{About, Candidates, Fetch, Links, Lock, Look, OldImages, observe};
use super::guard;
use super::host::Host;
use super::playbooks;
use super::proof;
use super::session::Session;
use super::told::{self, Told};

/// What `run` would do: the same decision, and nothing is written.
///
/// # Errors
/// What makes looking itself impossible.
pub fn check_run(host: &Host, request: &RunRequest) -> Result<Decision, OpsError> {
    check_run_among(host, request, None)
}

/// The same, where every release was read just before.
pub(super) fn check_run_among(
    host: &Host,
    request: &RunRequest,
    releases: Option<Releases>,
) -> Result<Decision, OpsError> {
    let request = on_branch(host, request)?;
    let look = Look { releases, ..look_for(&request, Lock::Unknown)? };
    let facts = observe(host, &look)?;
    Ok(decision(host, request.from.unwrap_or(Phase::Prepare), decide::plan_run(&facts, &request)))
}

/// `--force-allow-non-main` is `--branch` with whatever branch is checked out.
fn on_branch(host: &Host, request: &RunRequest) -> Result<RunRequest, OpsError> {
    let mut request = request.clone();
    if request.current_branch
        && request.branch.is_none()
        && let (_, Some(branch), _) = host.git.standing()?
    {
        request.branch = Some(branch.parse()?);
    }
    Ok(request)
}

/// What `revert` would do.
///
/// # Errors
/// What makes looking itself impossible.
pub fn check_revert(host: &Host, request: &RevertRequest) -> Result<Decision, OpsError> {
    let mut facts = observe(host, &look_back(&request.ticket, Lock::Unknown))?;
    let mut decided = proof::plan_revert(host, &mut facts, request);
    if decided.is_ok()
        && let Some(history) = &facts.history
        && let Some(blocker) = approval::blocker(host, &history.state, &Wanted::revert(request))?
    {
        decided = Err(Refusal::Blocked { blockers: vec![blocker], notes: Vec::new() });
    }
    Ok(decision(host, Phase::Revert, decided))
}

/// What was decided, as it is shown; `phase` is the one that was asked for.
pub(super) fn decision(host: &Host, phase: Phase, decided: Result<Plan, Refusal>) -> Decision {
    match decided {
        Ok(plan) => Decision::Plan { plan: Box::new(plan) },
        Err(Refusal::Blocked { blockers, notes }) => {
            Decision::Refused(playbooks::refused(host, phase, blockers, notes))
        }
        Err(Refusal::Nothing { fact }) => Decision::Nothing { fact },
    }
}

pub(super) fn look_for(request: &RunRequest, lock: Lock) -> Result<Look, OpsError> {
    if let Some(anew) = &request.anew {
        return Ok(look_at_recorded(request, anew, lock));
    }
    if request.ticket.is_reserved() {
        return Err(OpsError::Usage {
            what: format!("`{}` is a name of ours, no ticket", request.ticket),
            hint: "name the ticket that is released, for example `holdpoint run 1234`".to_owned(),
        });
    }
    let resumes = request.from.is_some_and(|phase| phase != Phase::Prepare) && !request.take_new_commits;
    let fetch = if request.no_fetch || resumes { Fetch::Keep } else { Fetch::Ask };
    Ok(Look {
        ticket: Some(request.ticket.clone()),
        branch: request.branch.clone(),
        at: request.at.clone(),
        at_is_ours: false,
        candidates: Candidates::Leave,
        base: request.base.clone(),
        about: About::Run(Box::new(request.clone())),
        fetch,
        lock,
        old_images: OldImages::Leave,
        links: Links::Now,
        releases: None,
    })
}

/// Nothing is fetched, and nobody but this host need know the commit: it was here before.
fn look_at_recorded(request: &RunRequest, anew: &Anew, lock: Lock) -> Look {
    Look {
        ticket: Some(request.ticket.clone()),
        at: request.at.clone(),
        at_is_ours: true,
        about: match anew {
            Anew::Retry => About::Run(Box::new(request.clone())),
            Anew::Redeploy | Anew::Rollback { .. } => About::Head,
        },
        candidates: match anew {
            Anew::Rollback { candidate, .. } => Candidates::One(candidate.clone()),
            Anew::Retry | Anew::Redeploy => Candidates::Leave,
        },
        fetch: Fetch::Keep,
        lock,
        links: match anew {
            Anew::Redeploy => Links::Now,
            Anew::Retry => Links::Of(None),
            Anew::Rollback { candidate, .. } => Links::Of(Some(candidate.clone())),
        },
        ..Look::default()
    }
}

pub(super) fn look_back(ticket: &TicketId, lock: Lock) -> Look {
    Look {
        ticket: Some(ticket.clone()),
        fetch: Fetch::Keep,
        about: About::Revert,
        old_images: OldImages::AskFor,
        lock,
        ..Look::default()
    }
}

/// Releases a ticket, or resumes it.
///
/// # Errors
/// [`OpsError::Refused`] with every blocker; `Locked`; a configuration that cannot be read; what could not be recorded.
/// A release that halts is no error: the view says so.
pub fn run(host: &Host, request: &RunRequest, face: Face<'_>) -> Result<RunView, OpsError> {
    let began = host.clock.monotonic();
    let request = on_branch(host, request)?;
    let asks = host.settings.run.confirm && face.consent == Given::No;
    let shown = if asks {
        let facts = observe(host, &look_for(&request, Lock::Unknown)?)?;
        match decide::plan_run(&facts, &request) {
            Ok(plan) => {
                face.ask(&plan, Question::GoAhead)?;
                Some(plan.id)
            }
            Err(_) => None,
        }
    } else {
        None
    };
    run_shown(host, &request, shown, face, began)
}

/// Goes ahead with exactly the plan that was shown. Where the world moved meanwhile, the new one is shown and asked about,
/// and nobody is kept from the host while a person reads (design/04).
pub(super) fn run_shown(
    host: &Host,
    request: &RunRequest,
    mut shown: Option<String>,
    face: Face<'_>,
    began: std::time::Duration,
) -> Result<RunView, OpsError> {
    // A refusal of what goes beyond a run changes nothing of the record.
    let first = if request.anew.is_some() { Phase::Migrate } else { Phase::Prepare };
    let asked = request.from.unwrap_or(first);
    let mut look = look_for(request, Lock::Ours)?;
    if shown.is_some() {
        look.fetch = Fetch::Keep;
    }
    loop {
        let session = Session::open(host, face, Some(&request.ticket), asked)?;
        let facts = observe(host, &look)?;
        if let Some(view) = mark_only(&session, request, &facts)? {
            return Ok(view);
        }
        let plan = match decide::plan_run(&facts, request) {
            Ok(plan) => plan,
            Err(Refusal::Blocked { blockers, mut notes }) => {
                let marks = Told::with_run(request, &facts);
                notes.extend(answered(&session, &request.ticket, &marks, &blockers, &facts)?);
                session.refuse(&facts, &request.ticket, asked, &blockers)?;
                return Err(OpsError::Refused(playbooks::refused(host, asked, blockers, notes)));
            }
            Err(Refusal::Nothing { fact }) => return Ok(aftermath::nothing(fact)),
        };
        if shown.as_ref().is_some_and(|id| *id != plan.id) {
            drop(session);
            ask_again(&plan, face)?;
            shown = Some(plan.id);
            continue;
        }
        if shown.is_none() {
            face.person.show(&plan);
        }
        let wanted = Wanted::anew(request);
        approval::or_hold(&session, &request.ticket, wanted.as_ref(), request.reason.as_deref(), asked)?;
        let agreed = wanted.map(|wanted| approval::given_by(host, &request.ticket, &wanted)).transpose()?;
        let told = Told::with_run(request, &facts).agreed_by(agreed.flatten());
        let view = go(&session, &plan, &facts, &told, began)?;
        return or_back(&session, &plan, &facts, view, began);
    }
}

/// `[run] on_failure = "revert"`: a release that failed takes itself back, where a person's `revert` would be let through
/// just so; else it stays halted, and says what stands against it. It never counts as a success (design/01).
fn or_back(
    session: &Session<'_>,
    plan: &Plan,
    facts: &Facts,
    mut view: RunView,
    began: std::time::Duration,
) -> Result<RunView, OpsError> {
    let wanted = facts.target_settings.run.on_failure == OnFailure::Revert;
    let has_failed = view.ending == Ending::Failed && view.status == Some(Status::Failed);
    if !wanted || !has_failed || session.face.stop.level() > 0 {
        return Ok(view);
    }
    let (host, ticket) = (session.host, &plan.attempt.ticket);
    let request =
        RevertRequest { reason: Some("on_failure".to_owned()), ..RevertRequest::new(ticket.clone()) };
    let mut facts = observe(host, &look_back(ticket, Lock::Ours))?;
    let mut decided = proof::plan_revert(host, &mut facts, &request);
    if decided.is_ok()
        && let Some(blocker) = guard::blocker(host)?
    {
        decided = Err(Refusal::Blocked { blockers: vec![blocker], notes: Vec::new() });
    }
    // Nobody has agreed to what nobody could know of: a person asks for it.
    if decided.is_ok()
        && let Some(state) = session.store.state(ticket)?
        && let Some(blocker) = approval::blocker(host, &state, &Wanted::revert(&request))?
    {
        decided = Err(Refusal::Blocked { blockers: vec![blocker], notes: Vec::new() });
    }
    match decided {
        Ok(back) => {
            session.face.person.show(&back);
            let told = Told::with_revert(&request, &facts);
            let reverted = go(session, &back, &facts, &told, began)?;
            view.lines.extend(reverted.lines);
            view.status = reverted.status;
            view.ms = reverted.ms;
            if reverted.ending == Ending::Ok {
                // What failed is still what there is to see; how to go on with it is not.
                view.failure =
                    view.failure.map(|failure| FailureView { roll_back: None, go_on: None, ..failure });
            } else {
                (view.ending, view.failure, view.next) = (reverted.ending, reverted.failure, reverted.next);
            }
        }
        Err(Refusal::Nothing { fact }) => view.lines.push(fact),
        Err(Refusal::Blocked { blockers, .. }) => {
            let against: Vec<String> =
                blockers.iter().map(|blocker| format!("{}: {}", blocker.code, blocker.fact)).collect();
            view.lines.push(format!("it could not take itself back: {}", against.join("; ")));
            session.refuse(&facts, ticket, Phase::Revert, &blockers)?;
        }
    }
    Ok(view)
}

/// The plan is not the one that was agreed to: a person is shown the new one and asked; what was agreed to beforehand on
/// the command line holds for no other.
pub(super) fn ask_again(plan: &Plan, face: Face<'_>) -> Result<(), OpsError> {
    if face.consent == Given::Yes {
        return Err(moved());
    }
    face.ask(plan, Question::PlanChanged).map(|_| ())
}

/// `--mark-done` and `--run-again` alone: recorded, and the next command is named (design/03).
fn mark_only(
    session: &Session<'_>,
    request: &RunRequest,
    facts: &Facts,
) -> Result<Option<RunView>, OpsError> {
    let (done, again) = (request.mark_done.as_ref(), request.run_again.as_ref());
    if request.from.is_some() || (done.is_none() && again.is_none()) {
        return Ok(None);
    }
    let steps = facts.history.as_ref().map(|history| &history.steps);
    let step = done.or(again).and_then(|step| steps?.get_key_value(step));
    let unknown = |record: &StepRecord| !matches!(record.end, StepEnd::Done);
    let Some((step, record)) = step.filter(|(_, record)| unknown(record)) else {
        return Err(OpsError::Usage {
            what: format!("`{}` has no step of that name whose end is unknown", request.ticket),
            hint: format!("look for it: `holdpoint log {}`", request.ticket),
        });
    };
    for mark in told::marks(done, again, request.reason.as_deref(), facts) {
        session.note(&request.ticket, mark)?;
    }
    let mut view = aftermath::nothing(format!("`{step}` is marked; nothing was run"));
    let next = session.host.typed("run", &format!("{} --from={}", request.ticket, record.phase));
    view.next.push(following("to go on", next));
    Ok(Some(view))
}

/// Where the ends of several steps are unknown, each answer is recorded as it is given: no command takes two of a kind.
/// Returns what is said of it.
fn answered(
    session: &Session<'_>,
    ticket: &TicketId,
    told: &Told,
    blockers: &[Blocker],
    facts: &Facts,
) -> Result<Vec<String>, OpsError> {
    if blockers.iter().any(|blocker| blocker.code != ReasonCode::StepUndecided) {
        return Ok(Vec::new());
    }
    let steps = facts.history.as_ref().map(|history| &history.steps);
    let is_unknown = |mark: &EventDraft| {
        let record = mark.step.as_ref().and_then(|step| steps?.get(step));
        record.is_some_and(|record| matches!(record.end, StepEnd::Open | StepEnd::Undecided))
    };
    let mut said = Vec::new();
    for mark in told.marks().filter(is_unknown) {
        let step = mark.step.clone().map(|step| step.to_string()).unwrap_or_default();
        session.note(ticket, mark)?;
        said.push(format!("what you said of `{step}` is recorded; the end of another step is unknown, too"));
    }
    Ok(said)
}

fn moved() -> OpsError {
    let fact = "the host changed while the plan was being looked at";
    let blocker =
        Blocker::new(ReasonCode::PlanChanged, fact).way_out("run the same command again to see the new plan");
    OpsError::refused(blocker)
}

/// Takes a release back.
///
/// # Errors
/// As [`run`]; also [`OpsError::Declined`] and, without a terminal, a usage error that names `--yes`.
pub fn revert(host: &Host, request: &RevertRequest, face: Face<'_>) -> Result<RunView, OpsError> {
    let began = host.clock.monotonic();
    let mut request = request.clone();
    let mut facts = observe(host, &look_back(&request.ticket, Lock::Unknown))?;
    let shown = match proof::plan_revert(host, &mut facts, &request) {
        Ok(plan) => asked_to_revert(host, plan, &mut request, face)?,
        Err(Refusal::Nothing { fact }) => return Ok(aftermath::nothing(fact)),
        Err(Refusal::Blocked { blockers, mut notes }) => {
            let Some(plan) = write_window_answer(host, &mut facts, &mut request, &blockers, face)? else {
                let session = Session::open(host, face, Some(&request.ticket), Phase::Revert)?;
                let marks = Told::with_revert(&request, &facts);
                notes.extend(answered(&session, &request.ticket, &marks, &blockers, &facts)?);
                session.refuse(&facts, &request.ticket, Phase::Revert, &blockers)?;
                let refused = playbooks::refused(host, Phase::Revert, blockers, notes);
                return Err(OpsError::Refused(refused));
            };
            plan.id
        }
    };
    if let Err(error) = guard::must_pass(host) {
        let session = Session::open(host, face, Some(&request.ticket), Phase::Revert)?;
        return Err(session.refuse_known(&request.ticket, error));
    }
    revert_shown(host, &request, shown, face, began)
}

/// As [`run_shown`].
fn revert_shown(
    host: &Host,
    request: &RevertRequest,
    mut shown: String,
    face: Face<'_>,
    began: std::time::Duration,
) -> Result<RunView, OpsError> {
    loop {
        let session = Session::open(host, face, Some(&request.ticket), Phase::Revert)?;
        let mut facts = observe(host, &look_back(&request.ticket, Lock::Ours))?;
        let mut decided = decide::plan_revert(&facts, request);
        if decided.as_ref().is_ok_and(|plan| plan.id != shown) {
            // It may put other sets back: they are proven as the first ones were.
            decided = proof::plan_revert(host, &mut facts, request);
        }
        let plan = match decided {
            Ok(plan) => plan,
            Err(Refusal::Nothing { fact }) => return Ok(aftermath::nothing(fact)),
            Err(Refusal::Blocked { blockers, mut notes }) => {
                let marks = Told::with_revert(request, &facts);
                notes.extend(answered(&session, &request.ticket, &marks, &blockers, &facts)?);
                session.refuse(&facts, &request.ticket, Phase::Revert, &blockers)?;
                let refused = playbooks::refused(host, Phase::Revert, blockers, notes);
                return Err(OpsError::Refused(refused));
            }
        };
        if plan.id == shown {
            let (ticket, wanted) = (&request.ticket, Wanted::revert(request));
            approval::or_hold(&session, ticket, Some(&wanted), request.reason.as_deref(), Phase::Revert)?;
            let approved_by = approval::given_by(host, ticket, &wanted)?;
            let told = Told::with_revert(request, &facts).agreed_by(approved_by);
            return go(&session, &plan, &facts, &told, began);
        }
        drop(session);
        ask_again(&plan, face)?;
        shown = plan.id;
    }
}

/// Shows the plan and asks; the answer may be to keep the data, which is another plan and is shown again.
fn asked_to_revert(
    host: &Host,
    plan: Plan,
    request: &mut RevertRequest,
    face: Face<'_>,
) -> Result<String, OpsError> {
    match face.ask(&plan, Question::GoAhead)? {
        Said::Go => Ok(plan.id),
        Said::KeepData => {
            request.data = Take::Leave;
            let facts = observe(host, &look_back(&request.ticket, Lock::Unknown))?;
            match decide::plan_revert(&facts, request) {
                Ok(plan) => {
                    face.person.show(&plan);
                    Ok(plan.id)
                }
                Err(Refusal::Blocked { blockers, notes }) => {
                    Err(OpsError::Refused(playbooks::refused(host, Phase::Revert, blockers, notes)))
                }
                Err(Refusal::Nothing { .. }) => Err(moved()),
            }
        }
    }
}

/// Where only the write window stands in the way, a terminal asks *restore, keep data, or quit* (design/04).
fn write_window_answer(
    host: &Host,
    facts: &mut Facts,
    request: &mut RevertRequest,
    blockers: &[Blocker],
    face: Face<'_>,
) -> Result<Option<Plan>, OpsError> {
    if blockers.iter().any(|blocker| blocker.code != ReasonCode::WriteWindow) {
        return Ok(None);
    }
    let restoring = RevertRequest { discard_writes: true, ..request.clone() };
    let Ok(plan) = proof::plan_revert(host, facts, &restoring) else { return Ok(None) };
    // `--yes` alone is no consent to throw writes away: without a terminal the refusal stands.
    match face.person.decide(&plan, Question::WriteWindow) {
        crate::model::view::Consent::Go => {
            *request = restoring;
            Ok(Some(plan))
        }
        crate::model::view::Consent::KeepData => {
            request.data = Take::Leave;
            Ok(decide::plan_revert(facts, request).ok())
        }
        crate::model::view::Consent::Quit => Err(OpsError::Declined),
        crate::model::view::Consent::NobodyThere => Ok(None),
    }
}

/// Carries a plan out and says how it ended.
pub(super) fn go(
    session: &Session<'_>,
    plan: &Plan,
    facts: &Facts,
    said: &Told,
    began: std::time::Duration,
) -> Result<RunView, OpsError> {
    let host = session.host;
    aftermath::notify(session, News::Started, plan, None);
    let (end, state) = session.carry_out(plan, facts, said)?;
    let ms = u64::try_from(host.clock.monotonic().saturating_sub(began).as_millis()).unwrap_or(u64::MAX);
    let mut view = RunView {
        ending: Ending::Ok,
        attempt: Some(plan.attempt.clone()),
        status: state.as_ref().map(|state| state.status),
        ms,
        lines: Vec::new(),
        failure: None,
        next: Vec::new(),
    };
    match end {
        RunEnd::Done => aftermath::done(session, plan, facts, state.as_ref(), &mut view),
        RunEnd::Held(phase) => {
            view.ending = Ending::Held;
            view.lines.push(format!("held before phase {phase}: somebody has to look and approve"));
            let ticket = &plan.attempt.ticket;
            view.next = vec![
                following("once it may go on", host.typed("approve", &format!("{ticket} --reason '…'"))),
                following("then", host.typed("run", &format!("{ticket} --from={phase}"))),
            ];
            aftermath::notify(session, News::Held, plan, None);
        }
        RunEnd::Canceled(phase) => {
            view.ending = Ending::Failed;
            view.lines.push(format!("canceled in phase {phase}; what ran is recorded"));
            view.next = aftermath::ways_on(host, plan, phase);
        }
        RunEnd::Interrupted { phase, signal } => {
            view.ending = if signal == Signal::Int { Ending::Interrupted } else { Ending::Terminated };
            view.lines.push(format!("interrupted in phase {phase}; what ran is recorded"));
            view.next = aftermath::ways_on(host, plan, phase);
            aftermath::notify(session, News::Interrupted, plan, None);
        }
        RunEnd::Halted(halt) => aftermath::halted(session, plan, facts, &halt, &mut view),
    }
    Ok(view)
}

pub(super) fn following(when: &str, command: String) -> NextCommand {
    NextCommand { when: when.to_owned(), command }
}

/// Ends a release that will never be resumed. A dry run answers with the state as it is, if that is allowed.
///
/// # Errors
/// Without a reason, without a release, or where its status does not allow it.
pub fn close(
    host: &Host,
    ticket: &TicketId,
    reason: Option<&str>,
    dry_run: bool,
    face: Face<'_>,
) -> Result<ReleaseState, OpsError> {
    let reason = required(reason, &format!("holdpoint close {ticket} --reason 'superseded by hand'"))?;
    if dry_run {
        return fitting(host, ticket, Transition::Closed, "close");
    }
    let session = Session::open(host, face, Some(ticket), Phase::Prepare)?;
    let state = fitting(host, ticket, Transition::Closed, "close")
        .map_err(|error| session.refuse_known(ticket, error))?;
    let draft = EventDraft::new(EventKind::Closed).phase(state.phase).msg(reason);
    session.note(ticket, draft)
}

/// Passes a hold point, after which the run goes on with `run --from`; or agrees, as a second operator, to what somebody else
/// asked for (then that is returned beside the state). `verb` says which where several things wait. A dry run answers with
/// the state as it is, if that is allowed.
///
/// # Errors
/// Without a reason, without a release, or where nothing is held or asked for.
pub fn approve(
    host: &Host,
    ticket: &TicketId,
    verb: Option<&str>,
    reason: Option<&str>,
    dry_run: bool,
    face: Face<'_>,
) -> Result<(ReleaseState, Option<Word>), OpsError> {
    let reason = required(reason, &format!("holdpoint approve {ticket} --reason 'looked at the backups'"))?;
    if dry_run {
        return to_approve(host, ticket, verb);
    }
    let session = Session::open(host, face, Some(ticket), Phase::Prepare)?;
    let (state, asked) =
        to_approve(host, ticket, verb).map_err(|error| session.refuse_known(ticket, error))?;
    if let Some(asked) = asked {
        approval::agree(&session, ticket, &asked, reason)?;
        return Ok((state, Some(asked)));
    }
    let held = session.store.held_before(ticket)?.unwrap_or(state.phase);
    let state = session.note(ticket, EventDraft::new(EventKind::Approved).phase(held).msg(reason))?;
    Ok((state, None))
}

/// A release that waits at a hold point, or a rollback after which everything waits; or one of which somebody asked for
/// something that needs a second operator.
fn to_approve(
    host: &Host,
    ticket: &TicketId,
    verb: Option<&str>,
) -> Result<(ReleaseState, Option<Word>), OpsError> {
    let standing = fit(host, ticket, |_| None)?;
    match approval::to_agree(host, &standing, verb)? {
        Some(asked) => Ok((standing, Some(asked))),
        None => Ok((fit(host, ticket, decide::against_approving)?, None)),
    }
}

fn required<'r>(reason: Option<&'r str>, example: &str) -> Result<&'r str, OpsError> {
    reason.map(str::trim).filter(|reason| !reason.is_empty()).ok_or_else(|| OpsError::Usage {
        what: "this is audited and needs a reason".to_owned(),
        hint: format!("add one: `{example}`"),
    })
}

/// The ticket's state, when the table lets the verb happen to it.
pub(super) fn fitting(
    host: &Host,
    ticket: &TicketId,
    event: Transition,
    verb: &str,
) -> Result<ReleaseState, OpsError> {
    fit(host, ticket, |state| decide::against_verb(state, event, verb))
}

/// The ticket's state, where nothing stands against what is to happen to it.
fn fit(
    host: &Host,
    ticket: &TicketId,
    against: impl FnOnce(&ReleaseState) -> Option<Blocker>,
) -> Result<ReleaseState, OpsError> {
    let mut state =
        host.store.state(ticket)?.ok_or_else(|| OpsError::NoRelease { ticket: ticket.clone() })?;
    // A dry run says what the verb would say: it writes behind the log's last record, so that must be whole.
    host.store.log_head(ticket)?;
    state.status = state.status.without_runner();
    match against(&state) {
        None => Ok(state),
        Some(blocker) => Err(OpsError::refused(blocker.way_out(host.typed("state", ticket.as_str())))),
    }
}

/// After a hotfix branch release: back on the main branch, when its content is what runs.
///
/// # Errors
/// As [`run`].
pub fn return_to_main(
    host: &Host,
    dry_run: bool,
    face: Face<'_>,
) -> Result<(Decision, Option<RunView>), OpsError> {
    let look = |lock| Look { lock, ..Look::default() };
    if dry_run {
        let facts = observe(host, &look(Lock::Unknown))?;
        return Ok((decision(host, Phase::Prepare, decide::plan_return_to_main(&facts)), None));
    }
    let began = host.clock.monotonic();
    let session = Session::open(host, face, None, Phase::Prepare)?;
    let facts = observe(host, &look(Lock::Ours))?;
    side_run(&session, decide::plan_return_to_main(&facts), &facts, Vec::new(), Phase::Prepare, began)
}

/// Runs a service's `post_start` and `ensure_config` hooks as a journaled run.
///
/// # Errors
/// As [`run`].
pub fn configure(
    host: &Host,
    service: &ServiceName,
    dry_run: bool,
    face: Face<'_>,
) -> Result<(Decision, Option<RunView>), OpsError> {
    let look = |lock| Look { fetch: Fetch::Keep, lock, ..Look::default() };
    if dry_run {
        let facts = observe(host, &look(Lock::Unknown))?;
        return Ok((decision(host, Phase::Migrate, decide::plan_configure(&facts, service)), None));
    }
    let began = host.clock.monotonic();
    let session = Session::open(host, face, None, Phase::Migrate)?;
    let facts = observe(host, &look(Lock::Ours))?;
    side_run(&session, decide::plan_configure(&facts, service), &facts, Vec::new(), Phase::Migrate, began)
}

/// Carries out a plan that belongs to no ticket; it is journaled in the host's own audit log, and so is a refusal.
/// `flags` are those that change what may be done; `phase` is the one that the verb begins with.
pub(super) fn side_run(
    session: &Session<'_>,
    decided: Result<Plan, Refusal>,
    facts: &Facts,
    flags: Vec<String>,
    phase: Phase,
    began: std::time::Duration,
) -> Result<(Decision, Option<RunView>), OpsError> {
    match decided {
        Ok(plan) => {
            session.face.person.show(&plan);
            let view = go(session, &plan, facts, &Told::aside(flags, session.face.reason), began)?;
            Ok((Decision::Plan { plan: Box::new(plan) }, Some(view)))
        }
        Err(Refusal::Blocked { blockers, notes }) => Err(session.refuse_aside(phase, blockers, notes)),
        Err(Refusal::Nothing { fact }) => Ok((Decision::Nothing { fact }, None)),
    }
}
