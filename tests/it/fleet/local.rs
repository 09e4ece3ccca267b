//! Hosts on this machine.

use super::scene::{Fleet, TWO_STAGES};
use crate::support::{Running, binary, wait_until};

fn on(plan: &str, words: &[&'static str]) -> Vec<String> {
    let mut line = vec!["rollout".to_owned()];
    line.extend(words.iter().map(|word| (*word).to_owned()));
    line.extend(["--plan-id".to_owned(), plan.to_owned()]);
    line
}

fn typed(fleet: &Fleet, plan: &str, words: &[&'static str]) -> crate::support::Output {
    let line = on(plan, words);
    fleet.run(&line.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn a_release_goes_over_the_fleet_stage_by_stage() {
    let fleet = Fleet::local(&["a", "b", "c"]);
    let commit = fleet.ships("1234", "2");
    let plan = fleet.plan(TWO_STAGES, &commit);
    typed(&fleet, &plan, &["start", "--dry-run"]).exits(0).shows("a would release");
    assert_eq!(fleet.images(), ["web:1", "web:1", "web:1"]);
    typed(&fleet, &plan, &["start"]).exits(0).shows_in_order(&["offered", "promoted", "completed"]);
    assert_eq!(fleet.images(), ["web:2", "web:2", "web:2"]);
    assert_eq!(fleet.states(&plan), ["a active", "b active", "c active"]);
    fleet.run(&["rollout", "plan", "list"]).exits(0).shows("completed").shows("3/3");
    typed(&fleet, &plan, &["start"]).exits(4).shows("plan-terminal");
    // The same ticket again: each host says that there is nothing to do.
    let again = fleet.plan(TWO_STAGES, &commit);
    typed(&fleet, &again, &["start"]).exits(0);
    assert_eq!(fleet.calls("b", "web:2"), 1);
}

#[test]
fn a_canary_that_turns_bad_is_really_taken_back_and_nobody_else_is_touched() {
    let fleet = Fleet::local(&["a", "b", "c"]);
    let commit = fleet.ships("1234", "2");
    fleet.trouble("a", "web:2");
    let plan = fleet.plan(&format!("on_harm = \"rollback\"\n{TWO_STAGES}"), &commit);
    let output = typed(&fleet, &plan, &["start"]).exits(1);
    output.shows_in_order(&["offered", "failed", "rolling_back", "asked-back", "rolled_back"]);
    assert_eq!(fleet.images(), ["web:1", "web:1", "web:1"]);
    assert_eq!((fleet.calls("a", "web:2"), fleet.calls("b", "web:2")), (1, 0));
    assert_eq!(fleet.states(&plan), ["a reverted", "b pending", "c pending"]);
    assert_eq!(fleet.described(&plan)["phase"], "rolled_back");
}

#[test]
fn the_seeds_runbook_is_walked_in_its_own_forms() {
    let fleet = Fleet::local(&["a", "b", "c"]);
    let commit = fleet.ships("1234", "2");
    fleet.trouble("b", "web:2");
    let plan = fleet.plan(TWO_STAGES, &commit);
    typed(&fleet, &plan, &["start"]).exits(10).shows("harm: 1 failed, 0 may: b");
    let stuck = fleet.run(&["rollout", "stuck", "--json"]).exits(6).json();
    let row = &stuck["stuck_plans"][0];
    assert_eq!((&row["plan_id"], &row["phase"]), (&plan.as_str().into(), &"paused".into()));
    assert_eq!(row["current_stage_id"], "rest");
    assert!(row["stuck_since"].is_string() && row["stuck_reason"].is_string(), "{row}");
    assert_eq!(fleet.described(&plan)["advice"], "rollback");
    typed(&fleet, &plan, &["resume"]).exits(4).shows("stage-failed").shows("--strategy rollback");
    let unknown = typed(&fleet, &plan, &["recover", "--strategy", "undo", "--reason", "x"]);
    unknown.exits(2).shows("strategy-unknown");

    // Retry: the host is repaired, and only what failed is offered again.
    std::fs::remove_file(fleet.root().join("b/run/trouble")).unwrap();
    typed(&fleet, &plan, &["recover", "--strategy", "skip_failed", "--reason", "x"])
        .exits(4)
        .shows("confirmation-required")
        .shows("--confirm rest");
    let retry = typed(&fleet, &plan, &["recover", "--strategy", "retry", "--reason", "repaired", "--json"]);
    let retry = retry.exits(0).json();
    assert_eq!((&retry["previous_phase"], &retry["new_phase"]), (&"paused".into(), &"active".into()));
    assert_eq!((&retry["strategy"], &retry["reason"]), (&"retry".into(), &"repaired".into()));
    assert!(retry["recovered_at"].is_string(), "{retry}");
    fleet.run(&["rollout", "stuck"]).exits(6).shows("no coordinator drives it");

    // Rollback: the exact list, and every host really goes back.
    let back = typed(&fleet, &plan, &["recover", "--strategy", "rollback", "--reason", "errors", "--json"]);
    let back = back.exits(0).json();
    assert_eq!((&back["new_phase"], &back["final_phase"]), (&"rolling_back".into(), &"rolled_back".into()));
    assert_eq!(back["hosts_to_revert"], serde_json::json!(["a", "b", "c"]));
    let again = typed(&fleet, &plan, &["recover", "--strategy", "rollback", "--reason", "errors"]);
    again.exits(4).shows("already-rolling-back");
    typed(&fleet, &plan, &["resume"]).exits(1).shows("rolled_back");
    assert_eq!(fleet.images(), ["web:1", "web:1", "web:1"]);
    typed(&fleet, &plan, &["recover", "--strategy", "retry", "--reason", "x"])
        .exits(4)
        .shows("plan-terminal");
    typed(&fleet, &plan, &["plan", "cancel"]).exits(4).shows("plan-terminal").shows("already stopped");
}

#[test]
fn a_killed_coordinator_is_taken_over_and_no_host_does_anything_twice() {
    let fleet = Fleet::local(&["a", "b", "c"]);
    let commit = fleet.ships("1234", "2");
    fleet.write("a/run/wait", "");
    let plan = fleet.plan(TWO_STAGES, &commit);
    let line = on(&plan, &["start"]);
    let running = fleet.start(&line.iter().map(String::as_str).collect::<Vec<_>>());
    wait_until("the canary is at work", || fleet.image("a") == "web:2");
    // While it lives nobody else drives.
    let before = fleet.described(&plan)["audit"].clone();
    typed(&fleet, &plan, &["resume", "--until", "canary"]).exits(4).shows("plan-driven");
    assert_eq!(fleet.described(&plan)["audit"], before, "what is refused leaves no hold point and no record");
    // A paused one may be let go of while its coordinator waits for its last hosts.
    typed(&fleet, &plan, &["pause", "--reason", "a look"]).exits(0);
    typed(&fleet, &plan, &["resume"]).exits(0).shows("done; ").shows("who goes on with it");
    assert_eq!(fleet.described(&plan)["phase"], "active");
    running.signal(rustix::process::Signal::KILL);
    running.wait();
    std::fs::remove_file(fleet.root().join("a/run/wait")).unwrap();
    // Its lease has to end first.
    wait_until("the lease ended", || fleet.described(&plan)["coordinator"].is_null());
    fleet.run(&["rollout", "stuck"]).exits(6).shows("no coordinator drives it");
    typed(&fleet, &plan, &["resume"]).exits(0);
    assert_eq!(fleet.images(), ["web:2", "web:2", "web:2"]);
    assert_eq!(fleet.calls("a", "web:2"), 1, "it was told twice and did it once");
}

#[test]
fn a_pause_lets_hosts_finish_and_a_resume_goes_on() {
    let fleet = Fleet::local(&["a", "b"]);
    let commit = fleet.ships("1234", "2");
    fleet.write("a/run/wait", "");
    let plan = fleet.plan(TWO_STAGES, &commit);
    let line = on(&plan, &["start"]);
    let running = fleet.start(&line.iter().map(String::as_str).collect::<Vec<_>>());
    wait_until("the canary is at work", || fleet.image("a") == "web:2");
    typed(&fleet, &plan, &["pause", "--reason", "lunch"]).exits(0);
    std::fs::remove_file(fleet.root().join("a/run/wait")).unwrap();
    running.wait().exits(10).shows("lunch");
    assert_eq!(fleet.states(&plan), ["a active", "b pending"]);
    typed(&fleet, &plan, &["resume"]).exits(0);
    assert_eq!(fleet.images(), ["web:2", "web:2"]);
}

#[test]
fn a_plan_is_driven_until_the_stage_that_was_named() {
    let fleet = Fleet::local(&["a", "b"]);
    let commit = fleet.ships("1234", "2");
    let plan = fleet.plan(TWO_STAGES, &commit);
    typed(&fleet, &plan, &["start", "--until", "cnary"])
        .exits(4)
        .shows("stage-unknown")
        .shows("its stages: canary, rest")
        .shows("--until canary");
    assert_eq!(fleet.described(&plan)["phase"], "draft");
    let past = "stage canary is past, and it was to go on until there";
    typed(&fleet, &plan, &["start", "--until", "canary"]).exits(10).shows("paused").shows(past);
    assert_eq!(fleet.states(&plan), ["a active", "b pending"]);
    fleet.run(&["rollout", "stuck"]).exits(6).shows(past).shows("rollout resume");
    let audit = fleet.run(&["rollout", "audit", &plan]).exits(0);
    audit.shows_in_order(&["paused", past, "start", "until stage canary is past"]);
    typed(&fleet, &plan, &["resume", "--until", "canary"]).exits(4).shows("stage-not-current").shows("rest");
    typed(&fleet, &plan, &["resume"]).exits(0).shows("completed");
    assert_eq!(fleet.images(), ["web:2", "web:2"]);
}

#[test]
fn a_plan_that_waits_for_a_host_of_another_goes_on_when_that_one_is_over() {
    let fleet = Fleet::local(&["a"]);
    let commit = fleet.ships("1234", "2");
    fleet.write("a/run/wait", "");
    let one_stage = TWO_STAGES.split("[[stage]]\nid = \"rest\"").next().unwrap().to_owned();
    let (first, second) = (fleet.plan(&one_stage, &commit), fleet.plan(&one_stage, &commit));
    let line = |plan| on(plan, &["start"]);
    let start = |plan| fleet.start(&line(plan).iter().map(String::as_str).collect::<Vec<_>>());
    let first = start(&first);
    wait_until("the host is at work", || fleet.image("a") == "web:2");
    let waiting = start(&second);
    wait_until("the other waits for it", || fleet.described(&second)["wait"] == "host-locked");
    std::fs::remove_file(fleet.root().join("a/run/wait")).unwrap();
    first.wait().exits(0);
    waiting.wait().exits(0);
    assert_eq!(fleet.calls("a", "web:2"), 1);
}

#[test]
fn gates_hold_a_stage_back_until_they_say_yes() {
    let fleet = Fleet::local(&["a", "b"]);
    let commit = fleet.ships("1234", "2");
    let gates = "gates = [{ kind = \"command\", run = [\"./gate.sh\"] }, { kind = \"manual\" }]";
    let text = TWO_STAGES.replace("gates = [{ kind = \"hosts-verified\", min = \"100%\" }]", gates);
    fleet.write("desk/gate.sh", "#!/bin/sh\nexit $(cat says)\n");
    fleet.write("desk/says", "75");
    let gate = fleet.root().join("desk/gate.sh");
    std::fs::set_permissions(gate, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let plan = fleet.plan(&text, &commit);
    typed(&fleet, &plan, &["approve", "--reason", "x"]).exits(4).shows("no-current-stage");
    let line = on(&plan, &["start"]);
    let running = fleet.start(&line.iter().map(String::as_str).collect::<Vec<_>>());
    let waits = |word: &str| fleet.described(&plan)["wait"] == word;
    wait_until("it cannot tell", || waits("gate-inconclusive"));
    fleet.write("desk/says", "0");
    wait_until("a person is asked", || waits("manual-gate"));
    assert_eq!(fleet.states(&plan), ["a active", "b pending"]);
    typed(&fleet, &plan, &["approve", "--reason", "looked at it"]).exits(0);
    running.wait().exits(0);
    assert_eq!(fleet.images(), ["web:2", "web:2"]);
}

/// It lasts for twenty seconds without being kept.
#[test]
fn a_gate_that_takes_longer_than_the_lease_still_answers() {
    let fleet = Fleet::local(&["a"]);
    let commit = fleet.ships("1234", "2");
    let gates = "gates = [{ kind = \"command\", run = [\"sleep\", \"22\"] }, { kind = \"command\", run = [\"true\"] }]";
    let stages = format!("[[stage]]\nid = \"all\"\nhosts = {{ share = \"100%\" }}\n{gates}\n");
    let text = TWO_STAGES.split("[[stage]]").next().unwrap().to_owned() + &stages;
    let plan = fleet.plan(&text, &commit);
    typed(&fleet, &plan, &["start"]).exits(0).shows("completed");
}

#[test]
fn what_binds_every_plan_binds_this_one() {
    let fleet = Fleet::local(&["a", "b"]);
    let commit = fleet.ships("1234", "2");
    fleet.run(&["fleet", "host", "exclude", "b", "--until", "2d", "--reason", "new disk"]).exits(0);
    let past = ["fleet", "host", "exclude", "b", "--until", "2020-01-01T00:00:00Z", "--reason", "a slip"];
    fleet.run(&past).exits(2).shows("is past: it would lift what holds now");
    fleet
        .run(&["fleet", "host", "exclude", "b", "--until", "3d", "--reason", " "])
        .exits(2)
        .shows("--reason TEXT");
    fleet.run(&["rollout", "stop-the-line", "--reason", ""]).exits(2).shows("the reason is empty");
    fleet.run(&["fleet", "host", "list"]).exits(0).shows("new disk");
    // Nothing holds here: there is nothing to be lifted, and nothing to be written down.
    fleet.run(&["fleet", "host", "exclude", "a", "--lift", "--reason", "x"]).exits(0).shows("a takes part");
    fleet.run(&["rollout", "stop-the-line", "--lift", "--reason", "x"]).exits(0);
    fleet.run(&["rollout", "audit"]).exits(0).hides("lifted");
    fleet
        .run(&["fleet", "host", "exclude", "x", "--until", "2d", "--reason", "y"])
        .exits(2)
        .shows("is no host");
    let plan = fleet.plan(TWO_STAGES, &commit);
    fleet.run(&["rollout", "stop-the-line", "--reason", "the registry is down"]).exits(0);
    typed(&fleet, &plan, &["start"]).exits(4).shows("freeze-active").shows("--lift");
    fleet
        .run(&["rollout", "plan", "list"])
        .exits(0)
        .shows("the line is stopped")
        .shows("the registry is down");
    fleet.run(&["rollout", "stuck"]).exits(0).shows("--lift");
    let create = ["rollout", "plan", "create", "plan.toml"];
    fleet.run(&create).exits(0).shows("the line is stopped: to let it go").hides("to begin");
    fleet.run(&["rollout", "stop-the-line", "--lift", "--reason", "it is back"]).exits(0);
    fleet.run(&create).exits(0).shows("to begin: holdpoint rollout start");
    typed(&fleet, &plan, &["start"]).exits(1).shows("completed_with_exceptions");
    assert_eq!(fleet.states(&plan), ["a active", "b excluded"]);
    assert_eq!(fleet.images(), ["web:2", "web:1"]);
}

#[test]
fn a_host_that_is_gone_is_unreachable_or_refuses_and_is_never_guessed_about() {
    let fleet = Fleet::local(&["a", "b"]);
    let commit = fleet.ships("1234", "2");
    std::fs::rename(fleet.prod("a").join(".asd/release.toml"), fleet.root().join("kept")).unwrap();
    let plan = fleet.plan(TWO_STAGES, &commit);
    // The folder is there and is no project: the host says so, and nothing was changed.
    typed(&fleet, &plan, &["start"]).exits(10).shows("hosts-verified");
    assert_eq!(fleet.states(&plan), ["a refused", "b pending"]);
    std::fs::rename(fleet.root().join("kept"), fleet.prod("a").join(".asd/release.toml")).unwrap();
    let back = ["recover", "--strategy", "rollback", "--reason", "x", "--wait"];
    typed(&fleet, &plan, &back).exits(0).shows("rolled_back");
    assert_eq!(fleet.images(), ["web:1", "web:1"]);
}

const PATIENT: &str = "unreachable = { defer = true, budget = \"40%\", wait = \"2d\" }\n";

/// Three hosts of which `b` is behind a network: where `cut` lies beside its `ssh`, nobody gets through.
struct Behind {
    fleet: Fleet,
}

impl Behind {
    fn cut() -> Self {
        let fleet = Fleet::reached(&["a", "b", "c"], |name| if name == "b" { "ssh" } else { "local" });
        let inventory = std::fs::read_to_string(fleet.root().join("desk/fleet.toml")).unwrap();
        let ssh = format!("transport = \"ssh\"\nprogram = \"{}\"\n", binary());
        fleet.write("desk/fleet.toml", &inventory.replace("transport = \"ssh\"\n", &ssh));
        let ssh = "#!/bin/sh\nfor last; do :; done\n\
                   [ -e \"${0%/*}/cut\" ] && { echo 'no route to host' >&2; exit 255; }\n\
                   case $last in *__fleet*) eval \"$last\" ;; esac\n";
        fleet.write("bin/ssh", ssh);
        let program = fleet.root().join("bin/ssh");
        std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        fleet.write("bin/cut", "");
        Self { fleet }
    }

    fn mend(&self) {
        std::fs::remove_file(self.fleet.root().join("bin/cut")).unwrap();
    }

    fn start(&self, plan: &str) -> Running {
        let path = format!("{}:{}", self.fleet.root().join("bin").display(), std::env::var("PATH").unwrap());
        let mut command = self.fleet.ground.command(binary(), &self.fleet.root().join("desk"));
        command.args(on(plan, &["start"])).env("PATH", &path).stdin(std::process::Stdio::null());
        self.fleet.ground.starts(command)
    }

    /// Another plan with another ticket releases over the canary alone.
    fn takes_the_canary(&self) {
        wait_until("the canary is let go of", || {
            let hosts = self.fleet.run(&["fleet", "host", "list", "--json"]).exits(0).json();
            hosts[0]["plan_id"].is_null()
        });
        let commit = self.fleet.ships("1235", "3");
        let text = TWO_STAGES.replace("ticket = \"1234\"", "ticket = \"1235\"");
        let plan = self.fleet.plan(text.split("[[stage]]\nid = \"rest\"").next().unwrap(), &commit);
        self.start(&plan).wait().exits(0);
    }
}

#[test]
fn a_host_that_comes_back_after_the_last_stage_is_served_and_others_are_free_meanwhile() {
    let behind = Behind::cut();
    let fleet = &behind.fleet;
    let commit = fleet.ships("1234", "2");
    let plan = fleet.plan(&format!("{PATIENT}{TWO_STAGES}"), &commit);
    let running = behind.start(&plan);
    wait_until("it waits for the one that is away", || fleet.described(&plan)["wait"] == "latecomers");
    assert_eq!(fleet.images(), ["web:2", "web:1", "web:2"]);
    let view = fleet.described(&plan);
    assert_eq!((&view["phase"], &view["stuck"]), (&"active".into(), &serde_json::Value::Null), "{view:#}");
    let shown = typed(fleet, &plan, &["plan", "describe"]).exits(0);
    shown.shows("1 host not back yet, among them b").shows("not to wait for them any longer");
    fleet.run(&["rollout", "stuck"]).exits(0);
    behind.takes_the_canary();
    assert_eq!(fleet.images(), ["web:3", "web:1", "web:2"]);
    behind.mend();
    running.wait().exits(0).shows_in_order(&["waits: every stage is past", "completed"]);
    assert_eq!(fleet.images(), ["web:3", "web:2", "web:2"]);
    assert_eq!(fleet.states(&plan), ["a active", "b active", "c active"]);
}

#[test]
fn a_rollback_while_it_waits_takes_back_what_is_still_its_own() {
    let behind = Behind::cut();
    let fleet = &behind.fleet;
    let commit = fleet.ships("1234", "2");
    let plan = fleet.plan(&format!("{PATIENT}{TWO_STAGES}"), &commit);
    let running = behind.start(&plan);
    wait_until("it waits for the one that is away", || fleet.described(&plan)["wait"] == "latecomers");
    behind.takes_the_canary();
    let back = ["recover", "--strategy", "rollback", "--reason", "errors", "--json"];
    let back = typed(fleet, &plan, &back).exits(0).json();
    let hosts = back["hosts_to_revert"].to_string();
    assert!(!hosts.contains("\"a\"") && hosts.contains("\"c\""), "{hosts}");
    behind.mend();
    running.wait().exits(7).shows("rollback_incomplete");
    assert_eq!(fleet.image("a"), "web:3", "the other plan's host is left alone");
    assert_eq!(fleet.image("c"), "web:1");
}
