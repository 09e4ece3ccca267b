//! What a repository says that one of its tags stands for. Nothing is fetched, and no ref of ours moves.

use std::time::Duration;

use super::call::{Git, hardened};
use super::{GitError, parse};
use crate::drivers::program::Ask;
use crate::model::id::Oid;
use crate::model::spec::GIT_ENVIRONMENT;
use crate::sys::process::Ends;

/// What a name is in a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// A tag: the commit that it stands for, behind an annotation too.
    Tag(Oid),
    /// A branch: it moves.
    Branch,
    /// Neither. The names of its tags.
    Nothing(Vec<String>),
}

impl Git {
    /// What a name is in a repository, which has so long to answer each question and is never asked for a password.
    ///
    /// # Errors
    /// [`GitError::Failed`] with git's own last words.
    pub fn named(&self, repository: &str, name: &str, limit: Duration) -> Result<Named, GitError> {
        let (tag, branch) = (format!("refs/tags/{name}"), format!("refs/heads/{name}"));
        let peeled = format!("{tag}^{{}}");
        let found = self.refs(repository, &[&tag, &peeled, &branch], limit)?;
        // A pattern fits the end of a name, too.
        let of = |wanted: &str| found.iter().find(|(_, name)| name == wanted).map(|(oid, _)| oid.clone());
        if let Some(oid) = of(&peeled).or_else(|| of(&tag)) {
            return Ok(Named::Tag(oid));
        }
        if of(&branch).is_some() {
            return Ok(Named::Branch);
        }
        let all = self.refs(repository, &["refs/tags/*"], limit)?;
        let tags = all.iter().filter_map(|(_, name)| name.strip_prefix("refs/tags/"));
        Ok(Named::Nothing(tags.filter(|name| !name.ends_with("^{}")).map(str::to_owned).collect()))
    }

    fn refs(
        &self,
        repository: &str,
        patterns: &[&str],
        limit: Duration,
    ) -> Result<Vec<(Oid, String)>, GitError> {
        let configured = self.read_only("read a setting", &["config", "--get", "core.sshCommand"], None);
        let ssh = configured.map(|said| said.text().trim().to_owned()).unwrap_or_default();
        let ssh = format!("{} -oBatchMode=yes", if ssh.is_empty() { "ssh" } else { &ssh });
        let words = ["ls-remote", "--quiet", "--end-of-options", repository].into_iter();
        let mut ask = Ask::new(hardened(words.chain(patterns.iter().copied())));
        let env = [GIT_ENVIRONMENT[0], ("GIT_SSH_COMMAND", ssh.as_str()), ("LC_ALL", "C.UTF-8")];
        (ask.timeout, ask.env, ask.ends) = (limit, &env, Ends::Group);
        let said = self.answer("ask the repository for its tags", ask)?.text();
        let line = |line: &str| {
            let (oid, name) = line.split_once('\t').unwrap_or((line, ""));
            Ok((parse::oid("`git ls-remote`", oid)?, name.to_owned()))
        };
        said.lines().map(line).collect()
    }
}
