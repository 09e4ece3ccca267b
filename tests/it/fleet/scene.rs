//! A fleet in a temporary folder: an origin, a developer's clone, hosts, and a desk with the inventory.

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::support::{Etcd, Host, Output, Running, Scene, binary, wait_until};

const CONFIGURATION: &str = r#"
[git]
remote = "origin"
branch = "main"

[disk]
floor = { percent = 0, bytes = "1MiB" }

[[verify]]
name = "answers"
run = [".asd/web.sh", "well"]

[services.web]
driver = "command"
image = "web:1"
paths = ["packages/web/**"]
commands = { start = [".asd/web.sh", "start"], stop = [".asd/web.sh", "stop"], status = [".asd/web.sh", "status"], image = [".asd/web.sh", "image"], logs = [".asd/web.sh", "logs"], recreate = [".asd/web.sh", "recreate"] }
backup = { kind = "none", reason = "it has no data" }
"#;

/// A plan over a whole fleet: its canary, and then the rest.
pub(crate) const TWO_STAGES: &str = r#"
name = "web 2"
ticket = "1234"
ref = "REF"
ticket_runs = "every-host"
[[stage]]
id = "canary"
hosts = { labels = { tier = "canary" } }
gates = [{ kind = "hosts-verified", min = "100%" }]
[[stage]]
id = "rest"
hosts = { share = "100%" }
parallel = 2
"#;

/// A fleet; the first host is the canary.
pub(crate) struct Fleet {
    /// Where programs run with an environment of their own.
    pub(crate) ground: Host,
    names: Vec<String>,
}

impl Fleet {
    /// Hosts of these names on this machine, running `web:1`.
    pub(crate) fn local(names: &[&str]) -> Self {
        Self::reached(names, |_| "local")
    }

    /// The same hosts, each reached in its own way.
    pub(super) fn reached<'a>(names: &[&str], transport: impl Fn(&str) -> &'a str) -> Self {
        let fleet = Self::bare(names);
        let table = |name: &&str| {
            let tier = if *name == names[0] { "canary" } else { "web" };
            format!(
                "[hosts.{name}]\ntransport = \"{}\"\nfolder = \"{}\"\nlabels = {{ tier = \"{tier}\" }}\n",
                transport(name),
                fleet.prod(name).display()
            )
        };
        fleet.write("desk/fleet.toml", &names.iter().map(table).collect::<String>());
        fleet
    }

    /// The same hosts, and no inventory yet.
    pub(crate) fn bare(names: &[&str]) -> Self {
        let ground = Scene::new().build();
        let fleet = Self { ground, names: names.iter().map(|name| (*name).to_owned()).collect() };
        let root = fleet.root();
        std::fs::create_dir(root.join("desk")).unwrap();
        let dev = fleet.ground.dev();
        fleet.write("dev/.asd/web.sh", include_str!("web.sh"));
        let script = dev.join(".asd/web.sh");
        std::fs::set_permissions(script, std::fs::Permissions::from_mode(0o755)).unwrap();
        fleet.ground.commit(
            "First",
            &[
                (".asd/release.toml", CONFIGURATION),
                ("packages/web/image", "web:1\n"),
                (".gitignore", "/.asd/workspace\n"),
            ],
        );
        fleet.ground.push();
        for name in &fleet.names {
            std::fs::create_dir(root.join(name)).unwrap();
            let prod = format!("{name}/prod");
            fleet.ground.git_at(root, ["clone", "-q", "origin.git", prod.as_str()]).exits(0);
            let mut start = fleet.ground.command("./.asd/web.sh", &fleet.prod(name));
            start.arg("start");
            Output::of(start).exits(0);
        }
        fleet
    }

    pub(crate) fn root(&self) -> &Path {
        self.ground.root()
    }

    pub(crate) fn prod(&self, name: &str) -> PathBuf {
        self.root().join(name).join("prod")
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.root().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// A new image of the service; answers with the commit.
    pub(crate) fn ships(&self, ticket: &str, tag: &str) -> String {
        let configuration = CONFIGURATION.replace("image = \"web:1\"", &format!("image = \"web:{tag}\""));
        let image = format!("web:{tag}\n");
        let files = [(".asd/release.toml", configuration.as_str()), ("packages/web/image", image.as_str())];
        let commit = self.ground.commit(ticket, &files);
        self.ground.push();
        commit
    }

    /// A version that is not well on one host.
    pub(crate) fn trouble(&self, name: &str, image: &str) {
        self.write(&format!("{name}/run/trouble"), &format!("{image}\n"));
    }

    /// The image that a host runs.
    pub(crate) fn image(&self, name: &str) -> String {
        let path = self.root().join(name).join("run/image");
        std::fs::read_to_string(path).unwrap().trim().to_owned()
    }

    /// Every image in the order of the hosts.
    pub(crate) fn images(&self) -> Vec<String> {
        self.names.iter().map(|name| self.image(name)).collect()
    }

    /// How often a host's service was started or made anew with an image.
    pub(crate) fn calls(&self, name: &str, image: &str) -> usize {
        let calls = std::fs::read_to_string(self.root().join(name).join("run/calls")).unwrap();
        calls.lines().filter(|line| *line == image).count()
    }

    /// Makes a plan of this text, in which `REF` stands for the commit; answers with its id.
    pub(crate) fn plan(&self, text: &str, commit: &str) -> String {
        self.write("desk/plan.toml", &text.replace("REF", commit));
        let made = self.run(&["rollout", "plan", "create", "plan.toml", "--json"]).exits(0).json();
        made["plan_id"].as_str().unwrap().to_owned()
    }

    /// Has the inventory of a desk kept on etcd; another desk is another machine with the same hosts.
    pub(super) fn on_etcd(&self, desk: &str, etcd: &Etcd, more: &str) {
        self.on(desk, &(ledger_on(etcd) + more));
    }

    /// The same hosts at another desk, with this ledger.
    pub(super) fn on(&self, desk: &str, ledger: &str) {
        let hosts = std::fs::read_to_string(self.root().join("desk/fleet.toml")).unwrap();
        let hosts = hosts.split("[ledger").next().unwrap();
        self.write(&format!("{desk}/fleet.toml"), &format!("{hosts}{ledger}"));
    }

    /// Starts the agent of a host, configured with this ledger.
    pub(crate) fn agent(&self, name: &str, ledger: &str) -> Running {
        let head = format!("host = \"{name}\"\nfolder = \"{}\"\n", self.prod(name).display());
        self.write(&format!("{name}/agent.toml"), &format!("{head}{ledger}"));
        self.agent_again(name)
    }

    /// Starts the agent of a host with the configuration that it has.
    pub(super) fn agent_again(&self, name: &str) -> Running {
        let agent = self.start_at(name, &["agent", "--config", "agent.toml"]);
        wait_until("the agent watches", || agent.so_far().contains("watches"));
        agent
    }

    /// The program at another desk.
    pub(super) fn command_at(&self, desk: &str, words: &[&str]) -> std::process::Command {
        let mut command = self.ground.command(binary(), &self.root().join(desk));
        command.args(words).stdin(Stdio::null());
        command
    }

    /// Runs the program at another desk.
    pub(super) fn run_at(&self, desk: &str, words: &[&str]) -> Output {
        let mut output = Output::of(self.command_at(desk, words));
        output.scene = self.scene();
        output
    }

    /// Runs the program at the desk.
    pub(crate) fn run(&self, words: &[&str]) -> Output {
        self.run_at("desk", words)
    }

    /// Starts it there and goes on.
    pub(crate) fn start(&self, words: &[&str]) -> Running {
        self.start_at("desk", words)
    }

    /// Starts it at another desk and goes on.
    pub(super) fn start_at(&self, desk: &str, words: &[&str]) -> Running {
        self.ground.starts(self.command_at(desk, words))
    }

    /// A plan, as `describe` shows it.
    pub(crate) fn described(&self, plan: &str) -> serde_json::Value {
        self.run(&["rollout", "plan", "describe", "--plan-id", plan, "--json"]).exits(0).json()
    }

    /// The state of each host in a plan: `a active`.
    pub(crate) fn states(&self, plan: &str) -> Vec<String> {
        let view = self.described(plan);
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let hosts = view["hosts"].as_array().unwrap();
        let mut states: Vec<String> =
            hosts.iter().map(|host| format!("{} {}", text(&host["host"]), text(&host["state"]))).collect();
        states.sort();
        states
    }

    /// What each host's own records say, for failure messages.
    fn scene(&self) -> String {
        let mut out = String::new();
        for name in &self.names {
            for file in ["fleet/told.json", "fleet/done.json"] {
                let path = self.prod(name).join(".asd/workspace").join(file);
                let _ =
                    write!(out, "--- {name} {file}\n{}\n", std::fs::read_to_string(path).unwrap_or_default());
            }
            let logs = self.prod(name).join(".asd/workspace/releases");
            let entries = std::fs::read_dir(logs).into_iter().flatten().flatten().map(|entry| entry.path());
            for path in entries.filter(|path| path.extension().is_some_and(|end| end == "log")) {
                let _ = write!(
                    out,
                    "--- {}\n{}\n",
                    path.display(),
                    std::fs::read_to_string(&path).unwrap_or_default()
                );
            }
        }
        out
    }
}

/// The table of a ledger on these members.
pub(crate) fn ledger_on(etcd: &Etcd) -> String {
    format!("[ledger.etcd]\nendpoints = {:?}\n", etcd.endpoints())
}

impl Drop for Fleet {
    /// A coordinator that a server started would wait for ever, for hosts that are gone.
    fn drop(&mut self) {
        let list = Output::of(self.command_at("desk", &["rollout", "plan", "list", "--json"]));
        let plans: Vec<serde_json::Value> = serde_json::from_str(&list.stdout).unwrap_or_default();
        for plan in plans.iter().filter_map(|plan| plan["plan_id"].as_str()) {
            Output::of(
                self.command_at("desk", &["rollout", "plan", "cancel", "--plan-id", plan, "--confirm", plan]),
            );
        }
    }
}
