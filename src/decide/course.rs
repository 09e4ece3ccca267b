//! What `run TICKET` means, given what is recorded: a new cycle, the same attempt again, its successor with new commits, or
//! the taking over of another release (design/03 "Resume", design/04 "Resume with a fix").

use std::collections::BTreeMap;

use super::anew;
use super::past::Past;
use super::range::{is_in_cycle, is_over, may_have_moved};
use super::site::same_content;
use super::typed::Typed;
use crate::model::candidate::Artifact;
use crate::model::facts::{Facts, TicketHistory};
use crate::model::gather::Gather;
use crate::model::id::{AttemptId, BackupStamp, BranchName, Oid, ServiceName, TicketId};
use crate::model::phase::Phase;
use crate::model::reason::{Blocker, ReasonCode};
use crate::model::release::{ReleaseState, Status, Transition, Trigger, next};
use crate::model::request::RunRequest;
use crate::model::rollout::HostName;

/// Which way a run goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// A cycle begins, or an attempt that never moved the tree begins again.
    Fresh,
    /// The same attempt goes on.
    Resume,
    /// The same cycle goes on in a new attempt: with commits that came since, or because prepare was not finished.
    Again,
    /// Another unfinished release is taken over.
    TakeOver,
    /// A new attempt of what is recorded: nothing comes in, and everything is put there again.
    Anew,
}

/// Where images come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Images {
    /// As each service's `pull` says.
    AsConfigured,
    /// Those that are on this host are taken as they are.
    IfMissing,
    /// Those that an older attempt ran, by their ids; nothing is fetched or built.
    Pinned,
}

/// What a run starts from.
#[derive(Debug, Clone)]
pub(super) struct Course {
    pub(super) way: Way,
    pub(super) attempt: AttemptId,
    pub(super) cycle: u32,
    /// First phase asked for.
    pub(super) from: Phase,
    pub(super) base: Oid,
    /// Where the release goes; none when the remote could not be read.
    pub(super) target: Option<Oid>,
    pub(super) branch: BranchName,
    /// First backups of the cycle, or of the release that is taken over.
    pub(super) backups: BTreeMap<ServiceName, BackupStamp>,
    /// Services that the record names: they are touched whatever the paths say.
    pub(super) services: Vec<ServiceName>,
    /// The attempt that is taken over, `ticket@n`.
    pub(super) supersedes: Option<String>,
    /// What brings the attempt about, as it is recorded.
    pub(super) trigger: Trigger,
    /// Whether ticket scripts run.
    pub(super) scripts: bool,
    /// The host on which they run instead.
    pub(super) ticket_ran_on: Option<HostName>,
    /// Where images come from.
    pub(super) images: Images,
    /// The images of [`Images::Pinned`].
    pub(super) pinned: BTreeMap<ServiceName, BTreeMap<String, Artifact>>,
    /// Whether it goes on within the ticket's cycle: what was kept and saved for that counts.
    pub(super) within: bool,
    /// The commit that the tree stands on from the first, where no step of the attempt moves it there.
    pub(super) head: Option<Oid>,
    /// What the record says against it.
    pub(super) blockers: Vec<Blocker>,
}

impl Course {
    /// Whether content comes in that this host has not looked at yet.
    pub(super) fn brings_content(&self) -> bool {
        !matches!(self.way, Way::Resume | Way::Anew)
    }

    /// Records that count as done in this course.
    pub(super) fn past<'a>(&self, facts: &'a Facts) -> Past<'a> {
        match self.way {
            Way::Resume | Way::Again => Past::of(facts),
            Way::Fresh | Way::TakeOver | Way::Anew => Past::forgotten(),
        }
    }

    /// Records that count for what was kept of the time before the cycle: images, which are kept once.
    pub(super) fn kept<'a>(&self, facts: &'a Facts) -> Past<'a> {
        if self.within { Past::of(facts) } else { self.past(facts) }
    }
}

/// Decides the course. It is always complete, so that everything else that stands against it can be listed too.
pub(super) fn of_run(facts: &Facts, request: &RunRequest) -> Course {
    let mut course = way_of(facts, request);
    // Whoever goes on, or begins again within the cycle, does not run what ran elsewhere.
    let recorded = facts.history.as_ref().map(|history| &history.state);
    let recorded = recorded.filter(|state| state.ticket == request.ticket && state.cycle == course.cycle);
    let recorded = recorded.and_then(|state| state.ticket_ran_on.clone());
    if course.scripts {
        course.ticket_ran_on = request.ticket_ran_on.clone().or(recorded);
        course.scripts = course.ticket_ran_on.is_none();
    }
    course
}

fn way_of(facts: &Facts, request: &RunRequest) -> Course {
    if let Some(anew) = &request.anew {
        return anew::course(facts, request, anew);
    }
    let own = facts.history.as_ref().filter(|history| goes_on(history));
    match (own, &request.supersedes) {
        (Some(history), _) if request.take_new_commits || !is_prepared(history) => {
            again(facts, request, history)
        }
        (Some(history), _) => resume(facts, request, history),
        (None, Some(other)) => take_over(facts, request, other),
        (None, None) => fresh(facts, request),
    }
}

fn is_prepared(history: &TicketHistory) -> bool {
    history.phases_done.contains(&Phase::Prepare)
}

/// Whether the ticket stands in the middle of a cycle: its tree has moved, or may have, and it is not over.
fn goes_on(history: &TicketHistory) -> bool {
    let state = &history.state;
    !is_over(state) && (state.merge.is_some() || may_have_moved(&history.steps) || state.status.is_backward())
}

pub(super) fn fresh(facts: &Facts, request: &RunRequest) -> Course {
    let mut blockers = Vec::new();
    let known = facts.history.as_ref().map(|history| &history.state);
    let (attempt, cycle) = known.map_or((1, 1), |state| {
        // A refused start never was an attempt of its own: its number is used.
        let number = if state.snapshot.is_some() { state.attempt + 1 } else { state.attempt };
        (number, if is_over(state) { state.cycle + 1 } else { state.cycle })
    });
    if let Some(from) = request.from.filter(|from| *from != Phase::Prepare) {
        blockers.push(nothing_to_resume(facts, request, from, known));
    }
    if request.take_new_commits {
        let typed = Typed::on(facts);
        blockers.push(
            Blocker::new(
                ReasonCode::StateMissing,
                format!(
                    "`{}` is not in the middle of a release: there is nothing to take new commits into",
                    request.ticket
                ),
            )
            .way_out(typed.run(&request.ticket, "")),
        );
    }
    Course {
        way: Way::Fresh,
        attempt: AttemptId { ticket: request.ticket.clone(), number: attempt },
        cycle,
        from: Phase::Prepare,
        base: fresh_base(facts, request),
        target: facts.git.target.clone(),
        branch: facts.git.release_branch.clone(),
        backups: BTreeMap::new(),
        services: Vec::new(),
        supersedes: None,
        trigger: Trigger::Create,
        scripts: true,
        ticket_ran_on: None,
        images: Images::AsConfigured,
        pinned: BTreeMap::new(),
        within: false,
        head: None,
        blockers,
    }
}

/// BASE of a release that begins: named by the person; the content that was released last, where somebody switched the
/// branch by hand or our own reverts are taken back; else HEAD.
fn fresh_base(facts: &Facts, request: &RunRequest) -> Oid {
    if let Some(base) = &request.base {
        return base.clone();
    }
    let switched_by_hand = request.branch.is_some() && facts.git.branch == request.branch;
    let left =
        left_by_last(facts).filter(|left| switched_by_hand && !same_content(facts, left, &facts.git.head));
    left.or_else(|| unrevert(facts).map(|(_, base)| base)).unwrap_or_else(|| facts.git.head.clone())
}

/// Our own trailing revert commits, where nothing else of this host's own stands between HEAD and the target: whose they
/// are, and the commit with the same content.
pub(super) fn unrevert(facts: &Facts) -> Option<(TicketId, Oid)> {
    let base = facts.git.unrevert_to.clone()?;
    let newest = facts.git.ahead.first()?.reverts.clone()?;
    let is_released = facts.git.contains.get(&base).map(|contained| contained.in_target);
    let all_ours = || facts.git.ahead.iter().all(|commit| commit.reverts.is_some());
    is_released.unwrap_or_else(all_ours).then_some((newest, base))
}

/// Where the last record left HEAD.
pub(super) fn left_by_last(facts: &Facts) -> Option<Oid> {
    left_by(facts.releases.iter())
}

/// Where the last record left HEAD: the commit of the newest release, or the commit from before all that was taken back
/// (whose content HEAD then has). None on a host without a record.
pub fn left_by<'a>(releases: impl IntoIterator<Item = &'a ReleaseState> + Clone) -> Option<Oid> {
    let all = releases.clone().into_iter();
    let mut moved: Vec<&ReleaseState> =
        all.filter(|state| state.merge.is_some() && state.superseded_by.is_none()).collect();
    // The newest to begin is the last to have moved the tree: two releases never overlap.
    let mut last = *moved.iter().max_by_key(|state| state.started_at)?;
    // Unless the clock went back since: what began where another release ended came after it.
    while let Some(at) = moved
        .iter()
        .position(|state| state.status != Status::Reverted && Some(&state.base) == last.merge.as_ref())
    {
        last = moved.swap_remove(at);
    }
    if last.status != Status::Reverted {
        return last.merge.clone();
    }
    let mut left = last.base.clone();
    let mut reverted: Vec<&ReleaseState> = releases
        .into_iter()
        .filter(|state| state.status == Status::Reverted && state.ticket != last.ticket)
        .collect();
    while let Some(at) = reverted.iter().position(|state| state.merge.as_ref() == Some(&left)) {
        left = reverted.swap_remove(at).base.clone();
    }
    Some(left)
}

fn nothing_to_resume(
    facts: &Facts,
    request: &RunRequest,
    from: Phase,
    known: Option<&ReleaseState>,
) -> Blocker {
    let ticket = &request.ticket;
    let typed = Typed::on(facts);
    match known {
        None => {
            Blocker::new(ReasonCode::StateMissing, format!("`{ticket}` has no state file here: there is nothing to resume from {from}"))
                .way_out(typed.run(ticket, ""))
        }
        Some(state) if state.superseded_by.is_some() => {
            let by = state.superseded_by.as_deref().unwrap_or_default();
            Blocker::new(ReasonCode::AttemptStatusNotRecoverable, format!("`{ticket}` was taken over by `{by}`"))
                .way_out(format!("go on there: `holdpoint state {by}`"))
        }
        Some(state) if state.closed => {
            Blocker::new(ReasonCode::AttemptStatusNotRecoverable, format!("`{ticket}` was closed: it cannot be resumed"))
                .way_out(typed.run(ticket, ""))
        }
        Some(state) if matches!(state.status, Status::Succeeded | Status::Reverted) => Blocker::new(
            ReasonCode::AttemptStatusNotRecoverable,
            format!("`{ticket}` is {}: there is nothing to resume", state.status),
        )
        .way_out(typed.run(ticket, "")),
        Some(_) => Blocker::new(
            ReasonCode::PhaseNotDone,
            format!("`{ticket}` never got through prepare: nothing was changed, so it starts again from the beginning"),
        )
        .way_out(typed.run(ticket, "")),
    }
}

fn resume(facts: &Facts, request: &RunRequest, history: &TicketHistory) -> Course {
    let state = &history.state;
    let from = request.from.unwrap_or_else(|| first_open(history));
    let mut blockers = against_status(facts, state);
    if request.from.is_none() && blockers.is_empty() {
        blockers.push(resume_needed(facts, history));
    }
    blockers.extend(not_done(facts, request, history, from));
    Course {
        way: Way::Resume,
        attempt: AttemptId { ticket: state.ticket.clone(), number: state.attempt },
        cycle: state.cycle,
        from,
        base: state.base.clone(),
        target: state.merge.clone().or_else(|| facts.git.target.clone()),
        branch: state.branch.clone(),
        backups: state.backups.clone(),
        services: state.services.clone(),
        supersedes: None,
        trigger: Trigger::Resume,
        scripts: !puts_there(state),
        ticket_ran_on: None,
        images: images_of(state),
        pinned: pinned(history),
        within: true,
        head: None,
        blockers,
    }
}

/// Prepare runs again: it is what brings new commits in. Everything later that is done and still holds stays done.
pub(super) fn again(facts: &Facts, request: &RunRequest, history: &TicketHistory) -> Course {
    let state = &history.state;
    let from = request.from.unwrap_or_else(|| first_open(history));
    let mut blockers = against_status(facts, state);
    if from > Phase::Prepare && !is_prepared(history) {
        blockers.extend(not_done(facts, request, history, from));
    }
    if puts_there(state) && request.anew.is_none() {
        let attempt = AttemptId { ticket: state.ticket.clone(), number: state.attempt };
        let fact = format!(
            "`{attempt}` is a {} that is not through prepare: a run would bring in what is newest",
            state.trigger
        );
        blockers.push(
            Blocker::new(ReasonCode::AttemptStatusNotRecoverable, fact)
                .way_out(format!("holdpoint readiness {attempt}"))
                .way_out(Typed::on(facts).revert(&state.ticket, "")),
        );
    }
    Course {
        way: Way::Again,
        attempt: AttemptId { ticket: state.ticket.clone(), number: state.attempt + 1 },
        cycle: state.cycle,
        from,
        base: state.base.clone(),
        target: facts.git.target.clone(),
        branch: state.branch.clone(),
        backups: state.backups.clone(),
        services: state.services.clone(),
        supersedes: Some(AttemptId { ticket: state.ticket.clone(), number: state.attempt }.to_string()),
        trigger: Trigger::Create,
        scripts: true,
        ticket_ran_on: None,
        images: Images::AsConfigured,
        pinned: BTreeMap::new(),
        within: true,
        head: None,
        blockers,
    }
}

/// Whether an attempt puts something there again instead of bringing something in: no ticket script is part of it.
fn puts_there(state: &ReleaseState) -> bool {
    matches!(state.trigger, Trigger::Redeploy | Trigger::Rollback)
}

fn images_of(state: &ReleaseState) -> Images {
    match state.trigger {
        Trigger::Rollback => Images::Pinned,
        Trigger::Retry => Images::IfMissing,
        _ => Images::AsConfigured,
    }
}

/// The images that a rollback puts back, as its own snapshot names them.
fn pinned(history: &TicketHistory) -> BTreeMap<ServiceName, BTreeMap<String, Artifact>> {
    let services = history.snapshot.iter().flat_map(|snapshot| &snapshot.services);
    services.map(|(name, service)| (name.clone(), service.pinned.clone())).gather()
}

fn take_over(facts: &Facts, request: &RunRequest, other: &TicketId) -> Course {
    let start = fresh(facts, request);
    let typed = Typed::on(facts);
    let Some(state) = facts.releases.iter().find(|state| state.ticket == *other) else {
        let fact = format!("`{other}` has no release here: there is nothing to take over");
        let blocker = Blocker::new(ReasonCode::StateMissing, fact).way_out(typed.run(&request.ticket, ""));
        return Course { blockers: with(start.blockers.clone(), blocker), ..start };
    };
    let mut blockers = start.blockers.clone();
    if !is_in_cycle(state) {
        let fact = format!("`{other}` is over ({}): there is nothing to take over", state.status);
        blockers.push(
            Blocker::new(ReasonCode::AttemptStatusNotRecoverable, fact)
                .way_out(typed.run(&request.ticket, "")),
        );
    } else if next(state.status, Transition::Superseded).is_err() {
        let fact = format!("`{other}` is {}: it cannot be taken over as it stands", state.status);
        blockers.push(
            Blocker::new(ReasonCode::AttemptStatusNotRecoverable, fact).way_out(typed.revert(other, "")),
        );
    }
    Course {
        way: Way::TakeOver,
        base: state.base.clone(),
        backups: state.backups.clone(),
        services: state.services.clone(),
        supersedes: Some(AttemptId { ticket: other.clone(), number: state.attempt }.to_string()),
        blockers,
        ..start
    }
}

fn with(mut blockers: Vec<Blocker>, one: Blocker) -> Vec<Blocker> {
    blockers.push(one);
    blockers
}

/// The first phase of this cycle that is not done.
fn first_open(history: &TicketHistory) -> Phase {
    let open = Phase::FORWARD.into_iter().find(|phase| !history.phases_done.contains(phase));
    open.unwrap_or(Phase::Verify)
}

fn resume_needed(facts: &Facts, history: &TicketHistory) -> Blocker {
    let state = &history.state;
    let phase = first_open(history);
    let step = state.failed_step.as_ref().map(|step| format!(" at `{step}`")).unwrap_or_default();
    let typed = Typed::on(facts);
    let mut blocker = Blocker::new(
        ReasonCode::ResumeNeeded,
        format!("`{}` is {} in phase {}{step}", state.ticket, state.status, state.phase),
    )
    .way_out(typed.run(&state.ticket, &format!("--from={phase}")));
    if state.merge.is_some() {
        blocker = blocker.way_out(typed.revert(&state.ticket, ""));
    }
    blocker
}

/// What the attempt's status says against going on with it.
fn against_status(facts: &Facts, state: &ReleaseState) -> Vec<Blocker> {
    let ticket = &state.ticket;
    let typed = Typed::on(facts);
    let refuse = |code, fact: String| Blocker::new(code, fact);
    match state.status {
        // An undecided step is named, with its two ways out, where steps are looked at.
        Status::Undecided | Status::Failed | Status::Interrupted | Status::Planned => Vec::new(),
        Status::Held if state.approved.is_some() => Vec::new(),
        Status::Held => {
            let phase = facts.history.as_ref().map_or(state.phase, first_open);
            vec![
                refuse(
                    ReasonCode::Held,
                    format!("`{ticket}` is held before phase {phase}: somebody has to look and approve"),
                )
                .way_out(format!("holdpoint approve {ticket} --reason '…'"))
                .way_out(format!("then {}", typed.run(ticket, &format!("--from={phase}")))),
            ]
        }
        Status::Created | Status::Running | Status::Cancelling => vec![
            refuse(ReasonCode::AttemptStatusNotRecoverable, format!("`{ticket}` is {}", state.status))
                .way_out(format!("holdpoint log {ticket} -f")),
        ],
        Status::Canceled | Status::Succeeded | Status::Reverted => {
            let fact = format!("`{ticket}` is {}: it cannot be resumed", state.status);
            vec![
                refuse(ReasonCode::AttemptStatusNotRecoverable, fact)
                    .way_out(typed.revert(ticket, ""))
                    .way_out(format!("holdpoint close {ticket} --reason '…'")),
            ]
        }
        Status::Reverting
        | Status::RevertCancelling
        | Status::RevertInterrupted
        | Status::RevertUndecided
        | Status::Stuck => {
            let fact = format!("`{ticket}` is being taken back ({}): finish that first", state.status);
            vec![refuse(ReasonCode::AttemptStatusNotRecoverable, fact).way_out(typed.revert(ticket, ""))]
        }
    }
}

/// Earlier phases that are not done.
fn not_done(facts: &Facts, request: &RunRequest, history: &TicketHistory, from: Phase) -> Option<Blocker> {
    let is_open = |phase: &Phase| !history.phases_done.contains(phase) && !request.skip.contains(phase);
    let open: Vec<Phase> = from.earlier().filter(is_open).collect();
    let first = open.first()?;
    let names: Vec<&str> = open.iter().map(|phase| phase.word()).collect();
    let verb = if open.len() == 1 { "is" } else { "are" };
    let fact =
        format!("`{}` cannot go on from {from}: {} {verb} not done", request.ticket, names.join(" and "));
    let way = Typed::on(facts).run(&request.ticket, &format!("--from={first}"));
    Some(Blocker::new(ReasonCode::PhaseNotDone, fact).way_out(way))
}

#[cfg(test)]
mod tests {
    use crate::decide::plan_run;
    use crate::decide::testing::*;
    use crate::model::facts::{Facts, ScriptHeader, StepEnd};
    use crate::model::id::StepName;
    use crate::model::phase::Phase;
    use crate::model::reason::ReasonCode as C;
    use crate::model::release::{ReleaseState, Status};
    use crate::model::request::RunRequest;

    fn web() -> Facts {
        scene().with(plain("web")).changed("web/x")
    }

    fn at_phase(phase: Phase, status: Status) -> ReleaseState {
        ReleaseState { services: vec![service("web")], phase, ..release("1234", status) }
    }

    fn from(phase: Phase) -> RunRequest {
        RunRequest { from: Some(phase), ..run("1234") }
    }

    #[test]
    fn scripts_that_run_elsewhere_are_left_out_and_so_they_are_by_whoever_goes_on() {
        let elsewhere = RunRequest { ticket_ran_on: Some("web1".parse().unwrap()), ..run("1234") };
        let facts = || web().script("1234", "releases/1234-a.sh", ScriptHeader::default());
        let plan = plan_run(&facts(), &elsewhere).unwrap();
        assert!(plan.steps.iter().all(|step| step.phase != Phase::Ticket));
        assert_eq!(plan.ticket_ran_on().map(ToString::to_string).as_deref(), Some("web1"));
        assert_ne!(plan.id, plan_run(&facts(), &run("1234")).unwrap().id, "the plan's id covers it");
        let mut state = at_phase(Phase::Ticket, Status::Failed);
        let begun = |state| facts().head(TARGET).history(state, &[Phase::Prepare, Phase::Migrate], &[]);
        let scripts = |facts: &Facts| {
            let plan = plan_run(facts, &from(Phase::Ticket)).unwrap();
            plan.steps.iter().filter(|step| step.phase == Phase::Ticket).count()
        };
        assert_eq!(scripts(&begun(state.clone())), 1);
        state.ticket_ran_on = elsewhere.ticket_ran_on.clone();
        assert_eq!(scripts(&begun(state)), 0);
    }

    #[test]
    fn nothing_is_resumed_without_a_record() {
        insta::assert_snapshot!(said(&plan_run(&web(), &from(Phase::Verify))), @r#"
        state-missing: `1234` has no state file here: there is nothing to resume from verify
          → holdpoint run 1234
        "#);
        assert!(plan_run(&web(), &from(Phase::Prepare)).is_ok());
    }

    #[test]
    fn a_failed_release_says_from_where_to_go_on() {
        let state = ReleaseState {
            failed_step: Some(StepName::new(["web", "health"])),
            ..at_phase(Phase::Migrate, Status::Failed)
        };
        let facts = web().head(TARGET).history(state, &[Phase::Prepare], &[]);
        insta::assert_snapshot!(said(&plan_run(&facts, &run("1234"))), @r#"
        resume-needed: `1234` is failed in phase migrate at `web.health`
          → holdpoint run 1234 --from=migrate
          → holdpoint revert 1234
        "#);
        insta::assert_snapshot!(said(&plan_run(&facts, &from(Phase::Verify))), @r#"
        phase-not-done: `1234` cannot go on from verify: migrate and ticket are not done
          → holdpoint run 1234 --from=migrate
        "#);
        let plan = plan_run(&facts, &from(Phase::Migrate)).unwrap();
        assert_eq!((plan.trigger.as_str(), plan.attempt.number, plan.from), ("resume", 1, Phase::Migrate));
        assert!(plan.snapshot.is_none(), "the attempt's intent is stored once");
        assert!(plan.steps.iter().all(|step| step.phase >= Phase::Migrate));
    }

    #[test]
    fn a_resume_needs_the_tree_that_the_release_left() {
        let facts =
            web().head('d').history(at_phase(Phase::Verify, Status::Failed), &Phase::FORWARD[..3], &[]);
        insta::assert_snapshot!(said(&plan_run(&facts, &from(Phase::Verify))), @r#"
        head-moved: HEAD is dddddddddddd, but `1234` left it at bbbbbbbbbbbb
          → git reset --hard bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb && holdpoint run 1234 --from=verify
          → holdpoint run 1234 --from=verify --take-new-commits
        "#);
    }

    #[test]
    fn a_release_that_never_moved_the_tree_simply_starts_again_with_its_own_base_and_backups() {
        let mut state = ReleaseState { merge: None, ..at_phase(Phase::Prepare, Status::Failed) };
        state.backups.insert(service("web"), stamp("20260517_100001"));
        state.base = oid('0');
        let facts = web().history(state, &[], &[("backup.web.1", Phase::Prepare, StepEnd::Done)]);
        let plan = plan_run(&facts, &run("1234")).unwrap();
        assert_eq!((plan.attempt.number, plan.cycle, plan.base), (2, 1, oid(BASE)));
        assert!(plan.backups.is_empty());
        assert!(plan.steps.iter().any(|step| step.name.as_str() == "backup.web.1" && !step.already_done));
    }

    #[test]
    fn a_merge_whose_end_is_unknown_keeps_base_and_backups_and_is_looked_at_first() {
        let mut state = ReleaseState { merge: None, ..at_phase(Phase::Prepare, Status::Interrupted) };
        state.backups.insert(service("web"), stamp("20260518_100001"));
        let facts = web().history(state, &[], &[("git.merge", Phase::Prepare, StepEnd::Open)]);
        let plan = plan_run(&facts, &run("1234")).unwrap();
        assert_eq!((plan.base, plan.backups.len(), plan.attempt.number), (oid(BASE), 1, 2));
        let merge = plan.steps.iter().find(|step| step.name.as_str() == "git.merge").unwrap();
        assert!(merge.unknown_since.is_some());
        assert!(!plan.steps.iter().any(|step| step.name.as_str().starts_with("backup.")));

        let moved = plan_run(&facts.head(TARGET), &run("1234")).unwrap();
        assert_eq!(moved.head, Some(oid(TARGET)));
        assert!(!moved.steps.iter().any(|step| step.name.as_str() == "git.merge"));
    }

    #[test]
    fn after_its_end_a_ticket_begins_a_new_cycle() {
        let mut facts =
            web().head(TARGET).history(at_phase(Phase::Verify, Status::Succeeded), &Phase::FORWARD, &[]);
        facts.git.target = Some(oid('c'));
        let plan = plan_run(&facts, &run("1234")).unwrap();
        assert_eq!((plan.attempt.number, plan.cycle, plan.base), (2, 2, oid(TARGET)));
        assert_eq!(codes(&plan_run(&facts, &from(Phase::Verify))), [C::AttemptStatusNotRecoverable]);
    }

    #[test]
    fn a_hold_point_waits_for_somebody() {
        let mut state = at_phase(Phase::Prepare, Status::Held);
        let mut facts = web().head(TARGET).history(state.clone(), &[Phase::Prepare], &[]);
        facts.target_settings.run.hold_before = vec![Phase::Migrate, Phase::Verify];
        let decided = plan_run(&facts, &from(Phase::Migrate));
        insta::assert_snapshot!(said(&decided), @r#"
        held: `1234` is held before phase migrate: somebody has to look and approve
          → holdpoint approve 1234 --reason '…'
          → then holdpoint run 1234 --from=migrate
        "#);
        assert_eq!(crate::model::reason::ending_of(&blockers(&decided)), crate::model::outcome::Ending::Held);
        state.approved = Some(Phase::Migrate);
        facts.history.as_mut().unwrap().state = state;
        let plan = plan_run(&facts, &from(Phase::Migrate)).unwrap();
        assert_eq!(plan.hold_before, [Phase::Verify]);
    }

    #[test]
    fn what_is_being_taken_back_or_was_canceled_cannot_go_on() {
        for status in [Status::Stuck, Status::RevertInterrupted, Status::Canceled] {
            let facts =
                web().head(TARGET).history(at_phase(Phase::Verify, status), &Phase::FORWARD[..3], &[]);
            assert_eq!(
                codes(&plan_run(&facts, &from(Phase::Verify))),
                [C::AttemptStatusNotRecoverable],
                "{status}"
            );
        }
    }

    #[test]
    fn a_step_whose_end_is_unknown_is_never_silently_run_again() {
        let state = at_phase(Phase::Ticket, Status::Interrupted);
        let done = [Phase::Prepare, Phase::Migrate];
        let open = [("1234.sh", Phase::Ticket, StepEnd::Open)];
        let with = |header| {
            web().script("1234", "releases/1234.sh", header).head(TARGET).history(state.clone(), &done, &open)
        };
        let facts = with(ScriptHeader::default());
        insta::assert_snapshot!(said(&plan_run(&facts, &from(Phase::Ticket))), @r#"
        step-undecided: the end of step `1234.sh` is unknown: it began 2026-05-18T10:00:00Z, and no outcome was recorded
          → look whether its effect is there; then one of:
          → holdpoint run 1234 --mark-done=1234.sh --from=ticket
          → holdpoint run 1234 --run-again=1234.sh --from=ticket
        "#);
        let again = RunRequest { run_again: Some(StepName::new(["1234.sh"])), ..from(Phase::Ticket) };
        assert!(plan_run(&facts, &again).is_ok());
        let marked = RunRequest { mark_done: Some(StepName::new(["1234.sh"])), ..from(Phase::Ticket) };
        assert!(plan_run(&facts, &marked).unwrap().steps[0].already_done);

        let idempotent = plan_run(
            &with(ScriptHeader { idempotent: true, ..ScriptHeader::default() }),
            &from(Phase::Ticket),
        );
        assert!(idempotent.unwrap().steps[0].unknown_since.is_none());
        let checked = ScriptHeader { check: Some(vec!["bin/is-filled".into()]), ..ScriptHeader::default() };
        assert!(plan_run(&with(checked), &from(Phase::Ticket)).unwrap().steps[0].unknown_since.is_some());

        let gone = web().head(TARGET).history(state.clone(), &done, &open);
        assert_eq!(
            codes(&plan_run(&gone, &from(Phase::Ticket))),
            [C::StepUndecided],
            "also when its script is gone"
        );
    }

    #[test]
    fn a_failed_script_starts_again_and_finished_ones_do_not() {
        let state = at_phase(Phase::Ticket, Status::Failed);
        let steps =
            [("1234-a.sh", Phase::Ticket, StepEnd::Done), ("1234-b.sh", Phase::Ticket, StepEnd::Failed(3))];
        let mut facts = web()
            .script("1234", "releases/1234-a.sh", ScriptHeader::default())
            .script("1234", "releases/1234-b.sh", ScriptHeader::default())
            .head(TARGET)
            .history(state, &[Phase::Prepare, Phase::Migrate], &steps);
        for record in facts.history.as_mut().unwrap().steps.values_mut() {
            record.script = Some("sha-of-releases/1234-a.sh".into());
        }
        insta::assert_snapshot!(sketch(&plan_run(&facts, &from(Phase::Ticket)).unwrap()), @r#"
        1234@1 resume cycle 1 from ticket: a → b on main
          web changed - → - (web/x)
        ticket 1234-a.sh (already done) (ask)
            $ bash releases/1234-a.sh --yes
        ticket 1234-b.sh (ask) after 1234-a.sh
            $ bash releases/1234-b.sh --yes
        verify verify.head
        verify verify.web
        note: 1234-b.sh ran once for 1.500 s and ended with exit status 3: it starts again from its first line
        "#);
        facts.target_settings.run.rerun_failed = crate::model::settings::RerunFailed::Ask;
        insta::assert_snapshot!(said(&plan_run(&facts, &from(Phase::Ticket))), @r#"
        reason-required: `1234-b.sh` failed, and runs again only when it is named (`rerun_failed = "ask"`)
          → holdpoint run 1234 --from=ticket --run-again=1234-b.sh
        "#);
        let named = RunRequest { run_again: Some(StepName::new(["1234-b.sh"])), ..from(Phase::Ticket) };
        assert!(plan_run(&facts, &named).is_ok());
    }

    #[test]
    fn a_plan_is_the_same_plan_at_any_hour_and_another_one_when_the_world_moved() {
        let facts = web();
        let first = plan_run(&facts, &run("1234")).unwrap();
        let mut later = facts.clone();
        later.now = at("23:59:59");
        assert_eq!(plan_run(&later, &run("1234")).unwrap().id, first.id);
        let mut kept = run("1234");
        kept.plan = Some(first.id.clone());
        assert!(plan_run(&later, &kept).is_ok());
        later.git.target = Some(oid('c'));
        assert_eq!(codes(&plan_run(&later, &kept)), [C::PlanChanged]);
        let snapshot = first.snapshot.unwrap();
        assert_eq!(snapshot.plan, first.id);
    }
}
