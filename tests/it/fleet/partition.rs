//! Links that are really cut: members, coordinators and a host's agent are machines of their own on one switch.

use std::process::Command;

use serde_json::Value;

use super::scene::Fleet;
use super::setup::script;
use crate::support::{Net, Output, Running, lacks, wait_until};

const MEMBERS: [&str; 3] = ["m1", "m2", "m3"];

const PLAN: &str = r#"
name = "web 2"
ticket = "1234"
ref = "REF"
ticket_runs = "every-host"
SERIAL
"#;

/// A fleet whose rollouts are kept by three members, each behind a link of its own, as are its desks and agents.
struct Apart {
    fleet: Fleet,
    _members: Vec<Running>,
    net: Net,
}

impl Apart {
    /// With these machines beside the members; none where this one cannot have them.
    fn of(fleet: impl FnOnce() -> Fleet, others: &[&str]) -> Option<Self> {
        if lacks(&["etcd", "etcdctl", "openssl"]) {
            return None;
        }
        let net = Net::of(&[&MEMBERS, others].concat())?;
        let fleet = fleet();
        let addresses = MEMBERS.map(|member| net.address(member));
        let named = addresses.iter().flat_map(|address| ["--member", address]);
        let line: Vec<&str> = ["fleet", "etcd-setup"].into_iter().chain(named).collect();
        fleet.write("desk/setup.sh", &fleet.run(&line).exits(0).stdout);
        script(&fleet, &["certificates"]).exits(0);
        let start = |member: &&str| {
            let line = script(&fleet, &["member", &net.address(member)]).exits(0).stdout;
            let mut command = fleet.ground.command("sh", fleet.root());
            command.args(["-c", &line.replace("\netcd ", "\nexec etcd ")]);
            fleet.ground.starts(net.at(member, &command))
        };
        let members = MEMBERS.iter().map(start).collect();
        let apart = Self { fleet, _members: members, net };
        wait_until("the members have a leader", || apart.leader(&MEMBERS).is_some());
        apart.knows("desk", &MEMBERS);
        Some(apart)
    }

    /// The ledger as a machine knows it that asks the members in this order.
    fn ledger(&self, members: &[&str]) -> String {
        let endpoints: Vec<String> =
            members.iter().map(|member| format!("https://{}:2379", self.net.address(member))).collect();
        let folder = "../desk/etcd";
        format!(
            "[ledger.etcd]\nendpoints = {endpoints:?}\nca = \"{folder}/ca.pem\"\ncert = \"{folder}/coordinator.pem\"\n\
             key = \"{folder}/coordinator.key\"\n"
        )
    }

    fn knows(&self, desk: &str, members: &[&str]) {
        self.fleet.on(desk, &self.ledger(members));
    }

    /// The program on the machine of that name, in the folder of that name.
    fn command(&self, machine: &str, words: &[&str]) -> Command {
        self.net.at(machine, &self.fleet.command_at(machine, words))
    }

    fn run(&self, machine: &str, words: &[&str]) -> Output {
        Output::of(self.command(machine, words))
    }

    fn start(&self, machine: &str, words: &[&str]) -> Running {
        self.fleet.ground.starts(self.command(machine, words))
    }

    /// Makes the plan for that commit, begins it, and waits until its first host is at work.
    fn begun(&self, commit: &str) -> (String, Running) {
        self.fleet.write("a/run/wait", "");
        let serial = if self.fleet.images().len() == 1 { "serial = [1]" } else { "serial = [1, 2]" };
        self.fleet.write("desk/plan.toml", &PLAN.replace("REF", commit).replace("SERIAL", serial));
        let made = self.run("desk", &["rollout", "plan", "create", "plan.toml", "--json"]).exits(0).json();
        let plan = made["plan_id"].as_str().unwrap().to_owned();
        let running = self.start("desk", &["rollout", "start", "--plan-id", &plan]);
        wait_until("the first host is at work", || self.fleet.image("a") == "web:2");
        (plan, running)
    }

    /// Lets a host's release go on.
    fn let_go(&self, host: &str) {
        std::fs::remove_file(self.fleet.root().join(host).join("run/wait")).unwrap();
    }

    /// A plan, as a desk sees it.
    fn described(&self, desk: &str, plan: &str) -> Value {
        self.run(desk, &["rollout", "plan", "describe", "--plan-id", plan, "--json"]).exits(0).json()
    }

    /// Asks one member from its own machine, whoever else reaches it.
    fn ask(&self, member: &str, words: &[&str]) -> Output {
        let mut command = self.fleet.ground.command("etcdctl", &self.fleet.root().join("desk/etcd"));
        command.env("ETCDCTL_API", "3").args(["--cacert", "ca.pem", "--cert", "coordinator.pem"]);
        command.args(["--key", "coordinator.key", "--endpoints"]);
        command.arg(format!("https://{}:2379", self.net.address(member))).args(words);
        Output::of(self.net.at(member, &command))
    }

    /// The one of these members that leads.
    fn leader<'a>(&self, members: &[&'a str]) -> Option<&'a str> {
        let leads = |member: &&str| {
            let said = self.ask(member, &["endpoint", "status", "--write-out", "json"]).stdout;
            let said: Value = serde_json::from_str(&said).unwrap_or_default();
            let status = &said[0]["Status"];
            status["leader"].is_u64() && status["leader"] == status["header"]["member_id"]
        };
        members.iter().copied().find(leads)
    }

    /// The phase of a plan, as far as a member knows by itself.
    fn knows_of(&self, member: &str, plan: &str) -> String {
        let key = format!("holdpoint/state/{plan}");
        let said = self.ask(member, &["get", "--consistency", "s", "--print-value-only", &key]).exits(0);
        let state: Value = serde_json::from_str(&said.stdout).unwrap_or_default();
        state["phase"].as_str().unwrap_or_default().to_owned()
    }

    /// Ends every lease at once, as they end by themselves 20 seconds after they were kept last.
    fn end_leases(&self) {
        let list = self.ask("m1", &["lease", "list"]).exits(0).stdout;
        for lease in list.lines().skip(1) {
            self.ask("m1", &["lease", "revoke", lease]).exits(0);
        }
    }
}

impl Drop for Apart {
    /// From here nobody reaches the members: the fleet is not to ask them when it goes.
    fn drop(&mut self) {
        self.fleet.on("desk", "");
    }
}

#[test]
fn a_rollout_ends_well_while_the_leading_member_is_cut_off_and_that_one_catches_up() {
    let Some(apart) = Apart::of(|| Fleet::local(&["a", "b"]), &["desk"]) else { return };
    let commit = apart.fleet.ships("1234", "2");
    let leader = apart.leader(&MEMBERS).unwrap();
    let others: Vec<&str> = MEMBERS.into_iter().filter(|member| *member != leader).collect();
    // The one that will be cut off is the one that is asked.
    apart.knows("desk", &[&[leader], &others[..]].concat());
    let (plan, running) = apart.begun(&commit);
    apart.net.cut(leader);
    wait_until("the others have a leader", || apart.leader(&others).is_some());
    apart.let_go("a");
    running.wait().exits(0).shows("completed");
    assert_eq!(apart.fleet.images(), ["web:2", "web:2"]);
    assert_eq!(["a", "b"].map(|host| apart.fleet.calls(host, "web:2")), [1, 1]);
    assert_eq!(apart.knows_of(leader, &plan), "active", "it was not cut off");
    apart.net.join(leader);
    wait_until("it knows what it missed", || apart.knows_of(leader, &plan) == "completed");
}

#[test]
fn a_coordinator_whose_link_is_back_after_another_took_over_writes_nothing() {
    let Some(apart) = Apart::of(|| Fleet::local(&["a", "b"]), &["desk", "elsewhere"]) else { return };
    let commit = apart.fleet.ships("1234", "2");
    apart.knows("elsewhere", &MEMBERS);
    apart.fleet.write("b/run/wait", "");
    let (plan, first) = apart.begun(&commit);
    apart.net.cut("desk");
    let resume = ["rollout", "resume", "--plan-id", &plan];
    apart.run("elsewhere", &resume).exits(4).shows("plan-driven");
    apart.end_leases();
    let second = apart.start("elsewhere", &resume);
    apart.let_go("a");
    wait_until("the next host is at work", || apart.fleet.image("b") == "web:2");
    let before = apart.described("elsewhere", &plan)["audit"].clone();
    apart.net.join("desk");
    // Where all of this took more than its ten seconds, it has given up before.
    let ended = first.wait().exits(130);
    assert!(["engine-unavailable", "fence-lost"].iter().any(|code| ended.stderr.contains(code)), "{ended:?}");
    assert_eq!(apart.described("desk", &plan)["audit"], before, "the deposed one wrote something");
    apart.let_go("b");
    second.wait().exits(0).shows("completed");
    assert_eq!(["a", "b"].map(|host| apart.fleet.calls(host, "web:2")), [1, 1]);
}

#[test]
fn a_coordinator_that_stays_cut_off_stops_by_itself_and_another_machine_goes_on() {
    let Some(apart) = Apart::of(|| Fleet::local(&["a", "b"]), &["desk", "elsewhere"]) else { return };
    let commit = apart.fleet.ships("1234", "2");
    apart.knows("elsewhere", &MEMBERS);
    let (plan, first) = apart.begun(&commit);
    let before = apart.described("elsewhere", &plan)["audit"].clone();
    apart.net.cut("desk");
    apart.let_go("a");
    let ended = first.wait().exits(130).shows("engine-unavailable").shows("may be at work");
    ended.shows(&format!("rollout resume --plan-id {plan}"));
    assert_eq!(apart.described("elsewhere", &plan)["audit"], before, "it went on with nobody to ask");
    assert_eq!(apart.fleet.image("b"), "web:1");
    apart.end_leases();
    apart.run("elsewhere", &["rollout", "resume", "--plan-id", &plan]).exits(0).shows("completed");
    assert_eq!(["a", "b"].map(|host| apart.fleet.calls(host, "web:2")), [1, 1]);
}

#[test]
fn a_host_that_is_cut_off_is_unreachable_goes_on_and_has_done_it_once_when_it_is_back() {
    let fleet = || Fleet::reached(&["a"], |_| "agent");
    let Some(apart) = Apart::of(fleet, &["desk", "a"]) else { return };
    let head = format!("host = \"a\"\nfolder = \"{}\"\n", apart.fleet.prod("a").display());
    apart.fleet.write("a/agent.toml", &(head + &apart.ledger(&MEMBERS)));
    let agent = apart.start("a", &["agent", "--config", "agent.toml"]);
    wait_until("the agent watches", || agent.so_far().contains("watches"));
    let commit = apart.fleet.ships("1234", "2");
    let (plan, running) = apart.begun(&commit);
    let is = |state: &str| apart.described("desk", &plan)["hosts"][0]["state"] == state;
    wait_until("it said that it is at work", || is("activating"));
    apart.net.cut("a");
    // It counts as gone 20 seconds later; here, at once.
    let alive = apart.ask("m1", &["get", "holdpoint/agents/a/alive", "--write-out", "json"]).exits(0).json();
    let lease = alive["kvs"][0]["lease"].as_u64().unwrap();
    apart.ask("m1", &["lease", "revoke", &format!("{lease:x}")]).exits(0);
    wait_until("it counts as unreachable", || is("unreachable"));
    // It goes on without anybody watching.
    apart.let_go("a");
    let done = apart.fleet.prod("a").join(".asd/workspace/fleet/done.json");
    wait_until("its release is through", || done.exists());
    assert!(is("unreachable"));
    apart.net.join("a");
    running.wait().exits(0).shows("completed");
    assert_eq!(apart.fleet.calls("a", "web:2"), 1, "it was told again and did it once");
}
