//! What holds for every request, whatever it asks: under which name, from where, how fast; and what every answer says to
//! browsers.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, header};

use super::problem::Problem;
use super::shared::Doors;

/// What every answer says: no script but ours, no frame, no guessing of types, no memory in between.
const HEADERS: [(HeaderName, &str); 7] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; \
         font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Puts them on an answer; what it says itself stands.
pub(super) fn dress(response: &mut Response<Body>, tls: bool) {
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    if tls {
        let year = HeaderValue::from_static("max-age=31536000");
        response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, year);
    }
}

/// The name that it was asked under must be one of ours: else a page elsewhere could make a browser here ask for it
/// (DNS rebinding).
pub(super) fn known_name(request: &Request<Body>, doors: &Doors) -> Result<(), Problem> {
    let asked = request.uri().host().map(str::to_owned).or_else(|| {
        let host = request.headers().get(header::HOST)?.to_str().ok()?;
        Some(without_port(host).to_owned())
    });
    let Some(asked) = asked else { return Err(Problem::malformed("the request names no host")) };
    let plain = asked.trim_start_matches('[').trim_end_matches(']');
    let is_address = plain.parse::<std::net::IpAddr>().is_ok();
    if is_address || plain == "localhost" || doors.names.iter().any(|name| name.eq_ignore_ascii_case(plain)) {
        return Ok(());
    }
    let what = format!("this server does not go by the name `{}`", crate::report::text::clean(plain));
    Err(Problem::new(StatusCode::MISDIRECTED_REQUEST, "host-not-allowed", what)
        .hint("start it with `--name NAME` for each name that it is asked under"))
}

/// A browser that sends a cookie along says where its page came from: it must be ours.
pub(super) fn own_origin(headers: &HeaderMap) -> Result<(), Problem> {
    let site = headers.get("sec-fetch-site").and_then(|value| value.to_str().ok());
    if site.is_some_and(|site| !matches!(site, "same-origin" | "none")) {
        return Err(foreign());
    }
    let Some(origin) = headers.get(header::ORIGIN) else {
        return if site.is_some() { Ok(()) } else { Err(foreign()) };
    };
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let origin = origin.to_str().unwrap_or_default();
    let same = origin.split_once("://").is_some_and(|(_, of)| of.eq_ignore_ascii_case(host));
    if same { Ok(()) } else { Err(foreign()) }
}

fn foreign() -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "origin-not-allowed", "this was not asked by a page of this server")
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.ends_with(':') => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(host: &str) -> Request<Body> {
        Request::builder().uri("/health").header("host", host).body(Body::empty()).unwrap()
    }

    #[test]
    fn only_known_names_are_answered() {
        let doors = Doors { names: vec!["ops.example.org".to_owned()], ..Doors::default() };
        for good in ["127.0.0.1:7070", "localhost", "[::1]:7070", "OPS.example.org:443", "10.0.0.7"] {
            assert!(known_name(&asked(good), &doors).is_ok(), "{good}");
        }
        for bad in ["evil.example", "ops.example.org.evil", "localhost.evil:80"] {
            assert!(known_name(&asked(bad), &doors).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_page_of_another_origin_is_turned_away() {
        let headers = |pairs: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(*name, HeaderValue::from_static(value));
            }
            headers
        };
        let host = ("host", "127.0.0.1:7070");
        assert!(own_origin(&headers(&[host, ("origin", "http://127.0.0.1:7070")])).is_ok());
        assert!(own_origin(&headers(&[host, ("sec-fetch-site", "same-origin")])).is_ok());
        assert!(own_origin(&headers(&[host, ("origin", "http://evil.example")])).is_err());
        assert!(own_origin(&headers(&[host, ("origin", "null")])).is_err());
        assert!(own_origin(&headers(&[host])).is_err());
        let crossed = [host, ("origin", "http://127.0.0.1:7070"), ("sec-fetch-site", "same-site")];
        assert!(own_origin(&headers(&crossed)).is_err());
    }
}
