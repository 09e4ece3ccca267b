//! One arm a verb: hand the request to `ops`, hand the answer to `report`.

mod attempts;
mod backups;
mod call;
mod look;
mod playbooks;
mod recover;
mod releases;
mod setup;
mod verbs;

pub(super) use verbs::dispatch;
