//! A parsed file as a tree of values that know where they stand: what types are read from, so that whatever one of them
//! refuses is shown with its line, its column and the keys that lead to it.

use std::fmt;
use std::ops::Range;
use std::slice;

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error, Expected, IntoDeserializer as _, MapAccess,
    SeqAccess, Unexpected, Visitor,
};
use serde_json::Value;

use super::check::shown;
use super::error::Problem;
use super::text::nearest;

/// A value, and where it stands: its text, or where a table or list begins.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) at: Range<usize>,
    pub(super) is: Is,
}

/// What stands there.
#[derive(Debug)]
pub(super) enum Is {
    /// A text, and nothing else.
    Text(String),
    /// A text in YAML's quotes, which may still be a number where one is wanted.
    Quoted(String),
    /// A text without quotes: a number, a yes or no, nothing, or a text after all, as it is wanted.
    Plain(String),
    /// What is no text in TOML.
    Exact(Meaning),
    List(Vec<Node>),
    Table(Vec<(Node, Node)>),
}

impl Is {
    /// The text as it was written; of a table or list, none.
    pub(super) fn into_text(self) -> String {
        match self {
            Self::Text(text) | Self::Quoted(text) | Self::Plain(text) => text,
            Self::Exact(_) | Self::List(_) | Self::Table(_) => String::new(),
        }
    }
}

/// Is shown a value: the keys and positions that lead there, its key where it has one, itself.
type See<'s, 'n> = dyn FnMut(&[String], Option<&'n Node>, &'n Node) + 's;

/// Why a type refuses a value.
#[derive(Debug)]
pub(super) struct Slip(Box<Inner>);

#[derive(Debug)]
struct Inner {
    at: Option<Range<usize>>,
    /// Keys that lead there, without positions in lists, the last first.
    way: Vec<String>,
    what: What,
}

/// What is wrong with it.
#[derive(Debug)]
enum What {
    /// In the words of the type itself.
    Said(String),
    /// It is of another kind: what was found, and what is wanted, in serde's words.
    Kind { found: String, wanted: String },
    /// A key is not there.
    Missing(&'static str),
    /// A key that the table does not have.
    Key { given: String, known: &'static [&'static str] },
    /// A word that is not one of a few.
    Word { given: String, known: &'static [&'static str] },
}

impl Slip {
    fn new(what: What) -> Self {
        Self(Box::new(Inner { at: None, way: Vec::new(), what }))
    }

    /// Of what was met below, the innermost place is kept.
    fn standing(mut self, at: &Range<usize>) -> Self {
        self.0.at.get_or_insert_with(|| at.clone());
        self
    }

    /// What was found is shown as it was written, where it is that value which is refused.
    fn meeting(mut self, node: &Node) -> Self {
        if let (None, What::Kind { found, .. }, Is::Plain(text)) = (&self.0.at, &mut self.0.what, &node.is)
            && found != "unit value"
        {
            *found = format!("`{}`", shown(text));
        }
        self
    }

    fn under(mut self, step: String) -> Self {
        self.0.way.push(step);
        self
    }

    /// Where it stands, and what is wrong in our words; `schema` lists the keys, and `text` is what a text is called there.
    pub(super) fn problem(self, schema: &'static str, text: &str) -> (Option<Range<usize>>, Problem) {
        let Inner { at, mut way, what } = *self.0;
        way.reverse();
        let key = way.join(".");
        let near =
            |given: &str, known: &[&'static str]| nearest(given, known.iter().copied()).map(str::to_owned);
        let problem = match what {
            What::Said(what) => {
                Problem::Value { key, what: what.lines().next().unwrap_or_default().to_owned() }
            }
            What::Kind { found, wanted } => {
                // Quotes are wanted around a text that would mean nothing without them.
                let is_text = wanted == "a string" && found != "unit value";
                let wanted = if is_text { text.to_owned() } else { wanted_word(&wanted) };
                Problem::WrongType { key, wanted, found: found_word(&found) }
            }
            What::Missing(field) => Problem::Missing { key: field.to_owned(), table: key, schema },
            What::Key { given, known } => {
                Problem::UnknownKey { nearest: near(&given, known), key: given, table: key, schema }
            }
            What::Word { given, known } => {
                let words = known.iter().map(|word| (*word).to_owned()).collect();
                Problem::UnknownWord { key, nearest: near(&given, known), given, known: words }
            }
        };
        (at, problem)
    }
}

impl fmt::Display for Slip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0.what)
    }
}

impl std::error::Error for Slip {}

impl Error for Slip {
    fn custom<T: fmt::Display>(said: T) -> Self {
        Self::new(What::Said(said.to_string()))
    }

    fn invalid_type(found: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        Self::new(What::Kind { found: found.to_string(), wanted: wanted.to_string() })
    }

    fn invalid_value(found: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        Self::invalid_type(found, wanted)
    }

    fn invalid_length(length: usize, wanted: &dyn Expected) -> Self {
        Self::new(What::Kind { found: length.to_string(), wanted: wanted.to_string() })
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(What::Missing(field))
    }

    fn unknown_field(given: &str, known: &'static [&'static str]) -> Self {
        Self::new(What::Key { given: given.to_owned(), known })
    }

    fn unknown_variant(given: &str, known: &'static [&'static str]) -> Self {
        Self::new(What::Word { given: given.to_owned(), known })
    }
}

/// What a value means that is neither a list nor a table.
#[derive(Debug, Clone)]
pub(super) enum Meaning {
    Nothing,
    Truth(bool),
    Whole(i64),
    Share(f64),
    /// A date, a time, or both.
    Moment(String),
    /// The text that was written.
    Text,
}

impl Meaning {
    /// As the YAML library reads it where any kind of value may stand; a yes or no is `true` or `false`, however large,
    /// and no other word.
    fn of(text: &str) -> Self {
        match text {
            "" | "~" | "null" | "Null" | "NULL" => Self::Nothing,
            "true" | "True" | "TRUE" => Self::Truth(true),
            "false" | "False" | "FALSE" => Self::Truth(false),
            _ => Self::number(text).unwrap_or(Self::Text),
        }
    }

    fn number(text: &str) -> Option<Self> {
        let may_be_one = |first: char| first.is_ascii_digit() || ['+', '-', '.'].contains(&first);
        if !text.starts_with(may_be_one) {
            return None;
        }
        match serde_saphyr::from_str::<Value>(text) {
            Ok(Value::Number(number)) => {
                number.as_i64().map(Self::Whole).or_else(|| number.as_f64().map(Self::Share))
            }
            _ => None,
        }
    }
}

impl Node {
    /// Reads it as a value of a type.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, Slip> {
        T::deserialize(self).map_err(|slip| slip.standing(&self.at))
    }

    /// Calls `see` for this and everything below it.
    pub(super) fn walk<'n>(&'n self, see: &mut See<'_, 'n>) {
        self.walk_from(&mut Vec::new(), None, see);
    }

    fn walk_from<'n>(&'n self, way: &mut Vec<String>, key: Option<&'n Self>, see: &mut See<'_, 'n>) {
        see(way, key, self);
        match &self.is {
            Is::Table(entries) => {
                for (key, value) in entries {
                    way.push(key.text().to_owned());
                    value.walk_from(way, Some(key), see);
                    way.pop();
                }
            }
            Is::List(items) => {
                for (at, item) in items.iter().enumerate() {
                    way.push(at.to_string());
                    item.walk_from(way, None, see);
                    way.pop();
                }
            }
            _ => {}
        }
    }

    /// The value of a key or at a position, and its key.
    pub(super) fn step(&self, step: &str) -> Option<(Option<&Self>, &Self)> {
        match &self.is {
            Is::Table(entries) => {
                entries.iter().find(|(key, _)| key.text() == step).map(|(key, value)| (Some(key), value))
            }
            Is::List(items) => items.get(step.parse::<usize>().ok()?).map(|item| (None, item)),
            _ => None,
        }
    }

    /// The span to show: its own, or its key's where it is a table or a list, which goes over many lines.
    pub(super) fn pointed(&self, key: Option<&Self>) -> Range<usize> {
        match (key, &self.is) {
            (Some(key), Is::Table(_) | Is::List(_)) => key.at.clone(),
            _ => self.at.clone(),
        }
    }

    /// The text as it was written; of a table or list, none.
    pub(super) fn text(&self) -> &str {
        match &self.is {
            Is::Text(text) | Is::Quoted(text) | Is::Plain(text) => text,
            Is::Exact(_) | Is::List(_) | Is::Table(_) => "",
        }
    }

    /// Whether nothing stands there.
    fn is_nothing(&self) -> bool {
        matches!(&self.is, Is::Plain(text) if matches!(Meaning::of(text), Meaning::Nothing))
    }

    fn give<'de, V: Visitor<'de>>(&'de self, meaning: Meaning, visitor: V) -> Result<V::Value, Slip> {
        match (&self.is, meaning) {
            (Is::List(items), _) => visitor.visit_seq(Items { rest: items.iter() }),
            (Is::Table(entries), _) => visitor.visit_map(Entries { rest: entries.iter(), key: None }),
            (_, Meaning::Nothing) => visitor.visit_unit(),
            (_, Meaning::Truth(truth)) => visitor.visit_bool(truth),
            (_, Meaning::Whole(number)) => visitor.visit_i64(number),
            (_, Meaning::Share(number)) => visitor.visit_f64(number),
            (_, Meaning::Moment(text)) => visitor.visit_str(&text),
            (_, Meaning::Text) => visitor.visit_str(self.text()),
        }
        .map_err(|slip| slip.meeting(self).standing(&self.at))
    }

    /// What it means where any kind of value may stand.
    fn meaning(&self) -> Meaning {
        match &self.is {
            Is::Plain(text) => Meaning::of(text),
            Is::Exact(meaning) => meaning.clone(),
            _ => Meaning::Text,
        }
    }

    /// What it means where a text is wanted: the text, even of a number, but not of nothing.
    fn wording(&self) -> Meaning {
        match &self.is {
            Is::Exact(meaning) => meaning.clone(),
            _ if self.is_nothing() => Meaning::Nothing,
            _ => Meaning::Text,
        }
    }

    /// What it means where a number or a yes or no is wanted: that, even in YAML's quotes.
    fn counting(&self) -> Meaning {
        match &self.is {
            Is::Quoted(text) => match Meaning::of(text) {
                Meaning::Nothing => Meaning::Text,
                meaning => meaning,
            },
            _ => self.meaning(),
        }
    }

    fn say<'de, V: Visitor<'de>>(&'de self, visitor: V) -> Result<V::Value, Slip> {
        // A moment is a text only where any value is asked for.
        if let Is::Exact(Meaning::Moment(text)) = &self.is {
            return Err(Slip::invalid_type(Unexpected::Other(text), &visitor).standing(&self.at));
        }
        self.give(self.wording(), visitor)
    }

    fn entries<'de, V: Visitor<'de>>(&'de self, visitor: V) -> Result<V::Value, Slip> {
        if self.is_nothing() {
            return visitor.visit_map(Entries { rest: [].iter(), key: None });
        }
        // A list of a table's values in their order is one that only a program would write.
        if matches!(self.is, Is::List(_)) {
            return Err(Slip::invalid_type(Unexpected::Seq, &visitor).standing(&self.at));
        }
        self.give(self.meaning(), visitor)
    }
}

/// Each kind of number is asked for in the same way.
macro_rules! counting {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Slip> {
            self.give(self.counting(), visitor)
        })*
    };
}

/// So is each kind of text.
macro_rules! wording {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Slip> {
            self.say(visitor)
        })*
    };
}

impl<'de> Deserializer<'de> for &'de Node {
    type Error = Slip;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Slip> {
        self.give(self.meaning(), visitor)
    }

    counting! {
        deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
        deserialize_f32 deserialize_f64
    }

    wording! { deserialize_char deserialize_str deserialize_string deserialize_identifier }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Slip> {
        if self.is_nothing() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Slip> {
        visitor.visit_newtype_struct(self)
    }

    /// Nothing is a table without keys: `backup:`.
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Slip> {
        self.entries(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Slip> {
        self.entries(visitor)
    }

    /// And a list without items: `tags:`.
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Slip> {
        if self.is_nothing() {
            return visitor.visit_seq(Items { rest: [].iter() });
        }
        self.give(self.meaning(), visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Slip> {
        match (&self.is, self.wording()) {
            (Is::Text(text) | Is::Quoted(text) | Is::Plain(text), Meaning::Text) => {
                let word: StrDeserializer<'_, Slip> = text.as_str().into_deserializer();
                visitor.visit_enum(word).map_err(|slip| slip.standing(&self.at))
            }
            _ => self.say(visitor),
        }
    }

    serde::forward_to_deserialize_any! {
        bytes byte_buf unit unit_struct tuple tuple_struct ignored_any
    }
}

struct Items<'n> {
    rest: slice::Iter<'n, Node>,
}

impl<'n> SeqAccess<'n> for Items<'n> {
    type Error = Slip;

    fn next_element_seed<T: DeserializeSeed<'n>>(&mut self, seed: T) -> Result<Option<T::Value>, Slip> {
        let Some(item) = self.rest.next() else { return Ok(None) };
        seed.deserialize(item).map(Some).map_err(|slip| slip.standing(&item.at))
    }
}

struct Entries<'n> {
    rest: slice::Iter<'n, (Node, Node)>,
    key: Option<&'n (Node, Node)>,
}

impl<'n> MapAccess<'n> for Entries<'n> {
    type Error = Slip;

    fn next_key_seed<K: DeserializeSeed<'n>>(&mut self, seed: K) -> Result<Option<K::Value>, Slip> {
        self.key = self.rest.next();
        let Some((key, _)) = self.key else { return Ok(None) };
        seed.deserialize(key).map(Some).map_err(|slip| {
            let slip = slip.standing(&key.at);
            // A key that the table does not have leads nowhere.
            if matches!(slip.0.what, What::Key { .. }) { slip } else { slip.under(key.text().to_owned()) }
        })
    }

    fn next_value_seed<V: DeserializeSeed<'n>>(&mut self, seed: V) -> Result<V::Value, Slip> {
        let Some((key, value)) = self.key else {
            return Err(Slip::custom("a value is asked for before its key"));
        };
        seed.deserialize(value).map_err(|slip| slip.standing(&value.at).under(key.text().to_owned()))
    }
}

fn found_word(found: &str) -> String {
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

fn wanted_word(wanted: &str) -> String {
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;
    use crate::manifest::settings::SourceFile;
    use crate::manifest::yaml_text::YamlDocument;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Sample {
        text: String,
        count: u8,
        offset: i64,
        share: f64,
        is: bool,
        may: Option<u32>,
        many: Vec<String>,
        below: BTreeMap<String, u16>,
        table: Option<Box<Sample>>,
        any: Option<Value>,
    }

    fn read(text: &str) -> Result<Sample, String> {
        let file = SourceFile { path: "f".to_owned(), text: text.to_owned() };
        let read = YamlDocument::parse(&file).and_then(|document| document.read());
        read.map_err(|error| error.to_string().lines().next().unwrap_or_default().to_owned())
    }

    #[test]
    fn a_value_means_what_is_wanted_of_it() {
        for (text, wanted) in [
            ("text: 1.20\n", Sample { text: "1.20".to_owned(), ..Sample::default() }),
            ("text: true\n", Sample { text: "true".to_owned(), ..Sample::default() }),
            ("text: \"null\"\n", Sample { text: "null".to_owned(), ..Sample::default() }),
            ("count: 0x10\noffset: -3\n", Sample { count: 16, offset: -3, ..Sample::default() }),
            ("count: \"7\"\nshare: 1.5\n", Sample { count: 7, share: 1.5, ..Sample::default() }),
            ("is: \"true\"\n", Sample { is: true, ..Sample::default() }),
            ("is: TRUE\nmay: 0o10\n", Sample { is: true, may: Some(8), ..Sample::default() }),
            ("may: ~\nmany:\nbelow:\n", Sample::default()),
            ("many: [a, 2]\n", Sample { many: vec!["a".to_owned(), "2".to_owned()], ..Sample::default() }),
            ("below: { 80: 443 }\n", Sample { below: [("80".to_owned(), 443)].into(), ..Sample::default() }),
            (
                "any: [1, x, ~]\n",
                Sample { any: Some(serde_json::json!([1, "x", null])), ..Sample::default() },
            ),
            ("", Sample::default()),
        ] {
            assert_eq!(read(text), Ok(wanted), "{text}");
        }
    }

    #[test]
    fn what_is_refused_is_shown_where_it_stands() {
        for (text, wanted) in [
            ("text: ~\n", "f:1:7: `text` should be text in quotes, not nothing"),
            ("text: [a]\n", "f:1:7: `text` should be text, not a list"),
            ("count: 300\n", "f:1:8: `count` should be a whole number from 0 to 255, not `300`"),
            ("table: { may: x1 }\n", "f:1:15: `table.may` should be a whole number from 0 up, not `x1`"),
            ("may: \"x 1\"\n", "f:1:6: `may` should be a whole number from 0 up, not the text \"x 1\""),
            ("is: yes\n", "f:1:5: `is` should be `true` or `false`, not `yes`"),
            ("is: \"on\"\n", "f:1:5: `is` should be `true` or `false`, not the text \"on\""),
            ("count: 1e3\n", "f:1:8: `count` should be a whole number from 0 to 255, not `1e3`"),
            ("many: [a, [b]]\n", "f:1:11: `many` should be text, not a list"),
            ("table: [a]\n", "f:1:8: `table` should be a table, not a list"),
            ("below: { a: b }\n", "f:1:13: `below.a` should be a whole number from 0 to 65535, not `b`"),
            ("table:\n  cuont: 1\n", "f:2:3: unknown key `cuont` in `table`: did you mean `count`?"),
        ] {
            let refused = read(text).expect_err(text);
            assert!(refused.starts_with(wanted), "{text}: {refused}");
        }
    }
}
