//! What went wrong, for a person and for a program. The kind sets the exit status; there is one printer.

use std::error::Error;
use std::fmt;

use serde_json::Value;

use super::exit_code;
use crate::model::outcome::Ending;
use crate::model::reason::ReasonCode;
use crate::report::json;
use crate::report::text::{Add, Ink, clean, clean_lines};

/// An error at the end of its way up.
#[derive(Debug)]
pub struct CliError {
    /// What kind it is: sets the exit status.
    pub kind: Ending,
    /// What happened, and below it what caused that.
    pub source: Box<dyn Error + Send + Sync>,
    /// What to type.
    pub hints: Vec<String>,
    /// Its reason code, where it is a refusal.
    pub code: Option<ReasonCode>,
}

impl CliError {
    /// An error of a kind.
    pub fn new(kind: Ending, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { kind, source: source.into(), hints: Vec::new(), code: None }
    }

    /// The command line is wrong.
    pub fn usage(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(Ending::Usage, source)
    }

    /// With something to type.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The exit status.
    pub fn exit_code(&self) -> u8 {
        exit_code::of(self.kind)
    }

    /// What stands below the message, outermost first; a cause that its parent already quotes is left out.
    fn causes(&self) -> Vec<String> {
        let mut causes = Vec::new();
        let mut above = self.source.to_string();
        let mut next = self.source.source();
        while let Some(cause) = next {
            let text = cause.to_string();
            if !above.contains(&text) {
                causes.push(text.clone());
            }
            above = text;
            next = cause.source();
        }
        causes
    }

    /// For a terminal: `error:`, `caused by:`, `hint:`. A refusal looks like every other one. Lines of the seed (`[ERROR] …`) keep their own form.
    pub fn render(&self) -> String {
        let mut out = String::new();
        let message = self.source.to_string();
        let mut lines = clean_lines(&message);
        let first = lines.next().unwrap_or_default();
        if let Some(code) = self.code {
            out.add(format_args!("{} {first}\n", Ink::Bad.paint(&format!("✗ {code}:"))));
        } else if first.starts_with("[ERROR]") {
            out.add(format_args!("{}\n", Ink::Bad.paint(&first)));
        } else {
            out.add(format_args!("{} {first}\n", Ink::Bad.paint("error:")));
        }
        for line in lines {
            out.add(format_args!("    {line}\n"));
        }
        for cause in self.causes() {
            out.add(format_args!("{} {}\n", Ink::Warn.paint("caused by:"), clean(&cause)));
        }
        for hint in &self.hints {
            if self.code.is_some() {
                out.add(format_args!("  {} {}\n", Ink::Command.paint("→"), clean(hint)));
                continue;
            }
            out.add(format_args!("{} {}\n", Ink::Command.paint("hint:"), clean(hint)));
        }
        out
    }

    /// For a program.
    pub fn json(&self) -> Value {
        let error = json::Error {
            ending: self.kind,
            exit: self.exit_code(),
            code: self.code.map_or(exit_code::meaning(self.kind).0, ReasonCode::word),
            message: self.source.to_string(),
            causes: self.causes(),
            hints: &self.hints,
        };
        serde_json::json!({ "error": error })
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot read `/etc/x\u{1b}`")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn errors_have_manners() {
        let io = std::io::Error::other("permission denied");
        let error = CliError::new(Ending::Usage, Outer(io)).hint("holdpoint doctor");
        let text = anstream::adapter::strip_str(&error.render()).to_string();
        insta::assert_snapshot!(text, @r"
        error: cannot read `/etc/x\u{1b}`
        caused by: permission denied
        hint: holdpoint doctor
        ");
        insta::assert_snapshot!(error.json().to_string(), @r#"{"error":{"ending":"usage","exit":2,"code":"usage","message":"cannot read `/etc/x\u001b`","causes":["permission denied"],"hints":["holdpoint doctor"]}}"#);
        assert_eq!(error.exit_code(), 2);
    }
}
