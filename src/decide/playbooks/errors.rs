//! The errors that a playbook knows, found in what was said.

use std::cell::OnceCell;
use std::collections::BTreeSet;

use regex::bytes::Regex;

use super::patterns::compile_for_lines;
use super::quoted;
use super::said::{Line, Speaker};
use crate::model::playbook::Playbook;

/// The errors of a playbook as expressions: its own `output`, or else the lines that its symptom quotes.
pub(super) struct Errors<'p> {
    patterns: Vec<Regex>,
    are_quoted: bool,
    unless: Vec<Regex>,
    possible: &'p [String],
    /// Compiled once they are looked for: most failures fit something surely.
    thin: OnceCell<Vec<Regex>>,
}

/// An error in a line.
pub(super) struct Hit {
    /// Which line.
    pub(super) line: usize,
    /// Letters and digits of what was recognised.
    pub(super) recognised: usize,
}

/// Where the errors of a playbook stand.
pub(super) struct Found {
    /// Each line that has one; never empty.
    pub(super) hits: Vec<Hit>,
    /// They stand there as they are known, not only as a part of a longer line.
    pub(super) whole: bool,
    /// How many different expressions were found.
    pub(super) expressions: usize,
    /// They are words that other causes have, too (`possible`), and nothing else of it was found.
    pub(super) thin: bool,
}

impl<'p> Errors<'p> {
    /// Compiles what a playbook knows. An expression that cannot be used is left out: `lint` says so.
    pub(super) fn of(playbook: &'p Playbook) -> Self {
        let output = playbook.when.as_ref().map_or(&[][..], |when| &when.output[..]);
        let are_quoted = output.is_empty();
        let patterns = if are_quoted {
            let lines = quoted::lines(&playbook.symptom);
            lines.filter_map(|line| quoted::generalised(&line, &playbook.services)).collect()
        } else {
            usable(output)
        };
        let unless = playbook.when.as_ref().map_or_else(Vec::new, |when| usable(&when.unless));
        let possible = playbook.when.as_ref().map_or(&[][..], |when| &when.possible[..]);
        Self { patterns, are_quoted, unless, possible, thin: OnceCell::new() }
    }

    /// The lines that have an error of these; parts of lines count only where no line is one as a whole. None where a line
    /// tells of another state.
    pub(super) fn find(&self, lines: &[Line]) -> Option<Found> {
        if self.tells_of_another_state(lines) {
            return None;
        }
        let (mut whole, mut part) = (Vec::new(), Vec::new());
        let mut expressions = BTreeSet::new();
        for (line, said) in lines.iter().enumerate().filter(|(_, said)| !said.tells_of_no_error()) {
            let Some((is_whole, recognised)) = self.best_in(said, &mut expressions) else { continue };
            let hits = if is_whole { &mut whole } else { &mut part };
            hits.push(Hit { line, recognised });
        }
        let is_whole = !whole.is_empty();
        let hits = if is_whole { whole } else { part };
        (!hits.is_empty()).then_some(Found {
            hits,
            whole: is_whole,
            expressions: expressions.len(),
            thin: false,
        })
    }

    /// The lines that have words which only make it possible. None where a line tells of another state.
    pub(super) fn find_thin(&self, lines: &[Line]) -> Option<Found> {
        if self.possible.is_empty() || self.tells_of_another_state(lines) {
            return None;
        }
        let thin = self.thin.get_or_init(|| usable(self.possible));
        let best = |line: &Line| line.forms().filter_map(|form| longest(thin, form)).max();
        let hit = |(line, said): (usize, &Line)| Some(Hit { line, recognised: best(said)? });
        // What our own records say has words of its own: the thin ones of others mean nothing there.
        let printed = lines
            .iter()
            .enumerate()
            .filter(|(_, line)| line.by == Speaker::Program && !line.tells_of_no_error());
        let hits: Vec<Hit> = printed.filter_map(hit).collect();
        (!hits.is_empty()).then_some(Found { hits, whole: false, expressions: 0, thin: true })
    }

    fn tells_of_another_state(&self, lines: &[Line]) -> bool {
        let says = |pattern: &Regex, line: &Line| line.forms().any(|form| pattern.is_match(form.as_bytes()));
        self.unless.iter().any(|pattern| lines.iter().any(|line| says(pattern, line)))
    }

    /// The best that is found in a line: whether as a whole, and how many letters and digits. Which expressions were found
    /// in it is added to those that were.
    fn best_in(&self, line: &Line, expressions: &mut BTreeSet<usize>) -> Option<(bool, usize)> {
        let mut best = None;
        for form in line.forms() {
            for (at, pattern) in self.patterns.iter().enumerate() {
                let Some(hit) = pattern.find(form.as_bytes()) else { continue };
                expressions.insert(at);
                let is_whole = !self.are_quoted || hit.len() == form.len();
                let recognised = hit.as_bytes().iter().filter(|byte| byte.is_ascii_alphanumeric()).count();
                best = best.max(Some((is_whole, recognised)));
            }
        }
        best.filter(|(_, recognised)| *recognised > 0)
    }
}

fn usable(patterns: &[String]) -> Vec<Regex> {
    patterns.iter().filter_map(|one| compile_for_lines(one).ok()).collect()
}

/// Letters and digits of the most that one of several expressions recognises.
fn longest(patterns: &[Regex], form: &str) -> Option<usize> {
    let found = patterns.iter().filter_map(|pattern| pattern.find(form.as_bytes()));
    found.map(|hit| hit.as_bytes().iter().filter(|byte| byte.is_ascii_alphanumeric()).count()).max()
}
