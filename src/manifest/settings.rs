//! `.asd/release.toml` and the service manifests beside it, read into [`Settings`] with every default filled in and
//! every name checked (design/04).

use std::collections::BTreeMap;
use std::path::PathBuf;

use sha2::{Digest, Sha256};

use super::check::{
    Named, command, command_if, glob, http_status, label, limit, longer_than_nothing, name, name_if, names,
    path_anywhere, path_glob, path_inside, url,
};
use super::error::ManifestError;
use super::raw::{RawGit, RawNotify, RawPaths, RawRelease, RawRun, RawSurface, RawVerify};
use super::spot::Spot;
use super::toml_text::TomlDocument;
use super::{calendar, order, service, services};
use crate::model::gather::Gather;
use crate::model::id::{IdError, ServiceName};
use crate::model::quantity::Span;
use crate::model::settings::{
    BackupSettings, DiskFloor, GitSettings, Notify, NotifyBy, PathSettings, RecoverySettings, RunSettings,
    SecretSettings, Settings, Surface, VerifyCommand, WorkspaceSettings,
};
use crate::model::spec::{BackupKind, CommandLine, DriverSpec, ProbeSpec, ServiceSpec};

/// What is read beside `.asd/release.toml` to know how a host is released, as text of the same commit.
#[derive(Debug, Clone, Default)]
pub struct OtherSources {
    /// The files that `[paths] discover` matches.
    pub manifests: Vec<ManifestSource>,
    /// The environment file that compose is given, where there is one.
    pub environment: Option<Environment>,
}

/// A file's path, relative to the project root, and its text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceFile {
    /// Path, relative to the project root, with `/`.
    pub path: String,
    /// Text.
    pub text: String,
}

/// A service manifest in the seed's own format, with the names of the files beside it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ManifestSource {
    /// `packages/<service>/manifest.yaml`.
    pub file: SourceFile,
    /// Files under the manifest's folder, relative to that folder: its compose file and hooks are found among them.
    pub siblings: Vec<String>,
}

/// An environment file, already parsed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// Path, relative to the project root: handed to compose.
    pub path: PathBuf,
    /// Names and values. Looked at: `CONTAINER_PREFIX`, `COMPOSE_PROJECT_NAME`, and what manifests name in `image.env_var`.
    pub variables: BTreeMap<String, String>,
}

/// What must be known before the other sources can be gathered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outline {
    /// `[paths] discover`: glob of service manifests.
    pub discover: Option<String>,
    /// `[secrets] env_files`: the first one is the project's environment file.
    pub env_files: Vec<PathBuf>,
}

/// `.asd/release.toml`, read once: first it says what else must be read, then it becomes the settings.
pub struct ReleaseToml<'f> {
    file: &'f SourceFile,
    document: TomlDocument<'f>,
    raw: RawRelease,
}

impl<'f> ReleaseToml<'f> {
    /// Reads the file's text.
    ///
    /// Errors: [`ManifestError`] for anything that is not the form of this file.
    pub fn read(file: &'f SourceFile) -> Result<Self, ManifestError> {
        let document = TomlDocument::parse(file)?;
        let raw = document.read()?;
        Ok(Self { file, document, raw })
    }

    /// What says where the other sources are.
    ///
    /// Errors: [`ManifestError`] where these keys are wrong.
    pub fn outline(&self) -> Result<Outline, ManifestError> {
        let top = Spot::top(&self.document);
        Ok(Outline {
            discover: path_settings(&top.key("paths"), &self.raw.paths)?.discover,
            env_files: secrets(&top.key("secrets"), &self.raw)?.env_files,
        })
    }

    /// The whole configuration of a host.
    ///
    /// Errors: the first [`ManifestError`] met, with its place.
    pub fn settings(&self, others: &OtherSources) -> Result<Settings, ManifestError> {
        let (top, raw) = (Spot::top(&self.document), &self.raw);
        let services = all_services(&top, raw, others, &self.file.path)?;
        Ok(Settings {
            git: git(&top.key("git"), &raw.git)?,
            paths: path_settings(&top.key("paths"), &raw.paths)?,
            workspace: workspace(&top.key("workspace"), raw)?,
            run: run(&top.key("run"), &raw.run)?,
            disk: disk(&top.key("disk").key("floor"), raw)?,
            freezes: each(&top.key("freeze"), &raw.freeze, calendar::freeze)?,
            notify: each(&top.key("notify"), &raw.notify, notify)?,
            surfaces: each(&top.key("surface"), &raw.surface, surface)?,
            owners: owners(&top.key("owners"), raw)?,
            secrets: secrets(&top.key("secrets"), raw)?,
            backup: backup_rules(&top.key("backup"), raw)?,
            recovery: recovery(&top.key("recovery"), raw)?,
            guard: lone_command(&top.key("guard"), raw.guard.as_ref().map(|guard| &guard.command))?,
            compose_command: lone_command(&top.key("compose"), raw.compose.as_ref().map(|c| &c.command))?,
            verify: each(&top.key("verify"), &raw.verify, verify)?,
            services,
            sources: hashes(self.file, others),
        })
    }
}

fn each<R, T>(
    spot: &Spot<'_>,
    raw: &[R],
    read: impl Fn(&Spot<'_>, &R) -> Result<T, ManifestError>,
) -> Result<Vec<T>, ManifestError> {
    raw.iter().enumerate().map(|(at, raw)| read(&spot.item(at), raw)).collect()
}

fn hashes(release_toml: &SourceFile, others: &OtherSources) -> BTreeMap<String, String> {
    let manifests = others.manifests.iter().map(|manifest| &manifest.file);
    std::iter::once(release_toml)
        .chain(manifests)
        .map(|file| (file.path.clone(), hex(&Sha256::digest(&file.text))))
        .gather()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        for half in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(half), 16).unwrap_or('0'));
        }
        text
    })
}

fn all_services(
    top: &Spot<'_>,
    raw: &RawRelease,
    others: &OtherSources,
    file: &str,
) -> Result<BTreeMap<ServiceName, ServiceSpec>, ManifestError> {
    let mut found = services::discovered(&others.manifests, others.environment.as_ref())?;
    let spot = top.key("services");
    for (name, raw) in &raw.services {
        let manifest = found.remove(name);
        let spec = service::service(&spot.key(name.as_str()), name, raw, manifest, file)?;
        found.insert(name.clone(), spec);
    }
    order::check(&spot, &found)?;
    for (name, spec) in &found {
        database_homes(&spot.key(name.as_str()).key("backup"), spec, &found)?;
    }
    Ok(found)
}

/// `in = "…"` must name a service that has containers.
fn database_homes(
    spot: &Spot<'_>,
    spec: &ServiceSpec,
    services: &BTreeMap<ServiceName, ServiceSpec>,
) -> Result<(), ManifestError> {
    for (at, entry) in spec.backup.iter().enumerate() {
        let (BackupKind::Postgres { within, .. } | BackupKind::Mysql { within, .. }) = &entry.kind else {
            continue;
        };
        let Some(home) = within else { continue };
        let spot = spot.item(at).key("in");
        order::known(&spot, home, services)?;
        if services.get(home).is_some_and(|home| !matches!(home.driver, DriverSpec::Compose(_))) {
            let why =
                format!("names `{home}`, which has no containers: take it out to use the tools of this host");
            return Err(spot.rule(why));
        }
    }
    Ok(())
}

fn git(spot: &Spot<'_>, raw: &RawGit) -> Result<GitSettings, ManifestError> {
    let at = spot.key("branch");
    let main = || "main".parse().map_err(|error: IdError| at.rule(error.to_string()));
    let signers = &spot.key("allowed_signers");
    Ok(GitSettings {
        remote: name(&spot.key("remote"), &raw.remote, Named::Remote)?,
        branch: raw.branch.clone().map_or_else(main, Ok)?,
        verify_signatures: raw.verify_signatures,
        allowed_signers: raw.allowed_signers.as_ref().map(|path| path_anywhere(signers, path)).transpose()?,
    })
}

fn path_settings(spot: &Spot<'_>, raw: &RawPaths) -> Result<PathSettings, ManifestError> {
    let discover = &spot.key("discover");
    Ok(PathSettings {
        releases: path_inside(&spot.key("releases"), &raw.releases)?,
        playbooks: path_inside(&spot.key("playbooks"), &raw.playbooks)?,
        discover: raw.discover.as_ref().map(|text| path_glob(discover, text)).transpose()?,
    })
}

fn workspace(spot: &Spot<'_>, raw: &RawRelease) -> Result<WorkspaceSettings, ManifestError> {
    let raw = &raw.workspace;
    Ok(WorkspaceSettings {
        backups: path_anywhere(&spot.key("backups"), &raw.backups)?,
        group: name_if(&spot.key("group"), raw.group.as_ref(), Named::Group)?,
        allow_network_fs: raw.allow_network_fs,
    })
}

/// Services side by side at most.
const PARALLEL: std::ops::RangeInclusive<u32> = 1..=64;

fn run(spot: &Spot<'_>, raw: &RawRun) -> Result<RunSettings, ManifestError> {
    if !PARALLEL.contains(&raw.parallel) {
        let why = format!("is {}: write a number from 1 to {}", raw.parallel, PARALLEL.end());
        return Err(spot.key("parallel").rule(why));
    }
    Ok(RunSettings {
        parallel: raw.parallel as usize,
        hold_before: raw.hold_before.iter().map(|phase| (*phase).into()).collect(),
        timeout: longer_than_nothing(&spot.key("timeout"), raw.timeout)?,
        silence: longer_than_nothing(&spot.key("silence"), raw.silence)?,
        env: variables(&spot.key("env"), &raw.env)?,
        confirm: raw.confirm,
        rerun_failed: raw.rerun_failed,
        on_failure: raw.on_failure,
    })
}

/// Names that would change what a program is or where it looks (design/08).
const NEVER_PASSED: [&str; 4] = ["LD_", "GIT_", "BASH_ENV", "PYTHONPATH"];

fn variables(spot: &Spot<'_>, raw: &[String]) -> Result<Vec<String>, ManifestError> {
    for (at, variable) in raw.iter().enumerate() {
        if variable == "IFS" || NEVER_PASSED.iter().any(|start| variable.starts_with(start)) {
            let why = format!("names `{variable}`, which steps never get: take it out");
            return Err(spot.item(at).rule(why));
        }
    }
    names(spot, raw, Named::Variable)
}

fn disk(spot: &Spot<'_>, raw: &RawRelease) -> Result<DiskFloor, ManifestError> {
    let floor = &raw.disk.floor;
    if floor.percent > 90 {
        return Err(spot.key("percent").rule(format!("is {}: write a number from 0 to 90", floor.percent)));
    }
    Ok(DiskFloor { percent: floor.percent, bytes: floor.bytes })
}

fn notify(spot: &Spot<'_>, raw: &RawNotify) -> Result<Notify, ManifestError> {
    if raw.on.is_empty() {
        return Err(spot.key("on").rule("is empty: write which news, for example `[\"failed\", \"stuck\"]`"));
    }
    let by = match (&raw.webhook, &raw.command) {
        (Some(address), None) => NotifyBy::Webhook(url(&spot.key("webhook"), address)?),
        (None, Some(argv)) => NotifyBy::Command(command(&spot.key("command"), argv)?),
        (Some(_), Some(_)) => {
            return Err(spot.rule("has both `webhook` and `command`: write two `[[notify]]`"));
        }
        (None, None) => {
            return Err(spot.rule("says nobody: write `webhook = \"https://…\"` or `command = [\"…\"]`"));
        }
    };
    Ok(Notify { on: raw.on.clone(), by })
}

fn surface(spot: &Spot<'_>, raw: &RawSurface) -> Result<Surface, ManifestError> {
    let at = spot.key("expect");
    url(&spot.key("url"), &raw.url)?;
    http_status(&at.key("status"), raw.expect.status)?;
    service::pointers(&at.key("json"), raw.expect.json.keys())?;
    let probe = ProbeSpec {
        url: raw.url.clone(),
        status: raw.expect.status,
        json: raw.expect.json.clone(),
        deadline: limit(&spot.key("deadline"), raw.deadline)?.unwrap_or(Span::secs(90)),
        interval: limit(&spot.key("interval"), raw.interval)?.unwrap_or(Span::secs(1)),
        stay: Span::secs(0),
    };
    Ok(Surface { name: label(&spot.key("name"), &raw.name)?, kind: raw.kind, probe })
}

fn owners(spot: &Spot<'_>, raw: &RawRelease) -> Result<BTreeMap<String, String>, ManifestError> {
    let raw = &raw.owners;
    [("stack", &raw.stack), ("environment", &raw.environment), ("deployment", &raw.deployment)]
        .into_iter()
        .filter_map(|(area, owner)| owner.as_ref().map(|owner| (area, owner)))
        .map(|(area, owner)| Ok((area.to_owned(), label(&spot.key(area), owner)?)))
        .try_gather()
}

fn secrets(spot: &Spot<'_>, raw: &RawRelease) -> Result<SecretSettings, ManifestError> {
    Ok(SecretSettings {
        env_files: each(&spot.key("env_files"), &raw.secrets.env_files, |at, path| path_anywhere(at, path))?,
        names: each(&spot.key("names"), &raw.secrets.names, |at, text| glob(at, text))?,
    })
}

fn backup_rules(spot: &Spot<'_>, raw: &RawRelease) -> Result<BackupSettings, ManifestError> {
    let raw = &raw.backup;
    if !(0.0..=1.0).contains(&raw.min_ratio) {
        let why = format!("is {}: write a number from 0 to 1, for example `0.5`", raw.min_ratio);
        return Err(spot.key("min_ratio").rule(why));
    }
    Ok(BackupSettings { max_age: raw.max_age, min_ratio: raw.min_ratio })
}

fn recovery(spot: &Spot<'_>, raw: &RawRelease) -> Result<RecoverySettings, ManifestError> {
    let raw = &raw.recovery;
    Ok(RecoverySettings {
        evidence_max_age: longer_than_nothing(&spot.key("evidence_max_age"), raw.evidence_max_age)?,
        give_up: longer_than_nothing(&spot.key("give_up"), raw.give_up)?,
        owner_approval: raw.owner_approval,
    })
}

fn lone_command(spot: &Spot<'_>, argv: Option<&CommandLine>) -> Result<Option<CommandLine>, ManifestError> {
    command_if(&spot.key("command"), argv)
}

fn verify(spot: &Spot<'_>, raw: &RawVerify) -> Result<VerifyCommand, ManifestError> {
    Ok(VerifyCommand {
        name: label(&spot.key("name"), &raw.name)?,
        run: command(&spot.key("run"), &raw.run)?,
        timeout: limit(&spot.key("timeout"), raw.timeout)?,
    })
}
