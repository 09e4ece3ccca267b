//! `run`, `revert`, `close`, `approve`, `once`, `return-to-main`, `configure`.

use super::call::Call;
use crate::cli::args::{
    Act, ApproveArgs, CancelArgs, CloseArgs, ConfigureArgs, Format, OnceArgs, ReturnArgs, RevertArgs, RunArgs,
};
use crate::cli::error::CliError;
use crate::cli::exit_code;
use crate::cli::terminal::To;
use crate::model::outcome::Ending;
use crate::model::release::{Approvable, ReleaseState, Status, Trigger};
use crate::ops::once::{self, Once};
use crate::ops::{cancel, playbooks, release};
use crate::report::human::releases::status_ink;
use crate::report::json;
use crate::report::text::clean;

pub(super) fn run(call: &Call<'_>, args: RunArgs) -> Result<Ending, CliError> {
    let act = args.act.clone();
    let request = args.request();
    let host = call.host()?;
    if act.dry_run {
        let from = request.from.map_or(String::new(), |phase| format!(" --from={phase}"));
        return call.decision(&release::check_run(&host, &request)?, |plan| {
            Some(host.typed("run", &format!("{}{from} --plan {}", request.ticket, plan.id)))
        });
    }
    call.run(&act, |face| release::run(&host, &request, face))
}

pub(super) fn revert(call: &Call<'_>, args: RevertArgs) -> Result<Ending, CliError> {
    let act = args.act.clone();
    let request = args.request();
    let host = call.host()?;
    if act.dry_run {
        return call.decision(&release::check_revert(&host, &request)?, |plan| {
            Some(host.typed("revert", &format!("{} --plan {}", request.ticket, plan.id)))
        });
    }
    call.run(&act, |face| release::revert(&host, &request, face))
}

pub(super) fn close(call: &Call<'_>, args: &CloseArgs) -> Result<Ending, CliError> {
    let host = call.host()?;
    let (reason, dry_run) = (args.act.reason.as_deref(), args.act.dry_run);
    if let Some(cause) = &args.cause {
        let closed =
            call.act(&args.act, |face| playbooks::close_cause(&host, &args.ticket, cause, dry_run, face))?;
        return match closed {
            Ok(state) if dry_run => noted(call, &state, "would have no open cause; nothing was changed"),
            Ok(state) => noted(call, &state, "its cause is closed"),
            Err(error) => call.refused(error),
        };
    }
    let closed = call.act(&args.act, |face| release::close(&host, &args.ticket, reason, dry_run, face))?;
    match closed {
        Ok(state) if dry_run => noted(call, &state, "would be closed; nothing was changed"),
        Ok(state) => noted(call, &state, "closed: it will not be resumed, and the host stays as it is"),
        Err(error) => call.refused(error),
    }
}

pub(super) fn approve(call: &Call<'_>, args: &ApproveArgs) -> Result<Ending, CliError> {
    let host = call.host()?;
    let (reason, dry_run) = (args.act.reason.as_deref(), args.act.dry_run);
    let verb = args.verb.map(Approvable::word);
    let approved =
        call.act(&args.act, |face| release::approve(&host, &args.ticket, verb, reason, dry_run, face))?;
    match approved {
        Ok((state, Some(asked))) if dry_run => {
            let what = format!("`{}` would be approved; nothing was changed", asked.wanted.typed);
            noted(call, &state, &what)
        }
        Ok((state, None)) if dry_run => noted(call, &state, "would be approved; nothing was changed"),
        Ok((state, Some(asked))) => {
            let (by, typed) = (&asked.by, &asked.wanted.typed);
            noted(
                call,
                &state,
                &format!("approved what {by} asked for, to be typed now:\n    holdpoint {typed}"),
            )
        }
        Ok((state, None)) if state.trigger == Trigger::Rollback && state.status == Status::Succeeded => {
            noted(call, &state, "approved: releases may go on")
        }
        Ok((state, None)) => {
            let phase = state.approved.unwrap_or(state.phase);
            let next = host.typed("run", &format!("{} --from={phase}", state.ticket));
            noted(call, &state, &format!("approved, to go on:\n    {next}"))
        }
        Err(error) => call.refused(error),
    }
}

pub(super) fn cancel(call: &Call<'_>, args: &CancelArgs) -> Result<Ending, CliError> {
    let CancelArgs { attempt, confirm, act } = args;
    if let Some(other) = confirm.as_ref().filter(|confirm| *confirm != attempt) {
        let message = format!("`--confirm {other}` is not the attempt that would be canceled: `{attempt}`");
        return Err(CliError::usage(message).hint(format!("holdpoint cancel {attempt} --confirm {attempt}")));
    }
    let host = call.host()?;
    let act = Act { yes: act.yes || confirm.is_some(), ..act.clone() };
    match call.act(&act, |face| cancel::cancel(&host, attempt, act.dry_run, face))? {
        Ok(state) if act.dry_run => noted(call, &state, "would be canceled; nothing was changed"),
        Ok(state) => {
            let next = host.typed("state", state.ticket.as_str());
            noted(call, &state, &format!("after the request to cancel; how it stands:\n    {next}"))
        }
        Err(error) => call.refused(error),
    }
}

/// What was recorded of a release without running anything.
pub(super) fn noted(call: &Call<'_>, state: &ReleaseState, what: &str) -> Result<Ending, CliError> {
    let text = match call.format() {
        Format::Human => {
            let status = status_ink(state.status).paint(state.status.word());
            format!("{}@{} ({status}) {what}\n", state.ticket, state.attempt)
        }
        // Below the record, which is a line of its own.
        Format::Json => json::line(state).map_err(|error| CliError::new(Ending::Internal, error))?,
    };
    call.print(&text);
    Ok(Ending::Ok)
}

pub(super) fn return_to_main(call: &Call<'_>, args: &ReturnArgs) -> Result<Ending, CliError> {
    let host = call.host()?;
    call.side_run(&args.act, |face| release::return_to_main(&host, args.act.dry_run, face))
}

pub(super) fn configure(call: &Call<'_>, args: &ConfigureArgs) -> Result<Ending, CliError> {
    let host = call.host()?;
    call.side_run(&args.act, |face| release::configure(&host, &args.service, args.act.dry_run, face))
}

/// Ends with the exit status of the command, so that the script sees what it would see without `once`. What it says
/// itself goes to standard error: the output is the command's.
pub(super) fn once(call: &Call<'_>, args: &OnceArgs) -> Result<u8, CliError> {
    let say =
        |what: &str| call.terminal.write(To::Err, &format!("once {}: {}\n", clean(&args.key), clean(what)));
    let why = || args.act.reason.iter().for_each(|reason| say(reason));
    match once::once(&args.key, &args.command, args.act.dry_run, why)? {
        Once::AlreadyDone if args.act.dry_run => say("is done in this release and would not run"),
        Once::AlreadyDone => {}
        Once::WouldRun => say("would run"),
        Once::Ran(code) => return Ok(u8::try_from(code).unwrap_or(exit_code::of(Ending::Failed))),
    }
    Ok(exit_code::of(Ending::Ok))
}
