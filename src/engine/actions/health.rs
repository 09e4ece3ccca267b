//! Waits until a service is well: its containers' own state and healthcheck, and an HTTP question, by three clocks.

use std::time::Duration;

use crate::drivers::probe::{self, Answer};
use crate::engine::failure::Failure;
use crate::model::event::Progress;
use crate::model::facts::{RunState, ServiceState};
use crate::model::plan::{HealthJob, WhenUnknown};
use crate::model::spec::CommandSpec;
use crate::sys::supervise::{Part, TickAnswer};

use super::commands::{Files, observe, run_one};
use super::effects::{Effects, Work};

/// One HTTP question may take this long.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// The first waits are short, so that a service that is up at once costs no whole interval.
const FIRST_WAIT: Duration = Duration::from_millis(20);

/// Asks until the service stayed well for `stay`, or `deadline` has passed.
pub(super) fn wait(work: Work<'_>, job: &HealthJob) -> Result<Effects, Failure> {
    let clock = &work.context.clock;
    let began = clock.monotonic();
    let mut pause = FIRST_WAIT.min(job.interval.0);
    let mut well_since = None;
    let mut said = String::new();
    loop {
        let look = look(work, job);
        let now = clock.monotonic();
        match look {
            Look::Well | Look::Finished if matches!(look, Look::Finished) || job.stay.0.is_zero() => {
                return Ok(Effects::default());
            }
            Look::Well | Look::Finished => {
                let since = *well_since.get_or_insert(now);
                if now.saturating_sub(since) >= job.stay.0 {
                    return Ok(Effects::default());
                }
            }
            Look::Unwell(causes) => {
                well_since = None;
                if now.saturating_sub(began) >= job.deadline.0 {
                    return Err(unwell(work, job, causes));
                }
                let detail = causes.join("; ");
                if detail != said {
                    let step = work.step.name.clone();
                    work.recorder.progress(&Progress::Waiting { step, detail: detail.clone() });
                    said = detail;
                }
            }
        }
        work.wait(pause)?;
        pause = (pause * 2).min(job.interval.0.max(FIRST_WAIT));
    }
}

enum Look {
    /// Everything that is asked says well.
    Well,
    /// A one-shot service that has done its work: there is nothing to stay up.
    Finished,
    /// What is not as it should be, in the seed's words.
    Unwell(Vec<String>),
}

fn look(work: Work<'_>, job: &HealthJob) -> Look {
    let state = observe(work, &job.service, &job.driver);
    if job.probe.is_none() && has_finished(&state) {
        return Look::Finished;
    }
    let mut causes = state_causes(&job.service.to_string(), &state);
    if let Some(probe) = &job.probe {
        let answer = probe::ask(probe, ANSWER_WITHIN);
        if !answer.well {
            causes.push(http_cause(&job.service.to_string(), &answer));
        }
    }
    if causes.is_empty() { Look::Well } else { Look::Unwell(causes) }
}

/// Every container ended with exit status 0 and none is meant to stay up.
fn has_finished(state: &ServiceState) -> bool {
    !state.containers.is_empty()
        && state
            .containers
            .iter()
            .all(|c| c.state == "exited" && c.exit_code == Some(0) && c.health.is_none())
}

/// What is wrong with what runs: `✗ <service>.running: exited (1)`, `✗ <service>.healthy: unhealthy`.
pub(super) fn state_causes(service: &str, state: &ServiceState) -> Vec<String> {
    if has_finished(state) {
        return Vec::new();
    }
    let mut causes = Vec::new();
    for container in &state.containers {
        if container.state != "running" {
            let code = container.exit_code.filter(|_| container.state == "exited");
            let code = code.map(|code| format!(" ({code})")).unwrap_or_default();
            causes.push(format!("{service}.running: {}{code}", container.state));
        } else if let Some(health) = container.health.as_deref().filter(|health| *health != "healthy") {
            causes.push(format!("{service}.healthy: {health}"));
        }
    }
    if causes.is_empty() && state.run != RunState::Running {
        let word = match state.run {
            RunState::Running | RunState::Partly => "only partly up",
            RunState::Stopped => "stopped",
            RunState::Absent => "not there",
            RunState::Unknown => state.trouble.as_deref().unwrap_or("cannot be seen"),
        };
        causes.push(format!("{service}.running: {word}"));
    }
    causes
}

/// `http-health: HTTP 0 (<service>)`, with what else was wrong with the answer.
pub(super) fn http_cause(service: &str, answer: &Answer) -> String {
    let detail = if answer.detail.is_empty() { String::new() } else { format!(": {}", answer.detail) };
    format!("http-health: HTTP {} ({service}){detail}", answer.status)
}

fn unwell(work: Work<'_>, job: &HealthJob, causes: Vec<String>) -> Failure {
    let checks = 1 + usize::from(job.probe.is_some());
    let mut failure = Failure {
        causes,
        checks,
        ..Failure::new("unhealthy", format!("`{}` did not become well within {}", job.service, job.deadline))
    };
    if let Some(logs) = &job.logs {
        failure.tail = own_lines(work, logs);
    }
    failure
}

/// The service's own last lines: the error itself is usually there.
pub(super) fn own_lines(work: Work<'_>, logs: &CommandSpec) -> Vec<String> {
    debug_assert!(work.step.when_unknown == WhenUnknown::Repeat, "reading logs loses nothing");
    let Ok(folder) = work.folder() else { return Vec::new() };
    match run_one(work, logs, Part::Look, &Files::default(), &mut |_| TickAnswer::Go) {
        Ok(()) => work.context.store.transcript_tail(&folder, 50).unwrap_or_default(),
        Err(failure) => vec![format!("(its logs could not be read: {})", failure.summary)],
    }
}
