//! Every reason why not, each with the fact that was seen and the ways out (design/04). All that hold are listed together.

mod calendar;
mod case;
mod checkout;
mod disk;
mod ground;
mod inputs;
mod releases;
mod scripts;
mod services;

pub use calendar::active as active_freezes;
pub(super) use case::{Case, of_run};
pub(super) use checkout::{dirty_tree, listed, shown, unsigned_headline};
pub(super) use disk::room_for;
pub use ground::network_filesystem;
pub(super) use ground::of as of_ground;
pub(super) use releases::was_taken_back;
pub(super) use services::differing_volume;
