//! Who may ask over HTTP, and for what: tokens, roles, and the record of what was asked.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::id::{IdError, shown, text_id};

/// What a token's holder may do. Each role may do what the one before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Looks.
    Viewer,
    /// Releases and recovers.
    Operator,
    /// Throws records away, and changes what later releases read.
    Admin,
}

impl Role {
    /// Every role, the weakest first.
    pub const ALL: [Role; 3] = [Role::Viewer, Role::Operator, Role::Admin];

    /// The word in files, on screen and on the command line.
    pub const fn word(self) -> &'static str {
        match self {
            Role::Viewer => "viewer",
            Role::Operator => "operator",
            Role::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Whose token it is. The audit log names this operator.
///
/// `[A-Za-z0-9][A-Za-z0-9._@-]{0,63}`: it stands in logs and is handed to programs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct OperatorName(String);
text_id!(OperatorName);

impl FromStr for OperatorName {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let begins = text.starts_with(|first: char| first.is_ascii_alphanumeric());
        let fits = text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'@'));
        if begins && fits && text.len() <= 64 {
            return Ok(Self(text.to_owned()));
        }
        let what = "a name of an operator: letters, digits, `.`, `_`, `-` and `@`, at most 64, the first a \
                    letter or a digit";
        Err(IdError::Record { given: shown(text), what })
    }
}

/// A token as it is kept: its value is not, only what proves it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Token {
    /// Whose it is.
    pub name: OperatorName,
    /// What they may do.
    pub role: Role,
    /// sha256 of its value, 64 hexadecimal digits.
    pub sha256: String,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: DateTime<Utc>,
    /// It is good until then.
    pub expires_at: DateTime<Utc>,
    /// Taken back since.
    pub revoked_at: Option<DateTime<Utc>>,
}

impl Token {
    /// Whether it is good at this moment.
    pub fn is_good(&self, now: DateTime<Utc>) -> bool {
        self.revoked_at.is_none() && now < self.expires_at
    }
}

/// One row of `token list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TokenRow {
    /// Whose it is.
    pub name: OperatorName,
    /// What they may do.
    pub role: Role,
    /// `good`, `expired`, `revoked`.
    pub standing: &'static str,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: DateTime<Utc>,
    /// It is good until then.
    pub expires_at: DateTime<Utc>,
    /// Taken back since.
    pub revoked_at: Option<DateTime<Utc>>,
}

impl TokenRow {
    /// A token as it stands at this moment.
    pub fn of(token: &Token, now: DateTime<Utc>) -> Self {
        let standing = match (token.revoked_at, token.is_good(now)) {
            (Some(_), _) => "revoked",
            (None, true) => "good",
            (None, false) => "expired",
        };
        Self {
            name: token.name.clone(),
            role: token.role,
            standing,
            created_by: token.created_by.clone(),
            created_at: token.created_at,
            expires_at: token.expires_at,
            revoked_at: token.revoked_at,
        }
    }
}

/// A token that was just made: the only time its value is seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewToken {
    /// What it is.
    #[serde(flatten)]
    pub row: TokenRow,
    /// Its value; none where it was written to a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// The file it was written to, as a configuration of curl.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub curl_config: Option<String>,
}

/// One request that changed something, or was turned away, for the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Who asked; none: nobody who could prove it.
    pub operator: Option<OperatorName>,
    /// From where.
    pub remote: String,
    /// `POST`, …
    pub method: String,
    /// The path that was asked for, without its query.
    pub path: String,
    /// The status that was answered.
    pub status: u16,
    /// The code of a refusal.
    pub code: Option<String>,
    /// The attempt that it began or concerned.
    pub attempt: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_become_an_option_or_a_path() {
        for good in ["alice", "a.b_c-d@example.org", "7"] {
            assert_eq!(good.parse::<OperatorName>().unwrap().as_str(), good);
        }
        for bad in ["", "-x", "../a", "a b", "a/b", "ä", "a\n", &"a".repeat(65)] {
            assert!(bad.parse::<OperatorName>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn roles_rise() {
        assert!(Role::Viewer < Role::Operator && Role::Operator < Role::Admin);
    }
}
