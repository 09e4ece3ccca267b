//! What kind of failure it is.

use std::sync::LazyLock;

use regex::Regex;

use super::seen::DiagnosisSeen;
use crate::model::diagnosis::FailureKind;
use crate::model::phase::Phase;
use crate::model::release::Status;

/// What the network, a registry or ssh say when they are away for a while.
static FLEETING: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"connection (refused|reset|timed out|closed)|timed? ?out|temporary failure|could not resolve|no such host|network is unreachable|no route to host|tls handshake|toomanyrequests|too many requests|rate limit|service unavailable|unexpected eof|broken pipe",
    )
    .ok()
});

pub(super) fn of(seen: &DiagnosisSeen<'_>) -> FailureKind {
    match seen.state.status {
        Status::Succeeded | Status::Reverted => FailureKind::Nothing,
        Status::Created
        | Status::Planned
        | Status::Running
        | Status::Cancelling
        | Status::Reverting
        | Status::RevertCancelling => FailureKind::AtWork,
        Status::Held => FailureKind::Held,
        Status::Undecided | Status::RevertUndecided => FailureKind::Undecided,
        Status::Interrupted | Status::Canceled => FailureKind::Interrupted,
        Status::Stuck | Status::RevertInterrupted => FailureKind::Revert,
        Status::Failed => failed(seen),
    }
}

fn failed(seen: &DiagnosisSeen<'_>) -> FailureKind {
    let Some(step) = seen.step() else { return FailureKind::Validation };
    let reason = seen.halt.and_then(|halt| halt.reason.as_deref()).unwrap_or_default();
    // A probe that nobody answers says `connection refused`, too: what is asked decides first.
    if seen.state.phase == Phase::Verify || step.as_str().ends_with(".health") || reason == "unhealthy" {
        FailureKind::Health
    } else if reason == "timeout" || is_fleeting(&seen.text()) {
        FailureKind::Execution
    } else if seen.state.phase == Phase::Ticket {
        FailureKind::Script
    } else {
        FailureKind::Unknown
    }
}

fn is_fleeting(text: &str) -> bool {
    FLEETING.as_ref().is_some_and(|known| known.is_match(text))
}
