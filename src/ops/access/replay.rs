//! Requests that may be repeated: whoever names an `Idempotency-Key` gets the answer of the first time.

use chrono::TimeDelta;

use crate::ops::error::OpsError;
use crate::ops::host::Host;
use crate::store::Replay;
use crate::sys::files;

/// How long an answer is kept.
const KEPT_FOR: TimeDelta = TimeDelta::hours(48);

/// A request that may be repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    digest: String,
    asked: String,
}

/// What is known of a request that may be repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    /// It is asked for the first time.
    First,
    /// It was answered: status and body.
    Answered(u16, serde_json::Value),
    /// It was asked before, and how that ended is not known: it is under way, or the server was killed meanwhile.
    Unknown,
    /// The same key was used for something else.
    Another,
}

impl Key {
    /// The key of an operator for what they ask, `asked` being all of it: method, path, body.
    pub fn new(operator: &str, key: &str, asked: &[u8]) -> Self {
        let digest = files::sha256_of(format!("{operator}\n{key}").as_bytes());
        Self { digest, asked: files::sha256_of(asked) }
    }
}

/// What is known of the key; one that is asked for the first time is noted, durably, before anything is done.
///
/// # Errors
/// What cannot be read or written.
pub fn begin(host: &Host, key: &Key) -> Result<Kept, OpsError> {
    let now = host.clock.now();
    let first = Replay { at: now, asked: key.asked.clone(), status: None, answer: serde_json::Value::Null };
    match host.store.claim_replay(&key.digest, &first, now - KEPT_FOR)? {
        Some(replay) if replay.asked != key.asked => Ok(Kept::Another),
        Some(Replay { status: Some(status), answer, .. }) => Ok(Kept::Answered(status, answer)),
        Some(_) => Ok(Kept::Unknown),
        None => Ok(Kept::First),
    }
}

/// Keeps the answer.
///
/// # Errors
/// What cannot be written.
pub fn finish(host: &Host, key: &Key, status: u16, answer: &serde_json::Value) -> Result<(), OpsError> {
    let (asked, answer) = (key.asked.clone(), answer.clone());
    let replay = Replay { at: host.clock.now(), asked, status: Some(status), answer };
    Ok(host.store.keep_replay(&key.digest, &replay)?)
}
