//! The host held for one run: lock, journal, recorder, and the attempt's first and last records.

use std::sync::Arc;

use crate::decide::{self, commands};
use crate::engine::{self, Context, OpenSets, Recorder, RunEnd};
use crate::model::event::{EventDraft, EventKind, Progress};
use crate::model::facts::Facts;
use crate::model::id::{AttemptId, TicketId};
use crate::model::logfmt;
use crate::model::outcome::Ending;
use crate::model::phase::Phase;
use crate::model::plan::{Plan, PlanVerb};
use crate::model::projection::{self, FOUND, field};
use crate::model::reason::{Blocker, ReasonCode, ending_of};
use crate::model::release::{ReleaseState, Status};
use crate::store::{Durability, HolderText, Journal, LockedStore};
use crate::sys::clock::Clock;
use crate::sys::plant::{Bug, planted};
use crate::sys::{process, syslog};

use super::error::OpsError;
use super::face::Face;
use super::host::Host;
use super::left;
use super::playbooks;
use super::told::Told;
use super::wait;

/// The host, locked by us.
pub(super) struct Session<'a> {
    pub(super) host: &'a Host,
    pub(super) face: Face<'a>,
    pub(super) store: LockedStore,
}

impl<'a> Session<'a> {
    /// Takes the host for a ticket.
    ///
    /// # Errors
    /// `Locked` with the holder when another run lives.
    pub(super) fn open(
        host: &'a Host,
        face: Face<'a>,
        ticket: Option<&TicketId>,
        phase: Phase,
    ) -> Result<Self, OpsError> {
        trusted_locks(host)?;
        let holder = HolderText {
            operator: host.operator.clone(),
            ticket: ticket.cloned(),
            phase: Some(phase),
            since: host.clock.now(),
        };
        let store = wait::lock(host, face, &holder)?;
        store.redact_leftovers(&host.redactor)?;
        let session = Self { host, face, store };
        let before = session.store.last_holder().cloned();
        for ticket in ticket.into_iter().chain(before.as_ref().filter(|before| ticket != Some(*before))) {
            session.reconcile(ticket)?;
        }
        Ok(session)
    }

    /// Closes what the runner before us left open: `interrupted`, and the outcomes that its steps' shims wrote down since
    /// (design/03).
    fn reconcile(&self, ticket: &TicketId) -> Result<(), OpsError> {
        if planted(Bug::NoReconcile) {
            return Ok(());
        }
        let Some(state) = self.store.state(ticket)? else { return Ok(()) };
        let mut history = self.store.history(ticket)?.unwrap_or_default();
        let found = left::look(self.host, ticket, &mut history);
        let gone = state.status.without_runner() != state.status;
        if !gone && found.is_empty() {
            return Ok(());
        }
        let backward = state.status.is_backward();
        let journal = self.journal(&AttemptId { ticket: ticket.clone(), number: state.attempt })?;
        let phase = state.phase;
        let recorder = self.recorder(&journal, Some(state));
        if gone {
            let draft = EventDraft::new(EventKind::Interrupted).phase(phase).reason("runner-gone");
            recorder.record(draft, Durability::Ride)?;
        }
        for step in &found {
            self.store.write_transcript(&step.folder, &self.host.redactor)?;
            recorder.record(step.outcome(), Durability::Ride)?;
        }
        if let Some(failed) = found.iter().find(|step| step.rc != 0) {
            let kind = if backward { EventKind::Stuck } else { EventKind::Failed };
            let draft = EventDraft::new(kind).phase(failed.phase).rc(failed.rc).step(failed.step.clone());
            recorder.record(draft.reason(FOUND), Durability::Ride)?;
        }
        recorder.sync()?;
        recorder.save()?;
        self.publish(&recorder);
        Ok(())
    }

    pub(super) fn journal(&self, attempt: &AttemptId) -> Result<Journal, OpsError> {
        let clock: Arc<dyn Clock> = Arc::clone(&self.host.clock);
        let journal = self.store.journal(&attempt.ticket, attempt.number, &self.host.operator, clock)?;
        for said in journal.put_right() {
            self.face.watcher.progress(&Progress::Note(said.clone()));
        }
        Ok(journal)
    }

    /// Records that a run was refused (design/04): of a ticket with no attempt past prepare as a failed prepare, which
    /// is where seed 003 looks for it; of any other as `refused`, and no state changes.
    pub(super) fn refuse(
        &self,
        facts: &Facts,
        ticket: &TicketId,
        asked: Phase,
        blockers: &[Blocker],
    ) -> Result<(), OpsError> {
        let Some(first) = blockers.first() else { return Ok(()) };
        let state = self.store.state(ticket)?;
        let number = state.as_ref().map_or(1, |state| state.attempt);
        let attempt = AttemptId { ticket: ticket.clone(), number };
        let journal = self.journal(&attempt)?;
        let early = state.as_ref().is_none_or(|state| state.merge.is_none() && !state.status.is_backward());
        let fresh = state.is_none();
        let recorder = self.recorder(&journal, state);
        let about = |kind| EventDraft { kind, ..refusal(asked, first, ending_of(blockers)) };
        let prepare_failed = early && matches!(asked, Phase::Prepare);
        if !prepare_failed {
            recorder.record(about(EventKind::Refused), Durability::Sync)?;
            return Ok(());
        }
        if fresh {
            let draft = EventDraft::new(EventKind::Created)
                .detail(field::BASE, facts.git.head.as_str())
                .detail(field::BRANCH, facts.git.release_branch.as_str())
                .detail(field::HOST, &self.host.name)
                .detail(field::CYCLE, "1");
            recorder.record(draft, Durability::Ride)?;
        }
        recorder.record(about(EventKind::Failed), Durability::Sync)?;
        recorder.save()?;
        self.publish(&recorder);
        Ok(())
    }

    /// Records that a verb without a ticket was refused, and gives the refusal to raise.
    pub(super) fn refuse_aside(&self, phase: Phase, blockers: Vec<Blocker>, notes: Vec<String>) -> OpsError {
        let refused = playbooks::refused(self.host, phase, blockers, notes);
        let Some(first) = refused.blockers.first() else { return OpsError::Refused(refused) };
        match self.audit(refusal(phase, first, refused.ending)) {
            Ok(()) => OpsError::Refused(refused),
            Err(error) => error,
        }
    }

    /// Records that a verb does not fit a release that is on record; no state changes.
    pub(super) fn refuse_known(&self, ticket: &TicketId, error: OpsError) -> OpsError {
        let OpsError::Refused(refused) = &error else { return error };
        let Some(first) = refused.blockers.first() else { return error };
        let state = match self.store.state(ticket) {
            Ok(Some(state)) => state,
            Ok(None) => return error,
            Err(damage) => return damage.into(),
        };
        let attempt = AttemptId { ticket: ticket.clone(), number: state.attempt };
        let recorded = self.journal(&attempt).and_then(|journal| {
            let recorder = self.recorder(&journal, Some(state.clone()));
            recorder.record(refusal(state.phase, first, refused.ending), Durability::Sync)?;
            Ok(())
        });
        recorded.err().unwrap_or(error)
    }

    pub(super) fn recorder<'s>(&'s self, journal: &'s Journal, state: Option<ReleaseState>) -> Recorder<'s> {
        let Self { host, face, store } = self;
        Recorder::new(store, journal, host.clock.as_ref(), face.watcher, &host.redactor, state)
    }

    /// Carries a plan out: the attempt's first records, the engine, the index.
    pub(super) fn carry_out(
        &self,
        plan: &Plan,
        facts: &Facts,
        said: &Told,
    ) -> Result<(RunEnd, Option<ReleaseState>), OpsError> {
        let known = self.store.state(&plan.attempt.ticket)?;
        let goes_on = known.as_ref().is_some_and(|state| goes_on(plan, state));
        if plan.verb == PlanVerb::Run && !goes_on {
            self.supersede(plan)?;
        }
        // A request to a run that is gone asks nothing of this one.
        self.store.take_requests(&plan.attempt.ticket)?;
        let journal = self.journal(&plan.attempt)?;
        let recorder = self.recorder(&journal, self.store.state(&plan.attempt.ticket)?);
        self.begin(plan, said, &recorder)?;
        let context = Context {
            store: &self.store,
            clock: Arc::clone(&self.host.clock),
            stop: self.face.stop,
            redactor: &self.host.redactor,
            runtime: &facts.runtime,
            git: &self.host.git,
            surroundings: &self.host.surroundings,
            env_files: self.host.env_files.clone(),
            attempt: plan.attempt.clone(),
            timeout: facts.target_settings.run.timeout,
            silence: facts.target_settings.run.silence,
            sets: OpenSets::default(),
        };
        let end = engine::run(plan, &context, &recorder)?;
        self.publish(&recorder);
        if matches!(end, RunEnd::Done) {
            self.taken_back_too(plan)?;
        }
        Ok((end, recorder.state()))
    }

    /// The records before the first step.
    fn begin(&self, plan: &Plan, said: &Told, recorder: &Recorder<'_>) -> Result<(), OpsError> {
        let known = recorder.state();
        for mark in said.marks() {
            recorder.record(mark, Durability::Ride)?;
        }
        match plan.verb {
            PlanVerb::Run if known.as_ref().is_some_and(|state| goes_on(plan, state)) => {
                let mut draft = EventDraft::new(EventKind::Resumed)
                    .phase(plan.from)
                    .detail(field::PLAN, &plan.id)
                    .detail(field::BOOT, process::boot_id());
                if let Some(host) = plan.ticket_ran_on() {
                    draft = draft.detail(field::RAN_ON, host.as_str());
                }
                recorder.record(said.in_record(draft), Durability::Sync)?;
            }
            PlanVerb::Run => self.create(plan, said, recorder)?,
            PlanVerb::Revert => {
                let kind = match known.as_ref().map(|state| state.status) {
                    Some(Status::Reverting | Status::RevertInterrupted | Status::Stuck) => EventKind::Resumed,
                    _ => EventKind::Reverting,
                };
                let draft = EventDraft::new(kind)
                    .phase(Phase::Revert)
                    .detail(field::PLAN, &plan.id)
                    .detail(field::BOOT, process::boot_id());
                self.store.save_plan(&plan.attempt, "revert", plan)?;
                recorder.record(said.in_record(draft), Durability::Sync)?;
            }
            side => {
                let draft = EventDraft::new(EventKind::Started)
                    .phase(plan.from)
                    .detail(field::PLAN, &plan.id)
                    .detail(field::VERB, side.word());
                recorder.record(said.in_record(draft), Durability::Ride)?;
                return Ok(());
            }
        }
        recorder.save()?;
        Ok(())
    }

    /// A new attempt: `created`, its snapshot and plan on disk, `planned`, `started`.
    fn create(&self, plan: &Plan, said: &Told, recorder: &Recorder<'_>) -> Result<(), OpsError> {
        let services: Vec<&str> = plan.services.iter().map(|service| service.name.as_str()).collect();
        let mut draft = EventDraft::new(EventKind::Created)
            .phase(plan.from)
            .detail(field::BASE, plan.base.as_str())
            .detail(field::BRANCH, plan.branch.as_str())
            .detail(field::SERVICES, services.join(" "))
            .detail(field::HOST, &self.host.name)
            .detail(field::CYCLE, plan.cycle.to_string())
            .detail(field::BOOT, process::boot_id())
            .detail(field::TRIGGER, &plan.trigger);
        if !plan.backups.is_empty() {
            draft = draft.detail(field::BACKUPS, projection::stamps_text(&plan.backups));
        }
        if let Some(head) = &plan.head {
            draft = draft.detail(field::HEAD, head.as_str());
        }
        if let Some(host) = plan.ticket_ran_on() {
            draft = draft.detail(field::RAN_ON, host.as_str());
        }
        recorder.record(said.in_record(draft), Durability::Ride)?;
        let mut planned = EventDraft::new(EventKind::Planned).detail(field::PLAN, &plan.id);
        if let Some(snapshot) = &plan.snapshot {
            planned = planned.detail(field::SNAPSHOT, self.store.save_snapshot(&plan.attempt, snapshot)?);
        }
        self.store.save_plan(&plan.attempt, "plan", plan)?;
        self.store.save_migrate_script(&plan.attempt, &commands::migrate_script(plan))?;
        recorder.record(planned, Durability::Ride)?;
        recorder.record(EventDraft::new(EventKind::Started).phase(plan.from), Durability::Sync)?;
        Ok(())
    }

    /// Records, of each later release that this revert took back too, that it is reverted.
    fn taken_back_too(&self, plan: &Plan) -> Result<(), OpsError> {
        for attempt in &plan.also {
            let journal = self.journal(attempt)?;
            let recorder = self.recorder(&journal, self.store.state(&attempt.ticket)?);
            let with = plan.attempt.to_string();
            let begun = EventDraft::new(EventKind::Reverting).phase(Phase::Revert).detail(field::BY, &with);
            recorder.record(begun, Durability::Ride)?;
            let ended = EventDraft::new(EventKind::Reverted).rc(0).detail(field::BY, &with);
            recorder.record(ended, Durability::Sync)?;
            recorder.save()?;
            self.publish(&recorder);
        }
        Ok(())
    }

    /// Marks the attempt that this one takes over. It may be of the same ticket, so its journal is closed again before
    /// the new attempt's is opened.
    fn supersede(&self, plan: &Plan) -> Result<(), OpsError> {
        let Some(old) = &plan.supersedes else { return Ok(()) };
        let old: AttemptId = old.parse()?;
        let journal = self.journal(&old)?;
        let recorder = self.recorder(&journal, self.store.state(&old.ticket)?);
        let draft = EventDraft::new(EventKind::Superseded).detail(field::BY, plan.attempt.to_string());
        recorder.record(draft, Durability::Sync)?;
        recorder.save()?;
        self.publish(&recorder);
        Ok(())
    }

    /// What is known of a release outside its own records, once they are saved: a row of the listing index, and the log's
    /// head in the system's log, so that a log that is written anew later has a witness (design/03). Both may be lost at any
    /// time, so neither ever fails a release.
    pub(super) fn publish(&self, recorder: &Recorder<'_>) {
        let Some(state) = recorder.state() else { return };
        syslog::tell(self.host.clock.now(), &self.head_of(&state));
        if let Err(error) = self.store.index(&state) {
            let note = format!(
                "the listing index was not updated ({error}); `holdpoint list --reindex` rebuilds it"
            );
            recorder.progress(&Progress::Note(note));
        }
    }

    /// The head of a release's log, in the grammar of its lines.
    fn head_of(&self, state: &ReleaseState) -> String {
        let mut text = String::new();
        for (name, value) in [
            ("ticket", state.ticket.as_str()),
            ("attempt", &state.attempt.to_string()),
            ("status", state.status.word()),
            ("operator", &self.host.operator),
            ("project", &self.host.root().to_string_lossy()),
            ("seq", &state.log_seq.to_string()),
            ("chain", &state.log_chain),
        ] {
            logfmt::push(&mut text, name, value);
        }
        text
    }

    /// Records something that belongs to no ticket, in the host's own audit log.
    pub(super) fn audit(&self, draft: EventDraft) -> Result<(), OpsError> {
        let journal = self.journal(&AttemptId { ticket: TicketId::audit(), number: 1 })?;
        let recorder = self.recorder(&journal, None);
        recorder.record(draft, Durability::Sync)?;
        Ok(())
    }

    /// Records an event of a ticket outside a run (approve, close).
    pub(super) fn note(&self, ticket: &TicketId, draft: EventDraft) -> Result<ReleaseState, OpsError> {
        let state =
            self.store.state(ticket)?.ok_or_else(|| OpsError::NoRelease { ticket: ticket.clone() })?;
        let attempt = AttemptId { ticket: ticket.clone(), number: state.attempt };
        let journal = self.journal(&attempt)?;
        let recorder = self.recorder(&journal, Some(state.clone()));
        recorder.record(draft, Durability::Sync)?;
        recorder.save()?;
        self.publish(&recorder);
        Ok(recorder.state().unwrap_or(state))
    }
}

/// Where locks may lie nothing is written, not even the refusal (design/03).
fn trusted_locks(host: &Host) -> Result<(), OpsError> {
    let allowed = host.settings.workspace.allow_network_fs;
    let kind = host.network_fs();
    match decide::network_filesystem(kind.as_deref(), allowed, host.store.layout().workspace()) {
        Some(blocker) => Err(OpsError::refused(blocker)),
        None => Ok(()),
    }
}

/// The record of a refusal.
fn refusal(asked: Phase, first: &Blocker, ending: Ending) -> EventDraft {
    // That nothing is to be released is the everyday answer: why so is what tells it from a tree that somebody pulled.
    let lines = if first.code == ReasonCode::NothingToRelease { 2 } else { 1 };
    let said: Vec<&str> = first.fact.lines().take(lines).collect();
    EventDraft::new(EventKind::Refused)
        .phase(asked)
        .rc(i32::from(ending.status()))
        .reason(first.code.word())
        .msg(said.join("; "))
}

/// Whether a plan goes on with the attempt that is recorded, or begins another one.
fn goes_on(plan: &Plan, state: &ReleaseState) -> bool {
    plan.trigger == "resume" && plan.attempt.number == state.attempt
}
