//! A filesystem so small that a test can fill it.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::skip;

/// A small filesystem of our own. Dropped: gone.
#[derive(Debug)]
pub(crate) struct Small(PathBuf);

impl Small {
    /// Of that many bytes, at a folder; none where this machine does not let us.
    pub(crate) fn at(folder: &Path, size: &str) -> Option<Self> {
        std::fs::create_dir_all(folder).unwrap();
        let size = format!("size={size},mode=0750");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder).output();
        if mounted.is_ok_and(|mounted| mounted.status.success()) {
            return Some(Self(folder.to_path_buf()));
        }
        skip("mounting a small filesystem needs root");
        None
    }

    /// Mounts it again with other options.
    pub(crate) fn remount(&self, how: &str) {
        let options = format!("remount,{how}");
        assert!(Command::new("mount").args(["-o", &options]).arg(&self.0).status().unwrap().success());
    }

    /// Where it is.
    pub(crate) fn folder(&self) -> &Path {
        &self.0
    }

    /// Fills it to the last byte; answers with the file that takes the room.
    pub(crate) fn fill(&self) -> PathBuf {
        let path = self.0.join("filling");
        let mut file = std::fs::File::create(&path).unwrap();
        let block = [7_u8; 4096];
        while std::io::Write::write_all(&mut file, &block).is_ok() {}
        path
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
