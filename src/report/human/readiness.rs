//! `readiness`: what can be done with an attempt, and what stands in the way.

use chrono::{DateTime, Utc};

use super::releases::status_ink;
use crate::model::readiness::{CandidateRow, Readiness, Reason};
use crate::report::text::{Add, Ink, age, clean, seconds_since};

/// The whole answer.
pub fn readiness(answer: &Readiness, now: DateTime<Utc>) -> String {
    let status = status_ink(answer.status).paint(answer.status.word());
    let mut text = format!("{} is {status}\n\n", answer.deployment_id);
    verb(&mut text, "resume", &answer.resume.reasons, answer.resume.from.map(|from| format!("from {from}")));
    verb(&mut text, "retry", &answer.retry.reasons, Some("the same commit, in a new attempt".to_owned()));
    verb(
        &mut text,
        "redeploy",
        &answer.redeploy.reasons,
        Some("today's checkout and configuration".to_owned()),
    );
    let best = answer.rollback.recommended_candidate_id.as_ref().map(|id| format!("to {id}"));
    verb(&mut text, "rollback", &answer.rollback.reasons, best);
    let window = answer.revert.write_window_seconds.map(|seconds| {
        format!("throws away what was written in the last {}", crate::model::quantity::Span::secs(seconds))
    });
    verb(&mut text, "revert", &answer.revert.reasons, window);
    verb(&mut text, "cancel", &answer.cancel.reasons, None);
    verb(&mut text, "archive", &answer.archive.reasons, None);
    verb(&mut text, "prune", &answer.prune.reasons, None);
    if !answer.rollback.candidates.is_empty() {
        text.push_str("\ncandidates, newest first\n");
        for row in &answer.rollback.candidates {
            candidate(&mut text, row, now);
        }
    }
    if answer.diagnose_first {
        text.push_str("\nlook into the cause before anything is repeated\n");
    }
    text.push_str("\nnext\n");
    for action in &answer.next_actions {
        text.add(format_args!("    {}\n", clean(&action.command)));
    }
    text.add(format_args!("\nversion {}\n", answer.state_version));
    text
}

fn verb(text: &mut String, name: &str, reasons: &[Reason], what: Option<String>) {
    if reasons.is_empty() {
        let what = what.map(|what| format!("  {}", clean(&what))).unwrap_or_default();
        text.add(format_args!("  {} {name:<9}{what}\n", Ink::Good.paint("✓")));
        return;
    }
    let mut reasons = reasons.iter();
    if let Some(first) = reasons.next() {
        text.add(format_args!("  {} {name:<9}  {}\n", Ink::Bad.paint("✗"), line(first)));
    }
    for reason in reasons {
        text.add(format_args!("  {:<13}{}\n", "", line(reason)));
    }
}

fn line(reason: &Reason) -> String {
    let first = reason.detail.lines().next().unwrap_or_default();
    let clears = reason.clears.first().map(|clears| format!(" → {}", clean(clears))).unwrap_or_default();
    format!("{}: {}{clears}", reason.code, clean(first))
}

fn candidate(text: &mut String, row: &CandidateRow, now: DateTime<Utc>) {
    let mark = if row.rollback_ready { Ink::Good.paint("✓") } else { Ink::Bad.paint("✗") };
    let short: String = row.source.chars().take(12).collect();
    text.add(format_args!(
        "  {mark} {:<12} {short}  {}\n",
        row.deployment_id.to_string(),
        age(seconds_since(row.finished_at, now))
    ));
    for artifact in &row.artifacts {
        let here = if artifact.present { "here" } else { "gone" };
        text.add(format_args!("      {}: {} {here}\n", artifact.service, clean(&artifact.image)));
    }
    for reason in &row.reasons {
        text.add(format_args!("      {}\n", line(reason)));
    }
    for warning in &row.warnings {
        text.add(format_args!("      {} {}\n", Ink::Warn.paint("warning"), line(warning)));
    }
}
