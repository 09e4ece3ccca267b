//! `check --diff REF`: what the configuration changed, in its own words and in what a release would do. Nothing is written.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};
use tempfile::TempDir;

use crate::decide;
use crate::model::facts::{Facts, Releases};
use crate::model::gather::Gather;
use crate::model::id::ServiceName;
use crate::model::plan::Step;
use crate::model::request::RunRequest;
use crate::model::settings::Settings;
use crate::model::view::{DiffRow, DiffView};

use super::definitions::{Containers, configuration_of, export_commit};
use super::error::OpsError;
use super::facts::{Fetch, Look, observe};
use super::host::Host;
use super::relinked;
use super::sources::{self, Configuration};

/// How the present configuration differs from that of a commit, branch or tag: every setting and service that differs,
/// with every default filled in, and every step of a release of all services that comes, goes, or does something else.
///
/// # Errors
/// When there is no such commit, one of the configurations is wrong, or the host cannot be looked at.
pub fn diff(host: &Host, reference: &str) -> Result<DiffView, OpsError> {
    let commit = host.git.commit_of(reference).map_err(|_| OpsError::Usage {
        what: format!("`{reference}` is no commit, branch or tag of this checkout"),
        hint: "`git log --oneline` shows the commits; a branch of the remote is `origin/NAME`".to_owned(),
    })?;
    // The same on both sides: what was relinked is no difference between two configurations.
    let overlay = relinked::now(host);
    let Configuration { release_toml: then, settings: before } = configuration_of(host, &commit, &overlay)?;
    let Configuration { release_toml: now, settings: after } =
        sources::of_working_tree(host.root(), &overlay)?;
    let mut rows = compare(&flat(&plain_settings(&then)), &flat(&plain_settings(&now)));
    rows.extend(compare(&flat_services(&before), &flat_services(&after)));
    for row in &mut rows {
        for side in [&mut row.before, &mut row.after].into_iter().flatten() {
            *side = host.redactor.redact(side);
        }
    }

    let facts = observe(host, &Look { fetch: Fetch::Keep, ..Look::default() })?;
    let mut troubles = Vec::new();
    let containers = Containers::observe(host, &before, &after, &mut troubles);
    let exported = containers.are_wanted().then(|| export_commit(host, &commit, &before)).transpose()?;
    let mut steps = |mut settings: Settings, files: Option<&TempDir>| {
        let compose = containers.resolve(host, &mut settings, files, &mut troubles);
        let facts = Facts {
            base_settings: settings.clone(),
            target_settings: settings,
            base_compose: compose.clone(),
            target_compose: compose,
            ..facts.clone()
        };
        steps_of(facts)
    };
    let (then, now) = (steps(before, exported.as_ref())?, steps(after, None)?);
    let mut notes: Vec<String> = Vec::new();
    for trouble in troubles {
        if !notes.contains(&trouble.fact) {
            notes.push(trouble.fact);
        }
    }
    Ok(DiffView { settings: rows, steps: compare_steps(host, &then, &now), notes })
}

/// The steps of a release of every service, from nothing but the configuration: no record and no new commit counts.
fn steps_of(mut facts: Facts) -> Result<Vec<Step>, OpsError> {
    facts.releases = Releases::default();
    facts.history = None;
    facts.scripts.clear();
    facts.git.target = Some(facts.git.head.clone());
    facts.git.changed.clear();
    let services = facts.target_settings.services.keys().cloned().collect();
    let request =
        RunRequest { services: Some(services), without_scripts: true, ..RunRequest::new("TICKET".parse()?) };
    Ok(decide::steps_of_run(&facts, &request))
}

/// Steps by name: those that come, those that go, and what those do otherwise that stay.
fn compare_steps(host: &Host, then: &[Step], now: &[Step]) -> Vec<DiffRow> {
    let find = |steps: &'_ [Step], name: &str| steps.iter().position(|step| step.name.as_str() == name);
    let mut rows = Vec::new();
    let gone = then.iter().filter(|step| find(now, step.name.as_str()).is_none());
    for step in now.iter().chain(gone) {
        let name = step.name.as_str();
        let side = |steps: &[Step]| find(steps, name).map(|place| told(host, &steps[place]));
        let (before, after) = (side(then), side(now));
        if before == after {
            continue;
        }
        let only = |these: &Option<Vec<String>>, others: &Option<Vec<String>>| {
            let lines = these.as_ref()?.iter();
            let differs = |line: &&String| others.as_ref().is_none_or(|others| !others.contains(line));
            Some(lines.filter(differs).cloned().collect::<Vec<_>>().join("\n"))
        };
        rows.push(DiffRow {
            what: name.to_owned(),
            before: only(&before, &after),
            after: only(&after, &before),
        });
    }
    rows
}

/// What a step does, line by line: its title, each argument list, and whatever else it is told. How its service is looked
/// at (`driver`) stands among the settings.
fn told(host: &Host, step: &Step) -> Vec<String> {
    let mut action = serde_json::to_value(&step.action).unwrap_or_default();
    let mut lines = vec![step.title.clone()];
    take_commands(&mut action, &mut lines);
    lines.extend(flat(&action).into_iter().map(|(name, value)| format!("{name}: {value}")));
    lines.extend(step.timeout.map(|timeout| format!("timeout: {timeout}")));
    lines.iter().map(|line| host.redactor.redact(line)).collect()
}

/// Takes every argument list out of an action and writes it as a line to type.
fn take_commands(value: &mut Value, lines: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            map.remove("driver");
            if let Some(Value::Array(argv)) = map.remove("argv") {
                let words: Vec<&str> = argv.iter().filter_map(Value::as_str).collect();
                lines.push(format!(
                    "$ {}",
                    shlex::try_join(words.iter().copied()).unwrap_or_else(|_| words.join(" "))
                ));
            }
            map.values_mut().for_each(|value| take_commands(value, lines));
        }
        Value::Array(list) => list.iter_mut().for_each(|value| take_commands(value, lines)),
        _ => {}
    }
}

/// What the file says outside of its services, as a tree of values.
fn plain_settings(text: &str) -> Value {
    let mut settings: Map<String, Value> = toml::from_str(text).unwrap_or_default();
    settings.remove("services");
    Value::Object(settings)
}

fn flat_services(settings: &Settings) -> BTreeMap<String, String> {
    let services: BTreeMap<&ServiceName, Value> = settings
        .services
        .iter()
        .map(|(name, service)| (name, serde_json::to_value(service).unwrap_or_default()))
        .gather();
    flat(&serde_json::json!({ "services": services }))
}

/// Every leaf of a tree of values under its dotted name. A list of plain values is one leaf.
fn flat(value: &Value) -> BTreeMap<String, String> {
    let mut leaves = BTreeMap::new();
    collect(value, String::new(), &mut leaves);
    leaves
}

fn collect(value: &Value, name: String, leaves: &mut BTreeMap<String, String>) {
    let below = |key: &str| if name.is_empty() { key.to_owned() } else { format!("{name}.{key}") };
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                collect(value, below(key), leaves);
            }
        }
        Value::Array(list) if list.iter().any(|item| item.is_object() || item.is_array()) => {
            for (position, item) in list.iter().enumerate() {
                collect(item, below(&(position + 1).to_string()), leaves);
            }
        }
        // Nothing there is the same as not said.
        Value::Null => {}
        Value::Array(list) if list.is_empty() => {}
        Value::String(text) => {
            leaves.insert(name, text.clone());
        }
        other => {
            leaves.insert(name, other.to_string());
        }
    }
}

fn compare(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Vec<DiffRow> {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).gather();
    let row = |name: &String| DiffRow {
        what: name.clone(),
        before: before.get(name).cloned(),
        after: after.get(name).cloned(),
    };
    names.into_iter().filter(|name| before.get(*name) != after.get(*name)).map(row).collect()
}
