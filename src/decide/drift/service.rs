//! One service: whether it runs, from which images, from which configuration, in which containers.

use std::collections::{BTreeMap, BTreeSet};

use super::head::ways_on;
use crate::decide::commands::compose::Call;
use crate::decide::commands::own::Own;
use crate::decide::site::canonical;
use crate::model::drift::{DriftCode, DriftRow, DriftSeen};
use crate::model::facts::{ComposeFlavour, ContainerState, RunState, ServiceState};
use crate::model::gather::Gather;
use crate::model::spec::{DriverSpec, ServiceSpec};

pub(super) fn rows(seen: &DriftSeen, spec: &ServiceSpec) -> Vec<DriftRow> {
    let unseen = ServiceState::default();
    let one = One { seen, spec, state: seen.services.get(&spec.name).unwrap_or(&unseen) };
    if one.state.run == RunState::Unknown {
        let why = one.state.trouble.clone().unwrap_or_else(|| "it could not be seen".to_owned());
        let look = vec![format!("holdpoint status {}", spec.name), "holdpoint doctor".to_owned()];
        return vec![one.row(DriftCode::Unseen, None, Some(why), look)];
    }
    let mut rows: Vec<DriftRow> = one.down().into_iter().collect();
    rows.extend(one.images());
    rows.extend(one.containers());
    rows.extend(one.configurations());
    rows
}

/// A command of the container engine, as it is typed.
pub(super) fn engine_line(seen: &DriftSeen, words: &[&str]) -> String {
    let engine = seen.runtime.engine.as_deref().unwrap_or("docker");
    line(std::iter::once(engine).chain(words.iter().copied()))
}

fn line<'w>(words: impl IntoIterator<Item = &'w str>) -> String {
    shlex::try_join(words).unwrap_or_default()
}

/// A service with what is meant of it and what runs.
struct One<'a> {
    seen: &'a DriftSeen,
    spec: &'a ServiceSpec,
    state: &'a ServiceState,
}

impl One<'_> {
    fn row(
        &self,
        code: DriftCode,
        intended: Option<String>,
        running: Option<String>,
        clears: Vec<String>,
    ) -> DriftRow {
        DriftRow { code, service: Some(self.spec.name.clone()), intended, running, clears }
    }

    fn parts(&self) -> Option<&BTreeMap<String, crate::model::facts::ComposePart>> {
        self.seen.compose.get(&self.spec.name).map(|resolved| &resolved.parts)
    }

    /// What makes it what it is meant to be: the release that touches it goes on; else its own recreate or start.
    fn clears(&self) -> Vec<String> {
        let unfinished = self.seen.head.unfinished.as_ref();
        if let Some(state) = unfinished.filter(|state| state.services.contains(&self.spec.name)) {
            return ways_on(self.seen, state);
        }
        let root = &self.seen.root;
        let command = match (&self.spec.driver, &self.seen.runtime.compose) {
            (DriverSpec::Compose(spec), Some(compose)) => {
                let parts = self.parts().into_iter().flat_map(BTreeMap::keys).map(String::as_str);
                Call { compose, spec, root }.recreate(parts)
            }
            (DriverSpec::Compose(_), None) => return vec!["holdpoint doctor".to_owned()],
            (DriverSpec::Command(own), _) => {
                let again = own.recreate.as_ref().unwrap_or(&own.start);
                Own { root, settings: &self.seen.settings }.program(again)
            }
        };
        vec![line(command.argv.iter().map(String::as_str))]
    }

    /// The same for another image or configuration: where the records let it be deployed again, that comes first.
    fn clears_difference(&self) -> Vec<String> {
        let head = &self.seen.head;
        let on_branch = head.branch.as_deref() == Some(self.seen.settings.git.branch.as_str());
        let is_settled = head.is_proven && head.dirty.is_empty() && head.unfinished.is_none() && on_branch;
        let again = is_settled && self.seen.redeployed.contains(&self.spec.name);
        let again = again.then(|| format!("holdpoint redeploy --service {}", self.spec.name));
        again.into_iter().chain(self.clears()).collect()
    }

    fn down(&self) -> Option<DriftRow> {
        let word = match self.state.run {
            RunState::Running | RunState::Unknown => return None,
            RunState::Partly => "partly",
            RunState::Stopped => "stopped",
            RunState::Absent => "absent",
        };
        let running = Some(word.to_owned());
        Some(self.row(DriftCode::ServiceDown, Some("running".to_owned()), running, self.clears()))
    }

    fn images(&self) -> Vec<DriftRow> {
        let differs = |wanted: &str, got: Option<String>| {
            self.row(DriftCode::ImageDiffers, Some(wanted.to_owned()), got, self.clears_difference())
        };
        if let DriverSpec::Command(own) = &self.spec.driver {
            let wanted = self.spec.image.as_ref().filter(|_| own.image.is_some());
            // Of what does not run and says nothing, only that is told.
            let is_silent = self.state.image.is_none() && self.state.run != RunState::Running;
            let other = wanted.filter(|wanted| !is_silent && self.state.image.as_ref() != Some(wanted));
            return other.map(|wanted| differs(wanted, self.state.image.clone())).into_iter().collect();
        }
        let Some(parts) = self.parts() else { return Vec::new() };
        let mut rows = Vec::new();
        for (name, part) in parts {
            // The configuration's own word counts where the service is a single container.
            let own = self.spec.image.as_ref().filter(|_| parts.len() == 1);
            let Some(wanted) = own.or(part.image.as_ref()) else { continue };
            for container in self.state.containers.iter().filter(|container| container.part == *name) {
                if canonical(&container.image) != canonical(wanted) {
                    rows.push(differs(wanted, Some(container.image.clone())));
                } else if let Some(id) = self.moved(container, wanted) {
                    let shown = |id: &str| format!("{wanted} ({})", short(id));
                    let (wanted, got) = (shown(id), shown(&container.image_id));
                    rows.push(self.row(
                        DriftCode::ImageMoved,
                        Some(wanted),
                        Some(got),
                        self.clears_difference(),
                    ));
                }
            }
        }
        rows
    }

    /// The id that the wanted reference has on this host, where the container was made from another one.
    fn moved(&self, container: &ContainerState, wanted: &str) -> Option<&str> {
        let id = self.seen.runtime.images.get(wanted)?;
        (!container.image_id.is_empty() && *id != container.image_id).then_some(id.as_str())
    }

    fn containers(&self) -> Vec<DriftRow> {
        let remove = |name: &str| vec![engine_line(self.seen, &["rm", "--force", name])];
        let mut rows: Vec<DriftRow> = Vec::new();
        for name in &self.state.leftover {
            rows.push(self.row(DriftCode::ContainerLeftover, None, Some(name.clone()), remove(name)));
        }
        let Some(resolved) = self.seen.compose.get(&self.spec.name) else { return rows };
        let there: BTreeSet<&str> = self.state.containers.iter().map(|c| c.part.as_str()).gather();
        let missing = resolved.parts.keys().filter(|part| !there.contains(part.as_str()));
        for part in missing.filter(|_| self.state.run != RunState::Absent) {
            rows.push(self.row(DriftCode::ContainerMissing, Some(part.clone()), None, self.clears()));
        }
        for container in &self.state.containers {
            let is_ours =
                container.project == resolved.project && resolved.parts.contains_key(&container.part);
            let is_named = match &self.spec.driver {
                DriverSpec::Compose(spec) => spec.containers.contains(&container.name),
                DriverSpec::Command(_) => true,
            };
            if !is_ours && !is_named {
                let what = format!("{} (project {})", container.name, container.project);
                rows.push(self.row(DriftCode::ContainerExtra, None, Some(what), remove(&container.name)));
            }
        }
        rows
    }

    fn configurations(&self) -> Vec<DriftRow> {
        let Some(labels) = self.seen.labels.get(&self.spec.name) else { return Vec::new() };
        let flavour = self.seen.runtime.compose.as_ref().map(|compose| compose.flavour);
        let other = |container: &&ContainerState| {
            // The first generation counts the image's id in: that row stands already.
            if flavour == Some(ComposeFlavour::V1) && self.moved(container, &container.image).is_some() {
                return false;
            }
            let known = labels.get(&container.part).filter(|_| !container.config_hash.is_empty());
            known.is_some_and(|wanted| *wanted != container.config_hash)
        };
        let row = |container: &ContainerState| {
            let wanted =
                labels.get(&container.part).map(|hash| format!("{} {}", container.part, short(hash)));
            let got = format!("{} {}", container.name, short(&container.config_hash));
            self.row(DriftCode::ConfigDiffers, wanted, Some(got), self.clears_difference())
        };
        self.state.containers.iter().filter(other).map(row).collect()
    }
}

fn short(id: &str) -> String {
    id.trim_start_matches("sha256:").chars().take(12).collect()
}
