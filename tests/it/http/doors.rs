//! Where it listens, under which name, over what; and who made which token.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use serde_json::json;

use crate::support::{Host, lacks, wait_until};

use super::server::Server;

#[test]
fn it_does_not_listen_plainly_where_others_can_hear() {
    let host = Host::new();
    host.run(["serve", "--listen", "0.0.0.0:0"]).exits(2).shows("without TLS").shows("--tls-cert");
    host.run(["serve", "--tls-cert", "x.pem"]).exits(2);
    host.run(["serve", "--tls-cert", "x.pem", "--tls-key", "y.pem"]).exits(2).shows("x.pem");
    let server = Server::of(&host);
    let taken = server.url.trim_start_matches("http://").to_owned();
    host.run(["serve", "--listen", &taken]).exits(1).shows("cannot be listened on").shows("ss -ltnp");
}

#[test]
fn a_name_that_is_not_ours_is_not_answered() {
    let host = Host::new();
    let server = Server::with(&host, &["--name", "ops.example.org"]);
    let vic = server.token("vic", "viewer");
    vic.header("host", "evil.example").get("/api/doctor").refuses(421, "host-not-allowed");
    vic.header("host", "ops.example.org").get("/api/doctor").is(200);
}

/// A server with a certificate that is made for it.
fn over_tls(host: &Host) -> Server<'_> {
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
    let (cert, key) = (cert.display().to_string(), key.display().to_string());
    Server::with(host, &["--tls-cert", &cert, "--tls-key", &key])
}

#[test]
fn it_speaks_tls_with_a_certificate_of_its_own() {
    if lacks(&["openssl", "curl"]) {
        return;
    }
    let host = Host::new();
    let cert = host.root().join("cert.pem");
    let server = over_tls(&host);
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

/// Whoever is slow at it, or never says anything, is waited for beside all others, and not for long.
#[test]
fn a_handshake_that_does_not_end_keeps_nobody_waiting() {
    if lacks(&["openssl", "curl"]) {
        return;
    }
    let host = Host::new();
    let server = over_tls(&host);
    let at = server.url.trim_start_matches("https://").to_owned();
    let mut silent: Vec<TcpStream> = (0..4).map(|_| TcpStream::connect(&at).unwrap()).collect();
    TcpStream::connect(&at).unwrap().write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    for _ in 0..2 {
        let curl = Command::new("curl")
            .args(["-sSf", "--noproxy", "*", "--max-time", "8", "--cacert"])
            .arg(host.root().join("cert.pem"))
            .arg(format!("{}/health", server.url))
            .output()
            .unwrap();
        assert!(curl.status.success(), "{curl:?}");
    }
    for stream in &mut silent {
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        assert_eq!(stream.read(&mut [0; 64]).unwrap(), 0, "nobody is waited for without end");
    }
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
fn whoever_sends_forms_from_elsewhere_waits_too_and_fills_no_disk() {
    let host = Host::new();
    let server = Server::of(&host);
    let vic = server.token("vic", "viewer");
    let stranger = server.stranger().header("origin", "http://evil.example");
    let answers: Vec<u16> = (0..45).map(|_| stranger.form("/sign-in", "token=x").status).collect();
    let mut more = Vec::new();
    // One a second is let through again.
    while more.len() < 1_000 && more.last() != Some(&429) {
        more.push(vic.post("/api/releases/1234/run", &json!({})).status);
    }
    assert_eq!((answers[0], more.last()), (403, Some(&429)), "{answers:?} {more:?}");
    let log = host.read(".asd/workspace/access/requests.log");
    let turned_away = answers.iter().chain(&more).filter(|status| **status == 403).count();
    assert_eq!(log.lines().filter(|line| line.contains("event=request")).count(), turned_away);
    vic.get("/api/doctor").is(200);
}

/// What a probe names is run as the user of the server: who could name one could make themselves an admin.
#[test]
fn only_an_admin_has_a_program_of_their_own_choosing_run() {
    let host = Host::new();
    let server = Server::of(&host);
    let mark = host.root().join("was-here");
    let probe = format!("touch {}", mark.display());
    let opening = json!({ "symptom": "x", "kind": "total", "path": "wiki", "probe": probe });
    let alice = server.token("alice", "operator");
    alice.post("/api/incidents", &opening).refuses(403, "forbidden");
    let cookie = server.stranger().header("origin", &server.url).signs_in(alice.value());
    let browser = server.stranger().header("cookie", &cookie).header("origin", &server.url);
    let page = browser.get("/incidents").is(200).text;
    assert!(page.contains("name=\"symptom\"") && !page.contains("name=\"probe\""), "{page}");
    let csrf = page.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let form =
        format!("csrf={csrf}&symptom=x&kind=total&path=wiki&ticket=&probe={}", probe.replace(' ', "+"));
    browser.form("/incidents", &form).is(403);
    assert_eq!(alice.get("/api/incidents").is(200).json(), json!([]), "and nothing was opened");
    assert!(!mark.exists());
    let root = server.token("root", "admin");
    root.post("/api/incidents", &opening).is(200);
    let known = alice.get("/api/incidents").is(200).json();
    let id = known[0]["id"].as_str().unwrap();
    alice.post(&format!("/api/incidents/{id}/capture"), &json!({})).is(200);
    assert!(mark.exists());
}

/// One alone may not have all of the connections that a process can hold, by saying nothing on them.
#[test]
fn a_crowd_that_says_nothing_leaves_room_for_others() {
    if lacks(&["curl"]) {
        return;
    }
    let host = Host::new();
    let server = Server::of_few_files(&host, 128);
    let at = server.url.trim_start_matches("http://").to_owned();
    let silent: Vec<TcpStream> = (0..150).filter_map(|_| TcpStream::connect(&at).ok()).collect();
    let ask = || {
        let mut curl = Command::new("curl");
        curl.args([
            "-sS",
            "--noproxy",
            "*",
            "--interface",
            "127.0.0.2",
            "--max-time",
            "60",
            "-o",
            "/dev/null",
        ]);
        curl.args(["-w", "%{http_code}", &format!("{}/health", server.url)]).output().unwrap()
    };
    let other = ask();
    assert_eq!(String::from_utf8_lossy(&other.stdout), "200", "{other:?}");
    drop(silent);
    wait_until("the crowd's places are free", || {
        std::panic::catch_unwind(|| server.stranger().get("/health").status).is_ok_and(|status| status == 200)
    });
}

/// It would be spoken to without any of the limits that are set on the one that we speak.
#[test]
fn another_version_of_the_protocol_is_not_spoken() {
    let host = Host::new();
    let server = Server::of(&host);
    let mut stream = TcpStream::connect(server.url.trim_start_matches("http://")).unwrap();
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").unwrap();
    let mut said = Vec::new();
    let _ = stream.read_to_end(&mut said);
    assert!(said.is_empty() || said.starts_with(b"HTTP/1.1 400"), "{said:?}");
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
    let config = host.root().join("curl");
    std::fs::write(&config, "the good one").unwrap();
    let file = config.to_str().unwrap();
    host.run(["token", "create", "alice", "--role", "viewer", "--curl-config", file]).exits(2);
    assert_eq!(std::fs::read_to_string(&config).unwrap(), "the good one", "nothing takes its place");
    let nowhere = host.root().join("no/such/curl");
    host.run(["token", "create", "bob", "--role", "viewer", "--curl-config", nowhere.to_str().unwrap()])
        .exits(2)
        .shows("mkdir -p");
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
