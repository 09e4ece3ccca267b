//! Pure judgement: facts in, plans and answers out. Nothing here touches the world, and the same facts always give the
//! same answer.

mod admission;
mod anew;
mod approval;
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
mod preview;
pub mod range;
mod reconcile;
mod refusal;
mod relinks;
mod remedy;
mod restoring;
pub mod retention;
mod reverting;
pub mod rollout;
mod saving;
mod shelving;
mod side;
mod site;
#[cfg(test)]
mod table;
#[cfg(test)]
mod testing;
mod typed;

pub use admission::{
    against_acting, against_approving, against_canceling, against_verb, busy, to_resume, wants_diagnosis,
};
pub use anew::{against_candidate, is_older, is_present, last_with, not_compared, redeployed};
pub use approval::{against_unapproved, to_agree};
pub use blockers::{active_freezes, network_filesystem};
pub use boundary::{BoundarySeen, boundary};
pub use course::left_by;
pub use diagnosis::{DiagnosisSeen, judge};
pub use drift::drift;
pub use evidence::{changed_between, evidence_blocker};
pub use incident::{IncidentSeen, Recovery, conditions, triage};
pub use look::{guard, logs, schema};
pub use planning::{plan_run, steps_of_run};
pub use preview::{Isolated, PreviewDown, PreviewUp, isolate, plan_preview_cleanup, plan_preview_up};
pub use refusal::Refusal;
pub use relinks::{
    against_folder, against_remote, folder_of, image_overlay, part_with_image, plain, relink, shown_address,
    written,
};
pub use remedy::{plan_proof, plan_remedy, remedy};
pub use reverting::{plan_backup_restore, plan_revert};
pub use saving::floor;
pub use shelving::{InUse, against_archiving, against_pruning, kept_for};
pub use side::{plan_backup_take, plan_configure, plan_return_to_main};
