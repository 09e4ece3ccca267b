//! What programs that we start may see: an allow-list, nothing else (design/08).

#![expect(clippy::disallowed_methods, reason = "this is the place that reads the environment")]

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Names that every program may see, if they are set. Those of proxies count in both cases, `LC_*` as a whole.
const ALLOWED: [&str; 18] = [
    "HOME",
    "USER",
    "LOGNAME",
    "LANG",
    "TZ",
    "TERM",
    "XDG_RUNTIME_DIR",
    "SSH_AUTH_SOCK",
    "DOCKER_HOST",
    "DOCKER_CONFIG",
    "DOCKER_CONTEXT",
    "COMPOSE_PROJECT_NAME",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    // Git trusts a checkout of the person behind sudo by this, as it does when that person calls it.
    "SUDO_UID",
];

/// Folders that are always searched for programs, after the caller's own.
const FOLDERS: [&str; 6] = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// A variable of our own environment; none when it is not set or not UTF-8.
pub fn env(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Our own environment as it is: for programs that run in the place of our caller (`once`, the demo).
pub fn whole_environment() -> BTreeMap<String, String> {
    let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    let mut all = BTreeMap::new();
    all.extend(std::env::vars_os().filter_map(text));
    all
}

/// The environment that every program starts with: the allow-list of design/08 and the names that the configuration
/// adds (`[run] env`), a `PATH` without relative and other-writable folders, and no prompts.
pub fn base_environment(extra_names: &[String]) -> BTreeMap<String, String> {
    let allowed = |name: &str| {
        ALLOWED.contains(&name)
            || name == "no_proxy"
            || name.starts_with("LC_")
            || (cfg!(feature = "faults") && name == crate::sys::plant::VARIABLE)
            || extra_names.iter().any(|extra| extra == name)
    };
    let mut environment = whole_environment();
    environment.retain(|name, _| allowed(name));
    environment.insert("PATH".to_owned(), search_path(&env("PATH").unwrap_or_default()));
    environment.insert("GIT_TERMINAL_PROMPT".to_owned(), "0".to_owned());
    environment.insert("DEBIAN_FRONTEND".to_owned(), "noninteractive".to_owned());
    environment
}

/// The caller's search path without folders that are relative, missing, or writable by anybody; then the usual ones.
fn search_path(given: &str) -> String {
    let mut folders: Vec<&str> = Vec::new();
    for folder in given.split(':').chain(FOLDERS) {
        if Path::new(folder).is_absolute() && !folders.contains(&folder) && is_trustworthy(Path::new(folder))
        {
            folders.push(folder);
        }
    }
    folders.join(":")
}

fn is_trustworthy(folder: &Path) -> bool {
    std::fs::metadata(folder).is_ok_and(|meta| meta.is_dir() && meta.permissions().mode() & 0o002 == 0)
}

/// Where a program is found on a search path (`PATH` of [`base_environment`]). None when it is not there.
pub fn find_program(name: &str, search_path: &str) -> Option<PathBuf> {
    let runnable = |path: &PathBuf| {
        std::fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
    };
    if name.contains('/') {
        return Some(PathBuf::from(name)).filter(runnable);
    }
    search_path.split(':').map(|folder| Path::new(folder).join(name)).find(runnable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_path_has_no_relative_missing_or_open_folders() {
        let path = search_path(".:/tmp:/usr/bin::/no/such:bin");
        assert!(path.starts_with("/usr/bin:/usr/local/sbin"), "{path}");
        assert!(!path.contains("/tmp") && !path.contains("/no/such"), "{path}");
    }

    #[test]
    fn only_allowed_names_are_handed_on() {
        let environment = base_environment(&["CARGO_MANIFEST_DIR".to_owned()]);
        assert!(environment.contains_key("PATH") && environment.contains_key("CARGO_MANIFEST_DIR"));
        assert!(!environment.contains_key("CARGO_PKG_NAME"), "not on the list");
    }

    #[test]
    fn programs_are_found_where_they_are() {
        let path = search_path("");
        assert!(find_program("sh", &path).is_some_and(|found| found.is_absolute()));
        assert_eq!(find_program("no-such-program-here", &path), None);
    }
}
