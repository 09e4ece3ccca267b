//! A release against a model (P7): random sequences of what operators, developers and crashes do, carried out by the real
//! program on a real host. After each: the exit status and the state are as the model says, the log verifies, what was refused
//! changed nothing, nothing finished is done again and nothing unfinished is left out.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use rustix::fs::FlockOperation;

use super::tally::{Tally, seed, short_or_full, side_by_side};
use crate::support::{Host, Output, wait_until};

/// What can happen to the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Command {
    /// A commit with a new image is pushed.
    Ship,
    /// A commit that touches nothing but the ticket's script is pushed.
    Fix,
    /// The ticket's script will work, or fail.
    Script(bool),
    /// Somebody leaves a file in the checkout, or takes it away.
    Dirty(bool),
    /// `run T`
    Run,
    /// `run T --dry-run`
    DryRun,
    /// `run T --from=PHASE`
    From(usize),
    /// `run T --skip-verify --reason x`
    SkipVerify,
    /// `run T --services wikijs`
    Services,
    /// `run T --from=ticket --take-new-commits`
    TakeNew,
    /// `revert T --yes`
    Revert,
    /// `close T --reason x`
    Close,
    /// `approve T --reason x`: nothing is ever held here.
    Approve,
    /// `cancel T@N --yes`: nothing runs when it is typed.
    Cancel,
    /// `run T` or the resume, killed after so many milliseconds.
    Kill(u64),
    /// `run T` while somebody else holds the host.
    Locked,
    /// The next ticket is worked on.
    Next,
}

const PHASES: [&str; 4] = ["prepare", "migrate", "ticket", "verify"];

/// The tests that throw dice, each its own.
const DICE: usize = 4;

/// Chance, the same for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }

    fn command(&mut self) -> Command {
        match self.below(32) {
            0..=4 => Command::Ship,
            5 => Command::Fix,
            6..=8 => Command::Script(true),
            9 => Command::Script(false),
            10 => Command::Dirty(true),
            11 | 12 => Command::Dirty(false),
            13..=16 => Command::Run,
            17 => Command::DryRun,
            18..=20 => Command::From(usize::try_from(self.below(4)).unwrap()),
            21 => Command::SkipVerify,
            22 => Command::Services,
            23 => Command::TakeNew,
            24 | 25 => Command::Revert,
            26 => Command::Close,
            27 => [Command::Approve, Command::Cancel][usize::try_from(self.below(2)).unwrap()],
            28 | 29 => Command::Kill(self.below(400)),
            30 => Command::Locked,
            _ => Command::Next,
        }
    }
}

/// What must come of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    /// It does what was asked.
    Done,
    /// The ticket's script fails.
    Fails,
    /// A gate says no, or there is nothing to do.
    Refused,
    /// Somebody else holds the host.
    Locked,
    /// More than the model knows decides; whatever comes, what it means is checked.
    Either,
}

/// What the model believes of the ticket in hand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a question of its own")]
struct Believed {
    /// Something past prepare was done in this cycle.
    past_prepare: bool,
    /// The phase it stopped in; none: it did not stop.
    stopped: Option<usize>,
    succeeded: bool,
    reverted: bool,
    closed: bool,
    /// Something happened that the model does not follow: it believes what the record says from then on.
    unsure: bool,
}

/// The world as far as it can be told from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
struct World {
    head: String,
    tree: String,
    calls: usize,
    runs: String,
    image: String,
    data: Vec<String>,
    state: BTreeMap<String, String>,
}

#[expect(clippy::struct_excessive_bools, reason = "each is a question of its own")]
struct Walk {
    host: Host,
    ticket: u32,
    tag: u32,
    ready: bool,
    dirty: bool,
    /// The remote has more than this host.
    pending: bool,
    /// All that it has more is in the ticket's script.
    only_script: bool,
    believed: Believed,
    /// What another ticket left behind, or has pushed, is in the way of this one, or not: more than the model knows.
    others: bool,
}

impl Walk {
    fn new() -> Self {
        let host = Host::new();
        let believed = Believed::default();
        let mut walk = Self {
            host,
            ticket: 1000,
            tag: 1,
            ready: true,
            dirty: false,
            pending: false,
            only_script: false,
            believed,
            others: false,
        };
        std::fs::write(walk.host.root().join("ready"), "").unwrap();
        walk.next_ticket();
        walk
    }

    fn next_ticket(&mut self) {
        let clean = self.believed == Believed::default()
            || self.believed.succeeded && !self.believed.unsure && !self.believed.closed;
        self.others |= self.pending || !clean;
        self.ticket += 1;
        self.believed = Believed::default();
    }

    fn name(&self) -> String {
        self.ticket.to_string()
    }

    fn state(&self) -> BTreeMap<String, String> {
        let path = self.host.workspace(&format!("releases/{}.env", self.ticket));
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let pairs = text.lines().filter_map(|line| line.split_once('='));
        pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    fn value(&self, key: &str) -> String {
        self.state().remove(key).unwrap_or_default()
    }

    fn runs(&self) -> String {
        std::fs::read_to_string(self.host.root().join("runs")).unwrap_or_default()
    }

    fn world(&self) -> World {
        World {
            head: self.host.head(),
            tree: self.host.git(["status", "--porcelain"]).stdout,
            calls: self.host.calls().len(),
            runs: self.runs(),
            image: self.host.image("wikijs"),
            data: crate::support::manifest(&self.host.data("wikijs")),
            state: self.state(),
        }
    }

    /// Pushes a commit; the ticket's script is part of its first.
    fn push(&mut self, fix: bool) {
        let ticket = self.name();
        let root = self.host.root().display().to_string();
        self.tag += 1;
        let body = format!(
            "# {}\necho begin $HOLDPOINT_ATTEMPT >>{root}/runs\ntest -e {root}/ready\necho end $HOLDPOINT_ATTEMPT >>{root}/runs",
            self.tag
        );
        let script = self.host.dev().join(format!("releases/{ticket}-x.sh"));
        if fix || !script.exists() {
            self.host.script(&ticket, "x", &body);
        }
        self.only_script = fix && (self.only_script || !self.pending);
        if fix {
            self.host.push();
        } else {
            let tag = self.tag.to_string();
            self.host.ships(&ticket, "wikijs", &tag);
        }
        self.pending = true;
    }

    /// What must come of `run` in one of its forms.
    #[expect(clippy::match_same_arms, reason = "one arm a situation")]
    fn of_run(&self, from: Option<usize>, take_new: bool) -> Expected {
        let believed = &self.believed;
        if self.dirty {
            return Expected::Refused;
        }
        if believed.unsure || believed.closed || believed.reverted || self.others {
            return Expected::Either;
        }
        let ends = if self.ready { Expected::Done } else { Expected::Fails };
        match (believed.stopped.filter(|_| believed.past_prepare), from) {
            // Nothing that could be gone on with.
            (None, Some(phase)) if phase > 0 => Expected::Refused,
            (None, Some(_)) => Expected::Either,
            (None, None) if self.pending => ends,
            (None, None) => Expected::Refused,
            // Something was begun: it is gone on with, from where it stopped.
            (Some(_), None) => Expected::Refused,
            (Some(_), Some(_)) if take_new => Expected::Either,
            (Some(at), Some(phase)) if phase > at => Expected::Refused,
            (Some(at), Some(phase)) if phase == at => ends,
            (Some(_), Some(_)) => Expected::Either,
        }
    }

    fn run(&self, line: &[&str]) -> Output {
        self.host.run(line.iter().copied())
    }

    /// Carries one command out and holds what came of it against the model.
    fn step(&mut self, command: Command) {
        let ticket = self.name();
        let before = self.world();
        let (expected, output) = match command {
            Command::Ship | Command::Fix => return self.push(command == Command::Fix),
            Command::Script(ready) => {
                let path = self.host.root().join("ready");
                let _ = if ready { std::fs::write(path, "") } else { std::fs::remove_file(path) };
                self.ready = ready;
                return;
            }
            Command::Dirty(dirty) => {
                let path = self.host.prod().join("somebody's work");
                let _ = if dirty { std::fs::write(path, "") } else { std::fs::remove_file(path) };
                self.dirty = dirty;
                return;
            }
            Command::Next => return self.next_ticket(),
            Command::Kill(after) => return self.killed(after, &before),
            Command::Run => (self.of_run(None, false), self.run(&["run", &ticket])),
            Command::Services => {
                let expected = match self.of_run(None, false) {
                    // Named services are released again, with or without new commits.
                    Expected::Refused if !self.dirty && self.believed.stopped.is_none() => Expected::Either,
                    known => known,
                };
                (expected, self.run(&["run", &ticket, "--services", "wikijs"]))
            }
            Command::SkipVerify => {
                (self.of_run(None, false), self.run(&["run", &ticket, "--skip-verify", "--reason", "x"]))
            }
            Command::DryRun => {
                let expected = self.of_run(None, false);
                let output = self.run(&["run", &ticket, "--dry-run"]);
                assert_eq!(self.world(), before, "a dry run changed something\n{output}");
                self.agrees(if expected == Expected::Fails { Expected::Done } else { expected }, &output);
                return;
            }
            Command::From(phase) => (
                self.of_run(Some(phase), false),
                self.run(&["run", &ticket, &format!("--from={}", PHASES[phase])]),
            ),
            Command::TakeNew => (
                self.of_run(Some(2), true),
                self.run(&["run", &ticket, "--from=ticket", "--take-new-commits"]),
            ),
            Command::Revert => return self.revert(&before),
            Command::Close => return self.close(&before),
            Command::Approve => (Expected::Refused, self.run(&["approve", &ticket, "--reason", "x"])),
            Command::Cancel => {
                let attempt = format!("{ticket}@{}", self.value("ATTEMPT").parse().unwrap_or(1));
                (Expected::Refused, self.run(&["cancel", &attempt, "--yes"]))
            }
            Command::Locked => {
                let path = self.host.workspace("host.lock");
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                let lock = OpenOptions::new().create(true).truncate(false).write(true).open(path).unwrap();
                rustix::fs::flock(&lock, FlockOperation::LockExclusive).unwrap();
                let expected = if self.host.workspace("releases").exists() {
                    Expected::Locked
                } else {
                    Expected::Either
                };
                (expected, self.run(&["run", &ticket]))
            }
        };
        self.agrees(expected, &output);
        self.learn(&before, &output);
    }

    /// The exit status is one of those that the model allows.
    fn agrees(&self, expected: Expected, output: &Output) {
        let allowed: &[i32] = match expected {
            Expected::Done => &[0],
            Expected::Fails => &[1],
            Expected::Refused => &[4, 5],
            Expected::Locked => &[3],
            Expected::Either => &[0, 1, 3, 4, 5],
        };
        let code = output.code.unwrap_or(-1);
        assert!(allowed.contains(&code), "{expected:?} of {:?}\n{output}", self.believed);
    }

    /// What an answer means, and what the model believes after it.
    fn learn(&mut self, before: &World, output: &Output) {
        let after = self.world();
        match output.code {
            Some(0) => {
                assert_eq!(after.state["STATUS"], "succeeded", "{output}");
                self.is_whole(&after, output);
                self.believed = Believed { past_prepare: true, succeeded: true, ..Believed::default() };
                // A resume goes on with its own commit: what came meanwhile is the next release's.
                self.pending = self.host.head() != self.origin();
                self.only_script &= self.pending;
            }
            Some(1) => {
                assert!(!self.ready, "only its script fails here\n{output}");
                assert_eq!(
                    (after.state["STATUS"].as_str(), after.state["PHASE"].as_str()),
                    ("failed", "ticket"),
                    "{output}"
                );
                self.believed = Believed { past_prepare: true, stopped: Some(2), ..Believed::default() };
                self.pending = self.host.head() != self.origin();
            }
            _ => {
                // It changed nothing but the record of the refusal.
                let of = |world: &World| {
                    (
                        world.head.clone(),
                        world.tree.clone(),
                        world.calls,
                        world.runs.clone(),
                        world.image.clone(),
                        world.data.clone(),
                    )
                };
                assert_eq!(of(&after), of(before), "what was refused changed something\n{output}");
                let status = |world: &World| world.state.get("STATUS").cloned().unwrap_or_default();
                // A first prepare that was refused stands as failed.
                if self.believed.past_prepare || output.code == Some(3) {
                    assert_eq!(status(&after), status(before), "{output}");
                }
            }
        }
    }

    fn origin(&self) -> String {
        self.host.git_at(&self.host.dev(), ["rev-parse", "HEAD"]).stdout.trim().to_owned()
    }

    /// A release that succeeded is whole: nothing unfinished was left out.
    fn is_whole(&self, after: &World, output: &Output) {
        assert_eq!(after.head, after.state["MERGE_SHA"], "{output}");
        assert_eq!(after.image, self.host.read("packages/wikijs/image").trim(), "{output}");
        assert!(after.tree.is_empty(), "{output}");
        let script = self.host.prod().join(format!("releases/{}-x.sh", self.ticket));
        let ends =
            after.runs.lines().filter(|line| line.starts_with(&format!("end {}@", self.ticket))).count();
        assert!(!script.exists() || ends > 0, "its script never ran to its end\n{output}");
    }

    fn revert(&mut self, before: &World) {
        let output = self.run(&["revert", &self.name(), "--yes", "--discard-writes"]);
        let believed = &self.believed;
        match output.code {
            Some(0) if self.value("STATUS") == "reverted" => {
                let base = self.value("BASE_SHA");
                let tree = |commit: &str| {
                    self.host.git(["rev-parse", &format!("{commit}^{{tree}}")]).exits(0).stdout
                };
                assert_eq!(tree("HEAD"), tree(&base), "{output}");
                assert_eq!(
                    self.host.image("wikijs"),
                    self.host.read("packages/wikijs/image").trim(),
                    "{output}"
                );
                self.believed = Believed { reverted: true, ..Believed::default() };
                self.pending = true;
                self.only_script = false;
            }
            // Nothing was ever changed.
            Some(0) => {
                assert!(!believed.past_prepare || believed.unsure, "{believed:?}\n{output}");
                assert_eq!(self.world().head, before.head, "{output}");
            }
            Some(4) => {
                let clear = believed.past_prepare && !believed.closed && !believed.unsure && !self.dirty;
                assert!(!clear, "{believed:?}\n{output}");
                assert_eq!(
                    (self.world().head, self.world().image),
                    (before.head.clone(), before.image.clone())
                );
            }
            other => panic!("{other:?} of a revert\n{output}"),
        }
    }

    fn close(&mut self, before: &World) {
        let output = self.run(&["close", &self.name(), "--reason", "x"]);
        let believed = self.believed;
        match output.code {
            Some(0) => {
                assert!(
                    !believed.succeeded && !believed.reverted && !believed.closed,
                    "{believed:?}\n{output}"
                );
                assert_eq!(self.value("CLOSED"), "1", "{output}");
                self.believed = Believed { closed: true, ..Believed::default() };
            }
            Some(4) => assert!(
                believed.stopped.is_none() || believed.closed || believed.unsure,
                "{believed:?}\n{output}"
            ),
            other => panic!("{other:?} of a close\n{output}"),
        }
        let after = self.world();
        assert_eq!(
            (after.head, after.image, after.data, after.runs),
            (before.head.clone(), before.image.clone(), before.data.clone(), before.runs.clone())
        );
    }

    /// A run is killed at some moment; whatever it did by then, the record and the world are whole, and it can be gone on with.
    fn killed(&mut self, after: u64, before: &World) {
        let from = self.believed.stopped.filter(|_| self.believed.past_prepare);
        let from = from.map(|phase| format!("--from={}", PHASES[phase]));
        let ticket = self.name();
        let line = ["run", ticket.as_str()].into_iter().chain(from.as_deref());
        let running = self.host.start(line);
        std::thread::sleep(Duration::from_millis(after));
        running.signal(rustix::process::Signal::KILL);
        drop(running);
        // A shim that was just started holds the host before it has said which step it is: so not "still works" is waited for,
        // but that nobody runs. What the record says then is what is believed; the next writer closes what was left open.
        let state = || self.run(&["state", &ticket, "--json"]);
        wait_until("nothing of it runs without its runner", || {
            let said = state();
            said.code != Some(0) || said.json()["state"]["status"] != "running"
        });
        let said = state();
        if said.code == Some(4) {
            assert_eq!(self.host.head(), before.head, "it moved the tree and says nothing of it\n{said}");
            return;
        }
        said.exits(0);
        let moved = self.host.head() != before.head;
        let log = self.host.log(&ticket);
        assert!(!moved || log.contains("step=git.merge") || log.contains("step=git.unrevert"), "{log}");
        self.believed = Believed { unsure: true, ..Believed::default() };
        self.pending = self.host.head() != self.origin();
        self.settle();
    }

    /// After a kill: going on leads to the end, and the end is whole. What is undecided is decided by a person.
    fn settle(&mut self) {
        let _ = std::fs::write(self.host.root().join("ready"), "");
        let _ = std::fs::remove_file(self.host.prod().join("somebody's work"));
        (self.ready, self.dirty) = (true, false);
        let ticket = self.name();
        for _ in 0..4 {
            let (status, phase) = (self.value("STATUS"), self.value("PHASE"));
            if matches!(status.as_str(), "succeeded" | "reverted" | "canceled") {
                break;
            }
            let before = self.world();
            let from = format!("--from={phase}");
            // Killed so early that nothing but the log has it: then it begins anew.
            let resumed = (!phase.is_empty()).then(|| self.run(&["run", &ticket, &from]));
            let output = resumed.filter(|output| output.code != Some(4));
            let output = output.unwrap_or_else(|| self.run(&["run", &ticket]));
            match output.code {
                Some(0) => {
                    self.believed = Believed { unsure: false, ..self.believed };
                    self.learn(&before, &output);
                    return;
                }
                Some(4 | 5) => {
                    self.learn(&before, &output);
                    break;
                }
                Some(8) => {
                    let step = self.value("FAILED_STEP");
                    let said = format!("{}{}", output.stdout, output.stderr);
                    let known =
                        said.split("--run-again=").nth(1).and_then(|rest| rest.split_whitespace().next());
                    let step = known.map_or(step, str::to_owned);
                    self.run(&["run", &ticket, &format!("--run-again={step}")]).exits(0);
                }
                other => panic!("{other:?} when going on after a kill\n{output}"),
            }
        }
    }

    /// What always holds.
    fn holds(&self) {
        let log = self.host.workspace(&format!("releases/{}.log", self.ticket));
        if !log.exists() {
            return;
        }
        self.run(&["log", &self.name(), "--verify"]).exits(0);
        // Of a ticket that was never begun there is a log when something was refused, and no more.
        let begun = self.host.workspace(&format!("releases/{}.env", self.ticket)).exists();
        self.run(&["state", &self.name()]).exits(if begun { 0 } else { 4 }).hides("rebuilt");
        // Steps that ended well are not done twice in one attempt.
        for line in self.runs().lines().filter(|line| line.starts_with("end ")) {
            let times = self.runs().lines().filter(|other| *other == line).count();
            assert_eq!(times, 1, "{line} {times} times\n{}", self.host.log(&self.name()));
        }
    }
}

/// Carries a sequence out on a fresh host; the error says at which command and why.
fn carry_out(commands: &[Command]) -> Result<(), (usize, String)> {
    let mut walk = Walk::new();
    for (at, command) in commands.iter().enumerate() {
        let done = catch_unwind(AssertUnwindSafe(|| {
            walk.step(*command);
            walk.holds();
        }));
        done.map_err(|panic| {
            let text = panic.downcast_ref::<String>().cloned();
            (
                at,
                text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
                    .unwrap_or_default(),
            )
        })?;
    }
    Ok(())
}

/// Leaves out what is not needed for the sequence to fail.
fn shrunk(mut commands: Vec<Command>, mut why: String) -> (Vec<Command>, String) {
    let mut at = commands.len();
    let mut tries = 60;
    while at > 0 && tries > 0 {
        at -= 1;
        tries -= 1;
        let mut fewer = commands.clone();
        fewer.remove(at);
        if let Err((last, shorter)) = carry_out(&fewer) {
            fewer.truncate(last + 1);
            at = at.min(fewer.len());
            (commands, why) = (fewer, shorter);
        }
    }
    (commands, why)
}

/// Sequences of one dice, until so many commands were carried out.
fn walks(of: usize) {
    Tally::end_all(side_by_side((of, DICE), |(dice, of)| vec![walks_of(dice, of)]));
}

/// The same for one of so many dice, which together make all the steps that are wanted.
fn walks_of(of: usize, dice: usize) -> Tally {
    let steps = short_or_full(50 * DICE, 100_000).div_ceil(dice);
    let of = u64::try_from(of + 1).unwrap();
    let mut dice = Dice((seed() ^ of.wrapping_mul(0x9e37_79b9_7f4a_7c15)) | 1);
    let mut tally = Tally::new("P7", "random commands against a model");
    let mut done = 0;
    while done < steps {
        let commands: Vec<Command> = (0..20).map(|_| dice.command()).collect();
        done += commands.len();
        let broken = carry_out(&commands).err().map(|(at, why)| {
            let (commands, why) = shrunk(commands[..=at].to_vec(), why);
            format!("dice {of}: {commands:?}: {why}")
        });
        tally.add(commands.len(), broken);
    }
    tally
}

#[test]
fn first_dice() {
    walks(0);
}

#[test]
fn second_dice() {
    walks(1);
}

#[test]
fn third_dice() {
    walks(2);
}

#[test]
fn fourth_dice() {
    walks(3);
}

#[test]
fn what_the_model_does_not_allow_is_found_and_cut_down() {
    // The program does nothing that the model does not allow, so the model is given a wrong belief.
    let mut walk = Walk::new();
    walk.step(Command::Ship);
    walk.pending = false;
    let wrong = catch_unwind(AssertUnwindSafe(|| walk.step(Command::Run)));
    assert!(wrong.is_err(), "a run that does something where the model says that there is nothing is found");
    assert_eq!(carry_out(&[Command::Ship, Command::Run]), Ok(()));
}

#[test]
fn what_came_while_a_release_was_halted_is_the_next_releases() {
    use Command::{DryRun, From, Run, Script, Ship};
    assert_eq!(carry_out(&[Ship, Script(false), Run, Ship, Script(true), From(2), DryRun, Run]), Ok(()));
}

#[test]
fn of_two_releases_of_one_commit_the_second_is_taken_back_first() {
    use Command::{Next, Revert, Services};
    assert_eq!(carry_out(&[Services, Next, Services, Revert]), Ok(()));
}
