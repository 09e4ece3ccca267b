//! Streams: they end with their attempt, with their token, and never show another attempt's records.

use std::time::Instant;

use serde_json::json;

use crate::support::{Host, Trouble, begun, let_go, wait_until, waiting};

use super::server::Server;

#[test]
fn a_token_that_is_taken_back_ends_its_open_stream() {
    let host = waiting();
    let running = begun(&host);
    let server = Server::of(&host);
    let vic = server.token("vic", "viewer");
    std::thread::scope(|scope| {
        let watching = scope.spawn(|| vic.stream("/api/deployments/1234@1/timeline/stream"));
        std::thread::sleep(std::time::Duration::from_millis(1_500));
        assert!(!watching.is_finished(), "a live run is watched");
        host.run(["token", "revoke", "vic"]).exits(0);
        let taken = Instant::now();
        let events = watching.join().unwrap();
        assert!(taken.elapsed().as_secs() < 10, "{:?}", taken.elapsed());
        assert!(events.iter().all(|(kind, ..)| kind == "record"), "it is cut off, not ended: {events:?}");
    });
    let_go(&host, 0);
    running.wait().exits(0);
}

#[test]
fn many_watch_and_each_sees_all_of_it() {
    let host = waiting();
    let running = begun(&host);
    let server = Server::of(&host);
    let vic = server.token("vic", "viewer");
    std::thread::scope(|scope| {
        let readers: Vec<_> =
            (0..20).map(|_| scope.spawn(|| vic.stream("/api/deployments/1234@1/timeline/stream"))).collect();
        wait_until("all of them watch", || {
            vic.get("/metrics").is(200).text.contains("holdpoint_stream_readers 20\n")
        });
        let_go(&host, 0);
        let seen: Vec<_> = readers.into_iter().map(|reader| reader.join().unwrap()).collect();
        assert!(seen.iter().all(|events| *events == seen[0]), "all see the same");
        assert_eq!(seen[0].last().unwrap().2, json!({ "status": "succeeded" }));
        let records = host.log("1234").lines().count();
        assert_eq!(seen[0].len(), records + 1);
    });
    running.wait().exits(0);
}

#[test]
fn whoever_says_that_they_have_seen_all_keeps_nothing_from_others() {
    let host = waiting();
    let running = begun(&host);
    let server = Server::of(&host);
    let vic = server.token("vic", "viewer");
    let ahead = vic.header("last-event-id", "999999");
    std::thread::scope(|scope| {
        let stream = "/api/deployments/1234@1/timeline/stream";
        let metrics = |readers| {
            let line = format!("holdpoint_stream_readers {readers}\n");
            wait_until("they watch", || vic.get("/metrics").is(200).text.contains(&line));
        };
        // The first to come begins the feed that all of them share.
        scope.spawn(|| ahead.stream(stream));
        metrics(1);
        let other = scope.spawn(|| vic.stream(stream));
        metrics(2);
        let_go(&host, 0);
        let seen = other.join().unwrap();
        assert_eq!(seen.len(), host.log("1234").lines().count() + 1, "every record, and the end");
    });
    running.wait().exits(0);
}

#[test]
fn an_attempt_that_was_followed_by_another_shows_its_own_records_alone() {
    let host = Host::new();
    host.ships("1202", "wikijs", "3");
    host.trouble("wikijs", Trouble::StartFails, None);
    host.run(["run", "1202"]).exits(1);
    host.repair("wikijs");
    let server = Server::of(&host);
    let alice = server.token("alice", "operator");
    let version = alice.get("/api/deployments/1202/recovery-readiness").json()["stateVersion"].clone();
    let read = alice.header("if-match", version.as_str().unwrap());
    read.post("/api/deployments/1202/retry", &json!({ "acceptUntrusted": true, "reason": "freed" })).is(202);
    wait_until("it succeeds", || host.state("1202", "STATUS") == "succeeded");
    let first = alice.stream("/api/deployments/1202@1/timeline/stream");
    assert!(first.iter().all(|(_, _, data)| data.get("attempt").is_none_or(|attempt| attempt == 1)));
    let listed = alice.get("/api/deployments/1202@1/timeline").is(200).json();
    assert_eq!(listed["events"].as_array().unwrap().len(), first.len() - 1);
    assert_eq!(alice.get("/api/deployments/1202@1").is(200).json()["state"]["attempt"], 1);
    alice.get("/api/deployments/1202@7").refuses(404, "state-missing");
}
