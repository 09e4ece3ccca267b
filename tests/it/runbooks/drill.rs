//! The recorded drill: a broken image, a failing migration, bad data. Each ends resolved, all six conditions held, by the
//! command line alone; and the record tells it.

use crate::support::{Host, Trouble, manifest};

use super::{guarded, open_incident, recommended};

/// Opens an incident of a release and looks, before anything is changed.
fn opened(host: &Host, ticket: &str, symptom: &str, probe: &str) -> String {
    let words = ["incident", "open", "--symptom", symptom, "--kind", "degraded", "--path", "read a page"];
    host.run(words.iter().copied().chain(["--ticket", ticket, "--probe", probe])).exits(0);
    let id = open_incident(host);
    host.run(["incident", "capture", &id]).exits(0);
    host.run(["incident", "resolve", &id, "--reason", "too early"]).exits(4).shows("incident-unproven");
    id
}

/// Looks again, and ends it.
fn resolved(host: &Host, id: &str, how: &[&str]) {
    host.run(["incident", "verify", id]).exits(0).shows("not-reproduced");
    host.run(["incident", "resolve", id].iter().chain(how)).exits(0).shows("resolved");
    let view = host.run(["incident", "show", id, "--json"]).exits(0).json();
    let conditions = view["conditions"].as_array().unwrap();
    assert_eq!(conditions.len(), 6);
    assert!(conditions.iter().all(|one| one["holds"] == true), "{view}");
    host.run(["drift", "--check"]).exits(0);
    assert!(host.read(".asd/workspace/audit.log").matches("event=incident").count() >= 4);
}

/// A host that 1201 was released on, with what its page says as the path that a person takes.
fn host() -> (Host, String) {
    let host = guarded();
    host.ships("1201", "wikijs", "2");
    host.run(["run", "1201"]).exits(0);
    let probe = format!("grep -q Home {}/pages/home.md", host.data("wikijs").display());
    (host, probe)
}

#[test]
fn a_broken_image_is_taken_back() {
    let (host, probe) = host();
    host.trouble("wikijs", Trouble::StartFails, Some("wikijs:3"));
    host.ships("1234", "wikijs", "3");
    host.run(["run", "1234"]).exits(1);
    let id = opened(&host, "1234", "the wiki is gone since 1234", &probe);
    recommended(&host, "1234");
    host.run(["revert", "1234", "--yes"]).exits(0);
    assert_eq!(host.image("wikijs"), "wikijs:2");
    resolved(&host, &id, &["--reason", "the image of 1234 does not start: taken back"]);
}

#[test]
fn a_failing_migration_is_taken_back_with_its_data() {
    let (host, probe) = host();
    let data = manifest(&host.data("wikijs"));
    let pages = host.data("wikijs");
    host.script("1234", "a-first", &format!("echo half >{}/half", pages.display()));
    let body =
        format!("echo '# Broken' >{}/pages/home.md\necho 'column missing' >&2\nexit 3", pages.display());
    host.script("1234", "b-second", &body);
    host.ships("1234", "wikijs", "3");
    host.run(["run", "1234"]).exits(1);
    let id = opened(&host, "1234", "pages are blank since 1234", &probe);
    let (option, command) = recommended(&host, "1234");
    assert_eq!(
        (option.as_str(), command.as_str()),
        ("revert", "holdpoint revert 1234"),
        "past its first change"
    );
    host.types(&format!("{command} --yes")).exits(0);
    assert_eq!(manifest(&pages), data);
    resolved(&host, &id, &["--reason", "the migration of 1234 fails past its first change: taken back"]);
}

#[test]
fn bad_data_under_a_green_release_is_taken_back() {
    let (host, probe) = host();
    let pages = host.data("wikijs");
    let data = manifest(&pages);
    host.script("1234", "theme", &format!("echo '# Gone' >{}/pages/home.md", pages.display()));
    host.ships("1234", "wikijs", "3");
    host.run(["run", "1234"]).exits(0);
    let id = opened(&host, "1234", "the start page shows nothing", &probe);
    host.run(["incident", "show", &id]).exits(0);
    host.run(["diagnose", "1234"]).exits(0).shows("it has not failed");
    host.run(["revert", "1234", "--yes", "--discard-writes", "--reason", "1234 blanked the start page"])
        .exits(0);
    assert_eq!(manifest(&pages), data);
    resolved(&host, &id, &["--reason", "1234 blanked the start page: taken back with its data"]);
}
