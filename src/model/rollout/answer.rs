//! What goes between a coordinator and a host: an offer there, an answer back.

use serde::{Deserialize, Serialize};

use super::{HostName, PlanId, Reintroduce, Wish};
use crate::model::id::{Oid, TicketId};
use crate::model::quantity::Span;

/// What a host is told. It may be told the same any number of times and does it once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// The plan that tells.
    pub plan_id: PlanId,
    /// Which telling this is; a host takes no lower one than it has.
    pub generation: u64,
    /// What to do.
    pub wish: Wish,
    /// The ticket.
    pub ticket: TicketId,
    /// The commit to stop at.
    pub commit: Oid,
    /// Whether taking back restores data.
    pub data: bool,
    /// For whom: stands in the host's own audit log.
    pub operator: String,
    /// How long it may wait for another run on that host.
    pub lock_wait: Span,
    /// The host on which the ticket's scripts run instead of on this one; none: they run here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket_ran_on: Option<HostName>,
    /// What was taken back and comes back with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reintroduce: Option<Reintroduce>,
}

/// What a host says about what it was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostAnswer {
    /// The telling it is about: the highest it was ever told.
    pub generation: u64,
    /// Whether it is at work on it.
    pub at_work: bool,
    /// The exit status of the release or the revert, once it ended.
    pub exit: Option<i32>,
    /// The attempt it began.
    pub attempt: Option<String>,
    /// What it said at the end, in one line.
    pub said: Option<String>,
}

/// What came of talking to a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Heard {
    /// It answered.
    Answer(HostAnswer),
    /// It did not: what it does is not known.
    Nothing {
        /// Why, as far as this machine can tell.
        why: String,
    },
}

/// What one series of a Prometheus has.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Its labels, as a person reads them; empty: a number by itself.
    pub name: String,
    /// Its values, oldest first; NaN where nothing could be computed.
    pub values: Vec<f64>,
}
