//! Ways on and back: each with its plan first, then the exact id, bound to the version and the plan that were shown.

use askama::Template;
use axum::http::StatusCode;
use serde::Deserialize;

use crate::http::problem::Problem;
use crate::http::route::Accepted;
use crate::http::running::spawned;
use crate::model::id::{AttemptId, ReleaseRef};
use crate::model::outcome::Ending;
use crate::model::readiness::{CandidateRow, Readiness, Reason};
use crate::model::reason::Blocker;
use crate::model::release::Status;
use crate::ops::recover;
use crate::ops::spawn::Waits;
use crate::report::text::duration;

use super::diagnosis;
use super::marks::Badge;
use super::page::{Frame, Reply, Visit, given, html};
use super::planned::Shown;
use super::wishes::{Options, Verb};

/// A way on or back, as the panel of a release shows it.
pub(super) struct Way {
    pub(super) verb: Verb,
    pub(super) means: String,
    pub(super) allowed: bool,
    pub(super) reasons: Vec<Reason>,
    pub(super) recommended: bool,
    /// Its plan.
    pub(super) href: String,
}

/// Every way, the careful first.
pub(super) fn ways(visit: &Visit<'_>, id: &AttemptId, readiness: &Readiness) -> Vec<Way> {
    let r = readiness;
    let may = visit.may_act();
    let way = |verb: Verb, means: String| {
        let (allowed, reasons) = admitted(verb, r);
        Way {
            href: format!("/releases/{id}/do/{}?version={}", verb.word(), r.state_version),
            allowed: allowed && may,
            reasons: reasons.to_vec(),
            recommended: verb == Verb::Cancel && r.cancel.recommended,
            means,
            verb,
        }
    };
    let from = r.resume.from.map(|phase| format!("Go on from {phase}. What is done stays done."));
    let resume = from.unwrap_or_else(|| "Go on where it stopped. What is done stays done.".to_owned());
    let window = r.revert.write_window_seconds.map(|seconds| {
        format!(" Data written in the last {} would be lost.", duration(seconds.saturating_mul(1_000)))
    });
    let revert = format!("Take it back: backups restored, the merge reverted.{}", window.unwrap_or_default());
    let say = str::to_owned;
    let mut ways = vec![
        way(Verb::Resume, resume),
        way(Verb::Retry, say("A new attempt of the very same commit.")),
        way(Verb::Redeploy, say("A new attempt from today's checkout and configuration.")),
        way(Verb::Rollback, say("Put back what an older release left: code and images, never data.")),
        way(Verb::Revert, revert),
        way(Verb::Cancel, say("Stop it in order.")),
        way(Verb::Archive, say("Out of the list; nothing of it is deleted.")),
    ];
    if r.status == Status::Held {
        ways.insert(0, way(Verb::Approve, say("Pass its hold point.")));
    }
    ways
}

/// Whether readiness lets a verb through, and what stands against it. Of the others the command line itself says so.
fn admitted(verb: Verb, readiness: &Readiness) -> (bool, &[Reason]) {
    let r = readiness;
    match verb {
        Verb::Resume => (r.resume.allowed, &r.resume.reasons),
        Verb::Retry => (r.retry.allowed, &r.retry.reasons),
        Verb::Redeploy => (r.redeploy.allowed, &r.redeploy.reasons),
        Verb::Rollback => (r.rollback.allowed, &r.rollback.reasons),
        Verb::Revert => (r.revert.allowed, &r.revert.reasons),
        Verb::Cancel => (r.cancel.allowed, &r.cancel.reasons),
        Verb::Archive => (r.archive.allowed, &r.archive.reasons),
        Verb::Unarchive | Verb::Approve | Verb::Close | Verb::Diagnose | Verb::Capture => (true, &[]),
    }
}

#[derive(Template)]
#[template(path = "acting.html")]
struct Acting {
    frame: Frame,
    id: AttemptId,
    verb: Verb,
    options: Options,
    status: Badge,
    version: String,
    /// The host is not as it was when the page before this was made.
    moved: bool,
    candidates: Vec<CandidateRow>,
    undecided: Option<String>,
    shown: Shown,
}

impl Acting {
    /// Whether it can be confirmed.
    fn is_ready(&self) -> bool {
        matches!(self.shown, Shown::Plan(_) | Shown::Sentence(_))
    }
}

/// Shows what a verb would do, and asks.
pub(super) fn plan(visit: &Visit<'_>) -> Result<Reply, Problem> {
    let verb = Verb::of(visit.asked)?;
    let mut options: Options = visit.asked.query()?;
    let (id, readiness) = read(visit)?;
    options.from = readiness.resume.from.map_or(String::new(), |phase| phase.to_string());
    let shown = decided(visit, verb, &id, &options, &readiness)?;
    let moved = !options.version.is_empty() && options.version != readiness.state_version;
    let undecided = matches!(readiness.status, Status::Undecided | Status::RevertUndecided);
    let state = crate::ops::inspect::attempt(visit.host, &id.ticket, Some(id.number))?.state;
    html(&Acting {
        frame: visit.frame(format!("{} {id}", verb.title()), "releases"),
        status: Badge::of(readiness.status),
        version: readiness.state_version,
        moved: moved && verb.is_bound(),
        candidates: if verb == Verb::Rollback { readiness.rollback.candidates } else { Vec::new() },
        undecided: state.failed_step.filter(|_| undecided).map(|step| step.to_string()),
        id,
        verb,
        options,
        shown,
    })
}

/// The attempt that the address names, and how it stands now.
fn read(visit: &Visit<'_>) -> Result<(AttemptId, Readiness), Problem> {
    let (ticket, number) = visit.asked.attempt()?;
    let readiness = recover::readiness(visit.host, &ticket, number)?;
    Ok((readiness.deployment_id.clone(), readiness))
}

fn decided(
    visit: &Visit<'_>,
    verb: Verb,
    id: &AttemptId,
    options: &Options,
    readiness: &Readiness,
) -> Result<Shown, Problem> {
    if verb == Verb::Rollback && options.candidate.is_empty() {
        return Ok(Shown::Choose);
    }
    if let Some(decision) = options.decide(visit.host, verb, id, readiness)? {
        return Ok(Shown::of(decision, visit.host.clock.now()));
    }
    let (_, reasons) = admitted(verb, readiness);
    if reasons.is_empty() {
        return Ok(Shown::Sentence(verb.sentence(id, readiness.status)));
    }
    let blocker = |reason: &Reason| Blocker {
        code: reason.code,
        fact: reason.detail.clone(),
        ways_out: reason.clears.clone(),
    };
    Ok(Shown::Refused(reasons.iter().map(blocker).collect(), Vec::new()))
}

/// What a confirmation brings along besides the options.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Confirmation {
    confirm: String,
    plan: String,
    reason: String,
}

/// Does it: the very command line that a person would type.
pub(super) fn act(visit: &Visit<'_>) -> Result<Reply, Problem> {
    let verb = Verb::of(visit.asked)?;
    let options: Options = visit.form()?;
    let sent: Confirmation = visit.form()?;
    let release: ReleaseRef = visit.asked.word("id")?;
    if verb.is_confirmed() {
        let id: AttemptId = visit.asked.word("id")?;
        if sent.confirm.trim() != id.to_string() {
            let what = format!("`{}` was typed, and not `{id}`: nothing was done", sent.confirm.trim());
            return Err(Problem::invalid(what).hint("go back and type the id of the attempt exactly"));
        }
        if verb.is_bound() {
            still(visit, &id, &options.version)?;
        }
    }
    let reason = given(Some(&sent.reason));
    if reason.is_none() && options.wants_a_reason() {
        return Err(Problem::invalid("what was accepted needs a reason: nothing was done"));
    }
    let line = options.line(verb, &release, &sent.plan)?.with("--reason", reason).line();
    let caller = visit.caller().ok_or_else(|| Problem::internal("a change without an asker"))?;
    let waits = if verb.begins() { Waits::ForItsBeginning } else { Waits::ForItsEnd };
    let (_, accepted) = spawned(visit.host, visit.asked, caller, &line, waits)?;
    if verb == Verb::Diagnose {
        return diagnosis::show(visit, &release, &accepted.answer);
    }
    Ok(after(&release.to_string(), accepted))
}

/// Where to look at what was begun.
pub(super) fn after(release: &str, accepted: Accepted) -> Reply {
    match accepted.deployment_id {
        Some(attempt) if accepted.ending.is_none_or(|ending| ending != Ending::Nothing) => {
            Reply::Begun(attempt)
        }
        _ => Reply::See(format!("/releases/{release}")),
    }
}

/// Whether it still stands as the plan's page said.
fn still(visit: &Visit<'_>, id: &AttemptId, version: &str) -> Result<(), Problem> {
    let (_, now) = read(visit)?;
    if now.state_version == version {
        return Ok(());
    }
    let what = format!("this host is not as it was when the plan of `{id}` was shown: nothing was done");
    Err(Problem::new(StatusCode::PRECONDITION_FAILED, "readiness-stale", what)
        .hint("go back to the release, read how it stands now, and confirm the new plan"))
}
