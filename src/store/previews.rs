//! Previews: a folder each, with its record, its compose file and its work tree.

use std::path::PathBuf;

use crate::model::arrange::Arrange;
use crate::model::preview::{PREVIEW_FORMAT, Preview, PreviewId};

use super::error::StoreError;
use super::locked::LockedStore;
use super::workspace::Store;

/// A record may have this many bytes.
const LIMIT: u64 = 1 << 20;

impl Store {
    /// A preview; none where there is none of that name.
    ///
    /// # Errors
    /// [`StoreError::Damaged`].
    pub fn preview(&self, id: &PreviewId) -> Result<Option<Preview>, StoreError> {
        let path = self.layout().preview_record(id);
        let Some(bytes) = self.ground.workspace.read(&path, LIMIT)? else { return Ok(None) };
        let damaged = |what: String| StoreError::Damaged { path: path.clone(), what };
        let preview: Preview = serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
        if preview.id == *id {
            return Ok(Some(preview));
        }
        Err(damaged(format!("it belongs to `{}`", preview.id)))
    }

    /// Every preview, by type and id. A folder without a record is one that was never begun, or is gone but for its folder.
    ///
    /// # Errors
    /// [`StoreError::Damaged`].
    pub fn previews(&self) -> Result<Vec<Preview>, StoreError> {
        let mut all = Vec::new();
        for name in self.ground.workspace.list(&self.layout().previews())? {
            if let Some(id) = name.to_str().and_then(|name| name.parse().ok()) {
                all.extend(self.preview(&id)?);
            }
        }
        all.arrange_by(|a, b| a.id.cmp(&b.id));
        Ok(all)
    }

    /// Whether anything of a preview lies in the workspace.
    pub fn has_preview_folder(&self, id: &PreviewId) -> bool {
        self.ground.workspace.exists(&self.layout().preview(id))
    }
}

impl LockedStore {
    /// Keeps a preview's record: its file is the old or the new one, whole.
    ///
    /// # Errors
    /// [`StoreError::Newer`] where a newer version wrote it; when it cannot be written.
    pub fn save_preview(&self, preview: &Preview) -> Result<(), StoreError> {
        let path = self.layout().preview_record(&preview.id);
        if preview.format > PREVIEW_FORMAT {
            return Err(StoreError::Newer { path, format: preview.format });
        }
        self.ground.make_durable(&self.layout().preview(&preview.id))?;
        let encode =
            |error: serde_json::Error| StoreError::Encode { what: "preview", why: error.to_string() };
        let text = serde_json::to_string_pretty(preview).map_err(encode)?;
        Ok(self.ground.workspace.save_atomic(&path, text.as_bytes())?)
    }

    /// Keeps the compose file that a preview is run by.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save_preview_compose(&self, id: &PreviewId, text: &str) -> Result<PathBuf, StoreError> {
        let path = self.layout().preview_compose(id);
        self.ground.workspace.save_atomic(&path, text.as_bytes())?;
        Ok(path)
    }

    /// Removes a work tree that git knows nothing of.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn remove_preview_tree(&self, id: &PreviewId) -> Result<(), StoreError> {
        let tree = self.layout().preview_tree(id);
        if self.ground.workspace.exists(&tree) {
            self.ground.workspace.remove_tree(&tree)?;
        }
        Ok(())
    }

    /// Removes all that is left of a preview here. Its record goes last: until then it can be cleaned up again.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn remove_preview(&self, id: &PreviewId) -> Result<(), StoreError> {
        let workspace = &self.ground.workspace;
        self.remove_preview_tree(id)?;
        for file in [self.layout().preview_compose(id), self.layout().preview_record(id)] {
            if workspace.exists(&file) {
                workspace.remove_file(&file)?;
            }
        }
        let folder = self.layout().preview(id);
        if workspace.exists(&folder) {
            workspace.remove_tree(&folder)?;
        }
        Ok(())
    }
}
