//! The schema version of each service's data, as its own `schema` command prints it (design/04): it goes into the snapshot,
//! and a rollback over data of another version is refused (design/05).

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use crate::decide;
use crate::model::facts::{Schema, ServiceState};
use crate::model::id::ServiceName;
use crate::model::settings::Settings;
use crate::model::spec::CommandSpec;
use crate::sys::beside;

use super::ask::ask;
use super::host::Host;

/// How long a command may take, and how much it may print.
const PATIENCE: Duration = Duration::from_secs(30);
const LIMIT: u64 = 64 << 10;

/// Characters that a version may have.
const LONGEST: usize = 200;

/// Asks every service that can tell, side by side, and notes the answers in what was seen of them. The data is there
/// before the release, so its definition at HEAD asks; a command that only comes in with the release asks in its place. A
/// service that only comes in has no data yet.
pub(super) fn observe(
    host: &Host,
    base: &Settings,
    target: &Settings,
    states: &mut BTreeMap<ServiceName, ServiceState>,
) {
    let asked = |name: &ServiceName| -> Option<CommandSpec> {
        [base, target]
            .into_iter()
            .find_map(|settings| decide::schema(settings.services.get(name)?, settings, host.root()))
    };
    let questions: Vec<(ServiceName, CommandSpec)> =
        base.services.keys().filter_map(|name| Some((name.clone(), asked(name)?))).collect();
    let answers: Vec<(ServiceName, Schema)> = thread::scope(|scope| {
        let asked: Vec<_> = questions
            .iter()
            .map(|(name, command)| (name.clone(), beside(scope, move || version(host, command))))
            .collect();
        asked.into_iter().map(|(name, thread)| (name, thread.join())).collect()
    });
    for (name, schema) in answers {
        if let Some(state) = states.get_mut(&name) {
            state.schema = Some(schema);
        }
    }
}

/// What the command prints, if it is one line.
fn version(host: &Host, command: &CommandSpec) -> Schema {
    let answer = match ask(host, command, LIMIT, PATIENCE) {
        Ok(answer) => answer,
        Err(error) => return Schema::Unknown(host.redactor.redact(&error.to_string())),
    };
    let shown = command.argv.first().map(String::as_str).unwrap_or_default();
    let text = |bytes: &[u8]| host.redactor.redact(String::from_utf8_lossy(bytes).trim());
    if answer.code != Some(0) {
        let how = answer.code.map_or("was ended by a signal".to_owned(), |code| format!("exited {code}"));
        let last = text(&answer.stderr).lines().last().map(|line| format!(": {line}")).unwrap_or_default();
        return Schema::Unknown(format!("`{shown}` {how}{last}"));
    }
    let said = text(&answer.stdout);
    match said.lines().count() {
        1 if said.chars().count() <= LONGEST => Schema::Version(said),
        0 => Schema::Unknown(format!("`{shown}` printed nothing")),
        _ => Schema::Unknown(format!("`{shown}` printed more than a version")),
    }
}
