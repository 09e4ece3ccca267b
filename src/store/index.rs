//! `index.sqlite`: one row an attempt, for listing. It may be lost at any time and is rebuilt from the logs.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, params};

use crate::model::release::ReleaseState;

use super::error::StoreError;

const SCHEMA: &str = "
    PRAGMA journal_mode = MEMORY;
    PRAGMA synchronous = OFF;
    CREATE TABLE IF NOT EXISTS attempt (
        ticket TEXT NOT NULL, number INTEGER NOT NULL, started_at TEXT NOT NULL, state TEXT NOT NULL,
        PRIMARY KEY (ticket, number)
    ) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS by_start ON attempt (started_at DESC);
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
    let connection = Connection::open_with_flags(path, flags).map_err(failed(path, "opened"))?;
    connection.execute_batch(SCHEMA).map_err(failed(path, "prepared"))?;
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
    rows.collect::<Result<_, _>>().map_err(failed(path, "read"))
}

fn write(connection: &Connection, path: &Path, state: &ReleaseState) -> Result<(), StoreError> {
    let sql = "INSERT OR REPLACE INTO attempt (ticket, number, started_at, state) VALUES (?1, ?2, ?3, ?4)";
    let started = state.started_at.to_rfc3339();
    let text = super::state_file::render(state);
    let row = params![state.ticket.as_str(), state.attempt, started, text];
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
            transaction.execute("DELETE FROM attempt", []).map_err(failed(path, "rebuilt"))?;
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

/// The newest attempts, newest first; all of them without a limit.
pub(super) fn newest(path: &Path, limit: Option<u32>) -> Result<Vec<ReleaseState>, StoreError> {
    let connection = open(path)?;
    let sql = "SELECT state FROM attempt ORDER BY started_at DESC LIMIT ?1";
    let mut statement = connection.prepare(sql).map_err(failed(path, "read"))?;
    let limit = limit.map_or(-1, i64::from);
    let rows = statement.query_map([limit], |row| row.get::<_, String>(0)).map_err(failed(path, "read"))?;
    let mut states = Vec::new();
    for row in rows {
        let text = row.map_err(failed(path, "read"))?;
        states.extend(super::state_file::parse(&text).ok().map(|(state, _)| state));
    }
    Ok(states)
}
