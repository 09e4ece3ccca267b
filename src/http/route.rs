//! A route as one value: everything that is said of it anywhere is made from it.

use std::sync::Arc;

use schemars::JsonSchema;
#[cfg(test)]
use schemars::{Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::access::Role;
use crate::model::id::AttemptId;
use crate::model::outcome::Ending;
use crate::ops::Host;
use crate::ops::spawn::Waits;

use super::asked::Asked;
use super::problem::Problem;

/// Who may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Anybody: words and counts, no names.
    Nobody,
    /// Whoever has this role, or a higher one.
    Role(Role),
    /// As a viewer, or anybody where `--public-read` says so: then words and counts, no names.
    PublicRead,
}

/// How it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    /// It looks.
    Get,
    /// It changes something.
    Post,
    /// It takes something away.
    Delete,
}

impl Method {
    /// The word on the wire.
    pub const fn word(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Delete => "DELETE",
        }
    }
}

/// The shape of a value, as the document shows it.
#[cfg(test)]
pub(super) type Shape = fn(&mut SchemaGenerator) -> Schema;

/// What is asked and answered, for the document. The program ships that as a text: only the test that writes it asks for shapes.
#[derive(Clone)]
pub(super) struct Shapes {
    /// After `?`.
    #[cfg(test)]
    pub(super) query: Option<Shape>,
    #[cfg(test)]
    pub(super) body: Option<Shape>,
    #[cfg(test)]
    pub(super) answer: Shape,
}

#[cfg_attr(
    not(test),
    expect(
        clippy::extra_unused_type_parameters,
        clippy::needless_update,
        reason = "the program has no shapes"
    )
)]
impl Shapes {
    fn answering<A: JsonSchema>() -> Self {
        Self {
            #[cfg(test)]
            query: None,
            #[cfg(test)]
            body: None,
            #[cfg(test)]
            answer: SchemaGenerator::subschema_for::<A>,
        }
    }

    fn told<Q: JsonSchema>(self) -> Self {
        Self {
            #[cfg(test)]
            query: Some(SchemaGenerator::subschema_for::<Q>),
            ..self
        }
    }

    fn sent<B: JsonSchema>(self) -> Self {
        Self {
            #[cfg(test)]
            body: Some(SchemaGenerator::subschema_for::<B>),
            ..self
        }
    }
}

/// Looks, and answers.
pub(super) type Look = Arc<dyn Fn(&Host, &Asked) -> Result<Value, Problem> + Send + Sync>;

/// Makes a command line.
pub(super) type Command = Arc<dyn Fn(&Asked) -> Result<Vec<String>, Problem> + Send + Sync>;

/// Changes something here and now, and answers.
pub(super) type Deed = Arc<dyn Fn(&Host, &Asked) -> Result<Value, Problem> + Send + Sync>;

/// What is done with a request. It blocks: it looks at files and starts programs.
#[derive(Clone)]
pub(super) enum Work {
    /// It looks, and this is the answer.
    Look(Look),
    /// It changes something: this command line is run for whoever asks.
    Run(Command, Waits),
    /// It changes something by one commit to the ledger of rollouts.
    Act(Deed),
    /// An answer that goes on: the records of an attempt as they come.
    Stream,
    /// Numbers for Prometheus, as text.
    Metrics,
    /// The document that describes all of this.
    Document,
}

/// A route.
#[derive(Clone)]
pub(super) struct Route {
    pub(super) method: Method,
    /// `/api/deployments/{id}`
    pub(super) path: &'static str,
    pub(super) need: Need,
    /// One line.
    #[cfg_attr(not(test), expect(dead_code, reason = "only the document says it"))]
    pub(super) summary: &'static str,
    #[cfg_attr(not(test), expect(dead_code, reason = "as the summary"))]
    pub(super) shapes: Shapes,
    pub(super) work: Work,
}

/// What a change answers.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Accepted {
    /// The attempt that it began or concerned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) deployment_id: Option<AttemptId>,
    /// How it ended; none: it goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ending: Option<Ending>,
    /// Where to look how it goes on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) links: Vec<String>,
    /// What it said at its end.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub(super) answer: Value,
}

/// No query.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

fn value(answer: impl Serialize) -> Result<Value, Problem> {
    serde_json::to_value(answer)
        .map_err(|error| Problem::internal(format!("the answer cannot be written: {error}")))
}

impl Route {
    /// A route that looks.
    pub(super) fn get<A: Serialize + JsonSchema + 'static>(
        path: &'static str,
        summary: &'static str,
        look: fn(&Host, &Asked) -> Result<A, Problem>,
    ) -> Self {
        let work = move |host: &Host, asked: &Asked| {
            asked.query::<Nothing>()?;
            value(look(host, asked)?)
        };
        Self::looking(path, summary, Shapes::answering::<A>(), Arc::new(work))
    }

    /// A route that looks, and is told more after `?`.
    pub(super) fn get_with<
        Q: DeserializeOwned + JsonSchema + 'static,
        A: Serialize + JsonSchema + 'static,
    >(
        path: &'static str,
        summary: &'static str,
        look: fn(&Host, &Asked, Q) -> Result<A, Problem>,
    ) -> Self {
        let work = move |host: &Host, asked: &Asked| value(look(host, asked, asked.query()?)?);
        Self::looking(path, summary, Shapes::answering::<A>().told::<Q>(), Arc::new(work))
    }

    fn looking(path: &'static str, summary: &'static str, shapes: Shapes, work: Look) -> Self {
        let need = Need::Role(Role::Viewer);
        Self { method: Method::Get, path, need, summary, shapes, work: Work::Look(work) }
    }

    /// A route that changes something: `command` makes the command line from what was asked.
    pub(super) fn post<B: DeserializeOwned + JsonSchema + 'static>(
        role: Role,
        path: &'static str,
        summary: &'static str,
        waits: Waits,
        command: fn(&Asked, B) -> Result<Vec<String>, Problem>,
    ) -> Self {
        let work = move |asked: &Asked| {
            asked.query::<Nothing>()?;
            command(asked, asked.body()?)
        };
        Self {
            method: Method::Post,
            path,
            need: Need::Role(role),
            summary,
            shapes: Shapes::answering::<Accepted>().sent::<B>(),
            work: Work::Run(Arc::new(work), waits),
        }
    }

    /// A route that acts on a rollout: decided and written at once, without a command line.
    pub(super) fn act<B: DeserializeOwned + JsonSchema + 'static, A: Serialize + JsonSchema + 'static>(
        role: Role,
        path: &'static str,
        summary: &'static str,
        deed: fn(&Host, &Asked, B) -> Result<A, Problem>,
    ) -> Self {
        let work = move |host: &Host, asked: &Asked| {
            asked.query::<Nothing>()?;
            value(deed(host, asked, asked.body()?)?)
        };
        Self {
            method: Method::Post,
            path,
            need: Need::Role(role),
            summary,
            shapes: Shapes::answering::<A>().sent::<B>(),
            work: Work::Act(Arc::new(work)),
        }
    }

    /// The same, asked to take something away.
    pub(super) fn takes_away(self) -> Self {
        Self { method: Method::Delete, ..self }
    }

    /// A route whose answer is no document of ours.
    pub(super) fn special(need: Need, path: &'static str, summary: &'static str, work: Work) -> Self {
        Self { method: Method::Get, path, need, summary, shapes: Shapes::answering::<Value>(), work }
    }

    /// The same, for others.
    pub(super) fn needs(self, need: Need) -> Self {
        Self { need, ..self }
    }
}
