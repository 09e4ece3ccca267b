//! Checking an archive, and comparing it with what is on the disk.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::BackupError;
use super::archive::{Attributes, BUFFER, Item, Root, above, find, is_kept, read, read_headers, roots};
use crate::model::gather::Gather;
use crate::sys::files::failed;
use crate::sys::folder::{self, Folder, Kind, Node};

/// One difference between an archive and what is on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Absolute path.
    pub path: PathBuf,
    /// What differs: `content`, `mode 0644, expected 0600`, `missing`, `not in the backup`….
    pub what: String,
}

/// Differences that are told; more of them say nothing new.
const MOST: usize = 100;

/// Checks the form of a whole archive: every header, every length and the end mark; returns the bytes of content in it.
/// The content itself is what the set's hashes are for.
///
/// # Errors
/// [`BackupError::Damaged`] with the place where it breaks.
pub fn check_tree(archive: &Path) -> Result<u64, BackupError> {
    let mut bytes = 0;
    read_headers(archive, &mut |item| {
        bytes += if item.node.kind == Kind::File { item.node.size } else { 0 }
    })?;
    Ok(bytes)
}

/// Compares an archive with what is on disk: content, kind, mode, owner, group, modification time to the second,
/// attributes, and files that are too many. At most 100 differences are told.
///
/// # Errors
/// [`BackupError`] when either cannot be read.
pub fn compare_tree(archive: &Path, paths: &[PathBuf]) -> Result<Vec<Difference>, BackupError> {
    let roots = roots(paths, archive)?;
    let mut comparing = Comparing {
        archive,
        roots: &roots,
        open: Vec::new(),
        seen: BTreeSet::new(),
        differences: Vec::new(),
    };
    read(archive, &mut |item, content| comparing.compare(&item, content))?;
    comparing.close_until(Path::new(""))?;
    for root in roots.iter().filter(|root| !comparing.seen.contains(&root.name)) {
        let what = "not in the backup".to_owned();
        comparing.differences.push(Difference { path: root.path.clone(), what });
    }
    comparing.differences.truncate(MOST);
    Ok(comparing.differences)
}

/// A folder that is being compared; none where the disk has no such folder.
struct OpenFolder {
    name: PathBuf,
    folder: Option<Folder>,
    names: BTreeSet<OsString>,
}

struct Comparing<'a> {
    archive: &'a Path,
    roots: &'a [Root],
    open: Vec<OpenFolder>,
    seen: BTreeSet<PathBuf>,
    differences: Vec<Difference>,
}

impl Comparing<'_> {
    fn compare(&mut self, item: &Item, content: &mut dyn Read) -> Result<(), BackupError> {
        let Some(root) = self.roots.iter().find(|root| item.name.starts_with(&root.name)) else {
            return Ok(());
        };
        if self.differences.len() > MOST {
            return Ok(());
        }
        let name = item.name.file_name().map(OsString::from).unwrap_or_default();
        if item.name == root.name {
            self.close_until(Path::new(""))?;
            self.seen.insert(root.name.clone());
            let folder = above(&root.path).ok().map(|(folder, _)| folder);
            return self.compare_in(folder.as_ref(), &name, item, content);
        }
        self.close_until(item.name.parent().unwrap_or(Path::new("")))?;
        let Some(mut above) = self.open.pop() else {
            let why = format!("`{}` comes before the folder it lies in", item.name.display());
            return Err(BackupError::damaged(self.archive, why));
        };
        above.names.insert(name.clone());
        let at = self.open.len();
        let compared = self.compare_in(above.folder.as_ref(), &name, item, content);
        self.open.insert(at, above);
        compared
    }

    fn compare_in(
        &mut self,
        above: Option<&Folder>,
        name: &OsString,
        item: &Item,
        content: &mut dyn Read,
    ) -> Result<(), BackupError> {
        let node = match above {
            Some(above) => above.look(name)?,
            None => None,
        };
        let mut differences = Vec::new();
        match (above, &node) {
            (Some(above), Some(node)) if node.kind == item.node.kind => {
                differences = compare_nodes(item, node);
                differences.extend(compare_inside(above, name, item, node, content)?);
                differences.extend(self.compare_link(item, node)?);
            }
            (_, Some(node)) => {
                differences.push(format!("{}, expected {}", word(node.kind), word(item.node.kind)));
            }
            (_, None) => differences.push("missing".to_owned()),
        }
        let path = Path::new("/").join(&item.name);
        self.differences.extend(differences.into_iter().map(|what| Difference { path: path.clone(), what }));
        if item.node.kind == Kind::Folder {
            let is_folder = node.is_some_and(|node| node.kind == Kind::Folder);
            let folder = above.filter(|_| is_folder).map(|above| above.folder(name)).transpose()?;
            self.open.push(OpenFolder { name: item.name.clone(), folder, names: BTreeSet::new() });
        }
        Ok(())
    }

    /// A hard link must be another name of the same file.
    fn compare_link(&self, item: &Item, node: &Node) -> Result<Option<String>, BackupError> {
        let Some(first) = &item.same_as else { return Ok(None) };
        let found = match find(self.roots, first) {
            Ok((folder, name)) => folder.look(&name)?,
            Err(_) => None,
        };
        let is_same = found.is_some_and(|found| found.identity == node.identity);
        Ok((!is_same).then(|| format!("not another name of `/{}`", first.display())))
    }

    /// Finishes the folders that do not hold this name: what the disk has beyond the archive is too much.
    fn close_until(&mut self, name: &Path) -> Result<(), BackupError> {
        while let Some(open) = self.open.pop_if(|open| open.name != name) {
            let Some(folder) = &open.folder else { continue };
            for name in folder.names()?.into_iter().filter(|name| !open.names.contains(name)) {
                if folder.look(&name)?.is_some_and(|node| node.kind != Kind::Socket) {
                    let what = "not in the backup".to_owned();
                    self.differences.push(Difference { path: folder.path().join(name), what });
                }
            }
        }
        Ok(())
    }
}

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::File => "a file",
        Kind::Folder => "a folder",
        Kind::Symlink => "a symlink",
        Kind::Pipe => "a pipe",
        Kind::Socket => "a socket",
        Kind::CharDevice | Kind::BlockDevice => "a device",
    }
}

fn compare_nodes(item: &Item, node: &Node) -> Vec<String> {
    let wanted = &item.node;
    let mut differences = Vec::new();
    if (node.uid, node.gid) != (wanted.uid, wanted.gid) {
        differences.push(format!("owner {}:{}, expected {}:{}", node.uid, node.gid, wanted.uid, wanted.gid));
    }
    // A hard link carries its first name's mode and time; a symlink has no mode of its own.
    if node.kind != Kind::Symlink && node.mode != wanted.mode {
        differences.push(format!("mode {:04o}, expected {:04o}", node.mode, wanted.mode));
    }
    if node.modified.0.max(0) != wanted.modified.0 {
        differences.push(format!("modified at {}, expected {}", node.modified.0, wanted.modified.0));
    }
    if matches!(node.kind, Kind::CharDevice | Kind::BlockDevice) && node.device != wanted.device {
        differences.push("another device".to_owned());
    }
    differences
}

fn compare_inside(
    above: &Folder,
    name: &OsString,
    item: &Item,
    node: &Node,
    content: &mut dyn Read,
) -> Result<Vec<String>, BackupError> {
    let mut differences = Vec::new();
    match item.node.kind {
        Kind::Folder => {
            differences.extend(compare_attributes(&item.attributes, above.folder(name)?.attributes()?));
        }
        Kind::Symlink if item.points_to.as_ref() != Some(&above.points_to(name)?) => {
            differences.push("points elsewhere".to_owned());
        }
        Kind::File if item.same_as.is_none() => {
            let path = above.path().join(name);
            let mut file = above.read(name)?;
            differences.extend(compare_attributes(&item.attributes, folder::attributes(&file, &path)?));
            let is_same = node.size == item.node.size
                && is_same_content(&mut file, content).map_err(failed("compared", &path))?;
            if !is_same {
                differences.push("content".to_owned());
            }
        }
        _ => {}
    }
    Ok(differences)
}

fn compare_attributes(wanted: &Attributes, mut found: Attributes) -> Option<String> {
    found.retain(|(name, _)| is_kept(name));
    let sorted = |attributes: &Attributes| attributes.iter().cloned().gather::<BTreeSet<_>>();
    (sorted(wanted) != sorted(&found)).then(|| "extended attributes".to_owned())
}

fn is_same_content(a: &mut dyn Read, b: &mut dyn Read) -> std::io::Result<bool> {
    let (mut from_a, mut from_b) = (vec![0; BUFFER], vec![0; BUFFER]);
    loop {
        let (read_a, read_b) = (fill(a, &mut from_a)?, fill(b, &mut from_b)?);
        if from_a[..read_a] != from_b[..read_b] {
            return Ok(false);
        }
        if read_a == 0 {
            return Ok(true);
        }
    }
}

/// Reads until the buffer is full or there is no more.
fn fill(reader: &mut dyn Read, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
