//! Every command that README shows is typed here, as it stands there.

use crate::support::{Host, Scene, Service, lacks};

/// README's console blocks: each line that begins with `$ `, without it, in order.
fn shown() -> Vec<String> {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let mut lines = Vec::new();
    let mut language = None;
    for line in text.lines() {
        match (language, line.strip_prefix("```")) {
            (None, Some(named)) => language = Some(named.trim()),
            (Some(_), Some("")) => language = None,
            (Some("console"), None) => lines.extend(line.strip_prefix("$ ").map(str::to_owned)),
            _ => {}
        }
    }
    lines
}

/// The words in backticks in README's table of what to type.
fn table() -> Vec<String> {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let cells = text
        .lines()
        .filter(|line| line.starts_with("| ") && line.contains("| `"))
        .flat_map(|line| line.split('`').skip(1).step_by(2));
    cells.map(str::to_owned).collect()
}

/// A host on which ticket 1234 is to be released, with `just` recipes, as README supposes.
fn host() -> Host {
    let host = Scene::new().service(Service::new("wikijs")).recipes().build();
    host.ships("1234", "wikijs", "2");
    host
}

#[test]
fn the_two_commands_of_the_beginning_exist() {
    let shown = shown();
    assert_eq!(shown[..2], ["cargo run --release -- demo", "./test.sh"]);
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    assert!(root.join("test.sh").is_file());
    // What `cargo run` would run is the binary that these tests run: `demo` is tried in cli::demo.
    let manifest = std::fs::read_to_string(root.join("Cargo.toml")).unwrap();
    assert!(manifest.contains("default-run = \"holdpoint\""), "{manifest}");
}

#[test]
fn the_ten_minutes_can_be_walked() {
    if lacks(&["just"]) {
        return;
    }
    let host = host();
    for line in &shown()[2..] {
        host.types(&format!("export HOLDPOINT=holdpoint; {line}")).exits(0);
    }
    assert_eq!((host.image("wikijs"), host.state("1234", "STATUS")), ("wikijs:2".into(), "succeeded".into()));
}

#[test]
fn every_way_out_of_the_table_can_be_typed() {
    let host = host();
    // A release that failed, and a ticket that waits behind it.
    host.script(
        "1234",
        "theme",
        "test -e ../ready || { echo 'theme.sh: line 3: jq: command not found' >&2; exit 127; }",
    );
    host.push();
    host.run(["run", "1234"]).exits(1);
    let copies = tempfile::tempdir().unwrap();
    let mut typed = 0;
    for line in table() {
        if !line.starts_with("holdpoint ") && !line.starts_with("tail ") && !line.starts_with("grep ") {
            continue;
        }
        typed += 1;
        // Each on the same failed release: the host's folder is laid back between them.
        let kept = copies.path().join("kept");
        copy(&host, "prod", &kept);
        let line =
            line.replace('…', "why").replace("1235 --supersedes", "1235 --without-scripts --supersedes");
        let line = if line.starts_with("holdpoint revert") { line + " --yes" } else { line };
        std::fs::write(host.root().join("ready"), "").unwrap();
        host.types(&line).exits(0);
        back(&host, &kept);
    }
    assert!(typed >= 9, "{typed} commands were found in the table");
}

fn copy(host: &Host, folder: &str, to: &std::path::Path) {
    host.types_at(host.root(), &format!("cp -a {folder} {}", to.display())).exits(0);
}

fn back(host: &Host, kept: &std::path::Path) {
    host.types_at(host.root(), &format!("rm -rf prod && mv {} prod", kept.display())).exits(0);
}

#[test]
fn the_configuration_is_a_configuration() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let example = text.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let host = Host::new();
    host.write(".asd/release.toml", example);
    // It names programs and files that are not here; what it says is understood.
    host.run(["list"]).exits(0);
}

#[test]
fn the_exit_statuses_are_those_of_the_help() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let help = Host::new().run(["--help"]).exits(0).stdout;
    let rows: Vec<(&str, &str)> = text
        .lines()
        .skip_while(|line| !line.starts_with("## Exit"))
        .filter_map(|line| line.strip_prefix("| ")?.split_once(" | "))
        .filter(|(code, _)| code.starts_with(|c: char| c.is_ascii_digit()))
        .map(|(code, rest)| (code, rest.split(" | ").next().unwrap()))
        .collect();
    assert!(rows.len() >= 13, "{rows:?}");
    for (codes, word) in rows {
        for code in codes.split(", ") {
            assert!(
                help.lines().any(|line| line.split_whitespace().take(2).eq([code, word])),
                "`{code} {word}` is not in the help:\n{help}"
            );
        }
    }
}
