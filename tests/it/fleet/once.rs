//! `ticket_runs = "once"`: a ticket's scripts run on one named host, before every other.

use super::scene::{Fleet, TWO_STAGES};

fn once() -> String {
    TWO_STAGES.replace("ticket_runs = \"every-host\"", "ticket_runs = \"once\"\nticket_host = \"b\"")
}

/// A ticket with a script that leaves a line wherever it runs, and then ends so.
fn ships(fleet: &Fleet, ends: &str) -> String {
    let script = format!(
        "#!/usr/bin/env bash\nset -eu\nroot=$(git rev-parse --show-toplevel)\n\
                          echo ran >>\"${{root%/*}}/run/ran\"\n{ends}\n"
    );
    fleet.write("dev/releases/1234-import.sh", &script);
    fleet.ships("1234", "2")
}

fn ran(fleet: &Fleet, name: &str) -> usize {
    let path = fleet.root().join(name).join("run/ran");
    std::fs::read_to_string(path).unwrap_or_default().lines().count()
}

fn log(fleet: &Fleet, name: &str) -> String {
    let path = fleet.prod(name).join(".asd/workspace/releases/1234.log");
    std::fs::read_to_string(path).unwrap_or_default()
}

#[test]
fn the_script_runs_on_one_host_before_all_others_and_nowhere_else() {
    let fleet = Fleet::local(&["a", "b", "c"]);
    let commit = ships(&fleet, "");
    let plan = fleet.plan(&once(), &commit);
    let shown = fleet.run(&["rollout", "plan", "create", "plan.toml", "--dry-run"]).exits(0);
    shown.shows("ticket: 1 host, 1 at once: b").shows("run on b alone, before every other host");
    let started = fleet.run(&["rollout", "start", "--plan-id", &plan]).exits(0);
    started.shows_in_order(&["offered       b", "promoted      ticket", "offered       a", "completed"]);
    assert_eq!(fleet.images(), ["web:2", "web:2", "web:2"]);
    assert_eq!((ran(&fleet, "a"), ran(&fleet, "b"), ran(&fleet, "c")), (0, 1, 0));
    assert!(log(&fleet, "a").contains("event=skipped-ran-elsewhere"), "{}", log(&fleet, "a"));
    assert!(log(&fleet, "c").contains("ran_on=b"), "{}", log(&fleet, "c"));
    assert!(!log(&fleet, "b").contains("ran_on"), "{}", log(&fleet, "b"));
    let on_a = |words: &[&str]| fleet.run_at("a/prod", words);
    on_a(&["state", "1234"]).exits(0).shows("ran elsewhere").shows("scripts run on b alone");
    on_a(&["log", "1234", "--verify"]).exits(0);
    // Taken back on a host where no script ran: nothing of a script is there to be taken back.
    on_a(&["revert", "1234", "--yes", "--skip-data", "--reason", "x"]).exits(0);
    assert_eq!((fleet.image("a").as_str(), ran(&fleet, "a")), ("web:1", 0));
}

#[test]
fn a_script_that_fails_touches_nobody_but_its_host() {
    let fleet = Fleet::local(&["a", "b", "c"]);
    let commit = ships(&fleet, "exit 3");
    let plan = fleet.plan(&once(), &commit);
    fleet.run(&["rollout", "start", "--plan-id", &plan]).exits(10).shows("harm: 1 failed, 0 may: b");
    assert_eq!((fleet.image("a"), fleet.image("c")), ("web:1".to_owned(), "web:1".to_owned()));
    assert_eq!((ran(&fleet, "a"), ran(&fleet, "b"), ran(&fleet, "c")), (0, 1, 0));
    assert_eq!(
        (log(&fleet, "a"), log(&fleet, "c")),
        (String::new(), String::new()),
        "they were told nothing"
    );
    let skip = ["rollout", "recover", "--plan-id", &plan, "--strategy", "skip_failed", "--reason", "x"];
    fleet.run(&[&skip[..], &["--confirm", "ticket"]].concat()).exits(4).shows("have not run there");
}

#[test]
fn a_person_may_say_so_too_and_whoever_resumes_keeps_to_it() {
    let fleet = Fleet::local(&["a"]);
    ships(&fleet, "");
    let on_a = |words: &[&str]| fleet.run_at("a/prod", words);
    let elsewhere = ["run", "1234", "--ticket-ran-on", "web9"];
    let shown = on_a(&[&elsewhere[..], &["--dry-run"]].concat()).exits(0);
    shown.shows("left out: the ticket's scripts run on web9 alone");
    fleet.trouble("a", "web:2");
    on_a(&elsewhere).exits(1);
    std::fs::remove_file(fleet.root().join("a/run/trouble")).unwrap();
    on_a(&["run", "1234", "--from=ticket"]).exits(0).shows("web9");
    assert_eq!((ran(&fleet, "a"), fleet.image("a").as_str()), (0, "web:2"));
    on_a(&["run", "1234", "--ticket-ran-on", "../x"]).exits(2).shows("a host's name");
    on_a(&["state", "1234", "--export"]).exits(0).shows("TICKET_RAN_ON=web9");
}
