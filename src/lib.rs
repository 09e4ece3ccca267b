//! `holdpoint`: a release runner for people who ship to their own production hosts.
//!
//! Data goes one way: text is parsed (`manifest`) and the world is observed (`ops::facts`) into `Facts`; `decide` turns
//! facts into a `Plan` without touching anything; `engine` carries the plan out and emits `RunEvent`s; `store` keeps
//! them in the audit log, of which the state file is a projection; `report` renders values for people and programs.

/// Counts cases of a promise that held, where `./test.sh --faults` and README's reliability page find them.
#[cfg(test)]
macro_rules! count_cases {
    ($promise:literal, $what:literal, $cases:expr) => {{
        #[expect(clippy::disallowed_methods, reason = "a test says what it tried")]
        fn write(line: &str) {
            if let Some(path) = std::env::var_os("HOLDPOINT_FAULT_RESULTS") {
                let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
                std::io::Write::write_all(&mut file, line.as_bytes()).unwrap();
            }
        }
        let cases = $cases;
        write(&format!("{}\t{}\t{cases}\t{cases}\n", $promise, $what));
    }};
}

/// Whether every case is wanted (`HOLDPOINT_FAULTS=full`), or as many as the gate has time for.
#[cfg(test)]
macro_rules! all_cases_wanted {
    () => {
        $crate::sys::process::env("HOLDPOINT_FAULTS").as_deref() == Some("full")
    };
}

/// Properties of one parser (P12), written as for `proptest!`: 10,000 cases each in the full form.
#[cfg(test)]
macro_rules! parser {
    ($what:literal; $($(#[$meta:meta])* fn $name:ident($($value:pat in $values:expr),+ $(,)?) $body:block)+) => {$(
        $(#[$meta])*
        fn $name() {
            let mut config = proptest::test_runner::Config { source_file: Some(file!()), ..Default::default() };
            if all_cases_wanted!() {
                config.cases = config.cases.max(10_000);
            }
            let cases = config.cases;
            let mut runner = proptest::test_runner::TestRunner::new(config);
            let held = runner.run(&($($values,)+), |($($value,)+)| {
                $body;
                Ok(())
            });
            held.unwrap_or_else(|why| panic!("{why}"));
            count_cases!("P12", $what, cases);
        }
    )+};
}

pub mod cli;
pub mod decide;
pub mod drivers;
pub mod engine;
pub mod fleet;
pub mod http;
pub mod manifest;
pub mod model;
pub mod ops;
pub mod report;
pub mod store;
pub mod sys;
