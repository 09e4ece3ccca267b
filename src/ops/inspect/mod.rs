//! Verbs that look and change nothing: history, state, audit log, report, posture, service logs.
//!
//! A status is always read together with the lock: a `running` record without a live runner *is* `interrupted`, for
//! everyone who looks, at once (design/03).

mod drift;
mod kept;
mod list;
mod log;
mod logs;
mod news;
mod posture;
mod report;
mod rows;
mod state;
mod status;

pub use drift::drift;
pub use kept::{Kept, freezes, kept, transcript};
pub use list::{Index, Paging, Which, list, page};
pub use log::{follow, log, records, verify};
pub use logs::{follow_logs, logs};
pub use news::{News, log_size, news};
pub use report::report;
pub use state::{attempt, export, state};
pub use status::status;

pub(super) use drift::drift_of;
pub(super) use logs::logs_within;
pub(super) use posture::Posture;
pub(super) use rows::{Present, backup_rows, evictable, relative};
pub(super) use state::unknown;
pub(super) use status::{known_services, service_rows};
