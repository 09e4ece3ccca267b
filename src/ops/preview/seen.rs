//! What there is of a preview on this host.

use std::path::PathBuf;

use crate::drivers::compose::{self, Marks};
use crate::model::preview::{Preview, PreviewId, PreviewParts};
use crate::model::reason::{Blocker, ReasonCode};
use crate::ops::error::OpsError;
use crate::ops::host::Host;
use crate::sys::files;

/// What there is of a preview.
pub(super) struct Seen {
    /// Its record; none: nobody made it here, or it is gone.
    pub(super) record: Option<Preview>,
    /// What the engine has; none: no engine answers, for this reason.
    pub(super) parts: Result<PreviewParts, Blocker>,
    /// Where its work tree lies, or would.
    pub(super) tree: PathBuf,
    /// Whether git knows of that tree.
    pub(super) has_tree: bool,
    /// Whether anything of it lies in the workspace.
    pub(super) has_folder: bool,
}

impl Seen {
    /// Looks once.
    pub(super) fn look(host: &Host, id: &PreviewId) -> Result<Self, OpsError> {
        let tree = host.store.layout().preview_tree(id);
        Ok(Self {
            record: host.store.preview(id)?,
            parts: parts(host, id),
            has_tree: host.git.worktree(&tree)?.is_some(),
            has_folder: host.store.has_preview_folder(id),
            tree,
        })
    }

    /// Nothing of it is anywhere.
    pub(super) fn is_nothing(&self) -> bool {
        self.record.is_none()
            && !self.has_tree
            && !self.has_folder
            && self.parts.as_ref().is_ok_and(PreviewParts::is_empty)
    }
}

/// Labels that mark what belongs to a preview of this checkout.
pub(super) fn marks(host: &Host, id: &PreviewId) -> Marks {
    let root = files::sha256_of(host.root().to_string_lossy().as_bytes())[..16].to_owned();
    Marks { project: id.project(), preview: id.to_string(), root }
}

/// What the engine has of it.
fn parts(host: &Host, id: &PreviewId) -> Result<PreviewParts, Blocker> {
    let found = compose::find(host.settings.compose_command.as_deref(), &host.surroundings);
    let Some(engine) = &found.engine else {
        let why = found.troubles.first().map(compose::ComposeError::blocker);
        return Err(why.unwrap_or_else(|| Blocker::new(ReasonCode::Tools, "no container engine is here")));
    };
    compose::parts_of(engine, &marks(host, id), &host.surroundings).map_err(|error| error.blocker())
}

/// Things of the preview's project name that no preview of this checkout made.
pub(super) fn foreign(id: &PreviewId, parts: &PreviewParts) -> Option<Blocker> {
    if parts.foreign.is_empty() {
        return None;
    }
    let what = parts.foreign.iter().take(5).cloned().collect::<Vec<_>>().join(", ");
    let fact = format!("the project `{}` has what is no preview of this checkout: {what}", id.project());
    let look = format!("docker ps --all --filter label=com.docker.compose.project={}", id.project());
    Some(Blocker::new(ReasonCode::NotAPreview, fact).way_out(look).way_out("use another `--id`"))
}
