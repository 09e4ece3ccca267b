//! Which playbooks fit: a halt, a refusal, a ticket's last failure, text that somebody hands in.

use std::collections::BTreeMap;

use crate::decide::playbooks::{Picked, Prepared, matching};
use crate::engine::Halt;
use crate::model::arrange::Arrange;
use crate::model::id::TicketId;
use crate::model::matching::{MatchView, PlaybookMatch, Shelf, Strength, Symptom};
use crate::model::phase::Phase;
use crate::model::plan::Plan;
use crate::model::reason::Blocker;
use crate::model::view::RefusedView;
use crate::ops::error::OpsError;
use crate::ops::host::Host;
use crate::ops::release::following;

use super::shelf::shelf;
use super::symptoms;

/// How many possible matches are worth reading at once.
const SHOWN: usize = 3;

/// What the failure screen says: the strong match alone, else up to three possible ones.
pub(in crate::ops) fn fitting(host: &Host, plan: &Plan, halt: &Halt) -> Vec<String> {
    let recorded = symptoms::of_ticket(host, &plan.attempt.ticket).unwrap_or_default();
    let of_this =
        |symptom: &Symptom| halt.failures.iter().any(|(step, _)| symptom.step.as_ref() == Some(step));
    let recorded: Vec<Symptom> = recorded.into_iter().filter(of_this).collect();
    let symptoms = if recorded.is_empty() { symptoms::of_halt(halt) } else { recorded };
    lines(&shelf(host), &symptoms)
}

/// A refusal with the playbooks that fit it; `phase` is the one that was asked for.
pub(in crate::ops) fn refused(
    host: &Host,
    phase: Phase,
    blockers: Vec<Blocker>,
    notes: Vec<String>,
) -> RefusedView {
    let playbooks = lines(&shelf(host), &symptoms::of_refusal(phase, &blockers));
    RefusedView { playbooks, ..RefusedView::new(blockers, notes) }
}

/// Which playbooks fit a ticket's last failure: its log, its failing step, what that printed, its evidence.
///
/// # Errors
/// [`OpsError::NoRelease`]; a damaged log.
pub fn match_ticket(host: &Host, ticket: &TicketId) -> Result<MatchView, OpsError> {
    host.store.state(ticket)?.ok_or_else(|| OpsError::NoRelease { ticket: ticket.clone() })?;
    let symptoms = symptoms::of_ticket(host, ticket)?;
    let mut view = view(host, Some(ticket), &symptoms);
    if symptoms.is_empty() {
        view.notes.push(format!("`{ticket}` has not failed: its log holds no failure"));
    }
    Ok(view)
}

/// Which playbooks fit text that somebody hands in, with what is known beside it.
pub fn match_text(host: &Host, symptom: &Symptom) -> MatchView {
    view(host, None, std::slice::from_ref(symptom))
}

fn view(host: &Host, ticket: Option<&TicketId>, symptoms: &[Symptom]) -> MatchView {
    let shelf = shelf(host);
    let matches = best(&shelf, symptoms);
    let first = symptoms.first().cloned().unwrap_or_default();
    let mut next = Vec::new();
    if let Some(best) = matches.first() {
        let on = ticket.map(|ticket| format!(" --ticket {ticket}")).unwrap_or_default();
        next.push(following("to read it", format!("holdpoint playbook show {}", best.id)));
        next.push(following("to be sure", format!("holdpoint playbook run {}{on}", best.id)));
    } else if let Some(ticket) = ticket.filter(|_| !symptoms.is_empty()) {
        let draft = format!("holdpoint playbook new --from {ticket}");
        next.push(following("no playbook knows this; to draft one", draft));
    } else {
        let draft = "holdpoint playbook new --from TICKET".to_owned();
        next.push(following("no playbook knows this; to draft one from a ticket that failed", draft));
    }
    MatchView {
        ticket: ticket.cloned(),
        phase: first.phase,
        step: first.step,
        rc: first.rc,
        tool: first.tool,
        matches,
        notes: shelf.notes,
        next,
    }
}

fn lines(shelf: &Shelf, symptoms: &[Symptom]) -> Vec<String> {
    let matches = best(shelf, symptoms);
    let strong: Vec<String> =
        matches.iter().filter(|m| m.strength == Strength::Strong).map(PlaybookMatch::line).collect();
    let fitting = if strong.is_empty() { matches.iter().map(PlaybookMatch::line).collect() } else { strong };
    fitting.into_iter().take(SHOWN).collect()
}

/// What fits any of the symptoms, each playbook once and as well as it fits anywhere, the best first.
fn best(shelf: &Shelf, symptoms: &[Symptom]) -> Vec<PlaybookMatch> {
    let playbooks = shelf.plain();
    let known = Prepared::new(&playbooks);
    let mut found: BTreeMap<String, (usize, PlaybookMatch)> = BTreeMap::new();
    for one in symptoms.iter().flat_map(|symptom| matching(&known, symptom, Picked::One)) {
        let place = found.len();
        match found.get_mut(&one.id) {
            Some((_, known)) if (known.strength, known.score) < (one.strength, one.score) => *known = one,
            Some(_) => {}
            None => {
                found.insert(one.id.clone(), (place, one));
            }
        }
    }
    let mut all: Vec<(usize, PlaybookMatch)> = found.into_values().collect();
    all.arrange_by_key(|(place, one)| (std::cmp::Reverse((one.strength, one.score)), *place));
    all.into_iter().map(|(_, one)| one).collect()
}
