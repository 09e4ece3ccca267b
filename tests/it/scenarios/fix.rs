//! The fix is a new commit: it is taken into the release that failed, and the release goes on.

use crate::support::{Host, Scene, Service, manifest};

use super::{damages, three, tree};

#[test]
fn a_mended_script_is_taken_in_and_the_release_goes_on() {
    let host = three();
    let (base, data) = (host.head(), manifest(&host.data("wikijs")));
    host.script("1234", "theme", &damages(&host, "wikijs"));
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(1);
    let (calls, backups) = (host.calls(), host.state("1234", "BACKUPS"));
    host.script("1234", "theme", "true");
    host.push();
    let fix = host.git_at(&host.dev(), ["rev-parse", "HEAD"]).stdout.trim().to_owned();

    // A resume is the same attempt: it knows nothing of the new commit.
    host.run(["run", "1234", "--from=ticket"]).exits(1);
    host.run(["run", "1234", "--from=ticket", "--take-new-commits"]).exits(0).shows("1234@2 succeeded");
    for (key, value) in [
        ("ATTEMPT", "2"),
        ("CYCLE", "1"),
        ("BASE_SHA", base.as_str()),
        ("MERGE_SHA", fix.as_str()),
        ("BACKUPS", backups.as_str()),
        ("STATUS", "succeeded"),
    ] {
        assert_eq!(host.state("1234", key), value, "{key}");
    }
    assert_eq!(host.calls(), calls, "what migrate did still holds");
    assert!(host.log("1234").contains("event=superseded"), "{}", host.log("1234"));
    assert!(host.workspace("releases/1234/2/snapshot.toml").is_file());

    // The first backups belong to the cycle: a revert goes all the way back.
    host.run(["revert", "1234", "--yes"]).exits(0);
    assert_eq!((tree(&host, "HEAD"), manifest(&host.data("wikijs"))), (tree(&host, &base), data));
}

#[test]
fn new_commits_are_admitted_by_what_they_touch() {
    let host = three();
    let base = host.head();
    host.script("1234", "theme", "false");
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(1);
    host.script("1234", "theme", "true");

    // The same service again: from migrate.
    host.ships("1234", "wikijs", "2.1");
    let take = |from: &str| ["run", "1234", "--take-new-commits", from].map(str::to_owned);
    host.run(take("--from=ticket")).exits(4).shows("--from=migrate --take-new-commits");
    // Another service, whose data nobody saved yet: from prepare.
    host.ships("1234", "redmine", "2");
    host.run(take("--from=migrate")).exits(4).shows("--from=prepare --take-new-commits");
    host.run(take("--from=prepare")).exits(0);
    assert_eq!((host.image("wikijs"), host.image("redmine")), ("wikijs:2.1".into(), "redmine:2".into()));
    let backups = host.state("1234", "BACKUPS");
    assert!(backups.contains("wikijs=") && backups.contains("redmine="), "{backups}");
    assert_eq!(host.state("1234", "BASE_SHA"), base);
    let steps = host.events("1234");
    let last = |event: &str| {
        steps.iter().rposition(|step| step == event).unwrap_or_else(|| panic!("{event}: {steps:?}"))
    };
    assert!(
        last("prepare step-done backup.redmine.1") < last("prepare step-start git.merge"),
        "the newly touched service is saved before the tree moves: {steps:?}"
    );
}

#[test]
fn inputs_that_changed_on_the_host_are_listed_and_accepted_with_a_reason() {
    let host = Scene::new().service(Service::new("wikijs")).file(".gitignore", ".env\n").build();
    host.write(".env", "LEVEL=1\n");
    host.script("1234", "theme", "test \"$LEVEL\" = 2");
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(1);
    // A changed environment is the fix itself, and never in the way.
    host.write(".env", "LEVEL=2\n");
    host.run(["run", "1234", "--from=ticket"]).exits(0);
    assert_eq!(host.state("1234", "STATUS"), "succeeded");
    assert!(host.log("1234").contains("LEVEL"), "the names that changed are logged:\n{}", host.log("1234"));
}

#[test]
fn a_commit_made_on_the_host_is_not_slipped_into_a_resume() {
    let host = Host::new();
    host.script("1234", "theme", "false");
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(1);
    host.write("releases/1234-theme.sh", "true\n");
    host.run(["run", "1234", "--from=ticket"]).exits(4).shows("releases/1234-theme.sh");
    host.git(["commit", "-q", "-a", "-m", "mended here"]).exits(0);
    host.run(["run", "1234", "--from=ticket"]).exits(4).shows("head-moved").shows("mended here");
    assert_eq!(host.state("1234", "STATUS"), "failed");
}

#[test]
fn a_resume_needs_every_earlier_phase() {
    let host = Host::new();
    host.trouble("wikijs", crate::support::Trouble::PullDenied, None);
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(1);
    host.run(["run", "1234", "--from=verify"]).exits(4).shows("phase-not-done").shows("--from=migrate");
    host.repair("wikijs");
    host.run(["run", "1234", "--from=migrate"]).exits(0);
}

#[test]
fn a_phase_is_left_out_only_with_a_reason_and_on_record() {
    let host = Host::new();
    host.script("1234", "theme", "false");
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234", "--skip-ticket"]).exits(2).shows("--reason");
    host.run(["run", "1234", "--skip-ticket", "--reason", "done by hand"]).exits(0);
    let record = host.record("1234", "phase=ticket event=skipped");
    assert!(record.contains("done by hand"), "{record}");
}
