//! Backups: the gate before everything.

use std::os::unix::fs::PermissionsExt;

use crate::support::{Host, Scene, Service, manifest};

/// A `command` backup whose `take` is slow.
fn slow(seconds: &str) -> String {
    format!(
        "[{{ kind = \"command\", take = [\"bash\", \"-c\", \"sleep {seconds}; echo saved >$HOLDPOINT_BACKUP_DIR/data\"], \
         check = [\"bash\", \"-c\", \"grep -q saved $HOLDPOINT_BACKUP_DIR/data\"], restore = [\"true\"] }}]"
    )
}

#[test]
fn a_backup_may_be_slower_than_every_timeout() {
    let host = Scene::new()
        .service(Service::new("wikijs").backup(&slow("1.5")))
        .config("[run]\ntimeout = \"500ms\"\nsilence = \"1s\"")
        .build();
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(0);
    assert_eq!(host.image("wikijs"), "wikijs:2");
    assert!(host.state("1234", "BACKUPS").starts_with("wikijs="));
}

#[test]
fn a_backup_that_fails_stops_prepare_before_anything_moves() {
    let failing = "[{ kind = \"command\", take = [\"bash\", \"-c\", \"echo half >$HOLDPOINT_BACKUP_DIR/data; echo 'disk quota' >&2; exit 4\"], \
                   check = [\"true\"], restore = [\"true\"] }]";
    let host = Scene::new().service(Service::new("wikijs").backup(failing)).build();
    let base = host.head();
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"])
        .exits(1)
        .shows("disk quota")
        .shows("release-run failed in phase prepare. Nothing was changed.");
    assert_eq!((host.head(), host.calls()), (base, vec![]));
    assert_eq!(host.state("1234", "FAILED_STEP"), "backup.wikijs.1");
    let left = manifest(&host.workspace("backups"));
    assert!(left.iter().all(|line| !line.contains("half")), "the half-written set is gone: {left:?}");
    host.run(["revert", "1234", "--yes"]).exits(0).shows("nothing was changed");
    host.run(["run", "1234"]).exits(1);
}

#[test]
fn an_unverified_backup_is_none() {
    let unreadable = "[{ kind = \"command\", take = [\"bash\", \"-c\", \"echo garbage >$HOLDPOINT_BACKUP_DIR/data\"], check = [\"false\"], restore = [\"true\"] }]";
    let host = Scene::new().service(Service::new("wikijs").backup(unreadable)).build();
    let base = host.head();
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(1).shows("backup.wikijs.1");
    assert_eq!((host.head(), host.calls()), (base, vec![]));
}

#[test]
fn a_backup_much_smaller_than_the_last_is_refused_until_it_is_accepted() {
    let host = Host::new();
    std::fs::write(host.data("wikijs").join("pages/big.md"), "x".repeat(200_000)).unwrap();
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(0);
    std::fs::remove_file(host.data("wikijs").join("pages/big.md")).unwrap();
    host.ships("1235", "wikijs", "3");
    host.run(["run", "1235"]).exits(1).shows("--accept-small-backup");
    assert_eq!(host.image("wikijs"), "wikijs:2");
    host.run(["run", "1235", "--accept-small-backup"]).exits(0);
    assert_eq!(host.image("wikijs"), "wikijs:3");
}

#[test]
fn a_service_that_does_not_say_how_its_data_is_saved_is_refused() {
    let host = Host::new();
    host.edit("1234", ".asd/release.toml", |text| {
        text.lines().filter(|line| !line.starts_with("backup =")).collect::<Vec<_>>().join("\n") + "\n"
    });
    host.push();
    host.git(["pull", "-q"]).exits(0);
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(4).shows("backup-undeclared").shows("kind = \"none\"");
    assert_eq!(host.calls(), [""; 0]);
}

#[test]
fn a_set_keeps_content_modes_owners_links_and_times() {
    let host = Host::new();
    let data = host.data("wikijs");
    std::os::unix::fs::symlink("home.md", data.join("pages/link")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", data.join("pages/outside")).unwrap();
    std::fs::create_dir(data.join("empty")).unwrap();
    std::fs::write(data.join("pages/odd \n name"), "odd").unwrap();
    std::fs::set_permissions(data.join("settings.json"), std::fs::Permissions::from_mode(0o4751)).unwrap();
    std::fs::set_permissions(data.join("empty"), std::fs::Permissions::from_mode(0o1777)).unwrap();
    let before = manifest(&data);
    let taken = host.run(["backup", "take", "wikijs", "--json"]).exits(0);
    drop(taken);
    std::fs::remove_dir_all(data.join("pages")).unwrap();
    std::fs::write(data.join("settings.json"), "broken").unwrap();
    std::fs::write(data.join("later.txt"), "later").unwrap();
    host.run(["backup", "restore", "wikijs", "--yes"]).exits(0).shows("safety copy of wikijs");
    assert_eq!(manifest(&data), before);
    host.run(["backup", "verify"]).exits(0);
    host.run(["backup", "list"]).exits(0).shows("wikijs");
}

#[test]
fn retention_keeps_what_a_revertible_release_names() {
    let host = Scene::new().service(Service::new("wikijs")).build();
    host.edit("1200", ".asd/release.toml", |text| {
        text.replace("kind = \"files\"", "kind = \"files\", keep = 2")
    });
    for (ticket, tag) in [("1201", "2"), ("1202", "3"), ("1203", "4"), ("1204", "5")] {
        host.ships(ticket, "wikijs", tag);
        host.run(["run", ticket]).exits(0);
    }
    let newest = host.state("1204", "BACKUPS").strip_prefix("wikijs=").unwrap().to_owned();
    let sets: Vec<String> = std::fs::read_dir(host.workspace("backups/wikijs"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(sets.contains(&newest), "{sets:?}");
    host.run(["revert", "1204", "--yes"]).exits(0);
    assert_eq!(host.image("wikijs"), "wikijs:4");
}
