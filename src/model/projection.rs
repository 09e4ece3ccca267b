//! The state file is the projection of the audit log: this is the one function that projects.
//!
//! The runner applies each event as it records it, and a missing or damaged state file is rebuilt by applying the log from
//! the newest `created` on. Both give the same state because neither knows anything that is not in the events.

use std::collections::BTreeMap;

use super::event::{EventKind, RunEvent};
use super::gather::Gather;
use super::id::{BackupStamp, Oid, ServiceName};
use super::phase::Phase;
use super::release::{Direction, ReleaseState, Status, Transition, Trigger, next};

/// Reason of an outcome that a step's shim wrote down and a later runner recorded.
pub const FOUND: &str = "found";

/// Names of the event fields that the projection reads.
pub mod field {
    /// Commit before the release (`created`).
    pub const BASE: &str = "base";
    /// Commit after the tree moved (`created` of a later attempt, `step-done` of the step that moved it).
    pub const HEAD: &str = "head";
    /// Branch (`created`).
    pub const BRANCH: &str = "branch";
    /// Touched services, separated by spaces (`created`).
    pub const SERVICES: &str = "services";
    /// First backups of the cycle, `service=stamp` separated by spaces (`created` of a later attempt).
    pub const BACKUPS: &str = "backups";
    /// Lines that a record takes, itself included (a record that is `continued`).
    pub const PARTS: &str = "parts";
    /// Number of the cycle (`created`).
    pub const CYCLE: &str = "cycle";
    /// What brought the attempt about (`created`).
    pub const TRIGGER: &str = "trigger";
    /// Host name (`created`).
    pub const HOST: &str = "host";
    /// Digest of the snapshot (`planned`).
    pub const SNAPSHOT: &str = "snapshot";
    /// sha256 over the names in the environment files and the sha256 of each value (`resumed`): what it went on with.
    pub const ENVIRONMENT: &str = "environment";
    /// Names of these whose values are not those of the snapshot (`resumed`).
    pub const CHANGED_ENV: &str = "changed_env";
    /// Id of the plan (`planned`).
    pub const PLAN: &str = "plan";
    /// Service a step belongs to.
    pub const SERVICE: &str = "service";
    /// Stamp of the backup set that a step completed.
    pub const BACKUP: &str = "backup";
    /// The attempt that took over (`superseded`).
    pub const BY: &str = "by";
    /// The program that spoke for the operator: `holdpoint` itself over HTTP, a shell where somebody typed its hidden word;
    /// where it is missing: they were at the keyboard.
    pub const VIA: &str = "via";
    /// Who was at the keyboard of the process that acted for the operator.
    pub const LOGIN: &str = "login";
    /// Boot of the machine in which a runner began (`created`, `resumed`, `reverting`): what its steps left behind without
    /// a sync counts only within it.
    pub const BOOT: &str = "boot";
    /// sha256 of the step as planned (`step-start`).
    pub const INPUTS: &str = "inputs";
    /// sha256 of a ticket script's content (`step-start` of a ticket script).
    pub const SCRIPT: &str = "script";
    /// What ran of a service when it was proven, `part=image-id` separated by spaces (`step-done` of its verification).
    pub const ARTIFACTS: &str = "artifacts";
    /// The image references of these, `part=reference`.
    pub const IMAGES: &str = "images";
    /// Path of a ticket script, relative to the project root (`step-start` of a ticket script).
    pub const PATH: &str = "path";
    /// Which verb it was that belongs to no ticket.
    pub const VERB: &str = "verb";
    /// Whether a cause is `open` or `closed` (`cause`).
    pub const CAUSE: &str = "cause";
    /// The word of a cause that is open.
    pub const OPEN: &str = "open";
    /// Id of the playbook whose remedy was applied (`cause`).
    pub const PLAYBOOK: &str = "playbook";
    /// What somebody wants that needs a second operator, as it is typed (`approval-asked`, `approval-given`).
    pub const WANTED: &str = "wanted";
    /// The commit that it would put there.
    pub const COMMIT: &str = "commit";
    /// The operator who agreed (`created`, `reverting`).
    pub const APPROVED_BY: &str = "approved_by";
    /// Who agreed by what the person says (`--approved-by`).
    pub const SAID_APPROVED_BY: &str = "said_approved_by";
    /// The operator who asked (`approval-given`).
    pub const ASKED_BY: &str = "asked_by";
    /// The host on which the ticket's scripts run instead (`created`, `resumed`, `skipped-ran-elsewhere`).
    pub const RAN_ON: &str = "ran_on";
    /// Files that were written, or that need the repair (`cause`).
    pub const FILES: &str = "files";
}

/// The state that a log describes, from its events in order; none when no attempt was ever created.
pub fn project<'a>(events: impl IntoIterator<Item = &'a RunEvent>) -> Option<ReleaseState> {
    let mut state = None;
    for event in events {
        match &mut state {
            Some(known) => apply(known, event),
            None => state = created(event),
        }
    }
    state
}

/// The state of every attempt that a log describes, in their order.
pub fn attempts(events: &[RunEvent]) -> Vec<ReleaseState> {
    let mut attempts = Vec::new();
    let mut state: Option<ReleaseState> = None;
    for event in events {
        let shelves = matches!(event.event, EventKind::Archived | EventKind::Unarchived);
        if let Some(fresh) = created(event) {
            // A start that was refused came to nothing: the next one has its number.
            let before = state.replace(fresh).filter(|before| before.attempt != event.attempt);
            attempts.extend(before);
        } else if let Some(older) =
            attempts.iter_mut().find(|older: &&mut ReleaseState| shelves && older.attempt == event.attempt)
        {
            older.archived = event.event == EventKind::Archived;
        } else if let Some(state) = &mut state {
            apply(state, event);
        }
    }
    attempts.extend(state);
    attempts
}

/// The state of an attempt that has just come into being; none for any other event.
pub fn created(event: &RunEvent) -> Option<ReleaseState> {
    if event.event != EventKind::Created {
        return None;
    }
    let text = |name| event.details.get(name).map(String::as_str);
    Some(ReleaseState {
        ticket: event.ticket.clone(),
        base: text(field::BASE)?.parse().ok()?,
        merge: text(field::HEAD).and_then(|oid| oid.parse().ok()),
        services: text(field::SERVICES).map(words).unwrap_or_default(),
        backups: text(field::BACKUPS).map(stamps).unwrap_or_default(),
        branch: text(field::BRANCH)?.parse().ok()?,
        attempt: event.attempt,
        cycle: text(field::CYCLE).and_then(|n| n.parse().ok()).unwrap_or(1),
        phase: event.phase.unwrap_or(Phase::Prepare),
        status: Status::Created,
        rc: 0,
        failed_step: None,
        operator: event.operator.clone(),
        host: text(field::HOST).unwrap_or("-").to_owned(),
        started_at: event.at,
        updated_at: event.at,
        snapshot: None,
        trigger: text(field::TRIGGER)
            .and_then(Trigger::from_word)
            .filter(|trigger| trigger.is_anew())
            .unwrap_or(Trigger::Create),
        direction: Direction::Forward,
        approved: None,
        ticket_ran_on: text(field::RAN_ON).and_then(|name| name.parse().ok()),
        superseded_by: None,
        closed: false,
        archived: false,
        log_seq: event.seq,
        log_chain: String::new(),
        extra: BTreeMap::new(),
    })
}

fn words(text: &str) -> Vec<ServiceName> {
    text.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

/// Reads `service=stamp service=stamp`, the form of the state file and of the `created` event.
pub fn stamps(text: &str) -> BTreeMap<ServiceName, BackupStamp> {
    let pair = |word: &str| {
        let (service, stamp) = word.split_once('=')?;
        Some((service.parse().ok()?, stamp.parse().ok()?))
    };
    text.split_whitespace().filter_map(pair).gather()
}

/// Writes what [`stamps`] reads.
pub fn stamps_text(backups: &BTreeMap<ServiceName, BackupStamp>) -> String {
    let pairs: Vec<String> = backups.iter().map(|(service, stamp)| format!("{service}={stamp}")).collect();
    pairs.join(" ")
}

/// Whether an event only says something of a release: what was refused, asked or only looked at left it as it was.
pub fn leaves_as_it_was(event: &EventKind) -> bool {
    matches!(
        event,
        EventKind::Refused
            | EventKind::Captured
            | EventKind::Diagnosed
            | EventKind::Incident
            | EventKind::ApprovalAsked
            | EventKind::ApprovalGiven
    )
}

/// What an event does to a state. Events that mean nothing to it (progress, words of newer versions) leave it as it is.
pub fn apply(state: &mut ReleaseState, event: &RunEvent) {
    if let Some(fresh) = created(event) {
        *state = ReleaseState { extra: std::mem::take(&mut state.extra), ..fresh };
        return;
    }
    state.log_seq = event.seq;
    if !leaves_as_it_was(&event.event) {
        state.updated_at = event.at;
    }
    if is_answer(state, event) {
        step(state, Transition::Decided);
    }
    let text = |name| event.details.get(name);
    match &event.event {
        EventKind::Planned => {
            state.snapshot = text(field::SNAPSHOT).cloned();
            step(state, Transition::Planned);
        }
        EventKind::Started | EventKind::Resumed => {
            state.rc = 0;
            state.failed_step = None;
            state.phase = event.phase.unwrap_or(state.phase);
            if let Some(host) = text(field::RAN_ON).and_then(|name| name.parse().ok()) {
                state.ticket_ran_on = Some(host);
            }
            step(state, Transition::Started);
        }
        // More of the `created` just before it.
        EventKind::Continued if state.status == Status::Created => {
            state.services.extend(text(field::SERVICES).map(|text| words(text)).unwrap_or_default());
            state.backups.extend(text(field::BACKUPS).map(|text| stamps(text)).unwrap_or_default());
        }
        EventKind::Start => state.phase = event.phase.unwrap_or(state.phase),
        EventKind::StepDone | EventKind::StepVerified | EventKind::MarkedDone => {
            if let Some(head) = text(field::HEAD).and_then(|oid| oid.parse::<Oid>().ok()) {
                state.merge = Some(head);
            }
            let service = text(field::SERVICE).and_then(|s| s.parse::<ServiceName>().ok());
            let stamp = text(field::BACKUP).and_then(|s| s.parse::<BackupStamp>().ok());
            if let (Some(service), Some(stamp)) = (service, stamp) {
                state.backups.entry(service).or_insert(stamp);
            }
            if event.event == EventKind::MarkedDone {
                step(state, Transition::Decided);
            }
        }
        EventKind::RunAgain => step(state, Transition::Decided),
        // The first failure is the one that halted it; others were still running beside it.
        EventKind::StepFailed if state.failed_step.is_some() => {}
        EventKind::StepFailed | EventKind::StepUndecided => state.failed_step.clone_from(&event.step),
        EventKind::Undecided => step(state, Transition::StepUndecided),
        EventKind::Failed => {
            state.rc = event.rc.unwrap_or(1);
            state.phase = event.phase.unwrap_or(state.phase);
            step(state, Transition::StepFailed);
        }
        EventKind::Stuck => {
            state.rc = event.rc.unwrap_or(7);
            step(state, Transition::StepFailed);
        }
        EventKind::Interrupted => step(state, Transition::Interrupted),
        EventKind::Held => {
            state.phase = event.phase.unwrap_or(state.phase);
            step(state, Transition::Held);
        }
        EventKind::Approved => {
            state.approved = event.phase;
            step(state, Transition::Approved);
        }
        EventKind::CancelRequested => step(state, Transition::CancelRequested),
        EventKind::Canceled => step(state, Transition::StoppedInOrder),
        EventKind::Succeeded => {
            state.rc = 0;
            state.failed_step = None;
            step(state, Transition::LastStepDone);
        }
        EventKind::Reverting => {
            state.direction = Direction::Revert;
            state.phase = Phase::Revert;
            state.rc = 0;
            state.failed_step = None;
            step(state, Transition::Reverting);
        }
        EventKind::Reverted => step(state, Transition::LastStepDone),
        EventKind::Superseded => state.superseded_by = text(field::BY).cloned(),
        EventKind::Closed => state.closed = true,
        // It may be of an older attempt.
        EventKind::Archived if event.attempt == state.attempt => state.archived = true,
        EventKind::Unarchived if event.attempt == state.attempt => state.archived = false,
        _ => {}
    }
}

/// Whether a step's outcome that nobody knew was found after all: nobody need be asked any more.
fn is_answer(state: &ReleaseState, event: &RunEvent) -> bool {
    matches!(state.status, Status::Undecided | Status::RevertUndecided)
        && matches!(event.event, EventKind::StepDone | EventKind::StepFailed)
        && event.reason.as_deref() == Some(FOUND)
}

/// Moves the status where the table allows it. A log that breaks the table keeps the last legal status: the reader is
/// shown what was true, and the runner checks with [`next`] before it records.
fn step(state: &mut ReleaseState, event: Transition) {
    if let Ok(status) = next(state.status, event) {
        state.status = status;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::event::EVENT_VERSION;
    use crate::model::id::StepName;

    fn event(seq: u64, kind: EventKind) -> RunEvent {
        RunEvent {
            v: EVENT_VERSION,
            seq,
            at: chrono::DateTime::from_timestamp(1_779_118_212 + i64::try_from(seq).unwrap(), 0).unwrap(),
            ticket: "1234".parse().unwrap(),
            attempt: 1,
            phase: None,
            event: kind,
            rc: None,
            step: None,
            operator: "deploy".into(),
            ms: None,
            reason: None,
            details: Arc::default(),
            msg: None,
        }
    }

    fn with(mut event: RunEvent, details: &[(&str, &str)]) -> RunEvent {
        event.details = Arc::new(details.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect());
        event
    }

    #[test]
    fn a_start_that_was_refused_is_not_the_attempt_that_has_its_number() {
        let base = "a".repeat(40);
        let fresh = |seq| with(event(seq, EventKind::Created), &[("base", &base), ("branch", "main")]);
        let refused = RunEvent { phase: Some(Phase::Prepare), rc: Some(4), ..event(2, EventKind::Failed) };
        let planned = with(event(4, EventKind::Planned), &[("snapshot", "sha256:x")]);
        let log = [fresh(1), refused, fresh(3), planned, event(5, EventKind::Started)];
        let attempts = attempts(&log);
        assert_eq!(attempts.len(), 1);
        assert_eq!((attempts[0].attempt, attempts[0].status), (1, Status::Running));
    }

    #[test]
    fn a_state_is_rebuilt_from_events_alone() {
        let base = "a".repeat(40);
        let merge = "b".repeat(40);
        let log = vec![
            with(
                event(1, EventKind::Created),
                &[("base", &base), ("branch", "main"), ("services", "wikijs redmine"), ("host", "prod1")],
            ),
            with(event(2, EventKind::Planned), &[("snapshot", "sha256:x")]),
            event(3, EventKind::Started),
            with(event(4, EventKind::StepDone), &[("service", "wikijs"), ("backup", "20260518_153012")]),
            with(event(5, EventKind::StepDone), &[("service", "wikijs"), ("backup", "20260519_153012")]),
            with(event(6, EventKind::StepDone), &[("head", &merge)]),
            RunEvent {
                step: Some(StepName::new(["wikijs", "health"])),
                phase: Some(Phase::Migrate),
                ..event(7, EventKind::StepFailed)
            },
            RunEvent { rc: Some(1), phase: Some(Phase::Migrate), ..event(8, EventKind::Failed) },
        ];
        let state = project(&log).expect("created");
        assert_eq!(state.status, Status::Failed);
        assert_eq!(state.phase, Phase::Migrate);
        assert_eq!(state.merge.as_ref().map(Oid::as_str), Some(merge.as_str()));
        assert_eq!(
            stamps_text(&state.backups),
            "wikijs=20260518_153012",
            "the first backup of a cycle is kept"
        );
        assert_eq!(state.failed_step.map(|s| s.to_string()).as_deref(), Some("wikijs.health"));
        assert_eq!(state.log_seq, 8);
    }

    #[test]
    fn an_outcome_that_is_found_answers_what_was_undecided() {
        for (kind, reason, status) in [
            (EventKind::StepDone, Some(FOUND), Status::Interrupted),
            (EventKind::StepFailed, Some(FOUND), Status::Interrupted),
            (EventKind::StepDone, None, Status::Undecided),
        ] {
            let log = vec![
                with(event(1, EventKind::Created), &[("base", &"a".repeat(40)), ("branch", "main")]),
                event(2, EventKind::Planned),
                event(3, EventKind::Started),
                event(4, EventKind::Undecided),
                RunEvent { reason: reason.map(str::to_owned), ..event(5, kind) },
            ];
            assert_eq!(project(&log).expect("created").status, status);
        }
    }
}
