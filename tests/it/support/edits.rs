//! More of what a developer, an operator and somebody at the keyboard do on a test host.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Stdio;

use super::clock;
use super::host::Host;
use super::output::Output;

impl Host {
    // ------------------------------------------------------------------ the developer

    /// Changes a file in the developer's clone and commits it.
    pub(crate) fn edit(&self, ticket: &str, path: &str, change: impl FnOnce(String) -> String) -> String {
        let text = std::fs::read_to_string(self.dev().join(path)).unwrap();
        self.commit(ticket, &[(path, change(text).as_str())])
    }

    /// Commits the definition of a service that the scene promised for later.
    #[track_caller]
    pub(crate) fn adds(&self, ticket: &str, service: &str) -> String {
        let service = self.later.iter().find(|later| later.name() == service).unwrap();
        let (name, table) = (service.name(), service.table(self.root()));
        let settings = std::fs::read_to_string(self.dev().join(".asd/release.toml")).unwrap();
        let (settings, image) = (settings + &table, format!("{name}:1\n"));
        let path = format!("packages/{name}/image");
        self.commit(ticket, &[(".asd/release.toml", settings.as_str()), (path.as_str(), image.as_str())])
    }

    /// Commits that a service is no more: its table and its files are gone.
    pub(crate) fn drops(&self, ticket: &str, service: &str) -> String {
        std::fs::remove_dir_all(self.dev().join("packages").join(service)).unwrap();
        let own = format!("[services.{service}]");
        self.edit(ticket, ".asd/release.toml", |settings| {
            let mut inside = false;
            let stays = |line: &&str| {
                if line.starts_with('[') {
                    inside = *line == own;
                }
                !inside
            };
            settings.lines().filter(stays).collect::<Vec<_>>().join("\n") + "\n"
        })
    }

    /// Commits a new image of a service and pushes: what a ticket mostly is.
    pub(crate) fn ships(&self, ticket: &str, service: &str, tag: &str) -> String {
        let commit = self.bump(ticket, service, tag);
        self.push();
        commit
    }

    // ------------------------------------------------------------------ the operator

    /// Runs the program as if it were that many seconds later, or earlier.
    pub(crate) fn run_at<A: AsRef<OsStr>>(
        &self,
        seconds: i64,
        arguments: impl IntoIterator<Item = A>,
    ) -> Output {
        let mut command = self.command(self.program(), &self.prod());
        command.args(arguments).stdin(Stdio::null());
        clock::shift(&mut command, seconds);
        let mut output = Output::of(command);
        output.scene = self.scene();
        output
    }

    /// A line that a person types in the production checkout, with the program's name on the path.
    pub(crate) fn types(&self, line: &str) -> Output {
        self.types_at(&self.prod(), line)
    }

    /// The same in another folder.
    pub(crate) fn types_at(&self, folder: &std::path::Path, line: &str) -> Output {
        let bin = self.root().join("bin");
        if !bin.exists() {
            std::fs::create_dir(&bin).unwrap();
            std::os::unix::fs::symlink(self.program(), bin.join("holdpoint")).unwrap();
        }
        let path = std::env::var_os("PATH").unwrap();
        let paths = std::iter::once(bin).chain(std::env::split_paths(&path));
        let mut command = self.command("bash", folder);
        command.args(["-c", line]).env("PATH", std::env::join_paths(paths).unwrap()).stdin(Stdio::null());
        for (name, value) in [("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_NOSYSTEM", "1")] {
            command.env(name, value);
        }
        let mut output = Output::of(command);
        output.scene = self.scene();
        output
    }

    // ------------------------------------------------------------------ records

    /// A path below the workspace.
    pub(crate) fn workspace(&self, path: &str) -> PathBuf {
        self.prod().join(".asd/workspace").join(path)
    }

    /// The newest line of a ticket's log with this text in it.
    #[track_caller]
    pub(crate) fn record(&self, ticket: &str, text: &str) -> String {
        let log = self.log(ticket);
        let line = log.lines().rev().find(|line| line.contains(text));
        line.unwrap_or_else(|| panic!("no record says {text}:\n{log}")).to_owned()
    }
}
