//! Why not, over HTTP: `application/problem+json` (RFC 9457) with the codes of the command line.

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use schemars::JsonSchema;
use serde::Serialize;

use crate::model::outcome::Ending;
use crate::model::readiness::Readiness;
use crate::model::reason::{Blocker, ReasonCode};
use crate::model::view::RefusedView;
use crate::ops::OpsError;

/// What stands in the way of an answer.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Problem {
    /// HTTP status.
    pub(super) status: u16,
    /// What it is, stable: a reason code of the command line, or one of `malformed`, `invalid`, `unauthenticated`,
    /// `forbidden`, `not-found`, `method-not-allowed`, `too-large`, `too-many-requests`, `idempotency-conflict`,
    /// `host-not-allowed`, `origin-not-allowed`, `strategy-unknown`, `reason-required`, `damaged`, `failed`, `internal`.
    pub(super) code: String,
    /// What it is, in a few words.
    pub(super) title: String,
    /// What was seen.
    pub(super) detail: String,
    /// The word behind the exit status that the same command ends with; none where no command was run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ending: Option<Ending>,
    /// Every reason, with what clears it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) reasons: Vec<Blocker>,
    /// What else there is to know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) notes: Vec<String>,
    /// What to do next.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) hints: Vec<String>,
    /// How the attempt stands, where a recovery was refused: reasons, candidates and next actions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) readiness: Option<Box<Readiness>>,
}

impl Problem {
    pub(super) fn new(status: StatusCode, code: &str, detail: impl Into<String>) -> Self {
        Self {
            status: status.as_u16(),
            code: code.to_owned(),
            title: status.canonical_reason().unwrap_or("Problem").to_owned(),
            detail: detail.into(),
            ending: None,
            reasons: Vec::new(),
            notes: Vec::new(),
            hints: Vec::new(),
            readiness: None,
        }
    }

    #[must_use]
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// What was sent is not what this route takes.
    pub(super) fn malformed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed", detail)
    }

    /// It can be read, and asks for something that does not fit together.
    pub(super) fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail)
    }

    pub(super) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", detail)
    }

    pub(super) fn internal(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
    }

    /// A refusal of a verb.
    pub(super) fn refused(refused: RefusedView) -> Self {
        let first = refused.blockers.first();
        let code = first.map(|blocker| blocker.code);
        let detail = first.map_or("refused", |blocker| blocker.fact.as_str()).to_owned();
        let mut problem =
            Self::new(status_of(code, refused.ending), code.map_or("refused", ReasonCode::word), detail);
        problem.ending = Some(refused.ending);
        problem.reasons = refused.blockers;
        problem.notes = refused.notes;
        problem.notes.extend(refused.playbooks);
        problem
    }

    /// What a verb's exit status and its last words come to.
    pub(super) fn ended(
        ending: Ending,
        code: Option<ReasonCode>,
        message: String,
        hints: Vec<String>,
    ) -> Self {
        let word = code.map_or_else(|| word_of(ending), ReasonCode::word);
        let mut problem = Self::new(status_of(code, ending), word, message);
        problem.ending = Some(ending);
        problem.hints = hints;
        problem
    }

    pub(super) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    pub(super) fn response(&self) -> Response<Body> {
        let text = serde_json::to_vec(self).unwrap_or_default();
        let mut response = Response::new(Body::from(text));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        match self.status() {
            StatusCode::UNAUTHORIZED => {
                headers
                    .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"holdpoint\""));
            }
            StatusCode::TOO_MANY_REQUESTS | StatusCode::LOCKED => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
            }
            _ => {}
        }
        // Where a browser asked, it is told as a page instead.
        response.extensions_mut().insert(self.clone());
        response
    }
}

impl From<OpsError> for Problem {
    fn from(error: OpsError) -> Self {
        let (ending, code, hints) = (error.ending(), error.code(), error.hints());
        match error {
            OpsError::Refused(refused) => Self::refused(refused),
            other => Self::ended(ending, code, other.to_string(), hints),
        }
    }
}

/// The word of an ending that no reason code explains.
const fn word_of(ending: Ending) -> &'static str {
    match ending {
        Ending::Ok => "ok",
        Ending::Usage => "invalid",
        Ending::Locked => "locked",
        Ending::Refused => "refused",
        Ending::Nothing => "nothing-to-release",
        Ending::Differs => "differs",
        Ending::Stuck => "stuck",
        Ending::Undecided => "step-undecided",
        Ending::Damaged => "damaged",
        Ending::Held => "held",
        Ending::Internal => "internal",
        Ending::Failed | Ending::Interrupted | Ending::Terminated => "failed",
    }
}

/// The HTTP status of an ending (design/06).
fn status_of(code: Option<ReasonCode>, ending: Ending) -> StatusCode {
    match (code, ending) {
        (Some(ReasonCode::StateMissing | ReasonCode::PlanNotFound), _) => StatusCode::NOT_FOUND,
        (Some(ReasonCode::ReadinessStale | ReasonCode::PlanChanged | ReasonCode::RevisionConflict), _) => {
            StatusCode::PRECONDITION_FAILED
        }
        (Some(ReasonCode::ReadinessUnread), _) => StatusCode::PRECONDITION_REQUIRED,
        (Some(ReasonCode::Disk), _) => StatusCode::INSUFFICIENT_STORAGE,
        (_, Ending::Usage) => StatusCode::UNPROCESSABLE_ENTITY,
        (_, Ending::Locked) => StatusCode::LOCKED,
        (_, Ending::Failed | Ending::Damaged | Ending::Internal) => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::CONFLICT,
    }
}
