//! One question and what came back.

use std::fmt;
use std::io::Read;
use std::time::Duration;

use serde_json::Value;

use super::client::{Screened, agent};
use crate::model::spec::ProbeSpec;

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status; 0 when there was none, so that a line reads `http-health: HTTP 0` (seed 003).
    pub status: u16,
    /// It answered as wanted.
    pub well: bool,
    /// What was different or went wrong, for a person; empty when well.
    pub detail: String,
    /// Why there was no answer.
    pub failure: Option<Failure>,
}

/// Why there was no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The name is not known.
    Name,
    /// Nobody listens, or the connection broke.
    Connection,
    /// The certificate is not trusted, expired, or for another name.
    Certificate,
    /// It took too long.
    Timeout,
    /// The address is one that may not be asked: link-local or metadata.
    Forbidden,
    /// The URL cannot be asked, or the answer is not HTTP.
    Protocol,
}

/// Bytes of a body that are looked at.
const BODY_LIMIT: u64 = 64 * 1024;

/// Asks once, and compares the status and each JSON pointer with what is wanted.
pub fn ask(probe: &ProbeSpec, timeout: Duration) -> Answer {
    let (status, body) = match get(&probe.url, timeout, !probe.json.is_empty()) {
        Ok(got) => got,
        Err(answer) => return answer,
    };
    let mut wrong = Vec::new();
    if status != probe.status {
        wrong.push(format!("expected {}", probe.status));
    } else if !probe.json.is_empty() {
        wrong = json_differences(&body, probe);
    }
    Answer { status, well: wrong.is_empty(), detail: wrong.join("; "), failure: None }
}

/// Asks whether anything sensible answers at a URL: any status below 400.
pub fn ask_url(url: &str, timeout: Duration) -> Answer {
    match get(url, timeout, false) {
        Ok((status, _)) if status < 400 => {
            Answer { status, well: true, detail: String::new(), failure: None }
        }
        Ok((status, _)) => Answer { status, well: false, detail: String::new(), failure: None },
        Err(answer) => answer,
    }
}

fn get(url: &str, timeout: Duration, with_body: bool) -> Result<(u16, Vec<u8>), Answer> {
    if !url.starts_with("http://") && !url.starts_with("https://") {
        return Err(unanswered(Failure::Protocol, "the URL begins neither with http:// nor with https://"));
    }
    let request = agent(url).get(url).config().timeout_global(Some(timeout)).build();
    let mut response = request.call().map_err(|error| judged(&error, timeout))?;
    let status = response.status().as_u16();
    let mut body = Vec::new();
    if with_body {
        let mut limited = response.body_mut().as_reader().take(BODY_LIMIT + 1);
        if let Err(error) = limited.read_to_end(&mut body) {
            let mut answer = unanswered(Failure::Connection, &format!("the body broke off: {error}"));
            answer.status = status;
            return Err(answer);
        }
    }
    Ok((status, body))
}

/// The JSON that an address answers with, whatever its status: it may say what was wrong with the question.
///
/// # Errors
/// In words, when there is none.
pub(super) fn get_json(url: &str, timeout: Duration) -> Result<Value, String> {
    let (status, body) = get(url, timeout, true).map_err(|answer| answer.detail)?;
    if body.len() as u64 > BODY_LIMIT {
        return Err("the answer is longer than 64 KiB: let the query put its series together".to_owned());
    }
    serde_json::from_slice(&body).map_err(|_| format!("HTTP {status}, and the answer is not JSON"))
}

fn unanswered(failure: Failure, why: &str) -> Answer {
    Answer { status: 0, well: false, detail: why.to_owned(), failure: Some(failure) }
}

/// Words for an error, without the URL: it may hold a secret.
fn judged(error: &ureq::Error, timeout: Duration) -> Answer {
    if let ureq::Error::Other(inner) = error
        && let Some(screened) = inner.downcast_ref::<Screened>()
    {
        let failure = match screened {
            Screened::Unknown { .. } => Failure::Name,
            Screened::Forbidden { .. } => Failure::Forbidden,
        };
        return unanswered(failure, &screened.to_string());
    }
    let text = error.to_string();
    match error {
        ureq::Error::Timeout(_) => {
            unanswered(Failure::Timeout, &format!("no answer within {}", Shown(timeout)))
        }
        _ if text.contains("certificate") => unanswered(Failure::Certificate, &text),
        ureq::Error::Tls(_) => unanswered(Failure::Certificate, &text),
        ureq::Error::Io(source) if source.kind() == std::io::ErrorKind::ConnectionRefused => {
            unanswered(Failure::Connection, "connection refused")
        }
        ureq::Error::Io(source) => unanswered(Failure::Connection, &source.to_string()),
        ureq::Error::ConnectionFailed => unanswered(Failure::Connection, "no connection"),
        _ => unanswered(Failure::Protocol, &text),
    }
}

struct Shown(Duration);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.subsec_millis() == 0 {
            write!(f, "{}s", self.0.as_secs())
        } else {
            write!(f, "{}ms", self.0.as_millis())
        }
    }
}

fn json_differences(body: &[u8], probe: &ProbeSpec) -> Vec<String> {
    if body.len() as u64 > BODY_LIMIT {
        return vec!["the body is longer than 64 KiB".to_owned()];
    }
    let Ok(body) = serde_json::from_slice::<Value>(body) else {
        return vec!["the body is not JSON".to_owned()];
    };
    let differs = |(pointer, wanted): (&String, &Value)| match body.pointer(pointer) {
        Some(got) if got == wanted => None,
        Some(got) => Some(format!("{pointer} is {}, expected {wanted}", cut(&got.to_string()))),
        None => Some(format!("{pointer} is missing, expected {wanted}")),
    };
    probe.json.iter().filter_map(differs).collect()
}

fn cut(text: &str) -> String {
    if text.chars().count() <= 80 {
        return text.to_owned();
    }
    text.chars().take(79).chain(['…']).collect()
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a server for the test")]
mod tests {
    use std::collections::BTreeMap;
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;
    use std::thread;

    use super::*;
    use crate::model::quantity::Span;

    /// Answers one connection with these bytes, and says what was asked.
    fn server(answer: impl Into<Vec<u8>>) -> (String, thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/health", listener.local_addr().unwrap());
        let answer = answer.into();
        let served = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = String::new();
            BufReader::new(&stream).read_line(&mut request).unwrap();
            let _ = stream.write_all(&answer);
            request
        });
        (url, served)
    }

    fn probe(url: &str) -> ProbeSpec {
        ProbeSpec {
            url: url.to_owned(),
            status: 200,
            json: BTreeMap::new(),
            deadline: Span::secs(1),
            interval: Span::secs(1),
            stay: Span::secs(0),
        }
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_wanted_status_is_well_and_another_is_named() {
        let (url, served) = server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        let answer = ask(&probe(&url), SECOND);
        assert_eq!((answer.status, answer.well, answer.detail.as_str()), (200, true, ""));
        assert_eq!(served.join().unwrap(), "GET /health HTTP/1.1\r\n");

        let (url, _served) = server("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n");
        let answer = ask(&probe(&url), SECOND);
        assert_eq!((answer.status, answer.well), (503, false));
        assert_eq!(answer.detail, "expected 200");
    }

    #[test]
    fn a_refused_connection_is_status_0() {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let answer = ask(&probe(&format!("http://{free}/")), SECOND);
        assert_eq!((answer.status, answer.failure), (0, Some(Failure::Connection)));
        assert_eq!(answer.detail, "connection refused");
    }

    #[test]
    fn redirects_are_not_followed() {
        let (url, served) =
            server("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n");
        let answer = ask(&probe(&url), SECOND);
        assert_eq!((answer.status, answer.well), (302, false));
        served.join().unwrap();
    }

    #[test]
    fn a_silent_server_is_given_up_in_time() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let answer = ask(&probe(&url), Duration::from_millis(150));
        assert_eq!((answer.status, answer.failure), (0, Some(Failure::Timeout)));
        assert_eq!(answer.detail, "no answer within 150ms");
    }

    #[test]
    fn something_that_is_not_http_is_status_0() {
        let (url, _served) = server("SSH-2.0-OpenSSH_9.2\r\n\r\n");
        let answer = ask(&probe(&url), SECOND);
        assert_eq!((answer.status, answer.well, answer.failure), (0, false, Some(Failure::Protocol)));
    }

    #[test]
    fn json_pointers_are_compared() {
        let body = r#"{"ready":false,"db":{"lag":3}}"#;
        let http = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let mut wanted = probe("");
        wanted.json.insert("/db/lag".to_owned(), 3.into());
        let (url, _served) = server(http.clone());
        wanted.url = url;
        assert!(ask(&wanted, SECOND).well);

        wanted.json.insert("/ready".to_owned(), true.into());
        wanted.json.insert("/gone".to_owned(), 1.into());
        let (url, _served) = server(http);
        wanted.url = url;
        let answer = ask(&wanted, SECOND);
        assert_eq!(answer.detail, "/gone is missing, expected 1; /ready is false, expected true");
    }

    #[test]
    fn only_64_kib_of_a_body_are_read() {
        let mut http = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n[".to_vec();
        http.resize(http.len() + 100_000, b' ');
        http.push(b']');
        let (url, _served) = server(http);
        let mut wanted = probe(&url);
        wanted.json.insert("/a".to_owned(), 1.into());
        assert_eq!(ask(&wanted, SECOND).detail, "the body is longer than 64 KiB");
    }

    #[test]
    fn link_local_and_metadata_addresses_are_refused() {
        for host in
            ["169.254.169.254", "[fe80::1]", "[::ffff:169.254.169.254]", "[fd00:ec2::254]", "100.100.100.200"]
        {
            let answer = ask(&probe(&format!("http://{host}/latest/meta-data")), SECOND);
            assert_eq!((answer.status, answer.failure), (0, Some(Failure::Forbidden)), "{host}");
        }
    }

    #[test]
    fn a_certificate_that_nobody_vouches_for_is_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let openssl = |args: &str| {
            #[expect(clippy::disallowed_methods, reason = "the test needs a real TLS server")]
            let mut command = std::process::Command::new("openssl");
            let nothing = std::process::Stdio::null;
            command.args(args.split(' ')).current_dir(folder.path());
            command.stdin(nothing()).stdout(nothing()).stderr(nothing());
            command
        };
        let make = "req -x509 -newkey rsa:2048 -nodes -keyout key -out cert -days 1 -subj /CN=localhost";
        if !openssl(make).status().is_ok_and(|status| status.success()) {
            eprintln!("skipped: this needs openssl");
            return;
        }
        let serve = format!("s_server -quiet -www -key key -cert cert -accept 127.0.0.1:{port}");
        let mut server = openssl(&serve).spawn().unwrap();
        let url = format!("https://localhost:{port}/");
        let mut answer = ask_url(&url, SECOND);
        for _ in 0..100 {
            if answer.failure != Some(Failure::Connection) {
                break;
            }
            crate::sys::clock::Clock::sleep(
                &crate::sys::clock::SystemClock::new(),
                Duration::from_millis(50),
            );
            answer = ask_url(&url, SECOND);
        }
        server.kill().unwrap();
        server.wait().unwrap();
        assert_eq!((answer.status, answer.failure), (0, Some(Failure::Certificate)), "{answer:?}");
        assert!(answer.detail.contains("certificate"), "{answer:?}");
    }

    #[test]
    fn an_unknown_name_and_another_scheme_are_told_apart() {
        let answer = ask(&probe("http://no-such-host.invalid/"), Duration::from_secs(5));
        assert_eq!(answer.failure, Some(Failure::Name), "{answer:?}");
        assert_eq!(ask(&probe("file:///etc/passwd"), SECOND).failure, Some(Failure::Protocol));
    }
}
