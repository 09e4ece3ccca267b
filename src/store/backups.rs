//! Backup sets: filled in a temporary folder, durable before they get their name, proven before they are put back.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::model::arrange::Arrange;
use crate::model::backup::{BackupEntry, BackupSet};
use crate::model::id::{BackupStamp, ServiceName};

use crate::sys::files;

use super::error::StoreError;
use super::ground::Ground;
use super::toml_text;

/// Form of `manifest.toml`.
const FORMAT: u32 = 1;
const MANIFEST: &str = "manifest.toml";
const MANIFEST_LIMIT: u64 = 16 << 20;

/// A set that is being filled.
#[derive(Debug)]
pub struct OpenSet {
    ground: Arc<Ground>,
    folder: PathBuf,
    service: ServiceName,
    taken_for: String,
    started_at: DateTime<Utc>,
    entries: Vec<BackupEntry>,
}

impl OpenSet {
    /// Makes the folder of one entry, `<n>-<kind>`.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn entry_folder(&self, number: u32, kind: &str) -> Result<PathBuf, StoreError> {
        let folder = self.folder.join(format!("{number}-{kind}"));
        self.ground.backups().make_folders(&folder)?;
        Ok(folder)
    }

    /// Adds a verified entry.
    pub fn add(&mut self, entry: BackupEntry) {
        self.entries.push(entry);
    }

    /// Throws the set away.
    ///
    /// # Errors
    /// When its folder cannot be removed.
    pub fn discard(self) -> Result<(), StoreError> {
        Ok(self.ground.backups().remove_tree(&self.folder)?)
    }
}

/// Begins a set. Folders of sets that were never finished are dropped: nothing names them.
pub(super) fn begin(
    ground: &Arc<Ground>,
    service: &ServiceName,
    taken_for: &str,
    now: DateTime<Utc>,
) -> Result<OpenSet, StoreError> {
    let shelf = ground.layout.backups_of(service);
    for made in ground.backups().make_folders(&shelf)? {
        if let Some(above) = made.parent() {
            files::fsync_folder(above)?;
        }
    }
    for name in ground.backups().list(&shelf)? {
        if name.to_string_lossy().starts_with(".open-") {
            ground.backups().remove_tree(&shelf.join(name))?;
        }
    }
    let folder = shelf.join(format!(".open-{}", now.format("%Y%m%d_%H%M%S")));
    ground.backups().make_folders(&folder)?;
    Ok(OpenSet {
        ground: Arc::clone(ground),
        folder,
        service: service.clone(),
        taken_for: taken_for.to_owned(),
        started_at: now,
        entries: Vec::new(),
    })
}

/// Makes a set durable and gives it its name. Its files were hashed by whoever filled it.
pub(super) fn finish(set: OpenSet, now: DateTime<Utc>) -> Result<BackupSet, StoreError> {
    let ground = Arc::clone(&set.ground);
    let shelf = ground.backups();
    let stamp = free_stamp(&ground, &set.service, set.started_at)?;
    for entry in &set.entries {
        let folder = set.folder.join(format!("{}-{}", entry.number, entry.kind));
        for file in entry.files.keys() {
            shelf.keep(&folder.join(file))?;
        }
        shelf.fsync_folder(&folder)?;
    }
    let manifest = BackupSet {
        format: FORMAT,
        service: set.service.clone(),
        stamp: stamp.clone(),
        started_at: set.started_at,
        finished_at: now,
        taken_for: set.taken_for,
        entries: set.entries,
    };
    let encode =
        |error: toml::ser::Error| StoreError::Encode { what: "backup manifest", why: error.to_string() };
    let text = toml::to_string(&manifest).map_err(encode)?;
    shelf.save_atomic(&set.folder.join(MANIFEST), text.as_bytes())?;
    shelf.rename(&set.folder, &ground.layout.backup_set(&set.service, &stamp))?;
    shelf.fsync_folder(&ground.layout.backups_of(&set.service))?;
    Ok(manifest)
}

fn free_stamp(ground: &Ground, service: &ServiceName, at: DateTime<Utc>) -> Result<BackupStamp, StoreError> {
    let plain = at.format("%Y%m%d_%H%M%S").to_string();
    let mut name = plain.clone();
    let mut count = 1;
    loop {
        let stamp: BackupStamp = name.parse()?;
        if !ground.backups().exists(&ground.layout.backup_set(service, &stamp)) {
            return Ok(stamp);
        }
        count += 1;
        name = format!("{plain}-{count}");
    }
}

/// Removes a set: its manifest goes first, so that a half-removed set never counts.
pub(super) fn remove(ground: &Ground, service: &ServiceName, stamp: &BackupStamp) -> Result<(), StoreError> {
    let folder = ground.layout.backup_set(service, stamp);
    ground.backups().remove_file(&folder.join(MANIFEST))?;
    Ok(ground.backups().remove_tree(&folder)?)
}

/// Backup sets, for reading.
#[derive(Debug, Clone, Copy)]
pub struct Shelf<'a> {
    ground: &'a Ground,
}

impl<'a> Shelf<'a> {
    pub(super) fn new(ground: &'a Ground) -> Self {
        Self { ground }
    }

    /// A service's finished sets, oldest first.
    ///
    /// # Errors
    /// When the folder cannot be listed.
    pub fn sets(&self, service: &ServiceName) -> Result<Vec<BackupSet>, StoreError> {
        let folder = self.ground.layout.backups_of(service);
        let mut sets = Vec::new();
        for name in self.ground.backups().list(&folder)? {
            let Ok(stamp) = name.to_string_lossy().parse::<BackupStamp>() else { continue };
            // A folder without a readable manifest is no set: it does not count, and nothing removes it.
            sets.extend(self.set(service, &stamp)?);
        }
        sets.arrange_by(|a, b| (a.started_at, &a.stamp).cmp(&(b.started_at, &b.stamp)));
        Ok(sets)
    }

    /// One set; none where it is not there or has no readable manifest.
    ///
    /// # Errors
    /// When the manifest is there and cannot be read.
    pub fn set(&self, service: &ServiceName, stamp: &BackupStamp) -> Result<Option<BackupSet>, StoreError> {
        let path = self.ground.layout.backup_set(service, stamp).join(MANIFEST);
        let Some(bytes) = self.ground.backups().read(&path, MANIFEST_LIMIT)? else { return Ok(None) };
        let set = std::str::from_utf8(&bytes).ok().and_then(|text| toml_text::read::<BackupSet>(text).ok());
        Ok(set.filter(|set| set.stamp == *stamp && set.service == *service))
    }

    /// Compares every file of a set with its recorded hash.
    ///
    /// # Errors
    /// When the set is not there, or a file cannot be read.
    pub fn verify(&self, service: &ServiceName, stamp: &BackupStamp) -> Result<Vec<String>, StoreError> {
        let set = self.wanted(service, stamp)?;
        let folder = self.ground.layout.backup_set(service, stamp);
        let mut findings = Vec::new();
        for entry in &set.entries {
            findings.extend(self.differences(&folder, entry)?);
        }
        Ok(findings)
    }

    /// The folder of one entry, after every file in it was compared with its recorded hash.
    ///
    /// # Errors
    /// [`StoreError::Backup`] when it is not there or not what was saved.
    pub fn verified_entry(
        &self,
        service: &ServiceName,
        stamp: &BackupStamp,
        number: u32,
    ) -> Result<PathBuf, StoreError> {
        let set = self.wanted(service, stamp)?;
        let folder = self.ground.layout.backup_set(service, stamp);
        let missing = || StoreError::Backup { path: folder.clone(), what: format!("has no entry {number}") };
        let entry = set.entries.iter().find(|entry| entry.number == number).ok_or_else(missing)?;
        if let Some(what) = self.differences(&folder, entry)?.into_iter().next() {
            return Err(StoreError::Backup { path: folder, what });
        }
        Ok(folder.join(format!("{}-{}", entry.number, entry.kind)))
    }

    fn wanted(self, service: &ServiceName, stamp: &BackupStamp) -> Result<BackupSet, StoreError> {
        let path = self.ground.layout.backup_set(service, stamp);
        self.set(service, stamp)?.ok_or(StoreError::Backup { path, what: "is not there".to_owned() })
    }

    fn differences(self, set: &Path, entry: &BackupEntry) -> Result<Vec<String>, StoreError> {
        let folder = set.join(format!("{}-{}", entry.number, entry.kind));
        let mut findings = Vec::new();
        for (name, hash) in &entry.files {
            match self.ground.backups().sha256(&folder.join(name))? {
                None => findings.push(format!("lacks `{name}` of entry {}", entry.number)),
                Some(found) if found == *hash => {}
                Some(_) => {
                    findings.push(format!("holds another `{name}` in entry {} than was saved", entry.number));
                }
            }
        }
        Ok(findings)
    }
}
