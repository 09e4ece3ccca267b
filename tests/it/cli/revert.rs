//! `revert` and `close`: what a program reads of them.

use crate::support::Host;

#[test]
fn a_revert_is_told_as_json_lines() {
    let host = Host::new();
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(0);
    let plan = host.run(["revert", "1234", "--dry-run", "--json"]).exits(0).json();
    assert_eq!(plan["decision"], "plan");
    let id = plan["plan"]["id"].as_str().unwrap();
    host.run(["revert", "1234", "--yes", "--plan", "0000000000000000"]).exits(4).shows("plan-changed");
    let output = host.run(["revert", "1234", "--yes", "--plan", id, "--json"]).exits(0);
    let lines = output.json_lines();
    assert_eq!(lines.last().unwrap()["status"], "reverted", "{output}");
    assert!(lines.iter().any(|line| line["event"] == "reverted"), "{output}");
    let again = host.run(["revert", "1234", "--json"]).exits(0);
    assert!(again.stdout.contains("already reverted"), "{again}");
}

#[test]
fn close_and_approve_answer_with_the_state() {
    let host = Host::new();
    host.script("1234", "x", "false");
    host.push();
    host.run(["run", "1234"]).exits(1);
    let lines = host.run(["close", "1234", "--reason", "over", "--json"]).exits(0).json_lines();
    assert_eq!((&lines[0]["event"], &lines[1]["closed"]), (&"closed".into(), &true.into()), "{lines:?}");
    assert!(host.record("1234", "event=closed").contains("msg=over"));
    let refused = host.run(["approve", "1234", "--reason", "x", "--json"]).exits(4);
    assert!(
        (refused.stdout.clone() + &refused.stderr).contains("attempt-status-not-recoverable"),
        "{refused}"
    );
}

#[test]
fn a_dry_run_of_close_changes_nothing() {
    let host = Host::new();
    host.script("1234", "x", "false");
    host.push();
    host.run(["run", "1234"]).exits(1);
    let before = host.log("1234");
    host.run(["close", "1234", "--reason", "over", "--dry-run"]).exits(0);
    assert_eq!(host.log("1234"), before);
}

#[test]
fn a_revert_that_would_do_something_else_by_now_is_asked_about_again() {
    let host = Host::new();
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(0);
    let mut revert = host.at_terminal(["revert", "1234"]);
    revert.sees("Go ahead? [y/N] ");
    // Somebody stops the service while the plan is read: there is nothing left to stop.
    host.service("wikijs", "stop").exits(0);
    let calls = host.calls();
    revert.presses("y\n");
    revert.sees("The host changed meanwhile: this is the new plan. Go ahead? [y/N] ");
    assert_eq!((host.calls(), host.state("1234", "STATUS")), (calls, "succeeded".into()));
    revert.presses("y\n");
    revert.ends().exits(0);
    assert_eq!((host.image("wikijs"), host.state("1234", "STATUS")), ("wikijs:1".into(), "reverted".into()));
}
