//! Verbs that look: `list`, `state`, `log`, `report`, `check`, `status`, `logs`, `doctor`. Each has `--json`, and none writes.

use crate::support::{Host, Scene, Service, manifest};

/// A host with one release that succeeded and one that failed.
fn host() -> Host {
    let host = Scene::new().service(Service::new("wikijs")).service(Service::new("redmine")).build();
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(0);
    host.script("1235", "x", "echo why >&2\nexit 3");
    host.ships("1235", "redmine", "2");
    host.run(["run", "1235"]).exits(1);
    host
}

#[test]
fn looking_changes_nothing() {
    let host = host();
    let before = manifest(&host.workspace(""));
    let calls = host.calls();
    for line in [
        ["list"].as_slice(),
        &["list", "--all", "--json"],
        &["state", "1235"],
        &["state", "1235", "--json"],
        &["state", "1235", "--export"],
        &["log", "1235"],
        &["log", "1235", "--json"],
        &["log", "1235", "--verify"],
        &["log", "1235", "-f"],
        &["report", "1235", "-o", "-"],
        &["check", "1235"],
        &["check", "--json"],
        &["check", "--diff", "HEAD~1"],
        &["check", "--incoming", "main"],
        &["status"],
        &["status", "wikijs", "--json"],
        &["logs", "wikijs"],
        &["doctor"],
        &["doctor", "--json"],
        &["backup", "list"],
        &["backup", "list", "--json"],
        &["backup", "verify"],
        &["backup", "verify", "--json"],
        &["schema", "release"],
        &["run", "1236", "--dry-run"],
        &["revert", "1235", "--dry-run"],
        &["return-to-main", "--dry-run"],
        &["configure", "wikijs", "--dry-run"],
        &["backup", "take", "--dry-run"],
        &["backup", "restore", "wikijs", "--dry-run"],
        &["backup", "prune", "--dry-run"],
        &["init", "--dry-run"],
        &["adopt", "--dry-run"],
        &["completions", "bash"],
        &["man"],
    ] {
        let output = host.run(line).hides("panicked").hides("cannot be planned");
        assert_ne!(output.code, Some(70), "{output}");
        let now = manifest(&host.workspace(""));
        let changed: Vec<&String> = now.iter().filter(|line| !before.contains(line)).collect();
        // The index may be made again at any time.
        let changed: Vec<&&String> =
            changed.iter().filter(|line| !line.starts_with("index.sqlite")).collect();
        assert!(changed.is_empty() && now.len() >= before.len(), "{line:?} changed {changed:?}");
    }
    assert_eq!(host.calls(), calls);
}

#[test]
fn what_can_be_read_can_be_read_as_json() {
    let host = host();
    let list = host.run(["list", "--json"]).exits(0).json();
    let attempts: Vec<&str> =
        list.as_array().unwrap().iter().filter_map(|row| row["attempt"].as_str()).collect();
    assert!(attempts.contains(&"1234@1") && attempts.contains(&"1235@1"), "{list}");
    let state = host.run(["state", "1235", "--json"]).exits(0).json();
    assert_eq!(
        (state["state"]["status"].as_str(), state["state"]["phase"].as_str()),
        (Some("failed"), Some("ticket"))
    );
    assert!(state["next"].to_string().contains("holdpoint run 1235 --from=ticket"), "{state}");
    let log = host.run(["log", "1235", "--json"]).exits(0).json_lines();
    assert_eq!(log.len(), host.log("1235").lines().count());
    let chain = host.run(["log", "1235", "--verify", "--json"]).exits(0).json();
    assert_eq!(chain["headSeq"].as_u64(), log.last().unwrap()["seq"].as_u64());
    let status = host.run(["status", "--json"]).exits(0).json();
    assert_eq!(status["services"].as_array().unwrap().len(), 2, "{status}");
    let doctor = host.run(["doctor", "--json"]).json();
    assert!(doctor.to_string().contains("\"verdict\""), "{doctor}");
    let schema = host.run(["schema", "release"]).exits(0).json();
    assert!(schema["properties"]["services"].is_object(), "{schema}");
    let sets = host.run(["backup", "list", "--json"]).exits(0).json();
    assert_eq!(sets.as_array().unwrap().len(), 2, "{sets}");
}

#[test]
fn a_state_says_what_to_type() {
    let host = host();
    insta::assert_snapshot!(host.screen(&host.run(["state", "1235"]).exits(0)), @"
    1235@1 failed in ticket
      commits  commit-1 → commit-2 on main
      services  redmine
      backups  redmine STAMP
      failed step  1235-x.sh
      operator  deploy on prod1
      started  TIME (SPAN ago)
      updated  TIME (SPAN ago)
      state  .asd/workspace/releases/1235.env
      log  .asd/workspace/releases/1235.log
      attempt  .asd/workspace/releases/1235/1
      ✓  prepare  done  SPAN
      ✓  migrate  done  SPAN
      ✗  ticket  failed  exit
      ·  verify
      1235-x.sh: `releases/1235-x.sh` exited 3
    to go on once the cause is fixed:
        holdpoint run 1235 --from=ticket
    to take it back:
        holdpoint revert 1235
    ");
    insta::assert_snapshot!(host.screen(&host.run(["state", "1234"]).exits(0)), @"
    1234@1 succeeded
      commits  commit-1 → commit-2 on main
      services  wikijs
      backups  wikijs STAMP
      operator  deploy on prod1
      started  TIME (SPAN ago)
      updated  TIME (SPAN ago)
      state  .asd/workspace/releases/1234.env
      log  .asd/workspace/releases/1234.log
      attempt  .asd/workspace/releases/1234/1
      ✓  prepare  done  SPAN
      ✓  migrate  done  SPAN
      ·  ticket  no script
      ✓  verify  done  SPAN
    to take it back:
        holdpoint revert 1234
    ");
}

#[test]
fn a_state_can_be_evaluated_by_a_shell() {
    let host = host();
    host.types("eval \"$(holdpoint state 1235 --export)\" && echo \"$TICKET $STATUS $PHASE\"")
        .exits(0)
        .shows("1235 failed ticket");
}

#[test]
fn following_a_run_that_is_over_ends_as_it_ended() {
    let host = host();
    host.run(["log", "1234", "-f"]).exits(0);
    host.run(["log", "1235", "-f"]).exits(1);
}

#[test]
fn a_report_is_one_file() {
    let host = host();
    host.run(["report", "1235", "-o", "../night.html"]).exits(0).shows("night.html");
    let page = std::fs::read_to_string(host.root().join("night.html")).unwrap();
    for part in ["1235@1", "1235-x.sh", "<svg", "failed"] {
        assert!(page.contains(part), "{part}");
    }
    for outside in ["src=\"http", "href=\"http", "<script src", "@import"] {
        assert!(!page.contains(outside), "{outside}");
    }
    host.run(["report", "1235", "-o", "/nowhere/night.html"]).exits(1).shows("/nowhere");
}

#[test]
fn a_check_compares_configurations() {
    let host = host();
    host.run(["check", "--diff", "HEAD"]).exits(0);
    host.run(["check", "--diff", "HEAD~2"]).exits(6).shows("redmine:1").shows("redmine:2");
}

#[test]
fn a_check_looks_at_another_branch() {
    let host = Host::new();
    host.git_at(&host.dev(), ["switch", "-q", "-c", "next"]).exits(0);
    host.ships("1240", "wikijs", "3");
    host.run(["check"]).exits(5).shows("nothing to release");
    host.run(["check", "--incoming", "next"]).exits(0).shows("wikijs:3");
}
