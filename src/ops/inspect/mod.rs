//! Verbs that look and change nothing: history, state, audit log, report, posture, service logs.
//!
//! A status is always read together with the lock: a `running` record without a live runner *is* `interrupted`, for
//! everyone who looks, at once (design/03).

mod drift;
mod list;
mod log;
mod logs;
mod posture;
mod report;
mod rows;
mod state;
mod status;

pub use drift::drift;
pub use list::{Index, Which, list};
pub use log::{follow, log, verify};
pub use logs::{follow_logs, logs};
pub use report::report;
pub use state::{export, state};
pub use status::status;

pub(super) use drift::drift_of;
pub(super) use logs::logs_within;
pub(super) use posture::Posture;
pub(super) use rows::{Present, backup_rows, evictable, relative};
pub(super) use status::{known_services, service_rows};
