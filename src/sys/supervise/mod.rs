//! The one place that starts programs which change something, watches them, and ends all that they started.
//!
//! Between us and the program stands the *shim*: this binary under the word `__step`. It outlives us, enforces the limits,
//! and leaves three small files in the step's folder from which the next runner reads what became of the program
//! (design/03, "Journal").

mod program;
mod run;
mod shim;
mod trace;
mod tree;

pub use program::{Exit, Finished, Part, Program, SPOOL_LIMIT, SuperviseError, Tick, TickAnswer};
pub use run::run;
pub use shim::{STEP, step};
pub use trace::{StepAtWork, Trace, ask_to_end, at_work, look};
