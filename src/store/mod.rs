//! Durable truth: the audit log, the state file that is its projection, snapshots, backup sets, locks and the index.

mod access;
mod audit_log;
mod backups;
mod error;
mod evidence;
mod ground;
mod history;
mod incidents;
mod index;
mod journal;
mod layout;
mod line;
mod links;
mod listing;
mod lock;
mod locked;
mod once;
mod previews;
mod remembered;
mod requests;
mod reserve;
mod snapshot;
mod state_file;
#[cfg(test)]
mod tests;
mod toml_text;
mod transcript;
#[cfg(test)]
mod walk;
mod work;
mod workspace;

pub use access::Replay;
pub use audit_log::{Finding, Verification};
pub use backups::{OpenSet, Shelf};
pub use error::StoreError;
pub use ground::Sharing;
pub use history::{Artifacts, History, KeptAttempt};
pub use index::{Piece, Slice};
pub use journal::{Durability, Journal};
pub use layout::Layout;
pub use lock::{Holder, HolderText};
pub use locked::LockedStore;
pub use once::OnceKey;
pub use remembered::ScriptsRun;
pub use requests::CancelRequest;
pub use work::Work;
pub use workspace::{Record, Store};
