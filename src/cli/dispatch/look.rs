//! Verbs that look and change nothing.

use super::call::{Call, now};
use crate::cli::args::{
    Act, CheckArgs, DoctorArgs, DriftArgs, Format, ListArgs, LogArgs, LogsArgs, ReportArgs, StateArgs,
    StatusArgs,
};
use crate::cli::error::CliError;
use crate::cli::terminal::To;
use crate::cli::watch::watched;
use crate::model::outcome::Ending;
use crate::model::release::ReleaseState;
use crate::model::request::LogLines;
use crate::model::view::Verdict;
use crate::ops::inspect::{self, Index, Which};
use crate::ops::{check, diff, doctor, guard};
use crate::report::html;
use crate::report::human::{self, events, host as posture, releases, setup};
use crate::report::json;
use crate::report::text::clean;
use crate::sys::files;
use crate::sys::process::GoOn;
use crate::sys::signal::Stop;

pub(super) fn list(call: &Call<'_>, args: &ListArgs) -> Result<Ending, CliError> {
    let host = call.host()?;
    let which = if args.all { Which::All } else { Which::Recent };
    let index = if args.reindex { Index::Rebuild } else { Index::AsIs };
    let listing = inspect::list(&host, which, index)?;
    for note in &listing.notes {
        call.terminal.write(To::Err, &format!("{}\n", clean(note)));
    }
    call.answer(&listing.rows, || releases::list(&listing.rows, now()))?;
    // A hundred thousand rows take longer to take apart than to look up, and the process ends now.
    std::mem::forget(listing);
    Ok(Ending::Ok)
}

pub(super) fn state(call: &Call<'_>, args: &StateArgs) -> Result<Ending, CliError> {
    let host = call.host()?;
    if args.export {
        call.print(&inspect::export(&host, &args.ticket)?);
        return Ok(Ending::Ok);
    }
    let view = inspect::state(&host, &args.ticket)?;
    call.answer(&view, || releases::state(&view, now()))?;
    Ok(Ending::Ok)
}

pub(super) fn log(call: &Call<'_>, args: &LogArgs) -> Result<Ending, CliError> {
    let host = call.host()?;
    if args.follow {
        let stop = Stop::install().map_err(|error| CliError::new(Ending::Failed, error))?;
        let followed = watched(call.terminal, call.format(), |watcher| {
            inspect::follow(&host, &args.ticket, 0, watcher, &stop)
        });
        let ending = followed?;
        if call.format() == Format::Human && stop.level() == 0 {
            let view = inspect::state(&host, &args.ticket)?;
            call.print(&("\n".to_owned() + &releases::state(&view, now())));
        }
        return Ok(ending);
    }
    if args.verify {
        let view = inspect::verify(&host, &args.ticket)?;
        call.answer(&view.verification, || {
            view.verification.as_ref().map(releases::verified).unwrap_or_default()
        })?;
        let sound = view.verification.is_some_and(|verification| verification.findings.is_empty());
        return Ok(if sound { Ending::Ok } else { Ending::Damaged });
    }
    let view = inspect::log(&host, &args.ticket, 0)?;
    match call.format() {
        Format::Human => call.print(&events::table(&view.events)),
        Format::Json => {
            let lines: Result<Vec<String>, _> = view.events.iter().map(json::line).collect();
            call.print(&lines.map_err(|error| CliError::new(Ending::Internal, error))?.concat());
        }
    }
    Ok(Ending::Ok)
}

pub(super) fn report(call: &Call<'_>, args: &ReportArgs) -> Result<Ending, CliError> {
    let host = call.host()?;
    let view = inspect::report(&host, &args.ticket)?;
    let page = html::render(&view);
    if args.output.as_os_str() == "-" {
        call.print(&page);
        return Ok(Ending::Ok);
    }
    let file =
        if args.output.is_absolute() { args.output.clone() } else { call.folder()?.join(&args.output) };
    let shown = args.output.display().to_string();
    if let Some(folder) = file.parent().filter(|folder| !files::is_folder(folder)) {
        // Said before a file beside it is tried, whose name nobody typed.
        let message = format!("`{}` cannot be written: there is no folder `{}`", shown, folder.display());
        return Err(
            CliError::usage(message).hint("name a file in a folder that is there: `-o FILE`, or `-o -`")
        );
    }
    files::save_atomic(&file, page.as_bytes(), 0o640).map_err(|error| {
        CliError::new(Ending::Failed, error).hint("name another file: `-o FILE`; `-o -` prints it")
    })?;
    call.answer(&serde_json::json!({ "wrote": shown }), || format!("wrote {}\n", clean(&shown)))?;
    Ok(Ending::Ok)
}

pub(super) fn check(call: &Call<'_>, args: &CheckArgs) -> Result<Ending, CliError> {
    let host = call.host()?;
    if args.guard {
        let view = guard::guard(&host)?;
        call.answer(&view, || human::guard::guard(&view))?;
        return Ok(if view.passed { Ending::Ok } else { Ending::Refused });
    }
    if let Some(reference) = &args.diff {
        let view = diff::diff(&host, reference)?;
        call.answer(&view, || setup::diff(&view, reference))?;
        return Ok(if view.is_empty() { Ending::Ok } else { Ending::Differs });
    }
    call.decision(&check::check(&host, args.ticket.as_ref(), args.incoming.as_ref())?, |_| None)
}

pub(super) fn status(call: &Call<'_>, args: &StatusArgs) -> Result<Ending, CliError> {
    let host = call.host()?;
    let view = inspect::status(&host, &args.services)?;
    call.answer(&view, || posture::status(&view, now()))?;
    Ok(Ending::Ok)
}

pub(super) fn drift(call: &Call<'_>, args: &DriftArgs) -> Result<Ending, CliError> {
    let host = call.host()?;
    let view = inspect::drift(&host)?;
    call.answer(&view, || human::drift::drift(&view))?;
    Ok(if args.check && !view.clean { Ending::Differs } else { Ending::Ok })
}

pub(super) fn doctor(call: &Call<'_>, args: &DoctorArgs) -> Result<Ending, CliError> {
    if args.notify_interrupted {
        let host = call.host()?;
        let told = call.act(&Act::default(), |face| doctor::notify_interrupted(&host, face))??;
        call.answer(&told, || {
            let line = |state: &ReleaseState| format!("{}@{} was interrupted\n", state.ticket, state.attempt);
            told.iter().map(line).collect()
        })?;
        return Ok(Ending::Ok);
    }
    let rows = doctor::doctor(&call.host()?)?;
    call.answer(&rows, || posture::doctor(&rows))?;
    let bad = rows.iter().any(|row| row.verdict == Verdict::Bad);
    Ok(if bad { Ending::Refused } else { Ending::Ok })
}

pub(super) fn logs(call: &Call<'_>, args: &LogsArgs) -> Result<Ending, CliError> {
    let host = call.host()?;
    let since = args.since.map(|since| since.moment(now()));
    let lines = LogLines { tail: args.tail, since, follow: args.follow };
    if args.follow {
        let stop = Stop::install().map_err(|error| CliError::new(Ending::Failed, error))?;
        let mut each = |line: &str| {
            let text = match call.format() {
                Format::Human => clean(line) + "\n",
                Format::Json => json::line(&serde_json::json!({ "service": args.service, "line": line }))
                    .unwrap_or_default(),
            };
            call.print(&text);
            if call.terminal.is_gone() { GoOn::No } else { GoOn::Yes }
        };
        return Ok(inspect::follow_logs(&host, &args.service, &lines, &mut each, &stop)?);
    }
    let lines = inspect::logs(&host, &args.service, &lines)?;
    let answer = serde_json::json!({ "service": args.service, "lines": lines });
    call.answer(&answer, || lines.iter().map(|line| clean(line) + "\n").collect())?;
    Ok(Ending::Ok)
}
