//! The one writer of what happens: record, project, show — in that order.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::model::arrange::Arrange;
use crate::model::event::{EventDraft, EventKind, Progress, RunEvent, Watcher};
use crate::model::projection;
use crate::model::redact::Redactor;
use crate::model::release::{ReleaseState, Transition, next};
use crate::store::{Durability, Journal, LockedStore};
use crate::sys::clock::Clock;
use crate::sys::plant::{Bug, planted};

use super::failure::EngineError;

/// Results are shown at the latest this long after they were recorded, even if nothing else asks for durability.
const SHOW_WITHIN: Duration = Duration::from_millis(200);

/// Records events, keeps the projected state, and shows a result only once it is durable (design/03).
pub struct Recorder<'a> {
    store: &'a LockedStore,
    journal: &'a Journal,
    clock: &'a dyn Clock,
    watcher: &'a dyn Watcher,
    redactor: &'a Redactor,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    state: Option<ReleaseState>,
    unshown: Vec<RunEvent>,
    oldest: Option<Duration>,
}

impl<'a> Recorder<'a> {
    /// A recorder over a ticket's journal. `state` is what is known of the ticket; none before its first attempt, and for
    /// runs that belong to no ticket.
    pub fn new(
        store: &'a LockedStore,
        journal: &'a Journal,
        clock: &'a dyn Clock,
        watcher: &'a dyn Watcher,
        redactor: &'a Redactor,
        state: Option<ReleaseState>,
    ) -> Self {
        Self {
            store,
            journal,
            clock,
            watcher,
            redactor,
            inner: Mutex::new(Inner { state, ..Inner::default() }),
        }
    }

    /// Records an event. With [`Durability::Sync`] it and everything before it is on disk when this returns.
    ///
    /// # Errors
    /// When it could not be written; nothing is shown then.
    pub fn record(&self, mut draft: EventDraft, durability: Durability) -> Result<RunEvent, EngineError> {
        // The one place through which every sentence comes into a log, a person's own reason too.
        draft.msg = draft.msg.map(|msg| self.redactor.redact(&msg));
        let event = self.journal.record(draft, Durability::Ride)?;
        if planted(Bug::EarlyAcknowledgement) {
            self.watcher.event(&event);
        }
        let durable = if durability == Durability::Sync { self.journal.sync()? } else { 0 };
        let mut inner = self.inner();
        match &mut inner.state {
            Some(state) => projection::apply(state, &event),
            none => *none = projection::created(&event),
        }
        if durability == Durability::Sync {
            inner.unshown.push(event.clone());
            self.show(&mut inner, durable);
        } else if is_intent(&event.event) && inner.unshown.is_empty() {
            self.watcher.event(&event);
        } else {
            inner.oldest.get_or_insert_with(|| self.clock.monotonic());
            inner.unshown.push(event.clone());
        }
        Ok(event)
    }

    /// Makes waiting results durable and shows them, when the oldest waits too long.
    pub fn show_if_late(&self) -> Result<(), EngineError> {
        let late = |since| self.clock.monotonic().saturating_sub(since) >= SHOW_WITHIN;
        if !self.inner().oldest.is_some_and(late) {
            return Ok(());
        }
        self.sync()
    }

    /// Makes everything recorded so far durable and shows it.
    pub fn sync(&self) -> Result<(), EngineError> {
        let durable = self.journal.sync()?;
        self.show(&mut self.inner(), durable);
        Ok(())
    }

    /// Checks that the table allows what is about to be recorded.
    pub fn allow(&self, event: Transition) -> Result<(), EngineError> {
        if let Some(state) = &self.inner().state {
            next(state.status, event)?;
        }
        Ok(())
    }

    /// Writes the state file: the journal is durable up to the head it names.
    pub fn save(&self) -> Result<(), EngineError> {
        let state = {
            let mut inner = self.inner();
            let Some(state) = &mut inner.state else { return Ok(()) };
            let (seq, chain) = self.journal.head();
            state.log_seq = seq;
            state.log_chain = chain;
            state.clone()
        };
        self.store.save_state(&state)?;
        Ok(())
    }

    /// The projected state.
    pub fn state(&self) -> Option<ReleaseState> {
        self.inner().state.clone()
    }

    /// Shows something that nobody keeps.
    pub fn progress(&self, progress: &Progress) {
        self.watcher.progress(progress);
    }

    /// Shows what waits and is durable: records up to that number. What another step recorded since goes on waiting.
    fn show(&self, inner: &mut Inner, durable: u64) {
        let waiting = std::mem::take(&mut inner.unshown);
        let (mut due, later): (Vec<RunEvent>, Vec<RunEvent>) =
            waiting.into_iter().partition(|event| event.seq <= durable);
        due.arrange_by_key(|event| event.seq);
        for event in &due {
            self.watcher.event(event);
        }
        inner.oldest = if later.is_empty() { None } else { Some(self.clock.monotonic()) };
        inner.unshown = later;
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_intent(kind: &EventKind) -> bool {
    matches!(kind, EventKind::Start | EventKind::StepStart)
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::*;
    use crate::store::{HolderText, Layout, Sharing, Store};
    use crate::sys::clock::SystemClock;
    use crate::sys::files;

    #[derive(Default)]
    struct Seen(Mutex<Vec<u64>>);

    impl Watcher for Seen {
        fn event(&self, event: &RunEvent) {
            self.0.lock().unwrap().push(event.seq);
        }
        fn progress(&self, _: &Progress) {}
    }

    #[test]
    fn what_another_step_recorded_while_we_waited_for_the_disk_is_not_shown_with_ours() {
        let folder = files::temporary_folder("holdpoint-recorder-").unwrap();
        files::make_folders(&folder.path().join(".asd"), 0o755).unwrap();
        let layout = Layout::new(folder.path(), Path::new(".asd/workspace/backups"));
        let clock = SystemClock::new();
        let holder = HolderText { operator: "ann".into(), ticket: None, phase: None, since: clock.now() };
        let store = Store::open(layout, Sharing::Alone).lock(&holder).unwrap();
        let journal = store.journal(&"1234".parse().unwrap(), 1, "ann", Arc::new(clock)).unwrap();
        let (seen, redactor) = (Seen::default(), Redactor::new([], &[]));
        let recorder = Recorder::new(&store, &journal, &clock, &seen, &redactor, None);
        let outcome = || {
            EventDraft::new(EventKind::StepDone)
                .step(crate::model::id::StepName::new(["wikijs", "health"]))
                .rc(0)
        };
        recorder.record(outcome(), Durability::Ride).unwrap();
        let durable = journal.sync().unwrap();
        recorder.record(outcome(), Durability::Ride).unwrap();
        recorder.show(&mut recorder.inner(), durable);
        assert_eq!(*seen.0.lock().unwrap(), [1]);
        recorder.record(outcome(), Durability::Sync).unwrap();
        assert_eq!(*seen.0.lock().unwrap(), [1, 2, 3]);
    }
}
