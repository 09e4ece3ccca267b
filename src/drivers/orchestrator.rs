//! Another machine's `holdpoint serve`, asked for the rollouts that it keeps.

use std::time::Duration;

use serde_json::Value;
use thiserror::Error;

use super::probe::{agent_through_proxy, agent_without_proxy, is_here};

/// How long an answer may take: an act that begins a coordinator starts a program there.
const WITHIN: Duration = Duration::from_mins(1);

/// Whether what is sent to this address can be read by nobody on the way: it goes over TLS, or does not leave this machine.
pub fn is_private(url: &str) -> bool {
    url.starts_with("https://") || is_here(url)
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{url} gives no answer: {why}")]
pub struct OrchestratorError {
    /// What was asked.
    pub url: String,
    /// Why.
    pub why: String,
}

/// What is asked: `GET` where there is no body, else `POST`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Request<'a> {
    /// What it says.
    pub body: Option<&'a Value>,
    /// `DELETE`: something is taken away.
    pub takes_away: bool,
    /// `If-Match`: only while it is as it was at this revision.
    pub if_match: Option<&'a str>,
}

/// A server, and the token that is shown to it.
#[derive(Debug, Clone)]
pub struct Orchestrator {
    url: String,
    token: String,
}

impl Orchestrator {
    /// At this address, with this token.
    pub fn new(url: &str, token: String) -> Self {
        Self { url: url.trim_end_matches('/').to_owned(), token }
    }

    /// Asks. HTTP status and document.
    ///
    /// # Errors
    /// [`OrchestratorError`] when nothing came back that can be read.
    pub fn ask(&self, path: &str, asked: Request<'_>) -> Result<(u16, Value), OrchestratorError> {
        let url = format!("{}{path}", self.url);
        let failed = |why: String| OrchestratorError { url: url.clone(), why };
        if !url.starts_with("http://") && !url.starts_with("https://") {
            return Err(failed("the address begins neither with http:// nor with https://".to_owned()));
        }
        let agent = if is_here(&url) { agent_without_proxy() } else { agent_through_proxy() };
        let bearer = format!("Bearer {}", self.token);
        let answer = match asked.body {
            None => {
                let request = agent.get(&url).header("authorization", &bearer);
                request.config().timeout_global(Some(WITHIN)).build().call()
            }
            Some(body) => {
                let request =
                    if asked.takes_away { agent.delete(&url).force_send_body() } else { agent.post(&url) };
                let request = request.header("authorization", &bearer).content_type("application/json");
                let request = match asked.if_match {
                    Some(revision) => request.header("if-match", format!("\"{revision}\"")),
                    None => request,
                };
                request.config().timeout_global(Some(WITHIN)).build().send(body.to_string())
            }
        };
        let mut answer = answer.map_err(|error| failed(error.to_string()))?;
        let status = answer.status().as_u16();
        let text = answer.body_mut().read_to_string().map_err(|error| failed(error.to_string()))?;
        let value = serde_json::from_str(&text)
            .map_err(|_| failed(format!("it answered HTTP {status} with something that is no JSON")))?;
        Ok((status, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_goes_in_the_clear_to_this_machine_alone() {
        for good in
            ["https://fleet.example", "http://127.0.0.1:7070", "http://[::1]:7070/", "http://localhost"]
        {
            assert!(is_private(good), "{good}");
        }
        let bad = [
            "http://fleet.example",
            "http://192.0.2.2:7070",
            "http://127.0.0.1.example",
            "http://localhost@fleet.example",
            "http://user:word@127.0.0.1",
            "http://0.0.0.0:7070",
            "ftp://127.0.0.1",
            "127.0.0.1:7070",
            "",
        ];
        for bad in bad {
            assert!(!is_private(bad), "{bad}");
        }
    }
}
