//! The hosts of a plan, and the same grouped by what they have in common: a step asks for a group, and does not go through
//! every host of the plan for it.

use std::collections::{BTreeMap, BTreeSet, btree_set};
use std::iter::{Copied, Peekable};

use crate::model::rollout::{Desired, HostName, HostRow, HostState, PlanId, RolloutPlan, Wish};

/// Whose the last word to a host is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Word {
    /// It was told nothing by anybody.
    Nobodys,
    /// This plan's.
    Ours,
    /// This plan's, which has let go of it.
    OursReleased,
    /// Another plan's.
    Theirs,
    /// Another plan's, which has let go of it.
    TheirsReleased,
}

impl Word {
    fn of(plan: &PlanId, word: Option<&Desired>) -> Self {
        match word.map(|word| (word.plan_id == *plan, word.released)) {
            None => Word::Nobodys,
            Some((true, false)) => Word::Ours,
            Some((true, true)) => Word::OursReleased,
            Some((false, false)) => Word::Theirs,
            Some((false, true)) => Word::TheirsReleased,
        }
    }
}

/// What hosts have in common: all that a step chooses them by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Kind {
    pub(super) state: HostState,
    pub(super) wish: Option<Wish>,
    pub(super) told: bool,
    pub(super) touched: bool,
    pub(super) failed: bool,
    pub(super) word: Word,
}

impl Kind {
    fn of(row: &HostRow, word: Word) -> Self {
        let HostRow { state, wish, generation, touched, failed, .. } = row;
        Self { state: *state, wish: *wish, told: *generation > 0, touched: *touched, failed: *failed, word }
    }

    /// Whether another plan has not let go of it.
    pub(super) fn is_locked(self) -> bool {
        self.word == Word::Theirs
    }

    /// Whether another plan told it something after this one had let go of it.
    pub(super) fn is_taken(self) -> bool {
        self.told && matches!(self.word, Word::Theirs | Word::TheirsReleased)
    }
}

/// Which hosts are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum In {
    /// All, in the order of their names.
    Plan,
    /// Those of a stage, in its order.
    Stage(usize),
}

impl In {
    const fn group(self) -> usize {
        match self {
            In::Plan => 0,
            In::Stage(at) => at + 1,
        }
    }
}

type Groups = BTreeMap<Kind, BTreeSet<usize>>;

/// What is known of the hosts of a plan, and what each was told last, by whichever plan. Which hosts there are never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hosts {
    plan_id: PlanId,
    rows: BTreeMap<HostName, HostRow>,
    desired: BTreeMap<HostName, Desired>,
    /// By number: in the order of their names.
    names: Vec<HostName>,
    /// By number: the stage, and the place in its order.
    places: Vec<Option<(usize, usize)>>,
    /// The numbers of each stage's hosts, in its order.
    stages: Vec<Vec<usize>>,
    /// Numbers of all hosts, and then for each stage the places of its own.
    groups: Vec<Groups>,
}

impl Hosts {
    /// The hosts of a plan, as they are now.
    pub fn new(
        plan: &RolloutPlan,
        rows: BTreeMap<HostName, HostRow>,
        desired: BTreeMap<HostName, Desired>,
    ) -> Self {
        let names: Vec<HostName> = rows.keys().cloned().collect();
        let number = |host: &HostName| names.binary_search(host).ok();
        let of_stage = |hosts: &[HostName]| hosts.iter().filter_map(number).collect();
        let stages: Vec<Vec<usize>> = plan.stages.iter().map(|stage| of_stage(&stage.hosts)).collect();
        let mut places = vec![None; names.len()];
        for (at, stage) in stages.iter().enumerate() {
            for (place, number) in stage.iter().enumerate() {
                places[*number] = Some((at, place));
            }
        }
        let groups = vec![Groups::new(); stages.len() + 1];
        let plan_id = plan.plan_id.clone();
        let mut hosts = Self { plan_id, rows, desired, names, places, stages, groups };
        hosts.group_all();
        hosts
    }

    /// What is known of each host.
    pub fn rows(&self) -> &BTreeMap<HostName, HostRow> {
        &self.rows
    }

    /// What each was told last, by whichever plan.
    pub fn desired(&self) -> &BTreeMap<HostName, Desired> {
        &self.desired
    }

    /// Takes in what changed.
    pub fn take(&mut self, rows: BTreeMap<HostName, HostRow>, desired: BTreeMap<HostName, Desired>) {
        for (host, row) in rows {
            self.regroup(&host, |hosts| _ = hosts.rows.insert(host.clone(), row));
        }
        for (host, word) in desired {
            self.regroup(&host, |hosts| _ = hosts.desired.insert(host.clone(), word));
        }
    }

    /// Takes in what all of them were told last.
    pub fn take_words(&mut self, desired: BTreeMap<HostName, Desired>) {
        self.desired = desired;
        self.groups.iter_mut().for_each(BTreeMap::clear);
        self.group_all();
    }

    /// Hosts that may be at work on what they were told, or do not answer: those that are asked.
    pub fn asked(&self) -> impl Iterator<Item = (&HostName, &HostRow)> {
        let asked =
            |kind: Kind| kind.told && (kind.state.in_flight() || kind.state == HostState::Unreachable);
        self.places(In::Plan, asked).map(|number| self.at(number))
    }

    fn group_all(&mut self) {
        for number in 0..self.names.len() {
            self.put(number);
        }
    }

    fn put(&mut self, number: usize) {
        let kind = self.kind(number);
        self.groups[0].entry(kind).or_default().insert(number);
        if let Some((at, place)) = self.places[number] {
            self.groups[at + 1].entry(kind).or_default().insert(place);
        }
    }

    fn regroup(&mut self, host: &HostName, change: impl FnOnce(&mut Self)) {
        let Some(number) = self.number(host) else { return };
        let kind = self.kind(number);
        let stage = self.places[number].map(|(at, place)| (at + 1, place));
        for (group, place) in [Some((0, number)), stage].into_iter().flatten() {
            if let Some(alike) = self.groups[group].get_mut(&kind) {
                alike.remove(&place);
                // What nobody is any more is not asked for ever after.
                if alike.is_empty() {
                    self.groups[group].remove(&kind);
                }
            }
        }
        change(self);
        self.put(number);
    }

    /// The number of a host; none: it is not of this plan.
    pub(super) fn number(&self, host: &HostName) -> Option<usize> {
        self.names.binary_search(host).ok()
    }

    /// The host with a number.
    pub(super) fn at(&self, number: usize) -> (&HostName, &HostRow) {
        #[cfg(test)]
        looked::one();
        let host = &self.names[number];
        (host, &self.rows[host])
    }

    /// The stage that a host is in.
    pub(super) fn stage_of(&self, host: &HostName) -> Option<usize> {
        self.places[self.number(host)?].map(|(at, _)| at)
    }

    /// The place of a host among those that are asked for; none: it is not one of them.
    pub(super) fn place(&self, number: usize, of: In) -> Option<usize> {
        match of {
            In::Plan => Some(number),
            In::Stage(wanted) => self.places[number].filter(|(at, _)| *at == wanted).map(|(_, place)| place),
        }
    }

    /// The number of the host at a place.
    pub(super) fn number_at(&self, place: usize, of: In) -> usize {
        match of {
            In::Plan => place,
            In::Stage(at) => self.stages[at][place],
        }
    }

    /// What a host is like.
    pub(super) fn kind(&self, number: usize) -> Kind {
        self.kind_with(number, self.at(number).1)
    }

    /// What a host would be like, were this known of it.
    pub(super) fn kind_with(&self, number: usize, row: &HostRow) -> Kind {
        Kind::of(row, Word::of(&self.plan_id, self.desired.get(&self.names[number])))
    }

    /// How many hosts are like this.
    pub(super) fn count(&self, of: In, like: impl Fn(Kind) -> bool) -> usize {
        self.groups[of.group()].iter().filter(|(kind, _)| like(**kind)).map(|(_, alike)| alike.len()).sum()
    }

    /// The places of hosts that are like this, in order.
    pub(super) fn places(
        &self,
        of: In,
        like: impl Fn(Kind) -> bool,
    ) -> InOrder<Copied<btree_set::Iter<'_, usize>>> {
        let alike = self.groups[of.group()].iter().filter(|(kind, _)| like(**kind));
        InOrder(alike.map(|(_, alike)| alike.iter().copied().peekable()).collect())
    }
}

/// Several rising rows of numbers as one.
pub(super) struct InOrder<I: Iterator<Item = usize>>(pub(super) Vec<Peekable<I>>);

impl<I: Iterator<Item = usize>> Iterator for InOrder<I> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let next =
            self.0.iter_mut().filter_map(|one| Some((*one.peek()?, one))).min_by_key(|(next, _)| *next);
        next.and_then(|(_, one)| one.next())
    }
}

/// How many hosts were looked at.
#[cfg(test)]
pub(super) mod looked {
    use std::cell::Cell;

    thread_local! {
        static LOOKED: Cell<usize> = const { Cell::new(0) };
    }

    pub(super) fn one() {
        LOOKED.set(LOOKED.get() + 1);
    }

    /// How many hosts were looked at meanwhile.
    pub(in crate::decide::rollout) fn during(does: impl FnOnce()) -> usize {
        let before = LOOKED.get();
        does();
        LOOKED.get() - before
    }
}
