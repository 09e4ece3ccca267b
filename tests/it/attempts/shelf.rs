//! `archive`, `unarchive`, `prune`.

use crate::support::Host;

use super::{codes, readiness};

/// 1201 and 1202 succeeded one after the other; 1201 is only history.
fn history() -> Host {
    let host = Host::new();
    for (ticket, tag) in [("1201", "2"), ("1202", "3")] {
        host.ships(ticket, "wikijs", tag);
        host.run(["run", ticket]).exits(0);
    }
    host
}

#[test]
fn an_archived_attempt_leaves_the_list_and_nothing_else() {
    let host = history();
    host.run(["archive", "1201@1"]).exits(2).shows("--confirm 1201@1");
    host.run(["archive", "1201@1", "--confirm", "1202@1"]).exits(2);
    host.run(["archive", "1202@1", "--confirm", "1202@1"]).exits(4).shows("referenced");
    host.run(["archive", "1201@1", "--confirm", "1201@1", "--dry-run"]).exits(0).shows("nothing was changed");
    host.run(["list"]).exits(0).shows("1201@1");

    host.run(["archive", "1201@1", "--confirm", "1201@1"]).exits(0);

    host.run(["list"]).exits(0).hides("1201@1");
    host.run(["list", "--all"]).exits(0).shows("1201@1").shows("archived");
    assert!(host.workspace("releases/1201/1/snapshot.toml").is_file());
    assert_eq!(readiness(&host, "1202")["rollback"]["recommendedCandidateId"], "1201@1", "still a candidate");
    host.run(["archive", "1201@1", "--confirm", "1201@1"]).exits(4);
    host.run(["log", "1201", "--verify"]).exits(0);
    host.run(["unarchive", "1201@1"]).exits(0);
    host.run(["list"]).exits(0).shows("1201@1");
    host.run(["unarchive", "1201@1"]).exits(4);
}

#[test]
fn an_older_attempt_of_a_ticket_is_archived_alone() {
    let host = Host::new();
    host.ships("1201", "wikijs", "2");
    host.run(["run", "1201"]).exits(0);
    super::having_read(&host, &["redeploy", "1201"]).exits(0);
    host.run(["archive", "1201@1", "--confirm", "1201@1"]).exits(0);
    host.run(["list"]).exits(0).shows("1201@2").hides("1201@1");
    host.run(["list", "--reindex"]).exits(0).shows("1201@2").hides("1201@1");
    assert_eq!(host.state("1201", "ATTEMPT"), "2");
    assert_eq!(codes(&readiness(&host, "1201@2")["archive"]), ["referenced"]);
}

#[test]
fn only_what_is_archived_old_and_needed_by_nobody_is_thrown_away_and_only_by_its_plan() {
    let host = history();
    host.ships("1203", "wikijs", "4");
    host.run(["run", "1203"]).exits(0);
    let later = ["prune", "--before", "2999-01-01"];
    host.run(later).exits(0).shows("nothing goes");
    for id in ["1201@1", "1202@1"] {
        host.run(["archive", id, "--confirm", id]).exits(0);
    }
    host.run(["prune", "--before", "2000-01-01"]).exits(0).shows("not older than that");
    host.run(["prune", "--before", "yesterday"]).exits(2);
    host.run(["prune", "--before", "2999-01-01", "--no-dry-run"]).exits(2).shows("--plan");
    let shown = host.run(later.iter().copied().chain(["--json"])).exits(0).json();
    let command = shown["next"][0]["command"].as_str().unwrap().to_owned();
    let plan = command.rsplit(' ').next().unwrap();
    assert!(host.workspace("releases/1201.log").is_file(), "a dry run deletes nothing");
    host.run(["prune", "--before", "2999-01-01", "--no-dry-run", "--plan", "0123456789abcdef"])
        .exits(4)
        .shows("plan-changed");

    host.run(["prune", "--before", "2999-01-01", "--no-dry-run", "--plan", plan]).exits(0).shows("1201@1");

    assert!(!host.workspace("releases/1201.log").exists() && !host.workspace("releases/1201").exists());
    // 1203 began on the commit of 1202: that stays.
    assert!(host.workspace("releases/1202.log").is_file());
    host.run(["list", "--all"]).exits(0).hides("1201@1").shows("1202@1");
    let audit = std::fs::read_to_string(host.workspace("audit.log")).unwrap();
    assert!(audit.contains("event=removed") && audit.contains("1201"), "{audit}");
}

#[test]
fn what_an_incident_or_captured_evidence_names_is_kept() {
    let host = history();
    host.run(["evidence", "capture", "1201@1", "--symptom", "kept by hand"]).exits(0);
    host.run(["archive", "1201@1", "--confirm", "1201@1"]).exits(0);
    let prune = ["prune", "--before", "2999-01-01"];
    host.run(prune).exits(0).shows("referenced-by-evidence: 1201@1/").shows("nothing goes");
    let open =
        ["incident", "open", "--symptom", "x", "--kind", "stale", "--path", "login", "--ticket", "1201"];
    host.run(open).exits(0);
    host.run(prune).exits(0).shows("referenced-by-incident: inc-20").shows("nothing goes");
    assert!(host.workspace("releases/1201.log").is_file());
}
