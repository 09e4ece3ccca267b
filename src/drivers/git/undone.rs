//! Whether a branch has taken commits back itself, by what `git revert` writes into a commit.

use std::collections::HashMap;

use super::call::Git;
use super::error::GitError;
use super::parse::{self, Body};
use crate::model::id::Oid;

/// What `git revert` writes before the id of what it takes back.
const SAYS: &str = "This reverts commit ";

/// What it writes after that of a merge, before the id of the parent that stays.
const CHANGES: &str = ", reversing changes made to ";

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
        Ok(!brought.is_empty() && brought.iter().all(|body| is_taken_back(body, &taken_back)))
    }

    /// Commits that one has and the other has not, newest first.
    fn bodies(&self, older: &Oid, newer: &Oid, walk: &str) -> Result<Vec<Body>, GitError> {
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

/// What is taken back by commits, newest first, each with what follows its id: a revert that was reverted takes nothing back.
fn taken_back(commits: &[Body]) -> HashMap<&str, &str> {
    let mut taken_back = HashMap::new();
    for body in commits {
        if !taken_back.contains_key(body.commit.as_str()) {
            taken_back.extend(body.text.split(SAYS).skip(1).map(id));
        }
    }
    taken_back
}

/// The id at the beginning of a text, and what follows it.
fn id(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(text.len()))
}

/// Whether a revert took a commit's changes to its first parent back: of a merge, those to the other side may be meant.
fn is_taken_back(body: &Body, taken_back: &HashMap<&str, &str>) -> bool {
    let Some(rest) = taken_back.get(body.commit.as_str()) else { return false };
    let [first, _, ..] = body.parents.as_slice() else { return true };
    // Lines of a message are wrapped by whoever edits it.
    let rest = rest.split_whitespace().collect::<Vec<_>>().join(" ");
    let named = rest.strip_prefix(CHANGES).map(|parent| id(parent).0);
    named == Some(first.as_str())
}
