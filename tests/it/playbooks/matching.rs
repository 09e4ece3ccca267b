//! `playbook match`, and what a failure screen says.

use super::{asks, playbook};
use crate::support::{Host, Scene, Service};

const KNOWN: &str = "theme folder is missing";

fn host() -> Host {
    let (path, text) =
        playbook("release-theme-missing", KNOWN, &asks("test -e themes", "rc=1"), "['mkdir themes']");
    Scene::new().service(Service::new("wikijs")).file(&path, &text).build()
}

fn fails_with(host: &Host, said: &str) {
    host.script("1234", "theme", &format!("echo building; echo '{said}' >&2; exit 3"));
    host.push();
}

#[test]
fn a_failure_that_is_known_is_named_on_the_screen_and_by_match_with_score_and_lines() {
    let host = host();
    fails_with(&host, "Error: the theme folder is missing here");
    host.run(["run", "1234"]).exits(1).shows("playbook   release-theme-missing (strong match): mkdir themes");
    host.run(["playbook", "match", "1234"])
        .exits(0)
        .shows("phase ticket, step 1234-theme.sh, rc 3")
        .shows("strong match release-theme-missing")
        .shows("│ Error: the theme folder is missing here")
        .shows("holdpoint playbook run release-theme-missing --ticket 1234");
    let answer = host.run(["playbook", "match", "1234", "--json"]).exits(0).json();
    let first = &answer["matches"][0];
    assert_eq!(
        (first["id"].as_str(), first["strength"].as_str()),
        (Some("release-theme-missing"), Some("strong"))
    );
    assert!(first["score"].as_u64().is_some_and(|score| (60..=100).contains(&score)), "{answer}");
    assert_eq!(first["lines"][0], "Error: the theme folder is missing here");
    assert_eq!((answer["rc"].as_i64(), answer["phase"].as_str()), (Some(3), Some("ticket")));
}

#[test]
fn a_failure_that_nobody_knows_ends_with_5_and_says_how_to_draft_a_playbook() {
    let host = host();
    fails_with(&host, "zwiebelfisch 17 in the lead");
    host.run(["run", "1234"]).exits(1).hides("playbook ");
    host.run(["playbook", "match", "1234"])
        .exits(5)
        .shows("no playbook fits")
        .shows("holdpoint playbook new --from 1234");
    assert_eq!(
        host.run(["playbook", "match", "1234", "--json"]).exits(5).json()["matches"],
        serde_json::json!([])
    );
}

#[test]
fn a_gate_that_refused_is_matched_by_its_code() {
    let host = Host::new();
    host.commit("1234", &[("src/unclaimed.rs", "// new\n")]);
    host.push();
    host.run(["run", "1234"]).exits(4);
    host.run(["playbook", "match", "1234"])
        .exits(0)
        .shows("strong match release-")
        .shows("refused: source-unclassified");
}

#[test]
fn text_that_is_handed_in_is_weighed_with_what_is_said_beside_it() {
    let host = host();
    let piped = |said: &str, more: &str| {
        host.types(&format!("printf '%s\\n' \"{said}\" | holdpoint playbook match --stdin {more}"))
    };
    piped("the theme folder is missing", "").exits(0).shows("strong match release-theme-missing");
    piped("all is well", "").exits(5);
    piped("", "").exits(5);
    // Colours and hostile characters are only text.
    piped("$(printf '\\033[31mtheme folder is missing\\033[0m \\033]0;x\\007')", "")
        .exits(0)
        .hides("\u{1b}]0;");
    piped("wikijs.healthy: unhealthy", "--phase verify").exits(0).shows("strong match release-verify-race");
    piped("wikijs.healthy: unhealthy", "--phase migrate").hides("release-verify-race");
    host.run(["playbook", "match"]).exits(2);
    host.run(["playbook", "match", "--stdin", "1234"]).exits(2);
    host.run(["playbook", "match", "1234", "--rc", "1"]).exits(2);
    host.run(["playbook", "match", "--stdin", "--phase", "dinner"]).exits(2);
    host.run(["playbook", "match", "999"]).exits(4).shows("has no release on this host");
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(0);
    host.run(["playbook", "match", "1234"]).exits(5).shows("`1234` has not failed");
}

#[test]
fn a_file_that_cannot_be_read_is_said_and_hides_no_other() {
    let host = host();
    host.write("recovery/playbooks/release-broken.yaml", "- id: [\n");
    host.run(["playbook", "list"])
        .exits(0)
        .shows("release-theme-missing")
        .shows("release-verify-race")
        .shows("! recovery/playbooks/release-broken.yaml:");
    let answer = host.run(["playbook", "list", "--json"]).exits(0).json();
    assert_eq!(answer["notes"].as_array().map(Vec::len), Some(1), "{answer}");
    host.types("echo theme folder is missing | holdpoint playbook match --stdin")
        .exits(0)
        .shows("release-broken.yaml");
}

#[test]
fn a_file_of_the_hosts_own_takes_the_place_of_a_shipped_one() {
    let host = host();
    let (path, text) = playbook("release-verify-race", "slow start", &asks("true", "rc=0"), "['true']");
    host.write(&path, &text);
    let known = host.run(["playbook", "show", "release-verify-race", "--json"]).exits(0).json();
    assert_eq!(
        (known["origin"].as_str(), known["file"].as_str()),
        (Some("uncommitted"), Some(path.as_str()))
    );
    host.run(["playbook", "show", "release-theme-missing"]).exits(0).shows("committed").shows("mkdir themes");
    host.run(["playbook", "show", "release-theme"]).exits(2).shows("did you mean `release-theme-missing`");
}
