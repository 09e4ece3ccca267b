//! A rollout while a step changes it: the records as they were, and what is different now.

use std::collections::BTreeMap;
use std::mem::discriminant;

use chrono::{DateTime, Utc};

use super::step::{Commit, Decision, Note};
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
    known: &'a BTreeMap<HostName, HostRow>,
    told: &'a BTreeMap<HostName, Desired>,
    changed: BTreeMap<HostName, HostRow>,
    desired: BTreeMap<HostName, Desired>,
    notes: Vec<Note>,
}

impl<'a> Work<'a> {
    pub(super) fn new(
        plan: &'a RolloutPlan,
        state: &'a RolloutState,
        known: &'a BTreeMap<HostName, HostRow>,
        told: &'a BTreeMap<HostName, Desired>,
        now: DateTime<Utc>,
    ) -> Self {
        let (changed, desired, notes) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        Self { plan, state: state.clone(), now, before: state, known, told, changed, desired, notes }
    }

    /// What a host was told last, where this plan told it.
    pub(super) fn ours(&self, host: &HostName) -> Option<&'a Desired> {
        self.told.get(host).filter(|desired| desired.plan_id == self.plan.plan_id)
    }

    /// The plan that told a host something after this one had let go of it: the host is that plan's, also when it is over.
    pub(super) fn taken(&self, host: &HostName) -> Option<&'a PlanId> {
        let told = self.row(host).is_some_and(|row| row.generation > 0);
        let last = self.told.get(host).filter(|last| told && last.plan_id != self.plan.plan_id)?;
        Some(&last.plan_id)
    }

    /// Lets go of a host that this plan has: another one may take it.
    pub(super) fn release(&mut self, host: &HostName) {
        if let Some(desired) = self.ours(host).filter(|desired| !desired.released) {
            self.desired.insert(host.clone(), Desired { released: true, ..desired.clone() });
        }
    }

    /// Every host of the plan, as it is now.
    pub(super) fn rows(&self) -> impl Iterator<Item = (&HostName, &HostRow)> {
        self.known.iter().map(|(host, row)| (host, self.changed.get(host).unwrap_or(row)))
    }

    /// One host, as it is now.
    pub(super) fn row(&self, host: &HostName) -> Option<&HostRow> {
        self.changed.get(host).or_else(|| self.known.get(host))
    }

    /// The hosts of a stage, as they are now.
    pub(super) fn stage_rows(&self, at: usize) -> impl Iterator<Item = (&'a HostName, &HostRow)> {
        let plan = self.plan;
        plan.stages[at].hosts.iter().filter_map(|host| Some((host, self.row(host)?)))
    }

    /// How many hosts of a stage are settled.
    pub(super) fn settled(&self, at: usize) -> usize {
        self.stage_rows(at).filter(|(_, row)| row.state.is_settled()).count()
    }

    /// Changes a host.
    pub(super) fn change(&mut self, host: &HostName, change: impl FnOnce(&mut HostRow)) {
        let Some(row) = self.row(host) else { return };
        let mut row = row.clone();
        let before = row.state;
        change(&mut row);
        if row.state != before {
            row.since = self.now;
        }
        if self.known.get(host) == Some(&row) {
            self.changed.remove(host);
        } else {
            self.changed.insert(host.clone(), row);
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
    pub(super) fn offer(&mut self, host: &HostName, wish: Wish, known: Option<&Desired>) {
        let known = self.desired.get(host).or(known);
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
        let Self { state, changed: rows, desired, notes, .. } = self;
        Decision::Commit(Box::new(Commit { state, rows, desired, notes }))
    }

    /// A plan that is over has no more to say to its hosts: another one may take them.
    fn let_go(&mut self) {
        let told: Vec<(HostName, u64, Wish)> =
            self.rows().filter_map(|(host, row)| Some((host.clone(), row.generation, row.wish?))).collect();
        for (host, generation, wish) in told {
            if self.taken(&host).is_some() {
                continue;
            }
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
        let Self { state, changed: rows, desired, notes, .. } = self;
        Commit { state, rows, desired, notes }
    }
}
