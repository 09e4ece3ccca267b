//! Every reason why not, each with the fact that was seen and the ways out (design/04). All that hold are listed together.

mod calendar;
mod case;
mod checkout;
mod disk;
mod inputs;
mod releases;
mod scripts;
mod services;

pub(super) use case::{Case, of_run};
pub(super) use checkout::{dirty_tree, listed, shown, unsigned_headline};
pub(super) use disk::room_for;
pub(super) use services::differing_volume;
