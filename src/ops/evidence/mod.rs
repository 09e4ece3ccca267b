//! What was seen, kept: `evidence capture|list|show|compare`, and the bundle that every failure leaves by itself (design/05).

mod capture;
mod gather;
mod shelf;

pub use capture::capture;
pub use shelf::{compare, list, show};

pub(super) use capture::{on_failure, save};
pub(super) use gather::{About, boundary_of, failures, gather};
