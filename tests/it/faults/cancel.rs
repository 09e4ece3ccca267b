//! `cancel` from another terminal: in order, again for now, and for what outlived its runner.

use super::{lives, orphaned, pid_in, runs};
use crate::support::{Host, begun, let_go, wait_until, waiting};

#[test]
fn a_running_attempt_stops_in_order() {
    let host = waiting();
    let running = begun(&host);
    let cancel = host.start(["cancel", "1234@1", "--confirm", "1234@1", "--reason", "wrong window"]);
    wait_until("it is asked", || host.log("1234").contains("event=cancel-requested"));
    assert!(host.record("1234", "event=cancel-requested").contains("msg=\"wrong window\""));
    let_go(&host, 0);
    running.wait().exits(1).shows("canceled");
    cancel.wait().exits(0).shows("canceled");
    assert!(!host.root().join("after").exists());
    assert_eq!(host.state("1234", "STATUS"), "canceled");
    host.run(["run", "1234", "--from=ticket"]).exits(4).shows("attempt-status-not-recoverable");
    host.run(["revert", "1234", "--yes"]).exits(0);
    assert_eq!(host.image("wikijs"), "wikijs:1");
}

#[test]
fn asked_again_it_ends_what_runs() {
    let host = waiting();
    let running = begun(&host);
    let first = host.start(["cancel", "1234@1", "--yes"]);
    wait_until("it is asked", || host.log("1234").contains("event=cancel-requested"));
    host.run(["cancel", "1234@1", "--yes"]).exits(0);
    running.wait().exits(1).shows("canceled");
    first.wait().exits(0);
    assert_eq!(host.state("1234", "STATUS"), "canceled");
    assert!(!lives(pid_in(&host, "child")));
}

#[test]
fn what_outlived_its_runner_is_ended_and_can_be_resumed() {
    let host = orphaned();
    host.run(["cancel", "1234@1", "--confirm", "1234@1"]).exits(0).shows("ending step `1234-a-waits.sh`");
    assert!(!lives(pid_in(&host, "child")) && !lives(pid_in(&host, "pid")));
    assert_eq!(host.state("1234", "STATUS"), "failed");
    let_go(&host, 0);
    host.run(["run", "1234", "--from=ticket"]).exits(0);
    assert_eq!(runs(&host), 2);
}

#[test]
fn an_attempt_at_a_hold_point_is_canceled_at_once() {
    let host = crate::support::Scene::new().config("[run]\nhold_before = [\"migrate\"]").build();
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(10);
    host.run(["cancel", "1234@1", "--yes", "--dry-run"]).exits(0).shows("would be canceled");
    host.run(["cancel", "1234@1", "--yes"]).exits(0);
    assert_eq!(host.state("1234", "STATUS"), "canceled");
}

#[test]
fn what_cannot_be_canceled_says_why() {
    let host = Host::new();
    host.ships("1234", "wikijs", "2");
    host.run(["cancel", "1234@1", "--yes"]).exits(4).shows("1234");
    host.run(["run", "1234"]).exits(0);
    host.run(["cancel", "1234@1", "--yes"])
        .exits(4)
        .shows("attempt-status-not-recoverable")
        .shows("succeeded");
    host.run(["cancel", "1234@2", "--yes"]).exits(4).shows("not the newest attempt");
    host.run(["cancel", "1234@1", "--confirm", "1234@2"]).exits(2).shows("--confirm 1234@1");
    host.run(["cancel", "1234"]).exits(2);
    host.run(["cancel", "1234@1"]).exits(4);
}
