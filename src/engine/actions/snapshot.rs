//! Stores what was decided, before anything is changed.

use crate::engine::failure::Failure;

use super::effects::{Effects, Work};

/// The attempt's snapshot and plan are stored by whoever admitted the run, together with its `created` record; this step
/// proves that they can be read back whole, because everything after it relies on them.
pub(super) fn store(work: Work<'_>) -> Result<Effects, Failure> {
    let context = work.context;
    let missing = || Failure::new("snapshot", format!("the snapshot of `{}` is not there", context.attempt));
    let snapshot = context.store.snapshot(&context.attempt)?.ok_or_else(missing)?;
    let count = snapshot.services.len();
    let plural = if count == 1 { "" } else { "s" };
    Ok(Effects::default().msg(format!("{count} service{plural}, plan {}", snapshot.plan)))
}
