//! Who signed what comes in: real keys, real signatures, real git (design/04, `verify_signatures`).

use std::process::Command;

use crate::support::{Host, Output, Scene, Service};

const KEYS: [&str; 4] = ["known", "other", "stranger", "expired"];

/// A host that wants signatures, and keys: `known` and `other` are allowed to sign, `stranger` is not, `expired` once was.
fn host(policy: &str) -> Host {
    let git = format!("verify_signatures = \"{policy}\"\nallowed_signers = \"HOST/allowed_signers\"");
    let host = Scene::new().service(Service::new("wikijs")).git(&git).build();
    let mut allowed = Vec::new();
    for key in KEYS {
        let path = host.root().join(key);
        let mut keygen = Command::new("ssh-keygen");
        keygen.args(["-q", "-t", "ed25519", "-N", "", "-C", key, "-f"]).arg(&path);
        assert!(keygen.status().unwrap().success());
        let public = std::fs::read_to_string(path.with_extension("pub")).unwrap();
        match key {
            "stranger" => {}
            "expired" => allowed.push(format!("expired@example.org valid-before=\"20200101\" {public}")),
            _ => allowed.push(format!("{key}@example.org {public}")),
        }
    }
    std::fs::write(host.root().join("allowed_signers"), allowed.concat()).unwrap();
    host
}

/// Git in the developer's clone, signing with that key.
fn signing(host: &Host, key: &str, line: &[&str]) -> Output {
    let key = format!("user.signingkey={}", host.root().join(key).display());
    let options = ["-c", "gpg.format=ssh", "-c", &key, "-c", "commit.gpgsign=true"];
    host.git_at(&host.dev(), options.into_iter().chain(line.iter().copied())).exits(0)
}

fn tip(host: &Host) -> String {
    host.git_at(&host.dev(), ["rev-parse", "HEAD"]).exits(0).stdout.trim().to_owned()
}

/// Commits a new image, signed with a key.
fn signs(host: &Host, key: &str, tag: &str) -> String {
    host.bump("1234", "wikijs", tag);
    signing(host, key, &["commit", "-q", "--amend", "--no-edit", "-S"]);
    tip(host)
}

/// A refusal that names the commit and what is the matter with it; nothing was changed.
#[track_caller]
fn refused(host: &Host, commit: &str, what: &str) {
    let head = host.head();
    let said = host.run(["run", "1234"]).exits(4).shows("signature").shows(what).shows(&commit[..12]);
    said.shows(&format!("verify-commit -v {commit}")).shows("allowed_signers");
    // What it says to type shows the same.
    let signers = host.root().join("allowed_signers");
    let signers = format!("gpg.ssh.allowedSignersFile={}", signers.display());
    host.git(["-c", &signers, "verify-commit", "-v", commit]).fails();
    assert!(host.record("1234", "event=failed").contains("reason=signature"), "{}", host.log("1234"));
    assert_eq!((host.head(), host.image("wikijs")), (head, "wikijs:1".to_owned()));
}

#[test]
fn what_allowed_signers_signed_comes_in() {
    for policy in ["warn", "require"] {
        let host = host(policy);
        signs(&host, "known", "2");
        signs(&host, "other", "3");
        host.push();
        host.run(["run", "1234"]).exits(0).hides("signed");
        assert_eq!(host.image("wikijs"), "wikijs:3");
    }
}

#[test]
fn what_is_not_signed_is_refused_also_below_what_is() {
    let host = host("require");
    let unsigned = host.bump("1234", "wikijs", "2");
    signs(&host, "known", "3");
    host.push();
    refused(&host, &unsigned, "has no signature");
}

#[test]
fn a_key_that_is_not_or_no_longer_allowed_is_refused() {
    for key in ["stranger", "expired"] {
        let host = host("require");
        let commit = signs(&host, key, "2");
        host.push();
        refused(&host, &commit, "a key that is not, or not at that time, one of an allowed signer");
    }
}

#[test]
fn a_commit_that_was_changed_after_it_was_signed_is_refused() {
    let host = host("require");
    let signed = signs(&host, "known", "2");
    let text = host.git_at(&host.dev(), ["cat-file", "commit", &signed]).exits(0).stdout;
    let changed = host.root().join("changed");
    std::fs::write(&changed, text.replace("1234: change", "1234: ch4nge")).unwrap();
    let path = changed.to_str().unwrap();
    let written = host.git_at(&host.dev(), ["hash-object", "-t", "commit", "-w", path]).exits(0).stdout;
    host.git_at(&host.dev(), ["reset", "-q", "--hard", written.trim()]).exits(0);
    host.push();
    refused(&host, written.trim(), "one of them was changed");
}

#[test]
fn the_other_side_of_a_merge_counts() {
    let host = host("require");
    host.git_at(&host.dev(), ["switch", "-q", "-c", "side"]).exits(0);
    let unsigned = host.commit("1234", &[("notes.md", "from the side\n")]);
    host.git_at(&host.dev(), ["switch", "-q", "main"]).exits(0);
    signs(&host, "known", "2");
    signing(&host, "known", &["merge", "-q", "--no-ff", "-S", "-m", "1234: bring the side in", "side"]);
    host.push();
    refused(&host, &unsigned, "has no signature");
}

#[test]
fn a_message_that_says_it_is_our_revert_is_not_enough() {
    let host = host("require");
    host.bump("1234", "wikijs", "2");
    let message = "Revert release 1200\n\nHoldpoint-Reverts: 1200\n";
    host.git_at(&host.dev(), ["commit", "-q", "--amend", "-m", message]).exits(0);
    let forged = tip(&host);
    host.push();
    refused(&host, &forged, "has no signature");
}

#[test]
fn what_was_pulled_before_the_release_counts_too() {
    let host = host("require");
    let base = host.head();
    let unsigned = host.bump("1234", "wikijs", "2");
    host.push();
    host.git(["pull", "-q", "--ff-only"]).exits(0);
    host.run(["run", "1234", "--base", &base, "--reason", "pulled by hand"])
        .exits(4)
        .shows("has no signature")
        .shows(&unsigned[..12]);
    assert_eq!(host.image("wikijs"), "wikijs:1");
}

#[test]
fn warn_notes_it_and_goes_on() {
    let host = host("warn");
    let unsigned = host.bump("1234", "wikijs", "2");
    let strange = signs(&host, "stranger", "3");
    host.push();
    let note = format!(
        "2 commits that come in are not signed by an allowed signer: {} {}",
        &strange[..12],
        &unsigned[..12]
    );
    host.run(["run", "1234", "--dry-run"]).exits(0).shows(&note);
    host.run(["run", "1234"]).exits(0).shows(&note);
    assert_eq!(host.image("wikijs"), "wikijs:3");
}

#[test]
fn neither_side_can_talk_the_other_out_of_it() {
    // The commit that switches it off comes in under what stands here.
    let strict = host("require");
    let settings = std::fs::read_to_string(strict.dev().join(".asd/release.toml")).unwrap();
    let lax = settings.replace("\"require\"", "\"off\"");
    let off = strict.commit("1234", &[(".asd/release.toml", &lax), ("packages/wikijs/image", "wikijs:2\n")]);
    strict.push();
    refused(&strict, &off, "has no signature");
    // The commit that switches it on is the first that must be signed, and can be.
    for (key, code) in [("known", 0), ("stranger", 4)] {
        let host = host("off");
        let settings = std::fs::read_to_string(host.dev().join(".asd/release.toml")).unwrap();
        let on = settings.replace("\"off\"", "\"require\"");
        std::fs::write(host.dev().join(".asd/release.toml"), on).unwrap();
        signs(&host, key, "2");
        host.push();
        host.run(["run", "1234"]).exits(code);
    }
}

#[test]
fn no_list_of_allowed_signers_lets_nobody_in() {
    let host = host("require");
    std::fs::remove_file(host.root().join("allowed_signers")).unwrap();
    let commit = signs(&host, "known", "2");
    host.push();
    host.run(["run", "1234"]).exits(4).shows("signature").shows(&commit[..12]);
    assert_eq!(host.image("wikijs"), "wikijs:1");
}

#[test]
fn a_release_can_be_taken_back_and_released_again_without_a_signature_of_ours() {
    let host = host("require");
    signs(&host, "known", "2");
    host.push();
    host.run(["run", "1234"]).exits(0);
    host.run(["revert", "1234", "--yes"]).exits(0);
    assert_eq!(host.image("wikijs"), "wikijs:1");
    signs(&host, "known", "3");
    host.push();
    host.run(["run", "1235", "--reintroduce", "1234", "--reason", "mended"]).exits(0);
    assert_eq!(host.image("wikijs"), "wikijs:3");
}
