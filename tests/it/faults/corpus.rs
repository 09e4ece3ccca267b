//! Hostile text (P12): hundreds of inputs made by hand, in `tests/corpus/`, each with what must become of it. Nothing makes the
//! program fall, reaches a terminal raw, forges a line of a log, or leads to a file outside the workspace.

mod archives;
mod files;
mod records;
mod shown;

use std::collections::BTreeSet;
use std::path::Path;

use super::tally::Tally;
use crate::support::{Host, Output};

/// One input.
struct Case {
    /// What must happen.
    verdict: String,
    /// The input.
    text: String,
    /// Where it stands.
    name: String,
}

/// The inputs of one kind: a line each in `tests/corpus/KIND.txt`.
fn cases(kind: &str) -> Vec<Case> {
    let path = format!("{}/tests/corpus/{kind}.txt", env!("CARGO_MANIFEST_DIR"));
    let file = std::fs::read_to_string(&path).unwrap();
    let lines = file.lines().enumerate().filter(|(_, line)| !line.starts_with('#'));
    let case = |(at, line): (usize, &str)| {
        let (verdict, text) = line.split_once('\t').unwrap_or_else(|| panic!("{kind}:{}: no tab", at + 1));
        let name = format!("tests/corpus/{kind}.txt:{}", at + 1);
        Case { verdict: verdict.to_owned(), text: unescaped(text), name }
    };
    lines.map(case).collect()
}

/// `\n \t \r \e \0 \\ \u{hex} \rep{count,text}`
fn unescaped(text: &str) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        let braced = |after: &str, word: &str| -> Option<(String, usize)> {
            let inner = after.strip_prefix(word)?;
            // The text may hold braces itself: the last one of what is left on this level closes.
            let mut depth = 1;
            let end = inner.char_indices().find(|(_, c)| {
                depth += i32::from(*c == '{') - i32::from(*c == '}');
                depth == 0
            });
            let end = end.map_or_else(|| inner.find('}'), |(at, _)| Some(at))?;
            Some((inner[..end].to_owned(), word.len() + end + 1))
        };
        if let Some((hex, length)) = braced(after, "u{") {
            out.push(u32::from_str_radix(&hex, 16).ok().and_then(char::from_u32).unwrap());
            rest = &after[length..];
        } else if let Some((inner, length)) = braced(after, "rep{") {
            let (count, inner) = inner.split_once(',').unwrap();
            out.push_str(&unescaped(inner).repeat(count.parse().unwrap()));
            rest = &after[length..];
        } else {
            let c = after.chars().next().unwrap();
            out.push(match c {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                'e' => '\u{1b}',
                '0' => '\0',
                '\\' => '\\',
                other => panic!("no such escape: \\{other}"),
            });
            rest = &after[c.len_utf8()..];
        }
    }
    out + rest
}

/// What of a text could move a cursor, hide, or reorder text. Lines and tabs are a screen's own.
fn raw(text: &str) -> Option<char> {
    text.chars().find(|c| !matches!(c, '\n' | '\t') && holdpoint::model::escape::is_unsafe(*c))
}

/// It ended as the program ends, not as a defect of ours, and said nothing raw.
#[track_caller]
fn harmless(output: &Output) {
    assert!(output.code.is_some_and(|code| code != 70 && code != 101), "a defect\n{output}");
    let said = format!("{}{}", output.stdout, output.stderr);
    assert!(!said.contains("panicked at"), "a defect\n{output}");
    assert_eq!(raw(&said), None, "raw\n{output}");
}

/// Everything on a host but our own workspace and what git and the services keep for themselves.
fn places(host: &Host) -> BTreeSet<String> {
    fn list(folder: &Path, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let text = path.to_string_lossy().into_owned();
            if ["/.git", "/.asd/workspace", "/run", "/origin.git"].iter().any(|own| text.ends_with(own)) {
                continue;
            }
            if path.is_dir() && !path.is_symlink() {
                list(&path, found);
            }
            found.insert(text);
        }
    }
    let mut found = BTreeSet::new();
    list(host.root(), &mut found);
    found
}

/// Lines of a log that could be taken for a record that nobody wrote: each line is one of ours, and the program says so.
#[track_caller]
fn nothing_forged(host: &Host, ticket: &str) {
    let log = host.log(ticket);
    assert_eq!(forged(&log), [""; 0], "{log}");
    host.run(["log", ticket, "--verify"]).exits(0);
}

/// Lines that are no record, or hold a second `event=`.
fn forged(log: &str) -> Vec<&str> {
    let is_ours = |line: &&str| {
        raw(line).is_none() && line.matches("event=").count() == 1 && line.matches(" chain=").count() == 1
    };
    log.lines().filter(|line| !is_ours(line)).collect()
}

#[test]
fn a_planted_breach_is_found() {
    let said = |stdout: &str, code| Output {
        command: String::new(),
        code,
        stdout: stdout.to_owned(),
        stderr: String::new(),
        scene: String::new(),
    };
    harmless(&said("plain\n\twords ✓ é\n", Some(2)));
    for (text, code) in [
        ("a \u{1b}[2J", Some(0)),
        ("a \u{202e}b", Some(0)),
        ("a\rb", Some(0)),
        ("x", Some(70)),
        ("x", Some(101)),
        ("x", None),
        ("thread 'main' panicked at src/x.rs", Some(1)),
    ] {
        let broken = std::panic::catch_unwind(|| harmless(&said(text, code)));
        assert!(broken.is_err(), "{text:?} {code:?} is not found");
    }
    assert_eq!(forged("t ticket=1 event=x chain=0\n"), [""; 0]);
    for line in ["event=failed", "t event=x msg=\"event=failed\" chain=0", "t event=x\u{1b} chain=0"] {
        assert_eq!(forged(line), [line]);
    }
    let host = Host::new();
    let before = places(&host);
    assert_eq!(places(&host), before);
    std::fs::write(host.root().join("pwned"), "").unwrap();
    assert_ne!(places(&host), before);
}

#[test]
fn there_are_as_many_cases_as_promised() {
    let folder = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus")).unwrap();
    let kinds = folder.map(|file| file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned());
    let count: usize = kinds.map(|kind| cases(&kind).len()).sum();
    assert!(count >= 500, "{count} cases");
    assert_eq!(unescaped(r"a\n\e\u{202e}\rep{2,x\t}\\"), "a\n\u{1b}\u{202e}x\tx\t\\");
}

/// Makes a command line of an input.
type Line<'a> = &'a dyn Fn(&str) -> Vec<String>;

/// Tries every input of a kind on the command line, where it makes these words of it.
fn on_the_command_line(kind: &str, what: &'static str, lines: &[Line<'_>]) {
    let host = Host::new();
    host.ships("1234", "wikijs", "2");
    let before = (places(&host), host.head());
    let mut tally = Tally::new("P12", what);
    for case in cases(kind) {
        for line in lines {
            tally.case(&case.name, || {
                let output = host.run(line(&case.text));
                harmless(&output);
                let code = output.code.unwrap();
                match case.verdict.as_str() {
                    "refused" => assert_eq!(code, 2, "{output}"),
                    "unknown" => assert!(matches!(code, 2 | 4), "{output}"),
                    _ => assert!(matches!(code, 0 | 4), "{output}"),
                }
            });
        }
    }
    assert_eq!((places(&host), host.head()), before);
    tally.end();
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn ticket_ids() {
    on_the_command_line(
        "ticket-ids",
        "hostile ticket ids",
        &[&|text| words(&["state", "--", text]), &|text| {
            words(&["revert", "--yes", "--dry-run", "--", text])
        }],
    );
}

#[test]
fn attempts_services_and_durations() {
    on_the_command_line(
        "attempts",
        "hostile attempt ids",
        &[&|text| words(&["cancel", "--yes", "--", text])],
    );
    on_the_command_line("services", "hostile service names", &[&|text| words(&["status", "--", text])]);
    let duration = |text: &str| {
        words(&["run", "1234", "--dry-run", "--reason", "x", &format!("--health-deadline={text}")])
    };
    on_the_command_line("durations", "hostile durations", &[&duration]);
}

#[test]
fn branches_and_commits() {
    let branch = |text: &str| words(&["run", "1234", "--dry-run", &format!("--branch={text}")]);
    on_the_command_line("branches", "hostile branch names", &[&branch]);
    let base = |text: &str| words(&["run", "1234", "--dry-run", "--reason", "x", &format!("--base={text}")]);
    let at = |text: &str| words(&["run", "1234", "--dry-run", &format!("--at={text}")]);
    on_the_command_line("commits-asked", "hostile commit ids", &[&base, &at]);
}
