//! HTTP questions, asked in-process: no redirects, no kept connections, at most 64 KiB of body, and no address that
//! only the machine's own provider answers on (design/04, design/08).

mod ask;
mod client;
mod prometheus;

pub use ask::{Answer, Failure, ask, ask_url};
pub(in crate::drivers) use client::{agent_through_proxy, agent_without_proxy, is_here};
pub use prometheus::{Measured, measured};
