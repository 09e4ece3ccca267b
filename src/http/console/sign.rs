//! Signing in and out: a token is traded for the cookie of a session.

use askama::Template;
use axum::http::StatusCode;
use serde::Deserialize;

use crate::http::admission::slowed;
use crate::http::asked::Caller;
use crate::http::auth::{self, clear_cookie, set_cookie};
use crate::http::problem::Problem;

use super::page::{Frame, Reply, Visit, html_as};

/// Where to sign in.
pub(super) const PATH: &str = "/sign-in";

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn<'a> {
    frame: Frame,
    next: &'a str,
    problem: Option<&'a Problem>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Fields {
    token: String,
    next: String,
}

/// In place of a page that needs somebody: where to sign in, and then to that page.
pub(super) fn first(visit: &Visit<'_>) -> Result<Reply, Problem> {
    let page = SignIn { frame: visit.frame("Sign in", ""), next: inside(visit.wanted), problem: None };
    html_as(StatusCode::UNAUTHORIZED, &page)
}

pub(super) fn form(visit: &Visit<'_>) -> Result<Reply, Problem> {
    let fields: Fields = visit.asked.query()?;
    if !visit.csrf.is_empty() {
        return Ok(Reply::See(inside(&fields.next).to_owned()));
    }
    let page = SignIn { frame: visit.frame("Sign in", ""), next: inside(&fields.next), problem: None };
    html_as(StatusCode::OK, &page)
}

/// The form once more, with what stands against it.
pub(super) fn again(visit: &Visit<'_>, problem: &Problem) -> Result<Reply, Problem> {
    let fields: Fields = visit.form().unwrap_or_default();
    let problem = Some(problem);
    let page = SignIn { frame: visit.frame("Sign in", ""), next: inside(&fields.next), problem };
    html_as(problem.map_or(StatusCode::OK, Problem::status), &page)
}

pub(super) fn sign_in(visit: &Visit<'_>) -> Result<Reply, Problem> {
    let fields: Fields = visit.form()?;
    let token = auth::token_of(visit.host, &visit.shared.keeper, &fields.token)
        .map_err(|problem| slowed(visit.shared, visit.remote, problem))?;
    let caller = Caller { name: token.name.clone(), role: token.role, token: token.clone() };
    // Whoever was signed in here before is not any more.
    visit.shared.sessions.end(visit.headers);
    let value = visit.shared.sessions.begin(token, visit.host.clock.now())?;
    let cookie = set_cookie(&value, visit.shared.doors.tls);
    Ok(Reply::Welcome { cookie, to: inside(&fields.next).to_owned(), caller })
}

#[expect(clippy::unnecessary_wraps, reason = "the shape of every page")]
pub(super) fn sign_out(visit: &Visit<'_>) -> Result<Reply, Problem> {
    visit.shared.sessions.end(visit.headers);
    Ok(Reply::Farewell { cookie: clear_cookie(visit.shared.doors.tls), to: PATH.to_owned() })
}

/// A way back that stays in this console; anything else leads to its first page.
fn inside(next: &str) -> &str {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/-._~@?=&%+".contains(c);
    let is_ours = next.starts_with('/') && !next.starts_with("//") && next.chars().all(plain);
    if is_ours && next.len() <= 500 { next } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_stays_in_the_console() {
        for good in ["/", "/releases/1234@1?since=5", "/releases?status=failed&page=2"] {
            assert_eq!(inside(good), good);
        }
        for bad in
            ["", "//evil.example", "/\\evil.example", "https://evil.example", "/x\r\ny", "javascript:1"]
        {
            assert_eq!(inside(bad), "/", "{bad:?}");
        }
    }
}
