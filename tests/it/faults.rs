//! What goes wrong on purpose: runners, shims and steps that are killed, hang, or will not end.

mod cancel;
mod held;
mod nth;
mod order;
mod outlived;
mod planted;
mod shapes;
mod tally;

use crate::support::{Host, Running, wait_until};

/// A host whose ticket script counts its runs, says that it began, and waits until it is let go; then it exits with what
/// `go` holds. Another script comes after it.
fn waiting() -> Host {
    let host = Host::new();
    let root = host.root().display();
    let body = format!(
        "echo once more >>{root}/runs\ntouch {root}/began\nuntil [ -e {root}/go ]; do sleep 0.02; done\n\
         exit $(cat {root}/go)"
    );
    host.script("1234", "a-waits", &body);
    host.script("1234", "b-after", &format!("touch {root}/after"));
    host.ships("1234", "wikijs", "2");
    host
}

fn begun(host: &Host) -> Running {
    let running = host.start(["run", "1234"]);
    wait_until("the script began", || host.root().join("began").exists());
    running
}

/// A runner that is gone from one moment to the next, and its step that goes on.
fn orphaned() -> Host {
    let host = waiting();
    let running = begun(&host);
    running.signal(rustix::process::Signal::KILL);
    drop(running);
    host
}

fn let_go(host: &Host, status: i32) {
    std::fs::write(host.root().join("new"), format!("{status}\n")).unwrap();
    std::fs::rename(host.root().join("new"), host.root().join("go")).unwrap();
}

/// How often the waiting script ran.
fn runs(host: &Host) -> usize {
    std::fs::read_to_string(host.root().join("runs")).map_or(0, |text| text.lines().count())
}

/// The number in one of the small files that a step's shim wrote.
fn pid_in(host: &Host, file: &str) -> i32 {
    let steps = host.workspace("releases/1234/1/steps");
    let step = std::fs::read_dir(steps).unwrap().map(|entry| entry.unwrap().path());
    let step = step.into_iter().find(|path| path.to_string_lossy().ends_with("1234-a-waits.sh")).unwrap();
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
