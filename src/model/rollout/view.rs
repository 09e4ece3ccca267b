//! What is asked of a rollout, and what is shown of it: the shapes of seed 004.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{HostName, HostState, PlanId, PlanPhase, Reintroduce, StageId, StagePhase, Verdict, Wish};
use crate::model::id::shown;

/// A way out of a rollout that is stuck.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// Take every touched host back. Terminal.
    Rollback,
    /// Ask again, and offer again to what failed. Reversible.
    Retry,
    /// Go past the stage without its gates. Terminal for the stage.
    SkipFailed,
}

impl Strategy {
    /// Its word.
    pub const fn word(self) -> &'static str {
        match self {
            Strategy::Rollback => "rollback",
            Strategy::Retry => "retry",
            Strategy::SkipFailed => "skip_failed",
        }
    }
}

/// No such strategy.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("strategy-unknown: `{given}` is no strategy: write `rollback`, `retry` or `skip_failed`")]
pub struct StrategyUnknown {
    given: String,
}

impl FromStr for Strategy {
    type Err = StrategyUnknown;
    fn from_str(text: &str) -> Result<Self, StrategyUnknown> {
        let all = [Strategy::Rollback, Strategy::Retry, Strategy::SkipFailed];
        let found = all.into_iter().find(|strategy| strategy.word() == text);
        found.ok_or_else(|| StrategyUnknown { given: shown(text) })
    }
}

/// What a person does with a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Begin.
    Start {
        /// The stage after which it pauses.
        until: Option<StageId>,
    },
    /// Begin nothing new.
    Pause,
    /// Go on.
    Resume {
        /// The stage after which it pauses.
        until: Option<StageId>,
    },
    /// Pass the manual gate.
    Approve,
    /// End the current stage.
    Halt,
    /// End the plan; hosts stay as they are.
    Cancel {
        /// Whether the plan's id was given once more, or a yes.
        confirmed: bool,
    },
    /// Get it unstuck.
    Recover {
        /// How.
        strategy: Strategy,
        /// The stage, given once more: for a critical gate that says no.
        confirm: Option<String>,
    },
}

impl Act {
    /// Begin, and go on to the end.
    pub const START: Self = Act::Start { until: None };

    /// Go on, as far as it was to go.
    pub const RESUME: Self = Act::Resume { until: None };

    /// The stage after which the plan pauses.
    pub const fn until(&self) -> Option<&StageId> {
        match self {
            Act::Start { until } | Act::Resume { until } => until.as_ref(),
            _ => None,
        }
    }

    /// Its word in the audit.
    pub const fn word(&self) -> &'static str {
        match self {
            Act::Start { .. } => "start",
            Act::Pause => "pause",
            Act::Resume { .. } => "resume",
            Act::Approve => "approve",
            Act::Halt => "halt",
            Act::Cancel { .. } => "cancel",
            Act::Recover { strategy, .. } => strategy.word(),
        }
    }
}

/// Why something cannot be done with a plan now: exit status 4, on HTTP 409.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema, Error)]
#[error("{}: {cause}", code.word())]
pub struct Precondition {
    /// `plan-terminal`.
    pub code: crate::model::reason::ReasonCode,
    /// What is so.
    pub cause: String,
    /// What to do instead.
    pub resolution: String,
}

/// A stage, as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StageView {
    /// Its name.
    pub stage_id: StageId,
    /// Its phase.
    pub phase: StagePhase,
    /// Its hosts.
    pub hosts: usize,
    /// Those that are active.
    pub active: usize,
    /// What its gates said last.
    pub gates: Vec<Verdict>,
}

/// A host, as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HostView {
    /// The host.
    pub host: HostName,
    /// Its stage.
    pub stage_id: Option<StageId>,
    /// Its state.
    pub state: HostState,
    /// The telling that this is about.
    pub generation: u64,
    /// Its attempt, where it began one.
    pub attempt: Option<String>,
    /// Why.
    pub reason: Option<String>,
}

/// One record of a plan's audit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuditRecord {
    /// When.
    pub at: DateTime<Utc>,
    /// Who.
    pub by: String,
    /// What: `start`, `offered`, `promoted`.
    pub what: String,
    /// What it was about.
    pub about: String,
    /// Why, where somebody said so.
    pub reason: Option<String>,
}

/// One record of the fleet's audit: of which plan it is, and what it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuditRow {
    /// The plan; none: it was done to the fleet, whatever its plans.
    pub plan_id: Option<PlanId>,
    /// The record.
    #[serde(flatten)]
    pub record: AuditRecord,
}

/// What one commit of a coordinator changed, as it is shown while it drives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct News {
    /// The plan.
    pub plan_id: PlanId,
    /// Its phase now.
    pub phase: PlanPhase,
    /// What was recorded.
    pub records: Vec<AuditRecord>,
    /// What it waits for now, where that is new.
    pub waits_for: Option<String>,
}

/// A plan, as `describe` and `GET /v1/rollouts/{plan_id}` show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DescribeView {
    /// Its id.
    pub plan_id: PlanId,
    /// Its phase.
    pub phase: PlanPhase,
    /// What an act may be bound to (`If-Match`): another one once the plan, a stage or a host changed its state.
    pub revision: String,
    /// What people call it.
    pub name: String,
    /// The ticket.
    pub ticket: String,
    /// The commit.
    #[serde(rename = "ref")]
    pub commit: String,
    /// The tag that stood for it when the plan was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// The plan's digest.
    pub digest: String,
    /// The one host on which the ticket's scripts run; none: they run on each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket_host: Option<HostName>,
    /// What was taken back on its hosts and comes back with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reintroduce: Option<Reintroduce>,
    /// The stage it is in.
    pub current_stage_id: Option<StageId>,
    /// What it waits for: one of a few words.
    pub wait: Option<String>,
    /// The same, for a person.
    pub waits_for: Option<String>,
    /// Set when it is stuck.
    pub stuck: Option<StuckPlan>,
    /// What it did harm by.
    pub harm: Option<String>,
    /// The stage after which it pauses, while that is to come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<StageId>,
    /// The stage after which it paused, as it was told to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused_after: Option<StageId>,
    /// Who drives it; none: nobody.
    pub coordinator: Option<String>,
    /// Its stages.
    pub stages: Vec<StageView>,
    /// Its hosts.
    pub hosts: Vec<HostView>,
    /// Its last records.
    pub audit: Vec<AuditRecord>,
    /// The strategy that the facts speak for.
    pub advice: Option<Strategy>,
    /// Commands that make sense now.
    pub next: Vec<crate::model::view::NextCommand>,
}

/// A row of `plan list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlanRow {
    /// Its id.
    pub plan_id: PlanId,
    /// What people call it.
    pub name: String,
    /// The ticket.
    pub ticket: String,
    /// Its phase.
    pub phase: PlanPhase,
    /// The stage it is in.
    pub current_stage_id: Option<StageId>,
    /// Its hosts.
    pub hosts: usize,
    /// Those that are active.
    pub active: usize,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// A plan that does not get on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StuckPlan {
    /// Its id.
    pub plan_id: PlanId,
    /// Its phase.
    pub phase: PlanPhase,
    /// The stage it is in.
    pub current_stage_id: Option<StageId>,
    /// Since when.
    pub stuck_since: DateTime<Utc>,
    /// What it waits for.
    pub stuck_reason: String,
}

/// `stuck`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StuckView {
    /// Plans that do not get on.
    pub stuck_plans: Vec<StuckPlan>,
}

/// What an act did to a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RecoverView {
    /// The plan.
    pub plan_id: PlanId,
    /// The strategy, or the word of what was done.
    pub strategy: String,
    /// Its phase before.
    pub previous_phase: PlanPhase,
    /// Its phase now.
    pub new_phase: PlanPhase,
    /// The phase it is on its way to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub final_phase: Option<PlanPhase>,
    /// The stage that was skipped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skipped_stage_id: Option<StageId>,
    /// The stage that comes now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_stage_id: Option<StageId>,
    /// Hosts that go back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hosts_to_revert: Option<Vec<HostName>>,
    /// Why.
    pub reason: Option<String>,
    /// When.
    pub recovered_at: DateTime<Utc>,
}

/// A host in a preview.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PreviewHost {
    /// The host.
    pub host: HostName,
    /// What it would be told.
    pub wish: Wish,
}

/// The next commit of a plan, not made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PreviewView {
    /// The plan.
    pub plan_id: PlanId,
    /// The commit.
    #[serde(rename = "ref")]
    pub commit: String,
    /// The tag that stood for it when the plan was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// Its phase now.
    pub phase: PlanPhase,
    /// Its phase afterwards.
    pub next_phase: PlanPhase,
    /// Hosts that would be told something.
    pub hosts: Vec<PreviewHost>,
    /// What would be recorded.
    pub records: Vec<String>,
    /// What it would wait for, where nothing would change.
    pub waits_for: Option<String>,
}

/// A host that is taken out of every plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Exclusion {
    /// The host.
    pub host: HostName,
    /// Until when.
    pub until: DateTime<Utc>,
    /// Why.
    pub reason: String,
    /// Who said so.
    pub by: String,
}

/// The line, stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Line {
    /// Since when.
    pub since: DateTime<Utc>,
    /// Why.
    pub reason: String,
    /// Who stopped it.
    pub by: String,
}

/// A host of the inventory, as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HostListRow {
    /// Its name.
    pub host: HostName,
    /// `local`, or what `ssh` is given.
    pub reached: String,
    /// Its project folder.
    pub folder: String,
    /// Its labels.
    pub labels: std::collections::BTreeMap<String, String>,
    /// Its zone.
    pub zone: Option<String>,
    /// The plan that told it something last, unless it let it go.
    pub plan_id: Option<PlanId>,
    /// Set while it is taken out.
    pub excluded: Option<Exclusion>,
}
