//! After a rollback: the next release on top of what was taken back.

use super::scene::{Fleet, TWO_STAGES};

/// A fleet on which 1234 was taken back from every host that had it: from `a`, and never told `b`.
fn taken_back() -> Fleet {
    let fleet = Fleet::local(&["a", "b"]);
    let commit = fleet.ships("1234", "2");
    fleet.trouble("a", "web:2");
    let plan = fleet.plan(&format!("on_harm = \"rollback\"\n{TWO_STAGES}"), &commit);
    fleet.run(&["rollout", "start", "--plan-id", &plan]).exits(1).shows("rolled_back");
    fleet
}

fn next(head: &str) -> String {
    head.to_owned() + &TWO_STAGES.replace("\"1234\"", "\"1235\"")
}

#[test]
fn what_was_taken_back_comes_back_where_the_plan_says_so_and_why() {
    let fleet = taken_back();
    let commit = fleet.ships("1235", "3");
    let plan = fleet.plan(&next(""), &commit);
    let refused = fleet.run(&["rollout", "start", "--plan-id", &plan]).exits(10);
    refused
        .shows("reverted-ticket-returns")
        .shows("contains 1234 again")
        .shows("`reintroduce` in the plan lets it");
    fleet.run(&["rollout", "plan", "cancel", "--plan-id", &plan, "--confirm", &plan]).exits(0);
    let plan =
        fleet.plan(&next("reintroduce = { tickets = [\"1234\"], reason = \"1235 mends it\" }\n"), &commit);
    let shown = fleet.run(&["rollout", "plan", "create", "plan.toml", "--dry-run"]).exits(0);
    shown.shows("what was taken back may come back: 1234 (1235 mends it)");
    let described = fleet.run(&["rollout", "plan", "describe", "--plan-id", &plan]).exits(0);
    described.shows("what was taken back may come back: 1234 (1235 mends it)");
    fleet.run(&["rollout", "start", "--plan-id", &plan]).exits(0).shows("completed");
    assert_eq!(fleet.images(), ["web:3", "web:3"]);
    let log = std::fs::read_to_string(fleet.prod("a").join(".asd/workspace/releases/1235.log")).unwrap();
    assert!(log.contains("reintroduce") && log.contains("1235 mends it"), "{log}");
}

#[test]
fn what_the_branch_itself_has_taken_back_needs_no_word() {
    let fleet = taken_back();
    fleet.ground.git_at(&fleet.root().join("dev"), ["revert", "--no-edit", "HEAD"]).exits(0);
    let commit = fleet.ships("1235", "3");
    let plan = fleet.plan(&next(""), &commit);
    fleet.run(&["rollout", "start", "--plan-id", &plan]).exits(0).shows("completed");
    assert_eq!(fleet.images(), ["web:3", "web:3"]);
}
