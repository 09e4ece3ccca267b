//! Text into typed values, purely: configuration, service manifests, environment files, script headers. Nothing here
//! touches the world; every error says the file, the line, the column, and what to write instead.

mod backup;
mod calendar;
mod check;
pub mod draft;
pub mod env_file;
pub mod error;
pub mod fleet;
mod forms;
mod order;
pub mod playbook;
mod raw;
mod raw_rollout;
mod raw_service;
pub mod rollout;
pub mod sample;
pub mod schema;
pub mod script;
mod service;
pub mod services;
pub mod settings;
pub mod settle;
mod spot;
#[cfg(test)]
mod tests;
pub mod text;
mod toml_text;
mod tree;
mod yaml_text;

pub use check::{is_image, is_remote};
pub use error::{ManifestError, Place, Problem};
