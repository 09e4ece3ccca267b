//! `drift`: each code, made by what really makes it on a host; and the command beside it clears it.

use serde_json::Value;

use crate::support::{Host, Scene, Service, Trouble};

/// A host on which 1234 was released, with a script.
fn released() -> Host {
    let host = Scene::new().service(Service::new("wikijs")).service(Service::new("redmine")).build();
    host.script("1234", "theme", "true");
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(0);
    host
}

/// The rows, as `code service`.
fn codes(host: &Host) -> Vec<String> {
    let view = host.run(["drift", "--json"]).exits(0).json();
    let rows = view["rows"].as_array().unwrap();
    assert_eq!(view["clean"], rows.is_empty(), "{view}");
    rows.iter()
        .map(|row| [row["code"].as_str().unwrap(), row["service"].as_str().unwrap_or_default()].join(" "))
        .map(|text| text.trim_end().to_owned())
        .collect()
}

fn row(host: &Host, code: &str) -> Value {
    let view = host.run(["drift", "--json"]).exits(0).json();
    let found = view["rows"].as_array().unwrap().iter().find(|row| row["code"] == code).cloned();
    found.unwrap_or_else(|| panic!("no {code} in {view}"))
}

/// Types the command at that place of a row, as it stands there.
fn clear(host: &Host, code: &str, place: usize) {
    let row = row(host, code);
    host.types(row["clears"][place].as_str().unwrap()).exits(0);
}

#[test]
fn a_host_that_runs_what_it_should_has_no_drift() {
    let host = released();
    host.run(["drift", "--check"])
        .exits(0)
        .shows("what runs is what is meant to run: 2 services, 0 containers, 1 ticket script looked at");
    assert!(codes(&host).is_empty());
}

#[test]
fn a_host_without_a_record_is_never_clean_until_it_is_adopted() {
    let host = Host::new();
    assert_eq!(codes(&host), ["no-record"]);
    host.run(["drift", "--check"]).exits(6).shows("holdpoint adopt --reason");
    host.run(["drift"]).exits(0);
    host.run(["adopt", "--reason", "first"]).exits(0);
    host.run(["drift", "--check"]).exits(0);
}

#[test]
fn a_service_that_is_down_or_runs_another_image_is_told_with_its_own_command() {
    let host = released();
    host.service("wikijs", "stop").exits(0);
    assert_eq!(codes(&host), ["service-down wikijs"]);
    host.run(["drift", "--check"]).exits(6).shows("service-down").shows("stopped");
    clear(&host, "service-down", 0);
    host.run(["drift", "--check"]).exits(0);

    host.write("packages/redmine/image", "redmine:9\n");
    std::fs::write(host.root().join("images/redmine:9"), "").unwrap();
    host.service("redmine", "recreate").exits(0);
    host.git(["restore", "--", "."]).exits(0);
    assert_eq!(codes(&host), ["image-differs redmine"]);
    let row = row(&host, "image-differs");
    assert_eq!((row["intended"].as_str(), row["running"].as_str()), (Some("redmine:1"), Some("redmine:9")));
    clear(&host, "image-differs", 0);
    assert!(codes(&host).is_empty());
}

#[test]
fn a_service_that_cannot_be_seen_is_a_row_and_never_clean() {
    let service = Service::new("wikijs");
    let host = Scene::new().service(service).build();
    host.run(["adopt", "--reason", "first"]).exits(0);
    // Its own program is not there any more.
    std::fs::rename(host.root().join("service.sh"), host.root().join("gone.sh")).unwrap();
    host.run(["drift", "--check"]).exits(6).shows("unseen");
    assert_eq!(codes(&host), ["unseen wikijs"]);
    std::fs::rename(host.root().join("gone.sh"), host.root().join("service.sh")).unwrap();
    host.run(["drift", "--check"]).exits(0);
}

#[test]
fn a_checkout_that_moved_is_told_as_such() {
    let host = released();
    let left = host.head();
    host.write("README.md", "more\n");
    host.git(["commit", "-q", "-a", "-m", "by hand"]).exits(0);
    assert_eq!(codes(&host), ["head-moved"]);
    let row = row(&host, "head-moved");
    assert_eq!(row["intended"].as_str().unwrap(), &left[..12]);
    clear(&host, "head-moved", 1);
    assert_eq!(host.head(), left);

    host.git(["switch", "-q", "-c", "aside"]).exits(0);
    assert_eq!(codes(&host), ["branch"]);
    clear(&host, "branch", 0);

    host.write("README.md", "somebody's work\n");
    assert_eq!(codes(&host), ["tree-dirty"]);
    host.run(["drift"]).exits(0).shows("1 file: README.md");
    // A run with the same content as before is no difference: a revert leaves a new commit with the old tree.
    host.git(["restore", "--", "."]).exits(0);
    host.run(["revert", "1234", "--yes"]).exits(0);
    assert!(codes(&host).is_empty(), "{:?}", codes(&host));
}

#[test]
fn a_release_that_halted_leaves_head_unproven_and_names_the_ways_on_and_back() {
    let host = released();
    host.trouble("wikijs", Trouble::StartFails, Some("wikijs:3"));
    host.ships("1235", "wikijs", "3");
    host.run(["run", "1235", "--without-scripts"]).exits(1);
    assert_eq!(codes(&host), ["head-unproven", "service-down wikijs", "image-differs wikijs"]);
    for code in ["head-unproven", "service-down", "image-differs"] {
        let ways = row(&host, code)["clears"].clone();
        assert_eq!(ways, serde_json::json!(["holdpoint run 1235 --from=migrate", "holdpoint revert 1235"]));
    }
    host.repair("wikijs");
    clear(&host, "head-unproven", 0);
    host.run(["drift", "--check"]).exits(0);
}

#[test]
fn a_script_that_ran_is_held_against_what_lies_in_the_tree() {
    let host = released();
    host.write("releases/1234-theme.sh", "#!/bin/sh\necho another\n");
    assert_eq!(codes(&host), ["tree-dirty", "script-changed"]);
    host.git(["rm", "-q", "-f", "releases/1234-theme.sh"]).exits(0);
    assert_eq!(codes(&host), ["tree-dirty", "script-missing"]);
    clear(&host, "script-missing", 1);
    host.git(["reset", "-q"]).exits(0);
    assert!(codes(&host).is_empty());
}
