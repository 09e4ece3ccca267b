//! Hosts that listen to nobody: the coordinator lays an order into the ledger, an agent on the host watches that one key, and
//! its word comes back in another one.

mod keys;
mod orders;
#[cfg(test)]
mod tests;
mod watch;

pub use keys::agents;
pub use orders::Orders;
pub use watch::{AgentError, Around, watch};
