//! What somebody or a crash did to our records is found, said, and recorded.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use crate::support::Host;

/// A host on which 1234 failed in the ticket phase.
fn failed() -> Host {
    let host = Host::new();
    host.script("1234", "x", "test -e ../ready");
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(1);
    host
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// The log as somebody would write it who knows how the chain is made.
fn chained(log: &str, ticket: &str) -> String {
    let mut chain = hex(&Sha256::digest(format!("holdpoint-log/1 {ticket}"))[..8]);
    let mut text = String::new();
    for line in log.lines() {
        let body = line.split_once(" chain=").unwrap().0;
        chain = hex(&Sha256::digest(format!("{chain}{body}"))[..8]);
        writeln!(text, "{body} chain={chain}").unwrap();
    }
    text
}

#[test]
fn a_log_that_was_written_anew_with_its_chain_is_damage() {
    let host = failed();
    let good = host.log("1234");
    assert_eq!(chained(&good, "1234"), good, "we make the chain as the program does");
    let forged = chained(&good.replace(" operator=", " operator=nobody."), "1234");
    host.write(".asd/workspace/releases/1234.log", &forged);
    let state = host.read(".asd/workspace/releases/1234.env");
    host.run(["log", "1234", "--verify"]).exits(9).shows("written anew");
    host.run(["state", "1234"]).exits(9).shows("1234.log");
    host.run(["run", "1234", "--from=ticket"]).exits(9).shows("written anew");
    host.run(["close", "1234", "--reason", "x"]).exits(9);
    assert_eq!((host.log("1234"), host.read(".asd/workspace/releases/1234.env")), (forged, state));
    // Going on behind the record that the state file saw hides nothing either.
    let longer = chained(&(good.replace(" operator=", " operator=nobody.") + &next(&good)), "1234");
    host.write(".asd/workspace/releases/1234.log", &longer);
    host.run(["log", "1234", "--verify"]).exits(9).shows("written anew");
    host.run(["close", "1234", "--reason", "x"]).exits(9);
    assert_eq!(host.log("1234"), longer);
}

/// One more record for the end of a log.
fn next(log: &str) -> String {
    let last = log.lines().last().unwrap();
    let seq: u64 = last.split_once(" seq=").unwrap().1.split(' ').next().unwrap().parse().unwrap();
    let time = last.split(' ').next().unwrap();
    format!("{time} ticket=1234 phase=- event=closed attempt=1 seq={} operator=nobody chain=0\n", seq + 1)
}

#[test]
fn a_snapshot_that_is_not_the_recorded_one_is_not_resumed_from() {
    let host = failed();
    let path = host.workspace("releases/1234/1/snapshot.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let body = text.split_once('\n').unwrap().1.replacen("wikijs:2", "wikijs:9", 1);
    let forged = format!("# sha256:{}\n{body}", hex(&Sha256::digest(&body)));
    assert_ne!(forged, text);
    std::fs::write(&path, forged).unwrap();
    std::fs::write(host.root().join("ready"), "").unwrap();
    host.run(["run", "1234", "--from=ticket"]).fails().shows("not the snapshot that was recorded");
    assert_eq!(host.state("1234", "STATUS"), "failed");
    std::fs::write(&path, text).unwrap();
    host.run(["run", "1234", "--from=ticket"]).exits(0);
}

#[test]
fn a_lost_state_file_is_said_by_readers_and_recorded_and_saved_by_the_next_writer() {
    type Harm = fn(&std::path::Path);
    let harms: [(&str, Harm); 2] = [
        ("state-missing", |path| std::fs::remove_file(path).unwrap()),
        ("state-damaged", |path| std::fs::write(path, "TICKET=1234\n").unwrap()),
    ];
    for (reason, harm) in harms {
        let host = failed();
        let (state, log) = (host.read(".asd/workspace/releases/1234.env"), host.log("1234"));
        harm(&host.workspace("releases/1234.env"));
        host.run(["state", "1234"]).exits(0).shows("rebuilt from the audit log");
        assert_eq!(host.log("1234"), log, "{reason}: a reader writes nothing");
        host.run(["close", "1234", "--reason", "x"]).exits(0).shows("rebuilt from the audit log");
        let recovered = host.record("1234", "event=recovered");
        assert!(recovered.contains(&format!("reason={reason}")), "{recovered}");
        let after = host.read(".asd/workspace/releases/1234.env");
        for key in ["BASE_SHA", "MERGE_SHA", "BACKUPS", "SERVICES", "STATUS", "STARTED_AT", "SNAPSHOT"] {
            let line = |text: &str| text.lines().find(|line| line.starts_with(key)).map(ToOwned::to_owned);
            assert_eq!(line(&after), line(&state), "{reason}");
        }
        assert_eq!(host.state("1234", "CLOSED"), "1");
        host.run(["state", "1234"]).exits(0).hides("rebuilt");
        host.run(["log", "1234", "--verify"]).exits(0);
    }
}

#[test]
fn a_refused_run_saves_a_lost_state_again_too() {
    let host = failed();
    let path = host.workspace("releases/1234.env");
    std::fs::remove_file(&path).unwrap();
    host.run(["run", "1234"]).exits(4).shows("rebuilt from the audit log");
    assert!(path.exists() && host.log("1234").contains("reason=state-missing"), "{}", host.log("1234"));
}

#[test]
fn what_a_killed_save_left_is_removed_by_the_next_holder_and_nothing_else_is() {
    let host = failed();
    let ours = [".1234.env.4711-3.tmp", ".99.log.1-0.tmp"];
    let others = [".1234.env.tmp", "1234.env.4711-3.tmp", ".1234.env.4711-3.tmp.txt", ".1234.env.x-3.tmp"];
    for name in ours.iter().chain(&others) {
        host.write(&format!(".asd/workspace/releases/{name}"), "TICKET=");
    }
    host.run(["list"]).exits(0);
    let there = |name: &&str| host.workspace("releases").join(name).exists();
    assert!(ours.iter().all(there), "a reader removes nothing");
    host.run(["close", "1234", "--reason", "x"]).exits(0);
    assert!(!ours.iter().any(there) && others.iter().all(there));
}
