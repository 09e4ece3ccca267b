//! The error lines that a playbook's symptom quotes, as patterns: names of services and all numbers generalised (design/05).

use regex::bytes::Regex;

use super::patterns::compile_for_lines;
use super::said::shown;

/// The lines of a symptom that quote an error: those set off by two spaces, and those that begin like one.
pub(super) fn lines(symptom: &str) -> impl Iterator<Item = String> {
    let quotes = |line: &&str| line.starts_with("  ") || line.starts_with(['✗', '[', '>']);
    symptom
        .lines()
        .filter(quotes)
        .map(|line| shown(line.trim().trim_start_matches('>')))
        .filter(|line| line.chars().filter(|c| c.is_alphanumeric()).count() >= 4)
}

/// A pattern for a quoted line: services and `<placeholders>` are any name, numbers any number, `...` anything.
pub(super) fn generalised(quoted: &str, services: &[String]) -> Option<Regex> {
    let mut pattern = String::new();
    let mut rest = quoted;
    while let Some(first) = rest.chars().next() {
        let (taken, part) = piece(rest, first, services, pattern.is_empty());
        pattern.push_str(&part);
        rest = &rest[taken..];
    }
    // The text comes from a file: a pattern that is too large is left out like one that does not match.
    compile_for_lines(&pattern).ok()
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
