//! Variables of containers that come from outside the compose file.

use std::collections::BTreeSet;
use std::path::{Component, Path};

use serde_json::Value;

use crate::model::gather::Gather;
use crate::sys::files::{self, FileError};
use crate::sys::folder::Folder;

/// In an export of another commit, links each `env_file:` that is not tracked to the one of the project root: compose
/// refuses to read a service whose `env_file` is missing. What cannot be linked is left to compose to complain about.
pub(super) fn link_untracked(compose_file: &Path, exported: &Path, real: &Path) {
    let Ok(text) = files::read_text(compose_file, 1 << 20) else { return };
    let Ok(value) = serde_saphyr::from_str::<Value>(&text) else { return };
    for name in named(&value) {
        let path = Path::new(name);
        let is_plain = path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        if is_plain && !files::exists(&exported.join(path)) && files::is_file(&real.join(path)) {
            let _ = link(&exported.join(path), &real.join(path));
        }
    }
}

fn link(at: &Path, to: &Path) -> Result<(), FileError> {
    let (Some(folder), Some(name)) = (at.parent(), at.file_name()) else { return Ok(()) };
    Folder::make(folder, 0o750)?.create_symlink(name, to.as_os_str())
}

/// Compose services whose variables come from outside the file: from an `env_file`, from the caller's environment, or by
/// way of another file. None where the file cannot be read.
pub(super) fn dependent(compose_file: &Path) -> Option<BTreeSet<String>> {
    let text = files::read_text(compose_file, 1 << 20).ok()?;
    let value = serde_saphyr::from_str::<Value>(&text).ok()?;
    let services = value.get("services")?.as_object()?;
    let is_dependent = |service: &Value| {
        let takes = match service.get("environment") {
            Some(Value::Object(table)) => table.values().any(Value::is_null),
            Some(Value::Array(lines)) => {
                lines.iter().any(|line| line.as_str().is_none_or(|l| !l.contains('=')))
            }
            _ => false,
        };
        takes || service.get("env_file").is_some() || service.get("extends").is_some()
    };
    Some(services.iter().filter(|(_, service)| is_dependent(service)).map(|(name, _)| name.clone()).gather())
}

/// Every `services.*.env_file`: one name, a list of names, or a list of tables with `path`.
fn named(value: &Value) -> Vec<&str> {
    let services = value.get("services").and_then(Value::as_object);
    let entries =
        services.into_iter().flat_map(|services| services.values()).filter_map(|s| s.get("env_file"));
    let mut names = Vec::new();
    for entry in entries {
        match entry {
            Value::Array(items) => names.extend(items.iter().filter_map(name)),
            one => names.extend(name(one)),
        }
    }
    names
}

fn name(entry: &Value) -> Option<&str> {
    entry.as_str().or_else(|| entry.get("path")?.as_str())
}
