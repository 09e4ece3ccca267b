//! One function per verb: load facts, decide, carry out. The command line and every later face call only these.

pub mod access;
pub mod backup;
pub mod cancel;
pub mod check;
pub mod demo;
pub mod diagnose;
pub mod diff;
pub mod doctor;
pub mod error;
pub mod evidence;
pub mod face;
pub mod facts;
pub mod guard;
pub mod incident;
pub mod inspect;
pub mod once;
pub mod playbooks;
pub mod preview;
pub mod recover;
pub mod release;
pub mod rollout;
pub mod schema;
pub mod setup;
pub mod source;
pub mod spawn;

mod aftermath;
mod approval;
mod ask;
mod candidates;
mod cut_off;
mod definitions;
mod host;
mod left;
mod proof;
mod relinked;
mod schemas;
mod scripts;
mod session;
mod sources;
mod surfaces;
mod told;
mod wait;

pub use error::OpsError;
pub use face::{Face, Given};
pub use host::Host;
