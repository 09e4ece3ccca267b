//! Promises of the coordinator, one each.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use super::index::looked;
use super::*;
use crate::model::quantity::Span;
use crate::model::reason::ReasonCode;
use crate::model::rollout::{
    Act, Amount, Desired, FailureCap, Gate, GateKind, Heard, HostAnswer, HostName, HostRow, HostSpec,
    HostState, Limit, OnHarm, OnHostFailure, PlanPhase, Reach, RolloutPlan, RolloutState, Series, StagePhase,
    StagePlan, Strategy, Unreachable, VerdictWord, Wait, Wish,
};

/// A rollout in memory, with hosts that do as the test says.
pub(super) struct Scene {
    pub(super) plan: RolloutPlan,
    pub(super) state: RolloutState,
    pub(super) hosts: Hosts,
    pub(super) excluded: BTreeSet<HostName>,
    pub(super) now: DateTime<Utc>,
    frozen: Option<&'static str>,
    line: Option<&'static str>,
}

pub(super) fn host(name: &str) -> HostName {
    name.parse().unwrap()
}

pub(crate) fn stage(id: &str, hosts: &[&str], parallel: Amount) -> StagePlan {
    StagePlan {
        id: id.parse().unwrap(),
        hosts: hosts.iter().map(|name| host(name)).collect(),
        parallel,
        bake: Span::secs(0),
        deadline: None,
        per_zone: false,
        gates: Vec::new(),
    }
}

pub(crate) fn plan(stages: Vec<StagePlan>) -> RolloutPlan {
    let spec = HostSpec { reach: Reach::Local, folder: "/x".into(), labels: BTreeMap::new(), zone: None };
    let hosts =
        stages.iter().flat_map(|stage| stage.hosts.clone()).map(|name| (name, spec.clone())).collect();
    RolloutPlan {
        plan_id: "plan-1".parse().unwrap(),
        name: "a release".into(),
        ticket: "1234".parse().unwrap(),
        commit: "0".repeat(40).parse().unwrap(),
        tag: None,
        on_harm: OnHarm::Pause,
        rollback_data: false,
        ticket_host: None,
        reintroduce: None,
        max_failures: FailureCap::default(),
        on_host_failure: OnHostFailure::Halt,
        unreachable: Unreachable::default(),
        hotfix: false,
        stages,
        hosts,
        digest: "d".repeat(64),
        created_at: DateTime::UNIX_EPOCH,
        created_by: "lead".into(),
    }
}

fn gate(kind: GateKind) -> Gate {
    Gate { kind, critical: true, inconclusive: 3 }
}

impl Scene {
    pub(super) fn new(plan: RolloutPlan) -> Self {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
        let rows = plan.hosts.keys().map(|name| (name.clone(), HostRow::new(now))).collect();
        Self {
            state: RolloutState::new(&plan),
            hosts: Hosts::new(&plan, rows, BTreeMap::new()),
            plan,
            excluded: BTreeSet::new(),
            now,
            frozen: None,
            line: None,
        }
    }

    fn started(plan: RolloutPlan) -> Self {
        let mut scene = Self::new(plan);
        scene.act(&Act::START).unwrap();
        scene
    }

    pub(super) fn take(&mut self, commit: Commit) {
        self.state = commit.state;
        self.hosts.take(commit.rows, commit.desired);
    }

    pub(super) fn rows(&self) -> &BTreeMap<HostName, HostRow> {
        self.hosts.rows()
    }

    pub(super) fn desired(&self) -> &BTreeMap<HostName, Desired> {
        self.hosts.desired()
    }

    /// Somebody else's word to a host.
    pub(super) fn tell(&mut self, host: HostName, word: Desired) {
        self.hosts.take(BTreeMap::new(), BTreeMap::from([(host, word)]));
    }

    pub(super) fn act(&mut self, act: &Act) -> Result<Changed, ReasonCode> {
        let done = super::act(&self.plan, &self.state, &self.hosts, act, ("lead", Some("why")), self.now);
        let changed = done.map_err(|refused| refused.code)?;
        self.take(changed.commit.clone());
        Ok(changed)
    }

    pub(super) fn step(
        &mut self,
        heard: &BTreeMap<HostName, Heard>,
        asked: &BTreeMap<usize, Asked>,
    ) -> Decision {
        let seen = Seen { heard, asked, excluded: &self.excluded, frozen: self.frozen, line: self.line };
        let decision = super::step(&self.plan, &self.state, &self.hosts, &seen, self.now);
        if let Decision::Commit(commit) = &decision {
            self.take((**commit).clone());
        }
        decision
    }

    /// Steps until there is nothing to write.
    fn rest(&mut self) -> Wait {
        for _ in 0..100 {
            if let Decision::Wait(wait) = self.step(&BTreeMap::new(), &BTreeMap::new()) {
                return wait;
            }
        }
        panic!("it never comes to rest: {:?}", self.state);
    }

    fn says(&mut self, name: &str, exit: i32) -> Wait {
        let name = host(name);
        let answer = HostAnswer {
            generation: self.rows()[&name].generation,
            at_work: false,
            exit: Some(exit),
            attempt: Some("1234@1".into()),
            said: None,
        };
        self.step(&BTreeMap::from([(name, Heard::Answer(answer))]), &BTreeMap::new());
        self.rest()
    }

    fn away(&mut self, name: &str) -> Wait {
        let nothing = Heard::Nothing { why: "no route".into() };
        self.step(&BTreeMap::from([(host(name), nothing)]), &BTreeMap::new());
        self.rest()
    }

    fn asked(&mut self, verdict: VerdictWord) -> Wait {
        let asked = Asked { verdict, detail: "it said so".into() };
        self.step(&BTreeMap::new(), &BTreeMap::from([(0, asked)]));
        self.rest()
    }

    fn passes(&mut self, span: TimeDelta) -> Wait {
        self.now += span;
        self.rest()
    }

    fn in_state(&self, state: HostState) -> Vec<&str> {
        self.rows().iter().filter(|(_, row)| row.state == state).map(|(name, _)| name.as_str()).collect()
    }
}

fn two_stages() -> RolloutPlan {
    plan(vec![
        stage("canary", &["a"], Amount::Count(1)),
        stage("rest", &["b", "c", "d", "e"], Amount::Percent(50)),
    ])
}

#[test]
fn hosts_are_offered_stage_by_stage_and_never_more_at_once_than_the_stage_allows() {
    let mut scene = Scene::started(two_stages());
    assert_eq!(scene.rest().to_string(), "1 host at work, among them a");
    assert_eq!(scene.in_state(HostState::Offered), ["a"]);
    scene.says("a", 0);
    assert_eq!(scene.in_state(HostState::Offered), ["b", "c"]);
    scene.says("b", 5);
    assert_eq!(scene.in_state(HostState::Offered), ["c", "d"]);
    for name in ["c", "d", "e"] {
        scene.says(name, 0);
    }
    assert_eq!(scene.state.phase, PlanPhase::Completed);
    assert!(scene.desired().values().all(|desired| desired.released), "another plan may have them now");
}

#[test]
fn every_exit_status_of_a_host_becomes_its_state() {
    let release = [
        (0, HostState::Active),
        (5, HostState::Active),
        (1, HostState::Failed),
        (8, HostState::Failed),
        (6, HostState::Failed),
        (70, HostState::Failed),
        (2, HostState::Refused),
        (4, HostState::Refused),
        (3, HostState::Pending),
        (7, HostState::RevertFailed),
        (9, HostState::Excluded),
        (10, HostState::Activating),
        (130, HostState::Failed),
        (143, HostState::Failed),
    ];
    for (exit, state) in release {
        let mut scene = Scene::started(plan(vec![stage("all", &["a"], Amount::Count(1))]));
        scene.rest();
        scene.says("a", exit);
        assert_eq!(scene.rows()[&host("a")].state, state, "{exit}");
        let counted = !matches!(exit, 0 | 5 | 2 | 4 | 3 | 10);
        assert_eq!(scene.state.harm.is_some(), counted, "{exit}");
    }
}

#[test]
fn a_locked_host_is_offered_again_a_little_later_under_a_new_generation() {
    let mut scene = Scene::started(plan(vec![stage("all", &["a"], Amount::Count(1))]));
    scene.rest();
    scene.says("a", 3);
    assert_eq!(scene.in_state(HostState::Pending), ["a"]);
    scene.passes(TimeDelta::seconds(11));
    assert_eq!(
        (scene.rows()[&host("a")].state, scene.rows()[&host("a")].generation),
        (HostState::Offered, 2)
    );
}

#[test]
fn a_canary_that_fails_stops_the_plan_or_turns_it_back() {
    let mut scene = Scene::started(two_stages());
    scene.rest();
    let wait = scene.says("a", 1);
    assert_eq!(wait.to_string(), "it is paused: harm: 1 failed, 0 may: a");
    assert_eq!((scene.state.phase, scene.state.stages[0].phase), (PlanPhase::Paused, StagePhase::Failed));
    assert_eq!(advice(&scene.state, scene.rows()), Some(Strategy::Rollback));
    assert_eq!(scene.act(&Act::RESUME), Err(ReasonCode::StageFailed));

    let mut plan = two_stages();
    plan.on_harm = OnHarm::Rollback;
    let mut scene = Scene::started(plan);
    scene.rest();
    scene.says("a", 1);
    assert_eq!(
        (scene.state.phase, scene.in_state(HostState::Reverting)),
        (PlanPhase::RollingBack, vec!["a"])
    );
    scene.says("a", 0);
    assert_eq!(scene.state.phase, PlanPhase::RolledBack);
    assert_eq!(scene.in_state(HostState::Pending), ["b", "c", "d", "e"], "nobody else was touched");
}

#[test]
fn rolled_back_is_only_said_when_every_touched_host_confirmed_it() {
    let mut scene = Scene::started(two_stages());
    scene.rest();
    scene.says("a", 0);
    scene.says("b", 0);
    let rollback = Act::Recover { strategy: Strategy::Rollback, confirm: None };
    let changed = scene.act(&rollback).unwrap();
    assert_eq!(changed.to_revert, ["a", "b", "c", "d"].map(host));
    assert_eq!(scene.act(&rollback), Err(ReasonCode::AlreadyRollingBack));
    scene.rest();
    assert_eq!(scene.in_state(HostState::Reverting), ["a", "b", "c"], "as many of a stage as it allows");
    for name in ["a", "b", "c"] {
        scene.says(name, 0);
    }
    assert_eq!(scene.state.phase, PlanPhase::RollingBack);
    scene.away("d");
    assert_eq!(scene.state.phase, PlanPhase::RollingBack, "what it does is not known");
    scene.says("d", 7);
    assert_eq!(scene.state.phase, PlanPhase::RollbackIncomplete);
    assert_eq!(scene.state.reason.as_deref(), Some("not known to be back: d"));
}

#[test]
fn a_host_that_is_away_for_good_makes_a_rollback_incomplete_and_not_endless() {
    let mut scene = Scene::started(plan(vec![stage("all", &["a"], Amount::Count(1))]));
    scene.rest();
    scene.act(&Act::Recover { strategy: Strategy::Rollback, confirm: None }).unwrap();
    scene.rest();
    assert!(matches!(scene.away("a"), Wait::Unreachable { .. }));
    for _ in 0..7 {
        scene.passes(TimeDelta::minutes(5));
    }
    assert_eq!(scene.state.phase, PlanPhase::RollbackIncomplete);
}

#[test]
fn nothing_touched_is_rolled_back_at_once() {
    let mut scene = Scene::new(two_stages());
    scene.act(&Act::Recover { strategy: Strategy::Rollback, confirm: None }).unwrap();
    assert_eq!(scene.state.phase, PlanPhase::RolledBack);
    assert_eq!(scene.act(&Act::START), Err(ReasonCode::PlanTerminal));
}

#[test]
fn a_host_that_refused_is_not_taken_back_and_one_that_had_begun_before_is() {
    let rollback = Act::Recover { strategy: Strategy::Rollback, confirm: None };
    let retry = Act::Recover { strategy: Strategy::Retry, confirm: None };
    for (first, said) in [(4, HostState::Refused), (2, HostState::Refused), (3, HostState::Pending)] {
        let mut scene = Scene::started(plan(vec![stage("all", &["a", "b"], Amount::Count(2))]));
        scene.rest();
        scene.says("a", first);
        scene.says("b", 0);
        assert_eq!(scene.act(&rollback).unwrap().to_revert, [host("b")], "{first}");
        scene.rest();
        scene.says("b", 0);
        assert_eq!(scene.state.phase, PlanPhase::RolledBack);
        assert_eq!(scene.rows()[&host("a")].state, said, "nobody asked it");
    }
    let mut scene = Scene::started(plan(vec![stage("all", &["a"], Amount::Count(1))]));
    scene.rest();
    scene.says("a", 1);
    scene.act(&retry).unwrap();
    scene.rest();
    scene.says("a", 4);
    assert_eq!(scene.in_state(HostState::Refused), ["a"]);
    assert_eq!(scene.act(&rollback).unwrap().to_revert, [host("a")], "its first try had begun");
}

#[test]
fn a_host_that_says_no_to_going_back_or_was_taken_out_is_waited_for_and_asked_again() {
    let rollback = Act::Recover { strategy: Strategy::Rollback, confirm: None };
    let back = || {
        let mut scene = Scene::started(plan(vec![stage("all", &["a", "b"], Amount::Count(2))]));
        scene.rest();
        scene.says("a", 0);
        scene.says("b", 1);
        scene
    };
    let mut scene = back();
    scene.act(&rollback).unwrap();
    assert_eq!(scene.state.wait, Some(Wait::Coordinator));
    scene.rest();
    scene.says("a", 0);
    assert!(matches!(scene.says("b", 4), Wait::Refused { count: 1, .. }));
    assert_eq!(scene.state.phase, PlanPhase::RollingBack, "its folder may come back");
    scene.passes(TimeDelta::seconds(16));
    assert_eq!(scene.in_state(HostState::Reverting), ["b"], "it is asked again");
    scene.says("b", 0);
    assert_eq!(scene.state.phase, PlanPhase::RolledBack);

    let mut scene = back();
    scene.excluded.insert(host("b"));
    scene.act(&rollback).unwrap();
    scene.rest();
    assert_eq!(scene.says("a", 0), Wait::HostsExcluded { count: 1, host: host("b") });
    let mut lifted = Scene { excluded: BTreeSet::new(), ..scene };
    lifted.rest();
    lifted.says("b", 0);
    assert_eq!(lifted.state.phase, PlanPhase::RolledBack);

    let mut scene = back();
    scene.excluded.insert(host("b"));
    scene.act(&rollback).unwrap();
    scene.rest();
    scene.says("a", 4);
    for _ in 0..7 {
        scene.passes(TimeDelta::minutes(5));
        if scene.in_state(HostState::Reverting) == ["a"] {
            scene.says("a", 4);
        }
    }
    assert_eq!(scene.state.phase, PlanPhase::RollbackIncomplete);
    let reason = scene.state.reason.unwrap();
    assert_eq!(reason, "not known to be back: a, b (it is excluded)");
}

#[test]
fn a_rollback_that_names_another_plan_is_refused() {
    let rollback = |named: &str| Act::Recover { strategy: Strategy::Rollback, confirm: Some(named.into()) };
    let mut scene = Scene::started(two_stages());
    scene.rest();
    assert_eq!(scene.act(&rollback("plan-2")), Err(ReasonCode::ConfirmationRequired));
    assert_eq!(scene.state.phase, PlanPhase::Active);
    scene.act(&rollback("plan-1")).unwrap();
    assert_eq!(scene.state.phase, PlanPhase::RollingBack);
}

#[test]
fn what_it_waited_for_before_a_person_acted_is_not_said_any_longer() {
    let mut scene = Scene::started(two_stages());
    assert_eq!(scene.state.wait, Some(Wait::Coordinator), "nobody has looked yet");
    scene.rest();
    scene.says("a", 4);
    assert!(matches!(scene.state.wait, Some(Wait::Refused { .. })));
    scene.act(&Act::Recover { strategy: Strategy::Retry, confirm: None }).unwrap();
    assert_eq!(scene.state.wait, Some(Wait::Coordinator));
    let undriven = stuck(&scene.plan, &scene.state, None, scene.now).unwrap().stuck_reason;
    assert!(undriven.ends_with("takes it over"), "{undriven}");
    scene.act(&Act::Pause).unwrap();
    assert_eq!(scene.state.wait, Some(Wait::Paused { why: "why".into() }));
    scene.act(&Act::Halt).unwrap();
    let mut again = Scene::started(two_stages());
    again.rest();
    again.act(&Act::Pause).unwrap();
    super::act(&again.plan, &again.state, &again.hosts, &Act::Halt, ("lead", Some("enough")), again.now)
        .map(|changed| again.take(changed.commit))
        .unwrap();
    assert_eq!(again.state.wait, Some(Wait::Paused { why: "enough".into() }), "the newer reason");
}

#[test]
fn a_host_that_is_retried_is_told_at_once() {
    let mut scene = Scene::started(plan(vec![stage("all", &["a"], Amount::Count(1))]));
    scene.rest();
    scene.says("a", 4);
    scene.act(&Act::Recover { strategy: Strategy::Retry, confirm: None }).unwrap();
    scene.rest();
    assert_eq!(scene.in_state(HostState::Offered), ["a"], "it was not locked: it need not rest");
}

#[test]
fn a_gate_that_cannot_tell_never_promotes_and_one_that_says_no_is_harm() {
    let mut plan = two_stages();
    plan.stages[0].gates = vec![gate(GateKind::Http { url: "http://x".into(), status: 200 })];
    let mut scene = Scene::started(plan);
    scene.rest();
    assert!(matches!(scene.says("a", 0), Wait::GateUnasked { .. }));
    assert_eq!(asks(&scene.plan, &scene.state).len(), 1);
    for times in 1..=3 {
        assert!(
            matches!(scene.asked(VerdictWord::Inconclusive), Wait::GateInconclusive { times: seen, .. } if seen == times)
        );
    }
    assert_eq!(scene.state.stages[0].phase, StagePhase::Gated);
    let stuck = stuck(&scene.plan, &scene.state, Some("lead"), scene.now).unwrap();
    assert_eq!(stuck.stuck_reason, "gate `http` cannot tell: it said so");
    assert_eq!(advice(&scene.state, scene.rows()), Some(Strategy::Retry));
    scene.asked(VerdictWord::Fail);
    assert_eq!((scene.state.phase, scene.state.stages[0].phase), (PlanPhase::Paused, StagePhase::Failed));
    scene.act(&Act::Recover { strategy: Strategy::Retry, confirm: None }).unwrap();
    scene.rest();
    scene.asked(VerdictWord::Pass);
    assert_eq!(scene.state.stages[0].phase, StagePhase::Promoted);
}

#[test]
fn a_gate_that_is_not_critical_may_be_skipped_and_a_critical_one_only_by_name() {
    let skip = |confirm: Option<&str>| Act::Recover {
        strategy: Strategy::SkipFailed,
        confirm: confirm.map(str::to_owned),
    };
    for critical in [false, true] {
        let mut plan = two_stages();
        plan.stages[0].gates =
            vec![Gate { critical, ..gate(GateKind::Http { url: "http://x".into(), status: 200 }) }];
        let mut scene = Scene::started(plan);
        scene.rest();
        assert_eq!(scene.act(&skip(None)), Err(ReasonCode::StageNotFailed));
        scene.says("a", 0);
        scene.asked(VerdictWord::Fail);
        if critical {
            assert_eq!(scene.act(&skip(None)), Err(ReasonCode::ConfirmationRequired));
            assert_eq!(scene.act(&skip(Some("rest"))), Err(ReasonCode::ConfirmationRequired));
        } else {
            assert_eq!(advice(&scene.state, scene.rows()), Some(Strategy::SkipFailed));
        }
        let changed = scene.act(&skip(critical.then_some("canary"))).unwrap();
        assert_eq!(changed.skipped.unwrap().as_str(), "canary");
        assert_eq!(
            (scene.state.phase, scene.state.stages[0].phase),
            (PlanPhase::Active, StagePhase::Skipped)
        );
    }
}

#[test]
fn skipping_the_last_stage_ends_the_plan_with_the_hosts_that_have_not_the_release_as_exceptions() {
    let mut scene = Scene::started(plan(vec![stage("all", &["a"], Amount::Count(1))]));
    scene.rest();
    scene.says("a", 4);
    let wait = scene.rest();
    assert!(matches!(wait, Wait::Refused { .. }), "{wait}");
    scene.act(&Act::Recover { strategy: Strategy::SkipFailed, confirm: None }).unwrap();
    assert_eq!(scene.state.phase, PlanPhase::CompletedWithExceptions);
    assert_eq!(scene.in_state(HostState::Refused), ["a"], "it is listed as it is");
}

#[test]
fn clocks_stand_still_while_paused_and_do_not_jump() {
    let mut plan = plan(vec![stage("all", &["a"], Amount::Count(1))]);
    plan.stages[0].bake = Span::secs(600);
    let mut scene = Scene::started(plan);
    scene.rest();
    assert!(matches!(scene.says("a", 0), Wait::Baking { .. }));
    scene.act(&Act::Pause).unwrap();
    scene.passes(TimeDelta::hours(5));
    scene.act(&Act::RESUME).unwrap();
    assert_eq!(scene.rest(), Wait::Baking { left: Span::secs(600) });
    assert_eq!(
        scene.passes(TimeDelta::hours(5)),
        Wait::Baking { left: Span::secs(300) },
        "a jump is no time"
    );
    scene.passes(TimeDelta::hours(-9));
    assert_eq!(scene.rest(), Wait::Baking { left: Span::secs(300) }, "nor is one back");
    scene.passes(TimeDelta::minutes(4));
    scene.passes(TimeDelta::minutes(1));
    assert_eq!(scene.state.phase, PlanPhase::Completed);
}

#[test]
fn a_freeze_and_a_stopped_line_begin_nothing_new() {
    let mut scene = Scene::started(two_stages());
    scene.frozen = Some("freeze `december` holds");
    assert!(matches!(scene.rest(), Wait::Frozen { .. }));
    assert_eq!((scene.state.phase, scene.in_state(HostState::Offered).len()), (PlanPhase::Frozen, 0));
    scene.frozen = None;
    scene.rest();
    assert_eq!(scene.in_state(HostState::Offered), ["a"]);
    scene.line = Some("the registry is compromised");
    scene.says("a", 0);
    assert_eq!((scene.state.phase, scene.in_state(HostState::Offered).len()), (PlanPhase::Paused, 0));
    scene.plan.hotfix = true;
    scene.act(&Act::RESUME).unwrap();
    scene.rest();
    assert_eq!(scene.in_state(HostState::Offered), ["b", "c"], "a hotfix goes on");
}

#[test]
fn a_host_that_does_not_answer_is_not_failed_and_only_a_budget_goes_on_without_it() {
    let mut plan = two_stages();
    plan.unreachable = Unreachable { defer: true, budget: Amount::Count(1), wait: None };
    let mut scene = Scene::started(plan);
    scene.rest();
    scene.away("a");
    assert_eq!(scene.state.stages[0].phase, StagePhase::Promoted);
    assert_eq!(scene.in_state(HostState::Offered), ["b", "c"]);
    let wait = scene.away("b");
    assert_eq!(wait.to_string(), "1 host at work, among them c");
    let wait = scene.says("c", 0);
    assert!(matches!(wait, Wait::Unreachable { budget: 1, .. } | Wait::HostsAtWork { .. }), "{wait}");
    assert!(scene.state.harm.is_none());
    // Both come back, and what they did meanwhile counts.
    scene.says("a", 0);
    scene.says("b", 0);
    scene.says("d", 0);
    scene.says("e", 0);
    assert_eq!(scene.state.phase, PlanPhase::Completed);
}

#[test]
fn a_host_of_another_plan_is_waited_for() {
    let mut scene = Scene::started(two_stages());
    let other =
        Desired { plan_id: "plan-2".parse().unwrap(), generation: 7, wish: Wish::Release, released: false };
    scene.tell(host("a"), other.clone());
    assert_eq!(scene.rest().to_string(), "a still belongs to plan-2");
    scene.tell(host("a"), Desired { released: true, ..other });
    scene.rest();
    assert_eq!(scene.rows()[&host("a")].generation, 8, "a generation only rises");
}

#[test]
fn an_excluded_host_is_left_out_and_comes_back() {
    let mut scene = Scene::started(two_stages());
    scene.excluded.insert(host("b"));
    scene.rest();
    scene.says("a", 0);
    assert_eq!(scene.in_state(HostState::Offered), ["c", "d"]);
    scene.excluded.clear();
    scene.says("c", 0);
    assert_eq!(scene.in_state(HostState::Offered), ["b", "d"]);
}

#[test]
fn zones_are_worked_on_one_after_the_other() {
    let mut plan = plan(vec![stage("all", &["a", "b", "c"], Amount::Count(3))]);
    plan.stages[0].per_zone = true;
    plan.hosts.get_mut(&host("b")).unwrap().zone = Some("north".into());
    let mut scene = Scene::started(plan);
    scene.rest();
    assert_eq!(scene.in_state(HostState::Offered), ["a", "c"]);
    scene.says("a", 0);
    assert_eq!(scene.in_state(HostState::Offered), ["c"]);
    scene.says("c", 0);
    assert_eq!(scene.in_state(HostState::Offered), ["b"]);
}

#[test]
fn a_failed_host_takes_itself_back_where_the_plan_says_so_and_still_counts() {
    let mut plan = two_stages();
    (plan.on_host_failure, plan.max_failures.count) = (OnHostFailure::Revert, Some(1));
    let mut scene = Scene::started(plan);
    scene.rest();
    scene.says("a", 1);
    assert_eq!(scene.in_state(HostState::Reverting), ["a"]);
    scene.says("a", 0);
    assert!(scene.rows()[&host("a")].failed && scene.state.harm.is_none());
    assert_eq!(scene.in_state(HostState::Offered), ["b", "c"]);
    scene.says("b", 1);
    assert!(scene.state.harm.is_some(), "one was allowed");
}

#[test]
fn a_halted_stage_is_over_and_retry_goes_on_with_the_next() {
    let mut scene = Scene::started(two_stages());
    scene.rest();
    scene.act(&Act::Halt).unwrap();
    assert_eq!((scene.state.phase, scene.state.stages[0].phase), (PlanPhase::Paused, StagePhase::Halted));
    assert_eq!(scene.act(&Act::Halt), Err(ReasonCode::StageHalted));
    assert_eq!(scene.act(&Act::RESUME), Err(ReasonCode::StageHalted));
    scene.act(&Act::Recover { strategy: Strategy::Retry, confirm: None }).unwrap();
    scene.rest();
    assert_eq!(scene.state.phase, PlanPhase::Active);
    assert!(scene.in_state(HostState::Offered).contains(&"b"));
}

#[test]
fn a_plan_goes_on_until_the_stage_that_was_named_and_no_further() {
    let until = |stage: &str| Some(stage.parse().unwrap());
    let three = || {
        plan(vec![
            stage("canary", &["a"], Amount::Count(1)),
            stage("some", &["b"], Amount::Count(1)),
            stage("rest", &["c"], Amount::Count(1)),
        ])
    };
    let mut scene = Scene::new(three());
    let refused = super::act(
        &scene.plan,
        &scene.state,
        &scene.hosts,
        &Act::Start { until: until("cnary") },
        ("lead", None),
        scene.now,
    );
    let refused = refused.unwrap_err();
    assert_eq!(refused.code, ReasonCode::StageUnknown);
    assert_eq!(refused.cause, "plan-1 has no stage `cnary`; its stages: canary, some, rest");
    assert!(refused.resolution.contains("rollout start --plan-id plan-1 --until canary"), "{refused:?}");

    scene.act(&Act::Start { until: until("canary") }).unwrap();
    scene.rest();
    // Who only takes over has not agreed to more.
    scene.act(&Act::RESUME).unwrap();
    let wait = scene.says("a", 0);
    assert_eq!(wait.to_string(), "it is paused: stage canary is past, and it was to go on until there");
    assert_eq!((scene.state.phase, scene.in_state(HostState::Pending).len()), (PlanPhase::Paused, 2));
    let said = stuck(&scene.plan, &scene.state, None, scene.now).unwrap().stuck_reason;
    assert!(said.contains("stage canary is past") && said.contains("rollout resume"), "{said}");
    assert_eq!(scene.act(&Act::Resume { until: until("canary") }), Err(ReasonCode::StageNotCurrent));

    // A pause on the way changes nothing about how far it goes, nor does a skip.
    scene.act(&Act::Resume { until: until("some") }).unwrap();
    scene.act(&Act::Pause).unwrap();
    scene.act(&Act::RESUME).unwrap();
    scene.rest();
    scene.says("b", 4);
    scene.act(&Act::Recover { strategy: Strategy::SkipFailed, confirm: None }).unwrap();
    scene.rest();
    assert_eq!((scene.state.phase, scene.in_state(HostState::Pending)), (PlanPhase::Paused, vec!["c"]));
    scene.act(&Act::RESUME).unwrap();
    scene.rest();
    scene.says("c", 0);
    assert_eq!(scene.state.phase, PlanPhase::CompletedWithExceptions, "nothing holds it any more");

    // A stage that is halted is never past as it was meant; the last one lets it go on to the end.
    let mut scene = Scene::new(three());
    scene.act(&Act::Start { until: until("canary") }).unwrap();
    scene.rest();
    scene.act(&Act::Halt).unwrap();
    scene.act(&Act::Recover { strategy: Strategy::Retry, confirm: None }).unwrap();
    scene.rest();
    assert_eq!((scene.state.phase, scene.in_state(HostState::Offered)), (PlanPhase::Active, vec!["a"]));
    scene.act(&Act::Resume { until: until("rest") }).unwrap();
    for name in ["a", "b", "c"] {
        scene.says(name, 0);
    }
    assert_eq!(scene.state.phase, PlanPhase::Completed);
}

#[test]
fn only_a_person_passes_a_manual_gate() {
    let mut plan = two_stages();
    plan.stages[0].gates = vec![gate(GateKind::Manual), gate(GateKind::HostsVerified { min: 100 })];
    let mut scene = Scene::started(plan);
    scene.rest();
    assert!(matches!(scene.says("a", 0), Wait::ManualGate { .. }));
    scene.act(&Act::Approve).unwrap();
    scene.rest();
    assert_eq!(scene.state.stages[0].phase, StagePhase::Promoted);
    assert_eq!(scene.act(&Act::Approve), Err(ReasonCode::StageNotCurrent));
}

#[test]
fn what_stands_in_the_way_has_its_code() {
    let retry = Act::Recover { strategy: Strategy::Retry, confirm: None };
    let mut scene = Scene::new(two_stages());
    for act in [&Act::Pause, &Act::RESUME, &Act::Halt, &retry] {
        assert_eq!(scene.act(act), Err(ReasonCode::NoCurrentStage), "{act:?}");
    }
    scene.act(&Act::START).unwrap();
    assert_eq!(scene.act(&Act::START), Err(ReasonCode::PlanStarted));
    scene.rest();
    assert_eq!(scene.act(&retry), Err(ReasonCode::NothingToRetry));
    assert_eq!(scene.act(&Act::Cancel { confirmed: false }), Err(ReasonCode::ConfirmationRequired));
    scene.act(&Act::Cancel { confirmed: true }).unwrap();
    for act in [&Act::Pause, &Act::RESUME, &Act::Halt, &retry, &Act::Cancel { confirmed: true }] {
        assert_eq!(scene.act(act), Err(ReasonCode::PlanTerminal), "{act:?}");
    }
}

#[test]
fn a_plan_that_nobody_drives_or_that_makes_no_progress_is_stuck() {
    let mut scene = Scene::started(two_stages());
    scene.rest();
    let nobody = stuck(&scene.plan, &scene.state, None, scene.now).unwrap();
    assert!(
        nobody.stuck_reason.starts_with("no coordinator drives it: `holdpoint rollout resume"),
        "{nobody:?}"
    );
    assert_eq!(stuck(&scene.plan, &scene.state, Some("lead"), scene.now), None);
    for _ in 0..7 {
        scene.passes(TimeDelta::minutes(5));
    }
    let late = stuck(&scene.plan, &scene.state, Some("lead"), scene.now).unwrap();
    assert_eq!(late.stuck_reason, "1 host at work, among them a");
    scene.act(&Act::Pause).unwrap();
    let paused = stuck(&scene.plan, &scene.state, Some("lead"), scene.now).unwrap();
    assert!(paused.stuck_reason.starts_with("it is paused"), "{paused:?}");
}

#[test]
fn nobody_is_released_before_the_host_on_which_the_tickets_scripts_run() {
    let of_ticket = || {
        let mut ticket = stage("ticket", &["t"], Amount::Count(1));
        ticket.gates = vec![gate(GateKind::HostsVerified { min: 100 })];
        let mut plan = plan(vec![ticket, stage("rest", &["a", "b"], Amount::Count(2))]);
        plan.ticket_host = Some(host("t"));
        plan.unreachable = Unreachable { defer: true, budget: Amount::Count(1), wait: None };
        plan
    };
    let skip = Act::Recover { strategy: Strategy::SkipFailed, confirm: Some("ticket".to_owned()) };
    // Away: it is not gone on without, whatever the budget says.
    let mut scene = Scene::started(of_ticket());
    scene.rest();
    let wait = scene.away("t");
    assert!(matches!(wait, Wait::Unreachable { .. }), "{wait}");
    assert_eq!(scene.act(&skip), Err(ReasonCode::StageFailed));
    scene.says("t", 0);
    assert_eq!(scene.in_state(HostState::Offered), ["a", "b"]);
    // Taken out, refused or failed: harm, and nobody vouches for what did not run.
    for ends in [None, Some(4), Some(1)] {
        let mut scene = Scene::started(of_ticket());
        match ends {
            None => {
                scene.excluded.insert(host("t"));
            }
            Some(exit) => {
                scene.rest();
                scene.says("t", exit);
            }
        }
        scene.rest();
        assert_eq!(scene.state.phase, PlanPhase::Paused, "{ends:?}");
        assert_eq!(scene.act(&skip), Err(ReasonCode::StageFailed), "{ends:?}");
        assert_eq!(scene.in_state(HostState::Pending).len(), 2, "{ends:?}");
    }
    // Its stage was ended by a person: the others still wait for it.
    let mut scene = Scene::started(of_ticket());
    scene.rest();
    scene.says("t", 4);
    scene.act(&Act::Halt).unwrap();
    scene.act(&Act::Recover { strategy: Strategy::Retry, confirm: None }).unwrap();
    let wait = scene.rest();
    assert_eq!(wait, Wait::TicketHost { host: host("t"), state: HostState::Pending });
    assert!(scene.in_state(HostState::Offered).is_empty());
}

/// `b` is away when the last stage is past, for a plan that waits for it.
fn without_b(wait: Span) -> Scene {
    let mut plan = plan(vec![stage("all", &["a", "b", "c"], Amount::Count(3))]);
    plan.unreachable = Unreachable { defer: true, budget: Amount::Count(1), wait: Some(wait) };
    let mut scene = Scene::started(plan);
    scene.rest();
    scene.away("b");
    scene.says("a", 0);
    scene.says("c", 0);
    scene
}

#[test]
fn a_host_that_comes_back_in_time_is_served_and_the_plan_completes() {
    let mut scene = without_b(Span::secs(600));
    let wait = scene.rest();
    assert_eq!(wait, Wait::Latecomers { count: 1, host: host("b"), left: Span::secs(600) });
    let said = wait.to_string();
    assert_eq!(said, "every stage is past; 1 host not back yet, among them b: waited for 10m more");
    assert_eq!(scene.state.phase, PlanPhase::Active);
    assert_eq!(stuck(&scene.plan, &scene.state, Some("lead"), scene.now), None, "it gets on by waiting");
    assert_eq!(advice(&scene.state, scene.rows()), None, "it is asked all the time");
    scene.passes(TimeDelta::minutes(4));
    // It could not begin at once: it is offered again under a new generation.
    scene.says("b", 3);
    scene.passes(TimeDelta::seconds(11));
    assert_eq!(
        (scene.rows()[&host("b")].state, scene.rows()[&host("b")].generation),
        (HostState::Offered, 2)
    );
    assert!(matches!(scene.rest(), Wait::HostsAtWork { count: 1, .. }));
    scene.says("b", 0);
    assert_eq!(scene.state.phase, PlanPhase::Completed);
}

#[test]
fn a_host_that_does_not_come_back_in_time_is_an_exception() {
    let mut scene = without_b(Span::secs(600));
    scene.passes(TimeDelta::minutes(5));
    let wait = scene.passes(TimeDelta::seconds(299));
    assert!(matches!(wait, Wait::Latecomers { .. }), "{wait}");
    scene.act(&Act::Pause).unwrap();
    scene.passes(TimeDelta::hours(9));
    scene.act(&Act::RESUME).unwrap();
    assert_eq!(scene.state.phase, PlanPhase::Active, "the clock stood still");
    scene.passes(TimeDelta::seconds(2));
    assert_eq!(scene.state.phase, PlanPhase::CompletedWithExceptions);
    assert!(scene.desired().values().all(|desired| desired.released));
    // Nobody is waited for who was taken out, and without `wait` nobody at all.
    let mut scene = without_b(Span::secs(600));
    scene.excluded.insert(host("b"));
    scene.rest();
    assert_eq!(scene.state.phase, PlanPhase::CompletedWithExceptions);
}

#[test]
fn while_it_waits_what_is_done_may_be_taken_and_is_then_never_touched_again() {
    let mut scene = without_b(Span::secs(600));
    scene.rest();
    let free: Vec<&str> = scene
        .desired()
        .iter()
        .filter(|(_, desired)| desired.released)
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(free, ["a", "c"], "and the one that is waited for is not let go of");
    let theirs =
        Desired { plan_id: "plan-2".parse().unwrap(), generation: 7, wish: Wish::Release, released: true };
    scene.tell(host("a"), theirs.clone());
    scene.rest();
    let back = scene.act(&Act::Recover { strategy: Strategy::Rollback, confirm: None }).unwrap();
    assert_eq!(back.to_revert, ["b", "c"].map(host), "also when the other plan is over");
    scene.rest();
    scene.says("b", 0);
    scene.says("c", 0);
    assert_eq!(scene.in_state(HostState::Reverted), ["b", "c"]);
    assert_eq!(scene.state.phase, PlanPhase::RollbackIncomplete);
    assert_eq!(scene.state.reason.as_deref(), Some("not known to be back: a (it is plan-2's by now)"));
    assert_eq!(scene.desired()[&host("a")], theirs, "the other plan's word stands");

    let mut scene = without_b(Span::secs(600));
    scene.rest();
    scene.tell(host("a"), theirs.clone());
    scene.act(&Act::Cancel { confirmed: true }).unwrap();
    assert_eq!(scene.desired()[&host("a")], theirs, "nor does giving the plan up overwrite it");
}

#[test]
fn a_limit_is_kept_only_by_values_that_are_there() {
    let of = |values: &[f64]| Series { name: "errors".to_owned(), values: values.to_vec() };
    let limit = Limit::new(0.05).unwrap();
    let verdict = |series: &[Series], wanted| below(series, limit, wanted).verdict;
    assert_eq!(verdict(&[], 1), VerdictWord::Inconclusive);
    assert_eq!(verdict(&[of(&[f64::NAN])], 1), VerdictWord::Inconclusive);
    assert_eq!(verdict(&[of(&[0.04])], 1), VerdictWord::Pass);
    assert_eq!(verdict(&[of(&[0.05])], 1), VerdictWord::Fail, "below, and not as high as");
    assert_eq!(verdict(&[of(&[0.01]), of(&[f64::INFINITY])], 1), VerdictWord::Fail);
    assert_eq!(verdict(&[of(&[0.01; 9])], 21), VerdictWord::Inconclusive, "most of the window is not there");
    assert_eq!(verdict(&[of(&[0.01; 11]), of(&[f64::NAN; 21])], 21), VerdictWord::Inconclusive);
    assert_eq!(verdict(&[of(&[0.01; 11])], 21), VerdictWord::Pass);
    assert_eq!(verdict(&[of(&[0.9])], 21), VerdictWord::Fail, "one that is too high is one too many");
    assert_eq!(Limit::new(f64::NAN), None);
}

/// As many hosts at work as a step tells at once, in a plan of so many, some of them another plan's.
fn large(hosts: usize) -> Scene {
    let names: Vec<String> = (0..hosts).map(|at| format!("h{at:05}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (canary, rest) = names.split_at(hosts / 2);
    let of = |id, hosts| stage(id, hosts, Amount::Percent(100));
    let mut scene = Scene::started(plan(vec![of("canary", canary), of("rest", rest)]));
    let theirs =
        Desired { plan_id: "plan-2".parse().unwrap(), generation: 7, wish: Wish::Release, released: true };
    for name in canary {
        scene.tell(host(name), theirs.clone());
    }
    scene
}

#[test]
fn what_a_step_costs_depends_on_the_hosts_that_it_tells_and_not_on_those_of_the_plan() {
    let looked = |hosts: usize, back: bool| {
        let mut scene = large(hosts);
        if back {
            let all = scene.rows().clone().into_iter();
            let all =
                all.map(|(name, row)| (name, HostRow { touched: true, state: HostState::Active, ..row }));
            scene.hosts.take(all.collect(), BTreeMap::new());
            scene.act(&Act::Recover { strategy: Strategy::Rollback, confirm: None }).unwrap();
        }
        let mut most = 0;
        for round in 0..12 {
            let at_work = scene.hosts.asked().map(|(name, row)| (name.clone(), row.generation));
            let done = |generation| {
                let (at_work, exit) = (false, Some(0));
                Heard::Answer(HostAnswer { generation, at_work, exit, attempt: None, said: None })
            };
            let heard: BTreeMap<HostName, Heard> =
                at_work.map(|(name, generation)| (name, done(generation))).collect();
            assert_eq!(heard.len(), if round == 0 { 0 } else { 16 });
            most = most.max(looked::during(|| _ = scene.step(&heard, &BTreeMap::new())));
        }
        most
    };
    for back in [false, true] {
        let (few, many) = (looked(500, back), looked(5_000, back));
        assert_eq!(few, many, "a step of 5,000 hosts looks at more than one of 500");
        assert!(many < 40 * 16, "{many} looks for 16 hosts");
    }
}
