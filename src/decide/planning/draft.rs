//! The plain form of a step, before its phase says more.

use crate::model::id::StepName;
use crate::model::phase::Phase;
use crate::model::plan::{Action, Step, WhenUnknown};
use crate::model::spec::CommandSpec;

/// A step's name from its parts.
pub(in crate::decide) fn named<'a>(parts: impl IntoIterator<Item = &'a str>) -> StepName {
    StepName::new(parts)
}

/// A step that changes nothing and may be repeated.
pub(in crate::decide) fn step(
    name: StepName,
    phase: Phase,
    title: impl Into<String>,
    action: Action,
) -> Step {
    Step {
        name,
        phase,
        service: None,
        title: title.into(),
        after: Vec::new(),
        action,
        when_unknown: WhenUnknown::Repeat,
        changes: false,
        already_done: false,
        unknown_since: None,
        timeout: None,
        script: None,
    }
}

/// Commands without a way to see their effect.
pub(in crate::decide) fn commands(commands: Vec<CommandSpec>) -> Action {
    Action::Commands { commands, done_when: None }
}

/// Steps one after another: each waits for the one before it as well.
pub(in crate::decide) fn chained(mut steps: Vec<Step>) -> Vec<Step> {
    for index in 1..steps.len() {
        let before = steps[index - 1].name.clone();
        if !steps[index].after.contains(&before) {
            steps[index].after.push(before);
        }
    }
    steps
}
