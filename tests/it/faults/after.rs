//! What must hold after something went wrong, whatever it was, and the way on that the program itself names.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::FlockOperation;

use super::nth::Struck;
use super::stage::{Stage, Verb};
use crate::support::{Host, Output, wait_until};

/// P1: the state file is not there, or whole; and the log is.
pub(super) fn records_are_whole(stage: &Stage) {
    let host = &stage.host;
    if let Ok(bytes) = std::fs::read(host.workspace("releases/1234.env")) {
        let text = String::from_utf8(bytes).unwrap();
        let (body, end) = text.split_once("#end crc32=").unwrap_or_else(|| panic!("no last line:\n{text}"));
        assert_eq!(end, format!("{:08x}\n", crc32fast::hash(body.as_bytes())), "{text}");
        assert!(body.contains("TICKET=1234\n"), "{text}");
    }
    if log(host).is_empty() {
        return;
    }
    host.run(["log", "1234", "--verify"]).exits(0);
}

/// P2: whatever was shown is on record.
pub(super) fn what_was_shown_is_recorded(stage: &Stage, struck: &Struck) {
    let log = log(&stage.host);
    for line in struck.output.stdout.lines() {
        // The last one may have been cut off.
        let Ok(event) = serde_json::from_str::<serde_json::Value>(line) else { continue };
        let (Some(seq), Some(kind)) = (event["seq"].as_u64(), event["event"].as_str()) else { continue };
        let recorded = format!(" event={kind} ");
        let record = log.lines().find(|line| line.contains(&format!(" seq={seq} ")));
        let record = record.unwrap_or_else(|| panic!("{kind} {seq} was shown and is not on record:\n{log}"));
        assert!(record.contains(&recorded), "shown as {kind}: {record}");
    }
}

/// P3: nothing was done that the log did not name first.
pub(super) fn what_was_done_was_named(stage: &Stage) {
    let log = log(&stage.host);
    let named = |step: &str| {
        let ends = format!(" step={step} ");
        log.lines().filter(|line| line.contains(" event=step-start ") && line.contains(&ends)).count()
    };
    let back = if stage.verb == Verb::Revert { "revert." } else { "" };
    for call in stage.calls() {
        let verb = call.split(' ').nth(1).unwrap();
        assert!(named(&format!("{back}wikijs.{verb}")) > 0, "`{call}` has no intent:\n{log}");
    }
    let [_, now] = stage.ran();
    for (mark, step) in [("a", "1234-a-first.sh"), ("b", "1234-b-fix.sh")] {
        let times = now.iter().filter(|line| *line == mark).count();
        assert!(times <= named(step), "{step} ran {times} times with {} intents:\n{log}", named(step));
    }
}

/// P9: what outlived it ends by itself, soon.
pub(super) fn what_works_comes_to_its_end(host: &Host) {
    wait_until("every step ended", || shims(host).is_empty());
}

/// P7: the release does not stand as running, and says what to type.
pub(super) fn nobody_is_stuck_in_running(stage: &Stage) {
    let output = stage.host.run(["state", "1234", "--json"]);
    if output.code == Some(4) {
        // Nothing of it is on record yet.
        return;
    }
    let status = status(&output);
    let rests = ["interrupted", "failed", "undecided", "succeeded"];
    let back = ["revert-interrupted", "stuck", "revert-undecided", "reverted"];
    let known = rests.iter().chain(&back).any(|rest| *rest == status);
    assert!(known, "it stands as {status}\n{output}");
}

fn status(output: &Output) -> String {
    let output = output.clone().exits(0);
    output.json()["state"]["status"].as_str().unwrap_or_else(|| panic!("no status\n{output}")).to_owned()
}

/// P7: goes on as the program says, to the same end as if nothing had happened. Returns what was typed.
pub(super) fn it_reaches_the_same_end(stage: &Stage) -> Vec<String> {
    let typed = go_on(stage);
    let reached = stage.reached();
    assert_eq!(reached, stage.end, "after {typed:#?}\n{}", log(&stage.host));
    let log = log(&stage.host);
    let output = stage.host.run(["state", "1234", "--json"]);
    assert_eq!(status(&output), stage.verb.goal(), "after {typed:#?}\n{log}");
    stage.host.run(["log", "1234", "--verify"]).exits(0);
    the_log_tells_all(&stage.host);
    typed
}

/// P7: what began has its end on record: each runner's, before the next one went on, and each step's.
fn the_log_tells_all(host: &Host) {
    let (mut lives, mut open) = (false, BTreeSet::new());
    let log = log(host);
    for record in host.events("1234") {
        let words: Vec<&str> = record.split(' ').collect();
        let (event, step) = (words[1], words.get(2).copied().unwrap_or_default());
        match event {
            "started" | "resumed" | "reverting" => {
                assert!(!lives, "a runner is gone, and `{event}` follows without a word of it:\n{log}");
                lives = true;
            }
            "interrupted" | "failed" | "undecided" | "stuck" | "succeeded" | "reverted" => lives = false,
            // A new attempt has looked for itself what is there.
            "created" => open.clear(),
            "step-start" => drop(open.insert(step.to_owned())),
            "step-done" | "step-verified" | "step-failed" | "marked-done" => drop(open.remove(step)),
            _ => {}
        }
    }
    assert!(open.is_empty(), "without an end on record: {open:?}\n{log}");
}

/// P8: a release that was taken back stays taken back.
pub(super) fn twice_is_once(stage: &Stage) {
    let before = stage.calls();
    stage.host.run(["revert", "1234", "--yes"]).exits(0);
    assert_eq!(stage.reached(), stage.end);
    assert_eq!(stage.calls(), before, "the service was told something again");
}

fn go_on(stage: &Stage) -> Vec<String> {
    let mut typed: Vec<String> = Vec::new();
    let said = stage.host.run(["state", "1234"]);
    if said.code == Some(0) && status(&stage.host.run(["state", "1234", "--json"])) == stage.verb.goal() {
        return typed;
    }
    let mut line = next(stage, &said).unwrap_or_else(|| original(stage.verb));
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let output = stage.host.types(&line);
        typed.push(format!("{line} → {:?}", output.code));
        match output.code {
            Some(0) => return typed,
            Some(3) if typed.len() < 20 => std::thread::sleep(Duration::from_millis(50)),
            _ => {
                let next = next(stage, &output);
                line = next.unwrap_or_else(|| panic!("nothing to type after {typed:#?}\n{output}"));
            }
        }
        assert!(
            typed.len() < 8 || output.code == Some(3) && typed.len() < 25,
            "no end after {typed:#?}\n{output}"
        );
        assert!(Instant::now() < deadline, "no end after {typed:#?}\n{output}");
    }
}

fn original(verb: Verb) -> String {
    let arguments: Vec<&str> = verb.arguments().iter().copied().filter(|word| *word != "--json").collect();
    format!("holdpoint {}", arguments.join(" "))
}

/// The command that an output says to type, of the verb that is wanted.
fn next(stage: &Stage, output: &Output) -> Option<String> {
    let verb = if stage.verb == Verb::Revert { "holdpoint revert 1234" } else { "holdpoint run 1234" };
    let text = format!("{}\n{}", output.stdout, output.stderr);
    let commands = text.lines().filter_map(|line| {
        let from = line.find(verb)?;
        Some(line[from..].split('`').next().unwrap_or_default().trim().to_owned())
    });
    let commands: Vec<String> = commands.collect();
    // Whether the step was done, somebody must have looked: here what it leaves tells.
    let [_, ran] = stage.ran();
    let marked = commands
        .iter()
        .filter(|command| command.contains("--mark-done=") || command.contains("--run-again="));
    let is_true = |command: &&String| {
        let mark = ["a-first", "b-fix"].iter().find(|script| command.contains(*script));
        // What the service is told may be told again.
        let done = mark.is_some_and(|script| ran.iter().any(|line| script.starts_with(line)));
        command.contains(if done { "--mark-done=" } else { "--run-again=" })
    };
    let unmarked = commands
        .iter()
        .find(|command| !command.contains("--mark-done=") && !command.contains("--run-again="));
    let mut command = marked.clone().find(is_true).or(unmarked)?.clone();
    if stage.verb == Verb::Revert && !command.contains("--yes") {
        command.push_str(" --yes");
    }
    Some(command)
}

/// Nothing of it is left that belongs to nobody: processes, locks, files that were to get another name.
pub(super) fn nothing_is_left(stage: &Stage) {
    let host = &stage.host;
    assert_eq!(shims(host), [0_i32; 0], "shims live on");
    for lock in ["host.lock", "host.fence"] {
        let file = File::open(host.workspace(lock)).unwrap();
        assert!(rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok(), "{lock} is held");
    }
    if unfinished(host).is_empty() {
        return;
    }
    // Where nothing was left to do, nobody took the host since: whoever does next clears away.
    host.run(["backup", "take"]).exits(0);
    assert_eq!(unfinished(host), [""; 0], "left behind");
}

/// What was to get another name, or to be removed.
fn unfinished(host: &Host) -> Vec<String> {
    let mut names = Vec::new();
    everything(&host.workspace(""), &mut names);
    let temporary = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.starts_with(".open-")
            || path.extension().is_some_and(|ending| ending == "tmp")
            || name == "spool"
    };
    names.into_iter().filter(temporary).map(|path| path.display().to_string()).collect()
}

fn everything(folder: &Path, names: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            everything(&path, names);
        }
        names.push(path);
    }
}

/// Living shims of steps of this host.
fn shims(host: &Host) -> Vec<i32> {
    let ours = host.root().to_str().unwrap();
    let processes = std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let is_shim = |pid: &i32| {
        let words = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let words = String::from_utf8_lossy(&words);
        words.contains("\0__step\0") && words.contains(ours)
    };
    processes.filter(is_shim).collect()
}

fn log(host: &Host) -> String {
    std::fs::read_to_string(host.workspace("releases/1234.log")).unwrap_or_default()
}
