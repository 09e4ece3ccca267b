//! From a page to its answer: who may, whether the form is ours, and the record of it.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{RawPathParams, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, Uri, header};

use crate::http::admission;
use crate::http::asked::{Asked, Caller};
use crate::http::auth::Said;
use crate::http::authority;
use crate::http::problem::Problem;
use crate::http::route::Method;
use crate::http::router::{self, Noted, Place};
use crate::http::shared::Shared;
use crate::model::gather::Gather;
use crate::model::id::AttemptId;

use super::page::{Frame, Page, ProblemPage, Reply, Visit, html_as};
use super::sign;

/// One request for a page.
pub(in crate::http) async fn answer(
    shared: &Arc<Shared>,
    page: &Arc<Page>,
    path: &RawPathParams,
    request: Request,
) -> Response<Body> {
    let remote = router::remote(&request);
    let (parts, body) = request.into_parts();
    let path = path.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).gather();
    let known = admission::known(shared, page.need, &parts.headers, remote).await;
    let (said, mut refused) = match known {
        Ok(said) => {
            let refused = admission::allowed(shared, page.need, &said).err();
            (said, refused.map(|problem| admission::slowed(shared, remote, problem)))
        }
        Err((_, problem)) => (Said::Nothing, Some(problem)),
    };
    let caller = said.caller().cloned();
    let body = router::read(body).await.unwrap_or_else(|problem| {
        refused.get_or_insert(problem);
        Bytes::new()
    });
    if refused.is_none() && page.method != Method::Get {
        refused = is_ours(&parts.headers, &said, &body).err();
        refused = refused.map(|problem| admission::slowed(shared, remote, problem));
    }
    let query = parts.uri.query().unwrap_or_default().to_owned();
    let asked = Asked { caller: caller.clone(), path, query, body, if_match: None };
    let made = made(shared, page, &said, asked, &parts, remote, refused).await;
    shared.count(page.path, made.response.status().as_u16());
    let is_refusal = matches!(made.response.status(), StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
    // A browser that is not signed in is shown where to: nobody was turned away.
    let is_stranger = caller.is_none() && !parts.headers.contains_key(header::AUTHORIZATION);
    if page.method == Method::Get && (!is_refusal || is_stranger) {
        return made.response;
    }
    record(shared, page, &parts, remote, caller, made).await
}

/// An answer, and what its record says.
struct Made {
    response: Response<Body>,
    caller: Option<Caller>,
    attempt: Option<AttemptId>,
    code: Option<String>,
}

/// Does what the page does, or shows why not.
async fn made(
    shared: &Arc<Shared>,
    page: &Arc<Page>,
    said: &Said,
    asked: Asked,
    head: &Parts,
    remote: Option<SocketAddr>,
    refused: Option<Problem>,
) -> Made {
    let csrf = if let Said::Session(_, session) = said { session.csrf.clone() } else { String::new() };
    let wanted = head.uri.path_and_query().filter(|_| page.method == Method::Get);
    let wanted = wanted.map_or(String::new(), ToString::to_string);
    let (page, of, headers) = (Arc::clone(page), Arc::clone(shared), head.headers.clone());
    let operator = asked.caller.as_ref().map(|caller| caller.name.clone());
    let place = if page.method == Method::Get { Place::Look } else { Place::Act };
    let done = router::blocking_for(shared, operator, place, move |host| {
        let visit = Visit {
            host,
            shared: &of,
            asked: &asked,
            csrf: &csrf,
            headers: &headers,
            wanted: &wanted,
            remote,
        };
        let done = refused.map_or_else(|| (page.work)(&visit), Err);
        match done {
            Ok(reply) => Ok((reply, None)),
            Err(problem) => Ok((shown(&visit, &page, &problem)?, Some(problem.code.clone()))),
        }
    });
    match done.await {
        Ok((reply, code)) => {
            let (attempt, caller) = match &reply {
                Reply::Begun(attempt) => (Some(attempt.clone()), None),
                Reply::Welcome { caller, .. } => (None, Some(caller.clone())),
                _ => (None, None),
            };
            Made { response: dressed(reply), caller, attempt, code }
        }
        Err(problem) => {
            Made { response: problem.response(), caller: None, attempt: None, code: Some(problem.code) }
        }
    }
}

async fn record(
    shared: &Arc<Shared>,
    page: &Page,
    parts: &Parts,
    remote: Option<SocketAddr>,
    caller: Option<Caller>,
    made: Made,
) -> Response<Body> {
    let noted = Noted { caller: caller.or(made.caller), attempt: made.attempt, code: made.code };
    router::recorded(shared, page.method, &parts.uri, remote, noted, made.response).await
}

/// Whether a form was sent by a page of ours: its origin, and the token that only this session's pages know.
fn is_ours(headers: &HeaderMap, said: &Said, body: &[u8]) -> Result<(), Problem> {
    let session = match said {
        Said::Token(_) => {
            let what = "a form is sent by a page, in a session: whoever has a token asks under /api";
            return Err(Problem::invalid(what).hint("GET /openapi.json"));
        }
        Said::Nothing => None,
        Said::Session(_, session) => Some(session),
    };
    authority::own_origin(headers)?;
    let Some(session) = session else { return Ok(()) };
    let fields: Vec<(String, String)> = serde_urlencoded::from_bytes(body).unwrap_or_default();
    let brought = fields.iter().find(|(name, _)| name == "csrf").map_or("", |(_, value)| value.as_str());
    if session.fits(brought) {
        return Ok(());
    }
    let what = "this form does not come from this session: open its page again";
    Err(Problem::new(StatusCode::FORBIDDEN, "origin-not-allowed", what))
}

/// A problem as a page.
fn shown(visit: &Visit<'_>, page: &Page, problem: &Problem) -> Result<Reply, Problem> {
    if page.path == sign::PATH {
        return sign::again(visit, problem);
    }
    if problem.status() == StatusCode::UNAUTHORIZED {
        return sign::first(visit);
    }
    let id =
        visit.asked.path.get("id").filter(|_| page.path.starts_with("/releases/") && problem.status != 404);
    let plan = visit.asked.path.get("plan_id").filter(|_| problem.status != 404);
    let back = match (id, plan) {
        (Some(id), _) => (format!("/releases/{id}"), "Back to the release"),
        (_, Some(plan)) => (format!("/rollouts/{plan}"), "Back to the rollout"),
        _ if page.path.starts_with("/playbooks/") => ("/playbooks".to_owned(), "Back to Playbooks"),
        _ if page.path == "/begin" => ("/releases".to_owned(), "Back to Releases"),
        _ if page.path.starts_with("/rollouts/") => ("/rollouts".to_owned(), "Back to Rollouts"),
        _ => ("/".to_owned(), "Back to Now"),
    };
    html_as(problem.status(), &ProblemPage { frame: visit.frame(problem.title.clone(), ""), problem, back })
}

/// Whether a browser asked for a page, and not a program for an answer: it names HTML, and the address is not the API's.
/// (Some programs name HTML, too, whatever they ask for.)
pub(in crate::http) fn is_asked_by_a_browser(uri: &Uri, headers: &HeaderMap) -> bool {
    let path = uri.path();
    let is_api = ["/api/", "/v1/"].iter().any(|begins| path.starts_with(begins))
        || ["/health", "/metrics", "/openapi.json"].contains(&path);
    let accepts = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    !is_api && accepts.is_some_and(|accepts| accepts.contains("text/html"))
}

/// Turns a problem that was to be answered as a document into a page. No host and no session is needed for it: that the
/// host cannot be opened may be the problem.
pub(in crate::http) fn tell(response: &mut Response<Body>) {
    let Some(problem) = response.extensions().get::<Problem>().cloned() else { return };
    let back = ("/".to_owned(), "Back to Now");
    let page = ProblemPage { frame: Frame::of_nobody(problem.title.clone()), problem: &problem, back };
    let Ok(Reply::Html(_, text)) = html_as(problem.status(), &page) else { return };
    *response.body_mut() = Body::from(text);
    as_html(response);
}

fn as_html(response: &mut Response<Body>) {
    put(response, header::CONTENT_TYPE, "text/html; charset=utf-8");
    // Without its own address a browser would send no origin with a form, and be turned away.
    put(response, header::REFERRER_POLICY, "same-origin");
}

/// A reply as an answer.
fn dressed(reply: Reply) -> Response<Body> {
    let see = |to: &str, cookie: Option<&str>| {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SEE_OTHER;
        put(&mut response, header::LOCATION, to);
        if let Some(cookie) = cookie {
            put(&mut response, header::SET_COOKIE, cookie);
        }
        response
    };
    match reply {
        Reply::Html(status, text) => {
            let mut response = Response::new(Body::from(text));
            *response.status_mut() = status;
            as_html(&mut response);
            response
        }
        Reply::See(to) => see(&to, None),
        Reply::Begun(attempt) => see(&format!("/releases/{attempt}"), None),
        Reply::Welcome { cookie, to, .. } | Reply::Farewell { cookie, to } => see(&to, Some(&cookie)),
        Reply::Asset(kind, text) => {
            let mut response = Response::new(Body::from(text));
            put(&mut response, header::CONTENT_TYPE, kind);
            response
        }
    }
}

fn put(response: &mut Response<Body>, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}
