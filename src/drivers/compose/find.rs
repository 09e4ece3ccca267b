//! Which compose and which engine answer on this host.

use super::ComposeError;
use crate::drivers::Surroundings;
use crate::drivers::program::Ask;
use crate::model::facts::{Compose, ComposeFlavour};
use crate::sys::process::find_program;

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// How compose is called; none: no compose here.
    pub compose: Option<Compose>,
    /// How the engine is called (`docker` or `podman`); none: no engine here.
    pub engine: Option<String>,
    /// Why something is missing, in words.
    pub troubles: Vec<ComposeError>,
}

/// Looks for `docker compose`, else `docker-compose`, else `podman-compose`; for a configured command alone where one is
/// given. Each is asked for its version, which needs no daemon.
pub fn find(configured: Option<&[String]>, surroundings: &Surroundings) -> Found {
    let compose = match configured {
        Some(command) => version(command, surroundings),
        None => first_that_answers(surroundings),
    };
    let mut found = Found { compose, ..Found::default() };
    if found.compose.is_none() {
        found.troubles.push(too_old(configured, surroundings).unwrap_or_else(|| no_compose(configured)));
    }
    let engines = match &found.compose {
        Some(compose) if compose.flavour == ComposeFlavour::Podman => ["podman", "docker"],
        _ => ["docker", "podman"],
    };
    found.engine = engines.into_iter().find(|name| is_here(name, surroundings)).map(ToOwned::to_owned);
    if found.engine.is_none() {
        found.troubles.push(ComposeError::Tools {
            what: "neither `docker` nor `podman` is installed".to_owned(),
            way_out: "install the one that runs your containers".to_owned(),
        });
    }
    found
}

/// A podman-compose that is here and cannot be worked with, as Debian 12 has it.
fn too_old(configured: Option<&[String]>, surroundings: &Surroundings) -> Option<ComposeError> {
    let usual = [PODMAN_COMPOSE.to_owned()];
    let command = configured.unwrap_or(&usual);
    if !is_podman(command) || !is_here(command.first()?, surroundings) {
        return None;
    }
    let said = surroundings.ask(Ask::new(command.iter().cloned().chain(["--version".to_owned()]))).ok()?;
    (said.code == Some(0)).then(|| ComposeError::Tools {
        what: format!("`{}` is too old: it cannot show its configuration (`config`)", command.join(" ")),
        way_out: "install podman-compose 1.3.0 or later, or docker compose".to_owned(),
    })
}

const PODMAN_COMPOSE: &str = "podman-compose";

fn is_podman(command: &[String]) -> bool {
    command.iter().any(|word| word.rsplit('/').next().is_some_and(|name| name.starts_with("podman")))
}

fn no_compose(configured: Option<&[String]>) -> ComposeError {
    if let Some(command) = configured {
        let command = command.join(" ");
        let what = format!("`[compose] command` is `{command}`, which does not answer");
        return ComposeError::Tools { what, way_out: format!("{command} version") };
    }
    ComposeError::Tools {
        what: "none of `docker compose`, `docker-compose` and `podman-compose` answers".to_owned(),
        way_out: "install one, or say how compose is called: `[compose] command = [\"…\"]`".to_owned(),
    }
}

/// One after the other: asking docker-compose 1.x takes half a second, which only a host without another one must pay.
fn first_that_answers(surroundings: &Surroundings) -> Option<Compose> {
    let candidates: [&[&str]; 3] = [&["docker", "compose"], &["docker-compose"], &[PODMAN_COMPOSE]];
    candidates.into_iter().filter(|command| is_here(command[0], surroundings)).find_map(|command| {
        let command: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
        version(&command, surroundings)
    })
}

fn is_here(program: &str, surroundings: &Surroundings) -> bool {
    find_program(program, surroundings.env.get("PATH").map_or("", String::as_str)).is_some()
}

fn version(command: &[String], surroundings: &Surroundings) -> Option<Compose> {
    let said = surroundings
        .ask(Ask::new(command.iter().cloned().chain(["version".to_owned(), "--short".to_owned()])))
        .ok()?;
    if said.code != Some(0) {
        return None;
    }
    let text = said.text();
    let text = text.lines().map(str::trim).rfind(|line| !line.is_empty())?;
    let version = text.rsplit(' ').next().unwrap_or(text).trim_start_matches('v').to_owned();
    if !version.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let flavour = match is_podman(command) {
        true => ComposeFlavour::Podman,
        false if version.starts_with("1.") => ComposeFlavour::V1,
        false => ComposeFlavour::V2,
    };
    Some(Compose { command: command.to_vec(), flavour, version })
}
