//! The console in a real browser: signed in to, watched, read, acted on by mouse and by keyboard alone, and looked at by axe.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::fleet::{Fleet, TWO_STAGES, by_agent, ledger_on};
use crate::playbooks::{asks, playbook};
use crate::support::{
    Host, Output, Scene, Service, Trouble, begun, lacks, let_go, skip, wait_until, waiting,
};

use super::server::Server;

/// The script that drives the browser, and the Python that has what it needs; none: it does not run here.
fn python() -> Option<PathBuf> {
    let ours = concat!(env!("CARGO_MANIFEST_DIR"), "/target/tools/browser/bin/python");
    let python = PathBuf::from(std::env::var_os("HOLDPOINT_TEST_BROWSER_PYTHON").unwrap_or(ours.into()));
    if lacks(&["chromium"]) {
        return None;
    }
    if !python.is_file() {
        skip("not here: Playwright and axe for Python");
        return None;
    }
    Some(python)
}

/// Walks through the console; `way` is what `browser.py` knows.
fn walks(way: &str, host: &Host, server: &Server<'_>) {
    let Some(python) = python() else { return };
    let token = |role: &str| server.token(&format!("browser-{role}"), role).value().to_owned();
    let mut command = Command::new(python);
    command
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/http/browser.py"))
        .args([way, server.url.as_str()])
        .env("TOKEN", token("operator"))
        .env("VIEWER", token("viewer"))
        .env("MENDED", host.root().join("mended"))
        .stdin(Stdio::null());
    let mut walked = Output::of(command);
    // A page only says that there is a defect: its place stands in what the server printed.
    walked.scene = format!("--- the server\n{}", server.running.so_far());
    walked.exits(0).shows("all of it was seen");
}

/// A release that works for a while and then fails in its own script, until somebody mends what it wants.
fn failing() -> Host {
    let host = Host::new();
    host.bump("1234", "wikijs", "2");
    let mended = host.root().join("mended");
    let body = format!(
        "sleep 2\necho '<b>looks</b> for the index'\ntest -e '{0}' || {{ echo 'no index: \"{0}\"' >&2; exit 5; }}",
        mended.display()
    );
    host.script("1234", "index", &body);
    host.push();
    host
}

#[test]
fn a_live_release_fails_is_understood_resumed_and_reverted_by_mouse() {
    let host = failing();
    let server = Server::of(&host);
    walks("mouse", &host, &server);
}

#[test]
fn a_live_release_fails_is_understood_resumed_and_reverted_by_keyboard() {
    let host = failing();
    let server = Server::of(&host);
    walks("keyboard", &host, &server);
}

/// Every other way on and back: its plan, what is accepted, the exact name, and what the page says then.
#[test]
fn each_way_on_and_back_is_shown_confirmed_and_carried_out() {
    let host = Host::new();
    host.ships("1201", "wikijs", "2");
    host.run(["run", "1201"]).exits(0);
    host.ships("1202", "wikijs", "3");
    host.trouble("wikijs", Trouble::StartFails, None);
    host.run(["run", "1202"]).exits(1);
    host.repair("wikijs");
    let server = Server::of(&host);
    walks("ways", &host, &server);
}

#[test]
fn a_release_that_runs_is_canceled_by_its_exact_name() {
    let host = waiting();
    let running = begun(&host);
    let server = Server::of(&host);
    if python().is_none() {
        let_go(&host, 0);
        running.wait().exits(0);
        return;
    }
    std::thread::scope(|scope| {
        let walking = scope.spawn(|| walks("cancel", &host, &server));
        wait_until("it is asked to stop, or the browser gave up", || {
            walking.is_finished() || host.log("1234").contains("event=cancel-requested")
        });
        let_go(&host, 0);
        walking.join().unwrap();
    });
    running.wait().exits(1);
}

#[test]
fn a_release_is_begun_by_keyboard_once_its_plan_was_shown_and_its_ticket_typed() {
    let host = Host::new();
    host.ships("1234", "wikijs", "2");
    let server = Server::of(&host);
    walks("begin", &host, &server);
}

/// A host whose release failed of what a playbook of its own knows, and does this about it.
fn remediable(adhoc: &str) -> Host {
    let (path, text) = playbook("release-theme-missing", "no themes", &asks("test -e themes", "rc=1"), adhoc);
    let host = Scene::new().service(Service::new("wikijs")).file(&path, &text).build();
    host.script("1234", "theme", "test -e themes || { echo no themes; exit 1; }");
    host.push();
    host.run(["run", "1234"]).exits(1);
    host
}

#[test]
fn a_playbook_shows_what_it_would_run_and_runs_that_by_keyboard_until_something_fails() {
    let host = remediable("['touch themes', \"sh -c 'exit 9'\", 'touch later']");
    let server = Server::of(&host);
    walks("remedy", &host, &server);
    if python().is_some() {
        assert!(host.prod().join("themes").exists() && !host.prod().join("later").exists());
    }
}

#[test]
fn axe_finds_nothing_serious_in_any_area_light_or_dark_narrow_or_wide() {
    let host = failing();
    host.run(["run", "1234"]).exits(1);
    let opening =
        ["incident", "open", "--symptom", "pages are <i>old</i>", "--kind", "stale", "--path", "open a page"];
    host.run(opening.iter().copied().chain(["--yes"])).exits(0);
    let server = Server::of(&host);
    walks("areas", &host, &server);
}

const ROLLOUT: &str = r#"
name = "web 2 <b>everywhere</b>"
ticket = "1234"
ref = "REF"
ticket_runs = "every-host"
[[stage]]
id = "canary"
hosts = { labels = { tier = "canary" } }
gates = [{ kind = "hosts-verified", min = "100%" }, { kind = "manual" }]
[[stage]]
id = "rest"
hosts = { share = "60%" }
parallel = 2
[[stage]]
id = "last"
hosts = { share = "100%" }
"#;

#[test]
fn a_rollout_is_started_approved_watched_and_taken_back_by_keyboard_and_looked_at_by_axe() {
    let fleet = Fleet::local(&["web1", "web2", "web3", "web4", "web5"]);
    let commit = fleet.ships("1234", "2");
    fleet.trouble("web3", "web:2");
    fleet.plan(ROLLOUT, &commit);
    let server = Server::of_desk(&fleet);
    walks("rollouts", &fleet.ground, &server);
    if python().is_some() {
        assert_eq!(fleet.images(), ["web:1"; 5]);
    }
}

/// The page is told by the ledger alone: neither the server nor the coordinator reaches these hosts.
#[test]
fn hosts_with_agents_are_seen_to_be_away_to_come_and_to_be_released() {
    if python().is_none() {
        return;
    }
    let Some((etcd, fleet)) = by_agent(&["web1", "web2"], 1) else { return };
    let _there = fleet.agent("web1", &ledger_on(&etcd));
    let commit = fleet.ships("1234", "2");
    fleet.plan(TWO_STAGES, &commit);
    let server = Server::of_desk(&fleet);
    std::thread::scope(|scope| {
        let walking = scope.spawn(|| walks("agents", &fleet.ground, &server));
        let mended = fleet.root().join("mended");
        wait_until("web2 was seen to be away, or the browser gave up", || {
            walking.is_finished() || mended.exists()
        });
        let _too = fleet.agent("web2", &ledger_on(&etcd));
        walking.join().unwrap();
    });
    assert_eq!(fleet.images(), ["web:2", "web:2"]);
}

/// What stands between a form and a change, without a browser.
#[test]
fn a_form_needs_the_session_its_token_its_origin_and_the_exact_name() {
    let host = failing();
    host.run(["run", "1234"]).exits(1);
    let server = Server::of(&host);
    let operator = server.token("alice", "operator");
    // A token is for the API: a page's form takes a session.
    operator.form("/releases/1234@1/do/close", "confirm=1234@1").is(422);
    let origin = server.url.clone();
    let stranger = server.stranger();
    stranger.form("/sign-in", "token=wrong").is(403);
    let here = stranger.header("origin", &origin);
    here.form("/sign-in", "token=wrong").is(401);
    here.form("/releases/1234@1/do/close", "confirm=1234@1").is(401);
    let session = here.header("cookie", &here.signs_in(operator.value()));
    let page = session.get("/releases/1234@1/do/close").is(200).text;
    let csrf = page.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let version =
        page.split("name=\"version\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let form = |csrf: &str, version: &str, confirm: &str| {
        let fields = format!("csrf={csrf}&version={version}&confirm={confirm}&reason=given+up");
        session.form("/releases/1234@1/do/close", &fields)
    };
    form("", &version, "1234@1").is(403);
    form(&csrf, &version, "1234").is(422);
    form(&csrf, "0123456789abcdef", "1234@1").is(412);
    let elsewhere = session.header("sec-fetch-site", "cross-site");
    elsewhere
        .form("/releases/1234@1/do/close", &format!("csrf={csrf}&version={version}&confirm=1234@1"))
        .is(403);
    assert!(!host.log("1234").contains("event=closed"), "nothing was done: {}", host.log("1234"));
    form(&csrf, &version, "1234@1").is(303);
    assert!(host.log("1234").contains("operator=alice"), "{}", host.log("1234"));
    let audited = host.read(".asd/workspace/access/requests.log");
    assert!(audited.contains("path=/sign-in") && audited.contains("reason=readiness-stale"), "{audited}");
}

/// What a page's form brings along under this name.
fn field<'a>(page: &'a str, name: &str) -> &'a str {
    let from =
        page.split(&format!("name=\"{name}\" value=\"")).nth(1).unwrap_or_else(|| panic!("{name}: {page}"));
    from.split('"').next().unwrap()
}

#[test]
fn a_release_is_begun_only_by_its_exact_ticket_and_the_plan_that_was_shown() {
    let host = Host::new();
    host.ships("1234", "wikijs", "2");
    let server = Server::of(&host);
    let operator = server.token("alice", "operator");
    let session = server.stranger().header("origin", &server.url);
    let session = session.header("cookie", &session.signs_in(operator.value()));
    let page = session.get("/begin?ticket=1234").is(200).text;
    let (csrf, plan) = (field(&page, "csrf"), field(&page, "plan"));
    let form = |plan: &str, confirm: &str| {
        session.form("/begin", &format!("csrf={csrf}&ticket=1234&plan={plan}&confirm={confirm}"))
    };
    form(plan, "1235").is(422);
    form("", "1234").is(422);
    form("0123456789abcdef", "1234").is(412);
    host.ships("1235", "wikijs", "3");
    form(plan, "1234").is(412);
    assert!(!host.log("1234").contains("event=step-start"), "no step was begun: {}", host.log("1234"));
    assert_eq!(host.image("wikijs"), "wikijs:1");
    let page = session.get("/begin?ticket=1234&branch=--help").is(422).text;
    assert!(page.contains("--help"), "{page}");
}

#[test]
fn a_remedy_is_run_only_as_it_was_shown_and_where_it_is_not_confirmed_for_a_reason() {
    let host = remediable("['touch themes']");
    let server = Server::of(&host);
    let operator = server.token("alice", "operator");
    let session = server.stranger().header("origin", &server.url);
    let session = session.header("cookie", &session.signs_in(operator.value()));
    let at = "/playbooks/release-theme-missing/run";
    let page = session.get(&format!("{at}?ticket=1234")).is(200).text;
    let (csrf, plan) = (field(&page, "csrf"), field(&page, "plan"));
    let form = |plan: &str, confirm: &str| {
        session.form(at, &format!("csrf={csrf}&ticket=1234&plan={plan}&confirm={confirm}"))
    };
    form(plan, "1234").is(422);
    form("", "release-theme-missing").is(422);
    form("0123456789abcdef", "release-theme-missing").is(412);
    assert!(!host.prod().join("themes").exists(), "nothing was run");
    let done = form(plan, "release-theme-missing").is(200).text;
    assert!(done.contains("the cause is still open") && host.prod().join("themes").exists(), "{done}");
    let log = host.log("1234");
    assert!(log.contains("operator=alice") && log.contains("cause=open"), "{log}");
    // Now its detection says that it is over: only a reason goes on.
    let page = session.get(&format!("{at}?ticket=1234")).is(200).text;
    assert!(page.contains("not confirmed") && page.contains("maxlength=\"500\" required"), "{page}");
    form(plan, "release-theme-missing").is(409);
}

#[test]
fn a_viewer_sees_no_action_and_nobody_sees_only_where_to_sign_in() {
    let host = failing();
    host.run(["run", "1234"]).exits(1);
    let server = Server::of(&host);
    let viewer = server.token("vic", "viewer");
    let page = viewer.get("/releases/1234@1").is(200).text;
    assert!(page.contains("Ways on and back") && !page.contains("/do/"), "{page}");
    assert!(page.contains("&lt;b&gt;looks&lt;/b&gt;") && !page.contains("<b>looks"), "{page}");
    let nobody = server.stranger().get("/releases/1234@1").is(401).text;
    assert!(
        nobody.contains("name=\"next\" value=\"/releases/1234@1\"") && !nobody.contains("wikijs"),
        "{nobody}"
    );
}
