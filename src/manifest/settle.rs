//! What a service manifest leaves open and only compose can say: which port, which volumes, which database.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::error::{ManifestError, Problem};
use super::services::entry;
use crate::model::facts::{ComposePart, ResolvedService};
use crate::model::gather::Gather;
use crate::model::id::ServiceName;
use crate::model::settings::Settings;
use crate::model::spec::{BackupKind, BackupSpec, DataClaim, DataKind, Quiesce, ServiceSpec};

/// Makes concrete what `settings` leaves open: a health path becomes an address on the published port, data that is
/// declared by type becomes backup entries. Settled services are left as they are, so it may be called again.
///
/// Returns what could not be settled, one error a service and reason. Such a service keeps its path (its probe will
/// not answer) or counts as undeclared: nothing is guessed.
pub fn settle(
    settings: &mut Settings,
    resolved: &BTreeMap<ServiceName, ResolvedService>,
) -> Vec<ManifestError> {
    let mut troubles = Vec::new();
    for (name, spec) in &mut settings.services {
        let Some(resolved) = resolved.get(name) else { continue };
        let file = spec.defined_in.clone();
        let mut trouble = |key: &str, why: String| {
            let problem = Problem::Rule { key: format!("{name}.{key}"), why };
            troubles.push(ManifestError::new(&file, None, problem));
        };
        if let Err(why) = settle_address(spec, resolved) {
            trouble("health", why);
        }
        if let Some(claim) = spec.claim.clone() {
            match concrete(&claim, name, resolved) {
                Ok(entries) => {
                    spec.backup.splice(0..0, entries);
                    spec.claim = None;
                }
                Err(why) => trouble("backup", why),
            }
        }
    }
    troubles
}

fn settle_address(spec: &mut ServiceSpec, resolved: &ResolvedService) -> Result<(), String> {
    let Some(probe) = &mut spec.health else { return Ok(()) };
    if !probe.url.starts_with('/') {
        return Ok(());
    }
    let own = resolved.parts.get(spec.name.as_str());
    let mut ports = own.into_iter().chain(resolved.parts.values()).filter_map(|part| part.ports.first());
    let Some(port) = ports.next() else {
        return Err(format!(
            "asks the path `{}`, and compose publishes no port: write the full address",
            probe.url
        ));
    };
    probe.url = format!("http://127.0.0.1:{port}{}", probe.url);
    Ok(())
}

fn concrete(
    claim: &DataClaim,
    service: &ServiceName,
    resolved: &ResolvedService,
) -> Result<Vec<BackupSpec>, String> {
    let mut entries = Vec::new();
    for kind in &claim.kinds {
        match kind {
            DataKind::Database => entries.extend(databases(service, resolved, claim.keep)?),
            DataKind::Volume => entries.extend(volumes(resolved, claim.keep)?),
            DataKind::Workspace => entries.push(folders(resolved, claim.keep)?),
        }
    }
    Ok(entries)
}

fn volumes(resolved: &ResolvedService, keep: u32) -> Result<Vec<BackupSpec>, String> {
    let names: BTreeSet<&String> = resolved.parts.values().flat_map(|part| part.volumes.keys()).gather();
    if names.is_empty() {
        return Err(
            "has the type `volume`, and compose mounts no named volume: correct one of them".to_owned()
        );
    }
    let kind = |name: &&String| BackupKind::Volume { volume: (*name).clone() };
    Ok(names.iter().map(|name| entry(kind(name), Quiesce::Pause, keep)).collect())
}

/// Folders of the host itself, which are no data of a service.
const NOT_DATA: [&str; 7] = ["/etc", "/proc", "/sys", "/dev", "/run", "/var/run", "/lib/modules"];

fn folders(resolved: &ResolvedService, keep: u32) -> Result<BackupSpec, String> {
    let is_data = |path: &&String| {
        let of_host = |folder: &&str| path == folder || path.starts_with(&format!("{folder}/"));
        !NOT_DATA.iter().any(of_host) && path.rsplit_once('.').is_none_or(|(_, ending)| ending != "sock")
    };
    let paths: BTreeSet<PathBuf> = resolved
        .parts
        .values()
        .flat_map(|part| part.binds.keys())
        .filter(is_data)
        .map(PathBuf::from)
        .collect();
    if paths.is_empty() {
        return Err(
            "has the type `workspace`, and compose mounts no folder of this host: correct one of them"
                .to_owned(),
        );
    }
    Ok(entry(BackupKind::Files { paths: paths.into_iter().collect() }, Quiesce::Pause, keep))
}

fn databases(
    service: &ServiceName,
    resolved: &ResolvedService,
    keep: u32,
) -> Result<Vec<BackupSpec>, String> {
    let found: Vec<BackupKind> =
        resolved.parts.values().filter_map(|part| database(service, part)).collect::<Result<_, _>>()?;
    if found.is_empty() {
        let why = "has the type `database`, and no container of it is a PostgreSQL or MySQL server: write the entry in \
                   `.asd/release.toml`";
        return Err(why.to_owned());
    }
    Ok(found.into_iter().map(|kind| entry(kind, Quiesce::None, keep)).collect())
}

/// The database that a container holds, told by its image and its environment.
fn database(service: &ServiceName, part: &ComposePart) -> Option<Result<BackupKind, String>> {
    let image = part.image.as_deref().unwrap_or_default();
    let repository = image.split('@').next().unwrap_or_default();
    let last = repository.rsplit('/').next().unwrap_or_default();
    let program = last.split(':').next().unwrap_or_default();
    let says = |names: &[&str]| names.iter().find_map(|name| part.database.get(*name)).cloned();
    let is_postgres =
        ["postgres", "postgis", "pgvector", "timescale"].iter().any(|name| program.contains(name));
    if is_postgres || says(&["POSTGRES_DB"]).is_some() {
        let user = says(&["POSTGRES_USER"]);
        let database =
            says(&["POSTGRES_DB"]).or_else(|| user.clone()).unwrap_or_else(|| "postgres".to_owned());
        let user = Some(user.unwrap_or_else(|| "postgres".to_owned()));
        let within = Some(service.clone());
        return Some(Ok(BackupKind::Postgres { within, database, user, host: None, port: None }));
    }
    let name = says(&["MYSQL_DATABASE", "MARIADB_DATABASE"]);
    if program.contains("mysql") || program.contains("mariadb") || name.is_some() {
        let why = "has the type `database`, and its MySQL container names none: write the entry in `.asd/release.toml`";
        let user = says(&["MYSQL_USER", "MARIADB_USER"]);
        let kind = |database| BackupKind::Mysql { within: Some(service.clone()), database, user };
        return Some(name.map(kind).ok_or_else(|| why.to_owned()));
    }
    None
}
