//! Tells what the demo does, and types its commands.

use std::collections::BTreeMap;
use std::path::Path;

use crate::ops::error::OpsError;
use crate::sys::process;
use crate::sys::signal::Stop;

/// What the demo says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told<'a> {
    /// A chapter begins.
    Heading(&'a str),
    /// What happens and why, one paragraph.
    Prose(&'a str),
    /// A command is typed, in a folder of the demo.
    Command {
        /// The folder, by its name within the demo.
        at: &'a str,
        /// The line.
        line: &'a str,
    },
}

/// Whoever shows the demo. What a command prints goes to the same place by itself.
pub trait Narrator {
    /// Shows it.
    fn tell(&self, what: Told<'_>);
}

/// Why the demo did not come to its end.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The person stopped it.
    Stopped,
    /// Something went wrong.
    Failed(OpsError),
}

impl<E: Into<OpsError>> From<E> for Trouble {
    fn from(error: E) -> Self {
        Trouble::Failed(error.into())
    }
}

/// Somebody at a terminal in the demo's folder.
pub(super) struct Typist<'a> {
    pub(super) top: &'a Path,
    pub(super) env: &'a BTreeMap<String, String>,
    pub(super) narrator: &'a dyn Narrator,
    pub(super) stop: &'a Stop,
}

impl Typist<'_> {
    /// A chapter begins.
    pub(super) fn heading(&self, text: &str) {
        self.narrator.tell(Told::Heading(text));
    }

    /// Says what happens.
    pub(super) fn say(&self, text: &str) {
        self.narrator.tell(Told::Prose(text));
    }

    /// Types a line in a folder and waits for its end, which must be with this exit status.
    pub(super) fn type_line(&self, at: &str, line: &str, wanted: i32) -> Result<(), Trouble> {
        if self.stop.level() > 0 {
            return Err(Trouble::Stopped);
        }
        self.narrator.tell(Told::Command { at, line });
        let argv = ["bash", "-c", line].map(str::to_owned);
        let code =
            process::attached(&argv, &self.top.join(at), self.env).map_err(|error| OpsError::Failed {
                what: error.to_string(),
                hint: "the demo needs `bash` and `git` on this machine".to_owned(),
            })?;
        if self.stop.level() > 0 {
            return Err(Trouble::Stopped);
        }
        if code == wanted {
            return Ok(());
        }
        Err(Trouble::Failed(OpsError::Failed {
            what: format!("the demo's command `{line}` ended with {code}, and {wanted} was to be expected"),
            hint: "look at it: `holdpoint demo --keep` leaves the folder behind".to_owned(),
        }))
    }
}
