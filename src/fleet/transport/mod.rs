//! The ways to a host. Each starts this program there with an offer on its standard input, and reads the answer back; what
//! was not answered is not known.

mod hands;
mod local;
mod ssh;

pub use hands::{FLEET, Hands, Transport};
pub use local::tell as tell_here;
