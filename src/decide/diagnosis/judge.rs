//! The judgement as a whole.

use super::seen::DiagnosisSeen;
use super::{advice, cause, kind, owner};
use crate::model::diagnosis::{FailureKind, Judgement};

/// What a failure comes to.
pub fn judge(seen: &DiagnosisSeen<'_>) -> Judgement {
    let kind = kind::of(seen);
    let unwell = seen.unwell();
    let race = kind == FailureKind::Health && seen.is_well_again(&unwell);
    let found = cause::of(seen, kind, &unwell);
    let (recommended, others) = advice::of(seen, kind, race);
    Judgement {
        kind,
        cause: found.cause,
        race,
        owner: owner::of(seen, kind, &unwell),
        unwell,
        first: found.first,
        recommended,
        others,
    }
}
