//! A fleet of 200 simulated hosts against the coordinator: failures, partitions, crashes of the coordinator, lost answers,
//! clocks that jump, people who interfere. After every step what must hold is looked at.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;

use super::step::{Commit, Decision, millis};
use super::tests::{Scene, plan, stage};
use super::{Asked, Hosts, act as person, step, stuck};
use crate::model::quantity::Span;
use crate::model::rollout::{
    Act, Amount, Desired, FailureCap, Gate, GateKind, Heard, HostAnswer, HostName, HostRow, HostState,
    OnHarm, OnHostFailure, PlanPhase, RolloutPlan, Strategy, Unreachable, VerdictWord, Wait, Wish,
};

/// Chance that is the same every time: the numbers of one seed.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn percent(&mut self, share: u64) -> bool {
        self.below(100) < share
    }
}

/// What a simulated host is at work on, and what it released.
#[derive(Debug, Clone, Default)]
struct Machine {
    /// The highest telling it took.
    told: u64,
    wish: Option<Wish>,
    /// What it works on, and for how many rounds still.
    work: Option<(u64, Wish, u64, i32)>,
    /// What became of the telling it took.
    exit: Option<(u64, i32)>,
    /// Whether the plan's release is on it.
    released: bool,
    /// Whether an earlier plan left its release there: whatever is to be released is refused.
    older: bool,
    /// Whether it began anything that it was told.
    began: bool,
    /// Rounds for which nobody reaches it.
    cut: u64,
}

impl Machine {
    fn tell(&mut self, generation: u64, wish: Wish, chance: &mut Chance, faults: u64) -> HostAnswer {
        if generation > self.told {
            (self.told, self.wish) = (generation, Some(wish));
        }
        let done = self.exit.filter(|(about, _)| *about == self.told);
        // One at a time: the host's own lock.
        if done.is_none() && self.work.is_none() {
            let fails = chance.percent(faults);
            let exit = match (wish, fails) {
                (Wish::Release, _) if self.older => 4,
                (_, false) => 0,
                (Wish::Release, true) => {
                    [1, 1, 4, 3, 130, 8, 7, 9][usize::try_from(chance.below(8)).unwrap()]
                }
                (Wish::Revert, true) => [7, 3, 1, 4][usize::try_from(chance.below(4)).unwrap()],
            };
            self.began |= !matches!(exit, 2..=4);
            self.work = Some((self.told, wish, chance.below(6), exit));
        }
        HostAnswer {
            generation: self.told,
            at_work: done.is_none(),
            exit: done.map(|(_, exit)| exit),
            attempt: None,
            said: None,
        }
    }

    fn works(&mut self) {
        self.cut = self.cut.saturating_sub(1);
        match &mut self.work {
            Some((about, wish, 0, exit)) => {
                match (*wish, *exit) {
                    (Wish::Release, 0) => self.released = true,
                    (Wish::Revert, 0) => self.released = false,
                    _ => {}
                }
                self.exit = Some((*about, *exit));
                self.work = None;
            }
            Some((_, _, left, _)) => *left -= 1,
            None => {}
        }
    }
}

fn some_plan(chance: &mut Chance) -> RolloutPlan {
    let names: Vec<String> = (0..200).map(|at| format!("h{at:03}")).collect();
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    let shares = [&all[..5], &all[5..60], &all[60..]];
    let mut stages = Vec::new();
    for (at, hosts) in shares.into_iter().enumerate() {
        let parallel = if chance.percent(50) { Amount::Percent(20) } else { Amount::Count(7) };
        let mut stage = stage(&format!("s{at}"), hosts, parallel);
        stage.per_zone = chance.percent(30);
        if chance.percent(60) {
            let kind = GateKind::Http { url: "http://x".into(), status: 200 };
            stage.gates.push(Gate { kind, critical: chance.percent(70), inconclusive: 3 });
        }
        if chance.percent(30) {
            stage.gates.push(Gate {
                kind: GateKind::HostsVerified { min: 90 },
                critical: true,
                inconclusive: 3,
            });
        }
        stages.push(stage);
    }
    let ticket = chance.percent(30).then(|| stages[0].hosts.remove(0));
    if let Some(host) = &ticket {
        let mut first = stage("ticket", &[host.as_str()], Amount::Count(1));
        let kind = GateKind::HostsVerified { min: 100 };
        first.gates.push(Gate { kind, critical: true, inconclusive: 3 });
        stages.insert(0, first);
    }
    let mut plan = plan(stages);
    plan.ticket_host = ticket;
    for (at, spec) in plan.hosts.values_mut().enumerate() {
        spec.zone = Some(format!("z{}", at % 3));
    }
    plan.on_harm = if chance.percent(40) { OnHarm::Rollback } else { OnHarm::Pause };
    plan.on_host_failure = if chance.percent(30) { OnHostFailure::Revert } else { OnHostFailure::Halt };
    plan.max_failures = FailureCap { count: Some(u32::try_from(chance.below(12)).unwrap()), percent: None };
    let wait = chance.percent(50).then(|| Span::secs(60 * (1 + chance.below(60))));
    plan.unreachable = Unreachable { defer: chance.percent(50), budget: Amount::Percent(5), wait };
    plan
}

/// A whole fleet, and the coordinator as it stands between two crashes.
struct Fleet {
    scene: Scene,
    machines: BTreeMap<HostName, Machine>,
    chance: Chance,
    faults: u64,
    /// Hosts that another plan took once this one had let go of them, and its word.
    taken: BTreeMap<HostName, Desired>,
    /// How often this plan waited for hosts past its last stage.
    waited: u64,
}

impl Fleet {
    fn new(seed: u64) -> Self {
        let mut chance = Chance(seed);
        let plan = some_plan(&mut chance);
        let faults = [0, 1, 3, 10][usize::try_from(chance.below(4)).unwrap()];
        let mut machine = || Machine { older: chance.percent(faults), ..Machine::default() };
        let machines = plan.hosts.keys().map(|host| (host.clone(), machine())).collect();
        let mut scene = Scene::new(plan);
        scene.act(&Act::START).unwrap();
        Self { scene, machines, chance, faults, taken: BTreeMap::new(), waited: 0 }
    }

    /// One round: hosts are told and work, the coordinator decides, and may be killed before or after it writes.
    fn round(&mut self) -> Result<(), String> {
        let (heard, asked) = (self.listen(), self.gates());
        let seen = super::Seen {
            heard: &heard,
            asked: &asked,
            excluded: &self.scene.excluded,
            frozen: None,
            line: None,
        };
        let scene = &self.scene;
        let decision = step(&scene.plan, &scene.state, &scene.hosts, &seen, scene.now);
        match decision {
            // Killed before it wrote: the next one begins where this one began.
            Decision::Commit(_) if self.chance.percent(10) => {}
            Decision::Commit(commit) => {
                self.holds(&commit)?;
                self.scene.take(*commit);
                self.waited += u64::from(matches!(self.scene.state.wait, Some(Wait::Latecomers { .. })));
            }
            Decision::Wait(wait) => {
                if wait.to_string().is_empty() {
                    return Err("it waits without a reason".to_owned());
                }
            }
        }
        for machine in self.machines.values_mut() {
            machine.works();
        }
        self.another_plan();
        self.time_passes();
        self.consistent()
    }

    /// Another plan takes a host that this one has let go of, does something there, and may be over by then.
    fn another_plan(&mut self) {
        if self.scene.state.phase.is_terminal() || !self.chance.percent(50) {
            return;
        }
        let plan_id = &self.scene.plan.plan_id;
        let free = self.scene.desired().iter().find(|(_, word)| word.released && word.plan_id == *plan_id);
        let Some((host, word)) = free.map(|(host, word)| (host.clone(), word.clone())) else { return };
        let theirs = Desired {
            plan_id: "plan-2".parse().unwrap(),
            generation: word.generation + 1,
            wish: Wish::Release,
            released: self.chance.percent(50),
        };
        let machine = self.machines.get_mut(&host).unwrap();
        (machine.told, machine.wish, machine.exit) = (theirs.generation, Some(theirs.wish), None);
        self.scene.tell(host.clone(), theirs.clone());
        self.taken.insert(host, theirs);
    }

    fn listen(&mut self) -> BTreeMap<HostName, Heard> {
        let mut heard = BTreeMap::new();
        for (host, row) in self.scene.rows() {
            let asked = row.state.in_flight() || row.state == HostState::Unreachable;
            let (Some(wish), true) = (row.wish, asked) else { continue };
            let Some(machine) = self.machines.get_mut(host) else { continue };
            if self.faults > 0 && self.chance.percent(1) {
                // Some are away for longer than the rest of the plan takes.
                let rounds = if self.chance.percent(20) { 400 } else { 40 };
                machine.cut = self.chance.below(rounds);
            }
            let nothing = || Heard::Nothing { why: "no route".to_owned() };
            if machine.cut > 0 {
                // Half of what is lost is lost on the way back: the host was told.
                if self.chance.percent(50) {
                    machine.tell(row.generation, wish, &mut self.chance, self.faults);
                }
                heard.insert(host.clone(), nothing());
                continue;
            }
            let answer = machine.tell(row.generation, wish, &mut self.chance, self.faults);
            heard.insert(host.clone(), Heard::Answer(answer));
        }
        heard
    }

    fn gates(&mut self) -> BTreeMap<usize, Asked> {
        let gates = super::asks(&self.scene.plan, &self.scene.state);
        let mut asked = BTreeMap::new();
        for (place, _) in gates {
            let verdict = match self.chance.below(100) {
                0..=2 if self.faults > 0 => VerdictWord::Fail,
                3..=40 => VerdictWord::Inconclusive,
                _ => VerdictWord::Pass,
            };
            asked.insert(place, Asked { verdict, detail: "so".to_owned() });
        }
        asked
    }

    fn time_passes(&mut self) {
        let step = match self.chance.below(200) {
            0 => TimeDelta::hours(9),
            1 => TimeDelta::hours(-9),
            _ => TimeDelta::seconds(20),
        };
        self.scene.now += step;
    }

    /// No offer beyond what a stage, a zone or the failures allow.
    fn holds(&self, commit: &Commit) -> Result<(), String> {
        let scene = &self.scene;
        let row = |host: &HostName| commit.rows.get(host).unwrap_or(&scene.rows()[host]);
        let mut offered = BTreeSet::new();
        if let Some(host) = commit.desired.keys().find(|host| self.taken.contains_key(*host)) {
            return Err(format!("{host} is told something, and is another plan's"));
        }
        let goes_on = !commit.state.phase.is_terminal();
        let freed = |(host, desired): &(&HostName, &Desired)| {
            goes_on && desired.released && row(host).state != HostState::Active
        };
        if let Some((host, _)) = commit.desired.iter().find(freed) {
            return Err(format!("{host} was let go of, and is not done"));
        }
        for (host, desired) in commit.desired.iter().filter(|(_, desired)| !desired.released) {
            if scene.desired().get(host).is_some_and(|before| before.generation >= desired.generation) {
                return Err(format!("{host}: a generation did not rise"));
            }
            if desired.wish == Wish::Release {
                offered.insert(host.clone());
            }
            // One that may still be at work, or was told before and not heard, is asked; one that said no is as it was.
            let before = &scene.rows()[host];
            let said_no =
                matches!(before.state, HostState::Refused | HostState::Pending) && !before.touched_before;
            if desired.wish == Wish::Revert && said_no && !self.machines[host].began {
                return Err(format!("{host} is to be taken back, and began nothing"));
            }
        }
        if let Some(first) = &scene.plan.ticket_host
            && offered.iter().any(|host| host != first)
            && row(first).state != HostState::Active
        {
            return Err(format!("somebody was offered before the ticket's scripts ran on {first}"));
        }
        for (at, stage) in scene.plan.stages.iter().enumerate() {
            if !stage.hosts.iter().any(|host| offered.contains(host)) {
                continue;
            }
            // Past the last stage only those are told again that came back and could not begin.
            let is_late = commit.state.current().is_none()
                && scene.plan.unreachable.wait.is_some()
                && stage
                    .hosts
                    .iter()
                    .filter(|host| offered.contains(*host))
                    .all(|host| scene.rows()[host].generation > 0);
            if Some(at) != commit.state.current() && !is_late {
                return Err(format!("{} was offered to out of its turn", stage.id));
            }
            let all = scene.plan.hosts.keys().filter(|host| !is_late || stage.hosts.contains(host));
            let at_work = all.filter(|host| row(host).state.in_flight()).count();
            let limit = stage.parallel.of(stage.hosts.len()).max(1);
            if at_work > limit {
                return Err(format!("{at_work} at once in {}, {limit} may", stage.id));
            }
        }
        let failed = scene.plan.hosts.keys().filter(|host| row(host).failed).count();
        let allowed = scene.plan.max_failures.allowed(scene.plan.hosts.len());
        if !offered.is_empty() && failed > allowed {
            return Err(format!("offered although {failed} failed and {allowed} may"));
        }
        Ok(())
    }

    /// What the records say of hosts is what the hosts know.
    fn consistent(&self) -> Result<(), String> {
        let Scene { plan, hosts, .. } = &self.scene;
        if *hosts != Hosts::new(plan, hosts.rows().clone(), hosts.desired().clone()) {
            return Err("hosts are counted as what they are not any more".to_owned());
        }
        for (host, row) in self.scene.rows() {
            let machine = &self.machines[host];
            if self.taken.contains_key(host) {
                continue;
            }
            if machine.told > row.generation {
                return Err(format!("{host} was told what is in no record"));
            }
            let settled = machine.exit.is_some_and(|(about, exit)| about == row.generation && exit == 0);
            if row.state == HostState::Active && !(settled && machine.released) {
                return Err(format!("{host} counts as active and is not: {machine:?}"));
            }
            if row.state == HostState::Reverted && machine.released {
                return Err(format!("{host} counts as taken back and is not: {machine:?}"));
            }
        }
        let phase = self.scene.state.phase;
        if phase == PlanPhase::RolledBack && self.machines.values().any(|machine| machine.released) {
            return Err("it says rolled_back, and a host still has the release".to_owned());
        }
        if phase == PlanPhase::RolledBack && !self.taken.is_empty() {
            return Err("it says rolled_back, and a host that it touched is another plan's".to_owned());
        }
        let last = self.scene.state.stages.iter().map(|stage| stage.since_ms).max().unwrap_or(0);
        let patience = self.scene.plan.unreachable.wait.map_or(0, millis);
        let away = |row: &HostRow| row.state == HostState::Unreachable;
        if phase == PlanPhase::CompletedWithExceptions
            && self.scene.rows().values().any(away)
            && self.scene.state.clock_ms < last + patience
        {
            return Err("it ended without the hosts that it was to wait for".to_owned());
        }
        if phase == PlanPhase::Completed && !self.machines.values().all(|machine| machine.released) {
            return Err("it says completed, and a host has not the release".to_owned());
        }
        Ok(())
    }

    /// What a person does with a plan that does not get on.
    fn helped(&mut self) {
        let scene = &self.scene;
        let current = scene.state.current().map(|at| scene.state.stages[at].id.to_string());
        let strategy = match self.chance.below(4) {
            0 => Strategy::Rollback,
            1 => Strategy::SkipFailed,
            _ => Strategy::Retry,
        };
        let confirm = if strategy == Strategy::Rollback { None } else { current };
        let acts = [Act::Recover { strategy, confirm }, Act::RESUME];
        for act in acts {
            let done =
                person(&scene.plan, &scene.state, &scene.hosts, &act, ("lead", Some("why")), scene.now);
            if let Ok(changed) = done {
                self.scene.take(changed.commit);
                return;
            }
        }
    }

    /// To its end, or to where it says why it does not get there.
    fn runs(&mut self) -> Result<(), String> {
        for round in 0..6_000 {
            if self.scene.state.phase.is_terminal() {
                return Ok(());
            }
            self.round().map_err(|why| format!("round {round}: {why}"))?;
            let scene = &self.scene;
            let said = stuck(&scene.plan, &scene.state, Some("lead"), scene.now);
            if said.as_ref().is_some_and(|stuck| stuck.stuck_reason.is_empty()) {
                return Err(format!("round {round}: it is stuck without a reason"));
            }
            // To a host that refuses a person comes late: what is at work beside it goes on meanwhile.
            let refused = matches!(scene.state.wait, Some(Wait::Refused { .. }));
            let begun = scene.state.current().map_or(0, |at| scene.state.stages[at].progress_ms);
            let comes = !refused || scene.state.clock_ms.saturating_sub(begun) >= 30 * 60_000;
            let asked = scene.state.phase == PlanPhase::Paused || said.is_some();
            if asked && comes && self.chance.percent(20) {
                self.helped();
            }
        }
        Err(format!("it never ends: {:?} waits for {:?}", self.scene.state.phase, self.scene.state.wait))
    }
}

#[test]
fn two_hundred_hosts_stay_within_every_promise_whatever_happens() {
    let seeds = if all_cases_wanted!() { 500 } else { 30 };
    let (mut waited, mut taken) = (0, 0);
    for seed in 0..seeds {
        let mut fleet = Fleet::new(seed);
        if let Err(why) = fleet.runs() {
            panic!("seed {seed}: {why}");
        }
        waited += fleet.waited;
        taken += fleet.taken.len();
    }
    assert!(waited > 0 && taken > 0, "{waited} waits for latecomers, {taken} hosts taken meanwhile");
    count_cases!("P16", "simulated rollouts over 200 hosts", seeds);
}

/// A coordinator with a defect, made by hand: each is found.
#[test]
fn what_is_planted_is_found() {
    let begun = || {
        let mut fleet = Fleet::new(1);
        fleet.faults = 0;
        for _ in 0..3 {
            fleet.round().unwrap();
        }
        fleet
    };
    let mut fleet = begun();
    fleet.scene.plan.ticket_host = None;
    let fleet = fleet;
    let offers = |hosts: usize, rise: u64| {
        let mut commit = Commit {
            state: fleet.scene.state.clone(),
            rows: BTreeMap::new(),
            desired: BTreeMap::new(),
            notes: Vec::new(),
        };
        for (host, row) in fleet.scene.rows().iter().take(hosts) {
            let mut row = row.clone();
            (row.state, row.generation) = (HostState::Offered, row.generation + rise);
            let desired = Desired {
                plan_id: fleet.scene.plan.plan_id.clone(),
                generation: row.generation,
                wish: Wish::Release,
                released: false,
            };
            commit.desired.insert(host.clone(), desired);
            commit.rows.insert(host.clone(), row);
        }
        commit
    };
    let found = |commit: &Commit| fleet.holds(commit).unwrap_err();
    assert!(found(&offers(200, 1)).contains("out of its turn") || found(&offers(200, 1)).contains("at once"));
    assert!(found(&offers(1, 0)).contains("did not rise"));
    let mut early = begun();
    early.scene.plan.ticket_host = Some(super::tests::host("h100"));
    assert!(early.holds(&offers(1, 1)).unwrap_err().contains("before the ticket's scripts ran"));
    let mut failing = offers(1, 1);
    for host in fleet.scene.plan.hosts.keys().skip(100).take(50) {
        let mut row = fleet.scene.rows()[host].clone();
        row.failed = true;
        failing.rows.insert(host.clone(), row);
    }
    assert!(found(&failing).contains("although"), "{}", found(&failing));

    let lies = |lie: &dyn Fn(&mut Fleet)| {
        let mut fleet = begun();
        lie(&mut fleet);
        fleet.consistent().unwrap_err()
    };
    let last = super::tests::host("h199");
    let active = lies(&|fleet| {
        let row = HostRow { state: HostState::Active, ..fleet.scene.rows()[&last].clone() };
        fleet.scene.hosts.take(BTreeMap::from([(last.clone(), row)]), BTreeMap::new());
    });
    assert!(active.contains("counts as active"), "{active}");
    let back = lies(&|fleet| {
        fleet.machines.get_mut(&last).unwrap().released = true;
        fleet.scene.state.phase = PlanPhase::RolledBack;
    });
    assert!(back.contains("rolled_back"), "{back}");
    let refused = {
        let mut fleet = begun();
        let mut row = fleet.scene.rows()[&last].clone();
        (row.state, row.wish) = (HostState::Refused, Some(Wish::Release));
        fleet.scene.hosts.take(BTreeMap::from([(last.clone(), row.clone())]), BTreeMap::new());
        let back = Desired {
            plan_id: fleet.scene.plan.plan_id.clone(),
            generation: row.generation + 1,
            wish: Wish::Revert,
            released: false,
        };
        let mut commit = offers(0, 1);
        commit.desired.insert(last.clone(), back);
        fleet.holds(&commit).unwrap_err()
    };
    assert!(refused.contains("began nothing"), "{refused}");
    let told = lies(&|fleet| fleet.machines.get_mut(&last).unwrap().told = 9);
    assert!(told.contains("in no record"), "{told}");
}
