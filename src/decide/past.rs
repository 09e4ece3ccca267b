//! What a resume may count as done, and what it must ask a person about.

use std::collections::BTreeMap;

use super::site::{Definition, canonical, local_image};
use crate::model::facts::{ComposeFlavour, ContainerState, Facts, RunState, StepEnd, StepRecord};
use crate::model::id::StepName;
use crate::model::phase::Phase;
use crate::model::plan::Step;
use crate::model::spec::DriverSpec;

/// The steps recorded in this cycle, as far as they count for what is planned now.
#[derive(Clone, Copy, Default)]
pub(super) struct Past<'a> {
    steps: Option<&'a BTreeMap<StepName, StepRecord>>,
    /// Only records of this phase count.
    only: Option<Phase>,
}

impl<'a> Past<'a> {
    /// The records of the ticket's cycle.
    pub(super) fn of(facts: &'a Facts) -> Self {
        Self { steps: facts.history.as_ref().map(|history| &history.steps), only: None }
    }

    /// Nothing counts: a cycle begins.
    pub(super) const fn forgotten() -> Self {
        Self { steps: None, only: None }
    }

    /// The records of one phase alone.
    pub(super) const fn within(self, phase: Phase) -> Self {
        Self { only: Some(phase), ..self }
    }

    /// Whether anything counts at all.
    pub(super) const fn is_known(self) -> bool {
        self.steps.is_some()
    }

    /// Steps whose end is unknown.
    pub(super) fn open(self) -> impl Iterator<Item = (&'a StepName, &'a StepRecord)> + use<'a> {
        let all = self.steps.into_iter().flatten();
        let counts = move |record: &StepRecord| self.only.is_none_or(|phase| record.phase == phase);
        all.filter(move |(_, record)| {
            matches!(record.end, StepEnd::Open | StepEnd::Undecided) && counts(record)
        })
    }

    pub(super) fn record(self, name: &StepName) -> Option<&'a StepRecord> {
        self.steps?.get(name).filter(|record| self.only.is_none_or(|phase| record.phase == phase))
    }

    /// Whether a step of this name ended well, whatever it was told to do.
    pub(super) fn has_ended_well(self, name: &StepName) -> bool {
        self.record(name).is_some_and(|record| matches!(record.end, StepEnd::Done | StepEnd::MarkedDone))
    }

    /// Whether the step ended well and would do the same today. What a person marked as done is taken at their word.
    pub(super) fn is_done(self, step: &Step) -> bool {
        self.record(&step.name).is_some_and(|record| match record.end {
            StepEnd::MarkedDone => true,
            StepEnd::Done => record.inputs.as_deref() == Some(step.inputs().as_str()),
            _ => false,
        })
    }

    /// The same for a ticket script: its content decides, its environment may have changed.
    pub(super) fn has_run(self, step: &Step) -> bool {
        self.record(&step.name).is_some_and(|record| match record.end {
            StepEnd::MarkedDone => true,
            StepEnd::Done => {
                let content = step.script.as_ref().map(|script| script.sha256.as_str());
                record.script.is_some() && record.script.as_deref() == content
            }
            _ => false,
        })
    }
}

/// Whether what runs of a service is what its definition wants: what a finished recreate left is still there.
pub(super) fn result_holds(service: &Definition<'_>) -> bool {
    let Some(state) = service.state() else { return false };
    match &service.spec.driver {
        DriverSpec::Command(_) => {
            let images = service.images();
            state.run == RunState::Running
                && images.values().all(|wanted| state.image.as_ref() == Some(wanted))
        }
        DriverSpec::Compose(_) => {
            let wanted = service.images();
            let labels = service.label_hashes();
            let parts = service.part_names();
            !parts.is_empty()
                && parts.iter().all(|part| {
                    let mut containers = state.containers.iter().filter(|c| c.part == *part).peekable();
                    containers.peek().is_some()
                        && containers.all(|container| {
                            is_alive(container)
                                && wanted.get(*part).is_none_or(|image| runs(service.facts, container, image))
                                && labels.get(*part).is_none_or(|hash| *hash == container.config_hash)
                        })
                })
        }
    }
}

/// It runs, or was a one-shot container that has done its work.
fn is_alive(container: &ContainerState) -> bool {
    container.state == "running" || container.state == "exited" && container.exit_code == Some(0)
}

fn runs(facts: &Facts, container: &ContainerState, image: &str) -> bool {
    match local_image(facts, image) {
        Some(id) if !container.image_id.is_empty() => container.image_id == id,
        _ => canonical(&container.image) == canonical(image),
    }
}

/// Compose services whose containers can be compared with their configuration once the tree has moved, with the hash they
/// are planned with; podman-compose prints no hash to compare with.
pub(super) fn comparable_hashes(service: &Definition<'_>) -> BTreeMap<String, String> {
    let flavour = service.facts.runtime.compose.as_ref().map(|compose| compose.flavour);
    if flavour == Some(ComposeFlavour::Podman) { BTreeMap::new() } else { service.config_hashes() }
}
