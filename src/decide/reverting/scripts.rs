//! Scripts that take the effect of a ticket script back, where data is not restored.

use super::scope::Scope;
use crate::decide::planning::{script_step_name, step};
use crate::decide::site::own;
use crate::model::arrange::Arrange;
use crate::model::facts::TicketScript;
use crate::model::id::StepName;
use crate::model::phase::Phase;
use crate::model::plan::{Action, Step, WhenUnknown};

/// The revert scripts that run, the newest effect first.
pub(super) fn steps(scope: &Scope<'_>) -> Vec<Step> {
    let mut scripts: Vec<&TicketScript> =
        scope.facts.scripts.iter().filter(|script| is_wanted(scope, script)).collect();
    scripts.arrange_by(|a, b| b.path.cmp(&a.path));
    scripts.into_iter().filter_map(|script| of_script(scope, script)).collect()
}

/// It ran, or may have, it can be taken back, and restored data does not take it back already.
fn is_wanted(scope: &Scope<'_>, script: &TicketScript) -> bool {
    let began = scope.history.steps.contains_key(&script_step_name(script));
    let saved = &script.header.backup;
    let is_restored = if saved.is_empty() {
        !scope.data.is_empty()
    } else {
        saved.iter().any(|service| scope.data.contains_key(service))
    };
    began && script.header.revert.is_some() && !is_restored
}

fn of_script(scope: &Scope<'_>, script: &TicketScript) -> Option<Step> {
    let revert = script.header.revert.as_ref()?;
    let settings = &scope.facts.target_settings;
    let mut command = own(scope.facts, settings).script(revert);
    let state = scope.state;
    let merge = state.merge.as_ref().unwrap_or(&state.base);
    command.env = [
        ("TICKET", script.ticket.to_string()),
        ("BASE_SHA", state.base.to_string()),
        ("MERGE_SHA", merge.to_string()),
        ("SERVICES", state.services.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")),
        ("HOLDPOINT_ATTEMPT", format!("{}@{}", state.ticket, state.attempt)),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    let file = revert.rsplit('/').next().unwrap_or(revert);
    let name = StepName::new(["revert", "script", file]);
    let action = Action::Commands { commands: vec![command], done_when: None };
    Some(Step {
        when_unknown: WhenUnknown::Ask,
        changes: true,
        timeout: Some(script.header.timeout.unwrap_or(settings.run.timeout)),
        ..step(name, Phase::Revert, format!("run {revert}"), action)
    })
}
