//! From the routes to a service: who may, what is asked, the answer, and the record of it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, RawPathParams, Request, State};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::routing::{MethodFilter, on};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::model::access::{self, OperatorName};
use crate::model::gather::Gather;
use crate::model::id::AttemptId;
use crate::ops::{Host, access as doors, inspect};

use super::admission::admitted;
use super::asked::{Asked, Caller};
use super::authority;
use super::console;
use super::openapi;
use super::problem::Problem;
use super::route::{Method, Route, Work};
use super::routes;
use super::running::{Doing, run};
use super::shared::Shared;
use super::stream::{self, Watch};

/// A body may have this many bytes.
const BODY_LIMIT: usize = 1 << 20;

/// How long a body may take to come.
const BODY_WITHIN: Duration = Duration::from_secs(30);

/// The service: every route, and what holds for all of them.
pub fn router(shared: Arc<Shared>) -> Router {
    let mut router = Router::new();
    for route in routes::all() {
        let filter = match route.method {
            Method::Get => MethodFilter::GET,
            Method::Post => MethodFilter::POST,
            Method::Delete => MethodFilter::DELETE,
        };
        let path = route.path;
        let route = Arc::new(route);
        let handler = move |State(shared): State<Arc<Shared>>, path: RawPathParams, request: Request| {
            let route = Arc::clone(&route);
            async move { answer(&shared, &route, &path, request).await }
        };
        router = router.route(path, on(filter, handler));
    }
    for page in console::all() {
        let filter = if page.method == Method::Get { MethodFilter::GET } else { MethodFilter::POST };
        let path = page.path;
        let page = Arc::new(page);
        let handler = move |State(shared): State<Arc<Shared>>, path: RawPathParams, request: Request| {
            let page = Arc::clone(&page);
            async move { console::answer(&shared, &page, &path, request).await }
        };
        router = router.route(path, on(filter, handler));
    }
    router
        .fallback(|| async {
            Problem::not_found("there is nothing under this path").hint("GET /openapi.json").response()
        })
        .method_not_allowed_fallback(|| async {
            let what = "this path is not asked like that";
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", what).response()
        })
        .layer(from_fn_with_state(Arc::clone(&shared), at_the_door))
        .with_state(shared)
}

/// What holds for every request. It is answered to its end, and recorded, although whoever asked may have gone away
/// meanwhile; and a browser is told what stands in its way as a page.
async fn at_the_door(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response<Body> {
    let known = authority::known_name(&request, &shared.doors);
    let paced = match remote(&request) {
        Some(remote) if shared.pace.check_key(&remote.ip()).is_err() => {
            Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many-requests", "this is asked too fast"))
        }
        _ => Ok(()),
    };
    let by_a_browser = console::is_asked_by_a_browser(request.uri(), request.headers());
    let mut response = match known.and(paced) {
        Ok(()) => tokio::spawn(next.run(request)).await.unwrap_or_else(|_| defect().response()),
        Err(problem) => problem.response(),
    };
    if by_a_browser {
        console::tell(&mut response);
    }
    authority::dress(&mut response, shared.doors.tls);
    response
}

fn defect() -> Problem {
    Problem::internal("a defect of ours; its place stands in the server's output")
}

pub(super) fn remote(request: &Request) -> Option<SocketAddr> {
    request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0)
}

/// Opens the host and does something that blocks with it, beside the threads that serve.
///
/// # Errors
/// What it says; a host that cannot be opened.
pub(super) async fn blocking<T: Send + 'static>(
    shared: &Arc<Shared>,
    work: impl FnOnce(&Host) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    blocking_for(shared, None, Place::Look, work).await
}

/// Which of the threads that may block something takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// One of those that look.
    Look,
    /// One of those that change something, and may wait for its end.
    Act,
}

/// The same, in the name of whoever asks: what they look at is what they would be shown at a terminal.
///
/// # Errors
/// As [`blocking`].
pub(super) async fn blocking_for<T: Send + 'static>(
    shared: &Arc<Shared>,
    operator: Option<OperatorName>,
    place: Place,
    work: impl FnOnce(&Host) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let places = if place == Place::Act { &shared.acts } else { &shared.looks };
    let _place = places.acquire().await;
    let shared = Arc::clone(shared);
    let done = tokio::task::spawn_blocking(move || {
        let mut host = shared.host()?;
        if let Some(name) = operator {
            host.operator = name.into();
        }
        work(&host)
    });
    done.await.unwrap_or_else(|_| Err(defect()))
}

/// Asks or tells the host something that its configuration cannot change, beside the threads that serve: who has a token,
/// whether it is still good, what was asked. It is asked at every request, and once a second for each stream, and never
/// waits for a place that acts and looks have taken.
///
/// # Errors
/// As [`blocking`].
pub(super) async fn at_the_store<T: Send + 'static>(
    shared: &Arc<Shared>,
    work: impl FnOnce(&Host) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let shared = Arc::clone(shared);
    let done = tokio::task::spawn_blocking(move || work(&*shared.once_opened()?));
    done.await.unwrap_or_else(|_| Err(defect()))
}

/// One request, from its head to its record.
async fn answer(
    shared: &Arc<Shared>,
    route: &Arc<Route>,
    path: &RawPathParams,
    request: Request,
) -> Response<Body> {
    let remote = remote(&request);
    let (parts, body) = request.into_parts();
    let path: BTreeMap<String, String> =
        path.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).gather();
    let said = match admitted(shared, route, &parts.headers, remote).await {
        Ok(said) => said,
        Err((caller, problem)) => {
            let noted = Noted { caller, attempt: None, code: Some(problem.code.clone()) };
            let response = problem.response();
            return recorded(shared, route.method, &parts.uri, remote, noted, response).await;
        }
    };
    let caller = said.caller().cloned();
    let done = async {
        let body = read(body).await?;
        let if_match = version(&parts.headers)?;
        let query = parts.uri.query().unwrap_or_default().to_owned();
        let asked = Asked { caller: caller.clone(), path, query, body, if_match };
        work(shared, route, asked, &parts.headers).await
    };
    let (response, noted) = match done.await {
        Ok(Worked { response, attempt, code }) => (response, Noted { caller, attempt, code }),
        Err(problem) => {
            (problem.response(), Noted { caller, attempt: None, code: Some(problem.code.clone()) })
        }
    };
    shared.count(route.path, response.status().as_u16());
    if route.method == Method::Get {
        return response;
    }
    recorded(shared, route.method, &parts.uri, remote, noted, response).await
}

/// A body, as far as it is within its limits.
///
/// # Errors
/// 413 for one that is too long, 408 for one that does not come.
pub(super) async fn read(body: Body) -> Result<Bytes, Problem> {
    let come = timeout(BODY_WITHIN, axum::body::to_bytes(body, BODY_LIMIT)).await;
    let late = |_| Problem::new(StatusCode::REQUEST_TIMEOUT, "malformed", "the body did not come in time");
    let long = |_| {
        let what = format!("a body has at most {BODY_LIMIT} bytes");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", what)
    };
    come.map_err(late)?.map_err(long)
}

/// What the record of a request says besides its head.
pub(super) struct Noted {
    pub(super) caller: Option<Caller>,
    pub(super) attempt: Option<AttemptId>,
    pub(super) code: Option<String>,
}

/// Records a request that changed something or was turned away, before it is answered. What cannot be recorded is not
/// answered as if it were.
pub(super) async fn recorded(
    shared: &Arc<Shared>,
    method: Method,
    uri: &axum::http::Uri,
    remote: Option<SocketAddr>,
    noted: Noted,
    response: Response<Body>,
) -> Response<Body> {
    // A flood is turned away without a word to the disk: what began it is on record.
    if response.status() == StatusCode::TOO_MANY_REQUESTS {
        return response;
    }
    let request = access::Request {
        operator: noted.caller.map(|caller| caller.name),
        remote: remote.map_or_else(|| "-".to_owned(), |remote| remote.ip().to_string()),
        method: method.word().to_owned(),
        path: crate::report::text::clean(&uri.path().chars().take(300).collect::<String>()),
        status: response.status().as_u16(),
        code: noted.code,
        attempt: noted.attempt.map(|attempt| attempt.to_string()),
    };
    let kept = at_the_store(shared, move |host| Ok(doors::note(host, &request)?));
    match kept.await {
        // It was done; only its record is missing. Saying so is more than the record would have been.
        Err(problem) if response.status().is_success() => {
            Problem { title: "Done, and not recorded".to_owned(), ..problem }.response()
        }
        Ok(()) | Err(_) => response,
    }
}

/// `If-Match`: a version, with or without the quotes that HTTP puts around it.
fn version(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get(header::IF_MATCH) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':' | '.');
    if text.is_empty() || text.len() > 255 || !text.chars().all(plain) {
        return Err(Problem::malformed("`If-Match` takes one `stateVersion`"));
    }
    Ok(Some(text.to_owned()))
}

/// An answer, and what its record says.
pub(super) struct Worked {
    pub(super) response: Response<Body>,
    pub(super) attempt: Option<AttemptId>,
    pub(super) code: Option<String>,
}

impl From<Response<Body>> for Worked {
    fn from(response: Response<Body>) -> Self {
        Self { response, attempt: None, code: None }
    }
}

async fn work(
    shared: &Arc<Shared>,
    route: &Arc<Route>,
    asked: Asked,
    headers: &HeaderMap,
) -> Result<Worked, Problem> {
    match &route.work {
        Work::Look(_) if route.path == "/health" => {
            let value = json!({ "status": shared.health().await? });
            let is_down = value["status"] == "down";
            let status = if is_down { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
            Ok(document(status, &value).into())
        }
        Work::Look(look) => {
            let (look, known) = (Arc::clone(look), asked.caller.is_some());
            let operator = asked.caller.as_ref().map(|caller| caller.name.clone());
            let value = blocking_for(shared, operator, Place::Look, move |host| {
                let value = look(host, &asked)?;
                Ok(if known { value } else { coarse(&value) })
            });
            Ok(document(StatusCode::OK, &value.await?).into())
        }
        Work::Run(command, waits) => {
            let line = command(&asked)?;
            run(shared, route, asked, headers, Doing::Line(line, *waits)).await
        }
        Work::Act(deed) => run(shared, route, asked, headers, Doing::Deed(Arc::clone(deed))).await,
        Work::Stream => {
            let (ticket, number) = asked.attempt()?;
            let since = headers.get("last-event-id").map_or(Ok(0), |value| {
                let number = value.to_str().ok().and_then(|text| text.trim().parse().ok());
                number.ok_or_else(|| Problem::malformed("`Last-Event-ID` is the number of a record"))
            })?;
            let of = ticket.clone();
            let state = blocking(shared, move |host| Ok(inspect::attempt(host, &of, number)?.state)).await?;
            let caller = asked.caller.ok_or_else(|| Problem::internal("a stream without a reader"))?;
            let watch = Watch { ticket, attempt: state.attempt, since };
            Ok(stream::stream(shared, caller, watch).await?.into())
        }
        Work::Metrics => {
            let of = Arc::clone(shared);
            let text = blocking(shared, move |host| super::metrics::render(&of, host)).await?;
            let mut response = Response::new(Body::from(text));
            let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
            response.headers_mut().insert(header::CONTENT_TYPE, kind);
            Ok(response.into())
        }
        Work::Document => Ok(json(StatusCode::OK, openapi::DOCUMENT.clone()).into()),
    }
}

/// Words and counts of an answer, and no names: what anybody may know where `--public-read` says so.
fn coarse(value: &Value) -> Value {
    let Value::Object(fields) = value else { return Value::Null };
    if let Some(Value::Array(services)) = fields.get("services") {
        let well = services.iter().filter(|row| row["well"] == true && row["run"] == "running").count();
        return json!({ "services": services.len(), "well": well });
    }
    let plain = fields.iter().filter(|(_, value)| value.is_boolean() || value.is_number());
    Value::Object(plain.map(|(name, value)| (name.clone(), value.clone())).collect())
}

pub(super) fn document(status: StatusCode, value: &Value) -> Response<Body> {
    json(status, Bytes::from(serde_json::to_vec(value).unwrap_or_default()))
}

fn json(status: StatusCode, text: Bytes) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
