//! `schema NAME`: what an editor needs to check a configuration file while it is written.

use crate::manifest::schema;

use super::error::OpsError;

/// The JSON schema of a configuration file, as it is printed.
///
/// # Errors
/// A usage error that names the schemas there are.
pub fn schema(name: &str) -> Result<String, OpsError> {
    schema::schema(name).ok_or_else(|| {
        let known: Vec<String> = schema::SCHEMAS
            .iter()
            .map(|(name, file)| format!("`holdpoint schema {name}` ({file})"))
            .collect();
        OpsError::Usage {
            what: format!("`{}` is no schema of ours", name.escape_debug()),
            hint: known.join(", "),
        }
    })
}
