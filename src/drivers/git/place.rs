//! What is read from the checkout's files themselves, without git.

use std::path::{Path, PathBuf};

use super::call::CLONE;
use super::{Git, GitError};
use crate::model::facts::DirtyFile;
use crate::sys::files;

impl Git {
    /// Whether this is a shallow clone.
    ///
    /// # Errors
    /// [`GitError::Unfit`] when the project root is not the top of a checkout with files.
    pub(super) fn is_shallow(&self) -> Result<bool, GitError> {
        let root = self.root();
        let dot_git = root.join(".git");
        if files::is_folder(&dot_git) {
            return Ok(files::exists(&dot_git.join("shallow")));
        }
        if let Some(folder) = pointed(&dot_git, "gitdir: ", root) {
            let common = pointed(&folder.join("commondir"), "", &folder).unwrap_or(folder);
            return Ok(files::exists(&common.join("shallow")));
        }
        if files::exists(&root.join("HEAD")) && files::is_folder(&root.join("objects")) {
            return Err(self.unfit("is a bare repository", CLONE));
        }
        Err(self.unfit("is not the top of a git checkout", CLONE))
    }

    /// With the owner and the time of each file that still exists.
    pub(super) fn owned(&self, dirty: Vec<DirtyFile>) -> Vec<DirtyFile> {
        dirty
            .into_iter()
            .map(|file| {
                let path = self.root().join(&file.path);
                DirtyFile { owner: files::owner_name(&path), changed_at: files::modified(&path), ..file }
            })
            .collect()
    }
}

/// The folder that a one-line file names (`.git` of a linked work tree, `commondir`).
fn pointed(file: &Path, prefix: &str, relative_to: &Path) -> Option<PathBuf> {
    let text = files::read_text(file, 4096).ok()?;
    Some(relative_to.join(text.lines().next()?.strip_prefix(prefix)?.trim()))
}
