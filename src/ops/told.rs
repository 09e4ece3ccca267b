//! What the person said beside the ticket: flags, the reason, marks on steps. It stands in the audit log (design/01).

use crate::model::event::{EventDraft, EventKind};
use crate::model::facts::{Facts, StepRecord};
use crate::model::id::StepName;
use crate::model::projection::field;
use crate::model::request::{RevertRequest, RunRequest};

use super::facts::environment_digest;

/// What the person said.
#[derive(Debug, Default)]
pub(super) struct Told {
    flags: Vec<String>,
    reason: Option<String>,
    marks: Vec<EventDraft>,
    /// Names in the environment files whose values are not those of the attempt's snapshot.
    changed_names: Vec<String>,
    /// Digest of the environment that it goes on with.
    environment: Option<String>,
    /// The second operator who agreed (`[recovery] owner_approval`).
    approved_by: Option<String>,
    /// Who agreed by what the person says.
    said_approved_by: Option<String>,
}

impl Told {
    /// With `run`.
    pub(super) fn with_run(request: &RunRequest, facts: &Facts) -> Self {
        Self {
            flags: request.audited(),
            reason: request.reason.clone(),
            marks: marks(
                request.mark_done.as_ref(),
                request.run_again.as_ref(),
                request.reason.as_deref(),
                facts,
            ),
            changed_names: if request.from.is_some() { changed_names(facts) } else { Vec::new() },
            environment: request.from.is_some().then(|| environment_digest(&facts.environment)),
            approved_by: None,
            said_approved_by: request.approved_by.clone(),
        }
    }

    /// With `revert`.
    pub(super) fn with_revert(request: &RevertRequest, facts: &Facts) -> Self {
        Self {
            flags: request.audited(),
            reason: request.reason.clone(),
            marks: marks(
                request.mark_done.as_ref(),
                request.run_again.as_ref(),
                request.reason.as_deref(),
                facts,
            ),
            changed_names: Vec::new(),
            environment: None,
            approved_by: None,
            said_approved_by: request.approved_by.clone(),
        }
    }

    /// Beside a verb that belongs to no ticket.
    pub(super) fn aside(flags: Vec<String>, reason: Option<&str>) -> Self {
        Self { flags, reason: reason.map(str::to_owned), ..Self::default() }
    }

    /// With the second operator who agreed to it.
    pub(super) fn agreed_by(self, operator: Option<String>) -> Self {
        Self { approved_by: operator, ..self }
    }

    /// The marks, as records of their own.
    pub(super) fn marks(&self) -> impl Iterator<Item = EventDraft> + '_ {
        self.marks.iter().cloned()
    }

    /// The record that begins or resumes an attempt, with what was said.
    pub(super) fn in_record(&self, mut draft: EventDraft) -> EventDraft {
        if !self.flags.is_empty() {
            draft = draft.detail("flags", self.flags.join(" "));
        }
        if !self.changed_names.is_empty() {
            draft = draft.detail(field::CHANGED_ENV, self.changed_names.join(" "));
        }
        if let Some(digest) = &self.environment {
            draft = draft.detail(field::ENVIRONMENT, digest);
        }
        if let Some(operator) = &self.approved_by {
            draft = draft.detail(field::APPROVED_BY, operator);
        }
        if let Some(name) = &self.said_approved_by {
            draft = draft.detail(field::SAID_APPROVED_BY, name);
        }
        match &self.reason {
            Some(reason) => draft.msg(reason),
            None => draft,
        }
    }
}

/// `marked-done` and `run-again`, for steps whose end is unknown.
pub(super) fn marks(
    done: Option<&StepName>,
    again: Option<&StepName>,
    reason: Option<&str>,
    facts: &Facts,
) -> Vec<EventDraft> {
    let steps = facts.history.as_ref().map(|history| &history.steps);
    let phase =
        |step: &StepName| steps.and_then(|steps| steps.get(step)).map(|record: &StepRecord| record.phase);
    let mark = |kind: EventKind, step: &StepName| {
        let draft = EventDraft::new(kind).step(step.clone());
        let draft = EventDraft { phase: phase(step), ..draft };
        match reason {
            Some(reason) => draft.msg(reason),
            None => draft,
        }
    };
    let done = done.map(|step| mark(EventKind::MarkedDone, step));
    let again = again.map(|step| mark(EventKind::RunAgain, step));
    done.into_iter().chain(again).collect()
}

/// Names whose values changed, came or went since the attempt's snapshot; the values are never shown.
fn changed_names(facts: &Facts) -> Vec<String> {
    let Some(snapshot) = facts.history.as_ref().and_then(|history| history.snapshot.as_ref()) else {
        return Vec::new();
    };
    let (then, now) = (&snapshot.environment, &facts.environment);
    let changed = now.iter().filter(|(name, hash)| then.get(*name) != Some(*hash)).map(|(name, _)| name);
    let gone = then.keys().filter(|name| !now.contains_key(*name));
    changed.chain(gone).cloned().collect()
}
