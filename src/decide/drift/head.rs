//! The checkout: HEAD, its branch, its files.

use super::row;
use crate::decide::typed::Typed;
use crate::model::drift::{DriftCode, DriftRow, DriftSeen};
use crate::model::id::Oid;
use crate::model::quantity::counted;
use crate::model::release::ReleaseState;

pub(super) fn rows(seen: &DriftSeen) -> Vec<DriftRow> {
    let at = &seen.head;
    let mut rows = Vec::new();
    // A checkout that git cannot read is among the troubles.
    let Some(head) = &at.head else { return rows };
    rows.extend(commit(seen, head));
    let wanted = seen.settings.git.branch.as_str();
    if at.branch.as_deref() != Some(wanted) {
        let on = at.branch.clone().unwrap_or_else(|| "no branch".to_owned());
        let clears = vec![Typed::with(seen.just_recipes).return_to_main()];
        rows.push(row(DriftCode::Branch, Some(wanted.to_owned()), Some(on), clears));
    }
    if !at.dirty.is_empty() {
        let named: Vec<&str> = at.dirty.iter().take(5).map(|file| file.path.as_str()).collect();
        let more = if at.dirty.len() > named.len() { ", …" } else { "" };
        let running = format!("{}: {}{more}", counted(at.dirty.len(), "file"), named.join(", "));
        let clears = vec!["git status".to_owned(), "git stash --include-untracked".to_owned()];
        rows.push(row(DriftCode::TreeDirty, Some("as committed".to_owned()), Some(running), clears));
    }
    rows
}

fn commit(seen: &DriftSeen, head: &Oid) -> Option<DriftRow> {
    let at = &seen.head;
    let short = |oid: &Oid| oid.short().to_owned();
    if at.is_proven {
        return None;
    }
    let Some(last) = &at.last else {
        let clears = vec!["holdpoint adopt --reason '…'".to_owned()];
        return Some(row(DriftCode::NoRecord, None, Some(short(head)), clears));
    };
    if let Some(state) = at.unfinished.as_ref().filter(|_| at.is_last) {
        let running = format!("{} ({}@{} {})", head.short(), state.ticket, state.attempt, state.status);
        let clears = ways_on(seen, state);
        return Some(row(DriftCode::HeadUnproven, at.proven.as_ref().map(short), Some(running), clears));
    }
    if at.is_last {
        return None;
    }
    let mut clears = vec![format!("git log --oneline {}..{}", last.short(), head.short())];
    if at.dirty.is_empty() {
        clears.push(format!("git reset --hard {last}"));
    }
    Some(row(DriftCode::HeadMoved, Some(short(last)), Some(short(head)), clears))
}

/// What ends a release that stands in the middle: on, or back.
pub(super) fn ways_on(seen: &DriftSeen, state: &ReleaseState) -> Vec<String> {
    let typed = Typed::with(seen.just_recipes);
    if state.closed {
        // Nobody goes on with it: only a release on top of it proves the host.
        return vec![format!("{} TICKET --accept-untrusted --reason '…'", typed.run_verb())];
    }
    if state.status.is_backward() {
        return vec![typed.revert(&state.ticket, "")];
    }
    let on = typed.run(&state.ticket, &format!("--from={}", state.phase));
    vec![on, typed.revert(&state.ticket, "")]
}
