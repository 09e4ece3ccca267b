//! The manual pages and the completions, from the same description as `--help`.

use std::io;

use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::args;
use super::error::CliError;
use super::exit_code;
use crate::model::outcome::Ending;

/// The page of the program, or of a verb (`backup take`), as roff.
///
/// # Errors
/// Exit status 2 when there is no such verb.
pub(super) fn page(verb: &[String]) -> Result<String, CliError> {
    let mut command = args::plain_command();
    command.build();
    let mut found = &command;
    for word in verb {
        let unknown =
            || CliError::usage(format!("`{}` is not a verb", word.escape_debug())).hint("holdpoint --help");
        found = found.find_subcommand(word).ok_or_else(unknown)?;
    }
    let examples = found.get_after_help().map(ToString::to_string);
    let man = Man::new(found.clone());
    let mut out = Vec::new();
    let mut write = || -> io::Result<()> {
        man.render_title(&mut out)?;
        man.render_name_section(&mut out)?;
        man.render_synopsis_section(&mut out)?;
        man.render_description_section(&mut out)?;
        man.render_options_section(&mut out)?;
        if found.has_subcommands() {
            man.render_subcommands_section(&mut out)?;
        }
        if let Some(text) = &examples {
            example_section(text).to_writer(&mut out)?;
        }
        exit_status(&verb.join(" ")).to_writer(&mut out)
    };
    write().map_err(|error| CliError::new(Ending::Internal, error))?;
    String::from_utf8(out).map_err(|error| CliError::new(Ending::Internal, error))
}

/// The lines below a verb's `--help`, as they are.
fn example_section(text: &str) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["EXAMPLES"]);
    roff.control("nf", []);
    // The section has that heading already.
    for line in text.lines().filter(|line| !matches!(line.trim(), "Example:" | "Examples:")) {
        roff.text([roman(line.strip_prefix("  ").unwrap_or(line))]);
    }
    roff.control("fi", []);
    roff
}

/// Of the program: all of them; of a verb: those that it can end with.
fn exit_status(verb: &str) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["EXIT STATUS"]);
    let of_verb = args::endings_of(verb);
    let ends = |ending: &Ending| verb.is_empty() || *ending == Ending::Internal || of_verb.contains(ending);
    for ending in Ending::ALL.into_iter().filter(ends) {
        let (word, meaning) = exit_code::meaning(ending);
        roff.control("TP", []);
        roff.text([bold(exit_code::of(ending).to_string())]);
        roff.text([roman(format!("{word}: {meaning}"))]);
    }
    roff
}

/// Completions for a shell, from the same description.
pub(super) fn completions(shell: clap_complete::Shell) -> String {
    let mut out = Vec::new();
    clap_complete::generate(shell, &mut args::plain_command(), "holdpoint", &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_has_a_page_with_the_exit_statuses() {
        let mut command = args::plain_command();
        command.build();
        for verb in command.get_subcommands() {
            let page = page(&[verb.get_name().to_owned()]).unwrap();
            assert!(page.contains(".TH") && page.contains("EXIT STATUS"), "{}", verb.get_name());
        }
        assert!(page(&["backup".to_owned(), "take".to_owned()]).unwrap().contains("EXAMPLES"));
        assert_eq!(page(&["frob".to_owned()]).unwrap_err().exit_code(), 2);
    }

    #[test]
    fn every_shell_has_completions_that_know_the_verbs() {
        for shell in [clap_complete::Shell::Bash, clap_complete::Shell::Zsh, clap_complete::Shell::Fish] {
            let text = completions(shell);
            assert!(text.contains("return-to-main") && text.contains("take-new-commits"), "{shell}");
        }
    }
}
