//! What taking, putting back and comparing a tree have in common: which names stand for which paths, and how an entry is
//! read out of the archive.

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufReader, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::FileExt;
use std::path::{Component, Path, PathBuf};

use tar::EntryType;

use super::BackupError;
use crate::sys::files::{self, failed};
use crate::sys::folder::{Folder, Kind, Node};

/// One saved path: where it is, and its name in the archive (the same without the first slash, so that a person can
/// unpack it by hand with `tar -C /`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Root {
    pub(super) path: PathBuf,
    pub(super) name: PathBuf,
}

/// The paths to save, in order; one that lies within another is saved with it. The archive may lie in none of them: taking
/// would never end, and putting back would begin by removing it.
pub(super) fn roots(paths: &[PathBuf], archive: &Path) -> Result<Vec<Root>, BackupError> {
    let mut roots: Vec<Root> = Vec::new();
    let mut sorted = paths.to_vec();
    sorted.sort();
    for path in sorted {
        let is_plain =
            path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
        let name: PathBuf = path.components().filter(|part| matches!(part, Component::Normal(_))).collect();
        if !path.is_absolute() || !is_plain || name.as_os_str().is_empty() {
            return Err(BackupError::source(&path, "is not an absolute path of something below `/`"));
        }
        if roots.iter().any(|root| path.starts_with(&root.path)) {
            continue;
        }
        roots.push(Root { path: Path::new("/").join(&name), name });
    }
    let above = files::absolute(archive.parent().unwrap_or(Path::new("/")))?;
    for root in &roots {
        if files::exists(&root.path) && above.starts_with(files::absolute(&root.path)?) {
            return Err(BackupError::source(
                &root.path,
                "holds the backup itself: keep backups elsewhere, see `[workspace] backups`",
            ));
        }
    }
    Ok(roots)
}

/// Where a path leads that a person configured, symlinks followed; the path itself where nothing is there.
pub(super) fn real(path: &Path) -> PathBuf {
    files::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}

/// The open folder that a path lies in, and its name there.
pub(super) fn above(path: &Path) -> Result<(Folder, OsString), BackupError> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(BackupError::source(path, "is not the path of something below `/`"));
    };
    Ok((Folder::open_following(folder)?, name.to_os_string()))
}

/// The open folder and the name there of something on the disk, by its name in the archive: from its saved path on by
/// names alone, never through a symlink.
pub(super) fn find(roots: &[Root], name: &Path) -> Result<(Folder, OsString), BackupError> {
    let path = Path::new("/").join(name);
    let outside = || BackupError::source(&path, "lies in none of the saved paths");
    let root = roots.iter().find(|root| name.starts_with(&root.name)).ok_or_else(outside)?;
    let (mut folder, first) = above(&root.path)?;
    let mut parts = vec![first];
    parts.extend(name.strip_prefix(&root.name).unwrap_or(name).iter().map(OsStr::to_os_string));
    let last = parts.pop().ok_or_else(outside)?;
    for part in parts {
        folder = folder.folder(&part)?;
    }
    Ok((folder, last))
}

/// Whether an extended attribute is kept. Labels that the system's own policy gives are not ours to keep.
pub(super) fn is_kept(attribute: &OsStr) -> bool {
    let name = attribute.as_bytes();
    name.starts_with(b"user.")
        || matches!(name, b"security.capability" | b"system.posix_acl_access" | b"system.posix_acl_default")
}

/// Extended attributes: name and value.
pub(super) type Attributes = Vec<(OsString, Vec<u8>)>;

/// Prefix of the PAX records that hold them, as libarchive writes them: percent-encoded name, base64 value.
const ATTRIBUTE: &str = "LIBARCHIVE.xattr.";

/// An extended attribute as a PAX record.
pub(super) fn attribute_record(name: &OsStr, value: &[u8]) -> (String, Vec<u8>) {
    let mut key = ATTRIBUTE.to_owned();
    for byte in name.as_bytes() {
        match byte {
            b'%' | b'=' | 0..=32 | 127..=255 => {
                let _ = write!(key, "%{byte:02X}");
            }
            plain => key.push(char::from(*plain)),
        }
    }
    (key, base64(value))
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn base64(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(bytes.len().div_ceil(3) * 4);
    for part in bytes.chunks(3) {
        let word =
            part.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - part.len()));
        text.extend((0..=part.len()).map(|at| BASE64[(word >> (18 - 6 * at) & 63) as usize]));
    }
    text
}

fn from_base64(text: &[u8]) -> Option<Vec<u8>> {
    let text = text.strip_suffix(b"==").or_else(|| text.strip_suffix(b"=")).unwrap_or(text);
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    for part in text.chunks(4) {
        let mut word = 0_u32;
        for at in 0..4 {
            let digit = part.get(at).map_or(Some(0), |byte| BASE64.iter().position(|digit| digit == byte))?;
            word = word << 6 | u32::try_from(digit).ok()?;
        }
        bytes.extend_from_slice(&word.to_be_bytes()[1..part.len().max(1)]);
    }
    Some(bytes)
}

fn from_percent(text: &str) -> Option<OsString> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first == b'%' {
            let digits = std::str::from_utf8(after.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    Some(OsString::from_vec(bytes))
}

/// An entry of the archive, content apart.
#[derive(Debug)]
pub(super) struct Item {
    /// Its name: relative, and nothing but names between slashes.
    pub(super) name: PathBuf,
    /// Kind, owner, mode, size and time.
    pub(super) node: Node,
    /// Where a symlink points to.
    pub(super) points_to: Option<OsString>,
    /// The name in the archive that a hard link is another name of.
    pub(super) same_as: Option<PathBuf>,
    pub(super) attributes: Attributes,
}

/// What is done with an entry and its content.
pub(super) type Each<'a> = &'a mut dyn FnMut(Item, &mut dyn Read) -> Result<(), BackupError>;

/// Hands each entry of an archive and its content to `each`, in order, and checks the archive's form on the way: every
/// header's own sum, every length, and the end mark. What `each` does not read is skipped.
pub(super) fn read(archive: &Path, each: Each<'_>) -> Result<(), BackupError> {
    let file = BufReader::with_capacity(BUFFER, files::open(archive)?);
    let mut tar = tar::Archive::new(file);
    let entries = tar.entries().map_err(|error| BackupError::damaged(archive, error.to_string()))?;
    walk(entries, archive, each)
}

/// As [`read`], without content: only the headers are read from the disk.
pub(super) fn read_headers(archive: &Path, each: &mut dyn FnMut(Item)) -> Result<(), BackupError> {
    let mut tar = tar::Archive::new(files::open(archive)?);
    let entries =
        tar.entries_with_seek().map_err(|error| BackupError::damaged(archive, error.to_string()))?;
    walk(entries, archive, &mut |item, _| {
        each(item);
        Ok(())
    })
}

fn walk<R: Read>(entries: tar::Entries<'_, R>, archive: &Path, each: Each<'_>) -> Result<(), BackupError> {
    let damaged = |why: String| BackupError::damaged(archive, why);
    let file = files::open(archive)?;
    let length = file.metadata().map_err(failed("looked at", archive))?.len();
    let mut end = 0;
    for entry in entries {
        let mut entry = entry.map_err(|error| damaged(error.to_string()))?;
        end = entry.raw_file_position() + entry.size().next_multiple_of(512);
        let item = item(&mut entry).map_err(damaged)?;
        if end > length {
            return Err(damaged(format!("`{}` is cut off", item.name.display())));
        }
        each(item, &mut entry)?;
    }
    check_end(&file, end, length).map_err(damaged)
}

/// Bytes read or written at once.
pub(super) const BUFFER: usize = 128 << 10;

/// Two empty blocks end an archive; without them it was cut off between two entries.
fn check_end(file: &File, end: u64, length: u64) -> Result<(), String> {
    let mut mark = [1_u8; 1024];
    if end + 1024 > length || file.read_exact_at(&mut mark, end).is_err() || mark != [0; 1024] {
        return Err("it is cut off: its end mark is missing".to_owned());
    }
    Ok(())
}

fn item<R: Read>(entry: &mut tar::Entry<'_, R>) -> Result<Item, String> {
    let name = PathBuf::from(OsStr::from_bytes(&entry.path_bytes()));
    let shown = name.display().to_string();
    let bad = |what: &str| format!("`{shown}` {what}");
    let mut attributes = Vec::new();
    for record in entry.pax_extensions().map_err(|error| error.to_string())?.into_iter().flatten() {
        let record = record.map_err(|error| error.to_string())?;
        let Some(key) = record.key().ok().and_then(|key| key.strip_prefix(ATTRIBUTE)) else { continue };
        let pair = from_percent(key).zip(from_base64(record.value_bytes()));
        attributes.push(pair.ok_or_else(|| bad("has an attribute that cannot be read"))?);
    }
    let link = || entry.link_name_bytes().map(|bytes| OsString::from_vec(bytes.into_owned()));
    let header = entry.header();
    let (mut points_to, mut same_as) = (None, None);
    let kind = match header.entry_type() {
        EntryType::Regular | EntryType::Continuous => Kind::File,
        EntryType::Directory => Kind::Folder,
        EntryType::Symlink => {
            points_to = Some(link().ok_or_else(|| bad("points nowhere"))?);
            Kind::Symlink
        }
        EntryType::Link => {
            same_as = Some(PathBuf::from(link().ok_or_else(|| bad("links to nothing"))?));
            Kind::File
        }
        EntryType::Fifo => Kind::Pipe,
        EntryType::Char => Kind::CharDevice,
        EntryType::Block => Kind::BlockDevice,
        other => return Err(bad(&format!("is of a kind that we never write ({other:?})"))),
    };
    let is_plain = |path: &Path| {
        path.components().all(|part| matches!(part, Component::Normal(_)))
            && path.components().next().is_some()
    };
    if !is_plain(&name) || same_as.as_deref().is_some_and(|path| !is_plain(path)) {
        return Err(bad("leads out of the archive"));
    }
    let number = |read: std::io::Result<u64>| read.ok().and_then(|n| u32::try_from(n).ok());
    let device = |part: std::io::Result<Option<u32>>| part.ok().flatten().unwrap_or(0);
    let node = Node {
        kind,
        mode: header.mode().map_err(|error| error.to_string())? & 0o7777,
        uid: number(header.uid()).ok_or_else(|| bad("has no owner"))?,
        gid: number(header.gid()).ok_or_else(|| bad("has no group"))?,
        size: entry.size(),
        modified: (header.mtime().ok().and_then(|time| i64::try_from(time).ok()).unwrap_or(0), 0),
        identity: (0, 0),
        has_other_names: false,
        device: (device(header.device_major()), device(header.device_minor())),
    };
    Ok(Item { name, node, points_to, same_as, attributes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_survive_their_encoding() {
        for value in [&b""[..], b"a", b"ab", b"abc", b"\0\n=\xff\xfe", &[7; 1000]] {
            assert_eq!(from_base64(&base64(value)).unwrap(), value);
        }
        assert_eq!(base64(b"holdpoint"), b"aG9sZHBvaW50");
        let (key, _) = attribute_record(OsStr::from_bytes(b"user.a=b%\xc3\xa9"), b"");
        assert_eq!(key, "LIBARCHIVE.xattr.user.a%3Db%25%C3%A9");
        assert_eq!(from_percent(&key[ATTRIBUTE.len()..]).unwrap().as_bytes(), b"user.a=b%\xc3\xa9");
        assert_eq!((from_percent("%4"), from_base64(b"a b=")), (None, None));
    }

    #[test]
    fn paths_within_others_are_saved_once_and_odd_ones_are_refused() {
        let list = |paths: &[&str]| {
            let paths: Vec<PathBuf> = paths.iter().map(PathBuf::from).collect();
            roots(&paths, Path::new("/tmp/x.tar"))
                .map(|roots| roots.into_iter().map(|root| root.name).collect::<Vec<_>>())
        };
        let found = list(&["/srv/b", "/srv/a/data", "/srv/a", "/srv/ab", "/srv//b/"]).unwrap();
        assert_eq!(found, ["srv/a", "srv/ab", "srv/b"].map(PathBuf::from));
        for bad in ["/", "relative", "/srv/../etc", ""] {
            assert!(list(&[bad]).is_err(), "{bad:?}");
        }
        assert!(list(&["/tmp"]).unwrap_err().to_string().contains("holds the backup itself"));
    }
}
