//! What goes wrong on purpose: runners, shims and steps that are killed, hang, or will not end.

mod after;
mod cancel;
mod corpus;
mod errors;
mod full;
mod group;
mod held;
mod model;
mod nth;
mod onward;
mod order;
mod outlived;
mod planted;
mod power;
mod racing;
mod shapes;
mod stage;
mod sweeps;
mod terminal;

pub(crate) use crate::support::tally;
use crate::support::{Host, begun, waiting};

/// A runner that is gone from one moment to the next, and its step that goes on.
fn orphaned() -> Host {
    let host = waiting();
    let running = begun(&host);
    running.signal(rustix::process::Signal::KILL);
    drop(running);
    host
}

/// How often the waiting script ran.
fn runs(host: &Host) -> usize {
    std::fs::read_to_string(host.root().join("runs")).map_or(0, |text| text.lines().count())
}

/// The folder of the waiting script.
fn step_folder(host: &Host) -> std::path::PathBuf {
    let steps = host.workspace("releases/1234/1/steps");
    let step = std::fs::read_dir(steps).unwrap().map(|entry| entry.unwrap().path());
    step.into_iter().find(|path| path.to_string_lossy().ends_with("1234-a-waits.sh")).unwrap()
}

/// The number in one of the small files that a step's shim wrote.
fn pid_in(host: &Host, file: &str) -> i32 {
    let step = step_folder(host);
    let text = std::fs::read_to_string(step.join(file)).unwrap();
    text.lines().find_map(|line| line.strip_prefix("pid=")).unwrap().parse().unwrap()
}

fn kill(pid: i32) {
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

fn lives(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}
