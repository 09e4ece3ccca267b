//! A release that was begun over HTTP does not need the server: it is killed at any moment and nothing is lost.

use rustix::process::Signal;
use serde_json::json;

use crate::support::tally::{Tally, short_or_full};
use crate::support::{Host, begun, let_go, wait_until, waiting};

use super::server::Server;

#[test]
fn a_server_that_is_killed_takes_no_release_with_it() {
    let mut tally = Tally::new("P14", "a server killed while a release that it began is under way");
    for after in 0..short_or_full(4, 40) {
        tally.case(&format!("after {after} steps of the wait"), || {
            let host = Host::new();
            host.ships("1234", "wikijs", "2");
            let server = Server::of(&host);
            let alice = server.token("alice", "operator").header("idempotency-key", "once");
            let begun = alice.post("/api/releases/1234/run", &json!({})).is(202);
            std::thread::sleep(std::time::Duration::from_millis(25 * after as u64));
            server.running.signal(Signal::KILL);
            server.running.wait();
            wait_until("it succeeds", || host.state("1234", "STATUS") == "succeeded");
            host.run(["log", "1234", "--verify"]).exits(0);
            let next = Server::of(&host);
            let again = super::server::Server::token(&next, "bob", "operator");
            assert_eq!(again.get("/api/deployments/1234@1").is(200).json()["state"]["status"], "succeeded");
            assert!(begun.text.contains("1234@1"));
        });
    }
    tally.end();
}

#[test]
fn a_request_whose_end_nobody_saw_is_not_done_again() {
    let host = waiting();
    let server = Server::of(&host);
    let alice = server.token("alice", "operator").header("idempotency-key", "once");
    let running = begun(&host);
    // It is held for as long as the host is: the server dies before it can answer.
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| {
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                alice.post("/api/releases/1235/run", &json!({ "lockWait": "30s" }))
            }))
        });
        // What begins with a dot is still being written.
        let is_whole = |entry: std::fs::DirEntry| !entry.file_name().to_string_lossy().starts_with('.');
        wait_until("the key is on record", || {
            std::fs::read_dir(host.workspace("access/replays"))
                .is_ok_and(|mut all| all.any(|entry| entry.is_ok_and(is_whole)))
        });
        server.running.signal(Signal::KILL);
        assert!(asked.join().unwrap().is_err(), "nobody was there to answer");
    });
    let_go(&host, 0);
    running.wait().exits(0);
    let next = Server::of(&host);
    let again = alice.at(&next).post("/api/releases/1235/run", &json!({ "lockWait": "30s" }));
    let problem = again.refuses(409, "idempotency-conflict");
    assert!(problem["hints"][0].as_str().unwrap().contains("another key"), "{problem:#}");
}

/// As an upgrade does it; until it is started anew the server is of the version that it was.
#[test]
fn a_server_whose_program_was_replaced_still_begins_releases() {
    let host = Host::new();
    host.ships("1234", "wikijs", "2");
    let program = host.root().join("bin-of-ours");
    std::fs::copy(host.program(), &program).unwrap();
    let server = Server::by(&host, program.to_str().unwrap(), host.prod(), &[]);
    let alice = server.token("alice", "operator");
    let next = host.root().join("next");
    std::fs::write(&next, "not a program").unwrap();
    std::fs::rename(&next, &program).unwrap();
    alice.post("/api/releases/1234/run", &json!({})).is(202);
    host.run(["log", "1234", "-f"]).exits(0);
    let log = host.log("1234");
    assert!(log.contains("operator=alice") && log.contains(" via=holdpoint "), "it began it itself: {log}");
}

#[test]
fn a_server_that_is_asked_to_stop_lets_go_of_its_port_and_ends_well() {
    let host = Host::new();
    let server = Server::of(&host);
    server.token("vic", "viewer").get("/api/doctor").is(200);
    server.running.signal(Signal::TERM);
    server.running.wait().exits(0);
}
