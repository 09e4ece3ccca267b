//! An older attempt that a rollback may put back (design/05).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::facts::Snapshot;
use super::id::{AttemptId, ServiceName};
use super::reason::Blocker;
use super::release::ReleaseState;

/// An attempt that once succeeded here, as it is recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// Which.
    pub attempt: AttemptId,
    /// How it ended; its commit is `merge`.
    pub state: ReleaseState,
    /// What it meant to do; none: why it is not known (`snapshot-missing`, `snapshot-damaged`).
    pub snapshot: Result<Snapshot, Blocker>,
    /// What ran of each service when it was proven: compose service → image.
    pub artifacts: BTreeMap<ServiceName, BTreeMap<String, Artifact>>,
    /// What it went on with when it was resumed last, where that was recorded.
    pub resumed: Option<ResumedWith>,
    /// Version of each service's data after it, where the attempt after it recorded one.
    pub schemas: BTreeMap<ServiceName, String>,
}

/// The environment that an attempt was resumed with: its snapshot has the one that it began with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResumedWith {
    /// It is today's, name by name and value by value.
    pub is_todays: bool,
    /// Names whose values were changed for it.
    pub changed: Vec<String>,
}

/// An image that ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Artifact {
    /// The reference that it was started by.
    pub image: String,
    /// Its id on this host, `sha256:…`.
    pub id: String,
}
