//! Recovery goes by what was seen: evidence must be of this failure, and new enough (design/05).

use chrono::{DateTime, Utc};

use crate::model::id::AttemptId;
use crate::model::quantity::Span;
use crate::model::reason::{Blocker, ReasonCode};

/// Why an attempt's evidence does not support a recovery: none was captured since it failed, or the newest is older than
/// `[recovery] evidence_max_age`. None: it does.
pub fn evidence_blocker(
    attempt: &AttemptId,
    now: DateTime<Utc>,
    failed_at: DateTime<Utc>,
    newest_capture: Option<DateTime<Utc>>,
    max_age: Span,
) -> Option<Blocker> {
    let of_this_failure = newest_capture.filter(|at| *at >= failed_at);
    let fact = match (newest_capture, of_this_failure) {
        // A clock that was put back makes evidence look newer than now: that is as new as can be.
        (_, Some(at)) if (now - at).to_std().map_or(true, |age| age <= max_age.0) => return None,
        (_, Some(at)) => {
            let age = Span::secs(u64::try_from((now - at).num_seconds()).unwrap_or(0));
            format!("the newest evidence of {attempt} is {age} old, and may be {max_age}")
        }
        (Some(at), None) => format!(
            "the newest evidence of {attempt} is of {}, and it failed {}",
            at.format("%F %T UTC"),
            failed_at.format("%F %T UTC")
        ),
        (None, None) => format!("there is no evidence of {attempt}"),
    };
    let capture = format!("holdpoint evidence capture {attempt}");
    Some(Blocker::new(ReasonCode::EvidenceStale, fact).way_out(capture))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_new_evidence_of_this_failure_supports_a_recovery() {
        let at = |minute: i64| DateTime::from_timestamp(1_779_118_200 + minute * 60, 0).unwrap();
        let attempt: AttemptId = "1234@2".parse().unwrap();
        let judged = |now, captured: Option<i64>| {
            evidence_blocker(&attempt, at(now), at(10), captured.map(at), Span::secs(900))
        };
        for (now, captured) in [(12, Some(10)), (25, Some(10)), (26, Some(11)), (5, Some(12))] {
            assert_eq!(judged(now, captured), None, "at minute {now} with evidence of {captured:?}");
        }
        for (now, captured, says) in [
            (26, Some(10), "the newest evidence of 1234@2 is 16m old, and may be 15m"),
            (
                12,
                Some(9),
                "the newest evidence of 1234@2 is of 2026-05-18 15:39:00 UTC, and it failed 2026-05-18 15:40:00 UTC",
            ),
            (12, None, "there is no evidence of 1234@2"),
        ] {
            let blocker = judged(now, captured).unwrap();
            assert_eq!(blocker.code, ReasonCode::EvidenceStale);
            assert_eq!(blocker.fact, says);
            assert_eq!(blocker.ways_out, ["holdpoint evidence capture 1234@2"]);
        }
    }
}
