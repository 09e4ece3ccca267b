//! `backup take|list|verify|restore|prune`.

use super::call::Call;
use crate::cli::args::{BackupVerb, PruneArgs, RestoreArgs, TakeArgs, VerifySetArgs};
use crate::cli::error::CliError;
use crate::model::outcome::Ending;
use crate::model::request::{BackupRestoreRequest, BackupTakeRequest};
use crate::ops::backup;
use crate::report::human::backups;

pub(super) fn backup(call: &Call<'_>, verb: BackupVerb) -> Result<Ending, CliError> {
    match verb {
        BackupVerb::Take(args) => take(call, args),
        BackupVerb::List(args) => list(call, &args),
        BackupVerb::Verify(args) => verify(call, &args),
        BackupVerb::Restore(args) => restore(call, args),
        BackupVerb::Prune(args) => prune(call, &args),
    }
}

fn take(call: &Call<'_>, args: TakeArgs) -> Result<Ending, CliError> {
    let host = call.host()?;
    let request =
        BackupTakeRequest { services: args.services, accept_small_backup: args.accept_small_backup };
    call.side_run(&args.act, |face| backup::take(&host, &request, args.act.dry_run, face))
}

fn list(call: &Call<'_>, args: &VerifySetArgs) -> Result<Ending, CliError> {
    let host = call.host()?;
    let mut rows = backup::list(&host, args.service.as_ref())?;
    rows.retain(|row| args.stamp.as_ref().is_none_or(|stamp| row.stamp == *stamp));
    if let Some(stamp) = args.stamp.as_ref().filter(|_| rows.is_empty()) {
        return Err(backup::no_set(args.service.as_ref(), stamp).into());
    }
    call.answer(&rows, || backups::list(&rows))?;
    Ok(Ending::Ok)
}

fn verify(call: &Call<'_>, args: &VerifySetArgs) -> Result<Ending, CliError> {
    let host = call.host()?;
    let rows = backup::verify(&host, args.service.as_ref(), args.stamp.as_ref())?;
    call.answer(&rows, || backups::verified(&rows))?;
    let sound = rows.iter().all(|row| row.findings.is_empty());
    Ok(if sound { Ending::Ok } else { Ending::Damaged })
}

fn restore(call: &Call<'_>, args: RestoreArgs) -> Result<Ending, CliError> {
    let host = call.host()?;
    let request = BackupRestoreRequest {
        service: args.service,
        stamp: args.stamp,
        discard_writes: args.discard_writes,
    };
    call.side_run(&args.act, |face| backup::restore(&host, &request, args.act.dry_run, face))
}

fn prune(call: &Call<'_>, args: &PruneArgs) -> Result<Ending, CliError> {
    let host = call.host()?;
    call.change(&args.act, |face| backup::prune(&host, &args.services, args.act.dry_run, face))
}
