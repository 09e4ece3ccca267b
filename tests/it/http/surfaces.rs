//! What whoever is on call reads first: is it well, what runs, is it ready, is it safe.

use std::path::Path;

use serde_json::json;

use holdpoint::http::{Method, matrix};

use crate::support::{Host, Scene, Service, Trouble, wait_until};

use super::server::Server;

#[test]
fn health_is_one_word_for_anybody() {
    let host = Host::new();
    let server = Server::of(&host);
    assert_eq!(server.stranger().get("/health").is(200).json(), json!({ "status": "ok" }));
    host.service("wikijs", "stop").exits(0);
    std::thread::sleep(std::time::Duration::from_millis(2_100));
    let down = server.stranger().get("/health");
    assert_eq!((down.status, down.json()), (503, json!({ "status": "down" })));
}

#[test]
fn the_surfaces_say_more_to_those_who_may_know_more() {
    let host = Host::new();
    let paths =
        ["/api/v1/platform/services", "/api/v1/observability/readiness", "/api/v1/security/readiness"];
    {
        let closed = Server::of(&host);
        for path in paths {
            closed.stranger().get(path).refuses(401, "unauthenticated");
        }
    }
    let server = Server::with(&host, &["--public-read"]);
    let vic = server.token("vic", "viewer");
    for path in paths {
        let coarse = server.stranger().get(path).is(200).text;
        let whole = vic.get(path).is(200).text;
        assert!(!coarse.contains("wikijs") && coarse.len() < whole.len(), "{coarse}");
    }
    assert_eq!(
        server.stranger().get("/api/v1/platform/services").json(),
        json!({ "services": 1, "well": 1 })
    );
    server.stranger().get("/api/deployments").refuses(401, "unauthenticated");
}

#[test]
fn what_is_unsafe_is_named() {
    let host = Host::new();
    let server = Server::of(&host);
    let vic = server.token("vic", "viewer");
    let safe = vic.get("/api/v1/security/readiness").is(200).json();
    assert_eq!(safe["ready"], true, "{safe:#}");
    let open = host.workspace("");
    std::fs::set_permissions(&open, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    let unsafe_now = vic.get("/api/v1/security/readiness").is(200).json();
    assert_eq!(unsafe_now["ready"], false, "{unsafe_now:#}");
    std::fs::set_permissions(&open, std::os::unix::fs::PermissionsExt::from_mode(0o750)).unwrap();
}

#[test]
fn every_route_that_looks_answers_on_a_host_with_a_failure() {
    let guarded = "[guard]\ncommand = [\"true\"]";
    let host = Scene::new().service(Service::new("wikijs")).config(guarded).build();
    host.ships("1201", "wikijs", "2");
    host.run(["run", "1201"]).exits(0);
    host.ships("1202", "wikijs", "3");
    host.trouble("wikijs", Trouble::StartFails, None);
    host.run(["run", "1202"]).exits(1);
    let server = Server::of(&host);
    let root = server.token("root", "admin");
    let opened = json!({ "symptom": "nobody can log in", "kind": "total", "path": "login" });
    let incident = root.post("/api/incidents", &opened).is(200).json();
    let id = incident["answer"]["incident"]["id"].as_str().unwrap().to_owned();
    let bundle =
        root.get("/api/deployments/1202@1/evidence").is(200).json()[0]["name"].as_str().unwrap().to_owned();
    let records = root.get("/api/deployments/1202@1/timeline").is(200).json();
    let is_step = |event: &&serde_json::Value| event["event"] == "step-start";
    let step = records["events"].as_array().unwrap().iter().rfind(is_step).unwrap();
    let seq = step["seq"].to_string();
    // This host drives no fleet: `rollouts` asks for those.
    let is_of_hosts = |path: &str| !path.starts_with("/v1/") && !path.starts_with("/rollouts");
    let looks = matrix().into_iter().filter(|(method, path, _)| *method == Method::Get && is_of_hosts(path));
    for (_, path, _) in looks {
        let path = match path {
            "/api/incidents/{id}" | "/incidents/{id}" => path.replace("{id}", &id),
            "/api/playbooks/{id}" | "/playbooks/{id}" | "/playbooks/{id}/run" => {
                path.replace("{id}", "release-verify-race")
            }
            "/api/evidence/show" | "/evidence" => format!("{path}?bundle={bundle}"),
            "/api/evidence/compare" => format!("{path}?before={bundle}&after={bundle}"),
            "/api/diff" => format!("{path}?with=HEAD"),
            _ => path
                .replace("{id}", "1202@1")
                .replace("{ticket}", "1202")
                .replace("{service}", "wikijs")
                .replace("{verb}", "revert")
                .replace("{seq}", &seq),
        };
        let reply = root.get(&path);
        assert!(reply.status == 200 || path == "/health", "{path}: {reply:?}");
    }
    let conditions = root.get("/api/v1/signoff/readiness").is(200).json();
    assert_eq!(conditions["ready"], false, "{conditions:#}");
    let diagnosis = root.post("/api/releases/1202/diagnose", &json!({})).is(200).json();
    assert!(diagnosis["answer"]["judgement"].is_object(), "{diagnosis:#}");
}

#[test]
fn the_document_names_every_route_with_its_role() {
    let host = Host::new();
    let server = Server::of(&host);
    let document = server.token("vic", "viewer").get("/openapi.json").is(200).json();
    assert_eq!(document["openapi"], "3.1.0");
    let mut ids = std::collections::BTreeSet::new();
    let is_api = |path: &str| {
        path.starts_with("/api/")
            || path.starts_with("/v1/")
            || ["/health", "/metrics", "/openapi.json"].contains(&path)
    };
    for (method, path, _) in matrix().into_iter().filter(|(_, path, _)| is_api(path)) {
        let operation = &document["paths"][path][method.word().to_lowercase()];
        let id = operation["operationId"].as_str().unwrap_or_else(|| panic!("{path}: {operation}"));
        assert!(ids.insert(id.to_owned()), "{id} is the name of two");
        assert!(!operation["summary"].as_str().unwrap().is_empty());
    }
    let text = document.to_string();
    let mut names = text
        .match_indices("#/components/schemas/")
        .map(|(at, found)| text[at + found.len()..].split(['"', '/']).next().unwrap());
    assert!(names.all(|name| document["components"]["schemas"].get(name).is_some()));
}

/// What holds a service's program back is gone when this is, whatever becomes of the test.
struct Lifted<'a>(&'a Path);

impl Drop for Lifted<'_> {
    fn drop(&mut self) {
        std::fs::remove_file(self.0).unwrap();
    }
}

/// A service's own program answers when it likes; whoever asks for the health of the host meanwhile takes no thread that
/// others need.
#[test]
fn many_who_ask_for_health_keep_nobody_else_waiting() {
    let host = Host::new();
    let server = Server::of(&host);
    let vic = server.token("vic", "viewer");
    let (tool, held, asked) =
        (host.root().join("service.sh"), host.root().join("held"), host.root().join("asked"));
    let body = std::fs::read_to_string(&tool).unwrap();
    let wait = format!(
        "if [ \"$2\" = status ]; then echo once >>{asked}; while [ -e {held} ]; do sleep 0.05; done; fi\n",
        asked = asked.display(),
        held = held.display()
    );
    let (first, rest) = body.split_once('\n').unwrap();
    std::fs::write(&held, "").unwrap();
    std::fs::write(&tool, format!("{first}\n{wait}{rest}")).unwrap();
    std::thread::scope(|scope| {
        let strangers: Vec<_> =
            (0..80).map(|_| scope.spawn(|| server.stranger().get("/health").status)).collect();
        let lifted = Lifted(&held);
        wait_until("one of them looks", || asked.exists());
        for _ in 0..5 {
            vic.get("/openapi.json").is(200);
            vic.get("/api/deployments").is(200);
        }
        assert!(strangers.iter().all(|one| !one.is_finished()), "they wait for the service's own answer");
        drop(lifted);
        assert!(strangers.into_iter().all(|one| one.join().unwrap() == 200));
    });
    let looks = std::fs::read_to_string(&asked).unwrap().lines().count();
    assert!(looks <= 12, "{looks} looks for 80 who asked");
}
