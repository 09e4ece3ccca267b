//! `run`: what a program reads of it. What it does on a host is in the scenarios.

use crate::support::{Host, Output};

fn words(output: &Output) -> Vec<String> {
    let events = output.json_lines();
    events.iter().map(|event| event["event"].as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn a_run_is_told_as_json_lines_and_ends_with_its_end() {
    let host = Host::new();
    host.ships("1234", "wikijs", "2");
    let output = host.run(["run", "1234", "--json"]).exits(0);
    let lines = output.json_lines();
    for (number, line) in lines.iter().enumerate().take(lines.len() - 1) {
        assert_eq!(line["ticket"], "1234", "{output}");
        if line["event"].is_string() && number > 0 {
            assert!(line["seq"].as_u64() > lines[number - 1]["seq"].as_u64(), "{output}");
        }
    }
    assert!(words(&output).contains(&"succeeded".to_owned()), "{output}");
    let end = lines.last().unwrap();
    assert_eq!((end["ending"].as_str(), end["attempt"].as_str()), (Some("ok"), Some("1234@1")), "{output}");
}

#[test]
fn a_failure_is_told_as_json_with_its_ways_out() {
    let host = Host::new();
    host.script("1234", "x", "echo why >&2\nexit 3");
    host.push();
    let output = host.run(["run", "1234", "--json"]).exits(1);
    let lines = output.json_lines();
    let end = lines.last().unwrap();
    assert_eq!(end["ending"], "failed", "{output}");
    let failure = &end["failure"];
    assert_eq!(failure["phase"], "ticket", "{output}");
    assert_eq!(failure["rollBack"], "holdpoint revert 1234", "{output}");
    assert_eq!(failure["goOn"], "holdpoint run 1234 --from=ticket", "{output}");
    assert!(failure["output"].to_string().contains("why"), "{output}");
}

#[test]
fn a_refusal_is_told_as_json_with_its_codes() {
    let host = Host::new();
    host.write("left.txt", "x");
    for line in [
        ["run", "1234", "--json"].as_slice(),
        &["run", "1234", "--dry-run", "--json"],
        &["check", "1234", "--json"],
    ] {
        let output = host.run(line).exits(4);
        let text = output.stdout.clone() + &output.stderr;
        assert!(text.contains("\"tree-dirty\"") && text.contains("\"nothing-to-release\""), "{output}");
        assert!(output.stdout.lines().all(|line| line.is_empty() || !line.starts_with("✗")), "{output}");
    }
}

#[test]
fn a_run_that_asks_needs_a_yes() {
    let host = crate::support::Scene::new()
        .service(crate::support::Service::new("wikijs"))
        .config("[run]\nconfirm = true")
        .build();
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(2).shows("--yes");
    assert_eq!(host.calls(), [""; 0]);
    host.run(["run", "1234", "--yes"]).exits(0);
}

#[test]
fn a_plan_that_changed_while_it_was_read_is_shown_and_asked_about_again() {
    let host = crate::support::Scene::new()
        .service(crate::support::Service::new("wikijs"))
        .service(crate::support::Service::new("redmine"))
        .config("[run]\nconfirm = true")
        .build();
    host.ships("1234", "wikijs", "2");
    for (keys, code) in [("n\n", 4), ("y\n", 0)] {
        let mut run = host.at_terminal(["run", "1234"]);
        run.sees("Go ahead? [y/N] ");
        // The world moves between the question and the lock: somebody fetched what came in meanwhile.
        host.ships("1234", "redmine", if code == 0 { "3" } else { "2" });
        host.git(["fetch", "-q", "origin", "+main:refs/holdpoint/incoming/main"]).exits(0);
        run.presses("y\n");
        run.sees("The host changed meanwhile: this is the new plan. Go ahead? [y/N] ");
        assert!(run.screen().contains("redmine:1 → redmine:"), "{}", run.screen());
        assert_eq!(host.calls(), [""; 0], "nothing was done so far");
        run.presses(keys);
        run.ends().exits(code);
    }
    assert_eq!((host.image("wikijs"), host.image("redmine")), ("wikijs:2".into(), "redmine:3".into()));
}

#[test]
fn a_health_deadline_holds_for_one_attempt_and_is_on_record() {
    let host = Host::new();
    host.trouble(
        "wikijs",
        crate::support::Trouble::HealthyAfter(std::time::Duration::from_millis(700)),
        None,
    );
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234", "--health-deadline", "wikijs=200ms"])
        .exits(1)
        .shows("`wikijs` did not become well within 200ms");
    host.run(["run", "1234", "--from=migrate", "--health-deadline", "5s"]).exits(0);
    assert!(host.log("1234").contains("5s"), "the deadline is audited:\n{}", host.log("1234"));
}

#[test]
fn services_that_are_left_out_are_named() {
    let host = crate::support::Scene::new()
        .service(crate::support::Service::new("wikijs"))
        .service(crate::support::Service::new("redmine"))
        .build();
    host.bump("1234", "wikijs", "2");
    host.ships("1234", "redmine", "2");
    host.run(["run", "1234", "--services", "wikijs"]).exits(0).shows("redmine");
    assert_eq!((host.image("wikijs"), host.image("redmine")), ("wikijs:2".into(), "redmine:1".into()));
}
