//! Why the checkout could not be read.

use std::path::PathBuf;

use thiserror::Error;

use crate::model::reason::{Blocker, ReasonCode};

/// Why the checkout could not be read.
#[derive(Debug, Error)]
pub enum GitError {
    /// The checkout is of a kind we cannot release on.
    #[error("`{root}` {why}", root = root.display())]
    Unfit {
        /// The checkout.
        root: PathBuf,
        /// What is wrong with it.
        why: String,
        /// What a person may do.
        way_out: String,
    },
    /// Git could not do what was asked.
    #[error("git could not {what}: {said}")]
    Failed {
        /// What was asked, as a verb phrase.
        what: String,
        /// Its last words, on one line.
        said: String,
    },
    /// The remote could not be asked.
    #[error("git could not fetch `{branch}` from `{remote}`: {said}")]
    Fetch {
        /// Remote, by its name.
        remote: String,
        /// Branch that was wanted.
        branch: String,
        /// Git's last words, on one line.
        said: String,
    },
    /// Git answered something we do not understand.
    #[error("git's answer to {what} could not be read: `{said}`")]
    Unreadable {
        /// What was asked.
        what: &'static str,
        /// The part that could not be read, cut short.
        said: String,
    },
}

impl GitError {
    /// The blocker that this becomes in a plan.
    pub fn blocker(&self) -> Blocker {
        match self {
            GitError::Unfit { way_out, .. } => {
                Blocker::new(ReasonCode::CheckoutUnfit, self.to_string()).way_out(way_out)
            }
            GitError::Fetch { remote, branch, .. } => {
                let relink = |what: &str, current: &str| {
                    let current = shlex::try_quote(current).unwrap_or_default();
                    format!(
                        "`holdpoint source relink git.{what} --to … --expect-current {current} --reason '…'`"
                    )
                };
                let (moved, renamed) = (relink("remote", remote), relink("branch", branch));
                Blocker::new(ReasonCode::SourceUnavailable, self.to_string())
                    .way_out(format!("git fetch {remote} {branch}"))
                    .way_out("repair the access, then run the same command again")
                    .way_out(format!("it moved: {moved}; the branch has another name: {renamed}"))
            }
            _ => Blocker::new(ReasonCode::SourceUnavailable, self.to_string())
                .way_out("look at it by hand: `git status`"),
        }
    }
}
