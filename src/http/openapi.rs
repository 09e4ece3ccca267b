//! The document that describes the API (`OpenAPI` 3.1).
//!
//! It is made from the routes themselves by a test (`written`) and shipped as a text: what makes shapes of types would be a
//! twentieth of the program, and each server would make the same document again.

#[cfg(test)]
mod written;

use std::sync::LazyLock;

use axum::body::Bytes;
use serde_json::Value;

use crate::model::packed::shipped;

/// The document, as it is sent: on one line.
pub(super) static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| {
    let document: Value = serde_json::from_str(&shipped!("openapi.json")).unwrap_or_default();
    document.to_string().into()
});
