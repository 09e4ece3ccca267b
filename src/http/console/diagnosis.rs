//! What a diagnosis said, as a page: it is a verb of its own, and what it printed is shown.

use askama::Template;
use serde_json::Value;

use crate::http::problem::Problem;
use crate::model::id::ReleaseRef;

use super::marks::Badge;
use super::page::{Frame, Reply, Visit, html};

#[derive(Template)]
#[template(path = "diagnosis.html")]
struct Diagnosis {
    frame: Frame,
    id: String,
    kind: String,
    cause: String,
    race: bool,
    unwell: Vec<String>,
    recommended: Option<Advice>,
    others: Vec<Advice>,
    first: Vec<Next>,
    owner: String,
    untrusted: Option<String>,
    done: String,
    stopped: String,
    unsettled: Vec<String>,
    head: String,
    sides: Vec<(String, String)>,
    in_place: bool,
    why: Vec<String>,
    surfaces: Vec<Surface>,
    drift: Vec<String>,
    against: Vec<(String, String)>,
    playbooks: Vec<Finding>,
    failures: Vec<Failure>,
    notes: Vec<String>,
}

struct Advice {
    option: String,
    command: Option<String>,
    why: String,
    /// Where the console does the same.
    href: Option<String>,
}

struct Next {
    when: String,
    command: String,
}

struct Surface {
    name: String,
    badge: Badge,
    detail: String,
}

struct Finding {
    id: String,
    strength: String,
    headline: String,
    badge: Option<Badge>,
    commands: Vec<(String, String)>,
}

struct Failure {
    step: String,
    summary: String,
    causes: Vec<String>,
    output: Vec<String>,
}

pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

pub(super) fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().map(text).collect()
}

pub(super) fn each<T>(value: &Value, of: impl FnMut(&Value) -> T) -> Vec<T> {
    value.as_array().into_iter().flatten().map(of).collect()
}

/// Shows what a diagnosis said.
pub(super) fn show(visit: &Visit<'_>, release: &ReleaseRef, said: &Value) -> Result<Reply, Problem> {
    let id = text(&said["attempt"]);
    let id = if id.is_empty() { release.to_string() } else { id };
    let (judged, boundary) = (&said["judgement"], &said["boundary"]);
    let advice = |value: &Value| Advice {
        option: text(&value["option"]),
        command: value["command"].as_str().map(str::to_owned),
        why: text(&value["why"]),
        href: href(&id, value["option"].as_str().unwrap_or_default())
            .filter(|_| value["command"].is_string()),
    };
    let step = boundary["step"].as_str().map(|step| format!(" at {step}")).unwrap_or_default();
    let owner = format!("{} ({})", text(&judged["owner"]["who"]), text(&judged["owner"]["area"]));
    html(&Diagnosis {
        frame: visit.frame(format!("Diagnosis of {id}"), "releases"),
        kind: text(&judged["kind"]),
        cause: text(&judged["cause"]),
        race: judged["race"] == true,
        unwell: texts(&judged["unwell"]),
        recommended: judged["recommended"].is_object().then(|| advice(&judged["recommended"])),
        others: each(&judged["others"], advice),
        first: each(&judged["first"], |next| Next {
            when: text(&next["when"]),
            command: text(&next["command"]),
        }),
        owner,
        untrusted: said["untrusted"].as_str().map(str::to_owned),
        done: texts(&boundary["phasesDone"]).join(", "),
        stopped: format!("{}{step}", text(&boundary["phase"])),
        unsettled: texts(&boundary["unsettled"]),
        head: text(&boundary["head"]),
        sides: each(&boundary["services"], |side| (text(&side["service"]), text(&side["side"]))),
        in_place: boundary["verifyInPlace"] == true,
        why: texts(&boundary["why"]),
        surfaces: each(&said["surfaces"], surface),
        drift: each(&said["drift"]["rows"], |row| {
            format!("{} {}", text(&row["code"]), text(&row["service"])).trim_end().to_owned()
        }),
        against: each(&said["against"], |blocker| (text(&blocker["code"]), text(&blocker["fact"]))),
        playbooks: each(&said["playbooks"], finding),
        failures: each(&said["failures"], |failure| Failure {
            step: text(&failure["step"]),
            summary: text(&failure["summary"]),
            causes: texts(&failure["causes"]),
            output: texts(&failure["output"]),
        }),
        notes: texts(&said["notes"]),
        id,
    })
}

/// The page that does what was advised.
fn href(id: &str, option: &str) -> Option<String> {
    let verb = match option {
        "approve" => "approve",
        "rerun" | "repair" => "resume",
        "revert" => "revert",
        _ => return None,
    };
    Some(format!("/releases/{id}/do/{verb}"))
}

fn surface(value: &Value) -> Surface {
    let well = value["well"] == true;
    let badge = if well { Badge::good("well") } else { Badge::bad("not well") };
    let detail = format!("HTTP {}  {}", text(&value["status"]), text(&value["detail"]));
    Surface { name: text(&value["name"]), badge, detail: detail.trim_end().to_owned() }
}

fn finding(value: &Value) -> Finding {
    let (matched, detection) = (&value["matched"], &value["detection"]);
    let badge = match detection["verdict"].as_str() {
        Some("confirmed") => Some(Badge::good("confirmed here")),
        Some("not-confirmed") => Some(Badge::bad("not confirmed here")),
        Some(_) => Some(Badge::new("warn", "?", "needs an eye")),
        None => None,
    };
    Finding {
        id: text(&matched["id"]),
        strength: text(&matched["strength"]),
        headline: text(&matched["headline"]),
        badge,
        commands: each(&detection["commands"], |row| (text(&row["command"]), text(&row["verdict"]))),
    }
}
