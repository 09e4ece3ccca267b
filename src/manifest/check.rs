//! Rules that many keys share: what a path, a glob, an address, a command and a name may be.

use std::path::{Component, Path, PathBuf};

use globset::Glob;

use super::error::ManifestError;
use super::spot::Spot;
use crate::model::quantity::Span;
use crate::model::spec::CommandLine;

/// Whether a text is a path that [`path_anywhere`] takes.
pub(super) fn is_path(text: &str) -> bool {
    let has_text = !text.trim().is_empty() && !text.chars().any(char::is_control);
    has_text && !Path::new(text).components().any(|part| part == Component::ParentDir)
}

/// A path below the project root.
pub(super) fn path_inside(spot: &Spot<'_>, text: &str) -> Result<PathBuf, ManifestError> {
    let path = path_anywhere(spot, text)?;
    if path.is_absolute() {
        let why = format!("is `{}`: write a path inside the project, relative to its root", shown(text));
        return Err(spot.rule(why));
    }
    Ok(path)
}

/// A path below the project root, or an absolute one.
pub(super) fn path_anywhere(spot: &Spot<'_>, text: &str) -> Result<PathBuf, ManifestError> {
    if text.trim().is_empty() {
        return Err(spot.rule("is empty: write a path"));
    }
    if text.chars().any(char::is_control) {
        return Err(spot.rule(format!("is `{}`: write the path without control characters", shown(text))));
    }
    let path = Path::new(text);
    if path.components().any(|part| part == Component::ParentDir) {
        return Err(spot.rule(format!("is `{}`: write the path without `..`", shown(text))));
    }
    Ok(path.to_owned())
}

/// A glob of paths below the project root.
pub(super) fn path_glob(spot: &Spot<'_>, text: &str) -> Result<String, ManifestError> {
    path_inside(spot, text)?;
    glob(spot, text)
}

/// A glob.
pub(super) fn glob(spot: &Spot<'_>, text: &str) -> Result<String, ManifestError> {
    let bad = |why: String| spot.rule(format!("has the pattern `{}`: {why}", shown(text)));
    if text.is_empty() {
        return Err(bad("write at least one character".to_owned()));
    }
    match Glob::new(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(bad(format!("{}, for example `packages/wikijs/**`", error.kind()))),
    }
}

/// A glob that fits nothing but this path (and, for a backslash, one other character in its place).
pub(super) fn literal(path: &str) -> String {
    globset::escape(path).replace('\\', "?")
}

/// Globs of paths below the project root.
pub(super) fn path_globs(spot: &Spot<'_>, texts: &[String]) -> Result<Vec<String>, ManifestError> {
    texts.iter().enumerate().map(|(at, text)| path_glob(&spot.item(at), text)).collect()
}

/// A status that an HTTP server may answer with.
pub(super) fn http_status(spot: &Spot<'_>, status: u16) -> Result<u16, ManifestError> {
    let can_be = (100..600).contains(&status);
    can_be.then_some(status).ok_or_else(|| spot.rule("is no HTTP status: write one from 100 to 599"))
}

/// An `http://` or `https://` address with a host and without a password.
pub(super) fn url(spot: &Spot<'_>, text: &str) -> Result<String, ManifestError> {
    let bad = |why: &str| Err(spot.rule(format!("is `{}`: {why}", shown(text))));
    let Some(rest) = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://")) else {
        return bad("write an address that begins with `http://` or `https://`");
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return bad("write the address without spaces");
    }
    if host.contains('@') {
        return Err(spot.hidden_rule("has a user or a password in it: write the address without them"));
    }
    if host.is_empty() || host.starts_with(':') {
        return bad("write a host after `//`, for example `http://127.0.0.1:3000/healthz`");
    }
    Ok(text.to_owned())
}

/// An argument list with a program in it.
pub(super) fn command(spot: &Spot<'_>, argv: &[String]) -> Result<CommandLine, ManifestError> {
    if argv.first().is_none_or(|program| program.trim().is_empty()) {
        return Err(
            spot.rule("is empty: write the program and its arguments, `[\"scripts/check.sh\", \"--all\"]`")
        );
    }
    if argv.iter().any(|argument| argument.contains('\0')) {
        return Err(spot.rule("has a NUL character: write arguments without it"));
    }
    Ok(argv.to_vec())
}

/// An argument list, where one is given.
pub(super) fn command_if(
    spot: &Spot<'_>,
    argv: Option<&CommandLine>,
) -> Result<Option<CommandLine>, ManifestError> {
    argv.map(|argv| command(spot, argv)).transpose()
}

/// A time that must pass.
pub(super) fn longer_than_nothing(spot: &Spot<'_>, span: Span) -> Result<Span, ManifestError> {
    if span.0.is_zero() {
        return Err(spot.rule("is no time at all: write how long, for example `30m`"));
    }
    Ok(span)
}

/// A time that must pass, where one is given.
pub(super) fn limit(spot: &Spot<'_>, span: Option<Span>) -> Result<Option<Span>, ManifestError> {
    span.map(|span| longer_than_nothing(spot, span)).transpose()
}

/// A line for people.
pub(super) fn label(spot: &Spot<'_>, text: &str) -> Result<String, ManifestError> {
    if text.trim().is_empty() || text.chars().any(char::is_control) || text.len() > 200 {
        return Err(spot.rule("should be one line of 1 to 200 characters: write what people call it"));
    }
    Ok(text.to_owned())
}

/// Names that are handed to other programs.
#[derive(Clone, Copy)]
pub(super) enum Named {
    /// A git remote.
    Remote,
    /// A unix group.
    Group,
    /// An environment variable.
    Variable,
    /// A compose project.
    Project,
    /// A compose service or profile, a volume, a container.
    Part,
    /// A database or a database user.
    Database,
    /// An image reference.
    Image,
    /// A host name or a socket folder.
    DatabaseHost,
}

impl Named {
    fn first(self, c: char) -> bool {
        match self {
            Named::Project => c.is_ascii_lowercase() || c.is_ascii_digit(),
            Named::Variable | Named::Group => c.is_ascii_alphabetic() || c == '_',
            Named::Database => c.is_ascii_alphanumeric() || c == '_',
            Named::DatabaseHost => c.is_ascii_alphanumeric() || c == '/',
            Named::Remote | Named::Part | Named::Image => c.is_ascii_alphanumeric(),
        }
    }

    fn later(self, c: char) -> bool {
        match self {
            Named::Project => self.first(c) || matches!(c, '_' | '-'),
            Named::Variable => c.is_ascii_alphanumeric() || c == '_',
            Named::Group => c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'),
            Named::Database => c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '$'),
            Named::Remote | Named::DatabaseHost => {
                c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/')
            }
            Named::Part => c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'),
            Named::Image => c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | ':' | '@'),
        }
    }

    fn what(self) -> &'static str {
        match self {
            Named::Remote => "a name that `git remote` lists",
            Named::Group => "a group name of this host",
            Named::Variable => "a variable name: letters, digits and `_`",
            Named::Project => "a compose project name: lower-case letters, digits, `_` and `-`",
            Named::Part => "a name of letters, digits, `_`, `-` and `.`",
            Named::Database => "a name of letters, digits, `_`, `-`, `.` and `$`",
            Named::Image => "an image reference, for example `requarks/wiki:2.5`",
            Named::DatabaseHost => "a host name or a socket folder",
        }
    }
}

/// Whether a text can be an image reference and nothing else.
pub fn is_image(text: &str) -> bool {
    fits(text, Named::Image)
}

/// Whether a text can be the name of a git remote and nothing else.
pub fn is_remote(text: &str) -> bool {
    fits(text, Named::Remote)
}

/// Whether a text can be nothing but such a name.
pub(super) fn fits(text: &str, kind: Named) -> bool {
    let mut chars = text.chars();
    let starts = chars.next().is_some_and(|c| kind.first(c));
    starts && chars.all(|c| kind.later(c)) && !text.contains("..") && text.len() <= 255
}

/// A name that is handed to another program, and can be nothing but a name there.
pub(super) fn name(spot: &Spot<'_>, text: &str, kind: Named) -> Result<String, ManifestError> {
    if fits(text, kind) {
        return Ok(text.to_owned());
    }
    Err(spot.rule(format!("is `{}`: write {}", shown(text), kind.what())))
}

/// A name, where one is given.
pub(super) fn name_if(
    spot: &Spot<'_>,
    text: Option<&String>,
    kind: Named,
) -> Result<Option<String>, ManifestError> {
    text.map(|text| name(spot, text, kind)).transpose()
}

/// Names.
pub(super) fn names(spot: &Spot<'_>, texts: &[String], kind: Named) -> Result<Vec<String>, ManifestError> {
    texts.iter().enumerate().map(|(at, text)| name(&spot.item(at), text, kind)).collect()
}

/// Text from the file as it stands in a message.
pub(super) fn shown(text: &str) -> String {
    text.chars().take(80).flat_map(char::escape_debug).collect()
}
