//! Verbs that recover.

use super::call::{Call, now};
use crate::cli::args::{CaptureArgs, CompareArgs, DiagnoseArgs, EvidenceListArgs, EvidenceVerb};
use crate::cli::error::CliError;
use crate::model::outcome::Ending;
use crate::ops::diagnose::{self, Detection};
use crate::ops::evidence;
use crate::report::human;

pub(super) fn diagnose(call: &Call<'_>, args: &DiagnoseArgs) -> Result<Ending, CliError> {
    let host = call.host()?;
    let detection = if args.no_detect { Detection::Leave } else { Detection::Run };
    let view = call.quietly(|face| diagnose::diagnose(&host, &args.release, detection, face))??;
    call.answer(&view, || human::diagnosis::diagnosis(&view, now()))?;
    Ok(Ending::Ok)
}

pub(super) fn evidence(call: &Call<'_>, verb: EvidenceVerb) -> Result<Ending, CliError> {
    match verb {
        EvidenceVerb::Capture(args) => capture(call, &args),
        EvidenceVerb::List(args) => list(call, &args),
        EvidenceVerb::Compare(args) => compare(call, &args),
    }
}

fn capture(call: &Call<'_>, args: &CaptureArgs) -> Result<Ending, CliError> {
    let host = call.host()?;
    let symptom = args.symptom.as_deref();
    call.change(&args.act, |face| evidence::capture(&host, &args.of.of(), symptom, args.act.dry_run, face))
}

fn list(call: &Call<'_>, args: &EvidenceListArgs) -> Result<Ending, CliError> {
    let host = call.host()?;
    let rows = evidence::list(&host, &args.of.of())?;
    call.answer(&rows, || human::evidence::list(&rows, now()))?;
    let sound = rows.iter().all(|row| row.trouble.is_none());
    Ok(if sound { Ending::Ok } else { Ending::Damaged })
}

fn compare(call: &Call<'_>, args: &CompareArgs) -> Result<Ending, CliError> {
    let host = call.host()?;
    let diff = evidence::compare(&host, &args.before, &args.after)?;
    call.answer(&diff, || human::evidence::compared(&diff))?;
    Ok(if diff.rows.is_empty() { Ending::Ok } else { Ending::Differs })
}
