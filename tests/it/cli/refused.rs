//! A refusal names its code, its fact and a command, to a person and to a program, whatever verb was refused.

use crate::support::{Host, Output};

/// The JSON value with the exit status in it: the whole output, or its last line.
#[track_caller]
fn told(output: &Output) -> serde_json::Value {
    let whole = serde_json::from_str(&output.stdout).ok();
    let value = whole.or_else(|| output.json_lines().pop());
    let value = value.unwrap_or_else(|| panic!("no answer\n{output}"));
    let answer = value.get("error").unwrap_or(&value);
    assert_eq!(answer["exit"].as_i64(), output.code.map(i64::from), "{output}");
    assert!(answer["ending"].is_string(), "{output}");
    answer.clone()
}

#[test]
fn what_is_not_there_is_refused_with_a_code_and_a_command() {
    let host = Host::new();
    for line in [
        ["state", "999"].as_slice(),
        &["state", "999", "--export"],
        &["log", "999"],
        &["log", "999", "--verify"],
        &["log", "999", "-f"],
        &["report", "999", "-o", "-"],
        &["close", "999", "--reason", "x"],
        &["approve", "999", "--reason", "x"],
        &["revert", "999", "--yes"],
        &["run", "999", "--from=verify"],
    ] {
        let output = host.run(line).exits(4).shows("✗ state-missing: ").shows("→ ").shows("holdpoint ");
        assert_eq!(output.stderr.matches("state-missing").count(), 1, "{output}");
        let mut with_json = line.to_vec();
        with_json.push("--json");
        let answer = told(&host.run(&with_json).exits(4));
        let code = answer["code"].as_str().or(answer["blockers"][0]["code"].as_str());
        assert_eq!(code, Some("state-missing"), "{answer}");
    }
}

#[test]
fn a_wrong_word_is_an_error_that_a_program_can_read() {
    let host = Host::new();
    for line in [
        ["status", "nix"].as_slice(),
        &["logs", "nix"],
        &["backup", "list", "nix"],
        &["backup", "verify", "wikijs", "20200101_000000"],
        &["backup", "take", "nix"],
        &["check", "--guard"],
        &["check", "--diff", "no-such-ref"],
        &["schema", "nix"],
        &["man", "nix"],
        &["frobnicate"],
    ] {
        let mut with_json = line.to_vec();
        with_json.push("--json");
        let output = host.run(&with_json).fails();
        let answer = told(&output);
        assert!(answer["code"].is_string() && answer["message"].is_string(), "{output}");
        assert!(answer["hints"].as_array().is_some_and(|hints| !hints.is_empty()), "{output}");
    }
}

#[test]
fn a_refused_release_names_the_playbook_that_fits() {
    let host = Host::new();
    host.commit("1234", &[("src/unclaimed.rs", "// new\n")]);
    host.push();
    for line in [["check", "1234"].as_slice(), &["run", "1234", "--dry-run"], &["run", "1234"]] {
        host.run(line)
            .exits(4)
            .shows("✗ source-unclassified:")
            .shows("playbook   release-run-exit-5-with-drift (strong match)");
    }
    let answer = told(&host.run(["check", "1234", "--json"]));
    let playbook = answer["playbooks"][0].as_str().unwrap_or_default();
    assert!(playbook.starts_with("release-run-exit-5-with-drift"), "{answer}");
    // A wrong match costs an hour at night: a dirty tree is none of the known failures.
    host.write("left.txt", "x");
    let answer = told(&host.run(["revert", "999", "--json"]));
    assert_eq!(answer["playbooks"].as_array().map(Vec::len), Some(0), "{answer}");
}
