//! What runs for a service, whatever runs it.

use std::collections::BTreeMap;
use std::thread;

use super::{Surroundings, command, compose};
use crate::model::facts::{RuntimeFacts, ServiceState};
use crate::model::id::ServiceName;
use crate::model::spec::DriverSpec;
use crate::sys::beside;

/// Programs asked side by side.
const SIDE_BY_SIDE: usize = 8;

/// Looks at several services: containers together, programs side by side. What cannot be seen is `RunState::Unknown`
/// with its reason in `trouble`.
pub fn observe_all(
    services: &[(&ServiceName, &DriverSpec)],
    runtime: &RuntimeFacts,
    surroundings: &Surroundings,
) -> BTreeMap<ServiceName, ServiceState> {
    let (mut composed, mut commanded) = (Vec::new(), Vec::new());
    for (name, driver) in services {
        match driver {
            DriverSpec::Compose(spec) => composed.push((*name, spec)),
            DriverSpec::Command(commands) => commanded.push((*name, commands)),
        }
    }
    let mut states = BTreeMap::new();
    for some in commanded.chunks(SIDE_BY_SIDE) {
        thread::scope(|scope| {
            let asked: Vec<_> = some
                .iter()
                .map(|(name, commands)| (*name, beside(scope, || command::observe(commands, surroundings))))
                .collect();
            states.extend(asked.into_iter().map(|(name, thread)| (name.clone(), thread.join())));
        });
    }
    if composed.is_empty() {
        return states;
    }
    let seen = match &runtime.engine {
        Some(engine) => compose::states(engine, &composed, surroundings).map_err(|e| e.to_string()),
        None => Err("no container engine answers on this host".to_owned()),
    };
    match seen {
        Ok(seen) => states.extend(seen),
        Err(trouble) => states.extend(composed.iter().map(|(name, _)| {
            let state = ServiceState { trouble: Some(trouble.clone()), ..ServiceState::default() };
            ((*name).clone(), state)
        })),
    }
    states
}

/// Looks at one service.
pub fn observe(
    name: &ServiceName,
    driver: &DriverSpec,
    runtime: &RuntimeFacts,
    surroundings: &Surroundings,
) -> ServiceState {
    observe_all(&[(name, driver)], runtime, surroundings).remove(name).unwrap_or_default()
}
