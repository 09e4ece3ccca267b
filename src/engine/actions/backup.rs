//! Takes one backup entry: quiet the writers, read, check, hash, and close the set after its last entry.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use crate::drivers::backup::{self, BackupError};
use crate::engine::failure::{Failure, INTERRUPTED};
use crate::model::backup::{BackupEntry, BackupJob, TakeMethod};
use crate::model::event::Progress;
use crate::model::gather::Gather;
use crate::model::projection::field;
use crate::model::quantity::ByteSize;
use crate::model::spec::CommandSpec;
use crate::sys::files;
use crate::sys::supervise::{Part, Tick, TickAnswer};

use super::commands::{Files, run_one};
use super::effects::{Effects, Work};

/// Takes the entry; the set gets its name and counts only when its last entry is verified.
pub(super) fn take(work: Work<'_>, job: &BackupJob) -> Result<Effects, Failure> {
    let context = work.context;
    let clock = &context.clock;
    let began = clock.monotonic();
    let folder = context.sets.entry_folder(context.store, job, clock.now())?;
    let read = quietly(work, job, || read(work, job, &folder));
    let command = match read {
        Ok(command) => command,
        Err(failure) => {
            // The safety net must not be what fills the disk: what was written so far goes at once.
            context.sets.drop_set(&job.service)?;
            return Err(failure);
        }
    };
    let hashes = files::hash_tree(&folder)?;
    let bytes = hashes.iter().map(|hash| hash.bytes).sum();
    if let Some(least) = job.at_least.filter(|least| bytes < *least) {
        context.sets.drop_set(&job.service)?;
        let summary = format!(
            "backup of {} is only {}; from the last good one at least {} was expected",
            job.source,
            ByteSize(bytes),
            ByteSize(least)
        );
        let hint =
            "look at the source; if it really became smaller: the same command with `--accept-small-backup`";
        return Err(Failure::new("backup-truncated", summary).hint(hint));
    }
    let entry = BackupEntry {
        number: job.number,
        kind: job.kind.clone(),
        source: job.source.clone(),
        bytes,
        ms: u64::try_from(clock.monotonic().saturating_sub(began).as_millis()).unwrap_or(u64::MAX),
        verified: true,
        command,
        files: hashes.into_iter().map(|hash| (hash.path, hash.sha256)).gather(),
    };
    let finished = context.sets.add(context.store, job, entry, clock.now())?;
    let effects = Effects::default().msg(format!("{} of {}", ByteSize(bytes), job.source));
    Ok(match finished {
        Some(stamp) => effects.detail(field::BACKUP, stamp.as_str()),
        None => effects,
    })
}

/// Runs `before`, the work, and `after` whatever happened. The work's own failure counts before that of `after`.
fn quietly<T>(
    work: Work<'_>,
    job: &BackupJob,
    inside: impl FnOnce() -> Result<T, Failure>,
) -> Result<T, Failure> {
    let run_all = |commands: &[CommandSpec]| {
        commands
            .iter()
            .try_for_each(|c| run_one(work, c, Part::One, &Files::default(), &mut |_| TickAnswer::Go))
    };
    let result = run_all(&job.before).and_then(|()| inside());
    let woken = run_all(&job.after);
    let value = result?;
    woken.map_err(|failure| {
        let summary = format!("`{}` could not be woken after its backup: {}", job.service, failure.summary);
        Failure { summary, ..failure }
    })?;
    Ok(value)
}

/// Reads the data into the entry's folder and judges its format. Returns the command that produced it, if one did.
fn read(work: Work<'_>, job: &BackupJob, folder: &Path) -> Result<Option<String>, Failure> {
    let mut guard = Guard { work, job, folder: folder.to_path_buf(), shown: 0 };
    match &job.method {
        TakeMethod::Tree { paths } => {
            let archive = folder.join("tree.tar");
            backup::take_tree(paths, &archive, &mut |bytes| guard.bytes(bytes))
                .map_err(|e| guard.failed(&e))?;
            backup::check_tree(&archive).map_err(|e| guard.failed(&e))?;
            Ok(None)
        }
        TakeMethod::Sqlite { path } => {
            let copy = folder.join("database.sqlite");
            backup::take_sqlite(path, &copy, &mut |bytes| guard.bytes(bytes))
                .map_err(|e| guard.failed(&e))?;
            backup::check_sqlite(&copy).map_err(|e| guard.failed(&e))?;
            Ok(None)
        }
        TakeMethod::Config { file, names } => {
            let copy = folder.join("config.env");
            backup::take_config(file, names, &copy).map_err(|e| guard.failed(&e))?;
            backup::check_config(&copy).map_err(|e| guard.failed(&e))?;
            Ok(None)
        }
        TakeMethod::Stream { file, produce, check } => {
            let target = folder.join(file);
            let payload = Files { backup: Some(target), env: Vec::new() };
            run_one(work, produce, Part::One, &payload, &mut |tick| guard.tick(tick))
                .map_err(|f| guard.ended(f))?;
            if let Some(check) = check {
                run_one(work, check, Part::Look, &payload, &mut |_| TickAnswer::Go).map_err(|failure| {
                    let summary = format!("backup of {} is not readable: {}", job.source, failure.summary);
                    Failure { reason: "backup-unreadable", summary, ..failure }
                })?;
            }
            Ok(Some(shlex::try_join(produce.argv.iter().map(String::as_str)).unwrap_or_default()))
        }
        TakeMethod::Custom { take, check } => {
            let env = vec![("HOLDPOINT_BACKUP_DIR".to_owned(), folder.display().to_string())];
            let payload = Files { backup: None, env };
            run_one(work, take, Part::One, &payload, &mut |tick| guard.tick(tick))
                .map_err(|f| guard.ended(f))?;
            run_one(work, check, Part::Look, &payload, &mut |_| TickAnswer::Go)?;
            Ok(Some(shlex::try_join(take.argv.iter().map(String::as_str)).unwrap_or_default()))
        }
    }
}

/// Watches a backup grow, and ends it before the disk is full for everybody.
struct Guard<'a> {
    work: Work<'a>,
    job: &'a BackupJob,
    folder: PathBuf,
    shown: u64,
}

/// How many bytes may be written between two looks at the disk.
const LOOK_EVERY: u64 = 8 << 20;

impl Guard<'_> {
    fn bytes(&mut self, written: u64) -> ControlFlow<()> {
        if written < self.shown.saturating_add(LOOK_EVERY) {
            return ControlFlow::Continue(());
        }
        self.shown = written;
        let step = self.work.step.name.clone();
        self.work.recorder.progress(&Progress::Bytes { step, written });
        if self.is_below_floor() || self.work.context.stop.level() > 0 {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    fn tick(&mut self, tick: &Tick) -> TickAnswer {
        let step = self.work.step.name.clone();
        if tick.stdout_bytes != self.shown {
            self.shown = tick.stdout_bytes;
            self.work.recorder.progress(&Progress::Bytes { step, written: tick.stdout_bytes });
        }
        if self.is_below_floor() { TickAnswer::End } else { TickAnswer::Go }
    }

    fn is_below_floor(&self) -> bool {
        files::disk_space(&self.folder).is_ok_and(|space| space.free < self.job.floor)
    }

    fn failed(&self, error: &BackupError) -> Failure {
        if matches!(error, BackupError::Stopped) {
            if let Some(signal) = self.work.context.stop.signal() {
                let summary = format!("backup of {} was ended because you asked to stop", self.job.source);
                return Failure::new(INTERRUPTED, summary).rc(signal.exit_status());
            }
            return self.full();
        }
        if self.is_below_floor() {
            return self.full();
        }
        let mut failure = Failure::new("backup", format!("backup of {} failed: {error}", self.job.source));
        let mut source = std::error::Error::source(error);
        while let Some(cause) = source {
            failure.causes.push(cause.to_string());
            source = cause.source();
        }
        failure
    }

    fn ended(&self, failure: Failure) -> Failure {
        if failure.reason == "ended" || self.is_below_floor() {
            return self.full();
        }
        let summary = format!("backup of {} failed: {}", self.job.source, failure.summary);
        Failure { summary, ..failure }
    }

    fn full(&self) -> Failure {
        let floor = ByteSize(self.job.floor);
        let summary =
            format!("backup of {} was ended: less than {floor} would have stayed free", self.job.source);
        Failure::new("disk", summary).hint(
            "free space, then run the same command again; `holdpoint backup list` shows what older sets take",
        )
    }
}
