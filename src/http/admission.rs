//! At the door: who asks, whether they may, and how often somebody may be turned away.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::http::{HeaderMap, StatusCode};

use super::asked::Caller;
use super::auth::{self, Said};
use super::authority;
use super::problem::Problem;
use super::route::{Method, Need, Route};
use super::router::at_the_store;
use super::shared::Shared;
use crate::model::access::Role;

/// Who asks, where they may ask this; else who tried, and why not.
pub(super) async fn admitted(
    shared: &Arc<Shared>,
    route: &Route,
    headers: &HeaderMap,
    remote: Option<SocketAddr>,
) -> Result<Said, (Option<Caller>, Problem)> {
    let said = known(shared, route.need, headers, remote).await?;
    let caller = said.caller().cloned();
    if let (Said::Session(_, session), true) = (&said, route.method != Method::Get) {
        let csrf = headers.get("x-csrf-token").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let fits = authority::own_origin(headers).and_then(|()| {
            let what = "a session's change brings its token along in `X-CSRF-Token`";
            let without = || Problem::new(StatusCode::FORBIDDEN, "origin-not-allowed", what);
            session.fits(csrf).then_some(()).ok_or_else(without)
        });
        fits.map_err(|problem| (caller.clone(), slowed(shared, remote, problem)))?;
    }
    match allowed(shared, route.need, &said) {
        Ok(()) => Ok(said),
        Err(problem) => Err((caller, slowed(shared, remote, problem))),
    }
}

/// Who asks.
pub(super) async fn known(
    shared: &Arc<Shared>,
    need: Need,
    headers: &HeaderMap,
    remote: Option<SocketAddr>,
) -> Result<Said, (Option<Caller>, Problem)> {
    let (of, head) = (Arc::clone(shared), headers.clone());
    let said = at_the_store(shared, move |host| {
        auth::who(host, &of.keeper, &of.sessions, &head, of.doors.proxy_user.as_deref())
    });
    match (said.await, need) {
        (Ok(said), _) => Ok(said),
        (Err(_), Need::Nobody) => Ok(Said::Nothing),
        (Err(problem), _) => Err((None, slowed(shared, remote, problem))),
    }
}

/// Whether they may ask this.
///
/// # Errors
/// 401 for nobody, 403 for somebody who may not.
pub(super) fn allowed(shared: &Shared, need: Need, said: &Said) -> Result<(), Problem> {
    match (need, said.caller()) {
        (Need::PublicRead, None) if !shared.doors.public_read => Err(nobody()),
        (Need::Role(_), None) => Err(nobody()),
        (Need::Role(wanted), Some(caller)) if caller.role < wanted => {
            let what = format!("`{}` is {}; this is for {wanted}", caller.name, caller.role);
            Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", what))
        }
        _ => Ok(()),
    }
}

/// Whether they may have a program of their own choosing run here: that is more than any verb lets an operator do.
///
/// # Errors
/// 403.
pub(super) fn may_name_a_program(caller: Option<&Caller>) -> Result<(), Problem> {
    match caller {
        Some(caller) if caller.role >= Role::Admin => Ok(()),
        _ => {
            let what = "a `probe` is a program that is run here: only an admin names one";
            let problem = Problem::new(StatusCode::FORBIDDEN, "forbidden", what);
            Err(problem.hint("leave it out, or on this host: `holdpoint incident open … --probe '…'`"))
        }
    }
}

fn nobody() -> Problem {
    let what = "this needs a token: `Authorization: Bearer …`";
    Problem::new(StatusCode::UNAUTHORIZED, "unauthenticated", what)
        .hint("an administrator of this host makes one: `holdpoint token create NAME --role viewer`")
}

/// Whoever is turned away again and again, for whatever reason, waits: each time is a record on disk.
pub(super) fn slowed(shared: &Shared, remote: Option<SocketAddr>, problem: Problem) -> Problem {
    let is_out = matches!(problem.status(), StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
    match remote.filter(|_| is_out) {
        Some(remote) if shared.refusals.check_key(&remote.ip()).is_err() => {
            let what = "too many requests from here were turned away";
            Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many-requests", what)
        }
        _ => problem,
    }
}
