//! `holdpoint`: a release runner for people who ship to their own production hosts.
//!
//! Data goes one way: text is parsed (`manifest`) and the world is observed (`ops::facts`) into `Facts`; `decide` turns
//! facts into a `Plan` without touching anything; `engine` carries the plan out and emits `RunEvent`s; `store` keeps
//! them in the audit log, of which the state file is a projection; `report` renders values for people and programs.

pub mod cli;
pub mod decide;
pub mod drivers;
pub mod engine;
pub mod manifest;
pub mod model;
pub mod ops;
pub mod report;
pub mod store;
pub mod sys;
