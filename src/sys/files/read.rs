//! Looking at files.

#![expect(clippy::disallowed_methods, reason = "this is the place through which files are read")]

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use super::{FileError, failed};
use crate::sys::process;

/// Whether something is there (a symlink counts by what it points to). What cannot be seen is not there.
pub fn exists(path: &Path) -> bool {
    path.exists()
}

/// Whether a regular file is there, symlinks followed.
pub fn is_file(path: &Path) -> bool {
    path.is_file()
}

/// Whether a folder is there, symlinks followed.
pub fn is_folder(path: &Path) -> bool {
    path.is_dir()
}

/// The path from the root of the filesystem, symlinks resolved; it must exist.
pub fn absolute(path: &Path) -> Result<PathBuf, FileError> {
    fs::canonicalize(path).map_err(failed("found", path))
}

/// Opens a file for reading.
pub fn open(path: &Path) -> Result<File, FileError> {
    File::open(path).map_err(failed("opened", path))
}

/// What stands in an open file after what is known of its beginning, at most `max` bytes in all; none where it begins
/// otherwise. It is compared piece by piece: what is known already takes no memory once more.
pub(super) fn after_open(
    mut file: File,
    path: &Path,
    known: &[u8],
    max: u64,
) -> Result<Option<Vec<u8>>, FileError> {
    let mut piece = vec![0; PIECE];
    let mut left = known;
    while !left.is_empty() {
        let wanted = left.len().min(PIECE);
        let count = file.read(&mut piece[..wanted]).map_err(failed("read", path))?;
        if count == 0 || piece[..count] != left[..count] {
            return Ok(None);
        }
        left = &left[count..];
    }
    let room = max.saturating_sub(known.len() as u64);
    let mut more = Vec::new();
    file.take(room.saturating_add(1)).read_to_end(&mut more).map_err(failed("read", path))?;
    within(more, path, room).map(Some)
}

/// Bytes that are compared at once.
const PIECE: usize = 64 << 10;

/// Bytes in a file.
pub fn size(path: &Path) -> Result<u64, FileError> {
    fs::metadata(path).map(|meta| meta.len()).map_err(failed("read", path))
}

/// Permission bits, without the kind of file.
pub fn mode(path: &Path) -> Result<u32, FileError> {
    fs::metadata(path).map(|meta| meta.permissions().mode() & 0o7777).map_err(failed("read", path))
}

/// When the content last changed. None where that cannot be seen.
pub fn modified(path: &Path) -> Option<DateTime<Utc>> {
    fs::symlink_metadata(path).ok()?.modified().ok().map(DateTime::from)
}

/// Name of the owner, or the number where it has no name. None where that cannot be seen.
pub fn owner_name(path: &Path) -> Option<String> {
    let uid = fs::symlink_metadata(path).ok()?.uid();
    Some(process::user_name(uid).unwrap_or_else(|| uid.to_string()))
}

/// The user that a file or folder belongs to.
pub fn owner(path: &Path) -> Result<u32, FileError> {
    fs::metadata(path).map(|meta| meta.uid()).map_err(failed("read", path))
}

/// The group that a file or folder belongs to.
pub fn group(path: &Path) -> Result<u32, FileError> {
    fs::metadata(path).map(|meta| meta.gid()).map_err(failed("read", path))
}

/// Reads a whole file of at most `max` bytes.
///
/// # Errors
/// [`FileError`]; of kind `FileTooLarge` when it is longer.
pub fn read_limited(path: &Path, max: u64) -> Result<Vec<u8>, FileError> {
    read_open(open(path)?, path, max)
}

/// Reads an opened file to its end, at most `max` bytes.
pub(super) fn read_open(file: File, path: &Path, max: u64) -> Result<Vec<u8>, FileError> {
    let length = file.metadata().map_or(0, |meta| meta.len());
    let mut bytes = Vec::with_capacity(usize::try_from(length.min(max)).unwrap_or(0));
    file.take(max.saturating_add(1)).read_to_end(&mut bytes).map_err(failed("read", path))?;
    within(bytes, path, max)
}

fn within(bytes: Vec<u8>, path: &Path, max: u64) -> Result<Vec<u8>, FileError> {
    if bytes.len() as u64 > max {
        let source = io::Error::new(io::ErrorKind::FileTooLarge, format!("it is longer than {max} bytes"));
        return Err(FileError { verb: "read", path: path.to_path_buf(), source });
    }
    Ok(bytes)
}

/// Reads a whole text of at most `max` bytes.
///
/// # Errors
/// [`FileError`]; of kind `InvalidData` when it is not UTF-8.
pub fn read_text(path: &Path, max: u64) -> Result<String, FileError> {
    let bytes = read_limited(path, max)?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let source = io::Error::new(io::ErrorKind::InvalidData, format!("it is not UTF-8 at byte {at}"));
        FileError { verb: "read", path: path.to_path_buf(), source }
    })
}

/// Names in a folder, sorted.
pub fn list(path: &Path) -> Result<Vec<OsString>, FileError> {
    let name = |entry: io::Result<fs::DirEntry>| entry.map(|entry| entry.file_name());
    let names: io::Result<Vec<OsString>> = fs::read_dir(path).and_then(|entries| entries.map(name).collect());
    let mut names = names.map_err(failed("listed", path))?;
    names.sort();
    Ok(names)
}

/// Every regular file below a folder, sorted; symlinks are neither followed nor listed.
pub fn walk(folder: &Path) -> Result<Vec<PathBuf>, FileError> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).map_err(failed("listed", &folder))? {
            let entry = entry.map_err(failed("listed", &folder))?;
            let kind = entry.file_type().map_err(failed("read", &entry.path()))?;
            if kind.is_dir() {
                open.push(entry.path());
            } else if kind.is_file() {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    Ok(found)
}

/// sha256 of bytes, as 64 hex digits.
pub fn sha256_of(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// sha256 of a file's content, as 64 hex digits.
pub fn sha256_of_file(path: &Path) -> Result<String, FileError> {
    hash_open(open(path)?, path).map(|(sha256, _)| sha256)
}

pub(super) fn hash_open(mut file: File, path: &Path) -> Result<(String, u64), FileError> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 128 << 10];
    let mut bytes = 0;
    loop {
        let read = file.read(&mut buffer).map_err(failed("read", path))?;
        if read == 0 {
            return Ok((hex(&hasher.finalize()), bytes));
        }
        bytes += read as u64;
        hasher.update(&buffer[..read]);
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A file and its content's hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileHash {
    /// Path relative to the folder that was walked.
    pub path: String,
    /// sha256, 64 hex digits.
    pub sha256: String,
    /// Size in bytes.
    pub bytes: u64,
}

/// Every regular file below a folder with its hash, sorted by path.
///
/// # Errors
/// [`FileError`]; of kind `InvalidData` for a name that is not UTF-8.
pub fn hash_tree(folder: &Path) -> Result<Vec<FileHash>, FileError> {
    let mut hashes = Vec::new();
    for path in walk(folder)? {
        let relative = path.strip_prefix(folder).ok().and_then(Path::to_str).ok_or_else(|| FileError {
            verb: "listed",
            path: path.clone(),
            source: io::Error::new(io::ErrorKind::InvalidData, "its name is not UTF-8"),
        })?;
        let (sha256, bytes) = hash_open(open(&path)?, &path)?;
        hashes.push(FileHash { path: relative.to_owned(), sha256, bytes });
    }
    Ok(hashes)
}

/// The last bytes of a file, at most `max`.
pub fn read_tail(path: &Path, max: u64) -> Result<Vec<u8>, FileError> {
    tail_open(open(path)?, path, max)
}

/// The last bytes of an opened file, at most `max`.
pub(super) fn tail_open(mut file: File, path: &Path, max: u64) -> Result<Vec<u8>, FileError> {
    use std::io::{Read, Seek, SeekFrom};
    let len = file.metadata().map_err(failed("read", path))?.len();
    file.seek(SeekFrom::Start(len.saturating_sub(max))).map_err(failed("read", path))?;
    let mut bytes = Vec::with_capacity(usize::try_from(len.min(max)).unwrap_or(0));
    file.take(max).read_to_end(&mut bytes).map_err(failed("read", path))?;
    Ok(bytes)
}

/// Where a symlink points to.
pub fn link_target(path: &Path) -> Result<PathBuf, FileError> {
    fs::read_link(path).map_err(failed("read", path))
}
