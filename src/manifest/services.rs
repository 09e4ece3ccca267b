//! Service manifests in the seed's own format, `packages/*/manifest.yaml` (design/04), read into [`ServiceSpec`]s.
//!
//! Keys that we do not know are the manifest's own business; one that looks like a slip of a key we know is refused.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::backup::KEEP;
use super::check::{Named, label, literal, name, shown};
use super::error::{ManifestError, Problem};
use super::forms::OneOrMany;
use super::service::{beside, probe};
use super::settings::{Environment, ManifestSource};
use super::spot::Spot;
use super::text::nearest;
use super::yaml_text::{SCHEMA, YamlDocument};
use crate::model::arrange::Arrange;
use crate::model::id::ServiceName;
use crate::model::spec::{
    AccessSpec, BackupKind, BackupSpec, ComposeSpec, DataClaim, DataKind, DriverSpec, HookSpec, HooksSpec,
    OwnerSpec, ProbeSpec, Quiesce, ServiceSpec,
};

/// A service manifest, beside the service's compose file and its `scripts` folder.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "packages/*/manifest.yaml")]
pub(super) struct RawManifest {
    /// The service's name.
    #[schemars(with = "String")]
    name: ServiceName,
    /// Its name for people.
    display_name: Option<String>,
    /// Intended image.
    image: Option<RawImage>,
    /// Its containers.
    #[serde(default)]
    containers: Vec<RawContainer>,
    /// How to ask whether it is well.
    health: Option<RawHealth>,
    /// What must be saved before it may be changed.
    backup: Option<RawClaim>,
}

/// An intended image.
#[derive(Debug, Deserialize, JsonSchema)]
struct RawImage {
    /// Repository.
    name: String,
    /// Tag or `sha256:` digest.
    tag: Option<String>,
    /// Variable of the environment file that replaces the tag, or the whole reference, where it is set.
    env_var: Option<String>,
}

/// A container.
#[derive(Debug, Deserialize, JsonSchema)]
struct RawContainer {
    /// Its name, without `CONTAINER_PREFIX`.
    name: String,
    /// What it does, for people.
    #[expect(dead_code, reason = "part of the format; its type is checked by reading it")]
    role: Option<String>,
    /// Whether the service is well only when it runs.
    #[serde(default = "yes")]
    required: bool,
}

/// A health endpoint.
#[derive(Debug, Deserialize, JsonSchema)]
struct RawHealth {
    /// Full address, or a path on the published port.
    endpoint: Option<String>,
    /// Wanted status.
    #[serde(default = "ok")]
    expected_code: u16,
}

/// What is saved, by type.
#[derive(Debug, Deserialize, JsonSchema)]
struct RawClaim {
    /// Whether there is anything to save.
    #[serde(default = "yes")]
    enabled: bool,
    /// What kind of data: one or a list.
    #[serde(rename = "type")]
    kinds: Option<OneOrMany<RawKind>>,
    /// Sets kept.
    retention: Option<u32>,
}

/// A type of data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum RawKind {
    Database,
    Volume,
    Workspace,
    Config,
}

fn yes() -> bool {
    true
}

fn ok() -> u16 {
    200
}

/// Reads every discovered manifest. Errors: the first one met.
pub(super) fn discovered(
    sources: &[ManifestSource],
    environment: Option<&Environment>,
) -> Result<BTreeMap<ServiceName, ServiceSpec>, ManifestError> {
    let mut found: BTreeMap<ServiceName, ServiceSpec> = BTreeMap::new();
    for source in sources {
        let document = YamlDocument::parse(&source.file)?;
        let spec = one(&document, source, environment)?;
        if let Some(other) = found.get(&spec.name) {
            let why =
                format!("is `{}`, as in `{}`: give one of them another name", spec.name, other.defined_in);
            return Err(Spot::top(&document).key("name").rule(why));
        }
        found.insert(spec.name.clone(), spec);
    }
    Ok(found)
}

fn one(
    document: &YamlDocument<'_>,
    source: &ManifestSource,
    environment: Option<&Environment>,
) -> Result<ServiceSpec, ManifestError> {
    slips(document)?;
    let raw: RawManifest = document.read()?;
    let top = Spot::top(document);
    let folder = source.file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let driver = DriverSpec::Compose(compose(&top, &raw, source, folder, environment)?);
    let (backup, claim) = backup(&top.key("backup"), &raw, &source.file.path, environment)?;
    let display_name = raw.display_name.as_ref();
    Ok(ServiceSpec {
        display_name: display_name.map(|text| label(&top.key("display_name"), text)).transpose()?,
        paths: vec![if folder.is_empty() { "**".to_owned() } else { format!("{}/**", literal(folder)) }],
        image: raw.image.as_ref().map(|raw| image(&top.key("image"), raw, environment)).transpose()?,
        depends_on: Vec::new(),
        health: health(&top.key("health"), raw.health.as_ref(), &driver)?,
        hooks: hooks(&top, &source.siblings, folder)?,
        schema: None,
        owner: OwnerSpec::default(),
        access: AccessSpec::default(),
        backup,
        claim,
        defined_in: source.file.path.clone(),
        driver,
        name: raw.name,
    })
}

/// Refuses unknown keys that are near to a known one which is not there.
fn slips(document: &YamlDocument<'_>) -> Result<(), ManifestError> {
    let keys = document.keys();
    for (way, key, span) in &keys {
        let known: &[&str] = match way.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            [] => &["name", "display_name", "image", "containers", "health", "backup"],
            ["image"] => &["name", "tag", "env_var"],
            ["containers", _] => &["name", "role", "required"],
            ["health"] => &["endpoint", "expected_code"],
            ["backup"] => &["enabled", "type", "retention"],
            _ => continue,
        };
        if known.contains(key) {
            continue;
        }
        let is_there = |word: &str| keys.iter().any(|(other, key, _)| other == way && *key == word);
        let absent = known.iter().copied().filter(|word| !is_there(word));
        if let Some(near) = nearest(key, absent) {
            let table = way.first().cloned().unwrap_or_default();
            let nearest = Some(near.to_owned());
            let problem = Problem::UnknownKey { key: (*key).to_owned(), table, nearest, schema: SCHEMA };
            return Err(document.error(span.clone(), problem));
        }
    }
    Ok(())
}

fn variable<'e>(environment: Option<&'e Environment>, name: &str) -> Option<&'e str> {
    environment?.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
}

fn compose(
    top: &Spot<'_>,
    raw: &RawManifest,
    source: &ManifestSource,
    folder: &str,
    environment: Option<&Environment>,
) -> Result<ComposeSpec, ManifestError> {
    let names = ["docker-compose.yaml", "docker-compose.yml"];
    let mut there = names.into_iter().filter(|name| source.siblings.iter().any(|sibling| sibling == name));
    let (first, second) = (there.next(), there.next());
    let Some(file) = first else {
        let why =
            format!("names `{}`, and no `docker-compose.yaml` stands beside this file: add it", raw.name);
        return Err(top.key("name").rule(why));
    };
    if second.is_some() {
        let why = "has a `docker-compose.yaml` and a `docker-compose.yml` beside it: remove one of them";
        return Err(top.key("name").rule(why));
    }
    let prefix = variable(environment, "CONTAINER_PREFIX").unwrap_or_default();
    let spot = top.key("containers");
    let mut containers = Vec::new();
    for (at, container) in raw.containers.iter().enumerate() {
        let full = name(&spot.item(at).key("name"), &format!("{prefix}{}", container.name), Named::Part)?;
        if container.required {
            containers.push(full);
        }
    }
    let project = variable(environment, "COMPOSE_PROJECT_NAME");
    Ok(ComposeSpec {
        file: beside(folder, file),
        project: project.map(|text| name(&top.key("name"), text, Named::Project)).transpose()?,
        env_file: environment.map(|environment| environment.path.clone()),
        services: vec!["*".to_owned()],
        containers,
        ..ComposeSpec::default()
    })
}

/// `name:tag`, unless the environment file replaces the tag or the whole.
fn image(
    spot: &Spot<'_>,
    raw: &RawImage,
    environment: Option<&Environment>,
) -> Result<String, ManifestError> {
    let replaced = match &raw.env_var {
        Some(text) => variable(environment, &name(&spot.key("env_var"), text, Named::Variable)?),
        None => None,
    };
    let full = match (replaced, &raw.tag) {
        (Some(whole), _) if whole.contains(['/', ':']) => whole.to_owned(),
        (Some(tag), _) => format!("{}:{tag}", raw.name),
        (None, Some(digest)) if digest.starts_with("sha256:") => format!("{}@{digest}", raw.name),
        (None, Some(tag)) => format!("{}:{tag}", raw.name),
        (None, None) => raw.name.clone(),
    };
    name(spot, &full, Named::Image)
}

fn health(
    spot: &Spot<'_>,
    raw: Option<&RawHealth>,
    driver: &DriverSpec,
) -> Result<Option<ProbeSpec>, ManifestError> {
    let Some((raw, endpoint)) = raw.and_then(|raw| raw.endpoint.as_ref().map(|endpoint| (raw, endpoint)))
    else {
        return Ok(None);
    };
    if !endpoint.starts_with('/') && !endpoint.starts_with("http") {
        let why = format!("is `{}`: write a full address, or a path that begins with `/`", shown(endpoint));
        return Err(spot.key("endpoint").rule(why));
    }
    let asked = ProbeSpec::new(endpoint.clone(), raw.expected_code);
    let here = |error: ManifestError| match *error.problem {
        Problem::Rule { key, why } => {
            let name = if key.ends_with("url") { "endpoint" } else { "expected_code" };
            spot.key(name).rule(why)
        }
        _ => error,
    };
    probe(spot, &asked, driver).map(Some).map_err(here)
}

/// Concrete entries, and what only compose can make concrete.
fn backup(
    spot: &Spot<'_>,
    raw: &RawManifest,
    file: &str,
    environment: Option<&Environment>,
) -> Result<(Vec<BackupSpec>, Option<DataClaim>), ManifestError> {
    let Some(claim) = &raw.backup else { return Ok((Vec::new(), None)) };
    if !claim.enabled {
        let reason = format!("`backup.enabled` is false in {file}");
        let kind = BackupKind::None { reason };
        return Ok((vec![entry(kind, Quiesce::None, KEEP)], None));
    }
    let keep = claim.retention.unwrap_or(KEEP);
    if keep == 0 {
        return Err(spot.key("retention").rule("is 0: keep at least 1 set"));
    }
    let kinds = claim.kinds.as_ref().map(|kinds| kinds.0.as_slice()).unwrap_or_default();
    if kinds.is_empty() {
        let (key, table) = ("type".to_owned(), "backup".to_owned());
        return Err(spot.error(Problem::Missing { key, table, schema: SCHEMA }));
    }
    let backup = kinds
        .iter()
        .filter(|kind| **kind == RawKind::Config)
        .map(|_| entry(config(raw, environment), Quiesce::None, keep));
    let claimed: Vec<DataKind> = kinds.iter().filter_map(|kind| kind.claimed()).collect();
    let claim = (!claimed.is_empty()).then_some(DataClaim { kinds: claimed, keep });
    Ok((backup.collect(), claim))
}

impl RawKind {
    fn claimed(self) -> Option<DataKind> {
        match self {
            RawKind::Database => Some(DataKind::Database),
            RawKind::Volume => Some(DataKind::Volume),
            RawKind::Workspace => Some(DataKind::Workspace),
            RawKind::Config => None,
        }
    }
}

/// A backup entry without a reason and a limit.
pub(super) fn entry(kind: BackupKind, quiesce: Quiesce, keep: u32) -> BackupSpec {
    BackupSpec { kind, quiesce, reason: None, keep, timeout: None }
}

/// The service's slice of the environment file: names that begin with its own, and the one that its image names.
fn config(raw: &RawManifest, environment: Option<&Environment>) -> BackupKind {
    let own = raw.name.as_str().to_uppercase().replace('-', "_");
    let mut names = vec![format!("{own}_*")];
    names.extend(raw.image.as_ref().and_then(|image| image.env_var.clone()));
    let file = environment.map_or_else(|| ".env".into(), |environment| environment.path.clone());
    BackupKind::Config { file, names }
}

/// Hooks are found by name in the `scripts` folder beside the manifest.
fn hooks(top: &Spot<'_>, siblings: &[String], folder: &str) -> Result<HooksSpec, ManifestError> {
    let find = |stem: &str| -> Result<Vec<HookSpec>, ManifestError> {
        let fits = |sibling: &&String| {
            sibling
                .strip_prefix("scripts/")
                .and_then(|file| file.strip_prefix(stem))
                .is_some_and(|ending| matches!(ending, "" | ".sh" | ".ts" | ".py"))
        };
        let mut there: Vec<&String> = siblings.iter().filter(fits).collect();
        there.arrange();
        if let [first, second, ..] = there.as_slice() {
            let why = format!("has both `{first}` and `{second}` beside it: remove one of them");
            return Err(top.key("name").rule(why));
        }
        Ok(there.iter().map(|file| HookSpec { run: hook_run(folder, file), ..HookSpec::default() }).collect())
    };
    Ok(HooksSpec {
        pre_start: find("pre_start_init")?,
        post_start: find("post_start_init")?,
        ensure_config: find("ensure-config")?,
    })
}

/// Python files are run by `python3`; every other file by what its ending or first line says.
fn hook_run(folder: &str, file: &str) -> Vec<String> {
    let path = beside(folder, file).to_string_lossy().into_owned();
    let is_python = file.rsplit_once('.').is_some_and(|(_, ending)| ending == "py");
    if is_python { vec!["python3".to_owned(), path] } else { vec![path] }
}
