//! Compose's resolved configuration, as printed by either generation.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Component, Path, PathBuf};

use serde_json::Value;

use super::resolve::hash;
use crate::model::facts::ComposePart;
use crate::model::gather::Gather;

/// A compose project, resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Resolved {
    pub(super) project: String,
    pub(super) parts: BTreeMap<String, ComposePart>,
}

/// Reads the output of `config`: JSON of the second generation, or the others' YAML as a JSON value. Folders that are
/// mounted by a relative path, as podman-compose leaves them, begin at the project's folder.
pub(super) fn resolved(value: &Value, project: &str, folder: &Path) -> Result<Resolved, String> {
    let services = value.get("services").and_then(Value::as_object).ok_or("it names no services")?;
    let project = value.get("name").and_then(Value::as_str).unwrap_or(project);
    let parts =
        services.iter().map(|(name, service)| (name.clone(), part(service, value, project, folder))).gather();
    Ok(Resolved { project: project.to_owned(), parts })
}

fn part(service: &Value, whole: &Value, project: &str, folder: &Path) -> ComposePart {
    let text = |key: &str| service.get(key).and_then(Value::as_str).map(ToOwned::to_owned);
    let (mut volumes, mut binds) = (BTreeMap::new(), BTreeMap::new());
    for mount in list(service, "volumes").iter().filter_map(mount) {
        match mount {
            Mount::Volume(name, at) => volumes.insert(real_name(name, whole, project), at.to_owned()),
            Mount::Bind(source, at) => binds.insert(absolute(source, folder), at.to_owned()),
        };
    }
    ComposePart {
        image: text("image"),
        build: service.get("build").is_some_and(|build| !build.is_null()),
        container_name: text("container_name"),
        volumes,
        binds,
        ports: list(service, "ports").iter().filter_map(published).collect(),
        database: database(service),
        depends_on: depends_on(service),
        healthcheck: has_healthcheck(service),
        config_hash: hash(service),
        label_hash: None,
    }
}

/// A list of names, or a table of them with conditions.
fn depends_on(service: &Value) -> Vec<String> {
    match service.get("depends_on") {
        Some(Value::Object(table)) => table.keys().cloned().collect(),
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).map(ToOwned::to_owned).collect(),
        _ => Vec::new(),
    }
}

fn absolute(source: &str, folder: &Path) -> String {
    if !source.starts_with('.') {
        return source.to_owned();
    }
    let mut path = PathBuf::new();
    for part in folder.join(source).components() {
        match part {
            Component::ParentDir => {
                path.pop();
            }
            Component::CurDir => {}
            other => path.push(other),
        }
    }
    path.display().to_string()
}

fn list<'a>(service: &'a Value, key: &str) -> &'a [Value] {
    service.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn has_healthcheck(service: &Value) -> bool {
    service.get("healthcheck").is_some_and(|check| {
        let is_off = check.get("disable").and_then(Value::as_bool).unwrap_or(false);
        let test = check.get("test");
        let is_none = test.and_then(|test| test.get(0)).and_then(Value::as_str) == Some("NONE");
        !is_off && !is_none && test.is_some()
    })
}

/// What is mounted, and where.
enum Mount<'a> {
    Volume(&'a str, &'a str),
    Bind(&'a str, &'a str),
}

/// None for an anonymous volume or a tmpfs.
fn mount(mount: &Value) -> Option<Mount<'_>> {
    if let Some(short) = mount.as_str() {
        // `name:/place[:mode]`; a bind mount begins with a path, which is absolute once resolved.
        let (source, rest) = short.split_once(':')?;
        let at = rest.split(':').next().unwrap_or(rest);
        let is_path = source.starts_with(['/', '.', '~']);
        return Some(if is_path { Mount::Bind(source, at) } else { Mount::Volume(source, at) });
    }
    let (source, at) = (mount.get("source")?.as_str()?, mount.get("target")?.as_str()?);
    match mount.get("type")?.as_str()? {
        "volume" => Some(Mount::Volume(source, at)),
        "bind" => Some(Mount::Bind(source, at)),
        _ => None,
    }
}

/// The port of this host that an entry of `ports` publishes; none where the engine chooses one.
fn published(port: &Value) -> Option<u16> {
    if let Some(short) = port.as_str() {
        // `[address:]published:target[/protocol]`
        let mut words = short.rsplit(':');
        let _target = words.next();
        return words.next()?.parse().ok();
    }
    match port.get("published")? {
        Value::String(text) => text.parse().ok(),
        number => u16::try_from(number.as_u64()?).ok(),
    }
}

/// Names of environment variables that say which database a container holds. No others are ever read.
const DATABASE: [&str; 6] =
    ["POSTGRES_DB", "POSTGRES_USER", "MYSQL_DATABASE", "MYSQL_USER", "MARIADB_DATABASE", "MARIADB_USER"];

fn database(service: &Value) -> BTreeMap<String, String> {
    let environment = service.get("environment");
    let value = |name: &str| match environment? {
        Value::Object(table) => table.get(name)?.as_str().map(ToOwned::to_owned),
        Value::Array(lines) => lines
            .iter()
            .find_map(|line| line.as_str()?.strip_prefix(name)?.strip_prefix('='))
            .map(ToOwned::to_owned),
        _ => None,
    };
    DATABASE.iter().filter_map(|name| Some(((*name).to_owned(), value(name)?))).gather()
}

/// What the engine calls a volume: its `name`, else its key as it is when external, else with the project before it.
fn real_name(key: &str, whole: &Value, project: &str) -> String {
    let definition = whole.get("volumes").and_then(|volumes| volumes.get(key));
    let field = |name: &str| definition.and_then(|d| d.get(name));
    let external = field("external");
    if let Some(name) = field("name").or_else(|| external?.get("name")).and_then(Value::as_str) {
        return name.to_owned();
    }
    match external {
        Some(Value::Bool(true) | Value::Object(_)) => key.to_owned(),
        _ => format!("{project}_{key}"),
    }
}

/// JSON with the keys of every table in order.
pub(super) fn canonical(value: &Value) -> String {
    let mut text = String::new();
    write_canonical(value, &mut text);
    text
}

fn write_canonical(value: &Value, text: &mut String) {
    match value {
        Value::Object(fields) => {
            text.push('{');
            for (key, field) in fields.iter().gather::<BTreeMap<_, _>>() {
                let _ = write!(text, "{}:", Value::String(key.clone()));
                write_canonical(field, text);
                text.push(',');
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for item in items {
                write_canonical(item, text);
                text.push(',');
            }
            text.push(']');
        }
        other => {
            let _ = write!(text, "{other}");
        }
    }
}
