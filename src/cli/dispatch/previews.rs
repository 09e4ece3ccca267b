//! `preview up|list|cleanup`.

use super::call::Call;
use crate::cli::args::{Act, Format, PreviewCleanupArgs, PreviewUpArgs, PreviewVerb};
use crate::cli::error::CliError;
use crate::model::outcome::Ending;
use crate::ops::preview;
use crate::report::human::previews;
use crate::report::json;

pub(super) fn preview(call: &Call<'_>, verb: &PreviewVerb) -> Result<Ending, CliError> {
    match verb {
        PreviewVerb::Up(args) => up(call, args),
        PreviewVerb::List => list(call),
        PreviewVerb::Cleanup(args) => cleanup(call, args),
    }
}

fn up(call: &Call<'_>, args: &PreviewUpArgs) -> Result<Ending, CliError> {
    let host = call.host()?;
    let request = args.request();
    call.side_run(&args.act, |face| preview::up(&host, &request, args.act.dry_run, face))
}

fn list(call: &Call<'_>) -> Result<Ending, CliError> {
    let rows = preview::list(&call.host()?)?;
    call.answer(&rows, || previews::list(&rows))?;
    Ok(Ending::Ok)
}

pub(super) fn cleanup(call: &Call<'_>, args: &PreviewCleanupArgs) -> Result<Ending, CliError> {
    let id = args.id.of();
    if let Some(other) = args.confirm.as_ref().filter(|confirm| **confirm != id.to_string()) {
        let shown: String = other.chars().take(80).flat_map(char::escape_debug).collect();
        let message = format!("`--confirm {shown}` is not the preview that is meant: `{id}`");
        return Err(
            CliError::usage(message).hint(format!("holdpoint preview cleanup {} --confirm {id}", id.typed()))
        );
    }
    let host = call.host()?;
    let act = Act { yes: args.act.yes || args.confirm.is_some(), ..args.act.clone() };
    match call.act(&act, |face| preview::cleanup(&host, &id, act.dry_run, face))? {
        Ok((_, Some((view, Some(proof))))) => {
            call.print(&match call.format() {
                Format::Human => previews::cleaned(&proof),
                Format::Json => json::line(&proof).map_err(|error| CliError::new(Ending::Internal, error))?,
            });
            Ok(view.ending)
        }
        Ok((_, Some((view, None)))) => call.last_words(&view),
        Ok((decision, None)) => call.decision(&decision, |_| None),
        Err(error) => call.refused(error),
    }
}
