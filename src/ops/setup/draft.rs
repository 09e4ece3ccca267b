//! What was found on a host, for the draft of its configuration: compose projects that run from this checkout, and
//! compose files and manifests that lie in it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::drivers::Surroundings;
use crate::drivers::compose::{self, Composed, Question};
use crate::drivers::git::Git;
use crate::manifest::draft::{DatabaseKind, Draft, DraftDatabase, DraftService};
use crate::model::arrange::Arrange;
use crate::model::facts::{Compose, ComposePart};
use crate::model::gather::Gather;
use crate::model::spec::ComposeSpec;
use crate::ops::error::OpsError;
use crate::sys::files;

/// Names of compose files that stand for themselves; an override is read by whoever names it.
const COMPOSE_FILES: [&str; 4] = ["docker-compose.yml", "docker-compose.yaml", "compose.yml", "compose.yaml"];

/// Where service manifests lie in the seed's own shape.
const MANIFESTS: &str = "packages/*/manifest.yaml";

/// One call of compose that runs here, or would.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Stack {
    /// The compose file, absolute.
    file: PathBuf,
    /// Folder that compose was called in; empty: the file's own.
    folder: PathBuf,
    /// Project; none: compose decides.
    project: Option<String>,
}

/// Looks at the checkout and at what runs.
pub(super) fn found(
    git: &Git,
    surroundings: &Surroundings,
    notes: &mut Vec<String>,
) -> Result<Draft, OpsError> {
    let tracked = tracked(git)?;
    let has_manifests = tracked.iter().any(|path| manifest_of(path).is_some());
    let env_files: Vec<String> = [".env"]
        .into_iter()
        .filter(|name| files::is_file(&surroundings.root.join(name)))
        .map(str::to_owned)
        .collect();
    let branch = git.standing().ok().and_then(|(_, branch, _)| branch);
    let mut draft = Draft {
        remote: git.remote().unwrap_or_else(|_| "origin".to_owned()),
        branch: branch.unwrap_or_else(|| "main".to_owned()),
        discover: has_manifests.then(|| MANIFESTS.to_owned()),
        env_files,
        services: Vec::new(),
    };
    let stacks = stacks(surroundings, &tracked, notes);
    if stacks.is_empty() {
        return Ok(draft);
    }
    let Some(compose) = compose::find(None, surroundings).compose else {
        notes.push(
            "compose files were found, and no compose answers: their services are not drafted".to_owned(),
        );
        return Ok(draft);
    };
    for (stack, running) in &stacks {
        if is_described(&surroundings.root, &stack.file, &tracked) {
            continue;
        }
        draft.services.extend(services(&compose, stack, running, surroundings, &tracked, notes));
    }
    draft.services.arrange_by(|a, b| (&a.file, &a.name).cmp(&(&b.file, &b.name)));
    Ok(draft)
}

/// Names of the services that manifests describe, by their folders.
pub(super) fn manifest_names(git: &Git) -> Result<Vec<String>, OpsError> {
    Ok(tracked(git)?.iter().filter_map(|path| manifest_of(path)).map(str::to_owned).collect())
}

fn tracked(git: &Git) -> Result<BTreeSet<String>, OpsError> {
    let (head, _, _) = git.standing()?;
    Ok(git.list(&head, &[])?.into_iter().map(|entry| entry.path).gather())
}

/// `wikijs` of `packages/wikijs/manifest.yaml`
fn manifest_of(path: &str) -> Option<&str> {
    let name = path.strip_prefix("packages/")?.strip_suffix("/manifest.yaml")?;
    (!name.contains('/') && !name.is_empty()).then_some(name)
}

/// Whether a manifest beside the compose file describes its service already.
fn is_described(root: &Path, file: &Path, tracked: &BTreeSet<String>) -> bool {
    let relative = file.strip_prefix(root).ok().and_then(Path::parent);
    relative.is_some_and(|folder| tracked.contains(&folder.join("manifest.yaml").display().to_string()))
}

/// Every call of compose with the containers that it made: those that run from this checkout, then those that its
/// compose files describe and nothing runs of.
fn stacks(
    surroundings: &Surroundings,
    tracked: &BTreeSet<String>,
    notes: &mut Vec<String>,
) -> BTreeMap<Stack, Vec<Composed>> {
    let mut stacks: BTreeMap<Stack, Vec<Composed>> = BTreeMap::new();
    let mut elsewhere = BTreeSet::new();
    for seen in running(surroundings, notes) {
        let project = seen.container.project.clone();
        let Some(file) = seen.files.first().filter(|file| file.starts_with(&surroundings.root)) else {
            elsewhere.insert(project);
            continue;
        };
        if seen.files.len() > 1 {
            let files: Vec<String> = seen.files.iter().map(|file| file.display().to_string()).collect();
            notes.push(format!(
                "project `{project}` was started from several compose files ({}): write one file for it",
                files.join(", ")
            ));
        }
        let stack = Stack { file: file.clone(), folder: seen.folder.clone(), project: Some(project) };
        stacks.entry(stack).or_default().push(seen);
    }
    if !elsewhere.is_empty() {
        let names: Vec<String> = elsewhere.into_iter().map(|name| format!("`{name}`")).collect();
        notes.push(format!(
            "compose projects that run from outside of this checkout were left out: {}",
            names.join(", ")
        ));
    }
    let known: BTreeSet<PathBuf> = stacks.keys().map(|stack| stack.file.clone()).collect();
    for path in tracked.iter().filter(|path| is_compose_file(path)) {
        let file = surroundings.root.join(path);
        if !known.contains(&file) {
            stacks.insert(Stack { file, folder: PathBuf::new(), project: None }, Vec::new());
        }
    }
    stacks
}

fn running(surroundings: &Surroundings, notes: &mut Vec<String>) -> Vec<Composed> {
    let Some(engine) = compose::find(None, surroundings).engine else { return Vec::new() };
    compose::survey(&engine, surroundings).unwrap_or_else(|error| {
        notes.push(format!("what runs in containers could not be seen: {error}"));
        Vec::new()
    })
}

fn is_compose_file(path: &str) -> bool {
    COMPOSE_FILES.contains(&path.rsplit('/').next().unwrap_or(path))
}

/// The services of one stack, as compose itself reads its file, with the real names that its containers have.
fn services(
    compose: &Compose,
    stack: &Stack,
    running: &[Composed],
    surroundings: &Surroundings,
    tracked: &BTreeSet<String>,
    notes: &mut Vec<String>,
) -> Vec<DraftService> {
    let relative = |path: &Path| path.strip_prefix(&surroundings.root).unwrap_or(path).display().to_string();
    let own_folder = stack.file.parent() == Some(&stack.folder) || stack.folder.as_os_str().is_empty();
    // Compose reads the `.env` of the folder that it is called in by itself; another folder's is named.
    let beside = if own_folder { stack.file.parent().unwrap_or(&surroundings.root) } else { &stack.folder };
    let has_env = files::is_file(&beside.join(".env"));
    let project_directory = (!own_folder).then(|| match relative(&stack.folder) {
        top if top.is_empty() => ".".to_owned(),
        folder => folder,
    });
    let spec = ComposeSpec {
        file: PathBuf::from(relative(&stack.file)),
        project: stack.project.clone(),
        project_directory: project_directory.clone().map(PathBuf::from),
        services: vec!["*".to_owned()],
        ..ComposeSpec::default()
    };
    let Ok(name) = "stack".parse() else { return Vec::new() };
    let question = Question { service: name, spec };
    let answers = compose::resolve(compose, &[question], &surroundings.root, surroundings);
    let resolved = match answers.into_values().next() {
        Some(Ok(resolved)) => resolved,
        Some(Err(error)) => {
            notes.push(format!("{error}: its services are not drafted"));
            return Vec::new();
        }
        None => return Vec::new(),
    };
    let one = |(part, said): (&String, &ComposePart)| {
        let containers: Vec<&Composed> = running.iter().filter(|seen| seen.container.part == *part).collect();
        DraftService {
            name: part.clone(),
            file: relative(&stack.file),
            project: stack.project.clone().or_else(|| Some(resolved.project.clone())),
            project_directory: project_directory.clone(),
            env_file: has_env.then(|| relative(&beside.join(".env"))),
            image: containers.first().map(|seen| seen.container.image.clone()).or_else(|| said.image.clone()),
            depends_on: said.depends_on.clone(),
            healthcheck: said.healthcheck || containers.iter().any(|seen| seen.container.health.is_some()),
            ports: said.ports.clone(),
            volumes: volumes(said, &containers),
            folders: data_folders(said, surroundings, tracked),
            database: database(said),
        }
    };
    resolved.parts.iter().map(one).collect()
}

/// Real names of its volumes: what its containers mount, else what compose would.
fn volumes(said: &ComposePart, containers: &[&Composed]) -> Vec<String> {
    let mounted: BTreeSet<String> = containers
        .iter()
        .flat_map(|seen| seen.container.volumes.keys())
        .filter(|name| !is_anonymous(name))
        .cloned()
        .gather();
    let names = if containers.is_empty() { said.volumes.keys().cloned().gather() } else { mounted };
    names.into_iter().collect()
}

/// A volume without a name of its own goes with its container.
fn is_anonymous(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Folders of this host that it mounts and that hold data: those that git does not track anything in, and that are no
/// parts of the system.
fn data_folders(said: &ComposePart, surroundings: &Surroundings, tracked: &BTreeSet<String>) -> Vec<String> {
    let system = ["/etc", "/proc", "/sys", "/dev", "/run", "/var/run", "/usr", "/lib", "/bin", "/"];
    let holds_data = |path: &&String| {
        let folder = Path::new(path.as_str());
        let is_system = system.iter().any(|top| match *top {
            "/" => folder == Path::new("/"),
            top => folder.starts_with(top),
        });
        let relative =
            folder.strip_prefix(&surroundings.root).ok().map(|path| format!("{}/", path.display()));
        let is_tracked = relative
            .is_some_and(|prefix| prefix == "/" || tracked.iter().any(|file| file.starts_with(&prefix)));
        files::is_folder(folder) && !is_system && !is_tracked
    };
    let shown = |path: &String| {
        let path = Path::new(path);
        path.strip_prefix(&surroundings.root).unwrap_or(path).display().to_string()
    };
    said.binds.keys().filter(holds_data).map(shown).collect()
}

/// The database that its environment names.
fn database(said: &ComposePart) -> Option<DraftDatabase> {
    let value = |name: &str| said.database.get(name).cloned();
    let image = said.image.as_deref().unwrap_or_default();
    let name = image.rsplit('/').next().unwrap_or_default().split([':', '@']).next().unwrap_or_default();
    if matches!(name, "postgres" | "postgresql" | "postgis") || value("POSTGRES_DB").is_some() {
        let user = value("POSTGRES_USER");
        let name = value("POSTGRES_DB").or_else(|| user.clone()).unwrap_or_else(|| "postgres".to_owned());
        return Some(DraftDatabase { kind: DatabaseKind::Postgres, name, user });
    }
    let name = value("MYSQL_DATABASE").or_else(|| value("MARIADB_DATABASE"))?;
    let user = value("MYSQL_USER").or_else(|| value("MARIADB_USER"));
    Some(DraftDatabase { kind: DatabaseKind::Mysql, name, user })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_compose_files_that_stand_for_themselves_count() {
        for good in ["docker-compose.yml", "packages/wiki/compose.yaml"] {
            assert!(is_compose_file(good), "{good}");
        }
        for other in ["docker-compose.override.yml", "compose.yml.bak", "my-compose.yml"] {
            assert!(!is_compose_file(other), "{other}");
        }
        assert_eq!(manifest_of("packages/wikijs/manifest.yaml"), Some("wikijs"));
        assert_eq!(manifest_of("packages/a/b/manifest.yaml"), None);
    }

    #[test]
    fn a_database_is_known_by_its_environment_and_only_then_by_its_image() {
        let part = |image: &str, pairs: &[(&str, &str)]| ComposePart {
            image: Some(image.to_owned()),
            database: pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
            ..ComposePart::default()
        };
        let found = database(&part("postgres:16", &[("POSTGRES_USER", "wiki")])).unwrap();
        assert_eq!((found.name.as_str(), found.user.as_deref()), ("wiki", Some("wiki")));
        let found = database(&part("registry/own:1", &[("MARIADB_DATABASE", "shop")])).unwrap();
        assert_eq!((found.kind, found.name.as_str()), (DatabaseKind::Mysql, "shop"));
        assert_eq!(database(&part("requarks/wiki:2", &[])), None);
    }
}
