//! Why containers could not be observed, and what that means for a plan.

use thiserror::Error;

use crate::drivers::program::Said;
use crate::model::reason::{Blocker, ReasonCode};

/// Why containers could not be observed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ComposeError {
    /// The engine or compose is missing, not running, or not ours to use.
    #[error("{what}")]
    Tools {
        /// What is wrong.
        what: String,
        /// What a person may do.
        way_out: String,
    },
    /// The compose file is missing or not understood.
    #[error("compose file `{file}`: {said}")]
    File {
        /// The file, as configured.
        file: String,
        /// What compose said.
        said: String,
    },
    /// An answer that we do not understand.
    #[error("the answer to {what} could not be read: {said}")]
    Unreadable {
        /// What was asked.
        what: String,
        /// Why.
        said: String,
    },
}

impl ComposeError {
    /// The blocker that this becomes in a plan.
    pub fn blocker(&self) -> Blocker {
        match self {
            ComposeError::Tools { way_out, .. } => {
                Blocker::new(ReasonCode::Tools, self.to_string()).way_out(way_out)
            }
            ComposeError::File { file, .. } => Blocker::new(ReasonCode::SourceUnavailable, self.to_string())
                .way_out(format!("look at `{file}`, then run the command again"))
                .way_out(
                    "its folder or image moved: `holdpoint source show`, then `holdpoint source relink SERVICE.folder …`",
                ),
            ComposeError::Unreadable { .. } => Blocker::new(ReasonCode::Tools, self.to_string())
                .way_out("check the versions: `holdpoint doctor`"),
        }
    }

    /// What an engine's complaint means, where it is not about what was asked but about the engine itself.
    pub(in crate::drivers) fn from_engine(said: &Said) -> Option<Self> {
        let stderr = String::from_utf8_lossy(&said.stderr);
        let tools = |what: &str, way_out: &str| {
            Some(ComposeError::Tools { what: what.to_owned(), way_out: way_out.to_owned() })
        };
        let is_denied = stderr.contains("permission denied while trying to connect")
            || stderr.contains("Connection aborted") && stderr.contains("PermissionError");
        if is_denied {
            return tools(
                "the docker socket may not be used by this user",
                "sudo usermod -aG docker \"$USER\"",
            );
        }
        let is_down = [
            "Cannot connect to the Docker daemon",
            "Is the docker daemon running",
            "Cannot connect to Podman",
        ];
        if is_down.iter().any(|words| stderr.contains(words))
            || stderr.contains("Connection aborted") && stderr.contains("FileNotFoundError")
        {
            return tools("the docker daemon does not answer", "systemctl status docker");
        }
        None
    }
}
