//! `init`: what it writes, what it leaves alone, and what it may write over.

use crate::support::{Host, manifest};

/// A checkout that knows nothing of us.
fn bare() -> Host {
    let host = Host::new();
    host.git(["rm", "-rq", ".asd"]).exits(0);
    host
}

#[test]
fn what_is_drafted_is_recorded_with_its_reason() {
    let host = bare();
    let before = manifest(&host.prod());
    host.run(["init", "--dry-run", "--yes"]).exits(0).shows("would write");
    assert_eq!(manifest(&host.prod()), before);
    host.run(["init", "--reason", "first look"]).exits(0).shows("wrote");
    let log = host.read(".asd/workspace/audit.log");
    assert!(
        log.contains("event=wrote") && log.contains("verb=init") && log.contains("msg=\"first look\""),
        "{log}"
    );
    assert!(log.contains("release.just"), "{log}");
    host.run(["init"]).exits(0).shows("kept");
    assert_eq!(host.read(".asd/workspace/audit.log"), log, "nothing was written, nothing is recorded");
}

#[test]
fn a_file_of_ours_is_written_over_only_with_a_yes_and_the_configuration_never() {
    let host = bare();
    host.run(["init"]).exits(0);
    let recipes = host.read("release.just");
    host.write("release.just", "# mine\n");
    host.write(".asd/release.toml", "# mine, too\n");
    host.run(["init"]).exits(0).shows("holdpoint init --yes");
    host.run(["init", "--dry-run"]).exits(0);
    assert_eq!(host.read("release.just"), "# mine\n");
    host.run(["init", "--dry-run", "--yes"]).exits(0).shows("would rewrite");
    assert_eq!(host.read("release.just"), "# mine\n");
    host.run(["init", "--yes"]).exits(0).shows("rewrote");
    assert_eq!(host.read("release.just"), recipes);
    assert_eq!(host.read(".asd/release.toml"), "# mine, too\n");
    let kept = host.types("cat .asd/workspace/replaced/*/release.just").exits(0);
    assert_eq!(kept.stdout, "# mine\n", "what was written over is kept");
}

#[test]
fn outside_of_a_checkout_it_says_where_to_begin() {
    let host = Host::new();
    let mut command = host.command(crate::support::binary(), host.root());
    command.arg("init");
    crate::support::Output::of(command).exits(1).shows("is not a git checkout").shows("git clone");
}
