//! What bad input gets: a message that says what, where and what to type; the documented exit status; and nothing changed,
//! or the change on record.

mod checkout;
mod clock;
mod configuration;
mod names;
mod network;
mod records;
mod room;
mod scripts;
mod signatures;
mod words;

use crate::support::{Host, manifest};

/// Everything that a refusal must leave as it is.
fn all_of(host: &Host) -> (String, Vec<String>, Vec<String>, String) {
    let data = std::fs::read_dir(host.root().join("data")).unwrap();
    let data = data.flat_map(|service| manifest(&service.unwrap().path())).collect();
    let tree = host.git(["status", "--porcelain", "--branch"]).stdout;
    (host.git(["rev-parse", "HEAD"]).stdout, data, host.calls(), tree)
}
