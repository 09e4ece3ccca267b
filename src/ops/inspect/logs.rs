//! `logs SERVICE`: what a service printed, by its own means.

use std::time::Duration;

use crate::decide;
use crate::drivers::compose;
use crate::model::id::ServiceName;
use crate::model::spec::{CommandSpec, DriverSpec};
use crate::ops::ask::ask;
use crate::ops::error::OpsError;
use crate::ops::host::Host;

use super::status::known_services;

/// How long printing may take, and how much may be printed.
const PATIENCE: Duration = Duration::from_mins(1);
const LIMIT: u64 = 64 << 20;

/// A service's last lines, secrets made unreadable.
///
/// # Errors
/// A usage error for a name that is no service here; when the service has no way to print, or its program fails.
pub fn logs(host: &Host, service: &ServiceName) -> Result<String, OpsError> {
    known_services(host, std::slice::from_ref(service))?;
    let Some(spec) = host.settings.services.get(service) else { return Ok(String::new()) };
    let found = match spec.driver {
        DriverSpec::Compose(_) => {
            compose::find(host.settings.compose_command.as_deref(), &host.surroundings).compose
        }
        DriverSpec::Command(_) => None,
    };
    let command =
        decide::logs(spec, &host.settings, found.as_ref(), host.root()).ok_or_else(|| match spec.driver {
            DriverSpec::Compose(_) => OpsError::Failed {
                what: format!("the logs of `{service}` cannot be read: no compose answers here"),
                hint: "holdpoint doctor".to_owned(),
            },
            DriverSpec::Command(_) => OpsError::Failed {
                what: format!("`{service}` has no command that prints its logs"),
                hint: format!("say it in {}: `commands = {{ logs = […] }}`", spec.defined_in),
            },
        })?;
    let said = printed(host, &command)?;
    Ok(host.redactor.redact(&said))
}

fn printed(host: &Host, command: &CommandSpec) -> Result<String, OpsError> {
    let shown = command.argv.join(" ");
    let hint = format!("try it by hand: `{}`", host.redactor.redact(&shown));
    let failed = |what: String| OpsError::Failed { what: host.redactor.redact(&what), hint: hint.clone() };
    let said = ask(host, command, LIMIT, PATIENCE).map_err(|error| failed(error.to_string()))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if said.code != Some(0) {
        let last = text(&said.stderr).lines().last().unwrap_or_default().to_owned();
        let code = said.code.map_or("by a signal".to_owned(), |code| format!("with {code}"));
        return Err(failed(format!("printing the logs ended {code}: {last}")));
    }
    Ok(text(&said.stdout) + &text(&said.stderr))
}
