//! Where everything lies (design/03). Nobody else joins these paths.

use std::path::{Path, PathBuf};

use crate::model::evidence::EvidenceId;
use crate::model::id::{AttemptId, BackupStamp, ServiceName, StepName, TicketId};
use crate::model::incident::IncidentId;
use crate::model::preview::PreviewId;

/// Every path of a workspace.
#[derive(Debug, Clone)]
pub struct Layout {
    workspace: PathBuf,
    backups: PathBuf,
}

impl Layout {
    /// The workspace of a project root, with its backup folder (absolute, or relative to the root).
    pub fn new(root: &Path, backups: &Path) -> Self {
        Self { workspace: root.join(".asd/workspace"), backups: root.join(backups) }
    }

    /// `.asd/workspace`
    pub fn workspace(&self) -> &Path {
        &self.workspace
    }

    /// Folder of backup sets.
    pub fn backups(&self) -> &Path {
        &self.backups
    }

    /// Kernel lock: a runner lives.
    pub fn host_lock(&self) -> PathBuf {
        self.workspace.join("host.lock")
    }

    /// Kernel lock: work of a runner lives.
    pub fn host_fence(&self) -> PathBuf {
        self.workspace.join("host.fence")
    }

    /// Room that is kept for a full disk.
    pub fn reserve(&self) -> PathBuf {
        self.workspace.join(".reserve")
    }

    /// Listing index.
    pub fn index(&self) -> PathBuf {
        self.workspace.join("index.sqlite")
    }

    /// What later releases read instead of what the configuration says.
    pub fn sources(&self) -> PathBuf {
        self.workspace.join("sources.toml")
    }

    /// Folder of the compose files that say relinked images.
    pub fn image_overlays(&self) -> PathBuf {
        self.workspace.join("sources")
    }

    /// The compose file that says a relinked image, by the digest of what it says.
    pub fn image_overlay(&self, service: &ServiceName, digest: &str) -> PathBuf {
        self.image_overlays().join(format!("{service}-{digest}.yaml"))
    }

    /// Folder of what a rollout told this host.
    pub fn fleet(&self) -> PathBuf {
        self.workspace.join("fleet")
    }

    /// Folder of previews.
    pub fn previews(&self) -> PathBuf {
        self.workspace.join("previews")
    }

    /// Folder of a preview.
    pub fn preview(&self, id: &PreviewId) -> PathBuf {
        self.previews().join(id.to_string())
    }

    /// A preview's record.
    pub fn preview_record(&self, id: &PreviewId) -> PathBuf {
        self.preview(id).join("preview.json")
    }

    /// The compose file that a preview is run by.
    pub fn preview_compose(&self, id: &PreviewId) -> PathBuf {
        self.preview(id).join("compose.json")
    }

    /// A preview's work tree.
    pub fn preview_tree(&self, id: &PreviewId) -> PathBuf {
        self.preview(id).join("tree")
    }

    /// Folder of what concerns the HTTP server.
    pub fn access(&self) -> PathBuf {
        self.workspace.join("access")
    }

    /// Tokens that were made: what proves them, never their values.
    pub fn tokens(&self) -> PathBuf {
        self.access().join("tokens.json")
    }

    /// Requests that changed something or were turned away.
    pub fn requests_log(&self) -> PathBuf {
        self.access().join("requests.log")
    }

    /// Kernel lock of whoever writes there.
    pub fn access_lock(&self) -> PathBuf {
        self.access().join("lock")
    }

    /// What was answered to a request that may be repeated; `digest` is that of its key.
    pub fn replay(&self, digest: &str) -> PathBuf {
        self.access().join("replays").join(digest)
    }

    /// Folder of drafts for people.
    pub fn drafts(&self) -> PathBuf {
        self.workspace.join("drafts")
    }

    /// A draft.
    pub fn draft(&self, name: &str) -> PathBuf {
        self.drafts().join(name)
    }

    /// Folder of states and logs.
    pub fn releases(&self) -> PathBuf {
        self.workspace.join("releases")
    }

    /// `<ticket>.env`
    pub fn state(&self, ticket: &TicketId) -> PathBuf {
        self.releases().join(format!("{ticket}.env"))
    }

    /// `<ticket>.log`; mutations without a ticket are in `audit.log`.
    pub fn log(&self, ticket: &TicketId) -> PathBuf {
        if ticket.is_audit() {
            self.workspace.join("audit.log")
        } else {
            self.releases().join(format!("{ticket}.log"))
        }
    }

    /// Folder of a ticket.
    pub fn ticket(&self, ticket: &TicketId) -> PathBuf {
        if ticket.is_audit() { self.workspace.join("audit") } else { self.releases().join(ticket.as_str()) }
    }

    /// Folder of an attempt.
    pub fn attempt(&self, attempt: &AttemptId) -> PathBuf {
        self.ticket(&attempt.ticket).join(attempt.number.to_string())
    }

    /// Immutable intent of an attempt.
    pub fn snapshot(&self, attempt: &AttemptId) -> PathBuf {
        self.attempt(attempt).join("snapshot.toml")
    }

    /// What was decided: `plan.json`, `revert.json`.
    pub fn plan(&self, attempt: &AttemptId, name: &str) -> PathBuf {
        self.attempt(attempt).join(format!("{name}.json"))
    }

    /// Phase 2 to read.
    pub fn migrate_script(&self, attempt: &AttemptId) -> PathBuf {
        self.attempt(attempt).join("migrate.sh")
    }

    /// Folder of an attempt's step runs.
    pub fn steps(&self, attempt: &AttemptId) -> PathBuf {
        self.attempt(attempt).join("steps")
    }

    /// Folder of one run of a step; `seq` is that of its intent, so it is never reused.
    pub fn step(&self, attempt: &AttemptId, seq: u64, step: &StepName) -> PathBuf {
        self.steps(attempt).join(format!("{seq}-{step}"))
    }

    /// Folder of an attempt's evidence; that of the host as a whole is `audit@1`'s.
    pub fn evidence_of(&self, attempt: &AttemptId) -> PathBuf {
        self.attempt(attempt).join("evidence")
    }

    /// Folder of an evidence bundle.
    pub fn evidence(&self, attempt: &AttemptId, id: &EvidenceId) -> PathBuf {
        self.evidence_of(attempt).join(id.as_str())
    }

    /// Folder of incidents.
    pub fn incidents(&self) -> PathBuf {
        self.workspace.join("incidents")
    }

    /// An incident.
    pub fn incident(&self, id: &IncidentId) -> PathBuf {
        self.incidents().join(format!("{id}.json"))
    }

    /// A torn log tail that was moved aside.
    pub fn torn(&self, ticket: &TicketId, seq: u64) -> PathBuf {
        self.ticket(ticket).join("torn").join(seq.to_string())
    }

    /// Requests of other terminals to a live run.
    pub fn requests(&self, ticket: &TicketId) -> PathBuf {
        self.ticket(ticket).join("requests")
    }

    /// Markers of `holdpoint once`, by cycle.
    pub fn once(&self, ticket: &TicketId, cycle: u32) -> PathBuf {
        self.ticket(ticket).join("once").join(cycle.to_string())
    }

    /// Backup sets of a service.
    pub fn backups_of(&self, service: &ServiceName) -> PathBuf {
        self.backups.join(service.as_str())
    }

    /// One backup set.
    pub fn backup_set(&self, service: &ServiceName, stamp: &BackupStamp) -> PathBuf {
        self.backups_of(service).join(stamp.as_str())
    }
}
