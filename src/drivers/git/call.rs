//! How git is called: hardened, in the checkout, with nothing of `GIT_*` from outside (design/04).

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::GitError;
use crate::drivers::Surroundings;
use crate::drivers::program::{Ask, Said};
use crate::model::id::BranchName;
use crate::model::spec::{GIT_ENVIRONMENT, GIT_HARDENING, INCOMING_REFS};

/// A checkout. Making one touches nothing.
#[derive(Debug, Clone)]
pub struct Git {
    pub(super) surroundings: Surroundings,
    pub(super) ours: Vec<PathBuf>,
}

/// How long git may take to read a checkout whose files are not in the cache.
const READ_TIMEOUT: Duration = Duration::from_mins(5);

/// How long a remote may take to name its refs.
const ASK_TIMEOUT: Duration = Duration::from_mins(1);

/// How long a fetch may take.
const FETCH_TIMEOUT: Duration = Duration::from_mins(15);

impl Git {
    /// The checkout at a project root. `ours` are our own folders (workspace, backups), which are never "dirty".
    pub fn new(surroundings: Surroundings, ours: &[PathBuf]) -> Self {
        Self { surroundings, ours: ours.to_vec() }
    }

    /// Fetches one branch into `refs/holdpoint/incoming/<branch>`: no branch, no tag, no remote-tracking ref and no
    /// `FETCH_HEAD` moves.
    ///
    /// # Errors
    /// [`GitError::Failed`] with git's own last words.
    pub fn fetch(&self, remote: &str, branch: &BranchName) -> Result<(), GitError> {
        let failed = |said| GitError::Fetch { remote: remote.to_owned(), branch: branch.to_string(), said };
        if remote.is_empty() || remote.starts_with('-') {
            return Err(failed("that is not the name of a remote: see `[git] remote`".to_owned()));
        }
        let kept = format!("{INCOMING_REFS}{branch}");
        match self.fetch_into(remote, &format!("refs/heads/{branch}"), &kept) {
            Err(GitError::Failed { said, .. }) => Err(failed(said)),
            fetched => fetched,
        }
    }

    /// Fetches one ref of a remote into one of ours, and moves no other.
    pub(super) fn fetch_into(&self, remote: &str, name: &str, kept: &str) -> Result<(), GitError> {
        if remote.is_empty() || remote.starts_with('-') {
            return Err(self.unfit("has no such remote", "git remote -v"));
        }
        let refspec = format!("+{name}:{kept}");
        let mut argv = hardened([
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-write-fetch-head",
            "--no-recurse-submodules",
            "--no-prune",
            "--refmap=",
            "--end-of-options",
            remote,
        ]);
        argv.push(refspec);
        let mut ask = Ask::new(argv);
        ask.timeout = FETCH_TIMEOUT;
        ask.env = &GIT_ENVIRONMENT;
        self.answer("fetch", ask).map(|_| ())
    }

    /// Asks a remote which of its refs has a name; empty where none has.
    pub(super) fn ask_remote(&self, remote: &str, name: &str) -> Result<Said, GitError> {
        let mut ask = Ask::new(hardened(["ls-remote", "--quiet", "--end-of-options", remote, name]));
        ask.timeout = ASK_TIMEOUT;
        ask.env = &GIT_ENVIRONMENT;
        self.answer("ask the remote", ask)
    }

    /// Asks git to read something: no lock is taken, messages are in plain English.
    pub(super) fn read_only(
        &self,
        what: &str,
        args: &[&str],
        stdin: Option<Vec<u8>>,
    ) -> Result<Said, GitError> {
        let mut ask = Ask::new(hardened(args.iter().copied()));
        ask.stdin = stdin;
        ask.timeout = READ_TIMEOUT;
        ask.env = &READ_ENVIRONMENT;
        self.answer(what, ask)
    }

    pub(super) fn answer(&self, what: &str, ask: Ask<'_>) -> Result<Said, GitError> {
        match self.surroundings.ask(ask) {
            Ok(said) if said.code == Some(0) => Ok(said),
            Ok(said) => Err(self.judged(what, &said)),
            Err(error) => Err(GitError::Failed { what: what.to_owned(), said: error.to_string() }),
        }
    }

    /// What git's refusal means.
    fn judged(&self, what: &str, said: &Said) -> GitError {
        let complaint = said.complaint();
        if complaint.contains("dubious ownership") {
            let root = self.root().display();
            return self.unfit(
                "belongs to another user, so git does not read it",
                format!("git config --global --add safe.directory {root}"),
            );
        }
        if complaint.contains("must be run in a work tree") {
            return self.unfit("is a bare repository", CLONE);
        }
        if complaint.contains("not a git repository") {
            return self.unfit("is not a git checkout", CLONE);
        }
        GitError::Failed { what: what.to_owned(), said: complaint }
    }

    pub(super) fn unfit(&self, why: impl Into<String>, way_out: impl Into<String>) -> GitError {
        GitError::Unfit { root: self.root().to_path_buf(), why: why.into(), way_out: way_out.into() }
    }

    pub(super) fn root(&self) -> &Path {
        &self.surroundings.root
    }
}

/// The way out of everything that is no checkout with files.
pub(super) const CLONE: &str = "release from a checkout with files: `git clone <url> <folder>`";

const READ_ENVIRONMENT: [(&str, &str); 3] =
    [GIT_ENVIRONMENT[0], ("GIT_OPTIONAL_LOCKS", "0"), ("LC_ALL", "C.UTF-8")];

pub(super) fn hardened<'a>(args: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    GIT_HARDENING.into_iter().chain(args).map(ToOwned::to_owned).collect()
}
