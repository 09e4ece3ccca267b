//! What a playbook does now: whether this is it, its commands as they would be run, and after the exact id what became of them.

use askama::Template;
use serde::Deserialize;
use serde_json::Value;

use crate::http::api::words::Words;
use crate::http::problem::Problem;
use crate::http::running::why_not;
use crate::model::id::{IdError, ServiceName, TicketId};
use crate::model::matching::{DetectionView, KnownPlaybook, Placeholders, Remedy, Verdict};
use crate::model::outcome::Ending;
use crate::model::reason::Blocker;
use crate::model::view::Decision;
use crate::ops::playbooks;
use crate::ops::spawn::{Spawned, Waits, spawn};

use super::diagnosis::{each, text, texts};
use super::marks::Badge;
use super::page::{Frame, Reply, Visit, given, html};

/// What fills its placeholders: in the address while it is looked at, in the form when it is confirmed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Choice {
    ticket: String,
    service: String,
}

impl Choice {
    fn ticket(&self) -> Result<Option<TicketId>, Problem> {
        let named = given(Some(&self.ticket)).map(|name| name.parse()).transpose();
        named.map_err(|error: IdError| Problem::invalid(error.to_string()))
    }

    fn service(&self) -> Result<Option<ServiceName>, Problem> {
        let named = given(Some(&self.service)).map(|name| name.parse()).transpose();
        named.map_err(|error: IdError| Problem::invalid(error.to_string()))
    }
}

#[derive(Template)]
#[template(path = "remedy.html")]
struct Asking {
    frame: Frame,
    id: String,
    choice: Choice,
    detected: DetectionView,
    remedy: Option<Remedy>,
    /// What stands against running it.
    against: Vec<Blocker>,
    notes: Vec<String>,
    /// Why its commands cannot even be shown, and what to do then.
    lacking: Option<(String, Vec<String>)>,
}

impl Asking {
    /// Whether it can be confirmed.
    fn is_ready(&self) -> bool {
        self.against.is_empty() && self.remedy.as_ref().is_some_and(|remedy| !remedy.run.is_empty())
    }

    fn wants_a_reason(&self) -> bool {
        self.detected.verdict == Verdict::NotConfirmed
    }
}

fn known(visit: &Visit<'_>) -> Result<KnownPlaybook, Problem> {
    let id = visit.asked.path.get("id").map_or("", String::as_str);
    playbooks::known(visit.host, id).map_err(|error| Problem::not_found(error.to_string()))
}

/// Runs its detection, which looks, shows its commands, and asks.
pub(super) fn plan(visit: &Visit<'_>) -> Result<Reply, Problem> {
    let choice: Choice = visit.asked.query()?;
    let known = known(visit)?;
    let values = values(visit, &choice)?;
    let detected = playbooks::detect(visit.host, &known, &values);
    let id = known.playbook.id.clone();
    let (remedy, lacking) = match playbooks::remedy(&known, &values) {
        Ok(remedy) => (Some(remedy), None),
        Err(error) => (None, Some((error.to_string(), error.hints()))),
    };
    let decision = match &remedy {
        Some(remedy) => playbooks::check(visit.host, &id, remedy, &values)?,
        None => None,
    };
    let (against, notes) = match decision {
        Some(Decision::Refused(refused)) => (refused.blockers, refused.notes),
        _ => (Vec::new(), Vec::new()),
    };
    let frame = visit.frame(format!("Run {id}"), "playbooks");
    html(&Asking { frame, id, choice, detected, remedy, against, notes, lacking })
}

fn values(visit: &Visit<'_>, choice: &Choice) -> Result<Placeholders, Problem> {
    let (ticket, service) = (choice.ticket()?, choice.service()?);
    Ok(playbooks::placeholders(visit.host, ticket.as_ref(), service.as_ref())?)
}

/// What a confirmation brings along besides what was chosen.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Confirmation {
    confirm: String,
    plan: String,
    reason: String,
}

/// Runs it: the very command line that a person would type, for the commands that were shown and no others.
pub(super) fn act(visit: &Visit<'_>) -> Result<Reply, Problem> {
    let choice: Choice = visit.form()?;
    let sent: Confirmation = visit.form()?;
    let id = known(visit)?.playbook.id;
    if sent.confirm.trim() != id {
        let what = format!("`{}` was typed, and not `{id}`: nothing was done", sent.confirm.trim());
        return Err(Problem::invalid(what).hint("go back and type the id of the playbook exactly"));
    }
    if sent.plan.is_empty() {
        let what = format!("the commands of `{id}` were not shown: nothing was done");
        return Err(Problem::invalid(what).hint("go back and look at them first"));
    }
    let ticket = choice.ticket()?;
    let line = Words::of(["playbook", "run", &id, "--apply", "--yes"])
        .with("--ticket", ticket.as_ref())
        .with("--service", choice.service()?)
        .with("--plan", Some(&sent.plan))
        .with("--reason", given(Some(&sent.reason)))
        .line();
    let caller = visit.caller().ok_or_else(|| Problem::internal("a change without an asker"))?;
    match spawn(visit.host, &caller.name, &line, Waits::ForItsEnd)? {
        Spawned::Begun { .. } | Spawned::Silent => Ok(Reply::See("/audit/audit".to_owned())),
        // Its last words say what ran and what did not, however it ended.
        Spawned::Ended { ending, said, .. } if said["lines"].is_array() => {
            became(visit, id, ticket.as_ref(), ending, &said)
        }
        Spawned::Ended { ending, said, .. } => Err(why_not(visit.host, visit.asked, ending, &said)),
    }
}

#[derive(Template)]
#[template(path = "remedied.html")]
struct Remedied {
    frame: Frame,
    id: String,
    ticket: Option<String>,
    badge: Badge,
    failure: Option<Failure>,
    lines: Vec<String>,
    next: Vec<(String, String)>,
}

struct Failure {
    headline: String,
    causes: Vec<String>,
    output: Vec<String>,
}

/// Shows what became of it.
fn became(
    visit: &Visit<'_>,
    id: String,
    ticket: Option<&TicketId>,
    ending: Ending,
    said: &Value,
) -> Result<Reply, Problem> {
    let failure = &said["failure"];
    html(&Remedied {
        frame: visit.frame(format!("{id} was run"), "playbooks"),
        badge: if ending == Ending::Ok { Badge::good("done") } else { Badge::bad("halted") },
        failure: failure.is_object().then(|| Failure {
            headline: text(&failure["headline"]),
            causes: texts(&failure["causes"]),
            output: texts(&failure["output"]),
        }),
        lines: texts(&said["lines"]),
        next: each(&said["next"], |next| (text(&next["when"]), text(&next["command"]))),
        ticket: ticket.map(ToString::to_string),
        id,
    })
}
