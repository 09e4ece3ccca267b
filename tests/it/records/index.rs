//! The listing index may be lost, break or fall behind: it is made again, and that is said.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::support::Host;

fn released() -> Host {
    let host = Host::new();
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(0);
    host
}

#[test]
fn an_index_that_a_release_left_is_true_and_nothing_is_said() {
    let host = released();
    host.run(["list"]).exits(0).shows("1234@1").hides("index");
    host.ships("1235", "wikijs", "3");
    host.run(["run", "1235"]).exits(0);
    host.run(["close", "1234", "--reason", "x"]);
    host.run(["list"]).exits(0).shows("1235@1").hides("index");
}

#[test]
fn a_lost_or_broken_index_is_made_again_and_that_is_said_once() {
    type Harm = fn(&std::path::Path);
    let harms: [(&str, Harm); 3] = [
        ("was missing", |path| std::fs::remove_file(path).unwrap()),
        ("could not be read", |path| {
            std::fs::write(path, "no database, and long enough to be sure of that\n").unwrap();
        }),
        ("did not say what it had seen", |path| std::fs::write(path, "").unwrap()),
    ];
    for (said, harm) in harms {
        let host = released();
        harm(&host.workspace("index.sqlite"));
        host.run(["list"]).exits(0).shows("1234@1").shows(said);
        host.run(["list"]).exits(0).shows("1234@1").hides("index");
    }
}

#[test]
fn an_index_that_fell_behind_catches_up_and_that_is_said_once() {
    let host = released();
    let (index, old) = (host.workspace("index.sqlite"), host.root().join("old"));
    std::fs::copy(&index, &old).unwrap();
    host.run(["revert", "1234", "--yes", "--discard-writes"]).exits(0);
    host.ships("1235", "wikijs", "3");
    host.run(["run", "1235", "--reintroduce", "1234", "--reason", "x"]).exits(0);
    // As after a crash between the state's save and the index.
    std::fs::copy(&old, &index).unwrap();
    let listed = host.run(["list"]).exits(0).shows("fallen behind for `1234`, `1235`");
    assert!(listed.stdout.contains("reverted") && listed.stdout.contains("1235@1"), "{listed}");
    host.run(["list"]).exits(0).hides("fallen behind");
    // A ticket whose records are gone is no row any more.
    for end in ["env", "log"] {
        std::fs::remove_file(host.workspace(&format!("releases/1235.{end}"))).unwrap();
    }
    host.run(["list"]).exits(0).shows("1234@1").hides("1235@1");
}

#[test]
fn a_damaged_record_or_an_index_that_cannot_be_made_does_not_stop_the_list() {
    let host = released();
    host.ships("1235", "wikijs", "3");
    host.run(["run", "1235"]).exits(0);
    let log = host.log("1234").replacen("event=done", "event=dune", 1);
    host.write(".asd/workspace/releases/1234.log", &log);
    std::fs::remove_file(host.workspace("index.sqlite")).unwrap();
    host.run(["list"]).exits(0).shows("1235@1").shows("without `1234`, which is damaged");
    std::fs::remove_file(host.workspace("index.sqlite")).unwrap();
    std::fs::create_dir(host.workspace("index.sqlite")).unwrap();
    host.run(["list"]).exits(0).shows("1235@1");
    host.run(["close", "1235", "--reason", "x"]).hides("panicked");
}

/// More releases than are read one by one: the records of 1234 as those of other tickets, each whole.
fn many(host: &Host, count: usize) {
    let hex16 = |parts: &[&str]| {
        let sum = Sha256::digest(parts.concat());
        sum.iter().take(8).fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").unwrap();
            hex
        })
    };
    let (log, state) = (host.log("1234"), host.read(".asd/workspace/releases/1234.env"));
    for ticket in 2000..2000 + count {
        let (mut chain, mut copy) = (hex16(&[&format!("holdpoint-log/1 {ticket}")]), String::new());
        for line in log.lines() {
            let line = line.rsplit_once(" chain=").unwrap().0;
            let line = line.replacen("ticket=1234", &format!("ticket={ticket}"), 1);
            chain = hex16(&[&chain, &line]);
            writeln!(copy, "{line} chain={chain}").unwrap();
        }
        let own = |line: &str| match line.split_once('=').map(|(key, _)| key) {
            Some("TICKET") => format!("TICKET={ticket}\n"),
            Some("LOG_CHAIN") => format!("LOG_CHAIN={chain}\n"),
            _ => format!("{line}\n"),
        };
        let state: String = state.lines().filter(|line| !line.starts_with("#end")).map(own).collect();
        host.write(&format!(".asd/workspace/releases/{ticket}.log"), &copy);
        host.write(&format!(".asd/workspace/releases/{ticket}.env"), &summed(&state));
    }
}

/// A state file with its last line.
fn summed(state: &str) -> String {
    format!("{state}#end crc32={:08x}\n", crc32fast::hash(state.as_bytes()))
}

fn remembered(host: &Host, sql: &str) -> i64 {
    let index = rusqlite::Connection::open(host.workspace("index.sqlite")).unwrap();
    index.query_row(sql, [], |row| row.get(0)).unwrap()
}

#[test]
fn what_is_remembered_of_many_releases_never_decides_once_their_records_changed() {
    let host = released();
    many(&host, 80);
    host.run(["list"]).exits(0);
    host.ships("1235", "wikijs", "3");
    let asked = ["run", "1235", "--dry-run"];
    // What changed just now is not remembered: for the program it is a while ago.
    host.run_at(60, asked).exits(0);
    assert_eq!(remembered(&host, "SELECT count(*) FROM remembered"), 81);
    host.run_at(60, asked).exits(0);

    // Another state of the same length, in the same file, with the same time of writing.
    let path = host.workspace("releases/2050.env");
    let written = std::fs::metadata(&path).unwrap().modified().unwrap();
    let state = host.read(".asd/workspace/releases/2050.env").replace("STATUS=succeeded", "STATUS=undecided");
    let state = state.split_once("#end").unwrap().0.to_owned();
    host.write(".asd/workspace/releases/2050.env", &summed(&state));
    std::fs::File::options().write(true).open(&path).unwrap().set_modified(written).unwrap();
    host.run_at(60, asked).exits(4).shows("release-unfinished").shows("2050");

    // A record behind the state's last save counts as well.
    host.write(
        ".asd/workspace/releases/2050.env",
        &summed(&state.replace("STATUS=undecided", "STATUS=succeeded")),
    );
    host.run_at(60, asked).exits(0);
    let log = host.log("2060");
    host.write(".asd/workspace/releases/2060.log", &log.replacen("event=done", "event=dune", 1));
    host.run_at(60, asked).exits(0);
    host.write(".asd/workspace/releases/2060.log", &log[..log.len() - 40]);
    host.run_at(60, asked).exits(9).shows("2060.log");
    host.write(".asd/workspace/releases/2060.log", &log);
    for end in ["env", "log"] {
        std::fs::remove_file(host.workspace(&format!("releases/2061.{end}"))).unwrap();
    }
    host.run_at(60, asked).exits(0);
    assert_eq!(remembered(&host, "SELECT count(*) FROM remembered WHERE ticket = '2061'"), 0);
}

#[test]
fn what_is_remembered_and_is_not_whole_is_read_from_the_records() {
    let host = released();
    many(&host, 80);
    host.run(["list"]).exits(0);
    host.ships("1235", "wikijs", "3");
    let asked = ["run", "1235", "--dry-run"];
    host.run_at(60, asked).exits(0);
    let index = rusqlite::Connection::open(host.workspace("index.sqlite")).unwrap();
    let forged = "UPDATE remembered SET said = replace(said, 'STATUS=succeeded', 'STATUS=undecided')";
    assert_eq!(index.execute(forged, []).unwrap(), 81);
    drop(index);
    host.run_at(60, asked).exits(0);
    std::fs::write(host.workspace("index.sqlite"), "no database, and long enough to be sure of that\n")
        .unwrap();
    host.run_at(60, asked).exits(0);
    std::fs::remove_file(host.workspace("index.sqlite")).unwrap();
    host.run_at(60, asked).exits(0);
    assert!(!host.workspace("index.sqlite").exists(), "what was not there is not made by a look");
}
