//! Our own records, damaged, missing, newer than we are, or not what they seem.

use std::path::PathBuf;

use crate::support::Host;

use super::all_of;

/// A host on which 1234 failed in the ticket phase.
fn failed() -> Host {
    let host = Host::new();
    host.script("1234", "x", "test -e ../ready");
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(1);
    host
}

fn ready(host: &Host) {
    std::fs::write(host.root().join("ready"), "").unwrap();
}

fn state_file(host: &Host) -> PathBuf {
    host.workspace("releases/1234.env")
}

fn log_file(host: &Host) -> PathBuf {
    host.workspace("releases/1234.log")
}

#[test]
fn a_missing_state_file_is_rebuilt_from_the_log_and_says_so() {
    let host = failed();
    let before = host.read(".asd/workspace/releases/1234.env");
    std::fs::remove_file(state_file(&host)).unwrap();
    host.run(["state", "1234"]).exits(0).shows("rebuilt from the audit log").shows("1234@1 failed");
    ready(&host);
    host.run(["run", "1234", "--from=ticket"]).exits(0).shows("rebuilt from the audit log");
    for key in ["BASE_SHA", "MERGE_SHA", "BACKUPS", "SERVICES", "OPERATOR"] {
        let line = before.lines().find(|line| line.starts_with(key)).unwrap();
        assert!(host.read(".asd/workspace/releases/1234.env").contains(line), "{line}");
    }
    assert_eq!(host.state("1234", "STATUS"), "succeeded");
}

#[test]
fn a_damaged_state_file_is_rebuilt_from_the_log_and_says_so() {
    let good = failed().read(".asd/workspace/releases/1234.env");
    let cases = [
        good.replacen("STATUS=failed", "STATUS=succeeded", 1),
        good[..good.len() / 2].to_owned(),
        String::new(),
        "garbage\n".to_owned(),
        good.clone() + "EXTRA=1\n",
        good.replace("RC=", "RC=$(touch /tmp/x) "),
        "\0".repeat(4096),
    ];
    let host = failed();
    for text in cases {
        std::fs::write(state_file(&host), &text).unwrap();
        host.run(["state", "1234"]).exits(0).shows("rebuilt from the audit log").shows("1234@1 failed");
        host.run(["list"]).exits(0).shows("failed");
    }
    std::fs::write(state_file(&host), "x".repeat(2 << 20)).unwrap();
    host.run(["state", "1234"]).hides("panicked");
    std::fs::write(state_file(&host), "").unwrap();
    ready(&host);
    host.run(["run", "1234", "--from=ticket"]).exits(0);
    assert_eq!(host.state("1234", "STATUS"), "succeeded");
}

#[test]
fn a_state_of_a_newer_version_is_read_and_never_overwritten() {
    let host = failed();
    let text = host.read(".asd/workspace/releases/1234.env");
    let body = text.split("#end").next().unwrap().replace("FORMAT=1", "FORMAT=2") + "FUTURE=yes\n";
    let text = format!("{body}#end crc32={:08x}\n", crc32(body.as_bytes()));
    std::fs::write(state_file(&host), &text).unwrap();
    host.run(["state", "1234"]).exits(0).shows("1234@1 failed");
    ready(&host);
    let before = all_of(&host);
    host.run(["run", "1234", "--from=ticket"]).fails().shows("newer version").shows("1234.env");
    host.run(["revert", "1234", "--yes"]).fails().shows("newer version");
    host.run(["close", "1234", "--reason", "x"]).fails().shows("newer version");
    assert_eq!(std::fs::read_to_string(state_file(&host)).unwrap(), text);
    assert_eq!(all_of(&host), before);
}

#[test]
fn keys_that_a_newer_version_added_are_kept() {
    let host = failed();
    let text = host.read(".asd/workspace/releases/1234.env");
    let body = text.split("#end").next().unwrap().to_owned() + "FUTURE='it'\\''s here'\n";
    std::fs::write(state_file(&host), format!("{body}#end crc32={:08x}\n", crc32(body.as_bytes()))).unwrap();
    ready(&host);
    host.run(["run", "1234", "--from=ticket"]).exits(0);
    assert_eq!(host.state("1234", "FUTURE"), "it's here");
}

#[test]
fn a_log_that_was_changed_stops_everything_and_nothing_is_written() {
    type Change = fn(&str) -> String;
    let changes: [(&str, Change); 6] = [
        ("a byte", |log| log.replacen("event=failed", "event=fbiled", 1)),
        ("a line dropped", |log| {
            let lines: Vec<&str> = log.lines().collect();
            [&lines[..3], &lines[4..]].concat().join("\n") + "\n"
        }),
        ("two lines swapped", |log| {
            let mut lines: Vec<&str> = log.lines().collect();
            lines.swap(4, 5);
            lines.join("\n") + "\n"
        }),
        ("a line twice", |log| {
            let lines: Vec<&str> = log.lines().collect();
            [&lines[..4], &lines[3..]].concat().join("\n") + "\n"
        }),
        ("its tail cut", |log| log.lines().take(4).collect::<Vec<_>>().join("\n") + "\n"),
        ("emptied", |_| String::new()),
    ];
    let host = failed();
    let good = host.log("1234");
    ready(&host);
    let before = all_of(&host);
    for (what, change) in changes {
        let bad = change(&good);
        std::fs::write(log_file(&host), &bad).unwrap();
        let output = host.run(["run", "1234", "--from=ticket"]);
        assert_eq!(output.code, Some(9), "{what}: {output}");
        assert!(output.stderr.contains("1234.log") && output.stderr.contains("damaged"), "{what}: {output}");
        for line in [
            ["revert", "1234", "--yes"].as_slice(),
            &["close", "1234", "--reason", "x"],
            &["log", "1234", "--verify"],
        ] {
            let output = host.run(line);
            assert_eq!(output.code, Some(9), "{what}: {output}");
        }
        assert_eq!(host.log("1234"), bad, "{what}: nothing is written");
        assert_eq!(all_of(&host), before, "{what}");
    }
    std::fs::write(log_file(&host), &good).unwrap();
    host.run(["log", "1234", "--verify"]).exits(0);
    host.run(["run", "1234", "--from=ticket"]).exits(0);
}

#[test]
fn a_log_that_is_gone_beside_its_state_is_damage() {
    let host = failed();
    std::fs::remove_file(log_file(&host)).unwrap();
    ready(&host);
    host.run(["run", "1234", "--from=ticket"]).exits(9).shows("1234.log");
    host.run(["log", "1234", "--verify"]).fails();
    assert!(!log_file(&host).exists());
}

#[test]
fn the_log_of_another_ticket_is_no_log_of_this_one() {
    let host = failed();
    host.run(["close", "1234", "--reason", "x"]).exits(0);
    let (log, state) = (host.log("1234"), host.read(".asd/workspace/releases/1234.env"));
    host.write(".asd/workspace/releases/1235.log", &log);
    host.write(".asd/workspace/releases/1235.env", &state);
    host.run(["log", "1235", "--verify"]).exits(9);
    host.run(["run", "1235", "--accept-untrusted", "--reason", "x"]).exits(9);
}

#[test]
fn a_torn_tail_heals_and_is_kept() {
    for tail in [
        "2026-05-18T15:30:12.345Z ticket=1234 phase=ticket event=st".as_bytes().to_vec(),
        vec![0; 300],
        b"\0\0\0\n".to_vec(),
    ] {
        let host = failed();
        let mut bytes = host.log("1234").into_bytes();
        bytes.extend(&tail);
        std::fs::write(log_file(&host), &bytes).unwrap();
        host.run(["state", "1234"]).exits(0).shows("1234@1 failed");
        ready(&host);
        host.run(["run", "1234", "--from=ticket"]).exits(0);
        assert!(host.log("1234").contains("event=recovered"), "{}", host.log("1234"));
        let kept = std::fs::read_dir(host.workspace("releases/1234/torn")).unwrap().next().unwrap().unwrap();
        assert_eq!(std::fs::read(kept.path()).unwrap(), tail);
        host.run(["log", "1234", "--verify"]).exits(0);
    }
}

#[test]
fn a_snapshot_that_was_changed_is_not_resumed_from() {
    let host = failed();
    let path = host.workspace("releases/1234/1/snapshot.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replacen("wikijs:2", "wikijs:9", 1)).unwrap();
    ready(&host);
    host.run(["run", "1234", "--from=ticket"]).fails().shows("snapshot");
    assert_eq!(host.state("1234", "STATUS"), "failed");
    std::fs::write(&path, "x".repeat(3 << 20)).unwrap();
    host.run(["run", "1234", "--from=ticket"]).fails().shows("snapshot").hides("panicked");
    std::fs::remove_file(&path).unwrap();
    host.run(["run", "1234", "--from=ticket"]).fails().shows("snapshot");
    // Taking it back needs no snapshot.
    host.run(["revert", "1234", "--yes"]).exits(0);
}

#[test]
fn an_index_that_is_broken_is_made_again() {
    let host = failed();
    std::fs::write(host.workspace("index.sqlite"), "not a database").unwrap();
    host.run(["list"]).exits(0).shows("1234@1");
    std::fs::write(host.workspace("index.sqlite"), "").unwrap();
    host.run(["list", "--reindex"]).exits(0).shows("1234@1");
    let _ = std::fs::remove_file(host.workspace("index.sqlite"));
    host.run(["list", "--json"]).exits(0).json();
    std::fs::write(host.workspace("index.sqlite"), "not a database").unwrap();
    ready(&host);
    host.run(["run", "1234", "--from=ticket"]).exits(0);
    host.run(["list"]).exits(0).shows("succeeded");
}

#[test]
fn records_that_are_folders_links_or_strangers_are_not_followed() {
    let host = Host::new();
    host.ships("1234", "wikijs", "2");
    std::fs::create_dir_all(host.workspace("releases")).unwrap();
    let outside = host.root().join("outside");
    std::fs::write(&outside, "precious\n").unwrap();
    std::os::unix::fs::symlink(&outside, log_file(&host)).unwrap();
    host.run(["run", "1234"]).fails().hides("panicked");
    assert_eq!(std::fs::read_to_string(&outside).unwrap(), "precious\n");
    std::fs::remove_file(log_file(&host)).unwrap();
    std::os::unix::fs::symlink(&outside, state_file(&host)).unwrap();
    host.run(["run", "1234"]).hides("panicked");
    assert_eq!(std::fs::read_to_string(&outside).unwrap(), "precious\n");
    std::fs::remove_file(state_file(&host)).unwrap();
    let _ = std::fs::remove_file(log_file(&host));
    std::fs::create_dir(log_file(&host)).unwrap();
    host.run(["run", "1234"]).fails().shows("1234.log").hides("panicked");
    std::fs::remove_dir(log_file(&host)).unwrap();
    host.write(".asd/workspace/releases/notes.txt", "of somebody\n");
    host.write(".asd/workspace/releases/.env", "x\n");
    host.run(["list"]).exits(0);
}

#[test]
fn a_workspace_that_is_a_file_is_refused() {
    let host = Host::new();
    host.ships("1234", "wikijs", "2");
    host.write(".asd/workspace", "in the way\n");
    std::fs::write(host.prod().join(".git/info/exclude"), "/.asd/workspace\n").unwrap();
    let before = all_of(&host);
    host.run(["run", "1234"]).fails().shows(".asd/workspace").hides("panicked");
    assert_eq!(all_of(&host), before);
}

#[test]
fn a_workspace_that_others_may_write_is_refused() {
    let host = Host::new();
    host.ships("1234", "wikijs", "2");
    std::fs::create_dir_all(host.workspace("")).unwrap();
    std::fs::set_permissions(host.workspace(""), std::os::unix::fs::PermissionsExt::from_mode(0o777))
        .unwrap();
    let before = all_of(&host);
    host.run(["run", "1234"]).fails().shows(".asd/workspace").shows("chmod");
    assert_eq!(all_of(&host), before);
}

/// CRC-32 (IEEE), bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & 0_u32.wrapping_sub(crc & 1)))
    })
}
