//! Files below one folder, reached through a descriptor of that folder and never through a symlink (design/08): a name
//! that somebody planted inside cannot lead out.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::Errno;
use rustix::process::{Gid, Uid};

use super::{FileError, read, write};
use crate::sys::plant::{Bug, planted};
use crate::sys::sync;

/// Modes and group of whatever is made below a folder, whatever the umask says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Modes {
    /// Of folders.
    pub folder: u32,
    /// Of files.
    pub file: u32,
    /// Group that everything is given to; none: the group that the system gives it.
    pub group: Option<u32>,
}

impl Modes {
    /// Ours alone to write: folders 0750, files 0640 (design/03).
    pub const OURS: Self = Self { folder: 0o750, file: 0o640, group: None };

    /// Shared with the operators of a group: folders 2770, files 0660 (design/03).
    pub const fn shared(group: u32) -> Self {
        Self { folder: 0o2770, file: 0o660, group: Some(group) }
    }
}

/// A folder and everything below it. Paths are given absolute; one that is not below is refused. The folder may come into
/// being later: it is opened on first use.
#[derive(Debug)]
pub struct Beneath {
    root: PathBuf,
    modes: Modes,
    folder: OnceLock<Root>,
}

/// The folder, held open, and who owns it: whoever does could put anything there anyway.
#[derive(Debug)]
struct Root {
    fd: OwnedFd,
    owner: u32,
}

/// What tells one content of a file from another without reading it: the system sets the time of change itself, whenever
/// content, mode or owner change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileMark {
    /// Number of the file on its filesystem.
    pub inode: u64,
    /// Bytes in it.
    pub bytes: i64,
    /// When content or attributes last changed, in nanoseconds since 1970.
    pub changed_at: i128,
}

impl Beneath {
    /// The folder at this absolute path, and the modes of what is made there.
    pub fn new(root: &Path, modes: Modes) -> Self {
        Self { root: root.to_path_buf(), modes, folder: OnceLock::new() }
    }

    /// The folder's path.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Opens a file for reading; none when it is not there.
    ///
    /// # Errors
    /// [`FileError`], also when it is a symlink or not a regular file.
    pub fn open(&self, path: &Path) -> Result<Option<File>, FileError> {
        match self.at(path, OFlags::RDONLY | OFlags::NONBLOCK, 0) {
            Ok(file) => self.regular(file, path).map(Some),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(failed("opened", path)(errno)),
        }
    }

    /// Reads a whole file of at most `max` bytes; none when it is not there.
    pub fn read(&self, path: &Path, max: u64) -> Result<Option<Vec<u8>>, FileError> {
        self.open(path)?.map(|file| read::read_open(file, path, max)).transpose()
    }

    /// What stands in a file after what is known of its beginning, at most `max` bytes in all; none when it begins otherwise,
    /// or is not there.
    pub fn read_after(&self, path: &Path, known: &[u8], max: u64) -> Result<Option<Vec<u8>>, FileError> {
        let open = self.open(path)?;
        Ok(open.map(|file| read::after_open(file, path, known, max)).transpose()?.flatten())
    }

    /// The last bytes of a file, at most `max`; none when it is not there.
    pub fn read_tail(&self, path: &Path, max: u64) -> Result<Option<Vec<u8>>, FileError> {
        self.open(path)?.map(|file| read::tail_open(file, path, max)).transpose()
    }

    /// sha256 of a file's content, as 64 hex digits; none when it is not there.
    pub fn sha256(&self, path: &Path) -> Result<Option<String>, FileError> {
        self.open(path)?.map(|file| read::hash_open(file, path).map(|(sha256, _)| sha256)).transpose()
    }

    /// Opens a file for reading and adding to its end, made when missing. Says whether it was made.
    pub fn append(&self, path: &Path) -> Result<(File, bool), FileError> {
        let flags = OFlags::RDWR | OFlags::APPEND;
        let (file, fresh) = match self.at(path, flags, 0) {
            Ok(file) => (file, false),
            Err(Errno::NOENT) => (self.make(path, flags)?, true),
            Err(errno) => return Err(failed("opened", path)(errno)),
        };
        Ok((self.regular(file, path)?, fresh))
    }

    /// Makes a new file for writing; it must not be there yet.
    pub fn create_new(&self, path: &Path) -> Result<File, FileError> {
        Ok(File::from(self.make(path, OFlags::WRONLY)?))
    }

    /// Opens a file for reading and writing without cutting it, made when missing.
    pub fn open_or_create(&self, path: &Path) -> Result<File, FileError> {
        let file = match self.at(path, OFlags::RDWR, 0) {
            Err(Errno::NOENT) => match self.make(path, OFlags::RDWR) {
                Err(error) if error.source.kind() == io::ErrorKind::AlreadyExists => {
                    self.at(path, OFlags::RDWR, 0).map_err(failed("opened", path))?
                }
                created => created?,
            },
            opened => opened.map_err(failed("opened", path))?,
        };
        self.regular(file, path)
    }

    /// Makes a file with exactly the mode and group wanted, whatever the umask says.
    fn make(&self, path: &Path, flags: OFlags) -> Result<OwnedFd, FileError> {
        let mode = self.modes.file;
        let file =
            self.at(path, flags | OFlags::CREATE | OFlags::EXCL, mode).map_err(failed("created", path))?;
        self.own(&file, path, mode)?;
        Ok(file)
    }

    /// Gives something its group, then its mode: a change of group may take bits of the mode away.
    fn own(&self, fd: impl AsFd, path: &Path, mode: u32) -> Result<(), FileError> {
        if let Some(group) = self.modes.group {
            rustix::fs::fchown(&fd, None, Some(Gid::from_raw(group)))
                .map_err(failed("given to its group", path))?;
        }
        rustix::fs::fchmod(&fd, Mode::from_raw_mode(mode)).map_err(failed("given its mode", path))
    }

    /// Writes a file whose loss does not matter: nothing is synced.
    pub fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), FileError> {
        let file = self.open_or_create(path)?;
        file.set_len(0).map_err(failed("written", path))?;
        write::write_all(&file, bytes, path)
    }

    /// Replaces a file's content whole or not at all: exactly 2 fsyncs and 1 rename (design/03). Others may save the same
    /// file at the same time: one of them wins. What a killed save leaves behind is [`is_temporary`].
    pub fn save_atomic(&self, path: &Path, bytes: &[u8]) -> Result<(), FileError> {
        if planted(Bug::InPlaceWrite) {
            return self.write(path, bytes);
        }
        let (temporary, file) = self.create_temporary(path)?;
        let written = write::write_all(&file, bytes, path)
            .and_then(|()| sync::file(&file).map_err(failed("synced", path)))
            .and_then(|()| self.rename(&temporary, path));
        if written.is_err() {
            // The error that matters is the first one.
            let _ = self.remove_file(&temporary);
            return written;
        }
        self.fsync_folder(path.parent().unwrap_or(&self.root))
    }

    /// A new file beside another, under a name that nobody else uses: `.NAME.PID-COUNT.tmp`.
    fn create_temporary(&self, path: &Path) -> Result<(PathBuf, File), FileError> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        loop {
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            let temporary = path.with_file_name(format!(".{name}.{}-{count}.tmp", std::process::id()));
            match self.create_new(&temporary) {
                // An earlier process of our number left it.
                Err(error) if error.source.kind() == io::ErrorKind::AlreadyExists => {}
                created => return Ok((temporary, created?)),
            }
        }
    }

    /// Gives a file that another program made its mode and group, and makes its content durable.
    pub fn keep(&self, path: &Path) -> Result<(), FileError> {
        let missing = || failed("opened", path)(Errno::NOENT);
        let file = self.open(path)?.ok_or_else(missing)?;
        self.own(&file, path, self.modes.file)?;
        sync::file(&file).map_err(failed("synced", path))
    }

    /// Makes a folder and those above it that are missing, the root too, each with exactly the mode and group wanted.
    /// Returns the folders made, outermost first: who needs them to outlive a power cut syncs the folders that hold them.
    pub fn make_folders(&self, path: &Path) -> Result<Vec<PathBuf>, FileError> {
        let mode = self.modes.folder;
        let mut created = Vec::new();
        if self.folder.get().is_none() && !self.root.is_dir() {
            super::make_folders(&self.root, mode)?;
            let root = self.at(&self.root, OFlags::DIRECTORY | OFlags::RDONLY, 0);
            self.own(root.map_err(failed("opened", &self.root))?, &self.root, mode)?;
            created.push(self.root.clone());
        }
        let mut folder = self.root.clone();
        for part in self.relative(path).map_err(failed("created", path))?.components() {
            folder.push(part);
            let flags = OFlags::DIRECTORY | OFlags::RDONLY;
            match self.at(&folder, flags, 0) {
                Ok(_) => continue,
                Err(Errno::NOENT) => {}
                Err(errno) => return Err(failed("opened", &folder)(errno)),
            }
            let (parent, name) = self.split(&folder).map_err(failed("created", &folder))?;
            match rustix::fs::mkdirat(&parent, &name, Mode::from_raw_mode(mode)) {
                Ok(()) => created.push(folder.clone()),
                Err(Errno::EXIST) => {}
                Err(errno) => return Err(failed("created", &folder)(errno)),
            }
            let fd = self.at(&folder, flags, 0).map_err(failed("opened", &folder))?;
            self.own(fd, &folder, mode)?;
        }
        Ok(created)
    }

    /// Names in a folder, sorted; empty when it is not there.
    pub fn list(&self, path: &Path) -> Result<Vec<OsString>, FileError> {
        let fd = match self.at(path, OFlags::DIRECTORY | OFlags::RDONLY, 0) {
            Ok(fd) => fd,
            Err(Errno::NOENT) => return Ok(Vec::new()),
            Err(errno) => return Err(failed("listed", path)(errno)),
        };
        let mut names = Vec::new();
        for entry in Dir::new(fd).map_err(failed("listed", path))? {
            let entry = entry.map_err(failed("listed", path))?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                names.push(OsString::from_vec(name.to_vec()));
            }
        }
        names.sort();
        Ok(names)
    }

    /// Whether something is there.
    pub fn exists(&self, path: &Path) -> bool {
        self.at(path, OFlags::PATH, 0).is_ok()
    }

    /// Renames; both lie below.
    pub fn rename(&self, from: &Path, to: &Path) -> Result<(), FileError> {
        let (from_folder, from_name) = self.split(from).map_err(failed("renamed", from))?;
        let (to_folder, to_name) = self.split(to).map_err(failed("renamed", to))?;
        rustix::fs::renameat(from_folder, from_name, to_folder, to_name).map_err(failed("renamed", from))
    }

    /// Removes a file; one that is not there is removed already.
    pub fn remove_file(&self, path: &Path) -> Result<(), FileError> {
        let removed =
            self.split(path).and_then(|(folder, name)| rustix::fs::unlinkat(folder, name, AtFlags::empty()));
        match removed {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(failed("removed", path)(errno)),
        }
    }

    /// Removes a folder with all that is in it; one that is not there is removed already.
    pub fn remove_tree(&self, path: &Path) -> Result<(), FileError> {
        let (folder, name) = match self.split(path) {
            Err(Errno::NOENT) => return Ok(()),
            split => split.map_err(failed("removed", path))?,
        };
        remove_at(&folder, Path::new(&name)).map_err(failed("removed", path))
    }

    /// Makes a folder's names durable.
    pub fn fsync_folder(&self, path: &Path) -> Result<(), FileError> {
        let synced = self.at(path, OFlags::DIRECTORY | OFlags::RDONLY, 0).and_then(sync::folder);
        synced.map_err(failed("synced", path))
    }

    fn relative(&self, path: &Path) -> Result<PathBuf, Errno> {
        let relative = path.strip_prefix(&self.root).map_err(|_| Errno::XDEV)?;
        let plain = relative.components().all(|part| matches!(part, Component::Normal(_)));
        if plain { Ok(relative.to_path_buf()) } else { Err(Errno::XDEV) }
    }

    /// The folder that holds a name, opened, and the name.
    fn split(&self, path: &Path) -> Result<(OwnedFd, OsString), Errno> {
        self.relative(path)?;
        let name = path.file_name().ok_or(Errno::INVAL)?.to_os_string();
        let parent = path.parent().ok_or(Errno::INVAL)?;
        if !parent.starts_with(&self.root) {
            return Err(Errno::XDEV);
        }
        Ok((self.at(parent, OFlags::DIRECTORY | OFlags::PATH, 0)?, name))
    }

    /// When the content or the attributes of something last changed, in nanoseconds; none when it is not there.
    pub fn changed_at(&self, path: &Path) -> Option<i128> {
        let stat = self.at(path, OFlags::PATH, 0).and_then(rustix::fs::fstat).ok()?;
        Some(i128::from(stat.st_ctime) * 1_000_000_000 + i128::from(stat.st_ctime_nsec))
    }

    /// The marks of files of one folder, by name; none for one that is not there. A symlink has a mark of its own: nothing is
    /// followed.
    ///
    /// # Errors
    /// When the folder cannot be opened.
    pub fn marks<'n>(
        &self,
        folder: &Path,
        names: impl IntoIterator<Item = &'n str>,
    ) -> Result<Vec<Option<FileMark>>, FileError> {
        let fd = self.at(folder, OFlags::DIRECTORY | OFlags::PATH, 0).map_err(failed("looked at", folder))?;
        let mark = |name: &str| {
            let stat = rustix::fs::statat(&fd, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
            let changed_at = i128::from(stat.st_ctime) * 1_000_000_000 + i128::from(stat.st_ctime_nsec);
            Some(FileMark { inode: stat.st_ino, bytes: stat.st_size, changed_at })
        };
        Ok(names.into_iter().map(mark).collect())
    }

    fn at(&self, path: &Path, flags: OFlags, mode: u32) -> Result<OwnedFd, Errno> {
        let relative = self.relative(path)?;
        let relative = if relative.as_os_str().is_empty() { Path::new(".") } else { &relative };
        let flags = flags | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let mode = Mode::from_raw_mode(mode);
        let root = &self.folder()?.fd;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        match rustix::fs::openat2(root, relative, flags, mode, resolve) {
            // Old kernels, and sandboxes that do not know the call.
            Err(Errno::NOSYS | Errno::PERM) => step_by_step(root, relative, flags, mode),
            opened => opened,
        }
    }

    /// The folder itself was named by whoever configured this host: it may be a symlink, unlike anything below.
    fn folder(&self) -> Result<&Root, Errno> {
        if let Some(folder) = self.folder.get() {
            return Ok(folder);
        }
        let flags = OFlags::DIRECTORY | OFlags::PATH | OFlags::CLOEXEC;
        let fd = rustix::fs::open(&self.root, flags, Mode::empty())?;
        let owner = rustix::fs::fstat(&fd)?.st_uid;
        Ok(self.folder.get_or_init(|| Root { fd, owner }))
    }

    /// Refuses what is not a regular file, what anybody may write, and what a stranger put there.
    fn regular(&self, fd: OwnedFd, path: &Path) -> Result<File, FileError> {
        let stat = rustix::fs::fstat(&fd).map_err(failed("opened", path))?;
        let refuse = |why| Err(failed("opened", path)(io::Error::new(io::ErrorKind::InvalidInput, why)));
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return refuse("it is not a regular file");
        }
        if stat.st_mode & 0o002 != 0 {
            return refuse("anybody may write it: take that away with `chmod o-w`");
        }
        if !self.is_ours(&stat) {
            return refuse(
                "it belongs to somebody who is neither you, nor root, nor the owner of this folder",
            );
        }
        Ok(File::from(fd))
    }

    /// Only a member of the group can give something to it.
    fn is_ours(&self, stat: &Stat) -> bool {
        let own = rustix::process::geteuid();
        let owner = self.folder.get().map(|root| root.owner);
        Uid::from_raw(stat.st_uid).is_root()
            || stat.st_uid == own.as_raw()
            || Some(stat.st_uid) == owner
            || Some(stat.st_gid) == self.modes.group
    }
}

/// Whether a name is one that [`Beneath::save_atomic`] gives a file before it is whole.
pub fn is_temporary(name: &str) -> bool {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let inner = name.strip_prefix('.').and_then(|name| name.strip_suffix(".tmp"));
    let end = inner.and_then(|inner| inner.rsplit_once('.')).filter(|(name, _)| !name.is_empty());
    end.and_then(|(_, end)| end.split_once('-')).is_some_and(|(pid, count)| number(pid) && number(count))
}

/// What `openat2` does, one component after the other.
fn step_by_step(root: &OwnedFd, relative: &Path, flags: OFlags, mode: Mode) -> Result<OwnedFd, Errno> {
    let parts: Vec<_> = relative.components().collect();
    let (last, above) = parts.split_last().ok_or(Errno::INVAL)?;
    let walk = OFlags::DIRECTORY | OFlags::PATH | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let mut folder = rustix::fs::openat(root, ".", walk, Mode::empty())?;
    for part in above {
        folder = rustix::fs::openat(&folder, part.as_os_str(), walk, Mode::empty())?;
    }
    rustix::fs::openat(&folder, last.as_os_str(), flags, mode)
}

/// As [`super::failed`]; says what the system's word for a symlink in the way means.
fn failed<E: Into<io::Error>>(verb: &'static str, path: &Path) -> impl FnOnce(E) -> FileError {
    let failed = super::failed(verb, path);
    move |source| {
        let source: io::Error = source.into();
        let is = |errno: Errno| source.raw_os_error() == Some(errno.raw_os_error());
        let said = |text| io::Error::new(io::ErrorKind::InvalidInput, text);
        failed(if is(Errno::LOOP) {
            said("a symlink stands there, and none is followed")
        } else if is(Errno::NOTDIR) {
            said("a file or a symlink stands where a folder should, and no symlink is followed")
        } else {
            source
        })
    }
}

fn remove_at(folder: impl AsFd, name: &Path) -> Result<(), Errno> {
    match rustix::fs::unlinkat(&folder, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => return Ok(()),
        Err(Errno::ISDIR | Errno::PERM) => {}
        Err(errno) => return Err(errno),
    }
    let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let inner = rustix::fs::openat(&folder, name, flags, Mode::empty())?;
    for entry in Dir::read_from(&inner)? {
        let entry = entry?;
        let bytes = entry.file_name().to_bytes();
        if bytes != b"." && bytes != b".." {
            remove_at(&inner, Path::new(&OsString::from_vec(bytes.to_vec())))?;
        }
    }
    match rustix::fs::unlinkat(&folder, name, AtFlags::REMOVEDIR) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(errno) => Err(errno),
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests make real files")]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_planted_symlink_leads_nowhere() {
        let folder = crate::sys::files::temporary_folder("holdpoint-beneath-").unwrap();
        let root = folder.path().join("root");
        fs::create_dir_all(root.join("a")).unwrap();
        fs::write(folder.path().join("secret"), "x").unwrap();
        std::os::unix::fs::symlink(folder.path(), root.join("out")).unwrap();
        std::os::unix::fs::symlink("a", root.join("inside")).unwrap();
        let beneath = Beneath::new(&root, Modes::OURS);
        for path in ["out/secret", "inside/x", "../secret", "a/../../secret"] {
            assert!(beneath.read(&root.join(path), 100).is_err(), "{path}");
            assert!(beneath.save_atomic(&root.join(path), b"y").is_err(), "{path}");
        }
        assert!(beneath.read(Path::new("/etc/passwd"), 1 << 20).is_err());
        beneath.remove_tree(&root.join("out")).unwrap();
        assert_eq!(
            fs::read(folder.path().join("secret")).unwrap(),
            b"x",
            "a link is removed, not what it points to"
        );
    }

    #[test]
    fn folders_and_files_have_exactly_the_mode_asked_for() {
        let folder = crate::sys::files::temporary_folder("holdpoint-beneath-").unwrap();
        let root = folder.path().join("w");
        let group = rustix::process::getegid().as_raw();
        let beneath = Beneath::new(&root, Modes::shared(group));
        let made = beneath.make_folders(&root.join("a/b")).unwrap();
        assert_eq!(made, [root.clone(), root.join("a"), root.join("a/b")]);
        assert!(beneath.make_folders(&root.join("a/b")).unwrap().is_empty());
        assert_eq!(crate::sys::files::mode(&root.join("a/b")).unwrap(), 0o2770);
        beneath.append(&root.join("a/x")).unwrap();
        assert_eq!(crate::sys::files::mode(&root.join("a/x")).unwrap(), 0o660);
        assert_eq!(beneath.list(&root.join("a")).unwrap(), ["b", "x"]);
        beneath.remove_tree(&root.join("a")).unwrap();
        assert!(!beneath.exists(&root.join("a")));
    }

    #[test]
    fn two_who_save_the_same_file_at_once_both_succeed_and_one_wins() {
        let folder = crate::sys::files::temporary_folder("holdpoint-beneath-").unwrap();
        let path = folder.path().join("x.env");
        std::thread::scope(|scope| {
            for letter in [b'a', b'b', b'c', b'd'] {
                let path = &path;
                scope.spawn(move || {
                    let beneath = Beneath::new(path.parent().unwrap(), Modes::OURS);
                    for _ in 0..50 {
                        beneath.save_atomic(path, &[letter; 5000]).unwrap();
                    }
                });
            }
        });
        let bytes = fs::read(&path).unwrap();
        assert!(bytes.len() == 5000 && bytes.iter().all(|byte| *byte == bytes[0]), "one whole version");
        assert_eq!(crate::sys::files::list(folder.path()).unwrap(), ["x.env"]);
    }

    #[test]
    fn a_name_that_an_earlier_process_left_is_stepped_over_and_known_as_a_leftover() {
        let folder = crate::sys::files::temporary_folder("holdpoint-beneath-").unwrap();
        let beneath = Beneath::new(folder.path(), Modes::OURS);
        let path = folder.path().join("1234.env");
        let (first, _) = beneath.create_temporary(&path).unwrap();
        assert!(is_temporary(first.file_name().unwrap().to_str().unwrap()), "{}", first.display());
        let own = std::process::id();
        for count in 0..2000 {
            let _ = fs::write(folder.path().join(format!(".1234.env.{own}-{count}.tmp")), "left");
        }
        beneath.save_atomic(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        for other in
            ["1234.env", ".1234.env.tmp", "1234.env.1-2.tmp", ".1234.env.1-.tmp", "..1-2.tmp", ".x.1-2.tmpx"]
        {
            assert!(!is_temporary(other), "{other}");
        }
    }

    #[test]
    fn a_file_that_a_stranger_left_is_refused() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let folder = crate::sys::files::temporary_folder("holdpoint-beneath-").unwrap();
        let path = folder.path().join("x");
        fs::write(&path, "x").unwrap();
        let [stranger, group] = [65_534_u32, 65_533];
        std::os::unix::fs::chown(&path, Some(stranger), Some(group)).unwrap();
        let error = Beneath::new(folder.path(), Modes::OURS).read(&path, 10).unwrap_err();
        assert!(error.source.to_string().contains("belongs to somebody"), "{error:?}");
        assert!(
            Beneath::new(folder.path(), Modes::shared(group)).read(&path, 10).is_ok(),
            "one of the group"
        );
        std::os::unix::fs::chown(folder.path(), Some(stranger), None).unwrap();
        assert!(Beneath::new(folder.path(), Modes::OURS).read(&path, 10).is_ok(), "the folder is theirs");
    }

    #[test]
    fn a_file_that_anybody_may_write_is_refused() {
        let folder = crate::sys::files::temporary_folder("holdpoint-beneath-").unwrap();
        let path = folder.path().join("x");
        fs::write(&path, "x").unwrap();
        crate::sys::files::set_mode(&path, 0o666).unwrap();
        let error = Beneath::new(folder.path(), Modes::OURS).read(&path, 10).unwrap_err();
        assert!(error.source.to_string().contains("chmod o-w"), "{error:?}");
    }

    #[test]
    fn a_pipe_in_place_of_a_file_does_not_hang() {
        let folder = crate::sys::files::temporary_folder("holdpoint-beneath-").unwrap();
        let path = folder.path().join("x");
        let mode = Mode::from_raw_mode(0o600);
        rustix::fs::mkfifoat(rustix::fs::CWD, &path, mode).unwrap();
        assert!(Beneath::new(folder.path(), Modes::OURS).read(&path, 10).is_err());
    }

    #[test]
    fn step_by_step_refuses_what_openat2_refuses() {
        let folder = crate::sys::files::temporary_folder("holdpoint-beneath-").unwrap();
        fs::create_dir(folder.path().join("a")).unwrap();
        fs::write(folder.path().join("a/x"), "x").unwrap();
        std::os::unix::fs::symlink("a", folder.path().join("l")).unwrap();
        let root = rustix::fs::open(folder.path(), OFlags::PATH, Mode::empty()).unwrap();
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW;
        assert!(step_by_step(&root, Path::new("a/x"), flags, Mode::empty()).is_ok());
        assert!(step_by_step(&root, Path::new("l/x"), flags, Mode::empty()).is_err());
        assert!(step_by_step(&root, Path::new("l"), flags, Mode::empty()).is_err());
    }
}
