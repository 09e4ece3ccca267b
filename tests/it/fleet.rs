//! Rollouts over real hosts: checkouts of one origin in folders of their own, reached as the inventory says.

mod agent;
mod etcd;
mod local;
mod measured;
mod once;
mod onward;
mod partition;
mod refused;
mod scene;
mod setup;
mod ssh;
mod tags;
mod undriven;

pub(crate) use agent::by_agent;
pub(crate) use scene::{Fleet, TWO_STAGES, ledger_on};
