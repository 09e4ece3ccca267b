//! Who may read and write what a release leaves, whatever the umask of whoever started it.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::support::{Host, Output, Scene, Service, binary, skip};

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    found.push(folder.to_path_buf());
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.symlink_metadata().unwrap().is_dir() {
            walk(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// Releases 1234 under a umask, and compares every mode below the workspace.
fn release(host: &Host, umask: &str, folders: u32, files: u32, group: Option<u32>) {
    host.script("1234", "prints", "echo hello");
    host.ships("1234", "wikijs", "2");
    let mut shell = host.command("sh", &host.prod());
    shell.args(["-c", &format!("umask {umask}; exec {} run 1234", binary())]);
    Output::of(shell).exits(0);
    let mut all = Vec::new();
    walk(&host.workspace(""), &mut all);
    assert!(all.len() > 25, "{all:?}");
    for path in all {
        let about = path.metadata().unwrap();
        let wanted = if about.is_dir() { folders } else { files };
        let mode = about.permissions().mode() & 0o7777;
        assert_eq!(format!("{mode:04o}"), format!("{wanted:04o}"), "{}", path.display());
        assert!(
            group.is_none_or(|group| group == about.gid()),
            "{}: of group {}",
            path.display(),
            about.gid()
        );
    }
}

#[test]
fn without_a_group_all_is_for_its_owner_and_readable_for_its_group() {
    for umask in ["000", "077"] {
        release(&Host::new(), umask, 0o750, 0o640, None);
    }
}

#[test]
fn with_a_group_all_is_for_the_group() {
    if !rustix::process::geteuid().is_root() {
        skip("giving files to a group needs root");
        return;
    }
    let groups = std::fs::read_to_string("/etc/group").unwrap();
    let line = groups.lines().find(|line| line.split(':').nth(2).is_some_and(|id| id != "0")).unwrap();
    let (name, id) = (line.split(':').next().unwrap(), line.split(':').nth(2).unwrap().parse().unwrap());
    for umask in ["000", "077"] {
        let host = Scene::new()
            .service(Service::new("wikijs"))
            .config(&format!("[workspace]\ngroup = \"{name}\""))
            .build();
        release(&host, umask, 0o2770, 0o660, Some(id));
    }
}

#[test]
fn a_group_that_is_not_there_is_named_before_anything_is_made() {
    let host = Scene::new()
        .service(Service::new("wikijs"))
        .config("[workspace]\ngroup = \"no-such-group-here\"")
        .build();
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(2).shows("no-such-group-here").shows("groupadd");
    assert!(!host.workspace("").exists());
}
