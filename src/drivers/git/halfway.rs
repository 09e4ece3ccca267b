//! A checkout between two commits: a fast-forward that was cut off leaves files of both.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::content::TreeEntry;
use super::parse;
use super::{Git, GitError};
use crate::model::facts::DirtyFile;
use crate::model::gather::Gather;
use crate::model::id::Oid;
use crate::sys::files;

/// A file larger than this is not looked into.
const TORN_LIMIT: u64 = 64 << 20;

/// Both contents that a file of ours may have.
#[derive(Default)]
struct Sides {
    from: Option<Oid>,
    to: Option<Oid>,
    is_plain: bool,
}

impl Sides {
    fn allow(&self, found: Option<&Oid>) -> bool {
        match found {
            Some(_) => found == self.from.as_ref() || found == self.to.as_ref(),
            None => self.from.is_none() || self.to.is_none(),
        }
    }
}

impl Git {
    /// Files that are neither as in one commit nor as in the other, in the work tree or in the index, of those that differ
    /// between the two and those that are dirty. Symlinks and submodules that differ count as foreign: they are not looked
    /// into. Five processes.
    ///
    /// After a power cut, and where there was no room, a file may be `torn`, too: it has a beginning of the later content,
    /// and nothing where that never reached the disk.
    ///
    /// # Errors
    /// [`GitError`] when git cannot tell.
    pub fn foreign(
        &self,
        from: &Oid,
        to: &Oid,
        dirty: &[DirtyFile],
        torn: bool,
    ) -> Result<Vec<String>, GitError> {
        let args =
            ["diff-tree", "-r", "-z", "--name-only", "--no-renames", "--no-ext-diff", "--end-of-options"];
        let args: Vec<&str> = args.into_iter().chain([from.as_str(), to.as_str()]).collect();
        let changed: BTreeSet<String> =
            parse::names(&self.read_only("list changed files", &args, None)?.stdout).into_iter().gather();
        let mut foreign: BTreeSet<String> = BTreeSet::new();
        for path in self.files_of(dirty) {
            if !changed.contains(&path) {
                foreign.insert(path);
            }
        }
        let sides = self.sides(from, to, &changed)?;
        let in_tree = self.hashed(&changed)?;
        let in_index = self.indexed()?;
        for (path, sides) in &sides {
            let in_tree = in_tree.get(path);
            let fits = sides.is_plain
                && in_tree.is_none_or(Option::is_some)
                && sides.allow(in_index.get(path))
                && (sides.allow(in_tree.and_then(Option::as_ref)) || torn && self.is_torn(path, to)?);
            if !fits {
                foreign.insert(path.clone());
            }
        }
        Ok(foreign.into_iter().collect())
    }

    /// Whether every byte of a file is the commit's own, or was never written.
    fn is_torn(&self, path: &str, commit: &Oid) -> Result<bool, GitError> {
        let whole = self.read(commit, &[path])?.into_iter().next().flatten();
        let found = files::read_limited(&self.root().join(path), TORN_LIMIT);
        let (Some(whole), Ok(found)) = (whole, found) else { return Ok(false) };
        let own = |(found, whole): (&u8, &u8)| *found == 0 || found == whole;
        Ok(found.len() <= whole.len() && found.iter().zip(&whole).all(own))
    }

    /// The dirty files themselves: git names an untracked folder as a whole.
    fn files_of(&self, dirty: &[DirtyFile]) -> Vec<String> {
        let mut paths = Vec::new();
        for file in dirty {
            let Some(folder) = file.path.strip_suffix('/') else {
                paths.push(file.path.clone());
                continue;
            };
            // A folder that cannot be read is named as it is, and so is foreign.
            let Ok(found) = files::walk(&self.root().join(folder)) else {
                paths.push(file.path.clone());
                continue;
            };
            let relative = |path: &Path| path.strip_prefix(self.root()).ok().map(|p| p.display().to_string());
            paths.extend(found.iter().filter_map(|path| relative(path)));
        }
        paths
    }

    fn sides(
        &self,
        from: &Oid,
        to: &Oid,
        changed: &BTreeSet<String>,
    ) -> Result<BTreeMap<String, Sides>, GitError> {
        let mut sides: BTreeMap<String, Sides> = BTreeMap::new();
        let of = |commit: &Oid| -> Result<Vec<TreeEntry>, GitError> {
            let mut entries = self.list(commit, &[])?;
            entries.retain(|entry| changed.contains(&entry.path));
            Ok(entries)
        };
        for path in changed {
            sides.insert(path.clone(), Sides { is_plain: true, ..Sides::default() });
        }
        for (commit, is_from) in [(from, true), (to, false)] {
            for entry in of(commit)? {
                let Some(known) = sides.get_mut(&entry.path) else { continue };
                known.is_plain &= entry.is_file();
                *(if is_from { &mut known.from } else { &mut known.to }) = Some(entry.oid);
            }
        }
        Ok(sides)
    }

    /// The blob that each file of the work tree would be; none for what is no plain file. What is not there is left out.
    fn hashed(&self, paths: &BTreeSet<String>) -> Result<BTreeMap<String, Option<Oid>>, GitError> {
        let there: Vec<&String> =
            paths.iter().filter(|path| files::exists(&self.root().join(path))).collect();
        let (plain, odd): (Vec<&String>, Vec<&String>) = there
            .into_iter()
            .partition(|path| !path.contains('\n') && files::is_file(&self.root().join(path)));
        let mut blobs: BTreeMap<String, Option<Oid>> =
            odd.into_iter().map(|path| (path.clone(), None)).gather();
        let questions = plain.iter().fold(String::new(), |all, path| all + path + "\n");
        let args = ["hash-object", "--stdin-paths"];
        let said = self.read_only("hash files of the work tree", &args, Some(questions.into_bytes()))?;
        let text = said.text();
        for (path, line) in plain.into_iter().zip(text.lines()) {
            blobs.insert(path.clone(), Some(parse::oid("`git hash-object`", line.trim())?));
        }
        Ok(blobs)
    }

    fn indexed(&self) -> Result<BTreeMap<String, Oid>, GitError> {
        let said = self.read_only("read the index", &["ls-files", "-s", "-z", "--full-name"], None)?;
        let mut blobs = BTreeMap::new();
        for record in parse::names(&said.stdout) {
            let Some((about, path)) = record.split_once('\t') else { continue };
            if let Some(oid) = about.split(' ').nth(1) {
                blobs.insert(path.to_owned(), parse::oid("`git ls-files`", oid)?);
            }
        }
        Ok(blobs)
    }
}

#[cfg(test)]
mod tests {
    use crate::drivers::git::testbed::Testbed;

    #[test]
    fn only_files_of_one_side_or_the_other_are_ours() {
        let bed = Testbed::new();
        let git = bed.checkout("host");
        let from = bed.head("host");
        bed.push("a", "two");
        let to = bed.push("new.txt", "new\n");
        git.fetch("origin", &"main".parse().unwrap()).unwrap();
        let foreign_after = |torn| git.foreign(&from, &to, &git.dirty().unwrap(), torn).unwrap();
        let foreign = || foreign_after(false);
        assert!(foreign().is_empty());
        let write = |path: &str, text: &str| bed.write(&format!("host/{path}"), text);
        write("new.txt", "new\n");
        assert!(foreign().is_empty(), "a file of the target");
        write("new.txt", "ne");
        assert_eq!(foreign(), ["new.txt"], "half of it");
        for left in ["", "ne", "n\0\0", "\0\0\0\0"] {
            write("new.txt", left);
            assert!(foreign_after(true).is_empty(), "what a power cut leaves of it: {left:?}");
        }
        for not in ["new\nx", "nex", "new\n\0"] {
            write("new.txt", not);
            assert_eq!(foreign_after(true), ["new.txt"], "somebody's: {not:?}");
        }
        write("new.txt", "new\n");
        write("a", "two");
        assert!(foreign().is_empty(), "a tracked file of the target");
        write("a", "three");
        bed.git("host", &["add", "a"]);
        write("a", "two");
        assert_eq!(foreign(), ["a"], "what somebody staged is theirs");
        bed.git("host", &["add", "a"]);
        write("mine.txt", "mine\n");
        assert_eq!(foreign(), ["mine.txt"]);
    }
}
