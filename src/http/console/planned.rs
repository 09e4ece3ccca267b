//! What would be done, as a page shows it before it is confirmed: a plan phase by phase, or what stands against it.

use chrono::{DateTime, Utc};

use crate::model::plan::Plan;
use crate::model::reason::Blocker;
use crate::model::view::Decision;
use crate::report::human::plan::does;
use crate::report::text::duration;

/// What would be done, or what stands against it.
pub(super) enum Shown {
    Plan(Box<Planned>),
    Sentence(String),
    Nothing(String),
    Refused(Vec<Blocker>, Vec<String>),
    /// Something has to be chosen first.
    Choose,
}

impl Shown {
    /// Of the same decision as a dry run's.
    pub(super) fn of(decision: Decision, now: DateTime<Utc>) -> Self {
        match decision {
            Decision::Plan { plan } => Shown::Plan(Box::new(Planned::of(*plan, now))),
            Decision::Nothing { fact } => Shown::Nothing(fact),
            Decision::Refused(refused) => Shown::Refused(refused.blockers, refused.notes),
        }
    }

    /// The id of the plan; empty where there is none.
    pub(super) fn plan_id(&self) -> &str {
        if let Shown::Plan(planned) = self { &planned.plan.id } else { "" }
    }
}

/// A plan, in the order in which it is carried out.
pub(super) struct Planned {
    pub(super) plan: Plan,
    pub(super) phases: Vec<(&'static str, Vec<PlannedStep>)>,
    pub(super) window: Option<String>,
}

pub(super) struct PlannedStep {
    pub(super) name: String,
    pub(super) title: String,
    pub(super) is_done: bool,
    pub(super) changes: bool,
    pub(super) lines: Vec<String>,
}

impl Planned {
    fn of(plan: Plan, now: DateTime<Utc>) -> Self {
        let mut phases: Vec<(&'static str, Vec<PlannedStep>)> = Vec::new();
        for step in &plan.steps {
            let planned = PlannedStep {
                name: step.name.to_string(),
                title: step.title.clone(),
                is_done: step.already_done,
                changes: step.changes,
                lines: does(&step.action, now),
            };
            match phases.last_mut().filter(|(phase, _)| *phase == step.phase.word()) {
                Some((_, steps)) => steps.push(planned),
                None => phases.push((step.phase.word(), vec![planned])),
            }
        }
        let window = plan.write_window_seconds.map(|seconds| duration(seconds.saturating_mul(1_000)));
        Self { plan, phases, window }
    }

    pub(super) fn changes(&self) -> usize {
        self.plan.steps.iter().filter(|step| step.changes && !step.already_done).count()
    }
}
