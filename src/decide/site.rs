//! Reads facts from one side of a release: how a service is defined at BASE or at the target, and what runs of it now.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use super::commands::compose::Call;
use super::commands::engine::Engine;
use super::commands::own::Own;
use crate::model::facts::{
    Compose, ComposeFlavour, ComposePart, ContainerState, Facts, ResolvedService, RunState, ServiceState,
};
use crate::model::gather::Gather;
use crate::model::id::{Oid, ServiceName};
use crate::model::settings::Settings;
use crate::model::spec::{ComposeSpec, DriverSpec, ServiceSpec};

/// Which commit's configuration rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// Before the release.
    Base,
    /// After the release.
    Target,
}

/// A service as one commit defines it.
#[derive(Clone, Copy)]
pub(super) struct Definition<'a> {
    pub(super) facts: &'a Facts,
    pub(super) settings: &'a Settings,
    pub(super) spec: &'a ServiceSpec,
    pub(super) resolved: Option<&'a ResolvedService>,
}

/// What is called when no compose was found: only ever shown, the blocker `tools` stands before it.
static USUAL_COMPOSE: LazyLock<Compose> = LazyLock::new(|| Compose {
    command: vec!["docker".to_owned(), "compose".to_owned()],
    flavour: ComposeFlavour::V2,
    version: String::new(),
});

/// The definition of a service on one side, where there is one.
pub(super) fn define<'a>(facts: &'a Facts, side: Side, name: &ServiceName) -> Option<Definition<'a>> {
    let (settings, compose) = match side {
        Side::Base => (&facts.base_settings, &facts.base_compose),
        Side::Target => (&facts.target_settings, &facts.target_compose),
    };
    let spec = settings.services.get(name)?;
    Some(Definition { facts, settings, spec, resolved: compose.get(name) })
}

/// The definition at the target, else at BASE.
pub(super) fn define_newest<'a>(facts: &'a Facts, name: &ServiceName) -> Option<Definition<'a>> {
    define(facts, Side::Target, name).or_else(|| define(facts, Side::Base, name))
}

/// The host's own programs.
pub(super) fn own<'a>(facts: &'a Facts, settings: &'a Settings) -> Own<'a> {
    Own { root: &facts.host.root, settings }
}

/// The container engine.
pub(super) fn engine(facts: &Facts) -> Engine<'_> {
    Engine { program: facts.runtime.engine.as_deref().unwrap_or("docker"), root: &facts.host.root }
}

impl<'a> Definition<'a> {
    pub(super) fn name(&self) -> &'a ServiceName {
        &self.spec.name
    }

    /// Its compose slice, where compose runs it.
    pub(super) fn compose(&self) -> Option<&'a ComposeSpec> {
        match &self.spec.driver {
            DriverSpec::Compose(spec) => Some(spec),
            DriverSpec::Command(_) => None,
        }
    }

    /// Compose, called for it.
    pub(super) fn call(&self) -> Option<Call<'a>> {
        let compose = self.facts.runtime.compose.as_ref().unwrap_or_else(|| &USUAL_COMPOSE);
        Some(Call { compose, spec: self.compose()?, root: &self.facts.host.root })
    }

    pub(super) fn own(&self) -> Own<'a> {
        own(self.facts, self.settings)
    }

    /// Names of the compose services that make it up.
    pub(super) fn part_names(&self) -> Vec<&'a str> {
        let Some(spec) = self.compose() else { return Vec::new() };
        match self.resolved {
            Some(resolved) if !resolved.parts.is_empty() => {
                resolved.parts.keys().map(String::as_str).collect()
            }
            _ if spec.services.is_empty() => vec![self.spec.name.as_str()],
            _ => spec.services.iter().map(String::as_str).filter(|name| *name != "*").collect(),
        }
    }

    /// Its compose services, as compose resolved them.
    pub(super) fn parts(&self) -> impl Iterator<Item = (&'a String, &'a ComposePart)> + use<'a> {
        self.resolved.into_iter().flat_map(|resolved| &resolved.parts)
    }

    /// Wanted image of each compose service; of a service without containers, under its own name.
    pub(super) fn images(&self) -> BTreeMap<String, String> {
        match &self.spec.driver {
            DriverSpec::Compose(_) => {
                let of_part =
                    |(name, part): (&String, &ComposePart)| Some((name.clone(), part.image.clone()?));
                let images: BTreeMap<String, String> = self.parts().filter_map(of_part).gather();
                match &self.spec.image {
                    // The configuration's own word counts where the service is a single container.
                    Some(intended) if images.len() == 1 => {
                        images.into_keys().map(|part| (part, intended.clone())).gather()
                    }
                    _ => images,
                }
            }
            DriverSpec::Command(commands) => {
                let intended = self.spec.image.clone().filter(|_| commands.image.is_some());
                intended.into_iter().map(|image| (self.spec.name.to_string(), image)).gather()
            }
        }
    }

    /// One line for a person: what is meant to run.
    pub(super) fn image_line(&self) -> Option<String> {
        let images: BTreeSet<String> = match &self.spec.driver {
            DriverSpec::Compose(_) => self.images().into_values().gather(),
            DriverSpec::Command(_) => self.spec.image.iter().cloned().gather(),
        };
        (!images.is_empty()).then(|| images.into_iter().collect::<Vec<_>>().join(" "))
    }

    /// What the containers' own labels say once they are made from this configuration, where that can be known.
    pub(super) fn label_hashes(&self) -> BTreeMap<String, String> {
        self.parts().filter_map(|(name, part)| Some((name.clone(), part.label_hash.clone()?))).gather()
    }

    /// Configuration hash of each of its compose services.
    pub(super) fn config_hashes(&self) -> BTreeMap<String, String> {
        let known = self.parts().filter(|(_, part)| !part.config_hash.is_empty());
        known.map(|(name, part)| (name.clone(), part.config_hash.clone())).gather()
    }

    /// What runs of it.
    pub(super) fn state(&self) -> Option<&'a ServiceState> {
        self.facts.services.get(&self.spec.name)
    }

    /// Its containers.
    pub(super) fn containers(&self) -> &'a [ContainerState] {
        self.state().map_or(&[], |state| &state.containers)
    }

    /// Whether anything of it is up.
    pub(super) fn is_up(&self) -> bool {
        self.state().is_none_or(|state| !matches!(state.run, RunState::Stopped | RunState::Absent))
    }
}

/// Image that runs of a service, in one line.
pub(super) fn running_image(state: &ServiceState) -> Option<String> {
    let images: BTreeSet<&str> = state.containers.iter().map(|container| container.image.as_str()).gather();
    if images.is_empty() {
        return state.image.clone();
    }
    Some(images.into_iter().collect::<Vec<_>>().join(" "))
}

/// Whether anything of a service is up, as observed.
pub(super) fn is_up(facts: &Facts, name: &ServiceName) -> bool {
    facts.services.get(name).is_some_and(|state| !matches!(state.run, RunState::Stopped | RunState::Absent))
}

/// Whether two commits hold the same content, as far as their trees are known.
pub(super) fn same_content(facts: &Facts, one: &Oid, other: &Oid) -> bool {
    let tree = |oid| facts.git.trees.get(oid);
    one == other || tree(one).is_some_and(|known| tree(other) == Some(known))
}

/// `name:latest` for `docker.io/library/name`: the form in which two references to one image are equal.
pub(super) fn canonical(reference: &str) -> String {
    let short = ["docker.io/library/", "docker.io/", "localhost/"]
        .iter()
        .find_map(|prefix| reference.strip_prefix(prefix))
        .unwrap_or(reference);
    let last = short.rsplit('/').next().unwrap_or(short);
    if last.contains(':') || last.contains('@') { short.to_owned() } else { format!("{short}:latest") }
}

/// The local image id behind a reference, where that image is on this host.
pub(super) fn local_image<'a>(facts: &'a Facts, reference: &str) -> Option<&'a str> {
    let images = &facts.runtime.images;
    let wanted = canonical(reference);
    let found = images
        .get(reference)
        .or_else(|| images.iter().find(|(known, _)| canonical(known) == wanted).map(|(_, id)| id));
    found.map(String::as_str)
}
