//! The whole decision table: what may be done with an attempt in every state of it and of its host, by the functions that
//! decide it. Rows that come to the same stand together; the snapshot is read by people.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::print::{At, Cell, Dimension, table};
use super::world::{CANDIDATES, LOOKED, SAVED, STANDINGS, TREES, World};
use crate::decide::*;
use crate::model::plan::{Plan, PlanVerb};
use crate::model::readiness::LookedInto;
use crate::model::reason::Blocker;
use crate::model::release::{ReleaseState, Transition};
use crate::model::request::{Anew, RevertRequest, RunRequest};

/// Dimensions by their names, in the order of the table.
fn dimensions() -> [Dimension; 5] {
    [
        ("attempt", STANDINGS.iter().map(|standing| standing.name).collect()),
        ("tree", TREES.to_vec()),
        ("failure", LOOKED.to_vec()),
        ("backups", SAVED.to_vec()),
        ("candidate", CANDIDATES.to_vec()),
    ]
}

pub(super) fn world(at: At) -> World {
    let [standing, tree, looked, saved, candidate] = at;
    World { standing, tree, looked, saved, candidate }
}

/// A verb, the dimensions that it depends on, and what it comes to.
struct Verb {
    name: &'static str,
    depends: &'static [usize],
    answer: fn(&World) -> Cell,
}

const VERBS: &[Verb] = &[
    Verb { name: "run --from", depends: &[0, 1], answer: |world| shown(&resume(world)) },
    Verb { name: "retry", depends: &[0, 1, 2], answer: |world| shown(&anew(world, &Anew::Retry)) },
    Verb { name: "redeploy", depends: &[0, 1, 2], answer: |world| shown(&anew(world, &Anew::Redeploy)) },
    Verb { name: "rollback", depends: &[0, 1, 2, 4], answer: |world| shown(&anew(world, &back())) },
    Verb { name: "revert", depends: &[0, 1, 3], answer: |world| shown(&revert(world, false)) },
    Verb { name: "approve", depends: &[0], answer: |world| one(against_approving(&world.state())) },
    Verb { name: "cancel", depends: &[0], answer: |world| one(against_canceling(&world.state())) },
    Verb {
        name: "close",
        depends: &[0],
        answer: |world| one(against_verb(&world.state(), Transition::Closed, "close")),
    },
    Verb { name: "archive", depends: &[0], answer: |world| shown(&shelving(world, against_archiving)) },
    Verb { name: "prune", depends: &[0], answer: |world| shown(&shelving(world, against_pruning)) },
];

pub(super) fn back() -> Anew {
    Anew::Rollback { candidate: "1201@1".parse().unwrap(), accept_environment: false, accept_schema: false }
}

/// Yes, and how; or what stands against it.
pub(super) type Answer = Result<String, Vec<Blocker>>;

fn shown(answer: &Answer) -> Cell {
    answer.clone().map_err(|blockers| blockers.iter().map(|blocker| blocker.code.word()).collect())
}

fn one(blocker: Option<Blocker>) -> Cell {
    shown(&blocker.map_or(Ok(String::new()), |blocker| Err(vec![blocker])))
}

fn settled(decided: Result<Plan, Refusal>, more: Vec<Blocker>) -> Answer {
    match decided {
        Ok(plan) if more.is_empty() && plan.verb == PlanVerb::Run => {
            Ok(format!("({} {} from {})", plan.attempt, plan.trigger, plan.from))
        }
        Ok(_) if more.is_empty() => Ok(String::new()),
        Err(Refusal::Nothing { .. }) if more.is_empty() => Ok("(nothing to do)".to_owned()),
        Err(Refusal::Blocked { mut blockers, .. }) => {
            blockers.extend(more);
            Err(blockers)
        }
        Ok(_) | Err(Refusal::Nothing { .. }) => Err(more),
    }
}

pub(super) fn resume(world: &World) -> Answer {
    let state = world.state();
    let (_, request) = to_resume(&state).map_err(|why| vec![why])?;
    let target = state.merge.unwrap_or_else(|| testing::oid(testing::TARGET));
    settled(plan_run(&world.facts(&target), &request), Vec::new())
}

pub(super) fn anew(world: &World, anew: &Anew) -> Answer {
    let state = world.state();
    let target = match anew {
        Anew::Retry => testing::oid(testing::TARGET),
        Anew::Redeploy => world.head(),
        Anew::Rollback { .. } => testing::oid(testing::BASE),
    };
    let facts = world.facts(&target);
    let request = RunRequest {
        at: Some(target),
        no_fetch: true,
        without_scripts: true,
        anew: Some(anew.clone()),
        ..RunRequest::new(state.ticket.clone())
    };
    let looked: LookedInto = world.looked();
    let more = against_acting(&facts.base_settings, facts.now, &state, &looked, anew);
    settled(plan_run(&facts, &request), more)
}

pub(super) fn revert(world: &World, discard_writes: bool) -> Answer {
    let state = world.state();
    let facts = world.facts(&state.merge.clone().unwrap_or_else(|| testing::oid(testing::TARGET)));
    settled(
        plan_revert(&facts, &RevertRequest { discard_writes, ..RevertRequest::new(state.ticket) }),
        Vec::new(),
    )
}

fn shelving(world: &World, against: fn(&ReleaseState, &[ReleaseState]) -> Vec<Blocker>) -> Answer {
    let facts = world.facts(&testing::oid(testing::TARGET));
    let against = against(&world.state(), &facts.releases);
    if against.is_empty() { Ok(String::new()) } else { Err(against) }
}

/// Every state with each two circumstances that are out of the ordinary; of dimensions that are not asked about, the first.
fn combinations(depends: &[usize]) -> Vec<At> {
    let sizes: Vec<usize> = dimensions().iter().map(|(_, values)| values.len()).collect();
    let all = depends.iter().fold(vec![[0; 5]], |all: Vec<At>, dimension| {
        let spread = |at: At| {
            (0..sizes[*dimension]).map(move |value| {
                let mut at = at;
                at[*dimension] = value;
                at
            })
        };
        all.into_iter().flat_map(spread).collect()
    });
    all.into_iter().filter(|at| at.iter().skip(1).filter(|value| **value > 0).count() <= 2).collect()
}

#[test]
fn what_may_be_done_in_every_state_is_as_it_was_reviewed() {
    let mut text = String::from("another run holds the host: every verb below but the last four says also ");
    text.push_str(busy(None).code.word());
    text.push('\n');
    for verb in VERBS {
        let cells: BTreeMap<At, Cell> =
            combinations(verb.depends).into_iter().map(|at| (at, (verb.answer)(&world(at)))).collect();
        let _ = write!(text, "\n{}\n", verb.name);
        text.push_str(&table(&dimensions(), verb.depends, &cells));
    }
    insta::assert_snapshot!(text);
}

#[test]
fn what_a_verb_does_not_depend_on_changes_nothing_about_it() {
    let all = dimensions();
    for verb in VERBS.iter().filter(|verb| verb.depends.len() > 1) {
        for (standing, named) in STANDINGS.iter().enumerate() {
            let usual = (verb.answer)(&world([standing, 0, 0, 0, 0]));
            for other in (1..all.len()).filter(|other| !verb.depends.contains(other)) {
                for value in 1..all[other].1.len() {
                    let mut at = [standing, 0, 0, 0, 0];
                    at[other] = value;
                    let (name, values) = &all[other];
                    let says = format!("{}: {} with {name} {}", verb.name, named.name, values[value]);
                    assert_eq!((verb.answer)(&world(at)), usual, "{says}");
                }
            }
        }
    }
}
