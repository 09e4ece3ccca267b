//! Our own files as somebody else might leave them: state, log, lock, requests.

use std::fs::OpenOptions;

use rustix::fs::FlockOperation;

use super::{cases, harmless, nothing_forged, places};
use crate::faults::tally::Tally;
use crate::support::{Host, begun, let_go, waiting};

/// A host on which 1234 failed in the ticket phase.
fn failed() -> Host {
    let host = Host::new();
    host.script("1234", "x", "test -e ../ready");
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(1);
    host
}

#[test]
fn state_files() {
    let host = failed();
    let good = host.read(".asd/workspace/releases/1234.env");
    let before = places(&host);
    let mut tally = Tally::new("P12", "hostile state files");
    for case in cases("states") {
        tally.case(&case.name, || {
            host.write(".asd/workspace/releases/1234.env", &case.text);
            for verb in [["state", "1234"].as_slice(), &["list", "--all"], &["run", "1234", "--dry-run"]] {
                harmless(&host.run(verb.iter().copied()));
            }
            host.run(["state", "1234"]).exits(0).shows("rebuilt from the audit log").shows("failed");
        });
    }
    host.write(".asd/workspace/releases/1234.env", &good);
    assert_eq!(places(&host), before);
    nothing_forged(&host, "1234");
    tally.end();
}

#[test]
fn ends_of_logs() {
    let host = failed();
    let good = host.log("1234");
    let mut tally = Tally::new("P12", "hostile ends of logs");
    for case in cases("log-tails") {
        tally.case(&case.name, || {
            let log = ".asd/workspace/releases/1234.log";
            host.write(log, &format!("{good}{}", case.text));
            for verb in
                [["state", "1234"].as_slice(), &["log", "1234"], &["log", "1234", "--json"], &["list"]]
            {
                harmless(&host.run(verb.iter().copied()));
            }
            let verified = host.run(["log", "1234", "--verify"]);
            harmless(&verified);
            let state = host.run(["state", "1234"]);
            let close = host.run(["close", "1234", "--reason", "x", "--dry-run"]);
            harmless(&close);
            if case.verdict == "damage" {
                assert_eq!(
                    (verified.code, state.code, close.code),
                    (Some(9), Some(9), Some(9)),
                    "{verified}{state}{close}"
                );
                assert_eq!(host.read(log), format!("{good}{}", case.text));
            } else {
                assert_eq!((state.code, close.code), (Some(0), Some(0)), "{state}{close}");
            }
            host.write(log, &good);
        });
    }
    host.run(["log", "1234", "--verify"]).exits(0);
    tally.end();
}

#[test]
fn texts_of_locks() {
    let host = failed();
    let path = host.workspace("host.lock");
    let lock = OpenOptions::new().read(true).write(true).open(&path).unwrap();
    rustix::fs::flock(&lock, FlockOperation::LockExclusive).unwrap();
    let mut tally = Tally::new("P12", "hostile texts of locks");
    for case in cases("lock-texts") {
        tally.case(&case.name, || {
            std::fs::write(&path, &case.text).unwrap();
            let output = host.run(["run", "1234", "--from=ticket"]);
            harmless(&output);
            assert_eq!(output.code, Some(3), "{output}");
            for verb in [["state", "1234"].as_slice(), &["doctor"], &["status"]] {
                harmless(&host.run(verb.iter().copied()));
            }
        });
    }
    tally.end();
}

#[test]
fn requests() {
    let host = waiting();
    let running = begun(&host);
    let mut tally = Tally::new("P12", "hostile requests");
    let all = cases("requests");
    for (at, case) in all.iter().enumerate() {
        let folder = host.workspace("releases/1234/requests");
        std::fs::create_dir_all(&folder).unwrap();
        let (new, path) = (folder.join("new"), folder.join(format!("cancel-{at}")));
        std::fs::write(&new, &case.text).unwrap();
        std::fs::rename(&new, &path).unwrap();
        tally.case(&case.name, || {
            crate::support::wait_until("the runner took it", || !path.exists());
        });
    }
    // And what is no file at all.
    let odd = host.workspace("releases/1234/requests");
    std::fs::create_dir(odd.join("cancel-folder")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", odd.join("cancel-link")).unwrap();
    crate::support::wait_until("the runner took the link", || !odd.join("cancel-link").is_symlink());
    let_go(&host, 0);
    let output = running.wait();
    tally.case("the run went on", || harmless(&output));
    tally.case("to its end", || output.clone().exits(0));
    nothing_forged(&host, "1234");
    tally.end();
}
