//! No secret reaches a screen, a record or a message, whoever prints it and in whatever form (design/08, P13).

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::support::tally::Tally;
use crate::support::{Host, Output, Scene, Service, Trouble};

/// What the host's `.env` holds, and how a name makes it a secret.
const KEPT: [(&str, &str); 5] = [
    ("API_TOKEN", "cn4ry-T0ken/with+signs="),
    ("ADMIN_PASSWORD", "cn4ry p4ss \"quoted\" \\ back & <tag>"),
    // No name says that it is one: long enough to be on the safe side.
    ("GREETING", "cn4ry-of-a-plain-name"),
    // `[secrets] names` says so.
    ("WIKI_THING", "cn4ry9"),
    // Only the password of an address is one.
    ("DATABASE_URL", "postgres://wiki:cn4ry-hunter2~%5e@localhost/wiki"),
];

/// In the operator's environment, passed on by `[run] env`.
const OPERATORS: (&str, &str) = ("DEPLOY_TOKEN", "cn4ry-from-the-operator");

/// In an address that no file of the host holds.
const ADDRESS: &str = "https://deploy:cn4ry-in-an-address@registry.invalid:5000/v2/";

/// What must never be seen.
const CANARIES: [&str; 7] =
    [KEPT[0].1, KEPT[1].1, KEPT[2].1, KEPT[3].1, "cn4ry-hunter2~%5e", OPERATORS.1, "cn4ry-in-an-address"];

// -------------------------------------------------------------------------------------------------- forms

fn base64(bytes: &[u8], specials: [char; 2]) -> String {
    let digits: Vec<char> = ('A'..='Z').chain('a'..='z').chain('0'..='9').chain(specials).collect();
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let number = (0..3).fold(0, |sum, at| sum << 8 | usize::from(group.get(at).copied().unwrap_or(0)));
        for place in 0..=group.len() {
            text.push(digits[number >> (18 - 6 * place) & 63]);
        }
        text.extend(std::iter::repeat_n('=', 3 - group.len()));
    }
    text
}

fn percent(text: &str, plus: bool, hex: fn(u8) -> String) -> String {
    let escape = |byte: u8| match byte {
        b' ' if plus => "+".to_owned(),
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{}", hex(byte)),
    };
    text.bytes().map(escape).collect()
}

fn json(text: &str) -> String {
    serde_json::to_string(text).unwrap().trim_matches('"').to_owned()
}

fn numbers(text: &str) -> String {
    text.encode_utf16().fold(String::new(), |out, unit| out + &format!("\\u{unit:04x}"))
}

fn html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A secret as programs print it, whole.
fn printed(secret: &str) -> Vec<String> {
    let mut forms = vec![
        secret.to_owned(),
        json(secret),
        numbers(secret),
        percent(secret, false, |byte| format!("{byte:02X}")),
        percent(secret, false, |byte| format!("{byte:02x}")),
        percent(secret, true, |byte| format!("{byte:02X}")),
    ];
    for before in ["", "u", "us", "user:"] {
        for specials in [['+', '/'], ['-', '_']] {
            forms.push(base64(format!("{before}{secret}\n").as_bytes(), specials));
        }
    }
    forms
}

/// By what a secret is known where it must not be: whole, and the digits of base64 that it alone decides.
fn known(secret: &str) -> Vec<String> {
    let mut forms = printed(secret);
    forms.truncate(6);
    forms.push(html(secret));
    for shift in 0..3_usize {
        let bytes = [vec![0; shift], secret.as_bytes().to_vec()].concat();
        let (from, to) = ((shift * 8).div_ceil(6), bytes.len() * 8 / 6);
        forms.extend([['+', '/'], ['-', '_']].map(|specials| base64(&bytes, specials)[from..to].to_owned()));
    }
    forms
}

#[test]
fn the_forms_are_those_that_other_programs_make() {
    assert_eq!(base64(b"hold", ['+', '/']), "aG9sZA==");
    assert_eq!(base64(&[251, 255, 254], ['-', '_']), "-__-");
    assert_eq!(percent("a b=\"", true, |byte| format!("{byte:02X}")), "a+b%3D%22");
    assert_eq!(numbers("é\""), "\\u00e9\\u0022");
    let token = KEPT[0].1;
    for text in printed(token) {
        assert!(known(token).iter().any(|form| text.contains(form)), "{text} would not be known");
    }
}

// -------------------------------------------------------------------------------------------------- the host

/// A host that knows the secrets, with news for everybody and a program outside the checkout that tells them all.
fn telling(scene: Scene) -> Host {
    let host = scene
        .file(".gitignore", ".env\n")
        .file("scripts/tells.sh", "#!/bin/sh\nexec \"$(dirname \"$0\")/../../tells.sh\"\n")
        .config(
            "[secrets]\nenv_files = [\".env\"]\nnames = [\"wiki_*\"]\n\n[run]\nenv = [\"DEPLOY_TOKEN\"]\n\n\
             [[notify]]\non = [\"started\", \"failed\", \"succeeded\", \"reverted\", \"stuck\"]\n\
             command = [\"sh\", \"-c\", \"cat >>../news; echo >>../news\"]",
        )
        .build();
    let quoted = |(name, value): &(&str, &str)| format!("{name}='{value}'\n");
    host.write(".env", &KEPT.iter().map(quoted).collect::<String>());
    let mut forms = format!("pulling {ADDRESS}manifests/2\n");
    for form in CANARIES.iter().take(6).flat_map(|secret| printed(secret)) {
        let _ = writeln!(forms, "told {form}");
    }
    std::fs::write(host.root().join("forms"), forms).unwrap();
    // Whole, cut by a pause, and across the borders of 4, 8 and 64 KiB.
    let tells = "#!/bin/sh\ncd \"$(dirname \"$0\")\"\ncat forms forms >&2\nhead -c 1017 forms; sleep 0.1; tail -c +1018 forms\n\
                 for size in 4086 8182 65526; do head -c $size /dev/zero | tr '\\0' '\\n'; cat forms; done\nexit 7\n";
    std::fs::write(host.root().join("tells.sh"), tells).unwrap();
    std::fs::set_permissions(host.root().join("tells.sh"), std::fs::Permissions::from_mode(0o755)).unwrap();
    host
}

/// The program as an operator runs it who has a secret in the environment.
fn run(host: &Host, line: &[&str]) -> Output {
    let mut command = host.command(crate::support::binary(), &host.prod());
    command.args(line).env(OPERATORS.0, OPERATORS.1);
    Output::of(command)
}

/// The lines of a text that tell a canary.
fn told(text: &str) -> Vec<String> {
    let forms: Vec<String> = CANARIES.iter().flat_map(|secret| known(secret)).collect();
    let tells = |line: &&str| forms.iter().any(|form| line.contains(form.as_str()));
    text.lines().filter(tells).map(|line| line.chars().take(2_000).collect()).collect()
}

/// Tries every file below a folder: none has a line with a canary in it.
fn leaks(folder: &Path, tally: &mut Tally) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            leaks(&path, tally);
            continue;
        }
        let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        keeps(&path.display().to_string(), &text, tally);
    }
}

/// Tries one text: no line of it tells a canary.
fn keeps(name: &str, text: &str, tally: &mut Tally) {
    tally.case(name, || assert_eq!(told(text), [""; 0]));
}

/// Releases, looks at it in every way there is, takes it back; nothing of that may tell a secret. Answers with the run.
#[track_caller]
fn tells_nobody(host: &Host, reason: &str) -> Output {
    let run = |line: &[&str]| run(host, line);
    let mut said = vec![run(&["run", "1234", "--dry-run"]), run(&["run", "1234", "--dry-run", "--json"])];
    let released = run(&["run", "1234"]).fails().shows("***");
    said.push(released.clone());
    said.push(run(&["run", "1234", "--from=prepare", "--json"]));
    for line in [
        ["state", "1234"].as_slice(),
        &["state", "1234", "--json"],
        &["state", "1234", "--export"],
        &["log", "1234"],
        &["log", "1234", "--json"],
        &["list", "--all", "--json"],
        &["report", "1234", "-o", "-"],
        &["report", "1234", "-o", "../report.html"],
        &["status"],
        &["status", "--json"],
        &["logs", "wikijs"],
        &["doctor", "--json"],
        &["check", "--json"],
        &["backup", "list", "--json"],
        &["revert", "1234", "--dry-run"],
        &["revert", "1234", "--yes", "--json"],
        &["log", "1234", "--json"],
    ] {
        said.push(run(line));
    }
    let mut tally = Tally::new("P13", "screens, files and news searched for secrets");
    for output in &said {
        keeps(&output.command, &format!("{output}"), &mut tally);
    }
    leaks(&host.workspace(""), &mut tally);
    for file in ["news", "report.html"] {
        let text = std::fs::read_to_string(host.root().join(file)).unwrap_or_default();
        keeps(file, &text, &mut tally);
    }
    tally.end();
    let news = std::fs::read_to_string(host.root().join("news")).unwrap();
    assert!(news.contains(reason), "{news}");
    released
}

// -------------------------------------------------------------------------------------------------- who prints

#[test]
fn a_ticket_script_tells_nobody() {
    let host = telling(Scene::new().service(Service::new("wikijs")));
    host.script("1234", "tell", &format!("{}/tells.sh", host.root().display()));
    host.ships("1234", "wikijs", "2");
    tells_nobody(&host, "1234-tell.sh").shows("told ***");
}

#[test]
fn a_hook_tells_nobody() {
    let wikijs = Service::new("wikijs").extra("hooks = { pre_start = [\"scripts/tells.sh\"] }");
    let host = telling(Scene::new().service(wikijs));
    host.ships("1234", "wikijs", "2");
    tells_nobody(&host, "wikijs.pre_start").shows("told ***");
}

#[test]
fn a_service_that_fails_tells_nobody_through_its_log() {
    let host = telling(Scene::new().service(Service::new("wikijs").deadline("1s")));
    let forms = std::fs::read_to_string(host.root().join("forms")).unwrap();
    std::fs::write(host.root().join("run/wikijs/log"), forms).unwrap();
    host.trouble("wikijs", Trouble::Unhealthy, Some("wikijs:2"));
    host.ships("1234", "wikijs", "2");
    tells_nobody(&host, "wikijs.health").shows("told ***");
}

#[test]
fn a_check_of_the_last_phase_tells_nobody() {
    let scene = Scene::new().service(Service::new("wikijs"));
    let host = telling(scene.config("[[verify]]\nname = \"smoke\"\nrun = [\"scripts/tells.sh\"]"));
    host.ships("1234", "wikijs", "2");
    tells_nobody(&host, "smoke");
}

#[test]
fn a_backup_that_fails_tells_nobody() {
    let take =
        "[{ kind = \"command\", take = [\"scripts/tells.sh\"], check = [\"true\"], restore = [\"true\"] }]";
    let host = telling(Scene::new().service(Service::new("wikijs").backup(take)));
    host.ships("1234", "wikijs", "2");
    tells_nobody(&host, "backup.wikijs").shows("told ***");
}

#[test]
fn a_remote_that_cannot_be_reached_tells_nobody_how_to_sign_in() {
    let host = telling(Scene::new().service(Service::new("wikijs")));
    let nowhere = "https://deploy:cn4ry-in-an-address@127.0.0.1:1/app.git";
    host.git(["remote", "set-url", "origin", nowhere]).exits(0);
    let mut tally = Tally::new("P13", "a remote's sign-in searched for");
    for line in [
        ["run", "1234"].as_slice(),
        &["run", "1234", "--json"],
        &["run", "1234", "--dry-run"],
        &["check", "--json"],
        &["doctor"],
        &["doctor", "--json"],
    ] {
        let output = run(&host, line).fails();
        keeps(&output.command, &format!("{output}"), &mut tally);
    }
    run(&host, &["run", "1234"]).exits(4).shows("source-unavailable");
    leaks(&host.workspace(""), &mut tally);
    tally.end();
}
