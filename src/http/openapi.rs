//! The document that describes the API (`OpenAPI` 3.1).
//!
//! It is made from the routes themselves by a test (`written`) and shipped as a text: what makes shapes of types would be a
//! twentieth of the program, and each server would make the same document again.

#[cfg(test)]
mod written;

/// The document, as JSON.
pub(super) const DOCUMENT: &str = include_str!("openapi/openapi.json");
