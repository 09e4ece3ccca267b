//! A coordinator as a process of its own, for a plan that was acted on over HTTP: it goes on when the server is gone.

use std::time::Duration;

use crate::decide::rollout::is_driven;
use crate::fleet::records;
use crate::model::rollout::{Act, PlanId, RecoverView};
use crate::ops::error::OpsError;
use crate::ops::host::Host;
use crate::ops::spawn;
use crate::sys::clock;

use super::desk::Desk;

/// Sees to it that somebody drives a plan after an act that wants it driven.
///
/// # Errors
/// What the ledger says, or why no coordinator could be started: the act was done, and `stuck` lists the plan.
pub fn keep_driven(host: &Host, desk: &Desk, act: &Act, done: &RecoverView) -> Result<(), OpsError> {
    if !is_driven(done.new_phase) {
        return Ok(());
    }
    // Whoever leads a plan that was not driven is about to end; and who asks for a coordinator gets one, for one that was
    // killed leads on paper until its lease ends. The new one waits for that.
    let asked = matches!(act, Act::Start { .. } | Act::Resume { .. }) || !is_driven(done.previous_phase);
    if !asked && records::load(&*desk.ledger, &done.plan_id)?.leader.is_some() {
        return Ok(());
    }
    begin(host, desk, &done.plan_id)
}

fn begin(host: &Host, desk: &Desk, plan: &PlanId) -> Result<(), OpsError> {
    let words = ["rollout", "resume", "--drive-only", "--plan-id", plan.as_str()];
    spawn::begin(host, &desk.operator, &words.map(str::to_owned))
}

/// How long a plan has to be nobody's: whoever has just begun it takes the lead only then.
const NOBODYS_FOR: Duration = Duration::from_secs(2);

/// Has the plans driven that are under way and that nobody drives: a coordinator that was killed leaves such a plan, so does a
/// server that was killed between an act and the coordinator which that wanted, and a machine that went down. `besides`: those
/// that were begun just now, and get their time. Answers with the ids of those that it has begun.
///
/// # Errors
/// What the ledger says, or why no coordinator could be started.
pub fn drive_left(host: &Host, besides: &[PlanId]) -> Result<Vec<PlanId>, OpsError> {
    let Some(desk) = Desk::of(host)? else { return Ok(Vec::new()) };
    let left = || -> Result<Vec<PlanId>, OpsError> {
        let left = records::left(&*desk.ledger)?.into_iter();
        Ok(left.filter(|plan| !besides.contains(plan)).collect())
    };
    let seen = left()?;
    if seen.is_empty() {
        return Ok(seen);
    }
    clock::pause(NOBODYS_FOR);
    let mut begun = left()?;
    begun.retain(|plan| seen.contains(plan));
    for plan in &begun {
        begin(host, &desk, plan)?;
    }
    Ok(begun)
}
