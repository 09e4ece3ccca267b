//! JSON where a value's own shape is not the answer: one document an answer, one line an event.

use std::fmt::Write as _;

use serde::Serialize;

use crate::model::escape::is_unsafe;
use crate::model::outcome::Ending;

/// A value as one pretty document, ended by a newline.
///
/// # Errors
/// When the value cannot be written as JSON: a defect of ours.
pub fn document(value: &impl Serialize) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(value).map(|text| plain(&text) + "\n")
}

/// A value on one line, ended by a newline.
///
/// # Errors
/// When the value cannot be written as JSON: a defect of ours.
pub fn line(value: &impl Serialize) -> Result<String, serde_json::Error> {
    serde_json::to_string(value).map(|text| plain(&text) + "\n")
}

/// The same JSON with every character in JSON's own escapes that a terminal would act on: a person looks at it, too.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        // What JSON lays out by itself is the only newline there is; such characters stand nowhere but in strings.
        if c != '\n' && is_unsafe(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// An error, as a program reads it.
#[derive(Debug, Serialize)]
pub struct Error<'a> {
    /// The word behind the exit status.
    pub ending: Ending,
    /// The exit status.
    pub exit: u8,
    /// The reason code of a refusal; of any other error the word of its ending.
    pub code: &'a str,
    /// What happened.
    pub message: String,
    /// What caused that, outermost first.
    pub causes: Vec<String>,
    /// What to type.
    pub hints: &'a [String],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_json_reaches_a_terminal_raw_and_all_of_it_is_read_back() {
        let text = "a\n\u{1b}[2J \u{9b}1m \u{202e}b \u{85} \u{e0041} é \u{1f600} \\u0041";
        for json in [document(&[text]).unwrap(), line(&[text]).unwrap()] {
            assert!(!json.chars().any(|c| c != '\n' && is_unsafe(c)), "{json:?}");
            assert!(json.contains(r"\u009b1m \u202eb \u0085 \udb40\udc41 é"), "{json}");
            assert_eq!(serde_json::from_str::<Vec<String>>(&json).unwrap(), [text]);
        }
    }
}
