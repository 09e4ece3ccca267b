//! A release that is begun here: its plan first, then the exact ticket, bound to the plan that was shown.

use askama::Template;
use serde::Deserialize;

use crate::http::api::words::Words;
use crate::http::problem::Problem;
use crate::http::running::spawned;
use crate::model::id::{AttemptId, BranchName, IdError, TicketId};
use crate::model::request::RunRequest;
use crate::ops::spawn::Waits;
use crate::ops::{inspect, release};

use super::acting::after;
use super::marks::Badge;
use super::page::{Frame, Reply, Visit, given, html};
use super::planned::Shown;

/// What was chosen: in the address while it is looked at, in the form when it is confirmed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Choice {
    ticket: String,
    branch: String,
    without_scripts: String,
    accept_small_backup: String,
    accept_untrusted: String,
}

impl Choice {
    fn ticket(&self) -> Result<TicketId, Problem> {
        self.ticket.trim().parse().map_err(|error: IdError| Problem::invalid(error.to_string()))
    }

    fn branch(&self) -> Result<Option<BranchName>, Problem> {
        let named = given(Some(&self.branch)).map(|name| name.parse()).transpose();
        named.map_err(|error: IdError| Problem::invalid(error.to_string()))
    }

    /// What can be chosen: the form's field, its words, and whether it was.
    fn switches(&self) -> [(&'static str, &'static str, bool); 3] {
        let on = |field: &String| !field.is_empty();
        [
            ("without_scripts", "leave the scripts of other tickets alone", on(&self.without_scripts)),
            (
                "accept_small_backup",
                "accept a backup that is much smaller than the last one",
                on(&self.accept_small_backup),
            ),
            (
                "accept_untrusted",
                "although nothing has proven this host clean (needs a reason)",
                on(&self.accept_untrusted),
            ),
        ]
    }

    /// The same request as the command line's. The plan is the same whatever the reason says; that one is given is asked at
    /// the end.
    fn request(&self) -> Result<RunRequest, Problem> {
        let [(.., without_scripts), (.., accept_small_backup), (.., accept_untrusted)] = self.switches();
        Ok(RunRequest {
            branch: self.branch()?,
            without_scripts,
            accept_small_backup,
            accept_untrusted,
            reason: accept_untrusted.then(|| "-".to_owned()),
            ..RunRequest::new(self.ticket()?)
        })
    }
}

#[derive(Template)]
#[template(path = "beginning.html")]
struct Beginning {
    frame: Frame,
    choice: Choice,
    /// Its newest attempt here, where it was begun before.
    known: Option<AttemptId>,
    /// None: nothing was chosen yet.
    shown: Option<Shown>,
}

impl Beginning {
    /// The plan that can be confirmed; empty: none can.
    fn plan_id(&self) -> &str {
        self.shown.as_ref().map_or("", Shown::plan_id)
    }

    fn wants_a_reason(&self) -> bool {
        !self.choice.accept_untrusted.is_empty()
    }
}

/// Shows what a release would do, and asks.
pub(super) fn plan(visit: &Visit<'_>) -> Result<Reply, Problem> {
    let mut choice: Choice = visit.asked.query()?;
    let frame = visit.frame("Begin a release", "releases");
    if choice.ticket.trim().is_empty() {
        return html(&Beginning { frame, choice, known: None, shown: None });
    }
    let request = choice.request()?;
    choice.ticket = request.ticket.to_string();
    let known = inspect::attempt(visit.host, &request.ticket, None).ok();
    let known = known.map(|view| AttemptId { ticket: request.ticket.clone(), number: view.state.attempt });
    let decision = release::check_run(visit.host, &request)?;
    let shown = Some(Shown::of(decision, visit.host.clock.now()));
    html(&Beginning { frame, choice, known, shown })
}

/// What a confirmation brings along besides what was chosen.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Confirmation {
    confirm: String,
    plan: String,
    reason: String,
}

/// Begins it: the very command line that a person would type, for the plan that was shown and no other.
pub(super) fn act(visit: &Visit<'_>) -> Result<Reply, Problem> {
    let choice: Choice = visit.form()?;
    let sent: Confirmation = visit.form()?;
    let request = choice.request()?;
    let ticket = request.ticket.as_str();
    if sent.confirm.trim() != ticket {
        let what = format!("`{}` was typed, and not `{ticket}`: nothing was done", sent.confirm.trim());
        return Err(Problem::invalid(what).hint("go back and type the ticket exactly"));
    }
    if sent.plan.is_empty() {
        let what = format!("no plan of `{ticket}` was shown: nothing was done");
        return Err(Problem::invalid(what).hint("go back and look at its plan first"));
    }
    let reason = given(Some(&sent.reason));
    if request.accept_untrusted && reason.is_none() {
        return Err(Problem::invalid("what was accepted needs a reason: nothing was done"));
    }
    let line = Words::of(["run", ticket, "--yes"])
        .with("--plan", Some(&sent.plan))
        .with("--branch", request.branch)
        .on("--without-scripts", request.without_scripts)
        .on("--accept-small-backup", request.accept_small_backup)
        .on("--accept-untrusted", request.accept_untrusted)
        .with("--reason", reason)
        .line();
    let caller = visit.caller().ok_or_else(|| Problem::internal("a change without an asker"))?;
    let (_, accepted) = spawned(visit.host, visit.asked, caller, &line, Waits::ForItsBeginning)?;
    Ok(after(ticket, accepted))
}
