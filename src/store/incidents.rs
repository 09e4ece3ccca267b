//! Incidents: one file each, replaced whole.

use chrono::{DateTime, Utc};

use crate::model::arrange::Arrange;
use crate::model::incident::{INCIDENT_FORMAT, Incident, IncidentId};

use super::error::StoreError;
use super::locked::LockedStore;
use super::workspace::Store;

/// A file may have this many bytes.
const LIMIT: u64 = 16 << 20;

impl Store {
    /// An incident; none where there is none of that name.
    ///
    /// # Errors
    /// [`StoreError::Damaged`].
    pub fn incident(&self, id: &IncidentId) -> Result<Option<Incident>, StoreError> {
        let path = self.layout().incident(id);
        let Some(bytes) = self.ground.workspace.read(&path, LIMIT)? else { return Ok(None) };
        let damaged = |what: String| StoreError::Damaged { path: path.clone(), what };
        let incident: Incident =
            serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
        if incident.id == *id {
            return Ok(Some(incident));
        }
        Err(damaged(format!("it belongs to `{}`", incident.id)))
    }

    /// Every incident, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Damaged`].
    pub fn incidents(&self) -> Result<Vec<Incident>, StoreError> {
        let mut all = Vec::new();
        for id in self.incident_ids()? {
            all.extend(self.incident(&id)?);
        }
        Ok(all)
    }

    fn incident_ids(&self) -> Result<Vec<IncidentId>, StoreError> {
        let names = self.ground.workspace.list(&self.layout().incidents())?;
        let id = |name: std::ffi::OsString| name.to_str()?.strip_suffix(".json")?.parse().ok();
        let mut ids: Vec<IncidentId> = names.into_iter().filter_map(id).collect();
        ids.arrange_by(|a, b| a.place().cmp(&b.place()));
        Ok(ids)
    }
}

impl LockedStore {
    /// The next free name of a day.
    ///
    /// # Errors
    /// When the folder cannot be listed.
    pub fn next_incident(&self, now: DateTime<Utc>) -> Result<IncidentId, StoreError> {
        let day = IncidentId::of(now, 1);
        let known = self.incident_ids()?;
        let of_day = known.iter().filter(|id| id.place().0 == day.place().0);
        let last = of_day.map(|id| id.place().1).max().unwrap_or(0);
        Ok(IncidentId::of(now, last + 1))
    }

    /// Keeps an incident: its file is the old or the new one, whole. `text` is its JSON, redacted.
    ///
    /// # Errors
    /// [`StoreError::Newer`] where a newer version wrote it; when it cannot be written.
    pub fn save_incident(&self, incident: &Incident, text: &str) -> Result<(), StoreError> {
        let path = self.layout().incident(&incident.id);
        if incident.format > INCIDENT_FORMAT {
            return Err(StoreError::Newer { path, format: incident.format });
        }
        self.ground.make_durable(&self.layout().incidents())?;
        Ok(self.ground.workspace.save_atomic(&path, text.as_bytes())?)
    }
}
