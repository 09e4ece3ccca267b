//! One record of the audit log as a line: short for whoever watches, whole for whoever reads the log.

use crate::model::event::{EventKind, RunEvent};
use crate::report::columns::{Cell, Columns};
use crate::report::text::{Ink, clean, clock, duration};

/// Width that step names are padded to while a run is watched: longer names push their line, they are never cut.
pub const NAME_WIDTH: usize = 28;

/// What a person watching sees of an event; none where the event has nothing to tell them.
pub fn live(event: &RunEvent) -> Option<String> {
    match &event.event {
        EventKind::Start => Some(Ink::Strong.paint(phase(event))),
        EventKind::StepDone | EventKind::StepVerified => Some(step_line("✓", Ink::Good, event)),
        EventKind::StepFailed => Some(step_line("✗", Ink::Bad, event)),
        EventKind::StepUndecided => Some(step_line("?", Ink::Bad, event)),
        EventKind::StepSkipped => Some(step_line("·", Ink::Faint, event)),
        EventKind::Skipped | EventKind::SkippedRanElsewhere => Some(format!(
            "{}  {}",
            Ink::Strong.paint(phase(event)),
            Ink::Warn.paint(&format!("left out: {}", why(event)))
        )),
        EventKind::SkippedNoScript => {
            Some(format!("{}  {}", Ink::Strong.paint(phase(event)), Ink::Faint.paint("no script")))
        }
        EventKind::Held
        | EventKind::Interrupted
        | EventKind::Recovered
        | EventKind::Removed
        | EventKind::Cause
        | EventKind::MarkedDone
        | EventKind::RunAgain
        | EventKind::Superseded
        | EventKind::Unknown(_) => Some(note_line(event)),
        EventKind::StepStart
        | EventKind::Done
        | EventKind::Failed
        | EventKind::Created
        | EventKind::Wrote
        | EventKind::Relinked
        | EventKind::Planned
        | EventKind::Continued
        | EventKind::Resumed
        | EventKind::Approved
        | EventKind::CancelRequested
        | EventKind::Canceled
        | EventKind::Started
        | EventKind::Refused
        | EventKind::Closed
        | EventKind::Undecided
        | EventKind::Succeeded
        | EventKind::Reverting
        | EventKind::Reverted
        | EventKind::Stuck
        | EventKind::Archived
        | EventKind::Unarchived
        | EventKind::Request
        | EventKind::Token
        | EventKind::Captured
        | EventKind::Diagnosed
        | EventKind::ApprovalAsked
        | EventKind::ApprovalGiven
        | EventKind::Incident => None,
    }
}

/// A record with all that a person wants of it, for `log -f`.
pub fn whole(event: &RunEvent) -> String {
    let mut table = Columns::bare();
    table.row(cells(event));
    table.render()
}

/// Records under each other, for `log`.
pub fn table(events: &[RunEvent]) -> String {
    let mut table = Columns::bare();
    for event in events {
        table.row(cells(event));
    }
    table.render()
}

fn cells(event: &RunEvent) -> [Cell<'static>; 8] {
    let time = event.at.format("%Y-%m-%d %H:%M:%S%.3fZ").to_string();
    [
        Cell::new(event.seq.to_string()).ink(Ink::Faint),
        Cell::new(time).ink(Ink::Faint),
        Cell::new(format!("@{}", event.attempt)),
        Cell::new(phase(event)),
        Cell::new(clean(event.event.word())).ink(ink(&event.event)),
        Cell::new(event.step.as_ref().map_or(String::new(), |step| clean(step.as_str()))),
        Cell::new(event.ms.map_or(String::new(), duration)),
        Cell::new(told(event)),
    ]
}

/// The reason, the sentence and the status of a record, as far as it has them.
fn told(event: &RunEvent) -> String {
    let mut parts: Vec<String> = Vec::new();
    parts.extend(event.rc.filter(|rc| *rc != 0).map(|rc| format!("rc={rc}")));
    parts.extend(event.reason.as_deref().map(clean));
    parts.extend(event.msg.as_deref().map(clean));
    parts.join("  ")
}

fn ink(kind: &EventKind) -> Ink {
    match kind {
        EventKind::Failed
        | EventKind::StepFailed
        | EventKind::Stuck
        | EventKind::Undecided
        | EventKind::StepUndecided
        | EventKind::Refused => Ink::Bad,
        EventKind::Done
        | EventKind::StepDone
        | EventKind::Succeeded
        | EventKind::StepVerified
        | EventKind::Reverted => Ink::Good,
        EventKind::Interrupted | EventKind::Held | EventKind::Skipped | EventKind::Recovered => Ink::Warn,
        _ => Ink::Strong,
    }
}

fn phase(event: &RunEvent) -> &'static str {
    event.phase.map_or("-", |phase| phase.word())
}

fn why(event: &RunEvent) -> String {
    event.reason.as_deref().or(event.msg.as_deref()).map(clean).unwrap_or_default()
}

fn step_line(sign: &str, ink: Ink, event: &RunEvent) -> String {
    let name = event.step.as_ref().map_or(String::new(), |step| clean(step.as_str()));
    let took = event.ms.map_or(String::new(), duration);
    let told = shortened(&told(event));
    let line = format!("  {} {name:<NAME_WIDTH$} {took:>7}", ink.paint(sign));
    if told.is_empty() { line } else { format!("{line}  {}", Ink::Faint.paint(&told)) }
}

/// A long message is cut on the line of a step: the end of the run and the log have it whole.
fn shortened(text: &str) -> String {
    const MOST: usize = 72;
    if text.chars().count() <= MOST {
        return text.to_owned();
    }
    text.chars().take(MOST - 1).chain(['…']).collect()
}

fn note_line(event: &RunEvent) -> String {
    let told = told(event);
    let step = event.step.as_ref().map_or(String::new(), |step| format!(" {}", clean(step.as_str())));
    format!("{} {} {}{step}  {told}", Ink::Warn.paint("!"), clock(event.at), clean(event.event.word()))
        .trim_end()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    use crate::model::event::EVENT_VERSION;
    use crate::model::id::StepName;
    use crate::model::phase::Phase;

    fn event(seq: u64, kind: EventKind) -> RunEvent {
        RunEvent {
            v: EVENT_VERSION,
            seq,
            at: "2026-05-18T15:30:12.345Z".parse().unwrap(),
            ticket: "1234".parse().unwrap(),
            attempt: 1,
            phase: Some(Phase::Prepare),
            event: kind,
            rc: None,
            step: Some(StepName::new(["backup", "redmine", "1"])),
            operator: "deploy".to_owned(),
            ms: Some(812),
            reason: None,
            details: Arc::default(),
            msg: None,
        }
    }

    #[test]
    fn watched_steps_are_one_line_each() {
        let failed = RunEvent {
            rc: Some(1),
            msg: Some("backup command exited 1\u{1b}[0m".to_owned()),
            ..event(3, EventKind::StepFailed)
        };
        let shown = [
            RunEvent { step: None, ms: None, ..event(1, EventKind::Start) },
            event(2, EventKind::StepDone),
            failed,
            RunEvent {
                ms: None,
                reason: Some("already done".to_owned()),
                ..event(4, EventKind::StepSkipped)
            },
        ];
        let lines: Vec<String> = shown.iter().filter_map(live).collect();
        insta::assert_snapshot!(anstream::adapter::strip_str(&lines.join("\n")).to_string(), @r"
        prepare
          ✓ backup.redmine.1               812ms
          ✗ backup.redmine.1               812ms  rc=1  backup command exited 1\u{1b}[0m
          · backup.redmine.1                      already done
        ");
    }

    #[test]
    fn the_log_is_a_table_that_keeps_every_record() {
        let events = [
            RunEvent { step: None, ms: None, ..event(1, EventKind::Start) },
            event(2, EventKind::StepDone),
            RunEvent { event: EventKind::Unknown("new\u{1b}word".to_owned()), ..event(3, EventKind::Done) },
        ];
        insta::assert_snapshot!(anstream::adapter::strip_str(&table(&events)).to_string(), @r"
        1  2026-05-18 15:30:12.345Z  @1  prepare  start
        2  2026-05-18 15:30:12.345Z  @1  prepare  step-done      backup.redmine.1  812ms
        3  2026-05-18 15:30:12.345Z  @1  prepare  new\u{1b}word  backup.redmine.1  812ms
        ");
    }
}
