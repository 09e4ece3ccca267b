//! A YAML file: one document without anchors, aliases and tags, parsed under limits, keeping where each key stands.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::de::DeserializeOwned;
use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle, ScanError, Span};

use super::check::shown;
use super::error::{ManifestError, Place, Problem};
use super::settings::SourceFile;
use super::spot::Located;
use super::text::{LIMIT_DEPTH, place, within_limit};
use super::tree::{Is, Node, Slip};

/// Name of the schema that lists the keys of a `manifest.yaml`.
pub(super) const SCHEMA: &str = "manifest";

/// Values a manifest may have: more is no manifest.
const LIMIT_NODES: usize = 10_000;

/// A parsed YAML file.
pub(super) struct YamlDocument<'f> {
    file: &'f SourceFile,
    /// What is in it; none where nothing is.
    root: Option<Node>,
    /// Name of the schema that lists the keys of this file.
    schema: &'static str,
}

/// A key of a table: the way to the table, the key, where it stands.
pub(super) type Key<'n> = (Vec<String>, &'n str, Range<usize>);

impl<'f> YamlDocument<'f> {
    /// Parses the text. Errors: too long, not YAML, too deep, anchors, aliases, tags, several documents.
    pub(super) fn parse(file: &'f SourceFile) -> Result<Self, ManifestError> {
        Self::parse_as(file, SCHEMA)
    }

    /// The same, of a file whose keys another schema lists.
    pub(super) fn parse_as(file: &'f SourceFile, schema: &'static str) -> Result<Self, ManifestError> {
        within_limit(file)?;
        let mut walk = Walk { file, open: Vec::new(), nodes: 0, documents: 0, root: None };
        for event in Parser::new_from_str(&file.text) {
            let (event, span) = event.map_err(|error| walk.scan_error(&error))?;
            walk.take(event, span)?;
        }
        Ok(Self { file, root: walk.root, schema })
    }

    /// Reads it as a value. Errors: missing and unknown keys, wrong types, words and values.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, ManifestError> {
        let nothing = Node { at: 0..0, is: Is::Plain(String::new()) };
        self.root.as_ref().unwrap_or(&nothing).read().map_err(|slip| self.translate(slip))
    }

    /// Line and column of every value, by its dotted way.
    pub(super) fn places(&self) -> BTreeMap<String, (usize, usize)> {
        let mut places = BTreeMap::new();
        let mut see = |way: &[String], key: Option<&Node>, value: &Node| {
            let place = place(&self.file.text, value.pointed(key));
            places.insert(way.join("."), (place.line, place.column));
        };
        if let Some(root) = &self.root {
            root.walk(&mut see);
        }
        places
    }

    /// Every key of every table.
    pub(super) fn keys(&self) -> Vec<Key<'_>> {
        let mut keys: Vec<Key<'_>> = Vec::new();
        if let Some(root) = &self.root {
            root.walk(&mut |way, key, _| {
                if let (Some((_, table)), Some(key)) = (way.split_last(), key) {
                    keys.push((table.to_vec(), key.text(), key.at.clone()));
                }
            });
        }
        keys
    }

    /// A problem at a span.
    pub(super) fn error(&self, span: Range<usize>, problem: Problem) -> ManifestError {
        let place = Some(place(&self.file.text, span));
        ManifestError::new(&self.file.path, place, problem)
    }

    fn translate(&self, slip: Slip) -> ManifestError {
        let (at, problem) = slip.problem(self.schema, "text");
        // What a file lacks in which nothing is stands nowhere.
        let place = at.filter(|_| self.root.is_some()).map(|at| place(&self.file.text, at));
        ManifestError::new(&self.file.path, place, problem)
    }
}

impl Located for YamlDocument<'_> {
    fn file(&self) -> &str {
        &self.file.path
    }

    fn locate(&self, way: &[String]) -> Option<Place> {
        let mut found = (None, self.root.as_ref()?);
        for step in way {
            let Some(next) = found.1.step(step) else { break };
            found = next;
        }
        Some(place(&self.file.text, found.1.pointed(found.0)))
    }
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

/// A table or a list that is still open: where it begins, and what it has so far.
struct Open {
    at: usize,
    so_far: SoFar,
}

enum SoFar {
    /// A table, and its key whose value is awaited.
    Table(Vec<(Node, Node)>, Option<Node>),
    List(Vec<Node>),
}

/// Makes a tree of the parser's events, refusing what a manifest may not have.
struct Walk<'f> {
    file: &'f SourceFile,
    open: Vec<Open>,
    nodes: usize,
    documents: usize,
    root: Option<Node>,
}

impl Walk<'_> {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), ManifestError> {
        let at = span.byte_range().unwrap_or_default();
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(self.refuse(at, "a second document begins here: write one document"));
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.node(anchor, tag.as_ref().map(|_| tag_at(&span)), &at)?;
                let text = text.into_owned();
                let is = if style == ScalarStyle::Plain { Is::Plain(text) } else { Is::Quoted(text) };
                self.value(Node { at, is })?;
            }
            Event::MappingStart(_, anchor, tag) => {
                self.node(anchor, tag.as_ref().map(|_| tag_at(&span)), &at)?;
                self.open(SoFar::Table(Vec::new(), None), at)?;
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.node(anchor, tag.as_ref().map(|_| tag_at(&span)), &at)?;
                self.open(SoFar::List(Vec::new()), at)?;
            }
            Event::MappingEnd | Event::SequenceEnd => {
                if let Some(Open { at, so_far }) = self.open.pop() {
                    let is = match so_far {
                        SoFar::Table(entries, _) => Is::Table(entries),
                        SoFar::List(items) => Is::List(items),
                    };
                    self.value(Node { at: at..at, is })?;
                }
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

    /// Takes a whole value to where it belongs.
    fn value(&mut self, node: Node) -> Result<(), ManifestError> {
        match self.open.last_mut().map(|open| &mut open.so_far) {
            None => self.root = Some(node),
            Some(SoFar::List(items)) => items.push(node),
            Some(SoFar::Table(entries, awaited)) => match awaited.take() {
                Some(key) => entries.push((key, node)),
                None if node.text() == "<<" => {
                    return Err(self.refuse(node.at, "a merge key stands here: write the keys themselves"));
                }
                None if entries.iter().any(|(known, _)| known.text() == node.text()) => {
                    let what =
                        format!("the key `{}` stands there twice: take one of them out", shown(node.text()));
                    return Err(self.refuse(node.at, &what));
                }
                // A number may be a key, too; what is looked for are its signs.
                None => *awaited = Some(Node { at: node.at, is: Is::Text(node.is.into_text()) }),
            },
        }
        Ok(())
    }

    fn open(&mut self, so_far: SoFar, at: Range<usize>) -> Result<(), ManifestError> {
        if matches!(self.open.last(), Some(Open { so_far: SoFar::Table(_, None), .. })) {
            return Err(self.refuse(at, "a table or list stands where a key is wanted: write a word"));
        }
        if self.open.len() >= LIMIT_DEPTH {
            let problem = Problem::TooDeep { limit: LIMIT_DEPTH };
            let place = Some(place(&self.file.text, at));
            return Err(ManifestError::new(&self.file.path, place, problem));
        }
        self.open.push(Open { at: at.start, so_far });
        Ok(())
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
