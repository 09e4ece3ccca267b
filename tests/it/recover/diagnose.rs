//! `diagnose`: each way to fail, made by what really makes it, and the way out that it names is the one that works.

use std::time::Duration;

use serde_json::Value;

use crate::support::{Host, Scene, Service, Trouble, begun, let_go, wait_until, waiting};

/// A host whose services give up after this long, with this more of its configuration.
fn quick(config: &str) -> Host {
    Scene::new()
        .service(Service::new("wikijs").deadline("400ms"))
        .service(Service::new("redmine"))
        .config(config)
        .build()
}

fn told(host: &Host) -> Value {
    let view = host.run(["diagnose", "1234", "--json"]).exits(0).json();
    assert_eq!(view["schemaVersion"], "holdpoint.diagnosis/v1");
    assert_eq!(view["noted"], true, "{view}");
    view
}

fn kind(view: &Value) -> &str {
    view["judgement"]["kind"].as_str().unwrap()
}

/// The recommended option and its command.
fn best(view: &Value) -> (&str, &str) {
    let best = &view["judgement"]["recommended"];
    (best["option"].as_str().unwrap(), best["command"].as_str().unwrap())
}

#[test]
fn a_service_that_is_still_unwell_is_looked_at_by_its_own_words_first() {
    let host = quick("[owners]\nstack = \"platform team\"");
    host.trouble("wikijs", Trouble::Unhealthy, Some("wikijs:2"));
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(1);
    let view = told(&host);
    assert_eq!((kind(&view), best(&view)), ("health", ("repair", "holdpoint run 1234 --from=migrate")));
    assert_eq!(view["judgement"]["unwell"], serde_json::json!(["wikijs"]));
    assert_eq!(view["judgement"]["first"][0]["command"], "holdpoint logs wikijs");
    assert_eq!(
        view["judgement"]["owner"],
        serde_json::json!({ "area": "product", "who": "owner of wikijs" })
    );
    assert_eq!(view["boundary"]["phasesDone"], serde_json::json!(["prepare"]));
    assert_eq!(view["boundary"]["step"], "wikijs.health");
    assert_eq!(view["boundary"]["verifyInPlace"], true, "{}", view["boundary"]);
    assert!(view["untrusted"].as_str().unwrap().contains("1234"), "{view}");
    assert!(view["evidence"]["stale"].is_null(), "{}", view["evidence"]);
    let record = host.record("1234", "event=diagnosed");
    assert!(record.contains("kind=health recommended=repair"), "{record}");
    assert_eq!(host.state("1234", "STATUS"), "failed");
    host.run(["diagnose", "1234"])
        .exits(0)
        .shows("1234@1 failed in migrate at wikijs.health")
        .shows("✓ safe to verify in place")
        .shows("recommended repair")
        .shows("not revert: a narrower way is left")
        .shows("this host is untrusted")
        .hides("\u{1b}");
}

#[test]
fn what_is_well_by_now_was_a_race_and_goes_on_from_its_phase() {
    let host = quick("");
    host.trouble("wikijs", Trouble::HealthyAfter(Duration::from_millis(1500)), Some("wikijs:2"));
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(1);
    let page = host.root().join("run/wikijs/www/healthz");
    wait_until("it is well", || page.exists());
    let view = told(&host);
    assert_eq!(view["judgement"]["race"], true, "{}", view["judgement"]);
    let (option, command) = best(&view);
    assert_eq!((option, command), ("rerun", "holdpoint run 1234 --from=migrate"));
    host.types(command).exits(0);
    assert_eq!(kind(&told(&host)), "nothing");
}

#[test]
fn a_script_that_fails_is_to_be_read_and_one_past_a_first_change_to_be_taken_back() {
    let host = quick("");
    host.script("1234", "b-theme", "echo 'column theme does not exist' >&2\nexit 3");
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(1);
    let view = told(&host);
    assert_eq!((kind(&view), best(&view)), ("script", ("repair", "holdpoint run 1234 --from=ticket")));
    assert_eq!(view["judgement"]["first"][0]["command"], "less releases/1234-b-theme.sh");
    assert!(view["failures"][0]["output"].to_string().contains("column theme"), "{}", view["failures"]);
    let others = view["judgement"]["others"].as_array().unwrap();
    assert!(
        others.iter().any(|other| other["option"] == "revert" && other["command"] == "holdpoint revert 1234")
    );
    assert!(view["playbooks"].as_array().unwrap().is_empty(), "{}", view["playbooks"]);
    assert_eq!(view["draft"], "holdpoint playbook new --from 1234");

    let host = quick("");
    host.script("1234", "a-first", "true");
    host.script("1234", "b-second", "exit 3");
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(1);
    let view = told(&host);
    assert_eq!(best(&view), ("revert", "holdpoint revert 1234"));
    assert!(view["judgement"]["recommended"]["why"].as_str().unwrap().contains("past its first change"));
}

#[test]
fn a_playbook_that_fits_has_its_detection_run_unless_nobody_wants_it() {
    let playbook = "\
- id: release-theme-column
  symptom: |
    The theme's script stops:
      column theme does not exist
  detection:
    - command: test -e packages/wikijs/image
      expect: rc=0
  root_cause: The column came later than the script.
  fix:
    bootstrap_script: releases/*-theme.sh
    bootstrap_change: Make the column first.
    adhoc: |
      # make the column by hand
      true
  verify:
    - 'true'
  services: [wikijs]
  tags: [release]
";
    let host = Scene::new()
        .service(Service::new("wikijs"))
        .file("recovery/playbooks/release-theme-column.yaml", playbook)
        .build();
    host.script("1234", "theme", "echo 'column theme does not exist' >&2\nexit 3");
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(1);
    let view = told(&host);
    let found = &view["playbooks"][0];
    assert_eq!(found["matched"]["id"], "release-theme-column", "{view}");
    assert_eq!(found["detection"]["verdict"], "confirmed", "{found}");
    assert!(view["draft"].is_null());
    host.run(["diagnose", "1234"]).exits(0).shows("✓ test -e packages/wikijs/image confirmed");
    let left = host.run(["diagnose", "1234", "--no-detect", "--json"]).exits(0).json();
    assert!(left["playbooks"][0]["detection"].is_null(), "{left}");
}

#[test]
fn a_cause_that_came_with_the_release_is_taken_back_with_it() {
    let host = quick("");
    host.script("1234", "theme", "if true; then");
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(1);
    let view = told(&host);
    assert_eq!((kind(&view), best(&view).0), ("script", "revert"));
    assert!(
        view["judgement"]["recommended"]["why"].as_str().unwrap().contains(".."),
        "{}",
        view["judgement"]
    );

    let host = quick("");
    host.trouble("wikijs", Trouble::PullDenied, Some("wikijs:2"));
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(1);
    let view = told(&host);
    assert_eq!(best(&view).0, "revert", "{}", view["judgement"]);
    assert_eq!(view["boundary"]["services"][0]["side"], "old");
}

#[test]
fn what_a_network_that_is_away_broke_is_run_again() {
    let host = quick("");
    host.script("1234", "call", "echo 'curl: (6) Could not resolve host: api.example.org' >&2\nexit 6");
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(1);
    let view = told(&host);
    assert_eq!((kind(&view), best(&view)), ("execution", ("rerun", "holdpoint run 1234 --from=ticket")));
    assert_eq!(view["judgement"]["owner"]["area"], "environment");
}

#[test]
fn a_gate_that_said_no_names_what_clears_it_and_there_is_nothing_to_take_back() {
    let host = quick("");
    host.ships("1234", "wikijs", "2");
    host.write("README.md", "somebody's work\n");
    host.run(["run", "1234"]).exits(4);
    let view = told(&host);
    // What would be refused is not what is recommended: first what clears it.
    assert_eq!((kind(&view), best(&view)), ("validation", ("repair", "git status")));
    let why = view["judgement"]["recommended"]["why"].as_str().unwrap();
    assert!(why.contains("first clear `tree-dirty`") && why.contains("then `holdpoint run 1234`"), "{why}");
    assert!(view["against"].to_string().contains("tree-dirty"), "{}", view["against"]);
    assert!(view["judgement"]["first"][0]["when"].as_str().unwrap().starts_with("tree-dirty"));
    let others = view["judgement"]["others"].as_array().unwrap();
    let revert = others.iter().find(|other| other["option"] == "revert").unwrap();
    assert!(revert["command"].is_null(), "{revert}");
    host.git(["restore", "--", "."]).exits(0);
    let view = told(&host);
    assert!(view["judgement"]["cause"].as_str().unwrap().contains("nothing stands against it any more"));
    host.types(best(&view).1).exits(0);
}

#[test]
fn after_the_time_to_give_up_it_is_to_be_taken_back() {
    let host = quick("[recovery]\ngive_up = \"1s\"\nevidence_max_age = \"1s\"");
    host.trouble("wikijs", Trouble::Unhealthy, Some("wikijs:2"));
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(1);
    let later = host.run_at(60, ["diagnose", "1234", "--json"]).exits(0).json();
    assert_eq!(best(&later), ("revert", "holdpoint revert 1234"));
    assert!(later["judgement"]["recommended"]["why"].as_str().unwrap().contains("give_up"), "{later}");
    assert_eq!(later["evidence"]["stale"]["code"], "evidence-stale");
    assert_eq!(later["evidence"]["stale"]["waysOut"][0], "holdpoint evidence capture 1234@1");
}

#[test]
fn a_step_whose_end_nobody_knows_is_never_guessed() {
    let host = waiting();
    let running = begun(&host);
    for file in ["pid", "child"] {
        host.types(&format!(
            "set -- .asd/workspace/releases/1234/1/steps/*1234-a-waits.sh/{file}; kill -KILL \"$(sed -n s/^pid=//p \"$1\")\""
        ))
        .exits(0);
    }
    running.wait().exits(8);
    let view = host.run(["diagnose", "1234", "--json"]).exits(0).json();
    assert_eq!((kind(&view), best(&view).0), ("undecided", "diagnose"));
    let first = view["judgement"]["first"].as_array().unwrap();
    let typed: Vec<&str> = first.iter().filter_map(|way| way["command"].as_str()).collect();
    assert!(
        typed[0].contains("--mark-done=1234-a-waits.sh") && typed[1].contains("--run-again="),
        "{typed:?}"
    );
    assert_eq!(view["boundary"]["unsettled"], serde_json::json!(["1234-a-waits.sh"]));
    assert_eq!(view["boundary"]["verifyInPlace"], false);
    host.run(["diagnose", "1234"]).exits(0).shows("✗ not safe to verify in place");
}

#[test]
fn a_run_that_is_at_work_is_looked_at_and_left_alone() {
    let host = waiting();
    let running = begun(&host);
    let view = host.run(["diagnose", "1234", "--json"]).exits(0).json();
    assert_eq!((kind(&view), best(&view)), ("at-work", ("wait", "holdpoint log 1234 -f")));
    assert_eq!(view["noted"], false);
    assert!(view["notes"].to_string().contains("is held by"), "{}", view["notes"]);
    assert!(!host.log("1234").contains("event=diagnosed"));
    let_go(&host, 0);
    running.wait().exits(0);
}

#[test]
fn only_what_is_on_record_can_be_diagnosed() {
    let host = quick("");
    host.run(["diagnose"]).exits(2);
    host.run(["diagnose", "1234"]).exits(4).shows("has no release");
    host.run(["diagnose", "audit"]).exits(4);
    host.run(["diagnose", "../x"]).exits(2);
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(0);
    host.run(["diagnose", "1234@2"]).exits(2).shows("is not the newest attempt");
    host.run(["diagnose", "1234@1"]).exits(0).shows("it has not failed");
    host.run(["log", "1234", "--verify"]).exits(0);
}

#[test]
fn of_a_release_that_is_over_it_is_said_how() {
    let host = quick("");
    host.ships("1233", "wikijs", "2");
    host.run(["run", "1233"]).exits(0);
    host.service("wikijs", "stop").exits(0);
    let down = host.run(["diagnose", "1233", "--json"]).exits(0).json();
    assert_eq!((kind(&down), best(&down)), ("nothing", ("redeploy", "holdpoint redeploy 1233@1")));
    host.run(["diagnose", "1233"]).exits(0).shows("owner  deployment owner\n");
    host.service("wikijs", "start").exits(0);

    host.script("1234", "x", "exit 3");
    host.ships("1234", "wikijs", "3");
    host.run(["run", "1234"]).exits(1);
    host.run(["revert", "1234", "--yes"]).exits(0);
    host.run(["diagnose", "1234"]).exits(0).shows("cause  it was taken back\n").hides("has not failed");
    host.git_at(&host.dev(), ["rm", "-q", "releases/1234-x.sh"]).exits(0);
    host.ships("1235", "wikijs", "4");
    host.run(["run", "1235", "--reintroduce", "1234", "--reason", "mended"]).exits(0);
    host.run(["diagnose", "1234"])
        .exits(0)
        .shows("it was taken back: nothing of it is left to verify")
        .shows("cause  it was taken back, and `1235@1` was released since")
        .shows("holdpoint diagnose 1235@1");
    host.service("wikijs", "stop").exits(0);
    host.run(["diagnose", "1233"])
        .exits(0)
        .shows("not safe to verify in place: `1235@1` is on top of it")
        .shows("cause  it has not failed, and `1235@1` is on top of it")
        .hides("recommended");
}
