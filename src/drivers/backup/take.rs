//! Saving a tree.

use std::cell::Cell;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use tar::{Builder, EntryType, Header};

use super::archive::{Attributes, BUFFER, above, attribute_record, is_kept, roots};
use super::{BackupError, OnBytes, Taken};
use crate::sys::files::failed;
use crate::sys::folder::{self, Folder, Kind, Node};

/// Writes a tar of these absolute paths (files or folders) to a new file.
///
/// # Errors
/// [`BackupError`] when a path is missing or is a symlink, a file shrinks while it is read, a file cannot be read or
/// written, or `on_bytes` ends it. The file is then left as it is, for the caller to drop.
pub fn take_tree(paths: &[PathBuf], into: &Path, on_bytes: OnBytes<'_>) -> Result<Taken, BackupError> {
    let roots = roots(paths, into)?;
    let (folder, name) = above(into)?;
    let file = folder.create_file(&name, 0o640)?;
    let stopped = Cell::new(false);
    let sink = Sink { file: BufWriter::with_capacity(BUFFER, file), bytes: 0, on_bytes, stopped: &stopped };
    let mut taking =
        Taking { into, builder: Builder::new(sink), first_names: HashMap::new(), notes: Notes::default() };
    for root in &roots {
        let (folder, name) = above(&root.path)?;
        let node = folder.look(&name)?.ok_or_else(|| BackupError::source(&root.path, "does not exist"))?;
        if node.kind == Kind::Symlink {
            let to = folder.points_to(&name)?;
            let why = format!("is a symlink to `{}`: write where it leads", to.display());
            return Err(BackupError::source(&root.path, why));
        }
        taking.add(&folder, &name, &root.name, &node)?;
    }
    let notes = taking.notes.told();
    let mut sink = match taking.builder.into_inner() {
        Ok(sink) => sink,
        Err(_) if stopped.get() => return Err(BackupError::Stopped),
        Err(error) => return Err(failed("written", into)(error).into()),
    };
    sink.flush().map_err(failed("written", into))?;
    Ok(Taken { bytes: sink.bytes, notes })
}

/// Bytes that a backup of these paths would hold, without reading content. What cannot be seen counts as nothing.
pub fn size_of_tree(paths: &[PathBuf]) -> u64 {
    let sizes = paths.iter().map(|path| above(path).map_or(0, |(folder, name)| size(&folder, &name)));
    sizes.sum::<u64>() + 1024
}

fn size(folder: &Folder, name: &OsStr) -> u64 {
    let Ok(Some(node)) = folder.look(name) else { return 0 };
    let below = match node.kind {
        Kind::File => node.size.next_multiple_of(512),
        Kind::Folder => folder.folder(name).map_or(0, |folder| {
            let names = folder.names().unwrap_or_default();
            names.iter().map(|name| size(&folder, name)).sum()
        }),
        _ => 0,
    };
    512 + below
}

/// The file that is written, counting.
struct Sink<'a> {
    file: BufWriter<File>,
    bytes: u64,
    on_bytes: OnBytes<'a>,
    stopped: &'a Cell<bool>,
}

impl Write for Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        let before = self.bytes;
        self.bytes += written as u64;
        let has_moved = before >> 18 != self.bytes >> 18;
        if has_moved && (self.on_bytes)(self.bytes) == ControlFlow::Break(()) {
            self.stopped.set(true);
            return Err(io::Error::other("stopped"));
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// What a person should know about a backup, counted and with the first example of each.
#[derive(Debug, Default)]
struct Notes(Vec<(&'static str, PathBuf, usize)>);

impl Notes {
    fn add(&mut self, what: &'static str, path: PathBuf) {
        match self.0.iter_mut().find(|(said, ..)| *said == what) {
            Some((.., count)) => *count += 1,
            None => self.0.push((what, path, 1)),
        }
    }

    fn told(&self) -> Vec<String> {
        let tell = |(what, path, count): &(&str, PathBuf, usize)| match count {
            1 => format!("`{}` {what}", path.display()),
            many => format!("`{}` and {} more {what}", path.display(), many - 1),
        };
        self.0.iter().map(tell).collect()
    }
}

struct Taking<'a> {
    into: &'a Path,
    builder: Builder<Sink<'a>>,
    /// The first name in the archive of each file that has several.
    first_names: HashMap<(u64, u64), PathBuf>,
    notes: Notes,
}

impl Taking<'_> {
    fn add(&mut self, folder: &Folder, name: &OsStr, as_name: &Path, node: &Node) -> Result<(), BackupError> {
        match node.kind {
            Kind::Folder => self.add_folder(folder, name, as_name),
            Kind::File => self.add_file(folder, name, as_name),
            Kind::Symlink => {
                let to = folder.points_to(name)?;
                self.add_symlink(as_name, node, &to)
            }
            Kind::Pipe | Kind::CharDevice | Kind::BlockDevice => self.add_special(as_name, node),
            Kind::Socket => {
                self.notes.add("is a socket and was left out", folder.path().join(name));
                Ok(())
            }
        }
    }

    fn add_folder(&mut self, above: &Folder, name: &OsStr, as_name: &Path) -> Result<(), BackupError> {
        let folder = above.folder(name)?;
        let node = folder.look_here()?;
        self.add_attributes(folder.attributes()?)?;
        let mut header = header(EntryType::Directory, &node);
        self.append(&mut header, as_name, io::empty())?;
        for name in folder.names()? {
            let path = || folder.path().join(&name);
            // A file of a live service may be gone by now, as if it had never been listed.
            let Some(node) = folder.look(&name)? else {
                self.notes.add("vanished while it was saved", path());
                continue;
            };
            match self.add(&folder, &name, &as_name.join(&name), &node) {
                Err(BackupError::File { path: missing, source, .. })
                    if source.kind() == io::ErrorKind::NotFound && missing == path() =>
                {
                    self.notes.add("vanished while it was saved", missing);
                }
                added => added?,
            }
        }
        Ok(())
    }

    fn add_file(&mut self, folder: &Folder, name: &OsStr, as_name: &Path) -> Result<(), BackupError> {
        let path = folder.path().join(name);
        let file = folder.read(name)?;
        let node = folder::look_at(&file, &path)?;
        if node.has_other_names {
            if let Some(first) = self.first_names.get(&node.identity) {
                let mut header = header(EntryType::Link, &node);
                let first = first.clone();
                return self
                    .builder
                    .append_link(&mut header, as_name, first)
                    .map_err(|error| self.judged(error));
            }
            self.first_names.insert(node.identity, as_name.to_path_buf());
        }
        self.add_attributes(folder::attributes(&file, &path)?)?;
        let mut header = header(EntryType::Regular, &node);
        header.set_size(node.size);
        let broken = Cell::new(None);
        let reader = BufReader::with_capacity(BUFFER, &file);
        let content = Exactly { file: reader, left: node.size, broken: &broken };
        let appended = self.append(&mut header, as_name, content);
        match broken.take() {
            Some(source) if source.kind() == io::ErrorKind::UnexpectedEof => {
                let why =
                    "shrank while it was read: quiesce its writers with `quiesce = \"pause\"` or `\"stop\"`";
                return Err(BackupError::source(&path, why));
            }
            Some(source) => return Err(BackupError::File { verb: "read", path, source }),
            None => appended?,
        }
        if folder::look_at(&file, &path)?.modified != node.modified {
            self.notes.add("was written to while it was saved", path);
        }
        Ok(())
    }

    fn add_symlink(&mut self, as_name: &Path, node: &Node, to: &OsStr) -> Result<(), BackupError> {
        let mut header = header(EntryType::Symlink, node);
        let bytes = to.as_bytes();
        if header.set_link_name_literal(bytes).is_err() {
            // GNU's way with a long target: an entry of its own before this one.
            let mut long = Header::new_gnu();
            long.as_old_mut().name[..LONG_LINK.len()].copy_from_slice(LONG_LINK);
            long.set_entry_type(EntryType::GNULongLink);
            long.set_size(bytes.len() as u64 + 1);
            long.set_cksum();
            let content = bytes.chain(&b"\0"[..]);
            self.builder.append(&long, content).map_err(|error| self.judged(error))?;
        }
        self.append(&mut header, as_name, io::empty())
    }

    fn add_special(&mut self, as_name: &Path, node: &Node) -> Result<(), BackupError> {
        let mut header = header(
            match node.kind {
                Kind::CharDevice => EntryType::Char,
                Kind::BlockDevice => EntryType::Block,
                _ => EntryType::Fifo,
            },
            node,
        );
        let numbered =
            header.set_device_major(node.device.0).and_then(|()| header.set_device_minor(node.device.1));
        numbered.map_err(|error| self.judged(error))?;
        self.append(&mut header, as_name, io::empty())
    }

    fn add_attributes(&mut self, attributes: Attributes) -> Result<(), BackupError> {
        let kept = attributes.into_iter().filter(|(name, _)| is_kept(name));
        let records: Vec<_> = kept.map(|(name, value)| attribute_record(&name, &value)).collect();
        let records = records.iter().map(|(key, value)| (key.as_str(), value.as_slice()));
        self.builder.append_pax_extensions(records).map_err(|error| self.judged(error))
    }

    fn append(&mut self, header: &mut Header, as_name: &Path, content: impl Read) -> Result<(), BackupError> {
        self.builder.append_data(header, as_name, content).map_err(|error| self.judged(error))
    }

    fn judged(&self, source: io::Error) -> BackupError {
        if self.builder.get_ref().stopped.get() {
            return BackupError::Stopped;
        }
        BackupError::File { verb: "written", path: self.into.to_path_buf(), source }
    }
}

const LONG_LINK: &[u8] = b"././@LongLink";

fn header(kind: EntryType, node: &Node) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(node.mode);
    header.set_uid(node.uid.into());
    header.set_gid(node.gid.into());
    header.set_mtime(u64::try_from(node.modified.0).unwrap_or(0));
    header.set_size(0);
    header
}

/// So many bytes of a file and no more: one that grows is saved as long as it was, one that shrinks is an error.
struct Exactly<'a, R> {
    file: R,
    left: u64,
    broken: &'a Cell<Option<io::Error>>,
}

impl<R: Read> Read for Exactly<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        if most == 0 {
            return Ok(0);
        }
        let read = match self.file.read(&mut buffer[..most]) {
            Ok(0) => Err(io::Error::from(io::ErrorKind::UnexpectedEof)),
            read => read,
        };
        match read {
            Ok(read) => {
                self.left -= read as u64;
                Ok(read)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                self.broken.set(Some(error));
                Err(io::Error::other("the source could not be read"))
            }
        }
    }
}
