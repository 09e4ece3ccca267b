//! Which backup sets may go.

use std::collections::BTreeSet;

use crate::model::arrange::Arrange;
use crate::model::backup::BackupSet;
use crate::model::gather::Gather;
use crate::model::id::{BackupStamp, ServiceName};
use crate::model::release::ReleaseState;

/// Sets of one service that no rule keeps, oldest first: the newest `keep` verified ones stay, and those named by a release
/// that can still be taken back, and always the newest verified one (design/04 "Backups").
pub fn evictable(sets: &[BackupSet], keep: u32, named: &BTreeSet<BackupStamp>) -> Vec<BackupStamp> {
    let keep = usize::try_from(keep).unwrap_or(usize::MAX).max(1);
    let mut verified: Vec<&BackupSet> = sets.iter().filter(|set| set.is_verified()).collect();
    verified.arrange_by(|a, b| (b.started_at, &b.stamp).cmp(&(a.started_at, &a.stamp)));
    let kept: BTreeSet<&BackupStamp> = verified.into_iter().take(keep).map(|set| &set.stamp).gather();
    if kept.is_empty() {
        // Without a single verified set even a doubtful one may be all there is.
        return Vec::new();
    }
    let mut going: Vec<&BackupSet> =
        sets.iter().filter(|set| !kept.contains(&set.stamp) && !named.contains(&set.stamp)).collect();
    going.arrange_by(|a, b| (a.started_at, &a.stamp).cmp(&(b.started_at, &b.stamp)));
    going.into_iter().map(|set| set.stamp.clone()).collect()
}

/// Sets of one service that releases still need: of every release that is not over, and of the newest one, which can be
/// taken back without touching another.
pub fn named(service: &ServiceName, releases: &[ReleaseState]) -> BTreeSet<BackupStamp> {
    let newest = releases.iter().filter(|state| state.merge.is_some()).max_by_key(|state| state.started_at);
    let needed = releases.iter().filter(|state| super::range::is_in_cycle(state)).chain(newest);
    needed.filter_map(|state| state.backups.get(service).cloned()).gather()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::testing::*;
    use crate::model::release::Status;

    fn names(stamps: &[BackupStamp]) -> Vec<&str> {
        stamps.iter().map(|stamp| &stamp.as_str()[9..11]).collect()
    }

    #[test]
    fn the_newest_verified_sets_stay_and_what_a_release_names_stays() {
        let sets: Vec<BackupSet> =
            (1..=5).map(|hour| set("web", "files", &format!("0{hour}:00:00"), 1)).collect();
        assert_eq!(names(&evictable(&sets, 2, &BTreeSet::new())), ["01", "02", "03"]);
        assert_eq!(names(&evictable(&sets, 2, &BTreeSet::from([sets[1].stamp.clone()]))), ["01", "03"]);
        assert_eq!(
            names(&evictable(&sets, 0, &BTreeSet::new())),
            ["01", "02", "03", "04"],
            "the newest always stays"
        );
        let mut doubtful = sets.clone();
        doubtful[4].entries[0].verified = false;
        assert_eq!(names(&evictable(&doubtful, 1, &BTreeSet::new())), ["01", "02", "03", "05"]);
        for set in &mut doubtful {
            set.entries[0].verified = false;
        }
        assert!(evictable(&doubtful, 1, &BTreeSet::new()).is_empty());
    }

    #[test]
    fn releases_that_are_not_over_and_the_newest_one_name_their_sets() {
        let with = |of: &str, status, begun: &str, at: &str| {
            let mut state = release(of, status);
            state.started_at = crate::decide::testing::at(begun);
            state.backups.insert(service("web"), stamp(at));
            state
        };
        let releases = [
            with("1", Status::Succeeded, "08:00:00", "20260518_080000"),
            with("2", Status::Failed, "09:00:00", "20260518_090000"),
            with("3", Status::Succeeded, "10:00:00", "20260518_100000"),
        ];
        let named = named(&service("web"), &releases);
        assert_eq!(named, BTreeSet::from([stamp("20260518_090000"), stamp("20260518_100000")]));
    }
}
