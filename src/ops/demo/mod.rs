//! The demo: a throwaway host on which the main job of the product really happens, with nothing to install but git.
//!
//! An origin, a developer's clone, the host's checkout, and three small services that this binary itself runs. Every
//! command is one that a person would type, and is run as they would run it.

mod fleet;
mod folder;
mod narrator;
mod service;
mod story;

pub use fleet::run_fleet;
pub use narrator::{Narrator, Told};
pub use service::serve;
pub use story::{Keep, run};
