//! `drift` of containers: leftovers, strays, moved tags, other configurations; and the command beside each clears it.

use serde_json::Value;

use super::both;
use super::engine::{Generation, docker};
use super::stack::Stack;

fn rows(stack: &Stack) -> Vec<Value> {
    let view = stack.host.run(["drift", "--json"]).exits(0).json();
    view["rows"].as_array().unwrap().clone()
}

fn codes(stack: &Stack) -> Vec<String> {
    let word = |row: &Value, field: &str| row[field].as_str().unwrap_or_default().to_owned();
    let line = |row: &Value| format!("{} {}", word(row, "code"), word(row, "service"));
    rows(stack).iter().map(|row| line(row).trim_end().to_owned()).collect()
}

/// Types the first command of the only row.
fn clear(stack: &Stack) {
    let rows = rows(stack);
    let command = rows[0]["clears"].as_array().unwrap().last().unwrap().as_str().unwrap().to_owned();
    stack.host.types(&command).exits(0);
    assert!(codes(stack).is_empty(), "`{command}` did not clear {:?}", codes(stack));
}

both!(what_containers_are_not_meant_to_be_is_told_and_cleared, |generation: Generation| {
    let stack = Stack::up(generation);
    stack.host.run(["adopt", "--reason", "first"]).exits(0);
    stack.host.run(["drift", "--check"]).exits(0).shows("2 services, 2 containers");
    let status = stack.host.run(["status", "web", "--json"]).exits(0).json();
    let row = &status["services"][0];
    assert!(row["digest"].as_str().unwrap().starts_with("sha256:"), "{status}");
    assert_eq!(row["restarts"], 0);

    let name = stack.leftover("web");
    assert_eq!(codes(&stack), ["container-leftover web"]);
    stack.host.run(["drift", "--check"]).exits(6).shows(&name);
    clear(&stack);

    // The tag is another image by now; the container is of the old one.
    let web = stack.registry.name("web:1");
    docker(["tag", &stack.registry.name("db:1"), &web]);
    assert_eq!(codes(&stack), ["image-moved web"]);
    clear(&stack);

    stack.compose("web", &["stop", "web"]).exits(0);
    assert_eq!(codes(&stack), ["service-down web"]);
    clear(&stack);

    // Somebody changed the file by hand and did not make a new container from it.
    let file = "packages/web/docker-compose.yaml";
    let text = stack.host.read(file).replace("    ports:", "    environment: {MODE: quick}\n    ports:");
    stack.host.write(file, &text);
    assert_eq!(codes(&stack), ["tree-dirty", "config-differs web"]);
    stack.host.git(["restore", "--", "."]).exits(0);
    assert!(codes(&stack).is_empty());
});
