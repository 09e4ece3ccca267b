//! Durable truth: the audit log, the state file that is its projection, snapshots, backup sets, locks and the index.

mod audit_log;
mod backups;
mod error;
mod history;
mod index;
mod journal;
mod layout;
mod line;
mod lock;
mod once;
mod snapshot;
mod state_file;
mod transcript;
mod workspace;

pub use audit_log::{Finding, Verification};
pub use backups::{OpenSet, Shelf};
pub use error::StoreError;
pub use history::History;
pub use journal::{Durability, Journal};
pub use layout::Layout;
pub use lock::{Holder, HolderText};
pub use workspace::{LockedStore, Store};
