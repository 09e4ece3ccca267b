//! Restore steps: how each kind of data is put back.

use std::path::PathBuf;

use super::commands::mysql;
use super::commands::postgres::{self, Present};
use super::planning::{named, step};
use super::saving::{Client, entries, mounting, reading, source};
use super::site::{Definition, Side, engine};
use crate::model::backup::{BackupEntry, BackupSet, PutMethod, RestoreJob};
use crate::model::id::ServiceName;
use crate::model::phase::Phase;
use crate::model::plan::{Action, Step, WhenUnknown};
use crate::model::spec::{BackupKind, BackupSpec};

/// How a restore is done.
#[derive(Clone, Copy)]
pub(super) struct Manner<'a> {
    /// Whose files stand in the checkout meanwhile.
    pub(super) tree: Side,
    /// The same for every go at one restore, and for no other.
    pub(super) mark: &'a str,
    /// Whether a database that is replaced stays beside the restored one.
    pub(super) present: Present,
}

/// One entry to be put back, and what must be so for it.
pub(super) struct Restore {
    pub(super) step: Step,
    /// The service whose server must be up meanwhile; none: everything that touches the data is down.
    pub(super) server: Option<ServiceName>,
    /// Name under which the data that was there before is kept beside it, where it is.
    pub(super) aside: Option<String>,
}

/// The entries of a set, in configuration order.
///
/// # Errors
/// A sentence for each entry that cannot be put back here.
pub(super) fn steps(
    service: &Definition<'_>,
    set: &BackupSet,
    manner: Manner<'_>,
) -> Result<Vec<Restore>, Vec<String>> {
    let mut restores = Vec::new();
    let mut impossible = Vec::new();
    for (number, spec) in entries(service) {
        let entry = set.entries.iter().find(|entry| entry.number == number && entry.kind == spec.kind.word());
        let built = match entry {
            Some(entry) => one(service, set, entry, spec, manner),
            None => {
                Err(format!("set {}/{} has no entry {number} ({})", set.service, set.stamp, spec.kind.word()))
            }
        };
        match built {
            Ok(restore) => restores.push(restore),
            Err(why) => impossible.push(why),
        }
    }
    if impossible.is_empty() { Ok(restores) } else { Err(impossible) }
}

fn one(
    service: &Definition<'_>,
    set: &BackupSet,
    entry: &BackupEntry,
    spec: &BackupSpec,
    manner: Manner<'_>,
) -> Result<Restore, String> {
    let kind = &spec.kind;
    let job = RestoreJob {
        service: service.name().clone(),
        stamp: set.stamp.clone(),
        number: entry.number,
        kind: kind.word().to_owned(),
        source: source(kind),
        method: method(service, entry, kind, manner)?,
    };
    let name = named(["restore", service.name().as_str(), &entry.number.to_string()]);
    let title = format!("restore {} from {}", job.source, set.stamp);
    let step = Step {
        service: Some(service.name().clone()),
        // Repeated from its kept source, as often as needed.
        when_unknown: WhenUnknown::Repeat,
        changes: true,
        ..step(name, Phase::Revert, title, Action::Restore(Box::new(job)))
    };
    let aside = match kind {
        BackupKind::Postgres { .. } if manner.present == Present::Stays => {
            let client = Client::of(service, manner.tree, kind);
            Some(client.postgres(kind).aside(manner.mark))
        }
        _ => None,
    };
    Ok(Restore { step, server: server(service, kind), aside })
}

/// The service whose server must be up for a kind of data.
fn server(service: &Definition<'_>, kind: &BackupKind) -> Option<ServiceName> {
    match kind {
        BackupKind::Postgres { within, .. } | BackupKind::Mysql { within, .. } => {
            Some(within.clone().unwrap_or_else(|| service.name().clone()))
        }
        _ => None,
    }
}

fn method(
    service: &Definition<'_>,
    entry: &BackupEntry,
    kind: &BackupKind,
    manner: Manner<'_>,
) -> Result<PutMethod, String> {
    let root = &service.facts.host.root;
    Ok(match kind {
        BackupKind::None { .. } => PutMethod::Tree { paths: Vec::new() },
        BackupKind::Files { paths } => {
            PutMethod::Tree { paths: paths.iter().map(|path| root.join(path)).collect() }
        }
        BackupKind::Volume { volume } if entry.files.contains_key("volume.tar") => {
            through_container(service, volume)?
        }
        BackupKind::Volume { volume } => PutMethod::Tree { paths: vec![mountpoint(service, volume)?] },
        BackupKind::Sqlite { path } => PutMethod::Sqlite { path: root.join(path) },
        BackupKind::Config { file, names } => {
            PutMethod::Config { file: root.join(file), names: names.clone() }
        }
        BackupKind::Command { restore, .. } => PutMethod::Custom { restore: service.own().program(restore) },
        BackupKind::Postgres { .. } => {
            let client = Client::of(service, manner.tree, kind);
            let restore = client.postgres(kind).restore(manner.mark, manner.present);
            let commands = restore.into_iter().map(|restore| match restore {
                postgres::Restore::Run(argv) => client.command(&argv),
                postgres::Restore::Read(argv) => reading(client.command(&argv)),
            });
            PutMethod::Commands { file: "database.dump".to_owned(), commands: commands.collect() }
        }
        BackupKind::Mysql { user, .. } => {
            let client = Client::of(service, manner.tree, kind);
            let restore = client.command(&mysql::restore(client.place(), user.as_deref()));
            PutMethod::Commands { file: "database.sql".to_owned(), commands: vec![reading(restore)] }
        }
    })
}

fn mountpoint(service: &Definition<'_>, volume: &str) -> Result<PathBuf, String> {
    service.facts.runtime.mountpoints.get(volume).cloned().ok_or_else(|| {
        format!(
            "volume `{volume}` of `{}` cannot be written: its folder is not readable by you",
            service.name()
        )
    })
}

/// A volume that was read through a container is made anew, so that nothing stays in it that was not saved, and filled
/// through the container before that is started.
fn through_container(service: &Definition<'_>, volume: &str) -> Result<PutMethod, String> {
    let no_container =
        || format!("volume `{volume}` of `{}` cannot be written: no container mounts it", service.name());
    let (container, place) = mounting(service, volume).ok_or_else(no_container)?;
    let call = service.call().ok_or_else(no_container)?;
    let engine = engine(service.facts);
    let project = service.resolved.map_or("", |resolved| resolved.project.as_str());
    Ok(PutMethod::Commands {
        file: "volume.tar".to_owned(),
        commands: vec![
            call.remove(service.part_names()),
            engine.remove_volume(volume),
            engine.create_volume(volume, project),
            call.create(service.part_names()),
            engine.copy_in(&container, &place),
        ],
    })
}
