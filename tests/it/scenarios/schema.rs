//! The schema version of a service's data is asked for before a release and kept in its snapshot.

use crate::support::{Host, Scene, Service};

fn with_schema(command: &str) -> Host {
    Scene::new().service(Service::new("wikijs").extra(&format!("schema = {{ command = {command} }}"))).build()
}

#[test]
fn the_schema_version_of_the_data_is_in_the_snapshot() {
    let host = with_schema("[\"sh\", \"-c\", \"cat ../version\"]");
    std::fs::write(host.root().join("version"), "20260518_add_theme\n").unwrap();
    host.run(["adopt"]).exits(0);
    let baseline = host.read(".asd/workspace/releases/baseline/1/snapshot.toml");
    assert!(baseline.contains("schema = \"20260518_add_theme\""), "{baseline}");
    std::fs::write(host.root().join("version"), "7\n").unwrap();
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(0);
    let snapshot = host.read(".asd/workspace/releases/1234/1/snapshot.toml");
    assert!(snapshot.contains("schema = \"7\""), "{snapshot}");
}

#[test]
fn a_version_that_cannot_be_told_is_said_and_stops_nothing() {
    let host = with_schema("[\"sh\", \"-c\", \"echo 'no such table' >&2; exit 4\"]");
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234", "--dry-run"])
        .exits(0)
        .shows("the schema version of wikijs is not on record: `sh` exited 4: no such table");
    host.run(["run", "1234"]).exits(0);
    assert!(!host.read(".asd/workspace/releases/1234/1/snapshot.toml").contains("schema ="));
}
