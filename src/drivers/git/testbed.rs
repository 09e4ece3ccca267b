//! A real origin and a real checkout for tests.

#![expect(clippy::disallowed_methods, reason = "tests make real files and repositories")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Git, Look};
use crate::drivers::Surroundings;
use crate::model::id::Oid;

/// An origin with one commit, cloned by a developer and by a host.
pub(crate) struct Testbed {
    pub(crate) folder: tempfile::TempDir,
}

impl Testbed {
    pub(crate) fn new() -> Self {
        let bed = Self { folder: tempfile::tempdir().unwrap() };
        fs::create_dir(bed.path("origin")).unwrap();
        bed.git("origin", &["init", "-q", "--bare", "-b", "main"]);
        bed.git(".", &["clone", "-q", "origin", "dev"]);
        bed.git("dev", &["switch", "-q", "-c", "main"]);
        bed.commit("dev", "a", "one");
        bed.git("dev", &["push", "-q", "origin", "main"]);
        bed.git(".", &["clone", "-q", "origin", "host"]);
        bed
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Runs git as a person with an empty configuration would, and returns what it printed.
    pub(crate) fn git(&self, place: &str, args: &[&str]) -> String {
        let out = Command::new("git")
            .args(args)
            .current_dir(self.path(place))
            .envs([("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_SYSTEM", "/dev/null")])
            .envs([("GIT_AUTHOR_NAME", "Ada"), ("GIT_AUTHOR_EMAIL", "ada@example.com")])
            .envs([("GIT_COMMITTER_NAME", "Ada"), ("GIT_COMMITTER_EMAIL", "ada@example.com")])
            .env("GIT_ALLOW_PROTOCOL", "file")
            .output()
            .unwrap();
        assert!(out.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap().trim().to_owned()
    }

    /// Commits a file with some text; returns the commit.
    pub(crate) fn commit(&self, place: &str, file: &str, text: &str) -> Oid {
        self.write(&format!("{place}/{file}"), text);
        self.git(place, &["add", "-A"]);
        self.git(place, &["commit", "-q", "-m", &format!("{file}: {text}")]);
        self.head(place)
    }

    /// Commits in the developer's clone and pushes.
    pub(crate) fn push(&self, file: &str, text: &str) -> Oid {
        let oid = self.commit("dev", file, text);
        self.git("dev", &["push", "-q", "origin", "main"]);
        oid
    }

    pub(crate) fn head(&self, place: &str) -> Oid {
        self.git(place, &["rev-parse", "HEAD"]).parse().unwrap()
    }

    /// Takes the tree back to a commit, as a revert of ours does.
    pub(crate) fn revert(&self, place: &str, ticket: &str, to: &Oid) -> Oid {
        self.git(place, &["read-tree", "-u", "--reset", to.as_str()]);
        let message = format!("Revert release {ticket}\n\nHoldpoint-Reverts: {ticket}");
        self.git(place, &["commit", "-q", "--allow-empty", "-m", &message]);
        self.head(place)
    }

    pub(crate) fn checkout(&self, place: &str) -> Git {
        let root = self.path(place);
        let ours = [root.join(".asd/workspace")];
        Git::new(Surroundings { root, env: environment(self.folder.path()) }, &ours)
    }

    pub(crate) fn look() -> Look {
        Look {
            at_is_ours: false,
            remote: "origin".to_owned(),
            branch: "main".parse().unwrap(),
            at: None,
            base: None,
            matter: std::collections::BTreeSet::new(),
            left_at: None,
            branches: std::collections::BTreeSet::new(),
        }
    }
}

fn environment(home: &Path) -> BTreeMap<String, String> {
    let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    [("PATH", path), ("HOME", home.to_str().unwrap()), ("LANG", "C.UTF-8")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}
