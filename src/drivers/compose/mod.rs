//! Compose projects and their containers, observed: which compose answers here, what it makes of a file, what runs,
//! which images and volumes are on this host.

mod containers;
mod env_files;
mod error;
mod find;
mod local;
mod membership;
mod project;
mod read;
mod resolve;
mod survey;
#[cfg(test)]
mod tests;

pub use containers::states;
pub use error::ComposeError;
pub use find::{Found, find};
pub use local::{images, mountpoints, pullable, runtime};
pub use project::{Marks, at_home, named_files, parts_of, whole};
pub use resolve::{Question, hashes, project_name, resolve};
pub use survey::{Composed, survey};
