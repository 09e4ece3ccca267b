//! The backup sets that a run is filling: one a service, named and counted only when its last entry is verified.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};

use crate::model::backup::{BackupEntry, BackupJob};
use crate::model::id::{BackupStamp, ServiceName};
use crate::store::{LockedStore, OpenSet, StoreError};

/// Sets begun and not finished, by service.
#[derive(Debug, Default)]
pub struct OpenSets {
    open: Mutex<BTreeMap<ServiceName, OpenSet>>,
}

impl OpenSets {
    /// The folder for an entry; its set is begun with its first entry.
    pub(super) fn entry_folder(
        &self,
        store: &LockedStore,
        job: &BackupJob,
        now: DateTime<Utc>,
    ) -> Result<PathBuf, StoreError> {
        let mut open = self.open();
        if job.number == 1 {
            open.remove(&job.service);
        }
        if !open.contains_key(&job.service) {
            open.insert(job.service.clone(), store.begin_set(&job.service, &job.taken_for, now)?);
        }
        open[&job.service].entry_folder(job.number, &job.kind)
    }

    /// Adds a verified entry; the last one closes the set and gives its stamp.
    pub(super) fn add(
        &self,
        store: &LockedStore,
        job: &BackupJob,
        entry: BackupEntry,
        now: DateTime<Utc>,
    ) -> Result<Option<BackupStamp>, StoreError> {
        let mut open = self.open();
        if let Some(set) = open.get_mut(&job.service) {
            set.add(entry);
        }
        if job.number < job.of {
            return Ok(None);
        }
        let set = open.remove(&job.service);
        drop(open);
        set.map(|set| store.finish_set(set, now).map(|set| set.stamp)).transpose()
    }

    /// Throws an unfinished set away.
    pub(super) fn drop_set(&self, service: &ServiceName) -> Result<(), StoreError> {
        let set = self.open().remove(service);
        set.map_or(Ok(()), OpenSet::discard)
    }

    fn open(&self) -> MutexGuard<'_, BTreeMap<ServiceName, OpenSet>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
