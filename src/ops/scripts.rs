//! Ticket scripts, as they stand at the target: whose they are, what their header lines say, and their content's hash.

use std::collections::{BTreeMap, BTreeSet};

use crate::drivers::git::TreeEntry;
use crate::manifest::script::{self, Belongs};
use crate::manifest::settings::SourceFile;
use crate::model::facts::{GitFacts, TicketScript};
use crate::model::gather::Gather;
use crate::model::id::{Oid, TicketId};
use crate::model::reason::{Blocker, ReasonCode};
use crate::model::release::{ReleaseState, Status};
use crate::sys::files;

use super::error::OpsError;
use super::host::Host;

/// The scripts that matter: this ticket's, and those of other tickets that come in.
pub(super) fn observe(
    host: &Host,
    ticket: Option<&TicketId>,
    releases: &[ReleaseState],
    git: &GitFacts,
    target: &Oid,
) -> Result<(Vec<TicketScript>, Vec<Blocker>), OpsError> {
    let mut troubles = Vec::new();
    let Some(ticket) = ticket else { return Ok((Vec::new(), troubles)) };
    let folder = host.settings.paths.releases.to_string_lossy().into_owned();
    let listed = host.git.list(target, &[&folder])?;

    let mut no_files = no_files(&folder, &listed);
    let regular = listed.into_iter().map(|entry| entry.path).filter(|path| is_script(path));
    let tracked: BTreeSet<String> = regular.filter(|path| !no_files.contains_key(path)).gather();
    let here = untracked(host, &folder, &tracked, &mut no_files)?;

    let known: BTreeSet<TicketId> =
        releases.iter().map(|state| state.ticket.clone()).chain([ticket.clone()]).gather();
    for (path, belongs) in script::match_tickets(&folder, no_files.keys().map(String::as_str), &known) {
        if matches!(belongs, Belongs::To(owner) if owner == *ticket) {
            let fact =
                format!("`{path}` is {}, no script", no_files.get(&path).copied().unwrap_or("no file"));
            let advice = "make it a file of its own, commit and push it, then run the same command again";
            troubles.push(Blocker::new(ReasonCode::TicketScriptInvalid, fact).way_out(advice));
        }
    }
    let all: Vec<&str> = tracked.iter().chain(&here).map(String::as_str).collect();
    let mut matched = Vec::new();
    for (path, belongs) in script::match_tickets(&folder, all, &known) {
        match belongs {
            Belongs::To(owner) => matched.push((path, owner)),
            Belongs::Unclear(tickets) if tickets.contains(ticket) => {
                let names: Vec<&str> = tickets.iter().map(TicketId::as_str).collect();
                let fact = format!("`{path}` may belong to {}", names.join(" or "));
                let advice = "rename the script so that only one ticket id fits";
                troubles.push(Blocker::new(ReasonCode::TicketScriptInvalid, fact).way_out(advice));
            }
            Belongs::Unclear(_) => {}
        }
    }
    let changed: BTreeSet<&str> = git.changed.iter().map(String::as_str).gather();
    let wanted: Vec<(&str, &TicketId)> = matched
        .iter()
        .filter(|(path, owner)| owner == ticket || changed.contains(path.as_str()))
        .map(|(path, owner)| (path.as_str(), owner))
        .collect();
    let paths: Vec<&str> = wanted.iter().map(|(path, _)| *path).collect();
    let texts = host.git.read(target, &paths)?;
    let ran = if wanted.is_empty() { BTreeSet::new() } else { ran_here(host, releases)? };
    let mut scripts = Vec::new();
    for ((path, owner), text) in wanted.into_iter().zip(texts) {
        let bytes = text.unwrap_or_default();
        let source = SourceFile { path: path.to_owned(), text: String::from_utf8_lossy(&bytes).into_owned() };
        let header = match script::header(&source) {
            Ok(header) => header,
            Err(error) => {
                let advice = format!("mend the header line in `{path}` and commit it");
                troubles
                    .push(Blocker::new(ReasonCode::TicketScriptInvalid, error.to_string()).way_out(advice));
                continue;
            }
        };
        let sha256 = files::sha256_of(&bytes);
        scripts.push(TicketScript {
            ticket: owner.clone(),
            path: path.to_owned(),
            ran: ran.contains(&(path.to_owned(), sha256.clone())),
            sha256,
            tracked: tracked.contains(path),
            incoming: changed.contains(path),
            header,
        });
    }
    Ok((scripts, troubles))
}

/// Path and content of every script that ran to a good end here in a release that was not taken back since.
fn ran_here(host: &Host, releases: &[ReleaseState]) -> Result<BTreeSet<(String, String)>, OpsError> {
    let mut of_tickets = host.store.scripts_run()?;
    let stands = releases.iter().filter(|state| state.status != Status::Reverted);
    Ok(stands.filter_map(|state| of_tickets.remove(&state.ticket)).flatten().gather())
}

/// What has a script's name and is none, with what it is instead: nobody reviewed what a link leads to.
fn no_files(folder: &str, listed: &[TreeEntry]) -> BTreeMap<String, &'static str> {
    let folder = folder.trim_end_matches('/');
    let one = |entry: &TreeEntry| {
        let rest = entry.path.strip_prefix(folder)?.strip_prefix('/')?;
        match rest.split_once('/') {
            Some((top, _)) => Some((format!("{folder}/{top}"), "a folder")),
            None if entry.is_link() => Some((entry.path.clone(), "a link")),
            None => None,
        }
    };
    listed.iter().filter_map(one).filter(|(path, _)| is_script(path)).gather()
}

/// Scripts that lie in the folder and are not tracked at the target; folders go to those that are no files.
fn untracked(
    host: &Host,
    folder: &str,
    tracked: &BTreeSet<String>,
    no_files: &mut BTreeMap<String, &'static str>,
) -> Result<BTreeSet<String>, OpsError> {
    let path = host.root().join(folder);
    if !files::is_folder(&path) {
        return Ok(BTreeSet::new());
    }
    let names = files::list(&path)?;
    let relative = names.into_iter().map(|name| format!("{folder}/{}", name.to_string_lossy()));
    let found = relative.filter(|path| is_script(path) && !tracked.contains(path));
    let (folders, here): (BTreeSet<String>, BTreeSet<String>) =
        found.partition(|path| files::is_folder(&host.root().join(path)));
    no_files.extend(folders.into_iter().map(|path| (path, "a folder")));
    Ok(here.into_iter().filter(|path| !no_files.contains_key(path)).gather())
}

fn is_script(path: &str) -> bool {
    std::path::Path::new(path).extension().is_some_and(|extension| extension == "sh")
}
