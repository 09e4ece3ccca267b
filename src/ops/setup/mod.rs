//! Setting a host up: `init` reads what runs and drafts the configuration, `adopt` records it as the baseline.

mod adopt;
mod draft;
mod files;
mod init;

pub use adopt::adopt;
pub use init::init;
