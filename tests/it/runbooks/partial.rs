//! Recovering from a deployment that completed only partially: boundary, posture, comparison, the narrowest option, posture
//! again. Not walked: the line that asks the server for its services (`status` reads the same here).

use crate::support::{Host, Scene, Service, Trouble};

use super::{readiness, recommended, version};

/// Two services; 1201 succeeded, and 1234 stopped half-way: `wikijs` does not start from its new image.
fn stopped() -> Host {
    let host = Scene::new().service(Service::new("wikijs")).service(Service::new("redmine")).build();
    host.ships("1201", "redmine", "2");
    host.run(["run", "1201"]).exits(0);
    host.bump("1234", "redmine", "3");
    host.trouble("wikijs", Trouble::StartFails, Some("wikijs:2"));
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(1).shows("release-run failed in phase migrate");
    host
}

#[test]
fn a_partial_deployment_is_bounded_compared_repaired_and_trusted_again() {
    let host = stopped();

    // 1. The boundary: which stage completed, which stopped, whether it is safe to verify in place.
    let view = host.run(["diagnose", "1234", "--json"]).exits(0).json();
    assert_eq!(view["boundary"]["phasesDone"], serde_json::json!(["prepare"]), "{}", view["boundary"]);
    assert_eq!(view["boundary"]["phase"], "migrate");
    assert!(view["boundary"]["step"].as_str().unwrap().starts_with("wikijs."), "{}", view["boundary"]);
    assert_eq!(view["boundary"]["verifyInPlace"], false, "{}", view["boundary"]);
    host.run(["diagnose", "1234"])
        .exits(0)
        .shows("not safe to verify in place")
        .shows("this host is untrusted");

    // 2. The posture of the services.
    let status = host.run(["status", "--json"]).exits(0).json();
    assert_eq!(status["services"].as_array().unwrap().len(), 2);
    host.run(["status"]).exits(0).shows("wikijs").shows("redmine").shows("1234");

    // 3. Running against intended.
    host.run(["drift", "--check"]).exits(6).shows("head-unproven").shows("service-down");

    // 4. The narrowest option. Nothing else goes over it: later stages would hide it.
    host.ships("1240", "redmine", "4");
    host.run(["run", "1240"]).exits(4).shows("release-unfinished").shows("holdpoint run 1234 --from=migrate");
    let ways = readiness(&host, "1234");
    for verb in ["resume", "retry", "redeploy", "revert", "rollback"] {
        assert_eq!(ways[verb]["allowed"], true, "{verb}: {}", ways[verb]);
    }
    let (_, command) = recommended(&host, "1234");
    // The cause is mended outside; then exactly what was named.
    host.repair("wikijs");
    assert!(
        command.starts_with("holdpoint run 1234 --from=migrate") || command.starts_with("less "),
        "{command}"
    );
    host.run(["run", "1234", "--from=migrate"]).exits(0);

    // 5. The full posture again.
    host.run(["drift", "--check"]).exits(0).shows("what runs is what is meant to run");
    host.run(["status"]).exits(0).hides("untrusted");
    host.run(["diagnose", "1234"]).exits(0).shows("it has not failed");
}

#[test]
fn the_owner_may_approve_a_redeploy_of_the_stack_instead() {
    let host = stopped();
    host.repair("wikijs");
    // The stack as a whole belongs to what succeeded last; what stands in the middle goes first.
    let version_of_stack = version(&host, "1201");
    host.run(["redeploy", "--all", "--yes", "--if-version", &version_of_stack])
        .exits(4)
        .shows("release-unfinished");
    let version = version(&host, "1234");
    host.run(["redeploy", "1234", "--yes", "--if-version", &version, "--reason", "the safer path"])
        .exits(0)
        .shows("1234@2");
    host.run(["drift", "--check"]).exits(0);
    let version = super::version(&host, "1234");
    host.run(["redeploy", "--all", "--yes", "--if-version", &version]).exits(0);
    host.run(["drift", "--check"]).exits(0);
}
