//! Reads an audit log whole: every line's grammar, its place in the chain, and what a crash left at the end.

use std::path::{Path, PathBuf};

use crate::model::event::{EventKind, RunEvent};
use crate::model::id::TicketId;
use crate::model::projection::field;
use crate::sys::files::Beneath;

use super::error::StoreError;
use super::line;

/// A log may have this many bytes.
const LOG_LIMIT: u64 = 1 << 30;

/// The end of a log: its last whole record's number and chain value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) seq: u64,
    pub(super) chain: String,
}

/// A log as it was read.
#[derive(Debug)]
pub(super) struct Log {
    pub(super) events: Vec<RunEvent>,
    pub(super) head: Head,
    /// Bytes of whole lines.
    pub(super) whole: usize,
    /// What stands after them: the tail of a write that a crash cut off.
    pub(super) torn: Vec<u8>,
}

/// What checking a log found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// Whole records in their place.
    pub records: u64,
    /// The head's sequence number.
    pub head_seq: u64,
    /// The head's chain value.
    pub head_chain: String,
    /// What is wrong; empty: nothing.
    pub findings: Vec<Finding>,
}

/// One thing that is wrong with a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Line, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub what: String,
}

/// Reads a log. `acknowledged` is the head that the state file names: up to there it must be whole.
///
/// # Errors
/// [`StoreError::Damaged`] with the first line that is wrong.
pub(super) fn read(
    folder: &Beneath,
    path: &Path,
    ticket: &TicketId,
    acknowledged: Option<&Head>,
) -> Result<Log, StoreError> {
    let bytes = folder.read(path, LOG_LIMIT)?.unwrap_or_default();
    let head = Head { seq: 0, chain: line::first_chain(ticket) };
    let mut log = Log { events: Vec::new(), head, whole: 0, torn: Vec::new() };
    let mut begun: Option<Begun> = None;
    for (index, piece) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        // A cut-off write has no newline, or blocks of NUL where the data never reached the disk.
        let cut = !piece.ends_with(b"\n") || piece.contains(&0);
        let beyond = acknowledged.is_none_or(|known| log.head.seq >= known.seq);
        if cut && beyond {
            break;
        }
        let before = Begun { events: log.events.len(), head: log.head.clone(), whole: log.whole, lack: 0 };
        let event =
            follow(piece, &mut log.head, ticket).map_err(|what| damaged(path, index as u64 + 1, &what))?;
        if let Some(what) = another_than(acknowledged, &log.head) {
            return Err(damaged(path, index as u64 + 1, &what));
        }
        begun = match begun {
            Some(begun) if event.event == EventKind::Continued => {
                Some(Begun { lack: begun.lack.saturating_sub(1), ..begun })
            }
            _ => Some(Begun { lack: parts(&event).saturating_sub(1), ..before }),
        };
        log.events.push(event);
        log.whole += piece.len();
    }
    // A record of several lines that lost some of them was never written.
    if let Some(begun) = begun.filter(|begun| begun.lack > 0)
        && acknowledged.is_none_or(|known| begun.head.seq >= known.seq)
    {
        log.events.truncate(begun.events);
        (log.head, log.whole) = (begun.head, begun.whole);
    }
    log.torn = bytes[log.whole..].to_vec();
    reach(path, log, acknowledged)
}

/// Where a record began that may take several lines, and how many of them have not come yet.
struct Begun {
    events: usize,
    head: Head,
    whole: usize,
    lack: usize,
}

/// Lines that a record takes.
fn parts(event: &RunEvent) -> usize {
    event.details.get(field::PARTS).and_then(|count| count.parse().ok()).unwrap_or(1)
}

/// A log that ends before what the state file saw of it was cut.
fn reach(path: &Path, log: Log, acknowledged: Option<&Head>) -> Result<Log, StoreError> {
    let Some(known) = acknowledged.filter(|known| known.seq > 0) else { return Ok(log) };
    if log.head.seq < known.seq {
        let what = format!("it ends at record {} and the state file saw {}", log.head.seq, known.seq);
        return Err(StoreError::Damaged { path: path.to_path_buf(), what });
    }
    Ok(log)
}

/// A log that was written anew, its chain computed with it, does not have the record that the state file saw.
fn another_than(acknowledged: Option<&Head>, head: &Head) -> Option<String> {
    let known = acknowledged.filter(|known| known.seq == head.seq && known.chain != head.chain)?;
    Some(format!("it is not the record {} that the state file saw: the log was written anew", known.seq))
}

/// Checks that a line is the next one, and moves the head onto it.
fn follow(piece: &[u8], head: &mut Head, ticket: &TicketId) -> Result<RunEvent, String> {
    let text = std::str::from_utf8(piece).map_err(|_| "it is not UTF-8".to_owned())?;
    let text = text.strip_suffix('\n').ok_or("it does not end")?;
    let read = line::parse(text)?;
    if read.chain != line::next_chain(&head.chain, &text[..read.bound]) {
        return Err("its chain value does not follow from the line before: it was changed, moved or forged"
            .to_owned());
    }
    if read.event.seq != head.seq + 1 {
        return Err(format!("it is record {} and {} was expected", read.event.seq, head.seq + 1));
    }
    if read.event.ticket != *ticket {
        return Err(format!("it belongs to `{}`", read.event.ticket));
    }
    *head = Head { seq: read.event.seq, chain: read.chain };
    Ok(read.event)
}

fn damaged(path: &Path, number: u64, what: &str) -> StoreError {
    StoreError::Damaged { path: PathBuf::from(path), what: format!("line {number}: {what}") }
}

/// Checks a log and goes on past what is wrong, so that everything is named.
///
/// # Errors
/// When it cannot be read at all.
pub(super) fn verify(
    folder: &Beneath,
    path: &Path,
    ticket: &TicketId,
    acknowledged: Option<&Head>,
) -> Result<Verification, StoreError> {
    let bytes = folder.read(path, LOG_LIMIT)?.unwrap_or_default();
    let mut check = Check::new(ticket, acknowledged);
    check.read(&bytes);
    Ok(check.end())
}

/// A check of a log, line by line.
#[derive(Debug, Clone)]
pub(super) struct Check<'a> {
    ticket: &'a TicketId,
    acknowledged: Option<&'a Head>,
    head: Head,
    line: u64,
    records: u64,
    findings: Vec<Finding>,
}

impl<'a> Check<'a> {
    pub(super) fn new(ticket: &'a TicketId, acknowledged: Option<&'a Head>) -> Self {
        let head = Head { seq: 0, chain: line::first_chain(ticket) };
        Self { ticket, acknowledged, head, line: 0, records: 0, findings: Vec::new() }
    }

    /// Reads on, past what is wrong.
    pub(super) fn read(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line += 1;
            match follow(piece, &mut self.head, self.ticket) {
                Ok(_) => {
                    self.records += 1;
                    let another = another_than(self.acknowledged, &self.head);
                    self.findings.extend(another.map(|what| Finding { line: self.line, what }));
                }
                Err(what) => {
                    self.findings.push(Finding { line: self.line, what });
                    // Go on from what the line itself claims, so that one wrong line is one finding.
                    let claimed =
                        std::str::from_utf8(piece).ok().and_then(|text| line::parse(text.trim_end()).ok());
                    if let Some(read) = claimed {
                        self.head = Head { seq: read.event.seq, chain: read.chain };
                    }
                }
            }
        }
    }

    #[cfg(test)]
    pub(super) fn found_something(&self) -> bool {
        !self.findings.is_empty()
    }

    pub(super) fn end(mut self) -> Verification {
        let head = self.head;
        if let Some(known) = self.acknowledged.filter(|known| known.seq > head.seq) {
            let what = format!("the log ends at record {} and the state file saw {}", head.seq, known.seq);
            self.findings.push(Finding { line: self.records + 1, what });
        }
        Verification {
            records: self.records,
            head_seq: head.seq,
            head_chain: head.chain,
            findings: self.findings,
        }
    }
}

/// The end of a log, from its last line alone; none where that cannot be told.
pub(super) fn last(folder: &Beneath, path: &Path) -> Option<Head> {
    let tail = folder.read_tail(path, 2 * line::LINE_LIMIT as u64).ok()??;
    let text = String::from_utf8_lossy(&tail);
    let last = text.trim_end_matches('\n').rsplit('\n').next()?;
    line::parse(last).ok().map(|read| Head { seq: read.event.seq, chain: read.chain })
}
