//! What is said of a plan while nobody drives it, and of hosts that it did not touch.

use super::scene::{Fleet, TWO_STAGES};
use crate::support::{Output, wait_until};

fn on(fleet: &Fleet, plan: &str, words: &[&str]) -> Output {
    let line: Vec<&str> = [&["rollout"], words, &["--plan-id", plan]].concat();
    fleet.run(&line)
}

fn describe(fleet: &Fleet, plan: &str) -> Output {
    on(fleet, plan, &["plan", "describe"]).exits(0)
}

/// Two hosts a plan that paused, for `b` failed, and its commit.
fn harmed() -> (Fleet, String, String) {
    let fleet = Fleet::local(&["a", "b"]);
    let commit = fleet.ships("1234", "2");
    fleet.trouble("b", "web:2");
    let plan = fleet.plan(TWO_STAGES, &commit);
    on(&fleet, &plan, &["start"]).exits(10).shows("harm: 1 failed, 0 may: b");
    (fleet, plan, commit)
}

#[test]
fn a_host_that_refused_is_not_taken_back_while_what_an_earlier_plan_left_runs_there() {
    let (fleet, plan, commit) = harmed();
    on(&fleet, &plan, &["plan", "cancel", "--confirm", &plan]).exits(0);
    let again = fleet.plan(TWO_STAGES, &commit);
    let running = fleet.start(&["rollout", "start", "--plan-id", &again]);
    wait_until("it waits for who refused", || fleet.described(&again)["wait"] == "refused");
    describe(&fleet, &again)
        .shows("resume-needed")
        .shows("once what it refuses for is put right there: offer it again");
    let wrong = ["recover", "--strategy", "rollback", "--reason", "x", "--confirm", &plan];
    on(&fleet, &again, &wrong).exits(4).shows("confirmation-required").shows(&format!("this is {again}"));
    let back = ["recover", "--strategy", "rollback", "--reason", "x"];
    on(&fleet, &again, &back).exits(0).shows("to be taken back: a\n");
    running.wait().exits(1).shows("rolled_back");
    assert_eq!(fleet.states(&again), ["a reverted", "b refused"]);
    assert_eq!(fleet.images(), ["web:2", "web:2"], "that is how this plan found them");
    describe(&fleet, &again).shows("this plan released nothing here");
    on(&fleet, &plan, &["resume"]).exits(4).shows("plan-terminal").shows("a commit that reverts it");
}

/// The refused try and the release after it are one attempt on the host: that number was there before the plan.
#[test]
fn a_release_that_follows_a_refused_one_is_its_own_plans_and_is_taken_back() {
    let fleet = Fleet::local(&["a", "b"]);
    let commit = fleet.ships("1234", "2");
    fleet.write("a/prod/dirt", "");
    let first = fleet.plan(TWO_STAGES, &commit);
    on(&fleet, &first, &["start"]).exits(10).shows("tree-dirty");
    fleet.run(&["rollout", "stuck"]).exits(6);
    std::fs::remove_file(fleet.prod("a").join("dirt")).unwrap();
    on(&fleet, &first, &["plan", "cancel", "--confirm", &first]).exits(0);
    let second = fleet.plan(TWO_STAGES, &commit);
    on(&fleet, &second, &["start", "--until", "canary"]).exits(10);
    assert_eq!(fleet.images(), ["web:2", "web:1"]);
    let back = ["recover", "--strategy", "rollback", "--reason", "x", "--yes", "--wait"];
    on(&fleet, &second, &back).exits(0).shows("rolled_back").hides("released nothing here");
    assert_eq!(fleet.images(), ["web:1", "web:1"]);
}

/// Whoever vouches for a stage vouches for no host that has not the release.
#[test]
fn a_plan_whose_last_stage_was_skipped_is_whole_only_where_every_host_has_the_release() {
    let fleet = Fleet::local(&["a", "b"]);
    let commit = fleet.ships("1234", "2");
    fleet.write("b/prod/dirt", "");
    let plan = fleet.plan(TWO_STAGES, &commit);
    let running = fleet.start(&["rollout", "start", "--plan-id", &plan]);
    wait_until("it waits for who refused", || fleet.described(&plan)["wait"] == "refused");
    fleet.run(&["rollout", "stuck"]).exits(6).shows("1 host refused, among them b");
    on(&fleet, &plan, &["recover", "--strategy", "skip_failed", "--reason", "later"]).exits(0);
    running.wait().exits(1).shows("completed_with_exceptions");
    assert_eq!(fleet.images(), ["web:2", "web:1"]);
}

#[test]
fn a_plan_that_nobody_drives_says_what_leads_on_and_nothing_that_is_past() {
    let (fleet, plan, _) = harmed();
    describe(&fleet, &plan).shows("--strategy rollback").hides("rollout resume");
    std::fs::remove_file(fleet.root().join("b/run/trouble")).unwrap();
    on(&fleet, &plan, &["recover", "--strategy", "retry", "--reason", "repaired"]).exits(0);
    let view = describe(&fleet, &plan);
    view.shows("a coordinator has to look at it anew")
        .shows("to drive it from here: holdpoint rollout resume");
    on(&fleet, &plan, &["plan", "preview"]).exits(0).shows("b would release");
    on(&fleet, &plan, &["pause", "--reason", "lunch"]).exits(0).shows("to go on: holdpoint rollout resume");
    describe(&fleet, &plan).shows("waits    it is paused: lunch").shows("to go on: holdpoint rollout resume");
    fleet.run(&["rollout", "stuck"]).exits(6).shows("it is paused: lunch");
    on(&fleet, &plan, &["halt", "--reason", "enough"]).exits(0).shows("--strategy retry");
    describe(&fleet, &plan)
        .shows("waits    it is paused: enough")
        .shows("to go on without the stage that was halted")
        .hides("rollout resume");
    let skip = ["recover", "--strategy", "skip_failed", "--reason", "x"];
    on(&fleet, &plan, &skip).exits(4).shows("its last stage is halted by now");
    let retry = ["recover", "--strategy", "retry", "--reason", "the rest by hand", "--wait"];
    on(&fleet, &plan, &retry).exits(1).shows("completed_with_exceptions");
}

#[test]
fn nothing_gets_under_way_while_the_line_is_stopped_and_what_goes_back_does() {
    let (fleet, plan, commit) = harmed();
    std::fs::remove_file(fleet.root().join("b/run/trouble")).unwrap();
    let other = fleet.plan(&TWO_STAGES.replace("name = \"", "name = \"another "), &commit);
    fleet.run(&["rollout", "stop-the-line", "--reason", "the registry is down"]).exits(0);
    on(&fleet, &other, &["start", "--dry-run"])
        .exits(0)
        .shows("the registry is down; none begins")
        .shows("no host would be told anything")
        .hides("would become");
    let retry = ["recover", "--strategy", "retry", "--reason", "repaired"];
    on(&fleet, &plan, &retry).exits(4).shows("freeze-active").shows("stop-the-line --lift");
    describe(&fleet, &plan).shows("stop-the-line --lift");
    fleet.run(&["rollout", "stop-the-line", "--lift", "--reason", "it is back"]).exits(0);
    on(&fleet, &plan, &retry).exits(0);
    on(&fleet, &plan, &["pause", "--reason", "lunch"]).exits(0);
    fleet.run(&["rollout", "stop-the-line", "--reason", "the registry is down"]).exits(0);
    describe(&fleet, &plan).shows("stop-the-line --lift").hides("rollout resume");
    on(&fleet, &plan, &["resume"]).exits(4).shows("freeze-active").shows("the registry is down");
    let back = ["recover", "--strategy", "rollback", "--reason", "x"];
    on(&fleet, &plan, &back).exits(0).shows("rolling_back");
    describe(&fleet, &plan).shows("to drive it from here: holdpoint rollout resume");
    on(&fleet, &plan, &["resume"]).exits(1).shows("rolled_back");
    assert_eq!(fleet.images(), ["web:1", "web:1"]);
}

#[test]
fn a_rollback_waits_for_a_host_whose_folder_is_away_and_for_one_that_was_taken_out() {
    let (fleet, plan, _) = harmed();
    let away = fleet.root().join("away");
    std::fs::rename(fleet.prod("b"), &away).unwrap();
    fleet.run(&["fleet", "host", "exclude", "a", "--until", "1h", "--reason", "new disk"]).exits(0);
    on(&fleet, &plan, &["recover", "--strategy", "rollback", "--reason", "x"]).exits(0);
    let running = fleet.start(&["rollout", "resume", "--plan-id", &plan]);
    wait_until("it waits for b", || fleet.described(&plan)["wait"] == "refused");
    describe(&fleet, &plan).shows("no folder that can be read");
    std::fs::rename(&away, fleet.prod("b")).unwrap();
    // Asked again a little later.
    wait_until("b is back, and it waits for a", || fleet.described(&plan)["wait"] == "hosts-excluded");
    describe(&fleet, &plan).shows("fleet host exclude a --lift");
    fleet.run(&["fleet", "host", "exclude", "a", "--lift", "--reason", "it is in"]).exits(0);
    running.wait().exits(1).shows("rolled_back");
    assert_eq!(fleet.images(), ["web:1", "web:1"]);
}

#[test]
fn a_plan_that_is_resumed_after_its_coordinator_was_killed_is_taken_over_and_not_only_said_to_be() {
    let fleet = Fleet::local(&["a", "b"]);
    let commit = fleet.ships("1234", "2");
    fleet.write("a/run/wait", "");
    let plan = fleet.plan(TWO_STAGES, &commit);
    let running = fleet.start(&["rollout", "start", "--plan-id", &plan]);
    wait_until("the canary is at work", || fleet.image("a") == "web:2");
    running.signal(rustix::process::Signal::KILL);
    running.wait();
    std::fs::remove_file(fleet.root().join("a/run/wait")).unwrap();
    on(&fleet, &plan, &["pause", "--reason", "hold"]).exits(0);
    on(&fleet, &plan, &["resume"])
        .exits(0)
        .shows("to let go of it, or to be silent for longer")
        .shows("completed")
        .hides("who goes on with it");
    assert_eq!(fleet.images(), ["web:2", "web:2"]);
}
