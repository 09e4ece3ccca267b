//! Nothing that somebody planted in the workspace leads out of it.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::support::{Host, skip};

/// A host with 1234 to release, and a folder outside with something precious in it.
fn with_outside() -> (Host, PathBuf) {
    let host = Host::new();
    host.ships("1234", "wikijs", "2");
    let outside = host.root().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("precious"), "mine\n").unwrap();
    std::fs::create_dir_all(host.workspace("releases")).unwrap();
    std::fs::create_dir_all(host.workspace("backups")).unwrap();
    (host, outside)
}

fn is_untouched(outside: &Path) {
    let names: Vec<_> = std::fs::read_dir(outside).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["precious"]);
    assert_eq!(std::fs::read_to_string(outside.join("precious")).unwrap(), "mine\n");
}

#[test]
fn a_planted_folder_link_is_not_followed_anywhere_on_the_way_of_a_release() {
    for planted in
        ["releases", "releases/1234", "releases/1234/1", "releases/1234/1/steps", "backups", "backups/wikijs"]
    {
        let (host, outside) = with_outside();
        let path = host.workspace(planted);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let _ = std::fs::remove_dir(&path);
        symlink(&outside, &path).unwrap();
        let head = host.head();
        host.run(["run", "1234"]).fails().hides("panicked").shows("symlink");
        is_untouched(&outside);
        assert_eq!((host.head(), host.calls().len()), (head, 0), "{planted}: nothing was changed");
        for look in [["list"].as_slice(), &["state", "1234"], &["backup", "list"], &["log", "1234"]] {
            host.run(look).hides("panicked").hides("mine");
        }
        is_untouched(&outside);
    }
}

#[test]
fn a_planted_file_link_is_not_read_and_not_written_through() {
    for planted in ["host.lock", "host.fence", ".reserve", "releases/1234.log", "releases/1234.env"] {
        let (host, outside) = with_outside();
        symlink(outside.join("precious"), host.workspace(planted)).unwrap();
        host.run(["run", "1234"]).hides("panicked").hides("mine");
        is_untouched(&outside);
        host.run(["state", "1234"]).hides("panicked").hides("mine");
    }
    let (host, outside) = with_outside();
    symlink(outside.join("precious"), host.workspace("host.lock")).unwrap();
    host.run(["run", "1234"]).fails().shows("host.lock").shows("symlink").hides("is held");
    assert!(host.calls().is_empty());
}

#[test]
fn a_backup_whose_files_are_links_is_not_restored() {
    let (host, outside) = with_outside();
    host.run(["run", "1234"]).exits(0);
    let stamp = host.state("1234", "BACKUPS").strip_prefix("wikijs=").unwrap().to_owned();
    let set = host.workspace(&format!("backups/wikijs/{stamp}"));
    let entry = std::fs::read_dir(&set)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.is_dir())
        .unwrap();
    let file = std::fs::read_dir(&entry).unwrap().next().unwrap().unwrap().path();
    let aside = outside.with_file_name("aside");
    std::fs::rename(&file, &aside).unwrap();
    symlink(&aside, &file).unwrap();
    // The content is the same: it is the link that is refused.
    host.run(["backup", "verify"]).fails().shows("symlink");
    host.run(["revert", "1234", "--yes", "--discard-writes"]).fails();
    std::fs::remove_file(set.join("manifest.toml")).unwrap();
    symlink(outside.join("precious"), set.join("manifest.toml")).unwrap();
    host.run(["backup", "list"]).hides("mine").hides("panicked");
    is_untouched(&outside);
}

#[test]
fn a_record_that_a_stranger_put_there_is_refused() {
    if !rustix::process::geteuid().is_root() {
        skip("giving a file away needs root");
        return;
    }
    let (host, _) = with_outside();
    host.run(["run", "1234"]).exits(0);
    for name in ["1234.env", "1234.log"] {
        let path = host.workspace("releases").join(name);
        std::os::unix::fs::chown(&path, Some(65_534), None).unwrap();
        host.run(["state", "1234"]).fails().shows(name).shows("belongs to somebody");
        std::os::unix::fs::chown(&path, Some(0), None).unwrap();
    }
    let workspace = host.workspace("");
    std::os::unix::fs::chown(&workspace, Some(65_534), None).unwrap();
    host.run(["close", "1234", "--reason", "x"]).exits(4).shows("belongs to somebody").shows("chown");
}
