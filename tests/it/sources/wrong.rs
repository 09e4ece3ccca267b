//! Whatever cannot be read, is not expected or cannot be a source is refused, and nothing is stored.

use super::{host_with_a_tool, mirror, source};
use crate::support::Host;

/// Nothing was stored.
fn untouched(host: &Host) {
    assert!(!host.prod().join(".asd/workspace/sources.toml").exists());
}

#[test]
fn a_value_that_is_not_the_current_one_is_refused_with_the_one_that_is() {
    let host = Host::new();
    let moved = mirror(&host, "moved.git");
    let said =
        host.run(["source", "relink", "git.remote", "--to", &moved, "--expect-current", "upstream", "--yes"]);
    said.exits(4)
        .shows("source-stale: `git.remote` is `origin`, not `upstream`")
        .shows("--expect-current origin");
    untouched(&host);
    // Refusals are recorded, too.
    host.run(["log", "audit"]).exits(0).shows("refused").shows("source-stale");
}

#[test]
fn what_cannot_be_read_is_never_stored() {
    let host = host_with_a_tool();
    for (source, to, current) in [
        ("git.remote", "/nowhere/at/all.git", "origin"),
        ("git.branch", "trunk", "main"),
        ("tool.folder", "services/tool", "packages/tool"),
        ("tool.folder", ".", "packages/tool"),
    ] {
        for more in [["--dry-run"], ["--yes"]] {
            let words = ["source", "relink", source, "--to", to, "--expect-current", current];
            host.run(words.iter().chain(&more)).exits(4).shows("source-unavailable").shows("→");
        }
    }
    untouched(&host);
}

#[test]
fn what_can_be_no_source_ends_with_2() {
    let host = host_with_a_tool();
    for (source, to, current) in [
        ("git.remote", "ext::sh -c 'touch HACKED'", "origin"),
        ("git.remote", "--upload-pack=touch", "origin"),
        ("git.remote", "https://me:secret@example.org/a.git", "origin"),
        ("git.remote", "elsewhere", "origin"),
        ("git.branch", "a..b", "main"),
        ("git.branch", "-f", "main"),
        ("tool.folder", "../..", "packages/tool"),
        ("tool.folder", "/etc", "packages/tool"),
        ("tool.image", "a b", "tool:1"),
        ("tool.image", "tool:2", "tool:1"),
        ("nobody.folder", "x", "y"),
        ("tool.colour", "x", "y"),
        ("git.remote", "origin", "origin"),
    ] {
        let to = format!("--to={to}");
        host.run(["source", "relink", source, &to, "--expect-current", current, "--yes"])
            .exits(2)
            .hides("secret");
    }
    host.run(["source", "relink", "git.remote", "--reset", "--expect-current", "origin", "--yes"]).exits(2);
    host.run(["source", "relink", "git.remote", "--to", "x"]).exits(2).shows("--expect-current");
    host.run(["source", "relink", "git.remote", "--expect-current", "x"]).exits(2);
    untouched(&host);
    assert!(!host.prod().join("HACKED").exists());
}

#[test]
fn a_damaged_file_stops_every_verb_and_is_not_written_over() {
    let host = Host::new();
    let moved = mirror(&host, "moved.git");
    let relink = ["source", "relink", "git.remote", "--to", &moved, "--expect-current", "origin", "--yes"];
    host.run(relink).exits(0);
    let file = ".asd/workspace/sources.toml";
    let good = host.read(file);
    for (bad, code) in [
        ("format = 1\n[[relink]]\nsource = 3\n", 9),
        ("not toml at all", 9),
        (good.replace("git.remote", "../../x").as_str(), 9),
        ("format = 2\n", 4),
    ] {
        host.write(file, bad);
        for words in [&["source", "show"][..], &["status"], &["run", "1234"], &relink] {
            host.run(words).exits(code).shows("sources.toml");
        }
        assert_eq!(host.read(file), bad);
    }
    host.write(file, &good);
    assert_eq!(source(&host, "git.remote")["current"], moved);
}

#[test]
fn a_host_that_is_held_is_left_alone() {
    let host = Host::new();
    let moved = mirror(&host, "moved.git");
    host.script("1234", "slow", "sleep 30");
    host.push();
    let mut running = host.start(["run", "1234"]);
    crate::support::wait_until("the script runs", || {
        assert!(!running.is_over(), "{}", running.so_far());
        std::fs::read_to_string(host.prod().join(".asd/workspace/releases/1234.log"))
            .is_ok_and(|log| log.contains("phase=ticket event=step-start"))
    });
    let words = ["source", "relink", "git.remote", "--to", &moved, "--expect-current", "origin"];
    host.run(words.iter().chain(&["--yes"])).exits(3).shows("held");
    host.run(words.iter().chain(&["--dry-run"])).exits(0).shows("it reads the new source");
    untouched(&host);
    running.interrupt();
    running.wait();
}
