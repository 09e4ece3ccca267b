//! Filesystems: how much room there is, and whether locks can be trusted.

use std::fs::File;
use std::path::Path;

use rustix::fs::FallocateFlags;
use rustix::io::Errno;

use super::write::write_all;
use super::{FileError, failed, read_text};

/// Room on a filesystem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// Size in bytes.
    pub total: u64,
    /// Bytes that we may still write.
    pub free: u64,
    /// Inodes that we may still make; `u64::MAX` where there is no limit.
    pub inodes: u64,
}

/// Room where a path lies; it must exist.
pub fn disk_space(path: &Path) -> Result<Space, FileError> {
    let stat = rustix::fs::statvfs(path).map_err(failed("measured", path))?;
    Ok(Space {
        total: stat.f_blocks.saturating_mul(stat.f_frsize),
        free: stat.f_bavail.saturating_mul(stat.f_frsize),
        inodes: if stat.f_files == 0 { u64::MAX } else { stat.f_favail },
    })
}

/// Gives a file this many bytes of the disk, so that they are there when they are needed.
pub fn allocate(file: &File, bytes: u64, path: &Path) -> Result<(), FileError> {
    match rustix::fs::fallocate(file, FallocateFlags::empty(), 0, bytes) {
        // Filesystems that cannot: what is written is taken too.
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => {
            write_all(file, &vec![0; usize::try_from(bytes).unwrap_or(0)], path)
        }
        other => other.map_err(failed("written", path)),
    }
}

/// Kinds of filesystem that live on another machine, by their magic number (`statfs(2)`).
const NETWORK: [(u32, &str); 14] = [
    (0x0000_6969, "nfs"),
    (0x0000_517b, "smb"),
    (0xff53_4d42, "cifs"),
    (0xfe53_4d42, "smb3"),
    (0x5346_414f, "afs"),
    (0x6b41_4653, "afs"),
    (0x00c3_6400, "ceph"),
    (0x0102_1997, "9p"),
    (0x7375_7245, "coda"),
    (0x564c, "ncp"),
    (0x0bd0_0bd0, "lustre"),
    (0x4750_4653, "gpfs"),
    (0x1983_0326, "beegfs"),
    (0x7461_636f, "ocfs2"),
];

const FUSE: u32 = 0x6573_5546;

/// FUSE filesystems that are known to be local.
const LOCAL_FUSE: [&str; 6] =
    ["fuse.fuse-overlayfs", "fuseblk", "fuse.gocryptfs", "fuse.encfs", "fuse.bindfs", "fuse.mergerfs"];

/// The kind of network filesystem that a path lies on; none when it is a local one or cannot be seen. Locks on a network
/// filesystem may lie, so the workspace is refused there unless the configuration allows it (design/03).
pub fn is_network_fs(path: &Path) -> Option<String> {
    let kind = rustix::fs::statfs(path).ok()?.f_type;
    // The magic number is 32 bits wide, whatever the field's type says.
    let magic = u32::try_from(kind & 0xffff_ffff).ok()?;
    if magic == FUSE {
        let kind = mounted_kind(path)?;
        return (!LOCAL_FUSE.contains(&kind.as_str())).then_some(kind);
    }
    NETWORK.iter().find(|(known, _)| *known == magic).map(|(_, name)| (*name).to_owned())
}

/// The type of the mount that a path lies on, from `/proc/self/mountinfo`.
fn mounted_kind(path: &Path) -> Option<String> {
    let path = super::absolute(path).ok()?;
    let mounts = read_text(Path::new("/proc/self/mountinfo"), 4 << 20).ok()?;
    let mount = |line: &str| {
        let (left, right) = line.split_once(" - ")?;
        let at = left.split(' ').nth(4)?.replace("\\040", " ");
        path.starts_with(&at).then(|| (at.len(), right.split(' ').next().unwrap_or_default().to_owned()))
    };
    mounts.lines().filter_map(mount).max_by_key(|(length, _)| *length).map(|(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_local_folder_has_room_and_trustworthy_locks() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let space = disk_space(here).unwrap();
        assert!(space.total >= space.free && space.inodes > 0);
        assert_eq!(is_network_fs(Path::new("/proc")), None);
    }

    #[test]
    fn a_path_that_is_not_there_is_named() {
        let error = disk_space(Path::new("/no/such/folder")).unwrap_err();
        assert_eq!(error.to_string(), "`/no/such/folder` could not be measured");
        assert!(error.is_missing());
    }
}
