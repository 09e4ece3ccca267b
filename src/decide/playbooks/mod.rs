//! Known failures: which of them this looks like, and what their commands may be and came to (design/05).

mod changing;
mod expect;
mod fill;
mod patterns;
mod quoted;
mod said;
mod shell;
mod tool;
mod weigh;

pub use changing::changing;
pub use expect::{judge, overall};
pub use fill::{Unfilled, fill};
pub use weigh::{Picked, matching, rivals};
