//! The moments in which a server is asked at the wrong time: while a checkout is being replaced, and when whoever asked has
//! gone away since.

use std::io::Write;
use std::net::TcpStream;

use crate::support::{Host, begun, let_go, wait_until, waiting};

use super::server::Server;

const TOML: &str = ".asd/release.toml";

/// What `git` does to a file that it replaces: it is gone, and then there again.
#[test]
fn a_configuration_that_is_being_replaced_is_waited_for() {
    let host = waiting();
    let running = begun(&host);
    let server = Server::of(&host);
    let vic = server.token("vic", "viewer");
    let page = vic.header("accept", "text/html");
    page.get("/releases/1234@1").is(200);
    for half in [false, true] {
        let text = host.read(TOML);
        std::fs::remove_file(host.prod().join(TOML)).unwrap();
        if half {
            std::fs::write(host.prod().join(TOML), &text[..text.len() / 2]).unwrap();
        }
        std::thread::scope(|scope| {
            let shown = scope.spawn(|| page.get("/releases/1234@1"));
            let answered = scope.spawn(|| vic.get("/api/deployments/1234@1"));
            let typed = scope.spawn(|| host.run(["state", "1234"]));
            // Long enough for each of them to find it so.
            std::thread::sleep(std::time::Duration::from_millis(600));
            std::fs::write(host.prod().join(TOML), &text).unwrap();
            assert!(shown.join().unwrap().is(200).text.contains("<h1>1234@1</h1>"));
            answered.join().unwrap().is(200);
            typed.join().unwrap().exits(0);
        });
    }
    let_go(&host, 0);
    running.wait().exits(0);
}

#[test]
fn a_browser_is_told_every_problem_as_a_page_and_a_program_as_a_document() {
    let host = Host::new();
    let server = Server::of(&host);
    let vic = server.token("vic", "viewer");
    let browser = vic.header("accept", "text/html,application/xhtml+xml,*/*;q=0.8");
    vic.get("/").is(200);
    let pages = |what: &str, reply: super::server::Reply| {
        assert_eq!(reply.kind, "text/html; charset=utf-8", "{what}: {reply:?}");
        assert!(reply.text.contains("<main id=\"main\"") && reply.status >= 400, "{what}: {reply:?}");
    };
    pages("no such page", browser.get("/nowhere"));
    pages("another method", browser.form("/releases", ""));
    pages("another name", browser.header("host", "evil.example").get("/"));
    browser.get("/api/nowhere").refuses(404, "not-found");
    vic.get("/nowhere").refuses(404, "not-found");
    let toml = host.prod().join(TOML);
    std::fs::rename(&toml, host.root().join("kept")).unwrap();
    pages("no configuration", browser.get("/"));
    let problem = vic.get("/api/deployments");
    assert_eq!(problem.kind, "application/problem+json", "{problem:?}");
    std::fs::rename(host.root().join("kept"), &toml).unwrap();
    browser.get("/").is(200);
}

#[test]
fn whoever_goes_away_has_asked_all_the_same() {
    let host = Host::new();
    host.ships("1234", "wikijs", "2");
    let server = Server::of(&host);
    let alice = server.token("alice", "operator");
    let body = r#"{"reason":"and gone"}"#;
    let mut socket = TcpStream::connect(server.url.trim_start_matches("http://")).unwrap();
    write!(
        socket,
        "POST /api/releases/1234/run HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\ncontent-length: {}\r\n\r\n{body}",
        alice.value(),
        body.len()
    )
    .unwrap();
    // It has been read, and nobody waits for the answer any more.
    wait_until("it begins", || host.workspace("releases/1234.env").exists());
    drop(socket);
    wait_until("it is recorded", || {
        host.read(".asd/workspace/access/requests.log").contains("path=/api/releases/1234/run")
    });
    wait_until("it succeeds", || host.state("1234", "STATUS") == "succeeded");
}
