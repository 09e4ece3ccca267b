//! What a step printed, redacted: the spool is for the running step, the transcript is for people.

use std::io::Write as _;
use std::path::Path;

use crate::model::quantity::ByteSize;
use crate::model::redact::Redactor;
use crate::sys::files::{Beneath, FileError};
use crate::sys::supervise::{self, Trace};

use super::error::StoreError;

/// This much of a spool's end is kept in the transcript: nobody reads more of what a program repeats.
const LIMIT: u64 = 16 << 20;

const SPOOL: &str = "spool";
const TRANSCRIPT: &str = "transcript";

/// Adds what stands in a step's spool to its transcript, redacted, and removes the spool: it may hold secrets. Returns the
/// text that was added. A kill in between leaves the spool, and the text is added once more: nothing is lost. Where a
/// program lost its shim and still works, the spool stays for what it has yet to say; and it stays where another operator of
/// the group was the one who started the step: until that one comes by, or root, nobody else may read it.
pub(super) fn write(ground: &Beneath, folder: &Path, redactor: &Redactor) -> Result<String, StoreError> {
    let spool = folder.join(SPOOL);
    let read = match ground.read_tail(&spool, LIMIT) {
        Err(error) if error.is_denied() => return Ok(String::new()),
        read => read?,
    };
    let Some(bytes) = read else { return Ok(String::new()) };
    let all = ground.open(&spool)?.and_then(|file| file.metadata().ok()).map_or(0, |meta| meta.len());
    let mut text = redactor.redact(&String::from_utf8_lossy(&bytes));
    if all > LIMIT {
        text.insert_str(0, &format!("… {} before this are left out\n", ByteSize(all - LIMIT)));
    }
    if matches!(supervise::look(folder, None), Trace::AtWork(_)) {
        return Ok(text);
    }
    let path = folder.join(TRANSCRIPT);
    let (mut file, _) = ground.append(&path)?;
    file.write_all(text.as_bytes()).map_err(|source| FileError { verb: "written", path, source })?;
    ground.remove_file(&spool)?;
    Ok(text)
}

/// Last lines of a transcript.
pub(super) fn tail(ground: &Beneath, folder: &Path, lines: usize) -> Result<Vec<String>, StoreError> {
    let Some(bytes) = ground.read_tail(&folder.join(TRANSCRIPT), 1 << 20)? else { return Ok(Vec::new()) };
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let all: Vec<&str> = text.lines().collect();
    Ok(all[all.len().saturating_sub(lines)..].iter().map(|line| (*line).to_owned()).collect())
}

/// Whether a step's spool is still there.
pub(super) fn is_left(ground: &Beneath, folder: &Path) -> bool {
    ground.exists(&folder.join(SPOOL))
}
