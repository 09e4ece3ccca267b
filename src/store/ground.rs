//! The folders that everything lies in, held open: nothing below them is reached through a symlink (design/08).

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::sys::files::{self, Beneath, Modes};
use crate::sys::process;

use super::error::StoreError;
use super::layout::Layout;

/// Permission of everybody to write: whoever may write here could forge what happened (design/03).
const EVERYBODY: u32 = 0o002;

/// Permissions of a folder that a group shares.
const SHARED: u32 = 0o2070;

/// Who may write the workspace beside the one who made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sharing {
    /// Nobody.
    Alone,
    /// The operators of this group (`[workspace] group`).
    Group(String),
    /// Whoever the workspace that is already there is shared with.
    AsFound,
}

/// The workspace and the folder of backups.
#[derive(Debug)]
pub(super) struct Ground {
    pub(super) layout: Layout,
    pub(super) workspace: Beneath,
    backups: Option<Beneath>,
    modes: Modes,
    /// A group that is configured and not known to this machine.
    missing_group: Option<String>,
    /// How often the names in the folder of records were made durable.
    names_kept: AtomicU64,
}

impl Ground {
    pub(super) fn new(layout: Layout, sharing: Sharing) -> Self {
        let (modes, missing_group) = match sharing {
            Sharing::Alone => (Modes::OURS, None),
            Sharing::AsFound => (found(&layout), None),
            Sharing::Group(name) => match process::group_id(&name) {
                Some(group) => (Modes::shared(group), None),
                None => (Modes::OURS, Some(name)),
            },
        };
        let workspace = Beneath::new(layout.workspace(), modes);
        let outside = !layout.backups().starts_with(layout.workspace());
        let backups = outside.then(|| Beneath::new(layout.backups(), modes));
        Self { layout, workspace, backups, modes, missing_group, names_kept: AtomicU64::new(0) }
    }

    /// Where backup sets lie: in the workspace, unless the configuration says otherwise.
    pub(super) fn backups(&self) -> &Beneath {
        self.backups.as_ref().unwrap_or(&self.workspace)
    }

    /// Makes a folder of the workspace whose content must outlive a power cut: so must its name.
    pub(super) fn make_durable(&self, folder: &Path) -> Result<(), StoreError> {
        for made in self.workspace.make_folders(folder)? {
            if let Some(above) = made.parent() {
                files::fsync_folder(above)?;
                self.names_kept.fetch_add(u64::from(above == self.layout.releases()), Ordering::Relaxed);
            }
        }
        Ok(())
    }

    /// How often the names in the folder of records were made durable since it was opened: whoever made a name there
    /// need not do it again when the count has grown.
    pub(super) fn names_kept(&self) -> u64 {
        self.names_kept.load(Ordering::Relaxed)
    }

    /// Makes the folders of the workspace, durably, and refuses ones that a stranger could write.
    ///
    /// # Errors
    /// [`StoreError::NoGroup`], [`StoreError::Open`], [`StoreError::Stranger`].
    pub(super) fn prepare(&self) -> Result<(), StoreError> {
        if let Some(group) = &self.missing_group {
            return Err(StoreError::NoGroup { group: group.clone() });
        }
        self.make_durable(&self.layout.releases())?;
        for folder in [self.layout.workspace(), &self.layout.releases(), self.layout.backups()] {
            if files::exists(folder) && files::mode(folder)? & EVERYBODY != 0 {
                return Err(StoreError::Open { path: folder.to_path_buf() });
            }
        }
        let workspace = self.layout.workspace();
        // Whoever owns the folder above could put another workspace there anyway.
        let above = workspace.parent().map(files::owner).transpose()?;
        let owner = files::owner(workspace)?;
        let shared = self.modes.group.is_some() && files::group(workspace).ok() == self.modes.group;
        if owner != 0 && owner != process::own_user() && Some(owner) != above && !shared {
            return Err(StoreError::Stranger { path: workspace.to_path_buf() });
        }
        Ok(())
    }
}

fn found(layout: &Layout) -> Modes {
    let workspace = layout.workspace();
    match (files::mode(workspace), files::group(workspace)) {
        (Ok(mode), Ok(group)) if mode & SHARED == SHARED => Modes::shared(group),
        _ => Modes::OURS,
    }
}
