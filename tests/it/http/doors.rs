//! Where it listens, under which name, over what; and who made which token.

use std::process::Command;

use serde_json::json;

use crate::support::{Host, lacks};

use super::server::Server;

#[test]
fn it_does_not_listen_plainly_where_others_can_hear() {
    let host = Host::new();
    host.run(["serve", "--listen", "0.0.0.0:0"]).exits(2).shows("without TLS").shows("--tls-cert");
    host.run(["serve", "--tls-cert", "x.pem"]).exits(2);
    host.run(["serve", "--tls-cert", "x.pem", "--tls-key", "y.pem"]).exits(2).shows("x.pem");
    let server = Server::of(&host);
    let taken = server.url.trim_start_matches("http://").to_owned();
    host.run(["serve", "--listen", &taken]).exits(1).shows("cannot be listened on");
}

#[test]
fn a_name_that_is_not_ours_is_not_answered() {
    let host = Host::new();
    let server = Server::with(&host, &["--name", "ops.example.org"]);
    let vic = server.token("vic", "viewer");
    vic.header("host", "evil.example").get("/api/doctor").refuses(421, "host-not-allowed");
    vic.header("host", "ops.example.org").get("/api/doctor").is(200);
}

#[test]
fn it_speaks_tls_with_a_certificate_of_its_own() {
    if lacks(&["openssl", "curl"]) {
        return;
    }
    let host = Host::new();
    let (cert, key) = (host.root().join("cert.pem"), host.root().join("key.pem"));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"])
        .args(["-addext", "subjectAltName=IP:127.0.0.1", "-keyout"])
        .arg(&key)
        .arg("-out")
        .arg(&cert)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let (cert_word, key_word) = (cert.display().to_string(), key.display().to_string());
    let server = Server::with(&host, &["--tls-cert", &cert_word, "--tls-key", &key_word]);
    assert!(server.url.starts_with("https://"));
    let config = host.root().join("curl");
    host.run(["token", "create", "ci", "--role", "viewer", "--curl-config", config.to_str().unwrap()])
        .exits(0);
    let bits = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&config).unwrap().permissions());
    assert_eq!(bits & 0o777, 0o600, "nobody else reads it");
    let curl = Command::new("curl")
        .args(["-sSf", "--noproxy", "*", "--cacert"])
        .arg(&cert)
        .arg("-K")
        .arg(&config)
        .args(["-D", "-", &format!("{}/api/v1/platform/services", server.url)])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&curl.stdout);
    assert!(curl.status.success() && said.contains("strict-transport-security"), "{curl:?}");
    assert!(said.contains("\"service\":\"wikijs\""), "{said}");
}

#[test]
fn a_body_has_an_end_and_a_refusal_leaves_a_record() {
    let host = Host::new();
    let server = Server::of(&host);
    let alice = server.token("alice", "operator");
    let long = json!({ "reason": "x".repeat(2 << 20) });
    alice.post("/api/releases/1234/run", &long).refuses(413, "too-large");
    let vic = server.token("vic", "viewer");
    vic.post("/api/releases/1234/run", &json!({})).refuses(403, "forbidden");
    let asked = host.read(".asd/workspace/access/requests.log");
    assert!(asked.contains("operator=vic reason=forbidden"), "{asked}");
    assert!(!asked.contains("holdpoint_"), "no token is ever written: {asked}");
    let root = server.token("root", "admin");
    let newest = root.get("/api/requests?limit=3").is(200).json();
    assert_eq!(newest[0]["event"], "token", "{newest:#}");
}

#[test]
fn whoever_guesses_tokens_waits() {
    let host = Host::new();
    let server = Server::of(&host);
    let stranger = server.stranger().header("authorization", "Bearer holdpoint_guess");
    let answers: Vec<u16> = (0..90).map(|_| stranger.get("/api/deployments").status).collect();
    assert_eq!(answers[0], 401);
    assert_eq!(answers.last(), Some(&429), "{answers:?}");
    let log = host.read(".asd/workspace/access/requests.log");
    let turned_away = answers.iter().filter(|status| **status == 401).count();
    assert_eq!(
        log.lines().filter(|line| line.contains("event=request")).count(),
        turned_away,
        "a flood is not written"
    );
}

#[test]
fn tokens_are_made_listed_and_taken_back_once_each() {
    let host = Host::new();
    let made = host.run(["token", "create", "alice", "--role", "operator"]).exits(0).shows("holdpoint_");
    let value =
        made.stdout.split_whitespace().find(|word| word.starts_with("holdpoint_")).unwrap().to_owned();
    assert!(!host.read(".asd/workspace/access/tokens.json").contains(&value), "only what proves it is kept");
    host.run(["token", "create", "alice", "--role", "viewer"]).exits(2).shows("token revoke alice");
    host.run(["token", "create", "../x", "--role", "viewer"]).exits(2);
    host.run(["token", "create", "x", "--role", "king"]).exits(2).shows("viewer, operator or admin");
    host.run(["token", "list"]).exits(0).shows("alice").shows("good").hides(&value);
    host.run(["token", "revoke", "alice"]).exits(0);
    host.run(["token", "revoke", "alice"]).exits(2);
    host.run(["token", "list", "--json"]).exits(0).shows("revoked");
    host.write(".asd/workspace/access/tokens.json", "{");
    host.run(["token", "list"]).exits(9).shows("damaged");
}

#[test]
fn the_unit_serves_with_the_options_that_were_typed() {
    let host = Host::new();
    let unit = host.run(["serve", "--print-unit", "--listen", "127.0.0.1:7171", "--name", "ops.example.org"]);
    let unit = unit.exits(0).shows("KillMode=process").shows("--listen=127.0.0.1:7171");
    if lacks(&["systemd-analyze"]) {
        return;
    }
    let file = host.root().join("holdpoint.service");
    std::fs::write(&file, &unit.stdout).unwrap();
    let seen = Command::new("systemd-analyze").arg("verify").arg(&file).output().unwrap();
    assert!(seen.status.success(), "{seen:?}");
}
