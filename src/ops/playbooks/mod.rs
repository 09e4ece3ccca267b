//! Playbooks as a tool: which one a failure looks like, what its detection says, what it would do (design/05).

mod apply;
mod cause;
mod check;
mod detect;
mod matching;
mod new;
mod shelf;
mod symptoms;

pub use apply::{Applying, apply, check, remedy};
pub use cause::close_cause;
pub use check::{lint, test};
pub use detect::{detect, placeholders};
pub use matching::{match_text, match_ticket};
pub use new::new;
pub use shelf::{known, shelf};

pub(super) use cause::open_causes;
pub(super) use matching::{fitting, refused};
