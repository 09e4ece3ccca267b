//! Backup steps: how each kind of data is read, who is kept quiet meanwhile, and what is too small to be true.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::commands::{mysql, postgres};
use super::planning::{chained, named, step};
use super::site::{Definition, Side, define, engine};
use crate::model::backup::{BackupJob, BackupSet, TakeMethod};
use crate::model::facts::{Facts, StepEnd};
use crate::model::gather::Gather;
use crate::model::id::ServiceName;
use crate::model::phase::Phase;
use crate::model::plan::{Action, Step};
use crate::model::settings::DiskFloor;
use crate::model::spec::{BackupKind, BackupSpec, CommandSpec, DriverSpec, Payload, Quiesce};

/// What backups are taken for.
#[derive(Clone, Copy)]
pub(super) struct Purpose<'a> {
    /// First part of the steps' names: `backup` or `safety`.
    pub(super) prefix: &'a str,
    /// Phase of the steps.
    pub(super) phase: Phase,
    /// See `BackupSet::taken_for`.
    pub(super) taken_for: &'a str,
    /// Whose files stand in the checkout while they are taken.
    pub(super) tree: Side,
    /// Whether a backup much smaller than the last is accepted.
    pub(super) small: Small,
}

/// Whether a backup much smaller than the last is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Small {
    /// It fails the step.
    Refused,
    /// A person said that it is right.
    Accepted,
}

/// Entries of a service that hold data, numbered from 1 in configuration order.
pub(super) fn entries<'a>(service: &Definition<'a>) -> Vec<(u32, &'a BackupSpec)> {
    let with_data = service.spec.backup.iter().filter(|entry| !matches!(entry.kind, BackupKind::None { .. }));
    (1..).zip(with_data).collect()
}

/// One step for each entry of a service, one after another, because the last closes the set.
///
/// # Errors
/// A sentence for each entry whose data cannot be reached.
pub(super) fn steps(service: &Definition<'_>, purpose: Purpose<'_>) -> Result<Vec<Step>, Vec<String>> {
    let entries = entries(service);
    let of = u32::try_from(entries.len()).unwrap_or(u32::MAX);
    let mut steps = Vec::new();
    let mut unreachable = Vec::new();
    for (number, entry) in entries {
        match job(service, purpose, number, of, entry) {
            Ok(job) => {
                let name = named([purpose.prefix, service.name().as_str(), &number.to_string()]);
                let title = format!("back up {}", job.source);
                let timeout = job.timeout;
                let action = Action::Backup(Box::new(job));
                let service = Some(service.name().clone());
                steps.push(Step { service, timeout, ..step(name, purpose.phase, title, action) });
            }
            Err(why) => unreachable.push(why),
        }
    }
    if unreachable.is_empty() { Ok(chained(steps)) } else { Err(unreachable) }
}

fn job(
    service: &Definition<'_>,
    purpose: Purpose<'_>,
    number: u32,
    of: u32,
    entry: &BackupSpec,
) -> Result<BackupJob, String> {
    let facts = service.facts;
    let (before, after) = quiet(service, purpose, number, entry);
    Ok(BackupJob {
        service: service.name().clone(),
        number,
        of,
        kind: entry.kind.word().to_owned(),
        source: source(&entry.kind),
        method: method(service, purpose.tree, &entry.kind)?,
        before,
        after,
        at_least: at_least(service, purpose, number, &entry.kind),
        floor: floor(facts.base_settings.disk, facts.host.backups_space.total),
        timeout: entry.timeout,
        taken_for: purpose.taken_for.to_owned(),
    })
}

/// What is saved, for a person.
pub(super) fn source(kind: &BackupKind) -> String {
    let list =
        |paths: &[PathBuf]| paths.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(" ");
    let inside =
        |within: &Option<ServiceName>| within.as_ref().map(|w| format!(" in {w}")).unwrap_or_default();
    match kind {
        BackupKind::None { .. } => "nothing".to_owned(),
        BackupKind::Files { paths } => format!("files {}", list(paths)),
        BackupKind::Volume { volume } => format!("volume {volume}"),
        BackupKind::Postgres { within, database, .. } | BackupKind::Mysql { within, database, .. } => {
            format!("database {database}{}", inside(within))
        }
        BackupKind::Sqlite { path } => format!("database {}", path.display()),
        BackupKind::Config { file, .. } => format!("configuration in {}", file.display()),
        BackupKind::Command { take, .. } => {
            format!("what `{}` writes", take.first().map_or("", String::as_str))
        }
    }
}

fn method(service: &Definition<'_>, tree: Side, kind: &BackupKind) -> Result<TakeMethod, String> {
    let root = &service.facts.host.root;
    Ok(match kind {
        BackupKind::None { .. } => TakeMethod::Tree { paths: Vec::new() },
        BackupKind::Files { paths } => {
            TakeMethod::Tree { paths: paths.iter().map(|path| root.join(path)).collect() }
        }
        BackupKind::Volume { volume } => volume_method(service, volume)?,
        BackupKind::Sqlite { path } => TakeMethod::Sqlite { path: root.join(path) },
        BackupKind::Config { file, names } => {
            TakeMethod::Config { file: root.join(file), names: names.clone() }
        }
        BackupKind::Command { take, check, .. } => {
            TakeMethod::Custom { take: service.own().program(take), check: service.own().program(check) }
        }
        BackupKind::Postgres { .. } => {
            let client = Client::of(service, tree, kind);
            let produce = client.command(&client.postgres(kind).dump());
            TakeMethod::Stream {
                file: "database.dump".to_owned(),
                produce: CommandSpec { stdout: Payload::Backup, ..produce },
                check: Some(reading(client.command(&postgres::Database::check()))),
            }
        }
        BackupKind::Mysql { database, user, .. } => {
            let client = Client::of(service, tree, kind);
            let produce = client.command(&mysql::dump(client.place(), user.as_deref(), database));
            TakeMethod::Stream {
                file: "database.sql".to_owned(),
                produce: CommandSpec { stdout: Payload::Backup, ..produce },
                check: Some(reading(CommandSpec::new(mysql::check(), root))),
            }
        }
    })
}

/// A command that reads the backup's file.
pub(super) fn reading(command: CommandSpec) -> CommandSpec {
    CommandSpec { stdin: Payload::Backup, ..command }
}

/// A volume is read at its folder where that can be read, else through a container that mounts it.
fn volume_method(service: &Definition<'_>, volume: &str) -> Result<TakeMethod, String> {
    if let Some(folder) = service.facts.runtime.mountpoints.get(volume) {
        return Ok(TakeMethod::Tree { paths: vec![folder.clone()] });
    }
    let Some((container, place)) = mounting(service, volume) else {
        return Err(format!(
            "volume `{volume}` of `{}` cannot be read: its folder is not readable by you, and no container mounts it",
            service.name()
        ));
    };
    Ok(TakeMethod::Stream {
        file: "volume.tar".to_owned(),
        produce: engine(service.facts).copy_out(&container, &place),
        check: Some(reading(CommandSpec::new(["tar", "--list", "--file=-"], &service.facts.host.root))),
    })
}

/// A container that mounts a volume, and where: its own first.
pub(super) fn mounting(service: &Definition<'_>, volume: &str) -> Option<(String, String)> {
    let everybody = service.facts.services.values().flat_map(|state| &state.containers);
    service
        .containers()
        .iter()
        .chain(everybody)
        .find_map(|container| Some((container.name.clone(), container.volumes.get(volume)?.clone())))
}

/// Where a database's clients are started.
pub(super) struct Client<'a> {
    service: Definition<'a>,
    within: Option<(Definition<'a>, &'a str)>,
}

impl<'a> Client<'a> {
    /// Inside the container that the entry names, where that service has containers; else on this host.
    pub(super) fn of(service: &Definition<'a>, tree: Side, kind: &BackupKind) -> Self {
        let (BackupKind::Postgres { within, .. } | BackupKind::Mysql { within, .. }) = kind else {
            return Self { service: *service, within: None };
        };
        let facts = service.facts;
        let defined = |name: &ServiceName| {
            let other = if tree == Side::Base { Side::Target } else { Side::Base };
            define(facts, tree, name).or_else(|| define(facts, other, name))
        };
        let server = within.as_ref().and_then(defined).filter(|server| server.compose().is_some());
        let within = server.and_then(|server| Some((server, server_part(&server)?)));
        Self { service: *service, within }
    }

    pub(super) fn place(&self) -> mysql::Place {
        if self.within.is_some() { mysql::Place::Container } else { mysql::Place::Host }
    }

    /// The database, with the user that its container was made with where none is configured.
    pub(super) fn postgres<'k>(&'k self, kind: &'k BackupKind) -> postgres::Database<'k> {
        let BackupKind::Postgres { database, user, host, port, .. } = kind else {
            return postgres::Database { name: "", user: None, host: None, port: None };
        };
        let made_with = self.within.and_then(|(server, part)| {
            let part = server.resolved?.parts.get(part)?;
            part.database.get("POSTGRES_USER").map(String::as_str)
        });
        let usual = self.within.map(|_| "postgres");
        postgres::Database {
            name: database,
            user: user.as_deref().or(made_with).or(usual),
            host: host.as_deref(),
            port: *port,
        }
    }

    pub(super) fn command(&self, argv: &[String]) -> CommandSpec {
        match self.within.and_then(|(server, part)| Some((server.call()?, part))) {
            Some((call, part)) => call.exec(part, argv),
            None => self.service.own().program(argv),
        }
    }
}

/// The compose service that holds the database: the one whose environment names one, else the one named like the service.
fn server_part<'a>(server: &Definition<'a>) -> Option<&'a str> {
    let with_database =
        server.parts().find(|(_, part)| !part.database.is_empty()).map(|(name, _)| name.as_str());
    let names = server.part_names();
    let like_it = names.iter().copied().find(|name| *name == server.name().as_str());
    with_database.or(like_it).or_else(|| names.first().copied())
}

/// Commands around the reading of an entry: who is kept quiet, and woken whatever happened.
fn quiet(
    service: &Definition<'_>,
    purpose: Purpose<'_>,
    number: u32,
    entry: &BackupSpec,
) -> (Vec<CommandSpec>, Vec<CommandSpec>) {
    match (entry.quiesce, &service.spec.driver) {
        (Quiesce::Stop, DriverSpec::Command(commands)) if service.is_up() => {
            let own = service.own();
            (vec![own.program(&commands.stop)], vec![own.program(&commands.start)])
        }
        (Quiesce::None, _) | (Quiesce::Pause | Quiesce::Stop, DriverSpec::Command(_)) => {
            (Vec::new(), Vec::new())
        }
        (Quiesce::Pause, DriverSpec::Compose(_)) => {
            let running = writers(service, entry, "running");
            let left_paused = if was_cut_short(service, purpose, number) {
                writers(service, entry, "paused")
            } else {
                BTreeSet::new()
            };
            around(service, "pause", "unpause", &running, &left_paused)
        }
        (Quiesce::Stop, DriverSpec::Compose(_)) => {
            let running = writers(service, entry, "running");
            around(service, "stop", "start", &running, &BTreeSet::new())
        }
    }
}

fn around(
    service: &Definition<'_>,
    before: &str,
    after: &str,
    names: &BTreeSet<String>,
    also_after: &BTreeSet<String>,
) -> (Vec<CommandSpec>, Vec<CommandSpec>) {
    let engine = engine(service.facts);
    let command = |verb, names: Vec<&str>| if names.is_empty() { None } else { Some(engine.on(verb, names)) };
    let quieted = command(before, names.iter().map(String::as_str).collect());
    let woken = command(after, names.iter().chain(also_after).map(String::as_str).collect());
    (quieted.into_iter().collect(), woken.into_iter().collect())
}

/// Containers in a state that may write to the entry's data: the service's own, and whoever mounts the volume.
fn writers(service: &Definition<'_>, entry: &BackupSpec, state: &str) -> BTreeSet<String> {
    let volume = match &entry.kind {
        BackupKind::Volume { volume } => Some(volume),
        _ => None,
    };
    let everybody = service.facts.services.values().flat_map(|state| &state.containers);
    let sharing = everybody.filter(|container| volume.is_some_and(|v| container.volumes.contains_key(v)));
    let all = service.containers().iter().chain(sharing);
    all.filter(|container| container.state == state).map(|container| container.name.clone()).gather()
}

/// Whether an earlier run of this very step ended without an outcome: what it paused is still paused.
fn was_cut_short(service: &Definition<'_>, purpose: Purpose<'_>, number: u32) -> bool {
    let name = named([purpose.prefix, service.name().as_str(), &number.to_string()]);
    let record = service.facts.history.as_ref().and_then(|history| history.steps.get(&name));
    record.is_some_and(|record| !matches!(record.end, StepEnd::Done | StepEnd::MarkedDone))
}

/// The smallest size that is believed, from the last good set that is no safety copy.
fn at_least(service: &Definition<'_>, purpose: Purpose<'_>, number: u32, kind: &BackupKind) -> Option<u64> {
    if purpose.small == Small::Accepted {
        return None;
    }
    let sets = service.facts.backups.get(service.name())?;
    let last = sets.iter().rev().find(|set| set.is_verified() && !is_safety(set))?;
    let entry = last.entries.iter().find(|entry| entry.number == number && entry.kind == kind.word())?;
    let ratio = service.facts.base_settings.backup.min_ratio.clamp(0.0, 1.0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 1000")]
    let per_mille = (ratio * 1000.0).round() as u64;
    Some(u64::try_from(u128::from(entry.bytes) * u128::from(per_mille) / 1000).unwrap_or(u64::MAX))
}

/// Whether a set is the copy that a revert or a restore makes of what it is about to replace.
pub(super) fn is_safety(set: &BackupSet) -> bool {
    set.taken_for.starts_with("safety:")
}

/// Free bytes below which nothing more is written.
pub fn floor(floor: DiskFloor, total: u64) -> u64 {
    let share = u128::from(total) * u128::from(floor.percent) / 100;
    u64::try_from(share).unwrap_or(u64::MAX).max(floor.bytes.0)
}

/// A verified set of a service that is young enough to be used again (`[backup] max_age`) and holds all its entries.
pub(super) fn reusable<'a>(facts: &'a Facts, service: &Definition<'_>) -> Option<&'a BackupSet> {
    let max_age = chrono::TimeDelta::from_std(facts.base_settings.backup.max_age.0).ok()?;
    if max_age.is_zero() {
        return None;
    }
    let kinds: Vec<(u32, &str)> =
        entries(service).into_iter().map(|(n, entry)| (n, entry.kind.word())).collect();
    let is_whole = |set: &BackupSet| {
        let held: Vec<(u32, &str)> =
            set.entries.iter().map(|entry| (entry.number, entry.kind.as_str())).collect();
        set.is_verified() && held == kinds
    };
    let sets = facts.backups.get(service.name())?;
    sets.iter().rev().find(|set| {
        let age = facts.now.signed_duration_since(set.started_at);
        is_whole(set) && !is_safety(set) && age >= chrono::TimeDelta::zero() && age <= max_age
    })
}
