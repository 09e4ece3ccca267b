//! `sources.toml`: what later releases read instead of what the configuration says. One file, replaced whole.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::model::source::{Relink, SOURCES_FORMAT, SourceLinks};

use super::error::StoreError;
use super::locked::LockedStore;
use super::toml_text;
use super::workspace::Store;

/// The file may have this many bytes.
const LIMIT: u64 = 1 << 20;

#[derive(Deserialize)]
struct Outline {
    format: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: u32,
    #[serde(default)]
    relink: Vec<Relink>,
}

impl Store {
    /// Every relink of this host; none was made where there is no file.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when it cannot be understood; [`StoreError::Newer`] when a newer version wrote it: what it
    /// says cannot be left out of account.
    pub fn source_links(&self) -> Result<SourceLinks, StoreError> {
        let path = self.layout().sources();
        let Some(bytes) = self.ground.workspace.read(&path, LIMIT)? else {
            return Ok(SourceLinks::default());
        };
        let damaged = |what: String| StoreError::Damaged { path: path.clone(), what };
        let text = String::from_utf8(bytes).map_err(|_| damaged("it is not UTF-8".to_owned()))?;
        let outline: Outline = toml_text::read(&text).map_err(damaged)?;
        if outline.format > SOURCES_FORMAT {
            return Err(StoreError::Newer { path, format: outline.format });
        }
        let file: File = toml_text::read(&text).map_err(damaged)?;
        Ok(SourceLinks { links: file.relink })
    }
}

impl LockedStore {
    /// Replaces the relinks: one whole version, old or new.
    ///
    /// # Errors
    /// [`StoreError::Newer`] and [`StoreError::Damaged`] where what is there must not be written over; when it cannot be
    /// written.
    pub fn save_source_links(&self, links: &SourceLinks) -> Result<(), StoreError> {
        self.source_links()?;
        let file = File { format: SOURCES_FORMAT, relink: links.links.clone() };
        let encode = |error: toml::ser::Error| StoreError::Encode { what: "sources", why: error.to_string() };
        let text = toml::to_string(&file).map_err(encode)?;
        let head =
            "# Written by `holdpoint source relink`, which is how it is changed: `holdpoint source show`.\n";
        self.ground.make_durable(self.layout().workspace())?;
        Ok(self
            .ground
            .workspace
            .save_atomic(&self.layout().sources(), (head.to_owned() + &text).as_bytes())?)
    }

    /// Keeps the compose file that says an image after a service's own; its name is that of its content, so that one that
    /// is there is never written over.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save_image_overlay(&self, path: &Path, text: &str) -> Result<(), StoreError> {
        self.ground.make_durable(&self.layout().image_overlays())?;
        Ok(self.ground.workspace.save_atomic(path, text.as_bytes())?)
    }
}
