//! A YAML file: one document without anchors, aliases and tags, parsed under limits, keeping where each key stands.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::de::DeserializeOwned;
use serde_saphyr::granit_parser::{Event, Parser, ScanError, Span};
use serde_saphyr::{DuplicateKeyPolicy, Error, MergeKeyPolicy, Options};

use crate::model::gather::Gather;

use super::check::shown;
use super::error::{ManifestError, Place, Problem};
use super::settings::SourceFile;
use super::spot::Located;
use super::text::{LIMIT_DEPTH, nearest, place, within_limit};
use super::toml_text::{found_word, wanted_word};

/// Name of the schema that lists the keys of a `manifest.yaml`.
pub(super) const SCHEMA: &str = "manifest";

/// Values a manifest may have: more is no manifest.
const LIMIT_NODES: usize = 10_000;

/// A parsed YAML file.
pub(super) struct YamlDocument<'f> {
    file: &'f SourceFile,
    /// Where each value stands; for tables and lists, where their key stands.
    values: BTreeMap<Vec<String>, Range<usize>>,
    /// Every key of a table: the way to the table, the key, where it stands.
    pub(super) keys: Vec<(Vec<String>, String, Range<usize>)>,
    /// Where each table or list begins.
    starts: BTreeMap<usize, Vec<String>>,
}

impl<'f> YamlDocument<'f> {
    /// Parses the text. Errors: too long, not YAML, too deep, anchors, aliases, tags, several documents.
    pub(super) fn parse(file: &'f SourceFile) -> Result<Self, ManifestError> {
        within_limit(file)?;
        let mut walk = Walk::new(file);
        for event in Parser::new_from_str(&file.text) {
            let (event, span) = event.map_err(|error| walk.scan_error(&error))?;
            walk.take(&event, span)?;
        }
        Ok(Self { file, values: walk.values, keys: walk.keys, starts: walk.starts })
    }

    /// Reads the text as a value. Errors: missing keys, wrong types, words and values.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, ManifestError> {
        serde_saphyr::from_str_with_options(&self.file.text, strict()).map_err(|error| self.translate(&error))
    }

    /// Line and column of every value, by its dotted way.
    pub(super) fn places(&self) -> BTreeMap<String, (usize, usize)> {
        let one = |(way, span): (&Vec<String>, &Range<usize>)| {
            let place = place(&self.file.text, span.clone());
            (way.join("."), (place.line, place.column))
        };
        self.values.iter().map(one).gather()
    }

    /// A problem at a span.
    pub(super) fn error(&self, span: Range<usize>, problem: Problem) -> ManifestError {
        let place = Some(place(&self.file.text, span));
        ManifestError::new(&self.file.path, place, problem)
    }

    fn translate(&self, error: &Error) -> ManifestError {
        let error = error.without_snippet();
        let (span, way) =
            match error.location().and_then(|at| byte_of(&self.file.text, at.line(), at.column())) {
                Some(at) => self.at(at),
                None => (None, Vec::new()),
            };
        let named: Vec<&str> =
            way.iter().filter(|step| step.parse::<usize>().is_err()).map(String::as_str).collect();
        let key = named.join(".");
        let problem = match error {
            Error::SerdeMissingField { field, .. } => {
                let place = span.map(|span| place(&self.file.text, span));
                let problem = Problem::Missing { key: (*field).to_owned(), table: key, schema: SCHEMA };
                return ManifestError::new(&self.file.path, place, problem);
            }
            Error::SerdeInvalidType { unexpected, expected, .. }
            | Error::SerdeInvalidValue { unexpected, expected, .. } => {
                let (found, wanted) = (found_word(unexpected), wanted_word(expected));
                Problem::WrongType { key, wanted, found }
            }
            Error::SerdeUnknownVariant { variant, expected, .. } => {
                let known: Vec<String> = expected.iter().map(|word| (*word).to_owned()).collect();
                let near = nearest(variant, expected.iter().copied()).map(str::to_owned);
                Problem::UnknownWord { key, given: variant.clone(), nearest: near, known }
            }
            Error::Message { msg, .. } => Problem::Value { key, what: msg.clone() },
            Error::Unexpected { expected, .. } => {
                let wanted = wanted_shape(expected).to_owned();
                Problem::WrongType { key, wanted, found: self.found(span.as_ref()) }
            }
            Error::InvalidScalar { ty, .. } => {
                Problem::WrongType { key, wanted: wanted_word(ty), found: self.found(span.as_ref()) }
            }
            Error::InvalidBooleanStrict { .. } => {
                Problem::WrongType { key, wanted: wanted_word("a boolean"), found: self.found(span.as_ref()) }
            }
            Error::NullIntoString { .. } => {
                Problem::WrongType { key, wanted: wanted_word("a string"), found: "nothing".to_owned() }
            }
            Error::Eof { .. } => {
                let problem =
                    Problem::Missing { key: "name".to_owned(), table: String::new(), schema: SCHEMA };
                return ManifestError::new(&self.file.path, None, problem);
            }
            other => Problem::Syntax { language: "YAML", what: plain(other) },
        };
        let place = span.map(|span| place(&self.file.text, span));
        ManifestError::new(&self.file.path, place, problem)
    }

    /// What stands at a byte: its span and the way to it; a key leads to its value.
    fn at(&self, at: usize) -> (Option<Range<usize>>, Vec<String>) {
        let holds = |span: &Range<usize>| span.start <= at && at < span.end.max(span.start + 1);
        if let Some(way) = self.starts.get(&at) {
            return (Some(at..at), way.clone());
        }
        if let Some((table, key, span)) = self.keys.iter().find(|(_, _, span)| holds(span)) {
            let way: Vec<String> = table.iter().chain(std::iter::once(key)).cloned().collect();
            return (Some(self.values.get(&way).unwrap_or(span).clone()), way);
        }
        match self.values.iter().find(|(_, span)| holds(span)) {
            Some((way, span)) => (Some(span.clone()), way.clone()),
            None => (Some(at..at), Vec::new()),
        }
    }

    /// What stands at a place, in a word.
    fn found(&self, span: Option<&Range<usize>>) -> String {
        let Some(span) = span else { return "something else".to_owned() };
        let text = self.file.text.get(span.clone()).unwrap_or_default();
        match self.file.text.get(span.start..).and_then(|rest| rest.chars().next()) {
            Some('[' | '-') if text.len() < 2 => "a list".to_owned(),
            Some('{') if text.len() < 2 => "a table".to_owned(),
            _ => format!("`{}`", shown(text)),
        }
    }
}

impl Located for YamlDocument<'_> {
    fn file(&self) -> &str {
        &self.file.path
    }

    fn locate(&self, way: &[String]) -> Option<Place> {
        let spans = (0..=way.len()).rev().filter_map(|length| self.values.get(&way[..length]));
        spans.map(|span| place(&self.file.text, span.clone())).next()
    }
}

/// Everything that could make a small file large, or one value another, is switched off.
fn strict() -> Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: LIMIT_DEPTH,
            max_anchors: 0,
            max_aliases: 0,
            max_merge_keys: 0,
            max_documents: 1,
            max_nodes: LIMIT_NODES,
        },
        duplicate_keys: DuplicateKeyPolicy::Error,
        merge_keys: MergeKeyPolicy::Error,
        reject_unsupported_tags: true,
        strict_booleans: true,
        with_snippet: false,
    }
}

fn wanted_shape(expected: &str) -> &str {
    match expected {
        "mapping start" => "a table",
        "sequence start" => "a list",
        "string scalar" => "text",
        other => other,
    }
}

fn plain(error: &Error) -> String {
    let text = error.to_string();
    let text = text.lines().next().unwrap_or_default();
    text.split(" at line ").next().unwrap_or(text).to_owned()
}

fn byte_of(text: &str, line: u64, column: u64) -> Option<usize> {
    let before = usize::try_from(line).ok()?.checked_sub(1)?;
    // A lone carriage return ends a line for the parser and not for an editor: such a text is at fault where it ends.
    let line = |before: usize| text.match_indices('\n').nth(before - 1).map_or(text.len(), |(at, _)| at + 1);
    let start = if before == 0 { 0 } else { line(before) };
    let rest = &text[start..];
    let within = rest.char_indices().nth(usize::try_from(column).ok()?.saturating_sub(1));
    Some(start + within.map_or(rest.len(), |(at, _)| at))
}

/// A table or a list that is still open.
enum Open {
    /// A table, and its key whose value is awaited.
    Table(Option<Range<usize>>),
    /// A list, and how many values it has.
    List(usize),
}

/// Reads the parser's events into places, refusing what a manifest may not have.
struct Walk<'f> {
    file: &'f SourceFile,
    open: Vec<Open>,
    way: Vec<String>,
    nodes: usize,
    documents: usize,
    values: BTreeMap<Vec<String>, Range<usize>>,
    keys: Vec<(Vec<String>, String, Range<usize>)>,
    starts: BTreeMap<usize, Vec<String>>,
}

impl<'f> Walk<'f> {
    fn new(file: &'f SourceFile) -> Self {
        let (values, keys, starts) = (BTreeMap::new(), Vec::new(), BTreeMap::new());
        Self { file, open: Vec::new(), way: Vec::new(), nodes: 0, documents: 0, values, keys, starts }
    }

    fn take(&mut self, event: &Event<'_>, span: Span) -> Result<(), ManifestError> {
        let at = span.byte_range().unwrap_or_default();
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(self.refuse(at, "a second document begins here: write one document"));
                }
            }
            Event::Scalar(text, _, anchor, tag) => {
                self.node(*anchor, tag.as_ref().map(|_| tag_at(&span)), &at)?;
                self.scalar(text, at)?;
            }
            Event::MappingStart(_, anchor, tag) => {
                self.node(*anchor, tag.as_ref().map(|_| tag_at(&span)), &at)?;
                self.open(Open::Table(None), at)?;
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.node(*anchor, tag.as_ref().map(|_| tag_at(&span)), &at)?;
                self.open(Open::List(0), at)?;
            }
            Event::MappingEnd | Event::SequenceEnd => {
                self.open.pop();
                self.close_value();
            }
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                return Err(self.refuse(at, ALIAS));
            }
            _ => {}
        }
        Ok(())
    }

    fn node(
        &mut self,
        anchor: usize,
        tag: Option<Range<usize>>,
        at: &Range<usize>,
    ) -> Result<(), ManifestError> {
        self.nodes += 1;
        if anchor != 0 {
            let sign =
                self.file.text.get(..at.start).and_then(|before| before.rfind('&')).unwrap_or(at.start);
            let what = "an anchor stands here: write the value itself wherever it is used";
            return Err(self.refuse(sign..at.start.max(sign + 1), what));
        }
        if let Some(tag) = tag {
            return Err(self.refuse(tag, "a tag stands here: write the value without it"));
        }
        if self.nodes > LIMIT_NODES {
            let what = format!(
                "the file has more than {LIMIT_NODES} values: move what is not configuration elsewhere"
            );
            return Err(self.refuse(at.clone(), &what));
        }
        Ok(())
    }

    fn scalar(&mut self, text: &str, at: Range<usize>) -> Result<(), ManifestError> {
        if let Some(Open::Table(awaited @ None)) = self.open.last_mut() {
            *awaited = Some(at.clone());
            let key = text.to_owned();
            if key == "<<" {
                return Err(self.refuse(at, "a merge key stands here: write the keys themselves"));
            }
            let twice = self.keys.iter().any(|(way, known, _)| *way == self.way && *known == key);
            if twice {
                return Err(self.refuse(
                    at,
                    &format!("the key `{}` stands there twice: take one of them out", shown(text)),
                ));
            }
            self.keys.push((self.way.clone(), key.clone(), at));
            self.way.push(key);
            return Ok(());
        }
        self.begin_item();
        self.values.insert(self.way.clone(), at);
        self.close_value();
        Ok(())
    }

    fn open(&mut self, open: Open, at: Range<usize>) -> Result<(), ManifestError> {
        if matches!(self.open.last(), Some(Open::Table(None))) {
            return Err(self.refuse(at, "a table or list stands where a key is wanted: write a word"));
        }
        if self.open.len() >= LIMIT_DEPTH {
            let problem = Problem::TooDeep { limit: LIMIT_DEPTH };
            let place = Some(place(&self.file.text, at));
            return Err(ManifestError::new(&self.file.path, place, problem));
        }
        let key = match self.open.last() {
            Some(Open::Table(Some(key))) => key.clone(),
            _ => at.start..at.start,
        };
        self.begin_item();
        self.starts.insert(at.start, self.way.clone());
        self.values.insert(self.way.clone(), key);
        self.open.push(open);
        Ok(())
    }

    fn begin_item(&mut self) {
        if let Some(Open::List(count)) = self.open.last_mut() {
            self.way.push(count.to_string());
            *count += 1;
        }
    }

    fn close_value(&mut self) {
        if let Some(Open::Table(awaited)) = self.open.last_mut() {
            *awaited = None;
        }
        self.way.pop();
    }

    fn scan_error(&self, error: &ScanError) -> ManifestError {
        let mark = error.marker();
        let at = byte_of(&self.file.text, mark.line() as u64, mark.col() as u64 + 1).unwrap_or_default();
        let info = error.info();
        if info.contains("unknown anchor") {
            return self.refuse(at..at, ALIAS);
        }
        let what = info.lines().next().unwrap_or_default().to_owned();
        let place = Some(place(&self.file.text, at..at));
        ManifestError::new(&self.file.path, place, Problem::Syntax { language: "YAML", what })
    }

    /// What is YAML and yet no manifest.
    fn refuse(&self, at: Range<usize>, what: &str) -> ManifestError {
        let place = Some(place(&self.file.text, at));
        ManifestError::new(&self.file.path, place, Problem::Line { what: what.to_owned() })
    }
}

const ALIAS: &str = "an alias stands here: write the value itself";

fn tag_at(span: &Span) -> Range<usize> {
    let own = span.byte_range().unwrap_or_default();
    span.tag_span().and_then(|tag| tag.byte_range()).unwrap_or(own)
}
