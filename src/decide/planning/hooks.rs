//! Programs around a service's start.

use super::draft::{named, step};
use crate::decide::site::Definition;
use crate::model::phase::Phase;
use crate::model::plan::{Action, DoneWhen, Step, WhenUnknown};
use crate::model::spec::HookSpec;

/// One step for each hook, in order: `<s>.pre_start`, counted where there are several.
pub(in crate::decide) fn steps(
    service: &Definition<'_>,
    phase: Phase,
    word: &str,
    hooks: &[HookSpec],
) -> Vec<Step> {
    let one = |(number, hook): (usize, &HookSpec)| {
        let count = (number + 1).to_string();
        let parts = if hooks.len() > 1 { vec![word, count.as_str()] } else { vec![word] };
        let name = named(std::iter::once(service.name().as_str()).chain(parts));
        let program = hook.run.first().map_or("", String::as_str);
        hook_step(service, phase, name, format!("run {program}"), hook)
    };
    hooks.iter().enumerate().map(one).collect()
}

fn hook_step(
    service: &Definition<'_>,
    phase: Phase,
    name: crate::model::id::StepName,
    title: String,
    hook: &HookSpec,
) -> Step {
    let own = service.own();
    let (when_unknown, done_when) = match &hook.check {
        Some(check) => (WhenUnknown::Check, Some(DoneWhen::Exits(own.program(check)))),
        None if hook.idempotent => (WhenUnknown::Repeat, None),
        None => (WhenUnknown::Ask, None),
    };
    let action = Action::Commands { commands: vec![own.program(&hook.run)], done_when };
    Step {
        service: Some(service.name().clone()),
        when_unknown,
        changes: true,
        timeout: Some(hook.timeout.unwrap_or(service.settings.run.timeout)),
        ..step(name, phase, title, action)
    }
}
