//! What is on record: the clock that dated it, the lock, the files, backups, and the last release.

use chrono::{DateTime, Utc};

use crate::model::arrange::Arrange;
use crate::model::backup::BackupSet;
use crate::model::id::ServiceName;
use crate::model::quantity::counted;
use crate::model::release::ReleaseState;
use crate::model::spec::{BackupKind, ServiceSpec};
use crate::model::view::{DoctorRow, Verdict};
use crate::ops::error::OpsError;
use crate::ops::facts::untrusted;
use crate::ops::host::Host;
use crate::ops::inspect::{Posture, Present};
use crate::store::StoreError;

use super::row::{bad, row, warn, well};

/// A backup older than this is worth a word.
const OLD_DAYS: i64 = 7;

/// Releases whose files are looked at closely: the newest.
const LOOKED_AT: usize = 20;

/// A clock that went backwards would put new records before old ones.
pub(super) fn clock(host: &Host) -> Result<DoctorRow, OpsError> {
    let now = host.clock.now();
    let newest = newest_tickets(host)?.into_iter().map(|state| state.updated_at).max();
    Ok(match newest {
        Some(newest) if newest > now => {
            let behind = (newest - now).num_seconds().max(1);
            bad(
                "clock",
                format!("it is {behind} s behind the newest record of this host"),
                &["timedatectl status", "wait until it is right again: records must not go backwards"],
            )
        }
        _ => well("clock", now.format("%Y-%m-%d %H:%M:%S UTC").to_string()),
    })
}

/// Newest first, as far as the files can be read.
fn newest_tickets(host: &Host) -> Result<Vec<ReleaseState>, OpsError> {
    let tickets = host.store.tickets()?;
    let mut states: Vec<ReleaseState> =
        tickets.iter().filter_map(|ticket| host.store.state(ticket).ok().flatten()).collect();
    states.arrange_by_key(|state| std::cmp::Reverse(state.updated_at));
    Ok(states)
}

/// Who holds the host.
pub(super) fn lock(host: &Host, present: &Present) -> DoctorRow {
    match present.holder() {
        Some(holder) => {
            let follow = holder.ticket.as_ref().map(|ticket| host.typed("log", &format!("{ticket} -f")));
            let mut row = row("lock", Verdict::Warn, format!("held by {holder}"));
            row.ways_out.extend(follow);
            row
        }
        None => well("lock", "free"),
    }
}

/// State files and audit logs of the newest releases.
pub(super) fn files(host: &Host) -> Result<Vec<DoctorRow>, OpsError> {
    let mut rows = Vec::new();
    let mut looked_at = 0;
    for ticket in host.store.tickets()?.iter().rev().take(LOOKED_AT) {
        let name = format!("record of {ticket}");
        let verify = format!("holdpoint log {ticket} --verify");
        match host.store.state_or_why(ticket) {
            Err(error @ StoreError::Damaged { .. }) => rows.push(bad(&name, error.to_string(), &[&verify])),
            Err(error) => rows.push(bad(&name, error.to_string(), &[])),
            Ok(Some((_, Some(why)))) => rows.push(warn(&name, why, &[&verify])),
            Ok(_) => {}
        }
        match host.store.verify_log(ticket) {
            Ok(found) if found.findings.is_empty() => looked_at += 1,
            Ok(found) => {
                let first = found.findings.first().map(|finding| finding.what.clone()).unwrap_or_default();
                rows.push(bad(&name, format!("its audit log does not hold together: {first}"), &[&verify]));
            }
            Err(error) => rows.push(bad(&name, error.to_string(), &[&verify])),
        }
    }
    if rows.is_empty() && looked_at > 0 {
        rows.push(well("records", format!("{} read, each holds together", counted(looked_at, "audit log"))));
    }
    Ok(rows)
}

/// Whether each service with data has a verified backup, and how old it is.
pub(super) fn backups(host: &Host, seen: &Posture) -> Result<Vec<DoctorRow>, OpsError> {
    let now = host.clock.now();
    let mut rows = Vec::new();
    let mut newest_of_all: Option<DateTime<Utc>> = None;
    for (name, service) in &seen.settings.services {
        if !has_data(service) {
            continue;
        }
        let sets = host.store.shelf().sets(name)?;
        let newest = sets.iter().rev().find(|set| set.is_verified()).map(|set| set.started_at);
        newest_of_all = newest_of_all.max(newest);
        rows.extend(backup_row(name, &sets, newest, now));
    }
    if rows.is_empty()
        && let Some(newest) = newest_of_all
    {
        rows.push(well("backups", format!("the newest is of {}", newest.format("%Y-%m-%d %H:%M UTC"))));
    }
    Ok(rows)
}

fn has_data(service: &ServiceSpec) -> bool {
    service.backup.iter().any(|entry| !matches!(entry.kind, BackupKind::None { .. }))
}

fn backup_row(
    name: &ServiceName,
    sets: &[BackupSet],
    newest: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Option<DoctorRow> {
    let check = format!("backup of {name}");
    let take = format!("holdpoint backup take {name}");
    match newest {
        None if sets.is_empty() => {
            Some(warn(check, "there is none yet; the next release takes one", &[&take]))
        }
        None => Some(bad(check, "no set was verified when it was taken", &[&take])),
        Some(newest) if (now - newest).num_days() >= OLD_DAYS => {
            let fact = format!("the newest verified one is {} days old", (now - newest).num_days());
            Some(warn(check, fact, &[&take]))
        }
        Some(_) => None,
    }
}

/// The release that holds the host up, or the last one.
pub(super) fn last_release(host: &Host, seen: &Posture) -> DoctorRow {
    let unfinished = seen.releases.iter().rfind(|state| state.is_unfinished());
    let begun = || seen.releases.iter().filter(|state| state.was_begun());
    let last = unfinished.or_else(|| begun().max_by_key(|state| state.updated_at));
    let Some(state) = last else {
        return warn(
            "last release",
            "nothing was released or adopted here yet",
            &["holdpoint adopt --dry-run"],
        );
    };
    let at = state.updated_at.format("%Y-%m-%d %H:%M UTC");
    let fact = format!("{}@{} {} at {at}", state.ticket, state.attempt, state.status);
    if unfinished.is_some() {
        let way = host.typed("state", state.ticket.as_str());
        return warn("last release", format!("{fact}: it is not over"), &[&way]);
    }
    match untrusted(&seen.releases) {
        Some((ticket, what)) => {
            let way = host.typed("state", ticket.as_str());
            warn("last release", format!("{fact}\nthis host is untrusted: `{ticket}` {what}"), &[&way])
        }
        None => well("last release", fact),
    }
}
