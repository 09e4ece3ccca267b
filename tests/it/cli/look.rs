//! Verbs that look: `list`, `state`, `log`, `report`, `check`, `status`, `logs`, `doctor`. Each has `--json`, and none writes.

use crate::support::{Host, Scene, Service, Trouble, manifest};

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
        &["drift"],
        &["drift", "--check", "--json"],
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

/// A host with four releases, each of which ended in another way.
fn four() -> Host {
    let host = Scene::new().service(Service::new("wikijs")).service(Service::new("redmine")).build();
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(0);
    host.script("1235", "x", "exit 3");
    host.ships("1235", "redmine", "2");
    host.run(["run", "1235"]).exits(1);
    host.run(["revert", "1235", "--yes"]).exits(0);
    host.script("1236", "x", "exit 4");
    host.ships("1236", "redmine", "3");
    let again = ["--reintroduce", "1235", "--reason", "mended", "--without-scripts"];
    host.run(["run", "1236"].iter().chain(&again)).exits(1);
    host.run(["close", "1236", "--reason", "nobody goes on with it"]).exits(0);
    host.trouble("wikijs", Trouble::Unhealthy, Some("wikijs:3"));
    host.ships("1237", "wikijs", "3");
    let looked = ["--accept-untrusted", "--reason", "looked at the host", "--without-scripts"];
    host.run(["run", "1237"].iter().chain(&looked)).exits(1);
    host
}

#[test]
fn a_list_and_a_posture_read_well() {
    let host = four();
    let screen = |words: &[&str]| host.screen(&host.run(words).exits(0));
    // Programs get the same; one value of the outer level a line is easier to review.
    let told = |words: &[&str]| host.plain(&by_line(&host.run(words).exits(0).json()));
    insta::assert_snapshot!(screen(&["list"]), @"
    release  status  phase  commit  services  operator  started  took
    1237@1  failed  migrate  commit-1  wikijs  deploy  TIME (SPAN ago)  SPAN
    1236@1  failed  ticket  commit-2  redmine  deploy  TIME (SPAN ago)  SPAN  closed
    1235@1  reverted  revert  commit-3  redmine  deploy  TIME (SPAN ago)  SPAN
    1234@1  succeeded  verify  commit-4  wikijs  deploy  TIME (SPAN ago)  SPAN
    ");
    insta::assert_snapshot!(told(&["list", "--json"]), @r#"
    {"attempt":"1237@1","status":"failed","phase":"migrate","branch":"main","merge":"commit-1","services":["wikijs"],"operator":"deploy","startedAt":"TIME","updatedAt":"TIME","supersededBy":null,"closed":false,"archived":false}
    {"attempt":"1236@1","status":"failed","phase":"ticket","branch":"main","merge":"commit-2","services":["redmine"],"operator":"deploy","startedAt":"TIME","updatedAt":"TIME","supersededBy":null,"closed":true,"archived":false}
    {"attempt":"1235@1","status":"reverted","phase":"revert","branch":"main","merge":"commit-3","services":["redmine"],"operator":"deploy","startedAt":"TIME","updatedAt":"TIME","supersededBy":null,"closed":false,"archived":false}
    {"attempt":"1234@1","status":"succeeded","phase":"verify","branch":"main","merge":"commit-4","services":["wikijs"],"operator":"deploy","startedAt":"TIME","updatedAt":"TIME","supersededBy":null,"closed":false,"archived":false}
    "#);
    insta::assert_snapshot!(screen(&["status"]), @"
    prod1  commit-1 on main
      last release 1237@1 failed, SPAN ago
       service  runs  health  image  up for  restarts  last release
    ✓  redmine  running  healthy  redmine:3  ≤ SPAN  -  1236@1
    ✗  wikijs  running  HTTP 404  wikijs:3  ≤ SPAN  -  1237@1
    ! this host is untrusted: `1237` failed in phase migrate at `wikijs.health`, and nothing has proven it clean since (`holdpoint state 1237`)
    ");
    insta::assert_snapshot!(told(&["status", "--json"]), @r#"
    host: "prod1"
    head: "commit-1"
    branch: "main"
    runner: null
    release: {"attempt":"1237@1","status":"failed","phase":"migrate","branch":"main","merge":"commit-1","services":["wikijs"],"operator":"deploy","startedAt":"TIME","updatedAt":"TIME","supersededBy":null,"closed":false,"archived":false}
    services: {"service":"redmine","driver":"command","run":"running","health":"healthy","well":true,"image":"redmine:3","intended":"redmine:3","digest":null,"restarts":null,"since":"TIME","sinceBy":"record","lastRelease":"1236@1","containers":[],"trouble":null}
    services: {"service":"wikijs","driver":"command","run":"running","health":"HTTP 404","well":false,"image":"wikijs:3","intended":"wikijs:3","digest":null,"restarts":null,"since":"TIME","sinceBy":"record","lastRelease":"1237@1","containers":[],"trouble":null}
    notes: "this host is untrusted: `1237` failed in phase migrate at `wikijs.health`, and nothing has proven it clean since (`holdpoint state 1237`)"
    "#);
}

/// A JSON value with each of its outermost values on a line, those of its lists too.
fn by_line(value: &serde_json::Value) -> String {
    let rows = |name: &str, value: &serde_json::Value| match value {
        serde_json::Value::Array(rows) if !rows.is_empty() => {
            rows.iter().map(|row| format!("{name}{row}")).collect()
        }
        other => vec![format!("{name}{other}")],
    };
    let lines: Vec<String> = match value {
        serde_json::Value::Object(fields) => {
            fields.iter().flat_map(|(name, value)| rows(&format!("{name}: "), value)).collect()
        }
        other => rows("", other),
    };
    lines.join("\n")
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
    host.run(["report", "1235", "-o", "/nowhere/night.html"])
        .exits(2)
        .shows("`/nowhere/night.html` cannot be written: there is no folder `/nowhere`")
        .shows("-o FILE");
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

#[test]
fn what_doctor_says_to_type_names_no_ticket_that_somebody_made_up() {
    let host = Host::new();
    host.ships("1233", "wikijs", "2");
    host.run(["run", "1233"]).exits(0);
    host.ships("1234", "wikijs", "3");
    host.git(["pull", "-q"]).exits(0);
    host.run(["doctor"]).shows("head-moved").shows("holdpoint run TICKET").hides("run next");
}

#[test]
fn a_run_that_was_refused_is_not_the_last_release() {
    let host = Host::new();
    host.ships("1233", "wikijs", "2");
    host.run(["run", "1233"]).exits(0);
    host.run(["run", "9998"]).exits(5);
    host.write("README.md", "Work of somebody.\n");
    host.run(["run", "9999"]).exits(4);
    for look in ["status", "doctor"] {
        host.run([look]).shows("1233@1").hides("9998").hides("9999");
    }
    assert_eq!(host.run(["status", "--json"]).exits(0).json()["release"]["attempt"], "1233@1");
    host.run(["state", "9998"]).exits(0).shows("failed");
}

#[test]
fn what_a_screen_shows_can_be_asked_for() {
    let host = host();
    for verb in ["state", "log"] {
        host.run([verb, "1234@1"])
            .exits(2)
            .shows("`1234@1` is not a ticket id: it names an attempt, and its ticket is `1234`");
    }
    let short = &host.head()[..12];
    host.run(["run", "1236", "--at", short]).exits(2).shows(&format!("git rev-parse {short}"));
    host.run(["evidence", "list", "1234"]).exits(0).shows("`holdpoint evidence capture 1234` keeps some");
}

#[test]
fn a_configuration_that_was_taken_away_is_brought_back_and_not_begun_anew() {
    let host = host();
    std::fs::remove_file(host.prod().join(".asd/release.toml")).unwrap();
    host.run(["list"])
        .exits(2)
        .shows("`.asd/release.toml` is gone")
        .shows("git checkout HEAD -- .asd/release.toml")
        .hides("holdpoint init");
}
