//! Everything a judgement may look at.

use chrono::{DateTime, Utc};

use crate::decide::typed::Typed;
use crate::model::diagnosis::{Boundary, HaltSeen};
use crate::model::drift::{DriftCode, DriftView};
use crate::model::evidence::{FailureSeen, SurfaceSeen};
use crate::model::facts::RunState;
use crate::model::id::{ServiceName, StepName};
use crate::model::phase::Phase;
use crate::model::plan::Plan;
use crate::model::readiness::Readiness;
use crate::model::reason::Blocker;
use crate::model::release::ReleaseState;
use crate::model::settings::Settings;
use crate::model::view::StatusRow;

/// Everything a judgement may look at.
#[derive(Debug, Clone, Copy)]
pub struct DiagnosisSeen<'a> {
    /// When it is judged.
    pub now: DateTime<Utc>,
    /// The release, its status read together with the lock.
    pub state: &'a ReleaseState,
    /// How it halted.
    pub halt: Option<&'a HaltSeen>,
    /// What failed.
    pub failures: &'a [FailureSeen],
    /// How far it got.
    pub boundary: &'a Boundary,
    /// What runs, asked again.
    pub posture: &'a [StatusRow],
    /// Health surfaces, asked again.
    pub surfaces: &'a [SurfaceSeen],
    /// Intended against running.
    pub drift: &'a DriftView,
    /// The attempt that was released after it and stands on top of it.
    pub on_top: Option<&'a str>,
    /// What stands against going on from there now.
    pub against: &'a [Blocker],
    /// What was planned, where that can still be read.
    pub plan: Option<&'a Plan>,
    /// What each verb would say now; none: that could not be seen.
    pub ways: Option<&'a Readiness>,
    /// The release's scripts have changed something already: one ended well, or part of one did.
    pub scripts_ran: bool,
    /// What the failing step printed, as a file.
    pub transcript: Option<&'a str>,
    /// The configuration.
    pub settings: &'a Settings,
    /// Whether `just release-run …` exists here.
    pub just_recipes: bool,
}

impl DiagnosisSeen<'_> {
    pub(super) fn typed(&self) -> Typed {
        Typed::with(self.just_recipes)
    }

    /// The step that stopped.
    pub(super) fn step(&self) -> Option<&StepName> {
        self.state.failed_step.as_ref().or_else(|| self.halt?.step.as_ref())
    }

    /// The service that the failing step belongs to.
    pub(super) fn service(&self) -> Option<&ServiceName> {
        let step = self.step()?.as_str();
        let belongs = |service: &&ServiceName| step.split('.').any(|word| word == service.as_str());
        self.state.services.iter().find(belongs).or_else(|| self.settings.services.keys().find(belongs))
    }

    /// All that was said of the failure, in lower case.
    pub(super) fn text(&self) -> String {
        let mut text = self.halt.and_then(|halt| halt.msg.clone()).unwrap_or_default();
        for failure in self.failures {
            for line in std::iter::once(&failure.summary).chain(&failure.causes).chain(&failure.output) {
                text.push('\n');
                text.push_str(line);
            }
        }
        text.to_lowercase()
    }

    /// What is not well now, of what the release touches; of everything where it touches nothing.
    pub(super) fn unwell(&self) -> Vec<String> {
        let touched =
            |row: &&StatusRow| self.state.services.is_empty() || self.state.services.contains(&row.service);
        let rows = self.posture.iter().filter(touched);
        let services = rows.filter(|row| !row.well || row.run != RunState::Running);
        let surfaces = self.surfaces.iter().filter(|surface| !surface.well);
        services
            .map(|row| row.service.to_string())
            .chain(surfaces.map(|surface| format!("surface {}", surface.name)))
            .collect()
    }

    /// The release's data is past its first change: a script before the failed one ended well, or part of it did.
    pub(super) fn is_past_first_change(&self) -> bool {
        self.scripts_ran && self.state.phase == Phase::Ticket
    }

    /// Whether an older version may find data that it does not understand: a script began, or the data of a service that it
    /// touches has no version that could be compared.
    pub(super) fn may_have_changed_data(&self) -> bool {
        let ways = self.ways.map(|ways| ways.rollback.candidates.as_slice()).unwrap_or_default();
        let best = ways.iter().find(|row| row.rollback_ready);
        self.scripts_ran
            || self.state.phase == Phase::Ticket
            || best.is_some_and(|row| !row.warnings.is_empty())
    }

    /// The command that goes on from where it stopped; where the replacement did not take, from there.
    pub(super) fn go_on(&self) -> String {
        let ticket = &self.state.ticket;
        if self.state.phase <= Phase::Prepare || self.state.merge.is_none() {
            return self.typed().run(ticket, "");
        }
        if self.state.phase > Phase::Migrate && self.is_drifted() {
            return self.typed().run(ticket, "--from=migrate");
        }
        self.typed().run(ticket, &format!("--from={}", self.state.phase))
    }

    /// The release brings another image of the service whose step failed.
    pub(super) fn brings_its_image(&self) -> bool {
        let planned = self.plan.into_iter().flat_map(|plan| &plan.services);
        let mut of_it = planned.filter(|planned| Some(&planned.name) == self.service());
        of_it.any(|planned| planned.image_before != planned.image_after)
    }

    /// Another image or configuration runs than is configured, of what the release touches.
    pub(super) fn is_drifted(&self) -> bool {
        self.has_rows(&[DriftCode::ImageDiffers, DriftCode::ImageMoved, DriftCode::ConfigDiffers])
    }

    /// The same, or something of it does not run at all.
    pub(super) fn is_off(&self) -> bool {
        self.is_drifted() || self.has_rows(&[DriftCode::ServiceDown, DriftCode::ContainerMissing])
    }

    fn has_rows(&self, codes: &[DriftCode]) -> bool {
        let touched = |name: &Option<ServiceName>| {
            name.as_ref()
                .is_none_or(|name| self.state.services.is_empty() || self.state.services.contains(name))
        };
        self.drift.rows.iter().any(|row| codes.contains(&row.code) && touched(&row.service))
    }

    /// Whether a failed check said this of a service.
    pub(super) fn has_cause(&self, mark: &str) -> bool {
        self.failures.iter().flat_map(|failure| &failure.causes).any(|cause| cause.contains(mark))
    }

    /// Everything that failed was asked again and is well. Ways in from outside are not asked again: only verify does.
    pub(super) fn is_well_again(&self, unwell: &[String]) -> bool {
        unwell.is_empty() && !self.is_drifted() && !self.has_cause(".access:") && !self.has_cause(".domain:")
    }
}

/// The first of a blocker's ways out that can be typed; where none can, its first sentence.
pub(super) fn typeable(blocker: &Blocker) -> Option<&String> {
    const PROGRAMS: [&str; 6] = ["holdpoint ", "just ", "git ", "docker ", "podman ", "df "];
    let is_command = |way: &&String| PROGRAMS.iter().any(|program| way.trim_start().starts_with(program));
    blocker.ways_out.iter().find(is_command).or_else(|| blocker.ways_out.first())
}
