//! `source show|relink`.

use super::call::{Call, now};
use crate::cli::args::{Format, RelinkArgs, SourceVerb};
use crate::cli::error::CliError;
use crate::model::outcome::Ending;
use crate::ops::source;
use crate::report::human::sources;
use crate::report::json;

pub(super) fn source(call: &Call<'_>, verb: &SourceVerb) -> Result<Ending, CliError> {
    match verb {
        SourceVerb::Show => show(call),
        SourceVerb::Relink(args) => relink(call, args),
    }
}

fn show(call: &Call<'_>) -> Result<Ending, CliError> {
    let view = source::show(&call.host()?)?;
    call.answer(&view, || sources::show(&view, now()))?;
    Ok(Ending::Ok)
}

pub(super) fn relink(call: &Call<'_>, args: &RelinkArgs) -> Result<Ending, CliError> {
    let host = call.host()?;
    let request = args.request();
    match call.act(&args.act, |face| source::relink(&host, &request, args.act.dry_run, face))? {
        Ok(view) => {
            call.print(&match call.format() {
                Format::Human => sources::relinked(&view),
                Format::Json => json::line(&view).map_err(|error| CliError::new(Ending::Internal, error))?,
            });
            Ok(Ending::Ok)
        }
        Err(error) => call.refused(error),
    }
}
