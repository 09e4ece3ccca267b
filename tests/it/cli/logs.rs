//! `logs SERVICE`: the last lines, those since a moment, and each new one until somebody has seen enough.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

use crate::support::{Host, Scene, binary, wait_until};

/// A host with a service whose log has these lines.
fn printing(lines: &str) -> Host {
    let host = Host::new();
    std::fs::write(host.root().join("run/wikijs/log"), lines).unwrap();
    host
}

fn append(host: &Host, line: &str) {
    let mut log = std::fs::OpenOptions::new().append(true).open(host.root().join("run/wikijs/log")).unwrap();
    writeln!(log, "{line}").unwrap();
}

#[test]
fn as_many_lines_as_were_asked_for_and_none_that_is_older() {
    let host = printing(
        "2026-05-18T10:00:00Z one\n  of one\n2026-05-18T11:00:00Z two\n2026-05-18T12:00:00+00:00 three\n  of three\n",
    );
    host.run(["logs", "wikijs"]).exits(0).shows("one").shows("of three");
    let two = host.run(["logs", "wikijs", "--tail", "2"]).exits(0);
    assert_eq!(two.stdout, "2026-05-18T12:00:00+00:00 three\n  of three\n");
    let since =
        host.run(["logs", "wikijs", "--since", "2026-05-18T13:00:00+02:00", "--json"]).exits(0).json();
    let lines = since["lines"].as_array().unwrap();
    assert_eq!((lines.len(), since["service"].as_str()), (3, Some("wikijs")), "{since}");
    assert_eq!(host.run(["logs", "wikijs", "--since", "1s"]).exits(0).stdout, "");
    host.run(["logs", "wikijs", "--since", "yesterday"]).exits(2).shows("10m");
    let plain = printing("starts\nruns\n");
    plain.run(["logs", "wikijs", "--since", "1h"]).exits(2).shows("carry no times").shows("--tail");
}

#[test]
fn each_new_line_is_shown_until_ctrl_c_which_harms_nothing() {
    let host = printing("first\nsecond\n");
    let following = host.start(["logs", "wikijs", "-f", "--tail", "1"]);
    wait_until("the old line is shown", || following.so_far().contains("second"));
    append(&host, "third");
    wait_until("the new line is shown", || following.so_far().contains("third"));
    following.interrupt();
    let output = following.wait().exits(130);
    assert_eq!(output.stdout, "second\nthird\n", "{output}");
    assert_eq!((host.calls(), host.workspace("").exists()), (Vec::new(), false));
    host.run(["status", "wikijs"]).exits(0).shows("running");
}

#[test]
fn a_reader_that_has_seen_enough_ends_it() {
    let host = printing("first\n");
    let mut command = host.command(binary(), &host.prod());
    command.args(["logs", "wikijs", "--follow", "--json"]).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let value: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!((value["service"].as_str(), value["line"].as_str()), (Some("wikijs"), Some("first")));
    drop(reader);
    append(&host, "second");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// A program that answers like one generation of compose and notes how it was called.
fn compose(host: &Path, version: &str, logs: &str) {
    let bin = host.join("bin");
    std::fs::create_dir_all(&bin).unwrap();
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in\n*version*) echo '{version}' ;;\n*logs*) echo \"$*\" >>{0}/asked; {logs} ;;\nesac\n",
        host.display()
    );
    std::fs::write(bin.join("compose"), script).unwrap();
    std::os::unix::fs::symlink("/bin/true", bin.join("docker")).ok();
    std::fs::set_permissions(bin.join("compose"), std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn composed(version: &str, logs: &str) -> Host {
    let host = Scene::new()
        .config("[compose]\ncommand = [\"HOST/bin/compose\"]")
        .config("[services.wiki]\ndriver = \"compose\"\ncompose = { file = \"compose.yaml\", services = [\"wiki\"] }\nbackup = { kind = \"none\", reason = \"x\" }")
        .file("compose.yaml", "services:\n  wiki:\n    image: wiki:1\n")
        .build();
    compose(host.root(), version, logs);
    host
}

#[test]
fn compose_is_asked_for_what_it_can_leave_out_itself() {
    let v2 = composed("2.26.1", "echo 'wiki-1  | up'");
    v2.run(["logs", "wiki", "--tail", "7", "--since", "2026-05-18T10:00:00Z"]).exits(0).shows("wiki-1  | up");
    let asked = std::fs::read_to_string(v2.root().join("asked")).unwrap();
    assert!(asked.contains("logs --no-color --tail=7 --since=2026-05-18T10:00:00Z wiki"), "{asked}");

    // The first generation cannot leave older lines out, so it is asked for times and they are left out here.
    let old = "echo 'wiki_1 | 2026-05-18T09:00:00Z old'; echo 'wiki_1 | 2026-05-18T11:00:00Z new'";
    let v1 = composed("1.29.2", old);
    v1.run(["logs", "wiki", "--since", "2026-05-18T10:00:00Z"]).exits(0).shows("new").hides("old");
    let asked = std::fs::read_to_string(v1.root().join("asked")).unwrap();
    assert!(asked.contains("--timestamps") && !asked.contains("--since"), "{asked}");
}

#[test]
fn a_followed_compose_is_ended_with_us() {
    let host = composed("2.26.1", "echo up; exec sleep 1000");
    let following = host.start(["logs", "wiki", "--follow"]);
    wait_until("it follows", || following.so_far().contains("up"));
    let asked = std::fs::read_to_string(host.root().join("asked")).unwrap();
    assert!(asked.contains("--follow"), "{asked}");
    following.interrupt();
    following.wait().exits(130);
    let failing = composed("2.26.1", "echo 'no such container'; exit 1");
    failing.run(["logs", "wiki", "-f"]).exits(1).shows("no such container").shows("try it by hand");
    // Nothing of ours is left that reads.
    let mut rest = String::new();
    std::fs::File::open(failing.root().join("asked")).unwrap().read_to_string(&mut rest).unwrap();
    assert!(rest.contains("--follow"), "{rest}");
}
