//! The agent of this host: what it is configured with, and that it is the only one here.

use std::fs::File;
use std::path::{Path, PathBuf};

use crate::fleet::agent::{AgentError, Around, watch};
use crate::fleet::ledger::EtcdLedger;
use crate::fleet::records::FleetError;
use crate::fleet::transport::tell_here;
use crate::manifest::fleet;
use crate::manifest::settings::SourceFile;
use crate::model::reason::{Blocker, ReasonCode};
use crate::model::rollout::{AgentNews, AgentSpec, Offer};
use crate::ops::error::OpsError;
use crate::sys::clock::SystemClock;
use crate::sys::signal::Stop;
use crate::sys::{files, process};

use super::host::WORKSPACE;

/// Bytes of its configuration.
const LIMIT: u64 = 1 << 20;

/// What an agent works with.
#[derive(Debug)]
pub struct Agent {
    spec: AgentSpec,
    ledger: EtcdLedger,
    file: PathBuf,
}

impl Agent {
    /// Reads `agent.toml`, and what it names; nobody is asked yet.
    ///
    /// # Errors
    /// [`OpsError::Manifest`] with line and column, or a usage error for what it names.
    pub fn open(file: &Path) -> Result<Self, OpsError> {
        if !files::exists(file) {
            let what = format!("there is no `{}`", file.display());
            let hint =
                "write it: `sh etcd-setup.sh settings HOST` prints it, `holdpoint schema agent` its keys";
            return Err(OpsError::Usage { what, hint: hint.to_owned() });
        }
        let file = files::absolute(file)?;
        let text = files::read_text(&file, LIMIT).map_err(|source| OpsError::Unreadable { source })?;
        let spec = fleet::agent(&SourceFile { path: file.display().to_string(), text })?;
        if !files::is_folder(&Path::new(&spec.folder).join(".asd")) {
            return Err(OpsError::Usage {
                what: format!("`{}` is no project folder: it has no `.asd`", spec.folder),
                hint: format!("correct `folder` in {}, or `holdpoint init` there", file.display()),
            });
        }
        let beside = file.parent().unwrap_or(Path::new("/"));
        let ledger = EtcdLedger::new(&spec.etcd, beside).map_err(FleetError::from)?;
        Ok(Self { spec, ledger, file })
    }

    /// Its configuration.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Watches, and does what is ordered, until it is asked to stop.
    ///
    /// # Errors
    /// A refusal where this host has another agent, or what the ledger says.
    pub fn run(&self, stop: &Stop, shows: &dyn Fn(&AgentNews)) -> Result<(), OpsError> {
        let _only = self.only()?;
        let machine = process::host_name();
        let tells = |offer: &Offer| tell_here(&self.spec.folder, offer);
        let around = Around {
            ledger: &self.ledger,
            host: &self.spec.host,
            folder: &self.spec.folder,
            machine: &machine,
            tells: &tells,
            clock: &SystemClock::new(),
            stop,
            shows,
        };
        watch(&around).map_err(|error| match error {
            AgentError::Elsewhere { .. } => {
                let way = "end that one, or give this machine a name of its own; one that is gone counts for 20 seconds";
                OpsError::refused(
                    Blocker::new(ReasonCode::AgentElsewhere, error.to_string()).way_out(way.to_owned()),
                )
            }
            AgentError::Ledger(error) => FleetError::from(error).into(),
        })
    }

    /// The lock of the one agent of a project folder, which is let go of when we end, however we do.
    fn only(&self) -> Result<File, OpsError> {
        let folder = Path::new(&self.spec.folder).join(WORKSPACE).join("fleet");
        files::make_folders(&folder, 0o750)?;
        let path = folder.join("agent.lock");
        let lock = files::open_or_create(&path, 0o640)?;
        if files::try_take(&lock, &path)? {
            return Ok(lock);
        }
        let fact = format!("an agent of `{}` runs already on this machine", self.spec.host);
        let way = "look at it: `systemctl status holdpoint-agent`".to_owned();
        Err(OpsError::refused(Blocker::new(ReasonCode::AgentElsewhere, fact).way_out(way)))
    }
}
