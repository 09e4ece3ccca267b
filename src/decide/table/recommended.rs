//! What is recommended after a failure, held against what would be admitted: over the whole table, no recommendation names a
//! verb that would be refused.

use std::fmt::Write as _;

use super::every::{Answer, anew, back, resume, revert, world};
use super::world::{CANDIDATES, LOOKED, SAVED, STANDINGS, TREES, World, planned};
use crate::decide::diagnosis::{DiagnosisSeen, judge};
use crate::decide::testing::{at, service, settings};
use crate::decide::{against_candidate, wants_diagnosis};
use crate::model::diagnosis::{Advice, Boundary, HaltSeen, HeadAt, Judgement, RecoveryOption};
use crate::model::drift::{DriftCode, DriftRow, DriftView};
use crate::model::evidence::FailureSeen;
use crate::model::facts::RunState;
use crate::model::quantity::Span;
use crate::model::readiness::{
    Answer as Said, Cancel, CandidateRow, Readiness, Reason, Resume, Revert, Rollback, SCHEMA,
};
use crate::model::release::{Class, Status};
use crate::model::request::Anew;
use crate::model::view::StatusRow;

/// What is seen of the failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Symptom {
    Unwell,
    WellAgain,
    NetworkAway,
    AnotherImageRuns,
    ScriptsChangedData,
    GivenUp,
}

const SYMPTOMS: [Symptom; 6] = [
    Symptom::Unwell,
    Symptom::WellAgain,
    Symptom::NetworkAway,
    Symptom::AnotherImageRuns,
    Symptom::ScriptsChangedData,
    Symptom::GivenUp,
];

fn said(world: &World, answer: &Answer) -> Vec<Reason> {
    let phase = world.state().phase;
    answer
        .as_ref()
        .err()
        .map(|all| all.iter().map(|one| Reason::of(one, phase)).collect())
        .unwrap_or_default()
}

/// What `readiness` would say.
fn readiness(world: &World) -> Readiness {
    let state = world.state();
    let facts = world.facts(&world.head());
    let reasons = |answer: &Answer| said(world, answer);
    let from = |answer: &Answer| Said::from_reasons(reasons(answer));
    let resumed = resume(world);
    let rows = facts.candidates.iter().map(|candidate| {
        let against = against_candidate(&facts, &state, candidate);
        CandidateRow {
            deployment_id: candidate.attempt.clone(),
            finished_at: candidate.state.updated_at,
            source: String::new(),
            artifacts: Vec::new(),
            rollback_ready: against.is_empty(),
            reasons: against.iter().map(|one| Reason::of(one, state.phase)).collect(),
            warnings: Vec::new(),
        }
    });
    let rolled = from(&anew(world, &back()));
    let reverted = revert(world, true);
    let window = revert(world, false).is_err() && reverted.is_ok();
    Readiness {
        schema_version: SCHEMA,
        deployment_id: format!("{}@1", state.ticket).parse().unwrap(),
        ticket: state.ticket.clone(),
        status: state.status,
        state_version: String::new(),
        generated_at: facts.now,
        recoverable: true,
        retryable: false,
        redeployable: false,
        rollback_ready: false,
        resume: Resume { allowed: resumed.is_ok(), from: Some(state.phase), reasons: reasons(&resumed) },
        retry: from(&anew(world, &Anew::Retry)),
        redeploy: from(&anew(world, &Anew::Redeploy)),
        revert: Revert {
            allowed: reverted.is_ok(),
            write_window_seconds: Some(if window { 9_000 } else { 120 }),
            reasons: reasons(&reverted),
        },
        rollback: Rollback {
            allowed: rolled.allowed,
            recommended_candidate_id: None,
            reasons: rolled.reasons,
            candidates: rows.collect(),
        },
        cancel: Cancel { allowed: false, active_attempt_id: None, recommended: false, reasons: Vec::new() },
        archive: Said::default(),
        prune: Said::default(),
        diagnose_first: wants_diagnosis(&state, &world.looked()),
        next_actions: Vec::new(),
    }
}

fn row(well: bool) -> StatusRow {
    StatusRow {
        service: service("wikijs"),
        driver: "compose".into(),
        run: RunState::Running,
        health: None,
        well,
        image: None,
        intended: None,
        digest: None,
        restarts: None,
        since: None,
        since_by: None,
        last_release: None,
        containers: Vec::new(),
        trouble: None,
    }
}

fn judged(world: &World, ways: &Readiness, symptom: Symptom) -> Judgement {
    let state = world.state();
    let halted = state.status.class() == Class::Halted || state.status == Status::Canceled;
    let halt = HaltSeen {
        at: at("11:50:00"),
        phase: Some(state.phase),
        step: state.failed_step.clone(),
        rc: Some(1),
        reason: None,
        msg: (symptom == Symptom::NetworkAway).then(|| "connection timed out".to_owned()),
    };
    let failures: [FailureSeen; 0] = [];
    let boundary = Boundary {
        phases_done: Vec::new(),
        steps_done: Vec::new(),
        phase: state.phase,
        step: state.failed_step.clone(),
        unsettled: Vec::new(),
        head: HeadAt::Merge,
        services: Vec::new(),
        verify_in_place: true,
        why: Vec::new(),
    };
    let differs = DriftRow {
        code: DriftCode::ImageDiffers,
        service: Some(service("wikijs")),
        intended: None,
        running: None,
        clears: Vec::new(),
    };
    let rows = if symptom == Symptom::AnotherImageRuns { vec![differs] } else { Vec::new() };
    let drift = DriftView { rows, ..DriftView::default() };
    let mut settings = settings();
    if symptom == Symptom::GivenUp {
        settings.recovery.give_up = Span::secs(60);
    }
    let posture = [row(symptom == Symptom::WellAgain)];
    let plan = planned();
    judge(&DiagnosisSeen {
        now: at("12:00:00"),
        state: &state,
        halt: Some(&halt).filter(|_| halted),
        failures: &failures,
        boundary: &boundary,
        posture: &posture,
        surfaces: &[],
        drift: &drift,
        on_top: None,
        against: &[],
        plan: Some(&plan),
        ways: Some(ways),
        scripts_ran: symptom == Symptom::ScriptsChangedData,
        transcript: None,
        settings: &settings,
        just_recipes: false,
    })
}

/// What stands against a command that is named, where it is one of the verbs.
fn against<'a>(ways: &'a Readiness, advice: &Advice) -> Option<&'a Vec<Reason>> {
    let typed = advice.command.as_deref()?;
    let verb = typed.strip_prefix("holdpoint ")?.split(' ').next()?;
    Some(match verb {
        "run" => &ways.resume.reasons,
        "retry" => &ways.retry.reasons,
        "redeploy" => &ways.redeploy.reasons,
        "rollback" => &ways.rollback.reasons,
        "revert" => &ways.revert.reasons,
        _ => return None,
    })
}

/// The usual world of each state, and each with one circumstance that is out of the ordinary.
fn worlds() -> Vec<World> {
    let sizes = [TREES.len(), LOOKED.len(), SAVED.len(), CANDIDATES.len()];
    let mut all = Vec::new();
    for standing in 0..STANDINGS.len() {
        all.push(world([standing, 0, 0, 0, 0]));
        for (dimension, size) in sizes.iter().enumerate() {
            for value in 1..*size {
                let mut place = [standing, 0, 0, 0, 0];
                place[dimension + 1] = value;
                all.push(world(place));
            }
        }
    }
    all
}

#[test]
fn nothing_is_recommended_that_would_be_refused() {
    use RecoveryOption as R;

    let mut seen = std::collections::BTreeSet::new();
    for world in worlds() {
        let ways = readiness(&world);
        for symptom in SYMPTOMS {
            let judgement = judged(&world, &ways, symptom);
            for advice in judgement.recommended.iter().chain(&judgement.others) {
                let Some(reasons) = against(&ways, advice) else { continue };
                // A mending commit may clear what stands against going on without one.
                let mends =
                    advice.command.as_ref().is_some_and(|command| command.contains("--take-new-commits"));
                let left: Vec<_> =
                    reasons.iter().filter(|one| one.code.word() != "diagnose-first" && !mends).collect();
                let name = world.standing().name;
                assert!(left.is_empty(), "{name}, {symptom:?}, {world:?}: {advice:?} against {left:?}");
            }
            seen.extend(judgement.recommended.map(|best| best.option));
        }
    }
    let all = [
        R::Wait,
        R::Diagnose,
        R::Approve,
        R::Rerun,
        R::Repair,
        R::Retry,
        R::Redeploy,
        R::Rollback,
        R::Revert,
    ];
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), all, "each of them is the narrowest somewhere");
}

#[test]
fn what_is_recommended_in_every_state_is_as_it_was_reviewed() {
    let mut text = String::new();
    let hours = SAVED.iter().position(|saved| *saved == "saved hours ago").unwrap();
    for (standing, named) in STANDINGS.iter().enumerate() {
        for (saved, when) in [(0, ""), (hours, ", saved hours ago")] {
            let world = world([standing, 0, 0, saved, 0]);
            let ways = readiness(&world);
            let mut lines: Vec<(Vec<String>, String)> = Vec::new();
            for symptom in SYMPTOMS {
                let best = judged(&world, &ways, symptom).recommended;
                let best = best.map_or("-".to_owned(), |best| {
                    format!(
                        "{}: {}\n        {}",
                        best.option.word(),
                        best.why,
                        best.command.unwrap_or_default()
                    )
                });
                match lines.iter_mut().find(|(_, known)| *known == best) {
                    Some((symptoms, _)) => symptoms.push(format!("{symptom:?}")),
                    None => lines.push((vec![format!("{symptom:?}")], best)),
                }
            }
            if saved > 0 && !lines.iter().any(|(_, best)| best.starts_with("rollback")) {
                continue;
            }
            let _ = writeln!(text, "{}{when}", named.name);
            for (symptoms, best) in lines {
                let symptoms =
                    if symptoms.len() == SYMPTOMS.len() { "any".to_owned() } else { symptoms.join(" ") };
                let _ = writeln!(text, "    {symptoms} → {best}");
            }
        }
    }
    insta::assert_snapshot!(text);
}
