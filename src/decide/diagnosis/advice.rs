//! The narrowest way out, and why not the others.

use super::seen::DiagnosisSeen;
use crate::model::diagnosis::{Advice, FailureKind, RecoveryOption};
use crate::model::facts::RunState;
use crate::model::id::TicketId;
use crate::model::quantity::Span;
use crate::model::release::{Transition, next};

/// What is recommended, and the others.
pub(super) fn of(seen: &DiagnosisSeen<'_>, kind: FailureKind, race: bool) -> (Option<Advice>, Vec<Advice>) {
    let Some(best) = best(seen, kind, race) else { return (None, Vec::new()) };
    let options = [RecoveryOption::Rerun, RecoveryOption::Repair, RecoveryOption::Revert];
    let others = options.into_iter().filter(|option| *option != best.option);
    let others = others.map(|option| other(seen, option, best.option, kind, race)).collect();
    (Some(best), others)
}

fn advice(option: RecoveryOption, command: impl Into<String>, why: impl Into<String>) -> Advice {
    Advice { option, command: Some(command.into()), why: why.into() }
}

fn best(seen: &DiagnosisSeen<'_>, kind: FailureKind, race: bool) -> Option<Advice> {
    use RecoveryOption::{Approve, Diagnose, Repair, Rerun, Revert, Wait};
    let ticket = &seen.state.ticket;
    let on = seen.go_on();
    if let Some(why) = reason_to_revert(seen, kind, race).filter(|_| can_revert(seen)) {
        return Some(advice(Revert, seen.typed().revert(ticket, ""), why));
    }
    Some(match kind {
        FailureKind::Nothing => return None,
        FailureKind::AtWork => {
            advice(Wait, format!("holdpoint log {ticket} -f"), "somebody is at work on it")
        }
        FailureKind::Held => {
            let pass = format!("holdpoint approve {ticket} --reason '…'");
            advice(Approve, pass, "once somebody has looked at what it waits for")
        }
        FailureKind::Validation => {
            advice(Repair, on, "nothing was changed: clear what the gate names, then run it")
        }
        FailureKind::Execution => advice(Rerun, on, "such causes pass: go on from where it stopped"),
        FailureKind::Interrupted => advice(Rerun, on, "what ended well is not done again"),
        FailureKind::Health if race => advice(Rerun, on, "all that was asked again is well now"),
        FailureKind::Health => {
            advice(Repair, on, "read its own words and mend what they name, then go on from there")
        }
        FailureKind::Script => {
            advice(Repair, on, "mend the script's cause, then it runs again from its first line")
        }
        FailureKind::Undecided => {
            let look =
                seen.transcript.map_or(format!("holdpoint log {ticket}"), |path| format!("less {path}"));
            advice(
                Diagnose,
                look,
                "look for the step's effect before you say what it is: it is never guessed",
            )
        }
        FailureKind::Revert => {
            let again = seen.typed().revert(ticket, "");
            advice(Rerun, again, "it goes on with taking back; what was put back is not put back again")
        }
        FailureKind::Unknown => {
            let look = seen.transcript.map_or("holdpoint doctor".to_owned(), |path| format!("less {path}"));
            advice(Diagnose, look, "the cause is not known: nothing is recommended before it is")
        }
    })
}

/// When taking it back is what is recommended: the cause came with the release, its data is past a first change, or
/// `[recovery] give_up` has passed.
fn reason_to_revert(seen: &DiagnosisSeen<'_>, kind: FailureKind, race: bool) -> Option<String> {
    if !matches!(
        kind,
        FailureKind::Execution | FailureKind::Health | FailureKind::Script | FailureKind::Unknown
    ) || race
    {
        return None;
    }
    if let Some(what) = came_with_it(seen, kind) {
        let (base, merge) = (seen.state.base.short(), seen.state.merge.as_ref()?.short());
        return Some(format!("the cause lies in {base}..{merge}: {what}"));
    }
    if seen.past_first_change {
        return Some("a migration failed past its first change: forward is not known to be safe".to_owned());
    }
    let failed = seen.halt?.at;
    let past = (seen.now - failed).to_std().ok()?;
    let give_up = seen.settings.recovery.give_up;
    (past >= give_up.0)
        .then(|| format!("it failed {} ago, and `[recovery] give_up` is {give_up}", shown(past)))
}

fn shown(past: std::time::Duration) -> Span {
    Span::secs(past.as_secs() / 60 * 60)
}

/// What of the release is the cause, where that is known.
fn came_with_it(seen: &DiagnosisSeen<'_>, kind: FailureKind) -> Option<String> {
    let text = seen.text();
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let step = seen.step()?.as_str();
    if kind == FailureKind::Script && has(&["syntax error", "unexpected end of file"]) {
        return Some(format!("`{step}` is no valid shell"));
    }
    let service = seen.service()?;
    if !seen.brings_its_image() {
        return None;
    }
    if has(&["manifest unknown", "no such image", "pull access denied", "not found: manifest"]) {
        return Some(format!("it wants an image of `{service}` that cannot be had"));
    }
    let row = seen.posture.iter().find(|row| row.service == *service)?;
    let ends = matches!(row.run, RunState::Stopped | RunState::Partly) || row.restarts.is_some_and(|n| n > 2);
    (kind == FailureKind::Health && ends).then(|| format!("the new image of `{service}` does not stay up"))
}

fn can_revert(seen: &DiagnosisSeen<'_>) -> bool {
    seen.state.merge.is_some() && next(seen.state.status, Transition::Reverting).is_ok()
}

/// Why another option is not recommended.
fn other(
    seen: &DiagnosisSeen<'_>,
    option: RecoveryOption,
    best: RecoveryOption,
    kind: FailureKind,
    race: bool,
) -> Advice {
    let ticket: &TicketId = &seen.state.ticket;
    let (command, why) = match option {
        RecoveryOption::Revert if seen.state.merge.is_none() => {
            (None, "nothing was changed: there is nothing to take back".to_owned())
        }
        RecoveryOption::Revert if !can_revert(seen) => {
            (None, format!("a release that is {} cannot be taken back now", seen.state.status))
        }
        RecoveryOption::Revert => {
            let give_up = seen.settings.recovery.give_up;
            let why = format!("a narrower way is left; after {give_up} it is what is recommended");
            (Some(seen.typed().revert(ticket, "")), why)
        }
        RecoveryOption::Rerun if best == RecoveryOption::Revert => {
            (Some(seen.go_on()), "the same would fail the same way".to_owned())
        }
        RecoveryOption::Rerun => (Some(seen.go_on()), why_not_rerun(kind).to_owned()),
        RecoveryOption::Repair if best == RecoveryOption::Revert => {
            let fixed = seen.typed().run(ticket, &format!("--from={} --take-new-commits", seen.state.phase));
            (Some(fixed), "only if a commit that mends it is at hand".to_owned())
        }
        RecoveryOption::Repair if race => (Some(seen.go_on()), "there is nothing left to mend".to_owned()),
        _ => (Some(seen.go_on()), "nothing on this host is known to need mending".to_owned()),
    };
    Advice { option, command, why }
}

const fn why_not_rerun(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Validation => "the same gate would say no again",
        FailureKind::Health => "nothing has changed since: it would not be well again",
        FailureKind::Script => "the script would fail at the same line",
        FailureKind::Undecided => "a step whose end is unknown is never run again by itself",
        _ => "the cause is not known, and it may do harm twice",
    }
}
