//! The content of one commit: its tree, its files, and an export of them.

use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::parse::{oid, unreadable};
use super::{Git, GitError};
use crate::model::id::Oid;
use crate::sys::files::{FileError, failed};
use crate::sys::folder::{Folder, Kind};

/// One tracked file of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeEntry {
    /// Path relative to the project root.
    pub path: String,
    /// Git's mode: `0o100644`, `0o100755`, `0o120000` (symlink), `0o160000` (submodule).
    pub mode: u32,
    /// The blob.
    pub oid: Oid,
    /// Bytes of the blob; 0 for a submodule.
    pub size: u64,
}

impl TreeEntry {
    /// Whether it is a plain file, executable or not.
    pub fn is_file(&self) -> bool {
        self.mode != SYMLINK && self.mode != SUBMODULE
    }

    /// Whether it is a symlink.
    pub fn is_link(&self) -> bool {
        self.mode == SYMLINK
    }
}

/// Git's mode of a symlink.
const SYMLINK: u32 = 0o120_000;

/// Git's mode of a submodule.
const SUBMODULE: u32 = 0o160_000;

/// Files above this are left out of an export: nothing that compose reads is so large.
const EXPORT_LIMIT: u64 = 8 << 20;

/// The most bytes of content that one process is asked for.
const BATCH_LIMIT: u64 = 32 << 20;

impl Git {
    /// Tracked files of a commit below any of these paths (files or folders, relative to the project root; empty means
    /// all), sorted by path. One process.
    ///
    /// # Errors
    /// [`GitError`] when the commit cannot be read.
    pub fn list(&self, commit: &Oid, below: &[&str]) -> Result<Vec<TreeEntry>, GitError> {
        let mut args = vec!["ls-tree", "-r", "-z", "-l", "--full-tree", "--end-of-options", commit.as_str()];
        args.extend(below.iter().map(|path| path.trim_end_matches('/')));
        let said = self.read_only("list the files of a commit", &args, None)?;
        let records = said.stdout.split(|byte| *byte == 0).filter(|record| !record.is_empty());
        records.map(|record| entry(&String::from_utf8_lossy(record))).collect()
    }

    /// Content of these files at a commit, in the order asked; none where the commit has no such file. One process.
    ///
    /// # Errors
    /// [`GitError`] when the commit cannot be read, or the files are larger than 64 MiB together.
    pub fn read(&self, commit: &Oid, paths: &[&str]) -> Result<Vec<Option<Vec<u8>>>, GitError> {
        let asked = |path: &&str| !path.is_empty() && !path.contains('\n');
        let names: Vec<String> =
            paths.iter().copied().filter(asked).map(|path| format!("{commit}:{path}")).collect();
        let mut blobs = self.blobs(&names)?.into_iter();
        Ok(paths.iter().map(|path| if asked(path) { blobs.next().flatten() } else { None }).collect())
    }

    /// Content of objects by name; none where there is no such blob. No process for no names.
    fn blobs(&self, names: &[String]) -> Result<Vec<Option<Vec<u8>>>, GitError> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let questions = names.iter().fold(String::new(), |all, name| all + name + "\n");
        let args = ["cat-file", "--batch=%(objecttype) %(objectsize)"];
        let said = self.read_only("read files of a commit", &args, Some(questions.into_bytes()))?;
        let blobs = blobs(&said.stdout)?;
        if blobs.len() == names.len() { Ok(blobs) } else { Err(unreadable(BATCH, "too few answers")) }
    }

    /// Lays tracked files of a commit below these paths (empty means all) into a folder, which is made if needed.
    /// Symlinks stay symlinks; submodules and files above 8 MiB are left out. Returns how many files were written.
    ///
    /// # Errors
    /// [`GitError`] when the commit cannot be read or a file cannot be written.
    pub fn export(&self, commit: &Oid, below: &[&str], into: &Path) -> Result<usize, GitError> {
        let mut entries = self.list(commit, below)?;
        entries
            .retain(|entry| entry.mode != SUBMODULE && entry.size <= EXPORT_LIMIT && is_plain(&entry.path));
        let failed = |said: String| GitError::Failed { what: format!("export {}", commit.short()), said };
        let folder = Folder::make(into, 0o750).map_err(|error| failed(error.to_string()))?;
        for batch in batches(&entries) {
            let names: Vec<String> = batch.iter().map(|entry| entry.oid.to_string()).collect();
            for (entry, content) in batch.iter().zip(self.blobs(&names)?) {
                let content = content.ok_or_else(|| failed(format!("`{}` has no content", entry.path)))?;
                lay(&folder, entry, &content).map_err(|error| failed(error.to_string()))?;
            }
        }
        Ok(entries.len())
    }
}

const BATCH: &str = "`git cat-file --batch`";

fn entry(record: &str) -> Result<TreeEntry, GitError> {
    let bad = || unreadable("`git ls-tree`", record);
    let (meta, path) = record.split_once('\t').ok_or_else(bad)?;
    let mut words = meta.split_whitespace();
    let (Some(mode), Some(_kind), Some(id), Some(size)) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(bad());
    };
    Ok(TreeEntry {
        path: path.to_owned(),
        mode: u32::from_str_radix(mode, 8).map_err(|_| bad())?,
        oid: oid("`git ls-tree`", id)?,
        size: size.parse().unwrap_or(0),
    })
}

/// Answers of `cat-file --batch='%(objecttype) %(objectsize)'`.
fn blobs(mut rest: &[u8]) -> Result<Vec<Option<Vec<u8>>>, GitError> {
    let mut blobs = Vec::new();
    while !rest.is_empty() {
        let end =
            rest.iter().position(|byte| *byte == b'\n').ok_or_else(|| unreadable(BATCH, "no end of line"))?;
        let line = String::from_utf8_lossy(&rest[..end]).into_owned();
        rest = &rest[end + 1..];
        let Some((kind @ ("blob" | "tree" | "commit" | "tag"), size)) = line.split_once(' ') else {
            if line.ends_with(" missing") || line.ends_with(" ambiguous") {
                blobs.push(None);
                continue;
            }
            return Err(unreadable(BATCH, &line));
        };
        let size: usize = size.parse().map_err(|_| unreadable(BATCH, &line))?;
        let (Some(content), Some(b'\n')) = (rest.get(..size), rest.get(size)) else {
            return Err(unreadable(BATCH, &line));
        };
        blobs.push((kind == "blob").then(|| content.to_vec()));
        rest = &rest[size + 1..];
    }
    Ok(blobs)
}

/// Whether every part of a path is a name: a hostile tree may hold `..` or `.git`.
fn is_plain(path: &str) -> bool {
    path.split('/').all(|part| !matches!(part, "" | "." | ".." | ".git"))
}

fn batches(entries: &[TreeEntry]) -> Vec<&[TreeEntry]> {
    let mut batches = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (index, entry) in entries.iter().enumerate() {
        if bytes + entry.size > BATCH_LIMIT && index > start {
            batches.push(&entries[start..index]);
            (start, bytes) = (index, 0);
        }
        bytes += entry.size;
    }
    batches.push(&entries[start..]);
    batches
}

/// Writes one file of an export; folders above it are made, an older file of that name goes.
fn lay(top: &Folder, entry: &TreeEntry, content: &[u8]) -> Result<(), FileError> {
    let (above, name) = entry.path.rsplit_once('/').unwrap_or(("", &entry.path));
    let mut below: Option<Folder> = None;
    for part in above.split('/').filter(|part| !part.is_empty()) {
        let folder = below.as_ref().unwrap_or(top);
        let next = match folder.look(part.as_ref())? {
            Some(node) if node.kind == Kind::Folder => folder.folder(part.as_ref())?,
            _ => {
                folder.remove(part.as_ref())?;
                folder.create_folder(part.as_ref(), 0o750)?
            }
        };
        below = Some(next);
    }
    let folder = below.as_ref().unwrap_or(top);
    folder.remove(name.as_ref())?;
    if entry.mode == SYMLINK {
        return folder.create_symlink(name.as_ref(), OsStr::from_bytes(content));
    }
    let mode = if entry.mode & 0o100 == 0 { 0o640 } else { 0o750 };
    let mut file = folder.create_file(name.as_ref(), mode)?;
    file.write_all(content).map_err(failed("written", &folder.path().join(name)))
}

#[cfg(test)]
mod tests {

    use super::*;

    parser! {
    "git";

        #[test]
        fn any_answer_is_read_or_refused(text in "(blob |[0-9]{1,3}|\n|missing| |[a-f0-9]{40}|\t|[a-z/.]){0,30}") {
            let _ = (blobs(text.as_bytes()), entry(&text), is_plain(&text));
        }
    }

    #[test]
    fn paths_that_lead_out_of_an_export_are_left_out() {
        for bad in ["../x", "a/../b", "/etc/passwd", "a//b", ".git/config", "a/.git/hooks/x", "."] {
            assert!(!is_plain(bad), "{bad}");
        }
        assert!(is_plain(".github/x") && is_plain("a/..b/c"));
    }

    #[test]
    fn content_is_asked_for_in_parts_that_fit_into_memory() {
        let oid: Oid = "0123456789abcdef0123456789abcdef01234567".parse().unwrap();
        let entry = |size| TreeEntry { path: "x".to_owned(), mode: 0o100_644, oid: oid.clone(), size };
        let entries = [entry(BATCH_LIMIT), entry(1), entry(BATCH_LIMIT - 1), entry(1), entry(1)];
        let sizes: Vec<usize> = batches(&entries).iter().map(|batch| batch.len()).collect();
        assert_eq!(sizes, [1, 2, 2]);
    }
}
