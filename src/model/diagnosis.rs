//! What a halted release comes to: how far it got, and what may be done about it.

use serde::Serialize;

use super::id::{ServiceName, StepName};
use super::phase::Phase;

/// The partial boundary of a release (seed 000): what is done, what stopped, and whether what stands may be verified as it
/// stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Boundary {
    /// Phases that are done, in order.
    pub phases_done: Vec<Phase>,
    /// Steps that ended well.
    pub steps_done: Vec<StepName>,
    /// Phase that stopped.
    pub phase: Phase,
    /// Step that stopped, where one did.
    pub step: Option<StepName>,
    /// Changing steps whose end is not known, or that still work.
    pub unsettled: Vec<StepName>,
    /// Where HEAD is.
    pub head: HeadAt,
    /// Each touched service.
    pub services: Vec<ServiceSide>,
    /// Whether verifying what stands tells something: nothing is unsettled, HEAD is at BASE or MERGE, and every touched
    /// service is wholly old or wholly new.
    pub verify_in_place: bool,
    /// Why, or why not.
    pub why: Vec<String>,
}

/// Where HEAD is, as a release sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum HeadAt {
    /// Where it was before the release.
    Base,
    /// Where the release moved it.
    Merge,
    /// Somewhere else.
    Elsewhere,
    /// Git cannot tell.
    Unknown,
}

/// A touched service at the boundary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceSide {
    /// Service.
    pub service: ServiceName,
    /// Which side it is on.
    pub side: Side,
}

/// Which side of a release a service is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// Wholly as before the release.
    Old,
    /// Wholly as the release wants it.
    New,
    /// Neither.
    Mixed,
    /// Nothing of it runs.
    Down,
    /// It could not be seen.
    Unknown,
}

impl Side {
    /// The word on screen.
    pub const fn word(self) -> &'static str {
        match self {
            Side::Old => "old",
            Side::New => "new",
            Side::Mixed => "mixed",
            Side::Down => "down",
            Side::Unknown => "unknown",
        }
    }

    /// Whether verifying tells something about it.
    pub const fn is_whole(self) -> bool {
        matches!(self, Side::Old | Side::New)
    }
}
