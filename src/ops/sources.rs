//! Reads the configuration and all that it is made of: of the working tree, or of a commit.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use globset::GlobBuilder;

use crate::decide;
use crate::drivers::git::Git;
use crate::manifest::settings::{
    Environment, ManifestSource, OtherSources, Outline, ReleaseToml, SourceFile,
};
use crate::model::gather::Gather;
use crate::model::id::Oid;
use crate::model::settings::Settings;
use crate::model::source::Overlay;
use crate::sys::files;

use super::error::OpsError;

/// The configuration file, relative to the project root.
pub(super) const RELEASE_TOML: &str = ".asd/release.toml";

/// Configuration files may have this many bytes (design/08).
const LIMIT: u64 = 1 << 20;

/// What is read, and how to list and read it.
trait Shelf {
    /// Files below a folder, relative to the project root.
    fn list(&self, below: &str) -> Result<Vec<String>, OpsError>;
    /// Texts, in the order asked; none where there is no such file.
    fn read(&self, paths: &[&str]) -> Result<Vec<Option<String>>, OpsError>;
}

struct WorkingTree<'a> {
    root: &'a Path,
}

impl Shelf for WorkingTree<'_> {
    fn list(&self, below: &str) -> Result<Vec<String>, OpsError> {
        let folder = self.root.join(below);
        if !files::is_folder(&folder) {
            return Ok(Vec::new());
        }
        let found = files::walk(&folder)?;
        let relative =
            |path: &PathBuf| path.strip_prefix(self.root).ok().map(|p| p.to_string_lossy().into_owned());
        Ok(found.iter().filter_map(relative).collect())
    }

    fn read(&self, paths: &[&str]) -> Result<Vec<Option<String>>, OpsError> {
        let one = |path: &&str| {
            let file = self.root.join(path);
            if !files::exists(&file) {
                return Ok(None);
            }
            let text = files::read_text(&file, LIMIT).map_err(|source| OpsError::Unreadable { source })?;
            Ok(Some(text))
        };
        paths.iter().map(one).collect()
    }
}

struct Committed<'a> {
    git: &'a Git,
    commit: &'a Oid,
}

impl Shelf for Committed<'_> {
    fn list(&self, below: &str) -> Result<Vec<String>, OpsError> {
        let entries = self.git.list(self.commit, &[below])?;
        Ok(entries.into_iter().map(|entry| entry.path).collect())
    }

    fn read(&self, paths: &[&str]) -> Result<Vec<Option<String>>, OpsError> {
        let texts = self.git.read(self.commit, paths)?;
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ok(texts.into_iter().map(|bytes| bytes.map(text)).collect())
    }
}

/// A configuration, and the text of the file that it begins with.
pub(super) struct Configuration {
    pub(super) release_toml: String,
    pub(super) settings: Settings,
}

/// The configuration as it stands in the working tree, with what was relinked in the place of what it says.
pub(super) fn of_working_tree(root: &Path, overlay: &Overlay) -> Result<Configuration, OpsError> {
    read(&WorkingTree { root }, root, overlay).map_err(|error| match error {
        // The root was found: by its records, then, and the configuration was taken away since.
        OpsError::NoProject { .. } => OpsError::Usage {
            what: format!(
                "`{RELEASE_TOML}` is gone from `{}`, where the records of releases are",
                root.display()
            ),
            hint: format!("bring it back: git checkout HEAD -- {RELEASE_TOML}"),
        },
        other => other,
    })
}

/// The configuration as of a commit; the environment file is always the working tree's, it is never committed.
pub(super) fn of_commit(
    git: &Git,
    commit: &Oid,
    root: &Path,
    overlay: &Overlay,
) -> Result<Configuration, OpsError> {
    read(&Committed { git, commit }, root, overlay)
}

fn read(shelf: &dyn Shelf, root: &Path, overlay: &Overlay) -> Result<Configuration, OpsError> {
    let text = shelf.read(&[RELEASE_TOML])?.into_iter().next().flatten();
    let Some(text) = text else {
        return Err(OpsError::NoProject { start: root.to_path_buf() });
    };
    let file = SourceFile { path: RELEASE_TOML.to_owned(), text };
    let release_toml = ReleaseToml::read(&file)?;
    let Outline { discover, env_files } = release_toml.outline()?;
    let mut manifests = match discover {
        Some(pattern) => discovered(shelf, &pattern)?,
        None => Vec::new(),
    };
    for folder in overlay.folders.values() {
        moved(shelf, folder, &mut manifests)?;
    }
    let environment = env_files.first().map(|file| environment(root, file)).transpose()?.flatten();
    let mut settings = release_toml.settings(&OtherSources { manifests, environment })?;
    drop(release_toml);
    decide::relink(&mut settings, overlay);
    Ok(Configuration { release_toml: file.text, settings })
}

/// Manifests that the glob matches, each with the names of what lies beside it.
fn discovered(shelf: &dyn Shelf, pattern: &str) -> Result<Vec<ManifestSource>, OpsError> {
    let glob =
        GlobBuilder::new(pattern).literal_separator(true).build().map_err(|error| OpsError::Usage {
            what: format!("`[paths] discover` in {RELEASE_TOML} is no glob: {error}"),
            hint: "write it like `packages/*/manifest.yaml`".to_owned(),
        })?;
    let matcher = glob.compile_matcher();
    let fixed: PathBuf = Path::new(pattern)
        .iter()
        .take_while(|part| !part.to_string_lossy().contains(['*', '?', '[', '{']))
        .collect();
    let below = shelf.list(&fixed.to_string_lossy())?;
    let paths: Vec<&str> = below.iter().map(String::as_str).filter(|path| matcher.is_match(path)).collect();
    let texts = shelf.read(&paths)?;
    let mut manifests = Vec::new();
    for (path, text) in paths.into_iter().zip(texts) {
        let folder = path.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
        let siblings =
            below.iter().filter_map(|other| other.strip_prefix(&folder)).map(str::to_owned).collect();
        let text = text.unwrap_or_default();
        manifests.push(ManifestSource { file: SourceFile { path: path.to_owned(), text }, siblings });
    }
    Ok(manifests)
}

/// The manifest in the folder that a service was relinked to, where the glob finds none of that name.
fn moved(shelf: &dyn Shelf, folder: &Path, manifests: &mut Vec<ManifestSource>) -> Result<(), OpsError> {
    let folder = decide::plain(folder);
    let path = folder.join("manifest.yaml").to_string_lossy().into_owned();
    if manifests.iter().any(|known| known.file.path == path) {
        return Ok(());
    }
    let Some(text) = shelf.read(&[&path])?.into_iter().next().flatten() else { return Ok(()) };
    let name =
        |text: &str| text.lines().find(|line| line.starts_with("name:")).map(|line| line.trim().to_owned());
    if manifests.iter().any(|known| name(&known.file.text) == name(&text)) {
        return Ok(());
    }
    let below = shelf.list(&folder.to_string_lossy())?;
    let prefix = format!("{}/", folder.display());
    let siblings = below.iter().filter_map(|other| other.strip_prefix(&prefix)).map(str::to_owned).collect();
    manifests.push(ManifestSource { file: SourceFile { path, text }, siblings });
    Ok(())
}

fn environment(root: &Path, file: &Path) -> Result<Option<Environment>, OpsError> {
    let values = env_file(root, file)?;
    let known = |values: Vec<(String, String)>| Environment {
        path: file.to_path_buf(),
        variables: values.into_iter().gather::<BTreeMap<_, _>>(),
    };
    Ok(values.map(known))
}

/// Names and values of an environment file; none where there is no such file.
pub(super) fn env_file(root: &Path, file: &Path) -> Result<Option<Vec<(String, String)>>, OpsError> {
    let path = root.join(file);
    if !files::exists(&path) {
        return Ok(None);
    }
    let text = files::read_text(&path, LIMIT).map_err(|source| OpsError::Unreadable { source })?;
    let source = SourceFile { path: file.display().to_string(), text };
    Ok(Some(crate::manifest::env_file::parse(&source)?))
}
