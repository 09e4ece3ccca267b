//! What is wrong with playbooks before anybody needs them: each finding with its place, so that an editor can go there.

use std::collections::{BTreeMap, BTreeSet};

use super::changing::changing;
use super::expect;
use super::fill::unknown;
use super::patterns::compile;
use super::quoted;
use super::weigh::rivals;
use crate::manifest::playbook::Book;
use crate::model::arrange::Arrange;
use crate::model::lint::Finding;
use crate::model::playbook::{Adhoc, MatchRule, Playbook};

/// Stands in a draft wherever somebody has yet to say something.
pub const UNSAID: &str = "TODO";

/// What is wrong with these files. `known` are the ids of all playbooks, also of files that are not looked at.
pub fn lint(books: &[Book], known: &BTreeSet<String>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = books.iter().flat_map(|book| of_book(book, known)).collect();
    findings.extend(twice(books));
    findings.extend(circles(books));
    findings.arrange();
    findings.dedup();
    findings
}

/// One entry of a file, and where its findings go.
struct Entry<'b> {
    book: &'b Book,
    at: usize,
    playbook: &'b Playbook,
    findings: Vec<Finding>,
}

impl Entry<'_> {
    fn say(&mut self, key: &str, what: impl Into<String>) {
        let (line, column) = self.book.place(&format!("{}.{key}", self.at));
        self.findings.push(Finding { file: self.book.file.clone(), line, column, what: what.into() });
    }
}

fn of_book(book: &Book, known: &BTreeSet<String>) -> Vec<Finding> {
    let name = book.file.rsplit('/').next().unwrap_or(&book.file);
    let topic = name.trim_end_matches(".yaml");
    let mut findings = Vec::new();
    let names_it = |playbook: &Playbook| playbook.id == topic || format!("release-{}", playbook.id) == topic;
    if !book.playbooks.iter().any(names_it) {
        let what =
            format!("no entry is called `{topic}` as the file is: give one that id, or rename the file");
        findings.push(Finding { file: book.file.clone(), line: 1, column: 1, what });
    }
    for (at, playbook) in book.playbooks.iter().enumerate() {
        let mut entry = Entry { book, at, playbook, findings: Vec::new() };
        names(&mut entry);
        fields(&mut entry);
        commands(&mut entry);
        rule(&mut entry, known);
        findings.extend(entry.findings);
    }
    findings
}

fn names(entry: &mut Entry<'_>) {
    let id = &entry.playbook.id;
    let parts = |id: &str| {
        let plain = |part: &str| {
            !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
        };
        id.split('-').all(plain)
    };
    if !parts(id) || id.len() > 64 {
        entry.say(
            "id",
            "the id is not in kebab-case: small letters and digits in words, with `-` between them",
        );
    }
}

fn fields(entry: &mut Entry<'_>) {
    let playbook = entry.playbook;
    let mut texts = vec![
        ("symptom".to_owned(), playbook.symptom.as_str()),
        ("root_cause".to_owned(), &playbook.root_cause),
        ("fix.bootstrap_script".to_owned(), &playbook.fix.bootstrap_script),
        ("fix.bootstrap_change".to_owned(), &playbook.fix.bootstrap_change),
    ];
    for (at, one) in playbook.detection.iter().enumerate() {
        texts.push((format!("detection.{at}.command"), &one.command));
        texts.push((format!("detection.{at}.expect"), &one.expect));
    }
    match &playbook.fix.adhoc {
        Adhoc::Text(text) => texts.push(("fix.adhoc".to_owned(), text)),
        Adhoc::List(list) => {
            texts.extend(list.iter().enumerate().map(|(at, one)| (format!("fix.adhoc.{at}"), one.as_str())));
        }
    }
    texts.extend(playbook.verify.iter().enumerate().map(|(at, one)| (format!("verify.{at}"), one.as_str())));
    for (key, text) in texts {
        if text.trim().is_empty() {
            entry.say(&key, format!("`{key}` is empty: say it, somebody reads it at night"));
        } else if text.contains(UNSAID) {
            entry.say(&key, format!("`{key}` still says `{UNSAID}`"));
        }
    }
    let lists = [
        ("detection", playbook.detection.is_empty()),
        ("fix.adhoc", matches!(&playbook.fix.adhoc, Adhoc::List(list) if list.is_empty())),
        ("verify", playbook.verify.is_empty()),
        ("tags", playbook.tags.is_empty()),
    ];
    for (key, _) in lists.into_iter().filter(|(_, is_empty)| *is_empty) {
        entry.say(key, format!("`{key}` is empty: it needs one at least"));
    }
}

fn commands(entry: &mut Entry<'_>) {
    let playbook = entry.playbook;
    let mut lines: Vec<(String, &str)> = Vec::new();
    for (at, one) in playbook.detection.iter().enumerate() {
        let key = format!("detection.{at}.command");
        if let Some(found) = changing(&one.command) {
            entry.say(&key, format!("`{found}` changes something: a detection command only looks"));
        }
        let expect = expect::pattern(&one.expect).map(compile);
        if let Some(Err(why)) = expect {
            entry.say(&format!("detection.{at}.expect"), format!("the expression {}", sentence(&why)));
        }
        lines.push((key, &one.command));
    }
    if let Adhoc::List(list) = &playbook.fix.adhoc {
        lines.extend(list.iter().enumerate().map(|(at, one)| (format!("fix.adhoc.{at}"), one.as_str())));
    }
    lines.extend(playbook.verify.iter().enumerate().map(|(at, one)| (format!("verify.{at}"), one.as_str())));
    for (key, line) in &lines {
        if shlex::split(line).is_none() {
            entry.say(key, "the command does not parse: a quote is not closed");
        }
    }
    if let Adhoc::Text(text) = &playbook.fix.adhoc {
        lines.push(("fix.adhoc".to_owned(), text));
    }
    for (key, line) in lines {
        for word in unknown(line) {
            let what = format!(
                "`{{{{{word}}}}}` is no placeholder: there are `{{{{ticket}}}}` and `{{{{service}}}}`"
            );
            entry.say(&key, what);
        }
    }
}

fn rule(entry: &mut Entry<'_>, known: &BTreeSet<String>) {
    let anything = MatchRule::default();
    let playbook = entry.playbook;
    let rule = playbook.when.as_ref().unwrap_or(&anything);
    let one = [("match.step".to_owned(), &rule.step), ("match.tool".to_owned(), &rule.tool)];
    let one = one.into_iter().filter_map(|(key, pattern)| Some((key, pattern.as_ref()?.as_str())));
    let output = rule.output.iter().enumerate();
    let output = output.map(|(at, pattern)| (format!("match.output.{at}"), pattern.as_str()));
    let possible = rule.possible.iter().enumerate();
    let possible = possible.map(|(at, pattern)| (format!("match.possible.{at}"), pattern.as_str()));
    let unless = rule.unless.iter().enumerate();
    let unless = unless.map(|(at, pattern)| (format!("match.unless.{at}"), pattern.as_str()));
    let in_lines =
        |key: &str| ["match.output", "match.possible", "match.unless"].iter().any(|of| key.starts_with(of));
    for (key, pattern) in one.chain(output).chain(possible).chain(unless) {
        match compile(pattern) {
            Err(why) => entry.say(&key, format!("the expression {}", sentence(&why))),
            Ok(compiled) if in_lines(&key) && compiled.is_match("") => {
                entry.say(&key, "the expression is found in every line: name what is said in this failure");
            }
            Ok(_) if in_lines(&key) && spans_lines(pattern) => {
                entry.say(&key, "the expression looks for two lines: each line is looked at by itself");
            }
            Ok(_) => {}
        }
    }
    if rule.output.is_empty() && quoted::lines(&playbook.symptom).next().is_none() {
        entry.say("symptom", "nothing is quoted and `match` has no `output`: no failure can match this");
    }
    if rule.enough.is_some_and(|enough| enough < 1 || enough > rule.output.len()) {
        let has = rule.output.len();
        entry.say("match.enough", format!("`output` has {has}: say a number from 1 to that"));
    }
    for (at, other) in rule.over.iter().enumerate() {
        if *other == playbook.id {
            entry.say(&format!("match.over.{at}"), "a playbook is not narrower than itself");
        } else if !known.contains(other) {
            entry.say(&format!("match.over.{at}"), format!("there is no playbook `{other}`"));
        }
    }
}

/// Whether an expression names the end of a line, other than to leave it out.
fn spans_lines(pattern: &str) -> bool {
    let mut rest = pattern;
    while let Some((before, class)) = rest.split_once("[^") {
        if before.contains("\\n") {
            return true;
        }
        rest = class.split_once(']').map_or("", |(_, after)| after);
    }
    rest.contains("\\n")
}

/// What the compiler of expressions says, as the end of a sentence.
fn sentence(why: &str) -> String {
    if why.starts_with("has ") || why.starts_with("grows ") {
        why.to_owned()
    } else {
        format!("cannot be read: {why}")
    }
}

fn twice(books: &[Book]) -> Vec<Finding> {
    let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
    let mut findings = Vec::new();
    for book in books {
        for (at, playbook) in book.playbooks.iter().enumerate() {
            if let Some(file) = seen.insert(&playbook.id, &book.file) {
                let (line, column) = book.place(&format!("{at}.id"));
                let what = format!("the id `{}` is taken in {file}", playbook.id);
                findings.push(Finding { file: book.file.clone(), line, column, what });
            }
        }
    }
    findings
}

fn circles(books: &[Book]) -> Vec<Finding> {
    let all: Vec<Playbook> = books.iter().flat_map(|book| book.playbooks.iter().cloned()).collect();
    let below = rivals(&all);
    let mut findings = Vec::new();
    for book in books {
        for (at, playbook) in book.playbooks.iter().enumerate() {
            let id = playbook.id.as_str();
            if below.get(id).is_some_and(|ids| ids.contains(id)) {
                let (line, column) = book.place(&format!("{at}.match.over"));
                let what =
                    "`over` leads back to this playbook: which of them is the narrower cause".to_owned();
                findings.push(Finding { file: book.file.clone(), line, column, what });
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::playbook::{SHIPPED, book};
    use crate::manifest::settings::SourceFile;

    const GOOD: &str = "\
- id: release-x
  symptom: it says no
  match:
    phase: migrate
    output: 'no\\b'
  detection:
    - command: docker ps
      expect: rc=0
  root_cause: because
  fix:
    bootstrap_script: a
    bootstrap_change: b
    adhoc: |
      # do it
      docker start {{service}}
  verify:
    - holdpoint status {{service}}
  services: []
  tags: [release]
";

    fn found(changes: &[(&str, &str)]) -> Vec<String> {
        let mut text = GOOD.to_owned();
        for (from, to) in changes {
            assert!(text.contains(from), "{from}");
            text = text.replace(from, to);
        }
        let file = SourceFile { path: "recovery/playbooks/release-x.yaml".to_owned(), text };
        let book = book(&file).unwrap_or_else(|error| panic!("{error}"));
        let known = ["release-x", "release-y"].map(str::to_owned).into();
        let line = |finding: Finding| format!("{}:{}: {}", finding.line, finding.column, finding.what);
        lint(&[book], &known).into_iter().map(line).collect()
    }

    #[test]
    fn each_fault_is_found_where_it_stands() {
        assert!(found(&[]).is_empty(), "{:?}", found(&[]));
        for (from, to, wanted) in [
            ("release-x", "release-X", "1:7: the id is not in kebab-case"),
            ("release-x", "release-z", "1:1: no entry is called `release-x`"),
            ("it says no", "' '", "2:12: `symptom` is empty"),
            ("because", "TODO say why", "9:15: `root_cause` still says `TODO`"),
            ("docker ps", "docker rm x", "7:16: `docker rm x` changes something"),
            ("docker ps", "docker ps 'x", "7:16: the command does not parse"),
            ("rc=0", "/(/", "8:15: the expression cannot be read: unclosed group"),
            ("{{service}}", "{{servce}}", "14:7: `{{servce}}` is no placeholder"),
            ("'no\\b'", "'('", "5:13: the expression cannot be read"),
            ("'no\\b'", "'a*'", "5:13: the expression is found in every line"),
            ("'no\\b'", "'a\\nb'", "5:13: the expression looks for two lines"),
            ("'no\\b'", "'[^\\n]a\\nb'", "5:13: the expression looks for two lines"),
            ("    output: 'no\\b'\n", "", "2:12: nothing is quoted"),
            (
                "    output: 'no\\b'",
                "    output: 'no\\b'\n    over: [release-z]",
                "there is no playbook `release-z`",
            ),
            ("    output: 'no\\b'", "    output: 'no\\b'\n    over: [release-x]", "not narrower than itself"),
            ("    output: 'no\\b'", "    output: 'no\\b'\n    enough: 2", "`output` has 1: say a number"),
            ("[release]", "[]", "`tags` is empty"),
            ("    - holdpoint status {{service}}", "    []", "`verify` is empty"),
        ] {
            let all = found(&[(from, to)]);
            assert!(all.iter().any(|line| line.contains(wanted)), "{wanted}: {all:?}");
        }
    }

    #[test]
    fn an_id_is_given_once_and_over_leads_nowhere_back() {
        let read = |path: &str, text: String| {
            book(&SourceFile { path: path.to_owned(), text }).unwrap_or_else(|error| panic!("{error}"))
        };
        let over = |id: &str, other: &str| {
            let with = format!("phase: migrate\n    over: [{other}]");
            read(&format!("{id}.yaml"), GOOD.replace("release-x", id).replace("phase: migrate", &with))
        };
        let known: BTreeSet<String> = ["release-a", "release-b"].map(str::to_owned).into();
        let circle = lint(&[over("release-a", "release-b"), over("release-b", "release-a")], &known);
        assert_eq!(
            circle.iter().filter(|finding| finding.what.contains("leads back")).count(),
            2,
            "{circle:?}"
        );
        let twice = [read("release-x.yaml", GOOD.to_owned()), read("release-y.yaml", GOOD.to_owned())];
        assert!(
            lint(&twice, &known).iter().any(|finding| finding.what.contains("is taken in release-x.yaml"))
        );
    }

    #[test]
    fn every_shipped_playbook_passes() {
        let books: Vec<Book> = SHIPPED
            .iter()
            .map(|(name, text)| SourceFile { path: (*name).to_owned(), text: (*text).to_owned() })
            .map(|file| book(&file).unwrap_or_else(|error| panic!("{error}")))
            .collect();
        let known =
            books.iter().flat_map(|book| &book.playbooks).map(|playbook| playbook.id.clone()).collect();
        assert_eq!(lint(&books, &known), []);
    }
}
