//! Walks the phases of a plan and alone records what happens.

use crate::model::event::{EventDraft, EventKind};
use crate::model::id::StepName;
use crate::model::phase::Phase;
use crate::model::plan::{Plan, PlanVerb, Step};
use crate::model::projection::field;
use crate::model::release::Transition;
use crate::store::Durability;
use crate::sys::signal::Signal;

use super::actions;
use super::context::Context;
use super::failure::{EngineError, Failure};
use super::recorder::Recorder;
use super::schedule::{PhaseEnd, run_steps};

/// How a run ended.
#[derive(Debug)]
pub enum RunEnd {
    /// Every step is done: the release succeeded, or was taken back.
    Done,
    /// A hold point is reached before this phase.
    Held(Phase),
    /// A step failed; the release is halted.
    Halted(Halt),
    /// Somebody canceled it from another terminal; what ran has ended in order.
    Canceled(Phase),
    /// A signal stopped it.
    Interrupted {
        /// Phase it was in.
        phase: Phase,
        /// Which signal.
        signal: Signal,
    },
}

/// What halted a release.
#[derive(Debug)]
pub struct Halt {
    /// Phase it halted in.
    pub phase: Phase,
    /// Steps that failed, in the order they ended.
    pub failures: Vec<(StepName, Failure)>,
}

impl Halt {
    /// Exit status of the first failure.
    pub fn rc(&self) -> i32 {
        self.failures.first().map_or(1, |(_, failure)| failure.rc)
    }

    /// Whether the end of a step is not known: that weighs more than any failure beside it.
    pub fn is_undecided(&self) -> bool {
        self.failures.iter().any(|(_, failure)| failure.is_lost())
    }
}

/// Carries a plan out. The attempt must already be `running` (or `reverting`) in the recorder's state.
///
/// # Errors
/// [`EngineError`] when what happened could not be recorded: nothing after that point was acknowledged.
pub fn run(plan: &Plan, context: &Context<'_>, recorder: &Recorder<'_>) -> Result<RunEnd, EngineError> {
    let phases: Vec<Phase> = match plan.verb {
        PlanVerb::Run => Phase::FORWARD.into_iter().filter(|phase| *phase >= plan.from).collect(),
        PlanVerb::Revert => vec![Phase::Revert],
        _ => plan.steps.first().map(|step| step.phase).into_iter().collect(),
    };
    let last = phases.last().copied();
    for phase in phases {
        if let Some(skipped) = plan.skipped.iter().find(|skipped| skipped.phase == phase) {
            let draft = match &skipped.ran_on {
                None => EventDraft::new(EventKind::Skipped),
                Some(host) => {
                    EventDraft::new(EventKind::SkippedRanElsewhere).detail(field::RAN_ON, host.as_str())
                }
            };
            let draft = draft.phase(phase).reason(&skipped.reason);
            recorder.record(draft, Durability::Sync)?;
            recorder.save()?;
            continue;
        }
        if let Some(held) = hold(plan, phase, recorder)? {
            return Ok(held);
        }
        match run_phase(plan, phase, context, recorder)? {
            PhaseEnd::Done if Some(phase) == last => {}
            PhaseEnd::Done => recorder.save()?,
            PhaseEnd::Failed(failures) => return halt(plan, Halt { phase, failures }, recorder),
            PhaseEnd::Interrupted => return interrupted(phase, context, recorder),
        }
    }
    finish(plan, recorder)?;
    Ok(RunEnd::Done)
}

/// Stops before a phase that waits for a person, unless it was approved.
fn hold(plan: &Plan, phase: Phase, recorder: &Recorder<'_>) -> Result<Option<RunEnd>, EngineError> {
    let approved = recorder.state().and_then(|state| state.approved);
    if !plan.hold_before.contains(&phase) || approved == Some(phase) {
        return Ok(None);
    }
    recorder.allow(Transition::Held)?;
    recorder.record(EventDraft::new(EventKind::Held).phase(phase), Durability::Sync)?;
    recorder.save()?;
    Ok(Some(RunEnd::Held(phase)))
}

fn run_phase(
    plan: &Plan,
    phase: Phase,
    context: &Context<'_>,
    recorder: &Recorder<'_>,
) -> Result<PhaseEnd, EngineError> {
    let started = context.clock.monotonic();
    let steps: Vec<&Step> = plan.steps.iter().filter(|step| step.phase == phase).collect();
    if phase == Phase::Ticket && steps.is_empty() {
        recorder.record(EventDraft::new(EventKind::SkippedNoScript).phase(phase), Durability::Sync)?;
        return Ok(PhaseEnd::Done);
    }
    recorder.record(EventDraft::new(EventKind::Start).phase(phase), Durability::Ride)?;
    let end = run_steps(&steps, plan.parallel, context, recorder)?;
    if matches!(end, PhaseEnd::Done) {
        let took = context.clock.monotonic().saturating_sub(started);
        let draft = EventDraft::new(EventKind::Done).phase(phase).rc(0).ms(millis(took));
        // The last phase's result becomes durable together with the release's own.
        let rides = matches!(phase, Phase::Verify | Phase::Revert);
        recorder.record(draft, if rides { Durability::Ride } else { Durability::Sync })?;
    }
    Ok(end)
}

/// Runs one step: intent, action, outcome. The good outcome of a phase's last step rides on the phase's own record, which
/// follows at once.
pub(super) fn execute(
    step: &Step,
    is_last: bool,
    context: &Context<'_>,
    recorder: &Recorder<'_>,
) -> Result<Result<(), Failure>, EngineError> {
    let about = |kind| {
        let draft = EventDraft::new(kind).phase(step.phase).step(step.name.clone());
        match &step.service {
            Some(service) => draft.detail(field::SERVICE, service.as_str()),
            None => draft,
        }
    };
    if step.already_done {
        recorder.record(about(EventKind::StepSkipped).reason("already-done"), Durability::Ride)?;
        return Ok(Ok(()));
    }
    let durability = if step.changes { Durability::Sync } else { Durability::Ride };
    let started = context.clock.monotonic();
    let mut draft = about(EventKind::StepStart).detail(field::INPUTS, step.inputs());
    if let Some(script) = &step.script {
        draft = draft.detail(field::PATH, &script.path).detail(field::SCRIPT, &script.sha256);
    }
    let intent = recorder.record(draft, durability)?;
    let result = if context.store.is_full() {
        // Not even the intent found room without what is kept for telling: nothing is begun any more.
        Err(Failure::disk_full())
    } else {
        actions::perform(step, &intent, context, recorder)
    };
    let took = millis(context.clock.monotonic().saturating_sub(started));
    match result {
        Ok(effects) => {
            let mut draft = about(if effects.looked { EventKind::StepVerified } else { EventKind::StepDone });
            draft.details.extend(effects.details);
            draft.msg = effects.msg;
            recorder.record(draft.rc(0).ms(took), if is_last { Durability::Ride } else { durability })?;
            Ok(Ok(()))
        }
        Err(failure) => {
            let failure = failure.redacted(context.redactor);
            let kind = if failure.is_lost() { EventKind::StepUndecided } else { EventKind::StepFailed };
            let draft = about(kind).rc(failure.rc).ms(took).reason(failure.reason);
            recorder.record(draft.msg(sentence(&failure)), Durability::Sync)?;
            Ok(Err(failure))
        }
    }
}

/// The failure in one line: its sentence, or its `✗` lines.
fn sentence(failure: &Failure) -> String {
    let mut parts = vec![failure.summary.clone()];
    parts.extend(failure.causes.iter().cloned());
    parts.join("; ")
}

fn halt(plan: &Plan, halt: Halt, recorder: &Recorder<'_>) -> Result<RunEnd, EngineError> {
    let first = halt.failures.iter().find(|(_, f)| f.is_lost()).or(halt.failures.first());
    if halt.is_undecided() {
        recorder.allow(Transition::StepUndecided)?;
        let mut draft = EventDraft::new(EventKind::Undecided).phase(halt.phase);
        if let Some((step, failure)) = first {
            draft = draft.step(step.clone()).reason(failure.reason).msg(sentence(failure));
        }
        recorder.record(draft, Durability::Sync)?;
        recorder.save()?;
        return Ok(RunEnd::Halted(halt));
    }
    let mut draft = EventDraft::new(EventKind::Failed).phase(halt.phase).rc(halt.rc());
    if let Some((step, failure)) = first {
        draft = draft.step(step.clone()).reason(failure.reason).msg(sentence(failure));
    }
    recorder.allow(Transition::StepFailed)?;
    if plan.verb == PlanVerb::Revert {
        recorder.record(draft, Durability::Ride)?;
        let stuck = EventDraft::new(EventKind::Stuck).phase(halt.phase).rc(halt.rc());
        recorder.record(stuck, Durability::Sync)?;
    } else {
        recorder.record(draft, Durability::Sync)?;
    }
    recorder.save()?;
    Ok(RunEnd::Halted(halt))
}

fn interrupted(phase: Phase, context: &Context<'_>, recorder: &Recorder<'_>) -> Result<RunEnd, EngineError> {
    let signal = context.stop.signal().unwrap_or(Signal::Term);
    if recorder.state().is_some_and(|state| state.status.is_cancelling()) {
        recorder.allow(Transition::StoppedInOrder)?;
        recorder.record(EventDraft::new(EventKind::Canceled).phase(phase).rc(1), Durability::Sync)?;
        recorder.save()?;
        return Ok(RunEnd::Canceled(phase));
    }
    recorder.allow(Transition::Interrupted)?;
    let draft = EventDraft::new(EventKind::Interrupted).phase(phase).rc(signal.exit_status());
    recorder.record(draft.reason(signal.name()), Durability::Sync)?;
    recorder.save()?;
    Ok(RunEnd::Interrupted { phase, signal })
}

fn finish(plan: &Plan, recorder: &Recorder<'_>) -> Result<(), EngineError> {
    let kind = match plan.verb {
        PlanVerb::Run => EventKind::Succeeded,
        PlanVerb::Revert => EventKind::Reverted,
        _ => return recorder.sync(),
    };
    recorder.allow(Transition::LastStepDone)?;
    recorder.record(EventDraft::new(kind).rc(0), Durability::Sync)?;
    recorder.save()
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
