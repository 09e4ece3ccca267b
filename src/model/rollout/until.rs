//! Until when a host is left out: a moment, or so long after now.

use std::str::FromStr;

use chrono::{DateTime, TimeDelta, Utc};
use thiserror::Error;

use crate::model::id::shown;
use crate::model::quantity::Span;

/// A moment, or so long after now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// So long after now.
    In(Span),
    /// That moment.
    At(DateTime<Utc>),
}

impl Until {
    /// The moment that is meant.
    pub fn moment(self, now: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Until::In(span) => TimeDelta::from_std(span.0)
                .ok()
                .and_then(|span| now.checked_add_signed(span))
                .unwrap_or(DateTime::<Utc>::MAX_UTC),
            Until::At(at) => at,
        }
    }
}

/// Neither a span nor a time.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{given}` is neither a span (`2d`) nor a time (`2026-05-18T15:30:00Z`)")]
pub struct UntilError {
    given: String,
}

impl FromStr for Until {
    type Err = UntilError;
    fn from_str(text: &str) -> Result<Self, UntilError> {
        if let Ok(span) = text.parse::<Span>() {
            return Ok(Until::In(span));
        }
        let at = DateTime::parse_from_rfc3339(text).map_err(|_| UntilError { given: shown(text) })?;
        Ok(Until::At(at.with_timezone(&Utc)))
    }
}
