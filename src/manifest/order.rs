//! Dependencies between services: every name known, nobody before itself.

use std::collections::{BTreeMap, BTreeSet};

use super::error::ManifestError;
use super::spot::Spot;
use super::text::nearest;
use crate::model::id::ServiceName;
use crate::model::spec::ServiceSpec;

/// Refuses unknown names, a service that depends on itself, and circles. `at` points to `[services]`.
pub(super) fn check(
    at: &Spot<'_>,
    services: &BTreeMap<ServiceName, ServiceSpec>,
) -> Result<(), ManifestError> {
    for (name, spec) in services {
        for (position, wanted) in spec.depends_on.iter().enumerate() {
            let spot = at.key(name.as_str()).key("depends_on").item(position);
            if wanted == name {
                return Err(spot.rule(format!("names `{name}` itself: take it out")));
            }
            known(&spot, wanted, services)?;
        }
    }
    let mut done = BTreeSet::new();
    for name in services.keys() {
        if let Some(circle) = circle_from(name, services, &mut Vec::new(), &mut done) {
            let shown: Vec<String> = circle.iter().map(|name| format!("`{name}`")).collect();
            let spot = at.key(circle[0].as_str()).key("depends_on");
            let why = format!("goes in a circle, {}: take one of them out", shown.join(" → "));
            return Err(spot.rule(why));
        }
    }
    Ok(())
}

/// Refuses a name that is no service here.
pub(super) fn known(
    spot: &Spot<'_>,
    wanted: &ServiceName,
    services: &BTreeMap<ServiceName, ServiceSpec>,
) -> Result<(), ManifestError> {
    if services.contains_key(wanted) {
        return Ok(());
    }
    let near = nearest(wanted.as_str(), services.keys().map(ServiceName::as_str));
    let way = match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("write `[services.{wanted}]`, or take the name out"),
    };
    Err(spot.rule(format!("names `{wanted}`, which is no service here: {way}")))
}

/// Walks with a stack of its own: a chain of services may be as long as the file allows.
fn circle_from(
    start: &ServiceName,
    services: &BTreeMap<ServiceName, ServiceSpec>,
    way: &mut Vec<ServiceName>,
    done: &mut BTreeSet<ServiceName>,
) -> Option<Vec<ServiceName>> {
    let mut open = vec![(start.clone(), 0)];
    while let Some((name, next)) = open.pop() {
        if next == 0 {
            if done.contains(&name) {
                continue;
            }
            if let Some(at) = way.iter().position(|before| *before == name) {
                let mut circle = way.split_off(at);
                circle.push(name);
                return Some(circle);
            }
            way.push(name.clone());
        }
        let wanted = services.get(&name).and_then(|spec| spec.depends_on.get(next));
        if let Some(wanted) = wanted {
            let wanted = wanted.clone();
            open.push((name, next + 1));
            open.push((wanted, 0));
        } else {
            way.pop();
            done.insert(name);
        }
    }
    None
}
