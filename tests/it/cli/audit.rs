//! Every verb that changes something takes `--dry-run`, `--reason` and `--yes`, and its reason stands in an audit log.

use crate::support::{Host, Scene, Service, binary};

/// The host's own audit log: what belongs to no ticket.
fn audit(host: &Host) -> String {
    std::fs::read_to_string(host.workspace("audit.log")).unwrap_or_default()
}

/// The newest record of the host's own log with this text.
#[track_caller]
fn record(host: &Host, text: &str) -> String {
    let log = audit(host);
    let line = log.lines().rev().find(|line| line.contains(text));
    line.unwrap_or_else(|| panic!("no record says {text}:\n{log}")).to_owned()
}

#[test]
fn the_reason_of_every_verb_is_on_record() {
    let hooks = "hooks = { ensure_config = [{ run = [\"true\"], idempotent = true }] }";
    let host = Scene::new()
        .service(
            Service::new("wikijs")
                .extra(hooks)
                .backup("[{ kind = \"files\", paths = [\"README.md\"], keep = 5 }]"),
        )
        .config("[run]\nhold_before = [\"migrate\"]")
        .build();
    host.run(["adopt", "--reason", "first adoption", "--yes"]).exits(0);
    assert!(host.record("baseline", "event=created").contains("msg=\"first adoption\""));
    host.run(["configure", "wikijs", "--reason", "new key", "--yes"]).exits(0);
    let line = record(&host, "event=started");
    assert!(line.contains("verb=configure") && line.contains("msg=\"new key\""), "{line}");
    for reason in ["before the move", "after the move"] {
        host.run(["backup", "take", "--accept-small-backup", "--reason", reason, "-y"]).exits(0);
    }
    let line = record(&host, "verb=backup-take");
    assert!(line.contains("--accept-small-backup") && line.contains("msg=\"after the move\""), "{line}");
    host.run(["backup", "restore", "wikijs", "--reason", "page lost", "--yes"]).exits(0);
    assert!(record(&host, "verb=backup-restore").contains("msg=\"page lost\""));
    let settings = host.read(".asd/release.toml");
    host.write(".asd/release.toml", &settings.replace("keep = 5", "keep = 1"));
    host.run(["backup", "prune", "--reason", "disk is small", "--yes"]).exits(0);
    assert!(record(&host, "event=removed").contains("msg=\"disk is small\""));
    host.write(".asd/release.toml", &settings);

    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234", "--reason", "asked for by ada", "--yes"]).exits(10);
    assert!(host.record("1234", "event=created").contains("msg=\"asked for by ada\""));
    host.run(["approve", "1234", "--reason", "looked at it", "--yes"]).exits(0);
    assert!(host.record("1234", "event=approved").contains("msg=\"looked at it\""));
    host.run(["run", "1234", "--from=migrate", "--reason", "on we go"]).exits(0);
    assert!(host.record("1234", "event=resumed").contains("msg=\"on we go\""));
    host.run(["revert", "1234", "--discard-writes", "--reason", "too slow", "--yes"]).exits(0);
    assert!(host.record("1234", "event=reverting").contains("msg=\"too slow\""));
    host.run(["log", "audit", "--verify"]).exits(0);
}

#[test]
fn a_return_to_main_says_why_on_record() {
    let host = Host::new();
    host.git_at(&host.dev(), ["switch", "-q", "-c", "hotfix/1"]).exits(0);
    host.ships("1240", "wikijs", "2");
    host.run(["run", "1240", "--branch", "hotfix/1"]).exits(0);
    host.run(["return-to-main", "--dry-run", "--reason", "x"]).exits(4);
    assert!(!audit(&host).contains("hotfix-not-on-main"), "a dry run writes nothing");
    host.run(["return-to-main", "--reason", "x"]).exits(4).shows("hotfix-not-on-main");
    let line = record(&host, "event=refused");
    assert!(line.contains("reason=hotfix-not-on-main") && line.contains("rc=4"), "{line}");
    host.git_at(&host.dev(), ["switch", "-q", "main"]).exits(0);
    host.git_at(&host.dev(), ["merge", "-q", "--ff-only", "hotfix/1"]).exits(0);
    host.push();
    host.run(["return-to-main", "--reason", "the morning after", "--yes"]).exits(0);
    assert!(record(&host, "verb=return-to-main").contains("msg=\"the morning after\""));
}

#[test]
fn a_verb_that_does_not_fit_a_release_is_recorded_as_refused() {
    let host = Host::new();
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(0);
    let updated = |rows: serde_json::Value| rows[0]["updatedAt"].clone();
    let before = updated(host.run(["list", "--json"]).exits(0).json());
    host.run(["close", "1234", "--reason", "x"]).exits(4).shows("attempt-status-not-recoverable");
    assert_eq!(updated(host.run(["list", "--reindex", "--json"]).exits(0).json()), before);
    assert!(host.record("1234", "event=refused").contains("reason=attempt-status-not-recoverable"));
    assert_eq!(host.state("1234", "STATUS"), "succeeded");
    host.run(["log", "1234", "--verify"]).exits(0);
}

#[test]
fn once_says_why_in_its_transcript_and_can_be_tried() {
    let host = Host::new();
    let (holdpoint, root) = (binary(), host.root().display().to_string());
    host.script(
        "1234",
        "x",
        &format!(
            "{holdpoint} once --dry-run first -- touch {root}/ran\n[ ! -e {root}/ran ]\n\
             {holdpoint} once --reason 'needs the column' first -- touch {root}/ran\n\
             {holdpoint} once --dry-run first -- false\n"
        ),
    );
    host.push();
    host.run(["run", "1234"]).exits(0);
    assert!(host.root().join("ran").exists());
    let said = host.types("cat .asd/workspace/releases/1234/1/steps/*x.sh/transcript").exits(0);
    said.shows_in_order(&[
        "once first: would run",
        "once first: needs the column",
        "once first: is done in this release and would not run",
    ]);
}
