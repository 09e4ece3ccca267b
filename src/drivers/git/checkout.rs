//! The checkout as a whole: where it begins, what it follows, which names it knows. For verbs that set a host up or look
//! at it, not for releases.

use std::path::PathBuf;

use super::parse;
use super::{Git, GitError};
use crate::model::id::Oid;

impl Git {
    /// The top of the checkout that our folder lies in.
    ///
    /// # Errors
    /// [`GitError::Unfit`] where there is none.
    pub fn top(&self) -> Result<PathBuf, GitError> {
        let said = self.read_only("find the checkout", &["rev-parse", "--show-toplevel"], None)?;
        Ok(PathBuf::from(said.text().trim_end_matches(['\r', '\n'])))
    }

    /// The commit behind a name that a person typed: a branch, a tag, an id, `HEAD~2`.
    ///
    /// # Errors
    /// [`GitError::Failed`] when there is no such commit.
    pub fn commit_of(&self, name: &str) -> Result<Oid, GitError> {
        let wanted = format!("{name}^{{commit}}");
        let args = ["rev-parse", "--verify", "--quiet", "--end-of-options", &wanted];
        let said = self.read_only(&format!("find the commit `{}`", name.escape_debug()), &args, None)?;
        // Older versions print the separator that they were given.
        let text = said.text();
        let last = text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
        parse::oid("`git rev-parse`", last.trim())
    }

    /// The remote that the checked-out branch follows, else the only one there is, else `origin`.
    ///
    /// # Errors
    /// [`GitError`] when git cannot tell.
    pub fn remote(&self) -> Result<String, GitError> {
        let (_, branch, _) = self.standing()?;
        let followed = branch.and_then(|branch| {
            let key = format!("branch.{branch}.remote");
            let said = self.read_only("read its configuration", &["config", "--get", &key], None).ok()?;
            Some(said.text().trim().to_owned()).filter(|name| !name.is_empty() && name != ".")
        });
        if let Some(remote) = followed {
            return Ok(remote);
        }
        let said = self.read_only("list remotes", &["remote"], None)?;
        let text = said.text();
        let mut names = text.lines().map(str::trim).filter(|name| !name.is_empty());
        let only = names.next().filter(|_| names.next().is_none());
        Ok(only.unwrap_or("origin").to_owned())
    }

    /// The file with patterns that git ignores in this checkout alone: `.git/info/exclude`, wherever `.git` is.
    ///
    /// # Errors
    /// [`GitError`] when git cannot tell.
    pub fn exclude_file(&self) -> Result<PathBuf, GitError> {
        let args = ["rev-parse", "--git-path", "info/exclude"];
        let said = self.read_only("find its list of ignored files", &args, None)?;
        Ok(self.root().join(said.text().trim_end_matches(['\r', '\n'])))
    }

    /// Git's own version: `2.47.3`.
    ///
    /// # Errors
    /// [`GitError`] when git is not here.
    pub fn version(&self) -> Result<String, GitError> {
        let said = self.read_only("say its version", &["version"], None)?;
        Ok(said.text().trim().trim_start_matches("git version ").to_owned())
    }
}

#[cfg(test)]
mod tests {
    use crate::drivers::git::testbed::Testbed;

    #[test]
    fn names_of_people_become_commits_and_nothing_else_does() {
        let bed = Testbed::new();
        let git = bed.checkout("host");
        assert_eq!(git.commit_of("HEAD").unwrap(), bed.head("host"));
        for bad in ["no-such-branch", "--all", "-x", "", "HEAD..HEAD", "HEAD\nHEAD"] {
            assert!(git.commit_of(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_checkout_knows_its_top_its_remote_and_its_excludes() {
        let bed = Testbed::new();
        let git = bed.checkout("host");
        assert_eq!(git.top().unwrap(), bed.path("host").canonicalize().unwrap());
        assert_eq!(git.remote().unwrap(), "origin");
        assert!(git.exclude_file().unwrap().ends_with(".git/info/exclude"));
        assert!(git.version().unwrap().starts_with(|c: char| c.is_ascii_digit()));
    }
}
