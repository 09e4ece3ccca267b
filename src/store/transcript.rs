//! What a step printed, redacted: the spool is for the running step, the transcript is for people.

use std::path::Path;

use crate::model::redact::Redactor;
use crate::sys::files;

use super::error::StoreError;

/// This much of a spool's end is kept in the transcript.
const LIMIT: u64 = 100 << 20;

/// Turns a step's spool into its transcript; returns the text.
pub(super) fn write(folder: &Path, redactor: &Redactor, mode: u32) -> Result<String, StoreError> {
    let spool = folder.join("spool");
    if !files::exists(&spool) {
        return Ok(String::new());
    }
    let bytes = files::read_tail(&spool, LIMIT)?;
    let text = redactor.redact(&String::from_utf8_lossy(&bytes));
    files::write(&folder.join("transcript"), text.as_bytes(), mode)?;
    Ok(text)
}

/// Last lines of a transcript.
pub(super) fn tail(folder: &Path, lines: usize) -> Result<Vec<String>, StoreError> {
    let path = folder.join("transcript");
    if !files::exists(&path) {
        return Ok(Vec::new());
    }
    let bytes = files::read_tail(&path, 1 << 20)?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let all: Vec<&str> = text.lines().collect();
    Ok(all[all.len().saturating_sub(lines)..].iter().map(|line| (*line).to_owned()).collect())
}
