//! What each route does: one function a route, which looks by `ops` or makes a command line.

#![expect(
    clippy::needless_pass_by_value,
    reason = "what was asked belongs to the route: all of them have one form"
)]
#![expect(clippy::unnecessary_wraps, reason = "a route that cannot fail has the form of those that can")]

pub(super) mod deployments;
pub(super) mod desk;
pub(super) mod host;
pub(super) mod previews;
pub(super) mod releases;
pub(super) mod rollouts;
pub(super) mod words;
