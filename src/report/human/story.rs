//! How the demo is told: chapters, paragraphs, and commands as they are typed.

use crate::report::text::{Ink, clean};

/// A chapter begins.
pub fn heading(text: &str) -> String {
    format!("\n{}\n", Ink::Strong.paint(&format!("── {} ──", clean(text))))
}

/// A paragraph, broken at blanks so that no line is longer than `width` where a word allows it.
pub fn prose(text: &str, width: usize) -> String {
    let mut out = String::from("\n");
    let mut used = 0;
    for word in text.split_whitespace() {
        let word = clean(word);
        let length = word.chars().count();
        if used > 0 && used + 1 + length > width {
            out.push('\n');
            used = 0;
        }
        if used > 0 {
            out.push(' ');
            used += 1;
        }
        out.push_str(&word);
        used += length;
    }
    out.push('\n');
    out
}

/// A command, typed in a folder.
pub fn typed(at: &str, line: &str) -> String {
    format!("\n{} {}\n", Ink::Faint.paint(&format!("{}$", clean(at))), Ink::Command.paint(&clean(line)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paragraph_keeps_to_its_width() {
        assert_eq!(prose("one two  three\nfour", 9), "\none two\nthree\nfour\n");
        assert_eq!(prose("unbreakable a", 4), "\nunbreakable\na\n");
    }
}
