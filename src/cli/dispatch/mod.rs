//! One arm a verb: hand the request to `ops`, hand the answer to `report`.

mod agent;
mod attempts;
mod backups;
mod call;
mod look;
mod playbooks;
mod previews;
mod recover;
mod releases;
mod rollouts;
mod serve;
mod setup;
mod sources;
mod verbs;

pub(super) use verbs::dispatch;
