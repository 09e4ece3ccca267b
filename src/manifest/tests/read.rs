//! Reading, as the tests of this folder do it.

use crate::manifest::ManifestError;
use crate::manifest::settings::{OtherSources, ReleaseToml, SourceFile};
use crate::model::settings::Settings;

/// The settings of a `.asd/release.toml` and what lies beside it.
pub(super) fn parse(text: &str, others: &OtherSources) -> Result<Settings, ManifestError> {
    let file = SourceFile { path: ".asd/release.toml".to_owned(), text: text.to_owned() };
    ReleaseToml::read(&file)?.settings(others)
}
