//! What is wrong with a configuration file, where it stands, and what to write instead.

use std::fmt;

use thiserror::Error;

use crate::model::escape::neutralise;

/// A file that says something wrong. `Display` shows `file:line:column: problem`, then the line with a caret under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestError {
    /// The file, as it was named.
    pub file: String,
    /// Where in it; none when the whole file is meant.
    pub place: Option<Box<Place>>,
    /// What is wrong.
    pub problem: Box<Problem>,
}

/// A place in a text, counted as editors count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The line, cropped and made harmless for a terminal. Empty where it may hold a secret.
    pub text: String,
    /// Characters of `text` before the caret.
    pub indent: usize,
    /// How many characters of `text` are meant, at least 1.
    pub width: usize,
}

/// What is wrong. Each message names its subject and says what to write.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Problem {
    /// More bytes than any configuration needs.
    #[error("the file has {bytes} bytes and may have {limit}: move what is not configuration elsewhere")]
    TooLong {
        /// Bytes it has.
        bytes: usize,
        /// Bytes it may have.
        limit: usize,
    },
    /// Deeper than any configuration needs.
    #[error("the file is nested deeper than {limit} levels: flatten it")]
    TooDeep {
        /// Levels it may have.
        limit: usize,
    },
    /// Not the language the file is written in.
    #[error("the file is not valid {language} here: {what}")]
    Syntax {
        /// `TOML` or `YAML`.
        language: &'static str,
        /// What the parser says.
        what: String,
    },
    /// A key that means nothing there.
    #[error(
        "unknown key `{key}`{}: {}`holdpoint schema {schema}` prints every key",
        inside(.table), meant(.nearest.as_ref())
    )]
    UnknownKey {
        /// The key.
        key: String,
        /// The table it stands in, dotted; empty at the top.
        table: String,
        /// The known key that is nearest, when one is near.
        nearest: Option<String>,
        /// Name of the schema that lists the keys.
        schema: &'static str,
    },
    /// A key that must be there.
    #[error("{} needs the key `{key}`: `holdpoint schema {schema}` says what it means", subject(.table))]
    Missing {
        /// The key.
        key: String,
        /// The table it should stand in, dotted; empty at the top.
        table: String,
        /// Name of the schema that lists the keys.
        schema: &'static str,
    },
    /// A value of another kind.
    #[error("{} should be {wanted}, not {found}", subject(.key))]
    WrongType {
        /// The key, dotted.
        key: String,
        /// What is wanted.
        wanted: String,
        /// What stands there.
        found: String,
    },
    /// A word that is not one of a few.
    #[error("{} is `{given}`: {}", subject(.key), words(.nearest.as_ref(), .known))]
    UnknownWord {
        /// The key, dotted.
        key: String,
        /// What stands there.
        given: String,
        /// The known word that is nearest, when one is near.
        nearest: Option<String>,
        /// Every known word.
        known: Vec<String>,
    },
    /// A value whose own type refused it; the message is that type's.
    #[error("{}: {what}", subject(.key))]
    Value {
        /// The key, dotted.
        key: String,
        /// Why, and what to write.
        what: String,
    },
    /// A rule of design/03 or design/04 that the value breaks.
    #[error("{} {why}", subject(.key))]
    Rule {
        /// The key, dotted.
        key: String,
        /// Which rule, and what to write.
        why: String,
    },
    /// A line of an environment file, a script header or a manifest that may not stand there.
    #[error("{what}")]
    Line {
        /// What is wrong with it, and what to write.
        what: String,
    },
}

fn subject(key: &str) -> String {
    if key.is_empty() { "the file".to_owned() } else { format!("`{}`", neutralise(key, false)) }
}

fn inside(table: &str) -> String {
    if table.is_empty() { String::new() } else { format!(" in {}", subject(table)) }
}

fn meant(nearest: Option<&String>) -> String {
    nearest.map(|near| format!("did you mean `{near}`? ")).unwrap_or_default()
}

fn words(nearest: Option<&String>, known: &[String]) -> String {
    if let Some(near) = nearest {
        return format!("did you mean `{near}`?");
    }
    let quoted: Vec<String> = known.iter().map(|word| format!("`{word}`")).collect();
    match quoted.as_slice() {
        [] => "nothing may stand there".to_owned(),
        [only] => format!("write {only}"),
        [first @ .., last] => format!("write {} or {last}", first.join(", ")),
    }
}

impl ManifestError {
    pub(super) fn new(file: &str, place: Option<Place>, problem: Problem) -> Self {
        Self { file: file.to_owned(), place: place.map(Box::new), problem: Box::new(problem) }
    }
}

impl std::error::Error for ManifestError {}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = neutralise(&self.file, false);
        // Parsers of others quote the text as it is.
        let problem = neutralise(&self.problem.to_string(), false);
        let Some(place) = &self.place else {
            return write!(f, "{file}: {problem}");
        };
        write!(f, "{file}:{}:{}: {problem}", place.line, place.column)?;
        if place.text.is_empty() {
            return Ok(());
        }
        let number = place.line.to_string();
        let margin = " ".repeat(number.len());
        write!(f, "\n{margin} |\n{number} | {}\n{margin} | ", place.text)?;
        write!(f, "{}{}", " ".repeat(place.indent), "^".repeat(place.width))
    }
}
