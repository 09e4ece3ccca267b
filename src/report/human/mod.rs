//! What a person reads in a terminal, one file a kind of answer.

pub mod access;
pub mod backups;
pub mod blockers;
pub mod diagnosis;
pub mod drift;
pub mod events;
pub mod evidence;
pub mod failure;
pub mod guard;
pub mod host;
pub mod incident;
pub mod plan;
pub mod playbooks;
pub mod previews;
pub mod readiness;
pub mod releases;
pub mod rollouts;
pub mod setup;
pub mod sources;
pub mod story;
