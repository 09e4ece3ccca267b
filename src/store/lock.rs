//! Who holds this host: kernel locks that die with their holder, and a text that only explains (design/03).

use std::fmt;
use std::fs::File;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::time::Duration;

use crate::model::id::TicketId;
use crate::model::phase::Phase;
use crate::sys::{files, process};
use chrono::{DateTime, SecondsFormat, Utc};

use super::error::StoreError;
use super::ground::Ground;
use super::work::{self, Work};

/// What a runner says of itself while it holds the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HolderText {
    /// Who started it.
    pub operator: String,
    /// On which ticket.
    pub ticket: Option<TicketId>,
    /// In which phase it began.
    pub phase: Option<Phase>,
    /// Since when.
    pub since: DateTime<Utc>,
}

/// Who holds the host, as the lock's text says. The text explains; only the kernel's lock decides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holder {
    /// Process id of the runner.
    pub pid: Option<u32>,
    /// Who started it.
    pub operator: Option<String>,
    /// Since when.
    pub since: Option<DateTime<Utc>>,
    /// On which ticket.
    pub ticket: Option<TicketId>,
    /// In which phase it began.
    pub phase: Option<Phase>,
    /// Steps that still work although their runner is gone; empty while a runner lives.
    pub left: Vec<Work>,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((first, more)) = self.left.split_first() {
            write!(f, "{first}")?;
            return more.iter().try_for_each(|work| write!(f, "; {work}"));
        }
        match &self.operator {
            Some(operator) => write!(f, "`{operator}`")?,
            None => f.write_str("another run")?,
        }
        if let Some(since) = &self.since {
            write!(f, " since {}", since.to_rfc3339_opts(SecondsFormat::Secs, true))?;
        }
        if let Some(ticket) = &self.ticket {
            write!(f, ", on `{ticket}`")?;
        }
        if let Some(phase) = &self.phase {
            write!(f, " from phase {phase}")?;
        }
        if let Some(pid) = &self.pid {
            write!(f, " (process {pid})")?;
        }
        Ok(())
    }
}

/// Both locks, held until this is dropped. They are closed, never unlocked and never deleted.
#[derive(Debug)]
pub(super) struct HostLock {
    _lock: File,
    fence: File,
    /// Who held the host last: what it left behind is put in order.
    pub(super) before: Holder,
}

impl HostLock {
    /// The fence, for the shims of our steps to hold.
    pub(super) const fn fence(&self) -> &File {
        &self.fence
    }
}

/// A look at the lock by another process holds it for an instant: contention that short is no holder.
const INSTANT: Duration = Duration::from_millis(5);
const INSTANTS: u32 = 20;

/// Takes the host.
///
/// # Errors
/// [`StoreError::Locked`] with the holder when another run lives, or a step that outlived its own. A lock that could not be
/// asked for is an error of its own, never a holder.
pub(super) fn take(ground: &Ground, text: &HolderText) -> Result<HostLock, StoreError> {
    let layout = &ground.layout;
    let Some(lock) = taken(ground, &layout.host_lock())? else {
        return Err(StoreError::Locked { holder: Box::new(who(ground)) });
    };
    let Some(fence) = taken(ground, &layout.host_fence())? else {
        return Err(StoreError::Locked { holder: Box::new(outlived(ground)) });
    };
    let before = holder(ground);
    say(&lock, text);
    Ok(HostLock { _lock: lock, fence, before })
}

/// The file, locked for us alone; none when somebody else has it.
fn taken(ground: &Ground, path: &Path) -> Result<Option<File>, StoreError> {
    let file = ground.workspace.open_or_create(path)?;
    for _ in 0..=INSTANTS {
        if files::try_take(&file, path)? {
            return Ok(Some(file));
        }
        crate::sys::clock::pause(INSTANT);
    }
    Ok(None)
}

/// Writes who we are. It only explains, so a failure to write it does not matter.
fn say(mut lock: &File, text: &HolderText) {
    let mut lines = vec![
        format!("pid={}", process::own_pid()),
        format!("boot={}", process::boot_id()),
        format!("operator={}", text.operator.replace(['\n', '\r'], " ")),
        format!("since={}", text.since.to_rfc3339_opts(SecondsFormat::Millis, true)),
    ];
    lines.extend(text.ticket.as_ref().map(|ticket| format!("ticket={ticket}")));
    lines.extend(text.phase.map(|phase| format!("phase={phase}")));
    let _ = lock
        .set_len(0)
        .and_then(|()| lock.seek(SeekFrom::Start(0)))
        .and_then(|_| lock.write_all((lines.join("\n") + "\n").as_bytes()));
}

/// Who holds the lock. Somebody who only tries to take it holds it for a moment, too, and has not said so: then the text
/// is that of a runner that is gone, and what it left at work is what holds the host.
pub(super) fn who(ground: &Ground) -> Holder {
    let said = holder(ground);
    if said.pid.is_some_and(|pid| process::start_time(pid).is_some()) {
        return said;
    }
    let left = work::left(&ground.layout, said.ticket.as_ref());
    if left.is_empty() { Holder::default() } else { Holder { left, ..said } }
}

/// What the lock's text says.
pub(super) fn holder(ground: &Ground) -> Holder {
    let Ok(Some(bytes)) = ground.workspace.read(&ground.layout.host_lock(), 4096) else {
        return Holder::default();
    };
    let text = String::from_utf8_lossy(&bytes);
    let value = |key: &str| {
        text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('=')).map(str::to_owned)
    };
    Holder {
        pid: value("pid").and_then(|pid| pid.parse().ok()),
        operator: value("operator"),
        since: value("since").and_then(|at| at.parse().ok()),
        ticket: value("ticket").and_then(|ticket| ticket.parse().ok()),
        phase: value("phase").and_then(|phase| phase.parse().ok()),
        left: Vec::new(),
    }
}

/// Whether a runner lives: the lock cannot be shared right now.
///
/// # Errors
/// When that cannot be asked.
pub(super) fn is_held(ground: &Ground) -> Result<bool, StoreError> {
    is_taken(ground, &ground.layout.host_lock())
}

/// Whether work of a runner lives, with or without its runner.
///
/// # Errors
/// As [`is_held`].
pub(super) fn is_worked_on(ground: &Ground) -> Result<bool, StoreError> {
    is_taken(ground, &ground.layout.host_fence())
}

/// The runner that is gone, and its steps that are not.
pub(super) fn outlived(ground: &Ground) -> Holder {
    let said = holder(ground);
    Holder { left: work::left(&ground.layout, said.ticket.as_ref()), ..said }
}

fn is_taken(ground: &Ground, path: &Path) -> Result<bool, StoreError> {
    Ok(match ground.workspace.open(path)? {
        Some(file) => !files::try_share(&file, path)?,
        None => false,
    })
}
