//! What is said to a member of etcd and what it answers, in the JSON of its own gateway: bytes as base64, 64-bit numbers as
//! text, and zeros left out.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize, Serializer};

/// A number that JSON has as text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Num(pub(super) u64);

impl Serialize for Num {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Num {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Num).map_err(|_| D::Error::custom("is no number"))
    }
}

/// Bytes that JSON has as base64; ours are always text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Text(pub(super) Vec<u8>);

impl Text {
    pub(super) fn of(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }

    /// The first key behind all that begin with this.
    pub(super) fn after_prefix(&self) -> Self {
        let mut end = self.0.clone();
        while let Some(last) = end.pop() {
            if last < u8::MAX {
                end.push(last + 1);
                break;
            }
        }
        Self(end)
    }

    /// As text; none: somebody else wrote it.
    pub(super) fn text(self) -> Option<String> {
        String::from_utf8(self.0).ok()
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text).map(Text).map_err(D::Error::custom)
    }
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct RangeAsk {
    pub(super) key: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) range_end: Option<Text>,
    pub(super) limit: Num,
    pub(super) revision: Num,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Header {
    #[serde(default)]
    pub(super) revision: Num,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct KeyValue {
    pub(super) key: Text,
    #[serde(default)]
    pub(super) value: Text,
    #[serde(default)]
    pub(super) create_revision: Num,
    #[serde(default)]
    pub(super) mod_revision: Num,
    #[serde(default)]
    pub(super) lease: Num,
}

#[derive(Debug, Deserialize)]
pub(super) struct RangeSaid {
    pub(super) header: Header,
    #[serde(default)]
    pub(super) kvs: Vec<KeyValue>,
    #[serde(default)]
    pub(super) more: bool,
}

/// What a key is compared with; the rest of the comparison is always `EQUAL`.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Compare {
    pub(super) key: Text,
    pub(super) result: &'static str,
    pub(super) target: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) create_revision: Option<Num>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mod_revision: Option<Num>,
}

#[derive(Debug, Clone, Serialize)]
pub(super) enum OpAsk {
    #[serde(rename = "request_range")]
    Range(RangeAsk),
    #[serde(rename = "request_put")]
    Put { key: Text, value: Text, lease: Num },
    #[serde(rename = "request_delete_range")]
    Delete { key: Text },
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct TxnAsk {
    pub(super) compare: Vec<Compare>,
    pub(super) success: Vec<OpAsk>,
    pub(super) failure: Vec<OpAsk>,
}

#[derive(Debug, Deserialize)]
pub(super) struct TxnSaid {
    pub(super) header: Header,
    #[serde(default)]
    pub(super) succeeded: bool,
    #[serde(default)]
    pub(super) responses: Vec<OpSaid>,
}

/// Only what was read is looked at.
#[derive(Debug, Deserialize)]
pub(super) struct OpSaid {
    pub(super) response_range: Option<ReadSaid>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct ReadSaid {
    #[serde(default)]
    pub(super) kvs: Vec<KeyValue>,
}

#[derive(Debug, Serialize)]
pub(super) struct LeaseAsk {
    #[serde(rename = "ID")]
    pub(super) id: Num,
    #[serde(rename = "TTL", skip_serializing_if = "Option::is_none")]
    pub(super) ttl: Option<Num>,
}

#[derive(Debug, Deserialize)]
pub(super) struct LeaseSaid {
    #[serde(rename = "ID", default)]
    pub(super) id: Num,
    #[serde(rename = "TTL", default)]
    pub(super) ttl: Num,
}

/// What a member answers in pieces, each in a line of its own.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Piece<T> {
    Result(T),
    Error(Refusal),
}

/// Nothing that is looked at.
#[derive(Debug, Deserialize)]
pub(super) struct Nothing {}

#[derive(Debug, Serialize)]
pub(super) struct WatchAsk {
    pub(super) create_request: WatchCreate,
}

#[derive(Debug, Serialize)]
pub(super) struct WatchCreate {
    pub(super) key: Text,
    pub(super) range_end: Text,
    pub(super) start_revision: Num,
}

#[derive(Debug, Deserialize)]
pub(super) struct WatchSaid {
    #[serde(default)]
    pub(super) canceled: bool,
    #[serde(default)]
    pub(super) compact_revision: Num,
    #[serde(default)]
    pub(super) events: Vec<Event>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Event {
    /// `DELETE`; a put has none.
    #[serde(rename = "type", default)]
    pub(super) kind: String,
    pub(super) kv: KeyValue,
}

#[derive(Debug, Serialize)]
pub(super) struct LoginAsk<'a> {
    pub(super) name: &'a str,
    pub(super) password: &'a str,
}

#[derive(Debug, Deserialize)]
pub(super) struct LoginSaid {
    #[serde(default)]
    pub(super) token: String,
}

/// Why a member did not do it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Refusal {
    #[serde(alias = "grpc_code", default)]
    pub(super) code: u32,
    #[serde(default)]
    pub(super) message: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_behind_a_prefix_is_the_next_key_that_does_not_begin_with_it() {
        let end = |bytes: &[u8]| Text(bytes.to_vec()).after_prefix().0;
        assert_eq!(end(b"a/"), b"a0");
        assert_eq!(end(b"a\xff"), b"b");
    }

    #[test]
    fn numbers_are_text_and_zeros_may_be_missing() {
        let said: RangeSaid = serde_json::from_str(r#"{"header":{}}"#).unwrap();
        assert_eq!(said.header.revision, Num(0));
        let said: RangeSaid =
            serde_json::from_str(r#"{"header":{"revision":"7"},"kvs":[{"key":"YQ=="}],"count":"1"}"#)
                .unwrap();
        assert_eq!((said.header.revision, said.kvs[0].value.clone()), (Num(7), Text::default()));
        assert_eq!(
            serde_json::to_string(&LeaseAsk { id: Num(0), ttl: Some(Num(20)) }).unwrap(),
            r#"{"ID":"0","TTL":"20"}"#
        );
    }
}
