//! Which commits a verb is about: what has to be known before the host can be looked at.

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

/// Whether a release began after another. Where one began on the commit that the other left, that says so, directly or
/// through others: a clock may have gone back. Else the clock is believed.
pub(super) fn began_after(later: &ReleaseState, earlier: &ReleaseState, releases: &[ReleaseState]) -> bool {
    if leads_to(earlier, later, releases) {
        return true;
    }
    !leads_to(later, earlier, releases) && later.started_at > earlier.started_at
}

fn leads_to(from: &ReleaseState, to: &ReleaseState, releases: &[ReleaseState]) -> bool {
    let mut seen = BTreeSet::new();
    let mut at = from.merge.as_ref();
    while let Some(commit) = at.filter(|commit| seen.insert(*commit)) {
        if to.base == *commit {
            return true;
        }
        at = releases.iter().find(|state| state.base == *commit).and_then(|state| state.merge.as_ref());
    }
    false
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
