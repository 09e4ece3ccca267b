//! Which commits a verb is about: what has to be known before the host can be looked at.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use crate::model::facts::{StepEnd, StepRecord};
use crate::model::id::{Oid, StepName, TicketId};
use crate::model::phase::Phase;
use crate::model::release::{ReleaseState, Status};
use crate::model::request::RunRequest;

/// The commits to observe.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Range {
    /// BASE; none: HEAD.
    pub base: Option<Oid>,
    /// The commit to stop at; none: the branch's newest.
    pub at: Option<Oid>,
}

/// The commits that `run` is about: a release in the middle of its cycle keeps its BASE and, once it is prepared and unless
/// new commits are taken in, its `MERGE_SHA` (design/03 "Resume"); one that takes over another inherits that one's BASE.
/// `history` is what is recorded of the ticket.
pub fn of_run(request: &RunRequest, releases: &[ReleaseState], history: Option<&History<'_>>) -> Range {
    let known = |ticket: &TicketId| releases.iter().find(|state| state.ticket == *ticket);
    let own = known(&request.ticket).filter(|state| {
        is_in_cycle(state) || !is_over(state) && history.is_some_and(|history| was_to_move(history.steps))
    });
    let taken_over = request.supersedes.as_ref().and_then(known).filter(|state| is_in_cycle(state));
    let inherited = own.or(taken_over).map(|state| state.base.clone());
    let is_prepared = history.is_some_and(|history| history.phases_done.contains(&Phase::Prepare));
    let merged =
        own.filter(|_| is_prepared && !request.take_new_commits).and_then(|state| state.merge.clone());
    Range { base: inherited.or_else(|| request.base.clone()), at: merged.or_else(|| request.at.clone()) }
}

/// What is recorded of a ticket's cycle, as far as it decides which commits matter.
#[derive(Debug, Clone, Copy)]
pub struct History<'a> {
    /// Phases done, as in `TicketHistory::phases_done`.
    pub phases_done: &'a BTreeSet<Phase>,
    /// Steps, as in `TicketHistory::steps`.
    pub steps: &'a BTreeMap<StepName, StepRecord>,
}

/// Whether a step that moves the tree was begun: its end may be unknown.
pub(super) fn may_have_moved(steps: &BTreeMap<StepName, StepRecord>) -> bool {
    moving(steps).any(|record| !matches!(record.end, StepEnd::Failed(_)))
}

/// Whether a step that moves the tree was begun at all: it may have moved it and failed then, when the tree could not be
/// made durable. Where it had not, BASE is where HEAD is.
fn was_to_move(steps: &BTreeMap<StepName, StepRecord>) -> bool {
    moving(steps).next().is_some()
}

fn moving(steps: &BTreeMap<StepName, StepRecord>) -> impl Iterator<Item = &StepRecord> {
    ["merge", "switch", "unrevert", "rollback"]
        .iter()
        .filter_map(|word| steps.get(&StepName::new(["git", word])))
}

/// The commits that `revert` is about.
pub fn of_revert(ticket: &TicketId, releases: &[ReleaseState]) -> Range {
    let state = releases.iter().find(|state| state.ticket == *ticket);
    Range { base: state.map(|state| state.base.clone()), at: state.and_then(|state| state.merge.clone()) }
}

/// Which releases began after one of them. Where one began on the commit that the other left, that says so, directly or
/// through others: a clock may have gone back. Else the clock is believed.
pub(super) struct Succession<'a> {
    earlier: &'a ReleaseState,
    /// Commits that were reached from the one that it left.
    reached: BTreeSet<&'a Oid>,
    /// Commits from which its own beginning was reached.
    reaching: BTreeSet<&'a Oid>,
}

impl<'a> Succession<'a> {
    /// Of all releases, each looked at once: a host may have very many.
    pub(super) fn of(earlier: &'a ReleaseState, releases: &'a [ReleaseState]) -> Self {
        let (mut onward, mut back) = (BTreeMap::new(), BTreeMap::<&Oid, Vec<&Oid>>::new());
        for state in releases {
            // Of several that began on the same commit the first one counts.
            if let Entry::Vacant(entry) = onward.entry(&state.base) {
                entry.insert(state.merge.as_ref());
                if let Some(merge) = &state.merge {
                    back.entry(merge).or_default().push(&state.base);
                }
            }
        }
        let mut reached = BTreeSet::new();
        let mut at = earlier.merge.as_ref();
        while let Some(commit) = at.filter(|commit| reached.insert(*commit)) {
            at = onward.get(commit).copied().flatten();
        }
        let mut reaching = BTreeSet::from([&earlier.base]);
        let mut open = vec![&earlier.base];
        while let Some(commit) = open.pop() {
            let before = back.get(commit).into_iter().flatten().copied();
            open.extend(before.filter(|before| reaching.insert(*before)));
        }
        Self { earlier, reached, reaching }
    }

    /// Whether this one began after it.
    pub(super) fn began_after(&self, later: &ReleaseState) -> bool {
        let leads_on = self.reached.contains(&later.base);
        let leads_back = later.merge.as_ref().is_some_and(|merge| self.reaching.contains(merge));
        // Both: releases of one and the same commit (`--services`), which say nothing of each other's order.
        if leads_on == leads_back { later.started_at > self.earlier.started_at } else { leads_on }
    }
}

/// The newest attempt that was released after this one and is not taken back: what runs is its content.
pub fn on_top(state: &ReleaseState, releases: &[ReleaseState]) -> Option<String> {
    let order = Succession::of(state, releases);
    let stands = |other: &&ReleaseState| {
        other.ticket != state.ticket
            && other.merge.is_some()
            && other.status != Status::Reverted
            && order.began_after(other)
    };
    let newest = releases.iter().filter(stands).max_by_key(|other| other.started_at)?;
    Some(format!("{}@{}", newest.ticket, newest.attempt))
}

/// Whether a release stands between its first prepare and its end: it has moved the tree and is not over (design/03).
pub fn is_in_cycle(state: &ReleaseState) -> bool {
    state.merge.is_some() && !is_over(state)
}

/// Whether nothing can go on with a release any more: a run of the ticket begins a new cycle.
pub(super) fn is_over(state: &ReleaseState) -> bool {
    matches!(state.status, Status::Succeeded | Status::Reverted)
        || state.closed
        || state.superseded_by.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::testing::*;

    #[test]
    fn a_release_in_its_cycle_keeps_its_base_and_one_that_is_over_does_not() {
        let releases = [release("1234", Status::Failed)];
        let done = [Phase::Prepare].into();
        let steps = BTreeMap::new();
        let history = History { phases_done: &done, steps: &steps };
        let base = Some(oid(BASE));
        assert_eq!(
            of_run(&run("1234"), &releases, Some(&history)),
            Range { base: base.clone(), at: Some(oid(TARGET)) }
        );
        let taking = RunRequest { take_new_commits: true, ..run("1234") };
        assert_eq!(of_run(&taking, &releases, Some(&history)), Range { base: base.clone(), at: None });
        let over = RunRequest { supersedes: Some(ticket("1234")), ..run("1240") };
        assert_eq!(of_run(&over, &releases, None), Range { base: base.clone(), at: None });
        let finished = [release("1234", Status::Succeeded)];
        assert_eq!(of_run(&run("1234"), &finished, Some(&history)), Range::default());
        assert_eq!(of_revert(&ticket("1234"), &finished), Range { base, at: Some(oid(TARGET)) });
    }

    /// Releases of so many tickets, each on the commit that the one before it left, begun a second after it.
    fn chain(count: u32) -> Vec<ReleaseState> {
        let commit = |number: u32| -> Oid { format!("{number:040x}").parse().unwrap() };
        let link = |number: u32| ReleaseState {
            base: commit(number),
            merge: Some(commit(number + 1)),
            started_at: at("10:00:00") + chrono::Duration::seconds(number.into()),
            ..release(&number.to_string(), Status::Succeeded)
        };
        (1..=count).map(link).collect()
    }

    #[test]
    fn what_began_on_top_of_another_began_after_it_whatever_the_clock_says() {
        let mut releases = chain(6);
        // The clock went back before the fourth, and a fifth one never moved the tree.
        for late in &mut releases[3..] {
            late.started_at -= chrono::Duration::hours(1);
        }
        releases[4].merge = None;
        let after = |earlier: usize| -> Vec<usize> {
            let order = Succession::of(&releases[earlier], &releases);
            (0..6).filter(|later| order.began_after(&releases[*later])).collect()
        };
        assert_eq!(after(0), [1, 2, 3, 4]);
        assert_eq!(after(2), [3, 4]);
        // Nothing leads from the fifth to the sixth: the clock is believed.
        assert_eq!(after(4), [5]);
        assert_eq!(after(5), [0, 1, 2]);
    }

    #[test]
    fn of_releases_of_one_commit_the_clock_says_which_came_first() {
        let mut releases = chain(4);
        // The second and the third released services of the commit that was there.
        for again in [1, 2] {
            releases[again].base = releases[0].merge.clone().unwrap();
            releases[again].merge = releases[0].merge.clone();
        }
        releases[3].base = releases[0].merge.clone().unwrap();
        let after = |earlier: usize| -> Vec<usize> {
            let order = Succession::of(&releases[earlier], &releases);
            (0..4).filter(|later| order.began_after(&releases[*later])).collect()
        };
        assert_eq!([after(0), after(1), after(2), after(3)], [vec![1, 2, 3], vec![2, 3], vec![3], vec![]]);
    }

    #[test]
    fn very_many_releases_are_each_looked_at_once() {
        // One look at each pair would take hours.
        let releases = chain(100_000);
        let order = Succession::of(&releases[50_000], &releases);
        assert_eq!(releases.iter().filter(|later| order.began_after(later)).count(), 49_999);
    }

    #[test]
    fn a_merge_that_was_begun_keeps_its_base() {
        let state = ReleaseState { merge: None, ..release("1234", Status::Interrupted) };
        // One that failed may have done so after it had moved the tree.
        for end in [StepEnd::Open, StepEnd::Failed(1)] {
            let record = StepRecord::new(Phase::Prepare, end, at("10:00:00"));
            let steps = BTreeMap::from([(StepName::new(["git", "merge"]), record)]);
            let history = History { phases_done: &BTreeSet::new(), steps: &steps };
            let range = of_run(&run("1234"), std::slice::from_ref(&state), Some(&history));
            assert_eq!(range, Range { base: Some(oid(BASE)), at: None });
        }
    }
}
