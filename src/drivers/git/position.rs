//! Where the checkout stands, for steps that move it and for checks that it was moved.

use crate::model::id::{BranchName, Oid};

use super::{Git, GitError};

impl Git {
    /// HEAD's commit.
    ///
    /// # Errors
    /// [`GitError`] when git cannot tell, or there is no commit yet.
    pub fn head(&self) -> Result<Oid, GitError> {
        Ok(self.standing()?.0)
    }

    /// Whether HEAD is this commit, on this branch where one is named, and the tree is clean.
    ///
    /// # Errors
    /// [`GitError`] when git cannot tell.
    pub fn head_is(&self, wanted: &Oid, branch: Option<&BranchName>) -> Result<bool, GitError> {
        let (head, on, clean) = self.standing()?;
        let right_branch = branch.is_none_or(|branch| on.as_deref() == Some(branch.as_str()));
        Ok(clean && head == *wanted && right_branch)
    }

    /// Whether HEAD's content is that of a commit, and the tree is clean.
    ///
    /// # Errors
    /// [`GitError`] when git cannot tell, or there is no such commit.
    pub fn tree_is(&self, wanted: &Oid) -> Result<bool, GitError> {
        let (head, _, clean) = self.standing()?;
        if !clean {
            return Ok(false);
        }
        self.same_content(&head, wanted)
    }

    /// Whether two commits have the same content.
    ///
    /// # Errors
    /// [`GitError`] when git cannot tell, or there is no such commit.
    pub fn same_content(&self, one: &Oid, other: &Oid) -> Result<bool, GitError> {
        if one == other {
            return Ok(true);
        }
        let names = [format!("{one}^{{tree}}"), format!("{other}^{{tree}}")];
        let args = ["rev-parse", "--verify", "--end-of-options"];
        let mut trees = Vec::new();
        for name in &names {
            let mut one = args.to_vec();
            one.push(name);
            trees.push(self.read_only("compare two commits", &one, None)?.stdout);
        }
        Ok(trees[0] == trees[1])
    }
}
