//! `backup take`, `list`, `verify`, `restore`, `prune`

use crate::support::{Host, manifest};

fn sets(host: &Host) -> Vec<String> {
    let rows = host.run(["backup", "list", "wikijs", "--json"]).exits(0).json();
    rows.as_array().unwrap().iter().map(|row| row["stamp"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn sets_are_taken_listed_verified_and_put_back() {
    let host = Host::new();
    let data = manifest(&host.data("wikijs"));
    host.run(["backup", "take", "wikijs", "--dry-run"]).exits(0);
    assert!(!host.workspace("backups").exists());
    host.run(["backup", "take", "wikijs", "--reason", "before the test"]).exits(0);
    assert_eq!(sets(&host).len(), 1);
    host.run(["backup", "verify", "wikijs"]).exits(0);
    std::fs::write(host.data("wikijs").join("pages/home.md"), "# Other\n").unwrap();
    host.run(["backup", "restore", "wikijs"]).exits(2).shows("--yes");
    host.run(["backup", "restore", "wikijs", "--yes"]).exits(0).shows("safety copy of wikijs");
    assert_eq!(manifest(&host.data("wikijs")), data);
    assert_eq!(sets(&host).len(), 2, "the present data was copied aside");
    assert!(host.read(".asd/workspace/audit.log").contains("backup"), "it is on record");
    for verb in ["list", "verify"] {
        host.run(["backup", verb, "wikijs", "20260101_000000"])
            .exits(2)
            .shows("there is no backup set `wikijs/20260101_000000`");
    }
    host.run(["backup", "restore", "wikijs", "1", "--yes"])
        .exits(2)
        .shows("`1` is not a backup set")
        .hides("ticket id");
}

#[test]
fn a_set_that_was_changed_is_found() {
    let host = Host::new();
    host.run(["backup", "take"]).exits(0);
    let stamp = sets(&host).pop().unwrap();
    let set = host.workspace(&format!("backups/wikijs/{stamp}"));
    let file = host.types_at(&set, "find . -type f ! -name manifest.toml | head -n 1").stdout;
    let file = set.join(file.trim());
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[0] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let output = host.run(["backup", "verify"]).fails().shows(&stamp);
    assert!(matches!(output.code, Some(6 | 9)), "{output}");
    host.run(["backup", "restore", "wikijs", &stamp, "--yes"]).exits(4).shows("backup-unverified");
    // A manifest that is none, or of a newer version, is no set.
    std::fs::write(set.join("manifest.toml"), "format = 99\n").unwrap();
    host.run(["backup", "restore", "wikijs", &stamp, "--yes"]).fails().hides("panicked");
    host.run(["backup", "list"]).hides("panicked");
}

#[test]
fn what_no_rule_keeps_is_pruned_after_a_yes() {
    let host = Host::new();
    for _ in 0..7 {
        host.run(["backup", "take", "wikijs"]).exits(0);
    }
    host.run(["backup", "prune", "--dry-run"]).exits(0);
    let before = sets(&host);
    if before.len() > 5 {
        host.run(["backup", "prune"]).exits(2).shows("--yes");
    }
    host.run(["backup", "prune", "--yes"]).exits(0);
    let after = sets(&host);
    assert_eq!(after.len(), 5);
    assert_eq!(after.iter().max(), before.iter().max(), "the newest stays");
    host.run(["backup", "verify"]).exits(0);
}
