//! Recovery goes by what was seen: evidence must be of this failure, and new enough (design/05).

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::model::gather::Gather;
use crate::model::id::AttemptId;
use crate::model::quantity::Span;
use crate::model::reason::{Blocker, ReasonCode};
use crate::model::view::DiffRow;

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

/// What distinguishes two bundles without meaning that the host changed.
const OF_THE_MOMENT: [&str; 6] = ["capturedAt", "operator", "trigger", "attempt", "log", "schemaVersion"];

/// What two bundles say differently, by its dotted name. Rows of lists are told apart by what they are about, not by
/// their place; of logs only the last line counts.
pub fn changed_between(before: &Value, after: &Value) -> Vec<DiffRow> {
    let (old, new) = (flat(before), flat(after));
    let names: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).gather();
    let row = |name: &String| {
        let (before, after) = (old.get(name).cloned(), new.get(name).cloned());
        (before != after).then(|| DiffRow { what: name.clone(), before, after })
    };
    names.into_iter().filter_map(row).collect()
}

fn flat(bundle: &Value) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for (field, value) in bundle.as_object().into_iter().flatten() {
        match field.as_str() {
            moment if OF_THE_MOMENT.contains(&moment) => {}
            "logs" => {
                for (service, log) in value.as_object().into_iter().flatten() {
                    let last =
                        log["lines"].as_array().and_then(|lines| lines.last()).unwrap_or(&log["trouble"]);
                    lay(&format!("logs.{service}"), last, &mut found);
                }
            }
            _ => lay(field, value, &mut found),
        }
    }
    found
}

fn lay(name: &str, value: &Value, found: &mut BTreeMap<String, String>) {
    match value {
        Value::Null => {}
        Value::Object(fields) => {
            for (field, value) in fields {
                lay(&format!("{name}.{field}"), value, found);
            }
        }
        Value::Array(rows) if rows.iter().any(Value::is_object) => {
            for (at, row) in rows.iter().enumerate() {
                lay(&format!("{name}[{}]", key(row).unwrap_or_else(|| at.to_string())), row, found);
            }
        }
        Value::Array(words) => {
            let words: Vec<String> = words.iter().map(plain).collect();
            if !words.is_empty() {
                found.insert(name.to_owned(), words.join(", "));
            }
        }
        plainly => {
            found.insert(name.to_owned(), plain(plainly));
        }
    }
}

/// What a row is about.
fn key(row: &Value) -> Option<String> {
    let word = |field: &&str| row[*field].as_str().map(str::to_owned);
    let words: Vec<String> = ["code", "service", "step", "name", "path"].iter().filter_map(word).collect();
    (!words.is_empty()).then(|| words.join(" "))
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
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

    #[test]
    fn two_bundles_differ_by_what_they_are_about_and_not_by_their_moment() {
        let bundle = |at: &str, rows: Value, last: &str| {
            serde_json::json!({
                "capturedAt": at, "log": { "seq": at.len() }, "drift": { "rows": rows },
                "logs": { "wikijs": { "lines": ["a", last], "trouble": null } },
            })
        };
        let row = |code: &str, running: &str| serde_json::json!({ "code": code, "service": "wikijs", "running": running });
        let before = bundle(
            "one",
            serde_json::json!([row("service-down", "stopped"), row("image-differs", "w:1")]),
            "x",
        );
        let same = bundle(
            "three",
            serde_json::json!([row("image-differs", "w:1"), row("service-down", "stopped")]),
            "x",
        );
        assert_eq!(changed_between(&before, &same), []);
        let after = bundle("three", serde_json::json!([row("image-differs", "w:2")]), "y");
        let names: Vec<String> = changed_between(&before, &after)
            .into_iter()
            .map(|row| format!("{}: {:?} → {:?}", row.what, row.before, row.after))
            .collect();
        assert_eq!(
            names,
            [
                "drift.rows[image-differs wikijs].running: Some(\"w:1\") → Some(\"w:2\")",
                "drift.rows[service-down wikijs].code: Some(\"service-down\") → None",
                "drift.rows[service-down wikijs].running: Some(\"stopped\") → None",
                "drift.rows[service-down wikijs].service: Some(\"wikijs\") → None",
                "logs.wikijs: Some(\"x\") → Some(\"y\")",
            ]
        );
    }
}
