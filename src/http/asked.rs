//! What was asked: who, what, and with which words.

use std::collections::BTreeMap;
use std::str::FromStr;

use axum::body::Bytes;
use serde::de::DeserializeOwned;

use crate::model::access::{OperatorName, Role, Token};
use crate::model::id::{AttemptId, IdError, TicketId};

use super::problem::Problem;

/// Who asks.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    /// Whom the audit log names.
    pub(super) name: OperatorName,
    /// What they may do.
    pub(super) role: Role,
    /// What let them in; looked at again while a stream is open.
    pub(super) token: Token,
}

/// A request, as a route sees it.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    /// Who asks; none: a surface that needs nobody.
    pub(super) caller: Option<Caller>,
    /// The words of the path, by the names that the route gives them.
    pub(super) path: BTreeMap<String, String>,
    /// What stands after `?`.
    pub(super) query: String,
    /// The body.
    pub(super) body: Bytes,
    /// `If-Match`: the version that was read.
    pub(super) if_match: Option<String>,
}

impl Asked {
    /// A word of the path as what it is.
    pub(super) fn word<T: FromStr<Err = IdError>>(&self, name: &str) -> Result<T, Problem> {
        let text = self.path.get(name).map_or("", String::as_str);
        text.parse().map_err(|error: IdError| Problem::invalid(error.to_string()))
    }

    /// `{id}`: an attempt, or a ticket, which means its newest.
    pub(super) fn attempt(&self) -> Result<(TicketId, Option<u32>), Problem> {
        let text = self.path.get("id").map_or("", String::as_str);
        if text.contains('@') {
            return self.word::<AttemptId>("id").map(|attempt| (attempt.ticket, Some(attempt.number)));
        }
        self.word::<TicketId>("id").map(|ticket| (ticket, None))
    }

    /// What stands after `?`, as the route understands it.
    pub(super) fn query<Q: DeserializeOwned>(&self) -> Result<Q, Problem> {
        serde_urlencoded::from_str(&self.query)
            .map_err(|error| Problem::malformed(format!("the query: {error}")))
    }

    /// The body, as the route understands it; an empty one is `{}`.
    pub(super) fn body<B: DeserializeOwned>(&self) -> Result<B, Problem> {
        let bytes: &[u8] = if self.body.is_empty() { b"{}" } else { &self.body };
        serde_json::from_slice(bytes).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => Problem::invalid(format!("the body: {error}")),
            _ => Problem::malformed(format!("the body is not JSON: {error}")),
        })
    }

    /// `--if-version`, where a version was named.
    pub(super) fn version(&self) -> Option<String> {
        self.if_match.clone()
    }
}
