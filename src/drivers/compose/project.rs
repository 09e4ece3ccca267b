//! All that an engine has of one compose project, and a whole configuration as compose resolves it: for previews, which are
//! projects of their own.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::ComposeError;
use super::local::engine_says;
use super::resolve::{configuration, move_paths};
use crate::drivers::Surroundings;
use crate::model::arrange::Arrange;
use crate::model::facts::Compose;
use crate::model::preview::{PREVIEW_LABEL, PREVIEW_ROOT_LABEL, PreviewContainer, PreviewParts};
use crate::model::spec::ComposeSpec;
use crate::sys::files;

/// Labels that only the parts of one preview of one checkout carry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marks {
    /// The compose project.
    pub project: String,
    /// Value of [`PREVIEW_LABEL`].
    pub preview: String,
    /// Value of [`PREVIEW_ROOT_LABEL`].
    pub root: String,
}

/// Everything of a project: containers, networks, volumes, and images that were built for it. What does not carry the marks
/// is foreign. Seven processes at most.
///
/// # Errors
/// [`ComposeError`] when the engine does not answer.
pub fn parts_of(
    engine: &str,
    marks: &Marks,
    surroundings: &Surroundings,
) -> Result<PreviewParts, ComposeError> {
    let filter = format!("label=com.docker.compose.project={}", marks.project);
    let ids = |kind: &[&str]| -> Result<Vec<String>, ComposeError> {
        let args = kind.iter().copied().chain(["--filter", filter.as_str()]);
        let said = engine_says(engine, args, surroundings)?;
        Ok(said.text().split_whitespace().map(ToOwned::to_owned).collect())
    };
    let inspect = |kind: &str, ids: &[String]| -> Result<Vec<Value>, ComposeError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let args = [kind, "inspect", "--"].into_iter().chain(ids.iter().map(String::as_str));
        let answer = engine_says(engine, args, surroundings)?.text();
        serde_json::from_str(if answer.trim().is_empty() { "[]" } else { &answer }).map_err(|error| {
            ComposeError::Unreadable { what: format!("`{engine} {kind} inspect`"), said: error.to_string() }
        })
    };
    let mut parts = PreviewParts::default();
    let is_ours = |labels: Option<&Value>| {
        let is = |name: &str, wanted: &str| {
            labels.and_then(|labels| labels.get(name)).and_then(Value::as_str) == Some(wanted)
        };
        is(PREVIEW_LABEL, &marks.preview) && is(PREVIEW_ROOT_LABEL, &marks.root)
    };
    let text = |value: &Value, pointer: &str| {
        value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    for value in inspect("container", &ids(&["ps", "--all", "--quiet", "--no-trunc"])?)? {
        if is_ours(value.pointer("/Config/Labels")) {
            parts.containers.push(container(&value));
        } else {
            parts.foreign.push(format!("container {}", text(&value, "/Name").trim_start_matches('/')));
        }
    }
    for value in inspect("network", &ids(&["network", "ls", "--quiet", "--no-trunc"])?)? {
        if is_ours(value.get("Labels")) {
            parts.networks.push(text(&value, "/Id"));
        } else {
            parts.foreign.push(format!("network {}", text(&value, "/Name")));
        }
    }
    for value in inspect("volume", &ids(&["volume", "ls", "--quiet"])?)? {
        if is_ours(value.get("Labels")) {
            parts.volumes.push(text(&value, "/Name"));
        } else {
            parts.foreign.push(format!("volume {}", text(&value, "/Name")));
        }
    }
    // The project's name is no prefix to go by: `preview-pr-1-2` is another one than `preview-pr-1`.
    let wanted = [
        format!("label={PREVIEW_LABEL}={}", marks.preview),
        format!("label={PREVIEW_ROOT_LABEL}={}", marks.root),
    ];
    let args = [
        "image",
        "ls",
        "--format",
        "{{.Repository}}:{{.Tag}} {{.ID}}",
        "--filter",
        &wanted[0],
        "--filter",
        &wanted[1],
    ];
    let said = engine_says(engine, args, surroundings)?.text();
    parts.images = said
        .lines()
        .filter_map(|line| line.split_once(' '))
        // By its name: an image that has another name, too, keeps that.
        .map(|(name, id)| if name.contains("<none>") { id.to_owned() } else { name.to_owned() })
        .collect();
    parts.containers.arrange_by(|a, b| a.name.cmp(&b.name));
    parts.images.sort();
    parts.images.dedup();
    Ok(parts)
}

fn container(value: &Value) -> PreviewContainer {
    let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let published = value.pointer("/NetworkSettings/Ports").and_then(Value::as_object);
    let bindings =
        published.into_iter().flat_map(|ports| ports.values()).filter_map(Value::as_array).flatten();
    let mut ports: Vec<u16> =
        bindings.filter_map(|binding| binding.get("HostPort")?.as_str()?.parse().ok()).collect();
    ports.sort_unstable();
    ports.dedup();
    PreviewContainer {
        id: text("/Id"),
        name: text("/Name").trim_start_matches('/').to_owned(),
        part: text("/Config/Labels/com.docker.compose.service"),
        state: text("/State/Status"),
        health: Some(text("/State/Health/Status")).filter(|word| !word.is_empty()),
        ports,
    }
}

/// The whole configuration that compose makes of a file below a folder, which counts as the project root: nothing outside
/// of it is read but what the file itself names.
///
/// # Errors
/// [`ComposeError`] when compose cannot read the file.
pub fn whole(
    compose: &Compose,
    spec: &ComposeSpec,
    surroundings: &Surroundings,
) -> Result<Value, ComposeError> {
    configuration(compose, spec, &surroundings.root, surroundings)
}

/// Lets every path in a configuration that begins at one folder begin at another.
pub fn at_home(mut value: Value, from: &Path, to: &Path) -> Value {
    move_paths(&mut value, &from.to_string_lossy(), &to.to_string_lossy());
    value
}

/// A compose file may have this many bytes.
const LIMIT: u64 = 1 << 20;

/// Every file that a compose file names to be read on its behalf (`include`, `extends`, `env_file`, `label_file`), as written
/// there; those of an included file too. Each comes with the file that names it.
///
/// # Errors
/// [`ComposeError::File`] when one of them is not understood.
pub fn named_files(first: &Path) -> Result<Vec<(PathBuf, String)>, ComposeError> {
    let mut all = Vec::new();
    let mut next = vec![first.to_path_buf()];
    let mut seen = BTreeSet::new();
    while let Some(file) = next.pop().filter(|_| seen.len() < 200) {
        if !seen.insert(file.clone()) || !files::is_file(&file) {
            continue;
        }
        let unread = |said: String| ComposeError::File { file: file.display().to_string(), said };
        let text = files::read_text(&file, LIMIT).map_err(|error| unread(error.to_string()))?;
        let value: Value = serde_saphyr::from_str(&text).map_err(|error| unread(error.to_string()))?;
        let folder = file.parent().unwrap_or(Path::new("")).to_path_buf();
        let mut read = |names: Vec<String>, is_compose: bool| {
            for name in names {
                if is_compose {
                    next.push(folder.join(&name));
                }
                all.push((file.clone(), name));
            }
        };
        for include in value.get("include").and_then(Value::as_array).into_iter().flatten() {
            read(texts(include.get("path").unwrap_or(include)), true);
            read(include.get("env_file").map(texts).unwrap_or_default(), false);
            read(include.get("project_directory").map(texts).unwrap_or_default(), false);
        }
        for service in
            value.get("services").and_then(Value::as_object).into_iter().flat_map(|table| table.values())
        {
            let extends = service.get("extends").and_then(|extends| extends.get("file"));
            read(extends.map(texts).unwrap_or_default(), true);
            for key in ["env_file", "label_file"] {
                read(service.get(key).map(texts).unwrap_or_default(), false);
            }
        }
    }
    Ok(all)
}

/// A text, a list of texts, or a list of tables with a `path`.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(list) => list.iter().flat_map(texts).collect(),
        Value::Object(table) => table.get("path").map(texts).unwrap_or_default(),
        _ => Vec::new(),
    }
}
