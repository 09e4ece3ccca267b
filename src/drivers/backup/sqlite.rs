//! SQLite databases, copied while they are in use.

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::archive::{BUFFER, above, real};
use super::{BackupError, OnBytes, Taken};
use crate::sys::clock::{Clock, SystemClock};
use crate::sys::files::{self, failed};
use crate::sys::folder::{self, Folder, Kind, Node};
use crate::sys::sync;

/// Pages copied between two looks at the time and at `on_bytes`.
const PAGES: i32 = 1024;

/// How often a writer may make the copy start over before it is made in one go, with writers kept out.
const PATIENCE: u32 = 8;

/// How long a writer may keep the copy out.
const LOCKED_FOR: Duration = Duration::from_mins(1);

/// Wait between two tries while a writer keeps the copy out.
const LOCKED_WAIT: Duration = Duration::from_millis(50);

/// Copies a database online into a new file and checks the copy. The copy has the database's owner and mode, so that
/// putting it back can give them back.
///
/// # Errors
/// [`BackupError`] when the database cannot be read, a writer keeps it locked for a minute, the copy fails its integrity
/// check, or `on_bytes` ends it.
pub fn take_sqlite(database: &Path, into: &Path, on_bytes: OnBytes<'_>) -> Result<Taken, BackupError> {
    let database = &real(database);
    let (folder, name) = above(database)?;
    let node = folder.look(&name)?.ok_or_else(|| BackupError::source(database, "does not exist"))?;
    if node.kind != Kind::File {
        return Err(BackupError::source(database, "is not a regular file"));
    }
    let (shelf, copy_name) = above(into)?;
    let file = shelf.create_file(&copy_name, 0o600)?;
    copy(database, into, on_bytes)?;
    check_sqlite(into)?;
    // Nobody may write to a backup who is not its owner; a database that everybody may write to is rare and told below.
    folder::dress(&file, into, &Node { mode: node.mode & !0o002, ..node })?;
    Ok(Taken { bytes: files::size(into)?, notes: Vec::new() })
}

fn copy(database: &Path, into: &Path, on_bytes: OnBytes<'_>) -> Result<(), BackupError> {
    let failed = |error: rusqlite::Error| database_error("copied", database, &error);
    let source = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(failed)?;
    let mut target = Connection::open_with_flags(into, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(failed)?;
    let page: u32 = source.pragma_query_value(None, "page_size", |row| row.get(0)).map_err(failed)?;
    let backup = Backup::new(&source, &mut target).map_err(failed)?;
    let clock = SystemClock::new();
    let (mut restarts, mut least_left, mut free_at) = (0, i32::MAX, Duration::ZERO);
    loop {
        let pages = if restarts < PATIENCE { PAGES } else { -1 };
        let step = backup.step(pages).map_err(failed)?;
        let progress = backup.progress();
        match step {
            StepResult::Done => return Ok(()),
            StepResult::More => {
                restarts += u32::from(progress.remaining > least_left);
                (least_left, free_at) = (progress.remaining, clock.monotonic());
            }
            _ if clock.monotonic() > free_at + LOCKED_FOR => {
                let why = "a writer keeps it locked: stop it first with `quiesce = \"stop\"`".to_owned();
                return Err(BackupError::Database { verb: "copied", path: database.to_path_buf(), why });
            }
            _ => clock.sleep(LOCKED_WAIT),
        }
        let done = u64::try_from(progress.pagecount - progress.remaining).unwrap_or(0) * u64::from(page);
        if on_bytes(done) == ControlFlow::Break(()) {
            return Err(BackupError::Stopped);
        }
    }
}

/// Runs `PRAGMA integrity_check` on a database file that nobody writes to, without changing anything beside it.
///
/// # Errors
/// [`BackupError::Damaged`] with the first line of what is wrong.
pub fn check_sqlite(file: &Path) -> Result<(), BackupError> {
    let damaged = |error: rusqlite::Error| BackupError::damaged(file, error.to_string());
    let mut uri = "file:".to_owned();
    for byte in files::absolute(file)?.as_os_str().as_bytes() {
        let _ = match byte {
            b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {
                write!(uri, "{}", char::from(*byte))
            }
            other => write!(uri, "%{other:02x}"),
        };
    }
    uri.push_str("?immutable=1");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    let database = Connection::open_with_flags(uri, flags).map_err(damaged)?;
    let verdict: String =
        database.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).map_err(damaged)?;
    if verdict == "ok" { Ok(()) } else { Err(BackupError::damaged(file, verdict.replace('\n', " "))) }
}

/// Replaces a database by a backup, with the owner and mode it had when it was saved, removes its journals, and checks it.
/// The service must be stopped. Returns the bytes written; they are on the disk when it returns.
///
/// # Errors
/// [`BackupError`]; putting the same backup back again starts over.
pub fn put_sqlite(backup: &Path, database: &Path, on_bytes: OnBytes<'_>) -> Result<u64, BackupError> {
    check_sqlite(backup)?;
    let database = &real(database);
    let mut saved = files::open(backup)?;
    let mut node = folder::look_at(&saved, backup)?;
    let (folder, name) = above(database)?;
    match folder.look(&name)? {
        // The one bit that a backup does not carry.
        Some(present) if present.mode & !0o002 == node.mode => node.mode = present.mode,
        Some(present) if present.kind != Kind::File => {
            return Err(BackupError::source(database, "is not a regular file"));
        }
        _ => {}
    }
    let draft = with_ending(&name, ".holdpoint");
    folder.remove(&draft)?;
    let bytes = write_draft(&folder, &draft, &mut saved, backup, &node, on_bytes)?;
    // An old journal beside a new database would be played into it.
    for ending in ["-wal", "-shm", "-journal"] {
        folder.remove(&with_ending(&name, ending))?;
    }
    folder.rename(&draft, &name)?;
    folder.sync()?;
    check_sqlite(database)?;
    Ok(bytes)
}

fn write_draft(
    folder: &Folder,
    draft: &OsStr,
    saved: &mut dyn Read,
    backup: &Path,
    node: &Node,
    on_bytes: OnBytes<'_>,
) -> Result<u64, BackupError> {
    let path = folder.path().join(draft);
    let mut file = folder.create_file(draft, 0o600)?;
    let mut buffer = vec![0; BUFFER];
    let mut bytes = 0;
    loop {
        let read = saved.read(&mut buffer).map_err(failed("read", backup))?;
        if read == 0 {
            break;
        }
        file.write_all(&buffer[..read]).map_err(failed("written", &path))?;
        bytes += read as u64;
        if on_bytes(bytes) == ControlFlow::Break(()) {
            folder.remove(draft)?;
            return Err(BackupError::Stopped);
        }
    }
    folder::dress(&file, &path, node)?;
    sync::file(&file).map_err(std::io::Error::from).map_err(failed("synced", &path))?;
    Ok(bytes)
}

fn with_ending(name: &OsStr, ending: &str) -> OsString {
    let mut name = name.to_os_string();
    name.push(ending);
    name
}

fn database_error(verb: &'static str, path: &Path, error: &rusqlite::Error) -> BackupError {
    BackupError::Database { verb, path: path.to_path_buf(), why: error.to_string() }
}
