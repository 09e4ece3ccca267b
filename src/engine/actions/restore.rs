//! Puts one backup entry back: prove it is what was saved, write, and look that it is there.

use std::ops::ControlFlow;

use crate::drivers::backup::{self, BackupError};
use crate::engine::failure::Failure;
use crate::model::backup::{PutMethod, RestoreJob};
use crate::model::event::Progress;
use crate::model::quantity::ByteSize;
use crate::sys::supervise::{Part, TickAnswer};

use super::commands::{Files, run_one};
use super::effects::{Effects, Work};

/// How many differences are named in a failure.
const NAMED: usize = 10;

/// Puts the entry back.
pub(super) fn put(work: Work<'_>, job: &RestoreJob) -> Result<Effects, Failure> {
    let shelf = work.context.store.shelf();
    let folder = shelf.verified_entry(&job.service, &job.stamp, job.number)?;
    let failed = |error: BackupError| {
        let summary = format!("{} could not be put back from {}: {error}", job.source, job.stamp);
        Failure::new("restore", summary)
    };
    let mut shown = 0;
    let mut on_bytes = |written: u64| {
        if written >= shown + (8 << 20) {
            shown = written;
            work.recorder.progress(&Progress::Bytes { step: work.step.name.clone(), written });
        }
        ControlFlow::Continue(())
    };
    match &job.method {
        PutMethod::Tree { paths } => {
            let archive = folder.join("tree.tar");
            let written = backup::put_tree(&archive, paths, &mut on_bytes).map_err(failed)?;
            let differences = backup::compare_tree(&archive, paths).map_err(failed)?;
            if !differences.is_empty() {
                let summary =
                    format!("{} differs from its backup in {} places", job.source, differences.len());
                let line = |d: &backup::Difference| format!("{}: {}", d.path.display(), d.what);
                let causes = differences.iter().take(NAMED).map(line).collect();
                return Err(Failure { causes, ..Failure::new("restore-differs", summary) });
            }
            return Ok(Effects::default().msg(format!("{} of {}", ByteSize(written), job.source)));
        }
        PutMethod::Sqlite { path } => {
            backup::put_sqlite(&folder.join("database.sqlite"), path, &mut on_bytes).map_err(failed)?;
        }
        PutMethod::Config { file, names } => {
            backup::put_config(&folder.join("config.env"), file, names).map_err(failed)?;
        }
        PutMethod::Commands { file, commands } => {
            let payload = Files { backup: Some(folder.join(file)), env: Vec::new() };
            for command in commands {
                run_one(work, command, Part::One, &payload, &mut |_| TickAnswer::Go)?;
            }
        }
        PutMethod::Custom { restore } => {
            let env = vec![("HOLDPOINT_BACKUP_DIR".to_owned(), folder.display().to_string())];
            run_one(work, restore, Part::One, &Files { backup: None, env }, &mut |_| TickAnswer::Go)?;
        }
    }
    Ok(Effects::default().msg(job.source.clone()))
}
