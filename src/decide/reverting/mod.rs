//! The way back: what a revert takes back, what stands against it, and its steps (design/04 "Revert").

mod images;
mod plan;
mod refusals;
mod restore;
mod scope;
mod scripts;
mod steps;

pub use plan::plan_revert;
pub use restore::plan_backup_restore;
