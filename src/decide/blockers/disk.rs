//! Room for backups and records, looked at before anything is written.

use super::Case;
use super::checkout::listed;
use crate::decide::retention;
use crate::decide::saving::floor;
use crate::decide::site::define_newest;
use crate::model::facts::{DiskSpace, Facts};
use crate::model::id::ServiceName;
use crate::model::phase::Phase;
use crate::model::quantity::ByteSize;
use crate::model::reason::{Blocker, ReasonCode};

/// What records, transcripts and evidence of one release may take.
const RECORDS: u64 = 16 << 20;

/// Files that one release may make in the workspace, and one set of backups in its folder.
const FILES: u64 = 512;

pub(super) fn of_run(case: &Case<'_>) -> Vec<Blocker> {
    let saved = if case.runs(Phase::Prepare) { case.saved } else { &[] };
    room_for(case.facts, saved)
}

/// Whether there is room: backups of these services with a fifth to spare and the floor left over, and our own records.
pub(in crate::decide) fn room_for(facts: &Facts, saved: &[ServiceName]) -> Vec<Blocker> {
    let host = &facts.host;
    let mut found = Vec::new();
    let estimate: u64 = saved.iter().filter_map(|name| host.backup_estimate.get(name)).sum();
    let wanted = estimate.saturating_add(estimate / 5);
    let floor = floor(facts.base_settings.disk, host.backups_space.total);
    if !saved.is_empty() {
        let needed = wanted.saturating_add(floor);
        if host.backups_space.free < needed {
            let headline = format!(
                "{} has {} free; backups need {} and {} must stay free",
                host.backups.display(),
                ByteSize(host.backups_space.free),
                ByteSize(wanted),
                ByteSize(floor)
            );
            let evictable = evictable(facts);
            let mut blocker = Blocker::new(ReasonCode::Disk, listed(&headline, evictable.into_iter()));
            blocker = blocker
                .way_out("holdpoint backup prune")
                .way_out(format!("df -h {}", host.backups.display()));
            found.push(blocker);
        }
        found.extend(inodes(&host.backups.display().to_string(), host.backups_space));
    }
    if host.workspace_space.free < RECORDS {
        let fact = format!(
            "{} has {} free; the records of a release need {}",
            host.workspace.display(),
            ByteSize(host.workspace_space.free),
            ByteSize(RECORDS)
        );
        found.push(
            Blocker::new(ReasonCode::Disk, fact).way_out(format!("df -h {}", host.workspace.display())),
        );
    }
    found.extend(inodes(&host.workspace.display().to_string(), host.workspace_space));
    found
}

fn inodes(place: &str, space: DiskSpace) -> Option<Blocker> {
    let fact = format!("{place} has {} free inodes; {FILES} are needed", space.inodes);
    (space.inodes < FILES).then(|| Blocker::new(ReasonCode::Disk, fact).way_out(format!("df -i {place}")))
}

/// Backup sets that no rule keeps, with their sizes.
fn evictable(facts: &Facts) -> Vec<String> {
    let mut lines = Vec::new();
    for (service, sets) in &facts.backups {
        let Some(defined) = define_newest(facts, service) else { continue };
        let keep = defined.spec.backup.iter().map(|entry| entry.keep).max().unwrap_or(1);
        let named = retention::named(service, &facts.releases);
        for stamp in retention::evictable(sets, keep, &named) {
            let bytes =
                sets.iter().find(|set| set.stamp == stamp).map_or(0, crate::model::backup::BackupSet::bytes);
            lines.push(format!("{service}/{stamp} could go: {}", ByteSize(bytes)));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use crate::decide::plan_run;
    use crate::decide::testing::*;
    use crate::model::reason::ReasonCode as C;

    #[test]
    fn backups_need_a_fifth_to_spare_and_leave_the_floor() {
        let mut facts = scene().with(plain("web")).changed("web/x");
        // The floor of a 100 GiB filesystem is 5 GiB (5 percent beats 1 GiB); 10 GiB of backup need 12.
        facts.host.backup_estimate.insert(service("web"), 10 << 30);
        facts.host.backups_space.free = 17 << 30;
        assert!(plan_run(&facts, &run("1234")).is_ok());
        facts.host.backups_space.free -= 1;
        for (hour, bytes) in [(1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (6, 6)] {
            facts = facts.shelved(set("web", "files", &format!("0{hour}:00:00"), bytes << 30));
        }
        insta::assert_snapshot!(said(&plan_run(&facts, &run("1234"))), @r#"
        disk: /srv/app/.asd/workspace/backups has 16.9GiB free; backups need 12GiB and 5GiB must stay free
            web/20260518_010000 could go: 1GiB
          → holdpoint backup prune
          → df -h /srv/app/.asd/workspace/backups
        "#);
    }

    #[test]
    fn inodes_and_the_workspace_count_too() {
        let mut facts = scene().with(plain("web")).changed("web/x");
        facts.host.workspace_space.free = 1 << 20;
        facts.host.workspace_space.inodes = 10;
        facts.host.backups_space.inodes = 10;
        assert_eq!(codes(&plan_run(&facts, &run("1234"))), [C::Disk, C::Disk, C::Disk]);
    }
}
