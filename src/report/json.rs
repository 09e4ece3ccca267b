//! JSON where a value's own shape is not the answer: one document an answer, one line an event.

use serde::Serialize;
use serde_json::{Value, json};

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

/// An error as the same people's answer: the word of the ending, its exit status, the message, causes and hints.
pub fn error(ending: Ending, exit: u8, message: &str, causes: &[String], hints: &[String]) -> Value {
    json!({ "error": { "ending": ending, "exit": exit, "message": message, "causes": causes, "hints": hints } })
}
