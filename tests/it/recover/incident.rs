//! `incident`: from the symptom in words to the proof that it is over; each of the six conditions refused once.

use serde_json::Value;

use crate::support::{Host, Scene, Service};

/// An adopted host with a health surface, a readiness surface, and a guardrail that passes while `HOST/guard` is there.
fn host() -> Host {
    let service = Service::new("wikijs");
    let ready = service.url().replace("healthz", "ready");
    let config = format!(
        "[[surface]]\nname = \"front\"\nurl = \"{}\"\ndeadline = \"1s\"\n\
         [[surface]]\nname = \"readiness\"\nkind = \"observability\"\nurl = \"{ready}\"\ndeadline = \"1s\"\n\
         [guard]\ncommand = [\"test\", \"-e\", \"HOST/guard\"]",
        service.url()
    );
    let host = Scene::new().service(service).config(&config).build();
    page(&host, "ready");
    std::fs::write(host.root().join("guard"), "").unwrap();
    host.run(["adopt", "--reason", "first"]).exits(0);
    host
}

fn page(host: &Host, name: &str) {
    std::fs::write(host.root().join("run/wikijs/www").join(name), "ok\n").unwrap();
}

fn gone(host: &Host, name: &str) {
    std::fs::remove_file(host.root().join("run/wikijs/www").join(name)).unwrap();
}

/// Opens one whose failing path is a file; answers with its name.
fn opened(host: &Host, more: &[&str]) -> String {
    let words = ["incident", "open", "--symptom", "nobody can log in", "--kind", "total", "--path", "login"];
    host.run(words.iter().chain(more)).exits(0).shows("open");
    let all = host.run(["incident", "list", "--json"]).exits(0).json();
    all[0]["id"].as_str().unwrap().to_owned()
}

fn probed(host: &Host) -> String {
    opened(host, &["--probe", &format!("test -e {}", host.root().join("login").display())])
}

fn shown(host: &Host, id: &str) -> Value {
    host.run(["incident", "show", id, "--json"]).exits(0).json()
}

/// Numbers of the conditions that do not hold.
fn missing(view: &Value) -> Vec<u64> {
    let conditions = view["conditions"].as_array().unwrap();
    assert_eq!(conditions.len(), 6);
    conditions.iter().filter(|one| one["holds"] == false).map(|one| one["number"].as_u64().unwrap()).collect()
}

#[test]
fn an_incident_is_walked_from_its_symptom_to_its_proof() {
    let host = host();
    gone(&host, "ready");
    let id = probed(&host);
    assert!(id.starts_with("inc-20") && id.ends_with("-1"), "{id}");
    assert_eq!(missing(&shown(&host, &id)), [2, 3, 4, 5, 6]);
    host.run(["incident", "resolve", &id, "--reason", "it went away"])
        .exits(4)
        .shows("incident-unproven")
        .shows("2 of 6, health and readiness captured before recovery: nothing was captured")
        .shows("3 of 6, drift checked")
        .shows(&format!("holdpoint incident capture {id}"));

    // Health answers, readiness does not: that is another thing.
    host.run(["incident", "capture", &id])
        .exits(0)
        .shows("readiness-only, scope readiness")
        .shows("health  ✓ front HTTP 200")
        .shows("readiness  ✗ readiness HTTP 404")
        .shows("holdpoint check --guard")
        .shows(&format!("holdpoint incident verify {id}"))
        .hides("\u{1b}");
    assert_eq!(missing(&shown(&host, &id)), [4, 5, 6]);
    host.run(["incident", "resolve", &id])
        .exits(4)
        .shows("4 of 6")
        .shows("5 of 6")
        .shows("nothing was verified");

    // Half of it is mended: its readiness, and not the path that failed.
    page(&host, "ready");
    host.run(["incident", "verify", &id])
        .exits(0)
        .shows("user-visible-only, scope product")
        .shows("path  exited 1");
    host.run(["incident", "resolve", &id, "--reason", "the cache was cleared"])
        .exits(4)
        .shows("6 of 6, the path that failed works: its probe exited 1")
        .hides("5 of 6");
    std::fs::write(host.root().join("login"), "").unwrap();
    host.service("wikijs", "stop").exits(0);
    host.run(["incident", "verify", &id]).exits(0).shows("broad-outage").shows("service-down wikijs");
    host.run(["incident", "resolve", &id, "--reason", "the cache was cleared"])
        .exits(4)
        .shows("5 of 6, the same sequence green afterwards")
        .shows("drift: service-down wikijs");
    host.service("wikijs", "start").exits(0);
    host.run(["incident", "verify", &id]).exits(0).shows("not-reproduced");
    host.run(["incident", "resolve", &id, "--playbook", "release-nothing-of-the-kind"]).exits(2);
    host.run(["incident", "resolve", &id, "--reason", "the cache was cleared", "--dry-run"]).exits(0);
    assert!(shown(&host, &id)["incident"]["resolved"].is_null());
    host.run(["incident", "resolve", &id, "--playbook", "release-verify-race"]).exits(0).shows("resolved");
    let view = shown(&host, &id);
    assert!(missing(&view).is_empty(), "{view}");
    assert_eq!(view["incident"]["captures"].as_array().unwrap().len(), 1);
    assert_eq!(view["incident"]["verifications"].as_array().unwrap().len(), 3);
    host.run(["incident", "verify", &id]).exits(2).shows("is resolved");
    assert_eq!(host.read(".asd/workspace/audit.log").matches("event=incident").count(), 6);
    host.run(["evidence", "list", "--host"]).exits(0).shows("incident").shows("nobody can log in");
}

#[test]
fn what_is_captured_after_the_recovery_began_proves_nothing_of_before() {
    let host = host();
    let id = probed(&host);
    host.ships("1234", "wikijs", "2");
    // Its release needs the page that the new start takes away.
    host.script("1234", "ready", &format!("echo ok > {}/run/wikijs/www/ready", host.root().display()));
    host.push();
    host.run(["run", "1234"]).exits(0);
    host.run(["incident", "capture", &id]).exits(0);
    let view = shown(&host, &id);
    assert!(missing(&view).contains(&2), "{view}");
    host.run(["incident", "show", &id]).exits(0).shows("what was captured is of after the recovery began");
}

#[test]
fn what_was_verified_before_anything_was_captured_is_of_no_afterwards() {
    let host = Host::new();
    host.run(["adopt", "--reason", "first"]).exits(0);
    std::fs::write(host.root().join("login"), "").unwrap();
    let id = probed(&host);
    host.run(["incident", "verify", &id]).exits(0);
    host.run(["incident", "show", &id]).exits(0).shows("nothing was captured that it could be held against");
    host.run(["incident", "capture", &id]).exits(0);
    host.run(["incident", "resolve", &id, "--reason", "it went away"])
        .exits(4)
        .shows("5 of 6, the same sequence green afterwards: what was verified is of before anything was captured")
        .shows("6 of 6");
    host.run(["incident", "verify", &id]).exits(0);
    assert_eq!(missing(&shown(&host, &id)), [4]);
    host.run(["incident", "show", &id]).exits(0).shows("all services well, no surface is configured");
}

#[test]
fn without_a_probe_a_person_must_say_that_the_path_works_and_why() {
    let host = host();
    let id = opened(&host, &[]);
    host.run(["incident", "capture", &id]).exits(0).shows("not-reproduced");
    host.run(["incident", "verify", &id]).exits(0);
    host.run(["incident", "resolve", &id, "--reason", "it was the browser"])
        .exits(4)
        .shows("6 of 6")
        .shows("--path-works");
    host.run(["incident", "resolve", &id, "--path-works"]).exits(2).shows("--reason");
    host.run(["incident", "resolve", &id, "--path-works", "--reason", "the owner logged in"]).exits(0);
}

#[test]
fn a_release_that_stands_unfinished_is_what_an_incident_belongs_to() {
    let host = host();
    host.script("1234", "x", "exit 3");
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(1);
    let id = probed(&host);
    assert_eq!(shown(&host, &id)["incident"]["attempt"], "1234@1");
    host.run(["incident", "capture", &id]).exits(0).shows("holdpoint diagnose 1234@1");
    let rows = host.run(["evidence", "list", "1234", "--json"]).exits(0).json();
    assert_eq!(rows.as_array().unwrap().last().unwrap()["trigger"], "incident");
    let second = opened(&host, &["--ticket", "1234"]);
    assert!(second.ends_with("-2"), "{second}");
    host.run(["incident", "list"]).exits(0).shows_in_order(&[&second, &id]);
}

#[test]
fn the_guardrail_must_pass_before_a_release_is_taken_back_and_a_dry_run_does_not_ask_it() {
    let host = host();
    host.script("1234", "x", "exit 3");
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(1);
    std::fs::remove_file(host.root().join("guard")).unwrap();
    host.run(["revert", "1234", "--dry-run"]).exits(0);
    let before = host.head();
    host.run(["revert", "1234", "--yes"]).exits(4).shows("guard-failed").shows("holdpoint check --guard");
    assert_eq!((host.head(), host.state("1234", "STATUS")), (before, "failed".into()));
    assert!(host.record("1234", "event=refused").contains("reason=guard-failed"));
    std::fs::write(host.root().join("guard"), "").unwrap();
    host.run(["revert", "1234", "--yes"]).exits(0);
    assert_eq!(host.image("wikijs"), "wikijs:1");
}

#[test]
fn what_is_not_an_incident_is_refused_and_no_secret_is_kept() {
    let host = host();
    host.write(".git/info/exclude", "/.asd/workspace/\n/.env\n");
    host.write(".env", "WIKI_TOKEN=s3cr3t-of-the-wiki\n");
    let open = |more: &[&str]| host.run(["incident", "open"].iter().chain(more));
    open(&["--symptom", "x", "--kind", "total"]).exits(2).shows("--path");
    open(&["--symptom", " ", "--kind", "total", "--path", "login"]).exits(2).shows("`--symptom` is empty");
    open(&["--symptom", "x", "--kind", "bad", "--path", "login"]).exits(2).shows("intermittent");
    open(&["--symptom", "x", "--kind", "stale", "--path", "p", "--probe", "curl 'x"])
        .exits(2)
        .shows("--probe");
    open(&["--symptom", "x", "--kind", "stale", "--path", "p", "--ticket", "9999"]).exits(4);
    for verb in ["show", "capture", "verify", "resolve"] {
        host.run(["incident", verb, "inc-20260518-1"]).exits(2).shows("holdpoint incident list");
        host.run(["incident", verb, "../audit"]).exits(2).shows("is not an incident");
    }
    host.run(["incident", "list"]).exits(0).shows("no incident is recorded");
    let symptom = "login with s3cr3t-of-the-wiki fails";
    open(&[
        "--symptom",
        symptom,
        "--kind",
        "degraded",
        "--path",
        "login",
        "--probe",
        "echo s3cr3t-of-the-wiki",
    ])
    .exits(2)
    .shows("holds a secret");
    open(&["--symptom", symptom, "--kind", "degraded", "--path", "login", "--probe", "printenv WIKI_TOKEN"])
        .exits(0);
    let id = host.run(["incident", "list", "--json"]).exits(0).hides("s3cr3t").json()[0]["id"].clone();
    let id = id.as_str().unwrap();
    host.run(["incident", "capture", id]).exits(0).hides("s3cr3t");
    let file = host.read(&format!(".asd/workspace/incidents/{id}.json"));
    assert!(!file.contains("s3cr3t") && file.contains("login with *** fails"), "{file}");
    host.write(&format!(".asd/workspace/incidents/{id}.json"), "{");
    host.run(["incident", "show", id]).exits(9);
}
