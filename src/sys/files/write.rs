//! Changing files.

#![expect(clippy::disallowed_methods, reason = "this is the place through which files are changed")]

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use tempfile::TempDir;

use super::{Beneath, FileError, Modes, failed};
use crate::sys::sync;

/// Replaces a file's content, whole or not at all, also when the power fails: a temporary file beside it is written and
/// synced, renamed over it, and the folder is synced. Exactly 2 fsyncs and 1 rename (design/03).
///
/// # Errors
/// [`FileError`]; the old content is then still there, or the new one, never a mix.
pub fn save_atomic(path: &Path, bytes: &[u8], mode: u32) -> Result<(), FileError> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        let source = io::Error::new(io::ErrorKind::InvalidInput, "it has no folder");
        return Err(FileError { verb: "written", path: path.to_path_buf(), source });
    };
    Beneath::new(folder, Modes { file: mode, ..Modes::OURS }).save_atomic(&folder.join(name), bytes)
}

/// Makes a folder and those above it that are missing; those that are there keep their mode.
pub fn make_folders(path: &Path, mode: u32) -> Result<(), FileError> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        make_folders(parent, mode)?;
    }
    match fs::DirBuilder::new().mode(mode).create(path) {
        Ok(()) => set_mode(path, mode),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) => Err(failed("created", path)(error)),
    }
}

/// Makes a new file for writing; it must not be there yet, also not as a symlink.
pub fn create_new(path: &Path, mode: u32) -> Result<File, FileError> {
    let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    file.map_err(failed("created", path))
}

/// Opens a file for adding to its end, made when missing; a symlink is refused.
pub fn open_append(path: &Path, mode: u32) -> Result<File, FileError> {
    let mut options = OpenOptions::new();
    options.append(true).create(true).mode(mode).custom_flags(nofollow());
    options.open(path).map_err(failed("opened", path))
}

/// Opens a file for reading and writing, made when missing; its content stays, and a symlink is refused.
pub fn open_or_create(path: &Path, mode: u32) -> Result<File, FileError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(mode).custom_flags(nofollow());
    options.open(path).map_err(failed("opened", path))
}

/// Writes a file whose loss does not matter: nothing is synced.
pub fn write(path: &Path, bytes: &[u8], mode: u32) -> Result<(), FileError> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(mode).custom_flags(nofollow());
    let mut file = options.open(path).map_err(failed("opened", path))?;
    file.write_all(bytes).map_err(failed("written", path))
}

/// Writes over the beginning of a file that is there; what it has beyond that stays.
pub fn overwrite(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let mut options = OpenOptions::new();
    let mut file = options.write(true).custom_flags(nofollow()).open(path).map_err(failed("opened", path))?;
    file.write_all(bytes).map_err(failed("written", path))
}

/// `O_NOFOLLOW` as std wants it.
fn nofollow() -> i32 {
    i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or(0)
}

/// Sets permission bits.
pub fn set_mode(path: &Path, mode: u32) -> Result<(), FileError> {
    fs::set_permissions(path, Permissions::from_mode(mode)).map_err(failed("given its mode", path))
}

/// Copies a file's content and mode over whatever is there. Not synced.
pub fn copy(from: &Path, to: &Path) -> Result<u64, FileError> {
    fs::copy(from, to).map_err(failed("copied", from))
}

/// Renames within a filesystem. Not synced.
pub fn rename(from: &Path, to: &Path) -> Result<(), FileError> {
    fs::rename(from, to).map_err(failed("renamed", from))
}

/// Makes a symlink to a file that may be anywhere.
pub fn symlink(to: &Path, path: &Path) -> Result<(), FileError> {
    std::os::unix::fs::symlink(to, path).map_err(failed("linked", path))
}

/// Removes a file; one that is not there is removed already.
pub fn remove_file(path: &Path) -> Result<(), FileError> {
    gone(fs::remove_file(path)).map_err(failed("removed", path))
}

/// Removes a folder with all that is in it, never following a symlink; one that is not there is removed already.
pub fn remove_tree(path: &Path) -> Result<(), FileError> {
    gone(fs::remove_dir_all(path)).map_err(failed("removed", path))
}

fn gone(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Makes a file's content durable.
pub fn fsync_file(path: &Path) -> Result<(), FileError> {
    let file = super::open(path)?;
    sync::file(&file).map_err(io::Error::from).map_err(failed("synced", path))
}

/// Makes a folder's names durable.
pub fn fsync_folder(path: &Path) -> Result<(), FileError> {
    let folder = super::open(path)?;
    sync::folder(&folder).map_err(io::Error::from).map_err(failed("synced", path))
}

/// Writes the whole filesystem that a folder is on to the disk.
pub fn sync_filesystem(folder: &Path) -> Result<(), FileError> {
    let opened = super::open(folder)?;
    sync::filesystem(&opened).map_err(io::Error::from).map_err(failed("synced", folder))
}

/// A folder of our own among the system's temporary ones, 0700, removed when the value is dropped.
pub fn temporary_folder(prefix: &str) -> Result<TempDir, FileError> {
    let made = tempfile::Builder::new().prefix(prefix).permissions(Permissions::from_mode(0o700)).tempdir();
    made.map_err(failed("created", &PathBuf::from(prefix)))
}

/// Writes all bytes to an opened file.
pub(super) fn write_all(mut file: &File, bytes: &[u8], path: &Path) -> Result<(), FileError> {
    file.write_all(bytes).map_err(failed("written", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_saved_file_is_the_new_one_with_its_mode_and_nothing_beside_it() {
        let folder = temporary_folder("holdpoint-files-").unwrap();
        let path = folder.path().join("x.env");
        save_atomic(&path, b"one", 0o640).unwrap();
        save_atomic(&path, b"two", 0o640).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(crate::sys::files::mode(&path).unwrap(), 0o640);
        assert_eq!(crate::sys::files::list(folder.path()).unwrap(), ["x.env"]);
    }

    #[test]
    fn a_symlink_is_replaced_and_never_written_through() {
        let folder = temporary_folder("holdpoint-files-").unwrap();
        let other = folder.path().join("other");
        fs::write(&other, "kept").unwrap();
        let path = folder.path().join("x.env");
        std::os::unix::fs::symlink(&other, &path).unwrap();
        assert!(open_append(&path, 0o640).is_err());
        save_atomic(&path, b"new", 0o640).unwrap();
        assert_eq!(fs::read_to_string(&other).unwrap(), "kept");
        assert!(!path.is_symlink());
    }

    #[test]
    fn what_is_not_there_is_removed_already() {
        let folder = temporary_folder("holdpoint-files-").unwrap();
        remove_file(&folder.path().join("x")).unwrap();
        remove_tree(&folder.path().join("y")).unwrap();
    }

    #[test]
    fn an_error_says_the_verb_and_the_path() {
        let error = save_atomic(Path::new("/no/such/x"), b"", 0o640).unwrap_err();
        assert!(error.to_string().starts_with("`/no/such"), "{error}");
    }
}
