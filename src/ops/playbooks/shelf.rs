//! The playbooks that are known on a host: its own and those that came with the binary.

use std::collections::BTreeSet;
use std::path::Path;

use crate::manifest::playbook::{SHIPPED, parse};
use crate::manifest::settings::SourceFile;
use crate::model::gather::Gather;
use crate::model::matching::{KnownPlaybook, Origin, Shelf};
use crate::ops::error::OpsError;
use crate::ops::host::Host;
use crate::sys::files;

/// Bytes that a playbook file may have.
const LIMIT: u64 = 1 << 20;

/// The host's own playbooks first: a file with the name of a shipped one takes its place.
pub fn shelf(host: &Host) -> Shelf {
    let mut shelf = Shelf::default();
    let own = own_files(host, &mut shelf.notes);
    let names: BTreeSet<&str> = own.iter().map(|(file, _)| name_of(&file.path)).gather();
    let shipped: Vec<(SourceFile, Origin)> = SHIPPED
        .iter()
        .filter(|(name, _)| !names.contains(name))
        .map(|(name, text)| {
            let file = SourceFile { path: (*name).to_owned(), text: (*text).to_owned() };
            (file, Origin::Shipped)
        })
        .collect();
    let mut ids = BTreeSet::new();
    for (file, origin) in own.iter().chain(&shipped) {
        let playbooks = match parse(file) {
            Ok(playbooks) => playbooks,
            Err(error) => {
                let first = error.to_string().lines().next().unwrap_or_default().to_owned();
                shelf.notes.push(format!("{first}; look at it with `holdpoint playbook lint`"));
                continue;
            }
        };
        for playbook in playbooks {
            if ids.insert(playbook.id.clone()) {
                shelf.playbooks.push(KnownPlaybook { file: file.path.clone(), origin: *origin, playbook });
            } else {
                shelf.notes.push(format!("{}: the id `{}` is taken by another file", file.path, playbook.id));
            }
        }
    }
    shelf
}

/// One playbook by its id.
///
/// # Errors
/// A usage error that names those whose names are near.
pub fn known(host: &Host, id: &str) -> Result<KnownPlaybook, OpsError> {
    let shelf = shelf(host);
    let words: Vec<&str> = id.split('-').filter(|word| word.len() > 2 && *word != "release").collect();
    let near = |known: &&KnownPlaybook| words.iter().any(|word| known.playbook.id.contains(word));
    let near: Vec<String> =
        shelf.playbooks.iter().filter(near).take(3).map(|known| known.playbook.id.clone()).collect();
    shelf.playbooks.into_iter().find(|known| known.playbook.id == id).ok_or_else(|| OpsError::Usage {
        what: format!("there is no playbook `{}` here", id.escape_debug()),
        hint: match near.as_slice() {
            [] => "`holdpoint playbook list` shows all of them".to_owned(),
            near => format!("did you mean `{}`? `holdpoint playbook list` shows all", near.join("` or `")),
        },
    })
}

/// The files of the project's own folder, each with whether HEAD has it like this.
fn own_files(host: &Host, notes: &mut Vec<String>) -> Vec<(SourceFile, Origin)> {
    let below = &host.settings.paths.playbooks;
    let mut own = Vec::new();
    for name in files::list(&host.root().join(below)).unwrap_or_default() {
        let name = name.to_string_lossy().into_owned();
        let is_yaml = Path::new(&name).extension().is_some_and(|ending| ending == "yaml");
        if !name.starts_with("release-") || !is_yaml {
            continue;
        }
        let path = below.join(&name).to_string_lossy().into_owned();
        match files::read_text(&host.root().join(&path), LIMIT) {
            Ok(text) => own.push(SourceFile { path, text }),
            Err(error) => notes.push(format!("{path}: {error}")),
        }
    }
    let committed = committed(host, &own);
    let origin = |(file, head): (SourceFile, Option<Vec<u8>>)| {
        let is_committed = head.is_some_and(|head| head == file.text.as_bytes());
        (file, if is_committed { Origin::Committed } else { Origin::Uncommitted })
    };
    own.into_iter().zip(committed).map(origin).collect()
}

/// What HEAD has of each file; where it cannot be read, nothing counts as committed.
fn committed(host: &Host, own: &[SourceFile]) -> Vec<Option<Vec<u8>>> {
    let paths: Vec<&str> = own.iter().map(|file| file.path.as_str()).collect();
    if paths.is_empty() {
        return Vec::new();
    }
    let read = host.git.head().and_then(|head| host.git.read(&head, &paths));
    read.unwrap_or_else(|_| vec![None; own.len()])
}

fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
