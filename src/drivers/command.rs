//! Services that a host runs by its own programs: their `status` and `image` commands.

use std::time::Duration;

use super::Surroundings;
use super::program::Ask;
use crate::model::facts::{RunState, ServiceState};
use crate::model::spec::CommandDriverSpec;

/// How long a `status` or `image` command may take.
const TIMEOUT: Duration = Duration::from_mins(1);

/// Asks `status` (exit 0 running, 3 stopped, anything else unknown) and `image` (its first line).
pub fn observe(commands: &CommandDriverSpec, surroundings: &Surroundings) -> ServiceState {
    let mut state = ServiceState::default();
    match surroundings.ask(question(&commands.status)) {
        Ok(said) => match said.code {
            Some(0) => state.run = RunState::Running,
            Some(3) => state.run = RunState::Stopped,
            Some(code) => {
                state.trouble = Some(format!("its status command exited {code}: {}", said.complaint()));
            }
            None => state.trouble = Some("a signal ended its status command".to_owned()),
        },
        Err(error) => state.trouble = Some(format!("its status command: {error}")),
    }
    let Some(image) = &commands.image else { return state };
    match surroundings.ask(question(image)) {
        Ok(said) if said.code == Some(0) => {
            let text = said.text();
            state.image = text.lines().map(str::trim).find(|line| !line.is_empty()).map(ToOwned::to_owned);
        }
        // What a stopped service would run is often not to be known; that is no trouble.
        Ok(_) if state.run == RunState::Stopped => {}
        Ok(said) => complain(&mut state, &said.complaint()),
        Err(error) => complain(&mut state, &error.to_string()),
    }
    state
}

fn complain(state: &mut ServiceState, why: &str) {
    state.trouble.get_or_insert_with(|| format!("its image command: {why}"));
}

fn question(command: &[String]) -> Ask<'_> {
    let mut ask = Ask::new(command.iter().cloned());
    ask.timeout = TIMEOUT;
    ask.limit = 1 << 20;
    ask
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::sys::process::base_environment;

    fn observed(status: &str, image: Option<&str>) -> ServiceState {
        let shell = |script: &str| vec!["sh".to_owned(), "-c".to_owned(), script.to_owned()];
        let commands =
            CommandDriverSpec { status: shell(status), image: image.map(shell), ..Default::default() };
        let surroundings = Surroundings { root: PathBuf::from("/"), env: base_environment(&[]) };
        observe(&commands, &surroundings)
    }

    #[test]
    fn exit_0_is_running_3_is_stopped_and_anything_else_is_not_known() {
        let state = observed("exit 0", Some("echo; echo ' wiki:2.5 '; echo more"));
        assert_eq!(
            (state.run, state.image.as_deref(), state.trouble),
            (RunState::Running, Some("wiki:2.5"), None)
        );
        let state = observed("exit 3", Some("exit 1"));
        assert_eq!((state.run, state.image, state.trouble), (RunState::Stopped, None, None));
        let state = observed("echo no such unit >&2; exit 4", None);
        assert_eq!(state.run, RunState::Unknown);
        assert_eq!(state.trouble.unwrap(), "its status command exited 4: no such unit");
        assert_eq!(observed("kill -9 $$", None).trouble.unwrap(), "a signal ended its status command");
    }

    #[test]
    fn a_program_that_is_missing_is_named() {
        let commands = CommandDriverSpec { status: vec!["no-such-program".to_owned()], ..Default::default() };
        let surroundings = Surroundings { root: PathBuf::from("/"), env: base_environment(&[]) };
        let trouble = observe(&commands, &surroundings).trouble.unwrap();
        assert_eq!(trouble, "its status command: `no-such-program` could not be started");
    }

    #[test]
    fn an_image_command_that_fails_while_it_runs_is_a_trouble() {
        let state = observed("exit 0", Some("echo broken >&2; exit 2"));
        assert_eq!(
            (state.run, state.trouble.as_deref()),
            (RunState::Running, Some("its image command: broken"))
        );
    }
}
