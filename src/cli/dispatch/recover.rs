//! Verbs that recover.

use super::call::{Call, now};
use crate::cli::args::{
    Act, CaptureArgs, CompareArgs, DiagnoseArgs, EvidenceListArgs, EvidenceShowArgs, EvidenceVerb, Format,
    IncidentActArgs, IncidentVerb, OpenArgs, ResolveArgs,
};
use crate::cli::error::CliError;
use crate::model::incident::{IncidentId, IncidentView};
use crate::model::outcome::Ending;
use crate::ops::diagnose::{self, Detection};
use crate::ops::{Face, Host, OpsError, evidence, incident};
use crate::report::human;
use crate::report::json;

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
        EvidenceVerb::Show(args) => show(call, &args),
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
    let of = args.of.release.as_ref().map_or("--host".to_owned(), ToString::to_string);
    call.answer(&rows, || human::evidence::list(&rows, &of, now()))?;
    let sound = rows.iter().all(|row| row.trouble.is_none());
    Ok(if sound { Ending::Ok } else { Ending::Damaged })
}

fn show(call: &Call<'_>, args: &EvidenceShowArgs) -> Result<Ending, CliError> {
    let view = evidence::show(&call.host()?, &args.bundle)?;
    call.answer(&view, || human::evidence::bundle(&view))?;
    Ok(Ending::Ok)
}

fn compare(call: &Call<'_>, args: &CompareArgs) -> Result<Ending, CliError> {
    let host = call.host()?;
    let diff = evidence::compare(&host, &args.before, &args.after)?;
    call.answer(&diff, || human::evidence::compared(&diff))?;
    Ok(if diff.rows.is_empty() { Ending::Ok } else { Ending::Differs })
}

pub(super) fn incident(call: &Call<'_>, verb: IncidentVerb) -> Result<Ending, CliError> {
    match verb {
        IncidentVerb::Open(args) => open(call, &args),
        IncidentVerb::Capture(args) => look(call, &args, incident::capture),
        IncidentVerb::Verify(args) => look(call, &args, incident::verify),
        IncidentVerb::Resolve(args) => resolve(call, &args),
        IncidentVerb::Show(args) => {
            let view = incident::show(&call.host()?, &args.incident)?;
            call.answer(&view, || human::incident::incident(&view))?;
            Ok(Ending::Ok)
        }
        IncidentVerb::List => {
            let all = incident::list(&call.host()?)?;
            call.answer(&all, || human::incident::list(&all, now()))?;
            Ok(Ending::Ok)
        }
    }
}

fn open(call: &Call<'_>, args: &OpenArgs) -> Result<Ending, CliError> {
    let host = call.host()?;
    let opening = incident::Opening {
        symptom: args.symptom.clone(),
        kind: args.kind,
        path: args.path.clone(),
        probe: args.probe.clone(),
        ticket: args.ticket.clone(),
    };
    acted(call, &args.act, |face| incident::open(&host, &opening, args.act.dry_run, face))
}

fn look(
    call: &Call<'_>,
    args: &IncidentActArgs,
    verb: impl FnOnce(&Host, &IncidentId, bool, Face<'_>) -> Result<IncidentView, OpsError>,
) -> Result<Ending, CliError> {
    let host = call.host()?;
    acted(call, &args.act, |face| verb(&host, &args.incident, args.act.dry_run, face))
}

fn resolve(call: &Call<'_>, args: &ResolveArgs) -> Result<Ending, CliError> {
    let host = call.host()?;
    let ending = incident::Ending { playbook: args.playbook.clone(), path_works: args.path_works };
    acted(call, &args.act, |face| incident::resolve(&host, &args.incident, &ending, args.act.dry_run, face))
}

/// Does it and shows the incident as it stands then.
fn acted(
    call: &Call<'_>,
    act: &Act,
    work: impl FnOnce(Face<'_>) -> Result<IncidentView, OpsError>,
) -> Result<Ending, CliError> {
    match call.act(act, work)? {
        Ok(view) => {
            let text = match call.format() {
                Format::Human => human::incident::incident(&view),
                // Below the records, each of which is a line of its own.
                Format::Json => json::line(&view).map_err(|error| CliError::new(Ending::Internal, error))?,
            };
            call.print(&text);
            Ok(Ending::Ok)
        }
        Err(error) => call.refused(error),
    }
}
