//! A release brings a service, or takes one away.

use crate::support::{Scene, Service, manifest};

use super::tree;

#[test]
fn a_service_that_a_release_brings_is_started_and_stopped_by_a_revert() {
    let host = Scene::new().service(Service::new("wikijs")).later(Service::new("redmine")).build();
    let base = host.head();
    host.adds("1234", "redmine");
    host.push();
    host.run(["run", "1234", "--dry-run"]).exits(0).shows("redmine");
    host.run(["run", "1234"]).exits(0);
    host.service("redmine", "status").exits(0);
    assert_eq!(
        (host.image("redmine"), host.state("1234", "SERVICES")),
        ("redmine:1".into(), "redmine".into())
    );
    assert!(!host.calls().iter().any(|call| call.starts_with("wikijs")), "{:?}", host.calls());

    // Stopped while the tree still says how: before git moves.
    host.run(["revert", "1234", "--yes"]).exits(0);
    host.service("redmine", "status").exits(3);
    host.service("wikijs", "status").exits(0);
    assert_eq!(tree(&host, "HEAD"), tree(&host, &base));
    assert_eq!(host.state("1234", "STATUS"), "reverted");
}

#[test]
fn a_service_that_a_release_takes_away_is_saved_and_stopped_and_brought_back_by_a_revert() {
    let host = Scene::new().service(Service::new("wikijs")).service(Service::new("redmine")).build();
    let (base, data) = (host.head(), manifest(&host.data("redmine")));
    host.drops("1234", "redmine");
    host.push();
    host.run(["run", "1234"]).exits(0);
    host.service("redmine", "status").exits(3);
    host.service("wikijs", "status").exits(0);
    assert!(host.state("1234", "BACKUPS").starts_with("redmine="));
    assert_eq!(manifest(&host.data("redmine")), data, "its data stays where it is");
    host.run(["status"]).exits(0).hides("redmine");

    host.run(["revert", "1234", "--yes"]).exits(0);
    host.service("redmine", "status").exits(0);
    assert_eq!((host.image("redmine"), manifest(&host.data("redmine"))), ("redmine:1".into(), data));
    assert_eq!(tree(&host, "HEAD"), tree(&host, &base));
}

#[test]
fn a_release_may_bring_one_service_and_take_another_away() {
    let host = Scene::new()
        .service(Service::new("wikijs"))
        .service(Service::new("redmine"))
        .later(Service::new("gitea").after("wikijs"))
        .build();
    host.adds("1234", "gitea");
    host.bump("1234", "wikijs", "2");
    host.drops("1234", "redmine");
    host.push();
    host.run(["run", "1234"]).exits(0);
    host.service("gitea", "status").exits(0);
    host.service("redmine", "status").exits(3);
    assert_eq!(host.image("wikijs"), "wikijs:2");
    host.run(["revert", "1234", "--yes"]).exits(0);
    host.service("gitea", "status").exits(3);
    host.service("redmine", "status").exits(0);
    assert_eq!(host.image("wikijs"), "wikijs:1");
}

#[test]
fn files_of_a_service_that_no_paths_cover_are_not_skipped_silently() {
    let host = Scene::new().service(Service::new("wikijs")).build();
    host.commit("1234", &[("src/wikijs/theme.css", "body {}\n")]);
    host.push();
    // The seed's exit 5 with drift: there it was `nothing to release`.
    host.run(["run", "1234"])
        .exits(4)
        .shows("source-unclassified")
        .shows("src/wikijs/theme.css")
        .shows("--services wikijs")
        .shows("paths = ");
    host.run(["run", "1234", "--services", "wikijs"]).exits(0);
    assert!(host.calls().contains(&"wikijs recreate wikijs:1".to_owned()), "{:?}", host.calls());
}

#[test]
fn a_ticket_that_touches_no_service_is_a_release_too() {
    let host = Scene::new().service(Service::new("wikijs")).build();
    host.script("1234", "only", "true");
    host.push();
    host.run(["run", "1234"]).exits(0);
    assert_eq!((host.calls(), host.state("1234", "SERVICES")), (vec![], String::new()));
    host.run(["revert", "1234", "--yes"]).exits(0);
}

#[test]
fn hooks_run_around_a_start_and_configure_runs_them_alone() {
    let hooks = "hooks = { pre_start = [\"scripts/hook.sh pre\"], post_start = [{ run = [\"scripts/hook.sh\", \"post\"] }], \
                 ensure_config = [{ run = [\"scripts/hook.sh\", \"configure\"], idempotent = true }] }";
    let hooks = hooks.replace("\"scripts/hook.sh pre\"", "{ run = [\"scripts/hook.sh\", \"pre\"] }");
    let host = Scene::new().service(Service::new("wikijs").extra(&hooks)).build();
    let log = host.root().join("hooks");
    host.commit("1234", &[("scripts/hook.sh", &format!("#!/bin/sh\necho \"$1\" >>{}\n", log.display()))]);
    host.git_at(&host.dev(), ["update-index", "--chmod=+x", "scripts/hook.sh"]).exits(0);
    host.git_at(&host.dev(), ["commit", "-q", "-m", "1234: may be run"]).exits(0);
    host.git_at(&host.dev(), ["checkout", "-q", "-f", "HEAD"]).exits(0);
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(0);
    assert_eq!(std::fs::read_to_string(&log).unwrap(), "pre\npost\nconfigure\n");
    host.run(["configure", "wikijs"]).exits(0);
    assert_eq!(std::fs::read_to_string(&log).unwrap(), "pre\npost\nconfigure\npost\nconfigure\n");
    host.run(["configure", "nothing"]).fails().shows("nothing");
}
