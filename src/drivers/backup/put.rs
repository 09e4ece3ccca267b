//! Putting a tree back.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::{Read, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::archive::{Attributes, BUFFER, Item, Root, find, is_kept, read, roots};
use super::{BackupError, OnBytes};
use crate::sys::files::failed;
use crate::sys::folder::{self, Folder, Kind, Node};

/// Empties these absolute paths and fills them from the archive, with owners, modes, times and attributes. Folders that
/// are saved paths themselves stay in place (they may be mount points) and are emptied. Returns the bytes of content.
/// When it returns, everything is on the disk.
///
/// # Errors
/// [`BackupError`]; the paths are then partly filled, and putting the same backup back again starts over.
pub fn put_tree(archive: &Path, paths: &[PathBuf], on_bytes: OnBytes<'_>) -> Result<u64, BackupError> {
    let roots = roots(paths, archive)?;
    // A damaged archive is found before anything is removed.
    super::check_tree(archive)?;
    let mut putting =
        Putting { archive, roots: &roots, open: Vec::new(), begun: BTreeSet::new(), bytes: 0, on_bytes };
    read(archive, &mut |item, content| putting.put(item, content))?;
    putting.close_until(Path::new(""))?;
    let (begun, bytes) = (putting.begun, putting.bytes);
    if let Some(root) = roots.iter().find(|root| !begun.contains(&root.name)) {
        return Err(BackupError::damaged(archive, format!("it holds nothing of `{}`", root.path.display())));
    }
    for root in &roots {
        open_above(root)?.sync_filesystem()?;
    }
    Ok(bytes)
}

/// A folder that is being filled. Its own owner, mode, time and attributes come last: filling it changes the time, and
/// its default ACL would rub off on what is made in it.
struct OpenFolder {
    name: PathBuf,
    folder: Folder,
    node: Node,
    attributes: Attributes,
}

struct Putting<'a> {
    archive: &'a Path,
    roots: &'a [Root],
    open: Vec<OpenFolder>,
    begun: BTreeSet<PathBuf>,
    bytes: u64,
    on_bytes: OnBytes<'a>,
}

impl Putting<'_> {
    fn put(&mut self, item: Item, content: &mut dyn Read) -> Result<(), BackupError> {
        let Some(root) = self.roots.iter().find(|root| item.name.starts_with(&root.name)) else {
            return Ok(());
        };
        let name = item.name.file_name().map(OsString::from).unwrap_or_default();
        let above_name = item.name.parent().unwrap_or(Path::new("")).to_path_buf();
        if item.name == root.name {
            self.close_until(Path::new(""))?;
            self.begun.insert(root.name.clone());
            let above = open_above(root)?;
            if item.node.kind == Kind::Folder {
                let folder = emptied(&above, &name)?;
                self.open.push(OpenFolder {
                    name: item.name,
                    folder,
                    node: item.node,
                    attributes: item.attributes,
                });
                return Ok(());
            }
            above.remove(&name)?;
            return self.make(&above, &name, &item, content);
        }
        self.close_until(&above_name)?;
        let Some(above) = self.open.pop() else {
            let why = format!("`{}` comes before the folder it lies in", item.name.display());
            return Err(BackupError::damaged(self.archive, why));
        };
        if item.node.kind == Kind::Folder {
            let folder = emptied(&above.folder, &name)?;
            self.open.push(above);
            self.open.push(OpenFolder {
                name: item.name,
                folder,
                node: item.node,
                attributes: item.attributes,
            });
            return Ok(());
        }
        let made = self.make(&above.folder, &name, &item, content);
        self.open.push(above);
        made
    }

    /// Finishes the folders that do not hold this name.
    fn close_until(&mut self, name: &Path) -> Result<(), BackupError> {
        while let Some(open) = self.open.pop_if(|open| open.name != name) {
            open.folder.dress_here(&open.node)?;
            for (attribute, value) in &open.attributes {
                open.folder.set_attribute(attribute, value)?;
            }
        }
        Ok(())
    }

    fn make(
        &mut self,
        above: &Folder,
        name: &OsString,
        item: &Item,
        content: &mut dyn Read,
    ) -> Result<(), BackupError> {
        if let Some(first) = &item.same_as {
            let lost = |error: BackupError| {
                BackupError::damaged(self.archive, format!("a link leads astray: {error}"))
            };
            let (folder, first) = find(self.roots, first).map_err(lost)?;
            return Ok(above.create_link(name, &folder, &first)?);
        }
        match item.node.kind {
            Kind::Symlink => {
                above.create_symlink(name, item.points_to.as_deref().unwrap_or_default())?;
                above.dress(name, &item.node)?;
            }
            Kind::File => self.make_file(above, name, item, content)?,
            _ => {
                above.create_special(name, &item.node)?;
                above.dress(name, &item.node)?;
            }
        }
        Ok(())
    }

    fn make_file(
        &mut self,
        above: &Folder,
        name: &OsString,
        item: &Item,
        content: &mut dyn Read,
    ) -> Result<(), BackupError> {
        let path = above.path().join(name);
        let mut file = above.create_file(name, 0o600)?;
        let mut buffer = vec![0; BUFFER];
        let mut left = item.node.size;
        while left > 0 {
            let read = content.read(&mut buffer).map_err(failed("read", self.archive))?;
            if read == 0 {
                return Err(BackupError::damaged(
                    self.archive,
                    format!("`{}` is cut off", item.name.display()),
                ));
            }
            file.write_all(&buffer[..read]).map_err(failed("written", &path))?;
            left = left.saturating_sub(read as u64);
            self.bytes += read as u64;
            if (self.on_bytes)(self.bytes) == ControlFlow::Break(()) {
                return Err(BackupError::Stopped);
            }
        }
        folder::dress(&file, &path, &item.node)?;
        for (attribute, value) in &item.attributes {
            folder::set_attribute(&file, &path, attribute, value)?;
        }
        Ok(())
    }
}

/// The folder that a saved path lies in; made where it is gone.
fn open_above(root: &Root) -> Result<Folder, BackupError> {
    let above = root.path.parent().unwrap_or(Path::new("/"));
    match Folder::open_following(above) {
        Err(error) if error.is_missing() => Ok(Folder::make(above, 0o755)?),
        opened => Ok(opened?),
    }
}

/// The folder of that name, empty and without attributes of its own; a new one where there is none.
fn emptied(above: &Folder, name: &OsString) -> Result<Folder, BackupError> {
    let is_folder = above.look(name)?.is_some_and(|node| node.kind == Kind::Folder);
    if !is_folder {
        above.remove(name)?;
        return Ok(above.create_folder(name, 0o700)?);
    }
    let folder = above.folder(name)?;
    folder.clear()?;
    for (attribute, _) in folder.attributes()?.iter().filter(|(name, _)| is_kept(name)) {
        folder.remove_attribute(attribute)?;
    }
    Ok(folder)
}
