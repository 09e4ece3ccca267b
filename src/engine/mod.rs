//! Carries out plans: the only place on a host that starts programs which change something.
//!
//! [`run`] walks the phases, starts the steps whose predecessors are done, side by side where the plan allows it, and is
//! alone in recording what happens. Each kind of action has its module under `actions`; an action returns what it did or
//! a [`Failure`], and never prints, exits or touches the state.

mod actions;
mod context;
mod failure;
mod recorder;
mod run;
mod schedule;
mod sets;

pub use context::Context;
pub use failure::{EngineError, Failure};
pub use recorder::Recorder;
pub use run::{Halt, RunEnd, run};
pub use sets::OpenSets;
