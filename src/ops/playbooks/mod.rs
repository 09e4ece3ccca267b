//! Playbooks as a tool: which one a failure looks like, what its detection says, what it would do (design/05).

mod detect;
mod matching;
mod shelf;
mod symptoms;

pub use detect::{detect, placeholders};
pub use matching::{match_text, match_ticket};
pub use shelf::{Shelf, known, shelf};

pub(super) use matching::{fitting, refused};
