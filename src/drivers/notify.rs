//! News told to a URL.

use std::time::Duration;

use thiserror::Error;

use super::probe::agent_through_proxy;

/// Why the news did not get through. It names the host alone: the rest of a webhook's URL is a secret.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("webhook at `{host}` was not told: {why}")]
pub struct NotifyError {
    /// Host of the URL.
    pub host: String,
    /// Why.
    pub why: String,
}

/// Sends JSON by POST; any 2xx is well. The host's proxy is used where the environment names one.
///
/// # Errors
/// [`NotifyError`] when nothing or something else came back in time.
pub fn webhook(url: &str, body: &serde_json::Value, timeout: Duration) -> Result<(), NotifyError> {
    let host = host_of(url);
    let failed = |why: String| NotifyError { host: host.to_owned(), why };
    if !url.starts_with("http://") && !url.starts_with("https://") {
        return Err(failed("the URL begins neither with http:// nor with https://".to_owned()));
    }
    let request = agent_through_proxy().post(url).content_type("application/json");
    let request = request.config().timeout_global(Some(timeout)).build();
    match request.send(body.to_string()) {
        Ok(response) if response.status().is_success() => Ok(()),
        Ok(response) => Err(failed(format!("it answered HTTP {}", response.status().as_u16()))),
        Err(error) => Err(failed(error.to_string().replace(url, "the URL"))),
    }
}

fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit_once('@').map_or(authority, |(_, host)| host)
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a server for the test")]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    fn told(status: &'static str) -> (Result<(), NotifyError>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://user:pw@{}/hook/s3cret?t=1", listener.local_addr().unwrap());
        let served = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            let mut buffer = [0; 4096];
            while !request.ends_with(b"}") {
                let read = stream.read(&mut buffer).unwrap();
                request.extend_from_slice(&buffer[..read]);
            }
            write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").unwrap();
            String::from_utf8(request).unwrap()
        });
        let body = serde_json::json!({"event": "failed", "ticket": "1234"});
        let result = webhook(&url, &body, Duration::from_secs(2));
        (result, served.join().unwrap())
    }

    #[test]
    fn news_is_posted_as_json() {
        let (result, request) = told("204 No Content");
        assert_eq!(result, Ok(()));
        assert!(request.starts_with("POST /hook/s3cret?t=1 HTTP/1.1\r\n"), "{request}");
        assert!(request.to_lowercase().contains("content-type: application/json"), "{request}");
        assert!(request.ends_with(r#"{"event":"failed","ticket":"1234"}"#), "{request}");
    }

    #[test]
    fn another_answer_is_a_failure_that_keeps_the_url_secret() {
        let error = told("500 Broken").0.unwrap_err().to_string();
        assert!(error.starts_with("webhook at `127.0.0.1:"), "{error}");
        assert!(error.ends_with("was not told: it answered HTTP 500"), "{error}");
        assert!(!error.contains("s3cret") && !error.contains("pw"), "{error}");
    }

    #[test]
    fn nobody_there_is_a_failure() {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let url = format!("http://{free}/s3cret");
        let error = webhook(&url, &serde_json::Value::Null, Duration::from_secs(2)).unwrap_err().to_string();
        assert!(!error.contains("s3cret"), "{error}");
    }
}
