//! Who somebody is: a bearer token, or the session that the console traded one for.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::http::{HeaderMap, header};
use chrono::{DateTime, TimeDelta, Utc};
use subtle::ConstantTimeEq as _;

use crate::model::access::{OperatorName, Token};
use crate::ops::access::Doorkeeper;
use crate::ops::{Host, OpsError};
use crate::sys::random;

use super::asked::Caller;
use super::problem::Problem;

/// The console's cookie. Over TLS a prefix makes browsers refuse one that was not set for this very host; over plain HTTP,
/// on this machine alone, no cookie could have it, and a browser sends it to every port of that name.
const COOKIE: &str = "holdpoint-session";
const COOKIE_OVER_TLS: &str = "__Host-holdpoint-session";

/// How long a session lasts that nobody uses, and at the longest.
const IDLE: TimeDelta = TimeDelta::minutes(30);
const LONGEST: TimeDelta = TimeDelta::hours(12);

/// Sessions at once: a bound, not a goal.
const MOST: usize = 1_000;

/// A browser that traded a token for a cookie.
#[derive(Debug, Clone)]
pub(super) struct Session {
    /// What it was traded for: looked at again at every request.
    pub(super) token: Token,
    /// What a form must bring along.
    pub(super) csrf: String,
    began: DateTime<Utc>,
    used: DateTime<Utc>,
}

/// The sessions of this server: they end with it.
#[derive(Debug)]
pub(super) struct Sessions {
    known: Mutex<BTreeMap<String, Session>>,
    name: &'static str,
}

impl Sessions {
    /// None yet; `secure` where cookies only travel over TLS.
    pub(super) fn new(secure: bool) -> Self {
        Self { known: Mutex::default(), name: if secure { COOKIE_OVER_TLS } else { COOKIE } }
    }

    /// Begins one; answers with the value of its cookie.
    ///
    /// # Errors
    /// When no random bytes can be had.
    pub(super) fn begin(&self, token: Token, now: DateTime<Utc>) -> Result<String, Problem> {
        let secret =
            || random::secret().map_err(|error| Problem::internal(format!("no random bytes: {error}")));
        let (cookie, csrf) = (secret()?, secret()?);
        let mut known = self.known();
        known.retain(|_, session| session.lasts(now));
        if known.len() >= MOST
            && let Some(oldest) =
                known.iter().min_by_key(|(_, session)| session.used).map(|(id, _)| id.clone())
        {
            known.remove(&oldest);
        }
        known.insert(cookie.clone(), Session { token, csrf, began: now, used: now });
        Ok(cookie)
    }

    /// The session of a request; it counts as used.
    pub(super) fn of(&self, headers: &HeaderMap, now: DateTime<Utc>) -> Option<Session> {
        let cookie = self.cookie(headers)?;
        let mut known = self.known();
        let session = known.get_mut(&cookie).filter(|session| session.lasts(now))?;
        session.used = now;
        Some(session.clone())
    }

    /// Ends one.
    pub(super) fn end(&self, headers: &HeaderMap) {
        if let Some(cookie) = self.cookie(headers) {
            self.known().remove(&cookie);
        }
    }

    fn cookie(&self, headers: &HeaderMap) -> Option<String> {
        let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs = all.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.find(|(name, _)| *name == self.name).map(|(_, value)| value.to_owned())
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<String, Session>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    fn lasts(&self, now: DateTime<Utc>) -> bool {
        now - self.used < IDLE && now - self.began < LONGEST
    }

    /// Whether a form brought along what it must.
    pub(super) fn fits(&self, csrf: &str) -> bool {
        bool::from(self.csrf.as_bytes().ct_eq(csrf.as_bytes()))
    }
}

/// The header that sets the session's cookie; `secure` where it is only to travel over TLS.
pub(super) fn set_cookie(value: &str, secure: bool) -> String {
    let (name, secure) = if secure { (COOKIE_OVER_TLS, "; Secure") } else { (COOKIE, "") };
    format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict{secure}")
}

/// The header that takes it back.
pub(super) fn clear_cookie(secure: bool) -> String {
    format!("{}; Max-Age=0", set_cookie("", secure))
}

/// How somebody said who they are.
#[derive(Debug, Clone)]
pub(super) enum Said {
    /// Not at all.
    Nothing,
    /// By a token.
    Token(Caller),
    /// By the cookie of a session.
    Session(Caller, Session),
}

impl Said {
    /// Who.
    pub(super) fn caller(&self) -> Option<&Caller> {
        match self {
            Said::Nothing => None,
            Said::Token(caller) | Said::Session(caller, _) => Some(caller),
        }
    }
}

/// Who asks. `proxy_user` is a header in which a trusted proxy names the person behind a token of its own.
///
/// # Errors
/// 401 for a token that is not good; what keeps the tokens from being read.
pub(super) fn who(
    host: &Host,
    doors: &Doorkeeper,
    sessions: &Sessions,
    headers: &HeaderMap,
    proxy_user: Option<&str>,
) -> Result<Said, Problem> {
    let now = host.clock.now();
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let value = value.to_str().ok().and_then(bearer).ok_or_else(unknown)?;
        let token = doors.who(&host.store, value, now)?.ok_or_else(unknown)?;
        return Ok(Said::Token(caller(token, headers, proxy_user)?));
    }
    let Some(session) = sessions.of(headers, now) else { return Ok(Said::Nothing) };
    if !doors.still(&host.store, &session.token, now)? {
        sessions.end(headers);
        return Ok(Said::Nothing);
    }
    Ok(Said::Session(caller(session.token.clone(), headers, proxy_user)?, session))
}

/// Whose token a value is that was typed into a form.
///
/// # Errors
/// 401 where it is nobody's.
pub(super) fn token_of(host: &Host, doors: &Doorkeeper, value: &str) -> Result<Token, Problem> {
    let found: Result<Option<Token>, OpsError> = doors.who(&host.store, value.trim(), host.clock.now());
    found?.ok_or_else(unknown)
}

fn caller(token: Token, headers: &HeaderMap, proxy_user: Option<&str>) -> Result<Caller, Problem> {
    let named = proxy_user.map(|header| named_in(headers, header)).transpose()?;
    Ok(Caller { name: named.unwrap_or_else(|| token.name.clone()), role: token.role, token })
}

/// Whom the proxy names. A second name would be one that it let through from outside.
fn named_in(headers: &HeaderMap, header: &str) -> Result<OperatorName, Problem> {
    let mut named = headers.get_all(header).iter();
    let first = named.next().ok_or_else(|| Problem::malformed("the proxy did not say who asks"))?;
    if named.next().is_some() {
        return Err(Problem::malformed("the proxy names more than one who asks"));
    }
    let name: Result<OperatorName, _> = first.to_str().unwrap_or_default().parse();
    name.map_err(|error| Problem::malformed(error.to_string()))
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn unknown() -> Problem {
    Problem::new(
        axum::http::StatusCode::UNAUTHORIZED,
        "unauthenticated",
        "this token is not good: unknown, expired or revoked",
    )
    .hint("an administrator of this host makes one: `holdpoint token create NAME --role viewer`")
}
