//! The demo's folder: an origin, a developer's clone, the host's checkout, the data of three services, and the name
//! `holdpoint` on the path.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::ops::error::OpsError;
use crate::sys::process::{self, Capture};
use crate::sys::{files, net};

const RELEASE_TOML: &str = include_str!("../../../.asd/release.toml");
const SERVICE_SH: &str = include_str!("../../../.asd/demo/service.sh");

/// Scripts of the tickets, as the developer has them at hand.
const SCRIPTS: [(&str, &str); 3] = [
    ("1001-welcome-page.sh", include_str!("../../../releases/1001-welcome-page.sh")),
    ("1002-import-users.sh", include_str!("../../../releases/1002-import-users.sh")),
    ("1004-count-notes.sh", include_str!("../../../releases/1004-count-notes.sh")),
];

/// The services, and what they keep at first.
pub(super) const SERVICES: [(&str, &str); 3] = [
    ("search", ""),
    ("wiki", "how to make tea\n"),
    ("tickets", "the printer on the second floor is on fire\nthe coffee machine is empty again\n"),
];

/// Where the configuration in this repository says the data lies, and on which ports the services answer.
const WRITTEN_FOLDER: &str = "/srv/demo";
const WRITTEN_PORTS: [&str; 3] = ["8701", "8702", "8703"];

/// A stale key and the one that works: what ticket 1002 stumbles over.
const STALE_KEY: &str = "key-of-last-year";
pub(super) const GOOD_KEY: &str = "key-of-this-year";

/// The folder of one demo. Dropped, it stops the services and goes away.
pub(super) struct Folder {
    top: PathBuf,
    /// Removes the folder at the end; none once it is to stay.
    temporary: Option<TempDir>,
    /// What every command in it sees.
    pub(super) env: BTreeMap<String, String>,
}

impl Folder {
    /// Makes it all. Nothing outside of the folder is touched.
    pub(super) fn make() -> Result<Self, OpsError> {
        let temporary = files::temporary_folder("holdpoint-demo-")?;
        let top = temporary.path().to_path_buf();
        let folder = Self { env: environment(&top), top, temporary: Some(temporary) };
        folder.name_the_binary()?;
        folder.put_data()?;
        let ports = net::free_ports(SERVICES.len()).map_err(|error| failed(error.to_string()))?;
        folder.make_origin(&ports)?;
        Ok(folder)
    }

    /// Its path.
    pub(super) fn top(&self) -> &Path {
        &self.top
    }

    /// Leaves it behind when the demo ends.
    pub(super) fn keep(&mut self) {
        if let Some(temporary) = self.temporary.take() {
            self.top = temporary.keep();
        }
    }

    fn name_the_binary(&self) -> Result<(), OpsError> {
        let bin = self.top.join("bin");
        files::make_folders(&bin, 0o755)?;
        Ok(files::symlink(&process::own_binary()?, &bin.join("holdpoint"))?)
    }

    fn put_data(&self) -> Result<(), OpsError> {
        for (name, notes) in SERVICES {
            self.write(&format!("srv/{name}/notes.txt"), notes, 0o640)?;
        }
        self.write("srv/tickets.key", GOOD_KEY, 0o640)?;
        for (name, script) in SCRIPTS {
            self.write(&format!("scripts/{name}"), script, 0o755)?;
        }
        Ok(())
    }

    /// The origin with a first commit, and the host's checkout of it.
    fn make_origin(&self, ports: &[u16]) -> Result<(), OpsError> {
        self.git(".", &["init", "--quiet", "--bare", "--initial-branch=main", "origin.git"])?;
        self.git(".", &["init", "--quiet", "--initial-branch=main", "developer"])?;
        for (key, value) in [
            ("user.name", "a developer"),
            ("user.email", "developer@example.com"),
            ("commit.gpgSign", "false"),
        ] {
            self.git("developer", &["config", key, value])?;
        }
        let origin = self.top.join("origin.git").display().to_string();
        self.git("developer", &["remote", "add", "origin", &origin])?;

        let srv = self.top.join("srv").display().to_string();
        let mut configuration = RELEASE_TOML.replace(WRITTEN_FOLDER, &srv);
        for (written, port) in WRITTEN_PORTS.iter().zip(ports) {
            configuration = configuration.replace(written, &port.to_string());
        }
        self.write("developer/.asd/release.toml", &configuration, 0o640)?;
        self.write("developer/.asd/demo/service.sh", SERVICE_SH, 0o755)?;
        self.write("developer/.gitignore", "/.env\n/.asd/workspace\n", 0o640)?;
        self.write("developer/releases/README.md", "Scripts of tickets: `<ticket>-<topic>.sh`.\n", 0o640)?;
        for ((name, _), port) in SERVICES.iter().zip(ports) {
            let mut conf = String::new();
            let _ = writeln!(conf, "PORT={port}\nDATA='{srv}/{name}'");
            self.write(&format!("developer/packages/{name}/service.conf"), &conf, 0o640)?;
            self.write(&format!("developer/packages/{name}/page.txt"), &format!("This is {name}.\n"), 0o640)?;
        }
        self.git("developer", &["add", "--all"])?;
        self.git("developer", &["commit", "--quiet", "--message", "The host as it runs today"])?;
        self.git("developer", &["push", "--quiet", "--set-upstream", "origin", "main"])?;
        self.git(".", &["clone", "--quiet", &origin, "host"])?;
        self.write("host/.env", &format!("TICKETS_API_KEY={STALE_KEY}\n"), 0o600)
    }

    fn write(&self, path: &str, text: &str, mode: u32) -> Result<(), OpsError> {
        let path = self.top.join(path);
        if let Some(folder) = path.parent() {
            files::make_folders(folder, 0o755)?;
        }
        Ok(files::save_atomic(&path, text.as_bytes(), mode)?)
    }

    fn git(&self, at: &str, arguments: &[&str]) -> Result<(), OpsError> {
        self.quietly(at, std::iter::once("git").chain(arguments.iter().copied()))
    }

    /// Runs a program of the scenery, without showing it.
    fn quietly<'w>(&self, at: &str, argv: impl Iterator<Item = &'w str>) -> Result<(), OpsError> {
        let argv: Vec<String> = argv.map(str::to_owned).collect();
        let line = argv.join(" ");
        let ended = process::capture(&Capture {
            argv,
            cwd: self.top.join(at),
            env: self.env.clone(),
            stdin: None,
            limit_bytes: 1 << 20,
            timeout: Some(std::time::Duration::from_secs(30)),
            ends: process::Ends::Program,
        })
        .map_err(|error| failed(error.to_string()))?;
        if ended.code == Some(0) {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&ended.stderr);
        Err(failed(format!("`{line}` failed: {}", said.lines().last().unwrap_or_default())))
    }

    fn stop_services(&self) {
        for (name, _) in SERVICES {
            // One that does not stop sees that its folder is gone.
            let _ = self.quietly("host", [".asd/demo/service.sh", "stop", name].into_iter());
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        self.stop_services();
    }
}

fn failed(what: String) -> OpsError {
    OpsError::Failed {
        what,
        hint: "the demo needs `bash` and `git` on this machine, and room in its temporary folder".to_owned(),
    }
}

/// The person's own environment with our name on the path, and without what would make git another git.
pub(super) fn environment(top: &Path) -> BTreeMap<String, String> {
    let mut env = process::whole_environment();
    env.retain(|name, _| !name.starts_with("GIT_") && !name.starts_with("HOLDPOINT_") && name != "TICKET");
    env.insert("GIT_CONFIG_GLOBAL".to_owned(), "/dev/null".to_owned());
    env.insert("GIT_CONFIG_NOSYSTEM".to_owned(), "1".to_owned());
    env.insert("GIT_TERMINAL_PROMPT".to_owned(), "0".to_owned());
    let path = env.get("PATH").cloned().unwrap_or_default();
    env.insert("PATH".to_owned(), format!("{}:{path}", top.join("bin").display()));
    env
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_of_this_repository_holds_what_the_demo_replaces() {
        for written in WRITTEN_PORTS.iter().chain([&WRITTEN_FOLDER]) {
            assert!(RELEASE_TOML.contains(written), "{written}");
        }
        for (name, _) in SERVICES {
            assert!(RELEASE_TOML.contains(&format!("[services.{name}]")), "{name}");
        }
    }
}
