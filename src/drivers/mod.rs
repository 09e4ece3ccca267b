//! Other programs, observed and parsed: git, compose and its containers, a host's own commands, HTTP answers; and the
//! backups that are read and written in-process.
//!
//! Nothing here starts a program that changes a host; the engine alone does that, from argument lists in the plan. The
//! one exception is `git fetch` into `refs/holdpoint/incoming/*`, which moves no branch (design/04).

pub mod backup;
pub mod command;
pub mod compose;
pub mod git;
pub mod notify;
pub mod orchestrator;
pub mod probe;
mod program;
pub mod service;
mod surroundings;

pub use surroundings::Surroundings;
