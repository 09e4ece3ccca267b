//! Rows that several views share, and how a status is read together with the lock.

use std::collections::BTreeSet;
use std::path::Path;

use chrono::{DateTime, Utc};

use crate::decide::retention;
use crate::model::backup::BackupSet;
use crate::model::gather::Gather;
use crate::model::id::{AttemptId, BackupStamp, ServiceName, TicketId};
use crate::model::release::{ReleaseState, Status};
use crate::model::view::{BackupRow, HolderView, ListRow};
use crate::ops::error::OpsError;
use crate::ops::host::Host;
use crate::store::Holder;

/// Who works on this host at this moment.
pub(in crate::ops) struct Present {
    holder: Option<Holder>,
}

impl Present {
    /// Looks once.
    ///
    /// # Errors
    /// When the lock cannot be asked: then it is not known whether somebody works here.
    pub(in crate::ops) fn look(host: &Host) -> Result<Self, OpsError> {
        Ok(Self { holder: host.store.holder()? })
    }

    /// Whoever holds the host.
    pub(in crate::ops) fn holder(&self) -> Option<&Holder> {
        self.holder.as_ref()
    }

    /// Whether a runner lives that works on this ticket. One that does not say what it works on may work on any.
    pub(in crate::ops) fn works_on(&self, ticket: &TicketId) -> bool {
        self.holder.as_ref().is_some_and(|holder| holder.ticket.as_ref().is_none_or(|held| held == ticket))
    }

    /// What a recorded status really is.
    pub(in crate::ops) fn status(&self, state: &ReleaseState) -> Status {
        self.status_of(&state.ticket, state.status)
    }

    /// What a status really is that was recorded of a ticket.
    pub(in crate::ops) fn status_of(&self, ticket: &TicketId, recorded: Status) -> Status {
        if self.works_on(ticket) { recorded } else { recorded.without_runner() }
    }

    /// A release as one row.
    pub(in crate::ops) fn row(&self, state: &ReleaseState) -> ListRow {
        ListRow {
            attempt: AttemptId { ticket: state.ticket.clone(), number: state.attempt },
            status: self.status(state),
            phase: state.phase,
            branch: state.branch.clone(),
            merge: state.merge.clone(),
            services: state.services.clone(),
            operator: state.operator.clone(),
            started_at: state.started_at,
            updated_at: state.updated_at,
            superseded_by: state.superseded_by.clone(),
            closed: state.closed,
            archived: state.archived,
        }
    }
}

/// The holder for a reader. Its text only explains: what is missing in it is left open.
pub(in crate::ops) fn holder_view(holder: &Holder, now: DateTime<Utc>) -> HolderView {
    HolderView {
        pid: holder.pid.unwrap_or(0),
        operator: holder.operator.clone().unwrap_or_else(|| "-".to_owned()),
        since: holder.since.unwrap_or(now),
        ticket: holder.ticket.clone(),
        phase: holder.phase,
        left: holder.left.iter().map(ToString::to_string).collect(),
    }
}

/// A path for a person: relative to the project root where it lies inside.
pub(in crate::ops) fn relative(host: &Host, path: &Path) -> String {
    path.strip_prefix(host.root()).unwrap_or(path).display().to_string()
}

/// The sets of one service, oldest first, with what keeps each.
pub(in crate::ops) fn backup_rows(
    host: &Host,
    service: &ServiceName,
    sets: &[BackupSet],
    releases: &[ReleaseState],
) -> Vec<BackupRow> {
    let now = host.clock.now();
    let going: BTreeSet<BackupStamp> = evictable(host, service, sets, releases).into_iter().gather();
    let newest = sets.iter().rev().find(|set| set.is_verified()).map(|set| &set.stamp);
    let named_by = |stamp: &BackupStamp| {
        let names = |state: &&ReleaseState| state.backups.get(service) == Some(stamp);
        releases.iter().rfind(names).map(|state| state.ticket.clone())
    };
    let kept_for = |set: &BackupSet| match named_by(&set.stamp) {
        _ if going.contains(&set.stamp) => None,
        Some(ticket) => Some(format!("named by {ticket}")),
        None if newest == Some(&set.stamp) => Some("newest verified".to_owned()),
        None => Some("among those that are kept".to_owned()),
    };
    let row = |set: &BackupSet| BackupRow {
        service: service.clone(),
        stamp: set.stamp.clone(),
        started_at: set.started_at,
        age_seconds: u64::try_from((now - set.started_at).num_seconds()).unwrap_or(0),
        bytes: set.bytes(),
        kinds: set.entries.iter().map(|entry| entry.kind.clone()).collect(),
        taken_for: set.taken_for.clone(),
        verified: set.is_verified(),
        kept_for: kept_for(set),
        path: relative(host, &host.store.layout().backup_set(service, &set.stamp)),
    };
    sets.iter().map(row).collect()
}

/// Sets of one service that retention lets go.
pub(in crate::ops) fn evictable(
    host: &Host,
    service: &ServiceName,
    sets: &[BackupSet],
    releases: &[ReleaseState],
) -> Vec<BackupStamp> {
    let spec = host.settings.services.get(service);
    let keep = spec.and_then(|spec| spec.backup.iter().map(|entry| entry.keep).max()).unwrap_or(1);
    retention::evictable(sets, keep, &retention::named(service, releases))
}
