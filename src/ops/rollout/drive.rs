//! Driving a plan from here: the coordinator in the foreground.

use std::cell::RefCell;
use std::mem::{Discriminant, discriminant};
use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::decide;
use crate::decide::rollout::{Asked, Commit, Note};
use crate::drivers::probe;
use crate::fleet::coordinator::{Around, Ended, drive as led};
use crate::fleet::ledger::LedgerError;
use crate::fleet::records::FleetError;
use crate::fleet::transport::Hands;
use crate::model::outcome::Ending;
use crate::model::reason::ReasonCode;
use crate::model::rollout::{AuditRecord, GateKind, News, PlanId, PlanPhase, RolloutPlan, VerdictWord, Wait};
use crate::model::spec::ProbeSpec;
use crate::ops::error::OpsError;
use crate::sys::clock::{self, Clock};
use crate::sys::process::{self, Capture, Ends, base_environment, capture};
use crate::sys::signal::Stop;

use super::desk::Desk;

/// How long a gate may take.
const GATE: Duration = Duration::from_secs(30);

/// What a gate's program ends with when it cannot tell yet: the system's own word for "try again later".
const CANNOT_TELL: i32 = 75;

/// How driving ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Drove {
    /// The plan is over.
    Over(PlanPhase),
    /// It is paused, and no host is at work.
    Paused(String),
    /// We were asked to stop.
    Stopped,
}

/// The word behind the exit status of a plan that came to this end. `wanted`: whether a rollback was what was asked for.
pub fn ending(drove: &Drove, wanted_back: bool) -> Ending {
    match drove {
        Drove::Over(PlanPhase::Completed) => Ending::Ok,
        Drove::Over(PlanPhase::RolledBack) if wanted_back => Ending::Ok,
        Drove::Over(PlanPhase::RollbackIncomplete) => Ending::Stuck,
        Drove::Over(_) => Ending::Failed,
        Drove::Paused(_) => Ending::Held,
        Drove::Stopped => Ending::Interrupted,
    }
}

/// How the lead is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lead {
    /// At once; refused where somebody has it and goes on with what a person did.
    AtOnce,
    /// When whoever has it lets go of it, or its lease ends; refused where that takes too long.
    Next,
}

/// How long whoever comes next waits: a coordinator that was killed leads on paper for less.
const NEXT_WITHIN: Duration = Duration::from_secs(30);

/// How often it looks.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Drives a plan until it is over or paused. `shows` sees every commit after it was made.
///
/// # Errors
/// A refusal when somebody else drives it, or what the ledger says.
pub fn drive(
    desk: &Desk,
    plan: &PlanId,
    lead: Lead,
    stop: &Stop,
    shows: &dyn Fn(&News),
) -> Result<Drove, OpsError> {
    let said = RefCell::new(None);
    let tells = |plan: &RolloutPlan, commit: &Commit| shows(&news(desk, plan, commit, &said));
    let hands = Hands::new(desk.orders());
    let (folder, clock) = (desk.root.as_path(), &desk.clock);
    let gate = |kind: &GateKind| ask(folder, clock.now(), kind);
    let frozen = |now| desk.frozen(now);
    let from = process::host_name();
    let around = Around {
        ledger: &*desk.ledger,
        transport: &hands,
        gate: &gate,
        frozen: &frozen,
        clock: &desk.clock,
        stop,
        by: &desk.operator,
        from: &from,
        shows: &tells,
    };
    let until = desk.clock.monotonic() + NEXT_WITHIN;
    let mut is_told = false;
    let ended = loop {
        match led(&around, plan) {
            Err(FleetError::Driven { by, .. })
                if desk.clock.monotonic() < until
                    && stop.level() == 0
                    && (lead == Lead::Next || is_unheard(desk, plan)?) =>
            {
                if !std::mem::replace(&mut is_told, true) {
                    shows(&in_line(plan, desk.load(plan)?.state.phase, &by));
                }
                clock::pause(LOOK_EVERY);
            }
            ended => break ended.map_err(|error| cut_off(plan, error))?,
        }
    };
    Ok(match ended {
        Ended::Over(phase) => Drove::Over(phase),
        Ended::Paused(why) => Drove::Paused(why),
        Ended::Stopped => Drove::Stopped,
    })
}

/// Whether no coordinator has looked since a person acted: one that lives does at once, one that was killed leads on paper.
fn is_unheard(desk: &Desk, plan: &PlanId) -> Result<bool, OpsError> {
    Ok(desk.load(plan)?.state.wait == Some(Wait::Coordinator))
}

/// What whoever waits for the lead is told.
fn in_line(plan: &PlanId, phase: PlanPhase, by: &str) -> News {
    let seconds = NEXT_WITHIN.as_secs();
    News {
        plan_id: plan.clone(),
        phase,
        records: Vec::new(),
        waits_for: Some(format!("{by} to let go of it, or to be silent for longer; at most {seconds} s")),
    }
}

/// A ledger that is silent by now is no refusal, nor is a lead that was lost: the plan is under way, and its hosts may be at
/// work.
fn cut_off(plan: &PlanId, error: FleetError) -> OpsError {
    match error {
        FleetError::FenceLost { .. } => OpsError::CutOff {
            code: ReasonCode::FenceLost,
            what: format!("{error}; its hosts go on with what they were told"),
            hint: format!(
                "see who drives it: `holdpoint rollout plan describe --plan-id {plan}`; if nobody does: \
                 `holdpoint rollout resume --plan-id {plan}`"
            ),
        },
        FleetError::Ledger(LedgerError::Unavailable { why }) => OpsError::CutOff {
            code: ReasonCode::EngineUnavailable,
            what: format!(
                "{plan} is not driven from here any more, its hosts go on with what they were told and may be at work: no \
                 member of the ledger answers: {why}"
            ),
            hint: format!(
                "once most of its members run and are reached from here (docs/fleet.md: \"When a member dies\"): \
                 `holdpoint rollout resume --plan-id {plan}`"
            ),
        },
        other => other.into(),
    }
}

/// What a commit says to whoever watches. What only a clock changes in a wait is no news.
fn news(
    desk: &Desk,
    plan: &RolloutPlan,
    commit: &Commit,
    said: &RefCell<Option<Discriminant<Wait>>>,
) -> News {
    let wait = commit.state.wait.as_ref();
    let kind = wait.map(discriminant);
    let is_new = said.replace(kind) != kind;
    let record = |note: &Note| AuditRecord {
        at: desk.now(),
        by: desk.operator.clone(),
        what: note.what.to_owned(),
        about: note.about.clone(),
        reason: note.reason.clone(),
    };
    News {
        plan_id: plan.plan_id.clone(),
        phase: commit.state.phase,
        records: commit.notes.iter().map(record).collect(),
        waits_for: wait.filter(|_| is_new).map(ToString::to_string),
    }
}

/// Asks a gate. No answer is no "no".
fn ask(folder: &Path, now: DateTime<Utc>, kind: &GateKind) -> Asked {
    match kind {
        GateKind::Http { url, status } => {
            let answer = probe::ask(&ProbeSpec::new(url.clone(), *status), GATE);
            let verdict = match (answer.well, answer.failure) {
                (true, _) => VerdictWord::Pass,
                (false, Some(_)) => VerdictWord::Inconclusive,
                (false, None) => VerdictWord::Fail,
            };
            Asked {
                verdict,
                detail: format!("HTTP {} {}", answer.status, answer.detail).trim_end().to_owned(),
            }
        }
        GateKind::Prometheus { url, query, below, window } => {
            match probe::measured(url, query, *window, now, GATE) {
                Ok(measured) => decide::rollout::below(&measured.series, *below, measured.wanted),
                Err(why) => Asked { verdict: VerdictWord::Inconclusive, detail: why },
            }
        }
        GateKind::Command { run } => command(folder, run),
        _ => Asked { verdict: VerdictWord::Inconclusive, detail: "it is not asked".to_owned() },
    }
}

fn command(folder: &Path, run: &[String]) -> Asked {
    let asked = capture(&Capture {
        argv: run.to_vec(),
        cwd: folder.to_path_buf(),
        env: base_environment(&[]),
        stdin: None,
        limit_bytes: 1 << 20,
        timeout: Some(GATE),
        ends: Ends::Group,
    });
    let said = match asked {
        Ok(said) => said,
        Err(error) => return Asked { verdict: VerdictWord::Inconclusive, detail: error.to_string() },
    };
    let verdict = match said.code {
        Some(0) => VerdictWord::Pass,
        Some(CANNOT_TELL) | None => VerdictWord::Inconclusive,
        Some(_) => VerdictWord::Fail,
    };
    let both = [said.stdout, said.stderr].concat();
    let text = String::from_utf8_lossy(&both);
    let line = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let code = said.code.map_or_else(|| "a signal".to_owned(), |code| code.to_string());
    Asked { verdict, detail: format!("ended with {code} {line}").trim_end().chars().take(200).collect() }
}
