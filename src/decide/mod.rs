//! Pure judgement: facts in, plans and answers out. Nothing here touches the world, and the same facts always give the
//! same answer.

mod anew;
mod blockers;
mod boundary;
mod classify;
pub mod commands;
mod course;
mod diagnosis;
mod drift;
mod evidence;
mod incident;
mod look;
mod order;
mod past;
mod planning;
pub mod playbooks;
pub mod range;
mod reconcile;
mod refusal;
mod remedy;
mod restoring;
pub mod retention;
mod reverting;
mod saving;
mod shelving;
mod side;
mod site;
#[cfg(test)]
mod testing;
mod typed;

pub use anew::{against_candidate, is_present};
pub use blockers::network_filesystem;
pub use boundary::{BoundarySeen, boundary};
pub use course::left_by;
pub use diagnosis::{DiagnosisSeen, judge};
pub use drift::drift;
pub use evidence::{changed_between, evidence_blocker};
pub use incident::{IncidentSeen, Recovery, conditions, triage};
pub use look::{guard, logs, schema};
pub use planning::{plan_run, steps_of_run};
pub use refusal::Refusal;
pub use remedy::{Remedy, plan_proof, plan_remedy, remedy};
pub use reverting::{plan_backup_restore, plan_revert};
pub use saving::floor;
pub use shelving::{against_archiving, against_pruning, kept_for};
pub use side::{plan_backup_take, plan_configure, plan_return_to_main};
