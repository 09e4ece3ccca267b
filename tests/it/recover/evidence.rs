//! Evidence: kept by itself when a step fails and by a person's word, whole, redacted, never written over.

use std::path::PathBuf;

use serde_json::Value;

use crate::support::{Host, Scene, Service, manifest};

/// A host on which the script of 1234 fails and says a secret, and whose log says it, too.
fn failed() -> Host {
    let host = Scene::new()
        .service(Service::new("wikijs"))
        .config("[[surface]]\nname = \"front\"\nurl = \"http://127.0.0.1:9/\"\nkind = \"security\"\ndeadline = \"1s\"")
        .build();
    host.write(".git/info/exclude", "/.asd/workspace/\n/.env\n");
    host.write(".env", "WIKI_TOKEN=s3cr3t-of-the-wiki\n");
    host.types_at(host.root(), "echo 'login s3cr3t-of-the-wiki' >> run/wikijs/log").exits(0);
    host.script("1234", "theme", "echo \"$WIKI_TOKEN\" >&2\nexit 3");
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(1).shows("evidence ");
    host
}

/// The bundles of an attempt, oldest first.
fn bundles(host: &Host, attempt: &str) -> Vec<PathBuf> {
    let folder = host.workspace(&format!("releases/{attempt}/evidence"));
    let mut found: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}

fn read(folder: &std::path::Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(folder.join("evidence.json")).unwrap()).unwrap()
}

#[test]
fn a_failure_keeps_all_there_is_to_see_and_no_secret() {
    let host = failed();
    let kept = bundles(&host, "1234/1");
    assert_eq!(kept.len(), 1);
    let bundle = read(&kept[0]);
    assert_eq!(bundle["schemaVersion"], "holdpoint.evidence/v1");
    assert_eq!((bundle["trigger"].as_str(), bundle["phase"].as_str()), (Some("failure"), Some("ticket")));
    assert_eq!(bundle["failures"][0]["step"], "1234-theme.sh");
    assert_eq!(bundle["failures"][0]["rc"], 3);
    assert_eq!(bundle["git"]["head"].as_str().unwrap(), host.head());
    assert_eq!(bundle["posture"][0]["image"], "wikijs:2");
    assert_eq!(bundle["drift"]["rows"][0]["code"], "head-unproven");
    assert_eq!(
        (bundle["surfaces"][0]["status"].as_u64(), bundle["surfaces"][0]["kind"].as_str()),
        (Some(0), Some("security"))
    );
    assert_eq!(bundle["boundary"]["verifyInPlace"], true, "{}", bundle["boundary"]);
    assert_eq!(bundle["boundary"]["services"][0]["side"], "new");
    assert!(bundle["hashes"]["releases/1234-theme.sh"].is_string(), "{}", bundle["hashes"]);
    let log = bundle["logs"]["wikijs"]["lines"].to_string();
    assert!(log.contains("login ***"), "{log}");
    for file in ["evidence.json", "SHA256SUMS"] {
        let text = std::fs::read_to_string(kept[0].join(file)).unwrap();
        assert!(!text.contains("s3cr3t"), "{text}");
    }
    host.types_at(&kept[0], "sha256sum -c SHA256SUMS").exits(0);
}

#[test]
fn another_capture_is_another_bundle_and_the_first_stays_as_it_is() {
    let host = failed();
    let folder = bundles(&host, "1234/1").remove(0);
    let before = manifest(&folder);
    for _ in 0..2 {
        host.run([
            "evidence",
            "capture",
            "1234",
            "--symptom",
            "the page is grey",
            "--reason",
            "for the owner",
        ])
        .exits(0)
        .shows("1234@1/");
    }
    assert_eq!(bundles(&host, "1234/1").len(), 3);
    assert_eq!(manifest(&folder), before);
    let record = host.record("1234", "event=captured");
    assert!(record.contains("evidence=20") && record.contains("for the owner"), "{record}");
    assert_eq!(host.state("1234", "STATUS"), "failed");
    let rows = host.run(["evidence", "list", "1234", "--json"]).exits(0).json();
    let rows = rows.as_array().unwrap().clone();
    assert_eq!(rows.len(), 3);
    assert_eq!(
        (rows[0]["trigger"].as_str(), rows[2]["trigger"].as_str()),
        (Some("failure"), Some("capture"))
    );
    assert_eq!(rows[2]["symptom"], "the page is grey");
    host.run(["evidence", "list", "1234"]).exits(0).shows("the page is grey").hides("\u{1b}");
}

#[test]
fn what_changed_between_two_bundles_is_told_row_by_row() {
    let host = failed();
    host.run(["evidence", "capture", "1234@1"]).exits(0);
    host.service("wikijs", "stop").exits(0);
    host.run(["evidence", "capture", "1234@1"]).exits(0);
    let rows = host.run(["evidence", "list", "1234", "--json"]).exits(0).json();
    let names: Vec<&str> = rows.as_array().unwrap().iter().filter_map(|row| row["name"].as_str()).collect();
    let [_, up, down] = names[..] else { panic!("{names:?}") };
    host.run(["evidence", "show", up])
        .exits(0)
        .shows(up)
        .shows("schemaVersion  holdpoint.evidence/v1")
        .shows("posture\n")
        .hides("\u{1b}");
    let shown = host.run(["evidence", "show", up, "--json"]).exits(0).json();
    assert_eq!(shown["bundle"]["attempt"], "1234@1", "{shown}");
    host.run(["evidence", "show", "1234@1/20200101_000000"]).exits(2).shows("holdpoint evidence list 1234");
    host.run(["evidence", "compare", up, up]).exits(0).shows("nothing differs");
    host.run(["evidence", "compare", up, down])
        .exits(6)
        .shows("posture[wikijs].run")
        .shows("- running")
        .shows("+ stopped")
        .shows("drift.rows[service-down wikijs]");
    let diff = host.run(["evidence", "compare", up, down, "--json"]).exits(6).json();
    assert_eq!((diff["before"].as_str(), diff["after"].as_str()), (Some(up), Some(down)));
}

#[test]
fn the_host_as_a_whole_has_evidence_too() {
    let host = Host::new();
    host.run(["evidence", "capture", "--host", "--symptom", "slow since ten", "--dry-run"])
        .exits(0)
        .shows("slow since ten");
    host.run(["evidence", "list", "--host"]).exits(0).shows("no evidence is kept");
    host.run(["evidence", "capture", "--host", "--symptom", "slow since ten"]).exits(0).shows("host/20");
    host.run(["evidence", "list", "--host"]).exits(0).shows("slow since ten");
    assert!(host.read(".asd/workspace/audit.log").contains("event=captured"));
}

#[test]
fn what_is_not_there_is_refused_and_what_was_changed_is_damage() {
    let host = failed();
    host.run(["evidence", "capture"]).exits(2).shows("--host");
    host.run(["evidence", "capture", "1234", "--host"]).exits(2);
    host.run(["evidence", "capture", "9999"]).exits(4).shows("has no release");
    host.run(["evidence", "capture", "1234@9"]).exits(2).shows("is not on record");
    host.run(["evidence", "capture", "audit"]).exits(2).shows("--host");
    host.run(["evidence", "capture", "../x"]).exits(2);
    host.run(["evidence", "list", "9999"]).exits(4);
    host.run(["evidence", "compare", "1234", "1234@1/x"]).exits(2);
    host.run(["evidence", "compare", "1234@1/20200101_000000", "host/20200101_000000"])
        .exits(2)
        .shows("holdpoint evidence list 1234");
    let bundle = bundles(&host, "1234/1").remove(0).join("evidence.json");
    let text = std::fs::read_to_string(&bundle).unwrap().replace("ticket", "verify");
    std::fs::write(&bundle, text).unwrap();
    host.run(["evidence", "list", "1234"]).exits(9).shows("is damaged");
    let rows = host.run(["evidence", "list", "1234", "--json"]).exits(9).json();
    let name = rows[0]["name"].as_str().unwrap().to_owned();
    host.run(["evidence", "compare", &name, &name]).exits(9).shows("SHA256SUMS");
}

#[test]
fn nobody_captures_while_a_run_holds_the_host() {
    let host = Host::new();
    host.script("1234", "slow", "touch ../began\nsleep 30");
    host.ships("1234", "wikijs", "2");
    let run = host.start(["run", "1234"]);
    crate::support::wait_until("the script began", || host.root().join("began").exists());
    host.run(["evidence", "capture", "1234"]).exits(3).shows("this host is held");
    host.run(["drift"]).exits(0).shows("a run on 1234 is at work here");
    run.interrupt();
    run.wait().exits(130);
}
