//! A full disk is recorded as what it is: `.reserve` keeps the room for that.

use crate::support::{Scene, Service, Small};

#[test]
fn a_disk_that_fills_up_is_recorded_as_the_failure_and_the_room_for_that_is_kept_again() {
    let host = Scene::new()
        .service(Service::new("wikijs"))
        .config(
            "[workspace]\nbackups = \"HOST/backups\"\n\n[disk]\nfloor = { percent = 0, bytes = \"64KiB\" }",
        )
        .build();
    let Some(small) = Small::at(&host.workspace(""), "24m") else { return };
    let filling = small.folder().join("filling");
    let fill = format!("cat /dev/zero >{} || true", filling.display());
    host.script("1234", "fills", &format!("[ ! -e ../ready ] || exit 0\n{fill}"));
    for next in 10..30 {
        host.script("1234", &format!("next-{next}"), &format!("touch ../ran-{next}"));
    }
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(1).shows("disk").hides("could not be recorded");
    assert!(host.record("1234", "event=failed").contains("reason=disk"), "{}", host.log("1234"));
    assert_eq!(host.state("1234", "STATUS"), "failed");
    assert!(!host.root().join("ran-29").exists(), "nothing more is begun on a full disk");
    assert!(!host.workspace(".reserve").exists(), "the room was used");
    host.run(["log", "1234", "--verify"]).exits(0);
    // While the disk is full there is nothing to keep; the workspace says so and nothing is lost.
    host.run(["run", "1234", "--from=ticket"]).fails().hides("panicked");
    std::fs::remove_file(&filling).unwrap();
    std::fs::write(host.root().join("ready"), "").unwrap();
    host.run(["run", "1234", "--from=ticket"]).exits(0);
    assert_eq!(host.workspace(".reserve").metadata().unwrap().len(), 64 << 10);
    assert_eq!(host.state("1234", "STATUS"), "succeeded");
    assert!(host.root().join("ran-29").exists());
}
