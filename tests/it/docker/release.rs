//! Releases of containers: a new tag, an image that is not there, a container that takes its time, one that does not run
//! what it should, and one that compose left behind.

use std::time::{Duration, Instant};

use super::both;
use super::engine::{Generation, Well, docker, server};
use super::stack::Stack;

both!(a_new_tag_is_pulled_and_runs, |generation: Generation| {
    let stack = Stack::up(generation);
    let (web, db) = (stack.container("web"), stack.container("db"));
    stack.publish("web", "2", Well::AtOnce);
    let commit = stack.release("1234", "web", "2");

    stack.host.run(["run", "1234"]).exits(0);

    assert_eq!(stack.get("web", "/version"), "web:2");
    assert_eq!(stack.image("web"), stack.registry.name("web:2"));
    assert_ne!(stack.container("web"), web);
    assert_eq!(stack.container("db"), db, "a service that the release does not touch keeps its container");
    assert_eq!(stack.host.head(), commit);
    for (key, value) in [("STATUS", "succeeded"), ("SERVICES", "web"), ("MERGE_SHA", commit.as_str())] {
        assert_eq!(stack.host.state("1234", key), value, "{key}");
    }
    stack.host.run(["run", "1235"]).exits(5).shows("nothing to release");
});

both!(an_image_that_cannot_be_pulled_touches_no_container, |generation: Generation| {
    let stack = Stack::up(generation);
    let before = (stack.container("web"), stack.container("db"));
    stack.publish("db", "2", Well::AtOnce);
    stack.release("1234", "db", "2");
    stack.release("1234", "web", "9");

    stack
        .host
        .run(["run", "1234"])
        .exits(1)
        .shows("manifest unknown")
        .shows("release-run failed in phase migrate. To roll back:");

    assert_eq!((stack.container("web"), stack.container("db")), before);
    assert_eq!(stack.host.state("1234", "STATUS"), "failed");
    assert!(stack.host.log("1234").contains("phase=migrate event=failed"), "{}", stack.host.log("1234"));

    stack.publish("web", "9", Well::AtOnce);
    stack.host.run(["run", "1234", "--from=migrate"]).exits(0);
    assert_eq!((stack.get("web", "/version"), stack.get("db", "/version")), ("web:9".into(), "db:2".into()));
});

both!(
    a_tag_that_was_pushed_again_is_pulled_again_and_a_revert_has_the_old_image,
    |generation: Generation| {
        let stack = Stack::up(generation);
        let old = docker(["inspect", "--format", "{{.Image}}", &stack.container("web")]);
        let again = stack.registry.name("web:1");
        stack.registry.push_over("web:1", |context| server(context, "web:1, built again", Well::AtOnce));
        // The tag stays, so nothing in the compose file tells the two apart.
        stack.host.commit("1234", &[("packages/web/page.txt", "new\n")]);
        stack.host.push();

        stack.host.run(["run", "1234"]).exits(0);
        assert_eq!(stack.get("web", "/version"), "web:1, built again");
        assert_eq!(stack.image("web"), again);

        stack.host.run(["revert", "1234", "--yes"]).exits(0);
        assert_eq!(stack.get("web", "/version"), "web:1");
        assert_eq!(docker(["inspect", "--format", "{{.Image}}", &stack.container("web")]), old);
    }
);

both!(a_container_that_is_unhealthy_at_first_is_waited_for, |generation: Generation| {
    let stack = Stack::up(generation);
    stack.publish("web", "2", Well::After(20));
    stack.release("1234", "web", "2");
    let began = Instant::now();
    let running = stack.host.start(["run", "1234"]);
    crate::support::wait_until("it is unhealthy", || {
        // One look: a container that is seen and then asked again may have been replaced in between.
        let seen = stack.posture("web");
        seen.starts_with(&stack.registry.name("web:2")) && seen.contains("(unhealthy)")
    });
    running.wait().exits(0);
    assert!(began.elapsed() >= Duration::from_secs(20), "{:?}", began.elapsed());
    assert_eq!(stack.health("web"), "healthy");
});

both!(a_container_that_stays_unhealthy_halts_the_release, |generation: Generation| {
    let stack = Stack::up(generation);
    stack.publish("web", "2", Well::Never);
    stack.release("1234", "web", "2");
    stack
        .host
        .run(["run", "1234", "--health-deadline", "web=6s"])
        .exits(1)
        .shows("no backend")
        .shows("release-run failed in phase migrate. To roll back:");
    stack.host.run(["revert", "1234", "--yes"]).exits(0);
    assert_eq!(stack.get("web", "/version"), "web:1");
    assert_eq!(stack.image("web"), stack.registry.name("web:1"));
});

both!(a_container_that_runs_another_image_than_intended_fails_verify, |generation: Generation| {
    let stack = Stack::up(generation);
    stack.publish("web", "2", Well::AtOnce);
    stack.release("1234", "web", "2");
    let (got, expected) = (stack.registry.name("web:1"), stack.registry.name("web:2"));
    stack
        .host
        .run(["run", "1234", "--skip-migrate", "--reason", "shows what verify sees"])
        .exits(1)
        .shows(&format!("✗ web.image: got {got}, expected {expected}"))
        .shows("release-run failed in phase verify. To roll back:");
});

both!(a_container_that_compose_left_behind_is_named, |generation: Generation| {
    let stack = Stack::up(generation);
    let leftover = stack.leftover("web");
    stack.publish("web", "2", Well::AtOnce);
    stack.release("1234", "web", "2");
    stack.host.run(["run", "1234"]).shows(&leftover);
});
