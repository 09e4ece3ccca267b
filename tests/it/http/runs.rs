//! What is begun over HTTP is what the command line would have begun: the same plan, the same refusals, the same records.

use serde_json::json;

use crate::support::{Host, Scene, Service, Trouble, begun, let_go, wait_until, waiting};

use super::server::Server;

#[test]
fn a_release_is_begun_watched_and_named_after_whoever_asked() {
    let host = Host::new();
    host.ships("1234", "wikijs", "2");
    let server = Server::of(&host);
    let alice = server.token("alice", "operator");

    let begun = alice.post("/api/releases/1234/run", &json!({ "reason": "asked by ops" })).is(202).json();
    assert_eq!(begun["deploymentId"], "1234@1");
    let events = alice.stream("/api/deployments/1234@1/timeline/stream");

    let (last, records) = events.split_last().unwrap();
    assert_eq!((last.0.as_str(), &last.2), ("end", &json!({ "status": "succeeded" })));
    let numbers: Vec<u64> = records.iter().filter_map(|(_, id, _)| *id).collect();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>(), "without a gap");
    assert_eq!(host.state("1234", "STATUS"), "succeeded");
    assert!(host.log("1234").contains("operator=alice"), "{}", host.log("1234"));
    // Whoever may start the program may speak for anybody: so it also says from where that was done, once.
    let log = host.log("1234");
    let first = log.lines().find(|line| line.contains(" via=holdpoint ")).unwrap_or_else(|| panic!("{log}"));
    assert!(first.contains(" login=") && log.matches(" via=").count() == 1, "{log}");
    let rest = alice.header("last-event-id", "5").stream("/api/deployments/1234@1/timeline/stream");
    assert_eq!(rest[0].1, Some(6), "it goes on after what was seen");
    let audited = host.read(".asd/workspace/access/requests.log");
    assert!(audited.contains("operator=alice") && audited.contains("deployment=1234@1"), "{audited}");
}

#[test]
fn whoever_types_the_servers_word_is_on_record_beside_the_name_that_they_typed() {
    let host = Host::new();
    host.ships("1234", "wikijs", "2");
    host.run(["__for", "alice", "run", "1234", "--yes"]).exits(0);
    let log = host.log("1234");
    let me = Host::new();
    me.ships("1234", "wikijs", "2");
    me.run(["run", "1234", "--yes"]).exits(0);
    assert!(!me.log("1234").contains(" via="), "{}", me.log("1234"));
    let login = me.state("1234", "OPERATOR");
    assert!(log.contains("operator=alice") && log.contains(&format!(" login={login} ")), "{log}");
    assert!(log.matches(" via=").count() == 1 && !log.contains(" via=holdpoint "), "no server asked: {log}");
}

#[test]
fn what_the_command_line_refuses_is_refused_with_its_reasons() {
    let host = Host::new();
    let server = Server::of(&host);
    let alice = server.token("alice", "operator");
    let problem = alice.post("/api/releases/1234/run", &json!({})).refuses(409, "nothing-to-release");
    assert!(!problem["reasons"][0]["waysOut"].as_array().unwrap().is_empty(), "{problem:#}");
    alice.get("/api/deployments/404@1").refuses(404, "state-missing");
    alice.get("/api/deployments/404").refuses(404, "state-missing");
    alice.get("/api/deployments/..%2f..%2fetc").refuses(422, "invalid");
    alice.post("/api/releases/1234/run", &json!({ "from": "yesterday" })).refuses(422, "invalid");
    alice.post("/api/releases/1234/run", &json!({ "force": true })).refuses(422, "invalid");
    alice.post("/api/releases/--help/run", &json!({})).refuses(422, "invalid");
    alice.get("/api/deployments?limit=0").refuses(422, "invalid");
    alice.get("/api/deployments?nonsense=1").refuses(400, "malformed");
    alice.get("/nowhere").refuses(404, "not-found");
    alice.post("/health", &json!({})).refuses(405, "method-not-allowed");
}

#[test]
fn a_script_may_not_retry_blindly_and_is_told_what_to_read() {
    let host = Host::new();
    host.ships("1201", "wikijs", "2");
    host.run(["run", "1201"]).exits(0);
    host.ships("1202", "wikijs", "3");
    host.trouble("wikijs", Trouble::StartFails, None);
    host.run(["run", "1202"]).exits(1);
    host.repair("wikijs");
    let server = Server::of(&host);
    let alice = server.token("alice", "operator");

    let problem = alice.post("/api/deployments/1202@1/retry", &json!({})).refuses(428, "readiness-unread");
    assert_eq!(problem["readiness"]["retryable"], true, "{problem:#}");
    assert_eq!(problem["readiness"]["rollback"]["recommendedCandidateId"], "1201@1");
    let stale = alice.header("if-match", "\"0123456789abcdef\"");
    stale.post("/api/deployments/1202@1/retry", &json!({})).refuses(412, "readiness-stale");
    let answer = alice.get("/api/deployments/1202@1/recovery-readiness").is(200).json();
    let read = alice.header("if-match", &format!("\"{}\"", answer["stateVersion"].as_str().unwrap()));
    let begun = read.post(
        "/api/deployments/1202@1/retry",
        &json!({ "acceptUntrusted": true, "reason": "port was freed" }),
    );
    assert_eq!(begun.is(202).json()["deploymentId"], "1202@2");
    wait_until("it succeeds", || host.state("1202", "STATUS") == "succeeded");
}

#[test]
fn a_host_that_is_held_says_by_whom_and_a_run_is_canceled_by_its_exact_name() {
    let host = waiting();
    let running = begun(&host);
    let server = Server::of(&host);
    let alice = server.token("alice", "operator");
    alice.post("/api/releases/1234/run", &json!({})).refuses(423, "locked");
    alice.post("/api/deployments/1234@1/cancel", &json!({})).refuses(422, "invalid");
    alice.post("/api/deployments/1234@1/cancel", &json!({ "confirm": "1234@2" })).refuses(422, "invalid");
    let canceling = std::thread::scope(|scope| {
        let canceling =
            scope.spawn(|| alice.post("/api/deployments/1234@1/cancel", &json!({ "confirm": "1234@1" })));
        wait_until("the request is on record", || host.log("1234").contains("event=cancel-requested"));
        let_go(&host, 0);
        canceling.join().unwrap()
    });
    canceling.is(200);
    running.wait().exits(1);
    assert_eq!(host.state("1234", "STATUS"), "canceled");
}

#[test]
fn a_key_that_is_sent_again_gets_the_answer_of_the_first_time() {
    let host = Host::new();
    host.ships("1234", "wikijs", "2");
    let server = Server::of(&host);
    let alice = server.token("alice", "operator").header("idempotency-key", "release-of-friday");
    let first = alice.post("/api/releases/1234/run", &json!({})).is(202);
    host.run(["log", "1234", "-f"]).exits(0);
    let records = host.log("1234");
    let again = alice.post("/api/releases/1234/run", &json!({})).is(202);
    assert_eq!(again.text, first.text);
    assert_eq!(host.log("1234"), records, "nothing was done again");
    alice.post("/api/releases/1234/run", &json!({ "noFetch": true })).refuses(422, "idempotency-conflict");
    let bob = server.token("bob", "operator").header("idempotency-key", "release-of-friday");
    bob.post("/api/releases/1234/run", &json!({})).refuses(409, "nothing-to-release");
}

#[test]
fn of_many_who_send_one_key_at_the_same_moment_one_alone_does_it() {
    let host = Host::new();
    let server = Server::of(&host);
    let alice = server.token("alice", "operator").header("idempotency-key", "once");
    let opening = json!({ "symptom": "x", "kind": "total", "path": "wiki" });
    std::thread::scope(|scope| {
        let asked: Vec<_> = (0..12).map(|_| scope.spawn(|| alice.post("/api/incidents", &opening))).collect();
        let mut done = 0;
        for reply in asked.into_iter().map(|one| one.join().unwrap()) {
            match reply.status {
                200 => done += 1,
                _ => _ = reply.refuses(409, "idempotency-conflict"),
            }
        }
        assert!(done > 0);
    });
    assert_eq!(alice.get("/api/incidents").is(200).json().as_array().unwrap().len(), 1);
}

#[test]
fn a_plan_is_read_first_and_only_it_is_carried_out() {
    let host = Host::new();
    host.ships("1234", "wikijs", "2");
    let server = Server::of(&host);
    let alice = server.token("alice", "operator");
    let plan = alice.get("/api/releases/1234/plan").is(200).json();
    assert_eq!(plan["decision"], "plan");
    let id = plan["plan"]["id"].clone();
    let wrong = json!({ "plan": "0123456789abcdef" });
    alice.post("/api/releases/1234/run", &wrong).refuses(412, "plan-changed");
    alice.post("/api/releases/1234/run", &json!({ "plan": id })).is(202);
    host.run(["log", "1234", "-f"]).exits(0);
    let back = alice.get("/api/releases/1234/plan?verb=revert&discardWrites=true").is(200).json();
    assert_eq!(back["decision"], "plan", "{back:#}");
    alice
        .post("/api/releases/1234/revert", &json!({ "plan": back["plan"]["id"], "discardWrites": true }))
        .is(202);
    wait_until("it is taken back", || host.state("1234", "STATUS") == "reverted");
}

#[test]
fn what_waits_for_a_second_operator_is_agreed_to_by_its_verb() {
    let host =
        Scene::new().service(Service::new("wikijs")).config("[recovery]\nowner_approval = true").build();
    host.trouble("wikijs", Trouble::StartFails, Some("wikijs:2"));
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(1);
    host.repair("wikijs");
    let server = Server::of(&host);
    let (alice, bob) = (server.token("alice", "operator"), server.token("bob", "operator"));
    let revert = json!({ "discardWrites": true, "approvedBy": "the owner" });
    alice.post("/api/releases/1234/revert", &revert).refuses(409, "approval-wanted");
    let agree = json!({ "for": "revert", "reason": "looked at it" });
    alice.post("/api/releases/1234/approve", &agree).refuses(409, "approval-wanted");
    bob.post("/api/releases/1234/approve", &json!({ "for": "retry", "reason": "x" })).refuses(422, "invalid");
    let other = json!({ "for": "rollback", "reason": "looked at it" });
    bob.post("/api/releases/1234/approve", &other).refuses(409, "attempt-status-not-recoverable");
    bob.post("/api/releases/1234/approve", &agree).is(200);
    alice.post("/api/releases/1234/revert", &revert).is(202);
    wait_until("it is taken back", || host.state("1234", "STATUS") == "reverted");
    let record = host.record("1234", "event=reverting");
    assert!(
        record.contains(" approved_by=bob") && record.contains("said_approved_by=\"the owner\""),
        "{record}"
    );
}

#[test]
fn old_records_are_archived_and_pruned_by_their_plan() {
    let host = Host::new();
    for (ticket, tag) in [("1201", "2"), ("1202", "3")] {
        host.ships(ticket, "wikijs", tag);
        host.run(["run", ticket]).exits(0);
    }
    let server = Server::of(&host);
    let (alice, root) = (server.token("alice", "operator"), server.token("root", "admin"));
    alice.post("/api/deployments/1201@1/archive", &json!({ "confirm": "1201@1" })).is(200);
    let listed = alice.get("/api/deployments").is(200).json();
    assert!(!listed.to_string().contains("1201@1"), "{listed:#}");
    let whole = alice.get("/api/deployments?archived=true&limit=1").is(200).json();
    let next = format!("/api/deployments?archived=true&cursor={}", whole["nextCursor"].as_str().unwrap());
    assert_eq!(alice.get(&next).is(200).json()["deployments"][0]["attempt"], "1201@1");
    let before = "2999-01-01";
    root.post("/api/deployments/prune", &json!({ "before": before, "dryRun": false }))
        .refuses(422, "invalid");
    let dry = root.post("/api/deployments/prune", &json!({ "before": before })).is(200).json();
    assert_eq!(dry["answer"]["dryRun"], true, "{dry:#}");
    alice.post("/api/deployments/1201@1/unarchive", &json!({})).is(200);
}
