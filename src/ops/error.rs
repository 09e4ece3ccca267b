//! Why a verb could not do what was asked, with the word behind its exit status.

use std::path::PathBuf;

use thiserror::Error;

use crate::engine::EngineError;
use crate::manifest::ManifestError;
use crate::model::id::{IdError, TicketId};
use crate::model::outcome::Ending;
use crate::model::reason::{Blocker, ReasonCode};
use crate::model::view::RefusedView;
use crate::store::StoreError;
use crate::sys::FileError;

/// Why a verb failed.
#[derive(Debug, Error)]
pub enum OpsError {
    /// No `.asd/release.toml` here or above.
    #[error("`{start}` is not in a holdpoint project: no `.asd/release.toml` there or in any folder above", start = start.display())]
    NoProject {
        /// Where the search began.
        start: PathBuf,
    },
    /// A configuration file is wrong.
    #[error("{0}")]
    Manifest(#[from] ManifestError),
    /// A configuration file could not be read as text.
    #[error("{source}")]
    Unreadable {
        /// Why; it names the file.
        #[source]
        source: FileError,
    },
    /// A name is wrong.
    #[error(transparent)]
    Id(#[from] IdError),
    /// The command line asks for something that does not fit together.
    #[error("{what}")]
    Usage {
        /// What is wrong.
        what: String,
        /// What to type instead.
        hint: String,
    },
    /// Gates said no.
    #[error("refused: {}", codes(&.0.blockers))]
    Refused(RefusedView),
    /// The person said no.
    #[error("nothing was done: you said no")]
    Declined,
    /// There is no release of that ticket here.
    #[error("`{ticket}` has no release on this host")]
    NoRelease {
        /// The ticket.
        ticket: TicketId,
    },
    /// State, log, lock or backups.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// What happened could not be recorded.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The checkout could not be read.
    #[error(transparent)]
    Git(#[from] crate::drivers::git::GitError),
    /// Cut off from what it needs in the middle of its work, which goes on from where it stands.
    #[error("{what}")]
    CutOff {
        /// From what.
        code: ReasonCode,
        /// What was cut off, and what goes on without us.
        what: String,
        /// What to type next.
        hint: String,
    },
    /// Something else that a person must look at.
    #[error("{what}")]
    Failed {
        /// What.
        what: String,
        /// What to type next.
        hint: String,
    },
}

/// The codes of a refusal, in one line.
pub(super) fn codes(blockers: &[Blocker]) -> String {
    let words: Vec<&str> = blockers.iter().map(|blocker| blocker.code.word()).collect();
    words.join(", ")
}

impl OpsError {
    /// Refused for one reason that no playbook is about.
    pub fn refused(blocker: Blocker) -> Self {
        Self::all_refused(vec![blocker])
    }

    /// A refusal for these reasons.
    pub(super) fn all_refused(blockers: Vec<Blocker>) -> Self {
        OpsError::Refused(RefusedView::new(blockers, Vec::new()))
    }

    /// The reason code of an error that is a refusal.
    pub fn code(&self) -> Option<ReasonCode> {
        match self {
            OpsError::Refused(refused) => refused.blockers.first().map(|blocker| blocker.code),
            OpsError::NoRelease { .. } => Some(ReasonCode::StateMissing),
            OpsError::Declined => Some(ReasonCode::Declined),
            OpsError::CutOff { code, .. } => Some(*code),
            OpsError::Store(StoreError::Locked { .. }) => Some(ReasonCode::Locked),
            OpsError::Store(StoreError::Newer { .. }) => Some(ReasonCode::FormatNewer),
            OpsError::Store(StoreError::Open { .. }) => Some(ReasonCode::WorkspaceOpen),
            _ => None,
        }
    }

    /// The word behind the exit status.
    pub fn ending(&self) -> Ending {
        match self {
            OpsError::NoProject { .. }
            | OpsError::Manifest(_)
            | OpsError::Unreadable { .. }
            | OpsError::Id(_)
            | OpsError::Usage { .. } => Ending::Usage,
            OpsError::Refused(refused) => refused.ending,
            OpsError::NoRelease { .. } | OpsError::Declined => Ending::Refused,
            OpsError::CutOff { .. } => Ending::Interrupted,
            OpsError::Store(error) => store_ending(error),
            OpsError::Engine(EngineError::Record { source }) => store_ending(source),
            OpsError::Engine(EngineError::Illegal(_)) => Ending::Internal,
            OpsError::File(_) | OpsError::Git(_) | OpsError::Failed { .. } => Ending::Failed,
        }
    }

    /// What to type next.
    pub fn hints(&self) -> Vec<String> {
        match self {
            OpsError::NoProject { .. } => vec![
                "go to the project's folder, or name it: `holdpoint -C DIR …`".to_owned(),
                "a new host begins with `holdpoint init`; beside a `fleet.toml` that file may be empty"
                    .to_owned(),
            ],
            OpsError::Usage { hint, .. } | OpsError::Failed { hint, .. } | OpsError::CutOff { hint, .. } => {
                vec![hint.clone()]
            }
            OpsError::Store(StoreError::Locked { holder }) => {
                if let Some(work) = holder.left.first() {
                    let attempt = &work.attempt;
                    return vec![
                        format!("end it: `holdpoint cancel {attempt} --confirm {attempt}`"),
                        "or wait for it: the same command with `--lock-wait 10m`".to_owned(),
                    ];
                }
                let watch =
                    holder.ticket.as_ref().map(|ticket| format!("watch it: `holdpoint log {ticket} -f`"));
                watch
                    .into_iter()
                    .chain(["wait for it: the same command with `--lock-wait 10m`".to_owned()])
                    .collect()
            }
            OpsError::Unreadable { .. } => {
                vec![
                    "it has to be a text file that you may read: `git status` says who changed it".to_owned(),
                ]
            }
            OpsError::Git(error) => error.blocker().ways_out,
            OpsError::Store(StoreError::Open { path }) => vec![format!("chmod o-w {}", path.display())],
            OpsError::Store(StoreError::Stranger { path }) => {
                vec![format!("look whose it is: `ls -ld {}`; `sudo chown` gives it back", path.display())]
            }
            OpsError::Store(StoreError::NoGroup { group }) => {
                vec![
                    format!("groupadd {group}"),
                    "or change `[workspace] group` in .asd/release.toml".to_owned(),
                ]
            }
            OpsError::Store(StoreError::Newer { .. }) => {
                vec!["use the version that wrote it; `holdpoint --version` is this one's".to_owned()]
            }
            OpsError::Declined => {
                vec![
                    "`--dry-run` shows the plan without asking; run the same command again to go ahead"
                        .to_owned(),
                ]
            }
            OpsError::NoRelease { .. } => vec!["`holdpoint list` shows what was released here".to_owned()],
            _ => Vec::new(),
        }
    }
}

fn store_ending(error: &StoreError) -> Ending {
    match error {
        StoreError::Locked { .. } => Ending::Locked,
        StoreError::Damaged { .. } => Ending::Damaged,
        StoreError::NoGroup { .. } => Ending::Usage,
        StoreError::Newer { .. } | StoreError::Open { .. } | StoreError::Stranger { .. } => Ending::Refused,
        _ => Ending::Failed,
    }
}
