//! New attempts of what is recorded: `retry`, `redeploy`, `rollback` (design/05). Each is a run on a course of its own: the
//! same gates, the same phases, the same engine.

use std::collections::BTreeSet;

use super::course::{Course, Images, Way, again, fresh, left_by_last};
use super::range::{Succession, is_in_cycle};
use super::site::{local_image, same_content};
use super::typed::Typed;
use crate::model::candidate::{Artifact, Candidate};
use crate::model::facts::{Facts, Schema, Snapshot, TicketHistory};
use crate::model::gather::Gather;
use crate::model::id::{AttemptId, ServiceName, StepName};
use crate::model::reason::{Blocker, ReasonCode};
use crate::model::release::{Class, ReleaseState, Status, Transition, Trigger, next};
use crate::model::request::{Anew, RunRequest};
use crate::model::spec::DriverSpec;

/// The course of such an attempt.
pub(super) fn course(facts: &Facts, request: &RunRequest, anew: &Anew) -> Course {
    let Some(history) = &facts.history else {
        let fact = format!("`{}` has no release on this host", request.ticket);
        let blocker = Blocker::new(ReasonCode::StateMissing, fact).way_out("holdpoint list");
        let start = fresh(facts, request);
        return Course { blockers: vec![blocker], ..start };
    };
    match anew {
        Anew::Retry => retry(facts, request, history),
        Anew::Redeploy => redeploy(facts, request, history),
        Anew::Rollback { candidate, accept_environment, accept_schema } => {
            let accepted = Accepted { environment: *accept_environment, schema: *accept_schema };
            rollback(facts, request, history, candidate, accepted)
        }
    }
}

fn own(state: &ReleaseState) -> AttemptId {
    AttemptId { ticket: state.ticket.clone(), number: state.attempt }
}

/// What the attempt's own record says against beginning another one in its place.
fn against_record(facts: &Facts, state: &ReleaseState, verb: &str, fits: &[Status]) -> Vec<Blocker> {
    let typed = Typed::on(facts);
    let (attempt, ticket) = (own(state), &state.ticket);
    let recoverable = ReasonCode::AttemptStatusNotRecoverable;
    if state.status.class() == Class::Live && state.status != Status::Held {
        let fact = format!("`{attempt}` is {}: its end must be known first", state.status);
        return vec![
            Blocker::new(ReasonCode::AttemptNotTerminal, fact)
                .way_out(format!("holdpoint log {ticket} -f"))
                .way_out(format!("holdpoint cancel {attempt} --confirm {attempt}")),
        ];
    }
    if let Some(by) = &state.superseded_by {
        let fact = format!("`{attempt}` was taken over by `{by}`");
        return vec![Blocker::new(recoverable, fact).way_out(format!("holdpoint {verb} {by}"))];
    }
    if state.closed {
        let fact = format!("`{attempt}` was closed for good");
        return vec![Blocker::new(recoverable, fact).way_out(typed.run(ticket, ""))];
    }
    if !fits.contains(&state.status) {
        let fact = format!("`{attempt}` is {}: `{verb}` does not fit", state.status);
        let blocker = Blocker::new(recoverable, fact);
        return vec![match (state.status, verb) {
            // In its place it would count as a success, and what was taken back could return unseen.
            (Status::Reverted, "redeploy" | "rollback") => blocker
                .way_out(format!("what runs belongs to the release before it: holdpoint {verb} TICKET")),
            _ => blocker.way_out(typed.state(ticket)),
        }];
    }
    Vec::new()
}

/// What is put in the place of an attempt counts as that release: there must be something of it to be replaced.
fn against_replacing(facts: &Facts, state: &ReleaseState, verb: &str, fits: &[Status]) -> Vec<Blocker> {
    let blockers = against_record(facts, state, verb, fits);
    if !blockers.is_empty() || state.merge.is_some() {
        return blockers;
    }
    let fact =
        format!("`{}` never got past its backups: nothing of it runs that could be replaced", own(state));
    let blocker = Blocker::new(ReasonCode::AttemptStatusNotRecoverable, fact)
        .way_out(Typed::on(facts).run(&state.ticket, ""));
    vec![if verb == "redeploy" { blocker.way_out("holdpoint redeploy --all") } else { blocker }]
}

/// The attempt that this one takes the place of, where the table of transitions knows such a thing.
fn superseded(state: &ReleaseState) -> Option<String> {
    let fits = next(state.status, Transition::Superseded).is_ok() && state.superseded_by.is_none();
    fits.then(|| own(state).to_string())
}

/// The failed attempt's own commit once more; what came since stays out.
fn retry(facts: &Facts, request: &RunRequest, history: &TicketHistory) -> Course {
    let state = &history.state;
    let fits = [Status::Failed, Status::Canceled, Status::Interrupted];
    let mut blockers = against_record(facts, state, "retry", &fits);
    if blockers.is_empty() {
        blockers.extend(put_there_before(facts, state));
    }
    if !blockers.is_empty() {
        return Course { blockers, trigger: Trigger::Retry, ..put_there(facts, request, state) };
    }
    blockers.extend(history.snapshot_lost.clone());
    if history.snapshot.is_none() && history.snapshot_lost.is_none() {
        let fact = format!("`{}` was refused before it was planned: there is nothing to repeat", own(state));
        let way = Typed::on(facts).run(&state.ticket, "");
        blockers.push(Blocker::new(ReasonCode::SnapshotMissing, fact).way_out(way));
    }
    blockers.extend(gone_since(facts, history));
    let moved = is_in_cycle(state);
    let start = if moved { again(facts, request, history) } else { fresh(facts, request) };
    Course {
        branch: state.branch.clone(),
        supersedes: superseded(state),
        trigger: Trigger::Retry,
        images: Images::IfMissing,
        blockers,
        ..start
    }
}

/// What put something there again is no release: repeating it as one would run its scripts, fetch what was pinned, and let
/// releases go on that wait for somebody.
fn put_there_before(facts: &Facts, state: &ReleaseState) -> Option<Blocker> {
    let verb = match state.trigger {
        Trigger::Redeploy => "redeploy",
        Trigger::Rollback => "rollback",
        _ => return None,
    };
    let (attempt, ticket) = (own(state), &state.ticket);
    let fact = format!("`{attempt}` is a {verb}: it is gone on with, or begun again as one");
    let mut blocker = Blocker::new(ReasonCode::AttemptStatusNotRecoverable, fact);
    if state.status != Status::Canceled {
        blocker = blocker.way_out(Typed::on(facts).run(ticket, &format!("--from={}", state.phase)));
    }
    let again = if verb == "rollback" { " --candidate ID" } else { "" };
    Some(blocker.way_out(format!("holdpoint {verb} {ticket}{again}")))
}

/// Images that the attempt had fetched and that are not here any more: what their names stand for today may be newer.
fn gone_since(facts: &Facts, history: &TicketHistory) -> Vec<Blocker> {
    let fetched = |name: &ServiceName| {
        let step = StepName::new([name.as_str(), "pull"]);
        history.steps.get(&step).is_some_and(|record| record.end == crate::model::facts::StepEnd::Done)
    };
    let services = history.snapshot.iter().flat_map(|snapshot| &snapshot.services);
    let with_images = |name: &ServiceName| {
        let service = facts.target_settings.services.get(name);
        service.is_some_and(|service| matches!(service.driver, DriverSpec::Compose(_)))
    };
    let asked = services.filter(|(name, _)| fetched(name) && with_images(name));
    let gone = asked.filter_map(|(name, service)| {
        let images = service.image.as_deref()?.split_whitespace();
        let gone: Vec<&str> = images.filter(|image| local_image(facts, image).is_none()).collect();
        (!gone.is_empty()).then(|| (name, gone.join(" ")))
    });
    let ticket = &history.state.ticket;
    gone.map(|(name, images)| {
        let fact =
            format!("{images} of `{name}` was fetched by this attempt and is not on this host any more");
        Blocker::new(ReasonCode::RuntimeArtifactMissing, fact)
            .way_out(format!("docker pull {images}   (if the name still stands for the same image)"))
            .way_out(format!("holdpoint redeploy {ticket} --reason '…'"))
    })
    .collect()
}

/// An attempt at one of these may have something put in its place.
const REPLACED: [Status; 4] = [Status::Failed, Status::Canceled, Status::Interrupted, Status::Succeeded];

/// After a rollback nothing goes on before somebody has said that the cause is known: not by another verb, either.
pub(super) fn waits_since_rollback(state: &ReleaseState) -> Option<Blocker> {
    let waits = state.trigger == Trigger::Rollback
        && state.status == Status::Succeeded
        && state.approved.is_none()
        && !state.closed;
    let fact = format!("`{}` is a rollback, and nobody has said yet that releases may go on", own(state));
    waits.then(|| {
        Blocker::new(ReasonCode::Held, fact)
            .way_out(format!("holdpoint log {}", state.ticket))
            .way_out(format!("holdpoint approve {} --reason '…'", state.ticket))
    })
}

/// Today's checkout and configuration, put there again.
fn redeploy(facts: &Facts, request: &RunRequest, history: &TicketHistory) -> Course {
    let state = &history.state;
    let mut blockers = against_replacing(facts, state, "redeploy", &REPLACED);
    blockers.extend(waits_since_rollback(state));
    // Over one that stopped, releases would go on unasked.
    let stopped = state.trigger == Trigger::Rollback && state.status != Status::Succeeded;
    if stopped && blockers.is_empty() {
        blockers.extend(put_there_before(facts, state));
    }
    blockers.extend(drifted(facts));
    blockers.extend(invalid(facts, request, state));
    blockers.extend(moved_by_hand(facts, request, state));
    let start = put_there(facts, request, state);
    let wanted = request.services.clone().unwrap_or_default();
    Course {
        target: Some(facts.git.head.clone()),
        branch: facts.git.branch.clone().unwrap_or_else(|| facts.git.release_branch.clone()),
        services: if wanted.is_empty() { state.services.clone() } else { wanted },
        trigger: Trigger::Redeploy,
        head: Some(facts.git.head.clone()),
        blockers,
        ..start
    }
}

/// A new attempt that puts something there: within the release's cycle, as long as that is on top, so that a revert still
/// takes all of it back; else in a cycle of its own.
fn put_there(facts: &Facts, request: &RunRequest, state: &ReleaseState) -> Course {
    let start = fresh(facts, request);
    let on_top = state.merge.as_ref().is_some_and(|merge| same_content(facts, merge, &facts.git.head));
    let goes_on = is_in_cycle(state)
        || state.status == Status::Succeeded && on_top && state.superseded_by.is_none() && !state.closed;
    let (base, cycle, backups) = if goes_on {
        (state.base.clone(), state.cycle, state.backups.clone())
    } else {
        (facts.git.head.clone(), start.cycle, start.backups.clone())
    };
    Course {
        way: Way::Anew,
        attempt: AttemptId { ticket: state.ticket.clone(), number: state.attempt + 1 },
        base,
        cycle,
        backups,
        supersedes: superseded(state),
        scripts: false,
        ticket_ran_on: None,
        within: goes_on,
        ..start
    }
}

/// The release that last succeeded with one of these services (none named: with any), or what was adopted: a redeploy of
/// services is an attempt of it.
pub fn last_with<'a>(releases: &'a [ReleaseState], services: &[ServiceName]) -> Option<&'a ReleaseState> {
    let touches = |state: &&ReleaseState| {
        services.is_empty() || services.iter().any(|name| state.services.contains(name))
    };
    let succeeded = releases.iter().filter(|state| state.status == Status::Succeeded);
    succeeded.filter(touches).max_by_key(|state| state.updated_at)
}

/// Services that a redeploy would put there again, as far as the records say it.
pub fn redeployed(releases: &[ReleaseState]) -> BTreeSet<ServiceName> {
    let named: BTreeSet<&ServiceName> = releases.iter().flat_map(|state| &state.services).gather();
    let admitted = |name: &&&ServiceName| {
        let last = last_with(releases, std::slice::from_ref(**name));
        last.is_some_and(|state| {
            state.superseded_by.is_none() && !state.closed && waits_since_rollback(state).is_none()
        })
    };
    named.iter().filter(admitted).map(|name| (*name).clone()).gather()
}

/// Configuration that is not as it is tracked.
fn drifted(facts: &Facts) -> Option<Blocker> {
    let settings = &facts.target_settings;
    let composed = settings.services.values().filter_map(|service| match &service.driver {
        DriverSpec::Compose(spec) => Some(spec.file.to_string_lossy().into_owned()),
        DriverSpec::Command(_) => None,
    });
    let files: BTreeSet<String> = settings.sources.keys().cloned().chain(composed).gather();
    let drifted: Vec<&str> =
        facts.git.dirty.iter().map(|file| file.path.as_str()).filter(|path| files.contains(*path)).collect();
    let first = drifted.first()?;
    let fact = format!("what is configured is not what is tracked: {}", drifted.join(", "));
    Some(
        Blocker::new(ReasonCode::ResourceProfileDrifted, fact)
            .way_out(format!("git diff -- {first}"))
            .way_out("have the change committed and released, or put the file back"),
    )
}

/// Compose cannot make anything of what is configured for a service.
fn invalid(facts: &Facts, request: &RunRequest, state: &ReleaseState) -> Option<Blocker> {
    let wanted = request.services.as_ref().unwrap_or(&state.services);
    let unread = |name: &&ServiceName| {
        let service = facts.target_settings.services.get(*name);
        service.is_some_and(|service| matches!(service.driver, DriverSpec::Compose(_)))
            && !facts.target_compose.contains_key(*name)
    };
    let names: Vec<&str> = wanted.iter().filter(unread).map(ServiceName::as_str).collect();
    let first = names.first()?;
    let fact = format!("compose cannot read what is configured for {}", names.join(", "));
    Some(Blocker::new(ReasonCode::ResourceProfileInvalid, fact).way_out(format!("holdpoint status {first}")))
}

/// Content that nobody released is no content to redeploy.
fn moved_by_hand(facts: &Facts, request: &RunRequest, state: &ReleaseState) -> Option<Blocker> {
    let left = left_by_last(facts)?;
    let head = &facts.git.head;
    if same_content(facts, &left, head)
        || state.merge.as_ref().is_some_and(|merge| same_content(facts, merge, head))
    {
        return None;
    }
    let fact = format!("HEAD is {}, but the last release here left {}", head.short(), left.short());
    let again = request.anew.as_ref().map(|anew| anew.typed(&request.ticket, "")).unwrap_or_default();
    Some(
        Blocker::new(ReasonCode::HeadMoved, fact)
            .way_out(format!("git reset --hard {left} && holdpoint {again}"))
            .way_out(format!("release what came in: {}", Typed::on(facts).run(&request.ticket, ""))),
    )
}

/// What a person accepted beforehand.
#[derive(Debug, Clone, Copy)]
struct Accepted {
    environment: bool,
    schema: bool,
}

/// What an older attempt left, put back: its tree, its images; never data.
fn rollback(
    facts: &Facts,
    request: &RunRequest,
    history: &TicketHistory,
    wanted: &AttemptId,
    accepted: Accepted,
) -> Course {
    let state = &history.state;
    let mut blockers = against_replacing(facts, state, "rollback", &REPLACED);
    blockers.extend(later_on_top(facts, request, state));
    let start = put_there(facts, request, state);
    let candidate = facts.candidates.iter().find(|candidate| candidate.attempt == *wanted);
    let Some(candidate) = candidate else {
        let fact = format!("`{wanted}` has no record on this host");
        blockers.push(
            Blocker::new(ReasonCode::RollbackCandidateNotSuccessful, fact)
                .way_out(format!("holdpoint readiness {}", state.ticket)),
        );
        blockers.extend(moved_by_hand(facts, request, state));
        return Course { blockers, trigger: Trigger::Rollback, ..start };
    };
    blockers.extend(against(facts, state, candidate, accepted));
    let target = candidate.state.merge.clone();
    let is_candidates = target.as_ref().is_some_and(|target| same_content(facts, target, &facts.git.head));
    if !is_candidates {
        blockers.extend(moved_by_hand(facts, request, state));
    }
    Course {
        head: (start.within || is_candidates).then(|| facts.git.head.clone()),
        target,
        branch: facts.git.branch.clone().unwrap_or_else(|| facts.git.release_branch.clone()),
        services: touched(facts, state, candidate),
        trigger: Trigger::Rollback,
        images: Images::Pinned,
        pinned: candidate.artifacts.clone(),
        blockers,
        ..start
    }
}

/// What a rollback puts back takes away everything above it: that is said of the release that is on top.
fn later_on_top(facts: &Facts, request: &RunRequest, state: &ReleaseState) -> Option<Blocker> {
    let left = left_by_last(facts)?;
    let order = Succession::of(state, &facts.releases);
    let is_newer = |other: &&ReleaseState| {
        other.merge.as_ref() == Some(&left)
            && other.ticket != state.ticket
            && other.status == Status::Succeeded
            && order.began_after(other)
    };
    let top = facts.releases.iter().find(is_newer)?;
    let fact = format!("`{}` stands on top of `{}`: a rollback takes it away, too", own(top), own(state));
    let again = match &request.anew {
        // In its own place it cannot be put: what could be is said of it.
        Some(Anew::Rollback { candidate, .. }) if *candidate == own(top) => {
            format!("readiness {}", top.ticket)
        }
        Some(anew) => anew.typed(&top.ticket, ""),
        None => String::new(),
    };
    Some(Blocker::new(ReasonCode::LaterReleaseOnTop, fact).way_out(format!("holdpoint {again}")))
}

/// Whether a candidate is older than a release: putting a newer one in its place is no rollback.
pub fn is_older(facts: &Facts, state: &ReleaseState, candidate: &Candidate) -> bool {
    let newer = if candidate.attempt.ticket == state.ticket {
        candidate.state.attempt >= state.attempt
    } else {
        Succession::of(state, &facts.releases).began_after(&candidate.state)
    };
    !newer
}

fn touched(facts: &Facts, state: &ReleaseState, candidate: &Candidate) -> Vec<ServiceName> {
    let known = |name: &&ServiceName| {
        facts.base_settings.services.contains_key(*name) || facts.target_settings.services.contains_key(*name)
    };
    let all = state.services.iter().chain(&candidate.state.services);
    let all: BTreeSet<ServiceName> = all.filter(known).cloned().gather();
    all.into_iter().collect()
}

/// Everything that stands against putting this candidate back in the place of an attempt, as long as nobody has accepted
/// anything.
pub fn against_candidate(facts: &Facts, state: &ReleaseState, candidate: &Candidate) -> Vec<Blocker> {
    against(facts, state, candidate, Accepted { environment: false, schema: false })
}

fn against(facts: &Facts, state: &ReleaseState, candidate: &Candidate, accepted: Accepted) -> Vec<Blocker> {
    let attempt = &candidate.attempt;
    let others = format!("holdpoint readiness {}", state.ticket);
    let refuse = |code, fact: String| Blocker::new(code, fact).way_out(others.clone());
    let mut blockers = Vec::new();
    if *attempt == own(state) {
        let fact = format!("`{attempt}` is the attempt that is to be rolled back");
        blockers.push(refuse(ReasonCode::RollbackCandidateTargetMismatch, fact));
    }
    if candidate.state.status != Status::Succeeded || candidate.state.merge.is_none() {
        let fact = format!("`{attempt}` is {}: only what succeeded can be put back", candidate.state.status);
        blockers.push(refuse(ReasonCode::RollbackCandidateNotSuccessful, fact));
    }
    if candidate.state.host != facts.host.name {
        let fact = format!(
            "`{attempt}` was released on `{}`, and this is `{}`",
            candidate.state.host, facts.host.name
        );
        blockers.push(refuse(ReasonCode::RollbackCandidateTargetMismatch, fact));
    }
    let lacking: Vec<&str> =
        state.services.iter().filter(|name| !is_known_to(facts, name)).map(ServiceName::as_str).collect();
    if !lacking.is_empty() {
        let fact = format!("nobody configures {} any more", lacking.join(", "));
        blockers.push(refuse(ReasonCode::RuntimeTargetMissing, fact));
    }
    match &candidate.snapshot {
        Err(lost) => blockers.push(lost.clone()),
        Ok(snapshot) => blockers.extend(other_environment(facts, candidate, snapshot, accepted)),
    }
    blockers.extend(missing_artifacts(facts, candidate).map(|fact| {
        refuse(ReasonCode::RuntimeArtifactMissing, fact).way_out(
            "redeploy instead: `holdpoint redeploy` builds or fetches what today's configuration names",
        )
    }));
    blockers.extend(other_schema(facts, candidate, accepted));
    blockers
}

fn is_known_to(facts: &Facts, name: &ServiceName) -> bool {
    facts.base_settings.services.contains_key(name) || facts.target_settings.services.contains_key(name)
}

/// Only names and hashes are kept, never values: what was in force then cannot be put back.
fn other_environment(
    facts: &Facts,
    candidate: &Candidate,
    snapshot: &Snapshot,
    accepted: Accepted,
) -> Option<Blocker> {
    let (then, now) = (&snapshot.environment, &facts.environment);
    let names: BTreeSet<&str> = then.keys().chain(now.keys()).map(String::as_str).gather();
    let differs = |name: &&str| then.get(*name) != now.get(*name);
    // What it was resumed with is what it succeeded with; of that only one digest is kept, and which names were changed.
    let resumed = candidate.resumed.as_ref();
    if resumed.is_some_and(|resumed| resumed.is_todays) {
        return None;
    }
    let changed = resumed.iter().flat_map(|resumed| &resumed.changed).map(String::as_str);
    let differing: BTreeSet<&str> = names.into_iter().filter(differs).chain(changed).gather();
    let differing: Vec<&str> = differing.into_iter().collect();
    if differing.is_empty() || accepted.environment {
        return None;
    }
    let fact = format!(
        "the environment is not that of `{}` any more, and its values were never kept: {}",
        candidate.attempt,
        differing.join(", ")
    );
    Some(
        Blocker::new(ReasonCode::EnvironmentSnapshotMissing, fact)
            .way_out("put these values back in the environment file")
            .way_out("add `--accept-environment` to the same command: today's values are used"),
    )
}

/// Images of the candidate that are not on this host: one sentence a service.
fn missing_artifacts<'a>(facts: &'a Facts, candidate: &'a Candidate) -> impl Iterator<Item = String> + 'a {
    candidate.artifacts.iter().filter_map(move |(service, parts)| {
        let gone: Vec<String> = parts
            .values()
            .filter(|artifact| !is_present(facts, artifact))
            .map(|artifact| format!("{} ({})", artifact.image, short_id(&artifact.id)))
            .collect();
        let names = gone.join(", ");
        (!gone.is_empty()).then(|| {
            format!("`{service}` of `{}` ran {names}, which is not on this host any more", candidate.attempt)
        })
    })
}

/// Whether the image itself is here, under whatever name.
pub fn is_present(facts: &Facts, artifact: &Artifact) -> bool {
    facts.runtime.images.values().any(|id| *id == artifact.id)
}

fn short_id(id: &str) -> &str {
    let bare = id.strip_prefix("sha256:").unwrap_or(id);
    bare.get(..12).unwrap_or(bare)
}

/// Data does not go back: where its schema is another one, the older version may not understand it.
fn other_schema(facts: &Facts, candidate: &Candidate, accepted: Accepted) -> Vec<Blocker> {
    if accepted.schema {
        return Vec::new();
    }
    let differs = |(name, then): (&ServiceName, &String)| {
        let now = facts.services.get(name)?.schema.as_ref()?;
        let now = match now {
            Schema::Version(now) if now == then => return None,
            Schema::Version(now) => now.clone(),
            Schema::Unknown(why) => format!("unknown ({why})"),
        };
        Some(format!("the data of `{name}` is at {now}, and `{}` left it at {then}", candidate.attempt))
    };
    let ticket = facts.history.as_ref().map(|history| history.state.ticket.to_string()).unwrap_or_default();
    let all = candidate.schemas.iter().filter_map(differs);
    all.map(|fact| {
        Blocker::new(ReasonCode::StatefulDataRollbackUnsupported, fact)
            .way_out(format!("holdpoint revert {ticket} (puts the data back as well)"))
            .way_out("add `--accept-schema` to the same command, if the older version can live with it")
    })
    .collect()
}

/// Services whose data a rollback leaves as it is without anybody having compared its version: none is asked for, or none was
/// recorded when the candidate ended. No refusal, and to be known.
pub fn not_compared(facts: &Facts, state: &ReleaseState, candidate: &Candidate) -> Vec<Blocker> {
    let attempt = &candidate.attempt;
    let one = |name: ServiceName| {
        let service =
            facts.base_settings.services.get(&name).or_else(|| facts.target_settings.services.get(&name))?;
        if service.backup.is_empty() || candidate.schemas.contains_key(&name) {
            return None;
        }
        let (why, way) = if service.schema.is_some() {
            ("no version of it was recorded", format!("holdpoint state {}", attempt.ticket))
        } else {
            ("no `schema` command says its version", format!("add `schema` to [services.{name}]"))
        };
        let fact = format!("whether `{attempt}` understands today's data of `{name}` is not known: {why}");
        Some(Blocker::new(ReasonCode::StatefulDataRollbackUnsupported, fact).way_out(way))
    };
    touched(facts, state, candidate).into_iter().filter_map(one).collect()
}

/// What a person should know of it beforehand.
pub(super) fn notes(facts: &Facts, request: &RunRequest, course: &Course) -> Vec<String> {
    let Some(anew) = &request.anew else { return Vec::new() };
    let mut notes = Vec::new();
    match anew {
        Anew::Retry => notes.push("the same commit as before: nothing newer is brought in".to_owned()),
        Anew::Redeploy => notes.extend(differences(facts)),
        Anew::Rollback { candidate, .. } => {
            notes.push(format!(
                "puts back what {candidate} left; data stays as it is (`holdpoint revert` restores it)"
            ));
            let known = facts.candidates.iter().find(|known| known.attempt == *candidate);
            if let (Some(known), Some(history)) = (known, &facts.history) {
                let open = not_compared(facts, &history.state, known).into_iter();
                notes.extend(open.map(|blocker| format!("warning: {}", blocker.fact)));
            }
            notes.push(format!(
                "further releases then wait until somebody approves: `holdpoint approve {} --reason '…'`",
                request.ticket
            ));
        }
    }
    if !course.within && anew != &Anew::Retry {
        notes.push(format!(
            "a revert of {} takes back this attempt alone, not what {} brought",
            course.attempt, request.ticket
        ));
    }
    notes
}

/// What is not as it was when the attempt was planned.
fn differences(facts: &Facts) -> Vec<String> {
    let Some(history) = &facts.history else { return Vec::new() };
    let mut lines: Vec<String> = history
        .changed_inputs
        .iter()
        .map(|what| format!("changed since {}: {what}", own(&history.state)))
        .collect();
    let then = history.snapshot.as_ref().map(|snapshot| &snapshot.environment);
    let names = facts
        .environment
        .iter()
        .filter(|(name, hash)| then.is_some_and(|then| then.get(*name) != Some(*hash)));
    let names: Vec<&str> = names.map(|(name, _)| name.as_str()).collect();
    if !names.is_empty() {
        lines.push(format!("changed since {}: environment {}", own(&history.state), names.join(", ")));
    }
    if lines.is_empty() {
        lines.push(format!("nothing differs from what {} was planned from", own(&history.state)));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::testing::*;
    use crate::decide::{Refusal, plan_run};
    use crate::model::reason::ReasonCode as C;

    fn anew(of: &str, anew: Anew) -> RunRequest {
        RunRequest { at: Some(oid(TARGET)), anew: Some(anew), ..run(of) }
    }

    fn failed() -> Facts {
        let mut state = release("1234", Status::Failed);
        state.services = vec![service("web")];
        scene().with(plain("web")).head(TARGET).history(state, &[], &[])
    }

    fn refused(facts: &Facts, request: &RunRequest) -> Vec<C> {
        match plan_run(facts, request) {
            Err(Refusal::Blocked { blockers, .. }) => blockers.iter().map(|blocker| blocker.code).collect(),
            other => panic!("not refused: {other:?}"),
        }
    }

    #[test]
    fn a_new_attempt_is_begun_only_in_the_place_of_one_that_is_over() {
        for (status, code) in [
            (Status::Running, C::AttemptNotTerminal),
            (Status::Reverting, C::AttemptNotTerminal),
            (Status::Undecided, C::AttemptStatusNotRecoverable),
            (Status::Stuck, C::AttemptStatusNotRecoverable),
        ] {
            let mut facts = failed();
            facts.history.as_mut().unwrap().state.status = status;
            for verb in [Anew::Retry, Anew::Redeploy] {
                let codes = refused(&facts, &anew("1234", verb.clone()));
                assert!(codes.contains(&code), "{verb:?} of {status}: {codes:?}");
            }
        }
        let mut facts = failed();
        facts.history.as_mut().unwrap().state.superseded_by = Some("1235@1".into());
        assert!(refused(&facts, &anew("1234", Anew::Redeploy)).contains(&C::AttemptStatusNotRecoverable));
    }

    #[test]
    fn what_is_configured_nowhere_or_cannot_be_read_is_not_put_there() {
        let facts = scene().with_compose(composed("wikijs"), "wiki:2.4", "wiki:2.5").head(TARGET);
        let mut state = release("1234", Status::Failed);
        state.services = vec![service("wikijs")];
        let mut facts = facts.history(state.clone(), &[], &[]);
        facts.target_compose.clear();
        assert!(refused(&facts, &anew("1234", Anew::Redeploy)).contains(&C::ResourceProfileInvalid));

        let older = ReleaseState { attempt: 1, ..release("1201", Status::Succeeded) };
        let candidate = Candidate {
            attempt: own(&older),
            state: older,
            snapshot: Err(Blocker::new(C::SnapshotMissing, "gone")),
            resumed: None,
            artifacts: std::collections::BTreeMap::new(),
            schemas: std::collections::BTreeMap::new(),
        };
        state.services = vec![service("gone")];
        let codes: Vec<C> =
            against_candidate(&facts, &state, &candidate).iter().map(|blocker| blocker.code).collect();
        assert_eq!(codes, [C::RuntimeTargetMissing, C::SnapshotMissing]);
    }
}
