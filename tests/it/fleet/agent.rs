//! Hosts that nobody reaches: their agents watch the ledger, on real members of etcd.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustix::process::Signal;
use serde_json::{Value, json};

use super::scene::{Fleet, TWO_STAGES, ledger_on};
use super::setup::{Setup, script};
use crate::support::{Etcd, Output, Running, lacks, wait_until};

/// The same over a single host.
const ONE: &str = r#"
name = "web 2"
ticket = "1234"
ref = "REF"
ticket_runs = "every-host"
serial = ["100%"]
"#;

/// A fleet whose hosts are told by their agents, which do not run yet; none where etcd is not here.
pub(crate) fn by_agent(names: &[&str], members: usize) -> Option<(Etcd, Fleet)> {
    if lacks(&["etcd"]) {
        return None;
    }
    let fleet = Fleet::reached(names, |_| "agent");
    let etcd = Etcd::of(members, &fleet.root().join("etcd"));
    fleet.on_etcd("desk", &etcd, "");
    Some((etcd, fleet))
}

fn agents(fleet: &Fleet, etcd: &Etcd, names: &[&str]) -> Vec<Running> {
    names.iter().map(|name| fleet.agent(name, &ledger_on(etcd))).collect()
}

fn encoded(text: &str) -> String {
    STANDARD.encode(text)
}

/// A key of the fleet as etcd has it.
fn item(etcd: &Etcd, at: usize, key: &str) -> Option<Value> {
    let said = etcd.ask(at, "/v3/kv/range", &json!({ "key": encoded(&format!("holdpoint/{key}")) }));
    said["kvs"].get(0).cloned()
}

/// What a key holds.
fn held(etcd: &Etcd, key: &str) -> Option<Value> {
    let bytes = STANDARD.decode(item(etcd, 0, key)?["value"].as_str()?).unwrap();
    Some(serde_json::from_slice(&bytes).unwrap())
}

/// Lets an agent count as gone at once, as it does 20 seconds after it is.
fn forget(etcd: &Etcd, name: &str) {
    let alive = item(etcd, 0, &format!("agents/{name}/alive")).unwrap();
    etcd.ask(0, "/v3/lease/revoke", &json!({ "ID": alive["lease"] }));
}

/// Lays an order as a coordinator does that nobody knows of, and waits for the word on it.
fn ordered(etcd: &Etcd, name: &str, order: &Value) -> Value {
    let key = encoded(&format!("holdpoint/agents/{name}/order"));
    etcd.ask(0, "/v3/kv/put", &json!({ "key": key, "value": encoded(&order.to_string()) }));
    let wanted = &order["offer"]["generation"];
    let mut word = Value::Null;
    wait_until("the agent answers", || {
        word = held(etcd, &format!("agents/{name}/answer")).unwrap();
        word["order"] == *wanted && word["heard"]["answer"]["at_work"] == false
    });
    word["heard"]["answer"].clone()
}

fn reached(fleet: &Fleet) -> Vec<String> {
    let rows = fleet.run(&["fleet", "host", "list", "--json"]).exits(0).json();
    rows.as_array().unwrap().iter().map(|row| row["reached"].as_str().unwrap().to_owned()).collect()
}

fn stopped(agent: Running) -> Output {
    agent.signal(Signal::TERM);
    agent.wait()
}

#[test]
fn a_release_goes_over_hosts_that_nobody_reaches_and_back() {
    let names = ["a", "b", "c"];
    let Some((etcd, fleet)) = by_agent(&names, 1) else { return };
    assert_eq!(reached(&fleet), ["agent, not connected"; 3]);
    let mut agents = agents(&fleet, &etcd, &names);
    assert!(reached(&fleet).iter().all(|text| text.starts_with("agent at ")), "{:?}", reached(&fleet));
    let first = fleet.ships("1234", "2");
    let plan = fleet.plan(TWO_STAGES, &first);
    fleet.run(&["rollout", "start", "--plan-id", &plan]).exits(0).shows("completed");
    assert_eq!(fleet.images(), ["web:2"; 3]);
    // A host on which it fails, and all of them taken back.
    fleet.trouble("c", "web:3");
    let next = fleet.ships("1235", "3");
    let plan = fleet.plan(&TWO_STAGES.replace("\"1234\"", "\"1235\""), &next);
    fleet.run(&["rollout", "start", "--plan-id", &plan]).exits(10).shows("harm");
    let back =
        ["rollout", "recover", "--plan-id", &plan, "--strategy", "rollback", "--reason", "x", "--wait"];
    fleet.run(&back).exits(0).shows("rolled_back");
    assert_eq!(fleet.images(), ["web:2"; 3]);
    // Nobody has to do anything any more, and an agent that is stopped says so.
    assert!(names.iter().all(|name| item(&etcd, 0, &format!("agents/{name}/order")).is_none()));
    stopped(agents.remove(0)).exits(0).shows("told (generation 1): to release 1234").shows("exit 0");
    assert_eq!(reached(&fleet)[0], "agent, not connected");
    let second = fleet.start_at("b", &["agent", "--config", "agent.toml"]).wait();
    second.exits(4).shows("agent-elsewhere").shows("runs already");
}

#[test]
fn an_agent_killed_in_the_middle_of_an_order_goes_on_with_it_and_the_release_happens_once() {
    let Some((etcd, fleet)) = by_agent(&["a", "b"], 1) else { return };
    let mut running = agents(&fleet, &etcd, &["a", "b"]);
    let commit = fleet.ships("1234", "2");
    fleet.write("a/run/wait", "");
    let plan = fleet.plan(TWO_STAGES, &commit);
    let driving = fleet.start(&["rollout", "start", "--plan-id", &plan]);
    wait_until("the canary is at work", || fleet.image("a") == "web:2");
    wait_until("it says so", || fleet.states(&plan)[0] == "a activating");
    running[0].signal(Signal::KILL);
    drop(running.remove(0));
    forget(&etcd, "a");
    wait_until("it counts as unreachable", || fleet.states(&plan)[0] == "a unreachable");
    let described = fleet.described(&plan);
    let reason = described["hosts"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("no agent of it is connected"), "{reason}");
    // The release goes on without anybody watching, and ends.
    std::fs::remove_file(fleet.root().join("a/run/wait")).unwrap();
    running.push(fleet.agent_again("a"));
    driving.wait().exits(0).shows("completed");
    assert_eq!(fleet.images(), ["web:2", "web:2"]);
    assert_eq!(fleet.calls("a", "web:2"), 1, "it was told again and did it once");
}

#[test]
fn an_agent_that_is_stopped_leaves_the_release_alone() {
    let Some((etcd, fleet)) = by_agent(&["a"], 1) else { return };
    let agent = fleet.agent("a", &ledger_on(&etcd));
    let commit = fleet.ships("1234", "2");
    fleet.write("a/run/wait", "");
    let plan = fleet.plan(ONE, &commit);
    let driving = fleet.start(&["rollout", "start", "--plan-id", &plan]);
    wait_until("the canary is at work", || fleet.image("a") == "web:2");
    wait_until("it says so", || fleet.states(&plan)[0] == "a activating");
    stopped(agent).exits(0);
    wait_until("it counts as unreachable", || fleet.states(&plan)[0] == "a unreachable");
    std::fs::remove_file(fleet.root().join("a/run/wait")).unwrap();
    let done = fleet.prod("a").join(".asd/workspace/fleet/done.json");
    wait_until("the release ends by itself", || done.exists());
    let _agent = fleet.agent_again("a");
    driving.wait().exits(0).shows("completed");
    assert_eq!(fleet.calls("a", "web:2"), 1);
}

#[test]
fn an_order_that_comes_twice_takes_effect_once_and_an_older_one_not_at_all() {
    let Some((etcd, fleet)) = by_agent(&["a"], 1) else { return };
    let _agent = fleet.agent("a", &ledger_on(&etcd));
    let mut offers = Vec::new();
    for (ticket, tag) in [("1234", "2"), ("1235", "3")] {
        let plan = fleet.plan(&ONE.replace("\"1234\"", &format!("\"{ticket}\"")), &fleet.ships(ticket, tag));
        fleet.run(&["rollout", "start", "--plan-id", &plan]).exits(0).shows("completed");
        let told = std::fs::read_to_string(fleet.prod("a").join(".asd/workspace/fleet/told.json")).unwrap();
        offers.push(serde_json::from_str::<Value>(&told).unwrap()["offer"].clone());
    }
    let calls = |image: &str| fleet.calls("a", image);
    assert_eq!((calls("web:2"), calls("web:3")), (1, 1));
    let order = |offer: &Value| json!({ "folder": fleet.prod("a"), "offer": offer });
    let old = ordered(&etcd, "a", &order(&offers[0]));
    assert_eq!(old["generation"], offers[1]["generation"], "it answers for what it was told last");
    let again = ordered(&etcd, "a", &order(&offers[1]));
    assert_eq!((&again["generation"], &again["exit"]), (&offers[1]["generation"], &json!(0)));
    assert_eq!(again["attempt"], "1235@1");
    assert_eq!((calls("web:2"), calls("web:3")), (1, 1));
    // Under a new generation it is asked anew, and what this plan has released already it has released.
    let mut newer = offers[1].clone();
    newer["generation"] = json!(offers[1]["generation"].as_u64().unwrap() + 1);
    let answer = ordered(&etcd, "a", &order(&newer));
    assert_eq!((&answer["generation"], &answer["exit"]), (&newer["generation"], &json!(0)));
    assert_eq!((calls("web:2"), calls("web:3")), (1, 1));
}

#[test]
fn an_agent_waits_on_while_members_of_its_ledger_stand_still_and_die() {
    let Some((mut etcd, fleet)) = by_agent(&["a", "b"], 3) else { return };
    let running = agents(&fleet, &etcd, &["a", "b"]);
    // The member that everybody asks first.
    etcd.signal(0, Signal::STOP);
    let plan = fleet.plan(TWO_STAGES, &fleet.ships("1234", "2"));
    fleet.run(&["rollout", "start", "--plan-id", &plan]).exits(0).shows("completed");
    etcd.signal(0, Signal::CONT);
    etcd.wait_ready();
    // All of them for a while: nobody is told anything, and it goes on where it was.
    for at in 0..3 {
        etcd.kill(at);
    }
    fleet.run(&["rollout", "plan", "list"]).exits(4).shows("engine-unavailable");
    wait_until("it says that nobody answers", || {
        running.iter().all(|agent| agent.so_far().contains("no member of the ledger answers"))
    });
    for at in 0..3 {
        etcd.start(at);
    }
    etcd.wait_ready();
    let plan = fleet.plan(&TWO_STAGES.replace("\"1234\"", "\"1235\""), &fleet.ships("1235", "3"));
    fleet.run(&["rollout", "start", "--plan-id", &plan]).exits(0).shows("completed");
    assert_eq!(fleet.images(), ["web:3", "web:3"]);
}

#[test]
fn an_agent_whose_order_was_compacted_away_before_it_saw_it_reads_it() {
    let Some((mut etcd, fleet)) = by_agent(&["a"], 3) else { return };
    let agent = fleet.agent("a", &ledger_on(&etcd));
    let plan = fleet.plan(ONE, &fleet.ships("1234", "2"));
    // The member that it watches goes first: nothing of the order is on its way to it.
    agent.signal(Signal::STOP);
    etcd.kill(0);
    let put = json!({ "key": encoded("other"), "value": encoded("x") });
    wait_until("the others have a leader", || etcd.asked(1, "/v3/kv/put", &put).is_ok());
    let driving = fleet.start(&["rollout", "start", "--plan-id", &plan]);
    wait_until("the order stands", || item(&etcd, 1, "agents/a/order").is_some());
    let now = etcd.ask(1, "/v3/kv/put", &put)["header"]["revision"].clone();
    etcd.ask(1, "/v3/kv/compaction", &json!({ "revision": now, "physical": true }));
    etcd.start(0);
    etcd.wait_ready();
    agent.signal(Signal::CONT);
    driving.wait().exits(0).shows("completed");
    assert_eq!((fleet.images(), fleet.calls("a", "web:2")), (vec!["web:2".to_owned()], 1));
}

#[test]
fn the_user_of_a_host_reads_its_own_orders_answers_them_and_can_do_nothing_else() {
    let fleet = Fleet::reached(&["a", "b"], |name| if name == "a" { "agent" } else { "local" });
    let Some(setup) = Setup::on(&fleet, &["a", "b", "ab"]) else { return };
    fleet.on("desk", &script(&fleet, &["settings"]).exits(0).stdout);
    let etcdctl = |user: &str, words: &[&str]| setup.as_user(&fleet, user, words);
    for host in ["a", "b", "ab"] {
        for key in ["order", "answer", "alive"] {
            etcdctl("coordinator", &["put", &format!("holdpoint/agents/{host}/{key}"), "x"]).exits(0);
        }
    }
    etcdctl("agent-a", &["get", "holdpoint/agents/a/order"]).exits(0).shows("x");
    for key in ["answer", "alive"] {
        etcdctl("agent-a", &["put", &format!("holdpoint/agents/a/{key}"), "y"]).exits(0);
    }
    let mut refused = vec![
        vec!["put", "holdpoint/agents/a/order", "y"],
        vec!["del", "holdpoint/agents/a/order"],
        vec!["get", "--prefix", "holdpoint/agents/a/"],
        vec!["get", "--prefix", "holdpoint/"],
        vec!["get", "holdpoint/plan/x"],
        vec!["put", "holdpoint/state/x", "y"],
        vec!["put", "holdpoint/leader/x", "y"],
        vec!["put", "other/x", "y"],
        vec!["user", "list"],
    ];
    let of_others: Vec<String> = ["b", "ab"]
        .iter()
        .flat_map(|host| ["order", "answer", "alive"].map(|key| format!("holdpoint/agents/{host}/{key}")))
        .collect();
    for key in &of_others {
        refused.push(vec!["get", key]);
        refused.push(vec!["put", key, "y"]);
        refused.push(vec!["del", key]);
    }
    for words in &refused {
        etcdctl("agent-a", words).exits(1).shows("permission denied");
    }
    // A watch of what it may not see is ended before it shows anything.
    etcdctl("agent-a", &["watch", "holdpoint/agents/b/order", "--rev", "1"]).hides("x\n").shows("denied");
    // And it is all that an agent needs.
    for host in ["a", "b", "ab"] {
        etcdctl("coordinator", &["del", "--prefix", &format!("holdpoint/agents/{host}/")]).exits(0);
    }
    for file in ["ca.pem", "agent-a.pem", "agent-a.key", "agent-a.password"] {
        std::fs::copy(fleet.root().join("desk/etcd").join(file), fleet.root().join("a").join(file)).unwrap();
    }
    let settings = script(&fleet, &["settings", "a"]).exits(0).stdout;
    fleet.write("a/agent.toml", &settings.replace("/srv/site", fleet.prod("a").to_str().unwrap()));
    let agent = fleet.agent_again("a");
    let plan = fleet.plan(TWO_STAGES, &fleet.ships("1234", "2"));
    fleet.run(&["rollout", "start", "--plan-id", &plan]).exits(0).shows("completed");
    assert_eq!(fleet.images(), ["web:2", "web:2"]);
    stopped(agent).exits(0);
    // With the name of another host it is nobody.
    let other = settings
        .replace("/srv/site", fleet.prod("a").to_str().unwrap())
        .replace("host = \"a\"", "host = \"b\"");
    fleet.write("a/agent.toml", &other);
    let refused = fleet.start_at("a", &["agent", "--config", "agent.toml"]).wait();
    refused.exits(2).shows("permission denied").shows("agent.toml");
    script(&fleet, &["settings", "zz"]).exits(1).shows("name one of: a b ab");
    // It still asks its ledger when it goes.
    drop(fleet);
    drop(setup);
}

#[test]
fn an_agent_that_is_configured_wrongly_says_where_and_what_to_write() {
    let fleet = Fleet::bare(&["a"]);
    let prod = fleet.prod("a");
    let good = format!(
        "host = \"a\"\nfolder = \"{}\"\n[ledger.etcd]\nendpoints = [\"http://127.0.0.1:1\"]\n",
        prod.display()
    );
    fleet.run(&["agent", "--config", "none.toml"]).exits(2).shows("there is no").shows("schema agent");
    let shown = prod.display().to_string();
    for (text, wanted) in [
        (good.replace("host = \"a\"\n", ""), "needs the key `host`"),
        (good.replace("host = \"a\"", "host = \"a/b\""), "a host's name"),
        (good.replace(&shown, "site"), "write the absolute path"),
        (good.replace(&shown, "/"), "is no project folder"),
        (good.replace("endpoints", "endpoint"), "did you mean `endpoints`?"),
        (good.replace("http://127", "http://128"), "write `https://HOST:PORT`"),
        (format!("{good}ca = \"ca.pem\"\n"), "is of members that are reached by `https://`"),
        (format!("{good}user = \"agent-a\"\npassword_file = \"none\"\n"), "none"),
    ] {
        fleet.write("desk/agent.toml", &text);
        fleet.run(&["agent", "--config", "agent.toml"]).exits(2).shows(wanted);
    }
    fleet.write("desk/agent.toml", &good);
    let unit = fleet.run(&["agent", "--config", "agent.toml", "--print-unit"]).exits(0);
    let unit = unit.shows("KillMode=process").shows("\"agent\" \"--config\"").shows("Restart=always");
    if lacks(&["systemd-analyze"]) {
        return;
    }
    fleet.write("desk/holdpoint-agent.service", &unit.stdout);
    let mut verify = fleet.ground.command("systemd-analyze", &fleet.root().join("desk"));
    verify.args(["verify", "./holdpoint-agent.service"]);
    Output::of(verify).exits(0);
}
