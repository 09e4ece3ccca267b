//! What compose itself makes of a file: its resolved configuration.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::thread;

use serde_json::Value;

use super::read::{Resolved, canonical, resolved};
use super::{ComposeError, env_files};
use crate::drivers::Surroundings;
use crate::drivers::program::{Ask, Said};
use crate::model::facts::{Compose, ComposeFlavour, ResolvedService};
use crate::model::gather::Gather;
use crate::model::id::ServiceName;
use crate::model::spec::ComposeSpec;
use crate::sys::beside;
use crate::sys::files;

/// One service whose compose file is to be read.
#[derive(Debug, Clone)]
pub struct Question {
    /// Our service.
    pub service: ServiceName,
    /// Its slice of the compose project.
    pub spec: ComposeSpec,
}

/// What distinguishes one reading of a file from another.
type Reading<'a> = (&'a Path, Option<&'a Path>, String, PathBuf, Option<PathBuf>, &'a [String]);

/// Compose files read side by side.
const SIDE_BY_SIDE: usize = 4;

/// Compose's own reading of each service. `files` is where the tracked files lie: the project root, or an export of
/// another commit; environment file and project name are always those of the project root, and paths in the answer
/// always begin there. Services that share a file share one reading.
pub fn resolve(
    compose: &Compose,
    questions: &[Question],
    files: &Path,
    surroundings: &Surroundings,
) -> BTreeMap<ServiceName, Result<ResolvedService, ComposeError>> {
    let mut readings: BTreeMap<Reading<'_>, Vec<&Question>> = BTreeMap::new();
    for question in questions {
        let spec = &question.spec;
        let reading = (
            spec.file.as_path(),
            spec.overlay.as_deref(),
            project_name(spec, surroundings),
            project_directory(spec),
            env_file(spec, surroundings),
            spec.profiles.as_slice(),
        );
        readings.entry(reading).or_default().push(question);
    }
    let readings: Vec<Vec<&Question>> = readings.into_values().collect();
    let mut answers = BTreeMap::new();
    for some in readings.chunks(SIDE_BY_SIDE) {
        thread::scope(|scope| {
            let asked: Vec<_> = some
                .iter()
                .map(|sharing| beside(scope, || read(compose, &sharing[0].spec, files, surroundings)))
                .collect();
            for (sharing, thread) in some.iter().zip(asked) {
                let read = thread.join();
                answers.extend(sharing.iter().map(|question| {
                    let service = read.as_ref().map_err(Clone::clone).and_then(|read| slice(question, read));
                    (question.service.clone(), service)
                }));
            }
        });
    }
    answers
}

/// Compose's own configuration hashes of the project as it stands in the project root now, by compose service: what a
/// container's label `config-hash` must say. Empty where this compose prints none. The first generation counts the
/// image's id in, so that an answer is worth something only once the image is here; the second one forgets variables
/// that come from outside the file, so that services with such variables are left out.
///
/// # Errors
/// [`ComposeError`] when compose cannot read the file.
pub fn hashes(
    compose: &Compose,
    spec: &ComposeSpec,
    surroundings: &Surroundings,
) -> Result<BTreeMap<String, String>, ComposeError> {
    if compose.flavour == ComposeFlavour::Podman {
        return Ok(BTreeMap::new());
    }
    hashes_of(compose, spec, &surroundings.root, surroundings)
}

/// The project name that compose will use: the configured one, else `COMPOSE_PROJECT_NAME`, else the file's `name:`, else
/// the project folder's name.
pub fn project_name(spec: &ComposeSpec, surroundings: &Surroundings) -> String {
    const NAME: &str = "COMPOSE_PROJECT_NAME";
    if let Some(name) = &spec.project {
        return name.clone();
    }
    let from_file = || {
        let text = files::read_text(&env_file(spec, surroundings)?, TEXT_LIMIT).ok()?;
        value_after(&text, &format!("{NAME}="))
    };
    if let Some(name) = surroundings.env.get(NAME).cloned().or_else(from_file).filter(|name| !name.is_empty())
    {
        return name;
    }
    let named = files::read_text(&surroundings.root.join(&spec.file), TEXT_LIMIT);
    if let Some(name) =
        named.ok().and_then(|text| value_after(&text, "name:")).filter(|name| !name.contains('$'))
    {
        return name;
    }
    let folder = surroundings.root.join(project_directory(spec));
    let name = folder.components().next_back().map(|part| part.as_os_str().to_string_lossy().to_lowercase());
    let plain = |c: &char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
    let name: String = name.unwrap_or_default().chars().filter(plain).collect();
    match name.trim_start_matches(['_', '-']) {
        "" => "default".to_owned(),
        name => name.to_owned(),
    }
}

const TEXT_LIMIT: u64 = 1 << 20;

/// The value on the line that begins so, without quotes and comments.
fn value_after(text: &str, beginning: &str) -> Option<String> {
    let value = text.lines().find_map(|line| line.strip_prefix(beginning))?;
    let value = value.split(" #").next().unwrap_or(value).trim();
    Some(value.trim_matches(['"', '\'']).to_owned())
}

/// Folder that relative paths in the file start from, relative to the project root.
fn project_directory(spec: &ComposeSpec) -> PathBuf {
    let own = || spec.file.parent().map_or_else(PathBuf::new, Path::to_path_buf);
    let folder = spec.project_directory.clone().unwrap_or_else(own);
    folder.components().filter(|part| *part != std::path::Component::CurDir).collect()
}

/// The file with variables: the configured one, else the `.env` of the project folder that compose would take.
fn env_file(spec: &ComposeSpec, surroundings: &Surroundings) -> Option<PathBuf> {
    let file = match &spec.env_file {
        Some(file) => file.clone(),
        None => project_directory(spec).join(".env"),
    };
    let file = surroundings.root.join(file);
    (spec.env_file.is_some() || files::is_file(&file)).then_some(file)
}

/// Asks for `config` of a file that lies below `files`; relative paths in it start below `base`.
fn ask(
    compose: &Compose,
    spec: &ComposeSpec,
    (files, base): (&Path, &Path),
    surroundings: &Surroundings,
    how: &[&str],
) -> Result<Said, ComposeError> {
    let whole = ComposeSpec {
        project: Some(project_name(spec, surroundings)),
        env_file: env_file(spec, surroundings),
        ..spec.clone()
    };
    let mut argv = whole.invocation(compose, base, files);
    argv.push("config".to_owned());
    argv.extend(how.iter().map(|word| (*word).to_owned()));
    let mut place = surroundings.clone();
    if compose.flavour == ComposeFlavour::Podman {
        place.root = base.join(project_directory(spec));
    }
    let said = place.ask(Ask::new(argv)).map_err(|error| ComposeError::Tools {
        what: error.to_string(),
        way_out: format!("{} version", compose.command.join(" ")),
    })?;
    if said.code == Some(0) {
        return Ok(said);
    }
    if let Some(error) = ComposeError::from_engine(&said) {
        return Err(error);
    }
    Err(ComposeError::File { file: spec.file.display().to_string(), said: said.complaint() })
}

/// Configuration hashes of files that lie below `files`, as they will be once these lie in the project root.
fn hashes_of(
    compose: &Compose,
    spec: &ComposeSpec,
    files: &Path,
    surroundings: &Surroundings,
) -> Result<BTreeMap<String, String>, ComposeError> {
    let said = ask(compose, spec, (files, &surroundings.root), surroundings, &["--hash", "*"])?;
    let text = said.text();
    let pairs = text.lines().filter_map(|line| line.trim().rsplit_once(' '));
    let mut hashes: BTreeMap<_, _> =
        pairs.map(|(part, hash)| (part.trim().to_owned(), hash.to_owned())).gather();
    if compose.flavour == ComposeFlavour::V2 {
        match env_files::dependent(&files.join(&spec.file)) {
            Some(dependent) => hashes.retain(|part, _| !dependent.contains(part)),
            None => hashes.clear(),
        }
    }
    Ok(hashes)
}

fn read(
    compose: &Compose,
    spec: &ComposeSpec,
    files: &Path,
    surroundings: &Surroundings,
) -> Result<Resolved, ComposeError> {
    if files != surroundings.root {
        let folder = project_directory(spec);
        env_files::link_untracked(
            &files.join(&spec.file),
            &files.join(&folder),
            &surroundings.root.join(&folder),
        );
    }
    let (value, labels) = thread::scope(|scope| {
        // Only the second generation's hash can be known before the image is here.
        let is_v2 = compose.flavour == ComposeFlavour::V2;
        let labels = is_v2.then(|| beside(scope, || hashes_of(compose, spec, files, surroundings)));
        let value = configuration(compose, spec, files, surroundings);
        (value, labels.and_then(|thread| thread.join().ok()).unwrap_or_default())
    });
    let mut value = value?;
    if files != surroundings.root {
        move_paths(&mut value, &files.to_string_lossy(), &surroundings.root.to_string_lossy());
    }
    let folder = surroundings.root.join(project_directory(spec));
    let unreadable = |said: String| ComposeError::Unreadable { what: "`compose config`".to_owned(), said };
    let mut read = resolved(&value, &project_name(spec, surroundings), &folder).map_err(unreadable)?;
    for (name, part) in &mut read.parts {
        part.label_hash = labels.get(name).cloned();
    }
    Ok(read)
}

/// What compose prints of a file below a folder, as one value.
pub(super) fn configuration(
    compose: &Compose,
    spec: &ComposeSpec,
    files: &Path,
    surroundings: &Surroundings,
) -> Result<Value, ComposeError> {
    let unreadable = |said: String| ComposeError::Unreadable { what: "`compose config`".to_owned(), said };
    let how: &[&str] = if compose.flavour == ComposeFlavour::V2 { &["--format", "json"] } else { &[] };
    let text = ask(compose, spec, (files, files), surroundings, how)?.text();
    match compose.flavour {
        ComposeFlavour::V2 => serde_json::from_str(&text).map_err(|error| unreadable(error.to_string())),
        _ => serde_saphyr::from_str(&text).map_err(|error| unreadable(error.to_string())),
    }
}

/// Lets every path in a resolved configuration begin at the project root, wherever the files were read.
pub(super) fn move_paths(value: &mut Value, from: &str, to: &str) {
    match value {
        Value::String(text) if text.contains(from) => *text = text.replace(from, to),
        Value::Array(items) => items.iter_mut().for_each(|item| move_paths(item, from, to)),
        Value::Object(fields) => fields.values_mut().for_each(|field| move_paths(field, from, to)),
        _ => {}
    }
}

/// The compose services that belong to one of ours.
fn slice(question: &Question, read: &Resolved) -> Result<ResolvedService, ComposeError> {
    let own = [question.service.to_string()];
    let wanted = if question.spec.services.is_empty() { &own[..] } else { &question.spec.services };
    let mut service = ResolvedService { project: read.project.clone(), parts: BTreeMap::new() };
    for name in wanted {
        if name == "*" {
            service.parts.extend(read.parts.clone());
        } else if let Some(part) = read.parts.get(name) {
            service.parts.insert(name.clone(), part.clone());
        } else {
            let there: Vec<&str> = read.parts.keys().map(String::as_str).collect();
            return Err(ComposeError::File {
                file: question.spec.file.display().to_string(),
                said: format!(
                    "it has no service `{name}`, only {}: see `services` of `{}`",
                    there.join(", "),
                    own[0]
                ),
            });
        }
    }
    Ok(service)
}

/// A hash over a value that does not depend on the order in which it was written.
pub(super) fn hash(value: &Value) -> String {
    files::sha256_of(canonical(value).as_bytes())
}
