//! What runs, held against what is meant to run.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::facts::{DirtyFile, ResolvedService, RuntimeFacts, ServiceState};
use super::id::{Oid, ServiceName, TicketId};
use super::reason::Blocker;
use super::release::ReleaseState;
use super::settings::Settings;

/// What a row of `drift` is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DriftCode {
    /// Nothing is on record here that HEAD could be held against.
    NoRecord,
    /// HEAD is of a release that has not succeeded.
    HeadUnproven,
    /// HEAD is not what the last record left.
    HeadMoved,
    /// Another branch is checked out.
    Branch,
    /// Files are not as committed.
    TreeDirty,
    /// Something could not be looked at: that is never clean.
    Unseen,
    /// A service does not run, or not all of it.
    ServiceDown,
    /// Another image runs than is configured.
    ImageDiffers,
    /// The image of that name is another one by now.
    ImageMoved,
    /// A compose service has no container.
    ContainerMissing,
    /// A container that no configuration asks for.
    ContainerExtra,
    /// What an interrupted recreate left behind.
    ContainerLeftover,
    /// A container was made from another configuration.
    ConfigDiffers,
    /// A ticket script that ran here is another one in the tree.
    ScriptChanged,
    /// A ticket script that ran here is not in the tree.
    ScriptMissing,
}

impl DriftCode {
    /// The kebab-case word.
    pub const fn word(self) -> &'static str {
        match self {
            DriftCode::NoRecord => "no-record",
            DriftCode::HeadUnproven => "head-unproven",
            DriftCode::HeadMoved => "head-moved",
            DriftCode::Branch => "branch",
            DriftCode::TreeDirty => "tree-dirty",
            DriftCode::Unseen => "unseen",
            DriftCode::ServiceDown => "service-down",
            DriftCode::ImageDiffers => "image-differs",
            DriftCode::ImageMoved => "image-moved",
            DriftCode::ContainerMissing => "container-missing",
            DriftCode::ContainerExtra => "container-extra",
            DriftCode::ContainerLeftover => "container-leftover",
            DriftCode::ConfigDiffers => "config-differs",
            DriftCode::ScriptChanged => "script-changed",
            DriftCode::ScriptMissing => "script-missing",
        }
    }
}

/// One difference between what is meant to run and what runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DriftRow {
    /// What it is about.
    pub code: DriftCode,
    /// Service; none: the host as a whole.
    pub service: Option<ServiceName>,
    /// What is meant to be; none: nothing.
    pub intended: Option<String>,
    /// What is; none: nothing.
    pub running: Option<String>,
    /// What clears it, most careful first: commands to type.
    pub clears: Vec<String>,
}

/// `drift`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DriftView {
    /// Whether nothing differs.
    pub clean: bool,
    /// Services that were looked at.
    pub services: usize,
    /// Containers that were looked at.
    pub containers: usize,
    /// Ticket scripts that were looked at.
    pub scripts: usize,
    /// Each difference.
    pub rows: Vec<DriftRow>,
    /// What the person should know.
    pub notes: Vec<String>,
}

/// Everything that is held against each other.
#[derive(Debug, Clone)]
pub struct DriftSeen {
    /// Project root.
    pub root: PathBuf,
    /// Whether `just release-run …` exists here.
    pub just_recipes: bool,
    /// The configuration as it stands in the tree, settled.
    pub settings: Settings,
    /// Compose's own reading of it.
    pub compose: BTreeMap<ServiceName, ResolvedService>,
    /// What the `config-hash` of each container must say, by service and compose service, where that can be known.
    pub labels: BTreeMap<ServiceName, BTreeMap<String, String>>,
    /// How containers are driven, and the images that are here.
    pub runtime: RuntimeFacts,
    /// What runs.
    pub services: BTreeMap<ServiceName, ServiceState>,
    /// The checkout.
    pub head: DriftHead,
    /// Services that a `redeploy` would put there again: a release that succeeded, or what was adopted, touched them.
    pub redeployed: BTreeSet<ServiceName>,
    /// Ticket scripts that ran here.
    pub scripts: Vec<RanScript>,
    /// Containers made from a compose file of this checkout that is not there any more.
    pub strays: Vec<String>,
    /// What could not be seen.
    pub troubles: Vec<Blocker>,
}

/// Where the checkout stands, and where it should.
#[derive(Debug, Clone, Default)]
pub struct DriftHead {
    /// HEAD; none where git cannot tell.
    pub head: Option<Oid>,
    /// Checked-out branch.
    pub branch: Option<String>,
    /// Files that are not as committed.
    pub dirty: Vec<DirtyFile>,
    /// What the last release that succeeded, was adopted, or was taken back left.
    pub proven: Option<Oid>,
    /// HEAD has that content.
    pub is_proven: bool,
    /// What the last record left, however it ended.
    pub last: Option<Oid>,
    /// HEAD has that content.
    pub is_last: bool,
    /// The release that moved the tree last and has neither succeeded nor been taken back.
    pub unfinished: Option<ReleaseState>,
}

/// A ticket script that ran to a good end here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RanScript {
    /// Its ticket.
    pub ticket: TicketId,
    /// Relative to the project root.
    pub path: String,
    /// sha256 of what ran.
    pub ran: String,
    /// sha256 of what lies in the tree; none: nothing.
    pub now: Option<String>,
    /// Commit that its release left.
    pub merge: Option<Oid>,
}
