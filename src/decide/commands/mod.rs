//! Every argument list of a plan, rendered purely: dry run, `migrate.sh` and execution cannot differ.

pub(super) mod compose;
pub(super) mod engine;
pub(super) mod git;
pub(super) mod mysql;
pub(super) mod own;
pub(super) mod postgres;
mod script;

pub use engine::keep_reference;
pub use script::migrate_script;
