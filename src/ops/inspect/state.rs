//! `state TICKET`: where a release stands, and what to type next.

use crate::model::approval::Approvals;
use crate::model::event::{EventKind, RunEvent};
use crate::model::id::{AttemptId, TicketId};
use crate::model::phase::Phase;
use crate::model::projection::field;
use crate::model::reason::{Blocker, ReasonCode};
use crate::model::release::{Direction, ReleaseState, Status};
use crate::model::view::{NextCommand, PhaseRow, StateView};
use crate::ops::error::OpsError;
use crate::ops::host::Host;
use crate::ops::playbooks::open_causes;
use crate::ops::release::following;
use crate::store::Record;

use super::rows::{Present, holder_view, relative};

/// Where a release stands.
///
/// # Errors
/// [`OpsError::NoRelease`]; a damaged log.
pub fn state(host: &Host, ticket: &TicketId) -> Result<StateView, OpsError> {
    let Record { mut state, rebuilt, events } =
        host.store.record(ticket)?.ok_or_else(|| OpsError::NoRelease { ticket: ticket.clone() })?;
    let present = Present::look(host)?;
    state.status = present.status(&state);
    let layout = host.store.layout();
    let attempt = AttemptId { ticket: ticket.clone(), number: state.attempt };
    let runner = present.holder().filter(|_| present.works_on(ticket));
    let causes = open_causes(host, &events);
    let mut next = next(host, &state);
    next.extend(waiting(&state, &events));
    if !causes.is_empty() {
        let command = format!("holdpoint close {ticket} --cause '…'");
        next.push(following("once the open cause is repaired", command));
    }
    Ok(StateView {
        causes,
        runner: runner.map(|holder| holder_view(holder, host.clock.now())),
        phases: phases(&events, state.direction),
        failure: failure(&events, &state),
        state_file: relative(host, &layout.state(ticket)),
        log_file: relative(host, &layout.log(ticket)),
        folder: relative(host, &layout.attempt(&attempt)),
        rebuilt,
        next,
        state,
    })
}

/// How an attempt stands; without a number, the newest of its ticket. An older one is history: nobody works on it, and it
/// leads nowhere.
///
/// # Errors
/// As [`state`]; refused with `state-missing` for a number that is not on record.
pub fn attempt(host: &Host, ticket: &TicketId, number: Option<u32>) -> Result<StateView, OpsError> {
    let newest = state(host, ticket)?;
    let Some(number) = number.filter(|number| *number != newest.state.attempt) else { return Ok(newest) };
    let id = AttemptId { ticket: ticket.clone(), number };
    let (state, _) = host.store.attempt(&id)?.ok_or_else(|| unknown(&id, newest.state.attempt))?;
    let log = host.store.log(ticket)?;
    let events: Vec<RunEvent> = log.iter().filter(|event| event.attempt == number).cloned().collect();
    let layout = host.store.layout();
    Ok(StateView {
        causes: Vec::new(),
        runner: None,
        phases: phases(&events, state.direction),
        failure: failure(&events, &state),
        folder: relative(host, &layout.attempt(&id)),
        rebuilt: None,
        next: Vec::new(),
        state,
        ..newest
    })
}

/// There is no attempt of that number.
pub(in crate::ops) fn unknown(attempt: &AttemptId, newest: u32) -> OpsError {
    let ticket = &attempt.ticket;
    let fact = format!("`{attempt}` is not on record: the newest is `{ticket}@{newest}`");
    let way = format!("holdpoint readiness {ticket}");
    OpsError::refused(Blocker::new(ReasonCode::StateMissing, fact).way_out(way))
}

/// The state file as text that a shell can `eval`, its status read together with the lock.
///
/// # Errors
/// As [`state`].
pub fn export(host: &Host, ticket: &TicketId) -> Result<String, OpsError> {
    let mut state =
        host.store.state(ticket)?.ok_or_else(|| OpsError::NoRelease { ticket: ticket.clone() })?;
    state.status = Present::look(host)?.status(&state);
    Ok(host.store.state_text(&state))
}

/// Events of the newest cycle: from its first `created` on.
fn newest_cycle(events: &[RunEvent]) -> &[RunEvent] {
    let cycle = |event: &RunEvent| event.details.get(field::CYCLE).cloned();
    let created = |event: &&RunEvent| event.event == EventKind::Created;
    let newest = events.iter().rfind(created).map(cycle);
    let first = events.iter().position(|event| created(&event) && Some(cycle(event)) == newest);
    first.map_or(events, |first| &events[first..])
}

/// What became of each phase: the newest record of each.
fn phases(events: &[RunEvent], direction: Direction) -> Vec<PhaseRow> {
    let events = newest_cycle(events);
    let is_end = |kind: &EventKind| {
        matches!(
            kind,
            EventKind::Start
                | EventKind::Done
                | EventKind::Failed
                | EventKind::Skipped
                | EventKind::SkippedNoScript
                | EventKind::SkippedRanElsewhere
                | EventKind::Stuck
        )
    };
    let row = |phase: Phase| {
        let last = events.iter().rfind(|event| event.phase == Some(phase) && is_end(&event.event));
        PhaseRow {
            phase,
            word: last.map_or("-", |event| event.event.word()).to_owned(),
            ms: last.and_then(|event| event.ms),
            reason: last.and_then(|event| event.reason.clone()),
        }
    };
    let back = (direction == Direction::Revert).then_some(Phase::Revert);
    Phase::FORWARD.into_iter().chain(back).map(row).collect()
}

/// What the record of the failure says, while the release is still in it.
fn failure(events: &[RunEvent], state: &ReleaseState) -> Option<String> {
    if !matches!(state.status, Status::Failed | Status::Stuck | Status::Undecided | Status::RevertUndecided) {
        return None;
    }
    let tells = |event: &&RunEvent| {
        let kind = &event.event;
        matches!(
            kind,
            EventKind::Failed | EventKind::Stuck | EventKind::StepFailed | EventKind::StepUndecided
        ) && event.msg.is_some()
    };
    let event = newest_cycle(events).iter().rfind(tells)?;
    let step = event.step.as_ref().map(|step| format!("{step}: ")).unwrap_or_default();
    Some(format!("{step}{}", event.msg.as_deref().unwrap_or_default()))
}

/// What somebody asked for and another operator has to agree to.
fn waiting(state: &ReleaseState, events: &[RunEvent]) -> Vec<NextCommand> {
    let ticket = &state.ticket;
    let known = Approvals::of(events);
    let agreed = known.asked.iter().filter(|word| known.standing(&word.wanted).is_some());
    let mut next: Vec<NextCommand> = Vec::new();
    for word in known.open() {
        let verb = word.wanted.verb();
        let when = format!("`{}` waits for another operator than {}", word.wanted.typed, word.by);
        next.push(following(&when, format!("holdpoint approve {ticket} --for {verb} --reason '…'")));
    }
    for word in agreed {
        next.push(following("another operator agreed to it", format!("holdpoint {}", word.wanted.typed)));
    }
    next.dedup();
    next
}

/// Commands that make sense now.
fn next(host: &Host, state: &ReleaseState) -> Vec<NextCommand> {
    let ticket = state.ticket.as_str();
    if let Some(by) = &state.superseded_by {
        let by = by.split('@').next().unwrap_or(by);
        return vec![following("its place was taken", host.typed("state", by))];
    }
    if state.closed {
        return Vec::new();
    }
    let started = state.merge.is_some();
    let from = host.typed("run", &format!("{ticket} --from={}", state.phase));
    let revert = host.typed("revert", ticket);
    match state.status {
        Status::Failed | Status::Interrupted if !started => {
            vec![following("nothing was changed; to start again", host.typed("run", ticket))]
        }
        Status::Failed => {
            vec![following("to go on once the cause is fixed", from), following("to take it back", revert)]
        }
        Status::Interrupted | Status::Undecided => {
            vec![following("to go on", from), following("to take it back", revert)]
        }
        Status::Held if state.approved.is_some() => vec![following("somebody approved it: to go on", from)],
        Status::Held => vec![
            following("once it may go on", host.typed("approve", &format!("{ticket} --reason '…'"))),
            following("then", from),
        ],
        Status::Stuck | Status::RevertInterrupted | Status::RevertUndecided => {
            vec![following("to go on taking it back", revert)]
        }
        Status::Succeeded => vec![following("to take it back", revert)],
        Status::Running | Status::Reverting | Status::Created | Status::Planned => {
            vec![following("to watch it", host.typed("log", &format!("{ticket} -f")))]
        }
        Status::Canceled | Status::Reverted | Status::Cancelling | Status::RevertCancelling => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::event::EVENT_VERSION;

    fn event(kind: EventKind, phase: Option<Phase>, cycle: Option<&str>) -> RunEvent {
        let details = cycle.map(|cycle| (field::CYCLE.to_owned(), cycle.to_owned()));
        RunEvent {
            v: EVENT_VERSION,
            seq: 1,
            at: chrono::DateTime::from_timestamp(1_779_118_212, 0).unwrap(),
            ticket: "1234".parse().unwrap(),
            attempt: 1,
            phase,
            event: kind,
            rc: None,
            step: None,
            operator: "deploy".into(),
            ms: Some(7),
            reason: None,
            details: Arc::new(details.into_iter().collect()),
            msg: None,
        }
    }

    #[test]
    fn phases_are_those_of_the_newest_cycle() {
        let log = [
            event(EventKind::Created, None, Some("1")),
            event(EventKind::Done, Some(Phase::Migrate), None),
            event(EventKind::Created, None, Some("2")),
            event(EventKind::Start, Some(Phase::Prepare), None),
            event(EventKind::Failed, Some(Phase::Prepare), None),
            event(EventKind::Created, None, Some("2")),
        ];
        let words = |direction| -> Vec<String> {
            phases(&log, direction).into_iter().map(|row| format!("{} {}", row.phase, row.word)).collect()
        };
        assert_eq!(words(Direction::Forward), ["prepare failed", "migrate -", "ticket -", "verify -"]);
        assert_eq!(words(Direction::Revert).last().map(String::as_str), Some("revert -"));
    }
}
