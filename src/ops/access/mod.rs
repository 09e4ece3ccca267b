//! Who may ask over HTTP: tokens made and taken back, who somebody is, and the record of what was asked.

mod replay;
mod requests;
mod security;
mod tokens;

pub use replay::{Kept, Key, begin, finish};
pub use requests::{note, requests, verify_requests};
pub use security::security;
pub use tokens::{Doorkeeper, Making, create, list, revoke};
