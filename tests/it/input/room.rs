//! No room, and no right to write.

use std::path::{Path, PathBuf};

use crate::support::{Host, Scene, Service, Small, skip};

use super::all_of;

const NO_FLOOR: &str = "[disk]\nfloor = { percent = 0, bytes = \"64KiB\" }";

#[test]
fn too_little_room_for_backups_is_refused_before_anything() {
    let host = Scene::new()
        .service(Service::new("wikijs"))
        .config("[workspace]\nbackups = \"HOST/backups\"")
        .build();
    let Some(_small) = Small::at(&host.root().join("backups"), "8m") else { return };
    host.ships("1234", "wikijs", "2");
    let before = all_of(&host);
    // The floor alone is more than the whole filesystem has.
    host.run(["run", "1234"]).exits(4).shows("✗ disk:").shows("backups").shows("df -h");
    assert_eq!(all_of(&host), before);
}

#[test]
fn a_backup_that_outgrows_its_estimate_is_stopped_at_the_floor_and_dropped() {
    let endless = "[{ kind = \"command\", take = [\"bash\", \"-c\", \"cat /dev/zero >$HOLDPOINT_BACKUP_DIR/data\"], check = [\"true\"], restore = [\"true\"] }]";
    let config =
        "[workspace]\nbackups = \"HOST/backups\"\n\n[disk]\nfloor = { percent = 10, bytes = \"1MiB\" }";
    let host = Scene::new().service(Service::new("wikijs").backup(endless)).config(config).build();
    let Some(small) = Small::at(&host.root().join("backups"), "24m") else { return };
    host.ships("1234", "wikijs", "2");
    let base = host.head();
    host.run(["run", "1234"]).exits(1).shows("would have stayed free").shows("Nothing was changed");
    assert_eq!((host.head(), host.calls()), (base, vec![]));
    let left: u64 = walk(small.folder()).iter().map(|path| path.metadata().unwrap().len()).sum();
    assert!(left < 1 << 20, "what was written is dropped at once: {left} bytes are left");
    assert!(host.log("1234").contains("reason=disk"), "{}", host.log("1234"));
}

#[test]
fn a_full_workspace_is_no_success_and_the_release_goes_on_once_there_is_room() {
    let host = Scene::new()
        .service(Service::new("wikijs"))
        .config(&format!("[workspace]\nbackups = \"HOST/backups\"\n\n{NO_FLOOR}"))
        .build();
    let Some(small) = Small::at(&host.workspace(""), "24m") else { return };
    let filling = small.folder().join("filling");
    host.script(
        "1234",
        "fills",
        &format!("[ ! -e ../ready ] || exit 0\nhead -c 100M /dev/zero >{} || true", filling.display()),
    );
    host.ships("1234", "wikijs", "2");
    let ran = host.run(["run", "1234"]).fails().hides("1234@1 succeeded");
    assert!(ran.code != Some(101) && ran.code != Some(70), "{ran}");
    std::fs::remove_file(&filling).unwrap();
    std::fs::write(host.root().join("ready"), "").unwrap();
    host.run(["log", "1234", "--verify"]).exits(0);
    host.run(["state", "1234"]).exits(0).hides("succeeded");
    let phase = host.run(["state", "1234", "--json"]).exits(0);
    drop(phase);
    let resumed = host.run(["run", "1234", "--from=ticket"]);
    if resumed.code == Some(8) {
        host.run(["run", "1234", "--from=ticket", "--run-again=1234-fills.sh"]).exits(0);
    } else {
        resumed.exits(0);
    }
    assert_eq!(host.state("1234", "STATUS"), "succeeded");
}

#[test]
fn a_workspace_without_a_byte_is_refused() {
    let host = Host::new();
    let Some(small) = Small::at(&host.workspace(""), "1m") else { return };
    host.ships("1234", "wikijs", "2");
    let before = all_of(&host);
    let filling = small.fill();
    let output = host.run(["run", "1234"]).fails().hides("panicked").shows("workspace");
    assert_ne!(output.code, Some(70), "{output}");
    assert_eq!(all_of(&host), before);
    std::fs::remove_file(filling).unwrap();
    host.run(["run", "1234"]).exits(4).shows("✗ disk:");
}

#[test]
fn no_inodes_is_no_room() {
    let host = Host::new();
    let folder = host.workspace("");
    let Some(small) = Small::at(&folder, "64m,nr_inodes=200") else { return };
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(4).shows("inodes").shows("df -i");
    drop(small);
}

#[test]
fn a_workspace_that_cannot_be_written_is_said() {
    let host = Host::new();
    let Some(small) = Small::at(&host.workspace(""), "24m") else { return };
    host.ships("1234", "wikijs", "2");
    small.remount("ro");
    let before = all_of(&host);
    let output = host.run(["run", "1234"]).fails().shows(".asd/workspace").hides("panicked");
    assert!(matches!(output.code, Some(1 | 4)), "{output}");
    assert_eq!(all_of(&host), before);
    // Looking still works, and says so.
    host.run(["status"]).exits(0);
    host.run(["list"]).exits(0);
    host.run(["check", "1234"]).hides("panicked");
    host.run(["doctor"]).fails().shows("workspace");
    small.remount("rw");
    host.run(["run", "1234", "--dry-run"]).hides("panicked");
}

#[test]
fn a_workspace_of_somebody_else_is_said() {
    if !rustix::process::geteuid().is_root() {
        skip("being another user needs root");
        return;
    }
    let host = Host::new();
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234", "--dry-run"]).exits(0);
    // Somebody without a right to anything here.
    for folder in [host.root().to_path_buf(), host.prod()] {
        std::fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    let before = all_of(&host);
    let mut command = host.command("setpriv", &host.prod());
    command.args([
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
        crate::support::binary(),
        "run",
        "1234",
    ]);
    let output = crate::support::Output::of(command).fails().hides("panicked");
    assert!(output.code.is_some_and(|code| code != 70 && code != 101), "{output}");
    assert_eq!(all_of(&host), before);
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(walk(&path));
        } else {
            found.push(path);
        }
    }
    found
}
