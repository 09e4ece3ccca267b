//! Something goes wrong in the n-th system call: `nth.c`, built and run, and what it wrote down.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::support::{Host, Output, skip};

/// Whose calls are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    /// The program's own, in all its threads.
    Runner,
    /// Those of the shim of this step.
    Shim(&'static str),
}

/// A call among those of a run, so that it is found in the next one: the how-manieth of its name on its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Point {
    call: String,
    nth: usize,
}

/// What happens at the call that is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Strike {
    /// Nothing: every call is listed.
    None,
    /// The process is killed as it makes this one.
    Kill(Point),
    /// This one is not made and fails with this error.
    Error(Point, i32),
}

/// A system call that was counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Call {
    /// Its number, from 1.
    pub(super) number: usize,
    pub(super) name: String,
    /// The file that it is about, as far as that is known.
    pub(super) file: String,
    /// `creat`, `write`, or both, of an open.
    pub(super) flags: String,
    /// What is written, a newline as `\n`.
    pub(super) text: String,
    /// What came of it, and after which call had begun; none where it never returned.
    pub(super) result: Option<(i64, usize)>,
    /// Here something went wrong.
    pub(super) struck: bool,
}

impl Call {
    /// Whether it may change something that outlives the process. A process that is killed as it makes another one leaves
    /// what it leaves when it is killed at the next of these.
    pub(super) fn changes(&self) -> bool {
        match self.name.as_str() {
            "read" | "pread64" | "clone" | "clone3" => false,
            "open" | "openat" | "openat2" => self.flags.contains("creat"),
            "write" | "writev" => self.is_file(),
            _ => true,
        }
    }

    /// Whether it is about a file in the ordinary sense.
    pub(super) fn is_file(&self) -> bool {
        self.file.starts_with('/') && !self.file.starts_with("/dev/") && !self.file.starts_with("/proc/")
    }
}

/// A run in which something went wrong, or nothing.
#[derive(Debug)]
pub(super) struct Struck {
    /// What it said and how it ended.
    pub(super) output: Output,
    /// The calls that were counted.
    pub(super) calls: Vec<Call>,
}

impl Struck {
    /// The call that was struck; none where there were not that many.
    pub(super) fn at(&self) -> Option<&Call> {
        self.calls.iter().find(|call| call.struck)
    }
}

/// Runs the program on a host; none where processes may not be traced.
pub(super) fn run(host: &Host, who: Who, strike: &Strike, arguments: &[&str]) -> Option<Struck> {
    let [trace, stdout, stderr] = ["calls.trace", "stdout", "stderr"].map(|name| host.root().join(name));
    let (mode, call, nth) = match strike {
        Strike::None => ("kill".to_owned(), "-", 0),
        Strike::Kill(point) => ("kill".to_owned(), point.call.as_str(), point.nth),
        Strike::Error(point, error) => (error.to_string(), point.call.as_str(), point.nth),
    };
    let who = match who {
        Who::Runner => "runner".to_owned(),
        Who::Shim(step) => format!("shim:{step}"),
    };
    let mut command = host.command(helper()?.to_str().unwrap(), &host.prod());
    command
        .args([&who, &mode, call, &nth.to_string()])
        .arg(&trace)
        .args(["--", host.program()])
        .args(arguments);
    // Files, not pipes: what a release starts may hold them open beyond its end.
    command.stdin(Stdio::null());
    command.stdout(File::create(&stdout).unwrap()).stderr(File::create(&stderr).unwrap());
    let code = command.status().unwrap().code();
    let text = |path: &PathBuf| String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned();
    let command = format!("holdpoint {}", arguments.join(" "));
    let output = Output { command, code, stdout: text(&stdout), stderr: text(&stderr), scene: String::new() };
    assert!(!matches!(code, Some(98 | 99)), "nth.c itself failed\n{output}");
    Some(Struck { output, calls: calls(&text(&trace)) })
}

/// Where each call of a run is found again.
pub(super) fn points(calls: &[Call]) -> Vec<Point> {
    let mut met: BTreeMap<String, usize> = BTreeMap::new();
    let point = |call: &Call| {
        let call = format!("{} {}", call.name, unnumbered(&call.file));
        let nth = met.entry(call.clone()).or_default();
        *nth += 1;
        Point { call, nth: *nth }
    };
    calls.iter().map(point).collect()
}

/// With `#` for every run of digits.
fn unnumbered(file: &str) -> String {
    let mut text = String::new();
    for c in file.chars() {
        if !c.is_ascii_digit() {
            text.push(c);
        } else if !text.ends_with('#') {
            text.push('#');
        }
    }
    text
}

fn calls(trace: &str) -> Vec<Call> {
    let mut calls: Vec<Call> = Vec::new();
    for line in trace.lines() {
        let words: Vec<&str> = line.split('\t').collect();
        let [number, name, rest @ ..] = words.as_slice() else { continue };
        let number: usize = number.parse().unwrap();
        let begun = calls.last().map_or(0, |call| call.number);
        match (*name, rest) {
            ("!", []) => {
                if let Some(call) = calls.iter_mut().rfind(|call| call.number == number) {
                    call.struck = true;
                }
            }
            ("=", [result]) => {
                if let Some(call) = calls.iter_mut().rfind(|call| call.number == number) {
                    call.result = Some((result.parse().unwrap(), begun));
                }
            }
            (name, [file, flags, text]) => calls.push(Call {
                number,
                name: name.to_owned(),
                file: (*file).to_owned(),
                flags: (*flags).to_owned(),
                text: (*text).to_owned(),
                result: None,
                struck: false,
            }),
            _ => {}
        }
    }
    calls
}

/// Built with the compiler that links Rust programs, once for all test processes.
fn helper() -> Option<&'static PathBuf> {
    static HELPER: OnceLock<Option<PathBuf>> = OnceLock::new();
    let helper = HELPER.get_or_init(|| {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/faults/nth.c");
        let own = folder.join(format!("nth.{}", std::process::id()));
        let compiled = Command::new("cc").args(["-Wall", "-O1", "-o"]).arg(&own).arg(source).status();
        assert!(compiled.is_ok_and(|status| status.success()), "`cc` cannot compile {source}");
        let built = folder.join("nth");
        std::fs::rename(&own, &built).unwrap();
        let probe =
            Command::new(&built).args(["runner", "kill", "-", "0", "/dev/null", "--", "true"]).status();
        probe.is_ok_and(|status| status.success()).then_some(built)
    });
    if helper.is_none() {
        skip("processes may not be traced here");
    }
    helper.as_ref()
}
