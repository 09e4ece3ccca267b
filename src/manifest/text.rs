//! What every kind of file shares: its limits, where a byte stands for a person, and which known word is nearest.

use std::ops::Range;

use super::error::{ManifestError, Place, Problem};
use super::settings::SourceFile;
use crate::model::escape::neutralise;

/// Bytes a configuration file may have (design/08).
pub const LIMIT_BYTES: usize = 1 << 20;

/// Levels it may be nested (design/08).
pub const LIMIT_DEPTH: usize = 64;

/// Characters of a line that are shown around a place.
const SHOWN: usize = 160;

/// Characters shown before a place in a long line.
const SHOWN_BEFORE: usize = 60;

/// Refuses what is too long to be a configuration file.
pub(super) fn within_limit(file: &SourceFile) -> Result<(), ManifestError> {
    if file.text.len() <= LIMIT_BYTES {
        return Ok(());
    }
    let problem = Problem::TooLong { bytes: file.text.len(), limit: LIMIT_BYTES };
    Err(ManifestError::new(&file.path, None, problem))
}

/// Where a range of bytes stands, for a person.
pub(super) fn place(text: &str, span: Range<usize>) -> Place {
    let start = floor(text, span.start);
    let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
    let end = floor(text, span.end).clamp(start, line_end);
    let line = text[line_start..line_end].trim_end_matches('\r');
    let before: Vec<char> = text[line_start..start].chars().collect();
    let column = before.len() + 1;
    let skip = if before.len() > SHOWN_BEFORE && line.chars().count() > SHOWN {
        before.len() - SHOWN_BEFORE
    } else {
        0
    };
    let lead = if skip > 0 { "…" } else { "" };
    let shown_before = format!("{lead}{}", visible(&before[skip..].iter().collect::<String>()));
    let rest: String = line.chars().skip(before.len()).take(SHOWN).collect();
    let meant = visible(&text[start..end].chars().take(SHOWN).collect::<String>());
    Place {
        line: text[..line_start].matches('\n').count() + 1,
        column,
        indent: shown_before.chars().count(),
        width: meant.trim_end().chars().count().max(1),
        text: format!("{shown_before}{}", visible(&rest)),
    }
}

fn visible(text: &str) -> String {
    neutralise(&text.replace(['\t', '\r'], " "), false)
}

fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The known word nearest to what was written, when it is near enough to be a slip.
pub(super) fn nearest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if given.len() > 64 {
        return None;
    }
    let length = given.chars().count();
    let allowed = (length / 3).clamp(1, 3).min(length.saturating_sub(1));
    known
        .into_iter()
        .map(|word| (distance(&given.to_lowercase(), &word.to_lowercase()), word))
        .filter(|(far, _)| *far <= allowed)
        .min_by_key(|(far, _)| *far)
        .map(|(_, word)| word)
}

/// Insertions, deletions, replacements and swaps of neighbours that turn one word into the other.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    for (j, cell) in rows[0].iter_mut().enumerate() {
        *cell = j;
    }
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_counted_as_editors_count() {
        let text = "a = 1\r\n\tbé = \"x\"\n";
        let at = text.find("\"x\"").unwrap();
        let seen = place(text, at..at + 3);
        assert_eq!((seen.line, seen.column, seen.width), (2, 7, 3));
        assert_eq!(seen.text, " bé = \"x\"");
    }

    #[test]
    fn a_place_beyond_the_text_or_inside_a_character_is_still_a_place() {
        for span in [0..0, 2..3, 9..400, 400..500] {
            let seen = place("aé", span);
            assert_eq!(seen.line, 1);
        }
    }

    #[test]
    fn a_very_long_line_is_cropped_around_the_place() {
        let text = format!("{}X{}", "a".repeat(5_000), "b".repeat(5_000));
        let seen = place(&text, 5_000..5_001);
        assert_eq!(seen.column, 5_001);
        assert!(seen.text.chars().count() < 300);
        assert_eq!(seen.text.chars().nth(seen.indent), Some('X'));
    }

    #[test]
    fn an_escape_in_the_line_moves_the_caret_with_it() {
        let seen = place("\u{1b}[31m x", 6..7);
        assert_eq!(seen.text.chars().nth(seen.indent), Some('x'));
        assert!(!seen.text.contains('\u{1b}'));
    }

    #[test]
    fn slips_find_the_word_and_other_words_do_not() {
        let known = ["parallel", "timeout", "env", "on_failure"];
        assert_eq!(nearest("parralel", known), Some("parallel"));
        assert_eq!(nearest("timeuot", known), Some("timeout"));
        assert_eq!(nearest("evn", known), Some("env"));
        assert_eq!(nearest("colour", known), None);
        assert_eq!(nearest(&"x".repeat(10_000), known), None);
    }
}
