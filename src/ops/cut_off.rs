//! What a machine that died in the middle of a fast-forward leaves: files of the release in a tree whose HEAD is where it was,
//! and git's lock.

use chrono::TimeDelta;

use crate::model::facts::{CutOff, GitFacts, StepEnd};
use crate::model::id::{AttemptId, StepName};
use crate::model::reason::{Blocker, ReasonCode};
use crate::model::release::ReleaseState;
use crate::store::History;
use crate::sys::files;

use super::error::OpsError;
use super::facts::{About, Look};
use super::host::Host;

/// A lock of git's that is older than this is not taken for a moment only.
const LOCK_IS_LEFT: TimeDelta = TimeDelta::seconds(10);

/// How this ticket's fast-forward ended, as far as that is recorded.
fn merge<'h>(look: &Look, history: Option<&'h History>) -> Option<&'h StepEnd> {
    let record = history?.steps.get(&StepName::new(["git", "merge"]))?;
    matches!(look.about, About::Run(_)).then_some(&record.end)
}

/// Whether this ticket's fast-forward was begun and has no recorded end.
fn merge_is_open(look: &Look, history: Option<&History>) -> bool {
    merge(look, history) == Some(&StepEnd::Open)
}

/// What a fast-forward of ours left that was cut off in the middle. A tree that is dirty for another reason is not it.
pub(super) fn observe(
    host: &Host,
    look: &Look,
    git: &GitFacts,
    state: Option<&ReleaseState>,
    history: Option<&History>,
) -> Result<Option<CutOff>, OpsError> {
    let may_be = matches!(merge(look, history), Some(StepEnd::Open | StepEnd::Failed(_)));
    let Some(state) = state.filter(|_| may_be && !git.dirty.is_empty()) else {
        return Ok(None);
    };
    let attempt = AttemptId { ticket: state.ticket.clone(), number: state.attempt };
    // A snapshot that is missing or damaged is a blocker of its own; then nothing is known of where it was going.
    let Ok(Some(snapshot)) = host.store.snapshot(&attempt) else { return Ok(None) };
    if snapshot.target == git.head || git.branch.as_ref() != Some(&snapshot.branch) {
        return Ok(None);
    }
    let foreign = host.git.foreign(&git.head, &snapshot.target, &git.dirty)?;
    // Git refuses to merge over somebody's work and writes nothing then; one that was killed has written something.
    let has_written = merge_is_open(look, history) || foreign.len() < git.dirty.len();
    Ok(has_written.then_some(CutOff { to: snapshot.target, foreign }))
}

/// Git's lock on the index, where whoever took it is long gone: every command of ours that moves the tree would fail on it.
pub(super) fn left_lock(host: &Host, look: &Look, history: Option<&History>) -> Option<Blocker> {
    if !matches!(look.about, About::Run(_)) {
        return None;
    }
    let file = host.root().join(".git/index.lock");
    let since = files::modified(&file)?;
    let age = host.clock.now().signed_duration_since(since);
    // Git itself holds it for a moment, for example while somebody looks at `git status`.
    if age < LOCK_IS_LEFT && !merge_is_open(look, history) {
        return None;
    }
    let path = file.display();
    let fact = format!(
        "`{path}` is there since {}: git works here, or was killed",
        since.format("%Y-%m-%dT%H:%M:%SZ")
    );
    Some(
        Blocker::new(ReasonCode::CheckoutUnfit, fact)
            .way_out("look whether git works here: pgrep -a git")
            .way_out(format!("if it does not: rm {path}")),
    )
}
