//! `check`: what a release would do, decided as `run` decides, and what the configuration changed. Nothing is written.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::manifest::settings;
use crate::model::id::{BranchName, ServiceName, TicketId};
use crate::model::request::RunRequest;
use crate::model::settings::Settings;
use crate::model::view::{Decision, DiffRow};

use super::error::OpsError;
use super::host::Host;
use super::{release, sources};

/// What `run` would do: of a ticket, or of any ticket without a script; from the release branch or from another.
///
/// # Errors
/// What makes looking itself impossible.
pub fn check(
    host: &Host,
    ticket: Option<&TicketId>,
    incoming: Option<&BranchName>,
) -> Result<Decision, OpsError> {
    let named = ticket.cloned().map_or_else(unnamed, Ok)?;
    let mut request = RunRequest { branch: incoming.cloned(), ..RunRequest::new(named) };
    if ticket.is_some() {
        return release::check_run(host, &request);
    }
    request.without_scripts = true;
    let mut decision = release::check_run(host, &request)?;
    let note =
        "no ticket was named: ticket scripts are left out (`holdpoint check TICKET` shows them)".to_owned();
    match &mut decision {
        Decision::Plan { plan } => plan.notes.push(note),
        Decision::Refused(refused) => refused.notes.push(note),
        Decision::Nothing { .. } => {}
    }
    Ok(decision)
}

/// The ticket of a release that has no name yet.
fn unnamed() -> Result<TicketId, OpsError> {
    Ok("TICKET".parse()?)
}

/// How the present configuration differs from that of a commit, branch or tag: every setting and service that differs,
/// with every default filled in.
///
/// # Errors
/// When there is no such commit, or one of the configurations is wrong.
pub fn diff(host: &Host, reference: &str) -> Result<Vec<DiffRow>, OpsError> {
    let commit = host.git.commit_of(reference).map_err(|_| OpsError::Usage {
        what: format!("`{reference}` is no commit, branch or tag of this checkout"),
        hint: "`git log --oneline` shows the commits; a branch of the remote is `origin/NAME`".to_owned(),
    })?;
    let then = sources::of_commit(&host.git, &commit, host.root())?;
    let now = sources::of_working_tree(host.root())?;
    let (before, after) = (settings::parse(&then)?, settings::parse(&now)?);
    let mut rows = compare(
        &flat(&plain_settings(&then.release_toml.text)),
        &flat(&plain_settings(&now.release_toml.text)),
    );
    rows.extend(compare(&flat_services(&before), &flat_services(&after)));
    Ok(rows)
}

/// What the file says outside of its services, as a tree of values.
fn plain_settings(text: &str) -> Value {
    let mut table: toml::Table = text.parse().unwrap_or_default();
    table.remove("services");
    serde_json::to_value(table).unwrap_or_default()
}

fn flat_services(settings: &Settings) -> BTreeMap<String, String> {
    let services: BTreeMap<&ServiceName, Value> = settings
        .services
        .iter()
        .map(|(name, service)| (name, serde_json::to_value(service).unwrap_or_default()))
        .collect();
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
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let row = |name: &String| DiffRow {
        what: name.clone(),
        before: before.get(name).cloned(),
        after: after.get(name).cloned(),
    };
    names.into_iter().filter(|name| before.get(*name) != after.get(*name)).map(row).collect()
}
