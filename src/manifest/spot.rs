//! A key in a file, by the way that leads to it: what checks hold in their hand to say where something is wrong.

use super::error::{ManifestError, Place, Problem};

/// A parsed file that knows where its keys stand.
pub(super) trait Located {
    /// The file's path.
    fn file(&self) -> &str;
    /// Where a key's value stands, or the nearest table around it.
    fn locate(&self, way: &[String]) -> Option<Place>;
}

/// A key of a file.
#[derive(Clone)]
pub(super) struct Spot<'d> {
    document: &'d dyn Located,
    way: Vec<String>,
    /// The way as a person writes it: without positions in lists.
    name: String,
}

impl<'d> Spot<'d> {
    /// The whole file.
    pub(super) fn top(document: &'d dyn Located) -> Self {
        Self { document, way: Vec::new(), name: String::new() }
    }

    /// A key of this table.
    pub(super) fn key(&self, key: &str) -> Self {
        let mut way = self.way.clone();
        way.push(key.to_owned());
        let name = if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) };
        Self { document: self.document, way, name }
    }

    /// An element of this list.
    pub(super) fn item(&self, position: usize) -> Self {
        let mut way = self.way.clone();
        way.push(position.to_string());
        Self { document: self.document, way, name: self.name.clone() }
    }

    /// The dotted name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// A problem here.
    pub(super) fn error(&self, problem: Problem) -> ManifestError {
        ManifestError::new(self.document.file(), self.document.locate(&self.way), problem)
    }

    /// A rule that is broken here: the message is the key, then this text.
    pub(super) fn rule(&self, why: impl Into<String>) -> ManifestError {
        self.error(Problem::Rule { key: self.name.clone(), why: why.into() })
    }

    /// A rule that is broken here by a value that may be a secret: its line is not shown.
    pub(super) fn hidden_rule(&self, why: impl Into<String>) -> ManifestError {
        let mut error = self.rule(why);
        if let Some(place) = &mut error.place {
            place.text.clear();
        }
        error
    }
}
