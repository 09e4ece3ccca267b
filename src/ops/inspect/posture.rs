//! What runs here, by the configuration as it stands in the working tree: what `status`, `doctor`, `adopt` and `logs` look
//! at. The remote and its commits do not matter to it, so a broken one cannot keep a person from seeing the host.

use std::collections::BTreeMap;

use crate::model::facts::{DirtyFile, Releases, ResolvedService, RuntimeFacts, ServiceState};
use crate::model::id::{Oid, ServiceName};
use crate::model::reason::Blocker;
use crate::model::settings::Settings;
use crate::ops::definitions::Containers;
use crate::ops::error::OpsError;
use crate::ops::facts::{Lock, releases};
use crate::ops::host::Host;

/// The host as it runs.
pub(in crate::ops) struct Posture {
    /// HEAD; none when git cannot tell (see `troubles`).
    pub(in crate::ops) head: Option<Oid>,
    /// Checked-out branch; none when detached.
    pub(in crate::ops) branch: Option<String>,
    /// Files that are not as committed, and not ours.
    pub(in crate::ops) dirty: Vec<DirtyFile>,
    /// The configuration, settled with what compose says.
    pub(in crate::ops) settings: Settings,
    /// Compose's reading of each service.
    pub(in crate::ops) compose: BTreeMap<ServiceName, ResolvedService>,
    /// How containers are driven here; images and volumes are not looked at.
    pub(in crate::ops) runtime: RuntimeFacts,
    /// What runs.
    pub(in crate::ops) services: BTreeMap<ServiceName, ServiceState>,
    /// Every release, oldest first, its status read together with the lock.
    pub(in crate::ops) releases: Releases,
    /// What could not be seen, or is wrong with what was.
    pub(in crate::ops) troubles: Vec<Blocker>,
}

impl Posture {
    /// Looks once.
    ///
    /// # Errors
    /// When the records of this host cannot be read.
    pub(in crate::ops) fn observe(host: &Host) -> Result<Self, OpsError> {
        let mut troubles = Vec::new();
        let mut settings = host.settings.clone();
        let (head, branch, clean) = match host.git.standing() {
            Ok((head, branch, clean)) => (Some(head), branch, clean),
            Err(error) => {
                troubles.push(error.blocker());
                (None, None, true)
            }
        };
        let dirty = if clean { Vec::new() } else { host.git.dirty().unwrap_or_default() };
        let containers = Containers::observe(host, &settings, &settings, &mut troubles);
        let compose = containers.resolve(host, &mut settings, None, &mut troubles);
        let services = containers.states(host, &settings, &settings);
        let runtime = containers.runtime().clone();
        let releases = releases(host, Lock::Unknown)?;
        Ok(Self { head, branch, dirty, settings, compose, runtime, services, releases, troubles })
    }
}
