//! The document and the server, tested against each other: schemathesis makes requests from `/openapi.json`, right and wrong
//! ones, and holds each answer against what the document says.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::support::{Host, Output, skip};

use super::server::Server;

/// The program; none: it is not here.
fn program() -> Option<PathBuf> {
    let ours = concat!(env!("CARGO_MANIFEST_DIR"), "/target/tools/browser/bin/python");
    let python = PathBuf::from(std::env::var_os("HOLDPOINT_TEST_BROWSER_PYTHON").unwrap_or(ours.into()));
    let program = python.with_file_name("schemathesis");
    if !program.is_file() {
        skip("not here: schemathesis");
        return None;
    }
    Some(program)
}

/// A plan over a host that is not there; given up at the end, with whoever drives it by then.
struct Rollouts<'a> {
    host: &'a Host,
    plan: String,
}

impl<'a> Rollouts<'a> {
    fn on(host: &'a Host) -> Self {
        let gone = host.root().join("gone");
        let inventory = format!("[hosts.nowhere]\ntransport = \"local\"\nfolder = \"{}\"\n", gone.display());
        std::fs::write(host.root().join("fleet.toml"), inventory).unwrap();
        let text = format!(
            "name = \"x\"\nticket = \"1\"\nref = \"{}\"\nticket_runs = \"every-host\"\n\
             [[stage]]\nid = \"s\"\nhosts = {{ share = \"100%\" }}\ngates = [{{ kind = \"manual\" }}]\n",
            "1".repeat(40)
        );
        let file = host.root().join("plan.toml");
        std::fs::write(&file, text).unwrap();
        let made = host.run(["rollout", "plan", "create", file.to_str().unwrap(), "--json"]).exits(0).json();
        Self { host, plan: made["plan_id"].as_str().unwrap().to_owned() }
    }
}

impl Drop for Rollouts<'_> {
    fn drop(&mut self) {
        let plan = self.plan.as_str();
        self.host.run(["rollout", "plan", "cancel", "--plan-id", plan, "--confirm", plan]);
    }
}

/// Tries every operation of one method below some paths, on a host with a release that succeeded and one that failed.
fn tries(methods: &[&str], paths: &str) {
    let Some(program) = program() else { return };
    let host = Host::new();
    host.ships("1201", "wikijs", "2");
    host.run(["run", "1201"]).exits(0);
    host.script("1202", "index", "exit 5");
    host.ships("1202", "wikijs", "3");
    host.run(["run", "1202"]).exits(1);
    let rollouts = Rollouts::on(&host);
    let server = Server::of(&host);
    let token = server.token("fuzz", "operator");
    let config = host.root().join("schemathesis.toml");
    // One method that a path does not have stands for all of them.
    let settings = format!(
        "[parameters]\n\"path.plan_id\" = \"{}\"\n\"path.stage\" = \"s\"\n\n\
         [phases.coverage]\nunexpected-methods = [\"PUT\"]\n",
        rollouts.plan
    );
    std::fs::write(&config, settings).unwrap();
    // Covering every edge of every field is hundreds of requests an operation, and each change is a process of its own.
    let phases = if methods == ["GET"] { "examples,coverage,fuzzing" } else { "examples,fuzzing" };
    let mut command = Command::new(program);
    command
        .current_dir(host.root())
        .arg("--config-file")
        .arg(&config)
        .arg("run")
        .arg(format!("{}/openapi.json", server.url))
        .args(["--header", &format!("Authorization: Bearer {}", token.value())])
        .args(["--phases", phases, "--max-examples", "2", "--seed", "20260518"])
        // Not `positive_data_acceptance`: what has the right shape may still ask for what this host refuses, and the document
        // names each of these answers. Not the two that ask without a token and take no 429, which is what whoever asks so often
        // is told, sooner or later as the machine is fast: `matrix` asks every route without one.
        .args(["--checks", "all", "--exclude-checks"])
        .arg("positive_data_acceptance,ignored_auth,missing_required_header")
        // One worker: Python 3.11 cannot parse in several threads at once.
        .args(["--include-path-regex", paths, "--workers", "1"])
        .args(methods.iter().flat_map(|method| ["--include-method", method]))
        // Streams go on for as long as a release does.
        .args(["--exclude-path", "/api/deployments/{id}/timeline/stream"])
        // How long it takes is not what is tried here.
        .args(["--request-timeout", "200", "--max-response-time", "200"])
        .args(["--generation-database", "none", "--no-color"])
        .env("NO_PROXY", "*")
        .env("HOME", host.root())
        .stdin(Stdio::null());
    Output::of(command).exits(0).shows("Seed: 20260518");
}

#[test]
fn whoever_looks_gets_an_answer_that_the_document_names() {
    tries(&["GET"], ".");
}

#[test]
fn whoever_recovers_an_attempt_gets_an_answer_that_the_document_names() {
    tries(&["POST"], "^/api/(deployments|resources)/");
}

#[test]
fn whoever_changes_anything_else_gets_an_answer_that_the_document_names() {
    tries(&["POST", "DELETE"], "^(?!/api/(deployments|resources)/)");
}
