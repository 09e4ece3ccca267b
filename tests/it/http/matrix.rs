//! P14: no request without a valid role does anything. Every route with every role, and with none.

use serde_json::json;

use holdpoint::http::{Method, Need, matrix};
use holdpoint::model::access::Role;

use crate::support::Host;
use crate::support::tally::Tally;

use super::server::{Asker, Server};

/// A path whose names lead nowhere.
fn filled(path: &str) -> String {
    path.replace("{id}", "404@1")
        .replace("{ticket}", "404")
        .replace("{service}", "nowhere")
        .replace("{verb}", "close")
        .replace("{seq}", "1")
        .replace("{plan_id}", "plan-404")
        .replace("{stage}", "canary")
        .replace("{host}", "nowhere")
}

/// A body that no route takes: whoever may ask is told so, and nothing is done.
fn asks(asker: &Asker, method: Method, path: &str) -> u16 {
    asker.ask(method.word(), &filled(path), &json!({ "no such field": 1 })).status
}

#[test]
fn every_route_with_every_role() {
    let host = Host::new();
    let server = Server::of(&host);
    let roles: Vec<(Role, Asker)> =
        Role::ALL.into_iter().map(|role| (role, server.token(role.word(), role.word()))).collect();
    let revoked = server.token("gone", "admin");
    host.run(["token", "revoke", "gone"]).exits(0);
    let mut tally = Tally::new("P14", "a route and a role");
    for (method, path, need) in matrix() {
        let name = |who: &str| format!("{} {path} by {who}", method.word());
        for (who, asker) in [("nobody", &server.stranger()), ("a revoked token", &revoked)] {
            tally.case(&name(who), || {
                let status = asks(asker, method, path);
                match (need, method) {
                    // A form from elsewhere is turned away, too, and in the end like them.
                    (Need::Nobody, Method::Post) => assert_ne!(status, 401),
                    (Need::Nobody, _) => assert!(!matches!(status, 401 | 429), "answered {status}"),
                    _ => assert!(matches!(status, 401 | 429), "answered {status}"),
                }
            });
        }
        for (role, asker) in &roles {
            tally.case(&name(role.word()), || {
                let status = asks(asker, method, path);
                let may = match need {
                    Need::Nobody | Need::PublicRead => true,
                    Need::Role(wanted) => *role >= wanted,
                };
                // Whoever is turned away often enough is only told to wait.
                assert_eq!(!matches!(status, 401 | 403 | 429), may, "answered {status}");
                if may && method != Method::Get {
                    assert_eq!(status, 422, "a body that no route takes");
                }
            });
        }
    }
    tally.end();
    assert!(!host.workspace("releases").read_dir().is_ok_and(|all| all.count() > 0), "nothing was done");
}

#[test]
fn a_token_that_is_over_is_turned_away_at_once_and_so_is_one_that_never_was() {
    let host = Host::new();
    let server = Server::of(&host);
    let made = host.run(["token", "create", "short", "--role", "viewer", "--expires-in", "1s", "--json"]);
    let token = made.exits(0).json()["token"].as_str().unwrap().to_owned();
    let short = server.stranger().header("authorization", &format!("Bearer {token}"));
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    short.get("/api/deployments").refuses(401, "unauthenticated");
    for wrong in ["Bearer x", "Bearer", "Basic YTpi", "Bearer holdpoint_0000", ""] {
        let asker = server.stranger().header("authorization", wrong);
        asker.get("/api/deployments").refuses(401, "unauthenticated");
    }
    let tampered = format!("Bearer {}0", &token[..token.len() - 1]);
    server.stranger().header("authorization", &tampered).get("/api/doctor").refuses(401, "unauthenticated");
}
