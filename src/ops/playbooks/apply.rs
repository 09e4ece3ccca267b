//! `playbook run ID --apply`: what a playbook does now, through the engine, journaled and audited like everything else. It
//! never closes a failure: the repair that keeps it from coming back is still owed, and the record says so.

use crate::decide::playbooks::Unfilled;
use crate::decide::{self, Refusal, plan_proof, plan_remedy};
use crate::model::event::{EventDraft, EventKind};
use crate::model::matching::{DetectionView, KnownPlaybook, Origin, Placeholders, Remedy, Verdict};
use crate::model::outcome::Ending;
use crate::model::phase::Phase;
use crate::model::plan::Plan;
use crate::model::projection::field;
use crate::model::reason::{Blocker, ReasonCode};
use crate::model::view::{Decision, Question, RunView};
use crate::ops::aftermath::nothing;
use crate::ops::error::OpsError;
use crate::ops::face::Face;
use crate::ops::facts::{Fetch, Lock, Look, observe};
use crate::ops::host::Host;
use crate::ops::release::{ask_again, decision, following, go, side_run};
use crate::ops::session::Session;
use crate::ops::told::Told;

use super::cause;

/// What a playbook does now, filled in.
///
/// # Errors
/// A usage error for a playbook that is not committed or lacks a value.
pub fn remedy(known: &KnownPlaybook, values: &Placeholders) -> Result<Remedy, OpsError> {
    let id = &known.playbook.id;
    if known.origin == Origin::Uncommitted {
        return Err(OpsError::Usage {
            what: format!("`{id}` is not committed here: its commands are not run"),
            hint: format!(
                "commit `{}` where you develop and release it, or type its commands yourself",
                known.file
            ),
        });
    }
    decide::remedy(&known.playbook, values).map_err(|unfilled| missing(id, &unfilled))
}

/// What the first command of a remedy comes to here, as its plan or what stands against it; none: it runs none by itself.
///
/// # Errors
/// What makes looking itself impossible.
pub fn check(
    host: &Host,
    id: &str,
    remedy: &Remedy,
    values: &Placeholders,
) -> Result<Option<Decision>, OpsError> {
    let Some(command) = remedy.run.first() else { return Ok(None) };
    let facts = observe(host, &Look { fetch: Fetch::Keep, lock: Lock::Unknown, ..Look::default() })?;
    let plan = plan_remedy(&facts, id, command, (1, remedy.run.len()), values.service.as_ref());
    Ok(Some(decision(host, Phase::Migrate, plan)))
}

/// A playbook that is to do what it does now.
#[derive(Debug, Clone, Copy)]
pub struct Applying<'a> {
    /// Which.
    pub known: &'a KnownPlaybook,
    /// What fills its placeholders.
    pub values: &'a Placeholders,
    /// What its detection answered.
    pub detected: &'a DetectionView,
    /// Refuse unless its commands still have this id.
    pub plan: Option<&'a str>,
    /// Only show the first plan.
    pub dry_run: bool,
}

/// Does what a playbook does now: each command is shown and agreed to, none runs after one that failed, and in the end the
/// commands that prove it run. Verbs of ours among them are left to be typed.
///
/// # Errors
/// As [`remedy`]; `plan-changed` where its commands are not those that were shown; `reason-required` where its detection
/// says that this is not it; as `run`.
pub fn apply(
    host: &Host,
    applying: Applying<'_>,
    face: Face<'_>,
) -> Result<(Decision, Option<RunView>), OpsError> {
    let Applying { known, values, detected, plan, dry_run } = applying;
    let id = &known.playbook.id;
    let remedy = remedy(known, values)?;
    if plan.is_some_and(|shown| shown != remedy.plan) {
        return Err(others_than_shown(host, id));
    }
    confirmed(host, id, values, detected, face)?;
    let count = remedy.run.len();
    if dry_run && let Some(decision) = check(host, id, &remedy, values)? {
        return Ok((decision, None));
    }
    let service = values.service.as_ref();
    let mut done = nothing(String::new());
    done.lines.clear();
    for (at, command) in remedy.run.iter().enumerate() {
        let planned = |lock| -> Result<_, OpsError> {
            let facts = observe(host, &Look { fetch: Fetch::Keep, lock, ..Look::default() })?;
            let plan = plan_remedy(&facts, id, command, (at + 1, count), service);
            Ok((facts, plan))
        };
        let (_, shown) = planned(Lock::Unknown)?;
        let shown = agreed(host, shown, face)?;
        let (decision, view) = carry_out(host, face, &shown, planned)?;
        let Some(mut view) = view else { return Ok((decision, None)) };
        if let Some(failure) = &mut view.failure {
            failure.go_on = Some(again(id, values));
        }
        if view.ending != Ending::Ok {
            return Ok((decision, Some(owed(known, values, view))));
        }
        done = view;
    }
    if !dry_run && count > 0 {
        record(host, known, values, face)?;
    }
    if !dry_run && remedy.typed.is_empty() && !remedy.proof.is_empty() {
        done = proven(host, id, &remedy.proof, service, face)?;
    }
    if count == 0 {
        done.lines.push(format!("{id} runs nothing by itself: its remedy is to type"));
    }
    done.next = remedy.typed.into_iter().map(|line| following("then", line)).collect();
    if !done.next.is_empty() {
        done.next.extend(remedy.proof.into_iter().map(|line| following("to see that it helped", line)));
    }
    let ran = format!("{id} ran {count} of its commands");
    Ok((Decision::Nothing { fact: ran }, Some(owed(known, values, done))))
}

fn others_than_shown(host: &Host, id: &str) -> OpsError {
    let fact = format!("the commands of `{id}` are not those that were shown");
    let look = host.typed("playbook", &format!("run {id}"));
    OpsError::refused(
        Blocker::new(ReasonCode::PlanChanged, fact).way_out(format!("look at them again: {look}")),
    )
}

/// The command that tries it again.
fn again(id: &str, values: &Placeholders) -> String {
    let ticket = values.ticket.as_ref().map(|ticket| format!(" --ticket {ticket}")).unwrap_or_default();
    let service = values.service.as_ref().map(|service| format!(" --service {service}")).unwrap_or_default();
    format!("holdpoint playbook run {id}{ticket}{service} --apply")
}

/// Where the detection says that this is another failure, only a reason goes on: it stands in the audit log.
fn confirmed(
    host: &Host,
    id: &str,
    values: &Placeholders,
    detected: &DetectionView,
    face: Face<'_>,
) -> Result<(), OpsError> {
    let has_reason = face.reason.is_some_and(|reason| !reason.trim().is_empty());
    if detected.verdict != Verdict::NotConfirmed || has_reason {
        return Ok(());
    }
    let row = detected.commands.iter().find(|row| row.verdict == Verdict::NotConfirmed);
    let command = row.map(|row| row.command.as_str()).unwrap_or_default();
    let seen = format!("`{id}` is not confirmed: `{command}` does not answer as it would");
    let ticket = values.ticket.as_ref().map_or("TICKET".to_owned(), ToString::to_string);
    let blocker = Blocker::new(ReasonCode::ReasonRequired, seen)
        .way_out(format!("look for another one: {}", host.typed("playbook", &format!("match {ticket}"))))
        .way_out("or say why it is this one: the same command with `--reason '…'`");
    Err(OpsError::refused(blocker))
}

fn missing(id: &str, unfilled: &Unfilled) -> OpsError {
    let word = &unfilled.word;
    let what = format!("`{id}` needs a {word}: its commands name `{{{{{word}}}}}`");
    OpsError::Usage { what, hint: format!("add `--{word} {}`", word.to_uppercase()) }
}

fn agreed(host: &Host, decided: Result<Plan, Refusal>, face: Face<'_>) -> Result<Plan, OpsError> {
    match decided {
        Ok(plan) => face.ask(&plan, Question::GoAhead).map(|_| plan),
        Err(Refusal::Blocked { blockers, notes }) => {
            Err(OpsError::Refused(super::refused(host, Phase::Migrate, blockers, notes)))
        }
        Err(Refusal::Nothing { fact }) => {
            Err(OpsError::Failed { what: fact, hint: "holdpoint playbook list".to_owned() })
        }
    }
}

/// Takes the host and carries out exactly the plan that was agreed to.
fn carry_out(
    host: &Host,
    face: Face<'_>,
    shown: &Plan,
    planned: impl Fn(Lock) -> Result<(crate::model::facts::Facts, Result<Plan, Refusal>), OpsError>,
) -> Result<(Decision, Option<RunView>), OpsError> {
    let began = host.clock.monotonic();
    let session = Session::open(host, face, None, Phase::Migrate)?;
    let (facts, decided) = planned(Lock::Ours)?;
    match decided {
        Ok(plan) => {
            if plan.id != shown.id {
                ask_again(&plan, face)?;
            }
            let view = go(&session, &plan, &facts, &Told::aside(Vec::new(), face.reason), began)?;
            Ok((Decision::Plan { plan: Box::new(plan) }, Some(view)))
        }
        Err(Refusal::Blocked { blockers, notes }) => {
            Err(session.refuse_aside(Phase::Migrate, blockers, notes))
        }
        Err(Refusal::Nothing { fact }) => Ok((Decision::Nothing { fact }, None)),
    }
}

fn proven(
    host: &Host,
    id: &str,
    proof: &[String],
    service: Option<&crate::model::id::ServiceName>,
    face: Face<'_>,
) -> Result<RunView, OpsError> {
    let began = host.clock.monotonic();
    let session = Session::open(host, face, None, Phase::Migrate)?;
    let facts = observe(host, &Look { fetch: Fetch::Keep, lock: Lock::Ours, ..Look::default() })?;
    let decided = plan_proof(&facts, id, proof, service);
    let (_, view) = side_run(&session, decided, &facts, Vec::new(), Phase::Migrate, began)?;
    Ok(view.unwrap_or_else(|| nothing(String::new())))
}

/// The ticket's log says that its cause is still open.
fn record(host: &Host, known: &KnownPlaybook, values: &Placeholders, face: Face<'_>) -> Result<(), OpsError> {
    let Some(ticket) = &values.ticket else { return Ok(()) };
    let session = Session::open(host, face, Some(ticket), Phase::Migrate)?;
    let file = cause::file_of(&known.playbook);
    let mut draft = EventDraft::new(EventKind::Cause)
        .detail(field::CAUSE, field::OPEN)
        .detail(field::PLAYBOOK, &known.playbook.id)
        .detail(field::FILES, file);
    if let Ok(head) = host.git.head() {
        draft = draft.detail(field::BASE, head.as_str());
    }
    if let Some(reason) = face.reason {
        draft = draft.msg(reason);
    }
    session.note(ticket, draft).map(|_| ())
}

/// The repair that is still owed, in the last words.
fn owed(known: &KnownPlaybook, values: &Placeholders, mut view: RunView) -> RunView {
    let fix = &known.playbook.fix;
    view.lines.push("the cause is still open; what keeps it from coming back:".to_owned());
    view.lines.push(format!("  {}", fix.bootstrap_script));
    view.lines.extend(fix.bootstrap_change.lines().map(|line| format!("  {line}")));
    if let Some(ticket) = &values.ticket {
        let command = format!("holdpoint close {ticket} --cause '…'");
        view.next
            .push(following("once it is repaired in another way than by a release of that file", command));
    }
    view
}
