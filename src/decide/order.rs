//! Dependency order of services.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::facts::Facts;
use crate::model::gather::Gather;
use crate::model::id::ServiceName;

use super::site::define_newest;

/// Services in dependency order: what others need comes first, names decide where nothing else does. Only dependencies
/// among the given services count, also through services that are not given.
pub(super) fn by_dependency(facts: &Facts, services: &BTreeSet<ServiceName>) -> Vec<ServiceName> {
    let needs = needs(facts, services);
    let mut waiting: BTreeSet<&ServiceName> = services.iter().gather();
    let mut ordered: Vec<ServiceName> = Vec::new();
    while !waiting.is_empty() {
        let is_free = |name: &&&ServiceName| needs[*name].iter().all(|need| !waiting.contains(need));
        // A circle is refused where configuration is read; should one come here, names decide.
        let Some(next) = waiting.iter().find(is_free).or_else(|| waiting.iter().next()).copied() else {
            break;
        };
        waiting.remove(next);
        ordered.push(next.clone());
    }
    ordered
}

/// For each given service, the given services that must be up before it: its nearest dependencies, looking through
/// services that are not given.
pub(super) fn needs(
    facts: &Facts,
    services: &BTreeSet<ServiceName>,
) -> BTreeMap<ServiceName, BTreeSet<ServiceName>> {
    services.iter().map(|name| (name.clone(), nearest(facts, name, services))).gather()
}

fn nearest(facts: &Facts, name: &ServiceName, given: &BTreeSet<ServiceName>) -> BTreeSet<ServiceName> {
    let mut found = BTreeSet::new();
    let mut seen = BTreeSet::from([name.clone()]);
    let mut open = direct(facts, name);
    while let Some(next) = open.pop() {
        if !seen.insert(next.clone()) {
            continue;
        }
        if given.contains(&next) {
            found.insert(next);
        } else {
            open.extend(direct(facts, &next));
        }
    }
    found
}

fn direct(facts: &Facts, name: &ServiceName) -> Vec<ServiceName> {
    define_newest(facts, name).map(|service| service.spec.depends_on.clone()).unwrap_or_default()
}
