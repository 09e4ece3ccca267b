//! Where rollouts are worked on: the folder of `fleet.toml`, and the ledger beside it or on etcd.

use std::path::{Path, PathBuf};

use chrono::{DateTime, SecondsFormat, Utc};

use crate::decide;
use crate::fleet::agent::Orders;
use crate::fleet::ledger::{EtcdLedger, Ledger, LedgerError, SqliteLedger};
use crate::fleet::records::{self, FleetError, Rollout};
use crate::manifest::fleet as inventory;
use crate::manifest::settings::SourceFile;
use crate::model::reason::{Blocker, ReasonCode};
use crate::model::rollout::{AuditRecord, Exclusion, HostName, Inventory, Line, PlanId};
use crate::ops::error::OpsError;
use crate::ops::host::Host;
use crate::sys::clock::{Clock, SystemClock};
use crate::sys::{files, process};

/// The inventory's name.
const FLEET_TOML: &str = "fleet.toml";

/// Bytes of it that are read.
const LIMIT: u64 = 1 << 20;

/// Variables that name the operator where nothing else does.
const OPERATOR: [&str; 2] = ["HOLDPOINT_OPERATOR", "AUTONOMY_OPERATOR"];

/// A fleet, and the ledger of its rollouts.
pub struct Desk {
    /// Folder of `fleet.toml`.
    pub root: PathBuf,
    /// Its hosts.
    pub inventory: Inventory,
    /// Where rollouts are remembered.
    pub ledger: Box<dyn Ledger>,
    /// Who works here.
    pub operator: String,
    pub(super) clock: SystemClock,
}

impl Desk {
    /// Finds `fleet.toml` from a folder upwards, and opens the ledger that it names.
    ///
    /// # Errors
    /// A usage error where there is none, [`OpsError::Manifest`] with line and column, or what the ledger says.
    pub fn open(start: &Path) -> Result<Self, OpsError> {
        // Whoever is spoken for is named by whoever let them in; a variable serves only a person at the keyboard.
        let named = OPERATOR.into_iter().find_map(process::env).filter(|name| !name.trim().is_empty());
        let named = named.filter(|_| process::spoken_by().is_none());
        Self::opened(start, named.unwrap_or_else(process::operator))
    }

    /// The desk of a project's host, in the name of whoever asked there. None: no folder from it upwards has a `fleet.toml`.
    ///
    /// # Errors
    /// As [`Desk::open`].
    pub fn of(host: &Host) -> Result<Option<Self>, OpsError> {
        let is_here = host.root().ancestors().any(|folder| files::exists(&folder.join(FLEET_TOML)));
        is_here.then(|| Self::opened(host.root(), host.operator.clone())).transpose()
    }

    fn opened(start: &Path, operator: String) -> Result<Self, OpsError> {
        let hint = "write one: `holdpoint schema fleet` prints its keys".to_owned();
        let start = files::absolute(start).map_err(|_| OpsError::Usage {
            what: format!("`{}` is no folder that can be read", start.display()),
            hint: hint.clone(),
        })?;
        let root = start.ancestors().find(|folder| files::exists(&folder.join(FLEET_TOML)));
        let Some(root) = root else {
            let what = format!("`{}` has no {FLEET_TOML}, nor has any folder above it", start.display());
            return Err(OpsError::Usage { what, hint });
        };
        let text = files::read_text(&root.join(FLEET_TOML), LIMIT);
        let text = text.map_err(|source| OpsError::Unreadable { source })?;
        let inventory = inventory::inventory(&SourceFile { path: FLEET_TOML.to_owned(), text })?;
        let ledger = ledger(root, &inventory)?;
        Ok(Self { root: root.to_path_buf(), inventory, ledger, operator, clock: SystemClock::new() })
    }

    /// Its clock.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// The way to hosts with agents, where the ledger is one that they can watch.
    pub(super) fn orders(&self) -> Option<Orders> {
        let (spec, root) = (self.inventory.etcd.clone()?, self.root.clone());
        Some(Orders::new(move || Ok(Box::new(EtcdLedger::new(&spec, &root)?))))
    }

    pub(super) fn load(&self, plan: &PlanId) -> Result<Rollout, OpsError> {
        Ok(records::load(&*self.ledger, plan)?)
    }

    /// The freeze that holds, and until when.
    pub(super) fn frozen(&self, now: DateTime<Utc>) -> Option<String> {
        decide::active_freezes(&self.inventory.freezes, now).into_iter().next().map(|blocker| blocker.fact)
    }
}

fn ledger(root: &Path, inventory: &Inventory) -> Result<Box<dyn Ledger>, OpsError> {
    if let Some(spec) = &inventory.etcd {
        return Ok(Box::new(EtcdLedger::new(spec, root).map_err(FleetError::from)?));
    }
    let workspace = root.join(".asd/workspace");
    files::make_folders(&workspace, 0o750)?;
    // SQLite opens by name whatever stands there: so it is looked at first, as everything else in the workspace is.
    let file = workspace.join("rollouts.sqlite");
    files::Beneath::new(&workspace, files::Modes::OURS).open_or_create(&file)?;
    let ledger = SqliteLedger::open(&file).map_err(FleetError::from)?;
    Ok(Box::new(ledger))
}

/// Refuses a reason that says nothing: it stands in the audit.
pub(super) fn said(reason: &str) -> Result<(), OpsError> {
    if reason.trim().is_empty() {
        let hint = "say why: `--reason TEXT`".to_owned();
        return Err(OpsError::Usage { what: "the reason is empty: it stands in the audit".to_owned(), hint });
    }
    Ok(())
}

/// Takes a host out of every plan until a moment, or brings it back.
///
/// # Errors
/// A usage error for a host that is in no inventory, or what the ledger says.
pub fn exclude(
    desk: &Desk,
    host: &HostName,
    until: Option<DateTime<Utc>>,
    reason: &str,
) -> Result<Option<Exclusion>, OpsError> {
    if !desk.inventory.hosts.contains_key(host) {
        let hint = "`holdpoint fleet host list` shows them".to_owned();
        return Err(OpsError::Usage { what: format!("`{host}` is no host of {FLEET_TOML}"), hint });
    }
    said(reason)?;
    if let Some(past) = until.filter(|until| *until <= desk.now()) {
        let past = past.to_rfc3339_opts(SecondsFormat::Secs, true);
        let hint = "name a moment to come, or a span: `--until 2d`; `--lift` brings a host back".to_owned();
        return Err(OpsError::Usage {
            what: format!("`--until {past}` is past: it would lift what holds now"),
            hint,
        });
    }
    // What does not hold is not lifted: the audit says what was done.
    if until.is_none() && !records::exclusions(&*desk.ledger, desk.now())?.contains_key(host) {
        return Ok(None);
    }
    let exclusion = until.map(|until| Exclusion {
        host: host.clone(),
        until,
        reason: reason.to_owned(),
        by: desk.operator.clone(),
    });
    let (what, why) = match until {
        Some(until) => {
            ("exclude", format!("until {}: {reason}", until.to_rfc3339_opts(SecondsFormat::Secs, true)))
        }
        None => ("exclude-lifted", reason.to_owned()),
    };
    records::exclude(&*desk.ledger, host, exclusion.as_ref(), &done(desk, what, host.as_str(), why))?;
    Ok(exclusion)
}

/// What was done here to the fleet, for the audit.
fn done(desk: &Desk, what: &str, about: &str, why: String) -> AuditRecord {
    AuditRecord {
        at: desk.now(),
        by: desk.operator.clone(),
        what: what.to_owned(),
        about: about.to_owned(),
        reason: Some(why),
    }
}

/// Stops the line for every plan but hotfixes, or lets it go.
///
/// # Errors
/// What the ledger says.
pub fn stop_the_line(desk: &Desk, reason: &str, lift: bool) -> Result<Option<Line>, OpsError> {
    said(reason)?;
    if lift && records::line(&*desk.ledger)?.is_none() {
        return Ok(None);
    }
    let line = Line { since: desk.now(), reason: reason.to_owned(), by: desk.operator.clone() };
    let line = Some(line).filter(|_| !lift);
    let what = if lift { "stop-the-line-lifted" } else { "stop-the-line" };
    let audit = done(desk, what, "every plan but hotfixes", reason.to_owned());
    records::set_line(&*desk.ledger, line.as_ref(), &audit)?;
    Ok(line)
}

impl From<FleetError> for OpsError {
    fn from(error: FleetError) -> Self {
        let refused = |code, way: String| {
            let fact = error.to_string();
            let fact = fact.split_once(": ").map_or(fact.as_str(), |(_, fact)| fact).to_owned();
            OpsError::refused(Blocker::new(code, fact).way_out(way))
        };
        match &error {
            FleetError::NoPlan { .. } => {
                refused(ReasonCode::PlanNotFound, "holdpoint rollout plan list".to_owned())
            }
            FleetError::Driven { plan_id, .. } => OpsError::refused(
                Blocker::new(ReasonCode::PlanDriven, error.to_string())
                    .way_out(format!("watch it: `holdpoint rollout plan describe --plan-id {plan_id}`"))
                    .way_out("if that one was killed, its lease ends within 20 seconds: the same command then"),
            ),
            FleetError::FenceLost { plan_id } => refused(
                ReasonCode::FenceLost,
                format!("watch it: `holdpoint rollout plan describe --plan-id {plan_id}`"),
            ),
            FleetError::Conflict { plan_id } => refused(
                ReasonCode::RevisionConflict,
                format!("look again: `holdpoint rollout plan describe --plan-id {plan_id}`"),
            ),
            FleetError::Ledger(LedgerError::Unavailable { .. }) => refused(
                ReasonCode::EngineUnavailable,
                "do most of its members run, and can this machine reach them? docs/fleet.md: \"When a member dies\""
                    .to_owned(),
            ),
            FleetError::Ledger(LedgerError::Refused { .. } | LedgerError::Settings { .. }) => OpsError::Usage {
                what: error.to_string(),
                hint: "look at `[ledger.etcd]` of fleet.toml, or of agent.toml; `holdpoint fleet etcd-setup --help` makes users and certificates"
                    .to_owned(),
            },
            _ => OpsError::Failed {
                what: error.to_string(),
                hint: "is the disk full, or the file of another user? `holdpoint rollout plan list` reads it"
                    .to_owned(),
            },
        }
    }
}
