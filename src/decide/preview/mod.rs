//! Previews: what a branch's compose files become there, and the plans that make and remove them.

mod isolate;
mod plan;

pub use isolate::{Isolated, isolate};
pub use plan::{PreviewDown, PreviewUp, plan_preview_cleanup, plan_preview_up};
