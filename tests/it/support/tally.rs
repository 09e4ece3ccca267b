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

    /// The cases that did not hold.
    pub(crate) fn broken(&self) -> &[String] {
        &self.broken
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
    assert_eq!(short_or_full(1, 2), if full() { 2 } else { 1 });
    assert!(catch_unwind(AssertUnwindSafe(|| tally.end())).is_err());
    assert!(catch_unwind(AssertUnwindSafe(|| Tally::new("-", "nothing").end())).is_err());
}
