//! A change: the command line of this program that does it, or one commit to the ledger of rollouts, for whoever asks, once for
//! each `Idempotency-Key`.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::Value;

use crate::model::id::AttemptId;
use crate::model::outcome::Ending;
use crate::model::view::RefusedView;
use crate::ops::access::{self as doors, Kept, Key};
use crate::ops::spawn::{Spawned, Waits, spawn};
use crate::ops::{Host, recover};

use super::asked::{Asked, Caller};
use super::problem::Problem;
use super::route::{Accepted, Deed, Route};
use super::router::{Place, Worked, blocking_for, document};
use super::shared::Shared;

/// How it is changed.
pub(super) enum Doing {
    /// By this command line.
    Line(Vec<String>, Waits),
    /// Here and now.
    Deed(Deed),
}

/// Changes something for whoever asks; what names an `Idempotency-Key` is done once.
pub(super) async fn run(
    shared: &Arc<Shared>,
    route: &Route,
    asked: Asked,
    headers: &HeaderMap,
    doing: Doing,
) -> Result<Worked, Problem> {
    let caller = asked.caller.clone().ok_or_else(|| Problem::internal("a change without an asker"))?;
    let key = key_of(&caller, route, &asked, headers)?;
    let operator = Some(caller.name.clone());
    let done = blocking_for(shared, operator, Place::Act, move |host| {
        if let Some(key) = &key {
            match doors::begin(host, key)? {
                Kept::First => {}
                Kept::Answered(status, answer) => return Ok((status, answer)),
                Kept::Unknown => {
                    let what = "this key was sent before, and how that ended is not known";
                    let problem = Problem::new(StatusCode::CONFLICT, "idempotency-conflict", what);
                    return Err(
                        problem.hint("look how it stands: `GET /api/deployments`; then ask with another key")
                    );
                }
                Kept::Another => {
                    let what = "this key was sent before, with something else";
                    return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency-conflict", what));
                }
            }
        }
        let done = match &doing {
            Doing::Line(line, waits) => {
                spawned(host, &asked, &caller, line, *waits).map(|(status, accepted)| {
                    (status.as_u16(), serde_json::to_value(accepted).unwrap_or_default())
                })
            }
            Doing::Deed(deed) => deed(host, &asked).map(|answer| (StatusCode::OK.as_u16(), answer)),
        };
        let (status, answer) = match done {
            Ok(done) => done,
            Err(problem) => (problem.status, serde_json::to_value(problem).unwrap_or_default()),
        };
        if let Some(key) = &key {
            doors::finish(host, key, status, &answer)?;
        }
        Ok((status, answer))
    });
    let (status, answer) = done.await?;
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let attempt = answer["deploymentId"].as_str().and_then(|id| id.parse().ok());
    let mut response = document(status, &answer);
    if !status.is_success() {
        let kind = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
    }
    let code = answer["code"].as_str().map(str::to_owned);
    Ok(Worked { response, attempt, code })
}

fn key_of(
    caller: &Caller,
    route: &Route,
    asked: &Asked,
    headers: &HeaderMap,
) -> Result<Option<Key>, Problem> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let is_visible = |key: &&str| key.bytes().all(|byte| byte.is_ascii_graphic());
    let key = value.to_str().ok().filter(|key| !key.is_empty() && key.len() <= 255).filter(is_visible);
    let key = key.ok_or_else(|| Problem::malformed("`Idempotency-Key` is 1 to 255 visible characters"))?;
    let mut all = format!("{} {}\n", route.method.word(), route.path).into_bytes();
    for (name, value) in &asked.path {
        all.extend_from_slice(format!("{name}={value}\n").as_bytes());
    }
    all.extend_from_slice(&asked.body);
    Ok(Some(Key::new(caller.name.as_str(), key, &all)))
}

/// Runs it, and says what became of it.
///
/// # Errors
/// What it said against it.
pub(super) fn spawned(
    host: &Host,
    asked: &Asked,
    caller: &Caller,
    line: &[String],
    waits: Waits,
) -> Result<(StatusCode, Accepted), Problem> {
    let links = |attempt: &AttemptId| {
        ["", "/timeline/stream", "/recovery-readiness"]
            .iter()
            .map(|rest| format!("/api/deployments/{attempt}{rest}"))
            .collect()
    };
    match spawn(host, &caller.name, line, waits)? {
        Spawned::Begun { attempt } => {
            let links = links(&attempt);
            let accepted =
                Accepted { deployment_id: Some(attempt), ending: None, links, answer: Value::Null };
            Ok((StatusCode::ACCEPTED, accepted))
        }
        Spawned::Silent => {
            let accepted =
                Accepted { deployment_id: None, ending: None, links: Vec::new(), answer: Value::Null };
            Ok((StatusCode::ACCEPTED, accepted))
        }
        // A release that was begun answers that it was, however it ended since: its records say how.
        Spawned::Ended { ending, attempt: Some(attempt), said } if waits == Waits::ForItsBeginning => {
            let links = links(&attempt);
            let accepted =
                Accepted { deployment_id: Some(attempt), ending: Some(ending), links, answer: said };
            Ok((StatusCode::ACCEPTED, accepted))
        }
        Spawned::Ended { ending: ending @ (Ending::Ok | Ending::Differs), attempt, said } => {
            let links = attempt.as_ref().map(links).unwrap_or_default();
            Ok((
                StatusCode::OK,
                Accepted { deployment_id: attempt, ending: Some(ending), links, answer: said },
            ))
        }
        Spawned::Ended { ending, said, .. } => Err(why_not(host, asked, ending, &said)),
    }
}

/// What a verb's last words come to. A refused recovery says how the attempt stands, so that whoever asked can choose.
pub(super) fn why_not(host: &Host, asked: &Asked, ending: Ending, said: &Value) -> Problem {
    let mut problem = if said["decision"] == "refused" {
        let text =
            |name: &str| -> Vec<String> { serde_json::from_value(said[name].clone()).unwrap_or_default() };
        let blockers = serde_json::from_value(said["blockers"].clone()).unwrap_or_default();
        Problem::refused(RefusedView {
            ending,
            exit: ending.status(),
            blockers,
            notes: text("notes"),
            playbooks: text("playbooks"),
        })
    } else {
        let error = &said["error"];
        let message = error["message"].as_str().or(said["failure"]["headline"].as_str());
        let message = message.or(said["fact"].as_str()).unwrap_or("it did not go ahead");
        let code = serde_json::from_value(error["code"].clone()).ok();
        let hints = serde_json::from_value(error["hints"].clone()).unwrap_or_default();
        Problem::ended(ending, code, message.to_owned(), hints)
    };
    if asked.path.contains_key("id")
        && let Ok((ticket, number)) = asked.attempt()
    {
        problem.readiness = recover::readiness(host, &ticket, number).ok().map(Box::new);
    }
    problem
}
