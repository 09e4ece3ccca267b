//! The operators' recipes hand their arguments on untouched and end as the program ended.

use std::os::unix::fs::PermissionsExt;

use crate::support::{Host, Output, Scene, has, lacks};

/// A host whose `holdpoint` prints its arguments, one a line, and ends with the code in `ENDS`.
fn host() -> Host {
    let host = Scene::new().recipes().build();
    let program = host.root().join("holdpoint");
    std::fs::write(&program, "#!/bin/sh\nprintf '<%s>\\n' \"$@\"\nexit \"${ENDS:-0}\"\n").unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    host
}

fn just(host: &Host, arguments: &[&str], ends: i32) -> Output {
    let mut command = host.command("just", &host.prod());
    command.args(arguments).env("HOLDPOINT", host.root().join("holdpoint")).env("ENDS", ends.to_string());
    Output::of(command)
}

#[test]
fn recipes_pass_flags_through() {
    if lacks(&["just"]) {
        return;
    }
    let host = host();
    let cases: [(&[&str], &str); 7] = [
        (&["release-run", "1234"], "<run>\n<1234>\n"),
        (
            &["release-run", "1234", "--from=verify", "--reason", "two words"],
            "<run>\n<1234>\n<--from=verify>\n<--reason>\n<two words>\n",
        ),
        (&["release-revert", "1234", "--skip-data"], "<revert>\n<1234>\n<--skip-data>\n"),
        (&["release-state", "1234", "--json"], "<state>\n<1234>\n<--json>\n"),
        (&["release-return-to-main", "--dry-run"], "<return-to-main>\n<--dry-run>\n"),
        (&["status", "wikijs", "redmine"], "<status>\n<wikijs>\n<redmine>\n"),
        (&["logs", "wikijs"], "<logs>\n<wikijs>\n"),
    ];
    for (typed, passed) in cases {
        assert_eq!(just(&host, typed, 0).exits(0).stdout, passed);
    }
}

#[test]
fn recipes_end_as_the_program_ended() {
    if lacks(&["just"]) {
        return;
    }
    let host = host();
    let refused = just(&host, &["release-run", "1234"], 4).exits(4);
    assert_eq!(refused.stderr, "", "just adds nothing to what the program said");
}

#[test]
fn this_repository_lists_both_kinds_of_recipes() {
    if !has("just") && lacks(&["just"]) {
        return;
    }
    let listing = std::process::Command::new("just")
        .args(["--justfile", concat!(env!("CARGO_MANIFEST_DIR"), "/justfile"), "--list", "--unsorted"])
        .output()
        .unwrap();
    let text = String::from_utf8(listing.stdout).unwrap();
    for part in ["[release]", "[development]", "release-run ticket *flags", "test *flags"] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}
