//! The playbooks that come with the binary, and the failures that were recorded for them.

use std::process::{Command, Stdio};

use holdpoint::manifest::playbook::SHIPPED;

use crate::support::{Output, binary};

/// This repository is a project, too.
fn here(words: &[&str]) -> Output {
    let mut command = Command::new(binary());
    command.args(["-C", env!("CARGO_MANIFEST_DIR")]).args(words).stdin(Stdio::null());
    Output::of(command)
}

#[test]
fn every_playbook_of_the_folder_is_in_the_binary() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/recovery/playbooks");
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, SHIPPED.iter().map(|(name, _)| *name).collect::<Vec<_>>());
}

#[test]
fn every_shipped_playbook_passes_lint() {
    here(&["playbook", "lint"]).exits(0).shows("nothing is wrong");
}

#[test]
fn every_sample_matches_its_playbook_and_no_other() {
    let view = here(&["playbook", "test", "--json"]).json();
    assert_eq!(view["findings"], serde_json::json!([]), "{view:#}");
    let count = view["samples"].as_u64().unwrap();
    println!("{count} samples of {} playbooks", view["playbooks"]);
    assert!(count > 100, "{count}");
}
