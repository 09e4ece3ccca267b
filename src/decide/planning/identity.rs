//! The id of a plan: the same for the same work, whenever it is asked for.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::model::id::StepName;
use crate::model::plan::{Plan, Step};

/// Gives a plan its id: sha256 (16 hex digits) over its canonical JSON without the id itself, and without what depends on
/// the moment only: the snapshot (it holds the time of deciding), notes, the length of the write window, and since when a
/// step is unknown.
pub(in crate::decide) fn identified(mut plan: Plan) -> Plan {
    plan.steps = unique(plan.steps);
    let mut bare = Plan {
        id: String::new(),
        notes: Vec::new(),
        write_window_seconds: None,
        snapshot: None,
        ..plan.clone()
    };
    for step in &mut bare.steps {
        step.unknown_since = None;
    }
    plan.id = fingerprint(&bare);
    plan
}

/// sha256 (16 hex digits) over the canonical JSON of a value of ours.
pub(in crate::decide) fn fingerprint(value: &impl Serialize) -> String {
    // A value of ours has string keys only, so it can be serialised; an empty text would still give one fixed id.
    let text = serde_json::to_vec(value).unwrap_or_default();
    Sha256::digest(&text).iter().take(8).fold(String::new(), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// Step names are unique in a plan: a later one of the same name is counted. Names come from outside (scripts, checks), so
/// two may meet.
fn unique(steps: Vec<Step>) -> Vec<Step> {
    let mut taken: BTreeSet<StepName> = BTreeSet::new();
    let mut renamed = Vec::with_capacity(steps.len());
    for mut step in steps {
        let plain = step.name.clone();
        let mut count = 2;
        while !taken.insert(step.name.clone()) {
            step.name = StepName::new([plain.as_str(), &count.to_string()]);
            count += 1;
        }
        renamed.push(step);
    }
    renamed
}
