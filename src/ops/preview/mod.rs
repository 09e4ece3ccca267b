//! `preview up|list|cleanup`: a branch of somebody's beside production, as a work tree and a compose project of its own,
//! and away again with the proof that nothing else was touched.

mod cleanup;
mod list;
mod seen;
mod up;

pub use cleanup::{Cleaned, cleanup};
pub use list::list;
pub use up::up;
