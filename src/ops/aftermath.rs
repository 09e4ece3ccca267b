//! After a run: evidence, the failure screen's content, news for whoever wants it, and the sets that may go.

use std::collections::BTreeSet;

use serde_json::json;

use crate::decide::retention;
use crate::drivers::{notify as sender, service};
use crate::engine::{Failure, Halt};
use crate::model::facts::{Facts, RunState, ServiceState};
use crate::model::gather::Gather;
use crate::model::id::{BackupStamp, ServiceName, StepName};
use crate::model::outcome::Ending;
use crate::model::phase::Phase;
use crate::model::plan::{Action, Plan, PlanVerb};
use crate::model::quantity::counted;
use crate::model::release::{ReleaseState, Trigger};
use crate::model::settings::{News, NotifyBy};
use crate::model::view::{FailureView, NextCommand, RunView, ServiceEnd, ServiceNow};
use crate::sys::process::{self, Capture};

use super::evidence;
use super::host::Host;
use super::release::following;
use super::session::Session;

/// Nothing had to be done, and that is well.
pub(super) fn nothing(fact: String) -> RunView {
    RunView {
        ending: Ending::Ok,
        attempt: None,
        status: None,
        ms: 0,
        lines: vec![fact],
        failure: None,
        next: Vec::new(),
    }
}

/// Last words of a run that did what was asked.
pub(super) fn done(
    session: &Session<'_>,
    plan: &Plan,
    facts: &Facts,
    state: Option<&ReleaseState>,
    view: &mut RunView,
) {
    let ticket = &plan.attempt.ticket;
    match plan.verb {
        PlanVerb::Run => {
            let (branch, commit) = (&plan.branch, plan.target.short());
            view.lines.push(match plan.brought_by() {
                Trigger::Rollback => format!("{ticket} is rolled back: {branch} has the content of {commit}"),
                Trigger::Redeploy => format!("{ticket} is deployed again: {branch} at {commit}"),
                _ => format!("{ticket} is released: {branch} at {commit}"),
            });
            notify(session, News::Succeeded, plan, None);
        }
        PlanVerb::Revert => {
            view.lines.push(format!("{ticket} is taken back: the tree is that of {}", plan.base.short()));
            view.lines.extend(safety_copies(session, plan));
            notify(session, News::Reverted, plan, None);
        }
        PlanVerb::ReturnToMain => {
            view.lines.push(format!("back on {} at {}", plan.branch, plan.target.short()));
        }
        PlanVerb::BackupRestore => view.lines.extend(safety_copies(session, plan)),
        PlanVerb::Configure | PlanVerb::BackupTake | PlanVerb::Playbook => {
            let count = plan.steps.len();
            view.lines.push(format!("{} done", counted(count, "step")));
        }
        // Production is no matter of theirs, nor what it keeps.
        PlanVerb::PreviewUp | PlanVerb::PreviewCleanup => return,
    }
    drop_old_sets(session, plan, facts, state, view);
}

/// Retention: what no rule keeps may go, now that the release is over.
fn drop_old_sets(
    session: &Session<'_>,
    plan: &Plan,
    facts: &Facts,
    state: Option<&ReleaseState>,
    view: &mut RunView,
) {
    let touched: BTreeSet<&ServiceName> = plan.services.iter().map(|service| &service.name).gather();
    let others = facts.releases.iter().filter(|known| known.ticket != plan.attempt.ticket);
    let releases: Vec<&ReleaseState> = others.chain(state).collect();
    for service in touched {
        let Some(spec) = facts.base_settings.services.get(service) else { continue };
        let Ok(sets) = session.store.shelf().sets(service) else { continue };
        let keep = spec.backup.iter().map(|entry| entry.keep).max().unwrap_or(1);
        let named: BTreeSet<BackupStamp> =
            releases.iter().filter_map(|state| state.backups.get(service).cloned()).gather();
        for stamp in retention::evictable(&sets, keep, &named) {
            match session.store.remove_set(service, &stamp) {
                Ok(()) => {}
                Err(error) => {
                    view.lines.push(format!("backup set {service}/{stamp} could not be removed: {error}"));
                }
            }
        }
    }
}

/// Where the data that was there before it was put back is kept.
fn safety_copies(session: &Session<'_>, plan: &Plan) -> Vec<String> {
    let copies = plan.steps.iter().filter_map(|step| match &step.action {
        Action::Backup(job) if job.taken_for.starts_with("safety:") => {
            Some((job.service.clone(), job.taken_for.clone()))
        }
        _ => None,
    });
    let copies: BTreeSet<(ServiceName, String)> = copies.gather();
    let newest = |(service, mark): &(ServiceName, String)| {
        let sets = session.store.shelf().sets(service).ok()?;
        let set = sets.into_iter().rev().find(|set| set.taken_for == *mark)?;
        let path = session.store.layout().backup_set(service, &set.stamp);
        Some(format!("safety copy of {service} from before the revert: {}", path.display()))
    };
    copies.iter().filter_map(newest).collect()
}

/// A step failed: evidence is captured, the screen is filled, the news is told.
pub(super) fn halted(session: &Session<'_>, plan: &Plan, facts: &Facts, halt: &Halt, view: &mut RunView) {
    let host = session.host;
    let backward = matches!(plan.verb, PlanVerb::Revert | PlanVerb::BackupRestore);
    view.ending = match halt.is_undecided() {
        true => Ending::Undecided,
        false if backward => Ending::Stuck,
        false => Ending::Failed,
    };
    let states = now(session, facts);
    // What cannot be kept must not hide what failed.
    let kept = evidence::on_failure(session, plan, halt);
    let note = kept.as_ref().err().map(|error| format!("evidence could not be kept: {error}"));
    let first = halt.failures.first().map(|(step, failure)| (step.clone(), failure.clone()));
    let (step, failure) = first.unwrap_or_else(|| (StepName::new(["plan"]), Failure::default()));
    let ticket = &plan.attempt.ticket;
    let touched = |names: &str| plan.services.first().map(|s| host.typed(names, s.name.as_str()));
    let look_at = halt.failures.iter().find_map(|(step, _)| {
        let step = plan.steps.iter().find(|planned| planned.name == *step)?;
        let service = step.service.as_ref()?;
        Some(vec![host.typed("status", service.as_str()), host.typed("logs", service.as_str())])
    });
    let failure_view = FailureView {
        what: what(plan.verb).to_owned(),
        phase: halt.phase,
        step: Some(step),
        headline: headline(plan, halt),
        causes: causes(halt),
        output: failure.tail.clone(),
        services: services(plan, halt, &states),
        look: look_at.unwrap_or_else(|| touched("status").into_iter().collect()),
        evidence: kept.ok().map(|folder| relative(host, &folder)),
        playbooks: super::playbooks::fitting(host, plan, halt),
        notes: failure.hint.clone().into_iter().chain(note).collect(),
        roll_back: (plan.verb == PlanVerb::Run && tree_moved(session, plan))
            .then(|| host.typed("revert", ticket.as_str())),
        go_on: Some(again(host, plan, halt.phase)),
    };
    let news = if backward { News::Stuck } else { News::Failed };
    notify(session, news, plan, Some(&failure_view));
    if backward {
        view.lines.extend(safety_copies(session, plan));
    }
    view.failure = Some(failure_view);
}

/// What failed, as a person typed it.
fn what(verb: PlanVerb) -> &'static str {
    match verb {
        PlanVerb::Run => "release-run",
        PlanVerb::Revert => "release-revert",
        PlanVerb::ReturnToMain => "release-return-to-main",
        PlanVerb::Configure => "configure",
        PlanVerb::BackupTake => "backup take",
        PlanVerb::BackupRestore => "backup restore",
        PlanVerb::Playbook => "playbook run",
        PlanVerb::PreviewUp => "preview up",
        PlanVerb::PreviewCleanup => "preview cleanup",
    }
}

/// The command that goes on once the cause is fixed.
fn again(host: &Host, plan: &Plan, phase: Phase) -> String {
    let ticket = &plan.attempt.ticket;
    let service = plan.services.first().map_or("SERVICE", |service| service.name.as_str());
    match plan.verb {
        PlanVerb::Run if phase == Phase::Prepare => host.typed("run", ticket.as_str()),
        PlanVerb::Run => host.typed("run", &format!("{ticket} --from={phase}")),
        PlanVerb::Revert => host.typed("revert", ticket.as_str()),
        PlanVerb::ReturnToMain => host.typed("return-to-main", ""),
        PlanVerb::Configure => host.typed("configure", service),
        PlanVerb::BackupTake => host.typed("backup", "take"),
        PlanVerb::Playbook => host.typed("playbook", "run ID --apply"),
        PlanVerb::PreviewUp => host.typed("preview", "up --type TYPE --id ID"),
        PlanVerb::PreviewCleanup => host.typed("preview", "cleanup --type TYPE --id ID"),
        PlanVerb::BackupRestore => {
            let stamp = plan.steps.iter().find_map(|step| match &step.action {
                Action::Restore(job) => Some(job.stamp.as_str()),
                _ => None,
            });
            host.typed("backup", &format!("restore {service} {}", stamp.unwrap_or_default()))
        }
    }
}

/// Whether prepare got as far as moving the tree: before that there is nothing to take back.
fn tree_moved(session: &Session<'_>, plan: &Plan) -> bool {
    let state = session.store.state(&plan.attempt.ticket);
    state.is_ok_and(|state| state.is_some_and(|state| state.merge.is_some()))
}

/// `verify failed: 2 of 9 checks`; in other phases, what failed.
fn headline(plan: &Plan, halt: &Halt) -> String {
    if halt.phase == Phase::Verify {
        let failed: usize = halt.failures.iter().map(|(_, failure)| failure.causes.len().max(1)).sum();
        let checks: usize = plan.steps.iter().filter(|step| step.phase == Phase::Verify).map(checks_of).sum();
        return format!("verify failed: {failed} of {} checks", checks.max(failed));
    }
    let summaries: Vec<&str> = halt.failures.iter().map(|(_, failure)| failure.summary.as_str()).collect();
    format!("{} failed: {}", halt.phase, summaries.join("; "))
}

/// How many checks a verify step makes.
fn checks_of(step: &crate::model::plan::Step) -> usize {
    match &step.action {
        Action::VerifyService(job) => {
            1 + job.images.len() + job.config.len() + usize::from(job.probe.is_some()) + job.access.len()
        }
        _ => 1,
    }
}

fn causes(halt: &Halt) -> Vec<String> {
    let one = |(step, failure): &(StepName, Failure)| {
        if failure.causes.is_empty() && halt.failures.len() > 1 {
            vec![format!("{step}: {}", failure.summary)]
        } else {
            failure.causes.clone()
        }
    };
    halt.failures.iter().flat_map(one).collect()
}

fn now(session: &Session<'_>, facts: &Facts) -> std::collections::BTreeMap<ServiceName, ServiceState> {
    let services: Vec<_> =
        facts.target_settings.services.iter().map(|(name, service)| (name, &service.driver)).collect();
    service::observe_all(&services, &facts.runtime, &session.host.surroundings)
}

/// One line a service: new, old, stopped, untouched.
fn services(
    plan: &Plan,
    halt: &Halt,
    states: &std::collections::BTreeMap<ServiceName, ServiceState>,
) -> Vec<ServiceEnd> {
    let failed: BTreeSet<&StepName> = halt.failures.iter().map(|(step, _)| step).gather();
    let one = |service: &crate::model::plan::PlannedService| {
        let state = states.get(&service.name);
        let before = service.image_before.as_deref();
        let after = service.image_after.as_deref();
        let running = state
            .and_then(|state| state.containers.first().map(|c| c.image.as_str()).or(state.image.as_deref()));
        let came_to_it = halt.phase > Phase::Migrate
            || failed.iter().any(|step| {
                let word =
                    step.as_str().strip_prefix(service.name.as_str()).and_then(|s| s.strip_prefix('.'));
                // Before these are done, nothing is touched.
                word.is_some_and(|word| !matches!(word, "pull" | "build" | "keep-image"))
            })
            || (running == after && before != after);
        let now = match state.map(|state| state.run) {
            Some(RunState::Stopped | RunState::Absent) => ServiceNow::Stopped,
            None | Some(RunState::Unknown) => ServiceNow::Unknown,
            Some(_) if halt.phase < Phase::Migrate || !came_to_it => ServiceNow::Untouched,
            Some(_) if running == before && before != after => ServiceNow::Old,
            Some(_) => ServiceNow::New,
        };
        ServiceEnd { name: service.name.clone(), now }
    };
    plan.services.iter().map(one).collect()
}

/// Commands that go on or back after an interruption.
pub(super) fn ways_on(host: &Host, plan: &Plan, phase: Phase) -> Vec<NextCommand> {
    let ticket = &plan.attempt.ticket;
    match (plan.verb, phase) {
        (PlanVerb::Revert, _) => vec![following("to go on", host.typed("revert", ticket.as_str()))],
        (PlanVerb::Run, Phase::Prepare) => {
            vec![following("to start again", host.typed("run", ticket.as_str()))]
        }
        (PlanVerb::Run, phase) => vec![
            following("to go on", host.typed("run", &format!("{ticket} --from={phase}"))),
            following("to take it back", host.typed("revert", ticket.as_str())),
        ],
        _ => Vec::new(),
    }
}

fn relative(host: &Host, path: &std::path::Path) -> String {
    path.strip_prefix(host.root()).unwrap_or(path).display().to_string()
}

/// Tells whoever wants to know. News that cannot be told never changes how a release ends; it is shown.
pub(super) fn notify(session: &Session<'_>, news: News, plan: &Plan, failure: Option<&FailureView>) {
    let host = session.host;
    if !matches!(plan.verb, PlanVerb::Run | PlanVerb::Revert) {
        return;
    }
    let head = session.store.log_head(&plan.attempt.ticket).ok().flatten();
    let body = json!({
        "event": news,
        "attempt": plan.attempt.to_string(),
        "ticket": plan.attempt.ticket,
        "host": host.name,
        "operator": host.operator,
        "branch": plan.branch,
        "base": plan.base,
        "target": plan.target,
        "services": plan.services.iter().map(|service| &service.name).collect::<Vec<_>>(),
        "failure": failure,
        "log": head.as_ref().map(|(seq, chain)| json!({ "seq": seq, "chain": chain })),
    });
    spread(session, news, &body);
}

/// Tells whoever wants to hear that a release was found interrupted: its runner is gone, so only its record speaks.
pub(super) fn notify_interrupted(session: &Session<'_>, state: &ReleaseState) {
    let head = session.store.log_head(&state.ticket).ok().flatten();
    let body = json!({
        "event": News::Interrupted,
        "attempt": format!("{}@{}", state.ticket, state.attempt),
        "ticket": state.ticket,
        "host": session.host.name,
        "operator": state.operator,
        "branch": state.branch,
        "base": state.base,
        "target": state.merge,
        "services": state.services,
        "failure": null,
        "log": head.map(|(seq, chain)| json!({ "seq": seq, "chain": chain })),
    });
    spread(session, News::Interrupted, &body);
}

fn spread(session: &Session<'_>, news: News, body: &serde_json::Value) {
    let host = session.host;
    for wish in host.settings.notify.iter().filter(|wish| wish.on.contains(&news)) {
        let told = tell(host, &wish.by, body);
        if let Err(why) = told {
            let note = format!("nobody could be told that this release is `{}`: {why}", word(news));
            session.face.watcher.progress(&crate::model::event::Progress::Note(host.redactor.redact(&note)));
        }
    }
}

fn tell(host: &Host, by: &NotifyBy, body: &serde_json::Value) -> Result<(), String> {
    const WITHIN: std::time::Duration = std::time::Duration::from_secs(10);
    let text = host.redactor.redact(&body.to_string());
    match by {
        NotifyBy::Webhook(url) => {
            let body = serde_json::from_str(&text).unwrap_or_else(|_| json!({ "text": text }));
            sender::webhook(url, &body, WITHIN).map_err(|error| error.to_string())
        }
        NotifyBy::Command(argv) => {
            let told = process::capture(&Capture {
                argv: argv.clone(),
                cwd: host.root().to_path_buf(),
                env: host.surroundings.env.clone(),
                stdin: Some(text.into_bytes()),
                limit_bytes: 64 << 10,
                timeout: Some(WITHIN),
                ends: process::Ends::Program,
            });
            match told {
                Ok(ended) if ended.code == Some(0) => Ok(()),
                Ok(ended) => Err(format!("`{}` exited {}", argv.join(" "), ended.code.unwrap_or(-1))),
                Err(error) => Err(error.to_string()),
            }
        }
    }
}

fn word(news: News) -> String {
    serde_json::to_value(news).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}
