//! Texts that are shown to people and kept in records: reasons, commit messages, file names, script names, output.

use std::ffi::OsStr;
use std::path::PathBuf;

use super::{cases, harmless, nothing_forged, places, raw};
use crate::faults::tally::Tally;
use crate::support::{Host, Scene, Service};

/// No record, transcript or report has anything raw in it.
fn nothing_raw(host: &Host, tally: &mut Tally) {
    let mut open = vec![host.workspace("releases")];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        // What a program printed is kept as it printed it; the program shows it neutralised.
        if matches!(path.extension().and_then(OsStr::to_str), Some("log" | "env")) {
            tally.case(&path.display().to_string(), || assert_eq!(raw(&text), None, "{text}"));
        }
    }
}

#[test]
fn reasons() {
    let host =
        Scene::new().service(Service::new("wikijs")).config("[run]\nhold_before = [\"migrate\"]").build();
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(10);
    let before = places(&host);
    let mut tally = Tally::new("P12", "hostile reasons");
    for case in cases("texts") {
        tally.case(&case.name, || {
            let records = host.log("1234").lines().count();
            let output = host.run(["approve", "1234", &format!("--reason={}", case.text)]);
            harmless(&output);
            let nothing = case.verdict == "nothing";
            assert_eq!(output.code, Some(if nothing { 2 } else { 0 }), "{output}");
            assert_eq!(host.log("1234").lines().count(), records + usize::from(!nothing));
            harmless(&host.run(["log", "1234"]).exits(0));
        });
    }
    nothing_forged(&host, "1234");
    for verb in [["state", "1234"].as_slice(), &["log", "1234", "--json"], &["list", "--all"]] {
        harmless(&host.run(verb).exits(0));
    }
    nothing_raw(&host, &mut tally);
    assert_eq!(places(&host), before);
    tally.end();
}

#[test]
fn commit_messages_and_authors() {
    let host = Host::new();
    let mut tally = Tally::new("P12", "hostile commit messages and authors");
    let mut tried = 0;
    for case in cases("texts") {
        std::fs::write(host.root().join("message"), &case.text).unwrap();
        let author = case.text.replace(['\n', '\r', '<', '>'], " ");
        let author = format!("{} <eve@example.org>", author.chars().take(100).collect::<String>());
        let line = [
            "commit",
            "-q",
            "--allow-empty",
            "--allow-empty-message",
            "--cleanup=verbatim",
            "-F",
            "../message",
        ];
        let author = format!("--author={author}");
        let made = host.git_at(&host.dev(), line.iter().copied().chain([author.as_str()]));
        if made.code != Some(0) {
            // An author without a name is refused by git itself.
            host.git_at(&host.dev(), line).exits(0);
        }
        tried += 1;
    }
    host.ships("1234", "wikijs", "2");
    for verb in [
        ["check"].as_slice(),
        &["run", "1234", "--dry-run"],
        &["run", "1234", "--dry-run", "--json"],
        &["-v", "run", "1234"],
        &["state", "1234"],
        &["report", "1234", "-o", "-"],
        &["revert", "1234", "--yes"],
    ] {
        tally.case(verb[0], || harmless(&host.run(verb.iter().copied()).exits(0)));
    }
    nothing_forged(&host, "1234");
    nothing_raw(&host, &mut tally);
    tally.add(tried, []);
    tally.end();
}

#[test]
fn file_names() {
    let host = Host::new();
    host.ships("1234", "wikijs", "2");
    let mut tally = Tally::new("P12", "hostile file names");
    let names = cases("paths");
    for case in &names {
        let path = host.prod().join(&case.text);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, "x").unwrap();
        tally.case(&case.name, || {
            let output = host.run(["run", "1234"]).exits(4).shows("tree-dirty");
            harmless(&output);
            std::fs::remove_file(&path).unwrap();
        });
    }
    // And in what comes in.
    let dev: Vec<PathBuf> = names.iter().map(|case| host.dev().join("left").join(&case.text)).collect();
    for path in &dev {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "x").unwrap();
    }
    host.ships("1234", "wikijs", "3");
    for verb in [
        ["run", "1234", "--dry-run"].as_slice(),
        &["check", "--json"],
        &["run", "1234"],
        &["revert", "1234", "--yes"],
    ] {
        tally.case(verb[0], || harmless(&host.run(verb.iter().copied()).exits(0)));
    }
    nothing_forged(&host, "1234");
    nothing_raw(&host, &mut tally);
    tally.add(names.len(), []);
    tally.end();
}

#[test]
fn script_names() {
    let host = Host::new();
    let mut tally = Tally::new("P12", "hostile script names");
    let mut ours = 0;
    let names = cases("script-names");
    for (at, case) in names.iter().enumerate() {
        let path = host.dev().join("releases").join(&case.text);
        if path.parent().unwrap().is_file() || path.is_dir() {
            continue;
        }
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let who = if case.verdict == "ours" { "ours" } else { "other" };
        ours += usize::from(who == "ours");
        std::fs::write(&path, format!("#!/bin/sh\necho {at} >>../{who}\n")).unwrap();
    }
    host.ships("1234", "wikijs", "2");
    let before = places(&host);
    tally.case("dry run", || harmless(&host.run(["run", "1234", "--dry-run", "--without-scripts"]).exits(0)));
    // Scripts of other tickets are asked about, or left out.
    tally.case("asked", || {
        harmless(&host.run(["run", "1234", "--dry-run"]).exits(4).shows("other-ticket-scripts"));
    });
    let output = host.run(["run", "1234", "--without-scripts"]);
    tally.case("run", || harmless(&output.clone().exits(0)));
    let lines =
        |who: &str| std::fs::read_to_string(host.root().join(who)).unwrap_or_default().lines().count();
    tally.case("each of ours once", || assert_eq!(lines("ours"), ours, "{output}"));
    tally.case("no name is a command", || {
        let new: Vec<String> = places(&host).difference(&before).cloned().collect();
        assert!(!new.iter().any(|path| path.contains("pwned") && !path.contains("releases")), "{new:#?}");
    });
    nothing_forged(&host, "1234");
    nothing_raw(&host, &mut tally);
    tally.add(names.len(), []);
    tally.end();
}

#[test]
fn output_of_programs() {
    let host = Host::new();
    let mut tally = Tally::new("P12", "hostile output of steps");
    let texts = cases("texts");
    let all: String = texts.iter().map(|case| case.text.clone() + "\n").collect();
    std::fs::write(host.root().join("said"), all).unwrap();
    host.script("1234", "says", "cat ../said\ncat ../said >&2\ntail -c 2000 ../said\nexit 3");
    host.ships("1234", "wikijs", "2");
    let log = host.root().join("run/wikijs/log");
    std::fs::copy(host.root().join("said"), log).unwrap();
    for (verb, code) in [
        (["run", "1234"].as_slice(), 1),
        (&["state", "1234"], 0),
        (&["state", "1234", "--json"], 0),
        (&["log", "1234"], 0),
        (&["logs", "wikijs"], 0),
        (&["report", "1234", "-o", "-"], 0),
        (&["run", "1234", "--from=ticket", "--json"], 1),
        (&["revert", "1234", "--yes"], 0),
    ] {
        tally.case(verb[0], || harmless(&host.run(verb.iter().copied()).exits(code)));
    }
    nothing_forged(&host, "1234");
    nothing_raw(&host, &mut tally);
    tally.add(texts.len(), []);
    tally.end();
}
