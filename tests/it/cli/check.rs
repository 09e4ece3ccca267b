//! `check --guard` and `check --diff`: what a person asks before a release is even thought of.

use crate::support::{Host, Scene, Service, manifest};

const GUARDED: &str = "[guard]\ncommand = [\"scripts/guard.sh\", \"--all\"]";

#[test]
fn a_guardrail_runs_alone_and_its_answer_is_the_exit_status() {
    let script = "echo \"guard $1 in $PWD\"; echo \"key $API_TOKEN\" >&2; [ ! -e taken ]\n";
    let host = Scene::new()
        .service(Service::new("wikijs"))
        .config("[secrets]\nenv_files = [\".env\"]")
        .config(GUARDED)
        .file("scripts/guard.sh", script)
        .file(".gitignore", ".env\n")
        .build();
    host.write(".env", "API_TOKEN=s3cr3t-value\n");
    let before = manifest(&host.prod());
    let output =
        host.run(["check", "--guard"]).exits(0).shows("guard --all in").shows("the guardrail passes");
    output.hides("s3cr3t-value");
    assert_eq!((manifest(&host.prod()), host.calls()), (before, Vec::new()), "nothing was written or called");
    host.write("taken", "");
    host.run(["check", "--guard"]).exits(4).shows("guard-failed").shows("exited 1").shows("check --guard");
    let view = host.run(["check", "--guard", "--json"]).exits(4).json();
    assert_eq!((view["passed"].as_bool(), view["exit"].as_i64()), (Some(false), Some(1)), "{view}");
    assert_eq!(view["blocker"]["code"], "guard-failed", "{view}");
    assert!(view["output"][0].as_str().unwrap().starts_with("guard --all in"), "{view}");
}

#[test]
fn without_a_guardrail_the_screen_says_how_to_write_one() {
    let host = Host::new();
    host.run(["check", "--guard"]).exits(2).shows("has no `[guard]`").shows("command = [");
    host.run(["check", "--guard", "1234"]).exits(2);
    let missing = Scene::new().config("[guard]\ncommand = [\"bin/no-such-program\"]").build();
    missing.run(["check", "--guard"]).exits(1).shows("bin/no-such-program").shows("hint:");
}

/// A host whose second commit gives `wikijs` another image, a hook and a longer deadline, and drops `redmine`.
fn reconfigured() -> Host {
    let host = Scene::new().service(Service::new("wikijs")).service(Service::new("redmine")).build();
    host.edit("1233", ".asd/release.toml", |text| {
        text.replacen(
            "[services.wikijs]\n",
            "[services.wikijs]\nhooks = { post_start = [\"bin/warm.sh\"] }\nschema = { command = [\"true\"] }\n",
            1,
        )
    });
    host.bump("1234", "wikijs", "2");
    host.edit("1234", ".asd/release.toml", |text| text.replacen("deadline = \"3s\"", "deadline = \"7s\"", 1));
    host.drops("1234", "redmine");
    host.push();
    host.git(["pull", "-q"]).exits(0);
    host
}

#[test]
fn a_diff_names_the_steps_that_come_go_and_change() {
    let host = reconfigured();
    let view = host.run(["check", "--diff", "HEAD~4", "--json"]).exits(6).json();
    let step = |name: &str| {
        let steps = view["steps"].as_array().unwrap();
        steps.iter().find(|row| row["what"] == name).unwrap_or_else(|| panic!("no {name}: {view:#}"))
    };
    let warm = step("wikijs.post_start");
    assert!(warm["before"].is_null() && warm["after"].as_str().unwrap().contains("bin/warm.sh"), "{warm}");
    let gone = step("redmine.recreate");
    assert!(gone["after"].is_null() && gone["before"].as_str().unwrap().contains("$ "), "{gone}");
    assert!(!view["steps"].to_string().contains("driver"), "how a service is looked at is no step: {view:#}");
    let health = step("wikijs.health");
    assert!(
        health["before"].as_str().unwrap().contains("3s") && health["after"].as_str().unwrap().contains("7s")
    );
    host.run(["check", "--diff", "HEAD~4"]).exits(6).shows_in_order(&[
        "differs from HEAD~4",
        "services.wikijs.image",
        "would do otherwise",
        "wikijs.post_start",
    ]);
    host.run(["check", "--diff", "HEAD"]).exits(0).shows("nothing differs");
    // What is written and not committed counts: it is the present configuration.
    let settings = host.read(".asd/release.toml");
    host.write(".asd/release.toml", &settings.replacen("bin/warm.sh", "bin/warmer.sh", 1));
    let output = host.run(["check", "--diff", "HEAD"]).exits(6);
    output.shows_in_order(&["wikijs.post_start", "- $ bash", "warm.sh", "+ $ bash", "warmer.sh"]);
    assert_eq!(
        (host.workspace("").exists(), host.calls()),
        (false, Vec::new()),
        "nothing was written or called"
    );
}
