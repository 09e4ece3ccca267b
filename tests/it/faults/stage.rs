//! A small host at one point of a release, put back there as often as wanted, and what an undisturbed end looks like.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Host, Output, manifest, wait_until};

use super::held::Prepare;

/// What is done to the host when something goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    /// A release from its beginning.
    Run,
    /// One that halted in its ticket phase, once the cause was removed.
    Resume,
    /// One that succeeded is taken back.
    Revert,
}

impl Verb {
    pub(super) fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Run => &["run", "1234", "--json"],
            Self::Resume => &["run", "1234", "--from=ticket", "--json"],
            Self::Revert => &["revert", "1234", "--yes", "--json"],
        }
    }

    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Resume => "resume",
            Self::Revert => "revert",
        }
    }

    /// How a release stands in the end.
    pub(super) const fn goal(self) -> &'static str {
        match self {
            Self::Run | Self::Resume => "succeeded",
            Self::Revert => "reverted",
        }
    }
}

/// What a release leaves on a host, as far as it may not depend on what went wrong meanwhile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct End {
    /// The commit; of a revert, which makes a commit of its own, its tree.
    head: String,
    image: String,
    /// Of a release: content, mode and owner; of a revert the times, too.
    data: Vec<String>,
    /// What git says of the working tree.
    dirt: String,
    /// The scripts that ran to their end, once for each time.
    pub(super) ran: Vec<String>,
}

/// A host that can be put back to where it was.
pub(super) struct Stage {
    pub(super) host: Host,
    pub(super) verb: Verb,
    /// What the undisturbed verb ends in.
    pub(super) end: End,
    kept: tempfile::TempDir,
}

/// What changes on a host.
const PARTS: [&str; 7] = ["prod", "data", "run", "images", "trouble", "calls", "ran"];

impl Stage {
    /// A host where this is about to be done, and what it ends in.
    pub(super) fn before(verb: Verb, prepare: Prepare<'_>) -> Self {
        let mut host = Host::new();
        prepare(&mut host);
        let root = host.root().display().to_string();
        std::fs::write(host.root().join("ran"), "").unwrap();
        host.script("1234", "a-first", &format!("echo a >>{root}/ran"));
        // What it changes and that it ran is one thing: nobody sees it in between.
        let fix = format!(
            "test ! -e {root}/trouble/script\n\
             if ! grep -q migrated {root}/data/wikijs/pages/home.md; then\n\
             echo migrated >>{root}/data/wikijs/pages/home.md\nfi\necho b >>{root}/ran"
        );
        host.script("1234", "b-fix", &fix);
        host.ships("1234", "wikijs", "2");
        let before = manifest(&host.data("wikijs"));
        if verb == Verb::Resume {
            std::fs::write(host.root().join("trouble/script"), "").unwrap();
            host.run(["run", "1234"]).exits(1);
            std::fs::remove_file(host.root().join("trouble/script")).unwrap();
        } else if verb == Verb::Revert {
            host.run(["run", "1234"]).exits(0);
        }
        let kept = tempfile::Builder::new().prefix("holdpoint-stage-").tempdir().unwrap();
        copy(host.root(), kept.path());
        host.run(verb.arguments()).exits(0);
        let end = End::of(&host, verb);
        if verb == Verb::Revert {
            assert_eq!(end.data, before, "a revert puts data back");
        }
        Self { host, verb, end, kept }
    }

    /// Puts everything back to where it was, the service too.
    pub(super) fn reset(&self) {
        let root = self.host.root();
        self.host.service("wikijs", "stop").exits(0);
        for part in PARTS {
            let path = root.join(part);
            let _ = if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
        }
        copy(self.kept.path(), root);
        let _ = std::fs::remove_file(root.join("run/wikijs/pid"));
        self.host.service("wikijs", "start").exits(0);
        let healthy = root.join("run/wikijs/www/healthz");
        wait_until("the service is well", || healthy.exists());
        std::fs::copy(self.kept.path().join("calls"), root.join("calls")).unwrap();
    }

    /// What the service was told since the host was put back.
    pub(super) fn calls(&self) -> Vec<String> {
        let before = std::fs::read_to_string(self.kept.path().join("calls")).unwrap().lines().count();
        self.host.calls().split_off(before)
    }

    /// How often each script had run when the host was kept, and has by now.
    pub(super) fn ran(&self) -> [Vec<String>; 2] {
        [self.kept.path(), self.host.root()].map(|root| lines(&root.join("ran")))
    }

    /// The end that was reached.
    pub(super) fn reached(&self) -> End {
        End::of(&self.host, self.verb)
    }
}

impl End {
    fn of(host: &Host, verb: Verb) -> Self {
        let mut data = manifest(&host.data("wikijs"));
        if verb != Verb::Revert {
            data = data.iter().map(|line| without_time(line)).collect();
        }
        Self {
            head: if verb == Verb::Revert { tree(host) } else { host.head() },
            image: host.image("wikijs"),
            data,
            dirt: host.git(["status", "--porcelain"]).exits(0).stdout,
            ran: lines(&host.root().join("ran")),
        }
    }
}

fn tree(host: &Host) -> String {
    host.git(["rev-parse", "HEAD^{tree}"]).exits(0).stdout.trim().to_owned()
}

/// `name mode owner:group time links content` without the fourth.
fn without_time(line: &str) -> String {
    let words = line.split(' ').enumerate().filter(|(at, _)| *at != 3);
    words.map(|(_, word)| word).collect::<Vec<_>>().join(" ")
}

fn lines(path: &Path) -> Vec<String> {
    std::fs::read_to_string(path).unwrap().lines().map(ToOwned::to_owned).collect()
}

fn copy(from: &Path, to: &Path) {
    let parts: Vec<PathBuf> = PARTS.iter().map(|part| from.join(part)).collect();
    let mut command = Command::new("cp");
    command.arg("-a").args(parts).arg(to);
    let copied = Output::of(command);
    assert_eq!(copied.code, Some(0), "{copied}");
}
