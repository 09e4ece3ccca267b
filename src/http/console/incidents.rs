//! Incidents: the list, opening one, its looks and its six conditions.

use askama::Template;
use serde::Deserialize;

use crate::http::admission::may_name_a_program;
use crate::http::api::words::Words;
use crate::http::problem::Problem;
use crate::http::running::spawned;
use crate::model::arrange::Arrange;
use crate::model::id::TicketId;
use crate::model::incident::{Incident, IncidentId, IncidentKind, IncidentLook, IncidentView};
use crate::ops::incident;
use crate::ops::spawn::Waits;

use super::marks::{Badge, When};
use super::page::{Frame, Reply, Visit, given, html};

struct Row {
    incident: Incident,
    badge: Badge,
    opened: When,
}

#[derive(Template)]
#[template(path = "incidents.html")]
struct Incidents {
    frame: Frame,
    rows: Vec<Row>,
}

const fn badge(incident: &Incident) -> Badge {
    if incident.resolved.is_some() { Badge::good("resolved") } else { Badge::bad("open") }
}

pub(super) fn list(visit: &Visit<'_>) -> Result<Reply, Problem> {
    let now = visit.host.clock.now();
    let all = incident::list(visit.host)?.into_iter().rev();
    let rows = all.map(|incident| Row {
        badge: badge(&incident),
        opened: When::new(incident.opened_at, now),
        incident,
    });
    html(&Incidents { rows: rows.collect(), frame: visit.frame("Incidents", "incidents") })
}

/// One look at the host.
struct Look {
    what: &'static str,
    seen: IncidentLook,
    at: When,
    probe: Option<Badge>,
}

#[derive(Template)]
#[template(path = "incident.html")]
struct Shown {
    frame: Frame,
    view: IncidentView,
    badge: Badge,
    opened: When,
    resolved: Option<When>,
    probe: String,
    looks: Vec<Look>,
    holding: usize,
}

pub(super) fn show(visit: &Visit<'_>) -> Result<Reply, Problem> {
    let id: IncidentId = visit.asked.word("id")?;
    if !incident::list(visit.host)?.iter().any(|known| known.id == id) {
        return Err(Problem::not_found(format!("there is no incident `{id}`")));
    }
    let view = incident::show(visit.host, &id)?;
    let now = visit.host.clock.now();
    let own = &view.incident;
    let look = |what: &'static str, look: &IncidentLook| Look {
        what,
        at: When::new(look.at, now),
        probe: look
            .probe
            .as_ref()
            .map(|probe| if probe.passed { Badge::good("passed") } else { Badge::bad("failed") }),
        seen: look.clone(),
    };
    let mut looks: Vec<Look> = own.captures.iter().map(|one| look("Captured", one)).collect();
    looks.extend(own.verifications.iter().map(|one| look("Verified", one)));
    looks.arrange_by_key(|look| std::cmp::Reverse(look.seen.at));
    html(&Shown {
        frame: visit.frame(own.id.to_string(), "incidents"),
        badge: badge(own),
        opened: When::new(own.opened_at, now),
        resolved: own.resolved.as_ref().map(|end| When::new(end.at, now)),
        probe: own.probe.as_ref().map_or(String::new(), |probe| crate::report::text::command(probe)),
        looks,
        holding: view.conditions.iter().filter(|condition| condition.holds).count(),
        view,
    })
}

#[derive(Debug, Deserialize)]
struct Opening {
    symptom: String,
    kind: IncidentKind,
    path: String,
    probe: Option<String>,
    ticket: Option<String>,
}

pub(super) fn open(visit: &Visit<'_>) -> Result<Reply, Problem> {
    let form: Opening = visit.form()?;
    let probe = given(form.probe.as_ref());
    if probe.is_some() {
        may_name_a_program(visit.caller())?;
    }
    let ticket: Option<TicketId> = match given(form.ticket.as_ref()) {
        Some(ticket) => Some(ticket.parse().map_err(|error| Problem::invalid(format!("{error}")))?),
        None => None,
    };
    let words = Words::of(["incident", "open", "--yes"])
        .with("--symptom", Some(form.symptom))
        .with("--kind", Some(form.kind.word()))
        .with("--path", Some(form.path))
        .with("--probe", probe)
        .with("--ticket", ticket);
    let said = run(visit, words)?;
    let id = said["incident"]["id"].as_str().and_then(|id| id.parse::<IncidentId>().ok());
    Ok(Reply::See(id.map_or("/incidents".to_owned(), |id| format!("/incidents/{id}"))))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Acting {
    reason: String,
    playbook: String,
    path_works: String,
}

pub(super) fn capture(visit: &Visit<'_>) -> Result<Reply, Problem> {
    act(visit, "capture")
}

pub(super) fn verify(visit: &Visit<'_>) -> Result<Reply, Problem> {
    act(visit, "verify")
}

pub(super) fn resolve(visit: &Visit<'_>) -> Result<Reply, Problem> {
    act(visit, "resolve")
}

fn act(visit: &Visit<'_>, verb: &str) -> Result<Reply, Problem> {
    let id: IncidentId = visit.asked.word("id")?;
    let form: Acting = visit.form()?;
    let mut words = Words::of(["incident", verb, id.as_str(), "--yes"]);
    if verb == "resolve" {
        words = words
            .with("--playbook", given(Some(&form.playbook)))
            .on("--path-works", !form.path_works.is_empty());
    }
    run(visit, words.with("--reason", given(Some(&form.reason))))?;
    Ok(Reply::See(format!("/incidents/{id}")))
}

fn run(visit: &Visit<'_>, words: Words) -> Result<serde_json::Value, Problem> {
    let caller = visit.caller().ok_or_else(|| Problem::internal("a change without an asker"))?;
    // What went wrong is of the incident; no attempt is asked how it stands.
    let mut asked = visit.asked.clone();
    asked.path.clear();
    let (_, accepted) = spawned(visit.host, &asked, caller, &words.line(), Waits::ForItsEnd)?;
    Ok(accepted.answer)
}
