//! A key in a file, by the way that leads to it: what checks hold in their hand to say where something is wrong.

use std::iter;
use std::rc::Rc;

use super::error::{ManifestError, Place, Problem};

/// A parsed file that knows where its keys stand.
pub(super) trait Located {
    /// The file's path.
    fn file(&self) -> &str;
    /// Where a key's value stands, or the nearest table around it.
    fn locate(&self, way: &[String]) -> Option<Place>;
}

/// A key of a file. Most are asked for and nothing is wrong there: the way is put together only where something is.
#[derive(Clone)]
pub(super) struct Spot<'d> {
    document: &'d dyn Located,
    last: Option<Rc<Step>>,
}

/// One step of a way, and the steps that lead to it.
struct Step {
    before: Option<Rc<Step>>,
    to: To,
}

enum To {
    Key(String),
    /// A position in a list.
    Item(usize),
}

impl<'d> Spot<'d> {
    /// The whole file.
    pub(super) fn top(document: &'d dyn Located) -> Self {
        Self { document, last: None }
    }

    /// A key of this table.
    pub(super) fn key(&self, key: &str) -> Self {
        self.step(To::Key(key.to_owned()))
    }

    /// An element of this list.
    pub(super) fn item(&self, position: usize) -> Self {
        self.step(To::Item(position))
    }

    fn step(&self, to: To) -> Self {
        Self { document: self.document, last: Some(Rc::new(Step { before: self.last.clone(), to })) }
    }

    /// Every step from the top of the file.
    fn steps(&self) -> Vec<&To> {
        let mut steps: Vec<&To> = iter::successors(self.last.as_deref(), |step| step.before.as_deref())
            .map(|step| &step.to)
            .collect();
        steps.reverse();
        steps
    }

    /// The dotted name as a person writes it: without positions in lists.
    pub(super) fn name(&self) -> String {
        let keys = self.steps().into_iter().filter_map(|to| match to {
            To::Key(key) => Some(key.as_str()),
            To::Item(_) => None,
        });
        keys.collect::<Vec<_>>().join(".")
    }

    /// A problem here.
    pub(super) fn error(&self, problem: Problem) -> ManifestError {
        let way: Vec<String> = self
            .steps()
            .into_iter()
            .map(|to| match to {
                To::Key(key) => key.clone(),
                To::Item(position) => position.to_string(),
            })
            .collect();
        ManifestError::new(self.document.file(), self.document.locate(&way), problem)
    }

    /// A rule that is broken here: the message is the key, then this text.
    pub(super) fn rule(&self, why: impl Into<String>) -> ManifestError {
        self.error(Problem::Rule { key: self.name(), why: why.into() })
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
