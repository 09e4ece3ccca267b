//! A release, a resume and a revert that are killed at each of their system calls, and what comes of it.
//!
//! A process that is killed as it makes a call that changes nothing leaves what it leaves when it is killed at the next one
//! that does; so those are the points. The gate tries every fifth, beginning where the seed says.

use super::after;
use super::held::Prepare;
use super::nth::{self, Call, Point, Strike, Struck, Who};
use super::stage::{Stage, Verb};
use super::tally::{Tally, full, seed, side_by_side};

/// One in so many points is tried by the gate.
const SHORT: usize = 5;

/// What is swept over.
pub(super) struct Sweep<'a> {
    pub(super) verb: Verb,
    pub(super) who: Who,
    /// Which shard of how many.
    pub(super) shard: (usize, usize),
    /// One in so many points is tried, all of them in the full form.
    pub(super) every: usize,
    /// Calls among which the points are.
    pub(super) only: &'a dyn Fn(&Call) -> bool,
    pub(super) prepare: Prepare<'a>,
}

impl Sweep<'_> {
    /// Over every call, of a host as it is.
    pub(super) fn over(verb: Verb, who: Who, every: usize) -> Self {
        Self { verb, who, shard: (0, 1), every, only: &|_| true, prepare: &|_| () }
    }

    pub(super) fn shard(self, shard: usize, shards: usize) -> Self {
        Self { shard: (shard, shards), ..self }
    }

    /// The host before it, and the calls of an undisturbed run; none where processes may not be traced.
    pub(super) fn begin(&self) -> Option<(Stage, Vec<Call>)> {
        println!("seed {}", seed());
        let stage = Stage::before(self.verb, self.prepare);
        stage.reset();
        let undisturbed = nth::run(&stage.host, self.who, &Strike::None, self.verb.arguments())?;
        undisturbed.output.exits(0);
        assert_eq!(stage.reached(), stage.end);
        Some((stage, undisturbed.calls))
    }
}

/// The counts of one sweep, by promise.
struct Counts {
    whole: Tally,
    shown: Tally,
    named: Tally,
    went_on: Tally,
    ended: Tally,
}

impl Counts {
    fn new(verb: Verb) -> Self {
        let going_on = if verb == Verb::Revert { "P8" } else { "P7" };
        Self {
            whole: Tally::new("P1", "records after a kill"),
            shown: Tally::new("P2", "what was shown before a kill"),
            named: Tally::new("P3", "what was done before a kill"),
            went_on: Tally::new(going_on, "going on after a kill"),
            ended: Tally::new("P9", "what is left after a kill"),
        }
    }

    fn all(self) -> Vec<Tally> {
        vec![self.whole, self.shown, self.named, self.went_on, self.ended]
    }

    /// What must hold after a kill, in the order in which a person would come to it.
    fn judge(&mut self, stage: &Stage, struck: &Struck, name: &str) {
        self.ended.case(name, || after::what_works_comes_to_its_end(&stage.host));
        self.whole.case(name, || after::records_are_whole(stage));
        self.shown.case(name, || after::what_was_shown_is_recorded(stage, struck));
        self.named.case(name, || after::what_was_done_was_named(stage));
        self.went_on.case(name, || {
            after::nobody_is_stuck_in_running(stage);
            after::it_reaches_the_same_end(stage);
            if stage.verb == Verb::Revert {
                after::twice_is_once(stage);
            }
        });
        self.ended.case(name, || after::nothing_is_left(stage));
    }
}

/// Kills at every point; none where processes may not be traced.
pub(super) fn kills(sweep: &Sweep<'_>) -> Option<Vec<Tally>> {
    let (stage, calls) = sweep.begin()?;
    let points = nth::points(&calls).into_iter().zip(&calls);
    let points = points.filter(|(_, call)| call.changes() && (sweep.only)(call)).map(|(point, _)| point);
    let first = usize::try_from(seed()).unwrap();
    let (shard, shards) = sweep.shard;
    let wanted = |at: usize| {
        (full() || (at + first).is_multiple_of(sweep.every)) && (at / sweep.every) % shards == shard
    };
    let points: Vec<Point> =
        points.enumerate().filter(|(at, _)| wanted(*at)).map(|(_, point)| point).collect();
    let mut counts = Counts::new(sweep.verb);
    for point in points {
        stage.reset();
        let struck = nth::run(&stage.host, sweep.who, &Strike::Kill(point), sweep.verb.arguments())?;
        let Some(at) = struck.at() else { continue };
        let (verb, who) = (sweep.verb.word(), sweep.who);
        let name = format!("{verb} {who:?} killed at {} {} {}", at.number, at.name, at.file);
        println!("{name}");
        counts.judge(&stage, &struck, &name);
    }
    Some(counts.all())
}

/// Over one shard of the runner's calls, or over those of one step's shim.
fn sweep(verb: Verb, who: Who, shard: usize, shards: usize) {
    let tries =
        |(shard, shards)| kills(&Sweep::over(verb, who, SHORT).shard(shard, shards)).unwrap_or_default();
    Tally::end_all(side_by_side((shard, shards), tries));
}

#[test]
fn a_release_killed_1() {
    sweep(Verb::Run, Who::Runner, 0, 2);
}

#[test]
fn a_release_killed_2() {
    sweep(Verb::Run, Who::Runner, 1, 2);
}

#[test]
fn a_resume_killed() {
    sweep(Verb::Resume, Who::Runner, 0, 1);
}

#[test]
fn a_revert_killed_1() {
    sweep(Verb::Revert, Who::Runner, 0, 2);
}

#[test]
fn a_revert_killed_2() {
    sweep(Verb::Revert, Who::Runner, 1, 2);
}

#[test]
fn a_script_whose_shim_is_killed() {
    sweep(Verb::Run, Who::Shim("1234-b-fix.sh"), 0, 1);
}

#[test]
fn a_recreate_whose_shim_is_killed() {
    sweep(Verb::Run, Who::Shim("wikijs.recreate"), 0, 1);
}

#[test]
fn a_stop_whose_shim_is_killed() {
    sweep(Verb::Revert, Who::Shim("revert.wikijs.stop"), 0, 1);
}
