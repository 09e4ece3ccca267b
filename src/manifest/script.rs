//! Ticket scripts: which ticket a file belongs to, and what its header lines say (design/04).

use std::collections::BTreeSet;

use super::error::{ManifestError, Place, Problem};
use super::settings::SourceFile;
use super::text::{nearest, place, within_limit};
use crate::model::arrange::Arrange;
use crate::model::facts::ScriptHeader;
use crate::model::id::{ServiceName, TicketId};
use crate::model::quantity::Span;

/// Whose a file in the folder of ticket scripts is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Belongs {
    /// To this ticket.
    To(TicketId),
    /// To one of these tickets, none of which is known: `ticket-script-invalid`.
    Unclear(Vec<TicketId>),
}

/// Files named `<ticket>-*.sh` directly in `folder`, sorted by path, each with its ticket.
///
/// The longest known ticket whose id begins the name wins. Where none is known, the name must leave one choice: the only
/// part before a `-` that is a ticket id, or the only one that ends in a word with a digit (`OPS-17-fix-index.sh` is
/// `OPS-17`'s).
pub fn match_tickets<'p>(
    folder: &str,
    paths: impl IntoIterator<Item = &'p str>,
    known: &BTreeSet<TicketId>,
) -> Vec<(String, Belongs)> {
    let mut found: Vec<(String, Belongs)> =
        paths.into_iter().filter_map(|path| Some((path.to_owned(), belongs(folder, path, known)?))).collect();
    found.arrange_by(|a, b| a.0.cmp(&b.0));
    found.dedup();
    found
}

fn belongs(folder: &str, path: &str, known: &BTreeSet<TicketId>) -> Option<Belongs> {
    let file = path.strip_prefix(folder.trim_end_matches('/'))?.strip_prefix('/')?;
    let stem = file.strip_suffix(".sh").filter(|stem| !stem.contains('/'))?;
    let heads = stem.match_indices('-').map(|(at, _)| &stem[..at]);
    let tickets: Vec<TicketId> = heads.filter_map(|head| head.parse().ok()).collect();
    if let Some(longest) = tickets.iter().rev().find(|ticket| known.contains(*ticket)) {
        return Some(Belongs::To(longest.clone()));
    }
    let numbered: Vec<&TicketId> = tickets.iter().filter(|ticket| ends_in_number(ticket)).collect();
    match (tickets.as_slice(), numbered.as_slice()) {
        ([], _) => None,
        ([only], _) => Some(Belongs::To(only.clone())),
        (_, [only]) => Some(Belongs::To((*only).clone())),
        _ => Some(Belongs::Unclear(tickets)),
    }
}

fn ends_in_number(ticket: &TicketId) -> bool {
    let last = ticket.as_str().rsplit('-').next().unwrap_or_default();
    last.contains(|c: char| c.is_ascii_digit())
}

/// Words that a header line may have.
const WORDS: [&str; 6] = ["check", "idempotent", "timeout", "backup", "revert", "dry-run"];

/// Reads the `# holdpoint: …` lines among the comments that a script begins with.
///
/// A line has one word, or several separated by spaces: `idempotent`, `dry-run`, `timeout=5m`, `backup=wikijs` (again for
/// more services), `revert=releases/1234-undo.sh`; `check=` takes the rest of its line as a program with arguments.
/// Errors: an unknown word, a value that cannot be read, a word said twice, a header line after the first command.
pub fn header(file: &SourceFile) -> Result<ScriptHeader, ManifestError> {
    within_limit(file)?;
    let mut reader = Reader { file, header: ScriptHeader::default(), said: BTreeSet::new() };
    let (mut at, mut in_code) = (0, false);
    for line in file.text.split_inclusive('\n') {
        let text = line.trim_start_matches('\u{feff}').trim();
        if let Some(words) = header_line(text) {
            let start = at + line.find(words).filter(|_| !words.is_empty()).unwrap_or_default();
            if in_code {
                let what =
                    "a `# holdpoint:` line stands after the first command: move it to the top of the script";
                return Err(reader.refuse(start, words.len(), what.to_owned()));
            }
            reader.line(start, words)?;
        }
        in_code |= !text.is_empty() && !text.starts_with('#');
        at += line.len();
    }
    Ok(reader.header)
}

fn header_line(text: &str) -> Option<&str> {
    text.strip_prefix('#')?.trim_start().strip_prefix("holdpoint:").map(str::trim)
}

struct Reader<'f> {
    file: &'f SourceFile,
    header: ScriptHeader,
    said: BTreeSet<String>,
}

impl Reader<'_> {
    fn line(&mut self, start: usize, words: &str) -> Result<(), ManifestError> {
        if words.is_empty() {
            let what = format!("the line says nothing: write one of {}", listed());
            return Err(self.refuse(start, 1, what));
        }
        if let Some(program) = words.strip_prefix("check=") {
            return self.check(start, words, program);
        }
        let mut at = start;
        for word in words.split_inclusive(char::is_whitespace) {
            let text = word.trim();
            if !text.is_empty() {
                self.word(at, text)?;
            }
            at += word.len();
        }
        Ok(())
    }

    fn check(&mut self, start: usize, words: &str, program: &str) -> Result<(), ManifestError> {
        self.once(start, words, "check")?;
        let argv = shlex::split(program).filter(|argv| argv.first().is_some_and(|first| !first.is_empty()));
        let Some(argv) = argv else {
            let what = "`check` needs a program with its arguments, quotes closed: write `check=scripts/is-done.sh 1234`";
            return Err(self.refuse(start, words.len(), what.to_owned()));
        };
        self.header.check = Some(argv);
        Ok(())
    }

    fn word(&mut self, at: usize, text: &str) -> Result<(), ManifestError> {
        let (key, value) = text.split_once('=').map_or((text, None), |(key, value)| (key, Some(value)));
        match (key, value) {
            ("idempotent", None) => {
                self.once(at, text, key)?;
                self.header.idempotent = true;
            }
            ("dry-run", None) => {
                self.once(at, text, key)?;
                self.header.dry_run = true;
            }
            ("timeout", Some(value)) => {
                self.once(at, text, key)?;
                let limit: Span = self.value(at, text, value)?;
                if limit.0.is_zero() {
                    return Err(self.refuse(
                        at,
                        text.len(),
                        "`timeout` is no time at all: write `timeout=30m`".to_owned(),
                    ));
                }
                self.header.timeout = Some(limit);
            }
            ("backup", Some(value)) => {
                let service: ServiceName = self.value(at, text, value)?;
                if !self.header.backup.contains(&service) {
                    self.header.backup.push(service);
                }
            }
            ("revert", Some(value)) => {
                self.once(at, text, key)?;
                self.header.revert = Some(self.script_path(at, text, value)?);
            }
            ("idempotent" | "dry-run", Some(_)) => {
                return Err(self.refuse(at, text.len(), format!("`{key}` takes no value: write `{key}`")));
            }
            ("timeout" | "backup" | "revert", None) => {
                return Err(self.refuse(at, text.len(), format!("`{key}` needs a value: write `{key}=…`")));
            }
            _ => return Err(self.unknown(at, text, key)),
        }
        Ok(())
    }

    fn unknown(&self, at: usize, text: &str, key: &str) -> ManifestError {
        let way = match nearest(key, WORDS) {
            Some("check") if key == "check" => "give `check=` a line of its own".to_owned(),
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("write one of {}", listed()),
        };
        let shown: String = key.chars().take(40).flat_map(char::escape_debug).collect();
        self.refuse(at, text.len(), format!("unknown header word `{shown}`: {way}"))
    }

    fn once(&mut self, at: usize, text: &str, key: &str) -> Result<(), ManifestError> {
        if self.said.insert(key.to_owned()) {
            return Ok(());
        }
        Err(self.refuse(at, text.len(), format!("`{key}` is said twice: take one of them out")))
    }

    fn value<T: std::str::FromStr>(&self, at: usize, text: &str, value: &str) -> Result<T, ManifestError>
    where
        T::Err: std::fmt::Display,
    {
        value.parse().map_err(|error: T::Err| self.refuse(at, text.len(), error.to_string()))
    }

    fn script_path(&self, at: usize, text: &str, value: &str) -> Result<String, ManifestError> {
        let inside = !value.is_empty()
            && !value.starts_with(['/', '-'])
            && !value.split('/').any(|part| part == "..")
            && !value.chars().any(char::is_control);
        if inside {
            return Ok(value.to_owned());
        }
        let what =
            "`revert` names no script inside the project: write a path relative to its root, without `..`";
        Err(self.refuse(at, text.len(), what.to_owned()))
    }

    fn refuse(&self, at: usize, length: usize, what: String) -> ManifestError {
        let place: Place = place(&self.file.text, at..at + length.max(1));
        ManifestError::new(&self.file.path, Some(place), Problem::Line { what })
    }
}

fn listed() -> String {
    WORDS.map(|word| format!("`{word}`")).join(", ")
}

#[cfg(test)]
mod tests {

    use super::*;

    fn file(text: &str) -> SourceFile {
        SourceFile { path: "releases/1234-fix.sh".to_owned(), text: text.to_owned() }
    }

    fn wrong(text: &str) -> String {
        header(&file(text)).map_or_else(|error| error.to_string(), |read| format!("{read:?}"))
    }

    fn ticket(text: &str) -> TicketId {
        text.parse().unwrap()
    }

    fn owner(path: &str, known: &[&str]) -> Option<Belongs> {
        let known = known.iter().map(|text| ticket(text)).collect();
        match_tickets("releases", [path], &known).pop().map(|(_, belongs)| belongs)
    }

    #[test]
    fn the_longest_known_ticket_wins() {
        let to = |text| Some(Belongs::To(ticket(text)));
        assert_eq!(owner("releases/1234-fix.sh", &[]), to("1234"));
        assert_eq!(owner("releases/1234-5-fix.sh", &["1234"]), to("1234"));
        assert_eq!(owner("releases/1234-5-fix.sh", &["1234", "1234-5"]), to("1234-5"));
        assert_eq!(owner("releases/1234-5-fix.sh", &["1234-5"]), to("1234-5"));
        assert_eq!(owner("releases/OPS-17-fix-index.sh", &[]), to("OPS-17"));
        assert_eq!(owner("releases/OPS-17-fix-2.sh", &["OPS-17"]), to("OPS-17"));
        assert_eq!(owner("releases/hotfix-db.sh", &[]), to("hotfix"));
        assert_eq!(owner("releases/1234-.sh", &[]), to("1234"));
    }

    #[test]
    fn a_name_that_leaves_a_choice_is_unclear() {
        let unclear = |tickets: &[&str]| Some(Belongs::Unclear(tickets.iter().map(|t| ticket(t)).collect()));
        assert_eq!(owner("releases/1234-5-fix.sh", &[]), unclear(&["1234", "1234-5"]));
        assert_eq!(owner("releases/fix-the-db.sh", &["9"]), unclear(&["fix", "fix-the"]));
    }

    #[test]
    fn other_files_are_no_ticket_scripts() {
        for path in [
            "releases/1234.sh",
            "releases/README.md",
            "releases/-x.sh",
            "releases/old/1234-x.sh",
            "elsewhere/1234-x.sh",
            "releases2/1234-x.sh",
            "releases/1234-x.sh.bak",
            "releases/..-x.sh",
        ] {
            assert_eq!(owner(path, &["1234"]), None, "{path}");
        }
    }

    #[test]
    fn scripts_come_sorted_and_once() {
        let paths = ["releases/2-b.sh", "releases/1-b.sh", "releases/1-a.sh", "releases/1-b.sh"];
        let found = match_tickets("releases/", paths, &BTreeSet::new());
        let names: Vec<&str> = found.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(names, ["releases/1-a.sh", "releases/1-b.sh", "releases/2-b.sh"]);
    }

    #[test]
    fn header_lines_say_how_to_treat_the_script() {
        let text = "#!/usr/bin/env bash\n# Moves the index.\n# holdpoint: check=scripts/has-index.sh \"the index\"\n\
                    #holdpoint: idempotent timeout=5m dry-run\r\n# holdpoint: backup=wikijs\n# holdpoint: backup=redmine\n\
                    # holdpoint: revert=releases/undo/1234.sh\n\nset -e\n";
        let read = header(&file(text)).unwrap();
        assert_eq!(read.check, Some(vec!["scripts/has-index.sh".to_owned(), "the index".to_owned()]));
        assert!(read.idempotent && read.dry_run);
        assert_eq!(read.timeout, Some(Span::secs(300)));
        assert_eq!(read.backup.iter().map(ServiceName::as_str).collect::<Vec<_>>(), ["wikijs", "redmine"]);
        assert_eq!(read.revert.as_deref(), Some("releases/undo/1234.sh"));
        assert_eq!(header(&file("echo '# holdpoint is fine'\n")).unwrap(), ScriptHeader::default());
    }

    #[test]
    fn a_header_that_cannot_be_meant_is_refused_with_its_place() {
        insta::assert_snapshot!(wrong("#!/bin/bash\n# holdpoint: idempotnet\n"), @r"
        releases/1234-fix.sh:2:14: unknown header word `idempotnet`: did you mean `idempotent`?
          |
        2 | # holdpoint: idempotnet
          |              ^^^^^^^^^^
        ");
        insta::assert_snapshot!(wrong("# holdpoint: idempotent timeout=5x\n"), @r"
        releases/1234-fix.sh:1:25: `5x` is not a duration: write `500ms`, `90s`, `30m`, `2h`, `7d` or `1h30m`
          |
        1 | # holdpoint: idempotent timeout=5x
          |                         ^^^^^^^^^^
        ");
        insta::assert_snapshot!(wrong("# holdpoint: check=\"a\n"), @r#"
        releases/1234-fix.sh:1:14: `check` needs a program with its arguments, quotes closed: write `check=scripts/is-done.sh 1234`
          |
        1 | # holdpoint: check="a
          |              ^^^^^^^^
        "#);
        insta::assert_snapshot!(wrong("# holdpoint: idempotent check=a\n"), @r"
        releases/1234-fix.sh:1:25: unknown header word `check`: give `check=` a line of its own
          |
        1 | # holdpoint: idempotent check=a
          |                         ^^^^^^^
        ");
        insta::assert_snapshot!(wrong("set -e\n# holdpoint: idempotent\n"), @r"
        releases/1234-fix.sh:2:14: a `# holdpoint:` line stands after the first command: move it to the top of the script
          |
        2 | # holdpoint: idempotent
          |              ^^^^^^^^^^
        ");
        insta::assert_snapshot!(wrong("# holdpoint: revert=../x.sh\n"), @r"
        releases/1234-fix.sh:1:14: `revert` names no script inside the project: write a path relative to its root, without `..`
          |
        1 | # holdpoint: revert=../x.sh
          |              ^^^^^^^^^^^^^^
        ");
        insta::assert_snapshot!(wrong("# holdpoint: timeout=1m\n# holdpoint: timeout=2m\n"), @r"
        releases/1234-fix.sh:2:14: `timeout` is said twice: take one of them out
          |
        2 | # holdpoint: timeout=2m
          |              ^^^^^^^^^^
        ");
        insta::assert_snapshot!(wrong("# holdpoint: backup\n"), @r"
        releases/1234-fix.sh:1:14: `backup` needs a value: write `backup=…`
          |
        1 | # holdpoint: backup
          |              ^^^^^^
        ");
        insta::assert_snapshot!(wrong("# holdpoint: dry-run=yes\n"), @r"
        releases/1234-fix.sh:1:14: `dry-run` takes no value: write `dry-run`
          |
        1 | # holdpoint: dry-run=yes
          |              ^^^^^^^^^^^
        ");
        insta::assert_snapshot!(wrong("# holdpoint:\n"), @r"
        releases/1234-fix.sh:1:1: the line says nothing: write one of `check`, `idempotent`, `timeout`, `backup`, `revert`, `dry-run`
          |
        1 | # holdpoint:
          | ^
        ");
        insta::assert_snapshot!(wrong("# holdpoint: backup=git\n"), @r"
        releases/1234-fix.sh:1:14: `git` is not a service name: that word begins the names of built-in steps
          |
        1 | # holdpoint: backup=git
          |              ^^^^^^^^^^
        ");
    }

    parser! {
    "script headers";

        #[test]
        fn no_script_makes_it_panic(text in r#"(?s)(# holdpoint: ?[a-z="'\\ .-]{0,30}\r?\n){0,4}.{0,40}"#) {
            let _ = header(&file(&text));
        }

        #[test]
        fn no_name_makes_it_panic(name in "(?s)releases/.{0,80}") {
            let _ = match_tickets("releases", [name.as_str()], &BTreeSet::new());
        }
    }
}
