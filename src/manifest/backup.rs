//! The `backup` entries of a service: which keys each kind takes, what it needs, and how quiet the writers must be.

use std::path::PathBuf;

use super::check::{Named, command, glob, limit, name, name_if, path_anywhere};
use super::error::{ManifestError, Problem};
use super::raw_service::{RawBackup, RawKind};
use super::spot::Spot;
use super::toml_text::SCHEMA;
use crate::model::id::ServiceName;
use crate::model::spec::{BackupKind, BackupSpec, CommandLine, DriverSpec, Quiesce};

/// Sets kept when nothing is said.
pub(super) const KEEP: u32 = 5;

/// Checks the entries of one service. `spot` is its `backup` key.
pub(super) fn entries(
    spot: &Spot<'_>,
    raw: &[RawBackup],
    service: &ServiceName,
    driver: &DriverSpec,
) -> Result<Vec<BackupSpec>, ManifestError> {
    let says_none = raw.iter().position(|entry| entry.kind == RawKind::None);
    if let (Some(at), true) = (says_none, raw.len() > 1) {
        let why = "says that there is no data, beside entries that save some: take one of them out";
        return Err(spot.item(at).key("kind").rule(why));
    }
    raw.iter().enumerate().map(|(at, entry)| one(&spot.item(at), entry, service, driver)).collect()
}

fn one(
    spot: &Spot<'_>,
    raw: &RawBackup,
    service: &ServiceName,
    driver: &DriverSpec,
) -> Result<BackupSpec, ManifestError> {
    only_its_keys(spot, raw)?;
    let kind = kind(spot, raw)?;
    let quiesce = quiesce(spot, raw, service, driver)?;
    if raw.keep == Some(0) {
        return Err(spot.key("keep").rule("is 0: keep at least 1 set, or take the entry out"));
    }
    Ok(BackupSpec {
        kind,
        quiesce,
        reason: raw.reason.clone(),
        keep: raw.keep.unwrap_or(KEEP),
        timeout: limit(&spot.key("timeout"), raw.timeout)?,
    })
}

fn word(kind: RawKind) -> &'static str {
    match kind {
        RawKind::None => "none",
        RawKind::Files => "files",
        RawKind::Volume => "volume",
        RawKind::Postgres => "postgres",
        RawKind::Mysql => "mysql",
        RawKind::Sqlite => "sqlite",
        RawKind::Config => "config",
        RawKind::Command => "command",
    }
}

/// Keys of a kind beside `kind`, `reason`, `quiesce`, `keep` and `timeout`.
fn keys_of(kind: RawKind) -> &'static [&'static str] {
    match kind {
        RawKind::None => &[],
        RawKind::Files => &["paths"],
        RawKind::Volume => &["volume"],
        RawKind::Postgres => &["in", "database", "user", "host", "port"],
        RawKind::Mysql => &["in", "database", "user"],
        RawKind::Sqlite => &["path"],
        RawKind::Config => &["file", "names"],
        RawKind::Command => &["take", "check", "restore"],
    }
}

fn only_its_keys(spot: &Spot<'_>, raw: &RawBackup) -> Result<(), ManifestError> {
    let given = [
        ("paths", raw.paths.is_some()),
        ("volume", raw.volume.is_some()),
        ("in", raw.within.is_some()),
        ("database", raw.database.is_some()),
        ("user", raw.user.is_some()),
        ("host", raw.host.is_some()),
        ("port", raw.port.is_some()),
        ("path", raw.path.is_some()),
        ("file", raw.file.is_some()),
        ("names", raw.names.is_some()),
        ("take", raw.take.is_some()),
        ("check", raw.check.is_some()),
        ("restore", raw.restore.is_some()),
    ];
    let mut foreign = given.iter().filter(|(key, is_there)| *is_there && !keys_of(raw.kind).contains(key));
    if let Some((key, _)) = foreign.next() {
        let own: Vec<String> = keys_of(raw.kind).iter().map(|own| format!("`{own}`")).collect();
        let takes = if own.is_empty() { "`reason` alone".to_owned() } else { own.join(", ") };
        let why = format!("means nothing for `kind = \"{}\"`, which takes {takes}", word(raw.kind));
        return Err(spot.key(key).rule(why));
    }
    let none_takes = [("quiesce", raw.quiesce.is_some()), ("keep", raw.keep.is_some())];
    if let (RawKind::None, Some((key, _))) = (raw.kind, none_takes.iter().find(|(_, is_there)| *is_there)) {
        return Err(spot.key(key).rule("means nothing for `kind = \"none\"`, which takes `reason` alone"));
    }
    Ok(())
}

fn kind(spot: &Spot<'_>, raw: &RawBackup) -> Result<BackupKind, ManifestError> {
    Ok(match raw.kind {
        RawKind::None => {
            let why = "needs a `reason` beside `kind = \"none\"`: write why there is nothing to save";
            BackupKind::None { reason: given_reason(raw).ok_or_else(|| spot.rule(why))? }
        }
        RawKind::Files => BackupKind::Files { paths: paths(spot, raw)? },
        RawKind::Volume => {
            let volume = needed(spot, raw, "volume", raw.volume.as_ref())?;
            BackupKind::Volume { volume: name(&spot.key("volume"), volume, Named::Part)? }
        }
        RawKind::Postgres => postgres(spot, raw)?,
        RawKind::Mysql => BackupKind::Mysql {
            within: raw.within.clone(),
            database: database(spot, raw)?,
            user: name_if(&spot.key("user"), raw.user.as_ref(), Named::Database)?,
        },
        RawKind::Sqlite => {
            let path = needed(spot, raw, "path", raw.path.as_ref())?;
            BackupKind::Sqlite { path: path_anywhere(&spot.key("path"), path)? }
        }
        RawKind::Config => config(spot, raw)?,
        RawKind::Command => BackupKind::Command {
            take: program(spot, raw, "take", raw.take.as_ref())?,
            check: program(spot, raw, "check", raw.check.as_ref())?,
            restore: program(spot, raw, "restore", raw.restore.as_ref())?,
        },
    })
}

fn given_reason(raw: &RawBackup) -> Option<String> {
    raw.reason.clone().filter(|reason| !reason.trim().is_empty())
}

fn needed<'r, T: ?Sized>(
    spot: &Spot<'_>,
    raw: &RawBackup,
    key: &str,
    value: Option<&'r T>,
) -> Result<&'r T, ManifestError> {
    value.ok_or_else(|| {
        let table = format!("{}` with `kind = \"{}\"", spot.name(), word(raw.kind));
        spot.error(Problem::Missing { key: key.to_owned(), table, schema: SCHEMA })
    })
}

fn paths(spot: &Spot<'_>, raw: &RawBackup) -> Result<Vec<PathBuf>, ManifestError> {
    let texts = needed(spot, raw, "paths", raw.paths.as_ref())?;
    let spot = spot.key("paths");
    if texts.is_empty() {
        return Err(spot.rule("is empty: write the files and folders to save"));
    }
    texts.iter().enumerate().map(|(at, text)| path_anywhere(&spot.item(at), text)).collect()
}

fn database(spot: &Spot<'_>, raw: &RawBackup) -> Result<String, ManifestError> {
    let database = needed(spot, raw, "database", raw.database.as_ref())?;
    name(&spot.key("database"), database, Named::Database)
}

fn postgres(spot: &Spot<'_>, raw: &RawBackup) -> Result<BackupKind, ManifestError> {
    let elsewhere = [("host", raw.host.is_some()), ("port", raw.port.is_some())];
    if let (Some(_), Some((key, _))) = (&raw.within, elsewhere.iter().find(|(_, is_there)| *is_there)) {
        let why = "means nothing beside `in`: the database is reached inside that service's container";
        return Err(spot.key(key).rule(why));
    }
    Ok(BackupKind::Postgres {
        within: raw.within.clone(),
        database: database(spot, raw)?,
        user: name_if(&spot.key("user"), raw.user.as_ref(), Named::Database)?,
        host: name_if(&spot.key("host"), raw.host.as_ref(), Named::DatabaseHost)?,
        port: raw.port,
    })
}

fn config(spot: &Spot<'_>, raw: &RawBackup) -> Result<BackupKind, ManifestError> {
    let at = spot.key("names");
    let names = raw.names.iter().flatten().enumerate().map(|(position, text)| glob(&at.item(position), text));
    Ok(BackupKind::Config {
        file: path_anywhere(&spot.key("file"), raw.file.as_deref().unwrap_or(".env"))?,
        names: names.collect::<Result<_, _>>()?,
    })
}

fn program(
    spot: &Spot<'_>,
    raw: &RawBackup,
    key: &str,
    argv: Option<&CommandLine>,
) -> Result<CommandLine, ManifestError> {
    command(&spot.key(key), needed(spot, raw, key, argv)?)
}

/// How quiet the writers must be: volumes and files of containers are read with the containers paused unless told.
fn quiesce(
    spot: &Spot<'_>,
    raw: &RawBackup,
    service: &ServiceName,
    driver: &DriverSpec,
) -> Result<Quiesce, ManifestError> {
    let has_containers = matches!(driver, DriverSpec::Compose(_));
    let by_default = match raw.kind {
        RawKind::Volume => Quiesce::Pause,
        RawKind::Files if has_containers => Quiesce::Pause,
        _ => Quiesce::None,
    };
    let Some(wanted) = raw.quiesce else { return Ok(by_default) };
    let spot = spot.key("quiesce");
    let own_server = raw.within.as_ref() == Some(service);
    match wanted {
        Quiesce::None if by_default != Quiesce::None && given_reason(raw).is_none() => {
            Err(spot.rule("is `none`, which needs a `reason`: write why nothing can change while it is read"))
        }
        Quiesce::Pause if !has_containers => {
            Err(spot.rule("is `pause`, and only containers can be paused: write `stop`, or take it out"))
        }
        Quiesce::Pause | Quiesce::Stop if own_server => {
            let why =
                format!("would silence the server that the dump is read from: take it out of `{service}`");
            Err(spot.rule(why))
        }
        wanted => Ok(wanted),
    }
}
