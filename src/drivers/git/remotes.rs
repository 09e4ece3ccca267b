//! What a remote says of itself, and where it is. Nothing is fetched, and no ref of ours moves.

use super::call::Git;
use super::{GitError, parse};
use crate::model::id::{BranchName, Oid};

impl Git {
    /// The address that a remote's name stands for, as git would fetch from it; none where no remote has that name.
    ///
    /// # Errors
    /// [`GitError::Failed`] when git cannot tell.
    pub fn address(&self, remote: &str) -> Result<Option<String>, GitError> {
        let names = self.read_only("list remotes", &["remote"], None)?;
        if !names.text().lines().any(|name| name.trim() == remote) {
            return Ok(None);
        }
        let args = ["remote", "get-url", "--", remote];
        let said = self.read_only("read the address of a remote", &args, None)?;
        Ok(said.text().lines().next().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()))
    }

    /// The commit that a branch is at where it comes from.
    ///
    /// # Errors
    /// [`GitError::Fetch`] with git's own last words, or because there is no such branch.
    pub fn remote_tip(&self, remote: &str, branch: &BranchName) -> Result<Oid, GitError> {
        let failed =
            |said: String| GitError::Fetch { remote: remote.to_owned(), branch: branch.to_string(), said };
        if remote.is_empty() || remote.starts_with('-') {
            return Err(failed("that is not the name of a remote".to_owned()));
        }
        let said = match self.ask_remote(remote, &format!("refs/heads/{branch}")) {
            Ok(said) => said,
            Err(GitError::Failed { said, .. }) => return Err(failed(said)),
            Err(error) => return Err(error),
        };
        let text = said.text();
        match text.split_whitespace().next() {
            Some(id) => parse::oid("`git ls-remote`", id),
            None => Err(failed(format!("there is no branch `{branch}`"))),
        }
    }

    /// Whether a commit has another one in its history; none where one of them is not here.
    pub fn has_in_history(&self, commit: &Oid, wanted: &Oid) -> Option<bool> {
        let here = |oid: &Oid| self.commit_of(oid.as_str()).is_ok();
        if !here(commit) || !here(wanted) {
            return None;
        }
        let args = ["merge-base", "--is-ancestor", wanted.as_str(), commit.as_str()];
        Some(self.read_only("compare two commits", &args, None).is_ok())
    }
}
