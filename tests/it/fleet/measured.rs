//! A gate that asks a real Prometheus.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::scene::Fleet;
use crate::support::{Port, lacks, wait_until};

/// A Prometheus, and a page with numbers that it reads every second. Dropped: both are ended.
struct Prometheus {
    port: Port,
    running: Vec<Child>,
}

impl Prometheus {
    fn of(folder: &Path) -> Self {
        let (port, numbers) = (Port::free(), Port::free());
        std::fs::create_dir(folder).unwrap();
        std::fs::write(folder.join("metrics"), "").unwrap();
        let target = numbers.number();
        let scrapes = format!(
            "global: {{ scrape_interval: 1s, scrape_timeout: 1s }}\nscrape_configs:\n\
             - {{ job_name: web, static_configs: [{{ targets: ['127.0.0.1:{target}'] }}] }}\n"
        );
        std::fs::write(folder.join("prometheus.yml"), scrapes).unwrap();
        let mut page = Command::new("python3");
        page.args(["-m", "http.server", &target.to_string(), "--bind", "127.0.0.1"]);
        let mut server = Command::new("prometheus");
        server
            .args(["--config.file=prometheus.yml", "--storage.tsdb.path=data"])
            .arg(format!("--web.listen-address=127.0.0.1:{}", port.number()));
        let begin = |mut command: Command| {
            command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            command.spawn().unwrap()
        };
        let measured = Self { port, running: vec![begin(page), begin(server)] };
        wait_until("it reads the page", || measured.says("up") == ["1"]);
        measured
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port.number())
    }

    /// Values of a query as they are now.
    fn says(&self, query: &str) -> Vec<String> {
        let answer = ureq::get(format!("{}/api/v1/query", self.url())).query("query", query).call();
        let Ok(mut answer) = answer else { return Vec::new() };
        let answer: serde_json::Value =
            serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap();
        let each = answer["data"]["result"].as_array().cloned().unwrap_or_default();
        each.iter().filter_map(|one| one["value"][1].as_str().map(str::to_owned)).collect()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        for running in &mut self.running {
            let _ = running.kill();
            let _ = running.wait();
        }
    }
}

const MEASURED: &str = r#"
name = "web 2"
ticket = "1234"
ref = "REF"
ticket_runs = "every-host"
[[stage]]
id = "all"
hosts = { share = "100%" }
gates = [{ kind = "prometheus", url = "URL", query = "max by (job) (errors_ratio)", below = 0.05, window = "2s" }]
"#;

#[test]
fn a_gate_promotes_only_on_values_that_a_prometheus_really_has() {
    if lacks(&["prometheus", "python3"]) {
        return;
    }
    let fleet = Fleet::local(&["a"]);
    let folder = fleet.root().join("prometheus");
    let prometheus = Prometheus::of(&folder);
    let plan = MEASURED.replace("URL", &prometheus.url());
    let commit = fleet.ships("1234", "2");
    let first = fleet.plan(&plan, &commit);
    let running = fleet.start(&["rollout", "start", "--plan-id", &first]);
    wait_until("it cannot tell", || fleet.described(&first)["wait"] == "gate-inconclusive");
    let waits = fleet.described(&first).to_string();
    assert!(waits.contains("the query has no value"), "{waits}");
    std::fs::write(folder.join("metrics"), "errors_ratio 0.01\n").unwrap();
    running.wait().exits(0).shows("promoted");

    std::fs::write(folder.join("metrics"), "errors_ratio 0.2\n").unwrap();
    wait_until("it has the new value", || prometheus.says("errors_ratio") == ["0.2"]);
    let commit = fleet.ships("1235", "3");
    let next = fleet.plan(&plan.replace("1234", "1235").replace("web 2", "web 3"), &commit);
    fleet
        .run(&["rollout", "start", "--plan-id", &next])
        .exits(10)
        .shows(r#"0.2 of {job="web"} is not below 0.05"#);

    let wrong = plan.replace("max by (job) (errors_ratio)", "max(").replace("web 2", "web 4");
    let wrong = fleet.plan(&wrong.replace("1234", "1236"), &commit);
    fleet.run(&["rollout", "plan", "cancel", "--plan-id", &next, "--confirm", &next]).exits(0);
    let running = fleet.start(&["rollout", "start", "--plan-id", &wrong]);
    wait_until("it cannot tell", || fleet.described(&wrong)["wait"] == "gate-inconclusive");
    let waits = fleet.described(&wrong).to_string();
    assert!(waits.contains("parse error"), "what the server says of the query: {waits}");
    drop(running);
}
