//! A known failure as data: how it looks, how to be sure, what to do now and what to change for good (seed 003).

use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, IntoDeserializer, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::phase::Phase;

/// One entry of `recovery/playbooks/release-<topic>.yaml`, in the format of seed 003.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Playbook {
    /// Its name, kebab-case.
    pub id: String,
    /// What the operator sees, with the error lines that they will grep for.
    pub symptom: String,
    /// How to confirm that this is it.
    pub detection: Vec<Detection>,
    /// Why it happens.
    pub root_cause: String,
    /// What to do about it.
    pub fix: Fix,
    /// Commands that confirm that the fix worked.
    pub verify: Vec<String>,
    /// Services it is known from; empty: any.
    pub services: Vec<String>,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// Where and how it must have failed for this to fit (design/05); none: the symptom alone decides.
    #[serde(default, rename = "match", skip_serializing_if = "Option::is_none")]
    pub when: Option<MatchRule>,
}

/// A command that confirms a playbook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Detection {
    /// What to run.
    pub command: String,
    /// What it should answer if the playbook applies: `rc=N`, `/regex/`, lines that must appear, or prose for an eye.
    pub expect: String,
}

/// What to do about a known failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fix {
    /// File and function that need fixing for good.
    pub bootstrap_script: String,
    /// The permanent fix.
    pub bootstrap_change: String,
    /// Commands that help now. A first line that is a comment says in one sentence what they do.
    pub adhoc: Adhoc,
}

/// Commands that help now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Adhoc {
    /// One text, run as a whole.
    Text(String),
    /// Commands, run one by one.
    List(Vec<String>),
}

impl Adhoc {
    /// The first remedy in one line: the comment it begins with, else its first command.
    pub fn headline(&self) -> &str {
        let first = match self {
            Adhoc::Text(text) => text.lines().map(str::trim).find(|line| !line.is_empty()),
            Adhoc::List(commands) => commands.first().map(|command| command.trim()),
        };
        first.unwrap_or_default().trim_start_matches('#').trim_start()
    }
}

/// Where and how it must have failed. Everything in it weighs; `docs/playbooks.md` says how much.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MatchRule {
    /// Phases it fails in; empty: any.
    #[serde(default, deserialize_with = "one_or_more", skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "one_or_more_of::<Phase>")]
    pub phase: Vec<Phase>,
    /// Regular expression over the step's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// Exit statuses; empty: any.
    #[serde(default, deserialize_with = "one_or_more", skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "one_or_more_of::<i32>")]
    pub rc: Vec<i32>,
    /// Regular expression over the program that failed, from its name on: `docker-compose`, `git (fetch|pull)`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// Regular expressions of which one is found in a line that was said; empty: the symptom's quoted lines count.
    #[serde(default, deserialize_with = "one_or_more", skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "one_or_more_of::<String>")]
    pub output: Vec<String>,
    /// How many different ones of `output` are enough to be sure: 1 unless its words are said of other things, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enough: Option<usize>,
    /// Regular expressions of thinner words, which other causes have, too: found in a line, they make it possible, never strong.
    #[serde(default, deserialize_with = "one_or_more", skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "one_or_more_of::<String>")]
    pub possible: Vec<String>,
    /// Regular expressions that tell of another state: where one is found in a line, this one does not fit.
    #[serde(default, deserialize_with = "one_or_more", skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "one_or_more_of::<String>")]
    pub unless: Vec<String>,
    /// Playbooks of more general causes: where this one fits, they do not fit strongly.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub over: Vec<String>,
}

/// One value, or a list of them.
fn one_or_more<'de, D, T>(from: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    from.deserialize_any(OneOrMore(PhantomData))
}

/// What an editor is told of that.
fn one_or_more_of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    let one = generator.subschema_for::<T>();
    json_schema!({ "anyOf": [one.clone(), { "type": "array", "items": one }] })
}

struct OneOrMore<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for OneOrMore<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("one value or a list")
    }

    fn visit_str<E: Error>(self, one: &str) -> Result<Vec<T>, E> {
        T::deserialize(one.into_deserializer()).map(|one| vec![one])
    }

    fn visit_i64<E: Error>(self, one: i64) -> Result<Vec<T>, E> {
        T::deserialize(one.into_deserializer()).map(|one| vec![one])
    }

    fn visit_u64<E: Error>(self, one: u64) -> Result<Vec<T>, E> {
        T::deserialize(one.into_deserializer()).map(|one| vec![one])
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
        let mut all = Vec::new();
        while let Some(one) = list.next_element()? {
            all.push(one);
        }
        Ok(all)
    }
}
