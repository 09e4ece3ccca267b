//! Relinked images and folders are what the next release really runs, and what a revert takes back.

use super::both;
use super::engine::{Generation, Well, server};
use super::stack::Stack;

both!(
    the_next_release_runs_the_image_from_elsewhere_and_a_revert_the_one_before,
    |generation: Generation| {
        let stack = Stack::up(generation);
        let host = &stack.host;
        host.run(["adopt", "--reason", "as it runs"]).exits(0);
        let (old, new) = (stack.registry.name("web:1"), stack.registry.name("mirror/web:1"));
        let words = ["source", "relink", "web.image", "--to", &new, "--expect-current", &old];
        host.run(words.iter().chain(&["--yes"]))
            .exits(4)
            .shows("source-unavailable")
            .shows("no registry offers it");
        stack.registry.publish("mirror/web:1", |context| server(context, "web:mirror", Well::AtOnce));

        host.run(words.iter().chain(&["--yes", "--reason", "the old registry goes"]))
            .exits(0)
            .shows("its registry offers it")
            .shows("holdpoint redeploy --service web");
        assert_eq!(host.git(["status", "--porcelain"]).stdout, "");
        assert_eq!(stack.get("web", "/version"), "web:1", "nothing was released");
        host.run(["drift", "--check"]).exits(0);

        host.commit("1234", &[("packages/web/note", "x\n")]);
        host.push();
        host.run(["run", "1234", "--dry-run"])
            .exits(0)
            .shows(&format!("{old} → {new}"))
            .shows("sources/web-");
        host.run(["run", "1234"]).exits(0);
        assert_eq!(
            (stack.get("web", "/version"), stack.image("web")),
            ("web:mirror".to_owned(), new.clone())
        );
        host.run(["drift", "--check"]).exits(0);
        host.run(["status", "web"]).exits(0).shows(&new);

        host.run(["revert", "1234", "--yes"]).exits(0);
        assert_eq!((stack.get("web", "/version"), stack.image("web")), ("web:1".to_owned(), old));
        host.run(["drift", "--check"]).exits(0);
    }
);

both!(a_compose_folder_that_moved_is_read_where_it_is, |generation: Generation| {
    let stack = Stack::up(generation);
    let host = &stack.host;
    host.run(["adopt", "--reason", "as it runs"]).exits(0);
    stack.publish("web", "2", Well::AtOnce);
    stack.release("1234", "web", "2");
    std::fs::create_dir_all(host.dev().join("services")).unwrap();
    host.git_at(&host.dev(), ["mv", "packages/web", "services/web"]).exits(0);
    host.commit("1234", &[]);
    host.push();
    host.run(["run", "1234"])
        .exits(4)
        .shows("source-unavailable")
        .shows("holdpoint source relink SERVICE.folder");

    let words = ["source", "relink", "web.folder", "--expect-current", "packages/web", "--yes", "--to"];
    host.run(words.iter().chain(&["services/nowhere"])).exits(4).shows("source-unavailable");
    host.run(words.iter().chain(&["services/web"])).exits(0);
    host.run(["run", "1234"]).exits(0);
    assert_eq!(stack.get("web", "/version"), "web:2");
    host.run(["drift", "--check"]).exits(0);
});
