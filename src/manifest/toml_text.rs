//! A TOML file: parsed under limits, keeping where each key stands, with the parser's words turned into ours.

use std::ops::Range;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{ManifestError, Place, Problem};
use super::settings::SourceFile;
use super::spot::Located;
use super::text::{LIMIT_DEPTH, nearest, place, within_limit};

/// Name of the schema that lists the keys of `.asd/release.toml`.
pub(super) const SCHEMA: &str = "release";

/// A parsed TOML file.
pub(super) struct TomlDocument<'f> {
    file: &'f SourceFile,
    root: Spanned<DeTable<'f>>,
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
        Ok(Self { file, root, schema })
    }

    /// Reads the text as a value. Errors: unknown and missing keys, wrong types, words and values.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, ManifestError> {
        T::deserialize(toml::Deserializer::from(self.root.clone())).map_err(|error| self.translate(&error))
    }

    fn translate(&self, error: &toml::de::Error) -> ManifestError {
        let span = error.span();
        // What the whole file lacks is nowhere in it.
        let of_a_part = span.clone().filter(|span| !span.is_empty());
        let way = of_a_part.map(|span| self.way_to(&span)).unwrap_or_default();
        let written = span.clone().and_then(|span| self.file.text.get(span)).unwrap_or_default();
        let problem = problem(error.message(), &way, written, self.schema);
        ManifestError::new(&self.file.path, span.map(|span| place(&self.file.text, span)), problem)
    }

    /// Keys that lead to a span, without positions in lists.
    fn way_to(&self, span: &Range<usize>) -> Vec<String> {
        let mut best = (usize::MAX, Vec::new());
        search(self.root.get_ref(), span, &mut Vec::new(), &mut best);
        best.1
    }
}

impl Located for TomlDocument<'_> {
    fn file(&self) -> &str {
        &self.file.path
    }

    fn locate(&self, way: &[String]) -> Option<Place> {
        let (key, rest) = way.split_first()?;
        let (name, mut value) = self.root.get_ref().iter().find(|(k, _)| k.get_ref() == key)?;
        let mut span = narrow(name.span(), value);
        for step in rest {
            let next = match value.get_ref() {
                // One table may stand where a list is taken.
                DeValue::Table(table) if step == "0" && !table.contains_key("0") => continue,
                DeValue::Table(table) => table
                    .iter()
                    .find(|(k, _)| k.get_ref() == step)
                    .map(|(name, value)| (narrow(name.span(), value), value)),
                DeValue::Array(list) => {
                    step.parse().ok().and_then(|at: usize| list.get(at)).map(|v| (v.span(), v))
                }
                _ => None,
            };
            let Some(found) = next else { break };
            (span, value) = found;
        }
        Some(place(&self.file.text, span))
    }
}

/// The span to show for a key: its value, or the key where the value is a table, whose span is its header or braces.
fn narrow(key: Range<usize>, value: &Spanned<DeValue<'_>>) -> Range<usize> {
    if matches!(value.get_ref(), DeValue::Table(_) | DeValue::Array(_)) { key } else { value.span() }
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

fn search(
    table: &DeTable<'_>,
    wanted: &Range<usize>,
    way: &mut Vec<String>,
    best: &mut (usize, Vec<String>),
) {
    for (key, value) in table {
        way.push(key.get_ref().to_string());
        for span in [key.span(), value.span()] {
            offer(&span, wanted, way, best);
        }
        search_value(value, wanted, way, best);
        way.pop();
    }
}

fn search_value(
    value: &Spanned<DeValue<'_>>,
    wanted: &Range<usize>,
    way: &mut Vec<String>,
    best: &mut (usize, Vec<String>),
) {
    match value.get_ref() {
        DeValue::Table(table) => search(table, wanted, way, best),
        DeValue::Array(list) => {
            for item in list {
                offer(&item.span(), wanted, way, best);
                search_value(item, wanted, way, best);
            }
        }
        _ => {}
    }
}

/// Takes the narrowest span that holds the wanted one; of equals the deeper.
fn offer(span: &Range<usize>, wanted: &Range<usize>, way: &[String], best: &mut (usize, Vec<String>)) {
    let holds = span.start <= wanted.start && wanted.end <= span.end;
    if holds && span.len() <= best.0 {
        *best = (span.len(), way.to_vec());
    }
}

fn first_line(message: &str) -> String {
    message.lines().next().unwrap_or_default().to_owned()
}

/// The parser's message in our words.
fn problem(message: &str, way: &[String], written: &str, schema: &'static str) -> Problem {
    let key = way.join(".");
    let table = way.split_last().map(|(_, table)| table.join(".")).unwrap_or_default();
    if let Some(rest) = message.strip_prefix("unknown field `") {
        let given = if written.is_empty() { rest.split('`').next().unwrap_or_default() } else { written };
        let given = given.trim_matches(['"', '\'']);
        let known = listed(message);
        let near = nearest(given, known.iter().map(String::as_str)).map(str::to_owned);
        return Problem::UnknownKey { key: given.to_owned(), table, nearest: near, schema };
    }
    if message.starts_with("unknown variant `") {
        let given = written.trim_matches(['"', '\'']).to_owned();
        let known = listed(message);
        let near = nearest(&given, known.iter().map(String::as_str)).map(str::to_owned);
        return Problem::UnknownWord { key, given, nearest: near, known };
    }
    if let Some(missing) = message.strip_prefix("missing field `") {
        let missing = missing.trim_end_matches('`').to_owned();
        return Problem::Missing { key: missing, table: key, schema };
    }
    if let Some((found, wanted)) = wrong_type(message) {
        return Problem::WrongType { key, wanted, found };
    }
    Problem::Value { key, what: first_line(message) }
}

/// The words in backticks after `expected`.
fn listed(message: &str) -> Vec<String> {
    let Some((_, list)) = message.rsplit_once("`, expected ") else { return Vec::new() };
    list.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// `invalid type: integer `3`, expected a string` → what was found, what is wanted.
fn wrong_type(message: &str) -> Option<(String, String)> {
    let rest = message
        .strip_prefix("invalid type: ")
        .or_else(|| message.strip_prefix("invalid value: "))
        .or_else(|| message.strip_prefix("invalid length "))?;
    let (found, wanted) = rest.rsplit_once(", expected ")?;
    Some((found_word(found), wanted_word(wanted)))
}

pub(super) fn found_word(found: &str) -> String {
    let found = found.lines().next().unwrap_or_default();
    match found.split_once(' ') {
        _ if found == "map" => "a table".to_owned(),
        _ if found == "sequence" => "a list".to_owned(),
        _ if found == "unit value" => "nothing".to_owned(),
        Some(("string", text)) => format!("the text {text}"),
        Some(("integer" | "boolean", value)) => value.to_owned(),
        Some(("floating", value)) => value.trim_start_matches("point ").to_owned(),
        _ => found.to_owned(),
    }
}

pub(super) fn wanted_word(wanted: &str) -> String {
    match wanted {
        "usize" | "u32" | "u64" => "a whole number from 0 up".to_owned(),
        "u8" => "a whole number from 0 to 255".to_owned(),
        "u16" => "a whole number from 0 to 65535".to_owned(),
        "i32" | "i64" => "a whole number".to_owned(),
        "f64" => "a number".to_owned(),
        "a string" => "text in quotes".to_owned(),
        "a boolean" => "`true` or `false`".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => "a table".to_owned(),
        other if other.starts_with("struct ") => "a table".to_owned(),
        other if other.starts_with("enum ") => "one of its words".to_owned(),
        other => other.to_owned(),
    }
}
