//! Another machine's `holdpoint serve`, asked for the rollouts that it keeps.

use std::time::Duration;

use serde_json::Value;
use thiserror::Error;

use super::probe::agent_through_proxy;

/// How long an answer may take: an act that begins a coordinator starts a program there.
const WITHIN: Duration = Duration::from_mins(1);

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{url} gives no answer: {why}")]
pub struct OrchestratorError {
    /// What was asked.
    pub url: String,
    /// Why.
    pub why: String,
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

    /// Asks: `GET` where there is no body, else `POST`, or `DELETE` where something is taken away. HTTP status and document.
    ///
    /// # Errors
    /// [`OrchestratorError`] when nothing came back that can be read.
    pub fn ask(
        &self,
        path: &str,
        body: Option<&Value>,
        takes_away: bool,
    ) -> Result<(u16, Value), OrchestratorError> {
        let url = format!("{}{path}", self.url);
        let failed = |why: String| OrchestratorError { url: url.clone(), why };
        if !url.starts_with("http://") && !url.starts_with("https://") {
            return Err(failed("the address begins neither with http:// nor with https://".to_owned()));
        }
        let agent = agent_through_proxy();
        let bearer = format!("Bearer {}", self.token);
        let answer = match body {
            None => {
                let request = agent.get(&url).header("authorization", &bearer);
                request.config().timeout_global(Some(WITHIN)).build().call()
            }
            Some(body) => {
                let request =
                    if takes_away { agent.delete(&url).force_send_body() } else { agent.post(&url) };
                let request = request.header("authorization", &bearer).content_type("application/json");
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
