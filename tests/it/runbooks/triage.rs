//! Something is wrong in production: the symptom, the surfaces, the comparison, the narrowest way, the guardrail, and the same
//! again. Not walked: the lines that ask the server; `incident capture` asks the host's own surfaces for the same.

use super::{guarded, open_incident, version};

#[test]
fn an_issue_is_read_before_anything_is_changed_and_resolved_only_when_its_path_works() {
    let host = guarded();
    host.run(["adopt", "--reason", "first"]).exits(0);
    host.service("wikijs", "stop").exits(0);

    // 1. The symptom in a person's words, before anything else.
    let probe = format!("test -e {}/run/wikijs/pid", host.root().display());
    host.run([
        "incident",
        "open",
        "--symptom",
        "pages do not load",
        "--kind",
        "total",
        "--path",
        "read a page",
    ])
    .exits(0);
    let without = open_incident(&host);
    host.run(
        ["incident", "open", "--symptom", "pages do not load", "--kind", "total", "--path", "read a page"]
            .iter()
            .copied()
            .chain(["--probe", probe.as_str()]),
    )
    .exits(0);
    let id = open_incident(&host);
    assert_ne!(id, without);

    // 2. Health and readiness, kept apart. 3. What runs against what is meant to.
    host.run(["status", "--json"]).exits(0);
    host.run(["incident", "capture", &id])
        .exits(0)
        .shows("broad-outage")
        .shows("✗ front")
        .shows("holdpoint check --guard");
    host.run(["drift", "--check"]).exits(6).shows("service-down");

    // 4. The narrowest runbook: a known failure, where one fits.
    host.run(["playbook", "list"]).exits(0).shows("release-unhealthy").shows("release-verify-race");

    // 5. Only then something guarded. A guardrail that says no is the end of it.
    std::fs::remove_file(host.root().join("guard")).unwrap();
    host.run(["check", "--guard"]).fails();
    let v = version(&host, "baseline");
    host.run(["redeploy", "--all", "--yes", "--if-version", &v]).exits(4).shows("guard-failed");
    std::fs::write(host.root().join("guard"), "").unwrap();
    host.run(["check", "--guard"]).exits(0);
    host.run(["incident", "resolve", &id, "--reason", "deployed again"]).exits(4).shows("incident-unproven");
    let v = version(&host, "baseline");
    host.run(["redeploy", "--all", "--yes", "--if-version", &v, "--reason", "pages do not load"]).exits(0);

    // 6. The same sequence again, and the path that failed.
    host.run(["incident", "verify", &id]).exits(0).shows("not-reproduced");
    host.run(["drift", "--check"]).exits(0);
    host.run(["incident", "resolve", &id, "--reason", "deployed again"]).exits(0).shows("resolved");
    let view = host.run(["incident", "show", &id, "--json"]).exits(0).json();
    assert!(view["conditions"].as_array().unwrap().iter().all(|one| one["holds"] == true), "{view}");
    // The one that nobody captured before the recovery is not resolved by it.
    host.run(["incident", "verify", &without]).exits(0);
    host.run(["incident", "resolve", &without, "--path-works", "--reason", "the same"])
        .exits(4)
        .shows("2 of 6");
}
