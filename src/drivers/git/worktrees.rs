//! Work trees beside the checkout, and the commits that previews are made of. Nothing of the checkout moves.

use std::path::Path;

use super::call::Git;
use super::{GitError, parse};
use crate::model::id::Oid;
use crate::model::spec::INCOMING_REFS;

impl Git {
    /// The commit that a work tree of this repository stands on; none where git knows of no such tree.
    ///
    /// # Errors
    /// [`GitError`] when git cannot tell.
    pub fn worktree(&self, path: &Path) -> Result<Option<Oid>, GitError> {
        let said = self.read_only("list work trees", &["worktree", "list", "--porcelain"], None)?;
        let text = said.text();
        let mut found = false;
        for line in text.lines() {
            if let Some(there) = line.strip_prefix("worktree ") {
                found = Path::new(there) == path;
            } else if let Some(head) = line.strip_prefix("HEAD ").filter(|_| found) {
                return parse::oid("`git worktree list`", head.trim()).map(Some);
            }
        }
        Ok(None)
    }

    /// Fetches the head of a pull request, as forges name it, into a ref of ours; answers with its commit.
    ///
    /// # Errors
    /// [`GitError::Failed`] where the remote has no such pull request, or cannot be asked.
    pub fn fetch_pull(&self, remote: &str, number: u32) -> Result<Oid, GitError> {
        let kept = format!("{INCOMING_REFS}pull/{number}/head");
        let names = [format!("refs/pull/{number}/head"), format!("refs/merge-requests/{number}/head")];
        let mut last = None;
        for name in names {
            match self.fetch_into(remote, &name, &kept) {
                Ok(()) => return self.commit_of(&kept),
                Err(error) => {
                    last.get_or_insert(error);
                }
            }
        }
        Err(last.unwrap_or_else(|| self.unfit("has no remote", "git remote -v")))
    }
}
