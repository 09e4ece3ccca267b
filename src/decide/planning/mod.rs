//! Steps of a plan, phase by phase.

mod draft;
mod health;
pub(super) mod hooks;
mod identity;
mod migrate;
mod notes;
mod prepare;
mod run;
mod snapshot;
mod ticket;
pub(super) mod verify;

pub(super) use draft::{chained, commands, named, step};
pub(super) use health::{clocks, waiting};
pub(super) use identity::{fingerprint, identified};
pub(super) use migrate::changing;
pub(super) use run::backup_definition;
pub use run::{plan_run, steps_of_run};
pub(super) use ticket::{scripts as scripts_of_run, step_name as script_step_name};
