//! A TOML file: parsed under limits, keeping where each value stands.

use std::ops::Range;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{ManifestError, Place, Problem};
use super::settings::SourceFile;
use super::spot::Located;
use super::text::{LIMIT_DEPTH, place, within_limit};
use super::tree::{Is, Meaning, Node};

/// Name of the schema that lists the keys of `.asd/release.toml`.
pub(super) const SCHEMA: &str = "release";

/// A parsed TOML file.
pub(super) struct TomlDocument<'f> {
    file: &'f SourceFile,
    root: Node,
    /// Name of the schema that lists the keys of this file.
    schema: &'static str,
}

impl<'f> TomlDocument<'f> {
    /// Parses the text. Errors: too long, not TOML, too deep.
    pub(super) fn parse(file: &'f SourceFile) -> Result<Self, ManifestError> {
        Self::parse_as(file, SCHEMA)
    }

    /// The same, of a file whose keys another schema lists.
    pub(super) fn parse_as(file: &'f SourceFile, schema: &'static str) -> Result<Self, ManifestError> {
        within_limit(file)?;
        let at = |span: Option<Range<usize>>, problem| {
            ManifestError::new(&file.path, span.map(|span| place(&file.text, span)), problem)
        };
        let root = DeTable::parse(&file.text).map_err(|error| {
            let what = first_line(error.message());
            let is_deep = what.contains("recurs");
            let deep = Problem::TooDeep { limit: LIMIT_DEPTH };
            at(error.span(), if is_deep { deep } else { Problem::Syntax { language: "TOML", what } })
        })?;
        if let Some(span) = too_deep(root.get_ref(), 1) {
            return Err(at(Some(span), Problem::TooDeep { limit: LIMIT_DEPTH }));
        }
        Ok(Self { file, root: table(root.span(), root.get_ref()), schema })
    }

    /// Reads it as a value. Errors: unknown and missing keys, wrong types, words and values.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, ManifestError> {
        self.root.read().map_err(|slip| {
            let (at, problem) = slip.problem(self.schema, "text in quotes");
            ManifestError::new(&self.file.path, at.map(|at| place(&self.file.text, at)), problem)
        })
    }
}

impl Located for TomlDocument<'_> {
    fn file(&self) -> &str {
        &self.file.path
    }

    fn locate(&self, way: &[String]) -> Option<Place> {
        let (first, rest) = way.split_first()?;
        let mut found = self.root.step(first)?;
        for step in rest {
            match found.1.step(step) {
                Some(next) => found = next,
                // One table may stand where a list is taken.
                None if step == "0" && matches!(found.1.is, Is::Table(_)) => {}
                None => break,
            }
        }
        Some(place(&self.file.text, found.1.pointed(found.0)))
    }
}

fn table(at: Range<usize>, entries: &DeTable<'_>) -> Node {
    let entry = |(key, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
        let key: &Spanned<std::borrow::Cow<'_, str>> = key;
        (Node { at: key.span(), is: Is::Text(key.get_ref().to_string()) }, node(value))
    };
    Node { at, is: Is::Table(entries.iter().map(entry).collect()) }
}

fn node(value: &Spanned<DeValue<'_>>) -> Node {
    let at = value.span();
    let is = match value.get_ref() {
        DeValue::Table(entries) => return table(at, entries),
        DeValue::Array(items) => Is::List(items.iter().map(node).collect()),
        DeValue::String(text) => Is::Text(text.to_string()),
        DeValue::Boolean(truth) => Is::Exact(Meaning::Truth(*truth)),
        DeValue::Datetime(moment) => Is::Exact(Meaning::Moment(moment.to_string())),
        DeValue::Integer(number) => Is::Exact(match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(whole) => Meaning::Whole(whole),
            // It is refused as what it is: none of ours is that large.
            Err(_) => Meaning::Share(number.as_str().parse().unwrap_or(f64::INFINITY)),
        }),
        DeValue::Float(number) => Is::Exact(Meaning::Share(number.as_str().parse().unwrap_or(f64::NAN))),
    };
    Node { at, is }
}

fn too_deep(table: &DeTable<'_>, depth: usize) -> Option<Range<usize>> {
    table.iter().find_map(|(key, value)| deep_value(value, depth).map(|()| key.span()))
}

fn deep_value(value: &Spanned<DeValue<'_>>, depth: usize) -> Option<()> {
    if depth > LIMIT_DEPTH {
        return Some(());
    }
    match value.get_ref() {
        DeValue::Table(table) => table.iter().find_map(|(_, value)| deep_value(value, depth + 1)),
        DeValue::Array(list) => list.iter().find_map(|value| deep_value(value, depth + 1)),
        _ => None,
    }
}

fn first_line(message: &str) -> String {
    message.lines().next().unwrap_or_default().to_owned()
}
