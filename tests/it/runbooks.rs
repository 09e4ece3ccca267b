//! The runbooks that release engineers walk, line by line with the program: each command in the order in which it is typed,
//! with the words that it answers. Lines that ask a server (`GET …`, `POST …`) are walked with the verb that reads or does
//! the same on the host; the server's own answers are another matter.

mod drill;
mod halted;
mod partial;
mod recipes;
mod recovery;
mod triage;

use serde_json::Value;

use crate::support::{Host, Scene, Service};

/// A host with a health surface, a readiness surface, and a guardrail that passes while `HOST/guard` is there.
fn guarded() -> Host {
    let service = Service::new("wikijs").deadline("600ms");
    let url = service.url();
    let config = format!(
        "[[surface]]\nname = \"front\"\nurl = \"{url}\"\ndeadline = \"1s\"\n\
         [[surface]]\nname = \"ready\"\nkind = \"observability\"\nurl = \"{url}\"\ndeadline = \"1s\"\n\
         [guard]\ncommand = [\"test\", \"-e\", \"HOST/guard\"]"
    );
    let host = Scene::new().service(service).config(&config).build();
    std::fs::write(host.root().join("guard"), "").unwrap();
    host
}

/// What `readiness` says, for programs.
fn readiness(host: &Host, id: &str) -> Value {
    host.run(["readiness", id, "--json"]).exits(0).json()
}

/// The version of that answer, as a script passes it.
fn version(host: &Host, id: &str) -> String {
    readiness(host, id)["stateVersion"].as_str().unwrap().to_owned()
}

/// The recommended option and its command, as `diagnose` names them.
fn recommended(host: &Host, ticket: &str) -> (String, String) {
    let view = host.run(["diagnose", ticket, "--json"]).exits(0).json();
    let best = &view["judgement"]["recommended"];
    let word = |field: &str| best[field].as_str().unwrap_or_default().to_owned();
    (word("option"), word("command"))
}

/// The only incident that is not resolved.
fn open_incident(host: &Host) -> String {
    let all = host.run(["incident", "list", "--json"]).exits(0).json();
    all.as_array().unwrap().first().unwrap()["id"].as_str().unwrap().to_owned()
}
