//! Names of plans, stages and hosts: each may become a key of the ledger or a word of a command line.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::id::{IdError, shown, text_id};

/// Letters, digits, `.`, `_` and `-`, beginning with a letter or a digit, at most 64.
fn plain(text: &str, what: &'static str) -> Result<String, IdError> {
    let good = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    let begins = text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
    if begins && text.len() <= 64 && text.bytes().all(good) && !text.contains("..") {
        return Ok(text.to_owned());
    }
    Err(IdError::Record { given: shown(text), what })
}

macro_rules! plain_id {
    ($(#[$meta:meta])* $name:ident, $what:literal) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schemars(with = "String")]
        pub struct $name(String);
        text_id!($name);

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                plain(text, $what).map(Self)
            }
        }
    };
}

plain_id! {
    /// A plan, as `rollout plan create` names it: `plan-3fa9c1d2`.
    PlanId, "a plan's id: copy it from `holdpoint rollout plan list`"
}
plain_id! {
    /// A stage of a plan: `canary`.
    StageId, "a stage's id: letters, digits, `.`, `_` and `-`, beginning with a letter or a digit, at most 64"
}
plain_id! {
    /// A host of the inventory, by the name it has there.
    HostName, "a host's name: letters, digits, `.`, `_` and `-`, beginning with a letter or a digit, at most 64"
}
