//! Rollouts carried out: the ledger that remembers them, the ways to hosts, and the coordinator that drives them. It tells
//! hosts what to do by starting this very binary there, and does nothing on a host itself (design/07).

pub mod agent;
pub mod coordinator;
#[cfg(test)]
mod day;
#[cfg(test)]
mod large;
pub mod ledger;
pub mod records;
pub mod transport;
