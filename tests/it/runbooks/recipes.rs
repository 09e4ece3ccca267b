//! The runbook of a release that failed mid-phase, in the very words that it is written in: `just release-run …` and the other
//! recipes of `release.just`, typed into the real `just`.

use std::process::Stdio;

use crate::support::{Host, Output, Scene, Service, Trouble, lacks};

/// A host as it is after `holdpoint init` and `import 'release.just'`.
fn with_recipes() -> Host {
    Scene::new().service(Service::new("wikijs").deadline("600ms")).recipes().build()
}

/// A line that begins with `just`, as a person types it in the checkout.
fn types(host: &Host, line: &str) -> Output {
    let mut words = line.split(' ');
    assert_eq!(words.next(), Some("just"), "{line}");
    let mut command = host.command("just", &host.prod());
    command.args(words).env("HOLDPOINT", crate::support::binary()).stdin(Stdio::null());
    Output::of(command)
}

/// The command that a screen shows after a line, without what stands around it.
fn shown_after(output: &Output, line: &str) -> String {
    let all = format!("{}\n{}", output.stdout, output.stderr);
    let after = all.split_once(line).unwrap_or_else(|| panic!("`{line}` in {output}")).1;
    after.lines().find(|line| line.contains("just ")).unwrap().trim().to_owned()
}

#[test]
fn a_failed_verify_is_looked_at_mended_and_resumed_by_recipes_alone() {
    if lacks(&["just"]) {
        return;
    }
    let host = with_recipes();
    let page = host.root().join("run/wikijs/www/healthz");
    host.script("1234", "theme", &format!("rm {}", page.display()));
    host.ships("1234", "wikijs", "2");
    let failed = types(&host, "just release-run 1234").exits(1).shows("✗ http-health: HTTP 404 (wikijs)");
    let failed = failed.shows("just status wikijs").shows("just logs wikijs");
    let back = shown_after(&failed, "release-run failed in phase verify. To roll back:");
    let onward = shown_after(&failed, "To go on once the cause is fixed:");
    assert_eq!(
        (back.as_str(), onward.as_str()),
        ("just release-revert 1234", "just release-run 1234 --from=verify")
    );

    let log = host.log("1234");
    assert!(log.lines().rev().take(10).any(|line| line.contains("phase=verify event=failed rc=")), "{log}");
    types(&host, "just release-state 1234").exits(0).shows("1234@1").shows("failed");
    types(&host, "just status wikijs").exits(0).shows("wikijs");
    types(&host, "just logs wikijs").exits(0);
    host.repair("wikijs");
    types(&host, &onward).exits(0);
    assert_eq!(host.state("1234", "STATUS"), "succeeded");
    types(&host, "just release-run 1235").exits(5).shows("nothing to release");
}

#[test]
fn a_tree_that_is_dirty_or_was_pulled_is_put_right_with_the_lines_that_are_shown() {
    if lacks(&["just"]) {
        return;
    }
    let host = with_recipes();
    host.ships("1200", "wikijs", "2");
    types(&host, "just release-run 1200").exits(0);
    host.ships("1234", "wikijs", "3");
    host.write("notes.txt", "work in progress\n");
    types(&host, "just release-run 1234")
        .exits(4)
        .shows("[ERROR] Working tree is dirty. Commit, stash or discard before release.");
    std::fs::remove_file(host.prod().join("notes.txt")).unwrap();
    let before = host.head();
    host.git(["pull", "-q"]).exits(0);
    types(&host, "just release-run 1234")
        .exits(4)
        .shows("[ERROR] already up-to-date with origin/main — nothing to release")
        .shows(&format!("git reset --hard {before}"))
        .shows("just release-run 1234");
    host.git(["reset", "-q", "--hard", &before]).exits(0);
    types(&host, "just release-run 1234").exits(0);
}

#[test]
fn a_migration_that_cannot_go_forward_is_taken_back_by_the_recipe_that_the_screen_names() {
    if lacks(&["just"]) {
        return;
    }
    let host = with_recipes();
    host.trouble("wikijs", Trouble::PullDenied, Some("wikijs:2"));
    host.ships("1234", "wikijs", "2");
    let failed = types(&host, "just release-run 1234").exits(1).shows("pull access denied");
    let back = shown_after(&failed, "release-run failed in phase migrate. To roll back:");
    assert_eq!(back, "just release-revert 1234");
    // A recipe asks as the program does: nobody is there to answer.
    types(&host, &back).exits(2).shows("--yes");
    types(&host, &format!("{back} --yes")).exits(0);
    assert_eq!((host.state("1234", "STATUS"), host.image("wikijs")), ("reverted".into(), "wikijs:1".into()));
    types(&host, "just release-return-to-main").exits(0);
}

/// The key of wikijs is stale: its own interface refuses the ticket's script until the service is configured anew.
#[test]
fn a_stale_key_is_made_anew_by_the_recipe_that_init_wrote_and_the_ticket_goes_on() {
    if lacks(&["just"]) {
        return;
    }
    let hooks = "hooks = { ensure_config = [{ run = [\"sh\", \"scripts/key.sh\"], idempotent = true }] }";
    let host = Scene::new()
        .service(Service::new("wikijs").extra(hooks))
        .file("justfile", "import? 'release.just'\n")
        .file("scripts/key.sh", "test -e ../reachable && touch ../key\n")
        .build();
    host.run(["init"]).exits(0).shows("release.just");
    let recipes = host.read("release.just");
    std::fs::remove_file(host.prod().join("release.just")).unwrap();
    host.script(
        "1234",
        "theme",
        "test -e ../key || { echo '[WIKIJS] ERROR: could not read theming config: Forbidden'; exit 1; }",
    );
    host.commit("1234", &[("release.just", &recipes)]);
    host.push();
    host.run(["run", "1234"]).exits(1).shows("release-api-key-forbidden (strong match)");

    // What cannot make it says how it is tried again, in the words that were typed.
    types(&host, "just wikijs-configure").exits(1).shows("just wikijs-configure");
    std::fs::write(host.root().join("reachable"), "").unwrap();
    types(&host, "just wikijs-configure --dry-run").exits(0).shows("scripts/key.sh");
    assert!(!host.root().join("key").exists());
    types(&host, "just wikijs-configure --reason stale").exits(0);
    types(&host, "just release-run 1234 --from=ticket").exits(0);
    assert_eq!(host.state("1234", "STATUS"), "succeeded");
}
