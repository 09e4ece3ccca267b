//! From the arguments to the exit status, whatever happens in between.

use std::ffi::{OsStr, OsString};
use std::io::{self, BufRead, Read};
use std::panic::{self, PanicHookInfo};
use std::path::Path;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{FromArgMatches, ValueEnum};

use super::args::{self, Cli, ColorWhen, Format};
use super::dispatch;
use super::error::CliError;
use super::exit_code;
use super::terminal::{Terminal, To};
use crate::model::outcome::Ending;
use crate::ops::rollout::FLEET;
use crate::ops::{demo, rollout, spawn};
use crate::report::json;
use crate::report::text::{Ink, clean_lines};
use crate::sys::{process, supervise};

/// The hidden word under which the demo runs its services by this binary.
const DEMO_SERVICE: &str = "__demo-service";

/// Parses, acts, prints; a panic becomes exit status 70 with what to report.
pub fn main() -> ExitCode {
    panic::set_hook(Box::new(report_defect));
    let code = panic::catch_unwind(|| run(std::env::args_os())).unwrap_or(exit_code::of(Ending::Internal));
    ExitCode::from(code)
}

/// Everything but the panic handling; the first argument is the program's own name.
fn run(args: impl IntoIterator<Item = OsString>) -> u8 {
    let args = in_other_words(spoken_for(args.into_iter().collect()));
    match args.get(1).and_then(|verb| verb.to_str()) {
        Some(DEMO_SERVICE) => return demo_service(&args[2..]),
        Some(supervise::STEP) => return step(&args[2..]),
        Some(FLEET) => return told(&args[2..]),
        Some(rollout::CARRY) => return carried(&args[2..]),
        _ => {}
    }
    let cli = match parse(&args) {
        Ok(cli) => cli,
        Err(error) => return misuse(&error, &args),
    };
    let terminal = Terminal::new(&cli.global);
    let format = cli.global.format();
    let answers_only = cli.verb.answers_only();
    match dispatch::dispatch(cli, &terminal) {
        Ok(code) => {
            let lost = terminal.answer_lost().filter(|_| answers_only);
            lost.map_or(code, |kind| {
                let message = format!("standard output does not take the answer: {kind}");
                print_error(&terminal, Format::Human, &CliError::new(Ending::Failed, message))
            })
        }
        Err(error) => print_error(&terminal, format, &error),
    }
}

/// A command line that the HTTP server runs for somebody names them first: whoever is asked who acts is told so.
fn spoken_for(args: Vec<OsString>) -> Vec<OsString> {
    match &args[..] {
        [program, word, name, rest @ ..] if word == spawn::FOR => {
            process::speak_for(&name.to_string_lossy());
            [std::slice::from_ref(program), rest].concat()
        }
        _ => args,
    }
}

/// Where the verb stands among the arguments: the first that is neither an option nor its value.
fn verb_at(args: &[OsString]) -> usize {
    let mut at = 1;
    while let Some(word) = args.get(at).and_then(|word| word.to_str()).filter(|word| word.starts_with('-')) {
        at += if matches!(word, "-C" | "--format" | "--color") { 2 } else { 1 };
    }
    at
}

/// `help` and `help VERB` are how many programs are asked: the same as `--help` behind it.
fn in_other_words(mut args: Vec<OsString>) -> Vec<OsString> {
    let at = verb_at(&args);
    if args.get(at).is_some_and(|word| word == "help") {
        args.remove(at);
        args.push("--help".into());
    }
    args
}

/// Putting together what is not typed takes as long as the answer: first the verb alone is asked, all of them only for what to say
/// of a mistake, and the help that a person reads only for those who see it.
fn parse(args: &[OsString]) -> Result<Cli, clap::Error> {
    let shows_help = |error: &clap::Error| {
        matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand)
    };
    // Taking a command apart takes as long as the parsing did, and the process ends soon.
    let matches_of = |mut command: clap::Command| {
        let matches = command.try_get_matches_from_mut(args);
        std::mem::forget(command);
        matches
    };
    let verb = args.get(verb_at(args)).and_then(|word| word.to_str());
    let matches = match verb.and_then(args::command_of).map(matches_of) {
        Some(Ok(matches)) => return Cli::from_arg_matches(&matches),
        _ => matches_of(args::parsing_command()),
    };
    let matches = match matches {
        Err(error) if shows_help(&error) => args::command().try_get_matches_from(args),
        matches => matches,
    };
    matches.and_then(|matches| Cli::from_arg_matches(&matches))
}

/// A service of the demo: its arguments are its script's, not a person's.
fn demo_service(args: &[OsString]) -> u8 {
    let words: Vec<String> = args.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    match demo::serve(&words) {
        Ok(()) => exit_code::of(Ending::Ok),
        Err(error) => {
            print_error(&Terminal::with_color(ColorWhen::Auto), Format::Human, &CliError::from(error))
        }
    }
}

/// Bytes of an offer.
const OFFER: u64 = 1 << 20;

/// A rollout tells this host something, each time in a line, for as long as it likes: each answer is a line, too.
fn told(args: &[OsString]) -> u8 {
    let terminal = Terminal::with_color(ColorWhen::Never);
    let folder = Path::new(args.first().map_or(OsStr::new("."), OsString::as_os_str));
    let mut words = io::stdin().lock();
    loop {
        let mut word = Vec::new();
        // Whoever says more in a line is no coordinator; what does not end is no offer, and is refused as that.
        match words.by_ref().take(OFFER).read_until(b'\n', &mut word) {
            Ok(0) => return exit_code::of(Ending::Ok),
            Ok(_) => {}
            Err(error) => {
                return print_error(&terminal, Format::Human, &CliError::new(Ending::Failed, error));
            }
        }
        let answer = rollout::tell(folder, &word).map_err(CliError::from);
        let line = answer
            .and_then(|answer| json::line(&answer).map_err(|error| CliError::new(Ending::Internal, error)));
        match line {
            Ok(line) => terminal.write(To::Out, &line),
            Err(error) => return print_error(&terminal, Format::Human, &error),
        }
        if terminal.is_gone() {
            return exit_code::of(Ending::Failed);
        }
    }
}

/// What a rollout told is carried out: what it prints nobody reads, what became of it stands in the host's own records.
fn carried(args: &[OsString]) -> u8 {
    let folder = Path::new(args.first().map_or(OsStr::new("."), OsString::as_os_str));
    match rollout::carry(folder) {
        Ok(()) => exit_code::of(Ending::Ok),
        Err(error) => {
            print_error(&Terminal::with_color(ColorWhen::Never), Format::Human, &CliError::from(error))
        }
    }
}

/// The shim of a step: what it prints, the step's own folder keeps.
fn step(args: &[OsString]) -> u8 {
    match supervise::step(args) {
        Ok(()) => exit_code::of(Ending::Ok),
        Err(error) => {
            let error = CliError::new(Ending::Internal, format!("a step could not be watched: {error}"));
            print_error(&Terminal::with_color(ColorWhen::Never), Format::Human, &error)
        }
    }
}

/// The one printer of errors.
fn print_error(terminal: &Terminal, format: Format, error: &CliError) -> u8 {
    match format {
        Format::Human => terminal.write(To::Err, &error.render()),
        Format::Json => match json::line(&error.json()) {
            Ok(line) => terminal.write(To::Out, &line),
            Err(_) => terminal.write(To::Err, &error.render()),
        },
    }
    error.exit_code()
}

/// Help and version are answers; everything else that clap says is exit status 2.
fn misuse(error: &clap::Error, args: &[OsString]) -> u8 {
    let terminal = Terminal::with_color(color_wanted(args));
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            terminal.write(To::Out, &error.render().ansi().to_string());
            exit_code::of(Ending::Ok)
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            terminal.write(To::Err, &error.render().ansi().to_string());
            exit_code::of(Ending::Usage)
        }
        _ if wants_json(args) => {
            let text = error.render().to_string();
            let message = text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
            print_error(&terminal, Format::Json, &CliError::usage(message).hint("holdpoint --help"))
        }
        _ => {
            terminal.write(To::Err, &misuse_text(&error.render().to_string()));
            exit_code::of(Ending::Usage)
        }
    }
}

/// What clap says, with the words that were typed made harmless.
fn misuse_text(text: &str) -> String {
    clean_lines(text).fold(String::new(), |out, line| match line.strip_prefix("error:") {
        Some(rest) => format!("{out}{}{rest}\n", Ink::Bad.paint("error:")),
        None => format!("{out}{line}\n"),
    })
}

/// The wish for colour on a command line that was not parsed to its end: the last one counts.
fn color_wanted(args: &[OsString]) -> ColorWhen {
    let words: Vec<&str> =
        args.iter().filter_map(|arg| arg.to_str()).take_while(|word| *word != "--").collect();
    let joined = words.iter().filter_map(|word| word.strip_prefix("--color="));
    let apart = words.windows(2).filter(|pair| pair[0] == "--color").map(|pair| pair[1]);
    let when = joined.chain(apart).last().and_then(|word| ColorWhen::from_str(word, false).ok());
    when.unwrap_or(ColorWhen::Auto)
}

/// Whether JSON was asked for on a command line that could not be parsed.
fn wants_json(args: &[OsString]) -> bool {
    let words: Vec<&str> =
        args.iter().filter_map(|arg| arg.to_str()).take_while(|word| *word != "--").collect();
    words.iter().any(|word| matches!(*word, "--json" | "--format=json"))
        || words.windows(2).any(|pair| pair == ["--format", "json"])
}

/// Printed from wherever the panic happens, so that no thread's defect is silent.
fn report_defect(info: &PanicHookInfo<'_>) {
    let payload = info.payload();
    let what = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned());
    let place = info.location().map_or("somewhere".to_owned(), ToString::to_string);
    let version = env!("CARGO_PKG_VERSION");
    let error =
        CliError::new(Ending::Internal, format!("holdpoint {version} has a defect at {place}: {what}"))
            .hint("a release that was under way is recorded and resumable: `holdpoint list`")
            .hint("please report the line above with the output of `holdpoint doctor`");
    Terminal::with_color(ColorWhen::Auto).write(To::Err, &error.render());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn json_is_seen_on_a_command_line_that_does_not_parse() {
        assert!(wants_json(&words("holdpoint --json frob")));
        assert!(wants_json(&words("holdpoint frob --format json")));
        assert!(wants_json(&words("holdpoint frob --format=json")));
        assert!(!wants_json(&words("holdpoint once k -- x --json")));
        assert!(!wants_json(&words("holdpoint frob --format human")));
    }

    #[test]
    fn help_is_asked_for_in_other_words_too() {
        let meant = |line: &str| in_other_words(words(line)).join(&OsString::from(" "));
        assert_eq!(meant("holdpoint help"), "holdpoint --help");
        assert_eq!(
            meant("holdpoint --color never -C /x help backup take"),
            "holdpoint --color never -C /x backup take --help"
        );
        for untouched in ["holdpoint run help", "holdpoint", "holdpoint -v", "holdpoint once help -- x"] {
            assert_eq!(meant(untouched), untouched);
        }
    }

    #[test]
    fn the_wish_for_colour_reaches_what_was_not_parsed() {
        for (line, wish) in [
            ("holdpoint --color never frob", ColorWhen::Never),
            ("holdpoint frob --color=always", ColorWhen::Always),
            ("holdpoint --color", ColorWhen::Auto),
            ("holdpoint once k -- x --color=never", ColorWhen::Auto),
        ] {
            assert_eq!(color_wanted(&words(line)), wish, "{line}");
        }
    }

    #[test]
    fn typed_escapes_do_not_come_back_raw() {
        let shown = misuse_text("error: invalid value '\u{1b}[2J' for '<TICKET>'\n\nUsage: x\n");
        let plain = anstream::adapter::strip_str(&shown).to_string();
        assert_eq!(plain, "error: invalid value '\\u{1b}[2J' for '<TICKET>'\n\nUsage: x\n");
    }
}
