//! Arguments of a verb that are put together only once that verb was typed: a few dozen verbs with all their options take
//! longer to put together than most answers take to find.

use std::cell::Cell;
use std::ops::Deref;

use clap::{ArgMatches, Args, Command, Error, FromArgMatches, Subcommand};

thread_local! {
    /// Whether commands are made for parsing alone, so that what is not typed need not be there.
    static FOR_PARSING: Cell<bool> = const { Cell::new(false) };
}

/// Makes commands in which only the verb that is typed gets its arguments; help, manual pages and completions need all.
pub(super) fn for_parsing<T>(put_together: impl FnOnce() -> T) -> T {
    FOR_PARSING.set(true);
    let made = put_together();
    FOR_PARSING.set(false);
    made
}

/// The arguments, or the verbs, below a verb.
#[derive(Debug, Clone)]
pub struct Late<T>(pub T);

impl<T> Deref for Late<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

fn add(command: Command, arguments: fn(Command) -> Command) -> Command {
    if FOR_PARSING.get() { command.defer(arguments) } else { arguments(command) }
}

impl<T: Args> Args for Late<T> {
    fn augment_args(command: Command) -> Command {
        add(command, T::augment_args)
    }

    fn augment_args_for_update(command: Command) -> Command {
        T::augment_args_for_update(command)
    }
}

impl<T: Subcommand> Subcommand for Late<T> {
    fn augment_subcommands(command: Command) -> Command {
        add(command, T::augment_subcommands)
    }

    fn augment_subcommands_for_update(command: Command) -> Command {
        T::augment_subcommands_for_update(command)
    }

    fn has_subcommand(name: &str) -> bool {
        T::has_subcommand(name)
    }
}

impl<T: FromArgMatches> FromArgMatches for Late<T> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        T::from_arg_matches(matches).map(Self)
    }

    fn from_arg_matches_mut(matches: &mut ArgMatches) -> Result<Self, Error> {
        T::from_arg_matches_mut(matches).map(Self)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        self.0.update_from_arg_matches(matches)
    }

    fn update_from_arg_matches_mut(&mut self, matches: &mut ArgMatches) -> Result<(), Error> {
        self.0.update_from_arg_matches_mut(matches)
    }
}
