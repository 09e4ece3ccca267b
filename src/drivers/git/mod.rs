//! The checkout, read through git: a handful of processes a look, all hardened (design/04), none of which moves a
//! branch or touches the work tree.
//!
//! `observe` gives [`crate::model::facts::GitFacts`]; `read` and `list` give the content of one commit; `export` lays
//! the tracked files of a commit into a folder so that compose can read them before the tree moves.

mod call;
mod checkout;
mod content;
mod error;
mod halfway;
mod history;
mod observe;
mod parse;
mod place;
mod position;
mod remotes;
mod signatures;
mod tags;
#[cfg(test)]
pub(crate) mod testbed;
#[cfg(test)]
mod tests;
mod undone;
mod worktrees;

pub use call::Git;
pub use content::TreeEntry;
pub use error::GitError;
pub use observe::{Look, Observed};
pub use tags::Named;
