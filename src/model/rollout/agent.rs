//! What goes between a coordinator and the agent of a host, by way of the ledger: an order there, word of it back.

use serde::{Deserialize, Serialize};

use super::{EtcdSpec, Heard, HostName, Offer};

/// What an agent is configured with, on its own host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentSpec {
    /// The host, by its name in `fleet.toml`.
    pub host: HostName,
    /// Its project folder: orders for another one are refused.
    pub folder: String,
    /// Where orders stand.
    pub etcd: EtcdSpec,
}

/// What a host is told, in the key that its agent watches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The project folder that it is for, as the inventory has it.
    pub folder: String,
    /// What to do.
    pub offer: Offer,
}

/// What an agent says of an order, in a key of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Word {
    /// The generation of that order.
    pub order: u64,
    /// What came of telling this machine.
    pub heard: Heard,
}

impl Word {
    /// Whether it stays so: the host is through with that order, and nobody has to look again.
    pub fn is_last(&self) -> bool {
        match &self.heard {
            // A release that is held may go on, by hand.
            Heard::Answer(answer) => !answer.at_work && answer.exit.is_some_and(|exit| exit != 10),
            Heard::Nothing { .. } => false,
        }
    }
}

/// What an agent tells whoever looks at its terminal or journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AgentNews {
    /// Its host.
    pub host: HostName,
    /// What: `watches`, `told`, `answers`, `withdrawn`, `unreadable`, `silence`.
    pub what: &'static str,
    /// Of which order.
    pub generation: Option<u64>,
    /// The rest of it, in words.
    pub detail: String,
}
