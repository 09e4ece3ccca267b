//! `playbook list|show|match|run|lint|test|new`.

use std::path::Path;

use super::call::Call;
use crate::cli::args::{
    Format, LintArgs, ListPlaybooksArgs, MatchArgs, NewPlaybookArgs, PlaybookVerb, RunPlaybookArgs,
    ShowPlaybookArgs, TestArgs,
};
use crate::cli::error::CliError;
use crate::cli::terminal::To;
use crate::model::lint::CheckedView;
use crate::model::matching::{Symptom, TriedView, Verdict};
use crate::model::outcome::Ending;
use crate::ops::playbooks::{self, Applying};
use crate::report::human::playbooks as shown;
use crate::report::json;
use crate::report::text::clean;
use crate::sys::files;

/// Bytes that are read from standard input.
const INPUT: u64 = 64 << 20;

pub(super) fn playbook(call: &Call<'_>, verb: PlaybookVerb) -> Result<Ending, CliError> {
    match verb {
        PlaybookVerb::List(args) => list(call, &args),
        PlaybookVerb::Show(args) => show(call, &args),
        PlaybookVerb::Match(args) => matching(call, args),
        PlaybookVerb::Run(args) => run(call, &args),
        PlaybookVerb::Lint(args) => lint(call, &args),
        PlaybookVerb::Test(args) => test(call, &args),
        PlaybookVerb::New(args) => new(call, &args),
    }
}

fn list(call: &Call<'_>, args: &ListPlaybooksArgs) -> Result<Ending, CliError> {
    let mut shelf = playbooks::shelf(&call.host()?);
    if let Some(word) = &args.word {
        shelf.playbooks.retain(|known| {
            known.playbook.id.contains(word.as_str()) || known.playbook.tags.iter().any(|tag| tag == word)
        });
    }
    call.answer(&shelf, || shown::list(&shelf))?;
    Ok(Ending::Ok)
}

fn show(call: &Call<'_>, args: &ShowPlaybookArgs) -> Result<Ending, CliError> {
    let known = playbooks::known(&call.host()?, &args.id)?;
    call.answer(&known, || shown::show(&known))?;
    Ok(Ending::Ok)
}

fn matching(call: &Call<'_>, args: MatchArgs) -> Result<Ending, CliError> {
    let host = call.host()?;
    let view = if let Some(ticket) = &args.ticket {
        playbooks::match_ticket(&host, ticket)?
    } else {
        let input = files::read_limited(Path::new("/dev/stdin"), INPUT)
            .map_err(|error| CliError::new(Ending::Usage, error))?;
        let said = host.redactor.redact(&String::from_utf8_lossy(&input));
        let (phase, step, rc, tool) = (args.phase, args.step, args.rc, args.tool);
        let symptom = Symptom { phase, step, rc, tool, told: Vec::new(), said: vec![said] };
        playbooks::match_text(&host, &symptom)
    };
    call.answer(&view, || shown::matches(&view))?;
    Ok(if view.matches.is_empty() { Ending::Nothing } else { Ending::Ok })
}

fn run(call: &Call<'_>, args: &RunPlaybookArgs) -> Result<Ending, CliError> {
    let host = call.host()?;
    let known = playbooks::known(&host, &args.id)?;
    let values = playbooks::placeholders(&host, args.ticket.as_ref(), args.service.as_ref())?;
    let view = playbooks::detect(&host, &known, &values);
    if !args.apply {
        let ending = if view.verdict == Verdict::NotConfirmed { Ending::Differs } else { Ending::Ok };
        let view = TriedView { detection: view, remedy: playbooks::remedy(&known, &values).ok() };
        call.answer(&view, || shown::tried(&view, &known, &values))?;
        return Ok(ending);
    }
    let text = match call.format() {
        Format::Human => shown::detection(&view),
        // Below it come the records, each of which is a line of its own.
        Format::Json => json::line(&view).map_err(|error| CliError::new(Ending::Internal, error))?,
    };
    call.print(&text);
    let applying = Applying {
        known: &known,
        values: &values,
        detected: &view,
        plan: args.plan.as_deref(),
        dry_run: args.act.dry_run,
    };
    call.side_run(&args.act, |face| playbooks::apply(&host, applying, face))
}

fn lint(call: &Call<'_>, args: &LintArgs) -> Result<Ending, CliError> {
    let folder = call.folder()?;
    let named: Vec<_> = args.files.iter().map(|file| folder.join(file)).collect();
    checked(call, &playbooks::lint(&call.host()?, &named)?)
}

fn test(call: &Call<'_>, args: &TestArgs) -> Result<Ending, CliError> {
    let view = playbooks::test(&call.host()?, &args.ids)?;
    if view.samples == 0 && view.findings.is_empty() {
        call.answer(&view, || {
            "no failure is recorded in recovery/samples: there is nothing to test\n".to_owned()
        })?;
        return Ok(Ending::Nothing);
    }
    checked(call, &view)
}

fn checked(call: &Call<'_>, view: &CheckedView) -> Result<Ending, CliError> {
    call.answer(view, || shown::checked(view))?;
    Ok(if view.findings.is_empty() { Ending::Ok } else { Ending::Differs })
}

fn new(call: &Call<'_>, args: &NewPlaybookArgs) -> Result<Ending, CliError> {
    let host = call.host()?;
    let done = call.act(&args.act, |face| playbooks::new(&host, &args.from, args.act.dry_run, face))?;
    let view = match done {
        Ok(view) => view,
        Err(error) => return call.refused(error),
    };
    match call.format() {
        Format::Human => {
            call.print(&view.patch);
            if let Some(wrote) = &view.wrote {
                call.terminal.write(To::Err, &format!("it is kept in {}\n", clean(wrote)));
            }
            call.terminal.write(To::Err, &shown::next(&view.next));
        }
        Format::Json => {
            call.print(&json::line(&view).map_err(|error| CliError::new(Ending::Internal, error))?);
        }
    }
    Ok(Ending::Ok)
}
