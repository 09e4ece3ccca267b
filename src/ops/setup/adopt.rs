//! `adopt`: HEAD and what runs, recorded as attempt `baseline@1`, succeeded. Nothing on the host is touched.

use std::collections::BTreeMap;

use crate::decide::{self, Refusal};
use crate::model::candidate::Artifact;
use crate::model::event::{EventDraft, EventKind};
use crate::model::facts::{ContainerState, Facts, RunState, Schema, ServiceState, Snapshot, SnapshotService};
use crate::model::gather::Gather;
use crate::model::id::{AttemptId, ServiceName, TicketId};
use crate::model::phase::Phase;
use crate::model::projection::field;
use crate::model::reason::{Blocker, ReasonCode};
use crate::model::release::{ReleaseState, Trigger};
use crate::model::request::RunRequest;
use crate::model::view::{Change, ChangeView, RefusedView};
use crate::ops::error::OpsError;
use crate::ops::face::Face;
use crate::ops::facts::{Fetch, Lock, Look, config_hash, observe};
use crate::ops::host::Host;
use crate::ops::release::following;
use crate::ops::session::Session;
use crate::store::Durability;

/// What makes adopting wrong: it would record a stack that is not the one that is configured, or that nobody can see.
const AGAINST: [ReasonCode; 4] =
    [ReasonCode::ProjectMismatch, ReasonCode::VolumeMismatch, ReasonCode::Tools, ReasonCode::CheckoutUnfit];

/// Records what runs as the baseline. Where something is on record already, that is kept.
///
/// # Errors
/// [`OpsError::Refused`] when what runs is not what is configured (`project-mismatch`, `volume-mismatch`) or cannot be
/// seen; `Locked`.
pub fn adopt(host: &Host, dry_run: bool, face: Face<'_>) -> Result<ChangeView, OpsError> {
    if dry_run {
        let facts = observe(host, &look(Lock::Unknown))?;
        if let Some(known) = already(&facts.releases) {
            return Ok(kept(host, known, dry_run));
        }
        refuse(&facts)?;
        return Ok(view(host, &facts, dry_run));
    }
    let ticket = TicketId::baseline();
    let session = Session::open(host, face, Some(&ticket), Phase::Verify)?;
    let facts = observe(host, &look(Lock::Ours))?;
    if let Some(known) = already(&facts.releases) {
        return Ok(kept(host, known, dry_run));
    }
    if let Err(OpsError::Refused(RefusedView { blockers, notes, .. })) = refuse(&facts) {
        return Err(session.refuse_aside(Phase::Verify, blockers, notes));
    }
    record(&session, &facts)?;
    Ok(view(host, &facts, dry_run))
}

fn look(lock: Lock) -> Look {
    Look { fetch: Fetch::Keep, lock, ..Look::default() }
}

/// A record that says already what this host runs.
fn already(releases: &[ReleaseState]) -> Option<&ReleaseState> {
    releases.iter().rfind(|state| state.merge.is_some())
}

fn kept(host: &Host, known: &ReleaseState, dry_run: bool) -> ChangeView {
    let attempt = format!("{}@{}", known.ticket, known.attempt);
    ChangeView {
        changes: vec![Change {
            verb: "kept".to_owned(),
            what: attempt,
            detail: format!("{} at {}", known.status, known.updated_at.format("%Y-%m-%d %H:%M UTC")),
            content: None,
        }],
        notes: vec!["this host has a record of what it runs: nothing was adopted".to_owned()],
        next: vec![following("to see it", host.typed("state", known.ticket.as_str()))],
        dry_run,
    }
}

/// Asks the decision of `run` about every service, and minds what says that the wrong thing would be recorded.
fn refuse(facts: &Facts) -> Result<(), OpsError> {
    let request = RunRequest {
        services: Some(facts.base_settings.services.keys().cloned().collect()),
        without_scripts: true,
        ..RunRequest::new("TICKET".parse()?)
    };
    let mut blockers = match decide::plan_run(facts, &request) {
        Err(Refusal::Blocked { blockers, .. }) => blockers,
        Ok(_) | Err(Refusal::Nothing { .. }) => Vec::new(),
    };
    blockers.retain(|blocker| AGAINST.contains(&blocker.code));
    blockers.extend(unseen(facts));
    if blockers.is_empty() {
        return Ok(());
    }
    Err(OpsError::Refused(RefusedView::new(blockers, Vec::new())))
}

/// A service whose state cannot be seen cannot be recorded.
fn unseen(facts: &Facts) -> Vec<Blocker> {
    let unseen = facts.services.iter().filter(|(_, state)| state.run == RunState::Unknown);
    let blocker = |(name, state): (&ServiceName, &ServiceState)| {
        let why = state.trouble.as_deref().unwrap_or("its state is unknown");
        Blocker::new(ReasonCode::Tools, format!("`{name}` cannot be seen: {why}")).way_out("holdpoint doctor")
    };
    unseen.map(blocker).collect()
}

/// The records of an attempt that succeeded without a step.
fn record(session: &Session<'_>, facts: &Facts) -> Result<(), OpsError> {
    let attempt = AttemptId { ticket: TicketId::baseline(), number: 1 };
    let journal = session.journal(&attempt)?;
    let recorder = session.recorder(&journal, None);
    let names: Vec<&str> = facts.base_settings.services.keys().map(ServiceName::as_str).collect();
    let branch = facts.git.branch.as_ref().unwrap_or(&facts.git.release_branch);
    let created = EventDraft::new(EventKind::Created)
        .phase(Phase::Verify)
        .detail(field::BASE, facts.git.head.as_str())
        .detail(field::HEAD, facts.git.head.as_str())
        .detail(field::BRANCH, branch.as_str())
        .detail(field::SERVICES, names.join(" "))
        .detail(field::HOST, &facts.host.name)
        .detail(field::CYCLE, "1")
        .detail(field::TRIGGER, Trigger::Adopt.word())
        .msg(session.face.reason.unwrap_or("what runs was adopted; nothing was touched"));
    recorder.record(created, Durability::Ride)?;
    let digest = session.store.save_snapshot(&attempt, &snapshot(facts, &attempt))?;
    let planned = EventDraft::new(EventKind::Planned).detail(field::SNAPSHOT, digest);
    recorder.record(planned, Durability::Ride)?;
    recorder.record(EventDraft::new(EventKind::Started).phase(Phase::Verify), Durability::Ride)?;
    recorder.record(EventDraft::new(EventKind::Succeeded).phase(Phase::Verify), Durability::Sync)?;
    recorder.save()?;
    session.publish(&recorder);
    Ok(())
}

fn snapshot(facts: &Facts, attempt: &AttemptId) -> Snapshot {
    Snapshot {
        format: 1,
        attempt: attempt.to_string(),
        trigger: Trigger::Adopt.word().to_owned(),
        base: facts.git.head.clone(),
        target: facts.git.head.clone(),
        branch: facts.git.branch.clone().unwrap_or_else(|| facts.git.release_branch.clone()),
        host: facts.host.name.clone(),
        created_at: facts.now,
        plan: String::new(),
        supersedes: None,
        configuration: facts.base_settings.sources.clone(),
        scripts: std::collections::BTreeMap::new(),
        environment: facts.environment.clone(),
        services: facts
            .base_settings
            .services
            .keys()
            .map(|name| (name.clone(), service(facts, name)))
            .gather(),
    }
}

/// What runs of a service, by name and by identity.
fn service(facts: &Facts, name: &ServiceName) -> SnapshotService {
    let nothing = ServiceState::default();
    let state = facts.services.get(name).unwrap_or(&nothing);
    let joined = |words: Vec<&str>| (!words.is_empty()).then(|| words.join(" "));
    let mut images: Vec<&str> = state.containers.iter().map(|container| container.image.as_str()).collect();
    images.sort_unstable();
    images.dedup();
    let identities =
        state.containers.iter().map(|container| container.digest.as_deref().unwrap_or(&container.image_id));
    let image = joined(images).or_else(|| state.image.clone());
    let identity = joined(identities.collect()).or_else(|| state.image.clone());
    SnapshotService {
        config_hash: facts.base_compose.get(name).map(config_hash),
        image_before: image.clone(),
        identity_before: identity.clone(),
        image,
        identity,
        schema: match &state.schema {
            Some(Schema::Version(version)) => Some(version.clone()),
            Some(Schema::Unknown(_)) | None => None,
        },
        pinned: running(state),
    }
}

/// The images that run, so that a rollback may put them back.
fn running(state: &ServiceState) -> BTreeMap<String, Artifact> {
    let known = state.containers.iter().filter(|container| !container.image_id.is_empty());
    let artifact = |container: &ContainerState| Artifact {
        image: container.image.clone(),
        id: container.image_id.clone(),
    };
    known.map(|container| (container.part.clone(), artifact(container))).gather()
}

/// What was recorded, or would be.
fn view(host: &Host, facts: &Facts, dry_run: bool) -> ChangeView {
    let branch = facts.git.branch.as_ref().unwrap_or(&facts.git.release_branch);
    let mut changes = vec![Change {
        verb: "recorded".to_owned(),
        what: "baseline@1".to_owned(),
        detail: format!("{branch} at {}, succeeded", facts.git.head.short()),
        content: None,
    }];
    let mut notes = Vec::new();
    for name in facts.base_settings.services.keys() {
        let seen = service(facts, name);
        let run = facts.services.get(name).map_or(RunState::Unknown, |state| state.run);
        changes.push(Change {
            verb: "recorded".to_owned(),
            what: format!("service {name}"),
            detail: match (seen.image, seen.identity) {
                (Some(image), Some(identity)) if identity != image => format!("{image} ({identity})"),
                (Some(image), _) => image,
                (None, _) => "no image".to_owned(),
            },
            content: None,
        });
        if run != RunState::Running {
            notes.push(format!(
                "`{name}` does not run, or not all of it: `{}`",
                host.typed("status", name.as_str())
            ));
        }
    }
    if !facts.git.dirty.is_empty() {
        notes.push(
            "the tree is dirty, which the next release would refuse: look at it with `git status`".to_owned(),
        );
    }
    ChangeView {
        changes,
        notes,
        next: vec![following("to release", host.typed("run", "TICKET --dry-run"))],
        dry_run,
    }
}
