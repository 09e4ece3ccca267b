//! Waiting until a service is well.

use super::draft::step;
use crate::decide::site::Definition;
use crate::model::id::StepName;
use crate::model::phase::Phase;
use crate::model::plan::{Action, HealthJob, Step};
use crate::model::quantity::Span;
use crate::model::request::LogLines;
use crate::model::request::RunRequest;
use crate::model::spec::{CommandSpec, DriverSpec};

/// The three clocks of a service without a probe: only its containers' own state counts then.
const DEADLINE: Span = Span::secs(90);
const INTERVAL: Span = Span::secs(1);
const STAY: Span = Span::secs(0);

/// The clocks that hold for a service in this attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::decide) struct Clocks {
    pub(in crate::decide) deadline: Span,
    pub(in crate::decide) interval: Span,
    pub(in crate::decide) stay: Span,
}

/// The configured clocks, with `--health-deadline` over them: that of the service before that of all.
pub(in crate::decide) fn clocks(service: &Definition<'_>, request: Option<&RunRequest>) -> Clocks {
    let probe = service.spec.health.as_ref();
    let asked = request.and_then(|request| {
        let deadlines = &request.health_deadline;
        deadlines.get(&Some(service.name().clone())).or_else(|| deadlines.get(&None)).copied()
    });
    Clocks {
        deadline: asked.or(probe.map(|p| p.deadline)).unwrap_or(DEADLINE),
        interval: probe.map_or(INTERVAL, |p| p.interval),
        stay: probe.map_or(STAY, |p| p.stay),
    }
}

/// The step that waits.
pub(in crate::decide) fn step_of(
    service: &Definition<'_>,
    request: &RunRequest,
    name: StepName,
    phase: Phase,
) -> Step {
    waiting(service, clocks(service, Some(request)), name, phase)
}

/// The step that waits, by given clocks.
pub(in crate::decide) fn waiting(
    service: &Definition<'_>,
    clocks: Clocks,
    name: StepName,
    phase: Phase,
) -> Step {
    let asked = service.spec.health.as_ref().map(|probe| format!(" at {}", probe.url)).unwrap_or_default();
    let title = format!("wait until {} is well{asked}, up to {}", service.name(), clocks.deadline);
    let job = HealthJob {
        service: service.name().clone(),
        driver: service.spec.driver.clone(),
        probe: service.spec.health.clone(),
        deadline: clocks.deadline,
        interval: clocks.interval,
        stay: clocks.stay,
        logs: logs(service),
    };
    Step { service: Some(service.name().clone()), ..step(name, phase, title, Action::Health(Box::new(job))) }
}

/// Prints a service's own last lines.
fn logs(service: &Definition<'_>) -> Option<CommandSpec> {
    match &service.spec.driver {
        DriverSpec::Compose(_) => Some(service.call()?.logs(&LogLines::default(), service.part_names())),
        DriverSpec::Command(own) => own.logs.as_ref().map(|line| service.own().program(line)),
    }
}
