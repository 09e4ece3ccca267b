//! Commands that only look at a service, for verbs that have no plan.

use std::path::Path;

use super::commands::compose::Call;
use super::commands::own::Own;
use crate::model::facts::Compose;
use crate::model::request::LogLines;
use crate::model::settings::Settings;
use crate::model::spec::{CommandSpec, DriverSpec, ServiceSpec};

/// The host's own guardrail. None where the configuration names none.
pub fn guard(settings: &Settings, root: &Path) -> Option<CommandSpec> {
    Some(Own { root, settings }.program(settings.guard.as_ref()?))
}

/// Prints the schema version of a service's data. None where its definition names no such command.
pub fn schema(service: &ServiceSpec, settings: &Settings, root: &Path) -> Option<CommandSpec> {
    Some(Own { root, settings }.program(service.schema.as_ref()?))
}

/// Prints a service's own last lines; the `logs` command of a service without containers prints what it prints. None where nothing can: no compose answers, or the service has no `logs` command.
pub fn logs(
    service: &ServiceSpec,
    settings: &Settings,
    compose: Option<&Compose>,
    root: &Path,
    lines: &LogLines,
) -> Option<CommandSpec> {
    match &service.driver {
        DriverSpec::Compose(spec) => {
            let parts: Vec<&str> = match spec.services.as_slice() {
                [] => vec![service.name.as_str()],
                parts if parts.iter().any(|part| part == "*") => Vec::new(),
                parts => parts.iter().map(String::as_str).collect(),
            };
            Some(Call { compose: compose?, spec, root }.logs(lines, parts))
        }
        DriverSpec::Command(own) => {
            let line = own.logs.as_ref()?;
            Some(Own { root, settings }.program(line))
        }
    }
}
