//! Starts the steps of one phase as soon as what they wait for is done, side by side where the plan allows it.

use std::collections::BTreeSet;
use std::sync::mpsc;
use std::time::Duration;

use crate::model::event::{EventDraft, EventKind, Progress};
use crate::model::gather::Gather;
use crate::model::id::StepName;
use crate::model::plan::{Step, WhenUnknown};
use crate::model::projection::field;
use crate::model::quantity::Span;
use crate::model::release::Transition;
use crate::store::Durability;
use crate::sys::beside;
use crate::sys::signal::Signal;

use super::context::Context;
use super::failure::{EngineError, Failure};
use super::recorder::Recorder;
use super::run::execute;

/// How a phase ended.
#[derive(Debug)]
pub(super) enum PhaseEnd {
    /// Every step is done.
    Done,
    /// At least one failed; the others that were running have ended too.
    Failed(Vec<(StepName, Failure)>),
    /// A signal: no step was started any more.
    Interrupted,
}

/// How often waiting results are looked at.
const LOOK: Duration = Duration::from_millis(100);

/// Runs the steps of one phase. After the first failure, or once a person asked us to stop, no step is started; what runs
/// is awaited.
pub(super) fn run_steps(
    steps: &[&Step],
    parallel: usize,
    context: &Context<'_>,
    recorder: &Recorder<'_>,
) -> Result<PhaseEnd, EngineError> {
    let mut waiting: Vec<&Step> = steps.to_vec();
    let here: BTreeSet<&StepName> = steps.iter().map(|step| &step.name).gather();
    let mut done: BTreeSet<StepName> = BTreeSet::new();
    let mut failures = Vec::new();
    let mut broken = None;

    std::thread::scope(|scope| {
        let (sender, ended) = mpsc::channel();
        let mut running: Vec<(&Step, Duration)> = Vec::new();
        let mut told = false;
        loop {
            let go_on = failures.is_empty() && broken.is_none() && context.stop.level() == 0;
            while go_on && running.len() < parallel.max(1) {
                let ready = |step: &&Step| step.after.iter().all(|n| done.contains(n) || !here.contains(n));
                let Some(index) = waiting.iter().position(ready) else { break };
                let step = waiting.remove(index);
                let is_last = waiting.is_empty() && running.is_empty();
                let sender = sender.clone();
                running.push((step, context.clock.monotonic()));
                beside(scope, move || {
                    let result = caught(|| execute(step, is_last, context, recorder));
                    // The receiver lives until every step has ended.
                    let _ = sender.send((step.name.clone(), result));
                });
            }
            if running.is_empty() {
                break;
            }
            if context.stop.level() > 0 && !told {
                told = true;
                for (step, since) in &running {
                    recorder.progress(&Progress::Note(awaited(step, *since, context)));
                }
            }
            if let Ok((name, result)) = ended.recv_timeout(LOOK) {
                running.retain(|(step, _)| step.name != name);
                // Whatever else runs is awaited first: the scope does that while it unwinds.
                let result = result.unwrap_or_else(|defect| std::panic::resume_unwind(defect));
                match result {
                    Ok(Ok(())) => {
                        done.insert(name);
                    }
                    Ok(Err(failure)) => failures.push((name, failure)),
                    Err(error) => broken = broken.take().or(Some(error)),
                }
            } else {
                let heard = recorder.show_if_late().and_then(|()| listen(context, recorder));
                if let Err(error) = heard {
                    broken = broken.take().or(Some(error));
                }
            }
        }
    });

    if let Some(error) = broken {
        return Err(error);
    }
    if failures.iter().any(|(_, failure)| !failure.is_interruption()) {
        failures.retain(|(_, failure)| !failure.is_interruption());
        return Ok(PhaseEnd::Failed(failures));
    }
    if waiting.is_empty() && failures.is_empty() {
        return Ok(PhaseEnd::Done);
    }
    if context.stop.level() > 0 {
        return Ok(PhaseEnd::Interrupted);
    }
    // A plan whose steps wait for one another in a circle: nothing ran, nothing may be called done.
    let stuck = waiting.first().map(|step| step.name.clone());
    let failure = Failure::new("plan", "steps wait for one another in a circle: this is a defect of ours");
    Ok(PhaseEnd::Failed(stuck.into_iter().map(|name| (name, failure.clone())).collect()))
}

/// What a step came to, or the defect in it: a step that never reports would be awaited for ever.
fn caught<T>(step: impl FnOnce() -> T) -> std::thread::Result<T> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(step))
}

/// Hears what somebody asks from another terminal. A request to cancel is recorded with who asked, and then counts as a
/// signal does: once, nothing new is started; again, what runs is ended.
fn listen(context: &Context<'_>, recorder: &Recorder<'_>) -> Result<(), EngineError> {
    for request in context.store.take_requests(&context.attempt.ticket)? {
        if request.attempt != context.attempt {
            continue;
        }
        let again = recorder.state().is_some_and(|state| state.status.is_cancelling());
        if !again {
            recorder.allow(Transition::CancelRequested)?;
        }
        let draft = EventDraft::new(EventKind::CancelRequested).detail(field::BY, &request.operator);
        recorder.record(request.reason.iter().fold(draft, EventDraft::msg), Durability::Sync)?;
        context.stop.raise(Signal::Term);
    }
    Ok(())
}

/// After the first INT or TERM: which step is awaited, how long it has run, its limit, and how to end it now (design/03).
fn awaited(step: &Step, since: Duration, context: &Context<'_>) -> String {
    let ran = Span::secs(context.clock.monotonic().saturating_sub(since).as_secs());
    let name = &step.name;
    if step.when_unknown == WhenUnknown::Repeat {
        return format!("stopping: `{name}` is ended, nothing is lost by it");
    }
    let limit = step.timeout.map(|limit| format!(", its limit is {limit}")).unwrap_or_default();
    format!("stopping: waiting for `{name}` to end (it has run for {ran}{limit}); again to stop it now")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_defect_in_a_step_is_reported_like_an_end() {
        let (sender, ended) = mpsc::channel();
        std::thread::scope(|scope| {
            let sender = sender.clone();
            beside(scope, move || sender.send(caught(|| panic!("no thread could be started"))));
        });
        let defect: std::thread::Result<()> = ended.recv_timeout(LOOK).unwrap();
        assert!(defect.is_err());
    }
}
