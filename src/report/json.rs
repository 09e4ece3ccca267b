//! JSON where a value's own shape is not the answer: one document an answer, one line an event.

use serde::Serialize;

use crate::model::outcome::Ending;

/// A value as one pretty document, ended by a newline.
///
/// # Errors
/// When the value cannot be written as JSON: a defect of ours.
pub fn document(value: &impl Serialize) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(value).map(|text| text + "\n")
}

/// A value on one line, ended by a newline.
///
/// # Errors
/// When the value cannot be written as JSON: a defect of ours.
pub fn line(value: &impl Serialize) -> Result<String, serde_json::Error> {
    serde_json::to_string(value).map(|text| text + "\n")
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
