//! Old images: they must be had before anything is stopped.

use crate::decide::commands::keep_reference;
use crate::decide::planning::{commands, named, step};
use crate::decide::site::{Definition, canonical, engine, local_image};
use crate::model::facts::Facts;
use crate::model::id::TicketId;
use crate::model::phase::Phase;
use crate::model::plan::Step;
use crate::model::release::ReleaseState;
use crate::model::spec::CommandSpec;

/// Where the old images of a service come from.
#[derive(Debug, Default)]
pub(super) struct OldImages {
    /// Makes the old image the one that its reference names again.
    pub(super) tags: Vec<CommandSpec>,
    /// Must be pulled before anything is stopped.
    pub(super) pulls: Vec<String>,
    /// Must be built from the old tree.
    pub(super) builds: Vec<String>,
    /// Neither here nor to be had.
    pub(super) missing: Vec<String>,
}

/// Looks for the image of each part: kept under our own tag, here under its reference, in its registry, or to be built.
pub(super) fn of(service: &Definition<'_>, chain: &[&ReleaseState]) -> OldImages {
    let facts = service.facts;
    let mut found = OldImages::default();
    for (part, resolved) in service.parts() {
        let Some(reference) = &resolved.image else {
            if resolved.build {
                found.builds.push(part.clone());
            }
            continue;
        };
        let kept = chain.iter().find_map(|state| {
            let tag = keep_reference(&facts.host.root, &state.ticket, state.cycle, service.name(), part);
            local_image(facts, &tag).is_some().then_some(tag)
        });
        if let Some(kept) = kept {
            if local_image(facts, &kept) != local_image(facts, reference) {
                found.tags.push(engine(facts).tag(&kept, reference));
            }
        } else if resolved.build {
            if local_image(facts, reference).is_none() {
                found.builds.push(part.clone());
            }
        } else if local_image(facts, reference).is_none() {
            let is_offered =
                facts.runtime.pullable.iter().any(|known| canonical(known) == canonical(reference));
            let list = if is_offered { &mut found.pulls } else { &mut found.missing };
            list.push(reference.clone());
        }
    }
    found
}

/// Releases whose kept images hold what ran before this one, the oldest first: those that it took over, then itself.
pub(super) fn chain<'a>(facts: &'a Facts, state: &'a ReleaseState) -> Vec<&'a ReleaseState> {
    let mut chain = vec![state];
    let mut newest: &TicketId = &state.ticket;
    loop {
        let prefix = format!("{newest}@");
        let taken_over = facts.releases.iter().find(|other| {
            let is_by_it = other.superseded_by.as_ref().is_some_and(|by| by.starts_with(&prefix));
            is_by_it && !chain.iter().any(|known| known.ticket == other.ticket)
        });
        let Some(other) = taken_over else { break };
        chain.push(other);
        newest = &other.ticket;
    }
    chain.reverse();
    chain
}

/// Pulls what is not here any more, before anything is stopped.
pub(super) fn pull(service: &Definition<'_>, references: &[String]) -> Option<Step> {
    if references.is_empty() {
        return None;
    }
    let engine = engine(service.facts);
    let list = references.iter().map(|reference| engine.pull(reference)).collect();
    let name = named(["revert", service.name().as_str(), "pull"]);
    let title = format!("pull {}", references.join(" "));
    Some(Step {
        service: Some(service.name().clone()),
        timeout: Some(service.settings.run.timeout),
        ..step(name, Phase::Revert, title, commands(list))
    })
}
