//! Which services a release touches, and why.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::order::by_dependency;
use super::site::{Side, define};
use crate::model::facts::Facts;
use crate::model::gather::Gather;
use crate::model::id::ServiceName;
use crate::model::plan::ServiceChange;
use crate::model::settings::Settings;
use crate::model::spec::{DriverSpec, ServiceSpec};

/// What a change means for this host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Classified {
    /// Touched services, in dependency order.
    pub(super) touched: Vec<Touched>,
    /// Changed files below a service's folder or `src/` that no service's `paths` covers.
    pub(super) unclassified: Vec<String>,
    /// Services asked for by name that no configuration knows.
    pub(super) unknown: Vec<ServiceName>,
    /// Services that the changes touch and that the person left out by naming others.
    pub(super) left_out: Vec<ServiceName>,
}

/// A touched service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Touched {
    pub(super) name: ServiceName,
    pub(super) change: ServiceChange,
    /// Paths, or sentences, in order and without repetition.
    pub(super) because: Vec<String>,
}

/// Why a service of a release that goes on is touched, where no change says it.
const RECORDED: &str = "recorded for this release";

/// How touched services are found.
#[derive(Debug, Clone, Copy)]
pub(super) enum Asked<'a> {
    /// By what changed.
    Nothing,
    /// By `--services`.
    ByName(&'a [ServiceName]),
    /// By what is recorded of the release that goes on.
    Recorded(&'a [ServiceName]),
}

/// Classifies what lies between BASE and the target. `also` are touched whatever the paths say (a release that is taken over
/// or goes on).
pub(super) fn classify(facts: &Facts, asked: Asked<'_>, also: &[ServiceName]) -> Classified {
    let by_change = because_of_changes(facts);
    let all_for = |names: &[ServiceName], why: &str| {
        names.iter().map(|name| (name.clone(), vec![why.to_owned()])).gather::<BTreeMap<_, _>>()
    };
    let mut reasons = match asked {
        Asked::Nothing => by_change.clone(),
        Asked::ByName(names) => all_for(names, "--services"),
        Asked::Recorded(names) => names
            .iter()
            .map(|name| {
                let why = by_change.get(name).cloned().unwrap_or_else(|| vec![RECORDED.to_owned()]);
                (name.clone(), why)
            })
            .gather(),
    };
    for name in also {
        reasons.entry(name.clone()).or_insert_with(|| vec![RECORDED.to_owned()]);
    }
    let is_known = |name: &ServiceName| {
        facts.base_settings.services.contains_key(name) || facts.target_settings.services.contains_key(name)
    };
    let (known, unknown): (BTreeSet<ServiceName>, BTreeSet<ServiceName>) =
        reasons.keys().cloned().partition(|name| is_known(name));
    let by_name = matches!(asked, Asked::ByName(_));
    let left_out = by_change.keys().filter(|name| by_name && !known.contains(*name)).cloned().collect();
    let touched = by_dependency(facts, &known).into_iter().map(|name| Touched {
        change: change_of(facts, &name),
        because: reasons.remove(&name).unwrap_or_default(),
        name,
    });
    Classified {
        touched: touched.collect(),
        unclassified: if matches!(asked, Asked::Nothing) { unclassified(facts) } else { Vec::new() },
        unknown: if by_name { unknown.into_iter().collect() } else { Vec::new() },
        left_out,
    }
}

/// Services that a set of changed paths touches by their `paths`, with the paths.
pub(super) fn covered(facts: &Facts, changed: &[String]) -> BTreeMap<ServiceName, Vec<String>> {
    let mut touched: BTreeMap<ServiceName, Vec<String>> = BTreeMap::new();
    for (name, globs) in coverage(facts) {
        let hits: Vec<String> = changed.iter().filter(|path| globs.is_match(path)).cloned().collect();
        if !hits.is_empty() {
            touched.insert(name, hits);
        }
    }
    touched
}

/// What the release does with a service.
fn change_of(facts: &Facts, name: &ServiceName) -> ServiceChange {
    match (define(facts, Side::Base, name), define(facts, Side::Target, name)) {
        (None, Some(_)) => ServiceChange::Added,
        (Some(_), None) => ServiceChange::Removed,
        _ => ServiceChange::Changed,
    }
}

fn because_of_changes(facts: &Facts) -> BTreeMap<ServiceName, Vec<String>> {
    let mut reasons = covered(facts, &facts.git.changed);
    let names: BTreeSet<&ServiceName> =
        facts.base_settings.services.keys().chain(facts.target_settings.services.keys()).gather();
    for name in names {
        if let Some(reason) = definition_change(facts, name) {
            reasons.entry(name.clone()).or_default().push(reason);
        }
    }
    reasons
}

/// What changed in a service's definition between BASE and the target, where that means it has to be replaced.
fn definition_change(facts: &Facts, name: &ServiceName) -> Option<String> {
    let (base, target) = match (define(facts, Side::Base, name), define(facts, Side::Target, name)) {
        (None, Some(target)) => return Some(format!("added in {}", target.spec.defined_in)),
        (Some(base), None) => return Some(format!("not in {} any more", base.spec.defined_in)),
        (Some(base), Some(target)) => (base, target),
        (None, None) => return None,
    };
    if base.images() != target.images() || base.spec.image != target.spec.image {
        let line = |image: Option<String>| image.unwrap_or_else(|| "-".to_owned());
        return Some(format!("image {} → {}", line(base.image_line()), line(target.image_line())));
    }
    if base.spec.driver != target.spec.driver || base.spec.hooks != target.spec.hooks {
        return Some(format!("definition changed in {}", target.spec.defined_in));
    }
    (base.config_hashes() != target.config_hashes()).then(|| "compose configuration changed".to_owned())
}

/// The globs of every service, of both sides.
fn coverage(facts: &Facts) -> Vec<(ServiceName, GlobSet)> {
    let mut globs: BTreeMap<&ServiceName, BTreeSet<String>> = BTreeMap::new();
    for settings in [&facts.base_settings, &facts.target_settings] {
        for (name, spec) in &settings.services {
            globs.entry(name).or_default().extend(spec.paths.iter().cloned());
        }
    }
    globs.into_iter().map(|(name, globs)| (name.clone(), set_of(&globs))).collect()
}

fn set_of(globs: &BTreeSet<String>) -> GlobSet {
    let mut builder = GlobSetBuilder::new();
    for glob in globs {
        // Patterns were checked where the configuration was read; one that cannot be built covers nothing.
        if let Ok(glob) = GlobBuilder::new(glob).literal_separator(true).build() {
            builder.add(glob);
        }
    }
    builder.build().unwrap_or_else(|_| GlobSet::empty())
}

/// Changed files that look like a service's and belong to none (the seed's exit 5 with drift).
fn unclassified(facts: &Facts) -> Vec<String> {
    let covered: Vec<GlobSet> = coverage(facts).into_iter().map(|(_, globs)| globs).collect();
    let roots = service_roots(facts);
    let free = free_folders([&facts.base_settings, &facts.target_settings]);
    let read = read_as_configuration([&facts.base_settings, &facts.target_settings]);
    let is_below =
        |path: &str, folder: &str| path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
    let of_a_service = |path: &&String| {
        (is_below(path, "src") || roots.iter().any(|root| is_below(path, root)))
            && !free.iter().any(|folder| is_below(path, folder))
            && !read.contains(*path)
            && !covered.iter().any(|globs| globs.is_match(path))
            && !is_for_people(path)
    };
    facts.git.changed.iter().filter(of_a_service).cloned().collect()
}

/// Folders of services: where their compose file, their manifest or all that their `paths` cover stands. Never the
/// project root.
fn service_roots(facts: &Facts) -> BTreeSet<String> {
    let mut roots = BTreeSet::new();
    let folder_of = |file: &str| file.rsplit_once('/').map(|(folder, _)| folder.to_owned());
    for settings in [&facts.base_settings, &facts.target_settings] {
        for spec in settings.services.values() {
            roots.extend(spec.paths.iter().filter_map(|glob| glob.strip_suffix("/**")).map(str::to_owned));
            roots.extend(folder_of(&spec.defined_in).filter(|folder| !folder.starts_with(".asd")));
            roots.extend(compose_file(spec).and_then(|file| folder_of(&file)));
        }
    }
    roots.retain(|root| !root.contains(['*', '?', '[', '{']));
    roots
}

/// Files that configuration is read from: what they change is seen in what they say.
fn read_as_configuration<'a>(settings: impl IntoIterator<Item = &'a Settings>) -> BTreeSet<String> {
    let mut files = BTreeSet::new();
    for settings in settings {
        files.extend(settings.sources.keys().cloned());
        files.extend(settings.services.values().filter_map(compose_file));
    }
    files
}

fn compose_file(spec: &ServiceSpec) -> Option<String> {
    match &spec.driver {
        DriverSpec::Compose(compose) => Some(compose.file.to_string_lossy().into_owned()),
        DriverSpec::Command(_) => None,
    }
}

/// Folders whose files need no service.
fn free_folders<'a>(settings: impl IntoIterator<Item = &'a Settings>) -> BTreeSet<String> {
    let mut folders: BTreeSet<String> = ["docs", ".asd", "recovery", "releases"].map(str::to_owned).into();
    for settings in settings {
        for folder in [&settings.paths.releases, &settings.paths.playbooks] {
            folders.insert(folder.to_string_lossy().trim_end_matches('/').to_owned());
        }
    }
    folders
}

/// Files that only people read.
fn is_for_people(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let is_text = Path::new(name)
        .extension()
        .is_some_and(|e| e.eq_ignore_ascii_case("md") || e == "txt" || e == "adoc");
    is_text || name.starts_with("LICENSE")
}
