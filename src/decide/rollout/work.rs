//! A rollout while a step changes it: the records as they were, and what is different now.

use std::collections::BTreeMap;
use std::mem::discriminant;

use chrono::{DateTime, Utc};

use super::index::{Hosts, In, InOrder, Kind};
use super::step::{Commit, Decision, Note};
use crate::model::gather::Gather;
use crate::model::rollout::{
    Desired, HostName, HostRow, HostState, PlanId, PlanPhase, RolloutPlan, RolloutState, StagePhase, Wait,
    Wish,
};

/// Hosts that one step tells something: what a step comes to has to fit into one commit of every ledger.
const AT_ONCE: usize = 16;

/// The records, and what changes.
pub(super) struct Work<'a> {
    pub(super) plan: &'a RolloutPlan,
    pub(super) state: RolloutState,
    pub(super) now: DateTime<Utc>,
    before: &'a RolloutState,
    hosts: &'a Hosts,
    /// By number.
    changed: BTreeMap<usize, HostRow>,
    desired: BTreeMap<HostName, Desired>,
    notes: Vec<Note>,
}

impl<'a> Work<'a> {
    pub(super) fn new(
        plan: &'a RolloutPlan,
        state: &'a RolloutState,
        hosts: &'a Hosts,
        now: DateTime<Utc>,
    ) -> Self {
        let (changed, desired, notes) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        Self { plan, state: state.clone(), now, before: state, hosts, changed, desired, notes }
    }

    /// What a host was told last, by whichever plan.
    pub(super) fn told(&self, host: &HostName) -> Option<&'a Desired> {
        self.hosts.desired().get(host)
    }

    /// What a host was told last, where this plan told it.
    fn ours(&self, host: &HostName) -> Option<&'a Desired> {
        self.told(host).filter(|desired| desired.plan_id == self.plan.plan_id)
    }

    /// The plan that told a host something after this one had let go of it: the host is that plan's, also when it is over.
    pub(super) fn taken(&self, host: &HostName) -> Option<&'a PlanId> {
        let last = self.told(host).filter(|last| last.plan_id != self.plan.plan_id)?;
        self.row(host).is_some_and(|row| row.generation > 0).then_some(&last.plan_id)
    }

    /// Lets go of a host that this plan has: another one may take it.
    pub(super) fn release(&mut self, host: &HostName) {
        if let Some(desired) = self.ours(host).filter(|desired| !desired.released) {
            self.desired.insert(host.clone(), Desired { released: true, ..desired.clone() });
        }
    }

    /// One host, as it is now.
    pub(super) fn row(&self, host: &HostName) -> Option<&HostRow> {
        let number = self.hosts.number(host)?;
        Some(self.at(number).1)
    }

    fn at(&self, number: usize) -> (&'a HostName, &HostRow) {
        let (host, row) = self.hosts.at(number);
        (host, self.changed.get(&number).unwrap_or(row))
    }

    /// The stage that a host is in.
    pub(super) fn stage_of(&self, host: &HostName) -> Option<usize> {
        self.hosts.stage_of(host)
    }

    /// What a host is like now; none: it is not of this plan.
    pub(super) fn kind(&self, host: &HostName) -> Option<Kind> {
        let number = self.hosts.number(host)?;
        Some(match self.changed.get(&number) {
            Some(row) => self.hosts.kind_with(number, row),
            None => self.hosts.kind(number),
        })
    }

    /// How many hosts are like this now.
    pub(super) fn count(&self, of: In, like: impl Fn(Kind) -> bool) -> usize {
        let mut count = self.hosts.count(of, &like);
        for (number, row) in
            self.changed.iter().filter(|(number, _)| self.hosts.place(**number, of).is_some())
        {
            count += usize::from(like(self.hosts.kind_with(*number, row)));
            count -= usize::from(like(self.hosts.kind(*number)));
        }
        count
    }

    /// The hosts that are like this now, in order.
    pub(super) fn among(
        &self,
        of: In,
        like: impl Fn(Kind) -> bool,
    ) -> Box<dyn Iterator<Item = (&'a HostName, &HostRow)> + '_> {
        let is_like = |(number, row): (&usize, &HostRow)| like(self.hosts.kind_with(*number, row));
        let changed = self.changed.iter().filter(|one| is_like(*one));
        let mut changed: Vec<usize> =
            changed.filter_map(|(number, _)| self.hosts.place(*number, of)).collect();
        changed.sort_unstable();
        let known = self.hosts.places(of, &like);
        let known = known.filter(move |place| !self.changed.contains_key(&self.hosts.number_at(*place, of)));
        let both: [Box<dyn Iterator<Item = usize> + '_>; 2] =
            [Box::new(changed.into_iter()), Box::new(known)];
        let both = InOrder(both.into_iter().map(Iterator::peekable).collect());
        Box::new(both.map(move |place| self.at(self.hosts.number_at(place, of))))
    }

    /// How many hosts of a stage are settled.
    pub(super) fn settled(&self, at: usize) -> usize {
        self.count(In::Stage(at), |kind| kind.state.is_settled())
    }

    /// Changes a host.
    pub(super) fn change(&mut self, host: &HostName, change: impl FnOnce(&mut HostRow)) {
        let Some(number) = self.hosts.number(host) else { return };
        let mut row = self.at(number).1.clone();
        let before = row.state;
        change(&mut row);
        if row.state != before {
            row.since = self.now;
        }
        if *self.hosts.at(number).1 == row {
            self.changed.remove(&number);
        } else {
            self.changed.insert(number, row);
        }
    }

    /// How many more hosts may be told something by this step: the rest is told by the next.
    pub(super) fn room(&self) -> usize {
        AT_ONCE.saturating_sub(self.desired.len())
    }

    /// Something for the audit.
    pub(super) fn note(&mut self, what: &'static str, about: impl Into<String>, reason: Option<String>) {
        self.notes.push(Note { what, about: about.into(), reason });
    }

    /// Tells a host something, under a generation higher than any it was told by anybody.
    pub(super) fn offer(&mut self, host: &HostName, wish: Wish) {
        let known = self.desired.get(host).or_else(|| self.told(host));
        let told = self.row(host).map_or(0, |row| row.generation);
        let generation = known.map_or(0, |desired| desired.generation).max(told) + 1;
        let plan_id = self.plan.plan_id.clone();
        self.desired.insert(host.clone(), Desired { plan_id, generation, wish, released: false });
        self.change(host, |row| {
            row.state = match wish {
                Wish::Release => HostState::Offered,
                Wish::Revert => HostState::Reverting,
            };
            row.wish = Some(wish);
            row.generation = generation;
            row.touched_before = row.touched;
            row.touched = true;
            row.reason = None;
        });
        let what = if wish == Wish::Release { "offered" } else { "asked-back" };
        self.note(what, host.as_str(), None);
    }

    /// The plan comes into a phase.
    pub(super) fn phase(&mut self, phase: PlanPhase, reason: Option<String>) {
        if self.state.phase == phase {
            return;
        }
        self.state.phase = phase;
        self.state.since = self.now;
        self.state.phase_ms = self.state.clock_ms;
        self.state.reason.clone_from(&reason);
        self.note(phase.word(), self.plan.plan_id.as_str(), reason);
    }

    /// What it waits for while it is paused.
    pub(super) fn pause(&self) -> Wait {
        let why = self.state.reason.clone().unwrap_or_else(|| "somebody paused it".to_owned());
        Wait::Paused { why }
    }

    /// A stage comes into a phase.
    pub(super) fn stage_phase(&mut self, at: usize, phase: StagePhase, reason: Option<String>) {
        let clock = self.state.clock_ms;
        let Some(stage) = self.state.stages.get_mut(at) else { return };
        stage.phase = phase;
        stage.since_ms = clock;
        stage.progress_ms = clock;
        let id = stage.id.to_string();
        self.note(phase.word(), id, reason);
    }

    /// What all of this comes to.
    pub(super) fn decide(mut self, wait: Wait, clock_every_ms: u64) -> Decision {
        let other_wait = self.before.wait.as_ref().map(discriminant) != Some(discriminant(&wait));
        let clock_moved = self.state.clock_ms.saturating_sub(self.before.clock_ms);
        let mut alike = self.state.clone();
        (alike.clock_at, alike.clock_ms) = (self.before.clock_at, self.before.clock_ms);
        let same = alike == *self.before
            && self.changed.is_empty()
            && self.notes.is_empty()
            && self.desired.is_empty();
        // A clock that was set back is written at once: time goes on from there.
        let set_back = self.now < self.before.clock_at;
        if same && !other_wait && !set_back && clock_moved < clock_every_ms {
            return Decision::Wait(wait);
        }
        if other_wait {
            self.state.wait_since = self.now;
        }
        self.state.wait = Some(wait);
        if self.state.phase.is_terminal() {
            self.let_go();
        }
        Decision::Commit(Box::new(self.written()))
    }

    /// A plan that is over has no more to say to its hosts: another one may take them.
    fn let_go(&mut self) {
        let told = self.among(In::Plan, |kind| kind.wish.is_some() && !kind.is_taken());
        let told: Vec<(HostName, u64, Wish)> =
            told.filter_map(|(host, row)| Some((host.clone(), row.generation, row.wish?))).collect();
        for (host, generation, wish) in told {
            let plan_id = self.plan.plan_id.clone();
            self.desired.insert(host, Desired { plan_id, generation, wish, released: true });
        }
    }

    /// What a person's act comes to: always written.
    pub(super) fn into_commit(mut self) -> Commit {
        if self.state.phase.is_terminal() {
            self.state.wait = Some(Wait::Terminal);
            self.let_go();
        }
        self.written()
    }

    fn written(self) -> Commit {
        let Self { state, hosts, changed, desired, notes, .. } = self;
        let rows = changed.into_iter().map(|(number, row)| (hosts.at(number).0.clone(), row)).gather();
        Commit { state, rows, desired, notes }
    }
}
