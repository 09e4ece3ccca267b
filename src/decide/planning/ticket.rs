//! Phase 3: the ticket's own scripts.

use super::draft::{chained, named, step};
use crate::decide::past::Past;
use crate::decide::site::own;
use crate::decide::typed::Typed;
use crate::model::arrange::Arrange;
use crate::model::facts::{Facts, StepEnd, TicketScript};
use crate::model::gather::Gather;
use crate::model::id::{AttemptId, Oid, ServiceName, TicketId};
use crate::model::phase::Phase;
use crate::model::plan::{Action, DoneWhen, PlannedScript, Step, WhenUnknown};
use crate::model::reason::{Blocker, ReasonCode};
use crate::model::request::RunRequest;
use crate::model::settings::RerunFailed;

/// What a script is told about its release. `BACKUPS` and the step's folder are known only when it starts: the engine adds
/// them.
#[derive(Clone, Copy)]
pub(super) struct Told<'a> {
    pub(super) attempt: &'a AttemptId,
    pub(super) base: &'a Oid,
    pub(super) target: &'a Oid,
    pub(super) services: &'a [ServiceName],
}

/// Scripts that this release runs, in order: those of `--with-tickets` as they were named, then its own; of one ticket by
/// path.
pub(in crate::decide) fn scripts<'a>(facts: &'a Facts, request: &RunRequest) -> Vec<&'a TicketScript> {
    let mut chosen = Vec::new();
    let mut seen: Vec<&TicketId> = Vec::new();
    for ticket in request.with_tickets.iter().chain([&request.ticket]) {
        if seen.contains(&ticket) {
            continue;
        }
        seen.push(ticket);
        let is_own = *ticket == request.ticket;
        let mut of_ticket: Vec<&TicketScript> = facts
            .scripts
            .iter()
            .filter(|script| script.ticket == *ticket && (is_own || !script.ran))
            .collect();
        of_ticket.arrange_by(|a, b| a.path.cmp(&b.path));
        chosen.extend(of_ticket);
    }
    chosen
}

/// One step a script, one after another.
pub(super) fn steps(facts: &Facts, request: &RunRequest, told: Told<'_>, past: Past<'_>) -> Vec<Step> {
    let mut steps: Vec<Step> =
        scripts(facts, request).into_iter().map(|script| of_script(facts, script, told)).collect();
    for step in &mut steps {
        step.already_done = past.has_run(step);
    }
    chained(steps)
}

/// `[run] rerun_failed = "ask"`: a script that failed runs again only when it is named.
pub(super) fn ask_before_again(
    facts: &Facts,
    request: &RunRequest,
    steps: &[Step],
    past: Past<'_>,
) -> Vec<Blocker> {
    if facts.target_settings.run.rerun_failed == RerunFailed::Run {
        return Vec::new();
    }
    let needs_word = |step: &&Step| {
        let has_failed =
            past.record(&step.name).is_some_and(|record| matches!(record.end, StepEnd::Failed(_)));
        let is_named = request.run_again.as_ref() == Some(&step.name);
        step.phase == Phase::Ticket && has_failed && !is_named && !step.already_done
    };
    let blocker = |step: &Step| {
        let fact = format!(
            "`{}` failed, and runs again only when it is named (`rerun_failed = \"ask\"`)",
            step.name
        );
        let flags = format!("--from={} --run-again={}", Phase::Ticket, step.name);
        let way = Typed::on(facts).run(&request.ticket, &flags);
        Blocker::new(ReasonCode::ReasonRequired, fact).way_out(way)
    };
    steps.iter().filter(needs_word).map(blocker).collect()
}

/// Name of a script's step: its file's name.
pub(in crate::decide) fn step_name(script: &TicketScript) -> crate::model::id::StepName {
    named([script.path.rsplit('/').next().unwrap_or(&script.path)])
}

fn of_script(facts: &Facts, script: &TicketScript, told: Told<'_>) -> Step {
    let settings = &facts.target_settings;
    let own = own(facts, settings);
    let services: Vec<&str> = told.services.iter().map(ServiceName::as_str).collect();
    let mut command = own.script(&script.path);
    command.env = [
        ("TICKET", script.ticket.to_string()),
        ("BASE_SHA", told.base.to_string()),
        ("MERGE_SHA", told.target.to_string()),
        ("SERVICES", services.join(" ")),
        ("HOLDPOINT_ATTEMPT", told.attempt.to_string()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .gather();
    let header = &script.header;
    let (when_unknown, done_when) = match &header.check {
        Some(check) => (WhenUnknown::Check, Some(DoneWhen::Exits(own.program(check)))),
        None if header.idempotent => (WhenUnknown::Repeat, None),
        None => (WhenUnknown::Ask, None),
    };
    let action = Action::Commands { commands: vec![command], done_when };
    Step {
        when_unknown,
        changes: true,
        timeout: Some(header.timeout.unwrap_or(settings.run.timeout)),
        script: Some(PlannedScript {
            path: script.path.clone(),
            sha256: script.sha256.clone(),
            dry_run: header.dry_run,
        }),
        ..step(step_name(script), Phase::Ticket, format!("run {}", script.path), action)
    }
}
