//! Whether a command answered what a playbook expects.

use super::patterns::compile;
use crate::model::matching::{DetectionRow, Verdict};

/// What an expectation means.
#[derive(Debug, PartialEq, Eq)]
enum Expected<'e> {
    /// `rc=N`
    Status(i32),
    /// `/regex/`
    Pattern(&'e str),
    /// Lines that must appear.
    Lines(Vec<&'e str>),
    /// A sentence for a person.
    Prose,
}

/// Compares an answer with what is expected: `rc=N`, `/regex/`, lines that must appear; prose needs an eye. A command that
/// did not end by itself is `None` and confirms nothing.
pub fn judge(expect: &str, rc: Option<i32>, output: &str) -> Verdict {
    let is = |yes: bool| if yes { Verdict::Confirmed } else { Verdict::NotConfirmed };
    match read(expect) {
        Expected::Status(wanted) => is(rc == Some(wanted)),
        Expected::Pattern(pattern) => match compile(pattern) {
            Ok(pattern) => is(pattern.is_match(output)),
            Err(_) => Verdict::NeedsAnEye,
        },
        Expected::Lines(lines) => is(lines.iter().all(|line| stands_in(line, output))),
        Expected::Prose => Verdict::NeedsAnEye,
    }
}

/// What several answers come to.
pub fn overall(rows: &[DetectionRow]) -> Verdict {
    let any = |verdict: Verdict| rows.iter().any(|row| row.verdict == verdict);
    if any(Verdict::NotConfirmed) {
        Verdict::NotConfirmed
    } else if any(Verdict::NeedsAnEye) || rows.is_empty() {
        Verdict::NeedsAnEye
    } else {
        Verdict::Confirmed
    }
}

/// An expectation that is an expression: its text.
pub(super) fn pattern(expect: &str) -> Option<&str> {
    match read(expect) {
        Expected::Pattern(pattern) => Some(pattern),
        _ => None,
    }
}

fn read(expect: &str) -> Expected<'_> {
    let text = expect.trim();
    if let Some(status) = text.strip_prefix("rc=").and_then(|rc| rc.trim().parse().ok()) {
        return Expected::Status(status);
    }
    if let Some(inner) =
        text.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')).filter(|p| !p.is_empty())
    {
        return Expected::Pattern(inner);
    }
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    if lines.is_empty() || lines.iter().any(|line| is_prose(line)) {
        return Expected::Prose;
    }
    Expected::Lines(lines)
}

/// Whether a line reads like a sentence and not like something that a program prints: more than three words, and either
/// words that sentences have or no sign that programs put between theirs. Who wants such a line found writes it as an
/// expression; taken for prose it is shown to a person, taken for a line it would be missed and speak against the playbook.
fn is_prose(line: &str) -> bool {
    const SENTENCES: [&str; 10] =
        ["the", "a", "an", "you", "your", "that", "which", "what", "should", "whose"];
    let words = || line.split_whitespace();
    let told = words().any(|word| SENTENCES.contains(&word.to_lowercase().as_str()));
    words().count() > 3 && (told || !line.contains([':', '=', '/', '"', '`', '|', '_', '[', '{']))
}

fn stands_in(line: &str, output: &str) -> bool {
    output.lines().any(|found| found.contains(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_compared_with_what_is_expected() {
        for (expect, rc, output, wanted) in [
            ("rc=1", Some(1), "", Verdict::Confirmed),
            ("rc=1", Some(0), "", Verdict::NotConfirmed),
            ("rc=0", None, "", Verdict::NotConfirmed),
            (r"/HTTP 50\d/", Some(0), "x\nwiki HTTP 502\n", Verdict::Confirmed),
            ("/^gone$/", Some(0), "not gone", Verdict::NotConfirmed),
            ("/(/", Some(0), "(", Verdict::NeedsAnEye),
            ("event=failed", Some(0), "a event=failed b", Verdict::Confirmed),
            ("one\ntwo", Some(0), "two\n", Verdict::NotConfirmed),
            ("source-drift", Some(4), "✗ source-drift: x", Verdict::Confirmed),
            ("the files that you would want to see", Some(0), "", Verdict::NeedsAnEye),
            ("", Some(0), "", Verdict::NeedsAnEye),
        ] {
            assert_eq!(judge(expect, rc, output), wanted, "{expect:?} {output:?}");
        }
    }

    #[test]
    fn one_answer_that_does_not_fit_decides() {
        let row = |verdict| DetectionRow {
            command: String::new(),
            expect: String::new(),
            verdict,
            rc: None,
            output: Vec::new(),
            trouble: None,
        };
        let all = |verdicts: &[Verdict]| overall(&verdicts.iter().map(|v| row(*v)).collect::<Vec<_>>());
        assert_eq!(all(&[Verdict::Confirmed, Verdict::Confirmed]), Verdict::Confirmed);
        assert_eq!(all(&[Verdict::Confirmed, Verdict::NeedsAnEye]), Verdict::NeedsAnEye);
        assert_eq!(all(&[Verdict::NeedsAnEye, Verdict::NotConfirmed]), Verdict::NotConfirmed);
        assert_eq!(all(&[]), Verdict::NeedsAnEye);
    }
}
