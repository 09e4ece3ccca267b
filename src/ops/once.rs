//! `once KEY -- CMD…`: inside a ticket script, what must not happen twice. A script that starts again after a failure
//! does not repeat what it did `once` in this release (design/04).

use std::path::{Path, PathBuf};

use crate::model::id::TicketId;
use crate::store::{Layout, Sharing, Store};
use crate::sys::process;

use super::error::OpsError;

/// Set by the engine for every step: the step's own folder.
const STEP_DIR: &str = "HOLDPOINT_STEP_DIR";

/// Characters that a key may have.
const LONGEST: usize = 64;

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Once {
    /// It was done before in this release; nothing ran.
    AlreadyDone,
    /// It ran and ended with this exit status; 0: it is done now.
    Ran(i32),
    /// It was not done before and would run; this was a dry run.
    WouldRun,
}

/// Runs a command once a release, in the place of its caller: same input, same outputs, same environment. A command that
/// fails is not done. The host's lock is not taken, because the runner whose script this is holds it; `told` says before it
/// runs why it does, into the step's transcript, which the audit log's record names.
///
/// # Errors
/// A usage error outside of a ticket script, or for a key that is no plain name; when the command cannot be started, or
/// what was done cannot be recorded.
pub fn once(key: &str, command: &[String], dry_run: bool, told: impl FnOnce()) -> Result<Once, OpsError> {
    let folder = process::env(STEP_DIR).map(PathBuf::from);
    let place = folder.as_deref().and_then(place_of).ok_or_else(|| OpsError::Usage {
        what: format!("`once` belongs into a ticket script: `{STEP_DIR}` names no step of a release"),
        hint: "write it in `releases/<ticket>-*.sh` and release the ticket".to_owned(),
    })?;
    let name = marker(key, process::env("TICKET").as_deref(), &place.ticket)?;
    // Only the ticket's own folder is touched: where backups lie does not matter.
    let store = Store::open(Layout::new(&place.root, Path::new(".asd/workspace/backups")), Sharing::AsFound);
    let state = store.state(&place.ticket)?;
    let cycle = state.ok_or_else(|| OpsError::NoRelease { ticket: place.ticket.clone() })?.cycle;
    // Somebody may be at it right now, in another script: then this one waits, and sees what became of it.
    let _held = store.hold_once(&place.ticket, cycle, &name)?;
    if store.is_once_done(&place.ticket, cycle, &name) {
        return Ok(Once::AlreadyDone);
    }
    if dry_run {
        return Ok(Once::WouldRun);
    }
    told();
    let here = process::current_folder()?;
    let code = process::attached(command, &here, &process::whole_environment()).map_err(|error| {
        OpsError::Failed {
            what: error.to_string(),
            hint: "look at the command after `--`: it is a program and its arguments, not a line for a shell"
                .to_owned(),
        }
    })?;
    if code == 0 {
        store.mark_once(&place.ticket, cycle, &name)?;
    }
    Ok(Once::Ran(code))
}

/// Where a step belongs to.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    root: PathBuf,
    ticket: TicketId,
}

/// `<root>/.asd/workspace/releases/<ticket>/<attempt>/steps/<step>`
fn place_of(step_folder: &Path) -> Option<Place> {
    let up: Vec<&Path> = step_folder.ancestors().collect();
    let is = |level: usize, name: &str| {
        up.get(level).and_then(|path| path.file_name()).is_some_and(|found| found == name)
    };
    if !(is(1, "steps") && is(4, "releases") && is(5, "workspace") && is(6, ".asd")) {
        return None;
    }
    let ticket = up.get(3)?.file_name()?.to_str()?.parse().ok()?;
    Some(Place { root: up.get(7)?.to_path_buf(), ticket })
}

/// The marker's file name. Scripts of other tickets that run in this release keep their keys apart.
fn marker(key: &str, script_ticket: Option<&str>, release: &TicketId) -> Result<String, OpsError> {
    let plain = key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
        && key.starts_with(|c: char| c.is_ascii_alphanumeric())
        && key.len() <= LONGEST;
    if !plain {
        return Err(OpsError::Usage {
            what: format!(
                "`{}` is no key: letters, digits, `.`, `_` and `-`, at most {LONGEST}",
                key.escape_debug()
            ),
            hint: "name what is done, for example `holdpoint once add-column -- psql -f add-column.sql`"
                .to_owned(),
        });
    }
    match script_ticket.and_then(|ticket| ticket.parse::<TicketId>().ok()) {
        Some(other) if other != *release => Ok(format!("{other}.{key}")),
        _ => Ok(key.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_folder_says_which_release_it_is() {
        let place =
            place_of(Path::new("/srv/app/.asd/workspace/releases/1234/2/steps/17-1234-fix.sh")).unwrap();
        assert_eq!(place, Place { root: "/srv/app".into(), ticket: "1234".parse().unwrap() });
        for bad in [
            "",
            "/",
            "/srv/app",
            "/srv/.asd/workspace/releases/..x/1/steps/1-a",
            "steps/1",
            "/a/b/c/d/steps/e",
        ] {
            assert_eq!(place_of(Path::new(bad)), None, "{bad}");
        }
    }

    #[test]
    fn keys_are_plain_names_and_other_tickets_have_their_own() {
        let release: TicketId = "1234".parse().unwrap();
        assert_eq!(marker("add-column", Some("1234"), &release).unwrap(), "add-column");
        assert_eq!(marker("add-column", Some("1233"), &release).unwrap(), "1233.add-column");
        for bad in ["", "../x", "a/b", ".x", "-x", "a b", "a\n", &"k".repeat(65)] {
            assert!(marker(bad, None, &release).is_err(), "{bad:?}");
        }
    }
}
