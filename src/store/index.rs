//! `index.sqlite`: one row an attempt, for listing, and what is remembered of records. It may be lost at any time and is
//! rebuilt from the logs.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use chrono::DateTime;
use rusqlite::{Connection, OpenFlags, Row, TransactionBehavior, params};

use crate::model::gather::Gather;
use crate::model::id::{AttemptId, Oid, ServiceName, TicketId};
use crate::model::release::{ReleaseState, Status};
use crate::model::view::ListRow;

use super::error::StoreError;

/// Form of the tables. One of another form is made again.
const FORM: u32 = 3;

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS attempt (
        ticket TEXT NOT NULL, number INTEGER NOT NULL, status TEXT NOT NULL, phase TEXT NOT NULL,
        branch TEXT NOT NULL, merge_sha TEXT, services TEXT NOT NULL, operator TEXT NOT NULL,
        started_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL,
        superseded_by TEXT, closed INTEGER NOT NULL, archived INTEGER NOT NULL,
        PRIMARY KEY (ticket, number)
    ) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS by_start ON attempt (started_ms DESC);
    CREATE TABLE IF NOT EXISTS remembered (
        ticket TEXT PRIMARY KEY, marks BLOB NOT NULL, said TEXT NOT NULL, sum INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS seen (id INTEGER PRIMARY KEY CHECK (id = 1), mark TEXT NOT NULL) WITHOUT ROWID;
";

fn failed(path: &Path, verb: &'static str) -> impl FnOnce(rusqlite::Error) -> StoreError {
    let path = PathBuf::from(path);
    move |error| {
        use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
        let broken = matches!(error.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase));
        StoreError::Index { path, verb, broken, why: error.to_string() }
    }
}

fn open(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NOFOLLOW
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(failed(path, "opened"))?;
    let prepare = |connection: &mut Connection| {
        connection.execute_batch("PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF;")?;
        let form: u32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        if form == FORM {
            return Ok(());
        }
        // Whoever else opens it at this moment has seen the old form, too: the second one finds it made.
        let change = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let form: u32 = change.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        if form != FORM {
            for table in ["attempt", "remembered", "seen"] {
                change.execute_batch(&format!("DROP TABLE IF EXISTS {table};"))?;
            }
            change.execute_batch(SCHEMA)?;
            change.pragma_update(None, "user_version", FORM)?;
        }
        change.commit()
    };
    prepare(&mut connection).map_err(failed(path, "prepared"))?;
    Ok(connection)
}

/// Moment up to which the index has seen the folder of records: what changed there later, it may lack.
pub(super) type Mark = i128;

/// Writes an attempt's row.
pub(super) fn upsert(path: &Path, state: &ReleaseState) -> Result<(), StoreError> {
    write(&open(path)?, path, state)
}

/// The moment up to which it has seen everything; none for one that is new.
pub(super) fn mark(path: &Path) -> Result<Option<Mark>, StoreError> {
    use rusqlite::OptionalExtension as _;
    let connection = open(path)?;
    let row = connection.query_row("SELECT mark FROM seen", [], |row| row.get::<_, String>(0)).optional();
    Ok(row.map_err(failed(path, "read"))?.and_then(|text| text.parse().ok()))
}

/// Says up to which moment it has seen everything.
pub(super) fn set_mark(path: &Path, mark: Mark) -> Result<(), StoreError> {
    put_mark(&open(path)?, path, mark)
}

fn put_mark(connection: &Connection, path: &Path, mark: Mark) -> Result<(), StoreError> {
    let sql = "INSERT OR REPLACE INTO seen (id, mark) VALUES (1, ?1)";
    connection.execute(sql, [mark.to_string()]).map_err(failed(path, "written"))?;
    Ok(())
}

/// Tickets that have a row.
pub(super) fn tickets(path: &Path) -> Result<BTreeSet<String>, StoreError> {
    let connection = open(path)?;
    let mut statement =
        connection.prepare("SELECT DISTINCT ticket FROM attempt").map_err(failed(path, "read"))?;
    let rows = statement.query_map([], |row| row.get(0)).map_err(failed(path, "read"))?;
    rows.try_gather().map_err(failed(path, "read"))
}

fn write(connection: &Connection, path: &Path, state: &ReleaseState) -> Result<(), StoreError> {
    let sql =
        "INSERT OR REPLACE INTO attempt VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
    let services: Vec<&str> = state.services.iter().map(ServiceName::as_str).collect();
    let row = params![
        state.ticket.as_str(),
        state.attempt,
        state.status.word(),
        state.phase.word(),
        state.branch.as_str(),
        state.merge.as_ref().map(Oid::as_str),
        services.join(" "),
        state.operator,
        state.started_at.timestamp_millis(),
        state.updated_at.timestamp_millis(),
        state.superseded_by,
        state.closed,
        state.archived,
    ];
    connection.prepare_cached(sql).and_then(|mut s| s.execute(row)).map_err(failed(path, "written"))?;
    Ok(())
}

/// Replaces the rows of some tickets, or all rows, by these attempts.
pub(super) fn replace(
    path: &Path,
    tickets: Option<&BTreeSet<String>>,
    states: &[ReleaseState],
    mark: Option<Mark>,
) -> Result<(), StoreError> {
    let mut connection = open(path)?;
    let transaction = connection.transaction().map_err(failed(path, "rebuilt"))?;
    match tickets {
        None => {
            let all = "DELETE FROM attempt; DELETE FROM remembered;";
            transaction.execute_batch(all).map_err(failed(path, "rebuilt"))?;
        }
        Some(tickets) => {
            for ticket in tickets {
                transaction
                    .execute("DELETE FROM attempt WHERE ticket = ?1", [ticket])
                    .map_err(failed(path, "rebuilt"))?;
            }
        }
    }
    for state in states {
        write(&transaction, path, state)?;
    }
    if let Some(mark) = mark {
        put_mark(&transaction, path, mark)?;
    }
    transaction.commit().map_err(failed(path, "rebuilt"))
}

/// The newest attempts, newest first; all of them without a limit. Their status is as it was recorded.
pub(super) fn newest(path: &Path, limit: Option<u32>) -> Result<Vec<ListRow>, StoreError> {
    let connection = open(path)?;
    // All of them are read as they lie and sorted here: by the index each row would be looked up by itself.
    let (sql, limit) = match limit {
        Some(limit) => ("SELECT * FROM attempt ORDER BY started_ms DESC LIMIT ?1", i64::from(limit)),
        None => ("SELECT * FROM attempt LIMIT ?1", -1),
    };
    let mut statement = connection.prepare(sql).map_err(failed(path, "read"))?;
    let mut found = statement.query([limit]).map_err(failed(path, "read"))?;
    let mut rows = Vec::new();
    while let Some(row) = found.next().map_err(failed(path, "read"))? {
        // A row that says nothing we know is as good as none: the records themselves are what counts.
        rows.extend(read(row).map_err(failed(path, "read"))?);
    }
    rows.sort_by_cached_key(|row| Reverse(row.started_at));
    Ok(rows)
}

/// Which rows of a listing that is read piece by piece, newest first.
#[derive(Debug, Clone, Copy)]
pub struct Slice<'a> {
    /// Those after this one; none: from the newest on.
    pub after: Option<&'a AttemptId>,
    /// Of one ticket only.
    pub ticket: Option<&'a TicketId>,
    /// Archived ones, too.
    pub archived: bool,
    /// At most so many.
    pub limit: u32,
}

/// A piece of the listing.
#[derive(Debug, Clone)]
pub struct Piece {
    /// Rows whose status is as it was recorded.
    pub rows: Vec<ListRow>,
    /// Nothing comes after them.
    pub is_last: bool,
}

/// A piece of the listing. None: the row that it is to begin after is not there.
pub(super) fn slice(path: &Path, slice: &Slice<'_>) -> Result<Option<Piece>, StoreError> {
    use rusqlite::OptionalExtension as _;
    let connection = open(path)?;
    let (name, number) = slice.after.map_or(("", 0), |after| (after.ticket.as_str(), after.number));
    let began: Option<i64> = connection
        .query_row(
            "SELECT started_ms FROM attempt WHERE ticket = ?1 AND number = ?2",
            params![name, number],
            |row| row.get(0),
        )
        .optional()
        .map_err(failed(path, "read"))?;
    if slice.after.is_some() && began.is_none() {
        return Ok(None);
    }
    // The first comparison is what the index by start is searched with.
    let sql = "SELECT * FROM attempt
        WHERE started_ms <= ?1 AND NOT (started_ms = ?1 AND (ticket, number) <= (?2, ?3))
            AND (?4 IS NULL OR ticket = ?4) AND (?5 OR NOT archived)
        ORDER BY started_ms DESC, ticket, number LIMIT ?6";
    let ticket = slice.ticket.map(TicketId::as_str);
    let asked = params![began.unwrap_or(i64::MAX), name, number, ticket, slice.archived, slice.limit];
    let mut statement = connection.prepare(sql).map_err(failed(path, "read"))?;
    let mut found = statement.query(asked).map_err(failed(path, "read"))?;
    let (mut rows, mut seen) = (Vec::new(), 0);
    while let Some(row) = found.next().map_err(failed(path, "read"))? {
        rows.extend(read(row).map_err(failed(path, "read"))?);
        seen += 1;
    }
    Ok(Some(Piece { is_last: seen < slice.limit || rows.is_empty(), rows }))
}

fn read(row: &Row<'_>) -> rusqlite::Result<Option<ListRow>> {
    let word = |at: usize| row.get_ref(at)?.as_str().map_err(rusqlite::Error::from);
    let services: Result<Vec<ServiceName>, _> = word(6)?.split_whitespace().map(str::parse).collect();
    let merge = row.get_ref(5)?.as_str_or_null()?.map(str::parse).transpose();
    let moment = |at: usize| Ok::<_, rusqlite::Error>(DateTime::from_timestamp_millis(row.get(at)?));
    let known = (|ticket: &str, branch: &str, status: &str, phase: &str| {
        Some((ticket.parse().ok()?, branch.parse().ok()?, Status::from_word(status)?, phase.parse().ok()?))
    })(word(0)?, word(4)?, word(2)?, word(3)?);
    let (Some((ticket, branch, status, phase)), Ok(services), Ok(merge)) = (known, services, merge) else {
        return Ok(None);
    };
    let (Some(started_at), Some(updated_at)) = (moment(8)?, moment(9)?) else { return Ok(None) };
    Ok(Some(ListRow {
        attempt: AttemptId { ticket, number: row.get(1)? },
        status,
        phase,
        branch,
        merge,
        services,
        operator: row.get(7)?,
        started_at,
        updated_at,
        superseded_by: row.get(10)?,
        closed: row.get(11)?,
        archived: row.get(12)?,
    }))
}

/// What is remembered of a ticket's records.
pub(super) struct Entry<'a> {
    pub(super) ticket: &'a str,
    /// Marks of the files that it was read from.
    pub(super) marks: &'a [u8],
    pub(super) said: &'a str,
}

/// Hands on every entry that is whole, sorted by ticket.
pub(super) fn each_entry(path: &Path, mut each: impl FnMut(Entry<'_>)) -> Result<(), StoreError> {
    let connection = open(path)?;
    let sql = "SELECT ticket, marks, said, sum FROM remembered ORDER BY ticket";
    let mut statement = connection.prepare(sql).map_err(failed(path, "read"))?;
    let mut found = statement.query([]).map_err(failed(path, "read"))?;
    while let Some(row) = found.next().map_err(failed(path, "read"))? {
        // What is no entry of ours is as good as none.
        let Some((ticket, marks, said)) = whole_entry(row) else { continue };
        each(Entry { ticket, marks, said });
    }
    Ok(())
}

fn whole_entry<'r>(row: &'r Row<'_>) -> Option<(&'r str, &'r [u8], &'r str)> {
    let column = |at: usize| row.get_ref(at).ok();
    let (ticket, marks) = (column(0)?.as_str().ok()?, column(1)?.as_blob().ok()?);
    let (said, recorded) = (column(2)?.as_str().ok()?, column(3)?.as_i64().ok()?);
    (sum(ticket, marks, said) == recorded).then_some((ticket, marks, said))
}

/// Remembers entries (ticket, marks, what is said), and forgets the tickets that are gone.
pub(super) fn remember(
    path: &Path,
    entries: &[(&str, [u8; 64], String)],
    gone: &BTreeSet<String>,
) -> Result<(), StoreError> {
    let mut connection = open(path)?;
    let write = |connection: &mut Connection| {
        let change = connection.transaction()?;
        for ticket in gone {
            change.execute("DELETE FROM remembered WHERE ticket = ?1", [ticket])?;
        }
        for (ticket, marks, said) in entries {
            let sql = "INSERT OR REPLACE INTO remembered VALUES (?1, ?2, ?3, ?4)";
            change.prepare_cached(sql)?.execute(params![ticket, marks, said, sum(ticket, marks, said)])?;
        }
        change.commit()
    };
    write(&mut connection).map_err(failed(path, "written"))
}

/// Checksum of an entry: nothing of the index is synced.
fn sum(ticket: &str, marks: &[u8], said: &str) -> i64 {
    let mut hasher = crc32fast::Hasher::new();
    for part in [ticket.as_bytes(), marks, said.as_bytes()] {
        hasher.update(part);
    }
    i64::from(hasher.finalize())
}
