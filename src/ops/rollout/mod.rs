//! Rollouts over many hosts: plans made, looked at, acted on and driven; and what a host does when it is told something.

mod act;
mod agent;
mod apart;
mod create;
mod desk;
mod drive;
mod etcd;
mod host;
mod look;
mod office;
mod remote;
mod tags;

pub use crate::fleet::transport::FLEET;
pub use act::{TAKEN_BACK, Terms, Would, act, would};
pub use agent::Agent;
pub use apart::{drive_left, keep_driven};
pub use create::{create, drafted, read, written};
pub use desk::{Desk, exclude, stop_the_line};
pub use drive::{Drove, Lead, drive, ending};
pub use etcd::etcd_setup;
pub use host::{CARRY, carry, tell};
pub use look::{AUDIT, audit, describe, hosts, line, list, preview, stuck};
pub use office::Office;
pub use remote::Remote;
