//! A workspace on another machine's disk: nothing that writes records works there unless the configuration allows it.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Host, Scene, Service, lacks, manifest, skip};

const SFTP_SERVERS: [&str; 2] = ["/usr/lib/openssh/sftp-server", "/usr/libexec/openssh/sftp-server"];

/// A folder that is reached through sshfs: FUSE in front of a real sftp server. Dropped: gone.
struct Remote(PathBuf);

impl Remote {
    /// Mounts `far` at `near`; none where this machine does not let us.
    fn mount(host: &Host, far: &Path, near: &Path) -> Option<Self> {
        if lacks(&["sshfs"]) {
            return None;
        }
        let Some(server) = SFTP_SERVERS.iter().find(|server| Path::new(server).is_file()) else {
            skip("not here: sftp-server");
            return None;
        };
        for folder in [far, near] {
            std::fs::create_dir_all(folder).unwrap();
            std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o750)).unwrap();
        }
        // In the place of a connection: the server itself, which is all that sshfs ever talks to.
        let line = host.root().join("line");
        std::fs::write(&line, format!("#!/bin/sh\nexec {server}\n")).unwrap();
        std::fs::set_permissions(&line, std::fs::Permissions::from_mode(0o755)).unwrap();
        let mounted = Command::new("sshfs")
            .args(["-o", &format!("ssh_command={}", line.display()), "-o", "cache=no"])
            .arg(format!("far.example.org:{}", far.display()))
            .arg(near)
            .output()
            .unwrap();
        if mounted.status.success() {
            return Some(Self(near.to_path_buf()));
        }
        skip(&format!("sshfs may not mount here: {}", String::from_utf8_lossy(&mounted.stderr)));
        None
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// A host whose workspace lies on another machine.
fn remote(config: &str) -> Option<(Host, Remote)> {
    let host = Scene::new()
        .service(Service::new("wikijs"))
        .config(&format!("[workspace]\nbackups = \"HOST/backups\"\n{config}"))
        .build();
    let remote = Remote::mount(&host, &host.root().join("far"), &host.workspace(""))?;
    host.ships("1234", "wikijs", "2");
    Some((host, remote))
}

#[test]
fn every_verb_that_writes_records_is_refused_on_a_network_filesystem() {
    let Some((host, _remote)) = remote("") else { return };
    let (base, before) = (host.head(), manifest(&host.root().join("far")));
    for verb in [
        &["run", "1234"][..],
        &["run", "1234", "--dry-run"],
        &["run", "1234", "--from=ticket"],
        &["run", "1234", "--mark-done=x"],
        &["approve", "1234", "--reason", "x"],
        &["close", "1234", "--reason", "x"],
        &["configure", "wikijs"],
        &["backup", "take"],
        &["backup", "take", "--dry-run"],
        &["adopt"],
    ] {
        let output = host.run(verb.iter().copied()).exits(4);
        output.shows("network-filesystem").shows("fuse.sshfs").shows("allow_network_fs = true");
    }
    host.run(["run", "1234", "--json"]).exits(4).shows("\"network-filesystem\"");
    assert_eq!((host.head(), host.calls()), (base, vec![]));
    assert_eq!(manifest(&host.root().join("far")), before, "nothing was written, no lock either");
    // Looking is no risk.
    host.run(["state", "1234"]).exits(4).hides("network-filesystem");
    host.run(["status"]).exits(0);
    host.run(["doctor"]).fails().shows("lies on fuse.sshfs");
}

#[test]
fn where_it_is_allowed_a_release_runs_there_and_is_taken_back() {
    let Some((host, _remote)) = remote("allow_network_fs = true") else { return };
    host.run(["run", "1234"]).exits(0);
    assert_eq!((host.state("1234", "STATUS"), host.image("wikijs")), ("succeeded".into(), "wikijs:2".into()));
    host.run(["log", "1234", "--verify"]).exits(0);
    // No longer: then nothing is taken back either.
    let settings = host.read(".asd/release.toml");
    host.write(".asd/release.toml", &settings.replace("allow_network_fs = true", ""));
    host.run(["revert", "1234", "--yes"]).exits(4).shows("network-filesystem");
    host.write(".asd/release.toml", &settings);
    host.run(["revert", "1234", "--yes"]).exits(0);
    assert_eq!(host.image("wikijs"), "wikijs:1");
    assert!(host.root().join("far/releases/1234.log").exists(), "it was there that the records were written");
    host.run(["doctor"]).shows("whose locks may lie");
}

#[test]
fn a_local_filesystem_in_user_space_is_none() {
    if lacks(&["fuse-overlayfs"]) {
        return;
    }
    let host = Host::new();
    host.ships("1234", "wikijs", "2");
    let [lower, upper, work] = ["lower", "upper", "work"].map(|name| host.root().join(name));
    let near = host.workspace("");
    for folder in [&lower, &upper, &work, &near] {
        std::fs::create_dir_all(folder).unwrap();
    }
    let layers =
        format!("lowerdir={},upperdir={},workdir={}", lower.display(), upper.display(), work.display());
    let mounted = Command::new("fuse-overlayfs").args(["-o", &layers]).arg(&near).output().unwrap();
    if !mounted.status.success() {
        skip(&format!("fuse-overlayfs may not mount here: {}", String::from_utf8_lossy(&mounted.stderr)));
        return;
    }
    let _mounted = Remote(near);
    host.run(["run", "1234"]).exits(0);
}
