//! Rollouts over HTTP: the runbook's own lines, each precondition by both faces, and a server that is killed.

use holdpoint::http::{Method, matrix};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::fleet::{Fleet, TWO_STAGES};
use crate::support::{Output, lacks, wait_until};

use super::server::{Asker, Server};

/// Lines of the runbook for fleet rollouts, as they stand there.
const STUCK: &str = r#"curl -sf "${AUTONOMY_ORCHESTRATOR_URL}/v1/rollouts/stuck" | jq ."#;
const PHASE: &str = r#"curl -sf "${AUTONOMY_ORCHESTRATOR_URL}/v1/rollouts/plan-abc123" | jq .phase"#;
const HALT: &str = r#"curl -sf -X POST \
"${AUTONOMY_ORCHESTRATOR_URL}/v1/rollouts/plan-abc123/halt" \
-H "Content-Type: application/json" \
-d '{"reason": "pausing activation while investigating telemetry anomaly"}' | jq ."#;

/// Somebody at a shell with a token in the environment, and the one header that is added to each line.
fn types(server: &Server<'_>, asker: &Asker, plan: &str, line: &str) -> Value {
    let line = line.replace("plan-abc123", plan);
    let line = line.replace("curl -sf", r#"curl -sf -H "Authorization: Bearer $HOLDPOINT_TOKEN""#);
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", &line]).env("no_proxy", "*");
    shell.env("AUTONOMY_ORCHESTRATOR_URL", &server.url).env("HOLDPOINT_TOKEN", asker.value());
    let said = Output::of(shell).exits(0);
    serde_json::from_str(&said.stdout).unwrap_or_else(|error| panic!("{error}\n{said}"))
}

fn of(plan: &str, rest: &str) -> String {
    format!("/v1/rollouts/{plan}{rest}")
}

fn phase_is(fleet: &Fleet, plan: &str, phase: &str) -> bool {
    fleet.described(plan)["phase"] == phase
}

#[test]
fn the_runbooks_own_lines_work_with_one_header_added() {
    if lacks(&["curl", "jq"]) {
        return;
    }
    let fleet = Fleet::local(&["a", "b", "c"]);
    let commit = fleet.ships("1234", "2");
    fleet.trouble("b", "web:2");
    let server = Server::of_desk(&fleet);
    let alice = server.token("alice", "operator");
    let root = server.token("root", "admin");
    let toml = TWO_STAGES.replace("REF", &commit);
    let tried = root.post("/v1/rollouts", &json!({ "toml": toml, "dry_run": true })).is(200).json();
    assert_eq!(tried["stages"][1]["hosts"], json!(["b", "c"]), "{tried:#}");
    assert_eq!(alice.get("/v1/rollouts").is(200).json(), json!([]), "nothing was kept");
    alice.post("/v1/rollouts", &json!({ "toml": toml })).refuses(403, "forbidden");
    let plan = root.post("/v1/rollouts", &json!({ "toml": toml })).is(200).json();
    let plan = plan["plan_id"].as_str().unwrap();
    let wrong = root.post("/v1/rollouts", &json!({ "toml": "name = 3" })).is(422).text;
    assert!(wrong.contains("plan.toml:1"), "{wrong}");
    assert_eq!(types(&server, &alice, plan, PHASE), "draft");
    let preview = alice.get(&of(plan, "/preview")).is(200).json();
    assert_eq!(preview["hosts"], json!([{ "host": "a", "wish": "release" }]), "{preview:#}");

    let started = alice.post(&of(plan, "/start"), &json!({})).is(200).json();
    assert_eq!((&started["previous_phase"], &started["new_phase"]), (&json!("draft"), &json!("active")));
    wait_until("it pauses by itself", || types(&server, &alice, plan, PHASE) == "paused");
    let now = alice.get("/").is(200).text;
    assert!(now.contains(&format!("/rollouts/{plan}")) && now.contains("paused"), "{now}");
    let stuck = types(&server, &alice, plan, STUCK);
    let row = &stuck["stuck_plans"][0];
    assert_eq!((&row["plan_id"], &row["phase"]), (&json!(plan), &json!("paused")));
    assert_eq!(row["current_stage_id"], "rest");
    assert!(row["stuck_since"].is_string() && row["stuck_reason"].is_string(), "{row:#}");
    let view = alice.get(&of(plan, "")).is(200).json();
    assert_eq!((&view["advice"], &view["phase"]), (&json!("rollback"), &json!("paused")), "{view:#}");
    let audit = view["audit"].as_array().unwrap();
    assert!(audit.iter().any(|record| record["what"] == "start" && record["by"] == "alice"), "{view:#}");
    let gates = alice.get(&of(plan, "/stages/canary/gates")).is(200).json();
    assert_eq!((&gates[0]["gate"], &gates[0]["verdict"]), (&json!("hosts-verified"), &json!("pass")));
    let is_look = |method: Method, path: &str| {
        method == Method::Get && (path.starts_with("/v1/") || path.starts_with("/rollouts"))
    };
    for (_, path, _) in matrix().into_iter().filter(|(method, path, _)| is_look(*method, path)) {
        let path = path.replace("{plan_id}", plan).replace("{stage}", "canary").replace("{host}", "a");
        alice.get(&path.replace("{verb}", "rollback")).is(200);
    }

    // Again: what failed is repaired; the plan is driven on to its end, by nobody at a terminal.
    std::fs::remove_file(fleet.root().join("b/run/trouble")).unwrap();
    let retry = json!({ "strategy": "retry", "reason": "telemetry gap resolved; re-evaluating stage-03" });
    let retried = alice.post(&of(plan, "/recover"), &retry).is(200).json();
    let names: Vec<&String> = retried.as_object().unwrap().keys().collect();
    let wanted = ["plan_id", "strategy", "previous_phase", "new_phase", "reason", "recovered_at"];
    assert_eq!(names, wanted, "{retried:#}");
    assert_eq!((&retried["previous_phase"], &retried["new_phase"]), (&json!("paused"), &json!("active")));
    wait_until("it completes", || types(&server, &alice, plan, PHASE) == "completed");
    assert!(
        alice.get("/").is(200).text.contains("No plan is under way"),
        "nobody has to look at it any more"
    );
    assert_eq!(fleet.images(), ["web:2", "web:2", "web:2"]);

    // A stage that is ended, and a plan that is given up.
    let text = TWO_STAGES.replace("gates = [", "bake = \"1h\"\ngates = [");
    let next = fleet.plan(&text, &commit);
    alice.post(&of(&next, "/start"), &json!({})).is(200);
    wait_until("the canary is watched", || fleet.described(&next)["wait"] == "baking");
    let halted = types(&server, &alice, &next, HALT);
    assert_eq!((&halted["strategy"], &halted["new_phase"]), (&json!("halt"), &json!("paused")), "{halted:#}");
    let gone = alice.delete(&of(&next, ""), &json!({ "confirm": next })).is(200).json();
    assert_eq!(gone["new_phase"], "cancelled");
    assert_eq!(types(&server, &alice, &next, PHASE), "cancelled");
}

/// Refused by the command line and over HTTP, by the same code; neither changes anything.
struct Both<'a> {
    fleet: &'a Fleet,
    asker: &'a Asker,
    plan: &'a str,
}

impl Both<'_> {
    fn refuse(&self, code: &str, words: &[&str], (status, rest, body): (u16, &str, &Value)) -> Value {
        let line = [&["rollout"], words, &["--plan-id", self.plan]].concat();
        self.fleet.run(&line).exits(if code == "strategy-unknown" { 2 } else { 4 }).shows(code);
        self.over_http(code, status, rest, body)
    }

    fn over_http(&self, code: &str, status: u16, rest: &str, body: &Value) -> Value {
        let path = of(self.plan, rest);
        let reply =
            if rest.is_empty() { self.asker.delete(&path, body) } else { self.asker.post(&path, body) };
        let problem = reply.refuses(status, code);
        let clears = &problem["reasons"][0]["waysOut"];
        assert!(status == 422 || clears[0].is_string(), "each says what to do: {problem:#}");
        problem
    }
}

#[test]
fn each_precondition_has_one_code_on_both_faces() {
    let fleet = Fleet::local(&["a", "b"]);
    let commit = fleet.ships("1234", "2");
    let text = TWO_STAGES.replace("gates = [", "bake = \"1h\"\ngates = [");
    let plan = fleet.plan(&text, &commit);
    let server = Server::of_desk(&fleet);
    let alice = server.token("alice", "operator");
    let on = |plan| Both { fleet: &fleet, asker: &alice, plan };
    let why = json!({ "reason": "x" });
    let recover = |strategy: &str| json!({ "strategy": strategy, "reason": "x" });
    let by = |strategy| ["recover", "--strategy", strategy, "--reason", "x"];

    let none = on("plan-none");
    none.refuse("plan-not-found", &by("retry"), (404, "/recover", &recover("retry")));
    none.refuse("plan-not-found", &["plan", "cancel"], (404, "", &json!({})));
    let both = on(&plan);
    both.refuse("strategy-unknown", &by("undo"), (422, "/recover", &recover("undo")));
    both.refuse("no-current-stage", &by("skip_failed"), (409, "/recover", &recover("skip_failed")));
    both.over_http("reason-required", 422, "/pause", &json!({ "reason": " " }));
    both.over_http("invalid", 422, "/pause", &json!({}));
    alice.post("/v1/stop-the-line", &json!({ "reason": "the registry is down" })).is(200);
    both.refuse("freeze-active", &["start"], (409, "/start", &json!({})));
    alice.post("/v1/stop-the-line", &json!({ "reason": "it is back", "lift": true })).is(200);
    assert_eq!(alice.get("/v1/stop-the-line").is(200).json(), Value::Null);

    alice.post(&of(&plan, "/start"), &json!({})).is(200);
    wait_until("the canary is watched", || fleet.described(&plan)["wait"] == "baking");
    both.refuse("plan-started", &["start"], (409, "/start", &json!({})));
    both.refuse("nothing-to-retry", &by("retry"), (409, "/recover", &recover("retry")));
    both.refuse("stage-not-failed", &by("skip_failed"), (409, "/recover", &recover("skip_failed")));
    both.refuse("stage-not-current", &["approve", "--reason", "x"], (409, "/stages/canary/approve", &why));
    both.refuse("confirmation-required", &["plan", "cancel"], (409, "", &json!({})));
    let asks = both.over_http("confirmation-required", 409, "/recover", &recover("rollback"));
    assert_eq!(asks["detail"], "these hosts would be taken back: a", "{asks:#}");
    let bound = alice.header("if-match", "0123456789ab");
    bound.post(&of(&plan, "/halt"), &why).refuses(412, "revision-conflict");
    let seen = alice.get(&of(&plan, "")).is(200).json()["revision"].as_str().unwrap().to_owned();
    let bound = alice.header("if-match", &format!("\"{seen}\""));
    bound.post(&of(&plan, "/halt"), &why).is(200);
    bound.post(&of(&plan, "/pause"), &why).refuses(412, "revision-conflict");
    both.refuse("stage-halted", &["halt", "--reason", "x"], (409, "/halt", &why));
    both.refuse("stage-halted", &["resume"], (409, "/resume", &json!({})));

    fleet.write("a/run/wait", "");
    let named = json!({ "strategy": "rollback", "reason": "x", "confirm": plan });
    let once = alice.header("idempotency-key", "once");
    let back = once.post(&of(&plan, "/recover"), &named).is(200).json();
    assert_eq!((&back["new_phase"], &back["final_phase"]), (&json!("rolling_back"), &json!("rolled_back")));
    assert_eq!(back["hosts_to_revert"], json!(["a"]));
    assert_eq!(
        once.post(&of(&plan, "/recover"), &named).is(200).json(),
        back,
        "the answer of the first time"
    );
    both.refuse("already-rolling-back", &by("rollback"), (409, "/recover", &named));
    std::fs::remove_file(fleet.root().join("a/run/wait")).unwrap();
    wait_until("it is back", || phase_is(&fleet, &plan, "rolled_back"));
    assert_eq!(fleet.images(), ["web:1", "web:1"]);
    both.refuse("plan-terminal", &by("retry"), (409, "/recover", &recover("retry")));
    both.refuse("plan-terminal", &["plan", "cancel"], (409, "", &json!({})));
}

#[test]
fn a_plan_that_is_to_go_on_until_a_stage_pauses_there_and_says_so() {
    let fleet = Fleet::local(&["a", "b"]);
    let commit = fleet.ships("1234", "2");
    let plan = fleet.plan(TWO_STAGES, &commit);
    let server = Server::of_desk(&fleet);
    let alice = server.token("alice", "operator");
    let both = Both { fleet: &fleet, asker: &alice, plan: &plan };
    let wrong = json!({ "until": "cnary" });
    both.refuse("stage-unknown", &["start", "--until", "cnary"], (409, "/start", &wrong));
    alice.post(&of(&plan, "/start"), &json!({ "until": "canary" })).is(200);
    wait_until("it has come so far", || phase_is(&fleet, &plan, "paused"));
    let stuck = alice.get("/v1/rollouts/stuck").is(200).json();
    let why = stuck["stuck_plans"][0]["stuck_reason"].as_str().unwrap();
    assert!(why.contains("stage canary is past, and it was to go on until there"), "{stuck:#}");
    let page = alice.get(&format!("/rollouts/{plan}")).is(200);
    assert!(page.text.contains("stage canary is past"), "{}", page.text);
    assert!(page.text.contains("It paused as it was told to"), "{}", page.text);
    assert_eq!(fleet.images(), ["web:2", "web:1"]);
    // From another machine, the same: the last stage lets it go on to its end.
    let on = ["rollout", "resume", "--until", "rest", "--plan-id", &plan];
    afar(&fleet, &server, &alice, &on).exits(0).shows("completed");
    assert_eq!(fleet.images(), ["web:2", "web:2"]);
    // And in the console.
    let next = fleet.ships("1235", "3");
    let plan = fleet.plan(&TWO_STAGES.replace("\"1234\"", "\"1235\""), &next);
    let here = server.stranger().header("origin", &server.url);
    let session = here.header("cookie", &here.signs_in(alice.value()));
    let form = format!("/rollouts/{plan}/do/start");
    let page = session.get(&form).is(200).text;
    assert!(page.contains("<option value=\"canary\">") && !page.contains("value=\"rest\""), "{page}");
    let held = |name: &str| {
        let from = page.split(&format!("name=\"{name}\" value=\"")).nth(1).unwrap();
        from.split('"').next().unwrap().to_owned()
    };
    let fields = format!("csrf={}&revision={}&until=", held("csrf"), held("revision"));
    session.form(&form, &format!("{fields}cnary")).is(409);
    session.form(&form, &format!("{fields}canary")).is(303);
    wait_until("it has come so far", || phase_is(&fleet, &plan, "paused"));
    assert_eq!(fleet.images(), ["web:3", "web:2"]);
}

#[test]
fn a_killed_server_loses_no_rollout_that_it_began() {
    let fleet = Fleet::local(&["a", "b", "c"]);
    let commit = fleet.ships("1234", "2");
    fleet.write("a/run/wait", "");
    let plan = fleet.plan(TWO_STAGES, &commit);
    let server = Server::of_desk(&fleet);
    let alice = server.token("alice", "operator");
    alice.post(&of(&plan, "/start"), &json!({})).is(200);
    wait_until("the canary is at work", || fleet.image("a") == "web:2");
    server.running.signal(Signal::KILL);
    server.running.wait();
    std::fs::remove_file(fleet.root().join("a/run/wait")).unwrap();
    wait_until("it completes without a server", || phase_is(&fleet, &plan, "completed"));
    assert_eq!(fleet.images(), ["web:2", "web:2", "web:2"]);
    let told = fleet.prod("b").join(".asd/workspace/fleet/told.json");
    assert!(std::fs::read_to_string(told).unwrap().contains("\"operator\":\"alice\""));
    let next = Server::of_desk(&fleet);
    let bob = next.token("bob", "viewer");
    assert_eq!(bob.get(&of(&plan, "")).is(200).json()["phase"], "completed");
}

#[test]
fn a_server_that_starts_has_a_plan_driven_that_was_begun_and_that_nobody_drives() {
    let fleet = Fleet::local(&["a", "b"]);
    let commit = fleet.ships("1234", "2");
    let plan = fleet.plan(TWO_STAGES, &commit);
    let paused = fleet.plan(&TWO_STAGES.replace("web 2", "another"), &commit);
    fleet.write("a/run/wait", "");
    let coordinator = fleet.start(&["rollout", "start", "--plan-id", &plan]);
    wait_until("the canary is at work", || fleet.image("a") == "web:2");
    coordinator.signal(Signal::INT);
    coordinator.wait().exits(130);
    std::fs::remove_file(fleet.root().join("a/run/wait")).unwrap();
    assert!(phase_is(&fleet, &plan, "active"));
    assert_eq!(fleet.described(&plan)["coordinator"], json!(null));
    let _next = Server::of_desk(&fleet);
    wait_until("it completes", || phase_is(&fleet, &plan, "completed"));
    assert_eq!(fleet.images(), ["web:2", "web:2"]);
    assert!(phase_is(&fleet, &paused, "draft"), "what nobody began is left alone");
}

/// Its lease has to end first, and a server that started before has to look once more.
#[test]
fn a_server_has_a_plan_driven_whose_coordinator_was_killed_while_it_runs() {
    let fleet = Fleet::local(&["a", "b"]);
    let commit = fleet.ships("1234", "2");
    let _server = Server::of_desk(&fleet);
    fleet.write("a/run/wait", "");
    let plan = fleet.plan(TWO_STAGES, &commit);
    let draft = fleet.plan(&TWO_STAGES.replace("web 2", "another"), &commit);
    let coordinator = fleet.start(&["rollout", "start", "--plan-id", &plan]);
    wait_until("the canary is at work", || fleet.image("a") == "web:2");
    let drives = || fleet.described(&plan)["coordinator"].clone();
    let before = drives();
    coordinator.signal(Signal::KILL);
    coordinator.wait();
    wait_until("the lease ended", || drives() != before);
    std::fs::remove_file(fleet.root().join("a/run/wait")).unwrap();
    wait_until("it completes", || phase_is(&fleet, &plan, "completed"));
    assert_eq!(fleet.images(), ["web:2", "web:2"]);
    assert_eq!(fleet.calls("a", "web:2"), 1, "it was told twice and did it once");
    assert!(phase_is(&fleet, &draft, "draft"), "what nobody began is left alone");
}

#[test]
fn a_pause_ends_the_driving_and_whoever_resumes_has_it_driven_again() {
    let fleet = Fleet::local(&["a", "b"]);
    let commit = fleet.ships("1234", "2");
    fleet.write("a/run/wait", "");
    let gate = TWO_STAGES.replace("{ kind = \"hosts-verified\", min = \"100%\" }", "{ kind = \"manual\" }");
    let plan = fleet.plan(&gate, &commit);
    let server = Server::of_desk(&fleet);
    let alice = server.token("alice", "operator");
    alice.post(&of(&plan, "/start"), &json!({})).is(200);
    wait_until("the canary is at work", || fleet.image("a") == "web:2");
    alice.post(&of(&plan, "/pause"), &json!({ "reason": "lunch" })).is(200);
    // Resumed while the coordinator may just be about to end: somebody drives on all the same.
    std::fs::remove_file(fleet.root().join("a/run/wait")).unwrap();
    alice.post(&of(&plan, "/resume"), &json!({})).is(200);
    wait_until("a person is asked", || fleet.described(&plan)["wait"] == "manual-gate");
    let why = json!({ "reason": "looked at it" });
    alice.post(&of(&plan, "/stages/rest/approve"), &why).refuses(409, "stage-not-current");
    alice.post(&of(&plan, "/stages/canary/approve"), &why).is(200);
    wait_until("it completes", || phase_is(&fleet, &plan, "completed"));
    assert_eq!(fleet.images(), ["web:2", "web:2"]);
}

#[test]
fn hosts_are_listed_and_taken_out() {
    let fleet = Fleet::local(&["a", "b"]);
    let server = Server::of_desk(&fleet);
    let alice = server.token("alice", "operator");
    let out = json!({ "until": "2d", "reason": "new disk" });
    assert_eq!(alice.post("/v1/hosts/b/exclude", &out).is(200).json()["by"], "alice");
    let rows = alice.get("/v1/hosts").is(200).json();
    assert_eq!((&rows[1]["host"], &rows[1]["excluded"]["reason"]), (&json!("b"), &json!("new disk")));
    alice.post("/v1/hosts/x/exclude", &out).refuses(404, "not-found");
    alice.post("/v1/hosts/b/exclude", &json!({ "reason": "x" })).refuses(422, "invalid");
    alice.post("/v1/hosts/b/exclude", &json!({ "reason": "x", "until": "soon" })).refuses(422, "invalid");
    let back = json!({ "reason": "it is back", "lift": true });
    assert_eq!(alice.post("/v1/hosts/b/exclude", &back).is(200).json(), Value::Null);
    assert!(alice.get("/v1/hosts").is(200).json()[1]["excluded"].is_null());
}

#[test]
fn a_server_without_a_fleet_says_so() {
    let host = crate::support::Host::new();
    let server = Server::of(&host);
    let vic = server.token("vic", "viewer");
    for path in ["/v1/rollouts", "/v1/rollouts/stuck", "/v1/rollouts/plan-1", "/v1/hosts", "/v1/audit"] {
        let problem = vic.get(path).refuses(404, "not-found");
        assert!(problem["detail"].as_str().unwrap().contains("fleet.toml"), "{problem:#}");
    }
}

#[test]
fn the_audit_is_one_list_over_every_plan_newest_first_on_both_faces() {
    let fleet = Fleet::local(&["a", "b"]);
    let commit = fleet.ships("1234", "2");
    let (first, second) = (fleet.plan(TWO_STAGES, &commit), fleet.plan(TWO_STAGES, &commit));
    let server = Server::of_desk(&fleet);
    let (alice, vic) = (server.token("alice", "operator"), server.token("vic", "viewer"));
    alice.post(&of(&first, "/start"), &json!({})).is(200);
    wait_until("it completes", || phase_is(&fleet, &first, "completed"));
    alice.delete(&of(&second, ""), &json!({ "reason": "replaced by 1240" })).is(200);

    let all = vic.get("/v1/audit").is(200).json();
    let all = all.as_array().unwrap();
    let newest = &all[0];
    assert_eq!((&newest["plan_id"], &newest["by"]), (&json!(second), &json!("alice")), "{newest:#}");
    assert_eq!((&newest["what"], &newest["reason"]), (&json!("cancel"), &json!("replaced by 1240")));
    let plans: Vec<&Value> = all.iter().map(|row| &row["plan_id"]).collect();
    assert_eq!(plans[plans.len() - 2..], [&json!(second), &json!(first)], "made in this order");
    let whats = |rows: &Value| -> Vec<String> {
        rows.as_array().unwrap().iter().map(|row| row["what"].as_str().unwrap().to_owned()).collect()
    };
    let of_first = vic.get(&format!("/v1/audit?plan_id={first}")).is(200).json();
    let mut words = whats(&of_first);
    words.reverse();
    let begins = ["create", "active", "start", "activating", "offered"];
    assert_eq!(words[..begins.len()], begins, "{words:?}");
    assert_eq!(words.last().unwrap(), "completed", "nothing is left out: {words:?}");
    let newest_two = vic.get(&format!("/v1/audit?plan_id={first}&limit=2")).is(200).json();
    assert_eq!(newest_two.as_array().unwrap()[..], of_first.as_array().unwrap()[..2]);
    vic.get("/v1/audit?plan_id=plan-none").refuses(404, "plan-not-found");
    vic.get("/v1/audit?limit=0").refuses(422, "invalid");
    vic.get("/v1/audit?plan=x").refuses(400, "malformed");

    let here = fleet.run(&["rollout", "audit", &first, "--json"]).exits(0).json();
    assert_eq!(here, of_first, "the command line says the same");
    let types = |words: &[&str]| afar(&fleet, &server, &vic, &[&["rollout", "audit"], words].concat());
    assert_eq!(types(&["--plan-id", &first, "--limit", "2", "--json"]).exits(0).json(), newest_two);
    types(&[]).exits(0).shows_in_order(&["cancel", "replaced by 1240", "completed", "promoted", "create"]);
    types(&["plan-none"]).exits(4).shows("plan-not-found");
    types(&["--limit", "0"]).exits(2);
}

#[test]
fn who_took_a_host_out_and_who_stopped_the_line_stands_in_the_audit() {
    let fleet = Fleet::local(&["a", "b"]);
    let commit = fleet.ships("1234", "2");
    let plan = fleet.plan(TWO_STAGES, &commit);
    let server = Server::of_desk(&fleet);
    let (alice, vic) = (server.token("alice", "operator"), server.token("vic", "viewer"));
    let out = json!({ "until": "2030-01-02T03:04:05Z", "reason": "new disk" });
    alice.post("/v1/hosts/b/exclude", &out).is(200);
    alice.post("/v1/hosts/b/exclude", &json!({ "reason": "it is in", "lift": true })).is(200);
    fleet.run(&["rollout", "stop-the-line", "--reason", "the registry is down"]).exits(0);
    let up = ["rollout", "stop-the-line", "--lift", "--reason", "it is up"];
    afar(&fleet, &server, &alice, &up).exits(0);
    alice.post("/v1/hosts/x/exclude", &out).refuses(404, "not-found");

    let rows = vic.get("/v1/audit").is(200).json();
    let told = |row: &Value| ["what", "about", "reason"].map(|key| row[key].as_str().unwrap().to_owned());
    let newest: Vec<[String; 3]> = rows.as_array().unwrap().iter().take(4).map(told).collect();
    let all = "every plan but hotfixes";
    assert_eq!(
        newest,
        [
            ["stop-the-line-lifted", all, "it is up"],
            ["stop-the-line", all, "the registry is down"],
            ["exclude-lifted", "b", "it is in"],
            ["exclude", "b", "until 2030-01-02T03:04:05Z: new disk"],
        ]
    );
    for at in [0, 2, 3] {
        assert_eq!((&rows[at]["by"], &rows[at]["plan_id"]), (&json!("alice"), &Value::Null), "{rows:#}");
        assert!(rows[at]["at"].is_string());
    }
    assert_ne!(rows[1]["by"], "alice", "it was typed here");
    assert_eq!(rows.as_array().unwrap().len(), 5, "what was refused was not done: {rows:#}");
    let of_plan = vic.get(&format!("/v1/audit?plan_id={plan}")).is(200).json();
    assert_eq!(of_plan.as_array().unwrap().len(), 1, "{of_plan:#}");
    let here = fleet.run(&["rollout", "audit", "--json"]).exits(0).json();
    assert_eq!(here, rows, "the command line says the same");
    fleet.run(&["rollout", "audit"]).exits(0).shows_in_order(&[
        "it is up",
        "the registry",
        "new disk",
        "create",
    ]);
}

/// Somebody on another machine: no `fleet.toml`, the server's address and a token in the environment.
fn afar(fleet: &Fleet, server: &Server<'_>, asker: &Asker, words: &[&str]) -> Output {
    let folder = fleet.root().join("elsewhere");
    std::fs::create_dir_all(&folder).unwrap();
    let mut command = fleet.ground.command(fleet.ground.program(), &folder);
    command.args(words).env("HOLDPOINT_TOKEN", asker.value()).env("AUTONOMY_OPERATOR", "mallory");
    command.env("AUTONOMY_ORCHESTRATOR_URL", &server.url).stdin(std::process::Stdio::null());
    Output::of(command)
}

#[test]
fn the_command_line_does_the_same_at_a_server() {
    let fleet = Fleet::local(&["a", "b", "c"]);
    let commit = fleet.ships("1234", "2");
    fleet.trouble("b", "web:2");
    let server = Server::of_desk(&fleet);
    let alice = server.token("alice", "operator");
    let root = server.token("root", "admin");
    let types = |words: &[&str]| afar(&fleet, &server, &alice, words);
    fleet.write("elsewhere/plan.toml", &TWO_STAGES.replace("REF", &commit));
    let create = ["rollout", "plan", "create", "plan.toml", "--json"];
    types(&create).exits(1).shows("forbidden");
    let made = afar(&fleet, &server, &root, &create).exits(0).json();
    let plan = made["plan_id"].as_str().unwrap();
    let on = |words: &[&str]| types(&[&["rollout"], words, &["--plan-id", plan]].concat());

    let url = server.url.as_str();
    types(&["rollout", "plan", "list", "--orchestrator-url", url]).exits(0).shows(plan).shows("0/3");
    on(&["plan", "preview"]).exits(0).shows("a would release");
    on(&["start"]).exits(10).shows_in_order(&["active", "paused", "harm: 1 failed, 0 may: b"]);
    let stuck = types(&["rollout", "stuck", "--json"]).exits(6).json();
    assert_eq!(stuck["stuck_plans"][0]["plan_id"], plan, "{stuck:#}");
    on(&["plan", "describe"]).exits(0).shows("paused").shows("--strategy rollback");
    on(&["resume"]).exits(4).shows("stage-failed");
    on(&["recover", "--strategy", "undo", "--reason", "x"]).exits(2).shows("strategy-unknown");
    on(&["recover", "--strategy", "skip_failed", "--reason", "x"]).exits(4).shows("--confirm rest");
    on(&["plan", "cancel"]).exits(4).shows("confirmation-required");
    on(&["recover", "--strategy", "rollback", "--reason", "errors", "--wait"]).exits(0).shows("rolled_back");
    assert_eq!(fleet.images(), ["web:1", "web:1", "web:1"]);
    on(&["plan", "cancel"]).exits(4).shows("plan-terminal").shows("already stopped");
    let audit = fleet.described(plan)["audit"].to_string();
    assert!(audit.contains("alice") && !audit.contains("mallory"), "the token says who it is: {audit}");

    types(&["fleet", "host", "exclude", "b", "--until", "2d", "--reason", "new disk"]).exits(0);
    types(&["fleet", "host", "list"]).exits(0).shows("new disk");
    types(&["fleet", "host", "exclude", "b", "--lift", "--reason", "back"]).exits(0).shows("takes part");
    types(&["rollout", "stop-the-line", "--reason", "x"]).exits(0).shows("the line is stopped");
    types(&["rollout", "stop-the-line", "--lift", "--reason", "x"]).exits(0);
    let nowhere = ["rollout", "stuck", "--orchestrator-url", "http://127.0.0.1:9"];
    types(&nowhere).exits(1).shows("gives no answer");
}
