//! Running containers and a configuration that does not fit them: a wrong name must never start a second stack on empty
//! volumes.

use super::both;
use super::engine::{Generation, Well, docker};
use super::stack::{Piece, Stack};

/// Replaces words of the configuration in a pushed commit.
fn reconfigure(stack: &Stack, from: &str, to: &str) {
    let settings = stack.host.read(".asd/release.toml");
    assert!(settings.contains(from), "{settings}");
    stack.host.commit("1234", &[(".asd/release.toml", &settings.replace(from, to))]);
    stack.host.push();
}

both!(a_wrong_project_name_starts_no_second_stack, |generation: Generation| {
    let stack = Stack::up(generation);
    stack.publish("web", "2", Well::AtOnce);
    stack.release("1234", "web", "2");
    let right = format!("project = \"{}\"", stack.project);
    reconfigure(&stack, &right, &format!("project = \"{}x\"", stack.project));
    let before = (stack.container("web"), stack.container("db"));
    stack.host.run(["run", "1234"]).exits(4).shows("project-mismatch").shows(&stack.project);
    // Who has it in the tree already is told by the doctor.
    stack.host.git(["pull", "-q"]).exits(0);
    stack.host.run(["doctor"]).fails().shows("project-mismatch");
    assert_eq!((stack.container("web"), stack.container("db")), before);
    let second = format!("label=com.docker.compose.project={}x", stack.project);
    assert_eq!(docker(["ps", "-aq", "--filter", &second]), "");
    assert_eq!(docker(["volume", "ls", "-q", "--filter", &second]), "");
});

both!(a_backup_of_another_volume_is_refused, |generation: Generation| {
    let elsewhere = "[{ kind = \"volume\", volume = \"PROJECT_data\" }]";
    let stack = Stack::of(generation, "", vec![Piece::db().backup(elsewhere), Piece::web()]);
    stack.publish("db", "2", Well::AtOnce);
    stack.release("1234", "db", "2");
    stack
        .host
        .run(["run", "1234"])
        .exits(4)
        .shows("volume-mismatch")
        .shows(&format!("{}_db_data", stack.project));
    stack.host.run(["doctor"]).fails().shows("volume-mismatch");
    assert_eq!(stack.get("db", "/version"), "db:1");
});

both!(running_containers_are_adopted_without_touching_them, |generation: Generation| {
    let stack = Stack::up(generation);
    let before = (stack.container("web"), stack.container("db"));
    stack.host.run(["adopt"]).exits(0);
    assert_eq!((stack.container("web"), stack.container("db")), before);
    assert_eq!(stack.host.state("baseline", "STATUS"), "succeeded");
    assert_eq!(stack.host.state("baseline", "MERGE_SHA"), stack.host.head());
    stack.publish("web", "2", Well::AtOnce);
    stack.release("1234", "web", "2");
    stack.host.run(["run", "1234"]).exits(0);
    assert_eq!(stack.get("web", "/version"), "web:2");
    stack.host.run(["status"]).exits(0).shows("web").shows("db");
});

both!(init_drafts_what_runs_and_a_release_follows, |generation: Generation| {
    let stack = Stack::up(generation);
    let host = &stack.host;
    std::fs::remove_file(host.dev().join(".asd/release.toml")).unwrap();
    host.commit("1200", &[]);
    host.push();
    host.git(["pull", "-q"]).exits(0);

    host.run(["init"]).exits(0);

    let draft = host.read(".asd/release.toml");
    let volume = format!("{}_db_data", stack.project);
    for part in [stack.project.as_str(), volume.as_str(), "packages/web/docker-compose.yaml"] {
        assert!(draft.contains(part), "{part} is not in\n{draft}");
    }
    assert!(host.read("release.just").contains("release-run"));
    stack.publish("web", "2", Well::AtOnce);

    // What an operator does next: says that `web` keeps nothing, commits the files, and releases.
    let corrected = draft.replace("# backup = { kind = \"none\"", "backup = { kind = \"none\"");
    host.commit("1201", &[(".asd/release.toml", &corrected), ("release.just", &host.read("release.just"))]);
    host.push();
    for ours in [".asd/release.toml", "release.just"] {
        std::fs::remove_file(host.prod().join(ours)).unwrap();
    }
    host.git(["pull", "-q"]).exits(0);
    assert_eq!(host.git(["status", "--porcelain"]).exits(0).stdout, "");
    let running = (stack.container("web"), stack.container("db"));
    host.run(["adopt"]).exits(0);
    for posture in [host.run(["status"]), host.run(["status", "--json"])] {
        posture.exits(0).shows("web").shows("db").shows(&stack.registry.name("web:1")).shows("healthy");
    }
    host.run(["logs", "web"]).exits(0).shows("server web:1");
    host.run(["doctor"]).exits(0).hides("mismatch");
    assert_eq!((stack.container("web"), stack.container("db")), running, "to look touches nothing");

    // What a recreate that was cut short leaves behind is named to whoever looks.
    let leftover = stack.leftover("web");
    host.run(["status"]).shows(&leftover);
    docker(["rm", &leftover]);

    stack.release("1234", "web", "2");
    host.run(["run", "1234"]).exits(0);
    assert_eq!(stack.get("web", "/version"), "web:2");
});
