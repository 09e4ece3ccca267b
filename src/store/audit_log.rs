//! Reads an audit log whole: every line's grammar, its place in the chain, and what a crash left at the end.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

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
#[derive(Debug, Clone)]
pub(super) struct Log {
    /// Shared by all who look at it.
    pub(super) events: Arc<Vec<RunEvent>>,
    pub(super) head: Head,
    /// Bytes of whole lines.
    pub(super) whole: usize,
    /// What stands after them: the tail of a write that a crash cut off.
    pub(super) torn: Vec<u8>,
}

impl Log {
    /// Before its first record.
    fn new(ticket: &TicketId) -> Self {
        let head = Head { seq: 0, chain: line::first_chain(ticket) };
        Self { events: Arc::default(), head, whole: 0, torn: Vec::new() }
    }
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
    if let Some(log) = gone_on_with(folder, path, ticket, acknowledged)? {
        return Ok(log);
    }
    let bytes = folder.read(path, LOG_LIMIT)?.unwrap_or_default();
    let log = checked(Log::new(ticket), &bytes, path, ticket, acknowledged)?;
    if bytes.len() >= LONG {
        let known = Last { path: path.to_path_buf(), bytes, log: log.clone() };
        *LAST.lock().unwrap_or_else(PoisonError::into_inner) = Some(known);
    }
    Ok(log)
}

/// Goes on with the log that was read last, if it is that one and begins as it did. The lock is held until then, so that many
/// who look at one live log share what was read of it, and its bytes are in memory once; nobody waits here for another log.
fn gone_on_with(
    folder: &Beneath,
    path: &Path,
    ticket: &TicketId,
    acknowledged: Option<&Head>,
) -> Result<Option<Log>, StoreError> {
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(known) = last.as_ref().filter(|last| last.path == path && last.leads_to(acknowledged)) else {
        return Ok(None);
    };
    let Some(more) = folder.read_after(path, known.whole(), LOG_LIMIT)? else { return Ok(None) };
    let Some(mut known) = last.take() else { return Ok(None) };
    known.bytes.truncate(known.log.whole);
    known.bytes.extend(more);
    known.log = checked(known.log, &known.bytes, path, ticket, acknowledged)?;
    let log = known.log.clone();
    *last = Some(known);
    Ok(Some(log))
}

/// A log from this length on is kept as it was read last: one page of the console asks for the same log several times, and
/// a thousand readers of a live release ask for it again at every record.
const LONG: usize = 16 << 10;

/// The long log that was read last, with the bytes that it was read from.
static LAST: Mutex<Option<Last>> = Mutex::new(None);

struct Last {
    path: PathBuf,
    bytes: Vec<u8>,
    log: Log,
}

impl Last {
    /// The bytes of its whole lines.
    fn whole(&self) -> &[u8] {
        &self.bytes[..self.log.whole]
    }

    /// Whether the record that the state file saw is in it, or may come after it.
    fn leads_to(&self, acknowledged: Option<&Head>) -> bool {
        let has_seen = |known: &Head| known.seq == 0 || known.seq > self.log.head.seq || self.has(known);
        acknowledged.is_none_or(has_seen)
    }

    /// Whether this record is in it. Each line is one, and the last ones are asked for.
    fn has(&self, known: &Head) -> bool {
        let after = usize::try_from(self.log.head.seq - known.seq).unwrap_or(usize::MAX);
        let mut lines = self.whole().trim_ascii_end().rsplit(|byte| *byte == b'\n');
        let line = lines.nth(after).and_then(|line| std::str::from_utf8(line).ok());
        line.and_then(|line| line::parse(line).ok())
            .is_some_and(|read| read.event.seq == known.seq && read.chain == known.chain)
    }
}

/// Goes on with a log from where it was read to.
fn checked(
    mut log: Log,
    bytes: &[u8],
    path: &Path,
    ticket: &TicketId,
    acknowledged: Option<&Head>,
) -> Result<Log, StoreError> {
    let mut begun: Option<Begun> = None;
    for piece in bytes[log.whole..].split_inclusive(|byte| *byte == b'\n') {
        // A cut-off write has no newline, or blocks of NUL where the data never reached the disk.
        let cut = !piece.ends_with(b"\n") || piece.contains(&0);
        let beyond = acknowledged.is_none_or(|known| log.head.seq >= known.seq);
        if cut && beyond {
            break;
        }
        let number = log.events.len() as u64 + 1;
        let before = Begun { events: log.events.len(), head: log.head.clone(), whole: log.whole, lack: 0 };
        let event = follow(piece, &mut log.head, ticket).map_err(|what| damaged(path, number, &what))?;
        if let Some(what) = another_than(acknowledged, &log.head) {
            return Err(damaged(path, number, &what));
        }
        begun = match begun {
            Some(begun) if event.event == EventKind::Continued => {
                Some(Begun { lack: begun.lack.saturating_sub(1), ..begun })
            }
            _ => Some(Begun { lack: parts(&event).saturating_sub(1), ..before }),
        };
        // In its place, unless somebody still reads what it was before.
        Arc::make_mut(&mut log.events).push(event);
        log.whole += piece.len();
    }
    // A record of several lines that lost some of them was never written.
    if let Some(begun) = begun.filter(|begun| begun.lack > 0)
        && acknowledged.is_none_or(|known| begun.head.seq >= known.seq)
    {
        Arc::make_mut(&mut log.events).truncate(begun.events);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event::EVENT_VERSION;
    use crate::sys::files::Modes;

    /// A log that is long enough to be kept.
    fn long(ticket: &TicketId) -> String {
        let (mut chain, mut log) = (line::first_chain(ticket), String::new());
        for seq in 1..=3_000 {
            let event = RunEvent {
                v: EVENT_VERSION,
                seq,
                at: chrono::DateTime::from_timestamp(1_779_118_212, 0).unwrap(),
                ticket: ticket.clone(),
                attempt: 1,
                phase: None,
                event: if seq == 1 { EventKind::Created } else { EventKind::StepStart },
                rc: None,
                step: None,
                operator: "deploy".to_owned(),
                ms: None,
                reason: None,
                details: Arc::new([(field::HOST.to_owned(), "prod1".to_owned())].into()),
                msg: None,
            };
            let (text, head) = line::render(&event, &chain).unwrap();
            log.push_str(&text);
            chain = head.chain;
        }
        log
    }

    #[test]
    fn a_long_log_is_read_again_when_a_byte_of_it_or_what_is_known_of_it_changed() {
        let folder = tempfile::tempdir().unwrap();
        let beneath = Beneath::new(folder.path(), Modes::OURS);
        let (path, ticket) = (folder.path().join("1234.log"), "1234".parse().unwrap());
        let log = long(&ticket);
        assert!(log.len() > LONG);
        let write = |text: &str| beneath.save_atomic(&path, text.as_bytes()).unwrap();
        write(&log);
        let first = read(&beneath, &path, &ticket, None).unwrap();
        let again = read(&beneath, &path, &ticket, Some(&first.head)).unwrap();
        assert_eq!((again.events.len(), &again.events), (3_000, &first.events));
        let another = Head { chain: "0123456789abcdef".to_owned(), ..first.head.clone() };
        assert!(read(&beneath, &path, &ticket, Some(&another)).is_err(), "the state file saw another end");
        let middle = log.len() / 2;
        let at = middle + log[middle..].find("prod1").unwrap();
        write(&format!("{}prod2{}", &log[..at], &log[at + 5..]));
        assert!(read(&beneath, &path, &ticket, None).is_err(), "of the same length, and not the same");
        write(&log);
        assert_eq!(read(&beneath, &path, &ticket, None).unwrap().events, first.events);
    }

    #[test]
    fn what_came_since_is_checked_as_strictly_as_the_rest_and_what_was_read_is_shared() {
        let folder = tempfile::tempdir().unwrap();
        let beneath = Beneath::new(folder.path(), Modes::OURS);
        let (path, ticket) = (folder.path().join("1235.log"), "1235".parse().unwrap());
        let log = long(&ticket);
        let write = |text: &str| beneath.save_atomic(&path, text.as_bytes()).unwrap();
        let end = log[..log.len() - 1].rfind('\n').unwrap() + 1;
        write(&log[..end]);
        let first = read(&beneath, &path, &ticket, None).unwrap();
        let again = read(&beneath, &path, &ticket, Some(&first.head)).unwrap();
        // Another test may read a long log of its own in between.
        assert!(Arc::ptr_eq(&first.events, &again.events) || first.events == again.events);
        write(&log[..log.len() - 1]);
        let torn = read(&beneath, &path, &ticket, Some(&first.head)).unwrap();
        assert_eq!((torn.events.len(), torn.torn.len()), (2_999, log.len() - 1 - end));
        write(&format!("{}{}", &log[..end], log[end..].replace("prod1", "prod2")));
        assert!(read(&beneath, &path, &ticket, Some(&first.head)).is_err(), "its chain does not follow");
        write(&log);
        let grown = read(&beneath, &path, &ticket, Some(&first.head)).unwrap();
        assert_eq!((grown.events.len(), first.events.len(), grown.head.seq), (3_000, 2_999, 3_000));
        let ahead = Head { seq: 3_001, ..grown.head.clone() };
        assert!(read(&beneath, &path, &ticket, Some(&ahead)).is_err(), "it ends before what was seen");
        let another = Head { chain: "0123456789abcdef".to_owned(), ..first.head.clone() };
        assert!(read(&beneath, &path, &ticket, Some(&another)).is_err(), "the log was written anew");
    }
}
