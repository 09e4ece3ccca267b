//! Programs of the host's own: hooks, checks, the commands of a service without containers, ticket scripts.

use std::path::{Path, PathBuf};

use crate::model::settings::Settings;
use crate::model::spec::CommandSpec;

/// Where the host's own programs start from and which environment files they see.
#[derive(Clone, Copy)]
pub(in crate::decide) struct Own<'a> {
    pub(in crate::decide) root: &'a Path,
    pub(in crate::decide) settings: &'a Settings,
}

impl Own<'_> {
    /// A program as written in the configuration: a path is relative to the project root, and a shell script (`.sh`) is
    /// run by bash, executable or not.
    pub(in crate::decide) fn program(&self, line: &[String]) -> CommandSpec {
        let mut argv = Vec::new();
        if let Some((first, rest)) = line.split_first() {
            let is_script = Path::new(first).extension().is_some_and(|ending| ending == "sh");
            if is_script {
                argv.push("bash".to_owned());
            }
            let is_path = is_script || first.contains('/');
            argv.push(if is_path { self.absolute(first) } else { first.clone() });
            argv.extend(rest.iter().cloned());
        }
        CommandSpec { env_files: self.env_files(), ..CommandSpec::new(argv, self.root) }
    }

    /// A ticket script: `bash SCRIPT --yes`.
    pub(in crate::decide) fn script(&self, path: &str) -> CommandSpec {
        let argv = ["bash".to_owned(), self.absolute(path), "--yes".to_owned()];
        CommandSpec { env_files: self.env_files(), ..CommandSpec::new(argv, self.root) }
    }

    fn env_files(&self) -> Vec<PathBuf> {
        self.settings.secrets.env_files.iter().map(|file| self.root.join(file)).collect()
    }

    fn absolute(&self, path: &str) -> String {
        self.root.join(path).to_string_lossy().into_owned()
    }
}
