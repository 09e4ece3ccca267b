//! Previews where nothing can be run: what is wrong is said, and nothing is made.

use crate::support::{Host, manifest};

#[test]
fn what_can_be_no_preview_ends_with_2() {
    let host = Host::new();
    for (kind, id) in [
        ("tag", "1"),
        ("pr", "../../x"),
        ("pr", "a/b"),
        ("pr", "A"),
        ("pr", "-1"),
        ("pr", "$(touch x)"),
        ("pr", ""),
        ("branch", "feature/x"),
        ("", "1"),
    ] {
        for verb in ["up", "cleanup"] {
            let (kind, id) = (format!("--type={kind}"), format!("--id={id}"));
            host.run(["preview", verb, &kind, &id, "--yes"]).exits(2);
        }
    }
    host.run(["preview", "up", "--type", "pr"]).exits(2);
    host.run(["preview", "up", "--type", "pr", "--id", "1", "--branch", "--upload-pack=x"]).exits(2);
    assert!(!host.prod().join(".asd/workspace/previews").exists());
}

#[test]
fn a_service_of_the_hosts_own_programs_has_no_preview() {
    let host = Host::new();
    if crate::support::lacks(&["docker"]) {
        return;
    }
    let before = manifest(&host.data("wikijs"));
    let words = ["preview", "up", "--type", "branch", "--id", "main"];
    host.run(words).exits(4).shows("preview-unsafe").shows("started by programs of the host");
    host.run(["preview", "up", "--type", "branch", "--id", "nowhere"]).exits(4).shows("source-unavailable");
    host.run(["preview", "up", "--type", "pr", "--id", "12"])
        .exits(4)
        .shows("source-unavailable")
        .shows("--branch NAME");
    host.run(["preview", "up", "--type", "source", "--id", "x"]).exits(2).shows("--at COMMIT");
    host.run(["preview", "cleanup", "--type", "pr", "--id", "12", "--yes"]).exits(4).shows("not-a-preview");
    host.run(["preview", "list"]).exits(0).shows("no preview is on this host");
    assert_eq!(manifest(&host.data("wikijs")), before);
    assert_eq!(host.calls(), Vec::<String>::new());
}

#[test]
fn without_an_engine_a_preview_is_refused() {
    if crate::support::lacks(&["docker"]) {
        return;
    }
    let host = Host::new();
    for verb in ["up", "cleanup"] {
        let mut command = host.command(host.program(), &host.prod());
        command.env("DOCKER_HOST", "unix:///nowhere/docker.sock");
        command.args(["preview", verb, "--type", "branch", "--id", "main", "--yes"]);
        crate::support::Output::of(command).exits(4).shows("tools").shows("does not answer");
    }
    host.run(["preview", "list"]).exits(0);
}
