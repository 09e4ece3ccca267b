//! The coordinator of a rollout, purely: what is known of its hosts and gates in, the next commit or the reason to wait out
//! (design/07). Nothing here tells a host anything.

mod acts;
mod gates;
mod hosts;
mod index;
#[cfg(test)]
mod model;
mod step;
mod stuck;
#[cfg(test)]
pub(crate) mod tests;
mod work;

pub use acts::{Changed, act};
pub use gates::{Asked, asks, below};
pub use index::Hosts;
pub use step::{Commit, Decision, Note, Seen, step};
pub use stuck::{advice, is_driven, last_was_halted, stuck};
