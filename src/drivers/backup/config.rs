//! Slices of an environment file.

use std::ffi::OsString;
use std::fs::File;
use std::io::Write;
use std::path::Path;

use globset::{Glob, GlobSet, GlobSetBuilder};

use super::archive::{above, real};
use super::{BackupError, Taken};
use crate::sys::files::{self, failed};
use crate::sys::folder::{self, Kind, Node};
use crate::sys::sync;

/// An environment file is never longer.
const LIMIT: u64 = 1 << 20;

/// Copies the lines of the names that match (globs; empty means the whole file) into a new file that has the file's owner
/// and mode.
///
/// # Errors
/// [`BackupError`] when the file cannot be read, or a glob is none.
pub fn take_config(file: &Path, names: &[String], into: &Path) -> Result<Taken, BackupError> {
    let globs = globs(names, file)?;
    let file = &real(file);
    let text = files::read_text(file, LIMIT)?;
    let node = node_of(file)?;
    let kept = if names.is_empty() {
        text
    } else {
        entries(&text).filter(|entry| entry.is_of(&globs)).map(|entry| entry.with_newline()).collect()
    };
    let (shelf, name) = above(into)?;
    let copy = shelf.create_file(&name, 0o600)?;
    fill(&copy, &kept, into)?;
    folder::dress(&copy, into, &Node { mode: node.mode & !0o002, ..node })?;
    Ok(Taken { bytes: kept.len() as u64, notes: Vec::new() })
}

/// Checks that every line of a saved slice can be read.
///
/// # Errors
/// [`BackupError::Damaged`] with the line.
pub fn check_config(backup: &Path) -> Result<(), BackupError> {
    let text = files::read_text(backup, LIMIT)?;
    let is_odd = |entry: &Entry<'_>| {
        entry.name.is_none() && !matches!(entry.text.trim_start().chars().next(), None | Some('#'))
    };
    match entries(&text).position(|entry| is_odd(&entry)) {
        Some(at) => Err(BackupError::damaged(backup, format!("entry {} has no name", at + 1))),
        None => Ok(()),
    }
}

/// Puts the saved names back into the file, each in its place; names that match and were not saved go, other lines stay
/// as they are; without names the whole file comes back. The file keeps its owner and mode; where it is gone it gets those it had.
///
/// # Errors
/// [`BackupError`]; the file is then as it was.
pub fn put_config(backup: &Path, file: &Path, names: &[String]) -> Result<(), BackupError> {
    check_config(backup)?;
    let file = &real(file);
    let globs = globs(names, file)?;
    let saved_text = files::read_text(backup, LIMIT)?;
    let saved: Vec<Entry<'_>> = entries(&saved_text).filter(|entry| entry.name.is_some()).collect();
    let (folder, name) = above(file)?;
    let (node, text) = match folder.look(&name)? {
        Some(node) if node.kind == Kind::File => (node, files::read_text(file, LIMIT)?),
        Some(_) => return Err(BackupError::source(file, "is not a regular file")),
        None => (node_of(backup)?, String::new()),
    };
    let text = if names.is_empty() { saved_text.clone() } else { merged(&text, &saved, &globs) };
    let mut draft = OsString::from(".");
    draft.push(&name);
    draft.push(".holdpoint");
    folder.remove(&draft)?;
    let path = folder.path().join(&draft);
    let new = folder.create_file(&draft, 0o600)?;
    fill(&new, &text, &path)?;
    folder::dress(&new, &path, &Node { modified: folder::look_at(&new, &path)?.modified, ..node })?;
    sync::file(&new).map_err(std::io::Error::from).map_err(failed("synced", &path))?;
    folder.rename(&draft, &name)?;
    Ok(folder.sync()?)
}

/// The first of a name takes the place of the first, the second of the second: with a name that stands twice, the last one
/// counts for those who read the file.
fn merged(text: &str, saved: &[Entry<'_>], globs: &GlobSet) -> String {
    let mut left: Vec<&Entry<'_>> = saved.iter().collect();
    let mut lines = Vec::new();
    for entry in entries(text) {
        if !entry.is_of(globs) {
            lines.push(entry.with_newline());
        } else if let Some(at) = left.iter().position(|old| old.name == entry.name) {
            lines.push(left.remove(at).with_newline());
        }
    }
    lines.extend(left.iter().map(|old| old.with_newline()));
    lines.concat()
}

/// A variable, or a line that is none (a comment, an empty line).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry<'a> {
    name: Option<&'a str>,
    text: &'a str,
}

impl Entry<'_> {
    fn is_of(&self, globs: &GlobSet) -> bool {
        self.name.is_some_and(|name| globs.is_match(name))
    }

    fn with_newline(&self) -> String {
        let end = if self.text.ends_with('\n') { "" } else { "\n" };
        format!("{}{end}", self.text)
    }
}

/// The variables of an environment file with their whole text: a quoted value may go on over several lines.
fn entries(text: &str) -> impl Iterator<Item = Entry<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let line_end = |from: usize| rest[from..].find('\n').map_or(rest.len(), |at| from + at + 1);
        let mut end = line_end(0);
        let name = name_of(&rest[..end]);
        if name.is_some() {
            let value = rest.find('=').map_or(end, |at| at + 1);
            if let Some(quote) = rest[value..end].chars().next().filter(|c| matches!(c, '"' | '\''))
                && let Some(closing) = closing_quote(&rest[value + 1..], quote)
            {
                end = line_end(value + 1 + closing);
            }
        }
        let entry = Entry { name, text: &rest[..end] };
        rest = &rest[end..];
        Some(entry)
    })
}

fn name_of(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let line = line.strip_prefix("export ").unwrap_or(line);
    let name = line.split_once('=')?.0.trim();
    let is_name = !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'));
    is_name.then_some(name)
}

/// Where a quoted value ends; a backslash hides a double quote.
fn closing_quote(value: &str, quote: char) -> Option<usize> {
    let mut is_hidden = false;
    value.char_indices().find_map(|(at, c)| {
        let was_hidden = is_hidden;
        is_hidden = quote == '"' && c == '\\' && !was_hidden;
        (c == quote && !was_hidden).then_some(at)
    })
}

fn globs(names: &[String], file: &Path) -> Result<GlobSet, BackupError> {
    let bad = |error: globset::Error| {
        BackupError::source(file, format!("is saved by names that are no globs: {error}"))
    };
    let all = ["*".to_owned()];
    let mut globs = GlobSetBuilder::new();
    for name in if names.is_empty() { &all[..] } else { names } {
        globs.add(Glob::new(name).map_err(bad)?);
    }
    globs.build().map_err(bad)
}

fn node_of(file: &Path) -> Result<Node, BackupError> {
    let (folder, name) = above(file)?;
    folder.look(&name)?.ok_or_else(|| BackupError::source(file, "does not exist"))
}

fn fill(mut file: &File, text: &str, path: &Path) -> Result<(), BackupError> {
    Ok(file.write_all(text.as_bytes()).map_err(failed("written", path))?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    parser! {
    "configuration backups";

        #[test]
        fn splitting_an_environment_file_loses_nothing(text in "([A-Z]{1,3}=|export |\"|'|\\\\|\n|#| |[a-zé]){0,40}") {
            let whole: String = entries(&text).map(|entry| entry.text).collect();
            prop_assert_eq!(whole, text);
        }

        #[test]
        fn putting_back_what_was_just_saved_changes_nothing(text in "(([A-C]=[a-z]?|# x|)\n){0,12}") {
            let globs = globs(&["[AB]".to_owned()], Path::new("x")).unwrap();
            let saved: Vec<Entry<'_>> = entries(&text).filter(|entry| entry.is_of(&globs)).collect();
            prop_assert_eq!(merged(&text, &saved, &globs), text);
        }
    }
}
