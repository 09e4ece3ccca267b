//! What stands against a revert (design/04), each with its way out.

use chrono::TimeDelta;

use super::scope::{Scope, WayBack};
use super::steps::Way;
use crate::decide::blockers::{dirty_tree, listed, of_ground, room_for, shown};
use crate::decide::planning::named;
use crate::decide::site::same_content;
use crate::decide::typed::Typed;
use crate::model::backup::BackupSet;
use crate::model::facts::Facts;
use crate::model::id::ServiceName;
use crate::model::phase::Phase;
use crate::model::reason::{Blocker, ReasonCode};
use crate::model::release::{ReleaseState, Status, Transition, next};
use crate::model::request::Take;

/// Writes of this long a time are thrown away only when somebody says so.
const WRITE_WINDOW: TimeDelta = TimeDelta::minutes(5);

/// All refusals that hold.
pub(super) fn all(scope: &Scope<'_>, way: &Way) -> Vec<Blocker> {
    let mut found = Vec::new();
    found.extend(of_ground(scope.facts));
    found.extend(against_status(scope));
    found.extend(superseded(scope));
    found.extend(later_on_top(scope));
    found.extend(head_moved(scope));
    found.extend(dirty(scope));
    found.extend(unfit(scope.facts));
    found.extend(backup_missing(scope));
    found.extend(backup_unverified(scope));
    found.extend(artifacts(way));
    found.extend(impossible(way));
    found.extend(write_window(scope));
    let copied: Vec<ServiceName> = scope.data.keys().cloned().collect();
    if !scope.is_under_way() {
        found.extend(room_for(scope.facts, &copied));
    }
    found
}

fn against_status(scope: &Scope<'_>) -> Option<Blocker> {
    let state = scope.state;
    if next(state.status, Transition::Reverting).is_ok() {
        return None;
    }
    let typed = Typed::on(scope.facts);
    let ticket = &state.ticket;
    let step = state.failed_step.as_ref().map_or("STEP".to_owned(), ToString::to_string);
    Some(match state.status {
        Status::Undecided => Blocker::new(
            ReasonCode::StepUndecided,
            format!("the end of step `{step}` of `{ticket}` is unknown"),
        )
        .way_out("look whether its effect is there; then one of:")
        .way_out(typed.run(ticket, &format!("--mark-done={step}")))
        .way_out(typed.run(ticket, &format!("--run-again={step}"))),
        Status::RevertUndecided => {
            let is_answered =
                [&scope.request.run_again, &scope.request.mark_done].into_iter().flatten().next().is_some();
            if is_answered {
                return None;
            }
            Blocker::new(
                ReasonCode::StepUndecided,
                format!("the end of step `{step}` of this revert is unknown"),
            )
            .way_out("look whether its effect is there; then one of:")
            .way_out(typed.revert(ticket, &format!("--mark-done={step}")))
            .way_out(typed.revert(ticket, &format!("--run-again={step}")))
        }
        status => Blocker::new(ReasonCode::AttemptStatusNotRecoverable, format!("`{ticket}` is {status}"))
            .way_out(format!("holdpoint log {ticket} -f")),
    })
}

/// What was taken over is taken back through the release that took it over.
fn superseded(scope: &Scope<'_>) -> Option<Blocker> {
    let by = scope.state.superseded_by.as_ref()?;
    let newer = by.split('@').next().unwrap_or(by).parse().ok()?;
    let fact =
        format!("`{}` was taken over by `{by}`, which holds its BASE and its backups", scope.state.ticket);
    let way = Typed::on(scope.facts).revert(&newer, "");
    Some(Blocker::new(ReasonCode::AttemptStatusNotRecoverable, fact).way_out(way))
}

fn later_on_top(scope: &Scope<'_>) -> Option<Blocker> {
    let may_go = |state: &&ReleaseState| next(state.status, Transition::Reverting).is_ok();
    let is_consented = scope.request.with_later && scope.later.iter().all(may_go);
    if scope.later.is_empty() || is_consented || scope.state.superseded_by.is_some() {
        return None;
    }
    let typed = Typed::on(scope.facts);
    let ticket = &scope.state.ticket;
    let line = |state: &&ReleaseState| {
        format!("{} is {}, begun {}", state.ticket, state.status, shown(state.started_at))
    };
    let lines: Vec<String> = scope.later.iter().map(line).collect();
    let fact = listed(&format!("later releases stand on top of `{ticket}`"), lines.into_iter());
    let newest = scope.later.first().map(|state| typed.revert(&state.ticket, ""));
    let mut blocker = Blocker::new(ReasonCode::LaterReleaseOnTop, fact);
    blocker.ways_out.extend(newest);
    Some(blocker.way_out(typed.revert(ticket, "--with-later")))
}

fn head_moved(scope: &Scope<'_>) -> Option<Blocker> {
    let facts = scope.facts;
    let head = &facts.git.head;
    if scope.way_back() == WayBack::None {
        return None;
    }
    let tip = scope.tip()?;
    if same_content(facts, tip, head) {
        return None;
    }
    let moved = facts.git.last_move.as_ref().map(|moved| {
        format!(
            "\nHEAD moved {} → {}: {}, by {}",
            moved.from.short(),
            moved.to.short(),
            moved.what,
            moved.who
        )
    });
    let fact = format!(
        "HEAD is {}, but `{}` left it at {}{}",
        head.short(),
        scope.state.ticket,
        tip.short(),
        moved.unwrap_or_default()
    );
    let typed = Typed::on(facts);
    let mut blocker = Blocker::new(ReasonCode::HeadMoved, fact).way_out("git reflog");
    if facts.git.dirty.is_empty() {
        let again = typed.revert(&scope.state.ticket, "");
        blocker = blocker.way_out(format!("git reset --hard {tip} && {again}"));
    }
    Some(blocker.way_out(typed.revert(&scope.state.ticket, "--skip-git")))
}

/// Taking the tree back would overwrite what is not committed. What our own interrupted step left is no such thing.
fn dirty(scope: &Scope<'_>) -> Option<Blocker> {
    let is_ours = scope.history.steps.contains_key(&named(["revert", "git"]));
    if scope.request.git == Take::Leave || is_ours { None } else { dirty_tree(scope.facts) }
}

fn unfit(facts: &Facts) -> Vec<Blocker> {
    let matters = |trouble: &&Blocker| matches!(trouble.code, ReasonCode::CheckoutUnfit | ReasonCode::Tools);
    facts.troubles.iter().filter(matters).cloned().collect()
}

fn backup_missing(scope: &Scope<'_>) -> Vec<Blocker> {
    let typed = Typed::on(scope.facts);
    let ticket = &scope.state.ticket;
    let never = scope.unsaved.iter().map(|name| format!("no backup of `{name}` was taken for `{ticket}`"));
    let gone = scope.data.iter().filter(|(name, _)| scope.set(name).is_none());
    let gone = gone.map(|(name, stamp)| {
        let folder = scope.facts.host.backups.join(name.as_str()).join(stamp.as_str());
        format!("backup {name}/{stamp} is not there: {}", folder.display())
    });
    never
        .chain(gone)
        .map(|fact| {
            Blocker::new(ReasonCode::BackupMissing, fact)
                .way_out("holdpoint backup list")
                .way_out(typed.revert(ticket, "--skip-data"))
        })
        .collect()
}

fn backup_unverified(scope: &Scope<'_>) -> Vec<Blocker> {
    let sets = scope.data.keys().filter_map(|name| scope.set(name));
    sets.filter(|set| !set.is_verified())
        .map(|set| {
            let fact = format!("backup {}/{} was never verified", set.service, set.stamp);
            Blocker::new(ReasonCode::BackupUnverified, fact)
                .way_out(format!("holdpoint backup verify {}", set.service))
                .way_out(Typed::on(scope.facts).revert(&scope.state.ticket, "--skip-data"))
        })
        .collect()
}

fn artifacts(way: &Way) -> Option<Blocker> {
    if way.missing_images.is_empty() {
        return None;
    }
    let fact =
        format!("old images are neither here nor in their registry: {}", way.missing_images.join(", "));
    let mut blocker = Blocker::new(ReasonCode::RuntimeArtifactMissing, fact);
    for missing in &way.missing_images {
        let image = missing.split_once(": ").map_or(missing.as_str(), |(_, image)| image);
        blocker = blocker.way_out(format!("docker pull {image}"));
    }
    Some(blocker.way_out("docker load, where somebody has it as a file; then the same command again"))
}

fn impossible(way: &Way) -> Option<Blocker> {
    if way.impossible.is_empty() {
        return None;
    }
    let blocker = Blocker::new(ReasonCode::RuntimeArtifactMissing, way.impossible.join("\n"))
        .way_out("run as somebody who may read and write that data (`sudo`)");
    Some(blocker)
}

/// Seconds from the start of the earliest backup that is put back until now; none when no data is put back.
pub(super) fn window(scope: &Scope<'_>) -> Option<TimeDelta> {
    let oldest =
        scope.data.keys().filter_map(|name| scope.set(name)).map(|set: &BackupSet| set.started_at).min()?;
    Some(scope.facts.now.signed_duration_since(oldest).max(TimeDelta::zero()))
}

fn write_window(scope: &Scope<'_>) -> Option<Blocker> {
    let window = window(scope)?;
    if window <= WRITE_WINDOW || scope.request.discard_writes || is_consented(scope) {
        return None;
    }
    let sets = scope.data.iter().map(|(name, stamp)| format!("{name} from {stamp}"));
    let fact = format!(
        "restoring throws away what was written in the last {}: {}",
        length(window),
        sets.collect::<Vec<_>>().join(", ")
    );
    let typed = Typed::on(scope.facts);
    let blocker = Blocker::new(ReasonCode::WriteWindow, fact)
        .way_out(typed.revert(&scope.state.ticket, "--discard-writes"))
        .way_out(typed.revert(&scope.state.ticket, "--skip-data"));
    Some(blocker)
}

/// Somebody consented when this revert began, and nobody could write since: every service was stopped.
fn is_consented(scope: &Scope<'_>) -> bool {
    let restored = |name: &ServiceName| {
        let prefix = format!("restore.{name}.");
        scope
            .history
            .steps
            .iter()
            .any(|(step, record)| record.phase == Phase::Revert && step.as_str().starts_with(&prefix))
    };
    let stopped = |name: &ServiceName| {
        let record = scope.history.steps.get(&named(["revert", name.as_str(), "stop"]));
        record.is_some_and(|record| matches!(record.end, crate::model::facts::StepEnd::Done))
    };
    scope.is_under_way() && scope.data.keys().all(|name| restored(name) || stopped(name))
}

/// A length of time for a person: `14m`, `3h 5m`, `2d 1h`.
pub(super) fn length(span: TimeDelta) -> String {
    let (days, hours, minutes) = (span.num_days(), span.num_hours() % 24, span.num_minutes() % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{}s", span.num_seconds()),
        (0, 0, minutes) => format!("{minutes}m"),
        (0, hours, minutes) => format!("{hours}h {minutes}m"),
        (days, hours, _) => format!("{days}d {hours}h"),
    }
}
