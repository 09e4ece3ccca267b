//! Evidence bundles: each is written once, in a folder of its own, and never again.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::model::arrange::Arrange;
use crate::model::event::{EventKind, RunEvent};
use crate::model::evidence::EvidenceId;
use crate::model::id::AttemptId;
use crate::sys::files;

use super::error::StoreError;
use super::locked::LockedStore;
use super::workspace::Store;

const BUNDLE: &str = "evidence.json";
/// sha256 of the bundle, in the form that `sha256sum -c` reads.
const SUMS: &str = "SHA256SUMS";
/// A bundle may have this many bytes.
const LIMIT: u64 = 64 << 20;

impl Store {
    /// Every bundle of an attempt, oldest first.
    ///
    /// # Errors
    /// When the folder cannot be listed.
    pub fn evidence(&self, attempt: &AttemptId) -> Result<Vec<EvidenceId>, StoreError> {
        let names = self.ground.workspace.list(&self.layout().evidence_of(attempt))?;
        let mut ids: Vec<EvidenceId> =
            names.into_iter().filter_map(|name| name.to_str().and_then(|name| name.parse().ok())).collect();
        ids.arrange_by(|a, b| a.place().cmp(&b.place()));
        Ok(ids)
    }

    /// A bundle, proven against its own sum; none where there is no such bundle.
    ///
    /// # Errors
    /// [`StoreError::Damaged`].
    pub fn evidence_bundle(&self, attempt: &AttemptId, id: &EvidenceId) -> Result<Option<Value>, StoreError> {
        let folder = self.layout().evidence(attempt, id);
        let path = folder.join(BUNDLE);
        let workspace = &self.ground.workspace;
        let Some(bytes) = workspace.read(&path, LIMIT)? else { return Ok(None) };
        let damaged = |what: String| StoreError::Damaged { path: path.clone(), what };
        // Bundles of older versions have no sum.
        if let Some(sums) = workspace.read(&folder.join(SUMS), 1 << 10)?
            && sums != sum_line(&bytes).as_bytes()
        {
            return Err(damaged(format!("it is not what `{SUMS}` beside it says")));
        }
        serde_json::from_slice(&bytes).map(Some).map_err(|error| damaged(error.to_string()))
    }

    /// The newest whole bundle of an attempt, and when it was captured. A damaged one supports nothing and is passed over.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn newest_evidence(
        &self,
        attempt: &AttemptId,
    ) -> Result<Option<(EvidenceId, DateTime<Utc>)>, StoreError> {
        for id in self.evidence(attempt)?.into_iter().rev() {
            let bundle = match self.evidence_bundle(attempt, &id) {
                Err(StoreError::Damaged { .. }) => continue,
                read => read?,
            };
            let at = bundle.as_ref().and_then(|bundle| bundle["capturedAt"].as_str());
            if let Some(at) = at.and_then(|at| DateTime::parse_from_rfc3339(at).ok()) {
                return Ok(Some((id, at.with_timezone(&Utc))));
            }
        }
        Ok(None)
    }

    /// When an attempt halted, by its log: the record of its newest failure, undecided end or interruption, else its last
    /// record. None for an attempt that is not on record.
    ///
    /// # Errors
    /// [`StoreError::Damaged`].
    pub fn halted_at(&self, attempt: &AttemptId) -> Result<Option<DateTime<Utc>>, StoreError> {
        let log = self.log(&attempt.ticket)?;
        let events: Vec<&RunEvent> = log.iter().filter(|event| event.attempt == attempt.number).collect();
        let halts = |kind: &EventKind| {
            matches!(
                kind,
                EventKind::Failed
                    | EventKind::Stuck
                    | EventKind::Undecided
                    | EventKind::Interrupted
                    | EventKind::Canceled
            )
        };
        let halted = events.iter().rfind(|event| halts(&event.event));
        Ok(halted.or(events.last()).map(|event| event.at))
    }
}

impl LockedStore {
    /// Keeps a bundle in a folder of its own; returns its name and folder.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save_evidence(
        &self,
        attempt: &AttemptId,
        now: DateTime<Utc>,
        text: &str,
    ) -> Result<(EvidenceId, PathBuf), StoreError> {
        let second = now.format("%Y%m%d_%H%M%S").to_string();
        let names = (1_u32..).map(|n| if n == 1 { second.clone() } else { format!("{second}-{n}") });
        let free = names
            .map_while(|name| name.parse::<EvidenceId>().ok())
            .find(|id| !self.ground.workspace.exists(&self.layout().evidence(attempt, id)));
        let id = free.map_or_else(|| second.parse(), Ok)?;
        let folder = self.layout().evidence(attempt, &id);
        self.ground.make_durable(&folder)?;
        let workspace = &self.ground.workspace;
        workspace.save_atomic(&folder.join(SUMS), sum_line(text.as_bytes()).as_bytes())?;
        workspace.save_atomic(&folder.join(BUNDLE), text.as_bytes())?;
        Ok((id, folder))
    }
}

fn sum_line(bytes: &[u8]) -> String {
    format!("{}  {BUNDLE}\n", files::sha256_of(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::TicketId;
    use crate::store::{HolderText, Layout, Sharing};

    #[test]
    fn a_bundle_is_never_written_over_and_a_changed_one_is_found_out() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::open(Layout::new(root.path(), "backups".as_ref()), Sharing::Alone);
        let at = DateTime::from_timestamp(1_779_118_212, 0).unwrap();
        let holder = HolderText { operator: "x".into(), ticket: None, phase: None, since: at };
        let locked = store.lock(&holder).unwrap();
        let attempt = AttemptId { ticket: TicketId::baseline(), number: 1 };
        assert_eq!(store.newest_evidence(&attempt).unwrap(), None);
        let text = |word: &str| format!(r#"{{"capturedAt":"{}","word":"{word}"}}"#, at.to_rfc3339());
        let (first, _) = locked.save_evidence(&attempt, at, &text("one")).unwrap();
        let (second, folder) = locked.save_evidence(&attempt, at, &text("two")).unwrap();
        assert_eq!(store.evidence(&attempt).unwrap(), [first.clone(), second.clone()]);
        assert_eq!(store.evidence_bundle(&attempt, &first).unwrap().unwrap()["word"], "one");
        assert_eq!(store.newest_evidence(&attempt).unwrap(), Some((second.clone(), at)));

        files::overwrite(&folder.join(BUNDLE), text("three").as_bytes()).unwrap();
        let damage = store.evidence_bundle(&attempt, &second);
        assert!(matches!(damage, Err(StoreError::Damaged { .. })), "{damage:?}");
        assert_eq!(
            store.newest_evidence(&attempt).unwrap(),
            Some((first, at)),
            "a damaged one supports nothing"
        );
    }
}
