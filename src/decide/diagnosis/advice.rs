//! The narrowest way out, and why not the others. Whether a way is open is what the verb itself would say (readiness); what
//! would be refused is never recommended.

use super::seen::DiagnosisSeen;
use crate::model::diagnosis::{Advice, FailureKind, RecoveryOption};
use crate::model::quantity::Span;
use crate::model::readiness::Reason;
use crate::model::reason::ReasonCode;
use crate::model::release::{Status, Transition, Trigger, next};

/// Writes of this many seconds are not thrown away where something narrower is left.
const FEW_WRITES: u64 = 300;

/// What is recommended, and the others.
pub(super) fn of(seen: &DiagnosisSeen<'_>, kind: FailureKind, race: bool) -> (Option<Advice>, Vec<Advice>) {
    use RecoveryOption::{Redeploy, Repair, Rerun, Retry, Revert, Rollback};
    let Some(best) = best(seen, kind, race) else { return (None, Vec::new()) };
    let options = [Rerun, Repair, Retry, Redeploy, Rollback, Revert].into_iter();
    let same = [Rerun, Repair];
    let others = options.filter(|option| *option != best.option);
    // Going on, with or without mending first, is one command.
    let others =
        others.filter(|option| !(*option == Rerun && best.option == Repair && best.command.is_none()));
    let others = others.filter(|option| {
        !(same.contains(option) && same.contains(&best.option) && refused(seen, *option).is_some())
    });
    let others = others.map(|option| other(seen, option, best.option, kind, race)).collect();
    (Some(best), others)
}

fn advice(option: RecoveryOption, command: impl Into<String>, why: impl Into<String>) -> Advice {
    Advice { option, command: Some(command.into()), why: why.into() }
}

fn best(seen: &DiagnosisSeen<'_>, kind: FailureKind, race: bool) -> Option<Advice> {
    use RecoveryOption::{Approve, Diagnose, Redeploy, Repair, Rerun, Retry, Revert, Rollback, Wait};
    let ticket = &seen.state.ticket;
    if let Some(by) = &seen.state.superseded_by {
        let why = format!("it was taken over by `{by}`: what can be done is said of that");
        return Some(advice(Diagnose, format!("holdpoint diagnose {by}"), why));
    }
    if seen.state.closed {
        return None;
    }
    if let Some(why) = reason_to_revert(seen, kind, race).filter(|_| can_revert(seen)) {
        let writes = seen.ways.and_then(|ways| ways.revert.write_window_seconds).unwrap_or_default();
        let rolled = format!("{why}; a rollback leaves what was written since");
        return Some(match (seen.may_have_changed_data(), writes > FEW_WRITES) {
            (true, _) => pick(seen, &[(Revert, &why)]),
            (false, true) => pick(seen, &[(Rollback, &rolled), (Revert, &why)]),
            (false, false) => pick(seen, &[(Revert, &why), (Rollback, &rolled)]),
        });
    }
    let same_commit = "such causes pass: a new attempt of the same commit, and nothing newer comes in";
    Some(match kind {
        FailureKind::Nothing => {
            let why = "it has not failed, and what runs differs from what is configured";
            // What was overtaken is not what runs: that is put there again by the release on top.
            let runs = seen.on_top.is_none() && seen.state.status == Status::Succeeded;
            let differs = runs && seen.is_off() && refused(seen, Redeploy).is_none();
            return differs.then(|| pick(seen, &[(Redeploy, why)]));
        }
        FailureKind::AtWork => {
            advice(Wait, format!("holdpoint log {ticket} -f"), "somebody is at work on it")
        }
        FailureKind::Held if seen.state.approved.is_some() => {
            pick(seen, &[(Rerun, "somebody approved it: it goes on")])
        }
        FailureKind::Held => {
            let pass = format!("holdpoint approve {ticket} --reason '…'");
            advice(Approve, pass, "once somebody has looked at what it waits for")
        }
        FailureKind::Validation => {
            pick(seen, &[(Repair, "nothing was changed, and no gate says no any more: run it")])
        }
        FailureKind::Execution if seen.state.merge.is_none() => {
            pick(seen, &[(Retry, same_commit), (Rerun, "such causes pass: it begins again")])
        }
        FailureKind::Execution => {
            pick(seen, &[(Rerun, "such causes pass: go on from where it stopped"), (Retry, same_commit)])
        }
        FailureKind::Interrupted if seen.state.status == Status::Canceled => match seen.state.trigger {
            Trigger::Rollback => {
                pick(seen, &[(Rollback, "what was canceled does not go on: it begins again")])
            }
            Trigger::Redeploy => {
                pick(seen, &[(Redeploy, "what was canceled does not go on: it begins again")])
            }
            _ => {
                let why =
                    "what was canceled does not go on: a new attempt of the same commit does what is left";
                pick(seen, &[(Retry, why)])
            }
        },
        FailureKind::Interrupted => {
            pick(seen, &[(Rerun, "what ended well is not done again"), (Retry, same_commit)])
        }
        FailureKind::Health if race => {
            pick(seen, &[(Rerun, "all that was asked again is well now"), (Retry, same_commit)])
        }
        FailureKind::Health => {
            pick(seen, &[(Repair, "read its own words and mend what they name, then go on from there")])
        }
        FailureKind::Script => {
            pick(seen, &[(Repair, "mend the script's cause, then it runs again from its first line")])
        }
        FailureKind::Undecided => {
            let look =
                seen.transcript.map_or(format!("holdpoint log {ticket}"), |path| format!("less {path}"));
            let why = "look for the step's effect before you say what it is: it is never guessed";
            advice(Diagnose, look, why)
        }
        FailureKind::Revert => {
            pick(seen, &[(Revert, "it goes on with taking back; what was put back is not put back again")])
        }
        FailureKind::Unknown => {
            let look = seen.transcript.map_or("holdpoint doctor".to_owned(), |path| format!("less {path}"));
            advice(Diagnose, look, "the cause is not known: nothing is recommended before it is")
        }
    })
}

/// The first of these that is open now; where none is, the first, with what has to be cleared before it.
fn pick(seen: &DiagnosisSeen<'_>, choices: &[(RecoveryOption, &str)]) -> Advice {
    let open = choices.iter().find(|(option, _)| refused(seen, *option).is_none());
    if let Some((option, why)) = open {
        return Advice { option: *option, command: Some(command(seen, *option)), why: (*why).to_owned() };
    }
    let (option, why) = choices.first().copied().unwrap_or((RecoveryOption::Diagnose, ""));
    let Some(reason) = refused(seen, option) else {
        return Advice { option, command: None, why: why.to_owned() };
    };
    let then = command(seen, option);
    Advice {
        option,
        command: reason.clears.iter().find(|way| is_typed(way)).map(|way| way.trim().to_owned()),
        why: format!("first clear `{}` ({}), then `{then}`", reason.code, first_line(&reason.detail)),
    }
}

/// Whether it is a command that can be typed now: another of these verbs may be refused, too.
fn is_typed(way: &str) -> bool {
    const VERBS: [&str; 7] = ["run", "retry", "redeploy", "rollback", "revert", "close", "release-"];
    let way = way.trim_start();
    let ours = ["holdpoint ", "just "].iter().find_map(|program| way.strip_prefix(program));
    match ours {
        Some(verb) => !VERBS.iter().any(|refused| verb.starts_with(refused)),
        None => ["git ", "docker ", "podman ", "df "].iter().any(|program| way.starts_with(program)),
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// What stands against an option now. That somebody should look first is cleared by this very look.
fn refused<'a>(seen: &DiagnosisSeen<'a>, option: RecoveryOption) -> Option<&'a Reason> {
    let ways = seen.ways?;
    let reasons = match option {
        RecoveryOption::Rerun | RecoveryOption::Repair => &ways.resume.reasons,
        RecoveryOption::Retry => &ways.retry.reasons,
        RecoveryOption::Redeploy => &ways.redeploy.reasons,
        RecoveryOption::Rollback => &ways.rollback.reasons,
        RecoveryOption::Revert => &ways.revert.reasons,
        RecoveryOption::Wait | RecoveryOption::Diagnose | RecoveryOption::Approve => return None,
    };
    // What only a second operator is missing for is asked for by typing it.
    let is_asked = |reason: &Reason| reason.clears.iter().any(|way| is_typed(way));
    let is_unasked = |reason: &Reason| reason.code == ReasonCode::ApprovalWanted && !is_asked(reason);
    reasons.iter().find(|reason| reason.code != ReasonCode::DiagnoseFirst && !is_unasked(reason))
}

/// What is typed for an option.
fn command(seen: &DiagnosisSeen<'_>, option: RecoveryOption) -> String {
    let (state, ticket) = (seen.state, &seen.state.ticket);
    let id = format!("{ticket}@{}", state.attempt);
    match option {
        RecoveryOption::Retry => format!("holdpoint retry {id}"),
        RecoveryOption::Redeploy => format!("holdpoint redeploy {id}"),
        RecoveryOption::Rollback => {
            let rows = seen.ways.map(|ways| ways.rollback.candidates.as_slice()).unwrap_or_default();
            let ready = rows.iter().find(|row| row.rollback_ready).map(|row| row.deployment_id.to_string());
            format!("holdpoint rollback {id} --candidate {}", ready.unwrap_or_else(|| "ID".to_owned()))
        }
        RecoveryOption::Revert => seen.typed().revert(ticket, ""),
        _ => seen.go_on(),
    }
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
    if let Some(what) = super::brought::came_with_it(seen, kind) {
        let (base, merge) = (seen.state.base.short(), seen.state.merge.as_ref()?.short());
        return Some(format!("the cause lies in {base}..{merge}: {what}"));
    }
    if seen.is_past_first_change() {
        return Some("a migration failed past its first change: forward is not known to be safe".to_owned());
    }
    let failed = seen.halt?.at;
    let past = (seen.now - failed).to_std().ok()?;
    let give_up = seen.settings.recovery.give_up;
    let shown = Span::secs(past.as_secs() / 60 * 60);
    (past >= give_up.0).then(|| format!("it failed {shown} ago, and `[recovery] give_up` is {give_up}"))
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
    use RecoveryOption::{Redeploy, Repair, Rerun, Retry, Revert, Rollback};
    let closed = |why: String| Advice { option, command: None, why };
    if option == Revert && seen.state.merge.is_none() {
        return closed("nothing was changed: there is nothing to take back".to_owned());
    }
    if let Some(reason) = refused(seen, option) {
        return closed(format!("{}: {}", reason.code, first_line(&reason.detail)));
    }
    if seen.ways.is_none() && matches!(option, Retry | Redeploy | Rollback) {
        return closed("whether it is open could not be seen".to_owned());
    }
    let takes_back = matches!(best, Revert | Rollback);
    let why = match option {
        Revert if !can_revert(seen) => {
            return closed(format!("a release that is {} cannot be taken back now", seen.state.status));
        }
        Revert if best == Rollback => "what was written since its backups would be thrown away".to_owned(),
        Revert if kind == FailureKind::Nothing => "it has not failed".to_owned(),
        Revert => {
            let give_up = seen.settings.recovery.give_up;
            format!("a narrower way is left; after {give_up} it is what is recommended")
        }
        Rollback if seen.may_have_changed_data() => {
            "its data may be changed already, and a rollback leaves data as it is".to_owned()
        }
        Rollback if best == Revert => "data would stay as the release left it".to_owned(),
        Rollback => "a narrower way is left".to_owned(),
        Redeploy if seen.is_drifted() => "going on replaces what differs within the release".to_owned(),
        Redeploy => "what is configured would be put there again: that is not what failed".to_owned(),
        Rerun | Retry if takes_back => "the same would fail the same way".to_owned(),
        Retry if matches!(kind, FailureKind::Unknown) => why_not_rerun(kind).to_owned(),
        Retry => "an attempt of its own from the first phase: going on repeats less".to_owned(),
        Rerun if best == Retry => "it would look for what is newest first".to_owned(),
        Rerun => why_not_rerun(kind).to_owned(),
        Repair if takes_back => {
            let fixed = seen
                .typed()
                .run(&seen.state.ticket, &format!("--from={} --take-new-commits", seen.state.phase));
            return advice(Repair, fixed, "only if a commit that mends it is at hand");
        }
        Repair if race => "there is nothing left to mend".to_owned(),
        _ => "nothing on this host is known to need mending".to_owned(),
    };
    advice(option, command(seen, option), why)
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
