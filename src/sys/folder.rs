//! A folder held open. Names are worked on directly beneath it, so that nothing that somebody else renames or links
//! meanwhile leads elsewhere: no symlink is ever followed (design/08). Trees are saved and put back through this.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use rustix::fs::{
    self, AtFlags, CWD, Dir, FileType, Gid, Mode, OFlags, RenameFlags, Timespec, Timestamps, Uid, XattrFlags,
};

use super::files::{FileError, failed};
use super::sync;

/// A folder held open.
#[derive(Debug)]
pub struct Folder {
    fd: OwnedFd,
    path: PathBuf,
}

/// What kind of thing a name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symlink.
    Symlink,
    /// A named pipe.
    Pipe,
    /// A socket.
    Socket,
    /// A device read byte by byte.
    CharDevice,
    /// A device read block by block.
    BlockDevice,
}

/// What is known of a name without opening it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Node {
    /// Its kind.
    pub kind: Kind,
    /// Permission bits with set-user, set-group and sticky.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Bytes.
    pub size: u64,
    /// Last changed: seconds since 1970, and nanoseconds.
    pub modified: (i64, u32),
    /// Filesystem and inode: the same for two names of one file.
    pub identity: (u64, u64),
    /// It has other names too (hard links).
    pub has_other_names: bool,
    /// Major and minor number of a device.
    pub device: (u32, u32),
}

impl Folder {
    /// Opens a folder. Symlinks on the way are followed, the last name is not.
    pub fn open(path: &Path) -> Result<Self, FileError> {
        let fd = fs::openat(CWD, path, FOLDER, Mode::empty()).map_err(failed("opened", path))?;
        Ok(Self { fd, path: path.to_path_buf() })
    }

    /// Opens a folder by a path that a person configured: symlinks are followed, also at its end.
    pub fn open_following(path: &Path) -> Result<Self, FileError> {
        let flags = FOLDER.difference(OFlags::NOFOLLOW);
        let fd = fs::openat(CWD, path, flags, Mode::empty()).map_err(failed("opened", path))?;
        Ok(Self { fd, path: path.to_path_buf() })
    }

    /// Opens a folder after making it, with those above it, where it is missing.
    pub fn make(path: &Path, mode: u32) -> Result<Self, FileError> {
        match Self::open(path) {
            Err(error) if error.is_missing() => {}
            opened => return opened,
        }
        if let Some(above) = path.parent().filter(|above| !above.as_os_str().is_empty()) {
            Self::make(above, mode)?;
        }
        match fs::mkdirat(CWD, path, Mode::from_raw_mode(mode)) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => Self::open(path),
            Err(error) => Err(failed("made", path)(error)),
        }
    }

    /// Where it was when it was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its own node.
    pub fn look_here(&self) -> Result<Node, FileError> {
        fs::fstat(&self.fd).map(|stat| node(&stat)).map_err(failed("looked at", &self.path))
    }

    /// The names in it, sorted.
    pub fn names(&self) -> Result<Vec<OsString>, FileError> {
        let mut names = Vec::new();
        let mut entries = Dir::read_from(&self.fd).map_err(failed("listed", &self.path))?;
        while let Some(entry) = entries.read() {
            let entry = entry.map_err(failed("listed", &self.path))?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                names.push(OsString::from_vec(name.to_vec()));
            }
        }
        names.sort();
        Ok(names)
    }

    /// What a name is; none where there is no such name.
    pub fn look(&self, name: &OsStr) -> Result<Option<Node>, FileError> {
        let path = self.beneath(name)?;
        match fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(node(&stat))),
            Err(rustix::io::Errno::NOENT) => Ok(None),
            Err(error) => Err(failed("looked at", &path)(error)),
        }
    }

    /// Opens a folder in it.
    pub fn folder(&self, name: &OsStr) -> Result<Self, FileError> {
        let path = self.beneath(name)?;
        let fd = fs::openat(&self.fd, name, FOLDER, Mode::empty()).map_err(failed("opened", &path))?;
        Ok(Self { fd, path })
    }

    /// Opens a regular file in it for reading.
    pub fn read(&self, name: &OsStr) -> Result<File, FileError> {
        let path = self.beneath(name)?;
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let fd = fs::openat(&self.fd, name, flags, Mode::empty()).map_err(failed("opened", &path))?;
        let stat = fs::fstat(&fd).map_err(failed("looked at", &path))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            let why = io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file");
            return Err(failed("read", &path)(why));
        }
        Ok(File::from(fd))
    }

    /// Where a symlink in it points to.
    pub fn points_to(&self, name: &OsStr) -> Result<OsString, FileError> {
        let path = self.beneath(name)?;
        let target = fs::readlinkat(&self.fd, name, Vec::new()).map_err(failed("read", &path))?;
        Ok(OsString::from_vec(target.into_bytes()))
    }

    /// Makes a new file in it, open for writing; fails where the name is taken.
    pub fn create_file(&self, name: &OsStr, mode: u32) -> Result<File, FileError> {
        let path = self.beneath(name)?;
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd =
            fs::openat(&self.fd, name, flags, Mode::from_raw_mode(mode)).map_err(failed("made", &path))?;
        Ok(File::from(fd))
    }

    /// Makes a new folder in it and opens it.
    pub fn create_folder(&self, name: &OsStr, mode: u32) -> Result<Self, FileError> {
        let path = self.beneath(name)?;
        fs::mkdirat(&self.fd, name, Mode::from_raw_mode(mode)).map_err(failed("made", &path))?;
        self.folder(name)
    }

    /// Makes a symlink in it.
    pub fn create_symlink(&self, name: &OsStr, points_to: &OsStr) -> Result<(), FileError> {
        let path = self.beneath(name)?;
        fs::symlinkat(points_to, &self.fd, name).map_err(failed("made", &path))
    }

    /// Makes a further name of a file that is in another open folder.
    pub fn create_link(&self, name: &OsStr, of: &Self, of_name: &OsStr) -> Result<(), FileError> {
        let path = self.beneath(name)?;
        of.beneath(of_name)?;
        fs::linkat(&of.fd, of_name, &self.fd, name, AtFlags::empty()).map_err(failed("linked", &path))
    }

    /// Makes a pipe or a device in it. Sockets are made by those who listen.
    pub fn create_special(&self, name: &OsStr, node: &Node) -> Result<(), FileError> {
        let path = self.beneath(name)?;
        let kind = match node.kind {
            Kind::Pipe => FileType::Fifo,
            Kind::CharDevice => FileType::CharacterDevice,
            Kind::BlockDevice => FileType::BlockDevice,
            Kind::File | Kind::Folder | Kind::Symlink | Kind::Socket => {
                let why = io::Error::new(io::ErrorKind::InvalidInput, "it is neither a pipe nor a device");
                return Err(failed("made", &path)(why));
            }
        };
        let device = fs::makedev(node.device.0, node.device.1);
        fs::mknodat(&self.fd, name, kind, Mode::from_raw_mode(0o600), device).map_err(failed("made", &path))
    }

    /// Gives a name the owner, mode and time of a node.
    pub fn dress(&self, name: &OsStr, node: &Node) -> Result<(), FileError> {
        let path = self.beneath(name)?;
        let (uid, gid) = (Some(Uid::from_raw(node.uid)), Some(Gid::from_raw(node.gid)));
        fs::chownat(&self.fd, name, uid, gid, AtFlags::SYMLINK_NOFOLLOW)
            .map_err(failed("given its owner", &path))?;
        if node.kind != Kind::Symlink {
            // A mode is set by name only through a descriptor that is known not to be a symlink.
            let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let fd = fs::openat(&self.fd, name, flags, Mode::empty()).map_err(failed("opened", &path))?;
            let by_descriptor = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&fd));
            let mode = Mode::from_raw_mode(node.mode);
            fs::chmodat(CWD, by_descriptor, mode, AtFlags::empty())
                .map_err(failed("given its mode", &path))?;
        }
        let times = times(node);
        fs::utimensat(&self.fd, name, &times, AtFlags::SYMLINK_NOFOLLOW)
            .map_err(failed("given its time", &path))
    }

    /// Gives the folder itself the owner, mode and time of a node.
    pub fn dress_here(&self, node: &Node) -> Result<(), FileError> {
        dress(&self.fd, &self.path, node)
    }

    /// Moves a name within this folder, replacing what has the new name.
    pub fn rename(&self, from: &OsStr, to: &OsStr) -> Result<(), FileError> {
        let (path, _) = (self.beneath(from)?, self.beneath(to)?);
        fs::renameat_with(&self.fd, from, &self.fd, to, RenameFlags::empty())
            .map_err(failed("renamed", &path))
    }

    /// Removes a name and, if it is a folder, everything in it. Nothing there is fine.
    pub fn remove(&self, name: &OsStr) -> Result<(), FileError> {
        let path = self.beneath(name)?;
        let Some(node) = self.look(name)? else { return Ok(()) };
        let mut flags = AtFlags::empty();
        if node.kind == Kind::Folder {
            self.folder(name)?.clear()?;
            flags = AtFlags::REMOVEDIR;
        }
        fs::unlinkat(&self.fd, name, flags).map_err(failed("removed", &path))
    }

    /// Removes everything in it. A folder on which another filesystem is mounted is emptied and stays.
    pub fn clear(&self) -> Result<(), FileError> {
        self.names()?.iter().try_for_each(|name| match self.remove(name) {
            Err(error) if error.source.kind() == io::ErrorKind::ResourceBusy => Ok(()),
            removed => removed,
        })
    }

    /// Writes the folder's names to the disk.
    pub fn sync(&self) -> Result<(), FileError> {
        sync::folder(&self.fd).map_err(io::Error::from).map_err(failed("synced", &self.path))
    }

    /// Writes the whole filesystem that it is on to the disk.
    pub fn sync_filesystem(&self) -> Result<(), FileError> {
        sync::filesystem(&self.fd).map_err(io::Error::from).map_err(failed("synced", &self.path))
    }

    /// Its own extended attributes.
    pub fn attributes(&self) -> Result<Vec<(OsString, Vec<u8>)>, FileError> {
        attributes(&self.fd, &self.path)
    }

    /// Sets one of its own extended attributes.
    pub fn set_attribute(&self, name: &OsStr, value: &[u8]) -> Result<(), FileError> {
        set_attribute(&self.fd, &self.path, name, value)
    }

    /// Removes one of its own extended attributes.
    pub fn remove_attribute(&self, name: &OsStr) -> Result<(), FileError> {
        fs::fremovexattr(&self.fd, name).map_err(failed("stripped", &self.path))
    }

    /// The path of a name in it, which must be a single name.
    fn beneath(&self, name: &OsStr) -> Result<PathBuf, FileError> {
        let bytes = name.as_bytes();
        if bytes.is_empty() || bytes == b"." || bytes == b".." || bytes.contains(&b'/') || bytes.contains(&0)
        {
            let why = io::Error::new(io::ErrorKind::InvalidInput, "it is not a single name");
            return Err(failed("used", &self.path.join(name))(why));
        }
        Ok(self.path.join(name))
    }
}

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// The node of an open file.
pub fn look_at(file: &File, path: &Path) -> Result<Node, FileError> {
    fs::fstat(file).map(|stat| node(&stat)).map_err(failed("looked at", path))
}

/// Gives an open file or folder the owner, mode and time of a node.
pub fn dress(file: impl AsFd, path: &Path, node: &Node) -> Result<(), FileError> {
    let (uid, gid) = (Some(Uid::from_raw(node.uid)), Some(Gid::from_raw(node.gid)));
    // The owner first: changing it takes set-user and set-group bits away.
    fs::fchown(&file, uid, gid).map_err(failed("given its owner", path))?;
    fs::fchmod(&file, Mode::from_raw_mode(node.mode)).map_err(failed("given its mode", path))?;
    fs::futimens(&file, &times(node)).map_err(failed("given its time", path))
}

/// The extended attributes of an open file or folder; none where the filesystem has no such thing.
pub fn attributes(file: impl AsFd, path: &Path) -> Result<Vec<(OsString, Vec<u8>)>, FileError> {
    let mut names = Vec::new();
    let length = match fs::flistxattr_query(&file) {
        Ok(0) | Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => return Ok(Vec::new()),
        Ok(length) => length,
        Err(error) => return Err(failed("looked at", path)(error)),
    };
    names.resize(length, 0_u8);
    let length = fs::flistxattr(&file, &mut names[..]).map_err(failed("looked at", path))?;
    let mut found = Vec::new();
    for name in names[..length].split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let name = OsStr::from_bytes(name);
        let mut value = vec![0_u8; fs::fgetxattr_query(&file, name).map_err(failed("looked at", path))?];
        let length = fs::fgetxattr(&file, name, &mut value[..]).map_err(failed("looked at", path))?;
        value.truncate(length);
        found.push((name.to_os_string(), value));
    }
    Ok(found)
}

/// Sets an extended attribute of an open file or folder.
pub fn set_attribute(file: impl AsFd, path: &Path, name: &OsStr, value: &[u8]) -> Result<(), FileError> {
    fs::fsetxattr(&file, name, value, XattrFlags::empty()).map_err(failed("given its attributes", path))
}

fn times(node: &Node) -> Timestamps {
    let moment = Timespec { tv_sec: node.modified.0, tv_nsec: node.modified.1.into() };
    Timestamps { last_access: moment, last_modification: moment }
}

fn node(stat: &fs::Stat) -> Node {
    let kind = match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => Kind::Folder,
        FileType::Symlink => Kind::Symlink,
        FileType::Fifo => Kind::Pipe,
        FileType::Socket => Kind::Socket,
        FileType::CharacterDevice => Kind::CharDevice,
        FileType::BlockDevice => Kind::BlockDevice,
        FileType::RegularFile | FileType::Unknown => Kind::File,
    };
    Node {
        kind,
        mode: stat.st_mode & 0o7777,
        uid: stat.st_uid,
        gid: stat.st_gid,
        size: u64::try_from(stat.st_size).unwrap_or(0),
        modified: (stat.st_mtime, u32::try_from(stat.st_mtime_nsec).unwrap_or(0)),
        identity: (stat.st_dev, stat.st_ino),
        has_other_names: stat.st_nlink > 1,
        device: (fs::major(stat.st_rdev), fs::minor(stat.st_rdev)),
    }
}
