//! Counting: how many cases of a promise were tried, and which did not hold. The counts are what README's reliability page
//! shows, so they are kept in a file where `./test.sh --faults` finds them.

use std::fs::OpenOptions;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Whether every case is wanted (`HOLDPOINT_FAULTS=full`), or as many as the gate has time for.
pub(crate) fn full() -> bool {
    std::env::var_os("HOLDPOINT_FAULTS").is_some_and(|value| value == "full")
}

/// One of two numbers: for the gate, or for the full form.
pub(crate) fn short_or_full(short: usize, all: usize) -> usize {
    if full() { all } else { short }
}

/// Which part of how many is wanted of the full form (`HOLDPOINT_FAULTS_PART=3/10`, counted from 1); else the whole.
pub(crate) fn part() -> (usize, usize) {
    let Ok(text) = std::env::var("HOLDPOINT_FAULTS_PART") else { return (0, 1) };
    let (part, of) = text.split_once('/').expect("HOLDPOINT_FAULTS_PART is like 3/10");
    let (part, of): (usize, usize) = (part.parse().unwrap(), of.parse().unwrap());
    assert!((1..=of).contains(&part), "HOLDPOINT_FAULTS_PART={text}: there is no such part");
    (part - 1, of)
}

/// Tries one shard of how many; in the full form this machine's processors share it, each on a host of its own.
pub(crate) fn side_by_side(
    (shard, shards): (usize, usize),
    tries: impl Fn((usize, usize)) -> Vec<Tally> + Sync,
) -> Vec<Tally> {
    if !full() {
        return tries((shard, shards));
    }
    let (part, parts) = part();
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let tries = &tries;
    let own = |worker| (((shard * parts + part) * workers + worker), shards * parts * workers);
    let all: Vec<Vec<Tally>> = std::thread::scope(|scope| {
        let started: Vec<_> = (0..workers).map(|worker| scope.spawn(move || tries(own(worker)))).collect();
        // All end before one that failed ends the test.
        let ended: Vec<_> = started.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
        ended.into_iter().map(|end| end.unwrap_or_else(|why| std::panic::resume_unwind(why))).collect()
    });
    let mut all = Tally::together(all.into_iter().flatten());
    // A small part may have nothing to do.
    all.retain(|tally| parts == 1 || tally.cases > 0);
    all
}

/// What chance is made from: `HOLDPOINT_FAULTS_SEED`, or the same every time. A failing case names it.
pub(crate) fn seed() -> u64 {
    std::env::var("HOLDPOINT_FAULTS_SEED").map_or(20_261_121, |text| text.parse().unwrap())
}

/// Tries something; what it asserts in vain is its error.
pub(crate) fn attempt<T>(case: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(case)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("?").to_owned()
    })
}

/// The cases of one promise.
#[derive(Debug)]
pub(crate) struct Tally {
    promise: &'static str,
    what: &'static str,
    cases: usize,
    broken: Vec<String>,
}

impl Tally {
    /// Counts the cases of a promise of the reliability page (`P1`…`P16`), of one kind. `planted`: bugs.
    pub(crate) fn new(promise: &'static str, what: &'static str) -> Self {
        Self { promise, what, cases: 0, broken: Vec::new() }
    }

    /// Tries one case. What it asserts is caught, so that the others are tried, too.
    pub(crate) fn case<T>(&mut self, name: &str, case: impl FnOnce() -> T) -> Option<T> {
        self.cases += 1;
        match attempt(case) {
            Ok(value) => Some(value),
            Err(why) => {
                self.broken.push(format!("{name}: {why}"));
                None
            }
        }
    }

    /// Counts what was tried elsewhere.
    pub(crate) fn add(&mut self, cases: usize, broken: impl IntoIterator<Item = String>) {
        self.cases += cases;
        self.broken.extend(broken);
    }

    /// How many cases were tried.
    pub(crate) fn cases(&self) -> usize {
        self.cases
    }

    /// The cases that did not hold.
    pub(crate) fn broken(&self) -> &[String] {
        &self.broken
    }

    /// One count for all of the same promise and kind.
    fn together(tallies: impl IntoIterator<Item = Self>) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        for tally in tallies {
            let same = |other: &&mut Self| (other.promise, other.what) == (tally.promise, tally.what);
            match all.iter_mut().find(same) {
                Some(count) => count.add(tally.cases, tally.broken),
                None => all.push(tally),
            }
        }
        all
    }

    /// Writes all counts down; panics when a case of any of them did not hold.
    pub(crate) fn end_all(tallies: Vec<Self>) {
        let ends = tallies.into_iter().map(|tally| catch_unwind(AssertUnwindSafe(|| tally.end())));
        let broken: Vec<_> = ends.filter_map(Result::err).collect();
        if let Some(first) = broken.into_iter().next() {
            std::panic::resume_unwind(first);
        }
    }

    /// Writes the count down, unless it is of no promise (`-`); panics when a case did not hold.
    #[track_caller]
    pub(crate) fn end(self) {
        let held = self.cases - self.broken.len();
        let line = format!("{}\t{}\t{held}\t{}\n", self.promise, self.what, self.cases);
        print!("{line}");
        let results = std::env::var_os("HOLDPOINT_FAULT_RESULTS").filter(|_| self.promise != "-");
        if let Some(path) = results {
            let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
            file.write_all(line.as_bytes()).unwrap();
        }
        assert!(self.cases > 0, "no case was tried: {}", self.what);
        let shown: Vec<&String> = self.broken.iter().take(10).collect();
        assert!(
            self.broken.is_empty(),
            "{} of {} cases of `{}` did not hold (seed {}): {shown:#?}",
            self.broken.len(),
            self.cases,
            self.what,
            seed(),
        );
    }
}

#[test]
fn a_case_that_does_not_hold_is_counted_and_fails_at_the_end() {
    let mut tally = Tally::new("-", "nothing");
    tally.case("good", || ());
    tally.case("bad", || panic!("no"));
    tally.add(1, []);
    assert_eq!(tally.broken(), ["bad: no"]);
    let mut other = Tally::new("-", "nothing");
    other.case("worse", || panic!("no"));
    let together = Tally::together([tally, other, Tally::new("-", "something else")]);
    assert_eq!(together.len(), 2);
    let [tally, _] = <[Tally; 2]>::try_from(together).unwrap();
    assert_eq!((tally.cases, tally.broken()), (4, ["bad: no".to_owned(), "worse: no".to_owned()].as_slice()));
    assert_eq!(short_or_full(1, 2), if full() { 2 } else { 1 });
    assert!(catch_unwind(AssertUnwindSafe(|| tally.end())).is_err());
    assert!(catch_unwind(AssertUnwindSafe(|| Tally::new("-", "nothing").end())).is_err());
}
