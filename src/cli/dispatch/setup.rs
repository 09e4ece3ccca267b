//! Verbs that set up a host or show the program.

use super::call::Call;
use crate::cli::args::{AdoptArgs, DemoArgs, InitArgs, SchemaArgs};
use crate::cli::error::CliError;
use crate::cli::terminal::{Terminal, To};
use crate::model::outcome::Ending;
use crate::ops::demo::{self, Keep, Narrator, Told};
use crate::ops::{schema, setup};
use crate::report::human::story;
use crate::sys::signal::Stop;

pub(super) fn demo(call: &Call<'_>, args: &DemoArgs) -> Result<Ending, CliError> {
    let stop = Stop::install().map_err(|error| CliError::new(Ending::Failed, error))?;
    let keep = if args.keep { Keep::Folder } else { Keep::Nothing };
    let show = if args.fleet { demo::run_fleet } else { demo::run };
    Ok(show(keep, &Aloud { terminal: call.terminal }, &stop)?)
}

pub(super) fn init(call: &Call<'_>, args: &InitArgs) -> Result<Ending, CliError> {
    let folder = call.folder()?;
    call.change(&args.act, |face| setup::init(&folder, args.act.dry_run, face))
}

pub(super) fn adopt(call: &Call<'_>, args: &AdoptArgs) -> Result<Ending, CliError> {
    let host = call.host()?;
    call.change(&args.act, |face| setup::adopt(&host, args.act.dry_run, face))
}

pub(super) fn schema(call: &Call<'_>, args: &SchemaArgs) -> Result<Ending, CliError> {
    call.print(&schema::schema(args.name.word())?);
    Ok(Ending::Ok)
}

/// Tells the demo at the terminal; what its commands print goes there by itself.
struct Aloud<'a> {
    terminal: &'a Terminal,
}

impl Narrator for Aloud<'_> {
    fn tell(&self, what: Told<'_>) {
        let text = match what {
            Told::Heading(text) => story::heading(text),
            Told::Prose(text) => story::prose(text, self.terminal.width().min(100)),
            Told::Command { at, line } => story::typed(at, line),
        };
        self.terminal.write(To::Out, &text);
    }
}
