//! What configuration means, and what a person sees when it is wrong.

mod services;
mod settings;

use super::ManifestError;
use super::settings::{Beside, ReleaseToml, SourceFile};
use crate::model::settings::Settings;

/// The settings of a `.asd/release.toml` and what lies beside it.
fn parse(text: &str, beside: &Beside) -> Result<Settings, ManifestError> {
    let file = SourceFile { path: ".asd/release.toml".to_owned(), text: text.to_owned() };
    ReleaseToml::read(&file)?.settings(beside)
}
