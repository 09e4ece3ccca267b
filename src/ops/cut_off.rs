//! What a machine that died in the middle of a fast-forward leaves: files of the release in a tree whose HEAD is where it was,
//! and git's locks.

use chrono::TimeDelta;

use crate::model::facts::{CutOff, GitFacts, StepEnd};
use crate::model::id::{AttemptId, StepName};
use crate::model::reason::{Blocker, ReasonCode};
use crate::model::release::ReleaseState;
use crate::model::spec::INCOMING_REFS;
use crate::store::History;
use crate::sys::{files, process};

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

/// Whether this ticket's fast-forward was begun and its end is not known: nothing is recorded, or that what watched it died. In the
/// latter case git may be at work still, so a person has to say that it may run again; its files are known all the same.
fn merge_is_open(look: &Look, history: Option<&History>) -> bool {
    matches!(merge(look, history), Some(StepEnd::Open | StepEnd::Undecided | StepEnd::RunAgain))
}

/// Whether the machine was started again since the fast-forward began: then the power may have been cut.
fn was_in_another_boot(history: &History) -> bool {
    let record = history.steps.get(&StepName::new(["git", "merge"]));
    record.and_then(|record| record.boot.as_ref()).is_some_and(|boot| *boot != process::boot_id())
}

/// What a fast-forward of ours left that was cut off in the middle. A tree that is dirty for another reason is not it.
pub(super) fn observe(
    host: &Host,
    look: &Look,
    git: &GitFacts,
    state: Option<&ReleaseState>,
    history: Option<&History>,
) -> Result<Option<CutOff>, OpsError> {
    let may_be = merge_is_open(look, history) || matches!(merge(look, history), Some(StepEnd::Failed(_)));
    let Some(state) = state.filter(|_| may_be && !git.dirty.is_empty()) else {
        return Ok(None);
    };
    let attempt = AttemptId { ticket: state.ticket.clone(), number: state.attempt };
    // A snapshot that is missing or damaged is a blocker of its own; then nothing is known of where it was going.
    let Ok(Some(snapshot)) = host.store.snapshot(&attempt) else { return Ok(None) };
    if git.branch.as_ref() != Some(&snapshot.branch) {
        return Ok(None);
    }
    // HEAD may have reached the disk before the files did.
    let from = if git.head == snapshot.target { &snapshot.base } else { &git.head };
    // Half a file is git's own where it ran out of room, or the power was cut; a git that was killed left it as likely as
    // somebody who edits.
    let torn =
        matches!(merge(look, history), Some(StepEnd::Failed(_))) || history.is_some_and(was_in_another_boot);
    let foreign = host.git.foreign(from, &snapshot.target, &git.dirty, torn)?;
    // Git refuses to merge over somebody's work and writes nothing then; one that was killed has written something.
    let has_written = merge_is_open(look, history) || foreign.len() < git.dirty.len();
    Ok(has_written.then_some(CutOff { to: snapshot.target, foreign }))
}

/// Git's locks on what our commands move, where whoever took them is long gone: each command would fail on them. A killed
/// git leaves them, and so does a power cut between a ref's new content and its name.
pub(super) fn left_locks(
    host: &Host,
    look: &Look,
    git: &GitFacts,
    history: Option<&History>,
    troubles: &[Blocker],
) -> Vec<Blocker> {
    if look.ticket.is_none() {
        return Vec::new();
    }
    let is_in_the_way =
        git_is_open(history) || troubles.iter().any(|trouble| trouble.code == ReasonCode::SourceUnavailable);
    let heads = git.branch.iter().map(|branch| format!("refs/heads/{branch}"));
    let incoming = format!("{INCOMING_REFS}{}", git.release_branch);
    let names = ["index".to_owned(), "HEAD".to_owned(), incoming].into_iter().chain(heads);
    names.filter_map(|name| left_lock(host, &format!(".git/{name}.lock"), is_in_the_way)).collect()
}

/// Whether a step of ours that moves the tree was begun and has no recorded end.
fn git_is_open(history: Option<&History>) -> bool {
    let moves = |name: &StepName| name.as_str().starts_with("git.") || name.as_str() == "revert.git";
    history.is_some_and(|history| {
        history.steps.iter().any(|(name, record)| moves(name) && record.end == StepEnd::Open)
    })
}

fn left_lock(host: &Host, name: &str, is_in_the_way: bool) -> Option<Blocker> {
    let file = host.root().join(name);
    let since = files::modified(&file)?;
    let age = host.clock.now().signed_duration_since(since);
    // Git itself holds it for a moment, for example while somebody looks at `git status`.
    if age < LOCK_IS_LEFT && !is_in_the_way {
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
