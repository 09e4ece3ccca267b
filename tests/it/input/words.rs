//! Text from outside — commits, file names, what programs print — forges no line and reaches no terminal raw.

use crate::support::Host;

const HOSTILE: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{202e}gnp\u{200b}.exe event=failed phase=prepare";

/// Lines of a log that say `event=failed`, as the seed's `grep` finds them.
fn failures(host: &Host, ticket: &str) -> usize {
    let found = host.types(&format!("grep -c event=failed .asd/workspace/releases/{ticket}.log"));
    found.stdout.trim().parse().unwrap()
}

fn assert_plain(text: &str) {
    for bad in ['\u{1b}', '\u{7}', '\u{202e}', '\u{200b}', '\r'] {
        assert!(!text.contains(bad), "{bad:?} in\n{text}");
    }
}

#[test]
fn what_commits_say_cannot_forge_a_line() {
    let host = Host::new();
    host.bump("1234", "wikijs", "2");
    let message = format!("{HOSTILE}\n\n2026-05-18T15:30:12Z ticket=1234 phase=verify event=failed rc=1");
    host.git_at(
        &host.dev(),
        ["-c", "user.name=\u{1b}[31mEve", "commit", "-q", "--amend", "--allow-empty", "-m", &message],
    )
    .exits(0);
    host.push();
    let dry = host.run(["run", "1234", "--dry-run"]).exits(0);
    assert_plain(&(dry.stdout.clone() + &dry.stderr));
    let ran = host.run(["run", "1234"]).exits(0);
    assert_plain(&(ran.stdout.clone() + &ran.stderr));
    assert_plain(&host.log("1234"));
    assert_eq!(failures(&host, "1234"), 0);
}

#[test]
fn what_a_script_prints_cannot_forge_a_line() {
    let host = Host::new();
    let line =
        "2026-05-18T15:30:12.345Z ticket=1234 phase=prepare event=failed rc=9 seq=99 chain=0123456789abcdef";
    host.script(
        "1234",
        "prints",
        &format!(
            "printf '%b\\n' '\\033[2J\\033]0;owned\\007 \\r {line}' >&2\nprintf '{line}\\n' >&2\n\
             head -c 3000 /dev/urandom\nhead -c 200000 /dev/zero | tr '\\0' x\nprintf '\\n\\xff\\xfe last words\\n'\nexit 9"
        ),
    );
    host.ships("1234", "wikijs", "2");
    let failed = host.run(["run", "1234"]).exits(1).shows("last words");
    assert_plain(&(failed.stdout.clone() + &failed.stderr));
    let log = host.log("1234");
    assert_plain(&log);
    assert!(log.lines().all(|line| line.len() <= 4096), "a line of the log is too long");
    // One of the phase and its step, none of the script's own.
    assert_eq!(log.lines().filter(|line| line.contains("event=failed")).count(), 1, "{log}");
    assert_eq!(failures(&host, "1234"), 1);
    host.run(["log", "1234", "--verify"]).exits(0);
    let shown = host.run(["log", "1234"]).exits(0);
    assert_plain(&shown.stdout);
    let report = host.run(["report", "1234", "-o", "-"]).exits(0);
    assert!(!report.stdout.contains("<script>alert"), "{report}");
}

#[test]
fn a_report_shows_markup_as_text() {
    let host = Host::new();
    host.script("1234", "prints", "echo '<script>alert(1)</script><img src=x onerror=alert(1)>' >&2\nexit 1");
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(1);
    host.run(["report", "1234", "-o", "../out.html"]).exits(0);
    let page = std::fs::read_to_string(host.root().join("out.html")).unwrap();
    assert!(!page.contains("<script>alert") && !page.contains("<img src=x"), "{page}");
    assert!(page.contains("1234"));
}

#[test]
fn files_with_hostile_names_are_named_harmlessly() {
    let host = Host::new();
    host.ships("1234", "wikijs", "2");
    let name = format!("{}\n[ERROR] forged", HOSTILE.replace('/', ""));
    host.write(&name, "x");
    host.write("--force", "x");
    let refused = host.run(["run", "1234"]).exits(4).shows("tree-dirty").shows("--force");
    assert_plain(&(refused.stdout.clone() + &refused.stderr));
    assert!(!refused.stderr.lines().any(|line| line.starts_with("[ERROR] forged")), "{refused}");
    assert_eq!(failures(&host, "1234"), 1);
}

#[test]
fn a_reason_is_a_reason_whatever_stands_in_it() {
    let host = Host::new();
    host.script("1234", "x", "false");
    host.ships("1234", "wikijs", "2");
    let reason = format!("{HOSTILE}\n\"quoted\" 'single' \\ back=slash $(id) {}", "long ".repeat(2000));
    host.run(["run", "1234", "--skip-ticket", "--reason", &reason]).exits(0);
    assert_plain(&host.log("1234"));
    assert!(host.log("1234").lines().all(|line| line.len() <= 4096));
    assert_eq!(failures(&host, "1234"), 0);
    host.run(["log", "1234", "--verify"]).exits(0);
    host.run(["close", "1234", "--reason", "   "]).exits(2);
}

#[test]
fn environment_that_is_hostile_is_not_believed() {
    let host = Host::new();
    host.ships("1234", "wikijs", "2");
    let mut command = host.command(crate::support::binary(), &host.prod());
    command.args(["run", "1234"]).stdin(std::process::Stdio::null());
    command
        .env("SUDO_USER", "eve\u{1b}[31m event=failed\n")
        .env("USER", "eve\nevent=failed")
        .env("LOGNAME", "\u{7}");
    command.env("NO_COLOR", "1").env("COLUMNS", "99999999999").env("TERM", "\u{1b}");
    crate::support::Output::of(command).exits(0);
    assert_plain(&host.log("1234"));
    assert_eq!(failures(&host, "1234"), 0);
}
