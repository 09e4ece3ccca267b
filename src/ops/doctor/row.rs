//! One finding.

use crate::model::reason::Blocker;
use crate::model::view::{DoctorRow, Verdict};

pub(super) fn row(check: impl Into<String>, verdict: Verdict, fact: impl Into<String>) -> DoctorRow {
    DoctorRow { check: check.into(), verdict, fact: fact.into(), ways_out: Vec::new() }
}

/// As it should be.
pub(in crate::ops) fn well(check: impl Into<String>, fact: impl Into<String>) -> DoctorRow {
    row(check, Verdict::Well, fact)
}

/// Worth knowing.
pub(in crate::ops) fn warn(
    check: impl Into<String>,
    fact: impl Into<String>,
    ways_out: &[&str],
) -> DoctorRow {
    DoctorRow { ways_out: texts(ways_out), ..row(check, Verdict::Warn, fact) }
}

/// A release would fail or be refused.
pub(in crate::ops) fn bad(check: impl Into<String>, fact: impl Into<String>, ways_out: &[&str]) -> DoctorRow {
    DoctorRow { ways_out: texts(ways_out), ..row(check, Verdict::Bad, fact) }
}

/// A reason not to release.
pub(super) fn refusal(check: impl Into<String>, verdict: Verdict, blocker: &Blocker) -> DoctorRow {
    DoctorRow { ways_out: blocker.ways_out.clone(), ..row(check, verdict, blocker.fact.clone()) }
}

fn texts(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}
