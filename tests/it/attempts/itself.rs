//! `[run] on_failure = "revert"`: a release that fails takes itself back, as a person's revert would.

use crate::support::{Host, Scene, Service, Trouble, manifest};

fn host() -> Host {
    Scene::new().service(Service::new("wikijs")).config("[run]\non_failure = \"revert\"").build()
}

fn tree(host: &Host, commit: &str) -> String {
    host.git(["rev-parse", &format!("{commit}^{{tree}}")]).exits(0).stdout
}

#[test]
fn a_release_that_fails_takes_itself_back_and_is_no_success() {
    let host = host();
    let (base, data) = (host.head(), manifest(&host.data("wikijs")));
    host.script("1234", "theme", &format!("echo half >{}/half; exit 3", host.data("wikijs").display()));
    host.ships("1234", "wikijs", "2");

    host.run(["run", "1234"]).exits(1).shows("exited 3").shows("1234 is taken back").hides("To roll back");

    assert_eq!(host.state("1234", "STATUS"), "reverted");
    assert_eq!((tree(&host, "HEAD"), manifest(&host.data("wikijs"))), (tree(&host, &base), data));
    assert_eq!(host.image("wikijs"), "wikijs:1");
    assert!(host.workspace("releases/1234/1/evidence").is_dir(), "what was seen is kept");
    host.run(["revert", "1234", "--yes"]).exits(0).shows("already reverted");
}

#[test]
fn one_that_failed_before_anything_was_changed_only_says_so() {
    let host = host();
    let aside = host.root().join("aside");
    std::fs::rename(host.data("wikijs"), &aside).unwrap();
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(1).shows("nothing was changed by `1234`");
    assert_eq!(host.state("1234", "STATUS"), "failed");
    std::fs::rename(&aside, host.data("wikijs")).unwrap();
}

#[test]
fn a_way_back_that_is_refused_or_fails_is_said_and_nothing_is_called_well() {
    let host = host();
    host.ships("1234", "wikijs", "2");
    host.trouble("wikijs", Trouble::StartFails, None);
    // The old image does not start either.
    host.run(["run", "1234"]).exits(7).shows("release-revert failed");
    assert_eq!(host.state("1234", "STATUS"), "stuck");
    host.repair("wikijs");
    host.run(["revert", "1234", "--yes"]).exits(0);

    // A set that is not what its record says is no way back.
    host.script("1235", "theme", "printf x >>.asd/workspace/backups/wikijs/*/1-files/tree.tar 2>/dev/null || true; find .asd/workspace/backups -type f -size +0 ! -name manifest.toml -exec sh -c 'printf x >>\"$1\"' _ {} \\;; exit 3");
    host.ships("1235", "wikijs", "3");
    host.run(["run", "1235", "--reintroduce", "1234", "--reason", "mended"])
        .exits(1)
        .shows("it could not take itself back")
        .shows("backup-unverified");
    assert_eq!(host.state("1235", "STATUS"), "failed");
}

#[test]
fn a_guardrail_that_says_no_keeps_it_from_taking_itself_back() {
    let host = Scene::new()
        .service(Service::new("wikijs"))
        .config("[run]\non_failure = \"revert\"\n[guard]\ncommand = [\"sh\", \"-c\", \"exit 3\"]")
        .build();
    host.script("1234", "theme", "exit 3");
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(1).shows("it could not take itself back: guard-failed");
    assert_eq!(host.state("1234", "STATUS"), "failed");
}
