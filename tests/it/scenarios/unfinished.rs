//! Another ticket comes while one is failed: it is told so, and takes over, or the other is closed.

use crate::support::{Host, manifest};

use super::{damages, three, tree};

/// A host on which 1234 failed in the ticket phase with data changed; 1235 is on the remote.
fn failed() -> (Host, String, Vec<String>) {
    let host = three();
    let (base, data) = (host.head(), manifest(&host.data("wikijs")));
    host.script("1234", "theme", &damages(&host, "wikijs"));
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(1);
    host.script("1234", "theme", "true");
    host.ships("1235", "redmine", "2");
    (host, base, data)
}

#[test]
fn another_ticket_is_refused_while_one_is_unfinished() {
    let (host, _, _) = failed();
    let calls = host.calls();
    let refused = host
        .run(["run", "1235"])
        .exits(4)
        .shows("release-unfinished")
        .shows("holdpoint run 1234 --from=ticket")
        .shows("holdpoint revert 1234")
        .shows("holdpoint run 1235 --supersedes 1234 --reason")
        .shows("holdpoint close 1234 --reason");
    insta::assert_snapshot!(host.screen(&refused), @"
    ✗ release-unfinished: `1234` is failed in phase ticket, past its merge
      → holdpoint run 1234 --from=ticket
      → holdpoint revert 1234
      → holdpoint run 1235 --supersedes 1234 --reason '…'
      → holdpoint close 1234 --reason '…'

    ✗ other-ticket-scripts: scripts of other tickets come in and never ran here
        1234: releases/1234-theme.sh
      → holdpoint run 1235 --with-tickets 1234
      → holdpoint run 1235 --without-scripts

    ✗ host-untrusted: `1234` stopped half-way (failed in phase ticket at `1234-theme.sh`), and nothing has proven this host clean since
      → holdpoint run 1234 --from=ticket
      → holdpoint run 1235 --supersedes 1234 --reason '…'
      → holdpoint revert 1234
      → holdpoint run 1235 --accept-untrusted --reason '…'

    refused for 3 reasons, nothing was changed
    ");
    assert_eq!(host.calls(), calls);
    host.run(["check", "1235"]).exits(4).shows("release-unfinished");
}

#[test]
fn a_ticket_takes_over_from_the_failed_one_and_a_revert_goes_all_the_way_back() {
    let (host, base, data) = failed();
    let backups = host.state("1234", "BACKUPS");
    host.run(["run", "1235", "--supersedes", "1234"]).exits(2).shows("--reason");
    let over = ["run", "1235", "--supersedes", "1234", "--reason", "1235 mends it"];
    host.run(over)
        .exits(4)
        .shows("other-ticket-scripts")
        .shows("--with-tickets 1234")
        .shows("--without-scripts");
    host.run(over.iter().chain(&["--with-tickets", "1234"])).exits(0);
    assert_eq!(host.state("1235", "BASE_SHA"), base);
    assert!(host.state("1235", "BACKUPS").contains(&backups), "{}", host.state("1235", "BACKUPS"));
    assert_eq!(host.state("1235", "SERVICES"), "redmine wikijs");
    assert_eq!(host.state("1234", "SUPERSEDED_BY"), "1235@1");
    assert_eq!((host.image("wikijs"), host.image("redmine")), ("wikijs:2".into(), "redmine:2".into()));
    host.run(["list"]).exits(0).shows("superseded by 1235@1");

    // Only the newest attempt can be resumed or taken back.
    host.run(["run", "1234", "--from=ticket"]).exits(4).shows("attempt-status-not-recoverable");
    host.run(["revert", "1234", "--yes"]).exits(4).shows("1235");
    host.run(["revert", "1235", "--yes"]).exits(0);
    assert_eq!((tree(&host, "HEAD"), manifest(&host.data("wikijs"))), (tree(&host, &base), data));
    assert_eq!((host.image("wikijs"), host.image("redmine")), ("wikijs:1".into(), "redmine:1".into()));
}

#[test]
fn a_closed_release_is_out_of_the_way_but_leaves_the_host_unproven() {
    let (host, _, _) = failed();
    host.run(["close", "1234"]).exits(2).shows("--reason");
    host.run(["close", "1234", "--reason", "will never be resumed"]).exits(0);
    assert_eq!((host.state("1234", "CLOSED"), host.state("1234", "STATUS")), ("1".into(), "failed".into()));
    host.run(["run", "1234", "--from=ticket"]).exits(4).shows("attempt-status-not-recoverable");
    host.run(["close", "1234", "--reason", "again"]).exits(4);
    host.run(["run", "1235", "--without-scripts"])
        .exits(4)
        .shows("host-untrusted")
        .hides("release-unfinished")
        .shows("--accept-untrusted --reason");
    host.run(["run", "1235", "--without-scripts", "--accept-untrusted", "--reason", "looked at the host"])
        .exits(0);
    assert_eq!(host.image("redmine"), "redmine:2");
    // A clean run to the end proves the host again.
    host.ships("1236", "redmine", "3");
    host.run(["run", "1236", "--without-scripts"]).exits(0);
}

#[test]
fn a_resumed_release_makes_room_for_the_next() {
    let (host, _, _) = failed();
    host.run(["run", "1234", "--from=ticket", "--take-new-commits"]).fails();
    host.run(["revert", "1234", "--yes"]).exits(0);
    host.run(["run", "1235", "--reintroduce", "1234", "--reason", "mended", "--with-tickets", "1234"])
        .exits(0);
    assert_eq!((host.image("wikijs"), host.image("redmine")), ("wikijs:2".into(), "redmine:2".into()));
}

#[test]
fn later_releases_on_top_are_taken_back_together_or_not_at_all() {
    let host = three();
    let base = host.head();
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(0);
    host.ships("1235", "redmine", "2");
    host.run(["run", "1235"]).exits(0);
    host.run(["revert", "1234", "--yes"]).exits(4).shows("later-release-on-top").shows("--with-later");
    assert_eq!((host.image("wikijs"), host.image("redmine")), ("wikijs:2".into(), "redmine:2".into()));
    host.run(["revert", "1234", "--yes", "--with-later"]).exits(0);
    assert_eq!(tree(&host, "HEAD"), tree(&host, &base));
    assert_eq!((host.image("wikijs"), host.image("redmine")), ("wikijs:1".into(), "redmine:1".into()));
    // What comes next brings both again.
    host.ships("1236", "wikijs", "3");
    let refused = host.run(["run", "1236"]).exits(4);
    refused.shows("contains 1234 and 1235 again").shows("--reintroduce 1234,1235 --reason");
    let one = host.run(["run", "1236", "--reintroduce", "1235", "--reason", "mended"]).exits(4);
    one.shows("contains 1234 again").shows("--reintroduce 1235,1234");
    // What one way out allowed stands in the next.
    host.script("1236", "x", "true");
    host.script("1235", "y", "true");
    host.ships("1236", "wikijs", "4");
    let next = host.run(["run", "1236", "--reintroduce", "1234,1235", "--reason", "it is mended"]).exits(4);
    next.shows("holdpoint run 1236 --reintroduce=1234,1235 --reason 'it is mended' --with-tickets 1235");
    host.run([
        "run",
        "1236",
        "--reintroduce=1234,1235",
        "--reason",
        "it is mended",
        "--with-tickets",
        "1235",
    ])
    .exits(0);
    assert_eq!((host.image("wikijs"), host.image("redmine")), ("wikijs:4".into(), "redmine:2".into()));
}

#[test]
fn a_ticket_that_does_not_exist_has_no_state() {
    let host = Host::new();
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234", "--from=verify"]).exits(4).shows("state-missing").shows("holdpoint run 1234");
    host.run(["state", "9999"]).exits(4).shows("9999").shows("holdpoint list");
    host.run(["log", "9999"]).exits(4).shows("9999");
    host.run(["close", "9999", "--reason", "x"]).exits(4).shows("9999");
    host.run(["revert", "9999", "--yes"]).exits(4).shows("state-missing");
    // That refusal is on record, and is no release.
    host.run(["state", "9999"]).exits(4).shows("9999");
    host.run(["list"]).exits(0).hides("9999");
}
