//! `doctor`: is this host fit to release. Each row is one thing that was looked at, how good it is, and what a person may
//! do about it. What a release itself would refuse is asked of the same decision that `run` asks.

mod examine;
mod images;
mod interrupted;
mod records;
mod release;
mod row;
mod tools;
mod workspace;

pub use examine::doctor;
pub use interrupted::notify_interrupted;

pub(super) use row::{bad, warn, well};
pub(super) use workspace::rows as workspace_rows;
