//! Images and volumes that are on this host.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use super::{ComposeError, Found};
use crate::drivers::Surroundings;
use crate::drivers::program::{Ask, Said};
use crate::model::facts::RuntimeFacts;
use crate::model::gather::Gather;
use crate::model::reason::Blocker;
use crate::sys::beside;
use crate::sys::folder::Folder;

/// How containers are driven here, with the images and volumes in question; what could not be seen becomes a trouble.
/// Two processes, side by side; none where nothing is in question.
pub fn runtime(
    found: Found,
    references: &BTreeSet<String>,
    volumes: &BTreeSet<String>,
    surroundings: &Surroundings,
) -> (RuntimeFacts, Vec<Blocker>) {
    let mut troubles: Vec<ComposeError> = found.troubles;
    let mut facts = RuntimeFacts { compose: found.compose, engine: found.engine, ..RuntimeFacts::default() };
    if let Some(engine) = &facts.engine {
        let (seen, mounted) = thread::scope(|scope| {
            let seen = beside(scope, || images(engine, references, surroundings));
            let mounted = mountpoints(engine, volumes, surroundings);
            (seen.join(), mounted)
        });
        match seen {
            Ok(seen) => facts.images = seen,
            Err(error) => troubles.push(error),
        }
        match mounted {
            Ok(mounted) => facts.mountpoints = mounted,
            Err(error) if troubles.contains(&error) => {}
            Err(error) => troubles.push(error),
        }
    }
    (facts, troubles.iter().map(ComposeError::blocker).collect())
}

/// Which of these image references or ids are on this host: reference as asked → image id. One process.
///
/// # Errors
/// [`ComposeError::Tools`] when the engine does not answer.
pub fn images(
    engine: &str,
    references: &BTreeSet<String>,
    surroundings: &Surroundings,
) -> Result<BTreeMap<String, String>, ComposeError> {
    if references.is_empty() {
        return Ok(BTreeMap::new());
    }
    // Without `--format`: the engines do not agree on the names of fields there.
    let head = ["image", "inspect", "--"];
    let said =
        engine_says(engine, head.into_iter().chain(references.iter().map(String::as_str)), surroundings)?;
    let mut known = BTreeMap::new();
    for image in objects(engine, "image", &said)? {
        let Some(id) = image.get("Id").and_then(Value::as_str).map(ToOwned::to_owned) else { continue };
        let lists = ["RepoTags", "RepoDigests"].map(|list| image.get(list).and_then(Value::as_array));
        let names = lists.into_iter().flatten().flatten().filter_map(Value::as_str);
        known.extend(names.map(|name| (plain(name), id.clone())));
        known.insert(id.trim_start_matches("sha256:").to_owned(), id);
    }
    let id_of = |reference: &String| {
        let bare = reference.trim_start_matches("sha256:");
        known.get(&plain(reference)).or_else(|| known.get(bare)).cloned()
    };
    Ok(references.iter().filter_map(|reference| Some((reference.clone(), id_of(reference)?))).gather())
}

/// A reference with what everybody leaves out: Docker Hub's own name goes, `latest` comes, a tag beside a digest goes. What
/// podman puts before a tag of ours that names no registry goes too.
fn plain(reference: &str) -> String {
    let name = reference.strip_prefix("docker.io/").unwrap_or(reference);
    let name = name.strip_prefix("library/").unwrap_or(name);
    let name =
        name.strip_prefix("localhost/").filter(|name| name.starts_with("holdpoint-keep:")).unwrap_or(name);
    let (name, digest) = match name.split_once('@') {
        Some((name, digest)) => (name, Some(digest)),
        None => (name, None),
    };
    let tag_at = name.rfind(':').filter(|at| !name[*at..].contains('/'));
    match (digest, tag_at) {
        (Some(digest), Some(at)) => format!("{}@{digest}", &name[..at]),
        (Some(digest), None) => format!("{name}@{digest}"),
        (None, Some(_)) => name.to_owned(),
        (None, None) => format!("{name}:latest"),
    }
}

/// Which of these image references a registry offers. One process each, side by side; what does not answer is not
/// offered.
pub fn pullable(
    engine: &str,
    references: &BTreeSet<String>,
    surroundings: &Surroundings,
) -> BTreeSet<String> {
    let offered = |reference: &String| {
        let mut argv = vec![engine, "manifest", "inspect"];
        // A registry on this very host may speak plain HTTP: the engine pulls from it, and its client asks only when told.
        if engine == "docker" && is_loopback(reference) {
            argv.push("--insecure");
        }
        argv.extend(["--", reference]);
        let mut ask = Ask::new(argv);
        ask.timeout = Duration::from_secs(30);
        surroundings.ask(ask).is_ok_and(|said| said.code == Some(0))
    };
    thread::scope(|scope| {
        let asked: Vec<_> =
            references.iter().map(|name| (name, beside(scope, move || offered(name)))).collect();
        asked.into_iter().filter_map(|(name, thread)| thread.join().then(|| name.clone())).gather()
    })
}

/// Whether a reference names a registry on this host.
fn is_loopback(reference: &str) -> bool {
    let registry = reference.split('/').next().filter(|_| reference.contains('/')).unwrap_or_default();
    let name = registry.rsplit_once(':').map_or(registry, |(name, _)| name);
    name == "localhost" || name.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}

/// Mountpoints of these volumes that can be read directly on this host. One process. A volume that is mounted only while
/// a container uses it (network, tmpfs, other drivers) is not among them: its folder would look empty.
///
/// # Errors
/// [`ComposeError::Tools`] when the engine does not answer.
pub fn mountpoints(
    engine: &str,
    volumes: &BTreeSet<String>,
    surroundings: &Surroundings,
) -> Result<BTreeMap<String, PathBuf>, ComposeError> {
    if volumes.is_empty() {
        return Ok(BTreeMap::new());
    }
    let head = ["volume", "inspect", "--"];
    let said = engine_says(engine, head.into_iter().chain(volumes.iter().map(String::as_str)), surroundings)?;
    let known = objects(engine, "volume", &said)?;
    let readable = |volume: &Value| {
        let is_local = volume.get("Driver").and_then(Value::as_str) == Some("local");
        let options = volume.get("Options").and_then(Value::as_object);
        let is_mounted_later = options.is_some_and(|o| o.contains_key("device") || o.contains_key("type"));
        let folder = PathBuf::from(volume.get("Mountpoint")?.as_str()?);
        let name = volume.get("Name")?.as_str()?.to_owned();
        (is_local && !is_mounted_later && Folder::open(&folder).is_ok()).then_some((name, folder))
    };
    Ok(known.iter().filter_map(readable).gather())
}

/// What an engine's `inspect` found of a kind of object.
fn objects(engine: &str, kind: &str, said: &Said) -> Result<Vec<Value>, ComposeError> {
    let answer = said.text();
    serde_json::from_str(if answer.trim().is_empty() { "[]" } else { &answer }).map_err(|error| {
        ComposeError::Unreadable { what: format!("`{engine} {kind} inspect`"), said: error.to_string() }
    })
}

/// An answer of the engine. A missing object is an answer; an engine that cannot be asked is not.
pub(super) fn engine_says<'a>(
    engine: &'a str,
    args: impl IntoIterator<Item = &'a str>,
    surroundings: &Surroundings,
) -> Result<Said, ComposeError> {
    let said = surroundings.ask(Ask::new([engine].into_iter().chain(args))).map_err(|error| {
        ComposeError::Tools { what: error.to_string(), way_out: format!("{engine} version") }
    })?;
    match ComposeError::from_engine(&said) {
        Some(error) if said.code != Some(0) => Err(error),
        _ => Ok(said),
    }
}

#[cfg(test)]
mod tests {
    use super::is_loopback;

    #[test]
    fn only_a_registry_on_this_host_may_do_without_tls() {
        for here in ["127.0.0.1:5000/a:1", "localhost:5000/a", "localhost/a", "127.1.2.3/a/b:1"] {
            assert!(is_loopback(here), "{here}");
        }
        for away in [
            "a:1",
            "127.0.0.1",
            "localhost.example.org/a",
            "10.0.0.1:5000/a",
            "registry.example.org/127.0.0.1/a",
        ] {
            assert!(!is_loopback(away), "{away}");
        }
    }
}
