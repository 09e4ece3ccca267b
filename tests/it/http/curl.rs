//! The runbooks' own lines: typed as they stand there with one header added they work, and without it nobody comes in.

use serde_json::{Value, json};

use crate::support::{Host, Output, Trouble, lacks, wait_until};

use super::server::Server;

/// Lines of the runbook for production issues, with the placeholder that stands in it.
const TRIAGE: [&str; 4] = [
    "curl -s <fabric-base-url>/health",
    "curl -s <fabric-base-url>/api/v1/platform/services",
    "curl -s <fabric-base-url>/api/v1/observability/readiness",
    "curl -s <fabric-base-url>/api/v1/security/readiness",
];

/// The header that is added to each line.
const HEADER: &str = r#"-H "Authorization: Bearer $HOLDPOINT_TOKEN""#;

/// Somebody at a shell, who has a token in the environment.
struct Shell<'a> {
    server: &'a Server<'a>,
    token: String,
}

impl Shell<'_> {
    /// Types a line, and answers with what it printed.
    fn types(&self, line: &str) -> Value {
        let line = line.replace("<fabric-base-url>", &self.server.url);
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", &line]).env("HOLDPOINT_TOKEN", &self.token).env("no_proxy", "*");
        let said = Output::of(shell).exits(0);
        serde_json::from_str(&said.stdout).unwrap_or_else(|error| panic!("{error}\n{said}"))
    }

    /// Types it with the header, and makes sure that without it nobody comes in.
    fn works(&self, line: &str) -> Value {
        let refused = self.types(line);
        assert_eq!(
            (&refused["status"], &refused["code"]),
            (&json!(401), &json!("unauthenticated")),
            "{line}"
        );
        self.types(&format!("{line} {HEADER}"))
    }
}

fn shell<'a>(server: &'a Server<'a>, role: &str) -> Shell<'a> {
    Shell { server, token: server.token(role, role).value().to_owned() }
}

#[test]
fn the_lines_for_production_issues_work_with_one_header_added() {
    if lacks(&["curl"]) {
        return;
    }
    let host = Host::new();
    let server = Server::of(&host);
    let vic = shell(&server, "viewer");
    let [health, surfaces @ ..] = TRIAGE;
    assert_eq!(vic.types(health), json!({ "status": "ok" }), "it alone needs no token");
    assert_eq!(vic.types(&format!("{health} {HEADER}")), json!({ "status": "ok" }));
    let [services, observability, security] = surfaces.map(|line| vic.works(line));
    assert_eq!(services["services"][0]["service"], "wikijs", "{services:#}");
    for surface in [observability, security] {
        assert!(surface["ready"].is_boolean(), "{surface:#}");
    }
}

/// The addresses of the runbook for deployment recovery, `POST` in front of each, as it says to call them.
#[test]
fn the_addresses_for_deployment_recovery_work_with_one_header_added() {
    if lacks(&["curl"]) {
        return;
    }
    let host = Host::new();
    host.ships("1201", "wikijs", "2");
    host.run(["run", "1201"]).exits(0);
    host.ships("1202", "wikijs", "3");
    host.trouble("wikijs", Trouble::StartFails, None);
    host.run(["run", "1202"]).exits(1);
    host.repair("wikijs");
    let server = Server::of(&host);
    let (alice, root) = (shell(&server, "operator"), shell(&server, "admin"));
    let post = |path: &str, version: Option<&str>, body: &Value| {
        let version = version.map_or(String::new(), |version| format!("-H 'If-Match: {version}' "));
        format!("curl -s -X POST <fabric-base-url>{path} {version}-d '{body}'")
    };
    let version = |id: &str| {
        let read = format!("curl -s <fabric-base-url>/api/deployments/{id}/recovery-readiness");
        alice.works(&read)["stateVersion"].as_str().unwrap().to_owned()
    };
    let blind = alice.works(&post("/api/deployments/1202@1/retry", None, &json!({})));
    assert_eq!((&blind["status"], &blind["code"]), (&json!(428), &json!("readiness-unread")), "{blind:#}");
    let freed = json!({ "acceptUntrusted": true, "reason": "the port was freed" });
    let retried = post("/api/deployments/1202@1/retry", Some(&version("1202@1")), &freed);
    assert_eq!(alice.works(&retried)["deploymentId"], "1202@2");
    wait_until("it succeeds", || host.state("1202", "STATUS") == "succeeded");
    wait_until("it is over", || !host.run(["state", "1202"]).stdout.contains("is at work"));
    let canceled =
        alice.works(&post("/api/deployments/1202@2/cancel", None, &json!({ "confirm": "1202@2" })));
    assert_eq!(canceled["status"], 409, "it has ended: {canceled:#}");
    let back = post(
        "/api/deployments/1202@2/rollback",
        Some(&version("1202@2")),
        &json!({ "candidate": "1201@1", "acceptUntrusted": true, "reason": "as it was" }),
    );
    let back = alice.works(&back);
    assert_eq!(back["deploymentId"], "1202@3", "{back:#}");
    wait_until("it is back", || {
        host.state("1202", "STATUS") == "succeeded" && host.state("1202", "ATTEMPT") == "3"
    });
    let anew = post(
        "/api/resources/wikijs/redeploy",
        Some(&version("1202@3")),
        &json!({ "acceptUntrusted": true, "reason": "once more" }),
    );
    let anew = alice.works(&anew);
    assert!(anew["deploymentId"].is_string() || anew["status"] == 409, "{anew:#}");
    let archived =
        alice.works(&post("/api/deployments/1202@1/archive", None, &json!({ "confirm": "1202@1" })));
    assert_eq!(archived["ending"], "ok", "{archived:#}");
    let pruned = root.works(&post("/api/deployments/prune", None, &json!({ "before": "2999-01-01" })));
    assert_eq!(pruned["answer"]["dryRun"], true, "{pruned:#}");
}
