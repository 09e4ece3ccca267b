//! Previews run beside production and never in its way, and a cleanup proves that they are gone.

use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use super::both;
use super::engine::{Generation, Well, docker, which};
use super::stack::{Cleaner, Stack};
use crate::support::{Output, wait_until};

/// A stack with a branch `feature/x` on which `web` is at tag 2, and a cleaner for what a preview leaves when a test fails.
fn stack_with_a_branch(generation: Generation, id: &str) -> (Cleaner, Stack) {
    let stack = Stack::up(generation);
    let host = &stack.host;
    host.run(["adopt", "--reason", "as it runs"]).exits(0);
    stack.publish("web", "2", Well::AtOnce);
    host.git_at(&host.dev(), ["checkout", "-q", "-b", "feature/x"]).exits(0);
    stack.release("0", "web", "2");
    host.git_at(&host.dev(), ["checkout", "-q", "main"]).exits(0);
    (Cleaner(format!("preview-branch-{id}")), stack)
}

/// An id that no other test on this machine uses.
fn id(name: &str) -> String {
    format!("{name}-{}", std::process::id())
}

fn up(stack: &Stack, id: &str) -> Output {
    stack.host.run([
        "preview",
        "up",
        "--type",
        "branch",
        "--id",
        id,
        "--branch",
        "feature/x",
        "--reason",
        "to see it",
    ])
}

fn cleanup(stack: &Stack, id: &str, more: &[&str]) -> Output {
    let words = ["preview", "cleanup", "--type", "branch", "--id", id];
    stack.host.run(words.iter().chain(more))
}

fn rows(stack: &Stack) -> Vec<Value> {
    stack.host.run(["preview", "list", "--json"]).exits(0).json().as_array().unwrap().clone()
}

/// What the engine has under a project's name.
fn left(id: &str) -> String {
    let label = format!("label=com.docker.compose.project=preview-branch-{id}");
    [&["ps", "-aq"][..], &["network", "ls", "-q"], &["volume", "ls", "-q"]]
        .iter()
        .map(|kind| docker(kind.iter().copied().chain(["--filter", label.as_str()])))
        .collect()
}

/// Production: its containers, its checkout, its data and its records.
fn production(stack: &Stack) -> (Vec<String>, String, String, String) {
    let containers = ["web", "db"].map(|name| {
        let id = stack.container(name);
        docker(["inspect", "--format", "{{.Id}} {{.State.StartedAt}}", &id])
    });
    let data = stack.inside("db", "cat /data/page 2>/dev/null || true");
    let status = stack.host.git(["status", "--porcelain"]).stdout;
    (
        containers.to_vec(),
        stack.host.head(),
        status + &data,
        stack.host.run(["list", "--json"]).exits(0).stdout,
    )
}

both!(a_branch_runs_beside_production_and_goes_without_a_trace, |generation: Generation| {
    let id = id("beside");
    let (_cleaner, stack) = stack_with_a_branch(generation, &id);
    stack.inside("db", "echo kept >/data/page");
    let before = production(&stack);

    stack
        .host
        .run(["preview", "up", "--type", "branch", "--id", &id, "--branch", "feature/x", "--dry-run"])
        .exits(0)
        .shows("worktree add --detach")
        .shows(&format!("-p preview-branch-{id}"))
        .shows("volumes are the preview's own");
    assert_eq!(left(&id), "");
    assert!(!stack.host.prod().join(".asd/workspace/previews").exists());
    up(&stack, &id).exits(0).shows("is up").shows("http://127.0.0.1:");

    let row = &rows(&stack)[0];
    assert_eq!(
        (&row["type"], &row["state"], &row["branch"]),
        (&"branch".into(), &"up".into(), &"feature/x".into()),
        "{row:#}"
    );
    assert_eq!(row["reason"], "to see it");
    let url = row["urls"].as_array().unwrap().iter().map(|url| url.as_str().unwrap()).find(|url| {
        let said = ureq::get(&format!("{url}version")).call().unwrap().body_mut().read_to_string().unwrap();
        said.trim() == "web:2"
    });
    let url = url.unwrap_or_else(|| panic!("none answers as the branch's: {row:#}")).to_owned();
    // Its data is its own, and begins empty.
    let db = row["containers"].as_array().unwrap().iter().find(|c| c["part"] == "db").unwrap();
    let there = docker([
        "exec",
        db["id"].as_str().unwrap(),
        "/bin/sh",
        "-c",
        "echo mine >/data/page; busybox ls /data",
    ]);
    assert_eq!(there, "page");
    assert_eq!(production(&stack), before);
    stack.host.run(["preview", "list"]).exits(0).shows(&format!("branch-{id}")).shows("up").shows(&url);
    // Production's own verbs see nothing of it.
    stack.host.run(["drift", "--check"]).exits(0);
    up(&stack, &id).exits(4).shows("preview-exists").shows("holdpoint preview cleanup");
    // Nothing is released from a preview's tree.
    let tree = stack.host.prod().join(format!(".asd/workspace/previews/branch-{id}/tree"));
    let mut inside = stack.host.command(stack.host.program(), &tree);
    inside.args(["status"]);
    Output::of(inside).exits(2).shows("work tree of a preview");

    cleanup(&stack, &id, &[]).exits(2).shows(&format!("--confirm branch-{id}"));
    cleanup(&stack, &id, &["--confirm", "branch-other"]).exits(2);
    cleanup(&stack, &id, &["--dry-run"]).exits(0).shows("preview.containers").shows(&format!("{url} goes"));
    assert_eq!(rows(&stack)[0]["state"], "up");
    cleanup(&stack, &id, &["--confirm", &format!("branch-{id}")])
        .exits(0)
        .shows("✓ it is stopped")
        .shows("✓ its address is gone")
        .shows("✓ production runs as it did")
        .shows("✓ history is as it was")
        .shows("✓ the same id can be made again");

    assert!(ureq::get(&url).call().is_err(), "{url} still answers");
    assert_eq!((left(&id), rows(&stack).len()), (String::new(), 0));
    assert_eq!(production(&stack), before);
    assert_eq!(stack.host.git(["worktree", "list"]).stdout.lines().count(), 1);
    cleanup(&stack, &id, &["--yes"]).exits(4).shows("not-a-preview");
    // The same id again, and away by the other runbook's words.
    up(&stack, &id).exits(0);
    let words = ["deployments", "cleanup-preview", "--type", "branch", "--id", &id, "--json"];
    let proof = stack.host.run(words).exits(0).json_lines().pop().unwrap();
    assert_eq!(proof["clean"], true, "{proof:#}");
    assert_eq!(left(&id), "");
});

both!(a_cleanup_that_was_killed_between_its_stages_goes_on, |generation: Generation| {
    let id = id("killed");
    let (_cleaner, stack) = stack_with_a_branch(generation, &id);
    up(&stack, &id).exits(0);
    let before = production(&stack);
    // A client that takes its time to remove containers.
    let slow = stack.host.root().join("slow");
    std::fs::create_dir(&slow).unwrap();
    let client = which("docker");
    let script = format!("#!/bin/sh\n[ \"$1\" = rm ] && sleep 3\nexec {client} \"$@\"\n");
    std::fs::write(slow.join("docker"), script).unwrap();
    std::fs::set_permissions(slow.join("docker"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", slow.display(), std::env::var("PATH").unwrap());
    let mut command = stack.host.command(stack.host.program(), &stack.host.prod());
    command.env("PATH", path).args(["preview", "cleanup", "--type", "branch", "--id", &id, "--yes"]);
    let running = stack.host.starts(command);
    let log =
        || std::fs::read_to_string(stack.host.prod().join(".asd/workspace/audit.log")).unwrap_or_default();
    wait_until("it removes containers", || {
        log()
            .lines()
            .any(|line| line.contains("event=step-start") && line.contains("step=preview.containers"))
    });
    running.signal(rustix::process::Signal::KILL);
    running.wait();

    assert_eq!(rows(&stack)[0]["state"], "cleaning");
    up(&stack, &id).fails();
    cleanup(&stack, &id, &["--yes", "--lock-wait", "30s"]).exits(0).shows("✓ the same id can be made again");
    assert_eq!((left(&id), production(&stack)), (String::new(), before));
});

both!(what_would_reach_production_is_refused_and_nothing_is_made, |generation: Generation| {
    let id = id("unsafe");
    let (_cleaner, stack) = stack_with_a_branch(generation, &id);
    let host = &stack.host;
    let file = "packages/web/docker-compose.yaml";
    let image = stack.registry.name("web:2");
    let secret = host.root().join("secret");
    std::fs::write(&secret, "TOKEN=production\n").unwrap();
    host.git_at(&host.dev(), ["checkout", "-q", "feature/x"]).exits(0);
    for (more, word) in [
        ("privileged: true".to_owned(), "privileged"),
        ("network_mode: host".to_owned(), "network_mode"),
        ("volumes: [\"/var/run/docker.sock:/s\"]".to_owned(), "/var/run/docker.sock"),
        (format!("env_file: [\"{}\"]", secret.display()), "secret"),
        ("container_name: x\n    pid: host".to_owned(), "pid"),
    ] {
        host.commit("0", &[(file, &format!("services:\n  web:\n    image: {image}\n    {more}\n"))]);
        host.push();
        for flag in ["--dry-run", "--yes"] {
            host.run(["preview", "up", "--type", "branch", "--id", &id, "--branch", "feature/x", flag])
                .exits(4)
                .shows("preview-unsafe")
                .shows(word)
                .hides("TOKEN=production");
        }
    }
    // A link that leads out of the branch.
    host.commit(
        "0",
        &[(file, &format!("services:\n  web:\n    image: {image}\n    volumes: [\"./data:/d\"]\n"))],
    );
    std::os::unix::fs::symlink(host.root(), host.dev().join("packages/web/data")).unwrap();
    host.commit("0", &[]);
    host.push();
    up(&stack, &id).exits(4).shows("preview-unsafe").shows("packages/web/data");
    assert_eq!((left(&id), rows(&stack).len()), (String::new(), 0));

    // A project of that name that is somebody else's.
    let label = format!("com.docker.compose.project=preview-branch-{id}");
    docker(["volume", "create", "--label", &label, &format!("preview-branch-{id}_theirs")]);
    up(&stack, &id).exits(4).shows("not-a-preview").shows("theirs");
    cleanup(&stack, &id, &["--yes"]).exits(4).shows("not-a-preview");
    assert!(left(&id).contains("theirs"));
});

both!(
    a_preview_that_does_not_come_up_says_why_and_can_be_tried_again_or_removed,
    |generation: Generation| {
        let id = id("half");
        let (_cleaner, stack) = stack_with_a_branch(generation, &id);
        let host = &stack.host;
        stack.publish("web", "3", Well::Never);
        host.git_at(&host.dev(), ["checkout", "-q", "feature/x"]).exits(0);
        let settings = std::fs::read_to_string(host.dev().join(".asd/release.toml")).unwrap();
        host.commit(
            "0",
            &[(".asd/release.toml", &settings.replace("deadline = \"45s\"", "deadline = \"15s\""))],
        );
        stack.release("0", "web", "3");
        up(&stack, &id)
            .exits(1)
            .shows("web.healthy: unhealthy")
            .shows(&format!("holdpoint preview up --type branch --id {id}"))
            .shows("holdpoint preview cleanup");
        assert_eq!(rows(&stack)[0]["state"], "half-up");
        stack.release("0", "web", "2");
        up(&stack, &id).exits(0);
        assert_eq!(rows(&stack)[0]["state"], "up");
        cleanup(&stack, &id, &["--yes"]).exits(0);
        assert_eq!(left(&id), "");
    }
);
