//! Known failures: which of them this looks like, and what their commands may be and came to (design/05).

mod changing;
mod draft;
mod errors;
mod expect;
mod fill;
mod lint;
mod patterns;
mod quoted;
mod said;
mod samples;
mod shell;
mod tongues;
mod tool;
mod weigh;

pub use changing::{changing, is_verb_of_ours};
pub use draft::{Draft, draft, patch};
pub use expect::{judge, overall};
pub use fill::{Unfilled, fill};
pub use lint::{UNSAID, lint};
pub use samples::{sample_findings, too_few};
pub use weigh::{Picked, Prepared, matching};
