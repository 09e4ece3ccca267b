//! A night on which nothing goes wrong, and the records it leaves; and the seed's five steps on a night on which it does.

use std::os::unix::fs::PermissionsExt;

use crate::support::{Host, Scene, Service};

use super::three;

#[test]
fn a_release_leaves_what_the_seed_reads() {
    let host = three();
    let base = host.head();
    let target = host.ships("1234", "wikijs", "2");

    host.run(["run", "1234"]).exits(0).shows("1234@1 succeeded");

    assert_eq!(host.head(), target);
    assert_eq!((host.image("wikijs"), host.image("redmine")), ("wikijs:2".into(), "redmine:1".into()));
    assert_eq!(host.calls(), ["wikijs pull wikijs:2", "wikijs recreate wikijs:2"]);
    let stamp = host.state("1234", "BACKUPS").strip_prefix("wikijs=").unwrap().to_owned();
    assert!(host.workspace(&format!("backups/wikijs/{stamp}/manifest.toml")).is_file());
    for (key, value) in [
        ("TICKET", "1234"),
        ("BASE_SHA", base.as_str()),
        ("MERGE_SHA", target.as_str()),
        ("SERVICES", "wikijs"),
        ("BRANCH", "main"),
        ("ATTEMPT", "1"),
        ("STATUS", "succeeded"),
        ("RC", "0"),
        ("FORMAT", "1"),
    ] {
        assert_eq!(host.state("1234", key), value, "{key}");
    }
    // Checks of phase 4 run side by side and end in any order.
    let events = host.events("1234");
    let events: Vec<&str> =
        events.iter().map(String::as_str).filter(|event| !event.starts_with("verify step")).collect();
    insta::assert_snapshot!(events.join("\n"), @"
    prepare created
    - planned
    prepare started
    prepare start
    prepare step-start snapshot
    prepare step-done snapshot
    prepare step-start backup.wikijs.1
    prepare step-done backup.wikijs.1
    prepare step-start git.merge
    prepare step-done git.merge
    prepare done
    migrate start
    migrate step-start wikijs.pull
    migrate step-done wikijs.pull
    migrate step-start wikijs.recreate
    migrate step-done wikijs.recreate
    migrate step-start wikijs.health
    migrate step-done wikijs.health
    migrate done
    ticket skipped-no-script
    verify start
    verify done
    - succeeded
    ");
    // The seed's own lines.
    host.types("tail .asd/workspace/releases/1234.log").exits(0).shows("phase=verify event=done");
    host.types("grep event=failed .asd/workspace/releases/1234.log").exits(1);
    host.run(["log", "1234", "--verify"]).exits(0).shows("the chain is whole");
    host.run(["state", "1234"]).exits(0).shows("1234@1 succeeded");
    host.run(["list"]).exits(0).shows("1234@1").shows("succeeded");
}

#[test]
fn the_state_file_is_the_seeds_and_ends_in_its_checksum() {
    let host = Host::new();
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(0);
    let text = host.read(".asd/workspace/releases/1234.env");
    let keys: Vec<&str> = text.lines().map(|line| line.split_once('=').unwrap().0).collect();
    assert_eq!(keys[..5], ["TICKET", "BASE_SHA", "MERGE_SHA", "SERVICES", "BACKUPS"]);
    assert_eq!(*keys.last().unwrap(), "#end crc32");
    let exported = host.run(["state", "1234", "--export"]).exits(0).stdout;
    assert!(exported.contains(&format!("MERGE_SHA={}", host.head())), "{exported}");
}

#[test]
fn what_a_release_writes_is_for_its_operators_only() {
    let host = Host::new();
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(0);
    let mode = |path: &str| host.workspace(path).metadata().unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode("."), 0o750);
    assert_eq!(mode("releases"), 0o750);
    assert_eq!(mode("releases/1234.env"), 0o640);
    assert_eq!(mode("releases/1234.log"), 0o640);
    assert_eq!(mode("releases/1234/1/snapshot.toml"), 0o640);
    for step in std::fs::read_dir(host.workspace("releases/1234/1/steps")).unwrap() {
        let step = step.unwrap().path();
        assert!(!step.join("spool").exists(), "what was printed raw stays nowhere: {}", step.display());
    }
    // Its script to read refuses to be run.
    host.types("bash .asd/workspace/releases/1234/1/migrate.sh").fails();
    assert!(host.read(".asd/workspace/releases/1234/1/migrate.sh").contains("service.sh wikijs recreate"));
    host.git(["status", "--porcelain"]).exits(0).hides("workspace");
}

#[test]
fn a_dry_run_shows_the_plan_that_is_then_carried_out() {
    let host = three();
    let base = host.head();
    host.ships("1234", "wikijs", "2");
    let dry = host.run(["run", "1234", "--dry-run"]).exits(0).shows("service.sh wikijs recreate");
    assert_eq!(host.head(), base);
    assert_eq!(host.calls(), [""; 0]);
    assert!(!host.workspace("releases/1234.log").exists() && !host.workspace("backups").exists());
    let id = host.run(["run", "1234", "--dry-run", "--json"]).exits(0).json()["plan"]["id"].clone();
    let id = id.as_str().unwrap();
    dry.shows(&format!("--plan {id}"));
    host.run(["check", "1234"]).exits(0).shows(id);

    // The world moves: that plan is refused, and so is nothing else.
    host.ships("1235", "redmine", "2");
    host.run(["run", "1234", "--plan", id]).exits(4).shows("plan-changed");
    let id = host.run(["run", "1234", "--dry-run", "--json"]).exits(0).json()["plan"]["id"].clone();
    host.run(["run", "1234", "--plan", id.as_str().unwrap()]).exits(0);
    assert_eq!((host.image("wikijs"), host.image("redmine")), ("wikijs:2".into(), "redmine:2".into()));
}

#[test]
fn independent_services_start_in_dependency_order() {
    let host = three();
    host.bump("1234", "wikijs", "2");
    host.ships("1234", "postgres", "2");
    host.run(["run", "1234"]).exits(0);
    let calls = host.calls();
    assert_eq!(calls[2..], ["postgres recreate postgres:2", "wikijs recreate wikijs:2"], "{calls:?}");
    assert!(calls[..2].iter().all(|call| call.contains(" pull ")), "{calls:?}");
    assert_eq!(host.state("1234", "SERVICES"), "postgres wikijs");
}

#[test]
fn after_a_release_there_is_nothing_to_release() {
    let host = Host::new();
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(0);
    host.run(["run", "1235"])
        .exits(5)
        .shows("[ERROR] already up-to-date with origin/main — nothing to release")
        .hides("git reset");
    assert_eq!(host.state("1234", "STATUS"), "succeeded");
}

#[test]
fn the_seeds_five_steps_lead_out_of_a_failed_verify() {
    let host = Scene::new().service(Service::new("wikijs").deadline("400ms")).recipes().build();
    // Well after its start, and then not any more: the seed's verify race.
    let page = host.root().join("run/wikijs/www/healthz");
    host.script("1234", "theme", &format!("rm {}", page.display()));
    host.ships("1234", "wikijs", "2");

    let failed = host
        .run(["run", "1234"])
        .exits(1)
        .shows("✗ http-health: HTTP 404 (wikijs)")
        .shows("release-run failed in phase verify. To roll back:\n    just release-revert 1234\n")
        .shows("    just release-run 1234 --from=verify")
        .shows("just status wikijs")
        .shows("just logs wikijs");
    insta::assert_snapshot!(host.last_words(&failed), @"
    ✗ verify failed: 1 of 4 checks
    ✗ http-health: HTTP 404 (wikijs): expected 200
      services  wikijs new
      look  just status wikijs · just logs wikijs
      evidence  .asd/workspace/releases/1234/1/evidence/STAMP
      playbook  release-health-no-answer (strong match): look at the service itself, then wait longer or mend it, and ask again
    release-run failed in phase verify. To roll back:
        just release-revert 1234
    To go on once the cause is fixed:
        just release-run 1234 --from=verify
    ");

    // 1. read the log; 2. the phase; 3. the hint; 4. the playbook; 5. resume.
    let failure = "phase=verify event=failed rc=1";
    host.types("tail .asd/workspace/releases/1234.log").exits(0).shows(failure);
    host.types("grep event=failed .asd/workspace/releases/1234.log").exits(0).shows(failure);
    assert_eq!(
        (host.state("1234", "PHASE"), host.state("1234", "STATUS")),
        ("verify".into(), "failed".into())
    );
    failed.shows("release-health-no-answer");
    host.repair("wikijs");
    let before = host.calls();
    host.run(["run", "1234", "--from=verify"]).exits(0);
    assert_eq!(host.calls(), before, "a resume from verify touches no service");
    assert_eq!(host.state("1234", "ATTEMPT"), "1");
    assert_eq!(host.state("1234", "STATUS"), "succeeded");
    host.run(["log", "1234", "--verify"]).exits(0);
}

#[test]
fn a_hold_point_waits_for_somebody_to_look() {
    let host =
        Scene::new().service(Service::new("wikijs")).config("[run]\nhold_before = [\"migrate\"]").build();
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(10).shows("holdpoint approve 1234").shows("--from=migrate");
    assert_eq!(host.calls(), [""; 0]);
    assert_eq!(
        (host.state("1234", "STATUS"), host.state("1234", "PHASE")),
        ("held".into(), "migrate".into())
    );
    host.run(["run", "1234", "--from=migrate"]).exits(10);
    host.run(["approve", "1234"]).exits(2).shows("--reason");
    host.run(["approve", "1234", "--reason", "looked at the backup"]).exits(0);
    host.run(["state", "1234"]).exits(0).shows("somebody approved it: to go on").hides("holdpoint approve");
    host.run(["run", "1234", "--from=migrate"]).exits(0);
    assert_eq!(host.image("wikijs"), "wikijs:2");
    assert!(host.record("1234", "event=approved").contains("msg=\"looked at the backup\""));
    host.run(["approve", "1234", "--reason", "again"]).exits(4);
}

#[test]
fn a_freeze_refuses_a_run_and_never_a_revert() {
    let freeze =
        "[[freeze]]\nname = \"year end\"\nfrom = \"2020-01-01T00:00:00Z\"\nuntil = \"2100-01-01T00:00:00Z\"";
    let host = Scene::new().service(Service::new("wikijs")).config(freeze).build();
    host.ships("1234", "wikijs", "2");
    let refused = host.run(["run", "1234"]).exits(4).shows("freeze-active").shows("year end");
    insta::assert_snapshot!(host.screen(&refused), @"
    ✗ freeze-active: freeze `year end` holds until TIME
      → wait until TIME
      → in an emergency: take it out of .asd/release.toml in a commit of its own, and release that commit alone before the others: `holdpoint run TICKET --at COMMIT`
    ! this host has no record of a release yet, so whether HEAD moved since the last one is not known (`holdpoint adopt` records what runs)

    refused for 1 reason, nothing was changed
    ");
    assert_eq!(host.calls(), [""; 0]);
    // Released before the freeze began, and taken back in it.
    let years = 10 * 366 * 86_400;
    host.run_at(-years, ["run", "1234"]).exits(0);
    host.run(["revert", "1234", "--yes", "--discard-writes"]).exits(0);
    assert_eq!(host.image("wikijs"), "wikijs:1");
}

#[test]
fn a_freeze_is_lifted_by_a_commit_of_its_own_that_comes_in_alone() {
    let freeze = "[[freeze]]\nname = \"year end\"\nfrom = \"2020-01-01T00:00:00Z\"\nuntil = \"2100-01-01T00:00:00Z\"\n";
    let host = Scene::new().service(Service::new("wikijs")).config(freeze).build();
    let lift = host.edit("1233", ".asd/release.toml", |text| text.replace(freeze, ""));
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(4).shows("freeze-active").shows("holdpoint run TICKET --at COMMIT");
    host.run(["run", "1233", "--at", &lift]).exits(0);
    assert_eq!(host.image("wikijs"), "wikijs:1");
    host.run(["run", "1234"]).exits(0);
    assert_eq!(host.image("wikijs"), "wikijs:2");
}
