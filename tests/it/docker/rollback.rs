//! A rollback puts back the very images that ran, without building or fetching, and is refused before anything is stopped
//! where one of them is gone.

use serde_json::Value;

use super::both;
use super::engine::{Generation, Well, docker};
use super::stack::Stack;

/// A stack on which `web:2` and then `web:3` were released.
fn released_twice(generation: Generation) -> Stack {
    let stack = Stack::up(generation);
    for (ticket, tag) in [("1201", "2"), ("1202", "3")] {
        stack.publish("web", tag, Well::AtOnce);
        stack.release(ticket, "web", tag);
        stack.host.run(["run", ticket]).exits(0);
    }
    stack
}

fn readiness(stack: &Stack) -> Value {
    stack.host.run(["readiness", "1202", "--json"]).exits(0).json()
}

fn image_of(stack: &Stack) -> String {
    docker(["inspect", "--format", "{{.Image}}", &stack.container("web")])
}

both!(the_images_that_ran_come_back_whatever_their_tags_mean_today, |generation: Generation| {
    let stack = released_twice(generation);
    let newest = image_of(&stack);
    // Somebody moved the tag here: it names another image now.
    docker(["tag", newest.trim(), &stack.registry.name("web:2")]);
    // And nothing can be fetched any more.
    let answer = readiness(&stack);
    let row = &answer["rollback"]["candidates"][0];
    assert_eq!(row["deploymentId"], "1201@1");
    assert_eq!(row["artifacts"][0]["present"], true, "{row:#}");
    let version = answer["stateVersion"].as_str().unwrap();

    stack
        .host
        .run(["rollback", "1202", "--candidate", "1201@1", "--yes", "--if-version", version])
        .exits(0)
        .hides("pull");

    assert_eq!(stack.get("web", "/version"), "web:2");
    assert_eq!(image_of(&stack).trim(), row["artifacts"][0]["digest"].as_str().unwrap());
});

both!(a_rollback_to_an_image_that_is_gone_stops_nothing, |generation: Generation| {
    let stack = released_twice(generation);
    let answer = readiness(&stack);
    let id = answer["rollback"]["candidates"][0]["artifacts"][0]["digest"].as_str().unwrap().to_owned();
    docker(["image", "rm", "--force", &id]);
    let container = stack.container("web");

    let answer = readiness(&stack);
    let row = &answer["rollback"]["candidates"][0];
    assert_eq!((&row["rollbackReady"], &row["artifacts"][0]["present"]), (&false.into(), &false.into()));
    let version = answer["stateVersion"].as_str().unwrap();
    stack
        .host
        .run(["rollback", "1202", "--candidate", "1201@1", "--yes", "--if-version", version])
        .exits(4)
        .shows("runtime-artifact-missing");

    assert_eq!((stack.container("web"), stack.get("web", "/version")), (container, "web:3".into()));
    assert_eq!(stack.host.state("1202", "ATTEMPT"), "1");
});
