//! Where rollouts are remembered: one small contract, and what keeps it. What is written against the contract alone can be
//! kept elsewhere, too.

#[cfg(test)]
pub(crate) mod conformance;
mod contract;
mod etcd;
mod gateway;
#[cfg(test)]
pub(crate) mod members;
mod sqlite;
mod stream;
mod wire;

pub use contract::{Change, Committed, Expect, Item, Ledger, LedgerError, Op, Range, Watched};
pub use etcd::EtcdLedger;
pub use sqlite::SqliteLedger;
