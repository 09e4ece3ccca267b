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
