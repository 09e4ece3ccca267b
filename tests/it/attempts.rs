//! What can be done with an attempt that did not end well, and doing it: on a real git and real small services.

mod again;
mod back;
mod itself;
mod readiness;
mod second;
mod shelf;

use serde_json::Value;

use crate::support::{Host, Output};

/// What `readiness` says, for programs.
fn readiness(host: &Host, id: &str) -> Value {
    serde_json::from_str(&host.run(["readiness", id, "--json"]).exits(0).stdout).unwrap()
}

/// The version of that answer.
fn version(host: &Host, id: &str) -> String {
    readiness(host, id)["stateVersion"].as_str().unwrap().to_owned()
}

/// A recovery verb as a script types it that has read how it stands.
fn having_read(host: &Host, words: &[&str]) -> Output {
    let version = version(host, words[1]);
    let flags = ["--yes", "--if-version", &version];
    host.run(words.iter().copied().chain(flags))
}

/// The codes of the reasons of one answer.
fn codes(answer: &Value) -> Vec<&str> {
    answer["reasons"].as_array().unwrap().iter().map(|reason| reason["code"].as_str().unwrap()).collect()
}
