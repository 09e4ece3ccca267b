//! Rollouts whose ledger is on etcd: real members, and coordinators that share nothing else.

use std::os::unix::fs::PermissionsExt;

use rustix::process::Signal;
use serde_json::json;

use super::scene::{Fleet, TWO_STAGES};
use super::setup::{Setup, script};
use crate::support::{Etcd, lacks, wait_until};

/// A fleet whose desk keeps its rollouts on so many members; none where etcd is not here.
fn on_etcd(names: &[&str], members: usize) -> Option<(Etcd, Fleet)> {
    if lacks(&["etcd"]) {
        return None;
    }
    let fleet = Fleet::local(names);
    let etcd = Etcd::of(members, &fleet.root().join("etcd"));
    fleet.on_etcd("desk", &etcd, "");
    // The fleet goes first: it still asks its ledger then.
    Some((etcd, fleet))
}

/// What another machine reads in the audit of a plan.
fn records(fleet: &Fleet, plan: &str) -> serde_json::Value {
    let line = ["rollout", "plan", "describe", "--plan-id", plan, "--json"];
    fleet.run_at("elsewhere", &line).exits(0).json()["audit"].clone()
}

/// Ends every lease at once, as they end by themselves 20 seconds after they were kept last.
fn end_leases(etcd: &Etcd, at: usize) {
    for lease in etcd.ask(at, "/v3/lease/leases", &json!({}))["leases"].as_array().unwrap() {
        etcd.ask(at, "/v3/lease/revoke", &json!({ "ID": lease["ID"] }));
    }
}

#[test]
fn a_release_goes_over_the_fleet_and_another_machine_sees_it() {
    let Some((etcd, fleet)) = on_etcd(&["a", "b"], 1) else { return };
    let commit = fleet.ships("1234", "2");
    let plan = fleet.plan(TWO_STAGES, &commit);
    fleet.run(&["rollout", "start", "--plan-id", &plan]).exits(0).shows("completed");
    assert_eq!(fleet.images(), ["web:2", "web:2"]);
    assert!(!fleet.root().join("desk/.asd/workspace/rollouts.sqlite").exists());
    fleet.on_etcd("elsewhere", &etcd, "");
    fleet.run_at("elsewhere", &["rollout", "plan", "list"]).exits(0).shows("completed").shows("2/2");
    fleet.on_etcd("stranger", &etcd, "prefix = \"another/\"\n");
    fleet.run_at("stranger", &["rollout", "plan", "list"]).exits(0).shows("there is no plan");
    fleet.on("nowhere", "[ledger.etcd]\nendpoints = [\"http://127.0.0.1:1\"]\n");
    let away = fleet.run_at("nowhere", &["rollout", "plan", "list"]).exits(4).shows("engine-unavailable");
    away.shows("docs/fleet.md");
}

#[test]
fn another_machine_takes_over_while_a_member_is_dead_and_the_deposed_coordinator_writes_nothing() {
    let Some((mut etcd, fleet)) = on_etcd(&["a", "b"], 3) else { return };
    let commit = fleet.ships("1234", "2");
    fleet.write("a/run/wait", "");
    let plan = fleet.plan(TWO_STAGES, &commit);
    let running = fleet.start(&["rollout", "start", "--plan-id", &plan]);
    wait_until("the canary is at work", || fleet.image("a") == "web:2");
    let dead = etcd.leader();
    etcd.kill(dead);
    fleet.on_etcd("elsewhere", &etcd, "");
    fleet.run_at("elsewhere", &["rollout", "resume", "--plan-id", &plan]).exits(4).shows("plan-driven");
    // It stands still until its lease is over, as a machine does that was put to sleep.
    running.signal(Signal::STOP);
    let live = (dead + 1) % 3;
    end_leases(&etcd, live);
    fleet.write("b/run/wait", "");
    std::fs::remove_file(fleet.root().join("a/run/wait")).unwrap();
    let second = fleet.start_at("elsewhere", &["rollout", "resume", "--plan-id", &plan]);
    wait_until("the next host is at work", || fleet.image("b") == "web:2");
    let before = records(&fleet, &plan);
    running.signal(Signal::CONT);
    running.wait().exits(130).shows("fence-lost");
    assert_eq!(records(&fleet, &plan), before, "the deposed one wrote something");
    std::fs::remove_file(fleet.root().join("b/run/wait")).unwrap();
    second.wait().exits(0).shows("completed");
    assert_eq!(fleet.images(), ["web:2", "web:2"]);
    assert_eq!(fleet.calls("a", "web:2"), 1, "it was told by two and did it once");
}

#[test]
fn a_coordinator_that_loses_all_members_says_that_hosts_may_be_at_work_and_is_gone_on_with() {
    let Some((mut etcd, fleet)) = on_etcd(&["a", "b"], 3) else { return };
    let commit = fleet.ships("1234", "2");
    fleet.write("a/run/wait", "");
    let plan = fleet.plan(TWO_STAGES, &commit);
    let running = fleet.start(&["rollout", "start", "--plan-id", &plan]);
    wait_until("the canary is at work", || fleet.image("a") == "web:2");
    for at in 0..3 {
        etcd.kill(at);
    }
    // Not refused: something was begun.
    let resume = format!("holdpoint rollout resume --plan-id {plan}");
    running.wait().exits(130).shows("engine-unavailable").shows("may be at work").shows(&resume);
    std::fs::remove_file(fleet.root().join("a/run/wait")).unwrap();
    for at in 0..3 {
        etcd.start(at);
    }
    etcd.wait_ready();
    end_leases(&etcd, 0);
    fleet.run(&["rollout", "resume", "--plan-id", &plan]).exits(0).shows("completed");
    assert_eq!(fleet.images(), ["web:2", "web:2"]);
    assert_eq!(fleet.calls("a", "web:2"), 1, "it was told by two and did it once");
}

#[test]
fn the_setup_that_is_printed_makes_members_that_let_in_nobody_else() {
    let fleet = Fleet::local(&["a", "b"]);
    let Some(setup) = Setup::on(&fleet, &[]) else { return };
    let desk = fleet.root().join("desk");
    script(&fleet, &["users"]).exits(0);
    script(&fleet, &["defragment"]).exits(0);
    fleet.on("desk", &script(&fleet, &["settings"]).exits(0).stdout);
    let commit = fleet.ships("1234", "2");
    let plan = fleet.plan(TWO_STAGES, &commit);
    fleet.run(&["rollout", "start", "--plan-id", &plan]).exits(0).shows("completed");
    assert_eq!(fleet.images(), ["web:2", "web:2"]);

    let list = ["rollout", "plan", "list"];
    let told = |text: &str, with: &str, wanted: &str| {
        let inventory = std::fs::read_to_string(desk.join("fleet.toml")).unwrap();
        fleet.write("desk/other/fleet.toml", &inventory.replace("\"etcd/", "\"../etcd/").replace(text, with));
        fleet.run_at("desk/other", &list).exits(2).shows(wanted);
    };
    told("prefix = \"holdpoint/\"", "prefix = \"another/\"", "permission denied");
    told("user = \"coordinator\"", "user = \"nobody\"", "authentication failed");
    told(
        "user = \"coordinator\"\npassword_file = \"../etcd/coordinator.password\"",
        "",
        "user name is empty",
    );
    told("coordinator.key", "ca.pem", "no private key");
    let password = desk.join("etcd/coordinator.password");
    std::fs::set_permissions(&password, std::fs::Permissions::from_mode(0o644)).unwrap();
    fleet.run(&list).exits(2).shows("chmod 600");
    std::fs::set_permissions(&password, std::fs::Permissions::from_mode(0o600)).unwrap();
    fleet.run(&list).exits(0).shows("2/2");
    // It still asks its ledger when it goes.
    drop(fleet);
    drop(setup);
}
