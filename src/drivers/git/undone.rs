//! Whether a branch has taken commits back itself, by what `git revert` writes into a commit.

use std::collections::HashSet;

use super::call::Git;
use super::error::GitError;
use super::parse;
use crate::model::id::Oid;

/// What `git revert` writes before the id of what it takes back.
const SAYS: &str = "This reverts commit ";

impl Git {
    /// Whether the target has reverted every commit that a release brought from its base to its merge, one by one or the merge
    /// as a whole, and has not reverted those reverts.
    ///
    /// # Errors
    /// When git cannot list the commits.
    pub fn undone(&self, base: &Oid, merge: &Oid, target: &Oid) -> Result<bool, GitError> {
        let since = self.bodies(merge, target, "--topo-order")?;
        let taken_back = taken_back(&since);
        // What a merge brought in is taken back with the merge.
        let brought = self.bodies(base, merge, "--first-parent")?;
        Ok(!brought.is_empty() && brought.iter().all(|(commit, _)| taken_back.contains(commit.as_str())))
    }

    /// Commits that one has and the other has not, newest first, each with what it says below its subject.
    fn bodies(&self, older: &Oid, newer: &Oid, walk: &str) -> Result<Vec<(Oid, String)>, GitError> {
        let range = format!("{older}..{newer}");
        let format = parse::BODY_FORMAT;
        let args = [
            "log",
            "-z",
            walk,
            "--encoding=UTF-8",
            "--no-show-signature",
            format,
            "--end-of-options",
            &range,
        ];
        parse::bodies(&self.read_only("list what was reverted", &args, None)?.stdout)
    }
}

/// The commits that the others, newest first, take back: a revert that was reverted takes nothing back.
fn taken_back(commits: &[(Oid, String)]) -> HashSet<&str> {
    let mut taken_back = HashSet::new();
    for (commit, body) in commits {
        if !taken_back.contains(commit.as_str()) {
            taken_back.extend(body.split(SAYS).skip(1).map(|rest| {
                let end = rest.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(rest.len());
                &rest[..end]
            }));
        }
    }
    taken_back
}
