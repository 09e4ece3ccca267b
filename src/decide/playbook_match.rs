//! Which known failure this looks like, plainly: the error lines that a playbook quotes, found in what the failing step
//! said, with the names of services and all numbers generalised (design/05).
//!
//! "No playbook" is a good answer: a wrong strong match costs an hour at night. So only error lines count, never the
//! prose around them, and only a line that is the same from end to end makes a match strong.

use regex::Regex;

use crate::model::phase::Phase;
use crate::model::playbook::Playbook;

/// How many playbooks are worth reading at once.
const SHOWN: usize = 3;

/// Bytes of one line of output that are looked at.
const LINE_LIMIT: usize = 4_096;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    /// A quoted line stands inside a longer line.
    Possible,
    /// A quoted line is the whole line.
    Strong,
}

impl Fit {
    const fn words(self) -> &'static str {
        match self {
            Fit::Possible => "possible match",
            Fit::Strong => "strong match",
        }
    }
}

/// One line for each playbook that fits what was said in this phase, the best first:
/// `release-verify-race (strong match): re-run just verify`.
pub fn plain(playbooks: &[Playbook], phase: Phase, said: &[String]) -> Vec<String> {
    let lines: Vec<&str> = said.iter().flat_map(|text| text.lines()).map(shown_line).collect();
    let mut fits: Vec<(Fit, usize, &Playbook)> = playbooks
        .iter()
        .filter(|playbook| {
            playbook.when.as_ref().and_then(|when| when.phase).is_none_or(|only| only == phase)
        })
        .filter_map(|playbook| fit(playbook, &lines).map(|(fit, count)| (fit, count, playbook)))
        .collect();
    fits.sort_by_key(|(fit, count, _)| std::cmp::Reverse((*fit, *count)));
    let line = |(fit, _, playbook): &(Fit, usize, &Playbook)| {
        let headline = playbook.fix.adhoc.headline();
        let words = fit.words();
        if headline.is_empty() {
            format!("{} ({words})", playbook.id)
        } else {
            format!("{} ({words}): {headline}", playbook.id)
        }
    };
    fits.iter().take(SHOWN).map(line).collect()
}

/// A line without the mark it is shown with, and no longer than is worth looking at.
fn shown_line(line: &str) -> &str {
    let mut end = line.len().min(LINE_LIMIT);
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    line[..end].trim().trim_start_matches('✗').trim_start()
}

/// How well a playbook fits, and how many of its quoted lines were found.
fn fit(playbook: &Playbook, lines: &[&str]) -> Option<(Fit, usize)> {
    let mut best = None;
    let mut count = 0;
    for quoted in quoted_lines(&playbook.symptom) {
        let found = generalised(quoted, &playbook.services).and_then(|pattern| find(&pattern, lines));
        if let Some(fit) = found {
            best = best.max(Some(fit));
            count += 1;
        }
    }
    best.map(|fit| (fit, count))
}

fn find(pattern: &Regex, lines: &[&str]) -> Option<Fit> {
    let one = |line: &&str| {
        let whole = pattern.find(line)?;
        Some(if whole.range() == (0..line.len()) { Fit::Strong } else { Fit::Possible })
    };
    lines.iter().filter_map(one).max()
}

/// The lines of a symptom that quote an error: those set off by two spaces, and those that begin like one.
fn quoted_lines(symptom: &str) -> impl Iterator<Item = &str> {
    let quotes = |line: &&str| line.starts_with("  ") || line.starts_with(['✗', '[', '>']);
    symptom
        .lines()
        .filter(quotes)
        .map(|line| shown_line(line.trim().trim_start_matches('>')))
        .filter(|line| line.chars().filter(|c| c.is_alphanumeric()).count() >= 4)
}

/// A pattern for a quoted line: services and `<placeholders>` are any name, numbers any number, `...` anything.
fn generalised(quoted: &str, services: &[String]) -> Option<Regex> {
    let mut pattern = String::new();
    let mut rest = quoted;
    while let Some(first) = rest.chars().next() {
        let (taken, part) = piece(rest, first, services, pattern.is_empty());
        pattern.push_str(&part);
        rest = &rest[taken..];
    }
    // The text comes from a file: a pattern that is too large is left out like one that does not match.
    regex::RegexBuilder::new(&pattern).size_limit(1 << 20).build().ok()
}

/// The next piece of a quoted line: how many bytes it takes, and its pattern.
fn piece(rest: &str, first: char, services: &[String], at_start: bool) -> (usize, String) {
    for dots in ["...", "…"] {
        if rest.starts_with(dots) {
            return (dots.len(), ".*".to_owned());
        }
    }
    if first == '<'
        && let Some(end) = rest.find('>')
        && rest[1..end].chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
    {
        return (end + 1, NAME.to_owned());
    }
    if first.is_whitespace() {
        return (rest.len() - rest.trim_start().len(), r"\s+".to_owned());
    }
    if first.is_ascii_digit() {
        return (
            rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len(),
            "[0-9]+".to_owned(),
        );
    }
    if !first.is_alphanumeric() {
        return (first.len_utf8(), regex::escape(first.encode_utf8(&mut [0; 4])));
    }
    let word =
        &rest[..rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-')).unwrap_or(rest.len())];
    // `[WIKIJS] ERROR` names a service as well.
    if services.iter().any(|service| service.eq_ignore_ascii_case(word)) {
        return (word.len(), NAME.to_owned());
    }
    // A word is found only as a word: `healthy` does not stand in `unhealthy`.
    let letters = &word[..word.find(|c: char| c.is_ascii_digit()).unwrap_or(word.len())];
    let boundary = if at_start { r"\b" } else { "" };
    (letters.len(), format!("{boundary}{}", regex::escape(letters)))
}

/// Any service, image or placeholder.
const NAME: &str = r"[A-Za-z0-9_.:/@-]+";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::playbook::{Adhoc, Fix, MatchRule};

    fn playbook(id: &str, symptom: &str, services: &[&str]) -> Playbook {
        Playbook {
            id: id.to_owned(),
            symptom: symptom.to_owned(),
            detection: Vec::new(),
            root_cause: String::new(),
            fix: Fix {
                bootstrap_script: String::new(),
                bootstrap_change: String::new(),
                adhoc: Adhoc::Text("# do this\nholdpoint doctor\n".to_owned()),
            },
            verify: Vec::new(),
            services: services.iter().map(|s| (*s).to_owned()).collect(),
            tags: Vec::new(),
            when: None,
        }
    }

    fn said(lines: &[&str]) -> Vec<String> {
        lines.iter().map(|line| (*line).to_owned()).collect()
    }

    #[test]
    fn another_service_and_another_number_are_the_same_failure() {
        let known = [playbook(
            "release-x",
            "It breaks:\n  ✗ wikijs.healthy: unhealthy\n  ✗ http-health: HTTP 0\n",
            &["wikijs"],
        )];
        let lines = plain(&known, Phase::Verify, &said(&["redmine.healthy: unhealthy"]));
        assert_eq!(lines, ["release-x (strong match): do this"]);
        let lines = plain(&known, Phase::Verify, &said(&["✗ http-health: HTTP 502"]));
        assert_eq!(lines, ["release-x (strong match): do this"]);
    }

    #[test]
    fn a_quoted_line_inside_a_longer_one_is_only_possible() {
        let known = [playbook("release-x", "  port is already allocated\n", &[])];
        let lines = plain(
            &known,
            Phase::Migrate,
            &said(&["Error: Bind for 0.0.0.0:80 failed: port is already allocated"]),
        );
        assert_eq!(lines, ["release-x (possible match): do this"]);
    }

    #[test]
    fn prose_and_parts_of_words_match_nothing() {
        let known = [playbook("release-x", "The service is not well.\n  healthy: no\n", &[])];
        assert!(
            plain(&known, Phase::Verify, &said(&["The service is not well.", "wikijs.unhealthy: no"]))
                .is_empty()
        );
        assert!(plain(&known, Phase::Verify, &[]).is_empty());
    }

    #[test]
    fn a_playbook_of_another_phase_stays_out() {
        let mut other = playbook("release-x", "  ✗ <service>.healthy: unhealthy\n", &[]);
        other.when = Some(MatchRule { phase: Some(Phase::Verify), ..MatchRule::default() });
        let lines = said(&["wikijs.healthy: unhealthy"]);
        assert!(plain(std::slice::from_ref(&other), Phase::Migrate, &lines).is_empty());
        assert_eq!(plain(&[other], Phase::Verify, &lines).len(), 1);
    }

    #[test]
    fn the_better_fit_comes_first() {
        let known = [
            playbook("release-weak", "  http-health: HTTP 0 ...\n  access denied\n", &[]),
            playbook("release-good", "  Error response from daemon: pull access denied for ...\n", &[]),
        ];
        let lines = plain(
            &known,
            Phase::Migrate,
            &said(&["Error response from daemon: pull access denied for wiki, repository does not exist"]),
        );
        assert_eq!(lines[0], "release-good (strong match): do this");
        assert_eq!(lines[1], "release-weak (possible match): do this");
    }

    #[test]
    fn hostile_text_is_only_text() {
        let known = [playbook("release-x", "  ((((.*+?[\\ <a b> …\n", &["["])];
        let long = "x".repeat(1 << 20);
        assert!(
            plain(&known, Phase::Verify, &said(&[&long, "é\u{1b}[31m", "((((.*+?[\\ nothing"])).is_empty()
        );
    }
}
