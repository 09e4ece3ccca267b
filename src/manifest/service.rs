//! One service: what is written, refined by nothing or refining a discovered manifest, into a [`ServiceSpec`].

use std::path::{Path, PathBuf};

use super::backup;
use super::check::{
    Named, command, command_if, http_status, label, limit, literal, longer_than_nothing, name, name_if,
    names, path_anywhere, path_globs, path_inside, shown, url,
};
use super::error::{ManifestError, Problem};
use super::forms::{Hook, OneOrMany};
use super::raw_service::{RawCompose, RawDriver, RawHooks, RawService};
use super::spot::Spot;
use super::toml_text::SCHEMA;
use crate::model::id::ServiceName;
use crate::model::spec::{
    AccessSpec, CommandDriverSpec, ComposeSpec, DriverSpec, HookSpec, HooksSpec, OwnerSpec, ProbeSpec,
    ServiceSpec,
};

/// Checks one service. `found` is what a discovered manifest says of it: each key given here replaces it.
pub(super) fn service(
    spot: &Spot<'_>,
    own_name: &ServiceName,
    raw: &RawService,
    found: Option<ServiceSpec>,
    defined_in: &str,
) -> Result<ServiceSpec, ManifestError> {
    let driver = driver(spot, own_name, raw, found.as_ref().map(|spec| &spec.driver))?;
    let mut spec = found.unwrap_or_else(|| ServiceSpec {
        name: own_name.clone(),
        display_name: None,
        paths: paths_by_default(&driver),
        driver: driver.clone(),
        image: None,
        depends_on: Vec::new(),
        health: None,
        hooks: HooksSpec::default(),
        schema: None,
        owner: OwnerSpec::default(),
        access: AccessSpec::default(),
        backup: Vec::new(),
        claim: None,
        defined_in: defined_in.to_owned(),
    });
    if let Some(text) = &raw.display_name {
        spec.display_name = Some(label(&spot.key("display_name"), text)?);
    }
    if let Some(globs) = &raw.paths {
        spec.paths = path_globs(&spot.key("paths"), globs)?;
    }
    if let Some(image) = &raw.image {
        spec.image = Some(name(&spot.key("image"), image, Named::Image)?);
    }
    if let Some(wanted) = &raw.depends_on {
        spec.depends_on.clone_from(wanted);
    }
    if let Some(health) = &raw.health {
        spec.health = Some(probe(&spot.key("health"), health, &driver)?);
    }
    if let Some(raw) = &raw.hooks {
        spec.hooks = hooks(&spot.key("hooks"), raw)?;
    }
    if let Some(schema) = &raw.schema {
        spec.schema = Some(command(&spot.key("schema").key("command"), &schema.command)?);
    }
    if let Some(owner) = &raw.owner {
        spec.owner = owner.clone();
    }
    if let Some(access) = &raw.access {
        spec.access = checked_access(&spot.key("access"), access)?;
    }
    if let Some(raw) = &raw.backup {
        spec.backup = backup::entries(&spot.key("backup"), &raw.0, own_name, &driver)?;
        spec.claim = None;
    }
    spec.driver = driver;
    Ok(spec)
}

fn driver(
    spot: &Spot<'_>,
    service: &ServiceName,
    raw: &RawService,
    found: Option<&DriverSpec>,
) -> Result<DriverSpec, ManifestError> {
    let kind = match (raw.driver, &raw.compose, &raw.commands, found) {
        (Some(kind), ..) => kind,
        (None, Some(_), Some(_), _) => {
            let why = "has both `compose` and `commands`: write `driver` and take the other one out";
            return Err(spot.rule(why));
        }
        (None, None, Some(_), _) => RawDriver::Command,
        (None, Some(_), None, _) | (None, None, None, Some(_)) => RawDriver::Compose,
        (None, None, None, None) => {
            let why = "does not say what runs it: write `compose = { file = \"…\" }`, or `driver = \"command\"` with \
                       `commands`";
            return Err(spot.rule(why));
        }
    };
    match kind {
        RawDriver::Compose if raw.commands.is_some() => {
            Err(spot.key("commands").rule("belongs to `driver = \"command\"`: take one of them out"))
        }
        RawDriver::Command if raw.compose.is_some() => {
            Err(spot.key("compose").rule("belongs to `driver = \"compose\"`: take one of them out"))
        }
        RawDriver::Compose => {
            let found = match found {
                Some(DriverSpec::Compose(found)) => found.clone(),
                _ => ComposeSpec::default(),
            };
            compose(spot, service, raw.compose.as_ref(), found).map(DriverSpec::Compose)
        }
        RawDriver::Command => commands(spot, raw.commands.as_ref()).map(DriverSpec::Command),
    }
}

fn compose(
    spot: &Spot<'_>,
    service: &ServiceName,
    raw: Option<&RawCompose>,
    mut spec: ComposeSpec,
) -> Result<ComposeSpec, ManifestError> {
    let at = spot.key("compose");
    if let Some(raw) = raw {
        if let Some(file) = &raw.file {
            spec.file = path_inside(&at.key("file"), file)?;
        }
        if let Some(project) = name_if(&at.key("project"), raw.project.as_ref(), Named::Project)? {
            spec.project = Some(project);
        }
        if let Some(folder) = &raw.project_directory {
            spec.project_directory = Some(path_inside(&at.key("project_directory"), folder)?);
        }
        if let Some(file) = &raw.env_file {
            spec.env_file = Some(path_anywhere(&at.key("env_file"), file)?);
        }
        if let Some(profiles) = &raw.profiles {
            spec.profiles = names(&at.key("profiles"), profiles, Named::Part)?;
        }
        if let Some(parts) = &raw.services {
            spec.services = compose_services(&at.key("services"), parts)?;
        }
        spec.pull = raw.pull.unwrap_or(spec.pull);
    }
    if spec.file.as_os_str().is_empty() {
        let (key, table) = match raw {
            Some(_) => ("file", at.name()),
            None => ("compose", spot.name()),
        };
        let place = if raw.is_some() { &at } else { spot };
        return Err(place.error(Problem::Missing { key: key.to_owned(), table, schema: SCHEMA }));
    }
    if spec.services.is_empty() {
        spec.services.push(service.to_string());
    }
    Ok(spec)
}

fn compose_services(spot: &Spot<'_>, parts: &[String]) -> Result<Vec<String>, ManifestError> {
    if parts.iter().any(|part| part == "*") {
        return if parts.len() == 1 {
            Ok(parts.to_vec())
        } else {
            Err(spot
                .rule("has `*` beside names: write `[\"*\"]` for every service of the file, or the names"))
        };
    }
    names(spot, parts, Named::Part)
}

fn commands(spot: &Spot<'_>, raw: Option<&CommandDriverSpec>) -> Result<CommandDriverSpec, ManifestError> {
    let Some(raw) = raw else {
        let why = "needs `commands` for `driver = \"command\"`: write `commands = { start = […], stop = […], status = […] }`";
        return Err(spot.rule(why));
    };
    let spot = spot.key("commands");
    Ok(CommandDriverSpec {
        start: command(&spot.key("start"), &raw.start)?,
        stop: command(&spot.key("stop"), &raw.stop)?,
        status: command(&spot.key("status"), &raw.status)?,
        image: command_if(&spot.key("image"), raw.image.as_ref())?,
        logs: command_if(&spot.key("logs"), raw.logs.as_ref())?,
        pull: command_if(&spot.key("pull"), raw.pull.as_ref())?,
        recreate: command_if(&spot.key("recreate"), raw.recreate.as_ref())?,
    })
}

/// Changes below the compose file's folder touch the service; at the root only the file itself does.
fn paths_by_default(driver: &DriverSpec) -> Vec<String> {
    let DriverSpec::Compose(compose) = driver else { return Vec::new() };
    let folder = compose.file.parent().map(Path::to_string_lossy).unwrap_or_default();
    if folder.is_empty() || folder == "." {
        return vec![literal(&compose.file.to_string_lossy())];
    }
    vec![format!("{}/**", literal(&folder))]
}

/// Checks a probe: its address, its pointers, its clocks.
pub(super) fn probe(
    spot: &Spot<'_>,
    raw: &ProbeSpec,
    driver: &DriverSpec,
) -> Result<ProbeSpec, ManifestError> {
    let at = spot.key("url");
    let is_path = raw.url.starts_with('/') && !raw.url.chars().any(|c| c.is_control() || c.is_whitespace());
    if is_path && !matches!(driver, DriverSpec::Compose(_)) {
        let given = shown(&raw.url);
        let why = format!(
            "is the path `{given}`, and only compose publishes ports: write `http://127.0.0.1:PORT{given}`"
        );
        return Err(at.rule(why));
    }
    if !is_path {
        url(&at, &raw.url)?;
    }
    http_status(&spot.key("status"), raw.status)?;
    pointers(&spot.key("json"), raw.json.keys())?;
    longer_than_nothing(&spot.key("deadline"), raw.deadline)?;
    longer_than_nothing(&spot.key("interval"), raw.interval)?;
    if raw.stay.0 >= raw.deadline.0 {
        let why = format!("is not shorter than `deadline` ({}): it could never be reached", raw.deadline);
        return Err(spot.key("stay").rule(why));
    }
    Ok(raw.clone())
}

/// Checks JSON pointers.
pub(super) fn pointers<'k>(
    spot: &Spot<'_>,
    keys: impl Iterator<Item = &'k String>,
) -> Result<(), ManifestError> {
    for key in keys {
        if !key.is_empty() && !key.starts_with('/') {
            let why = format!("has the pointer `{}`: begin it with `/`, for example `/ready`", shown(key));
            return Err(spot.key(key).rule(why));
        }
    }
    Ok(())
}

fn checked_access(spot: &Spot<'_>, raw: &AccessSpec) -> Result<AccessSpec, ManifestError> {
    for (key, address) in [("local", &raw.local), ("proxy", &raw.proxy), ("domain", &raw.domain)] {
        if let Some(address) = address {
            url(&spot.key(key), address)?;
        }
    }
    Ok(raw.clone())
}

fn hooks(spot: &Spot<'_>, raw: &RawHooks) -> Result<HooksSpec, ManifestError> {
    let list = |key: &str, hooks: &OneOrMany<Hook>| -> Result<Vec<HookSpec>, ManifestError> {
        let spot = spot.key(key);
        hooks.0.iter().enumerate().map(|(at, hook)| one_hook(&spot.item(at), hook)).collect()
    };
    Ok(HooksSpec {
        pre_start: list("pre_start", &raw.pre_start)?,
        post_start: list("post_start", &raw.post_start)?,
        ensure_config: list("ensure_config", &raw.ensure_config)?,
    })
}

fn one_hook(spot: &Spot<'_>, raw: &Hook) -> Result<HookSpec, ManifestError> {
    match raw {
        Hook::Path(path) if path.starts_with('-') => {
            let why = format!(
                "has the hook `{}`: an argument list stands in a list of its own, `[[\"scripts/pre.sh\", \"--all\"]]`",
                shown(path)
            );
            Err(spot.rule(why))
        }
        Hook::Path(path) => {
            path_anywhere(spot, path)?;
            Ok(HookSpec { run: vec![path.clone()], ..HookSpec::default() })
        }
        Hook::Command(argv) => Ok(HookSpec { run: command(spot, argv)?, ..HookSpec::default() }),
        Hook::Table(table) => Ok(HookSpec {
            run: command(&spot.key("run"), &table.run)?,
            check: command_if(&spot.key("check"), table.check.as_ref())?,
            idempotent: table.idempotent,
            timeout: limit(&spot.key("timeout"), table.timeout)?,
        }),
    }
}

/// A path in the project, joined with `/` as git and compose name it.
pub(super) fn beside(folder: &str, name: &str) -> PathBuf {
    if folder.is_empty() { PathBuf::from(name) } else { PathBuf::from(format!("{folder}/{name}")) }
}
