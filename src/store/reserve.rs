//! `.reserve`: room that is kept, so that a full disk can still be recorded as the failure (design/03, "Disk").

use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::sys::files::{self, FileError};

use super::ground::Ground;

/// Bytes that are kept.
const SIZE: u64 = 64 << 10;

/// The room that is kept in one workspace.
#[derive(Debug, Clone)]
pub(super) struct Reserve {
    ground: Arc<Ground>,
    spent: Arc<AtomicBool>,
}

impl Reserve {
    pub(super) fn new(ground: Arc<Ground>) -> Self {
        Self { ground, spent: Arc::default() }
    }

    /// Keeps the room, when there is some.
    pub(super) fn make(&self) {
        let path = self.ground.layout.reserve();
        let whole = |file: &File| file.metadata().is_ok_and(|meta| meta.len() >= SIZE);
        let made =
            self.ground.workspace.open_or_create(&path).is_ok_and(|file| {
                whole(&file) || (files::allocate(&file, SIZE, &path).is_ok() && whole(&file))
            });
        if !made {
            // A part of it would only be in the way of others; the next one who takes the host tries again.
            let _ = self.ground.workspace.remove_file(&path);
        }
    }

    /// Does something that needs room: once more with the room that was kept, when the disk is full.
    pub(super) fn with_room<T>(
        &self,
        mut work: impl FnMut() -> Result<T, FileError>,
    ) -> Result<T, FileError> {
        match work() {
            Err(error) if error.is_full() && self.free() => work(),
            other => other,
        }
    }

    /// Whether it was needed since we took the host: what is left of it is for saying so, not for going on.
    pub(super) fn is_spent(&self) -> bool {
        self.spent.load(Ordering::Relaxed)
    }

    fn free(&self) -> bool {
        let path = self.ground.layout.reserve();
        let freed = self.ground.workspace.exists(&path) && self.ground.workspace.remove_file(&path).is_ok();
        self.spent.fetch_or(freed, Ordering::Relaxed);
        freed
    }
}
