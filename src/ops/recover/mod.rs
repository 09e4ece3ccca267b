//! The recovery verbs: what can be done with an attempt (`readiness`), and doing it (`retry`, `redeploy`, `rollback`). One
//! policy serves both: what is read is what is admitted.

mod admission;
mod anew;
mod readiness;
mod shelf;
mod version;

pub use admission::Admission;
pub use anew::{Wish, check, run};
pub use readiness::readiness;
pub(in crate::ops) use readiness::readiness_among;
pub use shelf::{PruneWish, Shelf, prune, shelve};
