//! The ledger without a server: one SQLite file on this machine, synced before anything is acknowledged.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Transaction, TransactionBehavior, params};

use super::contract::{Change, Committed, Expect, Item, Ledger, LedgerError, Op, Range, Watched};
use crate::sys::clock::{Clock, SystemClock};
use crate::sys::{clock, process};

/// Form of the tables.
const FORM: u32 = 1;

/// Changes that are kept for those who watch.
const KEPT: u64 = 20_000;

/// How often a watch looks.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Values stand apart from the index of their keys: whoever looks for another key does not read a plan of a megabyte that stands
/// on the way there. (Files made before that have `WITHOUT ROWID` here. They are read and written in the same words.)
const SCHEMA: &str = "
    CREATE TABLE kv (
        key TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL, create_rev INTEGER NOT NULL, mod_rev INTEGER NOT NULL,
        lease INTEGER
    );
    CREATE INDEX by_lease ON kv (lease) WHERE lease IS NOT NULL;
    CREATE TABLE log (rev INTEGER NOT NULL, key TEXT NOT NULL, value TEXT);
    CREATE INDEX by_rev ON log (rev);
    CREATE TABLE lease (id INTEGER PRIMARY KEY AUTOINCREMENT, ttl_ms INTEGER NOT NULL, boot TEXT NOT NULL, ends_ms INTEGER NOT NULL);
    CREATE TABLE counter (id INTEGER PRIMARY KEY CHECK (id = 1), rev INTEGER NOT NULL, compacted INTEGER NOT NULL);
    INSERT INTO counter VALUES (1, 0, 0);
";

/// A ledger in a file.
#[derive(Debug)]
pub struct SqliteLedger {
    path: PathBuf,
    connection: RefCell<Connection>,
    boot: String,
}

impl SqliteLedger {
    /// Opens the file, and makes it where it is not there.
    ///
    /// # Errors
    /// [`LedgerError::File`], [`LedgerError::Newer`].
    pub fn open(path: &Path) -> Result<Self, LedgerError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NOFOLLOW
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let failed = |verb| {
            move |error: rusqlite::Error| LedgerError::File {
                path: path.to_owned(),
                verb,
                why: error.to_string(),
            }
        };
        let mut connection = Connection::open_with_flags(path, flags).map_err(failed("opened"))?;
        connection.busy_timeout(Duration::from_secs(30)).map_err(failed("opened"))?;
        let pragmas = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;";
        connection.execute_batch(pragmas).map_err(failed("prepared"))?;
        let form = prepare(&mut connection).map_err(failed("prepared"))?;
        if form > FORM {
            return Err(LedgerError::Newer { path: path.to_owned(), form });
        }
        let boot = process::boot_id();
        Ok(Self { path: path.to_owned(), connection: RefCell::new(connection), boot })
    }

    fn with<T>(
        &self,
        verb: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, LedgerError> {
        let mut connection = self.connection.borrow_mut();
        let failed = |error: rusqlite::Error| LedgerError::File {
            path: self.path.clone(),
            verb,
            why: error.to_string(),
        };
        let change = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        expire(&change, &self.boot).map_err(failed)?;
        let done = work(&change).map_err(failed)?;
        change.commit().map_err(failed)?;
        Ok(done)
    }

    /// Reads without taking the file from those who write, unless a lease has ended.
    fn reading<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, LedgerError> {
        let ended = {
            let connection = self.connection.borrow();
            let sql = "SELECT count(*) FROM lease WHERE boot <> ?1 OR ends_ms <= ?2";
            connection.query_row(sql, params![self.boot, signed(now_ms())], |row| row.get::<_, i64>(0))
        };
        let failed = |error: rusqlite::Error| LedgerError::File {
            path: self.path.clone(),
            verb: "read",
            why: error.to_string(),
        };
        if ended.map_err(failed)? > 0 {
            self.with("written", |_| Ok(()))?;
        }
        let mut connection = self.connection.borrow_mut();
        let reading = connection.transaction().map_err(failed)?;
        let done = work(&reading).map_err(failed)?;
        drop(reading);
        Ok(done)
    }
}

/// Makes the tables where there are none; answers with their form.
fn prepare(connection: &mut Connection) -> rusqlite::Result<u32> {
    let form =
        |connection: &Connection| connection.query_row("PRAGMA user_version", [], |row| row.get::<_, u32>(0));
    if form(connection)? == 0 {
        // Whoever else opens it at this moment has seen none, too: the second one finds them made.
        let change = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if form(&change)? == 0 {
            change.execute_batch(SCHEMA)?;
            change.pragma_update(None, "user_version", FORM)?;
        }
        change.commit()?;
    }
    form(connection)
}

/// Milliseconds since this machine started, sleep included: a clock that nobody sets.
fn now_ms() -> u64 {
    clock::since_boot_ms()
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

fn next_rev(change: &Transaction<'_>) -> rusqlite::Result<u64> {
    let sql = "UPDATE counter SET rev = rev + 1 RETURNING rev";
    change.query_row(sql, [], |row| row.get(0)).map(unsigned)
}

/// Takes away the keys of leases that have ended; those of an earlier start of the machine all have.
fn expire(change: &Transaction<'_>, boot: &str) -> rusqlite::Result<()> {
    let sql = "SELECT id FROM lease WHERE boot <> ?1 OR ends_ms <= ?2";
    let mut statement = change.prepare_cached(sql)?;
    let ended: Vec<i64> =
        statement.query_map(params![boot, signed(now_ms())], |row| row.get(0))?.collect::<Result<_, _>>()?;
    for lease in ended {
        drop_lease(change, lease)?;
    }
    Ok(())
}

fn drop_lease(change: &Transaction<'_>, lease: i64) -> rusqlite::Result<()> {
    let mut statement = change.prepare_cached("SELECT key FROM kv WHERE lease = ?1")?;
    let keys: Vec<String> = statement.query_map([lease], |row| row.get(0))?.collect::<Result<_, _>>()?;
    if !keys.is_empty() {
        let rev = next_rev(change)?;
        for key in keys {
            delete(change, &key, rev)?;
        }
    }
    change.execute("DELETE FROM lease WHERE id = ?1", [lease])?;
    Ok(())
}

fn delete(change: &Transaction<'_>, key: &str, rev: u64) -> rusqlite::Result<()> {
    if change.prepare_cached("DELETE FROM kv WHERE key = ?1")?.execute([key])? > 0 {
        change.prepare_cached("INSERT INTO log VALUES (?1, ?2, NULL)")?.execute(params![signed(rev), key])?;
    }
    Ok(())
}

fn put(
    change: &Transaction<'_>,
    key: &str,
    value: &str,
    rev: u64,
    lease: Option<u64>,
) -> rusqlite::Result<()> {
    let sql = "INSERT INTO kv VALUES (?1, ?2, ?3, ?3, ?4)
               ON CONFLICT (key) DO UPDATE SET value = ?2, mod_rev = ?3, lease = ?4";
    change.prepare_cached(sql)?.execute(params![key, value, signed(rev), lease.map(signed)])?;
    change.prepare_cached("INSERT INTO log VALUES (?1, ?2, ?3)")?.execute(params![
        signed(rev),
        key,
        value
    ])?;
    Ok(())
}

fn revs(change: &Transaction<'_>, key: &str) -> rusqlite::Result<Option<(u64, u64)>> {
    let mut statement = change.prepare_cached("SELECT create_rev, mod_rev FROM kv WHERE key = ?1")?;
    statement.query_row([key], |row| Ok((unsigned(row.get(0)?), unsigned(row.get(1)?)))).optional()
}

fn holds(change: &Transaction<'_>, expect: &Expect) -> rusqlite::Result<bool> {
    let revs = revs(change, expect.key())?;
    Ok(match expect {
        Expect::Absent(_) => revs.is_none(),
        Expect::Rev(_, rev) => revs.is_some_and(|(_, changed)| changed == *rev),
        Expect::Made(_, rev) => revs.is_some_and(|(made, _)| made == *rev),
    })
}

/// The first key after all that begin with a prefix.
fn after_prefix(prefix: &str) -> String {
    format!("{prefix}\u{10ffff}")
}

impl Ledger for SqliteLedger {
    fn range(&self, prefix: &str) -> Result<Range, LedgerError> {
        self.reading(|reading| {
            let rev = reading.query_row("SELECT rev FROM counter", [], |row| row.get(0)).map(unsigned)?;
            let sql =
                "SELECT key, value, create_rev, mod_rev FROM kv WHERE key >= ?1 AND key < ?2 ORDER BY key";
            let mut statement = reading.prepare_cached(sql)?;
            let rows = statement.query_map([prefix.to_owned(), after_prefix(prefix)], |row| {
                let (create_rev, mod_rev) = (unsigned(row.get(2)?), unsigned(row.get(3)?));
                Ok(Item { key: row.get(0)?, value: row.get(1)?, create_rev, mod_rev })
            })?;
            Ok(Range { items: rows.collect::<Result<_, _>>()?, rev })
        })
    }

    fn commit(&self, expect: &[Expect], ops: &[Op], lease: Option<u64>) -> Result<Committed, LedgerError> {
        let outcome = self.with("written", |change| {
            if let Some(lease) = lease {
                let sql = "SELECT 1 FROM lease WHERE id = ?1";
                let there = change.query_row(sql, [signed(lease)], |_| Ok(())).optional()?;
                if there.is_none() {
                    return Ok(None);
                }
            }
            for expected in expect {
                if !holds(change, expected)? {
                    return Ok(Some(Committed::Conflict(expected.key().to_owned())));
                }
            }
            let rev = next_rev(change)?;
            for op in ops {
                match op {
                    Op::Put(key, value) => put(change, key, value, rev, lease)?,
                    Op::Delete(key) => delete(change, key, rev)?,
                }
            }
            let floor = signed(rev.saturating_sub(KEPT));
            change.prepare_cached("DELETE FROM log WHERE rev <= ?1")?.execute([floor])?;
            change.prepare_cached("UPDATE counter SET compacted = max(compacted, ?1)")?.execute([floor])?;
            Ok(Some(Committed::At(rev)))
        })?;
        outcome.ok_or(LedgerError::LeaseGone { lease: lease.unwrap_or(0) })
    }

    fn watch(&self, prefix: &str, after: u64, wait: Duration) -> Result<Watched, LedgerError> {
        let clock = SystemClock::new();
        loop {
            let seen = self.reading(|reading| {
                let (rev, compacted): (i64, i64) =
                    reading.query_row("SELECT rev, compacted FROM counter", [], |row| Ok((row.get(0)?, row.get(1)?)))?;
                if unsigned(compacted) > after {
                    return Ok(Watched::Compacted);
                }
                let sql = "SELECT rev, key, value FROM log WHERE rev > ?1 AND key >= ?2 AND key < ?3 ORDER BY rev, rowid";
                let mut statement = reading.prepare_cached(sql)?;
                let rows = statement.query_map(params![signed(after), prefix, after_prefix(prefix)], |row| {
                    Ok(Change { rev: unsigned(row.get(0)?), key: row.get(1)?, value: row.get(2)? })
                })?;
                Ok(Watched::Changes(rows.collect::<Result<_, _>>()?, unsigned(rev)))
            })?;
            match seen {
                Watched::Changes(changes, _) if changes.is_empty() && clock.monotonic() < wait => {
                    clock.sleep(LOOK_EVERY.min(wait));
                }
                seen => return Ok(seen),
            }
        }
    }

    fn lease(&self, ttl: Duration) -> Result<u64, LedgerError> {
        let ttl = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX >> 1);
        self.with("written", |change| {
            let sql = "INSERT INTO lease (ttl_ms, boot, ends_ms) VALUES (?1, ?2, ?3)";
            change.execute(sql, params![signed(ttl), self.boot, signed(now_ms().saturating_add(ttl))])?;
            Ok(unsigned(change.last_insert_rowid()))
        })
    }

    fn keep_alive(&self, lease: u64) -> Result<(), LedgerError> {
        let kept = self.with("written", |change| {
            let sql = "UPDATE lease SET ends_ms = ?2 + ttl_ms WHERE id = ?1";
            change.execute(sql, params![signed(lease), signed(now_ms())])
        })?;
        if kept == 0 { Err(LedgerError::LeaseGone { lease }) } else { Ok(()) }
    }

    fn end_lease(&self, lease: u64) -> Result<(), LedgerError> {
        self.with("written", |change| drop_lease(change, signed(lease)))
    }
}
