//! Keeps the shape of the source: layers as `ARCHITECTURE.md` draws them, and the rules that no lint knows.
//!
//! The rules are functions over text, so that the tests at the end can plant a breach in each and see it found.

mod rules;
mod source;

use std::path::Path;
use std::process::Command;

use rules::{Architecture, Breach};

/// Where this repository is checked out.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file that git keeps or would keep, relative to the root, with what it says; other than text is left out.
fn kept_files() -> Vec<(String, String)> {
    let listing = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(listing.status.success(), "git ls-files: {}", String::from_utf8_lossy(&listing.stderr));
    let names = String::from_utf8(listing.stdout).unwrap();
    let mut files: Vec<(String, String)> = names
        .split('\0')
        .filter(|name| !name.is_empty())
        .filter_map(|name| Some((name.to_owned(), std::fs::read_to_string(root().join(name)).ok()?)))
        .collect();
    files.sort();
    files.dedup();
    files
}

fn rust_files() -> Vec<(String, String)> {
    kept_files().into_iter().filter(|(name, _)| rules::is_rust(name)).collect()
}

fn architecture() -> Architecture {
    Architecture::parse(&std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap()).unwrap()
}

/// Applies one rule to all files and shows every breach at once.
fn hold(files: &[(String, String)], rule: impl Fn(&str, &str) -> Vec<Breach>) {
    let breaches: Vec<String> =
        files.iter().flat_map(|(name, text)| rule(name, text)).map(|breach| breach.to_string()).collect();
    assert!(breaches.is_empty(), "\n{}\n", breaches.join("\n"));
}

#[test]
fn modules_import_only_what_the_table_allows() {
    let architecture = architecture();
    let files = rust_files();
    assert!(
        files.iter().any(|(name, _)| name == "src/lib.rs"),
        "no sources found under {}",
        root().display()
    );
    hold(&files, |name, text| rules::layers(&architecture, name, text));
}

#[test]
fn every_module_stands_in_the_table() {
    let text = std::fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let breaches = rules::modules_in_table(&architecture(), &text);
    assert!(breaches.is_empty(), "{breaches:?}");
}

#[test]
fn only_named_modules_touch_the_world() {
    let architecture = architecture();
    hold(&rust_files(), |name, text| rules::world(&architecture, name, text));
}

#[test]
fn every_file_says_what_it_is_for() {
    hold(&rust_files(), rules::begins_with_docs);
}

#[test]
fn no_path_climbs_twice() {
    hold(&rust_files(), rules::climbs_twice);
}

#[test]
fn no_source_lies_deeper_than_three_names() {
    hold(&rust_files(), |name, _| rules::depth(name));
}

#[test]
fn module_files_hold_no_logic() {
    hold(&rust_files(), rules::module_file);
}

#[test]
fn no_file_names_the_place_it_was_made_in() {
    hold(&kept_files(), rules::foreign_places);
}

/// Not a failure: a long file asks whether a second noun has appeared in it. The runner shows what this test prints.
#[test]
fn long_files_are_named() {
    for (name, text) in rust_files() {
        let lines = text.lines().count();
        if lines > 400 {
            println!("{name}: {lines} lines; has a second noun appeared?");
        }
    }
}
