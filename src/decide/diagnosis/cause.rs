//! The likely cause and the first action, by phase and symptom (the tables of design/05).

use super::seen::{DiagnosisSeen, typeable};
use crate::model::diagnosis::FailureKind;
use crate::model::phase::Phase;
use crate::model::release::Status;
use crate::model::view::NextCommand;

/// Likely cause, and what to do first.
pub(super) struct Found {
    pub(super) cause: String,
    pub(super) first: Vec<NextCommand>,
}

pub(super) fn of(seen: &DiagnosisSeen<'_>, kind: FailureKind, unwell: &[String]) -> Found {
    match kind {
        FailureKind::Nothing => over(seen),
        FailureKind::AtWork => {
            let watch = format!("holdpoint log {} -f", seen.state.ticket);
            found("a runner is at work on it", vec![next("to watch it", watch)])
        }
        FailureKind::Held => found("it waits at a hold point", Vec::new()),
        FailureKind::Validation => validation(seen),
        FailureKind::Execution => execution(seen),
        FailureKind::Health => health(seen, unwell),
        FailureKind::Script => script(seen),
        FailureKind::Undecided => undecided(seen),
        FailureKind::Interrupted => found("it was stopped between or within steps", Vec::new()),
        FailureKind::Revert => revert(seen),
        FailureKind::Unknown => unknown(seen),
    }
}

fn found(cause: impl Into<String>, first: Vec<NextCommand>) -> Found {
    Found { cause: cause.into(), first }
}

/// Nothing of it is in the way: how it is over.
fn over(seen: &DiagnosisSeen<'_>) -> Found {
    let back = seen.state.status == Status::Reverted;
    let said = match (back, seen.on_top) {
        (true, None) => return found("it was taken back", Vec::new()),
        (false, None) => return found("it has not failed", Vec::new()),
        (true, Some(later)) => format!("it was taken back, and `{later}` was released since"),
        (false, Some(later)) => format!("it has not failed, and `{later}` is on top of it"),
    };
    let later = format!("holdpoint diagnose {}", seen.on_top.unwrap_or_default());
    found(said, vec![next("what runs is of that", later)])
}

fn next(when: impl Into<String>, command: impl Into<String>) -> NextCommand {
    NextCommand { when: when.into(), command: command.into() }
}

/// What each gate that still says no names itself.
fn clears(seen: &DiagnosisSeen<'_>) -> Vec<NextCommand> {
    let ways = |blocker: &crate::model::reason::Blocker| {
        let way = typeable(blocker)?.trim();
        Some(next(format!("{}: {}", blocker.code, blocker.fact.lines().next().unwrap_or_default()), way))
    };
    seen.against.iter().filter_map(ways).collect()
}

fn validation(seen: &DiagnosisSeen<'_>) -> Found {
    let said = seen.halt.and_then(|halt| halt.msg.clone()).unwrap_or_else(|| "a gate said no".to_owned());
    let first = clears(seen);
    if first.is_empty() {
        let check = format!("holdpoint check {}", seen.state.ticket);
        return found(format!("{said}; nothing stands against it any more"), vec![next("to be sure", check)]);
    }
    found(said, first)
}

fn execution(seen: &DiagnosisSeen<'_>) -> Found {
    let text = seen.text();
    let git = &seen.settings.git;
    if seen.state.phase == Phase::Prepare && (text.contains("fetch") || text.contains("remote")) {
        let ask = format!("git fetch {} {}", git.remote, git.branch);
        return found(
            "the source could not be read: access, or the network to it",
            vec![
                next("to ask it", ask),
                next("if it moved, to read it from elsewhere", "holdpoint source relink --help"),
            ],
        );
    }
    let first = vec![next("connectivity and the host's own programs", "holdpoint doctor")];
    found("something outside this host did not answer in time: connection, registry or a limit", first)
}

fn health(seen: &DiagnosisSeen<'_>, unwell: &[String]) -> Found {
    if seen.is_well_again(unwell) {
        return found("it was not well in time and is now: a race", Vec::new());
    }
    let service = seen.service().map_or("SERVICE", |service| service.as_str());
    let logs = logs(seen, service);
    if seen.is_drifted() {
        let clear = seen.drift.rows.iter().find_map(|row| row.clears.first());
        let command = clear.cloned().unwrap_or_else(|| "holdpoint drift".to_owned());
        let cause = "what runs differs from what is configured: the replacement did not take";
        return found(
            cause,
            vec![next("to see what differs", "holdpoint drift"), next("to clear it", command)],
        );
    }
    if seen.has_cause(".domain:") {
        let cause = "its own address answers and the public name does not: DNS, or the certificate";
        return found(cause, vec![next("local and proxy first", format!("holdpoint status {service}"))]);
    }
    if seen.has_cause(".access:") {
        let cause =
            "it answers on this host and not through the proxy: proxy readiness, or the network profile";
        return found(cause, vec![next("is it well here", format!("holdpoint status {service}"))]);
    }
    let slow = format!("{} --health-deadline {service}=5m", seen.go_on());
    let cause = format!(
        "{} started and is not well",
        if unwell.is_empty() { service.to_owned() } else { unwell.join(", ") }
    );
    found(cause, vec![next("its own words", logs), next("if it is only slow to start", slow)])
}

fn logs(seen: &DiagnosisSeen<'_>, service: &str) -> String {
    if seen.just_recipes { format!("just logs {service}") } else { format!("holdpoint logs {service}") }
}

fn script(seen: &DiagnosisSeen<'_>) -> Found {
    let step = seen.step().map_or("the script", |step| step.as_str());
    let planned = seen.plan.and_then(|plan| plan.steps.iter().find(|s| s.name.as_str() == step));
    let path = planned.and_then(|step| step.script.as_ref()).map(|script| script.path.clone());
    let cause = if seen.text().contains("syntax error") {
        format!("`{step}` is no valid shell: it never could run")
    } else {
        format!("`{step}` failed by itself: its own logic, a variable that is stale, or what it calls")
    };
    let read = path.map(|path| next("read it, then try its failing command by hand", format!("less {path}")));
    found(cause, read.into_iter().collect())
}

fn undecided(seen: &DiagnosisSeen<'_>) -> Found {
    let named: Vec<&str> = seen.boundary.unsettled.iter().map(crate::model::id::StepName::as_str).collect();
    let cause =
        format!("nobody knows how {} ended: look for its effect, then say what it is", named.join(", "));
    let answers = |(flag, when): (&str, &str)| {
        let ways = seen.against.iter().flat_map(|blocker| &blocker.ways_out);
        let way = ways.map(|way| way.trim()).find(|way| way.contains(flag));
        way.map(|way| next(when, way))
    };
    let asked = [("--mark-done", "where its effect is there"), ("--run-again", "where it is not")];
    found(cause, asked.into_iter().filter_map(answers).collect())
}

fn revert(seen: &DiagnosisSeen<'_>) -> Found {
    let said = seen.halt.and_then(|halt| halt.msg.clone()).unwrap_or_default();
    let look = format!("holdpoint log {}", seen.state.ticket);
    found(format!("taking it back stopped half-way: {said}"), vec![next("to see where", look)])
}

fn unknown(seen: &DiagnosisSeen<'_>) -> Found {
    let said = seen.halt.and_then(|halt| halt.msg.clone()).unwrap_or_else(|| "it is not known".to_owned());
    let read = seen.transcript.map(|path| next("what it printed", format!("less {path}")));
    let doctor = next("whether the host is fit", "holdpoint doctor");
    found(said, read.into_iter().chain([doctor]).collect())
}
