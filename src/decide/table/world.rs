//! Every state of an attempt and of its host that a decision tells apart, as facts.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use crate::decide::plan_run;
use crate::decide::testing::*;
use crate::model::candidate::{Artifact, Candidate};
use crate::model::facts::{Facts, Schema, ScriptHeader, Snapshot, StepEnd};
use crate::model::id::Oid;
use crate::model::phase::Phase;
use crate::model::plan::Plan;
use crate::model::readiness::LookedInto;
use crate::model::reason::{Blocker, ReasonCode};
use crate::model::release::{Class, Direction, ReleaseState, Status, Trigger};

/// How an attempt stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standing {
    pub(super) name: &'static str,
    pub(super) status: Status,
    pub(super) phase: Phase,
    /// The tree has moved.
    pub(super) moved: bool,
    /// What was planned is kept.
    pub(super) planned: bool,
    /// The step that stopped, and how.
    pub(super) step: Option<(&'static str, StepEnd)>,
    pub(super) mark: Mark,
}

/// What else is recorded of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    Plain,
    Approved,
    TakenOver,
    Closed,
    Archived,
    RolledBack,
    RolledBackApproved,
    Redeployed,
    UnderLater,
    Adopted,
}

const fn at(name: &'static str, status: Status, phase: Phase) -> Standing {
    Standing { name, status, phase, moved: true, planned: true, step: None, mark: Mark::Plain }
}

impl Standing {
    const fn unmoved(self) -> Self {
        Self { moved: false, ..self }
    }

    const fn unplanned(self) -> Self {
        Self { planned: false, ..self.unmoved() }
    }

    const fn step(self, name: &'static str, end: StepEnd) -> Self {
        Self { step: Some((name, end)), ..self }
    }

    const fn mark(self, mark: Mark) -> Self {
        Self { mark, ..self }
    }
}

pub(super) const STANDINGS: &[Standing] = {
    use Phase as P;
    use Status as S;
    const FAILED: StepEnd = StepEnd::Failed(1);
    &[
        at("created", S::Created, P::Prepare).unplanned(),
        at("planned", S::Planned, P::Prepare).unmoved(),
        at("running in migrate", S::Running, P::Migrate),
        at("cancelling in migrate", S::Cancelling, P::Migrate),
        at("held before migrate", S::Held, P::Migrate),
        at("held before migrate, approved", S::Held, P::Migrate).mark(Mark::Approved),
        at("refused at its start", S::Failed, P::Prepare).unplanned(),
        at("failed in prepare, at a backup", S::Failed, P::Prepare).unmoved().step("backup.wikijs.1", FAILED),
        at("interrupted in prepare, at the merge", S::Interrupted, P::Prepare)
            .unmoved()
            .step("git.merge", StepEnd::Open),
        at("failed in migrate, at a pull", S::Failed, P::Migrate).step("wikijs.pull", FAILED),
        at("failed in migrate", S::Failed, P::Migrate).step("wikijs.health", FAILED),
        at("failed in ticket", S::Failed, P::Ticket).step("1234-fill.sh", FAILED),
        at("failed in verify", S::Failed, P::Verify).step("verify.wikijs", FAILED),
        at("interrupted in migrate", S::Interrupted, P::Migrate).step("wikijs.recreate", StepEnd::Open),
        at("interrupted in verify", S::Interrupted, P::Verify),
        at("undecided in ticket", S::Undecided, P::Ticket).step("1234-fill.sh", StepEnd::Open),
        at("canceled in prepare", S::Canceled, P::Prepare).unmoved(),
        at("canceled in migrate", S::Canceled, P::Migrate),
        at("succeeded", S::Succeeded, P::Verify),
        at("succeeded, a later release on top", S::Succeeded, P::Verify).mark(Mark::UnderLater),
        at("succeeded as a rollback", S::Succeeded, P::Verify).mark(Mark::RolledBack),
        at("succeeded as a rollback, approved", S::Succeeded, P::Verify).mark(Mark::RolledBackApproved),
        at("rollback failed in migrate", S::Failed, P::Migrate)
            .step("wikijs.health", FAILED)
            .mark(Mark::RolledBack),
        at("rollback canceled in migrate", S::Canceled, P::Migrate).mark(Mark::RolledBack),
        at("redeploy failed in migrate", S::Failed, P::Migrate)
            .step("wikijs.health", FAILED)
            .mark(Mark::Redeployed),
        at("adopted", S::Succeeded, P::Verify).mark(Mark::Adopted),
        at("reverting", S::Reverting, P::Revert),
        at("revert-cancelling", S::RevertCancelling, P::Revert),
        at("stuck", S::Stuck, P::Revert).step("revert.wikijs.stop", FAILED),
        at("revert-interrupted", S::RevertInterrupted, P::Revert),
        at("revert-undecided", S::RevertUndecided, P::Revert).step("revert.wikijs.stop", StepEnd::Open),
        at("reverted", S::Reverted, P::Revert),
        at("failed in verify, taken over", S::Failed, P::Verify).mark(Mark::TakenOver),
        at("failed in verify, closed", S::Failed, P::Verify).mark(Mark::Closed),
        at("canceled in prepare, archived", S::Canceled, P::Prepare).unmoved().mark(Mark::Archived),
        at("reverted, archived", S::Reverted, P::Revert).mark(Mark::Archived),
    ]
};

/// How the checkout stands.
pub(super) const TREES: &[&str] =
    &["as left", "a dirty file", "configuration edited", "HEAD moved by hand", "HEAD back at BASE"];
/// Who has looked at the failure.
pub(super) const LOOKED: &[&str] = &["looked into", "not looked into", "evidence old", "no evidence"];
/// What can be put back.
pub(super) const SAVED: &[&str] =
    &["saved", "saved hours ago", "backup unverified", "backup gone", "never saved", "old image gone"];
/// What a rollback may put back.
pub(super) const CANDIDATES: &[&str] = &[
    "candidate whole",
    "no candidate",
    "candidate's image gone",
    "environment changed",
    "schema changed",
    "candidate's snapshot gone",
    "candidate of another host",
    "candidate never succeeded",
];

/// Which value each dimension has.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct World {
    pub(super) standing: usize,
    pub(super) tree: usize,
    pub(super) looked: usize,
    pub(super) saved: usize,
    pub(super) candidate: usize,
}

/// The release before this one left it, and it is what a rollback goes back to.
const FIRST: char = '9';
const LATER: char = 'c';

impl World {
    pub(super) fn standing(&self) -> Standing {
        STANDINGS[self.standing]
    }

    /// HEAD as its record has it.
    fn left(&self) -> char {
        match self.standing() {
            Standing { mark: Mark::UnderLater | Mark::TakenOver, .. } => LATER,
            Standing { mark: Mark::Adopted, .. } | Standing { moved: false, .. } => BASE,
            Standing { status: Status::Reverted, .. } => 'e',
            Standing { .. } => TARGET,
        }
    }

    pub(super) fn head(&self) -> Oid {
        oid(match TREES[self.tree] {
            "HEAD moved by hand" => 'd',
            "HEAD back at BASE" => BASE,
            _ => self.left(),
        })
    }

    pub(super) fn state(&self) -> ReleaseState {
        let standing = self.standing();
        let name = if standing.mark == Mark::Adopted { "baseline" } else { "1234" };
        let mut state = ReleaseState {
            phase: standing.phase,
            services: vec![service("wikijs")],
            failed_step: standing.step.map(|(name, _)| crate::model::id::StepName::new([name])),
            ..release(name, standing.status)
        };
        if !standing.moved {
            state.merge = None;
        }
        if !standing.planned {
            (state.snapshot, state.services) = (None, Vec::new());
        }
        if standing.phase == Phase::Revert {
            state.direction = Direction::Revert;
        }
        if !matches!(SAVED[self.saved], "never saved") && standing.mark != Mark::Adopted && standing.planned {
            state.backups = BTreeMap::from([(service("wikijs"), stamp(self.stamp()))]);
        }
        match standing.mark {
            Mark::Approved => state.approved = Some(Phase::Migrate),
            Mark::TakenOver => state.superseded_by = Some("1240@1".into()),
            Mark::Closed => state.closed = true,
            Mark::Archived => state.archived = true,
            Mark::RolledBack => state.trigger = Trigger::Rollback,
            Mark::RolledBackApproved => {
                (state.trigger, state.approved) = (Trigger::Rollback, Some(Phase::Verify));
            }
            Mark::Redeployed => state.trigger = Trigger::Redeploy,
            Mark::Adopted => (state.trigger, state.merge) = (Trigger::Adopt, Some(oid(BASE))),
            Mark::Plain | Mark::UnderLater => {}
        }
        state
    }

    fn stamp(&self) -> &'static str {
        if SAVED[self.saved] == "saved hours ago" { "20260518_093000" } else { "20260518_115800" }
    }

    pub(super) fn looked(&self) -> LookedInto {
        let halted = self.state().status.class() == Class::Halted || self.state().status == Status::Canceled;
        let when = |time: &str| Some(crate::decide::testing::at(time));
        let seen =
            LookedInto { halted: when("11:50:00"), diagnosed: when("11:56:00"), evidence: when("11:51:00") };
        match LOOKED[self.looked] {
            _ if !halted => LookedInto::default(),
            "not looked into" => LookedInto { diagnosed: None, ..seen },
            "evidence old" => LookedInto { halted: when("11:00:00"), evidence: when("11:01:00"), ..seen },
            "no evidence" => LookedInto { evidence: None, ..seen },
            _ => seen,
        }
    }

    /// The facts, with this commit as what is aimed at.
    pub(super) fn facts(&self, target: &Oid) -> Facts {
        let standing = self.standing();
        let mut facts = ground();
        facts.git.head = self.head();
        facts.git.target = Some(target.clone());
        if facts.git.head == *target {
            facts.git.incoming.clear();
        }
        match TREES[self.tree] {
            "a dirty file" => facts.git.dirty.push(dirty("README.md")),
            "configuration edited" => facts.git.dirty.push(dirty(".asd/release.toml")),
            "HEAD moved by hand" => {
                facts.git.unreleased = vec![commit('d', "By hand")];
                facts.git.ahead =
                    facts.git.unreleased.iter().filter(|commit| commit.oid != *target).cloned().collect();
                facts.git.incoming.clear();
            }
            _ => {}
        }
        if standing.status == Status::Reverted {
            // Our own commit, with the content of BASE.
            facts.git.trees = BTreeMap::from([(oid('e'), oid('7')), (oid(BASE), oid('7'))]);
            if facts.git.head == oid('e') && *target != oid('e') {
                let own = crate::model::facts::Commit {
                    reverts: Some(ticket("1234")),
                    ..commit('e', "Revert release 1234")
                };
                (facts.git.ahead, facts.git.unrevert_to) = (vec![own], Some(oid(BASE)));
            }
        }
        if standing.mark == Mark::UnderLater {
            facts = facts.released(later(Status::Succeeded));
        }
        if standing.mark == Mark::TakenOver {
            facts = facts.released(later(Status::Failed));
        }
        facts.candidates = self.candidates();
        if standing.mark != Mark::Adopted {
            facts = facts.released(older());
        }
        self.save(&mut facts);
        if standing.phase == Phase::Ticket {
            facts = facts.script("1234", "releases/1234-fill.sh", ScriptHeader::default());
        }
        self.recorded(facts)
    }

    /// What is recorded of the ticket.
    fn recorded(&self, facts: Facts) -> Facts {
        let standing = self.standing();
        let done: Vec<Phase> = match standing.status {
            Status::Succeeded => Phase::FORWARD.to_vec(),
            _ if !standing.moved => Vec::new(),
            _ => standing.phase.earlier().collect(),
        };
        let mut steps = vec![];
        if standing.moved {
            steps.push(("git.merge", Phase::Prepare, StepEnd::Done));
        }
        let replaced = standing.step.is_some_and(|(name, _)| name == "wikijs.health");
        if replaced || done.contains(&Phase::Migrate) || standing.phase == Phase::Revert {
            steps.push(("wikijs.pull", Phase::Migrate, StepEnd::Done));
            steps.push(("wikijs.recreate", Phase::Migrate, StepEnd::Done));
        }
        steps.extend(standing.step.map(|(name, end)| (name, standing.phase, end)));
        let mut facts = facts.history(self.state(), &done, &steps);
        if let Some(history) = facts.history.as_mut().filter(|_| standing.planned) {
            history.snapshot = planned().snapshot;
        }
        facts
    }

    fn save(&self, facts: &mut Facts) {
        let name = service("wikijs");
        let begun = if SAVED[self.saved] == "saved hours ago" { "09:30:00" } else { "11:58:00" };
        let mut set = set("wikijs", "volume", begun, 100);
        match SAVED[self.saved] {
            "backup gone" | "never saved" => return,
            "backup unverified" => set.entries[0].verified = false,
            "old image gone" => facts.runtime.images.retain(|reference, _| reference != "wiki:2.4"),
            _ => {}
        }
        facts.backups.insert(name, vec![set]);
    }

    fn candidates(&self) -> Vec<Candidate> {
        let word = CANDIDATES[self.candidate];
        if word == "no candidate" || self.standing().mark == Mark::Adopted {
            return Vec::new();
        }
        let mut state = older();
        let mut snapshot = Snapshot { attempt: "1201@1".into(), ..planned().snapshot.unwrap() };
        let id = if word == "candidate's image gone" { "sha256:gone" } else { "id-of-wiki:2.3" };
        let schema = if word == "schema changed" { "1" } else { "2" };
        match word {
            "environment changed" => {
                snapshot.environment.insert("WIKI_KEY".into(), "sha-of-another".into());
            }
            "candidate of another host" => state.host = "prod2".into(),
            "candidate never succeeded" => state.status = Status::Failed,
            _ => {}
        }
        let artifact = Artifact { image: "wiki:2.3".into(), id: id.into() };
        vec![Candidate {
            attempt: "1201@1".parse().unwrap(),
            state,
            snapshot: match word {
                "candidate's snapshot gone" => {
                    Err(Blocker::new(ReasonCode::SnapshotMissing, "it is not there"))
                }
                _ => Ok(snapshot),
            },
            artifacts: BTreeMap::from([(
                service("wikijs"),
                BTreeMap::from([("wikijs".to_owned(), artifact)]),
            )]),
            resumed: None,
            schemas: BTreeMap::from([(service("wikijs"), schema.to_owned())]),
        }]
    }
}

/// The host, whatever is recorded.
fn ground() -> Facts {
    let mut facts =
        scene().with_compose(composed("wikijs"), "wiki:2.4", "wiki:2.5").changed("packages/wikijs/image");
    for image in ["wiki:2.3", "wiki:2.5"] {
        facts.runtime.images.insert(image.into(), format!("id-of-{image}"));
    }
    facts.environment.insert("WIKI_KEY".into(), "sha-of-key".into());
    let state = facts.services.get_mut(&service("wikijs")).unwrap();
    state.schema = Some(Schema::Version("2".into()));
    facts
}

/// What the attempt meant to do.
pub(super) fn planned() -> Plan {
    static PLANNED: OnceLock<Plan> = OnceLock::new();
    PLANNED.get_or_init(|| plan_run(&ground(), &run("1234")).unwrap()).clone()
}

fn older() -> ReleaseState {
    ReleaseState {
        base: oid(FIRST),
        merge: Some(oid(BASE)),
        services: vec![service("wikijs")],
        started_at: crate::decide::testing::at("08:00:00"),
        updated_at: crate::decide::testing::at("08:10:00"),
        ..release("1201", Status::Succeeded)
    }
}

fn later(status: Status) -> ReleaseState {
    ReleaseState {
        base: oid(if status == Status::Succeeded { TARGET } else { BASE }),
        merge: Some(oid(LATER)),
        services: vec![service("wikijs")],
        started_at: crate::decide::testing::at("10:30:00"),
        updated_at: crate::decide::testing::at("10:40:00"),
        ..release("1240", status)
    }
}
